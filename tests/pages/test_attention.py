from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from mspt.checkpoint import build_model, load_checkpoint, save_checkpoint
from mspt.data.store import load_split
from mspt.figures.scenes.attention import MAX_LINKS, READS
from mspt.figures.viewer.encode import decode_packet
from mspt.inference.sample import sample_of_case
from mspt.inspection.masking import compare_with_attention, mask_each_patch, mask_patch
from mspt.inspection.observation import Observed, attend_from, observe, peak_point
from pages._attention import data
from pages._shared.cache import CheckpointKey
from tests.pages.reading import charts, metrics

Open = Callable[..., AppTest]


@pytest.fixture
def seen(project: Path) -> Observed:
    checkpoint = load_checkpoint(project / "pretrained" / "elasticity.safetensors")
    return observe(checkpoint, sample_of_case(load_split("elasticity", "test", limit=1).case(0)))


def click(app: AppTest, point: int) -> AppTest:
    """Write what a click writes."""
    app.session_state["points"] = str(point)
    return app.run()


def test_first_visit_shows_where_the_field_is_largest(open_page: Open, seen: Observed) -> None:
    app = open_page("attention", source="elasticity")
    assert not app.exception
    now = attend_from(seen, (peak_point(seen),), block=0)
    assert metrics(app)["Attention to all supernodes"] == f"{now.summary.global_share:.1%}"
    assert metrics(app)["Attention to the own patch"] == f"{now.summary.local_share:.1%}"
    assert f"{now.summary.effective_keys:.1f} of {now.summary.num_keys}" in metrics(app).values()


def test_another_point_changes_numbers_equation_and_thumbnails(
    open_page: Open, seen: Observed
) -> None:
    app = open_page("attention", source="elasticity")
    before = charts(app)[1]["data"][0]["customdata"]
    point = 17
    app = click(app, point)
    now = attend_from(seen, (point,), block=0)
    assert metrics(app)["Attention to all supernodes"] == f"{now.summary.global_share:.1%}"
    assert f"H'_{{{point}}}" in app.latex[0].value
    after = charts(app)[1]["data"][0]["customdata"]
    assert np.nansum(np.abs(after - before)) > 0
    assert np.nanmax(after) == pytest.approx(
        now.spread.total[0, 0].max().item() * len(seen.fields), rel=1e-4
    )


def test_address_restores_points_block_head_and_picture(open_page: Open, seen: Observed) -> None:
    app = open_page(
        "attention",
        source="elasticity",
        points="12,40",
        head="2",
        picture="Masking",
        patch="3",
        masked="points and supernodes",
    )
    assert not app.exception
    change = mask_patch(seen, 3, masked="points and supernodes").change[:, 0].numpy()
    largest = change[np.abs(change).argmax()]
    assert metrics(app)[f"Largest change of {seen.sample.channels[0].name}"].startswith(
        f"{largest:+.3g}".replace("-", "−")
    )
    assert metrics(app)["Change at 2 points"].startswith(
        f"{change[[12, 40]].mean():+.3g}".replace("-", "−")
    )
    command = app.code[0].value
    assert "--points 12 40 --block 1 --head 2 --mask-patch 3" in command


def test_share_by_block_is_that_of_the_picked_points(open_page: Open, seen: Observed) -> None:
    app = open_page("attention", source="elasticity", points="12")
    bars, strokes = charts(app)[0]["data"][:2]
    assert bars["y"][0] == pytest.approx(
        attend_from(seen, (12,), block=0).summary.global_share, rel=1e-4
    )
    everyone = attend_from(seen, range(len(seen.fields)), block=0).summary.global_share
    assert strokes["y"][0] == pytest.approx(everyone, rel=1e-3)


def test_matrix_of_the_patch_has_rows_that_sum_to_one(open_page: Open) -> None:
    app = open_page("attention", source="elasticity", points="12", matrix="true")
    local, nodes = (trace["z"] for trace in charts(app)[2]["data"])
    np.testing.assert_allclose(local.sum(1) + nodes.sum(1), 100, rtol=1e-4)


def test_several_points_can_be_dropped_and_cleared(open_page: Open) -> None:
    app = open_page("attention", source="elasticity", points="12,40,7", picks="several")
    app.button(key="drop_40").click().run()
    assert app.session_state["points"] == "12,7"
    app.button(key="attention_clear").click().run()
    assert app.session_state["points"] == ""
    assert not app.exception


def test_points_of_another_cloud_are_forgotten(open_page: Open) -> None:
    app = open_page("attention", source="elasticity", points="12")
    app.session_state["source"] = "darcy"
    app.run()
    assert not app.exception
    assert app.session_state["points"] == ""


