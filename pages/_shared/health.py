"""Whether the server is well: it is if a tiny cloud can be predicted."""

import asyncio
import logging
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from starlette.requests import Request
from starlette.responses import JSONResponse

from mspt.inference.tiny import predict_tiny

PATH = "/healthz"
HOLD = 10.0
"""Seconds for which an answer is given again: asking often is no way to keep the server busy."""

PATIENCE = 6.0
"""Seconds for a prediction that takes some milliseconds; assets/health.py waits longer."""

_PRETRAINED = Path("pretrained")
_LOG = logging.getLogger("mspt.health")


@dataclass(frozen=True)
class Answer:
    """How the server was at some moment.

    Attributes:
        until: When to look again, as :func:`time.monotonic` tells.
        milliseconds: Time of the prediction; None where there was none.
    """

    until: float
    milliseconds: float | None = None

    @property
    def is_well(self) -> bool:
        """Whether it could predict."""
        return self.milliseconds is not None


class Health:
    """Looks at most once in ``HOLD`` seconds, whoever asks how often."""

    def __init__(self, folder: Path = _PRETRAINED) -> None:
        self._folder = folder
        self._last: Answer | None = None
        self._look: asyncio.Task[Answer] | None = None

    async def answer(self, _: Request) -> JSONResponse:
        """Answer a request: 200 if the server is well, 503 if not."""
        now = monotonic()
        if self._last is None or now >= self._last.until:
            if self._look is None or self._look.done():
                self._look = asyncio.create_task(self._predict())
            # The task goes on if it takes too long, so that no second one begins meanwhile.
            done, _waiting = await asyncio.wait([self._look], timeout=PATIENCE)
            self._last = self._look.result() if done else Answer(monotonic() + HOLD / 2)
        found = self._last
        milliseconds = None if found.milliseconds is None else round(found.milliseconds, 1)
        content = {"status": "ok" if found.is_well else "failed", "prediction_ms": milliseconds}
        status = 200 if found.is_well else 503
        return JSONResponse(content, status, headers={"cache-control": "no-store"})

    async def _predict(self) -> Answer:
        try:
            seconds = await asyncio.to_thread(predict_tiny, self._folder)
        except Exception:  # noqa: BLE001 - whatever it is, the server is not well
            _LOG.exception("The server cannot predict")  # visitors learn no more than that
            return Answer(monotonic() + HOLD)
        return Answer(monotonic() + HOLD, 1000 * seconds)
