"""The tables of docs/trust.md are those of the stored rows of the calibration."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from mspt.evaluation.calibration import (
    TARGETS,
    Row,
    left_out,
    parse_pairs,
    parse_rows,
    split_other_bodies,
    summary,
    two_passes,
)
from mspt.inference.calibration import CALIBRATIONS, Calibration, read_calibration, widening
from mspt.inference.signals import SMALL_DRAG
from mspt.metrics.ranking import spearman

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "trust.md").read_text(encoding="utf-8")
SIGNALS = {
    "clouds": "spread of C_D over four clouds of other points",
    "mirror_drag": "change of C_D when mirrored",
    "symmetry": "change of C_p when mirrored",
    "resolution": "change of C_p with half of the points",
    "drag": "difference of C_D from `car-transolver`",
    "pressure": "difference of C_p from `car-transolver`",
    "outline": "distance of outlines: widths, undersides and tops of twelve slices",
    "form": "distance of forms: sizes, curvature, thickness, shelter, sections",
    "latent": "distance of the model's pooled features",
}


@cache
def kept() -> Calibration:
    return read_calibration(CALIBRATIONS / "car.npz")


@cache
def rows() -> tuple[list[Row], list[Row]]:
    return split_other_bodies(parse_rows((CALIBRATIONS / "car.csv").read_text(encoding="utf-8")))


@cache
def widths(target: str) -> np.ndarray:
    return left_out(rows()[0], target)


def percent(value: float) -> str:
    return f"{100 * value:.0f} %"


def signal_rows() -> list[str]:
    own, _ = rows()
    errors = [np.array([row.error(target) for row in own]) for target in TARGETS]
    found = []
    for name, words in SIGNALS.items():
        values = np.array([row.values[name] for row in own])
        ranks = " | ".join(f"{spearman(values, error):.2f}" for error in errors)
        found.append(f"| `{name}` | {words} | {ranks} |")
    return found


def held_rows() -> list[str]:
    own, found = rows()[0], []
    for target, words in zip(TARGETS, ("C_D", "C_p, upper limit"), strict=True):
        one = summary(own, widths(target), target)
        numbers = (
            one["coverage"], one["coverage_by_family"], one["median_half_width"],
            one["median_error"], one["worst_error"],
        )  # fmt: skip
        found.append(f"| {words} | {one['bodies']} | {' | '.join(map(percent, numbers))} |")
    return found


def family_rows() -> list[str]:
    own, found = rows()[0], []
    for family in sorted({row.family for row in own}):
        index = [place for place, row in enumerate(own) if row.family == family]
        one = summary([own[place] for place in index], widths("drag")[index], "drag")
        numbers = (
            one["coverage"], one["median_half_width"], one["median_error"], one["worst_error"],
        )  # fmt: skip
        found.append(f"| {family} | {one['bodies']} | {' | '.join(map(percent, numbers))} |")
    return found


def real_rows() -> list[str]:
    found, calibration = [], kept()
    for row in rows()[1]:
        drag, true = row.values["C_D"], row.values["C_D_true"]
        farther = widening(row.values, calibration.measured["limits"])
        half = farther * calibration.drag.half_width(row.values) * max(abs(drag), SMALL_DRAG)
        low = max(0.0, drag - half)
        expected = farther * calibration.typical * calibration.pressure.half_width(row.values)
        found.append(
            f"| {row.name} | {drag:.3f} | {low:.3f} to {drag + half:.3f} | {true:.3f} | "
            f"{'yes' if low <= true <= drag + half else 'no'} | "
            f"{'yes' if farther > 1 else 'no'} | {percent(expected)} | "
            f"{percent(row.values['C_p_error'])} |"
        )
    return found


def pair_rows() -> list[str]:
    own, found = rows()[0], []
    pairs = sorted(
        parse_pairs((CALIBRATIONS / "car-pairs.csv").read_text(encoding="utf-8")),
        key=lambda pair: pair.distance,
    )
    miss = {row.name: row.values["C_D"] - row.values["C_D_true"] for row in own}
    near, closest = kept().pairs.near, len(pairs) // 20
    similar = sum(pair.distance <= near for pair in pairs)
    for words, some in (
        ("nearest twentieth", pairs[:closest]),
        ("other similar ones", pairs[closest:similar]),
        ("all others", pairs[similar:]),
    ):
        ends = np.array([[miss[pair.first], miss[pair.second]] for pair in some])
        both = np.concatenate([ends, ends[:, ::-1]])
        exchanged = ends[:, 0] - np.roll(ends[:, 1], len(ends) // 2)
        found.append(
            f"| {words}, outlines up to {some[-1].distance:.3f} apart | {len(some)} | "
            f"{np.median(np.abs(ends[:, 0] - ends[:, 1])):.4f} | "
            f"{np.median(np.abs(exchanged)):.4f} | {np.corrcoef(both.T)[0, 1]:.2f} |"
        )
    return found


@pytest.mark.parametrize("table", [signal_rows, held_rows, family_rows, real_rows, pair_rows])
def test_table_is_that_of_the_stored_rows(table: object) -> None:
    lines = TEXT.splitlines()
    expected = table()
    assert len(expected) > 1
    start = lines.index(expected[0])
    assert lines[start : start + len(expected)] == expected
    assert lines[start - 1].startswith("| ---")
    assert not lines[start + len(expected)].startswith("|")


def test_numbers_in_the_text_are_those_of_the_calibration() -> None:
    words, calibration = " ".join(TEXT.split()), kept()
    own, _ = rows()
    passes = two_passes(own)
    assert f"On the {len(own)} bodies below" in words
    shares = (f"{100 * passes[name]:.1f} %" for name in ("C_D_once", "C_D"))
    assert "one pass has a mean error of C_D of {}, the mean of both {}".format(*shares) in words
    assert f"the nearest of {len(calibration.known.forms)} training bodies" in words
    for model, letter in ((calibration.drag, "C_D"), (calibration.pressure, "C_p")):
        used = " and ".join(f"`{name}`" for name in model.signals).replace(" and ", ", ", 1)
        used = used if len(model.signals) > 2 else used.replace(", ", " and ")
        assert f"{used} for {letter}" in words
    pairs = parse_pairs((CALIBRATIONS / "car-pairs.csv").read_text(encoding="utf-8"))
    assert f"all {len(pairs):,} pairs of bodies of one family" in words
    near = sum(pair.distance <= calibration.pairs.near for pair in pairs)
    assert f"{near:,} pairs of similar shapes" in words
    assert f"{calibration.pairs.near_factor:.2f} times" in words
    assert f"{calibration.pairs.factor:.2f} times" in words
    order = calibration.measured["order"]
    assert f"It decides {percent(order['decided'])} of the pairs" in words
    assert f"{100 * order['right']:.1f} % of these rightly" in words
    others = calibration.measured["other_bodies"]
    held = (
        round(6 * others["drag"]["coverage"]),
        round(6 * others["pressure"]["coverage"]),
    )
    assert "holds for {} of 6, the upper limit of the error of C_p for {}".format(*held) in words
