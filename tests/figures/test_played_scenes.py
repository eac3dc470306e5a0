"""Scenes of cases in time and of grids that are bent, as values and as the bytes that are sent."""

import dataclasses
import io

import numpy as np
import pytest
import torch
from made_up_frames import airfoil_case, block_case, torus_case
from PIL import Image

from mspt.data.case import Case
from mspt.evaluation.comparison import compare
from mspt.evaluation.over_time import compare_over_time, views_in_time
from mspt.figures.charts.raster import boundary, sample_raster, triangle_raster
from mspt.figures.scenes.comparison import compared_scene, played_scene
from mspt.figures.scenes.parts import close_view, patch_outline
from mspt.figures.scenes.patches import CloseView, ShownPartition, patch_scene
from mspt.figures.viewer.encode import decode_packet, encode_scene, frame_of, shuffle_order
from mspt.figures.viewer.scene import Curve, Field, Panel, Player, Scene
from mspt.figures.viewer.still import picture
from mspt.inference.frames import at_time
from mspt.inference.partitioned import partition_cloud
from mspt.inference.sample import sample_of_case
from mspt.partition.patches import nearest_points, touching_patches

TYPES = {"u1": "<u1", "u2": "<u2", "u4": "<u4", "f4": "<f4"}


def played(
    case: Case, *, frame: int, models: tuple[str, ...] = ("one",), patch: np.ndarray | None = None
) -> Scene:
    """A case with predictions that miss by 1 and more in every channel, in its first field."""
    sample = sample_of_case(case)
    predictions = {name: case.fields + 1 + place for place, name in enumerate(models)}
    view = next(iter(views_in_time(sample).values()))
    over_time = {
        name: compare_over_time(sample, fields, view, part="x" if view.is_vector else "size")
        for name, fields in predictions.items()
    }
    still = compared_scene(
        at_time(sample, frame),
        {name: several[frame] for name, several in over_time.items()},
        mode="signed",
        patch=patch,
        marked_patch=None if patch is None else 0,
        marked_row=0,
    )
    return played_scene(
        still, sample, over_time=over_time, predictions=predictions, frame=frame, mode="signed"
    )


class Sent:
    """What a browser gets of a scene."""

    def __init__(self, scene: Scene) -> None:
        message = encode_scene(scene).message({})
        self.header, self.buffers = decode_packet(message)
        self.order = shuffle_order(len(scene.points))

    def blob(self, name: str) -> tuple[dict, list[np.ndarray]]:
        header, buffers = decode_packet(self.buffers[self.header["blobs"][name]["buffer"]])
        kinds = zip(buffers, header["kinds"], strict=True)
        return header, [np.frombuffer(buffer, TYPES[kind]) for buffer, kind in kinds]

    def places(self, steps: np.ndarray) -> np.ndarray:
        """Places in the units of the scene, in the order they were sent."""
        header, _ = self.blob(self.header["geometry"])
        box = header["positions"]
        relative = np.array(box["low"]) + steps.reshape(-1, 3) / 65535 * np.array(box["size"])
        return relative * self.header["radius"] + np.array(self.header["center"])


def test_every_panel_has_its_values_at_every_time() -> None:
    case = torus_case()
    scene = played(case, frame=4)
    sent = Sent(scene)
    truth = case.fields.double().numpy().T
    for panel, expected in zip(
        sent.header["panels"], (truth, truth + 1, np.ones_like(truth)), strict=True
    ):
        low, high = panel["range"]
        _, frames = sent.blob(panel["frames"])
        assert len(frames) == 10
        for steps, values in zip(frames, expected, strict=True):
            kept = np.clip(values[sent.order], low, high)
            np.testing.assert_allclose(low + steps / 65534 * (high - low), kept, atol=2e-3)
    shared = [panel["limits"] for panel in sent.header["panels"]]
    assert shared[0] == shared[1]
    for values in truth:  # of all times, not of the first
        assert shared[0][1] >= np.quantile(values, 0.98)
    np.testing.assert_allclose(scene.panels[0].coloring.values, truth[4])


