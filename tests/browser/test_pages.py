import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

PAGES = {"home": "/", "explore": "/explore?source=darcy&view=Flat", "draw": "/draw"}
ROOT = Path(__file__).parents[2]
BACKGROUND = {"light": (255, 255, 255), "dark": (16, 22, 28)}
SIDEBAR = 240


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


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES.values(), ids=PAGES)
def test_page_shows_a_picture_and_no_error(
    visit: Callable[..., object], path: str, theme: str
) -> None:
    page = visit(path, theme=theme)
    assert page.get_by_test_id("stException").count() == 0
    assert page.get_by_test_id("stAlert").count() == 0
    assert page.get_by_test_id("stSidebarNav").is_visible()
    picture = page.locator(".mspt-viewer[data-ready] canvas, [data-testid=stPlotlyChart]")
    chart = pixels(picture.first)
    colored = np.ptp(chart, axis=-1) > 40
    assert colored.mean() > 0.05
    corner = tuple(pixels(page)[-3, -30])
    assert corner == BACKGROUND[theme]


@pytest.mark.parametrize("start", ["app.py", "serve.py"])
def test_first_visitor_with_a_deep_link_gets_the_whole_app(
    browser: object, script: object, project: Path, start: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before app.py has run once, Streamlit would show pages/draw.py without the frame."""
    monkeypatch.chdir(project)
    with script.serve(str(ROOT / start)) as address:
        page = browser.new_page()
        page.set_default_timeout(90_000)
        page.goto(f"{address}/draw?dataset=darcy&darcy_start=Disc")
        script.settle(page)
        assert page.get_by_role("link", name="Explore predictions").is_visible()
        assert page.get_by_role("dialog").count() == 0
        assert page.locator("canvas.map").is_visible()
        assert "darcy_start=Disc" in page.url
        if start == "serve.py":
            assert page.get_by_test_id("stSidebar").bounding_box()["width"] == SIDEBAR
        page.close()


def test_dragging_a_handle_changes_the_result(visit: Callable[..., object]) -> None:
    page = visit("/draw")
    before = solved(page)
    handle = page.get_by_role("slider", name="Radius at 0 degrees")
    box = handle.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    radius = float(handle.get_attribute("aria-valuenow"))
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 25, y, steps=4)
    page.mouse.up()
    assert float(handle.get_attribute("aria-valuenow")) < radius - 0.03
    wait_for_another(page, before)


def test_arrow_keys_move_a_handle(visit: Callable[..., object]) -> None:
    page = visit("/draw?elasticity_start=Circle")
    before = solved(page)
    handle = page.get_by_role("slider", name="Radius at 90 degrees")
    handle.focus()
    for _ in range(3):
        page.keyboard.press("ArrowUp")
    assert float(handle.get_attribute("aria-valuenow")) == pytest.approx(0.33, abs=2e-3)
    wait_for_another(page, before)


def test_outline_drawn_freehand_with_a_loop_is_refused_and_kept(
    visit: Callable[..., object],
) -> None:
    page = visit("/draw")
    box = page.locator("svg.hole .body").bounding_box()
    corners = [(0.1, 0.1), (0.9, 0.9), (0.9, 0.1), (0.1, 0.9), (0.1, 0.15)]
    path = [(box["x"] + box["width"] * x, box["y"] + box["height"] * y) for x, y in corners]
    page.mouse.move(*path[0])
    page.mouse.down()
    for place in path[1:]:
        page.mouse.move(*place, steps=12)
    page.mouse.up()
    page.get_by_text("star-shaped").wait_for()
    assert page.locator("svg.hole .curve").get_attribute("d").count("L") > 10
    page.get_by_role("button", name="Reset", exact=True).click()
    page.get_by_text("star-shaped").wait_for(state="detached")


def test_painting_changes_the_result_and_undo_takes_it_back(visit: Callable[..., object]) -> None:
    page = visit("/draw?dataset=darcy&darcy_start=Disc")
    before = solved(page)
    box = page.locator("canvas.map").bounding_box()
    page.mouse.move(box["x"] + 20, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 20, box["y"] + 30, steps=6)
    page.mouse.up()
    painted = wait_for_another(page, before)
    page.get_by_role("button", name="Undo").click()
    assert wait_for_another(page, painted) == before


def test_choosing_a_case_puts_it_into_the_address(visit: Callable[..., object]) -> None:
    page = visit("/explore?source=elasticity")
    before = solved(page)
    page.get_by_role("button", name="chevron_right").click()
    wait_for_another(page, before)
    assert "elasticity_case=elasticity-1101" in page.url


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_shape_is_drawn_with_its_pressure(visit: Callable[..., object], theme: str) -> None:
    page = visit("/upload?sample=Ahmed+body", theme=theme)
    assert page.get_by_test_id("stException").count() == 0
    assert page.get_by_test_id("stAlert").count() == 0
    scene = page.frame_locator("iframe[srcdoc]")
    scene.locator("body[data-ready]").wait_for()
    drawn = pixels(page.locator("iframe[srcdoc]").first)
    assert drawn.std() > 8
    assert (np.ptp(drawn, axis=-1) > 40).mean() > 0.02
    assert scene.get_by_role("img").get_attribute("aria-label").startswith("Pressure")


def test_the_point_of_view_stays_when_the_view_changes(visit: Callable[..., object]) -> None:
    page = visit("/upload?sample=Ahmed+body")
    scene = page.frame_locator("iframe[srcdoc]")
    scene.locator("body[data-ready]").wait_for()
    scene.locator(".content").press("ArrowLeft")
    page.wait_for_timeout(400)
    kept = "Object.entries(sessionStorage).find(([key]) => key.startsWith('mspt-camera'))?.[1]"
    before = page.evaluate(kept)
    assert before
    page.get_by_role("radio", name="Shape").or_(
        page.get_by_test_id("stBaseButton-segmented_control").filter(has_text="Shape")
    ).first.click()
    page.wait_for_timeout(1500)
    scene.locator("body[data-ready]").wait_for()
    assert page.evaluate(kept) == before


def test_the_picture_of_a_view_can_be_saved(visit: Callable[..., object], tmp_path: Path) -> None:
    page = visit("/upload?sample=Ahmed+body")
    scene = page.frame_locator("iframe[srcdoc]")
    scene.locator("body[data-ready]").wait_for()
    with page.expect_download() as waiting:
        scene.get_by_role("button", name="Save picture (PNG)").click()
    waiting.value.save_as(tmp_path / "view.png")
    picture = np.asarray(Image.open(tmp_path / "view.png").convert("RGB")).astype(int)
    assert picture.std() > 8


def test_case_of_an_address_goes_along_to_other_pages_and_other_addresses(
    visit: Callable[..., object], script: object
) -> None:
    page = visit("/explore?source=elasticity&elasticity_case=elasticity-1101")
    chosen = page.locator("[data-testid=stSelectbox]").filter(has_text="Test case").locator("input")
    assert chosen.get_attribute("value") == "elasticity-1101"
    for title, path in (("Patches and supernodes", "patches"), ("Attention", "attention")):
        page.get_by_role("link", name=title).click()
        page.wait_for_url(f"**/{path}**elasticity_case=elasticity-1101*")
        script.settle(page)
        assert chosen.get_attribute("value") == "elasticity-1101"
    # An address counts even where it names what is a default there.
    page.get_by_role("link", name="Home").click()
    page.get_by_role("link", name="Look from any point").click()
    page.wait_for_url("**/attention?**points=*")
    script.settle(page)
    assert chosen.get_attribute("value").startswith("car-")
