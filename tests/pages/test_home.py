"""The tour on the first page: its numbers, its scene, and where it leads."""

import asyncio
import json
import logging
import re
import runpy
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from streamlit import net_util
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest

from mspt.checkpoint import load_checkpoint
from mspt.data.registry import datasets
from mspt.data.sets.car.store import load_flow
from mspt.evaluation.comparison import compare, primary_error, views_of
from mspt.figures.viewer.encode import decode_packet
from mspt.inference.sample import predict_sample, sample_of_flow
from mspt.inference.sampling import cloud_size
from mspt.models.mspt import partition_points
from pages._home import data
from pages._shared import viewer

Open = Callable[..., AppTest]
TITLES = ["Shape", "Tree", "Patches", "Supernodes", "One block", "Field and error"]


@pytest.fixture
def home(open_page: Open) -> AppTest:
    app = open_page("home")
    assert not app.exception
    assert not app.error
    return app


def scene_of(app: AppTest) -> dict:
    (found,) = app.main.get("bidi_component")
    return decode_packet(found.proto.bytes)[0]


def name_of(app: AppTest) -> str:
    return re.search(r"car-\d{4}", app.markdown[0].value).group()


def captions(app: AppTest) -> dict[str, str]:
    return {stop["title"]: stop["caption"] for stop in scene_of(app)["tour"]}


def seen(app: AppTest, project: Path) -> tuple:
    checkpoint = load_checkpoint(project / "pretrained" / "car.safetensors")
    name = name_of(app)
    sample = sample_of_flow(name, load_flow(name), size=cloud_size(checkpoint))
    return checkpoint, sample


def test_tour_comes_first_and_has_six_stops(home: AppTest) -> None:
    assert list(captions(home)) == TITLES
    first = next(iter(home.main.children.values()))
    assert first.type == "header" or home.header[0].value


def test_numbers_of_the_stops_are_those_of_this_cloud(home: AppTest, project: Path) -> None:
    checkpoint, sample = seen(home, project)
    encoded, _ = checkpoint.normalizer.encode(sample.points, sample.features)
    partition = partition_points(checkpoint.config, encoded)
    texts, count = captions(home), len(sample.points)
    assert f"N = {count:,} points: {sample.num_surface:,} on the body" in texts["Shape"]
    assert f"{count - sample.num_surface:,} in the flow" in texts["Shape"]
    assert f"{int(partition.tree.level.max())} times" in texts["Tree"]
    sizes = partition.offsets.diff()
    assert f"K = {len(sizes)} patches of L = {int(sizes[0])} points" in texts["Patches"]
    assert f"S = K · Q = {len(sizes)} supernodes" in texts["Supernodes"]
    predicted = predict_sample(checkpoint, sample, device="cpu")
    view = next(iter(views_of(sample).values()))
    error = compare(sample, predicted, view).relative_l2
    assert f"solver is {error:.1%}" in texts["Field and error"]


def test_shares_of_one_point_are_its_softmax(home: AppTest, project: Path) -> None:
    checkpoint, sample = seen(home, project)
    encoded, features = checkpoint.normalizer.encode(sample.points, sample.features)
    found = predict_sample(checkpoint, sample, device="cpu")[: sample.num_surface, 0]
    trace = checkpoint.model.trace(encoded, features, picked=torch.tensor([int(found.argmax())]))
    shares = [100 * block.local.mean(0).sum().item() for block in trace.blocks]
    text = captions(home)["One block"]
    block, own, others = (
        int(re.search(pattern, text).group(1))
        for pattern in (r"block (\d+)", r"(\d+)% of the", r"and (\d+)% on")
    )
    assert own == pytest.approx(shares[block - 1], abs=0.51)
    assert own + others in (99, 100, 101)
    assert all(abs(shares[block - 1] - 50) <= abs(share - 50) for share in shares)


def test_equations_hold_the_numbers_of_this_cloud(home: AppTest, project: Path) -> None:
    checkpoint, sample = seen(home, project)
    encoded, _ = checkpoint.normalizer.encode(sample.points, sample.features)
    sizes = partition_points(checkpoint.config, encoded).offsets.diff()
    keys = sizes + len(sizes) * checkpoint.config.num_supernodes
    pool, pmsa, cost, error = (latex.value.replace("{,}", ",") for latex in home.latex[:4])
    assert f"{int(sizes[0])} \\times {checkpoint.config.width}" in pool
    assert f"{int(sizes.min())} \\times {len(sizes)}" in pmsa
    assert f"N (L + S) &= {int((sizes * keys).sum()):,} " in cost
    assert f"N^2 &= {len(sample.points) ** 2:,} " in cost
    miss = primary_error(sample, predict_sample(checkpoint, sample, device="cpu"))
    assert f"= {100 * miss:.1f}\\%" in error


