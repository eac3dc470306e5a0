"""Rows of ablations along one setting, with all others fixed."""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import pandas as pd

from mspt.benchmarks.ablations import AblationRow, Value, ablate_command

PATCHES, SUPERNODES = "num_patches", "num_supernodes"
LETTERS: Mapping[str, str] = {PATCHES: "K", SUPERNODES: "Q"}
"""Settings with a letter of their own, which come first."""
WORDS: Mapping[str, str] = {PATCHES: "patches K", SUPERNODES: "supernodes Q"} | {
    "train_cases": "training cases"
}
FEWEST_VALUES = 2
"""Values of the axis that a curve has at least."""


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """A number of each row.

    Attributes:
        name: The words for it on screen.
        title: Title of an axis.
        unit: ``%`` for errors, ``min`` for times.
        of: Returns it; NaN where a row has none.
    """

    name: str
    title: str
    unit: str
    of: Callable[[AblationRow], float]


@dataclass(frozen=True, kw_only=True)
class Spread:
    """One quantity of rows that differ in their seed alone.

    Attributes:
        value: The setting on the axis.
        rows: The rows, one for each seed, failed ones included.
        mean: Of the rows that did not fail; NaN if all did.
        low: Least of them.
        high: Largest of them.
    """

    value: Value
    rows: tuple[AblationRow, ...]
    mean: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class AblationCurve:
    """Rows along one setting, all other settings being equal.

    Attributes:
        label: The settings that tell it from other curves, such as ``Q = 8``.
        points: In the order of the setting on the axis.
    """

    label: str
    points: tuple[Spread, ...]

    @property
    def rows(self) -> tuple[AblationRow, ...]:
        """All rows of the curve."""
        return tuple(row for point in self.points for row in point.rows)


def words_of(name: str) -> str:
    """Return a setting in words.

    Examples:
        >>> words_of("num_patches"), words_of("train.learning_rate")
        ('patches K', 'learning rate')
    """
    return WORDS.get(name, name.removeprefix("train.").replace("_", " "))


def quantities(rows: Sequence[AblationRow]) -> tuple[Quantity, ...]:
    """Return what can be shown of rows: errors, those of regions, and the time of training.

    Processor time is preferred wherever a row has it, because the wall time of runs that shared
    their cores with others cannot be compared.
    """
    errors = {
        "validation error": lambda row: row.validation_error,
        "training error": lambda row: row.train_error,
    }
    for name in dict.fromkeys(name for row in rows for name in row.regions):
        errors[f"error: {name}"] = lambda row, name=name: row.regions.get(name, math.nan)
    found = [
        Quantity(name=name, title=f"{name}, relative L2", unit="%", of=of)
        for name, of in errors.items()
    ]
    return (*found, time_of(rows))


def time_of(rows: Sequence[AblationRow]) -> Quantity:
    """Return the time of training: of the processor where any row has it, else of the clock."""
    if any(not math.isnan(row.core_minutes) for row in rows):
        return Quantity(
            name="core minutes",
            title="core minutes (processor time)",
            unit="min",
            of=lambda row: row.core_minutes,
        )
    return Quantity(
        name="minutes",
        title="minutes of wall time on shared cores (not comparable)",
        unit="min",
        of=lambda row: row.minutes,
    )


def varied(rows: Sequence[AblationRow]) -> tuple[str, ...]:
    """Return the settings that differ between rows: K and Q first, then those with most values."""
    every = [row.settings for row in rows]
    names = dict.fromkeys(name for one in every for name in one)
    counts = {name: len({one.get(name) for one in every}) for name in names}
    several = [name for name in names if counts[name] > 1]
    order = list(LETTERS)
    return tuple(
        sorted(
            several,
            key=lambda name: (
                order.index(name) if name in order else len(order),
                -counts[name],
                name,
            ),
        )
    )


