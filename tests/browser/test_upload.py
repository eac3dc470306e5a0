import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from tests.browser.reading import in_both_themes, pixels


def test_a_shape_is_drawn_with_its_pressure_and_the_picture_can_be_saved(
    visit: Callable[..., object], script: object, tmp_path: Path
) -> None:
    page = visit("/upload?sample=Ahmed+body")
    assert page.get_by_test_id("stException").count() == 0
    assert page.get_by_test_id("stAlert").count() == 0
    scene = page.frame_locator("iframe[srcdoc]")
    for theme in in_both_themes(page, script):
        scene.locator("body[data-ready]").wait_for()
        drawn = pixels(page.locator("iframe[srcdoc]").first)
        assert drawn.std() > 8
        assert (np.ptp(drawn, axis=-1) > 40).mean() > 0.02
        assert (drawn.mean() > 128) == (theme == "light")
    assert scene.get_by_role("img").get_attribute("aria-label").startswith("Pressure")
    # The point of view stays when something else is shown.
    scene.locator(".content").press("ArrowLeft")
    kept = "Object.entries(sessionStorage).find(([key]) => key.startsWith('mspt-camera'))?.[1]"
    before = page.wait_for_function(f"() => {kept}").json_value()
    page.get_by_role("radio", name="Shape").or_(
        page.get_by_test_id("stBaseButton-segmented_control").filter(has_text="Shape")
    ).first.click()
    page.wait_for_timeout(1500)
    scene.locator("body[data-ready]").wait_for()
    assert page.evaluate(kept) == before
    with page.expect_download() as waiting:
        scene.get_by_role("button", name="Save picture (PNG)").click()
    waiting.value.save_as(tmp_path / "view.png")
    picture = np.asarray(Image.open(tmp_path / "view.png").convert("RGB")).astype(int)
    assert picture.std() > 8


CUT = """() => [...document.querySelectorAll(
  "[data-testid=stMetricLabel], [data-testid=stMetricValue], [data-testid=stMetricValue] *, "
  + "[data-testid=stMain] button p, [data-testid=stMain] [data-testid=stCaptionContainer] *"
)].filter((part) => {
  const box = part.getBoundingClientRect();
  return box.width > 0 && (part.scrollWidth > part.clientWidth + 1 && part.clientWidth > 0
    || box.left < 0 || box.right > innerWidth + 1);
}).map((part) => part.innerText)"""
"""Texts that are cut off or beyond the sides of the window."""

OVERLAPPING = """() => {
  const cards = [...document.querySelectorAll("[data-testid=stMetric]")]
    .map((part) => part.getBoundingClientRect());
  return cards.some((a, i) => cards.some((b, j) => i < j && a.left < b.right - 1
    && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1));
}"""


def test_every_number_and_the_placement_are_seen_whole_in_narrow_and_wide_windows(
    visit: Callable[..., object], settle: Callable[[object], None]
) -> None:
    page = visit("/upload?sample=Ahmed+body")
    try:
        for width, height in ((390, 844), (1024, 768), (1280, 800), (1920, 1080)):
            page.set_viewport_size({"width": width, "height": height})
            settle(page)
            assert page.evaluate(CUT) == []
            assert not page.evaluate(OVERLAPPING)
            for label in ("Flip", "Turn", "Stand up", "Axes"):
                assert page.get_by_role("button", name=label).is_visible()
        # The placement is read before the view below it: both are in one window.
        question = page.get_by_text("nose this way, up this way: right?").bounding_box()
        view = page.locator("iframe[srcdoc]").first.bounding_box()
        assert 0 < question["y"] < view["y"] < height
    finally:
        page.set_viewport_size({"width": 1280, "height": 800})


HOSTILE = [
    "![x](https://evil.example/p.png)",
    "[click](//evil.example)",
    "<img src=//evil.example>",
    "https://evil.example",
    "www.evil.example",
    "$x^2$",
    "a@evil.example",
    ":material/delete:",
    ":red[word]",
    "one ` alone",
]


def test_words_of_a_hostile_file_are_shown_as_they_are(
    visit: Callable[..., object], tmp_path: Path
) -> None:
    """With nothing fetched from outside, as every test here asserts."""
    page = visit("/upload?sample=Ahmed+body")
    for place, words in enumerate([" ".join(HOSTILE[:5]), " ".join(HOSTILE[5:])]):
        path = tmp_path / f"![x](&#47;&#47;evil.example) {place}.gltf"
        path.write_text(
            json.dumps({"asset": {"version": "2.0"}, "extensionsRequired": [words]}), "utf-8"
        )
        page.get_by_test_id("stFileUploader").locator("input").set_input_files(path)
        alert = page.get_by_test_id("stAlert").filter(has_text=words.split()[0][:5])
        alert.first.wait_for()  # the file before has other words
        shown = alert.first.inner_text().replace("\u2060", "")
        assert words in " ".join(shown.split())
        assert alert.locator("a, img, code, .katex, [data-testid=stIconMaterial]").count() == 0
        assert page.get_by_test_id("stMain").locator("a[href*=evil]").count() == 0
