import numpy as np

from mspt.data.sets.car.dataset import CAR
from mspt.figures.scenes.surface import surface_comparison
from mspt.geometry.mesh import box

MESH = box((0, 0, 0), (1, 2, 1))
TRUTH = np.linspace(-1.0, 1.0, len(MESH.triangles))


def test_truth_and_prediction_share_limits_and_the_error_is_their_difference() -> None:
    scene = surface_comparison(MESH, TRUTH, TRUTH + 0.25, quantity=CAR.fields[0])
    truth, prediction, error = (panel.coloring for panel in scene.panels)
    assert truth.limits == prediction.limits
    np.testing.assert_allclose(error.values, 0.25)
    assert error.limits[0] == -error.limits[1]


def test_each_triangle_keeps_its_place_and_its_one_value() -> None:
    scene = surface_comparison(MESH, TRUTH, 0 * TRUTH, quantity=CAR.fields[0])
    np.testing.assert_allclose(scene.points[scene.triangles], MESH.corners)
    values = scene.panels[0].coloring.values[scene.triangles]
    np.testing.assert_allclose(values, np.repeat(TRUTH[:, None], 3, axis=1))
