"""Sweeps along N, K or Q, their result rows, and the CSV files that store them.

Letters: N points, K patches, L points per patch, Q supernodes per patch, D width, G slices.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from io import StringIO
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from mspt.config import Architecture, ModelConfig, require, require_choice
from mspt.cost.formulas import Work, recommended_patches
from mspt.errors import MSPTError
from mspt.reading import read_text
from mspt.writing import write_text

SweepAxis = Literal["points", "patches", "supernodes"]
MeasuredQuantity = Literal["seconds", "peak_bytes"]
COMPARED: tuple[Architecture, ...] = ("mspt", "published", "transolver", "full_attention")
"""Architectures with a cost model."""

AXIS_MODELS: dict[str, tuple[Architecture, ...]] = {
    "points": COMPARED,
    "patches": ("mspt", "published", "transolver"),
    "supernodes": ("mspt", "published"),
}
"""Architectures that depend on each axis; slices of Transolver vary with K."""

AXIS_VALUES: dict[str, tuple[int, ...]] = {
    "points": (1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000),
    "patches": (8, 16, 32, 64, 128, 181, 256, 512, 1024),
    "supernodes": (1, 2, 4, 8, 16, 32),
}
"""Default values of each axis; 181 is close to sqrt(N) for the default N, the recommended K."""


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """Sizes to measure along one axis, while all other sizes are fixed.

    Attributes:
        axis: Size that varies.
        values: Its values, ascending.
        models: Architectures; along ``patches``, Transolver gets as many slices as patches.
        num_points: Points N, unless they vary.
        patch_size: Points per patch L while N varies: K = N / L.
        num_patches: Patches K while Q varies.
        num_supernodes: Supernodes Q per patch, unless they vary.
        num_slices: Slices G of Transolver, unless K varies.
        width: Model width D.
        num_heads: Heads H.
        num_blocks: Blocks.
        mlp_ratio: Hidden width of the feed-forward network over D.
        work: ``forward``, or ``train`` for a forward pass and its gradient.
    """

    axis: SweepAxis
    values: tuple[int, ...]
    models: tuple[Architecture, ...] = COMPARED
    num_points: int = 32_768
    patch_size: int = 1024
    num_patches: int = 64
    num_supernodes: int = 1
    num_slices: int = 128
    width: int = 128
    num_heads: int = 8
    num_blocks: int = 2
    mlp_ratio: int = 2
    work: Work = "forward"

    def __post_init__(self) -> None:
        """Reject unknown models and sizes below 1."""
        for model in self.models:
            require_choice("models", model, COMPARED)
        for value in self.values:
            require(self.axis, value, minimum=1)

    def size(self, value: int) -> int:
        """Return the number of points N at a value of the axis."""
        return value if self.axis == "points" else self.num_points

    def config(self, model: Architecture, value: int) -> ModelConfig:
        """Return the config of a model at a value of the axis.

        Examples:
            >>> Sweep(axis="points", values=(4096,)).config("mspt", 4096).num_patches
            4
        """
        patches = {
            "points": max(1, round(self.size(value) / self.patch_size)),
            "patches": value,
            "supernodes": self.num_patches,
        }[self.axis]
        return ModelConfig(
            space_dim=3,
            in_features=4,
            out_channels=4,
            architecture=model,
            width=self.width,
            num_heads=self.num_heads,
            num_blocks=self.num_blocks,
            mlp_ratio=self.mlp_ratio,
            num_patches=patches,
            num_supernodes=value if self.axis == "supernodes" else self.num_supernodes,
            num_slices=value if self.axis == "patches" else self.num_slices,
            # The authors' scripts partition the points in file order.
            partition="sequence" if model == "published" else "ball_tree",
        )


@dataclass(frozen=True, kw_only=True)
class ScalingRow:
    """Result for one size of one model: a measurement, or the reason why there is none.

    Attributes:
        axis: Size that varies in the sweep.
        architecture: Architecture.
        num_points: Points N.
        num_patches: Patches K; slices of Transolver; 1 for full attention.
        num_supernodes: Supernodes Q per patch.
        width: Model width D.
        num_heads: Heads H.
        num_blocks: Blocks.
        mlp_ratio: Hidden width of the feed-forward network over D.
        work: ``forward`` or ``train``.
        threads: CPU threads.
        device: Device of the model.
        seconds: Median time of a pass; NaN where not measured.
        fastest: Time of the fastest pass.
        slowest: Time of the slowest pass.
        peak_bytes: Peak memory in addition to weights and inputs; NaN where not measured.
        machine: Name of the processor or of the GPU.
        load: Load average of the machine just before the measurement.
        torch_version: Version of PyTorch.
        stopped: Reason why there is no measurement; empty otherwise.
    """

    axis: str
    architecture: str
    num_points: int
    num_patches: int
    num_supernodes: int
    width: int
    num_heads: int
    num_blocks: int
    mlp_ratio: int
    work: str
    threads: int
    device: str
    seconds: float
    fastest: float
    slowest: float
    peak_bytes: float
    machine: str
    load: float
    torch_version: str
    stopped: str

    @property
    def value(self) -> int:
        """Value of the size that varies."""
        return int(getattr(self, f"num_{self.axis}"))

    def key(self) -> tuple[Any, ...]:
        """Return all that identifies a measurement: two rows with equal keys are repetitions."""
        measured = ("seconds", "fastest", "slowest", "peak_bytes", "load", "stopped")
        return tuple(value for name, value in asdict(self).items() if name not in measured)


def is_measured(row: ScalingRow, sweep: Sweep) -> bool:
    """Return whether a row is a measurement along the axis of a sweep, of the same work."""
    return not row.stopped and row.axis == sweep.axis and row.work == sweep.work


def best_patches(sweep: Sweep) -> int:
    """Return the K that minimizes the cost of MSPT's attention in a sweep: sqrt(N / Q)."""
    return recommended_patches(sweep.num_points, num_supernodes=sweep.num_supernodes)


