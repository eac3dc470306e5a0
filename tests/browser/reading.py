"""What the tests read from a page."""

import io

import numpy as np
from PIL import Image


def pixels(part: object) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(part.screenshot())).convert("RGB")).astype(int)


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
