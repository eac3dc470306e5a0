from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import pyvista as pv
import torch

from mspt.checkpoint import load_checkpoint
from mspt.data.clouds import whole_body
from mspt.data.sets.car.clouds import cloud_of
from mspt.data.sets.car.store import list_flows, load_flow
from mspt.data.store import list_cases, load_case
from mspt.evaluation import flows as flow_evaluation
from mspt.evaluation.comparison import (
    COMPONENTS,
    compare,
    compared_table,
    error_rank,
    patches_of,
    primary_error,
    views_of,
    worst_patches,
    write_compared,
)
from mspt.figures.scenes.comparison import MARKED_PATCH, compared_scene, near_patch
from mspt.figures.viewer.scene import Outline
from mspt.inference.flow import predict_stored
from mspt.inference.predict import predict_case
from mspt.inference.sample import predict_sample, sample_of_case, sample_of_flow, sample_of_points

NAME = list_flows("test")[0]


@pytest.fixture(scope="module")
def flow_seen() -> tuple:
    checkpoint = load_checkpoint("pretrained/car.safetensors")
    seen = sample_of_flow(NAME, load_flow(NAME), size=(256, 160))
    return checkpoint, seen, predict_sample(checkpoint, seen, device="cpu")


@pytest.fixture(scope="module")
def sheet_seen() -> tuple:
    checkpoint = load_checkpoint("pretrained/elasticity.safetensors")
    seen = sample_of_case(load_case("elasticity", list_cases("elasticity")[3]))
    return checkpoint, seen, predict_sample(checkpoint, seen, device="cpu")


def test_error_of_all_stored_faces_is_that_of_the_score() -> None:
    checkpoint, flow = load_checkpoint("pretrained/car-branched.safetensors"), load_flow(NAME)
    whole = sample_of_flow(NAME, flow, size=None)
    body = whole_body(cloud_of(flow))
    predicted = predict_stored(checkpoint, body, device="cpu")
    score = flow_evaluation.score_prediction(NAME, flow, body, predicted)
    views = list(views_of(whole).values())
    found = [compare(whole, predicted, view).relative_l2 for view in views]
    expected = [
        score.surface_pressure,
        score.wall_shear,
        score.volume_pressure,
        score.velocity_change,
    ]
    assert found == pytest.approx(expected, rel=1e-5)
    assert primary_error(whole, predicted) == pytest.approx(score.surface_pressure, rel=1e-5)


@pytest.mark.parametrize("part", COMPONENTS)
def test_numbers_of_a_vector_are_those_of_its_component_or_its_length(
    flow_seen: tuple, part: str
) -> None:
    _, seen, predicted = flow_seen
    compared = compare(seen, predicted, views_of(seen)["Velocity change"], part=part)
    truth, found = (fields[256:, 4:7].double() for fields in (seen.truth, predicted))
    if part == "size":
        expected = [truth.norm(dim=1), found.norm(dim=1), (found - truth).norm(dim=1)]
    else:
        axis = "xyz".index(part)
        expected = [truth[:, axis], found[:, axis], (found - truth)[:, axis]]
    assert compared.signed == (part != "size")
    for values, right in zip(
        (compared.truth, compared.prediction, compared.error), expected, strict=True
    ):
        np.testing.assert_allclose(values, right.numpy(), atol=1e-12)
    np.testing.assert_array_equal(compared.rows, np.arange(256, 416))


def test_shares_of_patches_are_shares_of_the_squared_error(sheet_seen: tuple) -> None:
    checkpoint, seen, predicted = sheet_seen
    patch = patches_of(checkpoint, seen)
    compared = compare(seen, predicted, views_of(seen)["stress"])
    table = worst_patches(patch, compared)
    assert table["share"].sum() == pytest.approx(1)
    assert table["share"].is_monotonic_decreasing
    assert table["points"].sum() == len(seen.points)
    miss = (predicted - seen.truth)[:, 0].double().numpy()
    for row in table.itertuples():
        inside = miss[patch == row.patch]
        assert row.share == pytest.approx((inside**2).sum() / (miss**2).sum())
        assert row.rms == pytest.approx(np.sqrt((inside**2).mean()))


def test_patches_are_those_that_the_model_has_used(sheet_seen: tuple) -> None:
    checkpoint, seen, _ = sheet_seen
    used = predict_case(checkpoint, seen.points, seen.features, device="cpu").partition
    np.testing.assert_array_equal(patches_of(checkpoint, seen), used.patch_of_point.numpy())


def test_patches_of_a_branched_model_do_not_mix_surface_and_flow(flow_seen: tuple) -> None:
    _, seen, _ = flow_seen
    patch = patches_of(load_checkpoint("pretrained/car-branched.safetensors"), seen)
    assert set(patch[:256]).isdisjoint(patch[256:])
    assert set(patch) == set(range(64))


def test_model_without_patches_has_none(flow_seen: tuple) -> None:
    _, seen, _ = flow_seen
    assert patches_of(load_checkpoint("pretrained/car-transolver.safetensors"), seen) is None


def test_rank_counts_errors_as_large(sheet_seen: tuple) -> None:
    _, seen, predicted = sheet_seen
    compared = compare(seen, predicted, views_of(seen)["stress"])
    size = np.abs(compared.error)
    assert error_rank(compared, int(size.argmax())) == 1
    assert error_rank(compared, int(size.argmin())) == len(size)


