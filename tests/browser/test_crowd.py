"""The bounded form of ``make load``: a few visitors by protocol, who hardly think."""

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

import numpy as np
import pytest

from tests.load.crowd import visit_all
from tests.load.protocol import Tab, VisitError
from tests.load.report import Row, make_row
from tests.load.visits import (
    PAGES,
    THINK_LEAST,
    THINK_MEDIAN,
    THINK_MOST,
    Step,
    own_shape,
    think_seconds,
    tour,
)

ROOT = Path(__file__).parents[2]


def test_visitors_at_the_same_time_meet_no_error(address: str) -> None:
    crowd = visit_all(address, visitors=3, browsers=0, seconds=8.0, seed=1, pace=20.0)
    with ThreadPoolExecutor() as pool:  # the browser at hand has taken this thread's event loop
        steps = pool.submit(asyncio.run, crowd).result()
    assert not [one for one in steps if one.error]
    assert {one.visitor for one in steps} == {0, 1, 2}
    assert {"open", "control"} <= {one.kind for one in steps}  # pages, too, unless it is slow


@pytest.mark.parametrize("name", ["car\0.stl", "../../\0etc\0/car.stl"])
def test_file_whose_name_has_null_bytes_fails_in_one_line_and_the_server_goes_on(
    address: str, name: str
) -> None:
    """No browser sends such a name. Streamlit refuses it before the page sees it."""

    async def upload() -> tuple[str, int]:
        tab = Tab(address)
        await tab.open("upload")
        with pytest.raises(VisitError) as refused:
            await tab.upload(next(tab.controls("file_uploader")), name, own_shape(Random(3)))
        await tab.close()
        other = Tab(address)
        await other.open()
        shown = len(other.elements)
        await other.close()
        return str(refused.value), shown

    with ThreadPoolExecutor() as pool:
        words, shown = pool.submit(asyncio.run, upload()).result()
    assert words.startswith("This part of the page has failed")
    assert not [one for one in ("/", "\0", "Traceback", "stl") if one in words]
    assert shown > 20


def test_visitors_go_through_all_pages_of_the_app() -> None:
    listed = re.findall(r'st\.Page\("pages/(\w+)\.py"', (ROOT / "app.py").read_text("utf-8"))
    assert ["" if name == "home" else name for name in listed] == list(PAGES)
    assert all(sorted(tour(Random(seed))) == sorted(PAGES) for seed in range(20))


def test_visitors_think_as_long_as_the_document_says() -> None:
    random = Random(0)
    drawn = np.array([think_seconds(random) for _ in range(20_000)])
    assert np.isclose(np.median(drawn), THINK_MEDIAN, rtol=0.03)
    assert drawn.min() == THINK_LEAST
    assert drawn.max() == THINK_MOST
    assert np.isclose(drawn.mean(), 6.3, atol=0.2)


def step(kind: str, seconds: float, error: str = "") -> Step:
    return Step(
        visitor=0,
        tool="protocol",
        kind=kind,
        page="",
        what="",
        begin=0.0,
        seconds=seconds,
        error=error,
    )


def test_row_of_a_run_says_which_targets_are_missed() -> None:
    steps = [step("open", 50.0)] + [step("page", 0.5)] * 50 + [step("control", 0.25)] * 50
    settings = {"visitors": 2, "browsers": 1, "minutes": 1.0, "cpus": 2}
    good = make_row(steps, **settings, memory=(400.0, 1000.0, 2900.0, 1200.0))
    assert isinstance(good, Row)
    assert (good.steps, good.errors, good.median_page_s, good.median_open_s) == (101, 0, 0.5, 50.0)
    assert good.median_step_s == 0.38  # two digits of 0.375, between the two
    assert good.misses() == []
    slow = [*steps, *[step("control", 5.0, "no answer")] * 10]
    bad = make_row(slow, **settings, memory=(400.0, 1000.0, 3100.0, 1201.0))
    assert bad.misses() == [
        "10 errors",
        "95 % of steps within 5.0 s",
        "memory 1000 MB before and 1201 MB after",
        "3100 MB at most",
    ]
