import dataclasses
import hashlib
import re
import shutil
import struct
import subprocess
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mspt.figures.theme import PATCH_COLORS
from mspt.figures.viewer.colors import palette_stops, to_rgb
from mspt.figures.viewer.encode import decode_packet, encode_scene, shuffle_order
from mspt.figures.viewer.packets import quantize_from_zero, quantize_values, value_range
from mspt.figures.viewer.scene import (
    Arrows,
    Curves,
    Field,
    Labels,
    Lines,
    Panel,
    Scene,
    Spheres,
    Stop,
    Surface,
)
from mspt.figures.viewer.still import picture

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "assets" / "viewer"
TYPES = {"u1": "<u1", "u2": "<u2", "u4": "<u4", "f4": "<f4"}


def field(values: np.ndarray, **changes: object) -> Field:
    given = {"name": "pressure", "unit": "Pa", "values": values, "limits": (-1.0, 1.0)}
    return Field(**(given | changes))


def scene(points: np.ndarray, **changes: object) -> Scene:
    given = {"points": points, "panels": (Panel(title="", coloring=field(points[:, 0])),)}
    return Scene(**(given | changes))


def cloud(num_points: int, axes: int = 3, *, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(num_points, axes)).astype(np.float32)


class Received:
    """What a browser has after the message and the blobs have come."""

    def __init__(self, shown: Scene, links: dict[str, str] | None = None) -> None:
        self.encoded = encode_scene(shown)
        self.message = self.encoded.message(links or {})
        self.header, self.buffers = decode_packet(self.message)

    def array(self, index: int) -> np.ndarray:
        return np.frombuffer(self.buffers[index], TYPES[self.header["kinds"][index]])

    def blob(self, name: str) -> tuple[dict, list[np.ndarray]]:
        header, buffers = decode_packet(self.buffers[self.header["blobs"][name]["buffer"]])
        kinds = zip(buffers, header["kinds"], strict=True)
        return header, [np.frombuffer(buffer, TYPES[kind]) for buffer, kind in kinds]

    def points(self) -> np.ndarray:
        """Places of all points in the units of the scene, in the order they were sent."""
        header, arrays = self.blob(self.header["geometry"])
        return self.place(header["positions"], arrays)

    def place(self, ref: dict, arrays: list[np.ndarray]) -> np.ndarray:
        steps = arrays[ref["buffer"]].reshape(-1, 3)
        relative = np.array(ref["low"]) + steps / 65535 * np.array(ref["size"])
        return relative * self.header["radius"] + np.array(self.header["center"])

    def values(self, panel: int) -> np.ndarray:
        told = self.header["panels"][panel]
        steps = self.array(told["buffer"])
        low, high = told["range"]
        return np.where(steps == 65535, np.nan, low + steps / 65534 * (high - low))


@given(
    num_points=st.integers(1, 400),
    axes=st.sampled_from([2, 3]),
    scale=st.sampled_from([1e-6, 1.0, 3e4]),
    shift=st.sampled_from([0.0, -7.0, 5e4]),
    seed=st.integers(0, 99),
)
def test_points_come_back_within_one_step(
    num_points: int, axes: int, scale: float, shift: float, seed: int
) -> None:
    points = cloud(num_points, axes, seed=seed).astype(np.float64) * scale + shift
    shown = Received(scene(points))
    received = shown.points()
    assert shown.header["flat"] == (axes == 2)
    extent = np.ptp(points, axis=0)
    error = np.abs(received[:, :axes] - points[shuffle_order(num_points)])
    assert (error <= extent / 131070 * 1.0001 + 1e-9 * (scale + abs(shift))).all()
    if axes == 2:
        np.testing.assert_allclose(received[:, 2], 0, atol=1e-12)


