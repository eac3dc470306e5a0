"""Error and cost of ablations over K and Q, with all other settings fixed.

Letters: N points, K patches, Q supernodes per patch.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from mspt.benchmarks.ablation_curves import (
    LETTERS,
    Quantity,
    Spread,
    fixed_words,
    grouped,
    spread_of,
    usual_values,
    varied,
)
from mspt.benchmarks.ablations import AblationRow, points_of
from mspt.config import ModelConfig
from mspt.cost.arithmetic import FLOP_COUNTS
from mspt.cost.formulas import forward_flops


@dataclass(frozen=True, kw_only=True)
class MapCell:
    """Error and cost at one number of patches and supernodes.

    Attributes:
        num_patches: Patches K.
        num_supernodes: Supernodes Q per patch.
        error: The quantity over its seeds.
        flops: Multiplications and additions of a forward pass over one case; None where no cost is
            known.
    """

    num_patches: int
    num_supernodes: int
    error: Spread
    flops: float | None


@dataclass(frozen=True, kw_only=True)
class AblationMap:
    """Rows over K and Q with all other settings fixed.

    Attributes:
        label: What is fixed and tells it from other maps.
        num_points: Points N of a case; None where they are not known.
        config: A model of the map, for the cost of others; None where none can be built.
        cells: One for each K and Q with rows.
    """

    label: str
    num_points: int | None
    config: ModelConfig | None
    cells: tuple[MapCell, ...]


def maps_over_patches(rows: Sequence[AblationRow], quantity: Quantity) -> tuple[AblationMap, ...]:
    """Return one map over K and Q for each combination of the other settings, the fullest first."""
    # Models without a number of patches have no place on the map.
    fixed = [row for row in rows if all(row.settings.get(name) for name in LETTERS)]
    names = [name for name in varied(fixed) if name not in LETTERS]
    usual = usual_values(fixed, names)
    found = [
        _map(fixed_words(names, key, usual) or "the settings of most rows", own, quantity)
        for key, own in grouped(fixed, names).items()
    ]
    several = [one for one in found if len(one.cells) > 1]
    return tuple(sorted(several, key=lambda one: -len(one.cells)))


def _map(label: str, rows: Sequence[AblationRow], quantity: Quantity) -> AblationMap:
    num_points = points_of(rows[0])
    cells = []
    for (patches, supernodes), own in grouped(rows, list(LETTERS)).items():
        run = own[0].run
        cells.append(
            MapCell(
                num_patches=int(patches or 0),
                num_supernodes=int(supernodes or 0),
                error=spread_of(None, own, quantity),
                flops=None if run is None else flops_of(run.model, num_points),
            )
        )
    run = rows[0].run
    return AblationMap(
        label=label,
        num_points=num_points,
        config=None if run is None else run.model,
        cells=tuple(cells),
    )


def flops_of(config: ModelConfig, num_points: int | None) -> float | None:
    """Return the arithmetic of a forward pass; None where the cost model does not know it."""
    if num_points is None or config.architecture not in FLOP_COUNTS:
        return None
    return forward_flops(config, num_points)


def flops_over_patches(
    found: AblationMap, patches: Sequence[int], supernodes: Sequence[int]
) -> list[list[float]]:
    """Return the arithmetic of a forward pass for each Q, a list with one number for each K.

    NaN where a patch has fewer points than supernodes, or the cost is not known.
    """
    config, num_points = found.config, found.num_points

    def flops(k: int, q: int) -> float:
        if config is None or num_points is None or k * q > num_points:
            return math.nan
        other = replace(config, num_patches=k, patch_size=None, num_supernodes=q)
        return flops_of(other, num_points) or math.nan

    return [[flops(k, q) for k in patches] for q in supernodes]


def map_table(found: AblationMap) -> pd.DataFrame:
    """Return one row for each K and Q: mean and range over seeds, runs, failed runs and cost."""
    return pd.DataFrame(
        [
            {
                "K": cell.num_patches,
                "Q": cell.num_supernodes,
                "mean": cell.error.mean,
                "low": cell.error.low,
                "high": cell.error.high,
                "runs": len(cell.error.rows),
                "failed": sum(row.has_failed for row in cell.error.rows),
                "forward_flops": cell.flops,
            }
            for cell in found.cells
        ]
    )


def nearest_cell(found: AblationMap, *, num_patches: int, num_supernodes: int) -> MapCell | None:
    """Return the cell whose K and Q are the fewest doublings away; None if every run failed."""
    known = [cell for cell in found.cells if not math.isnan(cell.error.mean)]
    return min(
        known,
        key=lambda cell: (
            abs(math.log2(cell.num_patches / num_patches))
            + abs(math.log2(cell.num_supernodes / num_supernodes))
        ),
        default=None,
    )