def test_unknown_truth_is_refused(sheet_seen: tuple) -> None:
    _, seen, predicted = sheet_seen
    blind = replace(seen, truth=None)
    with pytest.raises(ValueError, match="sample must have a truth to compare with, got none"):
        compare(blind, predicted, views_of(seen)["stress"])
    with pytest.raises(ValueError, match="sample must have a truth to compare with, got none"):
        compared_table(blind, {"one": predicted})


def test_made_up_cloud_has_no_patches() -> None:
    checkpoint = load_checkpoint("pretrained/elasticity.safetensors")
    with pytest.raises(ValueError, match="sample must have features, got none for line"):
        patches_of(checkpoint, sample_of_points("line", torch.rand(9, 2), title="Line"))


def test_table_and_file_hold_every_number_where_it_means_something(
    flow_seen: tuple, tmp_path: Path
) -> None:
    _, seen, predicted = flow_seen
    table = compared_table(seen, {"a": predicted, "b": predicted + 1})
    assert table["C_fx_truth"].isna().to_numpy().nonzero()[0].tolist() == list(range(256, 416))
    assert table["u_x_a_error"].isna().to_numpy().nonzero()[0].tolist() == list(range(256))
    np.testing.assert_allclose(table["C_p_b_error"] - table["C_p_a_error"], 1, atol=1e-5)
    assert "C_p_prediction" in compared_table(seen, {"a": predicted})
    write_compared(tmp_path / "case.vtp", seen, table)
    mesh = pv.read(tmp_path / "case.vtp")
    np.testing.assert_allclose(mesh.points, seen.points.numpy())
    np.testing.assert_allclose(mesh.point_data["C_p_truth"], seen.truth[:, 0].numpy())


# The scene of the viewer


def test_panels_share_limits_that_hold_truth_and_predictions(flow_seen: tuple) -> None:
    _, seen, predicted = flow_seen
    view = views_of(seen)["C_p on the body"]
    both = {"a": compare(seen, predicted, view), "b": compare(seen, predicted * 1.5, view)}
    scene = compared_scene(seen, both, mode="signed")
    limits = [panel.coloring.limits for panel in scene.panels]
    assert limits[0] == limits[1]
    assert limits[2] == limits[3]
    assert limits[2][0] == -limits[2][1]
    values = [both["a"].truth, *(one.prediction for one in both.values())]
    low, high = np.quantile(np.concatenate(values), (0.02, 0.98))
    assert limits[0][0] <= low < high <= limits[0][1]
    assert [panel.title for panel in scene.panels] == [
        "Prediction A: a",
        "Prediction B: b",
        "Error A: a",
        "Error B: b",
    ]


def test_length_of_a_difference_is_never_drawn_with_a_sign(flow_seen: tuple) -> None:
    _, seen, predicted = flow_seen
    compared = compare(seen, predicted, views_of(seen)["C_f on the body"], part="size")
    panel = compared_scene(seen, {"a": compared}, mode="signed").panels[2]
    assert panel.title == "Magnitude of the error"
    assert panel.coloring.palette == "magnitude"
    assert panel.coloring.limits[0] == 0


def test_logarithm_of_errors_is_of_their_sizes(sheet_seen: tuple) -> None:
    _, seen, predicted = sheet_seen
    compared = compare(seen, predicted, views_of(seen)["stress"])
    coloring = compared_scene(seen, {"a": compared}, mode="log").panels[2].coloring
    np.testing.assert_allclose(10**coloring.values, np.abs(compared.error), rtol=1e-9)
    assert 10 ** coloring.limits[1] >= np.abs(compared.error).max()


def test_marked_patch_is_outlined_and_named_with_its_share(flow_seen: tuple) -> None:
    checkpoint, seen, predicted = flow_seen
    patch = patches_of(checkpoint, seen)
    compared = compare(seen, predicted, views_of(seen)["C_p on the body"])
    shares = worst_patches(patch, compared)
    worst = int(shares["patch"][0])
    scene = compared_scene(
        seen, {"a": compared}, mode="signed", patch=patch, shares=shares, marked_patch=worst
    )
    (line,) = [layer for layer in scene.layers if layer.name == MARKED_PATCH]
    assert line == Outline(name=MARKED_PATCH, group=worst)
    assert (scene.groups == worst).any()
    assert f"{shares['share'][0]:.1%} of the squared error" in scene.group_text[worst]


def test_camera_flies_to_a_box_that_holds_the_patch_and_little_else(flow_seen: tuple) -> None:
    checkpoint, seen, predicted = flow_seen
    patch = patches_of(checkpoint, seen)
    compared = compare(seen, predicted, views_of(seen)["C_p on the body"])
    scene = compared_scene(seen, {"a": compared}, mode="signed", patch=patch)
    low, high = near_patch(scene, 1).focus
    inside = scene.points[scene.groups == 1]
    assert ((inside > low) & (inside < high)).all()
    size = np.linalg.norm(inside - inside.mean(axis=0), axis=1).max()
    np.testing.assert_allclose(high - low, 3.2 * size, rtol=1e-6)
    assert near_patch(scene, int(patch.max()) + 1) is scene