def test_the_range_is_cut_at_32_spans_of_the_color_bar_on_either_side() -> None:
    far, limits = np.array([-1e9, 2.0, 1e9]), (1.0, 3.0)
    assert value_range(far, limits) == (1 - 64, 3 + 64)
    assert value_range(np.array([0.0, 1000.0]), (2.0, 2.0)) == (0.0, 1000.0)  # a bar of one color
    assert value_range(np.array([5.0]), (2.0, 2.0)) == (5.0, 5.0)
    assert value_range(np.array([np.nan]), limits) == limits


def test_a_number_without_unit_has_none_and_others_have_theirs() -> None:
    for unit, told in (("1", ""), ("Pa", "Pa"), ("%", "%")):
        shown = scene(cloud(3), panels=(Panel(title="", coloring=field(np.ones(3), unit=unit)),))
        assert Received(shown).header["panels"][0]["unit"] == told


@pytest.mark.parametrize(("largest", "kind"), [(0, "u2"), (65535, "u2"), (65536, "u4")])
def test_labels_take_two_bytes_as_long_as_they_fit(largest: int, kind: str) -> None:
    labels = np.array([0, largest, 0])
    shown = scene(cloud(3), panels=(Panel(title="", coloring=Labels(name="k", labels=labels)),))
    received = Received(shown)
    place = received.header["panels"][0]["buffer"]
    assert received.header["kinds"][place] == kind
    np.testing.assert_array_equal(received.array(place), labels[shuffle_order(3)])


@given(
    values=st.lists(st.floats(-1e6, 1e6) | st.just(float("nan")), min_size=1, max_size=60),
    low=st.floats(-1e3, 1e3),
    span=st.floats(1e-3, 1e6),
)
def test_values_come_back_within_half_a_step_of_what_was_kept(
    values: list[float], low: float, span: float
) -> None:
    given_values = np.array(values)
    limits = (low, low + span)
    shown = scene(
        np.zeros((len(values), 3)),
        panels=(Panel(title="", coloring=field(given_values, limits=limits)),),
    )
    received = Received(shown)
    got = received.values(0)
    want = given_values[shuffle_order(len(values))]
    np.testing.assert_array_equal(np.isnan(got), np.isnan(want))
    first, last = received.header["panels"][0]["range"]
    assert last - first <= 65.001 * span  # so the color bar has a thousand steps
    kept = np.clip(want, first, last)[~np.isnan(want)]
    assert (np.abs(got[~np.isnan(want)] - kept) <= (last - first) / 131068 * 1.001 + 1e-9).all()
    assert received.header["panels"][0]["clipped"] == [(want < first).any(), (want > last).any()]
    inside = (want >= limits[0]) & (want <= limits[1])
    np.testing.assert_allclose(got[inside], want[inside], atol=(last - first) / 131068 * 1.01)


def test_triangles_groups_and_marks_name_the_same_points_after_shuffling() -> None:
    points = cloud(50)
    triangles = np.random.default_rng(1).integers(0, 50, (30, 3))
    groups = np.arange(50) // 7
    received = Received(scene(points, triangles=triangles, groups=groups, marked=(3, 41)))
    header, arrays = received.blob(received.header["geometry"])
    places = received.points()
    corners = places[arrays[header["triangles"]].reshape(-1, 3)]
    np.testing.assert_allclose(corners, points[triangles], atol=1e-3)
    assert received.header["groupsIn"] is None
    _, (sent,) = received.blob(received.header["groups"])
    np.testing.assert_array_equal(sent, groups[shuffle_order(50)])
    np.testing.assert_allclose(places[received.header["marked"]], points[[3, 41]], atol=1e-3)


@pytest.mark.parametrize("num_groups", [65_536, 65_537])
def test_more_groups_than_two_bytes_can_number_come_back(num_groups: int) -> None:
    groups = np.arange(num_groups)
    shown = Panel(title="", coloring=Labels(name="patch", labels=groups))
    received = Received(scene(cloud(num_groups), groups=groups, panels=(shown,)))
    sent = received.array(received.header["groupsIn"])
    np.testing.assert_array_equal(sent, groups[shuffle_order(num_groups)])


