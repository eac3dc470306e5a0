"""Measures of how well predictions rank designs: rank correlation, R squared, pairwise order.

Shapes: M designs, G gaps, P pairs.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64, Int64
from numpy import ndarray


def spearman(first: Float[ndarray, " M"], second: Float[ndarray, " M"]) -> float:
    """Return Spearman's rank correlation of two values of each design, from -1 to 1.

    NaN if all values of one side are equal. Applied to drag coefficients this is the paper's rho_D
    (Table 3).

    Examples:
        >>> round(spearman(np.array([0.3, 0.1, 0.2]), np.array([9.0, 1.0, 4.0])), 9)
        1.0
    """
    # Equal values have no ranks; numpy would warn and return NaN as well.
    if len(first) == 0 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return float("nan")
    # Imported here because it takes a third of a second, which the app's first page can save.
    from scipy.stats import rankdata

    return float(np.corrcoef(rankdata(first), rankdata(second))[0, 1])


def r_squared(prediction: Float[ndarray, " M"], truth: Float[ndarray, " M"]) -> float:
    """Return the coefficient of determination R^2 of a prediction.

    1 is a perfect prediction, 0 is as good as predicting the mean of the truth for every design,
    and a negative value is worse than that.

    Raises:
        ValueError: If all true values are equal.

    Examples:
        >>> r_squared(np.array([2.0, 2.0, 2.0]), np.array([1.0, 2.0, 3.0]))
        0.0
    """
    variance = ((truth - truth.mean()) ** 2).sum() if len(truth) else 0.0
    if not variance > 0:
        raise ValueError(
            f"truth must contain different values, got {len(truth)} equal ones; add other designs"
        )
    return float(1 - ((prediction - truth) ** 2).sum() / variance)


@dataclass(frozen=True, kw_only=True, eq=False)
class OrderAccuracy:
    """How often a prediction orders two designs correctly.

    Attributes:
        gap: Smallest true difference of the pairs that are counted.
        share: Share of those pairs in the right order; NaN where there are no pairs.
        num_pairs: Number of those pairs.
    """

    gap: Float64[ndarray, " G"]
    share: Float64[ndarray, " G"]
    num_pairs: Int64[ndarray, " G"]


def order_accuracy(
    prediction: Float[ndarray, " M"], truth: Float[ndarray, " M"], *, gaps: Float[ndarray, " G"]
) -> OrderAccuracy:
    """Return the share of pairs of designs in the right order, by the true difference of a pair.

    Designs with equal true values have no order and are not counted; a predicted tie counts half.

    Args:
        prediction: Predicted value of each design.
        truth: True value of each design.
        gaps: Smallest true differences; each counts the pairs that differ by at least that much.

    Raises:
        ValueError: If a gap is negative.

    Examples:
        >>> truth = np.array([0.30, 0.31, 0.40])
        >>> found = order_accuracy(np.array([0.32, 0.31, 0.40]), truth, gaps=np.array([0.0, 0.05]))
        >>> found.share.round(3).tolist(), found.num_pairs.tolist()
        ([0.667, 1.0], [3, 2])
    """
    if (gaps < 0).any():
        raise ValueError(f"gaps must not be negative, got {gaps.min():g}; give absolute values")
    first, second = np.triu_indices(len(truth), k=1)
    apart = truth[second] - truth[first]
    # 1 for the right order, 1/2 for a predicted tie, 0 for the wrong order.
    right = (1 + np.sign(apart) * np.sign(prediction[second] - prediction[first])) / 2
    # The smallest positive float keeps true ties out where the gap is 0.
    chosen_GP = np.abs(apart) >= np.maximum(gaps, np.finfo(float).tiny)[:, None]
    num_pairs = chosen_GP.sum(axis=1)
    share = np.where(num_pairs > 0, chosen_GP @ right / np.maximum(num_pairs, 1), np.nan)
    return OrderAccuracy(gap=gaps.astype(np.float64), share=share, num_pairs=num_pairs)
