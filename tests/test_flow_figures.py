"""Scenes of VTK and figures of designs as data; none is compared as pixels."""

import tomllib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import pyvista as pv
from hypothesis import given
from hypothesis import strategies as st

from mspt.data.case import Quantity
from mspt.figures.designs import drag_scatter, order_figure
from mspt.figures.flow import flow_plotter, slice_surface, surface_plotter
from mspt.figures.headless import choose_window
from mspt.figures.resample import FlowGrid, SliceGrid, fit_values, flow_grid, slice_grid
from mspt.figures.scene import color_table, polygons, thin_mesh
from mspt.figures.streamlines import rake, streamlines, tubes
from mspt.figures.theme import error_scale, shared_limits
from mspt.geometry.mesh import SurfaceMesh, box

C_P = Quantity(name="C_p", symbol="C_p", unit="1", description="")
LOW, HIGH = np.array([0.0, -0.2, 0.05]), np.array([1.0, 0.2, 0.35])
BODY = box(tuple(LOW), tuple(HIGH))
VALUES = np.linspace(-1.0, 0.5, len(BODY.triangles))


def scattered(count: int = 3000, *, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    points = rng.uniform((-0.6, -0.6, -0.1), (2.2, 0.6, 0.9), (count, 3))
    return points[~is_in_body(points)]


def is_in_body(points: np.ndarray) -> np.ndarray:
    return ((points > LOW) & (points < HIGH)).all(axis=-1)


def ball(level: int = 3) -> SurfaceMesh:
    sphere = pv.Icosphere(radius=0.5, nsub=level)
    return SurfaceMesh(sphere.points.astype(float), sphere.regular_faces.astype(np.int64))


@pytest.fixture
def scenes() -> Iterator[list[pv.Plotter]]:
    """Plotters to close."""
    opened: list[pv.Plotter] = []
    yield opened
    for plotter in opened:
        plotter.close()


def colored(plotter: pv.Plotter) -> pv.Actor:
    """The actor that a bar explains."""
    (bar,) = plotter.scalar_bars.values()
    (actor,) = [
        actor
        for actor in plotter.actors.values()
        if isinstance(actor, pv.Actor) and actor.mapper.lookup_table == bar.GetLookupTable()
    ]
    return actor


# Surfaces


def test_body_carries_the_values_and_limits_it_was_given(scenes: list[pv.Plotter]) -> None:
    plotter = surface_plotter(BODY, VALUES, quantity=C_P, limits=(-2.0, 1.0), dark=False)
    scenes.append(plotter)
    mapper = colored(plotter).mapper
    np.testing.assert_array_equal(mapper.dataset.cell_data["C_p"], VALUES.astype(np.float32))
    np.testing.assert_allclose(mapper.dataset.points, BODY.vertices, atol=1e-7)
    assert mapper.scalar_range == (-2.0, 1.0)
    assert tuple(mapper.lookup_table.scalar_range) == (-2.0, 1.0)
    assert list(plotter.scalar_bars.keys()) == ["C_p (dimensionless)"]


def test_limits_left_open_are_the_shared_ones(scenes: list[pv.Plotter]) -> None:
    scenes.append(surface_plotter(BODY, VALUES, quantity=C_P, dark=False))
    assert colored(scenes[0]).mapper.scalar_range == shared_limits(VALUES)


@pytest.mark.parametrize("dark", [False, True])
def test_no_error_is_pale_on_every_page_and_zero_is_in_the_middle(
    scenes: list[pv.Plotter], *, dark: bool
) -> None:
    scenes.append(surface_plotter(BODY, VALUES, quantity=C_P, diverging=True, dark=dark))
    mapper = colored(scenes[0]).mapper
    low, high = mapper.scalar_range
    assert low == -high < 0
    pale = pv.Color(error_scale(dark=False)[4][1]).float_rgb
    np.testing.assert_allclose(mapper.lookup_table.map_value(0.0)[:3], pale, atol=0.01)
    assert list(scenes[0].scalar_bars.keys()) == ["error of C_p (dimensionless)"]


def test_body_without_values_has_one_color_and_no_bar(scenes: list[pv.Plotter]) -> None:
    scenes.append(surface_plotter(BODY, None, quantity=None, edges=True, dark=False))
    (actor,) = scenes[0].actors.values()
    assert not actor.mapper.scalar_visibility
    assert actor.prop.show_edges
    assert not scenes[0].scalar_bars


def test_values_of_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="quantity must say what the values are, got None"):
        surface_plotter(BODY, VALUES, quantity=None, dark=False)


