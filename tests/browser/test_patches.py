import io
import re
from collections.abc import Callable

import numpy as np
from PIL import Image

VIEWER = ".mspt-viewer"
READY = f"{VIEWER}[data-ready]"


def wait(page: object, script: object) -> None:
    page.wait_for_selector(script.READY)
    page.wait_for_selector(READY)
    page.wait_for_timeout(300)
    page.wait_for_selector(READY)


def pixels(page: object) -> np.ndarray:
    shot = page.locator(f"{VIEWER} .pad").first.screenshot()
    return np.asarray(Image.open(io.BytesIO(shot)).convert("RGB")).astype(int)


def test_patches_are_colored_walked_and_picked(
    visit: Callable[..., object], script: object
) -> None:
    page = visit("/patches?source=stress&stress_case=uniform&stress_points=5000&K=40")
    wait(page, script)
    before = pixels(page)
    assert (np.ptp(before, axis=-1) > 40).mean() > 0.1
    assert page.get_by_text("40 patches; touching ones differ").count() == 1

    level = page.locator(f"{VIEWER} input[type=range]").first
    level.fill("0")
    page.wait_for_timeout(300)
    assert np.abs(pixels(page) - before).mean() > 2  # one ball of one color
    level.fill(level.get_attribute("max"))

    box = page.locator(f"{VIEWER} .pad").first.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_selector("text=/of 40, around point/")
    wait(page, script)
    assert re.search(r"point=\d+", page.url)
