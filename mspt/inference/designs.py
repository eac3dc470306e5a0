"""The order of designs: differences of C_D between shapes, with an error bar of their own.

What a model gets wrong about one shape it gets wrong about a similar one, too, so that their
difference is known better than either value. By how much was measured on pairs of bodies of one
family, see :func:`mspt.evaluation.calibration.fit_pairs`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from mspt.errors import MSPTError
from mspt.geometry.outline import describe_outline
from mspt.inference.calibration import ExpectedError, PairModel
from mspt.inference.shapes import ShapeResult


@dataclass(frozen=True, kw_only=True)
class Difference:
    """By how much C_D of one shape differs from that of another one.

    Attributes:
        first: Name of a shape.
        second: Name of the other one.
        C_D_change: C_D of the second minus that of the first.
        half_width: Half width of its interval.
        coverage: Share of pairs whose difference lies within the interval.
        distance: Root-mean-square difference of the outlines, in body lengths.
        is_similar: Whether they are near enough for the error bar of similar shapes.
        is_outside: Whether one of them lies outside what the model knows.
    """

    first: str
    second: str
    C_D_change: float
    half_width: float
    coverage: float
    distance: float
    is_similar: bool
    is_outside: bool

    @property
    def lower(self) -> str | None:
        """Name of the shape with the lower drag; None where the interval does not tell."""
        if self.is_outside or abs(self.C_D_change) <= self.half_width:
            return None
        return self.second if self.C_D_change < 0 else self.first

    def to_dict(self) -> dict[str, Any]:
        """Return values that JSON can hold."""
        return {
            **vars(self),
            "C_D_change_low": self.C_D_change - self.half_width,
            "C_D_change_high": self.C_D_change + self.half_width,
            "lower": self.lower,
        }


def compare_designs(results: Mapping[str, ShapeResult], pairs: PairModel) -> tuple[Difference, ...]:
    """Return the differences of C_D between all pairs of shapes, in their order.

    Args:
        results: Predictions of one calibrated checkpoint, by the name of the shape.
        pairs: How well differences are known, from the calibration of that checkpoint.

    Raises:
        MSPTError: If there is one shape only, or a prediction has no interval.
    """
    if len(results) < 2:
        raise MSPTError(f"results must be of two or more shapes, got {len(results)}")
    outlines = {
        name: describe_outline(one.prediction.surface_points) for name, one in results.items()
    }
    found = []
    for first, second in combinations(results, 2):
        one, other = (_expected(name, results[name]) for name in (first, second))
        distance = float(np.sqrt(((outlines[first] - outlines[second]) ** 2).mean()))
        is_similar = distance <= pairs.near
        factor = pairs.near_factor if is_similar else pairs.factor
        found.append(
            Difference(
                first=first,
                second=second,
                C_D_change=other.C_D - one.C_D,
                half_width=factor * float(np.hypot(one.half_width, other.half_width)),
                coverage=one.coverage,
                distance=distance,
                is_similar=is_similar,
                is_outside=one.is_outside or other.is_outside,
            )
        )
    return tuple(found)


def _expected(name: str, result: ShapeResult) -> ExpectedError:
    if result.trust.expected is None:
        raise MSPTError(
            f"results must have intervals, got none for {name}; use a calibrated checkpoint, or "
            "make its calibration with `python -m mspt calibrate CHECKPOINT`"
        )
    return result.trust.expected
