"""A crowd: one server, many visitors, and what they have seen."""

import asyncio
import os
from collections.abc import Awaitable
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random
from time import monotonic

from tests.load import browsers as real
from tests.load.protocol import Tab
from tests.load.report import Row, make_row
from tests.load.server import ROOT, served, tree_megabytes, watched
from tests.load.visits import ARRIVAL, PAGES, Step, Visitor, visit


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
    usable = tuple(sorted(os.sched_getaffinity(0)))[:cpus]
    with served(cpus=usable, folder=folder, log=log) as (address, process):
        start = tree_megabytes(process)
        await look_at_all(address)
        with watched(process) as memory:
            before = memory[0]
            steps = await visit_all(
                address, visitors=visitors, browsers=browsers, seconds=seconds, seed=seed
            )
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


async def visit_all(
    address: str, *, visitors: int, browsers: int, seconds: float, seed: int = 0, pace: float = 1.0
) -> list[Step]:
    """Let a crowd visit a server that runs, and return all its steps.

    Args:
        address: Of the server.
        visitors: How many at a time.
        browsers: How many of them have a real browser.
        seconds: How long.
        seed: Of all that visitors choose.
        pace: How many times less than a person they think.
    """
    steps: list[Step] = []
    begin = monotonic()
    async with AsyncExitStack() as open_things:
        chromium = await open_things.enter_async_context(real.browser()) if browsers else None
        visits = []
        for number in range(visitors):
            one = Visitor(
                number=number,
                address=address,
                random=Random(f"{seed}-{number}"),
                end=begin + seconds,
                pace=pace,
                presses_all=number == browsers,
                steps=steps,
                begin=begin,
            )
            wait = one.random.uniform(0.0, min(ARRIVAL * visitors, seconds / 4))
            going = real.visit(one, chromium) if number < browsers else visit(one)
            visits.append(_after(wait, going, one))
        await asyncio.gather(*visits)
    return steps


async def _after(seconds: float, going: Awaitable[None], visitor: Visitor) -> None:
    """Let a visitor come after some seconds; what ends the visit is an error of the run."""
    await asyncio.sleep(seconds)
    begin = monotonic()
    try:
        await going
    except Exception as failure:  # noqa: BLE001 - the other visitors go on
        error = f"{type(failure).__name__}: {failure}"
        visitor.note(
            "visitor", kind="visit", page="", what="all", seconds=monotonic() - begin, error=error
        )


async def look_at_all(address: str) -> None:
    """Open each page once, as one visitor: what the server then holds is the state before."""
    tab = Tab(address)
    await tab.open()
    for page in PAGES[1:]:
        await tab.turn_to(page)
    await tab.close()
