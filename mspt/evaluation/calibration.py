"""Calibrate the expected error of a checkpoint on bodies whose flow was solved.

Half widths are products of powers of signals, fitted to the errors of all bodies, and scaled by
split conformal prediction across kinds of bodies. What counts as one draw is a family, not a
body, because the error of a body of a new kind is what a person meets: every family is predicted by
the fit to the other families, each family has the same weight, and the family to come has the
largest error of all (Dunn, Wasserman and Ramdas 2022, *Distribution-free prediction sets for
two-layer hierarchical models*, pooling of distributions).

Coverage is measured by leaving out one family at a time from everything: fit, scale and choice.

Letters: R rows, one for each body; P signals.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from jaxtyping import Float64
from numpy import ndarray
from sklearn.linear_model import LinearRegression

from mspt.evaluation.observations import OTHER, Observation
from mspt.inference.calibration import (
    FLOOR,
    LIMITED,
    Calibration,
    ErrorModel,
    PairModel,
    combined,
    widening,
)
from mspt.inference.known import KnownBodies
from mspt.inference.library import ShapeLibrary
from mspt.inference.signals import SMALL_DRAG

Target = Literal["drag", "pressure"]
TARGETS: tuple[Target, ...] = ("drag", "pressure")
COVERAGE = 0.8
SIGNALS: Mapping[Target, tuple[str, ...]] = {
    "drag": ("drag", "pressure", "outline"),
    "pressure": ("pressure",),
}
"""Signals of each error, chosen on families that were left out; see docs/trust.md."""
ERROR_FLOOR: Mapping[Target, float] = {"drag": 0.01, "pressure": 0.02}
"""Added to errors before their logarithm: errors below are luck, or noise of the labels."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Row:
    """One body of a calibration.

    Attributes:
        name: Of the case.
        family: Of the body.
        values: Signals by name, and C_D, C_D_once, C_D_true and C_p_error.
    """

    name: str
    family: str
    values: Mapping[str, float]

    def error(self, target: Target) -> float:
        """Return the error of C_D over the predicted one, or the relative L2 error of C_p."""
        if target == "pressure":
            return self.values["C_p_error"]
        drag = self.values["C_D"]
        return abs(drag - self.values["C_D_true"]) / max(abs(drag), SMALL_DRAG)


def rows_of(
    observations: Sequence[Observation], known: KnownBodies, library: ShapeLibrary
) -> list[Row]:
    """Return observed bodies with their distances from the training bodies."""
    rows = []
    for one in observations:
        away = known.distances(library, outline=one.outline, form=one.form, latent=one.latent)
        rows.append(Row(name=one.name, family=one.family, values=combined(one.numbers, away)))
    return rows


