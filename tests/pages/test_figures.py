"""Figures as data: limits, scales, holes, exact values. None is compared as pixels."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.interpolate import LinearNDInterpolator

from mspt.data.case import Quantity
from mspt.data.grids import grid_triangles
from mspt.figures.charts.curves import error_histogram, learning_curve
from mspt.figures.charts.fields import comparison_figure, field_figure, points_figure, robust_limits
from mspt.figures.charts.patches import color_patches, patch_error_figure, patch_figure
from mspt.figures.charts.raster import grid_raster, sample_nearest, sample_raster, triangle_raster
from mspt.figures.theme import PAGE, PATCH_COLORS, error_scale, magnitude_scale

STRESS = Quantity(name="stress", symbol="s", unit="Pa", description="")
PERMEABILITY = Quantity(
    name="permeability", symbol="a", unit="1", description="", levels=(3.0, 12.0)
)


def ring(num_angles: int = 24, num_rings: int = 6) -> tuple[np.ndarray, np.ndarray]:
    """An annulus about the origin with radii from 1 to 2, triangulated."""
    angle = np.linspace(0, 2 * np.pi, num_angles, endpoint=False)
    radius = np.linspace(1, 2, num_rings)[:, None, None]
    points = (radius * np.stack([np.cos(angle), np.sin(angle)], axis=-1)).reshape(-1, 2)
    inner, step = np.divmod(np.arange((num_rings - 1) * num_angles), num_angles)
    a, b = inner * num_angles + step, inner * num_angles + (step + 1) % num_angles
    lower = np.stack([a, a + num_angles, b], axis=-1)
    return points, np.concatenate([lower, np.stack([b, a + num_angles, b + num_angles], axis=-1)])


POINTS, TRIANGLES = ring()
RASTER = triangle_raster(POINTS, TRIANGLES, resolution=64)
TRUTH = 3 * POINTS[:, 0] + 10
PREDICTION = TRUTH + np.linspace(-1, 4, len(TRUTH))


@pytest.fixture(params=[2, 3])
def figure(request: pytest.FixtureRequest) -> object:
    return comparison_figure(
        RASTER, POINTS, TRUTH, PREDICTION, quantity=STRESS, columns=request.param
    )


def heatmaps(figure: object) -> list:
    return [trace for trace in figure.data if trace.type == "heatmap"]


def test_truth_and_prediction_share_their_limits_and_error_has_its_own(figure: object) -> None:
    assert [trace.coloraxis for trace in heatmaps(figure)] == [
        "coloraxis",
        "coloraxis",
        "coloraxis2",
    ]
    shared = figure.layout.coloraxis
    values = np.concatenate([TRUTH, PREDICTION])
    assert (shared.cmin, shared.cmax) == pytest.approx((values.min(), values.max()))


@pytest.mark.parametrize("dark", [False, True])
def test_error_scale_is_diverging_and_centred_on_zero(*, dark: bool) -> None:
    figure = comparison_figure(RASTER, POINTS, TRUTH, PREDICTION, quantity=STRESS, dark=dark)
    axis = figure.layout.coloraxis2
    assert axis.cmin == -axis.cmax == pytest.approx(-4)
    scale = error_scale(dark=dark)
    assert scale[len(scale) // 2][0] == 0.5
    assert [list(stop) for stop in axis.colorscale] == scale


def test_every_panel_has_equal_scales_and_zooms_with_the_others(figure: object) -> None:
    for suffix in ("", "2", "3"):
        axis = figure.layout[f"yaxis{suffix}"]
        assert (axis.scaleanchor, axis.scaleratio) == (f"x{suffix}", 1)
    for suffix in ("2", "3"):
        assert figure.layout[f"xaxis{suffix}"].matches == "x"
        assert figure.layout[f"yaxis{suffix}"].matches == "y"


def test_hovering_a_point_shows_its_exact_values_with_their_unit(figure: object) -> None:
    dots = [trace for trace in figure.data if trace.type == "scatter" and trace.mode == "markers"]
    assert len(dots) == 3
    for trace in dots:
        np.testing.assert_allclose(trace.customdata[:, 0], TRUTH, rtol=1e-6)
        np.testing.assert_allclose(trace.customdata[:, 1], PREDICTION, rtol=1e-6)
        np.testing.assert_allclose(trace.customdata[:, 2], PREDICTION - TRUTH, rtol=1e-4, atol=1e-6)
        assert trace.hovertemplate.count(" Pa") == 3


def test_color_bars_name_quantity_and_unit(figure: object) -> None:
    assert figure.layout.coloraxis.colorbar.title.text == "stress (Pa)"
    assert figure.layout.coloraxis2.colorbar.title.text == "error of stress (Pa)"


def test_hole_and_outside_are_empty() -> None:
    image = sample_raster(RASTER, TRUTH)
    radius = np.hypot(*np.meshgrid(RASTER.x, RASTER.y))
    assert np.isnan(image[radius < 0.97]).all()
    assert np.isnan(image[radius > 2.01]).all()
    assert np.isfinite(image[(radius > 1.03) & (radius < 1.95)]).all()


def test_raster_reproduces_a_linear_field_exactly() -> None:
    image = sample_raster(RASTER, TRUTH)
    x, _ = np.meshgrid(RASTER.x, RASTER.y)
    inside = np.isfinite(image)
    np.testing.assert_allclose(image[inside], (3 * x + 10)[inside], rtol=1e-12)


@given(seed=st.integers(0, 2**16))
def test_raster_agrees_with_scipy_on_a_convex_cloud(seed: int) -> None:
    rng = np.random.default_rng(seed)
    points, values = rng.random((30, 2)), rng.standard_normal(30)
    reference = LinearNDInterpolator(points, values)
    raster = triangle_raster(points, reference.tri.simplices.astype(np.int64), resolution=40)
    image, expected = sample_raster(raster, values), reference(*np.meshgrid(raster.x, raster.y))
    both = np.isfinite(image) & np.isfinite(expected)
    assert (np.isfinite(image) ^ np.isfinite(expected)).mean() < 0.01
    np.testing.assert_allclose(image[both], expected[both], atol=1e-9)


@pytest.mark.parametrize("order", ["x first", "y first"])
def test_grid_raster_puts_every_value_at_its_own_place(order: str) -> None:
    x, y = np.meshgrid(np.linspace(0, 1, 5), np.linspace(0, 2, 3))
    if order == "y first":
        x, y = x.T, y.T
    points = np.stack([x.ravel(), y.ravel()], axis=-1)
    raster = grid_raster(points, x.shape)
    image = sample_raster(raster, 10 * points[:, 1] + points[:, 0])
    np.testing.assert_allclose(image, 10 * raster.y[:, None] + raster.x)
    np.testing.assert_allclose(raster.x, np.linspace(0, 1, 5))
    np.testing.assert_allclose(raster.y, np.linspace(0, 2, 3))


def test_flat_triangle_draws_nothing() -> None:
    points = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.5, 0.0]])
    raster = triangle_raster(points, np.array([[0, 1, 2], [0, 3, 1]]), resolution=8)
    assert np.isnan(sample_raster(raster, np.ones(4))).sum() > 10
    assert np.isfinite(sample_raster(raster, np.ones(4))).any()


def test_outline_holds_the_hole_and_the_rim() -> None:
    radius = np.hypot(*RASTER.outline[~np.isnan(RASTER.outline[:, 0])].T)
    assert sorted(set(radius.round(6))) == [1.0, 2.0]
    assert len(RASTER.outline) == 3 * (24 + 24)


def test_one_extreme_value_leaves_the_range_to_the_others_and_is_told() -> None:
    values = np.append(np.linspace(0, 1, 999), 50.0)
    (_, high), note = robust_limits(values)
    assert high < 1.1
    assert "share the last color" in note


def test_constant_field_keeps_a_range() -> None:
    assert robust_limits(np.full(4, 7.0))[0] == (6.5, 7.5)
    assert robust_limits(np.zeros(4), centered=True)[0] == (-1.0, 1.0)


def test_two_levels_are_drawn_flat() -> None:
    points = np.stack(np.meshgrid(np.arange(3.0), np.arange(3.0)), axis=-1).reshape(-1, 2)
    values = np.array([3.0, 12.0, 3.0] * 3)
    figure = field_figure(grid_raster(points, (3, 3)), points, values, quantity=PERMEABILITY)
    assert (figure.layout.coloraxis.cmin, figure.layout.coloraxis.cmax) == (3, 12)
    assert figure.data[0].zsmooth is False
    assert figure.layout.coloraxis.colorbar.ticktext == ("3", "12")
    assert len({color for _, color in figure.layout.coloraxis.colorscale}) == 2


def test_points_figure_shows_all_points() -> None:
    figure = points_figure(RASTER, POINTS)
    np.testing.assert_array_equal(np.stack([figure.data[-1].x, figure.data[-1].y], 1), POINTS)


def test_touching_patches_differ_in_color() -> None:
    circle, step = np.divmod(np.arange(len(POINTS)), 24)
    patch = circle // 2 * len(PATCH_COLORS) + step // 3  # neighbors outwards differ by eight
    figure = patch_figure(RASTER, POINTS, patch)
    image, color = sample_nearest(RASTER, patch), figure.data[0].z
    for ahead, behind in ((np.s_[:, 1:], np.s_[:, :-1]), (np.s_[1:], np.s_[:-1])):
        apart = (image[ahead] != image[behind]) & np.isfinite(image[ahead] + image[behind])
        assert (color[ahead][apart] != color[behind][apart]).all()
    assert np.nanmax(color) < len(PATCH_COLORS)


def test_more_neighbors_than_colors_still_draw() -> None:
    crowded = np.full((3, 41), 0.0)
    crowded[1, 1::2] = np.arange(1, 21)
    assert color_patches(crowded, 21).max() < len(PATCH_COLORS)


def test_patch_error_is_the_root_mean_square_over_the_patch() -> None:
    patch = np.arange(len(POINTS)) // 48
    figure = patch_error_figure(RASTER, patch, TRUTH, PREDICTION, quantity=STRESS)
    expected = [np.sqrt(np.mean((PREDICTION - TRUTH)[patch == k] ** 2)) for k in range(3)]
    shown = np.unique(figure.data[0].z[np.isfinite(figure.data[0].z)])
    np.testing.assert_allclose(shown, np.sort(expected), rtol=1e-6)
    assert figure.layout.coloraxis.cmin == 0
    assert figure.layout.coloraxis.cmax == pytest.approx(max(expected))


def luminance(color: str) -> float:
    """Relative luminance of a color (WCAG 2.2)."""
    parts = np.array([int(color[place : place + 2], 16) for place in (1, 3, 5)]) / 255
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(first: str, second: str) -> float:
    high, low = sorted((luminance(first), luminance(second)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scale", [error_scale, magnitude_scale])
def test_zero_error_stands_out_from_a_dark_page_and_errors_stand_out_from_it(
    scale: Callable[..., list],
) -> None:
    colors = [color for _, color in scale(dark=True)]
    middle = len(colors) // 2 if scale is error_scale else 0
    assert contrast(colors[middle], PAGE[True]) >= 3  # as WCAG wants of graphics
    away = [contrast(color, colors[middle]) for color in colors[middle:]]
    assert away == sorted(away)
    assert away[-1] > 3
    light = [color for _, color in scale(dark=False)]
    assert luminance(light[middle]) > 0.9


def test_histogram_counts_every_case_once_and_marks_the_selected() -> None:
    errors = np.random.default_rng(0).lognormal(-4, 0.4, 200)
    figure = error_histogram(errors, selected=errors[7])
    assert figure.data[0].y.sum() == 200
    assert errors[7] in [shape.x0 for shape in figure.layout.shapes]


def test_learning_curve_has_a_logarithmic_axis_and_one_point_an_epoch() -> None:
    figure = learning_curve(np.array([[0.5, 0.6], [0.1, 0.2], [0.05, 0.1]]))
    assert figure.layout.yaxis.type == "log"
    assert [trace.name for trace in figure.data] == ["training", "validation"]
    assert list(figure.data[1].y) == [0.6, 0.2, 0.1]


def test_figures_leave_their_inputs_alone() -> None:
    points, truth, prediction = POINTS.copy(), TRUTH.copy(), PREDICTION.copy()
    comparison_figure(RASTER, points, truth, prediction, quantity=STRESS)
    np.testing.assert_array_equal(points, POINTS)
    np.testing.assert_array_equal(truth, TRUTH)
    np.testing.assert_array_equal(prediction, PREDICTION)


def test_a_box_shows_its_part_of_a_cloud_to_its_border_and_no_edge_outside() -> None:
    y, x = np.indices((21, 21)) / 20
    points = np.stack([x.ravel(), y.ravel()], axis=-1)
    triangles = grid_triangles((21, 21)).numpy()
    hole = np.linalg.norm(points - 0.5, axis=1) < 0.12
    triangles = triangles[~hole[triangles].any(axis=1)]
    low, high = (0.22, 0.13), (0.81, 0.77)
    raster = triangle_raster(points, triangles, box=(low, high), resolution=64)
    for axis, centers in enumerate((raster.x, raster.y)):
        assert centers[0] - low[axis] == pytest.approx(np.diff(centers)[0] / 2)
        assert centers[-1] == pytest.approx(high[axis], abs=np.diff(centers)[0])
    image = sample_raster(raster, points @ [2.0, 1.0])
    far = np.hypot(*(np.meshgrid(raster.x - 0.5, raster.y - 0.5))) > 0.2
    exact = np.add.outer(raster.y, 2 * raster.x)
    np.testing.assert_allclose(image[far], exact[far], atol=1e-9)
    edges = raster.outline.reshape(-1, 3, 2)[:, :2]
    assert len(edges)
    assert np.abs(edges - 0.5).max() < 0.25  # those of the hole alone
