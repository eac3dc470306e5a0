"""Pictures of one's own shape: how it is placed, what is marked on it, how its run has settled."""

from collections.abc import Iterator

import numpy as np
import pytest
import pyvista as pv
from made_up_shapes import body

from mspt.figures.charts.convergence import convergence_figure
from mspt.figures.charts.placements import placement_figure
from mspt.figures.vtk.expected import drag_change_plotter, expected_error_plotter
from mspt.figures.vtk.shape import mark_colors, marked_plotter
from mspt.geometry.marks import Marks, find_marks
from mspt.geometry.mesh import SurfaceMesh, box, joined
from mspt.geometry.placement import PlacedMesh, place_mesh
from mspt.geometry.preparation import PreparedShape, prepare_shape

# Placement


def words(figure: object) -> dict[str, object]:
    return {one.text: one for one in figure.layout.annotations if one.text}


@pytest.mark.parametrize("mesh", [body(), box((0, -6, 0), (10, 6, 80))], ids=["car", "tower"])
def test_picture_names_nose_length_and_both_directions_inside_its_frame(mesh: SurfaceMesh) -> None:
    shape = prepare_shape(mesh)
    placed = place_mesh(shape.body, shape.guess.best).mesh
    figure = placement_figure(placed, length="4.5 m", dark=False)
    found = words(figure)
    assert set(found) == {"nose", "4.5 m", "air", "up"}
    assert (found["nose"].x, found["nose"].y) == (0, pytest.approx(placed.bounds[1, 2]))
    low, high = figure.layout.yaxis.range
    assert low < 0 < placed.bounds[1, 2] < high
    assert figure.layout.height <= 150
    left, right = figure.layout.xaxis.range
    assert all(left <= one.x <= right and low <= one.y <= high for one in found.values())
    arrows = [one for one in figure.layout.annotations if one.showarrow]
    air, up = sorted(arrows, key=lambda one: one.x)
    assert air.ax < air.x < 0  # toward the nose
    assert up.ay == 0 < up.y


def test_a_tall_body_is_drawn_as_high_as_it_is_long() -> None:
    """One scale for both axes: a tower must not look like a car."""
    figure = placement_figure(box((0, -0.5, 0), (1, 0.5, 8)), dark=True)
    assert figure.layout.yaxis.scaleanchor == "x"
    assert figure.layout.height == 150


# Marks


@pytest.fixture
def opened() -> PreparedShape:
    whole = body()
    holes = SurfaceMesh(whole.vertices, np.delete(whole.triangles, [7], axis=0))
    return prepare_shape(joined(holes, box((0.4, -0.3, 0.4), (1.0, 0.3, 0.7))))


@pytest.fixture
def plotters() -> Iterator[list[pv.Plotter]]:
    made: list[pv.Plotter] = []
    yield made
    for one in made:
        one.close()


def drawn(plotter: pv.Plotter) -> dict[str, pv.DataSet]:
    """Surfaces of a scene by the color they have."""
    actors = [one for one in plotter.actors.values() if isinstance(one, pv.Actor)]
    return {one.prop.color.hex_rgb: one.mapper.dataset for one in actors}


@pytest.mark.parametrize("dark", [False, True])
def test_marks_are_drawn_where_they_are_and_in_their_colors(
    opened: PreparedShape, plotters: list[pv.Plotter], *, dark: bool
) -> None:
    placed = place_mesh(opened.body, opened.guess.best)
    marks = find_marks(opened)
    plotters.append(marked_plotter(placed, marks, dark=dark, height=200))
    found, colors = drawn(plotters[0]), mark_colors(dark=dark)
    assert len(set(colors.values())) == 3
    edges, added, inner = (found[colors[kind]] for kind in ("open", "added", "left out"))
    corners = placed.to_tunnel(body().corners[7])
    for surface, points, reach in ((added, corners, 0.002), (edges, corners, 0.005)):
        low, high = np.reshape(surface.bounds, (3, 2)).T
        np.testing.assert_allclose(low, points.min(axis=0), atol=reach)
        np.testing.assert_allclose(high, points.max(axis=0), atol=reach)
    assert placed.mesh.bounds[0, 0] < inner.bounds.x_min < inner.bounds.x_max < 1
    assert inner.area == pytest.approx(1.44 * placed.scale**2, rel=1e-4)
    assert added.area == pytest.approx(body().areas[7] * placed.scale**2, rel=1e-4)