def test_player_says_the_times_and_the_error_at_each() -> None:
    case = torus_case()
    header = Sent(played(case, frame=4, models=("one", "two"))).header
    player = header["player"]
    assert player["times"] == list(range(11, 21))
    assert (player["unit"], player["start"]) == ("", 4)
    assert [panel["title"] for panel in header["panels"]][:2] == [
        "Prediction A: one",
        "Prediction B: two",
    ]
    whole = np.linalg.norm(case.fields.double().numpy(), axis=0)
    for curve, miss in zip(player["curves"], (1, 2), strict=True):
        np.testing.assert_allclose(curve["values"], 100 * miss * np.sqrt(4096) / whole, rtol=1e-5)


def test_another_time_sends_no_values_again() -> None:
    first, last = (encode_scene(played(torus_case(), frame=frame)) for frame in (0, 9))
    assert first.blobs.keys() == last.blobs.keys()
    assert len(last.message(dict.fromkeys(last.blobs, "somewhere"))) < 20_000


def test_points_that_move_are_drawn_where_each_panel_has_them() -> None:
    case = block_case()
    scene = played(case, frame=19)
    sent = Sent(scene)
    panels = sent.header["panels"]
    assert panels[0]["places"] == panels[2]["places"] != panels[1]["places"]
    for index in (0, 19):
        true = case.fields[:, 4 * index : 4 * index + 2].numpy()
        for panel, expected in ((panels[0], true), (panels[1], true + 1)):
            _, frames = sent.blob(panel["places"])
            found = sent.places(frames[index])[:, :2]
            np.testing.assert_allclose(found, expected[sent.order], atol=2e-3)
    start = sent.places(sent.blob(sent.header["geometry"])[1][0])[:, :2]
    np.testing.assert_allclose(start, case.points.numpy()[sent.order], atol=2e-3)


def test_marked_patch_lies_where_the_points_are_at_the_shown_time() -> None:
    case = block_case()
    patch = (case.points[:, 0] > 25).long().numpy()
    lines = played(case, frame=19, patch=patch).layers[0]
    reach = case.fields[:, 76][patch == 0].max().item()
    assert lines.starts[:, 0].max() == pytest.approx(reach, abs=0.5)
    assert lines.starts[:, 0].max() > case.points[patch == 0, 0].max() + 0.05


def test_a_steady_case_is_not_played() -> None:
    sample = sample_of_case(airfoil_case())
    settings = {"over_time": {}, "predictions": {}, "frame": 0, "mode": "signed"}
    with pytest.raises(ValueError, match="one in time, got the steady airfoil-1100"):
        played_scene(compared_airfoil(), sample, **settings)


def test_frames_that_do_not_fit_the_player_are_refused() -> None:
    points = np.random.default_rng(0).normal(size=(5, 2))
    field = Field(
        name="heat", unit="K", values=points[:, 0], limits=(0.0, 1.0), frames=np.zeros((2, 5))
    )
    panels = (Panel(title="", coloring=field),)
    with pytest.raises(ValueError, match="one row for each of the 0 times of the player, got 2"):
        Scene(points=points, panels=panels)
    three = Player(times=(0.0, 1.0, 2.0), unit="s")
    with pytest.raises(ValueError, match="one row for each of the 3 times of the player, got 2"):
        Scene(points=points, panels=panels, player=three)
    with pytest.raises(ValueError, match="start must be in 0 to 2, got 3"):
        dataclasses.replace(
            Scene(points=points, panels=(Panel(title=""),), player=three),
            player=dataclasses.replace(three, start=3),
        )


def test_a_time_without_an_error_is_sent_as_a_gap() -> None:
    points = np.zeros((3, 2))
    player = Player(
        times=(0.0, 1.0), unit="1", curves=(Curve(name="e", values=np.array([np.nan, 2.0])),)
    )
    header = Sent(Scene(points=points, panels=(Panel(title=""),), player=player)).header
    assert header["player"]["curves"] == [{"name": "e", "values": [None, 2.0]}]


