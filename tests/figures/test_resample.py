"""Fields on grids, on slices and along streamlines."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up_scenes import BODY, HIGH, LOW, is_in_body, scattered

from mspt.figures.vtk.flow import slice_surface
from mspt.figures.vtk.resample import FlowGrid, SliceGrid, fit_values, flow_grid, slice_grid
from mspt.figures.vtk.streamlines import rake, streamlines, tubes

# Values on grids


@given(st.lists(st.floats(-3, 3), min_size=3, max_size=3), st.floats(-5, 5), st.integers(0, 1000))
def test_fit_reproduces_a_linear_field(slope: list[float], level: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = rng.random((400, 3))
    nodes = rng.uniform(0.3, 0.7, (20, 3))
    found = fit_values(points, (points @ np.array(slope) + level)[:, None], nodes)
    np.testing.assert_allclose(found[:, 0], nodes @ np.array(slope) + level, atol=1e-4)


def test_fit_stays_within_the_values_it_knows_however_points_lie() -> None:
    rng = np.random.default_rng(0)
    nodes = rng.uniform(-1, 2, (200, 3))
    plane = rng.random((100, 3)) * [1, 1, 0]
    clouds = {"plane": plane, "one place": np.zeros((30, 3)), "one point": plane[:1]}
    for points in clouds.values():
        values = rng.normal(size=(len(points), 2))
        found = fit_values(points, values, nodes)
        assert (found >= values.min(axis=0) - 1e-9).all()
        assert (found <= values.max(axis=0) + 1e-9).all()


def test_fit_has_no_seam_where_neighbors_change() -> None:
    rng = np.random.default_rng(0)
    points = rng.random((500, 3))
    nodes = np.linspace((0.2, 0.5, 0.5), (0.8, 0.5, 0.5), 4001)
    found = fit_values(points, rng.normal(size=(500, 1)), nodes)[:, 0]
    assert np.abs(np.diff(found)).max() < 0.01


def test_slice_is_blank_inside_the_body_and_exact_for_a_linear_field_outside() -> None:
    points = scattered()
    grid = slice_grid(BODY, points, points @ [1.0, 5.0, -2.0], shape=(60, 30))
    x, z = np.meshgrid(grid.x, grid.z)
    inside = is_in_body(np.stack([x, 0 * x, z], axis=-1))
    assert 0.05 < inside.mean() < 0.6
    np.testing.assert_array_equal(np.isnan(grid.values), inside)
    far = ~inside & (z < 0.55)
    np.testing.assert_allclose(grid.values[far], (x - 2 * z)[far], atol=0.02)
    assert grid.z[0] == 0
    assert grid.x[0] < LOW[0]
    assert grid.x[-1] > HIGH[0] + 0.5


def test_slice_of_vectors_keeps_all_their_parts() -> None:
    points = scattered()
    vectors = np.stack([points[:, 0], -points[:, 2], np.ones(len(points))], axis=1)
    grid = slice_grid(BODY, points, vectors, shape=(20, 10))
    for part in range(3):
        alone = slice_grid(BODY, points, vectors[:, part], shape=(20, 10))
        np.testing.assert_allclose(grid.values[..., part], alone.values, atol=1e-9)


def test_flow_stands_still_inside_the_body_and_is_linear_outside_as_it_was_given() -> None:
    points = scattered(4000)
    matrix = np.array([[1.0, 0.2, 0.0], [0.0, -0.5, 0.1], [0.3, 0.0, -0.5]])
    grid = flow_grid(BODY, points, points @ matrix + [1, 0, 0], shape=(24, 12, 10))
    z, y, x = np.meshgrid(grid.z, grid.y, grid.x, indexing="ij")
    nodes = np.stack([x, y, z], axis=-1)
    np.testing.assert_array_equal(grid.inside, is_in_body(nodes))
    assert grid.inside.any()
    assert (grid.velocity[grid.inside] == 0).all()
    far = ~grid.inside & (z < 0.55) & (np.abs(y) < 0.3)
    expected = nodes @ matrix + [1, 0, 0]
    np.testing.assert_allclose(grid.velocity[far], expected[far], atol=0.03)
    assert grid.y[0] == -grid.y[-1]


def test_slice_surface_covers_all_that_is_known_and_little_else() -> None:
    values = np.add.outer(np.arange(6.0), 10 * np.arange(8.0))
    values[2:5, 3:7] = np.nan
    x, z = np.linspace(0, 0.7, 8), np.linspace(0, 0.5, 6)
    surface = slice_surface(SliceGrid(x=x, z=z, values=values), name="u")
    column, row = (surface.points[:, [0, 2]] * 10).round().astype(int).T
    assert (surface.points[:, 1] == 0).all()
    known = np.isfinite(values[row, column])
    np.testing.assert_array_equal(surface["u"][known], values[row, column][known])
    assert np.isfinite(surface["u"]).all()
    squares = surface.regular_faces
    assert set(np.flatnonzero(known)) <= set(squares.ravel())
    assert known[squares].any(axis=1).all()
    assert surface.area == pytest.approx(0.7 * 0.5 - 0.3 * 0.2)


# Streamlines


def regular(velocity: object) -> FlowGrid:
    """A grid whose velocity is a function of places."""
    x, y, z = np.linspace(-1, 1, 41), np.linspace(-1, 1, 41), np.linspace(0, 1, 11)
    up, side, along = np.meshgrid(z, y, x, indexing="ij")
    found = velocity(np.stack([along, side, up], axis=-1))
    inside = np.zeros(found.shape[:3], dtype=bool)
    return FlowGrid(x=x, y=y, z=z, velocity=found, inside=inside)


def test_streamlines_of_a_uniform_flow_are_straight_and_reach_the_end() -> None:
    grid = regular(lambda at: np.full(at.shape, (1.5, 0.0, 0.0)))
    seeds = np.array([[-0.95, 0.2, 0.5], [-0.95, -0.4, 0.3]])
    lines = streamlines(grid, seeds, name="speed")
    assert lines.n_lines == 2
    np.testing.assert_allclose(lines["speed"], 1.5, rtol=1e-6)
    for line, seed in zip(lines.cell, seeds, strict=True):
        np.testing.assert_allclose(line.points[:, 1:], np.tile(seed[1:], (line.n_points, 1)))
        assert line.points[:, 0].max() > 0.9


def test_streamlines_of_a_rotation_are_circles() -> None:
    grid = regular(lambda at: np.stack([-at[..., 1], at[..., 0], 0 * at[..., 2]], axis=-1))
    lines = streamlines(grid, np.array([[0.6, 0.0, 0.5]]), name="speed")
    np.testing.assert_allclose(np.hypot(*lines.points[:, :2].T), 0.6, rtol=1e-3)
    np.testing.assert_allclose(lines["speed"], 0.6, rtol=1e-3)
    assert lines.points[:, 0].min() < -0.59


def test_streamlines_do_not_pass_through_a_body() -> None:
    points = scattered(4000)
    uniform = np.tile([1.0, 0.0, 0.0], (len(points), 1))
    grid = flow_grid(BODY, points, uniform)
    lines = streamlines(grid, rake(BODY), name="speed")
    deep = ((lines.points > LOW + 0.05) & (lines.points < HIGH - 0.05)).all(axis=1)
    assert not deep.any()
    assert lines.points[:, 0].max() > 1.5, "those above the body pass it"


def test_rake_is_before_the_nose_above_the_ground_and_covers_the_body() -> None:
    seeds = rake(BODY)
    assert (seeds[:, 0] < LOW[0] - 0.1).all()
    assert (seeds[:, 2] > 0).all()
    assert seeds[:, 2].max() > HIGH[2]
    np.testing.assert_allclose(np.sort(seeds[:, 1]), np.sort(-seeds[:, 1]), atol=1e-12)
    assert np.abs(seeds[:, 1]).max() > 0.8 * HIGH[1]


def test_tubes_lie_round_their_lines_and_carry_their_values() -> None:
    grid = regular(lambda at: np.full(at.shape, (1.0, 0.0, 0.0)))
    lines = streamlines(grid, np.array([[-0.9, 0.0, 0.5]]), name="speed")
    around = tubes(lines, radius=0.02)
    away = np.hypot(around.points[:, 1], around.points[:, 2] - 0.5)
    np.testing.assert_allclose(away, 0.02, rtol=1e-3)
    np.testing.assert_allclose(around["speed"], 1.0, rtol=1e-6)