def test_very_many_edges_are_plain_lines(
    plotters: list[pv.Plotter], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mspt.figures.vtk.shape.MAX_TUBES", 2)
    mesh = box((0, -0.2, 0.1), (1, 0.2, 0.4))
    edges = mesh.corners[:, :2]
    marks = Marks(open_edges=edges, crowded_edges=edges[:0], added=None, left_out=None)
    placed = PlacedMesh(mesh, np.eye(3), np.zeros(3), 1.0)
    plotters.append(marked_plotter(placed, marks, dark=False, height=200))
    lines = drawn(plotters[0])[mark_colors(dark=False)["open"]]
    assert (lines.n_lines, lines.n_verts) == (len(edges), 0)


# How a run has settled


@pytest.mark.parametrize("dark", [False, True])
def test_axes_of_a_run_hold_all_that_a_person_must_see(*, dark: bool) -> None:
    steps = np.arange(1, 241)
    residuals = np.geomspace((1.0, 0.3), (2e-3, 4e-5), 240)
    drag = 0.4 + 0.02 * np.sin(steps / 5) + 5 * np.exp(-steps / 10)
    figure = convergence_figure(residuals, drag, limits=(1e-4, 1e-5), averaged_from=161, dark=dark)
    low, high = 10.0 ** np.array(figure.layout.yaxis.range)
    assert figure.layout.yaxis.type == "log"
    assert low < 1e-5 < 1.0 < high < 10
    low, high = figure.layout.yaxis2.range
    assert low < drag[160:].min() < drag[160:].max() < high < 1  # not the start, five times as high
    for trace, values in zip(figure.data, [*residuals.T, drag], strict=True):
        np.testing.assert_array_equal(trace.x, steps)
        np.testing.assert_array_equal(trace.y, values)
    limits = sorted(shape.y0 for shape in figure.layout.shapes if shape.type == "line")
    assert limits == [1e-5, 1e-4]
    (shade,) = [shape for shape in figure.layout.shapes if shape.type == "rect"]
    assert (shade.x0, shade.x1) == (161, 240)


def test_a_run_without_residuals_still_shows_its_drag() -> None:
    figure = convergence_figure(
        np.zeros((0, 2)), np.full(30, 0.3), limits=(1e-4, 1e-5), averaged_from=21, dark=False
    )
    low, high = figure.layout.yaxis2.range
    assert low < 0.3 < high
    assert np.isfinite(figure.layout.yaxis.range).all()


def test_a_residual_of_zero_is_a_gap() -> None:
    residuals = np.array([[0.1, 0.1], [0.0, 0.01], [0.001, 0.001]])
    figure = convergence_figure(
        residuals, np.ones(3), limits=(1e-4, 1e-5), averaged_from=2, dark=False
    )
    assert np.isnan(figure.data[0].y[1])
    assert np.isfinite(figure.layout.yaxis.range).all()


def test_change_of_drag_is_signed_and_named_and_no_error() -> None:
    mesh, values = box((0, -0.2, 0.1), (1, 0.2, 0.4)), np.linspace(-1e-3, 3e-3, 12)
    for plotter, title, low in (
        (drag_change_plotter(mesh, values, dark=False, height=100), "change of C_D (counts)", True),
        (
            expected_error_plotter(mesh, np.abs(values), dark=True, height=100),
            "expected error of C_p (dimensionless)",
            False,
        ),
    ):
        (bar,) = plotter.scalar_bars.values()
        assert list(plotter.scalar_bars.keys()) == [title]
        first, last = bar.GetLookupTable().GetTableRange()
        assert (first == -last) == low
        plotter.close()
    assert drag_change_plotter(mesh, values, dark=False, height=100).mesh[
        "change of C_D"
    ].max() == pytest.approx(30)
