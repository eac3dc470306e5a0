"""Scenes of VTK as data; none is compared as pixels."""

import tomllib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import pyvista as pv
from hypothesis import given
from hypothesis import strategies as st
from made_up_scenes import BODY, is_in_body, scattered

from mspt.data.case import Quantity
from mspt.figures.theme import error_scale, shared_limits
from mspt.figures.vtk.flow import flow_plotter, surface_plotter
from mspt.figures.vtk.headless import choose_window
from mspt.figures.vtk.stage import color_table, polygons, thin_mesh
from mspt.geometry.mesh import SurfaceMesh

C_P = Quantity(name="C_p", symbol="C_p", unit="1", description="")
VALUES = np.linspace(-1.0, 0.5, len(BODY.triangles))


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
    with pytest.raises(ValueError, match="quantity must be given with values, got None"):
        surface_plotter(BODY, VALUES, quantity=None, dark=False)


@pytest.mark.parametrize("dark", [False, True])
def test_background_is_the_page_s(scenes: list[pv.Plotter], *, dark: bool) -> None:
    text = (Path(__file__).parents[2] / ".streamlit/config.toml").read_text(encoding="utf-8")
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
    for places in seen_at(scenes[0], mesh.vertices).T:  # the body fills the window, but not quite
        assert 0.85 < np.abs(places).max() < 1


def test_ground_lies_below_the_body_and_the_arrow_points_along_the_flow(
    scenes: list[pv.Plotter],
) -> None:
    scenes.append(surface_plotter(BODY, None, quantity=None, ground=0.0, dark=False))
    meshes = [actor.mapper.dataset for actor in scenes[0].actors.values()]
    flat = [mesh for mesh in meshes if np.ptp(mesh.points[:, 2]) == 0]
    assert len(flat) == 2
    assert all(-0.01 < mesh.points[0, 2] < 0 for mesh in flat)
    (arrow,) = [mesh for mesh in meshes if mesh.points[:, 2].min() > BODY.bounds[1, 2]]
    assert np.abs(seen_at(scenes[0], arrow.points)).max() < 1, "all of the arrow is in the window"
    wide = arrow.points[np.abs(arrow.points[:, 2] - arrow.center[2]).argmax()]
    assert wide[0] > arrow.center[0], "the tip is behind the shaft, downstream"


def seen_at(plotter: pv.Plotter, points: np.ndarray) -> np.ndarray:
    """Places of points in the window: 0 is its middle, and its borders are at 1 and -1."""
    camera, (width, height) = plotter.camera, plotter.window_size
    away = np.subtract(camera.position, camera.focal_point)
    toward = away / np.linalg.norm(away)
    right = np.cross(camera.up, toward) / np.linalg.norm(np.cross(camera.up, toward))
    ray = points - camera.position
    half = np.tan(np.radians(camera.view_angle / 2)) * (ray @ -toward)
    sides = (right * height / width, np.cross(toward, right))
    return np.stack([ray @ side / half for side in sides], axis=1)


def test_shape_that_is_not_placed_stands_alone(scenes: list[pv.Plotter]) -> None:
    scenes.append(surface_plotter(BODY, None, quantity=None, dark=False))
    (actor,) = scenes[0].actors.values()
    np.testing.assert_allclose(np.reshape(actor.bounds, (3, 2)).T, BODY.bounds, atol=1e-6)


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
    slack = 1e-6 * (high - low)
    inside = (both >= low - slack) & (both <= high + slack)
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


def test_polygons_are_in_single_precision() -> None:
    assert polygons(BODY.vertices, BODY.triangles).points.dtype == np.float32


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
