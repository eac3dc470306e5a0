import re
from collections.abc import Callable

import numpy as np
import pytest

from tests.browser.reading import pixels, solved, wait_for_another

READY = ".mspt-viewer[data-ready]"


def test_clicked_point_shows_its_values(visit: Callable[..., object]) -> None:
    page = visit("/explore?source=elasticity")
    page.locator(READY).wait_for()
    assert page.get_by_text("The point with the largest error").is_visible()
    box = page.locator(f"{READY} canvas").first.bounding_box()
    page.mouse.click(box["x"] + 0.05 * box["width"], box["y"] + 0.2 * box["height"])
    page.get_by_text("The picked point").wait_for()
    table = page.get_by_test_id("stTable").first.inner_text()
    truth, prediction, error = (
        float(re.search(rf"{word}\s+([−+\d.e]+) Pa", table).group(1).replace("−", "-"))
        for word in ("Truth of stress", "Prediction", "Error")
    )
    assert error == pytest.approx(prediction - truth, abs=1e-3 * abs(prediction) + 1e-3)


def test_another_field_and_case_are_drawn_and_kept_in_the_address(
    visit: Callable[..., object],
) -> None:
    page = visit("/explore?source=elasticity")
    page.locator(READY).wait_for()
    before = pixels(page.locator(f"{READY} canvas").first)
    page.get_by_text("size", exact=True).first.click()
    page.get_by_text("Magnitude of the error").first.wait_for()
    page.locator(READY).wait_for()
    page.wait_for_timeout(500)
    after = pixels(page.locator(f"{READY} canvas").first)
    assert np.abs(after - before).mean() > 0.5
    assert "error=size" in page.url
    metric = solved(page)
    page.get_by_role("button", name="chevron_right").click()
    wait_for_another(page, metric)
    assert "elasticity_case=elasticity-1101" in page.url


def test_clicked_design_is_opened(visit: Callable[..., object], script: object) -> None:
    page = visit("/explore?source=car")
    page.locator(READY).wait_for()
    page.wait_for_selector(script.READY)
    shown = page.get_by_label("Test case", exact=False).first.input_value()
    chart = page.locator(".js-plotly-plot").first
    chart.scroll_into_view_if_needed()
    points = chart.locator(".scatterlayer .point")
    names = chart.evaluate(
        "chart => chart.calcdata.filter(([first]) => first.trace.mode.includes('markers'))"
        ".flatMap(all => all.map((_, i) => all[0].trace.customdata?.[i]?.[0] ?? ''))",
    )
    assert points.count() == len(names)
    # Points may lie on one another: the last one is on top.
    place, name = [(i, name) for i, name in enumerate(names) if name and name not in shown][-1]
    box = points.nth(place).bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_url(f"**car_case={name}*")
    page.wait_for_selector(script.READY)
    assert name in page.get_by_label("Test case", exact=False).first.input_value()
