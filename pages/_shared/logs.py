"""The server's log: lines of text, or one JSON object a line for programs that collect logs."""

import json
import logging
import sys
from collections.abc import Mapping
from datetime import UTC, datetime

VARIABLE = "MSPT_LOG"
FORMATS = ("text", "json")
MOST_MESSAGE, MOST_TRACE = 4_000, 16_000
"""Characters of a message and of an exception that a line holds."""


def log_format(variables: Mapping[str, str]) -> str:
    """Return the format that the environment asks for.

    Raises:
        ValueError: If it asks for another than ``FORMATS``.

    Examples:
        >>> log_format({}), log_format({"MSPT_LOG": "json"})
        ('text', 'json')
    """
    found = variables.get(VARIABLE) or FORMATS[0]
    if found not in FORMATS:
        raise ValueError(f"{VARIABLE} must be {' or '.join(FORMATS)}, got {found!r}")
    return found


class JSONLines(logging.Formatter):
    """Writes a record as one line: time in UTC, level, logger, message, and an exception if any."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage()[:MOST_MESSAGE],
        }
        if record.exc_info:
            # The end of a traceback says what failed.
            line["exception"] = self.formatException(record.exc_info)[-MOST_TRACE:]
        return json.dumps(line, ensure_ascii=False)


def write_json() -> None:
    """Write the logs of this process, Streamlit's included, as JSON to standard error."""
    from streamlit import logger as streamlits

    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JSONLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]

    def pass_on(one: logging.Logger) -> None:
        """Let a logger of Streamlit, each of which writes by itself, pass records to the root."""
        one.handlers.clear()
        one.propagate = True

    streamlits.setup_formatter = pass_on
    streamlits.update_formatter()
    logging.captureWarnings(capture=True)