def test_any_first_part_of_the_points_is_a_fair_sample() -> None:
    order = shuffle_order(20_000)
    np.testing.assert_array_equal(np.sort(order), np.arange(20_000))
    assert abs(np.mean(order[:1000]) / 20_000 - 0.5) < 4 / np.sqrt(12 * 1000)
    with pytest.raises(ValueError, match="read-only"):
        order[0] = 1


def test_layers_come_back_in_the_frame_of_the_points() -> None:
    points = cloud(40) * 3 + 10
    layers = (
        Spheres(name="supernodes", centers=points[:4], radii=np.array([1.0, 2, 3, 4])),
        Lines(
            name="lines",
            starts=points[:5],
            stops=points[5:10],
            values=np.linspace(0, 1, 5),
            follows=np.arange(10).reshape(5, 2),
        ),
        Arrows(name="arrows", starts=points[:3], vectors=points[3:6] - 10),
        Surface(name="body", vertices=points[:6], triangles=np.array([[0, 1, 2], [3, 4, 5]])),
        Curves(name="curves", vertices=points[:9], offsets=np.array([0, 4, 9])),
    )
    received = Received(scene(points, layers=layers))
    center, radius = np.array(received.header["center"]), received.header["radius"]
    spheres, lines, arrows, body, curves = received.header["layers"]

    def read(index: int, width: int = 3) -> np.ndarray:
        return received.array(index).reshape(-1, width).astype(np.float64)

    four = read(spheres["spheres"], 4)
    np.testing.assert_allclose(four[:, :3] * radius + center, points[:4], rtol=1e-5)
    np.testing.assert_allclose(four[:, 3] * radius, [1, 2, 3, 4], rtol=1e-5)
    np.testing.assert_allclose(read(lines["stops"]) * radius + center, points[5:10], rtol=1e-5)
    np.testing.assert_array_equal(received.array(lines["values"]), [0, 64, 128, 191, 255])
    np.testing.assert_array_equal(received.array(lines["follows"]), np.arange(10))
    assert spheres["follows"] is None
    np.testing.assert_allclose(read(arrows["vectors"]) * radius, points[3:6] - 10, atol=1e-4)
    for told, count in ((body, 6), (curves, 9)):
        header, arrays = received.blob(told["blob"])
        np.testing.assert_allclose(
            received.place(header["positions"], arrays), points[:count], atol=1e-3
        )
    header, arrays = received.blob(curves["blob"])
    np.testing.assert_array_equal(arrays[header["offsets"]], [0, 4, 9])


def test_levels_of_the_ball_tree_come_back() -> None:
    levels = np.array([[0, 0, 0, 0], [0, 0, 1, 1], [0, 1, 2, 3]])
    labels = np.arange(40) // 10
    coloring = Labels(name="patch", labels=labels, levels=levels)
    received = Received(scene(cloud(40), panels=(Panel(title="Patches", coloring=coloring),)))
    (panel,) = received.header["panels"]
    np.testing.assert_array_equal([received.array(row) for row in panel["levels"]], levels)
    np.testing.assert_array_equal(received.array(panel["buffer"]), labels[shuffle_order(40)])
    assert panel["count"] == 4


def test_what_has_an_address_does_not_travel_in_the_message() -> None:
    points = cloud(30_000)
    encoded = encode_scene(scene(points))
    (name,) = encoded.blobs
    linked, whole = encoded.message({name: "/media/a.bin"}), encoded.message({})
    assert decode_packet(linked)[0]["blobs"] == {name: {"url": "/media/a.bin"}}
    assert len(whole) - len(linked) > 30_000 * 6
    assert len(linked) < 70_000


def test_a_new_field_leaves_the_blob_of_the_points_as_it_was() -> None:
    points = cloud(500)
    other = scene(points, panels=(Panel(title="", coloring=field(points[:, 1] ** 2)),))
    assert encode_scene(scene(points)).blobs == encode_scene(other).blobs
    assert encode_scene(scene(points)).message({}) == encode_scene(scene(points)).message({})
    assert encode_scene(scene(points**3)).blobs != encode_scene(scene(points)).blobs


