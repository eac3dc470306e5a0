"""Figures of runs as data: places, bars, crosses, axes, and what hovering says."""

import math
from itertools import pairwise

import numpy as np
import pytest

from mspt.benchmarks.ablation_curves import curves_along, quantities
from mspt.benchmarks.ablation_maps import maps_over_patches
from mspt.benchmarks.ablations import AblationRow, parse_ablations
from mspt.config import ModelConfig
from mspt.cost.formulas import forward_flops
from mspt.figures.charts.ablations import ablation_figure, cost_map, error_map
from mspt.figures.charts.other_patches import patch_cost_figure, patch_errors_figure
from mspt.figures.charts.series import (
    RunPoint,
    error_against_cost,
    learning_curves,
    style,
)
from mspt.training.presets import get_preset

HEADER = "dataset,preset,set,seed,epochs,validation_error,error,train_cases\n"
ROWS = """
elasticity,elasticity,num_patches=4 num_supernodes=1,0,8,0.10,,1000
elasticity,elasticity,num_patches=4 num_supernodes=1,1,8,0.14,,1000
elasticity,elasticity,num_patches=16 num_supernodes=1,0,8,0.20,,1000
elasticity,elasticity,num_patches=64 num_supernodes=1,0,8,,loss is NaN,
elasticity,elasticity,num_patches=4 num_supernodes=8,0,8,0.05,,1000
elasticity,elasticity,num_patches=4 num_supernodes=8 pooling=max,0,8,0.07,,1000
"""


@pytest.fixture(scope="module")
def rows() -> tuple[AblationRow, ...]:
    return parse_ablations(HEADER + ROWS.lstrip())


def test_curve_has_bars_over_seeds_and_a_cross_for_a_failed_run(
    rows: tuple[AblationRow, ...],
) -> None:
    error = quantities(rows)[0]
    (curve,) = curves_along(rows, "num_patches", error)
    figure = ablation_figure({0: curve}, quantity=error, axis_title="patches K", dark=False)
    line, cross = figure.data
    assert (list(line.x), list(line.y)) == ([4.0, 16.0], pytest.approx([0.12, 0.20]))
    assert list(line.error_y.array) == pytest.approx([0.02, 0.0])
    assert list(line.error_y.arrayminus) == pytest.approx([0.02, 0.0])
    assert line.error_y.visible
    assert "mean of 2 seeds from 10.00% to 14.00%" in line.customdata[0]
    assert (list(cross.x), cross.marker.symbol) == ([64.0], "x")
    assert cross.customdata[0][0] == "loss is NaN"
    assert math.log10(cross.y[0]) == pytest.approx(figure.layout.yaxis.range[1])
    for axis in (figure.layout.xaxis, figure.layout.yaxis):
        assert axis.type == "log"
    assert list(figure.layout.xaxis.ticktext) == ["4", "16", "64"]


def test_words_stand_side_by_side(rows: tuple[AblationRow, ...]) -> None:
    error = quantities(rows)[0]
    (curve,) = curves_along(rows, "pooling", error)
    figure = ablation_figure({3: curve}, quantity=error, axis_title="pooling", dark=True)
    assert list(figure.layout.xaxis.ticktext) == ["max", "mean"]
    assert list(figure.data[0].y) == [0.07, 0.05]
    assert not figure.data[0].error_y.visible
    assert figure.data[0].line.color == style(3, dark=True)["color"]


def test_error_map_has_a_square_for_each_k_and_q(rows: tuple[AblationRow, ...]) -> None:
    error = quantities(rows)[0]
    found = maps_over_patches(rows, error)[0]
    squares, crosses = error_map(found, quantity=error, dark=False).data
    shown = dict(zip(zip(squares.x, squares.y, strict=True), squares.text, strict=True))
    assert shown == {(4, 1): "12.00%", (16, 1): "20.00%", (4, 8): "5.00%"}
    assert list(squares.marker.color) == pytest.approx([0.12, 0.20, 0.05])
    assert (list(crosses.x), list(crosses.y)) == ([64], [1])
    assert list(crosses.customdata) == ["loss is NaN"]


