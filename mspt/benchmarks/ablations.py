"""Runs of ``python -m mspt ablate`` as they are stored: one row of a CSV file for each training.

A run that failed has a row as well, with the reason in place of the errors. Errors are relative L2
errors on validation and training cases.
"""

import csv
import math
import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from io import StringIO
from pathlib import Path
from typing import Any

from mspt.benchmarks.settings import TRAIN, parse_settings, with_settings
from mspt.config import Preset
from mspt.data.dataset import Dataset
from mspt.data.registry import datasets, get_dataset
from mspt.errors import MSPTError
from mspt.reading import read_text

Value = str | int | float | bool | None
"""Value of a setting."""

REQUIRED = ("dataset", "preset", "set", "seed", "epochs", "validation_error", "error")
"""Columns that every table has; numbers of other columns are NaN where a table lacks them."""

WRITE = "write it with 'python -m mspt ablate'"
AT_ONCE = 0.1
"""Seconds within which a case is solved while somebody waits."""


@dataclass(frozen=True, kw_only=True)
class AblationRow:
    """One training with some settings varied.

    Attributes:
        dataset: Name of the data set.
        preset: Name of the training run whose settings were varied.
        written: The varied settings as NAME=VALUE, in the order of their names.
        seed: Seed of weights and order.
        epochs: Passes over the training cases.
        train_cases: Cases trained on; None where the run failed before it was known.
        parameters: Trainable parameters; None likewise.
        validation_error: Relative L2 error on the validation cases; NaN for a run that failed.
        train_error: The same on training cases, during the last epoch.
        curve: Validation error after each epoch.
        minutes: Wall time of the training, on cores that other work may share.
        core_minutes: Processor time of the training; NaN where it was not recorded.
        regions: Validation error of each region of the cases, by name.
        error: Why the run failed; empty otherwise.
        device: Hardware.
        threads: CPU threads.
    """

    dataset: str
    preset: str
    written: tuple[str, ...]
    seed: int
    epochs: int
    train_cases: int | None
    parameters: int | None
    validation_error: float
    train_error: float
    curve: tuple[float, ...]
    minutes: float
    core_minutes: float
    regions: Mapping[str, float]
    error: str
    device: str
    threads: int

    @property
    def has_failed(self) -> bool:
        """Whether the row holds a reason in place of errors."""
        return bool(self.error)

    @cached_property
    def run(self) -> Preset | None:
        """Model and training of the row; None where no such run can be built any more."""
        presets = {name: one for data in datasets() for name, one in data.presets.items()}
        if self.preset not in presets:
            return None
        try:
            return with_settings(presets[self.preset], parse_settings(list(self.written)))
        except (MSPTError, ValueError):  # a setting of an earlier version
            return None

    @cached_property
    def settings(self) -> Mapping[str, Value]:
        """All settings of model and training by name, without the seed.

        Epochs and training cases are those of the row. Where no such run can be built any more,
        these are its varied settings alone.
        """
        run = self.run
        found: dict[str, Any] = parse_settings(list(self.written))
        if run is not None:
            train = {TRAIN + name: value for name, value in asdict(run.train).items()}
            found = asdict(run.model) | train
        for name in ("seed", "epochs"):
            found.pop(TRAIN + name, None)
        found |= {"epochs": self.epochs, "train_cases": self.train_cases}
        return {name: _plain(value) for name, value in found.items()}


def read_ablations(path: Path) -> tuple[AblationRow, ...]:
    """Read all runs of a table; none if there is no such file yet.

    Raises:
        MSPTError: If the file lacks columns that every table has.
    """
    if not path.exists():
        return ()
    return parse_ablations(
        read_text(path, rule="table of ablations must be a CSV file", advice=WRITE)
    )


def parse_ablations(text: str) -> tuple[AblationRow, ...]:
    """Return all runs of the text of a table; none if it is empty.

    Of runs with equal settings the last one counts, and one that ended counts before one that
    failed. A run that failed has the training cases of most other rows of its data set. A line that
    another process has not written to its end is left out.

    Raises:
        MSPTError: If the text lacks columns that every table has.
    """
    # A blank line would be taken for a header without columns.
    reader = csv.DictReader(StringIO(text.lstrip(), newline=""))
    present = reader.fieldnames or ()
    if present and (missing := [name for name in REQUIRED if name not in present]):
        raise MSPTError(
            f"a table of ablations must have the columns {', '.join(REQUIRED)}, got none named "
            f"{', '.join(missing)}; {WRITE}"
        )
    try:
        whole = [cells for cells in reader if None not in cells.values()]
        rows = [_row(cells) for cells in whole]
    except (ValueError, csv.Error) as error:
        raise MSPTError(
            f"a table of ablations must hold numbers in its columns of numbers, got another value "
            f"up to line {reader.line_num}; {WRITE}"
        ) from error
    return tuple(_latest(_with_usual_cases(rows)))


