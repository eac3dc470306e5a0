from collections.abc import Callable

import pytest

from tests.browser.reading import solved, wait_for_another


def test_handles_follow_mouse_and_keyboard_and_a_loop_is_refused_and_kept(
    visit: Callable[..., object], script: object
) -> None:
    page = visit("/draw?elasticity_start=Circle")
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
    dragged = wait_for_another(page, before)
    handle = page.get_by_role("slider", name="Radius at 90 degrees")
    handle.focus()
    for _ in range(3):
        page.keyboard.press("ArrowUp")
    assert float(handle.get_attribute("aria-valuenow")) == pytest.approx(0.33, abs=2e-3)
    drawn = wait_for_another(page, dragged)
    # The drawing is still there after another page and another data set.
    page.get_by_role("link", name="Scaling").click()
    page.wait_for_url("**/scaling*")
    script.settle(page)
    page.get_by_role("link", name="Draw a domain").click()
    assert solved(page) == drawn
    assert float(handle.get_attribute("aria-valuenow")) == pytest.approx(0.33, abs=2e-3)
    page.get_by_text("darcy", exact=True).first.click()
    wait_for_another(page, drawn)
    page.get_by_text("elasticity", exact=True).first.click()
    page.locator("svg.hole").wait_for()
    assert float(handle.get_attribute("aria-valuenow")) == pytest.approx(0.33, abs=2e-3)
    script.settle(page)
    box = page.locator("svg.hole .body").bounding_box()
    corners = [(0.1, 0.1), (0.9, 0.9), (0.9, 0.1), (0.1, 0.9), (0.1, 0.15)]
    path = [(box["x"] + box["width"] * x, box["y"] + box["height"] * y) for x, y in corners]
    page.mouse.move(*path[0])
    page.mouse.down()
    for place in path[1:]:
        page.mouse.move(*place, steps=6)
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
