"""What a person sees of every logarithmic axis: values that fill it, ticks, texts within it."""

import re
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from math import log10
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mspt.benchmarks.ablation_curves import curves_along, quantities
from mspt.benchmarks.ablation_maps import maps_over_patches
from mspt.benchmarks.ablations import read_ablations
from mspt.benchmarks.fits import FIT_FROM
from mspt.benchmarks.rows import AXIS_MODELS, AXIS_VALUES, Sweep, best_patches, read_rows
from mspt.evaluation.resolution import AtResolution
from mspt.figures.charts.ablations import ablation_figure, cost_map, error_map
from mspt.figures.charts.attention import masking_figure
from mspt.figures.charts.axes import log_axis
from mspt.figures.charts.convergence import convergence_figure
from mspt.figures.charts.curves import learning_curve
from mspt.figures.charts.forecast import Bar, forecast_figure
from mspt.figures.charts.other_patches import patch_cost_figure, patch_errors_figure
from mspt.figures.charts.resolution import resolution_figure
from mspt.figures.charts.scaling import scaling_figure
from mspt.figures.charts.scaling_curves import LETTERS, scaling_curves
from mspt.figures.charts.series import (
    RaceCurve,
    RunPoint,
    error_against_cost,
    learning_curves,
    race_figure,
)
from mspt.figures.scenes.patches import compactness_figure
from mspt.partition.patches import Compactness

ROOT = Path(__file__).parents[2]
STORED = read_rows(ROOT / "assets" / "benchmarks" / "scaling.csv")
ORIGINS = (["stored", "here", "closed form", "paper"], ["stored"], ["closed form"])
FILLED = 0.5
"""Smallest share of an axis that its values may take."""


def scaling(axis: str, quantity: str, origins: list[str], few: int | None = None) -> go.Figure:
    sweep = Sweep(axis=axis, values=AXIS_VALUES[axis], models=AXIS_MODELS[axis])
    rows = [row for row in STORED if row.axis == axis]
    rows = rows if few is None else [row for row in rows if row.value <= AXIS_VALUES[axis][few]]
    return scaling_figure(
        scaling_curves(sweep, quantity, origins, stored=rows, here=rows[:3]),
        letter=LETTERS[axis],
        axis_title="",
        result_title="",
        unit="s" if quantity == "seconds" else "B",
        recommended=best_patches(sweep) if axis == "patches" else None,
    )


def masking(seed: int) -> go.Figure:
    random = np.random.default_rng(seed)
    attention, effect = random.lognormal(-5, 2, 40), random.lognormal(-9, 1, 40)
    attention[3] = effect[4] = 0.0
    own = np.array([2])
    return masking_figure(attention, effect, own=own, chosen=5, quantity="C_p", dark=False)


def resolutions(*factors: float) -> go.Figure:
    row = AtResolution(factor=1.0, kept="K", num_points=1000, num_patches=8, relative_l2=0.1)
    rows = [
        replace(row, factor=factor, num_points=int(1000 * factor), kept=kept)
        for factor in factors
        for kept in "KL"
    ]
    return resolution_figure(rows, dark=True)


def ablations(kind: str) -> go.Figure:
    rows = read_ablations(ROOT / "assets" / "ablations" / "runs.csv")
    own = [row for row in rows if row.dataset == "elasticity"]
    error = quantities(own)[0]
    if kind == "curve":
        curve = curves_along(own, "num_patches", error)[0]
        return ablation_figure({0: curve}, quantity=error, axis_title="patches K", dark=False)
    found = maps_over_patches(own, error)[0]
    if kind == "map":
        return error_map(found, quantity=error, dark=False)
    return cost_map(found, dark=True)


def compactness(*medians: float) -> go.Figure:
    found = {
        f"cut {median}": Compactness(
            median=median, p90=2 * median, p99=3 * median, max=4 * median, share=0.1
        )
        for median in medians
    }
    return compactness_figure(found, unit="m", chosen=next(iter(found)))


