"""How well predictions tell designs apart: by rank, by variance, and pair by pair.

Shapes: M designs, G gaps, P pairs.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64, Int64
from numpy import ndarray


def spearman(first: Float[ndarray, " M"], second: Float[ndarray, " M"]) -> float:
    """Return how alike two rankings of designs are, from -1 to 1; NaN if one ranks all alike.

    Examples:
        >>> round(spearman(np.array([0.3, 0.1, 0.2]), np.array([9.0, 1.0, 4.0])), 9)
        1.0
    """
    if len(first) == 0 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return float("nan")
    from scipy.stats import rankdata  # a third of a second, which the first page need not spend

    return float(np.corrcoef(rankdata(first), rankdata(second))[0, 1])


def r_squared(prediction: Float[ndarray, " M"], truth: Float[ndarray, " M"]) -> float:
    """Return the share of the truth's variance that a prediction explains.

    1 is perfect, 0 as good as the mean of the truth for all designs, less than 0 worse.

    Raises:
        ValueError: If the truth does not vary.

    Examples:
        >>> r_squared(np.array([2.0, 2.0, 2.0]), np.array([1.0, 2.0, 3.0]))
        0.0
    """
    variance = ((truth - truth.mean()) ** 2).sum() if len(truth) else 0.0
    if not variance > 0:
        raise ValueError(f"truth must hold different values, got {len(truth)} designs alike")
    return float(1 - ((prediction - truth) ** 2).sum() / variance)


@dataclass(frozen=True, kw_only=True, eq=False)
class OrderAccuracy:
    """How often the better of two designs is found.

    Attributes:
        gap: Least true difference between the designs of a pair.
        share: Of those pairs, how many are in the right order; NaN where there is none.
        num_pairs: Number of those pairs.
    """

    gap: Float64[ndarray, " G"]
    share: Float64[ndarray, " G"]
    num_pairs: Int64[ndarray, " G"]


def order_accuracy(
    prediction: Float[ndarray, " M"], truth: Float[ndarray, " M"], *, gaps: Float[ndarray, " G"]
) -> OrderAccuracy:
    """Return the share of pairs of designs in the right order, for pairs a gap or more apart.

    Designs that are truly equal have no order and make no pair; a predicted tie counts half.

    Raises:
        ValueError: If a gap is negative.

    Examples:
        >>> truth = np.array([0.30, 0.31, 0.40])
        >>> found = order_accuracy(np.array([0.32, 0.31, 0.40]), truth, gaps=np.array([0.0, 0.05]))
        >>> found.share.round(3).tolist(), found.num_pairs.tolist()
        ([0.667, 1.0], [3, 2])
    """
    if (gaps < 0).any():
        raise ValueError(f"gaps must not be negative, got {gaps.min():g}")
    first, second = np.triu_indices(len(truth), k=1)
    apart = truth[second] - truth[first]
    right = (1 + np.sign(apart) * np.sign(prediction[second] - prediction[first])) / 2
    chosen_GP = np.abs(apart) >= np.maximum(gaps, np.finfo(float).tiny)[:, None]
    num_pairs = chosen_GP.sum(axis=1)
    share = np.where(num_pairs > 0, chosen_GP @ right / np.maximum(num_pairs, 1), np.nan)
    return OrderAccuracy(gap=gaps.astype(np.float64), share=share, num_pairs=num_pairs)
