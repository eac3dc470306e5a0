"""Lines around patches, and the stop of the tour that shows the attention of one point."""

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial import Delaunay

from mspt.checkpoint import load_checkpoint
from mspt.data.sets.car.store import list_flows, load_flow
from mspt.figures.scenes.parts import patch_outline
from mspt.figures.scenes.tour import Tour, build_tour
from mspt.figures.viewer.encode import decode_packet, encode_scene
from mspt.figures.viewer.scene import Field, Outline, Panel, Scene
from mspt.inference.sample import sample_of_flow
from mspt.inference.sampling import cloud_size
from mspt.inspection.observation import Observed, attend_from, observe

ROOT = Path(__file__).parents[2]


def test_outline_of_points_is_sent_as_the_number_of_their_group() -> None:
    groups = np.array([0, 0, 1, 1])
    line = patch_outline("masked", np.eye(4, 3), None, groups, patch=1)
    assert line == Outline(name="masked", group=1)
    scene = Scene(points=np.eye(4, 3), panels=(Panel(title=""),), layers=(line,), groups=groups)
    header, _ = decode_packet(encode_scene(scene).message({}))
    assert header["layers"] == [{"name": "masked", "kind": "outline", "group": 1}]


def test_rim_of_triangles_is_closed_and_surrounds_the_points_of_the_patch() -> None:
    points = np.random.default_rng(2).random((400, 2))
    groups = (np.linalg.norm(points - 0.5, axis=1) < 0.3).astype(int)
    line = patch_outline("masked", points, Delaunay(points).simplices, groups, patch=1)
    ends = np.concatenate([line.starts, line.stops])
    _, times = np.unique(ends, axis=0, return_counts=True)
    assert (times % 2 == 0).all(), "every corner of a closed line has two ends"
    away = np.linalg.norm(ends - 0.5, axis=1)
    assert away.min() > 0.2
    assert away.max() < 0.45
    assert set(line.follows.ravel()) == {1}


@pytest.fixture(scope="module")
def toured() -> tuple[Observed, Tour]:
    checkpoint = load_checkpoint(ROOT / "pretrained" / "car.safetensors")
    name = list_flows("test")[0]
    sample = sample_of_flow(name, load_flow(name), size=cloud_size(checkpoint))
    seen = observe(checkpoint, sample, device="cpu")
    return seen, build_tour(seen)


def test_attention_of_one_point_is_seen_on_much_of_the_body(toured: tuple[Observed, Tour]) -> None:
    observed, tour = toured
    (stop,) = (stop for stop in tour.scene.tour if stop.title == "One block")
    field = tour.scene.panels[stop.panels[0]].coloring
    assert isinstance(field, Field)
    assert field.log
    low, high = field.limits
    place = (field.values - low) / (high - low)
    assert 0.1 < (place > 0.5).mean() < 0.6, "a part of the body stands out from the rest"
    seen = attend_from(observed, [tour.facts.point], block=tour.facts.block - 1)
    total = (seen.local + seen.through_supernodes).numpy()
    assert total.sum() == pytest.approx(1, abs=1e-4)
    multiples = total[: len(field.values)] * len(total)
    clear = field.values > field.values.min()
    np.testing.assert_allclose(10 ** field.values[clear], multiples[clear], rtol=1e-4)


def test_patches_of_the_tour_differ_in_color_where_they_touch(
    toured: tuple[Observed, Tour],
) -> None:
    _, tour = toured
    assert tour.scene.panels[1].coloring.colors.differ[-1]
