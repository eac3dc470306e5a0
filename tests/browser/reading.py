"""What the tests read from a page."""

import io
from collections.abc import Iterator
from types import ModuleType

import numpy as np
from PIL import Image


def pixels(part: object) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(part.screenshot())).convert("RGB")).astype(int)


def in_both_themes(page: object, script: ModuleType) -> Iterator[str]:
    """Give a light page as it is, and then turned dark by the visitor's system."""
    yield "light"
    before = len(page.received)
    page.emulate_media(color_scheme="dark")
    for _ in range(100):  # until the rerun that the page asks for has begun, or never comes
        page.wait_for_timeout(100)
        if len(page.received) > before:
            break
    script.settle(page)
    yield "dark"


def solved(page: object) -> str:
    return page.get_by_test_id("stMetricValue").first.inner_text()


def wait_for_another(page: object, before: str) -> str:
    page.wait_for_function(
        "before => document.querySelector('[data-testid=stApp]').dataset.testScriptState "
        "=== 'notRunning' && document.querySelector('[data-testid=stMetricValue]')?.innerText"
        ".trim() !== before",
        arg=before.strip(),
    )
    return solved(page)