@pytest.mark.parametrize("dark", [False, True])
def test_background_is_the_page_s(scenes: list[pv.Plotter], *, dark: bool) -> None:
    text = (Path(__file__).parents[1] / ".streamlit/config.toml").read_text(encoding="utf-8")
    page = tomllib.loads(text)["theme"]["dark" if dark else "light"]["backgroundColor"]
    scenes.append(surface_plotter(BODY, None, quantity=None, ground=0.0, dark=dark))
    assert scenes[0].background_color == pv.Color(page)


@pytest.mark.parametrize("scale", [1.0, 4500.0])
def test_camera_sees_the_whole_body_from_its_front_its_left_and_above(
    scenes: list[pv.Plotter], scale: float
) -> None:
    mesh = SurfaceMesh(BODY.vertices * scale, BODY.triangles)
    scenes.append(surface_plotter(mesh, None, quantity=None, dark=False, height=480))
    camera = scenes[0].camera
    away = np.subtract(camera.position, camera.focal_point)
    assert away[0] < 0
    assert away[1] < 0
    assert away[2] > 0
    np.testing.assert_allclose(camera.focal_point, mesh.bounds.mean(axis=0), atol=1e-6 * scale)
    ray = mesh.vertices - camera.position
    ahead = ray @ (-away / np.linalg.norm(away))
    up = np.array([0, 0, 1]) - away * away[2] / (away @ away)
    height = ray @ (up / np.linalg.norm(up)) / ahead
    assert (np.abs(height) < np.tan(np.radians(camera.view_angle / 2))).all()


def test_ground_lies_below_the_body_and_the_arrow_points_along_the_flow(
    scenes: list[pv.Plotter],
) -> None:
    scenes.append(surface_plotter(BODY, None, quantity=None, ground=0.0, dark=False))
    meshes = [actor.mapper.dataset for actor in scenes[0].actors.values()]
    flat = [mesh for mesh in meshes if np.ptp(mesh.points[:, 2]) == 0]
    assert len(flat) == 2
    assert all(-0.01 < mesh.points[0, 2] < 0 for mesh in flat)
    (arrow,) = [
        mesh for mesh in meshes if mesh.points[:, 0].max() < 0 and np.ptp(mesh.points[:, 2]) > 0
    ]
    wide = arrow.points[np.abs(arrow.points[:, 2] - arrow.center[2]).argmax()]
    assert wide[0] > arrow.center[0], "the tip is behind the shaft, downstream"


def test_shape_that_is_not_placed_stands_alone(scenes: list[pv.Plotter]) -> None:
    scenes.append(surface_plotter(BODY, None, quantity=None, dark=False))
    assert len(scenes[0].actors) == 1


# Meshes to look at


def test_mesh_of_few_triangles_is_shown_as_it_is() -> None:
    mesh = ball()
    values = mesh.centers[:, 0]
    assert thin_mesh(mesh, values, most=len(mesh.triangles)) == (mesh, values)


def test_thinned_mesh_keeps_its_shape_and_values_near_their_place() -> None:
    mesh = ball(5)
    thin, values = thin_mesh(mesh, mesh.centers[:, 0], most=2000)
    assert 600 < len(thin.triangles) <= 2000
    assert np.abs(np.linalg.norm(thin.vertices, axis=1) - 0.5).max() < 0.02
    assert thin.volume == pytest.approx(mesh.volume, rel=0.02)
    assert np.abs(values - thin.centers[:, 0]).max() < 0.03
    assert np.isin(values, mesh.centers[:, 0]).all()


def test_thinned_mesh_without_values_has_none() -> None:
    assert thin_mesh(ball(4), None, most=500)[1] is None


def test_color_table_goes_from_one_end_of_its_scale_to_the_other() -> None:
    table = color_table([[0.0, "#000000"], [0.5, "#ff0000"], [1.0, "#ffffff"]], (0.0, 2.0))
    assert table.values.shape == (256, 4)
    np.testing.assert_array_equal(table.values[[0, -1]], [[0, 0, 0, 255], [255, 255, 255, 255]])
    assert np.abs(table.values[128].astype(int) - [255, 1, 1, 255]).max() <= 2
    assert tuple(table.scalar_range) == (0.0, 2.0)