def test_a_comparison_that_was_stopped_goes_on_where_it_was(seen: Observed) -> None:
    recording = data.RecordingKey(CheckpointKey(Path("stopped"), 0.0), seen.sample.key, "cpu")
    key = data.ComparisonKey(recording, (12,), channel=0, block=None)
    steps = data.mask_missing(key, seen)
    for _ in range(3):
        next(steps)
    steps.close()
    count = seen.recording.num_patches
    assert data.num_missing(key, seen) == count - 3
    assert data.comparison(key, seen) is None
    assert len(list(data.mask_missing(key, seen))) == count - 3
    found = data.comparison(key, seen)
    whole = compare_with_attention(seen, (12,), list(mask_each_patch(seen, (12,), channel=0)))
    np.testing.assert_array_equal(found.effect, whole.effect)


def test_attention_is_compared_with_masking_on_demand(open_page: Open, seen: Observed) -> None:
    app = open_page("attention", source="elasticity", points="12", picture="Masking")
    assert "Spearman's rank correlation" not in metrics(app)
    app.button(key="attention_compare").click().run()
    assert not app.exception
    found = compare_with_attention(seen, (12,), list(mask_each_patch(seen, (12,), channel=0)))
    shown = float(metrics(app)["Spearman's rank correlation"])
    assert shown == pytest.approx(found.rank_correlation, abs=0.051)
    attention = np.concatenate([trace["customdata"] for trace in charts(app)[0]["data"][:2]])
    order = attention[:, 0].argsort()
    np.testing.assert_allclose(attention[order, 1], 100 * found.attention, rtol=1e-3)


def test_models_without_such_attention_say_why_and_offer_one(open_page: Open) -> None:
    app = open_page("attention", source="elasticity", checkpoint="elasticity-transolver")
    assert not app.exception
    assert "slices, not patches" in app.info[0].value
    app.button(key="attention_instead").click().run()
    assert "Attention to all supernodes" in metrics(app)


def test_point_that_is_none_is_refused_in_words(open_page: Open) -> None:
    app = open_page("attention", source="elasticity", points="99999")
    assert not app.exception
    assert "Points must be numbers from 0 to 971" in app.error[0].value


def test_body_shows_the_change_of_its_forces(open_page: Open) -> None:
    app = open_page("attention", picture="Masking")
    assert not app.exception
    assert metrics(app)["Change of C_D"].endswith("counts")
    assert app.main.get("bidi_component")
    assert torch.is_grad_enabled()


def test_lines_move_with_the_patches_that_they_join(open_page: Open, seen: Observed) -> None:
    app = open_page("attention", source="elasticity", points="12")
    (viewer,) = app.main.get("bidi_component")
    header, buffers = decode_packet(viewer.proto.bytes)
    (lines,) = (layer for layer in header["layers"] if layer["name"] == READS)
    own, read = np.frombuffer(buffers[lines["follows"]], np.uint32).reshape(-1, 2).T
    weights = attend_from(seen, (12,), block=0).on_supernodes[0]
    assert set(own) == {int(seen.partition.patch_of_point[12])}
    assert set(read) == set(weights.topk(min(MAX_LINKS, len(weights))).indices.tolist())


@pytest.fixture
def two_trees(project: Path) -> Iterator[Observed]:
    """A model of two blocks, each with a tree of its own."""
    like = load_checkpoint(project / "pretrained" / "elasticity.safetensors")
    config = replace(like.config, num_blocks=2, partition="alternating_trees")
    path = project / "pretrained" / "elasticity-trees.safetensors"
    model = build_model(config, seed=5)
    save_checkpoint(
        path, model=model, config=config, normalizer=like.normalizer, info=dict(like.info)
    )
    case = load_split("elasticity", "test", limit=1).case(0)
    yield observe(load_checkpoint(path), sample_of_case(case))
    path.unlink()


def test_patches_are_those_of_the_tree_that_the_block_uses(
    open_page: Open, two_trees: Observed
) -> None:
    first, second = (two_trees.partition_of(block).patch_of_point for block in (0, 1))
    point = int((first != second).nonzero()[0])
    state = {"source": "elasticity", "checkpoint": "elasticity-trees", "points": str(point)}
    for block, patch, tree in ((1, first, "first tree"), (2, second, "turned tree")):
        app = open_page("attention", **state, block=str(block))
        assert not app.exception
        own = int(patch[point])
        captions = [caption.value for caption in app.caption]
        assert any(f"block {block} ({tree})" in caption for caption in captions)
        now = attend_from(two_trees, (point,), block=block - 1)
        assert metrics(app)["Attention to the own patch"] == f"{now.summary.local_share:.1%}"
        app = open_page(
            "attention", **state, block=str(block), picture="Masking", where="this block"
        )
        assert not app.exception
        (box,) = [box for box in app.selectbox if box.key == "masked"]
        assert "patch removed" not in box.options
        app.session_state["patch"] = own
        app.run()
        effect = mask_patch(two_trees, own, masked="supernodes", block=block - 1)
        where = int(effect.change[:, 0].abs().argmax())
        (card,) = [one for one in app.metric if one.label.startswith("Largest change")]
        assert card.help == f"At point {where}, in patch {int(patch[where])}."
