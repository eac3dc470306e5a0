"""The progress bar of the command line."""

from collections import deque
from collections.abc import Callable, Iterable
from time import monotonic
from typing import Any, TypeVar

from tqdm import tqdm

Event = TypeVar("Event")

OnProgress = Callable[[int, int], object]
"""What long work calls after each of its parts, with how many are done and how many there are."""
LOG_SECONDS = 60.0
"""Time between two lines where nobody watches: in a file or a pipe."""


class ProgressBar(tqdm):
    """A bar that moves in a terminal, and that a log file gets a line a minute of."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - those of tqdm
        """Start the bar."""
        self._last_line = float("-inf")
        super().__init__(dynamic_ncols=True, **options)

    def refresh(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 - those of tqdm
        """Draw the bar anew, if it is time to."""
        now = monotonic()
        if self.fp.isatty() or now - self._last_line >= LOG_SECONDS:
            self._last_line = now
            super().refresh(*args, **options)

    def reach(self, done: int, total: int) -> None:
        """Move to where the work is."""
        self.total = total
        self.update(done - self.n)


def quiet(done: int, total: int) -> None:
    """Tell nobody."""


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