def split_other_bodies(rows: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    """Return rows of the data set, and of bodies from elsewhere, which take no part."""
    own = [row for row in rows if row.family != OTHER]
    return own, [row for row in rows if row.family == OTHER]


def fit_errors(
    rows: Sequence[Row],
    target: Target,
    *,
    signals: tuple[str, ...] | None = None,
    coverage: float = COVERAGE,
) -> ErrorModel:
    """Return the half width of an interval that holds a share of the bodies of a new family.

    Args:
        rows: Bodies of at least two families.
        target: Which error.
        signals: Names of the signals; those of :data:`SIGNALS` by default.
        coverage: The share.
    """
    names = SIGNALS[target] if signals is None else signals
    shape, families = _fit(rows, target, names), sorted({row.family for row in rows})
    scores = []
    for family in families:
        others = _fit([row for row in rows if row.family != family], target, names)
        scores.append(
            [
                row.error(target) / others.half_width(row.values)
                for row in rows
                if row.family == family
            ]
        )
    factor = pooled_quantile(scores, coverage)
    return replace(shape, offset=shape.offset + float(np.log(factor)))


def pooled_quantile(scores: Sequence[Sequence[float]], coverage: float) -> float:
    """Return the quantile of scores in which each group has the same weight, a new one included.

    The group to come counts with infinite scores; where the quantile would be infinite, the largest
    score is returned.

    Args:
        scores: Of the members of each group.
        coverage: Between 0 and 1.

    Examples:
        >>> groups = [[1.0, 2.0], [3.0], [4.0], [5.0]]
        >>> pooled_quantile(groups, 0.5), pooled_quantile(groups, 0.8), pooled_quantile(groups, 0.9)
        (4.0, 5.0, 5.0)
    """
    values = np.concatenate([np.asarray(group, dtype=float) for group in scores])
    weights = np.concatenate([np.full(len(group), 1 / len(group)) for group in scores])
    order = np.argsort(values, kind="stable")
    share = np.cumsum(weights[order]) / (len(scores) + 1)
    reached = np.flatnonzero(share >= coverage - 1e-12)
    return float(values[order][reached[0] if len(reached) else -1])


def _fit(rows: Sequence[Row], target: Target, names: tuple[str, ...]) -> ErrorModel:
    """Return the geometric mean of the error as a product of powers of signals."""
    values = np.array([[row.values[name] for name in names] for row in rows])
    errors = np.array([row.error(target) for row in rows])
    fitted = LinearRegression(positive=True).fit(
        np.log(FLOOR + values), np.log(ERROR_FLOOR[target] + errors)
    )
    return ErrorModel(
        signals=names,
        powers=tuple(float(one) for one in fitted.coef_),
        offset=float(fitted.intercept_),
        largest=tuple(float(one) for one in values.max(axis=0)),
    )


def left_out(
    rows: Sequence[Row],
    target: Target,
    *,
    signals: tuple[str, ...] | None = None,
    coverage: float = COVERAGE,
) -> Float64[ndarray, " R"]:
    """Return the half width of each body by a calibration without any body of its family."""
    found = np.empty(len(rows))
    for family in sorted({row.family for row in rows}):
        others = [row for row in rows if row.family != family]
        model = fit_errors(others, target, signals=signals, coverage=coverage)
        for index, row in enumerate(rows):
            if row.family == family:
                found[index] = model.half_width(row.values)
    return found


def summary(rows: Sequence[Row], widths: Float64[ndarray, " R"], target: Target) -> dict[str, Any]:
    """Return how often half widths hold the error, and how wide they are.

    ``coverage`` is the share of all bodies, ``coverage_by_family`` the mean of the shares of the
    families.
    """
    errors = np.array([row.error(target) for row in rows])
    holds = errors <= widths
    families = np.array([row.family for row in rows])
    shares = [float(holds[families == one].mean()) for one in sorted(set(families))]
    return {
        "bodies": len(rows),
        "coverage": float(holds.mean()),
        "coverage_by_family": float(np.mean(shares)),
        "median_half_width": float(np.median(widths)),
        "median_error": float(np.median(errors)),
        "worst_error": float(errors.max()),
    }


# --- differences between two shapes ---------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two bodies of one family.

    Attributes:
        first: Name of a case.
        second: Name of the other one.
        distance: Root-mean-square difference of their outlines, in body lengths.
    """

    first: str
    second: str
    distance: float


def pairs_of(observations: Sequence[Observation]) -> list[Pair]:
    """Return all pairs of bodies of one family, bodies from elsewhere left out."""
    own = [one for one in observations if one.family != OTHER]
    return [
        Pair(
            first=one.name,
            second=other.name,
            distance=float(np.sqrt(((one.outline - other.outline) ** 2).mean())),
        )
        for index, one in enumerate(own)
        for other in own[index + 1 :]
        if one.family == other.family
    ]


def pair_scores(
    rows: Sequence[Row], widths: Float64[ndarray, " R"], pairs: Sequence[Pair]
) -> Float64[ndarray, " _"]:
    """Return the error of each difference of C_D over that of two independent errors.

    Args:
        rows: The bodies.
        widths: Half widths over C_D of each body, by a calibration without its family.
        pairs: Pairs of them.
    """
    place = {row.name: index for index, row in enumerate(rows)}
    values = {name: np.array([row.values[name] for row in rows]) for name in ("C_D", "C_D_true")}
    half = widths * np.maximum(np.abs(values["C_D"]), SMALL_DRAG)
    first, second = (
        np.array([place[getattr(pair, side)] for pair in pairs]) for side in ("first", "second")
    )
    miss = values["C_D"] - values["C_D_true"]
    return np.abs(miss[first] - miss[second]) / np.hypot(half[first], half[second])


def decided_pairs(
    rows: Sequence[Row],
    widths: Float64[ndarray, " R"],
    pairs: Sequence[Pair],
    model: PairModel,
) -> dict[str, float]:
    """Return the share of pairs that an interval decides, and the share of these in right order.

    An interval decides the order of two bodies if it leaves out zero.

    Args:
        rows: The bodies.
        widths: See :func:`pair_scores`.
        pairs: Pairs of bodies of one family.
        model: How well differences are known.
    """
    place = {row.name: index for index, row in enumerate(rows)}
    drag, true = (np.array([row.values[name] for row in rows]) for name in ("C_D", "C_D_true"))
    half = widths * np.maximum(np.abs(drag), SMALL_DRAG)
    decided, right = [], []
    for pair in pairs:
        one, other = place[pair.first], place[pair.second]
        factor = model.near_factor if pair.distance <= model.near else model.factor
        change = drag[other] - drag[one]
        decided.append(abs(change) > factor * np.hypot(half[one], half[other]))
        right.append(change * (true[other] - true[one]) > 0)
    shown = np.array(decided)
    return {
        "decided": float(shown.mean()),
        "right": float(np.array(right)[shown].mean()) if shown.any() else float("nan"),
    }


def fit_pairs(
    rows: Sequence[Row],
    widths: Float64[ndarray, " R"],
    pairs: Sequence[Pair],
    *,
    near: float,
    coverage: float = COVERAGE,
) -> PairModel:
    """Return how well differences are known: of similar shapes, and of others of one family.

    Args:
        rows: The bodies.
        widths: See :func:`pair_scores`.
        pairs: Pairs of bodies of one family.
        near: Distance of outlines up to which two shapes are similar.
        coverage: Share of the differences that lie within their interval.
    """
    scores, family = pair_scores(rows, widths, pairs), {row.name: row.family for row in rows}
    is_near = np.array([pair.distance <= near for pair in pairs])
    kinds = np.array([family[pair.first] for pair in pairs])

    def factor(kept: ndarray) -> float:
        groups = [scores[kept & (kinds == kind)] for kind in sorted(set(kinds[kept]))]
        return pooled_quantile([group.tolist() for group in groups], coverage)

    return PairModel(factor=factor(~is_near), near_factor=factor(is_near), near=near)


# --- all of it ------------------------------------------------------------------------------------


def calibrate(
    rows: Sequence[Row],
    pairs: Sequence[Pair],
    *,
    known: KnownBodies,
    near: float,
    digest: str,
    members: Mapping[str, str],
    coverage: float = COVERAGE,
) -> Calibration:
    """Return the calibration of a checkpoint, with what it reaches on bodies that took no part.

    Args:
        rows: All bodies; those from elsewhere take no part, and are what it is tried on.
        pairs: Pairs of bodies of one family.
        known: The training bodies.
        near: Distance of outlines up to which two shapes are similar.
        digest: Of the checkpoint.
        members: Digests of the other models by name.
        coverage: Share of bodies of a new family within their interval.
    """
    own, others = split_other_bodies(rows)
    models = {target: fit_errors(own, target, coverage=coverage) for target in TARGETS}
    widths = {target: left_out(own, target, coverage=coverage) for target in TARGETS}
    limits = {name: max(row.values[name] for row in own) for name in LIMITED}
    upper = np.array([models["pressure"].half_width(row.values) for row in own])
    ratios = np.array([row.error("pressure") for row in own]) / upper
    found = fit_pairs(own, widths["drag"], pairs, near=near, coverage=coverage)
    return Calibration(
        digest=digest,
        members=dict(members),
        coverage=coverage,
        drag=models["drag"],
        pressure=models["pressure"],
        typical=float(np.median(ratios)),
        pairs=found,
        measured={
            "limits": limits,
            "left_out": {target: summary(own, widths[target], target) for target in TARGETS},
            "other_bodies": {
                target: summary(others, _widened(others, models[target], limits), target)
                for target in TARGETS
                if others
            },
            "mean_of_two_passes": two_passes(own),
            "order": decided_pairs(own, widths["drag"], pairs, found),
        },
        known=known,
    )


def _widened(
    rows: Sequence[Row], model: ErrorModel, limits: Mapping[str, float]
) -> Float64[ndarray, " R"]:
    """Return half widths, wider beyond the limits."""
    return np.array([widening(row.values, limits) * model.half_width(row.values) for row in rows])


def two_passes(rows: Sequence[Row]) -> dict[str, float]:
    """Return the mean relative error of C_D by one pass, and by the mean with the mirrored one."""
    true = np.array([row.values["C_D_true"] for row in rows])
    return {
        name: float(np.mean(np.abs(np.array([row.values[name] for row in rows]) / true - 1)))
        for name in ("C_D_once", "C_D")
    }


# --- tables ---------------------------------------------------------------------------------------


def rows_text(rows: Sequence[Row]) -> str:
    """Return rows as a table in CSV with five significant digits."""
    names = list(rows[0].values)
    lines = [",".join(["name", "family", *(name.replace(" ", ":") for name in names)])]
    for row in rows:
        numbers = [f"{row.values[name]:.5g}" for name in names]
        lines.append(",".join([row.name, row.family, *numbers]))
    return "\n".join(lines) + "\n"


def parse_rows(text: str) -> list[Row]:
    """Return rows from what :func:`rows_text` returns."""
    header, *lines = text.splitlines()  # names may have spaces
    names = [name.replace(":", " ") for name in header.split(",")[2:]]
    rows = []
    for line in lines:
        name, family, *numbers = line.split(",")
        values = dict(zip(names, map(float, numbers), strict=True))
        rows.append(Row(name=name, family=family, values=values))
    return rows


def pairs_text(pairs: Sequence[Pair]) -> str:
    """Return pairs as a table in CSV."""
    lines = [f"{pair.first},{pair.second},{pair.distance:.5g}" for pair in pairs]
    return "\n".join(["first,second,distance", *lines]) + "\n"


def parse_pairs(text: str) -> list[Pair]:
    """Return pairs from what :func:`pairs_text` returns."""
    found = [line.split(",") for line in text.splitlines()[1:]]
    return [Pair(first=one, second=other, distance=float(away)) for one, other, away in found]
