"""What people read on standard output: sentences, aligned tables, and numbers with their units."""

import json
import math
import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Number = float | int
MISSING = "–"
"""Stands in a table for a value that does not exist."""
WIDTH = 100
GAP = "  "
SMALLEST = 1e-12
"""Below this size a value is no more than the rounding of the computation."""
_NUMBER = re.compile(r"(below )?[-+]?\d")


def table(rows: Iterable[Sequence[str]], header: Sequence[str]) -> str:
    """Return aligned columns: numbers to the right, words to the left.

    Examples:
        >>> print(table([["mspt", "1.59 s"], ["transolver", "12.4 s"]], ["model", "time"]))
        model         time
        mspt        1.59 s
        transolver  12.4 s
    """
    cells = [list(row) for row in rows]
    columns = list(zip(*cells, strict=True)) if cells else [()] * len(header)
    aligned = []
    for name, column in zip(header, columns, strict=True):
        width = max(map(len, (name, *column)))
        values = [value for value in column if value not in ("", MISSING)]
        right = bool(values) and all(_NUMBER.match(value) for value in values)
        aligned.append([one.rjust(width) if right else one.ljust(width) for one in (name, *column)])
    return "\n".join(GAP.join(row).rstrip() for row in zip(*aligned, strict=True))


def facts(pairs: Mapping[str, str]) -> str:
    """Return one line for each label; long values go on below themselves.

    Examples:
        >>> print(facts({"cases": "4", "error": "1.70 %"}))
        cases  4
        error  1.70 %
    """
    width = max(map(len, pairs))
    lines = []
    for label, value in pairs.items():
        start = label.ljust(width) + GAP
        lines += textwrap.wrap(
            value,
            WIDTH,
            initial_indent=start,
            subsequent_indent=" " * len(start),
            break_long_words=False,
            break_on_hyphens=False,
        )
    return "\n".join(lines)


def paragraphs(*parts: str) -> str:
    """Join parts with an empty line between them; empty parts are left out."""
    return "\n\n".join(part for part in parts if part)


def number(value: Number | None, digits: int = 3) -> str:
    """Return a number with so many significant digits; what is only rounding is called so small.

    Examples:
        >>> number(0.28763), number(1024.4), number(None), number(-3.4e-9), number(3.8e-15)
        ('0.288', '1,024', '–', '-3.40 × 10^-9', 'below 10^-12')
    """
    if value is None or not math.isfinite(value):
        return MISSING
    if value == 0:
        return "0"
    size = abs(value)
    if size < SMALLEST:
        return "below 10^-12"
    if not 1e-4 <= size < 1e9:
        mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
        return f"{mantissa} × 10^{int(exponent)}"
    # Rounding first: 9.996 has two digits before the decimal point once it is 10.0.
    places = digits - 1 - math.floor(math.log10(float(f"{size:.{digits - 1}e}")))
    return f"{value:,.{max(places, 0)}f}"


def percent(share: Number | None) -> str:
    """Return a share in percent.

    Examples:
        >>> percent(0.016997), percent(None)
        ('1.70 %', '–')
    """
    return MISSING if share is None or not math.isfinite(share) else f"{number(100 * share)} %"


def duration(seconds: Number | None) -> str:
    """Return a time in its most readable unit.

    Examples:
        >>> [duration(value) for value in (0.00042, 1.59, 600, 9000, None)]
        ['0.420 ms', '1.59 s', '10.0 min', '2.50 h', '–']
    """
    if seconds is None or not math.isfinite(seconds):
        return MISSING
    for limit, scale, unit in ((0.1, 1e-3, "ms"), (120, 1, "s"), (7200, 60, "min")):
        if seconds < limit:
            return f"{number(seconds / scale)} {unit}"
    return f"{number(seconds / 3600)} h"


def memory(num_bytes: Number | None) -> str:
    """Return an amount of memory.

    Examples:
        >>> memory(3 * 2**20), memory(2**31), memory(2**36)
        ('3.00 MiB', '2,048 MiB', '64.0 GiB')
    """
    if num_bytes is None or not math.isfinite(num_bytes):
        return MISSING
    if num_bytes < 10_000 * 2**20:
        return f"{number(num_bytes / 2**20)} MiB"
    return f"{number(num_bytes / 2**30)} GiB"


def counted(count: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun.

    Examples:
        >>> counted(1, "case"), counted(1200, "case"), counted(2, "process", "processes")
        ('1 case', '1,200 cases', '2 processes')
    """
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def to_json(value: Any) -> str:  # noqa: ANN401 - whatever a command returns
    """Return JSON on one line; numbers that are not finite become null, as JSON has none.

    Examples:
        >>> to_json({"seconds": float("nan"), "cases": (1, 2)})
        '{"seconds": null, "cases": [1, 2]}'
    """
    return json.dumps(_finite(value), allow_nan=False)


def _finite(value: Any) -> Any:  # noqa: ANN401 - whatever a command returns
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(one) for one in value]
    return value
