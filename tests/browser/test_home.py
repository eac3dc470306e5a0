from collections.abc import Callable

import numpy as np

from tests.browser.reading import pixels

READY = ".mspt-viewer[data-ready]"


def test_stops_change_the_picture_without_asking_the_server_and_lead_to_a_page_in_that_state(
    visit: Callable[..., object],
) -> None:
    page = visit("/")
    page.locator(READY).wait_for()
    stage = page.locator(f"{READY} canvas").first
    before = pixels(stage)
    assert before.std() > 8
    traffic = len(page.received)
    page.evaluate(
        "() => { window.sent = 0; const send = WebSocket.prototype.send;"
        " WebSocket.prototype.send = function (...data) { window.sent += 1;"
        " return send.apply(this, data); }; }"
    )
    page.locator(".tour button.stop").nth(2).click()
    page.get_by_text("patches of L =").first.wait_for()
    page.locator(READY).wait_for()
    page.wait_for_timeout(1200)
    after = pixels(stage)
    assert np.abs(after - before).mean() > 2
    assert (np.ptp(after, axis=-1) > 40).mean() > 0.02
    assert page.evaluate("window.sent") == 0
    assert len(page.received) == traffic
    page.get_by_role("link", name="See where it is wrong").click()
    page.get_by_text("Worst patches").wait_for()
    assert "/explore" in page.url
    assert "mark_worst=true" in page.url
    assert page.get_by_test_id("stException").count() == 0
