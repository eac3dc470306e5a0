"""How the error depends on K and Q: a power law in what a point attends to, fitted to ablations.

A point attends to the L points of its patch and to S supernodes, one for every N / S points. The
error of a model falls with both, at equal steps, about as

    error = level x L^-a x S^-b

with exponents a and b that several sets share, and a level of each set. Attention costs L + S keys
per point, so that for a given cost the error is least where L : S = a : b. The cheapest choice of K
for a given Q, in contrast, has L = S.

Letters: N points, K patches, Q supernodes per patch, L = N / K points per patch, S = K Q.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mspt.benchmarks.ablation_curves import PATCHES, SUPERNODES
from mspt.benchmarks.ablation_report import options_of
from mspt.benchmarks.ablations import AblationRow, points_of
from mspt.cost.formulas import recommended_patches
from mspt.errors import MSPTError
from mspt.metrics.ranking import spearman

LEAST_ROWS = 4
"""Rows in excess of the fitted parameters that an estimate of the scatter needs."""

Level = tuple[str, ...]
"""What a level belongs to: data set, preset, epochs, cases, and the settings besides K and Q."""


@dataclass(frozen=True, kw_only=True)
class PatchLaw:
    """The fitted law.

    Attributes:
        patch_exponent: The exponent a of the points of a patch.
        supernode_exponent: The exponent b of all supernodes.
        levels: Error at L = S = 1, far outside the data, for each group of rows.
        scatter: Typical relative distance of a measured error from the law (root mean square of
            the difference of logarithms, per degree of freedom).
        num_rows: Rows fitted.
    """

    patch_exponent: float
    supernode_exponent: float
    levels: Mapping[Level, float]
    scatter: float
    num_rows: int

    @property
    def patch_share(self) -> float:
        """The share of a point's keys that should be points of its own patch, a / (a + b)."""
        return self.patch_exponent / (self.patch_exponent + self.supernode_exponent)

    def relative_error(self, size: "PatchSize") -> float:
        """Return the error over its level: what two choices of K and Q are compared by."""
        return size.patch**-self.patch_exponent * size.supernodes**-self.supernode_exponent


@dataclass(frozen=True, kw_only=True)
class PatchSize:
    """What a point attends to.

    Attributes:
        patch: Points L of its patch, N / K.
        supernodes: All supernodes S.
    """

    patch: float
    supernodes: float


def fit_patch_law(rows: Sequence[AblationRow]) -> PatchLaw:
    """Fit the law to the logarithms of validation errors, by least squares.

    Args:
        rows: Of models with patches; rows of runs that failed are left out. Rows that differ in
            more than K, Q and seed have levels of their own.

    Raises:
        MSPTError: If there are too few rows, or K and Q do not both vary within a group.
    """
    sizes = _sized(rows)
    groups = sorted({group_of(row) for row, _ in sizes})
    if len(sizes) < len(groups) + 2 + LEAST_ROWS:
        raise MSPTError(
            f"rows must be at least {len(groups) + 2 + LEAST_ROWS} for {len(groups)} groups of "
            f"settings, got {len(sizes)}; run more of them with 'python -m mspt ablate'"
        )
    columns = np.zeros((len(sizes), 2 + len(groups)))
    for index, (row, size) in enumerate(sizes):
        columns[index, :2] = -math.log(size.patch), -math.log(size.supernodes)
        columns[index, 2 + groups.index(group_of(row))] = 1.0
    logs = np.log([row.validation_error for row, _ in sizes])
    found, _, rank, _ = np.linalg.lstsq(columns, logs)
    if rank < columns.shape[1]:
        raise MSPTError(
            "rows must vary K and Q apart from each other within the same settings, got rows from "
            "which the two exponents cannot be determined; run more of them with "
            "'python -m mspt ablate'"
        )
    apart = logs - columns @ found
    freedom = len(sizes) - columns.shape[1]
    return PatchLaw(
        patch_exponent=float(found[0]),
        supernode_exponent=float(found[1]),
        levels={group: math.exp(level) for group, level in zip(groups, found[2:], strict=True)},
        scatter=float(np.sqrt(apart @ apart / freedom)),
        num_rows=len(sizes),
    )


def rank_correlation(law: PatchLaw, rows: Sequence[AblationRow]) -> float:
    """Return Spearman's correlation of the law's errors with measured ones, for rows of one group.

    Only ranks are compared, because a set that the law was not fitted to has no level.

    Raises:
        MSPTError: If the rows differ in more than K, Q and seed, or are fewer than three.
    """
    sizes = _sized(rows)
    if len({group_of(row) for row, _ in sizes}) != 1 or len(sizes) < 3:
        raise MSPTError(
            f"rows must be at least three that differ in K, Q and seed alone, got {len(sizes)} of "
            f"{len({group_of(row) for row, _ in sizes})} groups"
        )
    expected = [law.relative_error(size) for _, size in sizes]
    return spearman(np.array(expected), np.array([row.validation_error for row, _ in sizes]))


def accurate_patches(law: PatchLaw, num_points: int, num_keys: float | int) -> tuple[int, int]:
    """Return K and Q of least error among those with at most ``num_keys`` keys per point.

    Where no choice has so few keys, this is the cheapest one with a single supernode per patch.

    Args:
        law: The law.
        num_points: Points N.
        num_keys: Most keys L + S that a point attends to: what attention costs.

    Examples:
        >>> law = PatchLaw(
        ...     patch_exponent=0.3, supernode_exponent=0.1, levels={}, scatter=0.1, num_rows=9
        ... )
        >>> accurate_patches(law, 1000, 130)  # patches of 100 points, 30 supernodes
        (10, 3)
    """
    best, choice = math.inf, (recommended_patches(num_points), 1)
    for num_patches in range(1, min(num_points, int(num_keys)) + 1):
        patch = num_points / num_patches
        each = min(int((num_keys - patch) / num_patches), num_points // num_patches)
        if each < 1:
            continue
        size = PatchSize(patch=patch, supernodes=float(num_patches * each))
        if (error := law.relative_error(size)) < best:
            best, choice = error, (num_patches, each)
    return choice


def group_of(row: AblationRow) -> Level:
    """Return what rows must have in common to be on one level."""
    return row.dataset, row.preset, str(row.epochs), str(row.train_cases), *options_of(row)


def _sized(rows: Sequence[AblationRow]) -> list[tuple[AblationRow, PatchSize]]:
    """Return the rows of models with patches that did not fail, each with its sizes."""
    kinds = {(row.dataset, row.preset): row for row in rows}
    # Reading a case to count its points is slow, and one of each kind is enough.
    points = {kind: points_of(row) for kind, row in kinds.items()}
    found = []
    for row in rows:
        count, each = (row.settings.get(name) for name in (PATCHES, SUPERNODES))
        num_points = points[row.dataset, row.preset]
        if row.has_failed or not (num_points and isinstance(count, int) and isinstance(each, int)):
            continue
        size = PatchSize(patch=num_points / count, supernodes=float(count * each))
        found.append((row, size))
    return found