@given(
    st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=60),
    st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=60),
    st.booleans(),
)
def test_limits_hold_almost_all_values_of_all_fields(
    first: list[float],
    second: list[float],
    centered: bool,  # noqa: FBT001 - drawn
) -> None:
    fields = np.array(first), np.array(second)
    low, high = shared_limits(*fields, centered=centered)
    both = np.concatenate(fields)
    inside = (both >= low - 1e-9) & (both <= high + 1e-9)
    assert low < high
    assert inside.sum() >= len(both) - 2 * np.ceil(0.01 * len(both))
    if centered:
        assert low == -high


def test_limits_are_round_and_not_far_beyond_the_values() -> None:
    values = np.random.default_rng(0).normal(0, 0.137, 10_000)
    low, high = shared_limits(values)
    ends = np.quantile(values, (0.01, 0.99))
    assert low == round(low, 2)
    assert high == round(high, 2)
    assert ends[0] - 0.01 <= low <= ends[0]
    assert ends[1] <= high <= ends[1] + 0.01


def test_limits_forget_what_is_not_a_number() -> None:
    values = np.array([0.0, np.nan, np.inf, 1.0])
    assert shared_limits(values) == shared_limits(np.array([0.0, 1.0]))
    assert shared_limits(np.array([np.nan])) == (-0.5, 0.5)
    assert shared_limits(np.full(5, 2.0)) == (1.5, 2.5)


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


# The flow around a body

POINTS = scattered(2500)
VELOCITY = np.stack([1 + 0.2 * POINTS[:, 2], 0.1 * POINTS[:, 1], 0 * POINTS[:, 0]], axis=1)
PRESSURE = 0.5 - POINTS[:, 0]


@pytest.mark.parametrize("by", ["speed", "C_p"])
def test_slice_shows_the_values_of_its_plane_unlit(scenes: list[pv.Plotter], by: str) -> None:
    plotter = flow_plotter(BODY, POINTS, VELOCITY, PRESSURE, layer="slice", by=by, dark=False)
    scenes.append(plotter)
    actor = colored(plotter)
    surface = actor.mapper.dataset
    near = ~is_in_body(surface.points) & (surface.points[:, 2] < 0.5)
    x, z = surface.points[near][:, 0], surface.points[near][:, 2]
    expected = 1 + 0.2 * z if by == "speed" else 0.5 - x
    np.testing.assert_allclose(surface[by][near], expected, atol=0.02)
    assert not actor.prop.lighting
    values = np.linalg.norm(VELOCITY, axis=1) if by == "speed" else PRESSURE
    assert actor.mapper.scalar_range == shared_limits(values)


def test_streamlines_show_the_speed_between_the_limits_given(scenes: list[pv.Plotter]) -> None:
    plotter = flow_plotter(
        BODY, POINTS, VELOCITY, PRESSURE, layer="streamlines", limits=(0.0, 1.5), dark=True
    )
    scenes.append(plotter)
    actor = colored(plotter)
    assert actor.mapper.scalar_range == (0.0, 1.5)
    assert actor.mapper.dataset["speed"].max() == pytest.approx(1.1, abs=0.1)
    assert actor.prop.lighting
    assert list(plotter.scalar_bars.keys()) == ["speed (U_inf)"]


def test_error_of_the_pressure_has_the_scale_of_errors(scenes: list[pv.Plotter]) -> None:
    scenes.append(
        flow_plotter(
            BODY, POINTS, VELOCITY, PRESSURE, layer="slice", by="C_p", diverging=True, dark=False
        )
    )
    low, high = colored(scenes[0]).mapper.scalar_range
    assert low == -high
    assert list(scenes[0].scalar_bars.keys()) == ["error of C_p (dimensionless)"]


# Machines without a screen


@pytest.mark.parametrize(
    ("platform", "environment", "chosen"),
    [
        ("linux", {}, "vtkOSOpenGLRenderWindow"),
        ("linux", {"DISPLAY": ""}, "vtkOSOpenGLRenderWindow"),
        ("linux", {"DISPLAY": ":0"}, None),
        ("linux", {"VTK_DEFAULT_OPENGL_WINDOW": "vtkEGLRenderWindow"}, "vtkEGLRenderWindow"),
        ("darwin", {}, None),
        ("win32", {}, None),
    ],
)
def test_window_is_chosen_only_where_there_is_no_screen(
    platform: str, environment: dict[str, str], chosen: str | None
) -> None:
    choose_window(environment, platform=platform)
    assert environment.get("VTK_DEFAULT_OPENGL_WINDOW") == chosen