def test_all_buffers_start_where_the_browser_can_read_them() -> None:
    encoded = encode_scene(scene(cloud(33), groups=np.arange(33)))
    for packet in (encoded.message({}), *encoded.blobs.values()):
        length = int.from_bytes(packet[:4], "little")
        header, buffers = decode_packet(packet)
        start = -(-(4 + length) // 8) * 8
        for size, buffer in zip(header["sizes"], buffers, strict=True):
            assert packet[start : start + size] == buffer
            start = -(-(start + size) // 8) * 8
        assert start == len(packet)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hidden": ("balls",)}, r"hidden must name layers of the scene, got balls"),
        (
            {"tour": (Stop(title="One", caption="", layers=("ball",)),)},
            r"layers of the stop 'One' must name layers of the scene, got ball; there are lines",
        ),
        (
            {"tour": (Stop(title="One", caption="", panels=(0, 1)),)},
            r"panels of the stop 'One' must be some of 0 to 0, got \(0, 1\)",
        ),
        ({"panels": ()}, r"must have a point and a panel, got 5 points and 0 panels"),
        ({"marked": (5,)}, r"marked must be in 0 to 4, got \(5,\)"),
        ({"up": 3}, r"up must be in 0 to 2, got \(3,\)"),
        ({"triangles": np.array([[0, 1, 5]])}, r"triangles must use points .* got 0 to 5"),
        (
            {"panels": (Panel(title="", coloring=field(np.zeros(6))),)},
            r"pressure must have one value for each point, got 6 for N=5",
        ),
        (
            {"panels": (Panel(title="", coloring=field(np.zeros(5), limits=(1.0, 0.0))),)},
            r"limits of pressure must be finite and ascending, got 1.0 to 0.0",
        ),
        (
            {
                "panels": (
                    Panel(
                        title="",
                        coloring=Labels(
                            name="patch", labels=np.arange(5), levels=np.zeros((2, 4), int)
                        ),
                    ),
                )
            },
            r"levels of patch must have a column for every label up to 4, got 4",
        ),
    ],
)
def test_parts_that_do_not_belong_together_are_refused(
    changes: dict[str, object], message: str
) -> None:
    lines = Lines(name="lines", starts=cloud(2), stops=cloud(2))
    with pytest.raises(ValueError, match=message):
        scene(cloud(5), **({"layers": (lines,)} | changes))


def test_two_layers_of_one_name_are_refused() -> None:
    lines = Lines(name="lines", starts=cloud(2), stops=cloud(2))
    with pytest.raises(ValueError, match="names of layers must differ, got lines, lines"):
        scene(cloud(5), layers=(lines, lines))


def test_strengths_are_spread_from_zero_unless_some_are_negative() -> None:
    assert quantize_from_zero(np.array([2.0, 3.0, 4.0])).tolist() == [128, 191, 255]
    assert quantize_from_zero(np.array([-1.0, 0.0, np.nan, 1.0])).tolist() == [0, 128, 0, 255]
    assert quantize_from_zero(np.array([np.nan])).tolist() == [0]


def test_quantizing_a_constant_does_not_divide_by_zero() -> None:
    np.testing.assert_array_equal(quantize_values(np.full(3, 7.0), 7.0, 7.0), [0, 0, 0])


