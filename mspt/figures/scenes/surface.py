"""Truth, prediction and error on the triangles of a body, as linked panels of the viewer.

Letters: T triangles.
"""

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mspt.data.case import Quantity
from mspt.figures.theme import shared_limits
from mspt.figures.viewer.scene import Field, Panel, Scene
from mspt.geometry.mesh import SurfaceMesh


def surface_comparison(
    mesh: SurfaceMesh,
    truth: Float[ndarray, " T"],
    prediction: Float[ndarray, " T"],
    *,
    quantity: Quantity,
) -> Scene:
    """Return three linked panels; truth and prediction share their limits.

    Triangles do not share corners, so that each has one color and values are not interpolated.

    Args:
        mesh: The body.
        truth: Value of the solver on each triangle.
        prediction: Value of the model on each triangle.
        quantity: The quantity of these values.
    """
    limits, miss = shared_limits(truth, prediction), prediction - truth
    name, unit = quantity.name, quantity.unit
    true, predicted = (
        Field(name=name, unit=unit, values=np.repeat(values, 3), limits=limits)
        for values in (truth, prediction)
    )
    error = Field(
        name=f"error of {name}",
        unit=unit,
        values=np.repeat(miss, 3),
        limits=shared_limits(miss, centered=True),
        palette="error",
    )
    return Scene(
        points=mesh.corners.reshape(-1, 3),
        triangles=np.arange(3 * len(mesh.triangles)).reshape(-1, 3),
        panels=(
            Panel(title="Truth (solver)", coloring=true),
            Panel(title="Prediction (model)", coloring=predicted),
            Panel(title="Error (prediction − truth)", coloring=error),
        ),
    )
