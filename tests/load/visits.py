"""What visitors do, whatever they do it with: which pages, how many steps, how long they think."""

import asyncio
from collections.abc import Awaitable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from time import monotonic

from streamlit.proto.Slider_pb2 import Slider
from streamlit.proto.WidgetStates_pb2 import WidgetState

from tests.load.protocol import Element, Tab, VisitError

PAGES = (
    "",
    "explore",
    "upload",
    "compare",
    "roof",
    "draw",
    "patches",
    "attention",
    "train",
    "scaling",
    "benchmarks",
    "documents",
)
"""Paths of all pages; a test compares them with those of the app."""

STEPS_PER_PAGE = 3
THINK_MEDIAN, THINK_SPREAD, THINK_LEAST, THINK_MOST = 5.0, 0.7, 1.0, 30.0
"""Seconds between two steps of a visitor: log-normal, within bounds. The mean is 6.3 s."""

ARRIVAL = 2.0
"""Mean seconds between two arrivals at the beginning, which takes at most a quarter of the time."""

UPLOADS = 0.2
"""How many of the visits to *Upload a shape* bring a shape of one's own."""

LONG_WORK = (
    "Train",
    "Race",
    "Solve it now",
    "Measure",
    "Calibrate",
    "Predict all",
    "Evaluate",
    "Run",
    "Offer",
    "Keep",
)
"""Labels of buttons that begin with these start work of up to minutes: one visitor presses them."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One interaction.

    Attributes:
        visitor: Number of the visitor.
        tool: ``protocol`` or ``browser``.
        kind: ``open`` for a new tab, ``page`` for another page, ``control``, or ``upload``.
        page: Path of the page.
        what: What was used.
        begin: Seconds since the beginning of the run.
        seconds: Until the script had run and the page was idle.
        error: What a visitor would complain about; empty for none.
    """

    visitor: int
    tool: str
    kind: str
    page: str
    what: str
    begin: float
    seconds: float
    error: str = ""


def think_seconds(random: Random) -> float:
    """Return how long a visitor thinks before a step."""
    drawn = random.lognormvariate(0.0, THINK_SPREAD) * THINK_MEDIAN
    return min(max(drawn, THINK_LEAST), THINK_MOST)


def tour(random: Random) -> list[str]:
    """Return all pages in the order in which a visitor opens them, most often Home first."""
    others = random.sample(PAGES[1:], len(PAGES) - 1)
    place = 0 if random.random() < 0.7 else random.randrange(1, len(PAGES))
    return [*others[:place], "", *others[place:]]


# --- controls ------------------------------------------------------------------------------------


def possible_steps(tab: Tab, *, presses_all: bool) -> list[tuple[Element, WidgetState, str]]:
    """Return what can be done on a page: each control with another value, and each button."""
    found = []
    kinds = ("button_group", "selectbox", "slider", "checkbox", "number_input", "button")
    for one in tab.controls(*kinds):
        for state, shown in _values(one, presses_all=presses_all):
            if state != tab.value(one):
                found.append((one, state, shown))
    return found


def _values(element: Element, *, presses_all: bool) -> Iterator[tuple[WidgetState, str]]:
    """Yield the values of a control, each with its form in the address."""
    proto = element.proto
    name = proto.id
    if element.kind == "button":
        if presses_all or not proto.label.startswith(LONG_WORK):
            yield WidgetState(id=name, trigger_value=True), ""
    elif element.kind == "checkbox":
        for value in (True, False):
            yield WidgetState(id=name, bool_value=value), str(value).lower()
    elif element.kind == "number_input":
        for value in {proto.min, min(proto.max, proto.default + proto.step)}:
            yield WidgetState(id=name, double_value=value), f"{value:g}"
    elif element.kind == "slider" and proto.type != Slider.Type.SELECT_SLIDER:
        for value in (proto.min, proto.max):
            state = WidgetState(id=name)
            state.double_array_value.data.append(value)
            yield state, f"{value:g}"
    else:
        yield from _options(element)


