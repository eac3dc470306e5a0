"""A crowd: one server, many visitors, and what they have seen."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random
from time import monotonic

from tests.load import browsers as real
from tests.load.protocol import Tab
from tests.load.report import Row, make_row
from tests.load.server import ROOT, served, tree_megabytes, watched
from tests.load.visits import ARRIVAL, PAGES, Step, visit


async def run(
    *,
    visitors: int,
    browsers: int,
    seconds: float,
    rest: float,
    cpus: int,
    seed: int = 0,
    folder: Path = ROOT,
    log: Path | None = None,
) -> tuple[list[Step], Row]:
    """Let a crowd visit a new server.

    Args:
        visitors: How many at a time.
        browsers: How many of them have a real browser.
        seconds: How long.
        rest: Seconds after all have left, before memory is read for the last time.
        cpus: Processors of the server.
        seed: Of all that visitors choose.
        folder: The project's folder.
        log: File for the server's output.
    """
    steps: list[Step] = []
    usable = tuple(sorted(os.sched_getaffinity(0)))[:cpus]
    with served(cpus=usable, folder=folder, log=log) as (address, process):
        start = tree_megabytes(process)
        await _look_at_all(address)
        with watched(process) as memory:
            before, begin = memory[0], monotonic()

            def record(**found: object) -> None:
                steps.append(Step(**{**found, "begin": found["begin"] - begin}))

            end = begin + seconds
            async with AsyncExitStack() as open_things:
                chromium = (
                    await open_things.enter_async_context(real.browser()) if browsers else None
                )
                visits = []
                for number in range(visitors):
                    random = Random(f"{seed}-{number}")
                    common = {"random": random, "end": end, "record": record}
                    one = (
                        real.visit(number, address, chromium, **common)
                        if number < browsers
                        else visit(number, address, presses_all=number == browsers, **common)
                    )
                    wait = random.uniform(0.0, min(ARRIVAL * visitors, seconds / 4))
                    visits.append(_after(wait, one, number, record))
                await asyncio.gather(*visits)
            await asyncio.sleep(rest)
            after = tree_megabytes(process)
        row = make_row(
            steps,
            visitors=visitors,
            browsers=browsers,
            minutes=round(seconds / 60, 2),
            cpus=len(usable),
            memory=(start, before, max(memory), after),
        )
    return steps, row


async def _after(
    seconds: float, visit_of: Awaitable[None], number: int, record: Callable[..., None]
) -> None:
    """Let a visitor come after some seconds; what ends the visit is an error of the run."""
    await asyncio.sleep(seconds)
    begin = monotonic()
    try:
        await visit_of
    except Exception as failure:  # noqa: BLE001 - the other visitors go on
        record(
            visitor=number,
            tool="visitor",
            kind="visit",
            page="",
            what="the whole visit",
            begin=begin,
            seconds=monotonic() - begin,
            error=f"{type(failure).__name__}: {failure}",
        )


async def _look_at_all(address: str) -> None:
    """Open each page once, as one visitor: what the server then holds is the state before."""
    tab = Tab(address)
    await tab.open()
    for page in PAGES[1:]:
        await tab.turn_to(page)
    await tab.close()
