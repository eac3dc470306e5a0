import json

import numpy as np
import pytest

from mspt.data.registry import get_dataset
from mspt.inference.drawings import RANDOM, drawing_file, grid_shape, preset_drawing
from mspt.solvers.elasticity import radii_from_polygon, sample_hole

DARCY, ELASTICITY = get_dataset("darcy"), get_dataset("elasticity")
ANGLES = np.linspace(0, 2 * np.pi, 60, endpoint=False)
CIRCLE = (0.5 + 0.3 * np.array([np.cos(ANGLES), np.sin(ANGLES)])).T.tolist()


@pytest.mark.parametrize("preset", ELASTICITY.drawing.examples)
def test_preset_holes_lie_inside_what_the_solver_takes(preset: str) -> None:
    radii = radii_from_polygon(np.array(preset_drawing(ELASTICITY, preset, seed=3)))
    low, high = ELASTICITY.drawing.radii
    assert low < radii.min() < radii.max() < high


@pytest.mark.parametrize("preset", DARCY.drawing.examples)
def test_preset_maps_hold_both_levels(preset: str) -> None:
    assert 0.05 < np.mean(preset_drawing(DARCY, preset, seed=3)) < 0.95


def test_ellipse_has_its_half_axes_and_star_five_points_with_one_upward() -> None:
    offset = np.array(preset_drawing(ELASTICITY, "Ellipse", seed=0)) - 0.5
    assert np.abs(offset).max(axis=0) == pytest.approx([0.38, 0.24], abs=1e-3)
    offset = np.array(preset_drawing(ELASTICITY, "Star", seed=0)) - 0.5
    radius = np.linalg.norm(offset, axis=1)
    peaks = (radius > np.roll(radius, 1)) & (radius >= np.roll(radius, -1))
    assert peaks.sum() == 5
    assert radius[offset[:, 1].argmax()] == pytest.approx(0.37, abs=2e-3)


def test_random_drawing_is_that_of_its_seed() -> None:
    polygon = np.array(preset_drawing(ELASTICITY, RANDOM, seed=5))
    np.testing.assert_allclose(np.linalg.norm(polygon - 0.5, axis=1), sample_hole(5), atol=2e-5)
    assert preset_drawing(DARCY, RANDOM, seed=5) != preset_drawing(DARCY, RANDOM, seed=6)


def test_file_of_a_hole_holds_its_corners() -> None:
    assert json.loads(drawing_file(ELASTICITY, CIRCLE)) == {
        "dataset": "elasticity",
        "polygon": CIRCLE,
    }


def test_file_of_a_map_holds_the_permeability_row_by_row() -> None:
    levels = [int(value) for value in np.arange(85 * 85) % 7 == 0]
    written = json.loads(drawing_file(DARCY, levels))
    low, high = DARCY.features[0].levels
    expected = np.where(np.array(levels).reshape(85, 85) == 1, high, low)
    np.testing.assert_array_equal(written["permeability"], expected)


def test_only_a_grid_can_be_painted() -> None:
    assert grid_shape(DARCY) == (85, 85)
    with pytest.raises(ValueError, match="dataset must lie on a grid to be painted, got 'elas"):
        grid_shape(ELASTICITY)
