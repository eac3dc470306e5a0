import re
from collections.abc import Callable

import pandas as pd
import pytest

VIEWER = ".mspt-viewer"
READY = f"{VIEWER}[data-ready]"


def test_click_on_the_cloud_looks_from_the_point_there(
    visit: Callable[..., object], script: object
) -> None:
    page = visit("/attention?source=darcy&points=12")
    page.wait_for_selector(READY)
    before = page.get_by_test_id("stMetricValue").first.inner_text()
    assert page.locator(".katex").first.inner_text().count("12") >= 1
    box = page.locator(f"{VIEWER} .pad").first.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_function(
        "before => document.querySelector('[data-testid=stMetricValue]')?.innerText !== before",
        arg=before,
    )
    page.wait_for_selector(script.READY)
    (point,) = re.findall(r"points=(\d+)", page.url)
    assert point != "12"
    # A grid of 85 x 85 seen from above: the middle of the panel is the middle of the domain.
    row, column = divmod(int(point), 85)
    assert abs(row - 42) < 15
    assert abs(column - 42) < 15
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Weights of all points (CSV)").click()
    table = pd.read_csv(waiting.value.path())
    assert len(table) == 85 * 85
    own = table["patch"] == table["patch"][int(point)]
    assert (table["local"][~own] == 0).all()
    assert table[["local", "through_supernodes"]].to_numpy().sum() == pytest.approx(1, abs=1e-4)
    share = table["through_supernodes"].sum()
    assert table["own_global_share"][int(point)] == pytest.approx(share, abs=1e-4)