ANOTHER = "measure again into another file"


def read_rows(path: Path) -> list[ScalingRow]:
    """Read rows from a CSV file.

    Raises:
        MSPTError: If the columns of the file are not those of :class:`ScalingRow`.
    """
    # Empty texts are values here; only the word "nan" marks a missing number.
    text = read_text(path, rule=f"{path.name} must be a table of measurements", advice=ANOTHER)
    try:
        table = pd.read_csv(StringIO(text), keep_default_na=False, na_values=["nan"])
    except ValueError as error:  # the errors of its parser, and that of an empty text
        raise MSPTError(
            f"{path.name} must be a table in CSV, got what is none; {ANOTHER}"
        ) from error
    expected = list(ScalingRow.__dataclass_fields__)
    if list(table.columns) != expected:
        raise MSPTError(
            f"{path.name} must have the columns {', '.join(expected)}, "
            f"got {', '.join(map(str, table.columns))[:200]}; {ANOTHER}"
        )
    try:
        return [_typed(row) for row in table.to_dict("records")]
    except (ValueError, OverflowError) as error:
        raise MSPTError(
            f"{path.name} must hold numbers in its columns of numbers, got others; {ANOTHER}"
        ) from error


def _typed(row: dict[str, Any]) -> ScalingRow:
    """Convert the cells of a table row to the types of the fields."""
    kinds = {name: field.type for name, field in ScalingRow.__dataclass_fields__.items()}
    return ScalingRow(**{name: kinds[name](value) for name, value in row.items()})


def rows_table(rows: Sequence[ScalingRow]) -> pd.DataFrame:
    """Return rows as a table with the fields of :class:`ScalingRow` as columns."""
    return pd.DataFrame(
        [asdict(row) for row in rows], columns=list(ScalingRow.__dataclass_fields__)
    )


def write_rows(path: Path, rows: Sequence[ScalingRow]) -> None:
    """Write rows to a CSV file, which is replaced in one step and therefore never incomplete."""
    write_text(path, rows_table(rows).to_csv(index=False, float_format="%.6g", na_rep="nan"))
