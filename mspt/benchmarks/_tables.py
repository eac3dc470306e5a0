"""Tables of measurements that a command has written: read as rows of one kind."""

from io import StringIO
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd

from mspt.errors import MSPTError
from mspt.reading import read_text

Row = TypeVar("Row")


def read_rows_of(kind: type[Row], path: Path, *, what: str, command: str) -> tuple[Row, ...]:
    """Return the rows of a CSV file whose columns include the fields of a dataclass.

    Args:
        kind: The dataclass.
        path: The file.
        what: What the rows are, in the plural.
        command: The command that writes them.

    Raises:
        MSPTError: If the file is missing or is no such table.
    """
    rule = f"{path.name} must be a table of {what}"
    advice = f"write it anew with `python -m mspt {command}`"
    text = read_text(path, rule=rule, advice=advice)
    names = list(kind.__dataclass_fields__)  # pyright: ignore[reportAttributeAccessIssue]
    try:
        table = pd.read_csv(StringIO(text)).loc[:, names]
    except (KeyError, ValueError) as error:
        raise MSPTError(f"{rule}, got another table; {advice}") from error
    rows: list[dict[str, Any]] = table.to_dict("records")
    return tuple(kind(**row) for row in rows)
