import io
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from mspt.partition.ball_tree import build_partition
from tests.browser import reading

ROOT = Path(__file__).parents[2]
VIEWER = ".mspt-viewer"
READY = f"{VIEWER}[data-ready]"


@pytest.fixture(scope="module")
def address(script: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The test page, served with the app's own settings and built viewer."""
    folder = tmp_path_factory.mktemp("viewer")
    for name in ("static", ".streamlit"):
        (folder / name).symlink_to(ROOT / name)
    page = (ROOT / "tests/browser/viewer_page.py").read_text()
    (folder / "page.py").write_text(f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n{page}")
    with script.serve(str(folder / "page.py"), folder=folder) as address:
        yield address


@pytest.fixture(scope="module")
def settle(script: object) -> Callable[[object], None]:
    return lambda page: wait(page, script)


def wait(page: object, script: object) -> None:
    page.wait_for_selector(script.READY)
    page.wait_for_selector(READY)
    rest(page)


def rest(page: object) -> None:
    """Wait until the picture is drawn; what was asked for by key or mouse is under way already."""
    drawn = None
    while drawn != (drawn := on_progress(page, "step")):
        page.wait_for_timeout(100)
        page.wait_for_selector(READY)


def pixels(page: object) -> np.ndarray:
    return reading.pixels(page.locator(f"{VIEWER} .pad").first)


def colored(page: object) -> float:
    return float((np.ptp(pixels(page), axis=-1) > 40).mean())


def on_progress(page: object, name: str) -> str | None:
    return page.locator(VIEWER).first.get_attribute(f"data-{name}")


def camera(page: object) -> dict:
    return json.loads(on_progress(page, "cam"))


def cloud(num_points: int, axes: int = 3) -> np.ndarray:
    """The same points as on the page."""
    points = np.random.default_rng(3).normal(size=(num_points, axes))
    if axes == 3:
        points *= [2.0, 1.0, 0.7] / np.linalg.norm(points, axis=1, keepdims=True)
    return points


def project(page: object, points: np.ndarray, pad: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Places of points on the page, in pixels, and their distance from the eye."""
    box = page.locator(f"{VIEWER} .pad").nth(pad).bounding_box()
    cam = camera(page)
    low, high = points.min(axis=0), points.max(axis=0)
    relative = np.zeros((len(points), 3))
    relative[:, : points.shape[1]] = (points - (low + high) / 2) / np.linalg.norm(high - low) * 2
    eye, target = np.array(cam["position"]), np.array(cam["target"])
    up = np.eye(3)[cam.get("up", 1)]
    toward = (eye - target) / np.linalg.norm(eye - target)
    right = np.cross(up, toward)
    right /= np.linalg.norm(right)
    above = np.cross(toward, right)
    depth = (eye - relative) @ toward
    if "opening" in cam:
        half = np.tan(np.radians(cam["opening"]) / 2) * depth
    else:
        half = cam["half"] / cam["zoom"] * np.ones(len(points))
    scale = box["height"] / 2 / half
    x = box["x"] + box["width"] / 2 + (relative - eye) @ right * scale
    y = box["y"] + box["height"] / 2 - (relative - eye) @ above * scale
    return np.column_stack([x, y]), depth


def lone_point(page: object, points: np.ndarray, pad: int = 0) -> tuple[int, np.ndarray]:
    """A point in front with no other near it on the screen, and its place."""
    places, depth = project(page, points, pad)
    box = page.locator(f"{VIEWER} .pad").nth(pad).bounding_box()
    for index in np.argsort(depth)[: len(points) // 2]:
        x, y = places[index] - [box["x"], box["y"]]
        inside = 30 < x < box["width"] - 30 and 30 < y < box["height"] - 30
        if inside and np.sort(np.linalg.norm(places - places[index], axis=1))[1] > 17:
            return int(index), places[index]
    raise AssertionError("no point stands alone")


@pytest.mark.parametrize(
    ("kind", "theme"),
    [("field", "light"), ("flat", "dark"), ("patches", "dark"), ("body", "light")],
)
def test_picture_is_not_blank(visit: Callable[..., object], kind: str, theme: str) -> None:
    page = visit(f"/?kind={kind}", theme=theme)
    image = pixels(page)
    assert colored(page) > 0.02
    assert image.std() > 8
    background = {"light": (255, 255, 255), "dark": (16, 22, 28)}[theme]
    assert tuple(image[2, 2]) == background
    assert on_progress(page, "npoints") == "3000"


def test_points_without_a_value_are_gray_and_a_marked_one_shows_through(
    visit: Callable[..., object],
) -> None:
    page, points = visit("/?kind=gray"), cloud(3000)
    image = pixels(page)
    drawn = np.abs(image - 255).sum(axis=-1) > 30
    assert drawn.mean() > 0.01
    assert np.ptp(image[drawn], axis=-1).max() < 30
    places, depth = project(page, points)
    beside = np.linalg.norm(places[:, None] - places, axis=-1) < 12
    hidden = int(np.argmax(depth - np.where(beside, depth, np.inf).min(axis=1)))
    page = visit(f"/?kind=gray&mark={hidden}")
    box = page.locator(f"{VIEWER} .pad").first.bounding_box()
    x, y = (places[hidden] - [box["x"], box["y"]]).astype(int)
    ring = np.ptp(pixels(page), axis=-1) > 40
    assert ring[y - 9 : y + 10, x - 9 : x + 10].sum() > 30
    assert ring.sum() == ring[y - 12 : y + 13, x - 12 : x + 13].sum()


@pytest.mark.parametrize(("kind", "axes"), [("field", 3), ("flat", 2)])
def test_mouse_shows_the_value_under_it_and_a_click_brings_the_point_to_python(
    visit: Callable[..., object], kind: str, axes: int
) -> None:
    page, points = visit(f"/?kind={kind}&n=150"), cloud(150, axes)
    index, place = lone_point(page, points)
    page.mouse.move(*place)
    tip = page.locator(f"{VIEWER} .tip")
    tip.wait_for(state="visible")
    first, *rest = tip.inner_text().split("\n")
    shown = re.fullmatch(r"pressure: (\S+) Pa", first).group(1).replace("−", "-")
    assert float(shown) == pytest.approx(points[index, 0], abs=0.006)
    assert re.fullmatch(r"patch \d+", rest[0])
    assert rest[1] == "near the nose"
    page.mouse.move(place[0], 5)
    tip.wait_for(state="hidden")
    page.mouse.click(*place)
    page.get_by_text(f"point {index} panel 0").wait_for()


def test_dragging_picks_nothing_and_turns_all_panels_and_a_click_tells_the_panel(
    visit: Callable[..., object],
) -> None:
    page = visit("/?kind=three&n=100")
    before = camera(page)
    drag(page)
    assert camera(page)["position"] != before["position"]
    assert page.get_by_text("nothing picked").is_visible()
    index, place = lone_point(page, cloud(100), pad=1)
    page.mouse.click(*place)
    page.get_by_text(f"point {index} panel 1").wait_for()


def drag(page: object) -> None:
    box = page.locator(f"{VIEWER} .pad").first.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 60, y + 25, steps=3)
    page.mouse.up()
    rest(page)


def test_camera_stays_over_a_rerun_new_values_and_a_reload(
    visit: Callable[..., object], script: object
) -> None:
    page = visit("/")
    drag(page)
    turned = camera(page)
    page.get_by_role("button", name="Again").click()
    wait(page, script)
    assert same_view(page, turned)
    step = on_progress(page, "step")
    page.get_by_role("slider", name="Step").press("ArrowRight")
    page.wait_for_function(
        "([step, path]) => { for (const e of document.querySelectorAll('*')) { const v = "
        "e.shadowRoot?.querySelector(path); if (v) return v.dataset.step !== step; } }",
        arg=[step, VIEWER],
    )
    wait(page, script)
    assert same_view(page, turned)
    page.reload()
    wait(page, script)
    assert same_view(page, turned)


def same_view(page: object, before: dict) -> bool:
    now = camera(page)
    return all(np.allclose(now[part], before[part], atol=1e-9) for part in ("position", "target"))


def test_level_slider_recolors_without_asking_the_server_also_after_lost_graphics(
    visit: Callable[..., object],
) -> None:
    page = visit("/?kind=patches")
    before = pixels(page)
    lose = (
        "canvas => { window.lost = canvas.getContext('webgl2').getExtension('WEBGL_lose_context');"
        " window.lost.loseContext(); }"
    )
    page.locator(f"{VIEWER} canvas").evaluate(lose)
    note = page.get_by_text("The graphics card has dropped this picture")
    note.wait_for()
    page.evaluate("window.lost.restoreContext()")
    note.wait_for(state="detached")
    rest(page)
    assert (np.abs(pixels(page) - before).sum(axis=-1) > 40).mean() < 0.01
    says = page.locator(f"{VIEWER} .says").first
    assert says.inner_text() == "level 5 of 5 · 16 patches"
    before, traffic = pixels(page), len(page.received)
    slider = page.get_by_role("slider", name="Level of the ball tree")
    slider.press("Home")
    rest(page)
    assert says.inner_text() == "level 1 of 5 · 1 ball"
    after = pixels(page)
    assert len(page.received) == traffic
    assert (np.abs(after - before).sum(axis=-1) > 40).mean() > 0.02
    assert np.median(np.abs(after - after[after.shape[0] // 2, after.shape[1] // 2])) < 300


def test_switch_of_a_layer_hides_it(visit: Callable[..., object]) -> None:
    page = visit("/?kind=patches&n=200")
    before = pixels(page)
    chip = page.locator(f"{VIEWER} .chip", has_text="links")
    assert chip.get_attribute("aria-pressed") == "true"
    chip.click()
    rest(page)
    assert chip.get_attribute("aria-pressed") == "false"
    assert (np.abs(pixels(page) - before).sum(axis=-1) > 40).mean() > 0.0005


def test_unchanged_rerun_costs_almost_nothing_and_a_new_field_little(
    visit: Callable[..., object],
) -> None:
    page = visit("/?n=30000")
    page.wait_for_timeout(500)
    page.received.clear()
    page.get_by_role("button", name="Again").click()
    page.wait_for_timeout(1500)
    assert 0 < sum(page.received) < 5_000
    page.received.clear()
    page.get_by_role("slider", name="Step").press("ArrowRight")
    page.wait_for_timeout(2000)
    assert 30_000 < sum(page.received) < 100_000


def test_keys_turn_zoom_reset_and_help(visit: Callable[..., object]) -> None:
    page = visit("/?kind=patches")
    start = camera(page)
    stage = page.get_by_role("img", name=re.compile("An egg"))
    assert "3,000 points" in stage.get_attribute("aria-label")
    assert "16 patches" in stage.get_attribute("aria-label")
    stage.press("ArrowRight")
    stage.press("+")
    rest(page)
    moved = camera(page)
    assert np.linalg.norm(np.subtract(moved["position"], start["position"])) > 0.05
    stage.press("l")
    assert on_progress(page, "level") == "0"
    stage.press("3")
    rest(page)
    above = camera(page)
    toward = np.subtract(above["position"], above["target"])
    assert toward[2] / np.linalg.norm(toward) > 0.999
    stage.press("r")
    rest(page)
    np.testing.assert_allclose(camera(page)["position"], start["position"], atol=1e-3)
    stage.press("h")
    assert page.get_by_role("dialog", name="Keys and mouse").is_visible()
    stage.press("Escape")
    assert not page.get_by_role("dialog", name="Keys and mouse").is_visible()


def test_picture_is_saved_with_title_and_color_bar_and_repainted_in_another_theme(
    visit: Callable[..., object],
) -> None:
    page = visit("/")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save as picture (S)").click()
    assert download.value.suggested_filename == "an-egg.png"
    image = np.asarray(Image.open(download.value.path()).convert("RGB")).astype(int)
    vivid = np.ptp(image, axis=-1) > 60
    assert vivid.mean() > 0.05
    assert vivid[-40:].any()
    light, traffic = pixels(page), len(page.received)
    page.emulate_media(color_scheme="dark")
    page.wait_for_timeout(700)  # Streamlit notices the change
    rest(page)
    dark = pixels(page)
    assert tuple(light[2, 2]) == (255, 255, 255)
    assert tuple(dark[2, 2]) == (16, 22, 28)
    assert colored(page) > 0.02
    assert sum(page.received[traffic:]) < 5_000  # no rerun
    page.emulate_media(color_scheme="light")


def test_tour_changes_picture_words_and_panels_without_asking_the_server(
    visit: Callable[..., object],
) -> None:
    page = visit("/?kind=tour")
    caption = page.locator(f"{VIEWER} .caption")
    assert caption.inner_text() == "Points <b>alone</b>."
    before, start, traffic = pixels(page), camera(page), len(page.received)
    page.get_by_role("button", name="Next stop").click()
    rest(page)
    assert caption.inner_text() == "Four balls."
    assert page.locator(f"{VIEWER} .title").first.inner_text() == "Patches"
    assert page.locator(f"{VIEWER} .says").first.inner_text() == "level 3 of 5 · 4 balls"
    pressed = page.locator(f"{VIEWER} .chip[aria-pressed=true]").all_inner_texts()
    assert pressed == ["points", "links"]
    assert (np.abs(pixels(page)[: before.shape[0]] - before[: pixels(page).shape[0]])).mean() > 3
    page.get_by_role("button", name="Apart").click()
    rest(page)
    assert np.linalg.norm(camera(page)["position"]) > 1.3 * np.linalg.norm(start["position"])
    # Two panels stand side by side and are not distorted.
    page.get_by_role("button", name="Both").click()
    page.wait_for_timeout(900)
    rest(page)
    assert page.locator(f"{VIEWER} .title").all_inner_texts() == ["Truth", "Patches"]
    left, right = (page.locator(f"{VIEWER} .pad").nth(i).bounding_box() for i in (0, 1))
    assert right["x"] > left["x"] + 0.9 * left["width"]
    rows, columns = np.nonzero(np.ptp(pixels(page), axis=-1) > 40)
    places, _ = project(page, cloud(3000))
    expected = np.ptp(places, axis=0)
    assert [np.ptp(columns), np.ptp(rows)] == pytest.approx(expected, rel=0.1)
    assert len(page.received) == traffic


def test_browser_without_webgl_gets_a_still_picture(browser: object, address: str) -> None:
    page = browser.new_page(viewport={"width": 1000, "height": 700})
    page.set_default_timeout(60_000)
    page.add_init_script(
        "const make = HTMLCanvasElement.prototype.getContext;"
        "HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {"
        "  return kind.startsWith('webgl') ? null : make.call(this, kind, ...rest); };"
    )
    page.goto(f"{address}/?kind=three")
    page.wait_for_selector(READY)
    image = page.locator(f"{VIEWER} .note img")
    image.wait_for()
    assert page.get_by_text("no WebGL").is_visible()
    shot = np.asarray(Image.open(io.BytesIO(image.screenshot())).convert("RGB")).astype(int)
    assert (np.ptp(shot, axis=-1) > 40).mean() > 0.05
    page.close()


def test_times_are_played_in_the_browser_and_python_is_told_where_they_stop(
    visit: Callable[..., object],
) -> None:
    page = visit("/?kind=time&n=800")
    first = pixels(page)
    says = page.locator(f"{VIEWER} .now")
    assert says.inner_text() == "t = 0.5 s · 1 of 4"
    slider = page.get_by_role("slider", name="Time")
    assert slider.get_attribute("aria-valuetext") == "t = 0.5 s; error: 1.00 %"
    traffic = len(page.received)
    page.get_by_role("button", name="Play (space)").click()
    page.wait_for_function(
        "path => [...document.querySelectorAll('*')].some("
        "e => e.shadowRoot?.querySelector(path)?.dataset.time === '2')",
        arg=VIEWER,
    )
    assert len(page.received) == traffic  # not a byte for any of the times
    page.locator(f"{VIEWER} .stage").focus()
    page.keyboard.press(" ")
    page.keyboard.press("End")
    page.get_by_text("stopped at 3").wait_for()
    rest(page)
    assert on_progress(page, "time") == "3"
    assert says.inner_text() == "t = 2 s · 4 of 4"
    last = pixels(page)
    assert np.abs(last - first).max() > 100  # another color
    # The points of the second panel have moved by three to the right; the first one's have not.
    shown = [reading.pixels(page.locator(f"{VIEWER} .pad").nth(place)) for place in (0, 1)]
    middles = [np.nonzero(np.ptp(one, axis=-1) > 40)[1].mean() for one in shown]
    assert middles[1] > middles[0] + 0.1 * shown[0].shape[1]
    page.keyboard.press("ArrowLeft")
    page.get_by_text("stopped at 2").wait_for()
    assert slider.get_attribute("aria-valuetext") == "t = 1.5 s; error: no value"
    slider.focus()
    page.keyboard.press("Home")
    page.get_by_text("stopped at 0").wait_for()
    box = page.locator(f"{VIEWER} .curves").bounding_box()
    page.mouse.click(box["x"] + 0.7 * box["width"], box["y"] + 0.5 * box["height"])
    page.get_by_text("stopped at 2").wait_for()


@pytest.mark.parametrize(
    ("kind", "width"),
    [
        ("three", 400),
        ("three", 900),
        ("small", 1200),
        ("patches", 400),
        ("tour", 400),
        ("time", 400),
    ],
)
def test_no_text_lies_on_another(visit: Callable[..., object], kind: str, width: int) -> None:
    page = visit(f"/?kind={kind}&width={width}&height=640")
    boxes = page.evaluate(
        """path => { for (const e of document.querySelectorAll('*')) {
        const root = e.shadowRoot?.querySelector(path); if (!root) continue;
        const frame = root.getBoundingClientRect();
        const parts = '.says, .chip, .tool, .title, .bar .name, .marks span, .legend, .stop, '
          + '.caption';
        return [...root.querySelectorAll(parts)]
          .filter(p => p.textContent.trim() || p.matches('.tool'))
          .map(p => [p.textContent, p.getBoundingClientRect(), frame])
          .filter(([, b]) => b.width && b.height)
          .map(([t, b, f]) => [t, b.left, b.top, b.right, b.bottom, f.left, f.right, f.bottom]);
        } }""",
        VIEWER,
    )
    assert len(boxes) > 5
    for text, left, _, right, bottom, first, last, end in boxes:
        assert left >= first - 1, text
        assert right <= last + 1, text
        assert bottom <= end + 1, text
    for i, (text, left, top, right, bottom, *_) in enumerate(boxes):
        for other, left2, top2, right2, bottom2, *_ in boxes[i + 1 :]:
            apart = (
                right <= left2 + 1 or right2 <= left + 1 or bottom <= top2 + 1 or bottom2 <= top + 1
            )
            assert apart, f"{text!r} and {other!r}"


def test_moving_patches_apart_moves_their_supernodes_along(visit: Callable[..., object]) -> None:
    page = visit("/?kind=tour&n=1500")
    page.locator(f"{VIEWER} .chip", has_text="supernodes").click()
    page.locator(f"{VIEWER} .chip", has_text="points").click()
    rest(page)
    together = np.ptp(pixels(page), axis=-1) > 40
    page.get_by_role("slider", name="Move the patches apart").fill("1")
    rest(page)
    apart = np.ptp(pixels(page), axis=-1) > 40
    spread = [np.ptp(np.nonzero(image)[1]) for image in (together, apart)]
    # The camera steps back: what lies 1.9 times as far apart looks 1.9 times as small.
    assert 0.8 < spread[1] / spread[0] < 1.25
    assert apart.sum() < 0.6 * together.sum()


@pytest.mark.parametrize(("kind", "axes"), [("field", 3), ("flat", 2)])
def test_camera_flies_to_a_part_and_looks_at_it_from_outside(
    visit: Callable[..., object], script: object, kind: str, axes: int
) -> None:
    page = visit(f"/?kind={kind}")
    before = camera(page)
    page.get_by_text("Closer").click()
    assert any(page.wait_for_timeout(50) or camera(page) != before for _ in range(200))
    page.wait_for_timeout(900)
    wait(page, script)
    points = cloud(3000, axes)
    patch = build_partition(torch.from_numpy(points), num_patches=16).patch_of_point.numpy()
    places, _ = project(page, points)
    part, box = places[patch == 10], page.locator(f"{VIEWER} .pad").first.bounding_box()
    share = (part - [box["x"], box["y"]]) / [box["width"], box["height"]]
    assert (share > -0.02).all()
    assert (share < 1.02).all()
    assert np.ptp(share, axis=0).max() > 0.5
    if axes == 3:
        eye = np.array(camera(page)["position"]) - np.array(camera(page)["target"])
        outward = points[patch == 10].mean(axis=0) - points.mean(axis=0)
        assert eye @ outward > 0.5 * np.linalg.norm(eye) * np.linalg.norm(outward)


def test_patches_moved_apart_in_a_flat_view_stay_in_sight(visit: Callable[..., object]) -> None:
    page = visit("/?kind=flat")
    page.get_by_role("slider", name="Move the patches apart").fill("1")
    page.wait_for_timeout(900)
    rest(page)
    drawn = np.ptp(pixels(page), axis=-1) > 40
    assert drawn.mean() > 0.01
    frame = np.ones_like(drawn)
    frame[2:-2, 2:-2] = False
    assert not drawn[frame].any()


def halves(page: object) -> tuple[float, float]:
    """Share of the width of a pad that is purple, and that is yellow."""
    image = pixels(page)
    _, green, blue = np.moveaxis(image, -1, 0)
    purple, yellow = (blue > green + 20).any(axis=0), (green > blue + 60).any(axis=0)
    return purple.mean(), yellow.mean()


def test_line_between_two_bodies_is_moved_by_mouse_and_by_key(
    visit: Callable[..., object], settle: Callable[[object], None]
) -> None:
    page = visit("/?kind=divided")
    line = page.locator(f"{VIEWER} .divider")
    assert page.locator(f"{VIEWER} .title").first.inner_text() == "A | B"
    first, second = halves(page)
    assert first == pytest.approx(second, abs=0.1)
    box, eye = line.bounding_box(), camera(page)
    page.mouse.move(box["x"] + 11, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + 11 - 0.15 * page.locator(f"{VIEWER} .pad").bounding_box()["width"],
                    box["y"] + 20, steps=3)  # fmt: skip
    page.mouse.up()
    settle(page)
    assert int(line.get_attribute("aria-valuenow")) in (34, 35, 36)
    less, more = halves(page)
    assert less < first - 0.1
    assert more > second + 0.1
    assert camera(page)["position"] == eye["position"]
    line.focus()
    page.keyboard.press("ArrowRight")
    assert int(line.get_attribute("aria-valuenow")) in (36, 37, 38)
    page.keyboard.press("End")
    settle(page)
    assert halves(page)[1] < 0.02
    assert camera(page)["position"] == eye["position"]