def test_still_picture_is_of_the_shown_time() -> None:
    pictures = [picture(played(block_case(), frame=frame), dark=False) for frame in (0, 19)]
    first, last = (np.asarray(Image.open(io.BytesIO(one))) for one in pictures)
    assert first.shape == last.shape
    left = slice(0, first.shape[1] // 3)  # the truth: what is drawn moves, and changes color
    assert (first[:, left, 3] != last[:, left, 3]).mean() > 0.005


# --- airfoils: a grid that meets itself, in a domain that is much larger -------------------------


def compared_airfoil() -> Scene:
    sample = sample_of_case(airfoil_case())
    view = next(iter(views_in_time(sample).values()))
    found = compare(sample, sample.truth + 0.1, view)
    return compared_scene(sample, {"one": found}, mode="signed")


def test_airfoil_is_seen_from_near_and_its_wall_is_exact() -> None:
    case, scene = airfoil_case(), compared_airfoil()
    sent = Sent(scene)
    low, high = np.array(sent.header["focus"]) * sent.header["radius"] + sent.header["center"]
    assert low[0] < 0 < 1 < high[0] < 3
    header, arrays = sent.blob(sent.header["geometry"])
    steps = arrays[header["positions"]["buffer"]]
    found = sent.places(steps)[:, :2]
    wall = case.points.reshape(221, 51, 2)[:, :2].double()
    thinnest = (wall[:, 1] - wall[:, 0]).norm(dim=-1).min().item()
    np.testing.assert_allclose(
        found, case.points.double().numpy()[sent.order], atol=0.02 * thinnest
    )


def test_wake_is_no_boundary() -> None:
    case = airfoil_case()
    points, triangles = case.points.numpy(), case.triangles.numpy()
    drawn = boundary(points, triangles).reshape(-1, 3, 2)[:, :2].mean(axis=1)
    near = drawn[np.abs(drawn).max(axis=1) < 5]
    assert len(near) > 50  # the airfoil itself
    assert near[:, 0].min() > -0.01
    assert near[:, 0].max() < 1.01


def test_picture_of_an_airfoil_shows_its_surroundings_alone() -> None:
    case = airfoil_case()
    points, triangles = case.points.numpy(), case.triangles.numpy()
    raster = triangle_raster(points, triangles, resolution=96, box=((-0.5, -0.5), (1.5, 0.5)))
    assert raster.x[[0, -1]] == pytest.approx([-0.5, 1.5], abs=0.02)
    assert raster.y[[0, -1]] == pytest.approx([-0.5, 0.5], abs=0.02)
    image = sample_raster(raster, case.fields[:, 0].numpy())
    gaps = np.isnan(image)
    assert 0.02 < gaps.mean() < 0.06  # the airfoil: 8.2 % of a chord squared in 2
    known = np.broadcast_to(0.8 + 0.1 * raster.x, image.shape)[~gaps]
    np.testing.assert_allclose(image[~gaps], known, atol=1e-3)


def test_a_patch_goes_on_across_the_wake() -> None:
    case = airfoil_case()
    points, triangles = case.points.numpy(), case.triangles.numpy()
    behind = (points[:, 0] > 1.5) & (points[:, 0] < 3) & (np.abs(points[:, 1]) < 1)
    lines = patch_outline("p", points, triangles, behind.astype(int), patch=1)
    middles = (lines.starts + lines.stops) / 2
    on_wake = (np.abs(middles[:, 1]) < 1e-3) & (middles[:, 0] > 1.7) & (middles[:, 0] < 2.7)
    assert not on_wake.any()
    above = behind & (np.repeat(np.arange(221), 51) > 110)  # one side of the wake alone
    lines = patch_outline("p", points, triangles, above.astype(int), patch=1)
    middles = (lines.starts + lines.stops) / 2
    assert ((np.abs(middles[:, 1]) < 1e-3) & (middles[:, 0] > 1.7) & (middles[:, 0] < 2.7)).any()


def test_patches_of_an_airfoil_are_drawn_near_it_as_triangles() -> None:
    sample = sample_of_case(airfoil_case())
    cloud = partition_cloud(sample.points, 16, method="ball_tree")
    shown = ShownPartition(
        title="ball tree",
        partition=cloud.partition,
        shapes=cloud.shapes,
        touching=touching_patches(cloud.partition, nearest_points(sample.points)),
    )
    box = close_view(sample)
    scene = patch_scene(
        sample.points, shown, unit="chords", close=CloseView(box, sample.triangles), picked=60
    )
    assert scene.triangles is sample.triangles
    np.testing.assert_array_equal(scene.focus[:, :2], [[-0.6, -0.85], [1.7, 0.85]])
    nodes = next(layer for layer in scene.layers if layer.name == "supernodes")
    assert nodes.radii.max() < 0.1  # of the near view, not of a domain of 80 chords
    assert frame_of(scene.focus).radius < 2
    assert close_view(sample_of_case(torus_case())) is None
    assert torch.isfinite(sample.points).all()