def convergence(residuals: np.ndarray) -> go.Figure:
    return convergence_figure(
        np.stack([residuals, 2 * residuals], axis=1),
        np.full(80, 0.3),
        limits=(1e-4, 1e-3),
        averaged_from=60,
        dark=False,
    )


FIGURES: dict[str, Callable[[], go.Figure]] = {
    **{
        f"{axis} {quantity} {len(origins)} {origins[0]}": (
            lambda axis=axis, quantity=quantity, origins=origins: scaling(axis, quantity, origins)
        )
        for axis in AXIS_VALUES
        for quantity in ("seconds", "peak_bytes")
        for origins in ORIGINS
    },
    "two sizes": lambda: scaling("points", "seconds", ["stored"], few=1),
    "one size": lambda: scaling("patches", "seconds", ["stored"], few=0),
    "nothing": lambda: scaling("patches", "seconds", []),
    "masking": lambda: masking(0),
    "masking again": lambda: masking(1),
    "resolutions": lambda: resolutions(0.25, 0.5, 1.0, 2.0, 4.0),
    "two resolutions": lambda: resolutions(0.9, 1.0),
    "one resolution": lambda: resolutions(1.0),
    "partitions": lambda: compactness(1e-4, 0.02, 0.3),
    "a partition of equal points": lambda: compactness(0.0, 0.02),
    "training": lambda: learning_curve(np.array([[0.5, 0.6], [0.1, 0.2], [0.05, 0.1]])),
    "residuals": lambda: convergence(np.geomspace(1, 1e-5, 60)),
    "residuals that stay": lambda: convergence(np.full(9, 0.02)),
    "no residuals": lambda: convergence(np.zeros(0)),
    "runs over K": lambda: ablations("curve"),
    "errors over K and Q": lambda: ablations("map"),
    "costs over K and Q": lambda: ablations("costs"),
    "errors at other K": lambda: patch_errors_figure(
        {32: 0.3, 4: 0.02},
        {4: 0.05, 8: 0.06},
        model="one",
        training=4,
        trained_name="others",
        chosen=32,
        dark=False,
    ),
    "costs at other K": lambda: patch_cost_figure(
        {1: 3e9, 4: 1e9, 16: 2e9}, training=None, chosen=4, dark=True
    ),
    "training of several": lambda: learning_curves(
        {"a": [0.5, 0.2, 0.1], "b": [0.4, 0.3]}, dark=False, places={"a": 0, "b": 1}
    ),
    "a forecast": lambda: forecast_figure(
        [
            Bar(
                architecture="mspt",
                name=str(place),
                seconds=10.0**place,
                num_bytes=3e7 * 10.0**place,
                texts=("", ""),
            )
            for place in range(4)
        ],
        free_bytes=2e10,
        dark=False,
    ),
    "a race": lambda: race_figure(
        [
            RaceCurve(
                name="one",
                places=[0.0, 25.0, 50.0],
                errors=[0.8, 0.2, 0.05],
                losses=[float("nan"), 0.3, 0.06],
            )
        ],
        title="steps",
        dark=False,
    ),
    "errors against costs": lambda: error_against_cost(
        [
            RunPoint(name=name, cost=cost, error=error, low=error, high=error, place=place)
            for place, (name, cost, error) in enumerate((("a", 2e5, 0.02), ("b", 3e6, 0.1)))
        ],
        title="parameters",
        paper=0.05,
        dark=False,
    ),
    "flat training": lambda: learning_curve(np.array([[0.021, 0.024], [0.020, 0.023]])),
}


def log_axes(figure: go.Figure) -> list[tuple[str, object]]:
    axes = [(letter, figure.layout[f"{letter}axis"]) for letter in "xy"]
    return [(letter, axis) for letter, axis in axes if axis.type == "log"]


def drawn(figure: go.Figure, letter: str) -> np.ndarray:
    axis = f"{letter}axis"
    traces = [trace for trace in figure.data if axis not in trace or trace[axis] in (None, letter)]
    parts = [trace[letter] for trace in traces if trace[letter] is not None]
    values = np.array([value for part in parts for value in part if value is not None], float)
    return np.log10(values[values > 0])


