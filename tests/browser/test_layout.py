"""What a person sees of every page at the widths of a phone, a tablet, a laptop and a screen."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.browser.reading import in_both_themes, pixels

SIZES = {
    "phone": (390, 844),
    "zoomed to 150 %": (853, 533),  # a window of 1280 x 800 has so many pixels of CSS
    "tablet": (1024, 768),
    "laptop": (1280, 800),
    "screen": (1920, 1080),
}
PAGES = {
    "home": "/",
    "explore": "/explore",
    "upload": "/upload?sample=Ahmed+body",
    "draw": "/draw",
    "patches": "/patches?K=64",
    "attention": "/attention?picture=Masking",
    "scaling": "/scaling?axis=Patches+K",
    "benchmarks": "/benchmarks?set=elasticity",
}
LAYOUT = (Path(__file__).parent / "layout.js").read_text()
FITS = """() => {
  const main = document.querySelector("[data-testid=stMain]");
  return main.scrollWidth <= main.clientWidth + 1;
}"""
VIEWER = ".mspt-viewer"
READY = f"{VIEWER}[data-ready]"
WINDOW = {"width": 1280, "height": 800}


@pytest.fixture(autouse=True)
def window(tab: object) -> object:
    yield
    tab.set_viewport_size(WINDOW)


def show_at(page: object, size: tuple[int, int]) -> None:
    page.set_viewport_size(dict(zip(("width", "height"), size, strict=True)))
    page.wait_for_timeout(250)
    page.wait_for_function(FITS)  # tables follow the width of the page a moment later
    if page.locator(VIEWER).count():
        page.wait_for_selector(READY)


def boxes(page: object, part: str) -> np.ndarray:
    """Widths and heights of all parts of a viewer."""
    found = [one.bounding_box() for one in page.locator(f"{VIEWER} {part}").all()]
    return np.array([[box["width"], box["height"]] for box in found])


def viewer_is_large_enough(page: object, size: tuple[int, int]) -> None:
    pads, (stage,) = boxes(page, ".pad"), boxes(page, ".stage")
    assert boxes(page, "")[0, 1] >= 0.58 * size[1]
    assert pads.min() > 170
    assert pads.prod(axis=1).sum() > 0.5 * stage.prod()  # three of four places are taken


def cars_fill_their_panels(page: object) -> None:
    assert page.locator(f"{VIEWER} .bar .name").all_inner_texts() == ["C_p", "error of C_p"]
    for pad in page.locator(f"{VIEWER} .pad").all():
        rows, columns = np.nonzero(np.ptp(pixels(pad), axis=-1) > 12)
        width, height = pad.bounding_box()["width"], pad.bounding_box()["height"]
        assert 0.8 < max(np.ptp(columns) / width, np.ptp(rows) / height) < 1


def body_without_errors_is_seen(page: object) -> None:
    """On a dark page, with points whose error is almost zero on most of the body."""
    image = pixels(page.locator(f"{VIEWER} .pad").last)
    apart = np.abs(image - np.array([16, 22, 28])).sum(axis=-1)
    assert (apart > 20).mean() > 0.1
    assert np.median(apart[apart > 20]) > 120


def both_clouds_are_whole(page: object) -> None:
    assert page.locator(f"{VIEWER} .pad").count() == 2
    for pad in page.locator(f"{VIEWER} .pad").all():
        image = pixels(pad)
        sides = np.concatenate([image[:, :2], image[:, -2:]], axis=1)
        assert (np.abs(sides - image[1, 1]).sum(axis=-1) > 40).mean() < 0.01
        assert (np.ptp(image, axis=-1) > 40).mean() > 0.08


@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_cut_hidden_or_overlapping_at_any_width(
    visit: Callable[..., object], script: object, name: str
) -> None:
    page = visit(PAGES[name])
    if name == "patches":  # a second panel comes to a camera that has been placed for one
        versus = page.get_by_test_id("stSelectbox").filter(has_text="Beside it")
        versus.locator("input").fill("grid")
        page.keyboard.press("Enter")
        page.locator(f"{VIEWER} .pad").nth(1).wait_for()
    for size in SIZES.values():
        show_at(page, size)
        assert page.evaluate(LAYOUT) == [], f"{name} at {size}"
        if page.locator(VIEWER).count():
            viewer_is_large_enough(page, size)
        if name == "explore" and size != SIZES["zoomed to 150 %"]:
            cars_fill_their_panels(page)
        if name == "patches":
            both_clouds_are_whole(page)
    if name == "explore":
        *_, theme = in_both_themes(page, script)
        assert theme == "dark"
        body_without_errors_is_seen(page)
