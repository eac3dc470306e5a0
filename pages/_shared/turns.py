"""Whose turn it is: work that would disturb each other runs one after the other, first come first.

A lock goes to whoever asks first once it is free, so that of many that wait one may wait for ever,
and none can be told how long.
"""

from collections import deque
from dataclasses import dataclass, field
from statistics import mean
from threading import Condition
from time import monotonic

REMEMBERED = 8
"""Turns whose lengths an expected wait is based on."""


@dataclass(eq=False)
class Ticket:
    """The place of one piece of work.

    Attributes:
        since: When its turn began, as :func:`time.monotonic` tells; None while it waits.
    """

    since: float | None = None


@dataclass(eq=False)
class Turns:
    """The order of all that use one thing, such as the solver."""

    _tickets: deque[Ticket] = field(default_factory=deque)
    _lengths: deque[float] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    _changed: Condition = field(default_factory=Condition)

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
            ticket.since = ticket.since or monotonic()
            return True

    def leave(self, ticket: Ticket) -> None:
        """Give up the place or end the turn; a ticket that has left already may leave again."""
        with self._changed:
            if ticket in self._tickets:
                self._tickets.remove(ticket)
                if ticket.since is not None:
                    self._lengths.append(monotonic() - ticket.since)
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
            begun = self._tickets[0].since
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
