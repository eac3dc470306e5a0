"""Visitors with a real browser, which draws in software."""

import os
import shutil
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress
from random import Random
from time import monotonic

from playwright.async_api import Browser, Locator, Page, async_playwright
from playwright.async_api import Error as BrowserError

from assets.screenshots import FLAGS
from tests.load.protocol import PATIENCE
from tests.load.visits import LONG_WORK, STEPS_PER_PAGE, Visitor, tour

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
_WATCH = """
window.__runs = {begun: 0, ended: 0};
new MutationObserver(() => {
  const app = document.querySelector("[data-testid=stApp]");
  const state = app?.getAttribute("data-test-script-state");
  if (state === window.__runs.state) return;
  window.__runs.state = state;
  if (state === "running") window.__runs.begun += 1;
  if (state === "notRunning") window.__runs.ended += 1;
}).observe(document, {subtree: true, childList: true, attributes: true,
                      attributeFilter: ["data-test-script-state"]});
"""
_IDLE = """(before) => {
  const app = document.querySelector("[data-testid=stApp]");
  return app?.getAttribute("data-test-script-state") === "notRunning"
    && app.getAttribute("data-test-connection-state") === "CONNECTED"
    && window.__runs.ended > before
    && !document.querySelector(".mspt-viewer:not([data-ready])");
}"""
_CONTROLS = (
    "[data-testid=stMain] [data-testid=stButtonGroup] button:not([disabled]), "
    "[data-testid=stMain] [data-testid=stCheckbox] label, "
    "[data-testid=stMain] [data-testid=stButton] button:not([disabled])"
)
_FAILED = "text=This part of the page has failed"


@asynccontextmanager
async def browser() -> AsyncIterator[Browser]:
    """Start the browser that all visitors of this kind share, each in a context of their own.

    In life each has a machine of its own, and here it gets what the server leaves: what a process
    starts takes over its scheduling.
    """
    usual = os.sched_getscheduler(0)
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        os.sched_setscheduler(0, usual, os.sched_param(0))
        yield chromium
        await chromium.close()


async def visit(visitor: Visitor, chromium: Browser) -> None:
    """Go through all pages again and again, each time in a new context, until the time is over."""
    while monotonic() < visitor.end:
        window = await chromium.new_context(viewport={"width": 1280, "height": 800})
        await window.add_init_script(_WATCH)
        page = await window.new_page()
        page.set_default_timeout(PATIENCE * 1000)
        try:
            await _round(page, visitor)
        except BrowserError:
            await visitor.think()  # it has been noted: begin again
        finally:
            with suppress(BrowserError):
                await window.close()


async def _round(page: Page, visitor: Visitor) -> None:
    pages = tour(visitor.random)
    for index, path in enumerate(pages):
        if index == 0:
            step = page.goto(f"{visitor.address}/{path}")
            await _timed(page, visitor, step, kind="open", path=path)
        else:
            if not await visitor.think():
                return
            link = page.locator(f'[data-testid=stSidebarNavLink][href$="/{path}"]').first
            await _timed(page, visitor, link.click(), kind="page", path=path)
        for _ in range(STEPS_PER_PAGE):
            if not await visitor.think():
                return
            if (control := await _pick(page, visitor.random)) is not None:
                step = control.click(force=True)
                await _timed(page, visitor, step, kind="control", path=path)


async def _pick(page: Page, random: Random) -> Locator | None:
    """Return a control that can be seen and does not start long work; None if there is none."""
    found = [
        one
        for one in await page.locator(_CONTROLS).all()
        if await one.is_visible() and not (await one.inner_text()).strip().startswith(LONG_WORK)
    ]
    return random.choice(found) if found else None


async def _timed(
    page: Page, visitor: Visitor, action: Awaitable[object], *, kind: str, path: str
) -> None:
    """Do something and wait until the script has run and all scenes are drawn."""
    before = 0 if kind == "open" else await page.evaluate("window.__runs.ended")
    begin = monotonic()

    def note(error: str) -> None:
        seconds = monotonic() - begin
        visitor.note("browser", kind=kind, page=path, what=kind, seconds=seconds, error=error)

    try:
        await action
        if kind == "control" and not await _has_begun(page, before):
            return  # nothing on the page depended on it
        await page.wait_for_function(_IDLE, arg=before, polling=50)
        note("this part of the page has failed" if await page.locator(_FAILED).count() else "")
    except BrowserError as failure:
        note(str(failure).partition("\n")[0])
        raise


async def _has_begun(page: Page, before: int) -> bool:
    """Return whether a click has started a run; it has, or will not, within two seconds."""
    try:
        await page.wait_for_function(
            "(n) => window.__runs.state === 'running' || window.__runs.ended > n",
            arg=before,
            timeout=2000,
            polling=50,
        )
    except BrowserError:
        return False
    return True
