"""Truth, prediction and error on the triangles of a body, as linked panels of the viewer.

Letters: T triangles.
"""

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mspt.data.case import Quantity
from mspt.figures.scene import shared_limits
from mspt.figures.viewer import Field, Panel, Scene
from mspt.geometry.mesh import SurfaceMesh


def surface_comparison(
    mesh: SurfaceMesh,
    truth: Float[ndarray, " T"],
    prediction: Float[ndarray, " T"],
    *,
    quantity: Quantity,
) -> Scene:
    """Return three linked panels; truth and prediction share their limits.

    Each triangle keeps its one value: corners are not shared, so that nothing is smoothed.
    """
    limits, miss = shared_limits(truth, prediction), prediction - truth
    shared = {"name": quantity.name, "unit": quantity.unit}
    colorings = {
        "Truth (solver)": Field(**shared, values=np.repeat(truth, 3), limits=limits),
        "Prediction (model)": Field(**shared, values=np.repeat(prediction, 3), limits=limits),
        "Error (prediction − truth)": Field(
            name=f"error of {quantity.name}",
            unit=quantity.unit,
            values=np.repeat(miss, 3),
            limits=shared_limits(miss, centered=True),
            palette="error",
        ),
    }
    return Scene(
        points=mesh.corners.reshape(-1, 3),
        triangles=np.arange(3 * len(mesh.triangles)).reshape(-1, 3),
        panels=tuple(Panel(title=title, coloring=one) for title, one in colorings.items()),
    )
