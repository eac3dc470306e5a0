from collections.abc import Callable

import numpy as np
import pytest

from mspt.solvers.plasticity import die_through
from tests.browser.reading import pixels, solved, wait_for_another


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
    page.wait_for_url("**/draw*")
    script.settle(page)
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


def die_on(page: object) -> np.ndarray:
    """The profile as the canvas draws it, in pixels of its own: 1000 for the width of the view."""
    words = page.locator("svg.points .body").get_attribute("d").removeprefix("M").split("L")[:101]
    return np.array([[float(number) for number in one.split(",")] for one in words])


def test_a_knot_of_a_die_follows_mouse_and_keyboard_and_the_profile_is_the_solver_s(
    visit: Callable[..., object], script: object
) -> None:
    page = visit("/draw?dataset=plasticity&plasticity_start=Slope")
    knot = page.get_by_role("slider", name="Place of knot 3, mm; Height of knot 3, mm")
    knot.focus()
    for key in ("ArrowUp", "ArrowUp", "ArrowRight"):
        page.keyboard.press(key)
    heights = np.array([0.0, 0.7, 1.4 + 0.1, 2.1, 2.8, 3.5])
    knots = np.array([0.0, 10.0, 20.08, 30.0, 40.0, 50.0])
    assert float(knot.get_attribute("aria-valuenow")) == pytest.approx(heights[2])
    script.settle(page)

    def pixels_of(places: np.ndarray, high: np.ndarray) -> np.ndarray:
        return np.stack([(places + 1) / 52 * 1000, (7 - high) / 10 * 600], axis=-1)

    expected = pixels_of(np.linspace(0, 50, 101), die_through(knots, heights))
    assert die_on(page) == pytest.approx(expected, abs=0.02)
    box = knot.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, y - 30, steps=4)
    page.mouse.up()
    assert float(knot.get_attribute("aria-valuenow")) > heights[2] + 0.5
    assert page.get_by_text("(training cases: 0 to 3.6)").count() == 1
    page.get_by_role("button", name="Reset", exact=True).click()
    page.locator("svg.points circle[aria-valuenow='1.4']").wait_for()


def test_blobs_are_added_moved_and_taken_back(visit: Callable[..., object], script: object) -> None:
    page = visit("/draw?dataset=navier_stokes&navier_stokes_start=Random")
    canvas = page.locator("canvas.map")
    before, box = pixels(canvas), canvas.bounding_box()

    def at(x: float, y: float) -> tuple[float, float]:
        return box["x"] + x * box["width"], box["y"] + y * box["height"]

    page.get_by_text("0 blobs").wait_for()
    page.mouse.click(*at(0.3, 0.3))
    page.get_by_text("1 blob").wait_for()
    page.mouse.move(*at(0.3, 0.3))
    page.mouse.down()
    page.mouse.move(*at(0.7, 0.6), steps=4)
    page.mouse.up()
    page.get_by_text("1 blob").wait_for()  # moved, not added
    script.settle(page)
    canvas.focus()
    page.keyboard.press("Space")
    page.get_by_text("2 blobs").wait_for()
    page.get_by_role("button", name="Remove blobs").click()
    page.get_by_role("button", name="Undo").click()
    page.get_by_text("2 blobs").wait_for()
    script.settle(page)
    page.get_by_role("button", name="Reset", exact=True).click()
    page.get_by_text("0 blobs").wait_for()
    page.mouse.move(0, 0)
    script.settle(page)
    assert np.abs(pixels(canvas) - before).mean() < 1
