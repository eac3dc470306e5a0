"""Two models on the same cases: the error of each, case by case.

Letters: M cases.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from numpy import ndarray


@dataclass(frozen=True, kw_only=True, eq=False)
class PairedErrors:
    """Errors of two models on the cases for which both are known.

    Attributes:
        names: Of the cases.
        first: Error of the first model on each case.
        second: Error of the second.
    """

    names: tuple[str, ...]
    first: Float64[ndarray, " M"]
    second: Float64[ndarray, " M"]

    @property
    def num_second_smaller(self) -> int:
        """Cases on which the second model has the smaller error; equal errors do not count."""
        return int((self.second < self.first).sum())

    @property
    def num_first_smaller(self) -> int:
        """Cases on which the first model has the smaller error; equal errors do not count."""
        return int((self.first < self.second).sum())

    @property
    def mean_difference(self) -> float:
        """Mean over the cases of the second error minus the first; NaN without cases."""
        return float((self.second - self.first).mean()) if self.names else float("nan")


def pair_errors(first: Mapping[str, float], second: Mapping[str, float]) -> PairedErrors:
    """Pair the errors of two models by the name of the case.

    Args:
        first: Error of the first model by case.
        second: Error of the second. Cases that either lacks, or whose error is not a number, are
            left out.

    Examples:
        >>> found = pair_errors({"a": 0.1, "b": 0.2, "c": 0.3}, {"c": 0.2, "a": 0.1})
        >>> found.names, found.num_second_smaller, round(found.mean_difference, 3)
        (('a', 'c'), 1, -0.05)
    """
    names = tuple(
        name
        for name in first
        if name in second and np.isfinite(first[name]) and np.isfinite(second[name])
    )
    return PairedErrors(
        names=names,
        first=np.array([first[name] for name in names], dtype=np.float64),
        second=np.array([second[name] for name in names], dtype=np.float64),
    )
