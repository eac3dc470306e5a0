"""The summary of scores of flows once more, by NumPy, SciPy and scikit-learn."""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
from scipy.stats import spearmanr
from sklearn.metrics import r2_score

from mspt.evaluation.flows import ERRORS, ORDER_GAPS


def restated_summary(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    values = {name: [row[name] for row in rows] for name in rows[0]}
    summary: dict[str, Any] = {"cases": len(rows)}
    for name in ERRORS:
        there = [value for value in values[name] if value is not None and value == value]
        summary[name] = np.mean(there) if there else None
    for letter in ("C_D", "C_L"):
        found, truth = np.array(values[letter]), np.array(values[f"{letter}_true"])
        miss = abs(found - truth)
        summary[f"{letter}_counts"] = miss.mean() / 1e-4
        summary[f"{letter}_counts_max"] = miss.max() / 1e-4
        summary[f"{letter}_r2"] = r2_score(truth, found)
        constant = len(set(found)) == 1
        summary[f"{letter}_spearman"] = None if constant else spearmanr(found, truth).statistic
    relative = [abs(a - b) / b for a, b in zip(values["C_D"], values["C_D_true"], strict=True)]
    summary |= {"C_D_relative": np.mean(relative), "C_D_relative_max": max(relative)}
    summary["order"] = [order_of(values["C_D"], values["C_D_true"], gap) for gap in ORDER_GAPS]
    return summary


def order_of(found: list[float], truth: list[float], gap: float) -> tuple[float, float, int]:
    pairs = [
        (a - b) * (c - d)
        for (a, c), (b, d) in combinations(zip(found, truth, strict=True), 2)
        if c != d and abs(c - d) >= gap
    ]
    right = sum(1.0 if product > 0 else 0.5 if product == 0 else 0.0 for product in pairs)
    return gap, right / len(pairs), len(pairs)