def test_errors_come_with_the_noise_of_the_labels(home: AppTest) -> None:
    (words,) = [one.value for one in home.caption if one.value.startswith("Relative L2 errors")]
    assert "Of `car`: the solver's own C_p changes by 7.65%" in words
    assert "its C_D by 4.32%, average over 40 test bodies, stored with the checkpoint." in words


def test_every_stop_shows_layers_and_panels_that_are_there(home: AppTest) -> None:
    scene = scene_of(home)
    layers = {layer["name"] for layer in scene["layers"]}
    for stop in scene["tour"]:
        assert set(stop["layers"]) <= layers
        assert max(stop["panels"]) < len(scene["panels"])
    panels = [panel for stop in scene["tour"] for panel in stop["panels"]]
    assert panels == sorted(panels)
    assert set(panels) == set(range(len(scene["panels"])))


def test_links_lead_to_pages_in_the_state_of_the_tour(open_page: Open, home: AppTest) -> None:
    name = name_of(home)
    links = {
        link.proto.label: (link.proto.page, link.proto.query_string)
        for link in home.get("page_link")
    }
    for label, page in (
        ("Change the partition", "patches"),
        ("Attention from any point", "attention"),
        ("See where it is wrong", "explore"),
    ):
        assert links[label][0].endswith(page)
        assert f"car_case={name}" in links[label][1]
        assert "checkpoint=car" in links[label][1]
    for drawn in (one for one in datasets() if one.drawing):
        page, query = links[drawn.drawing.invitation[0]]
        assert page.endswith("draw")
        assert f"dataset={drawn.name}" in query
        assert drawn.drawing.first_example in drawn.drawing.examples
    explore = open_page("explore", source="car", car_case=name, mark_worst="true")
    assert explore.selectbox(key="car_case").value == name
    (found,) = explore.main.get("bidi_component")
    layers = [layer["name"] for layer in decode_packet(found.proto.bytes)[0]["layers"]]
    assert "marked patch" in layers


def test_message_of_the_tour_is_small(home: AppTest) -> None:
    (found,) = home.main.get("bidi_component")
    assert len(found.proto.bytes) < 700_000
    assert json.dumps(captions(home))
    assert np.isfinite(scene_of(home)["radius"])


def test_tour_is_built_before_anyone_asks(
    open_page: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data._tour.clear()
    data.prepare()
    with monkeypatch.context() as patch:
        patch.setattr("pages._home.data.build_tour", lambda _: pytest.fail("built again"))
        assert not open_page("home").exception
    monkeypatch.chdir(tmp_path)
    data.prepare()  # nothing ships here: the page says so, the server starts


def test_server_builds_the_tour_as_it_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = logging.getLogger("streamlit.runtime.scriptrunner_utils.script_run_context")
    changed = (
        (PagesManager, "uses_pages_directory"),
        (net_util, "get_external_ip"),
        (kept, "level"),
    )
    for target, name in changed:
        monkeypatch.setattr(target, name, getattr(target, name))  # serve.py changes it for good
    called = Event()
    monkeypatch.setattr(data, "prepare", called.set)
    serve = runpy.run_path(str(Path(__file__).parents[2] / "serve.py"))

    async def start() -> bool:
        async with serve["warmed_up"](serve["app"]):
            return called.is_set()

    with ThreadPoolExecutor() as pool:  # a browser at hand has taken this thread's event loop
        assert pool.submit(asyncio.run, start()).result()
    assert not PagesManager.uses_pages_directory


@pytest.mark.parametrize("page", ["home", "patches", "explore", "attention"])
def test_first_picture_gets_a_longer_start_than_others(
    open_page: Open, monkeypatch: pytest.MonkeyPatch, page: str
) -> None:
    waits = []
    monkeypatch.setattr(viewer, "time", SimpleNamespace(sleep=waits.append))
    app = open_page(page)
    app.run()
    assert waits == [viewer.FIRST_PICTURE, viewer.NEXT_PICTURE]