def _row(cells: Mapping[str, str]) -> AblationRow:
    return AblationRow(
        dataset=cells["dataset"],
        preset=cells["preset"],
        written=tuple(cells["set"].split()),
        seed=int(cells["seed"]),
        epochs=int(cells["epochs"]),
        train_cases=_whole(cells.get("train_cases")),
        parameters=_whole(cells.get("parameters")),
        validation_error=_number(cells["validation_error"]),
        train_error=_number(cells.get("train_error")),
        curve=tuple(map(float, (cells.get("curve") or "").split())),
        minutes=_number(cells.get("minutes")),
        core_minutes=_number(cells.get("core_minutes")),
        regions=parse_regions(cells.get("region_errors") or ""),
        error=cells["error"] or "",
        device=cells.get("device") or "",
        threads=_whole(cells.get("threads")) or 1,
    )


def _with_usual_cases(rows: Sequence[AblationRow]) -> list[AblationRow]:
    counts = {
        name: Counter(row.train_cases for row in rows if row.dataset == name and row.train_cases)
        for name in {row.dataset for row in rows}
    }
    usual = {name: count.most_common(1)[0][0] for name, count in counts.items() if count}
    return [
        row if row.train_cases else replace(row, train_cases=usual.get(row.dataset)) for row in rows
    ]


def _latest(rows: Iterable[AblationRow]) -> list[AblationRow]:
    kept: dict[tuple[Any, ...], AblationRow] = {}
    for row in rows:
        key = (row.dataset, row.preset, row.written, row.seed, row.epochs, row.train_cases)
        before = kept.get(key)
        if before is None or before.has_failed or not row.has_failed:
            kept[key] = row
    return list(kept.values())


def parse_regions(written: str) -> dict[str, float]:
    """Return the error of each region from a row of the table.

    Examples:
        >>> parse_regions("jump=0.21 elsewhere=0.04")
        {'jump': 0.21, 'elsewhere': 0.04}
        >>> parse_regions("")
        {}
    """
    pairs = (one.partition("=") for one in written.split())
    return {name: float(error) for name, _, error in pairs}


def ablate_command(row: AblationRow) -> str:
    """Return the command that repeats a row."""
    words = ["python", "-m", "mspt", "ablate", row.dataset]
    if row.preset != row.dataset:
        words += ["--preset", row.preset]
    words += ["--epochs", f"{row.epochs}", "--seed", f"{row.seed}"]
    for setting in row.written:
        words += ["--set", setting]
    of_set = (one.splits["train"] for one in datasets() if one.name == row.dataset)
    if row.train_cases and row.train_cases < (next(of_set, None) or 0):
        words += ["--cases", f"{row.train_cases}"]
    return shlex.join(words)


def points_of(row: AblationRow) -> int | None:
    """Return the points N of the cases that a row was trained on; None where they are not known."""
    if row.run is None:
        return None
    drawn = row.run.train.surface_points + row.run.train.volume_points
    return drawn or _points_of_cases(get_dataset(row.dataset))


def _points_of_cases(dataset: Dataset) -> int | None:
    if dataset.grid_shape is not None:
        return math.prod(dataset.grid_shape)
    if dataset.shared_points is not None:
        return len(dataset.shared_points())
    if dataset.source.at_hand(dataset, None).get("test"):
        return len(dataset.load(dataset.names("test")[0]).points)
    if dataset.make_case is not None and (dataset.seconds_per_case or 0) < AT_ONCE:
        return len(dataset.make_case(0).points)
    return None


def _plain(value: Any) -> Value:  # noqa: ANN401 - whatever a setting holds
    return value if isinstance(value, Value) else str(value)


def _number(text: str | None) -> float:
    return float(text) if text else math.nan


def _whole(text: str | None) -> int | None:
    return int(text) if text else None
