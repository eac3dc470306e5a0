from collections.abc import Callable

import numpy as np

from tests.browser.reading import in_both_themes, pixels

CHART = ".js-plotly-plot"


def test_curves_are_drawn_and_kept_in_the_address_and_measuring_can_be_cancelled(
    visit: Callable[..., object], script: object
) -> None:
    page = visit("/scaling")
    chart = page.locator(CHART).first
    for _ in in_both_themes(page, script):
        time = pixels(chart)
        assert (np.ptp(time, axis=-1) > 40).mean() > 0.002  # lines in color
    page.get_by_text("Peak memory", exact=True).first.click()
    page.wait_for_url("**quantity=Peak*")
    page.locator(f"{CHART} .ytitle", has_text="peak").wait_for()
    page.wait_for_timeout(500)
    assert np.abs(pixels(chart) - time).mean() > 0.5
    # Measuring shows its progress and ends when it is cancelled.
    start = page.get_by_role("button", name="Measure here")
    start.click()
    main, side = page.get_by_test_id("stMain"), page.get_by_test_id("stSidebarUserContent")
    main.get_by_role("progressbar").wait_for()
    assert start.is_disabled()
    # It goes on while the page is reloaded, and while another one is open.
    side.get_by_role("progressbar").wait_for()
    page.wait_for_url("**job=*")
    page.reload()
    main.get_by_role("progressbar").wait_for()
    page.get_by_role("link", name="Draw a domain").click()
    page.wait_for_url("**/draw**job=*")
    script.settle(page)
    assert "Measuring time and memory over points N" in side.inner_text()
    side.get_by_role("link", name="Open").click()
    page.wait_for_url("**/scaling**quantity=Peak*")
    main.get_by_role("button", name="Cancel").click()
    main.get_by_role("progressbar").wait_for(state="detached")
    side.get_by_role("progressbar").wait_for(state="detached")
    page.wait_for_selector(script.READY)
    assert start.is_enabled()
    page.wait_for_url(lambda address: "job=" not in address)
    assert page.get_by_test_id("stException").count() == 0
