"""Patches as runs of rows of a cloud in leaf order.

In leaf order a patch is a run of consecutive rows. With ``L = N // K`` and ``r = N % K``, the first
r patches have L + 1 points and the others L, so two runs of equally large patches cover the cloud
and no padding is needed.
"""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class PatchRun:
    """Neighboring patches of one size.

    Attributes:
        start: Their first row.
        size: Rows of each patch.
        count: Number of patches.
        first: Number of the first patch.
    """

    start: int
    size: int
    count: int
    first: int = 0

    @property
    def rows(self) -> slice:
        """Rows of all these patches."""
        return slice(self.start, self.start + self.size * self.count)

    def pieces(self, max_rows: int) -> Iterator["PatchRun"]:
        """Yield runs of whole patches with at most ``max_rows`` rows, but at least one patch."""
        step = max(1, max_rows // self.size)
        for first in range(0, self.count, step):
            yield PatchRun(
                start=self.start + first * self.size,
                size=self.size,
                count=min(step, self.count - first),
                first=self.first + first,
            )


def patch_offsets(num_rows: int, num_patches: int) -> tuple[int, ...]:
    """Return the first row of each patch, and the number of rows at the end.

    Examples:
        >>> patch_offsets(10, 4)
        (0, 3, 6, 8, 10)
    """
    runs = patch_runs(num_rows, num_patches)
    starts = [run.start + run.size * patch for run in runs for patch in range(run.count)]
    return (*starts, num_rows)


def patch_runs(num_rows: int, num_patches: int) -> tuple[PatchRun, ...]:
    """Divide ``num_rows`` rows into ``num_patches`` patches, the larger ones first.

    Raises:
        ValueError: If a patch would be empty.

    Examples:
        >>> [(run.start, run.size, run.count) for run in patch_runs(10, 4)]
        [(0, 3, 2), (6, 2, 2)]
    """
    if not 1 <= num_patches <= num_rows:
        raise ValueError(
            f"num_patches must be between 1 and the number of points, "
            f"got {num_patches} for {num_rows} points; choose fewer patches"
        )
    size, num_larger = divmod(num_rows, num_patches)
    larger = PatchRun(0, size + 1, num_larger)
    smaller = PatchRun(larger.rows.stop, size, num_patches - num_larger, first=num_larger)
    return (larger, smaller) if num_larger else (smaller,)