# Designs

FAMILY = ("van", "block", "wing", "pickup", "cylinder")
NAMES = tuple(f"car-{index:04d}" for index in range(len(FAMILY)))
TRUE = np.array([0.30, 0.25, 0.10, 0.40, 0.50])
PREDICTED = TRUE + np.array([0.010, -0.004, 0.0, 0.02, -0.05])


def designs(figure: object) -> dict[int, tuple[float, float, object]]:
    """Place and trace of each design that can be hovered."""
    return {
        about[-1]: (trace.x[row], trace.y[row], trace)
        for trace in figure.data
        if trace.customdata is not None
        for row, about in enumerate(trace.customdata)
    }


@pytest.mark.parametrize("dark", [False, True])
def test_every_design_is_one_point_at_its_coefficients(*, dark: bool) -> None:
    figure = drag_scatter(PREDICTED, TRUE, NAMES, FAMILY, highlighted=None, dark=dark)
    found = designs(figure)
    assert sorted(found) == list(range(5))
    for index, (x, y, trace) in found.items():
        assert (x, y) == (TRUE[index], PREDICTED[index])
        about = next(about for about in trace.customdata if about[-1] == index)
        assert tuple(about[:2]) == (NAMES[index], FAMILY[index])


def test_hovering_says_how_many_counts_a_design_is_off() -> None:
    figure = drag_scatter(PREDICTED, TRUE, NAMES, FAMILY, highlighted=None, dark=False)
    assert designs(figure)[0][2].text == ("+100",)
    assert designs(figure)[4][2].text == ("−500",)


def test_groups_have_colors_and_unseen_families_another_marker() -> None:
    figure = drag_scatter(PREDICTED, TRUE, NAMES, FAMILY, highlighted=None, dark=False)
    traces = {FAMILY[index]: trace for index, (_, _, trace) in designs(figure).items()}
    assert traces["van"].marker.color == traces["pickup"].marker.color
    assert traces["wing"].marker.color == traces["cylinder"].marker.color
    assert len({traces[name].marker.color for name in ("van", "block", "wing")}) == 3
    unseen = {name for name, trace in traces.items() if trace.marker.symbol == "diamond-open"}
    assert unseen == {"pickup", "cylinder"}
    legend = [trace.name for trace in figure.data if trace.showlegend is not False]
    assert legend == ["cars", "blocks", "generic bodies", "unseen family"]


def test_diagonal_joins_equal_values_and_both_axes_show_all() -> None:
    figure = drag_scatter(
        PREDICTED, TRUE, NAMES, FAMILY, highlighted=None, dark=False, quantity="C_L"
    )
    diagonal = figure.data[0]
    assert list(diagonal.x) == list(diagonal.y)
    low, high = figure.layout.xaxis.range
    assert figure.layout.yaxis.range == (low, high)
    assert low < min(TRUE.min(), PREDICTED.min())
    assert high > max(TRUE.max(), PREDICTED.max())
    assert figure.layout.xaxis.title.text == "C<sub>L</sub>, solver"


def test_the_design_on_the_page_has_a_ring() -> None:
    figure = drag_scatter(PREDICTED, TRUE, NAMES, FAMILY, highlighted=3, dark=False)
    ring = figure.data[-1]
    assert (ring.x[0], ring.y[0]) == (TRUE[3], PREDICTED[3])
    assert ring.hoverinfo == "skip"


def test_order_is_drawn_against_counts_and_leaves_out_what_has_no_pairs() -> None:
    gaps, shares = np.array([0.0, 0.005, 0.3]), np.array([0.9, 0.95, np.nan])
    figure = order_figure(gaps, shares, np.array([10, 4, 0]), dark=False)
    (line,) = figure.data
    np.testing.assert_allclose(line.x, [0, 50])
    assert list(line.y) == [0.9, 0.95]
    assert list(line.customdata) == [10, 4]
    assert figure.layout.yaxis.range[0] < 0.5


def test_order_worse_than_a_coin_stays_in_the_picture() -> None:
    figure = order_figure(np.array([0.0]), np.array([0.1]), np.array([10]), dark=True)
    assert figure.layout.yaxis.range[0] < 0.1


def test_polygons_are_in_single_precision() -> None:
    assert polygons(BODY.vertices, BODY.triangles).points.dtype == np.float32
