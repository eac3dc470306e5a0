"""Progress of long work on standard error: a bar in a terminal, lines in a log, else nothing."""

import sys
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from io import TextIOBase
from time import monotonic
from typing import Literal, TypeVar

from tqdm import tqdm

Event = TypeVar("Event")

ProgressMode = Literal["auto", "log", "off"]
"""``auto`` draws a bar in a terminal only; ``log`` writes a line a minute; ``off``, nothing."""
LOG_SECONDS = 60.0
"""Time between two lines of a log."""
_SHARE_LINE = "{desc}: {percentage:.0f}%, {elapsed}{postfix}"
_SHARE_BAR = "{desc}{percentage:.0f}%|{bar}| {elapsed}{postfix}"  # tqdm adds the colon here


@dataclass(frozen=True)
class ShareDone:
    """A part of long work is done.

    Attributes:
        share: Of all the work, from 0 to 1.
    """

    share: float


class ProgressBar:
    """Shows how far long work has come, on standard error."""

    def __init__(
        self,
        *,
        unit: str,
        title: str = "",
        mode: ProgressMode = "auto",
        file: TextIOBase | None = None,
    ) -> None:
        """Start at zero.

        Args:
            unit: What is counted, such as ``case``; ``%`` for a share, which is shown without a
                rate and the time left, as its steps take unequal time.
            title: Words in front of the numbers.
            mode: Where progress is shown.
            file: A stream other than standard error.
        """
        self._file = sys.stderr if file is None else file
        self._log = mode == "log"
        self._hidden = mode == "off" or (mode == "auto" and not self._file.isatty())
        self._unit, self._title = unit, title
        self._first: int | None = None
        self._start = monotonic()
        self._bar: tqdm | None = None
        self._last_line = float("-inf")

    def __enter__(self) -> "ProgressBar":
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the bar where it is, so that later lines start below it."""
        if self._bar is not None:
            self._bar.close()

    def reach(self, done: int, total: int, *, words: str = "", title: str = "") -> None:
        """Move to ``done`` of ``total``, with words behind the numbers and a title before them."""
        if self._hidden:
            return
        self._title = title or self._title
        if self._first is None:
            # What an earlier run did is left out of the rate that the time left is estimated from.
            self._first = max(done - 1, 0)
        if self._log:
            self._write_line(done, total, words)
        else:
            self._draw(done, total, words)

    def note(self, line: str) -> None:
        """Write a line that stays, above the bar."""
        if not self._hidden:
            tqdm.write(line, file=self._file)

    def _draw(self, done: int, total: int, words: str) -> None:
        if self._bar is None:
            self._bar = tqdm(
                total=total,
                initial=self._first or 0,
                unit=self._unit,
                file=self._file,
                dynamic_ncols=True,
                bar_format=_SHARE_BAR if self._unit == "%" else None,
            )
        self._bar.total = total
        self._bar.set_description(self._title or None, refresh=False)
        self._bar.set_postfix_str(words, refresh=False)
        self._bar.update(done - self._bar.n)

    def _write_line(self, done: int, total: int, words: str) -> None:
        now = monotonic()
        if done < total and now - self._last_line < LOG_SECONDS:
            return
        self._last_line = now
        is_share = self._unit == "%"
        line = tqdm.format_meter(
            done,
            total,
            now - self._start,
            ncols=None if is_share else 0,  # no bar, only its numbers
            bar_format=_SHARE_LINE if is_share else None,
            prefix=self._title,
            unit=self._unit,
            initial=self._first or 0,
            postfix=words,
        )
        print(line, file=self._file, flush=True)


def last_event(events: Iterable[Event]) -> Event:
    """Run long work to its end and return its last event, which is its result.

    Raises:
        ValueError: If there is no event.

    Examples:
        >>> last_event(iter(["begun", "done"]))
        'done'
    """
    ended = deque(events, maxlen=1)
    if not ended:
        raise ValueError("events must end with a result, got none")
    return ended[0]