def _options(element: Element) -> Iterator[tuple[WidgetState, str]]:
    proto = element.proto
    for option in proto.options:
        text = option.content if element.kind == "button_group" else option
        state = WidgetState(id=proto.id)
        if element.kind == "selectbox":
            state.string_value = text
        else:
            state.string_array_value.data.append(text)
        yield state, text


def pick_step(
    found: list[tuple[Element, WidgetState, str]], random: Random
) -> tuple[Element, WidgetState, str]:
    """Choose a control first, each as often as the others, then its value."""
    name = random.choice(sorted({one.proto.id for one, _, _ in found}))
    return random.choice([one for one in found if one[0].proto.id == name])


def own_shape(random: Random) -> bytes:
    """Return a shape that no other visitor has, as an STL file: a body of 1,800 triangles."""
    import numpy as np
    import trimesh

    mesh = trimesh.creation.uv_sphere(count=[30, 32])
    size = np.array([4.0, 1.6 + 0.4 * random.random(), 1.3 + 0.4 * random.random()])
    return mesh.apply_scale(size / 2).export(file_type="stl")


# --- a visitor -----------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, eq=False)
class Visitor:
    """One visitor.

    Attributes:
        number: Counted from 0.
        address: Of the server.
        random: Where choices come from.
        end: When to leave, as :func:`time.monotonic` tells.
        pace: How many times less than a person they think.
        presses_all: Whether they start work of minutes, too.
        steps: Where steps of all visitors are noted.
        begin: When the run began.
    """

    number: int
    address: str
    random: Random
    end: float
    pace: float
    presses_all: bool
    steps: list[Step]
    begin: float

    async def think(self) -> bool:
        """Think, and return whether there is time for another step."""
        await asyncio.sleep(think_seconds(self.random) / self.pace)
        return monotonic() < self.end

    def note(self, tool: str, *, seconds: float, **found: str) -> None:
        """Note a step that has just ended."""
        begin = monotonic() - seconds - self.begin
        self.steps.append(
            Step(visitor=self.number, tool=tool, begin=begin, seconds=seconds, **found)
        )


async def visit(visitor: Visitor) -> None:
    """Go through all pages again and again, each time in a new tab, until the time is over."""
    while monotonic() < visitor.end:
        tab = Tab(visitor.address)
        try:
            await _round(tab, visitor)
        except VisitError:
            await visitor.think()  # it has been noted: begin again
        finally:
            with suppress(Exception):
                await tab.close()


async def _round(tab: Tab, visitor: Visitor) -> None:
    pages = tour(visitor.random)
    await _timed(visitor, tab.open(pages[0]), kind="open", page=pages[0], what=pages[0])
    for index, page in enumerate(pages):
        if index:
            if not await visitor.think():
                return
            await _timed(visitor, tab.turn_to(page), kind="page", page=page, what=page)
        for _ in range(STEPS_PER_PAGE):
            if not await visitor.think():
                return
            await _use_control(tab, visitor, page)


async def _use_control(tab: Tab, visitor: Visitor, page: str) -> None:
    random = visitor.random
    uploader = next(tab.controls("file_uploader"), None)
    if page == "upload" and uploader and random.random() < UPLOADS:
        step = tab.upload(uploader, "mine.stl", own_shape(random))
        await _timed(visitor, step, kind="upload", page=page, what="upload")
    elif found := possible_steps(tab, presses_all=visitor.presses_all):
        element, state, shown = pick_step(found, random)
        what = f"{element.proto.label or element.proto.id} = {shown}"
        await _timed(visitor, tab.set(element, state, shown), kind="control", page=page, what=what)


async def _timed(visitor: Visitor, step: Awaitable[None], **found: str) -> None:
    begin, error = monotonic(), ""
    try:
        await step
    except VisitError as failure:
        error = str(failure)
        raise
    finally:
        visitor.note("protocol", seconds=monotonic() - begin, error=error, **found)
