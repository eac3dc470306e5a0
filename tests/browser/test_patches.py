import re
from collections.abc import Callable

import numpy as np

from tests.browser.reading import pixels

VIEWER = ".mspt-viewer"


def test_patches_are_colored_walked_and_picked(
    visit: Callable[..., object], script: object
) -> None:
    page = visit("/patches?source=stress&stress_case=uniform&stress_points=5000&K=40")
    pad = page.locator(f"{VIEWER} .pad").first
    before = pixels(pad)
    assert (np.ptp(before, axis=-1) > 40).mean() > 0.1
    assert page.get_by_text("40 patches; touching ones differ").count() == 1

    level = page.locator(f"{VIEWER} input[type=range]").first
    level.fill("0")
    page.wait_for_timeout(300)
    assert np.abs(pixels(pad) - before).mean() > 2  # one ball of one color
    level.fill(level.get_attribute("max"))

    box = pad.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_selector("text=/of 40, around point/")
    script.settle(page)
    assert re.search(r"point=\d+", page.url)
