"""Measure the waiting times of a visitor: ``python assets/waits.py`` from the project's folder.

Starts the app on a free port, drives it in headless Chromium, which draws in software, and prints
one line for each wait: milliseconds from a key or click to the finished picture. Where the page
stays open, its own clock is used.
"""

import argparse
import shutil
from collections.abc import Callable
from statistics import median
from time import perf_counter

from playwright.sync_api import Page, sync_playwright
from screenshots import FLAGS, READY, serve, settle

CLOUD = "/patches?source=stress&stress_case=uniform&stress_points=32768&K=128"
WATCH = """() => {
  let host;  // found once, as the search takes time from the page
  const found = path => {
    if (!host?.isConnected || !host.shadowRoot.querySelector(path)) {
      host = [...document.querySelectorAll('*')].find(one => one.shadowRoot?.querySelector(path));
    }
    return host?.shadowRoot.querySelector(path).getAttribute('aria-label');
  };
  const path = '.mspt-viewer[data-ready] .stage', before = found(path);
  window.drawn = new Promise((resolve, reject) => {
    let start;
    setTimeout(() => reject(new Error('no other scene within a minute')), 60_000);
    for (const act of ['keydown', 'click']) {
      addEventListener(act, event => { start ??= event.timeStamp; }, { capture: true, once: true });
    }
    const poll = () => {
      const now = found(path);
      if (start && now && now !== before) resolve(performance.now() - start);
      else setTimeout(poll, 10);
    };
    poll();
  });
}"""
"""Measures in the page the time from the first key or click to another finished scene."""


def until_drawn(page: Page, act: Callable[[], object]) -> float:
    """Return the time from an act to the finished picture of another scene."""
    page.evaluate(WATCH)
    act()
    spent = page.evaluate("window.drawn")
    page.wait_for_selector(READY)
    page.wait_for_timeout(500)
    return spent


def until_solved(page: Page, act: Callable[[], object]) -> float:
    """Return the time from an act until the script has ended with other numbers on the page."""
    numbers = "[...document.querySelectorAll('[data-testid=stMetricValue]')].map(n => n.innerText)"
    before, start = page.evaluate(f"{numbers}.join()"), perf_counter()
    act()
    page.wait_for_function(f"before => {numbers}.join() !== before", arg=before, timeout=60_000)
    page.wait_for_selector(READY)
    return 1000 * (perf_counter() - start)


def until_seen(page: Page, address: str) -> float:
    """Return the time from a visit to the first finished picture."""
    start = perf_counter()
    page.goto(address)
    page.wait_for_selector(".mspt-viewer[data-ready]", timeout=60_000)
    return 1000 * (perf_counter() - start)


def report(what: str, times: list[float]) -> None:
    """Print one wait."""
    words = f"median {median(times):5.0f} ms, {min(times):.0f} to {max(times):.0f}, {len(times)} x"
    print(f"{what:46} {words}", flush=True)  # noqa: T201 - a script that prints


def measure(page: Page, address: str, repeats: int) -> None:
    """Visit the pages and print each wait."""
    report("first page of a server just started", [until_seen(page, address)])
    settle(page)
    report("first page again", [until_seen(page, address) for _ in range(3)])
    page.goto(address + CLOUD)
    settle(page)
    number = page.locator(".st-key-K input").first
    slider = page.locator(
        ".st-key-K_slider input[type=range], .st-key-K_slider [role=slider]"
    ).first

    def typed(turn: int) -> Callable[[], object]:
        number.fill(str(100 + 3 * turn))
        return lambda: number.press("Enter")

    def slid(turn: int) -> Callable[[], object]:
        slider.focus()
        return lambda: page.keyboard.press("ArrowRight" if turn % 4 < 2 else "ArrowLeft")

    for what, act in (("typed", typed), ("slid", slid)):
        times = [until_drawn(page, act(turn)) for turn in range(repeats)]
        report(f"another K, {what}, 32,768 points", times)
    for source in ("car", "elasticity"):
        page.goto(f"{address}/explore?source={source}")
        settle(page)
        following = page.locator(".st-key-case_next button").first
        times = [until_drawn(page, following.click) for _ in range(repeats)]
        report(f"another case, {source}", times)
    page.goto(f"{address}/draw?elasticity_start=Circle")
    settle(page)
    handle = page.get_by_role("slider", name="Radius at 90 degrees")

    def moved() -> None:
        handle.focus()
        page.keyboard.press("ArrowUp")

    report(
        "another hole, predicted and solved", [until_solved(page, moved) for _ in range(repeats)]
    )


def main() -> None:
    """Print all waits."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=8)
    args = parser.parse_args()
    with serve() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        measure(page, address, args.repeats)
        browser.close()


if __name__ == "__main__":
    main()