def curves_along(
    rows: Sequence[AblationRow], axis: str, quantity: Quantity
) -> tuple[AblationCurve, ...]:
    """Return one curve for each combination of the other settings, the longest ones first.

    Args:
        rows: Of one data set.
        axis: The setting that varies.
        quantity: What is shown of each row.
    """
    names = [name for name in varied(rows) if name != axis]
    usual = usual_values(rows, names)
    groups = grouped(rows, names)
    curves = [
        AblationCurve(label=fixed_words(names, key, usual), points=_points(own, axis, quantity))
        for key, own in groups.items()
    ]
    long_ones = [one for one in curves if len(one.points) >= FEWEST_VALUES]
    return tuple(sorted(long_ones, key=lambda one: -len(one.points)))


def axes_of(rows: Sequence[AblationRow], quantity: Quantity) -> tuple[str, ...]:
    """Return the settings along which there is a curve."""
    return tuple(name for name in varied(rows) if curves_along(rows, name, quantity))


def row_names(rows: Sequence[AblationRow]) -> tuple[str, ...]:
    """Return for each row the settings that tell it from the others."""
    names = varied(rows)
    usual, several = usual_values(rows, names), len({row.seed for row in rows}) > 1
    found = []
    for row in rows:
        words = fixed_words(names, [row.settings.get(name) for name in names], usual)
        seed = f"seed {row.seed}" if several else ""
        found.append(", ".join(part for part in (words, seed) if part) or row.preset)
    return tuple(found)


def ablation_table(rows: Sequence[AblationRow]) -> pd.DataFrame:
    """Return one row a training: varied settings, errors, time, and the command that repeats it."""
    names, time = varied(rows), time_of(rows)
    every = quantities(rows)
    lines = []
    for row in rows:
        settings = row.settings
        own = {words_of(name): settings.get(name) for name in names}
        numbers = {one.name: one.of(row) for one in every if one.name != time.name}
        lines.append(
            own
            | {"seed": row.seed, "parameters": row.parameters}
            | numbers
            | {time.name: time.of(row), "failed": row.error, "command": ablate_command(row)}
        )
    return pd.DataFrame(lines)


def grouped(
    rows: Sequence[AblationRow], names: Sequence[str]
) -> dict[tuple[Value, ...], list[AblationRow]]:
    """Return rows by their values of some settings."""
    groups: dict[tuple[Value, ...], list[AblationRow]] = {}
    for row in rows:
        settings = row.settings
        groups.setdefault(tuple(settings.get(name) for name in names), []).append(row)
    return groups


def _points(rows: Sequence[AblationRow], axis: str, quantity: Quantity) -> tuple[Spread, ...]:
    found = [spread_of(key[0], own, quantity) for key, own in grouped(rows, [axis]).items()]
    return tuple(sorted(found, key=lambda one: _order(one.value)))


def spread_of(value: Value, rows: Sequence[AblationRow], quantity: Quantity) -> Spread:
    """Return mean, least and largest of a quantity over rows that differ in their seed alone."""
    numbers = [number for row in rows if not math.isnan(number := quantity.of(row))]
    return Spread(
        value=value,
        rows=tuple(rows),
        mean=fmean(numbers) if numbers else math.nan,
        low=min(numbers, default=math.nan),
        high=max(numbers, default=math.nan),
    )


def _order(value: Value) -> tuple[int, float, str]:
    """Return what numbers are sorted by as numbers, and before words."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return 0, float(value), ""
    return 1, 0.0, str(value)


def usual_values(rows: Sequence[AblationRow], names: Sequence[str]) -> dict[str, Value]:
    """Return the most common value of each setting."""
    every = [row.settings for row in rows]
    return {name: Counter(one.get(name) for one in every).most_common(1)[0][0] for name in names}


def fixed_words(names: Sequence[str], key: Sequence[Value], usual: Mapping[str, Value]) -> str:
    """Return K and Q, and the settings that differ from what most rows have."""
    parts = [
        f"{LETTERS.get(name, words_of(name))} = {_text(value)}"
        for name, value in zip(names, key, strict=True)
        if name in LETTERS or value != usual[name]
    ]
    return ", ".join(parts)


def _text(value: Value) -> str:
    """Return a value of a setting as it is written on the command line.

    Examples:
        >>> _text(True), _text("ball_tree"), _text(8)
        ('true', 'ball tree', '8')
    """
    return f"{value}".lower() if isinstance(value, bool) else f"{value}".replace("_", " ")
