"""Whose turn it is: work that would disturb each other runs one after the other, first come first.

A lock goes to whoever asks first once it is free, so that of many that wait one may wait for ever,
and none can be told how long.
"""

from collections import deque
from dataclasses import dataclass
from statistics import mean
from threading import Condition
from time import monotonic

REMEMBERED = 8
"""Turns whose lengths an expected wait is based on."""


@dataclass(frozen=True, eq=False)
class Ticket:
    """The place of one piece of work; no two are equal."""


class Turns:
    """The order of all that use one thing, such as the solver."""

    def __init__(self) -> None:
        self._tickets: deque[Ticket] = deque()
        self._lengths: deque[float] = deque(maxlen=REMEMBERED)
        self._changed = Condition()
        self._since: float | None = None  # when the turn of the first ticket began

    def join(self) -> Ticket:
        """Take the last place."""
        ticket = Ticket()
        with self._changed:
            self._tickets.append(ticket)
        return ticket

    def wait(self, ticket: Ticket, seconds: float) -> bool:
        """Return whether it is the ticket's turn, waiting for that at most some seconds."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._tickets[0] is ticket, seconds):
                return False
            self._since = self._since or monotonic()
            return True

    def leave(self, ticket: Ticket) -> None:
        """Give up the place or end the turn; a ticket that has left already may leave again."""
        with self._changed:
            if ticket not in self._tickets:
                return
            if self._tickets[0] is ticket and self._since is not None:
                self._lengths.append(monotonic() - self._since)
                self._since = None
            self._tickets.remove(ticket)
            self._changed.notify_all()

    def ahead(self, ticket: Ticket) -> int:
        """Return how many come before a ticket, the one whose turn it is included."""
        with self._changed:
            return self._tickets.index(ticket) if ticket in self._tickets else 0

    def expected_seconds(self, ticket: Ticket) -> float | None:
        """Return about how long a ticket will wait; None before the first turn has ended."""
        with self._changed:
            if not self._lengths or ticket not in self._tickets:
                return None
            usual, place = mean(self._lengths), self._tickets.index(ticket)
            begun = self._since
            spent = 0.0 if begun is None or not place else min(usual, monotonic() - begun)
            return place * usual - spent


def waiting_words(ahead: int, seconds: float | None) -> str:
    """Return what a visitor is told who waits.

    Examples:
        >>> waiting_words(1, None), waiting_words(3, 41.6)
        ('Waiting for 1 other', 'Waiting for 3 others, about 42 s')
    """
    words = f"Waiting for {ahead} other{'s' * (ahead > 1)}"
    if seconds is None:
        return words
    about = f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
    return f"{words}, about {about}"