def read_png(data: bytes) -> np.ndarray:
    """Read an eight-bit picture with opacity whose lines are not filtered."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", data[16:24])
    start = data.index(b"IDAT")
    size = int.from_bytes(data[start - 4 : start], "big")
    lines = np.frombuffer(zlib.decompress(data[start + 4 : start + 4 + size]), np.uint8)
    lines = lines.reshape(height, 1 + 4 * width)
    assert (lines[:, 0] == 0).all()
    return lines[:, 1:].reshape(height, width, 4)


@pytest.mark.parametrize("dark", [False, True])
def test_still_picture_shows_each_point_in_its_color(*, dark: bool) -> None:
    corners = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    panels = (
        Panel(title="", coloring=field(np.array([-1.0, 1.0, 0.0, np.nan]), palette="error")),
        Panel(title="", coloring=Labels(name="patch", labels=np.arange(4))),
    )
    image = read_png(picture(Scene(points=corners, panels=panels), dark=dark))
    height, width, _ = image.shape
    assert width == 2 * height
    stops = [color for _, color in palette_stops("error", dark=dark)]
    left, right, reach = image[:, :height], image[:, height:], round(0.95 * height / 2 / 2**0.5)
    low, high = height // 2 - reach, height // 2 + reach
    expected = dict(zip([(high, low), (high, high), (low, low)], to_rgb(stops)[[0, -1, 4]]))  # noqa: B905
    for (row, column), color in expected.items():
        np.testing.assert_allclose(left[row, column, :3], color, atol=2)
    patches = to_rgb(list(PATCH_COLORS))[:4]
    for place, color in zip([(high, low), (high, high), (low, low), (low, high)], patches):  # noqa: B905
        np.testing.assert_allclose(right[place][:3], color, atol=1)
    assert np.ptp(left[low, high, :3].astype(int)) < 30  # no value: gray
    assert image[height // 2, height // 2, 3] == 0


def test_still_picture_of_a_large_cloud_stays_small() -> None:
    assert len(picture(scene(cloud(100_000)), dark=False)) < 250_000


def test_nearer_points_hide_others_in_a_still_picture() -> None:
    toward = np.array([-1.0, -1.2, 0.8]) / np.linalg.norm([-1.0, -1.2, 0.8])
    points = np.stack([toward, -toward])
    shown = scene(points, panels=(Panel(title="", coloring=field(np.array([-1.0, 1.0]))),))
    image = read_png(picture(shown, dark=False))
    middle = image[160, 160, :3]
    np.testing.assert_allclose(middle, to_rgb([palette_stops("field", dark=False)[0][1]])[0])


def bundle() -> Path:
    (found,) = (ROOT / "static").glob("viewer-*.js")
    return found


def test_built_viewer_is_that_of_these_sources() -> None:
    digest = hashlib.sha256()
    files = [f"src/{path.name}" for path in sorted((SOURCE / "src").iterdir())]
    for name in [*files, "package-lock.json", "build.mjs"]:
        digest.update(name.encode() + b"\0" + (SOURCE / name).read_bytes() + b"\0")
    built = re.search(r"sources ([0-9a-f]{64})", bundle().read_text()[:500])
    assert built.group(1) == digest.hexdigest(), "run `make viewer` and commit what it built"


def test_built_viewer_is_named_by_its_content_and_holds_the_licence_of_three() -> None:
    code = bundle().read_bytes()
    assert bundle().stem == f"viewer-{hashlib.sha256(code).hexdigest()[:12]}"
    head = code[:3000].decode()
    assert "three.js authors" in head
    assert "The above copyright notice and this permission notice" in head
    assert len(zlib.compress(code)) < 200_000


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
@pytest.mark.skipif(
    not (SOURCE / "node_modules").is_dir(), reason="run `npm ci` in assets/viewer first"
)
def test_building_again_gives_the_committed_file(tmp_path: Path) -> None:
    subprocess.run(["node", "build.mjs", str(tmp_path)], cwd=SOURCE, check=True, timeout=60)
    (again,) = tmp_path.iterdir()
    assert again.read_bytes() == bundle().read_bytes()
    assert again.name == bundle().name


def test_viewer_sets_no_text_as_markup_and_asks_nobody() -> None:
    for path in (SOURCE / "src").glob("*.js"):
        code = path.read_text()
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|eval\(", code), path.name
        addresses = set(re.findall(r"https?://[^\s\"'`]+", code))
        assert addresses <= {"http://www.w3.org/2000/svg"}, path.name


def test_stops_of_a_tour_reach_the_browser_whole() -> None:
    stop = Stop(title="One", caption="<b>two</b>", direction=(0.0, 0.0, 1.0), explode=0.5)
    (told,) = Received(scene(cloud(5), tour=(stop,))).header["tour"]
    assert told == {
        key: list(value) if isinstance(value, tuple) else value
        for key, value in dataclasses.asdict(stop).items()
    }


def test_focus_is_sent_in_the_frame_of_the_cloud() -> None:
    points = cloud(50) * 10 + 3
    box = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    received = Received(scene(points, focus=box))
    center, radius = (np.array(received.header[name]) for name in ("center", "radius"))
    np.testing.assert_allclose(np.array(received.header["focus"]) * radius + center, box)
    assert Received(scene(points)).header["focus"] is None


def test_another_partition_sends_no_place_again() -> None:
    points = cloud(60)
    first, second = (encode_scene(scene(points, groups=np.arange(60) // size)) for size in (7, 11))
    assert len(first.blobs) == len(second.blobs) == 2
    assert len(first.blobs.keys() & second.blobs.keys()) == 1


def test_groups_that_a_panel_shows_are_sent_once() -> None:
    points, groups = cloud(60), np.arange(60) // 7
    shown = Panel(title="", coloring=Labels(name="patch", labels=groups.copy()))
    received = Received(scene(points, groups=groups, panels=(shown,)))
    assert list(received.encoded.blobs) == [received.header["geometry"]]
    sent = received.array(received.header["groupsIn"])
    np.testing.assert_array_equal(sent, groups[shuffle_order(60)])
    alone = Received(scene(points, groups=groups))
    assert alone.header["groups"] == received.header["groups"]


# Panels of different bodies in one cloud.


def bodies(**changes: object) -> Scene:
    """Two squares, one beside the other, each in a panel of its own and of one coloring."""
    square = np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [1.0, 1.0, 0.0], [0.0, 1.0, 0.0]])
    corners = np.array([[0, 1, 2], [0, 2, 3]])
    colors = field(np.repeat([-1.0, 1.0], 4))
    given = {
        "points": np.concatenate([square, square + np.array([2.0, 0.0, 0.0])]),
        "triangles": np.concatenate([corners, corners + 4]),
        "panels": (
            Panel(title="A", coloring=colors, part=(0, 2)),
            Panel(title="B", coloring=colors, part=(2, 4)),
        ),
    }
    return Scene(**(given | changes))


def test_bodies_of_several_panels_are_parts_of_one_cloud_and_their_colors_are_sent_once() -> None:
    received = Received(bodies(divided=True))
    first, second = received.header["panels"]
    assert (first["title"], second["title"]) == ("A", "B")
    assert (first["part"], second["part"]) == ([0, 2], [2, 4])
    assert first["buffer"] == second["buffer"]
    assert received.header["divided"]
    blob, arrays = received.blob(received.header["geometry"])
    triangles = arrays[blob["triangles"]].reshape(-1, 3)
    assert (received.points()[triangles[2:].ravel(), 0] > 1.5).all()  # the second body's
    assert not Received(scene(cloud(4))).header["divided"]
    assert Received(scene(cloud(4))).header["panels"][0]["part"] is None


def test_still_picture_of_a_panel_has_its_own_body_alone() -> None:
    image = read_png(picture(bodies(), dark=False)).astype(int)
    left, right = image[:, :320], image[:, 320:]
    colors = to_rgb([color for _, color in palette_stops("field", dark=False)])
    for half, color in ((left, colors[0]), (right, colors[-1])):
        drawn = half[half[..., 3] > 0][:, :3]
        assert np.abs(drawn - color).max() <= 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"panels": (Panel(title="A", part=(0, 5)),)},
            "part of the panel 'A' must be some of the 4",
        ),
        ({"panels": (Panel(title="A", part=(2, 2)),)}, "got 2 to 2"),
        ({"panels": (Panel(title="A"),), "divided": True}, "a divided scene must have two panels"),
        ({"triangles": None}, "must be some of the 0 triangles"),
    ],
)
def test_parts_that_are_not_there_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        bodies(**changes)
