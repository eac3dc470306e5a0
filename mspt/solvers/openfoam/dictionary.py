"""Writer of OpenFOAM's dictionary format from Python values."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Value = str | float | int | bool | Sequence[Any] | Mapping[str, Any]


def write_dictionary(path: Path, entries: Mapping[str, Value], *, kind: str = "dictionary") -> None:
    """Write a dictionary file with its header.

    Args:
        path: File to write.
        entries: Entries of the dictionary.
        kind: OpenFOAM class of the object, such as ``volScalarField``.
    """
    header = {"version": "2.0", "format": "ascii", "class": kind, "object": path.name}
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"FoamFile {to_text(header)}"]
    lines += [_entry(key, value) for key, value in entries.items()]
    path.write_text("\n".join(lines) + "\n", encoding="ascii")


def to_text(value: Value) -> str:
    """Return a value in OpenFOAM's syntax.

    Examples:
        >>> to_text({"box": [(0, 0), (1.5, 2)], "on": True, "type": "wall"})
        '{ box ((0 0) (1.5 2)); on yes; type wall; }'
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return "{ " + " ".join(_entry(key, item) for key, item in value.items()) + " }"
    if isinstance(value, Sequence):
        return "(" + " ".join(to_text(item) for item in value) + ")"
    return f"{value:.10g}"


def _entry(key: str, value: Value) -> str:
    """Return one entry; those that are dictionaries end without a semicolon."""
    text = f"{key} {to_text(value)}".strip()
    return text if isinstance(value, Mapping) else f"{text};"