def test_cost_map_is_the_closed_form_in_every_cell(rows: tuple[AblationRow, ...]) -> None:
    found = maps_over_patches(rows, quantities(rows)[0])[0]
    figure = cost_map(found, dark=True)
    heat, cheapest, runs = figure.data
    middles = [
        [round(math.sqrt(low * high)) for low, high in pairwise(edges)]
        for edges in (heat.x, heat.y)
    ]
    model = get_preset("elasticity").model.to_dict()
    for row, q in enumerate(middles[1]):
        for column, k in enumerate(middles[0]):
            config = ModelConfig.from_dict(model | {"num_patches": k, "num_supernodes": q})
            expected = math.log10(forward_flops(config, 972)) if k * q <= 972 else None
            assert heat.z[row][column] == (expected and pytest.approx(expected))
    assert list(cheapest.x) == pytest.approx([math.sqrt(972 / q) for q in cheapest.y])
    assert set(zip(runs.x, runs.y, strict=True)) == {(4, 1), (16, 1), (64, 1), (4, 8)}
    assert figure.layout.xaxis.type == figure.layout.yaxis.type == "log"
    assert heat.x[0] < 4 < 64 < heat.x[-1]


def test_learning_curves_share_one_logarithmic_axis() -> None:
    figure = learning_curves({"a": [0.5, 0.1], "b": [0.4]}, dark=False, places={"a": 4, "b": 0})
    first, second = figure.data
    assert (list(first.x), list(first.y)) == ([1, 2], [0.5, 0.1])
    assert (first.line.color, second.mode) == (style(4, dark=False)["color"], "markers")
    low, high = figure.layout.yaxis.range
    assert figure.layout.yaxis.type == "log"
    assert 10**low < 0.1 < 0.5 < 10**high


def test_eighteen_runs_can_be_told_apart() -> None:
    styles = [style(place, dark=True) for place in range(18)]
    assert len({(one["color"], one["dash"]) for one in styles}) == 18
    assert len({(one["color"], one["symbol"]) for one in styles}) == 18


def test_errors_stand_against_costs_with_the_paper_as_a_line() -> None:
    one = RunPoint(name="a", cost=2e5, error=0.02, low=0.01, high=0.04, place=0)
    figure = error_against_cost([one], title="parameters", paper=0.005, dark=False)
    point, line = figure.data
    assert (point.x[0], point.y[0]) == (2e5, 0.02)
    assert (point.error_y.array[0], point.error_y.arrayminus[0]) == pytest.approx((0.02, 0.01))
    assert line.name == "MSPT, from the paper: 0.5%"
    assert figure.layout.shapes[0].y0 == 0.005
    low, high = figure.layout.yaxis.range
    assert 10**low < 0.005 < 0.04 < 10**high
    alone = error_against_cost([one], title="parameters", paper=None, dark=False)
    assert len(alone.data) == 1
    assert not alone.layout.shapes


def test_errors_over_patches_mark_the_training_and_the_chosen_k() -> None:
    figure = patch_errors_figure(
        {32: 0.3, 4: 0.02},
        {4: 0.05, 8: 0.06},
        model="elasticity",
        training=4,
        trained_name="others",
        chosen=32,
        dark=False,
    )
    same, trained, ring = figure.data
    assert (list(same.x), list(same.y)) == ([4, 32], [0.02, 0.3])
    assert (list(trained.x), trained.name) == ([4, 8], "others")
    assert (ring.x[0], ring.y[0]) == (32, 0.3)
    assert figure.layout.shapes[0].x0 == 4
    assert figure.layout.annotations[0].x == pytest.approx(math.log10(4))
    assert list(figure.layout.xaxis.tickvals) == [4, 8, 32]


def test_costs_over_patches_are_drawn_as_given() -> None:
    flops = {1: 3e9, 4: 1e9, 16: 2e9}
    figure = patch_cost_figure(flops, training=None, chosen=4, dark=True)
    line, dot = figure.data
    np.testing.assert_array_equal(line.y, [3e9, 1e9, 2e9])
    assert (dot.x[0], dot.y[0]) == (4, 1e9)
    assert list(line.customdata) == ["3 GFLOP", "1 GFLOP", "2 GFLOP"]
    assert not figure.layout.shapes
