"""Take the pictures of the README: ``python assets/screenshots.py`` from the project's folder.

Starts the app on a free port, opens each page in headless Chromium and writes
``assets/screenshots/<page>-<theme>.png``.
"""

import argparse
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import BrowserContext, Page, expect, sync_playwright

PAGES = {
    "home": "/",
    "explore": "/explore?source=car&car_case=car-0021",
    "explore-darcy": "/explore?source=darcy",
    "upload": "/upload?sample=Estate+on+wheels",
    "compare": "/compare",
    "draw": "/draw",
    "draw-darcy": "/draw?dataset=darcy",
    "patches": "/patches?K=64&Q=1",
    "attention": "/attention",
    "scaling": "/scaling",
    "benchmarks": "/benchmarks",
}
READY = (
    "[data-testid=stApp][data-test-script-state=notRunning][data-test-connection-state=CONNECTED]"
)
DRAWN = (
    ".js-plotly-plot .main-svg, iframe[srcdoc], .mspt-viewer[data-ready], "
    # A drawing without a result.
    "body:not(:has([data-testid=stPlotlyChart])) .draw[data-ready]"
)
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-gpu-compositing",  # WebGL is drawn as before; the page around it in less time
]


@contextmanager
def serve(app: str = "serve.py", *, folder: Path | None = None) -> Iterator[str]:
    """Run the app on a free port, from a folder if not from this one, and yield its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = [
        "--server.port",
        str(port),
        "--server.address",
        "127.0.0.1",
        "--server.headless=true",
    ]
    server = subprocess.Popen(
        [sys.executable, "-m", "streamlit", "run", app, *options],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        wait_until_up(f"{address}/_stcore/health")
        yield address
    finally:
        server.terminate()
        try:
            server.wait(timeout=60)
        except subprocess.TimeoutExpired:
            server.kill()


def wait_until_up(address: str, *, seconds: float = 180) -> None:
    """Wait until a server answers."""
    end = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except (urllib.error.URLError, OSError):
            if time.monotonic() > end:
                raise
            time.sleep(0.2)


def settle(page: Page, *, rest: float = 200) -> None:
    """Wait until the script has run and the figures are drawn, and `rest` ms for fonts and such."""
    page.wait_for_selector(READY, timeout=90_000)
    page.wait_for_selector(DRAWN, timeout=90_000)
    expect(page.locator(".mspt-viewer:not([data-ready])")).to_have_count(0, timeout=90_000)
    page.wait_for_timeout(rest)


def browse(context: BrowserContext, address: str, folder: Path, suffix: str) -> None:
    """Take one picture of each page."""
    page = context.new_page()
    for name, path in PAGES.items():
        page.goto(address + path)
        settle(page, rest=800)
        page.screenshot(path=folder / f"{name}-{suffix}.png")
    page.close()


def main() -> None:
    """Take all pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("assets/screenshots"))
    parser.add_argument("--size", default="1280x800", help="width x height of the window")
    parser.add_argument("--themes", nargs="+", default=["light", "dark"])
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    width, height = (int(side) for side in args.size.split("x"))
    with serve() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        for theme in args.themes:
            context = browser.new_context(
                viewport={"width": width, "height": height}, color_scheme=theme
            )
            browse(context, address, args.out, theme)
            context.close()
        browser.close()


if __name__ == "__main__":
    main()
