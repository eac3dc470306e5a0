"""Figures of designs as data."""

import numpy as np
import pytest

from mspt.figures.charts.designs import drag_scatter, order_figure

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