@pytest.mark.parametrize("name", FIGURES)
def test_values_fill_a_logarithmic_axis_and_its_ticks_texts_and_lines_lie_on_it(name: str) -> None:
    figure = FIGURES[name]()
    axes = log_axes(figure)
    assert axes
    for letter, axis in axes:
        low, high = axis.range
        places = drawn(figure, letter)
        assert ((low <= places) & (places <= high)).all()
        if len(places) and np.ptp(places) > log10(4):
            assert np.ptp(places) >= FILLED * (high - low)
        ticks = np.log10(axis.tickvals)
        shown = [text for text, at in zip(axis.ticktext, ticks, strict=True) if low <= at <= high]
        assert len(shown) == len(axis.tickvals) >= 2
        assert len(set(shown)) == len(shown)
        assert all(shown)
        for text in figure.layout.annotations:  # placed by the logarithm
            if text[f"{letter}ref"] in (None, letter):
                assert low <= text[letter] <= high
        for line in figure.layout.shapes:  # placed by the value
            if line[f"{letter}ref"] in (None, letter):
                assert low <= log10(line[f"{letter}0"]) <= high


@given(
    values=st.lists(st.floats(1e-9, 1e15), min_size=1, max_size=6),
)
def test_any_values_get_between_two_and_ten_ticks_far_enough_apart_to_be_read(
    values: list[float],
) -> None:
    axis = log_axis(values, "{:g}".format)
    low, high = axis["range"]
    ticks = np.log10(axis["tickvals"])
    assert 2 <= len(ticks) <= 10
    assert ((low <= ticks) & (ticks <= high)).all()
    assert min(b - a for a, b in pairwise(ticks)) > 0.03 * (high - low)
    assert [float(text) for text in axis["ticktext"]] == pytest.approx(axis["tickvals"])


def test_every_logarithmic_axis_of_the_app_is_made_by_the_one_function() -> None:
    made = ROOT / "mspt" / "figures" / "charts" / "axes.py"
    files = [*(ROOT / "mspt").rglob("*.py"), *(ROOT / "pages").rglob("*.py")]
    own = re.compile(r"""type(["']\s*:|=)\s*["']log["']|log_[xy]=True""")
    assert own.search('update_xaxes(type="log")')
    assert [path for path in files if path != made and own.search(path.read_text())] == []
    users = {path.stem for path in files if "log_axis(" in path.read_text()} - {"axes"}
    assert users == {
        "ablations",
        "attention",
        "convergence",
        "curves",
        "forecast",
        "other_patches",
        "patches",
        "resolution",
        "scaling",
        "series",
    }  # all in FIGURES


def test_marker_of_the_best_number_of_patches_stands_at_its_value() -> None:
    figure = scaling("patches", "seconds", ["stored"])
    (marker,) = (trace for trace in figure.data if "√" in (trace.name or ""))
    assert set(marker.x) == {best_patches(Sweep(axis="patches", values=(8,), models=("mspt",)))}
    assert "181" in marker.text[-1]


@pytest.mark.parametrize(("sizes", "has_one"), [(2, False), (3, True)])
def test_an_exponent_needs_three_sizes_from_ten_thousand_points_on(
    sizes: int, *, has_one: bool
) -> None:
    large = [row for row in STORED if row.axis == "points" and row.architecture == "mspt"]
    large = sorted((row for row in large if row.value >= FIT_FROM), key=lambda row: row.value)
    sweep = Sweep(axis="points", values=AXIS_VALUES["points"], models=("mspt",))
    (curve,) = scaling_curves(sweep, "seconds", ["stored"], stored=large[:sizes], here=[])
    assert (curve.note != "") == has_one


def test_sizes_close_together_have_no_exponent() -> None:
    row = next(row for row in STORED if (row.axis, row.architecture) == ("points", "mspt"))
    near = [replace(row, num_points=size, seconds=size / 1e5) for size in (10_000, 20_000, 30_000)]
    sweep = Sweep(axis="points", values=AXIS_VALUES["points"], models=("mspt",))
    (curve,) = scaling_curves(sweep, "seconds", ["stored"], stored=near, here=[])
    assert curve.note == ""
