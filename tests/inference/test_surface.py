"""The solver's pressure on a mesh, sizes in the wind tunnel, and the table of triangles."""

import numpy as np
import pytest
from made_up_flows import CENTER, sphere_flow, sphere_solution

from mspt.geometry.mesh import SurfaceMesh, box
from mspt.geometry.placement import Placement
from mspt.geometry.subdivide import refined
from mspt.inference.surface import placed_size, solved_pressure
from mspt.solvers.openfoam.case import Recipe

RADIUS = 0.3


def sphere() -> SurfaceMesh:
    """A cube with fine triangles, blown up to a sphere."""
    cube = refined(box((-1, -1, -1), (1, 1, 1)), max_edge=0.12).mesh
    vertices = cube.vertices / np.linalg.norm(cube.vertices, axis=1, keepdims=True)
    return SurfaceMesh(CENTER + RADIUS * vertices, cube.triangles)


def test_pressure_of_half_a_domain_covers_both_sides_of_the_body() -> None:
    mesh = sphere()
    flow = sphere_solution(mesh, Recipe())
    assert (flow.face_centers[:, 1] > 0).all()
    found = solved_pressure(mesh, sphere_flow(RADIUS), flow)
    # Potential flow: C_p = 1 - 9/4 sin^2 of the angle from the stream, the same on both sides.
    along = ((mesh.centers - CENTER) / np.linalg.norm(mesh.centers - CENTER, axis=1)[:, None])[:, 0]
    exact = 1 - 2.25 * (1 - along**2)
    np.testing.assert_allclose(found, exact, atol=0.12)
    assert np.abs(found - exact).mean() < 0.02


def test_pressure_is_clipped_as_in_the_training_data() -> None:
    mesh = sphere()
    flow = sphere_solution(mesh, Recipe())
    flow.face_pressure[:] = 100.0
    found = solved_pressure(mesh, sphere_flow(RADIUS), flow)
    assert found.max() < 100


@pytest.mark.parametrize(
    ("forward", "up", "expected"),
    [
        ("-x", "+z", (4.0, 2.0, 1.0)),
        ("+y", "+z", (2.0, 4.0, 1.0)),
        ("-z", "+y", (1.0, 4.0, 2.0)),
    ],
)
def test_sizes_follow_the_axes_and_the_unit(
    forward: str, up: str, expected: tuple[float, float, float]
) -> None:
    mesh = box((0, 0, 0), (4000, 2000, 1000))
    placement = Placement(forward=forward, up=up, unit="mm", length_m=4.0, clearance=0.1)
    assert placed_size(mesh, placement) == pytest.approx(expected)
