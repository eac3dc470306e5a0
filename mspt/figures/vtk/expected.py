"""The expected error of a prediction, and the gradient of its drag, as VTK scenes.

Letters: S triangles of the drawn surface.
"""

import numpy as np
import pyvista as pv
from jaxtyping import Float
from numpy import ndarray

from mspt.data.case import Quantity
from mspt.figures.charts.fields import label
from mspt.figures.theme import shared_limits
from mspt.figures.vtk.flow import surface_plotter
from mspt.figures.vtk.stage import add_colored, make_stage, polygons, thin_mesh
from mspt.geometry.mesh import SurfaceMesh
from mspt.inference.gradient import BUMP_HEIGHT, BUMP_RADIUS

EXPECTED_ERROR = Quantity(
    name="expected error of C_p",
    symbol="|ΔC_p|",
    unit="1",
    description="Expected error of C_p, from the disagreement of several models.",
)
DRAG_CHANGE = Quantity(
    name="change of C_D",
    symbol="ΔC_D",
    unit="counts",
    description=(
        f"Change of C_D, in counts of 0.0001, by a bump of radius {BUMP_RADIUS} and height "
        f"{BUMP_HEIGHT} body lengths."
    ),
)


def expected_error_plotter(
    mesh: SurfaceMesh, values: Float[ndarray, " S"], *, dark: bool, height: int
) -> pv.Plotter:
    """Return a scene with a body in the wind tunnel, colored by the expected error of C_p.

    Args:
        mesh: The body.
        values: Expected error of each triangle.
        dark: Whether the page is dark.
        height: Height in pixels.
    """
    return surface_plotter(
        mesh, values, quantity=EXPECTED_ERROR, ground=0.0, dark=dark, height=height
    )


def drag_change_plotter(
    mesh: SurfaceMesh, values: Float[ndarray, " S"], *, dark: bool, height: int
) -> pv.Plotter:
    """Return a scene with a body in the wind tunnel, colored by the change of its drag.

    Args:
        mesh: The body.
        values: Change of C_D by a bump at each triangle.
        dark: Whether the page is dark.
        height: Height in pixels.
    """
    shown, of_shown = thin_mesh(mesh, 1e4 * values)
    body = polygons(shown.vertices, shown.triangles)
    plotter = make_stage(mesh, ground=0.0, dark=dark, height=height)
    if of_shown is not None:
        body.cell_data[DRAG_CHANGE.name] = of_shown.astype(np.float32)
        add_colored(
            plotter,
            body,
            DRAG_CHANGE,
            limits=shared_limits(of_shown, centered=True),
            diverging=True,
            edges=False,
            dark=dark,
            title=label(DRAG_CHANGE),
        )
    return plotter
