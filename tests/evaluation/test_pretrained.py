from dataclasses import asdict, replace
from functools import cache
from math import nan as NAN
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import made_up_cases, tiny_config

from mspt.checkpoint import (
    CheckpointInfo,
    build_model,
    list_checkpoints,
    load_checkpoint,
    save_checkpoint,
)
from mspt.data.case import CaseStack
from mspt.data.files import SHIPPED as SHIPPED_DATA
from mspt.data.registry import datasets
from mspt.data.sets.car.dataset import CAR
from mspt.data.sets.car.families import family_and_split, flow_index
from mspt.data.sets.car.other_meshes import REPEATS
from mspt.data.sets.car.store import FINER_FOLDER, list_flows, load_flow, load_repeats
from mspt.data.store import load_split
from mspt.evaluation._card_parts import flattened
from mspt.evaluation.cards import model_cards
from mspt.evaluation.cases import evaluate, num_parameters
from mspt.evaluation.flows import (
    FlowScore,
    compare_labels,
    evaluate_flows,
    mean_field_score,
    summarize,
)
from mspt.metrics.fields import relative_l2
from mspt.models.normalizer import Normalizer
from mspt.progress import last_event
from mspt.training.presets import get_preset

PRETRAINED = Path(__file__).parents[2] / "pretrained"
SHIPPED = list_checkpoints(PRETRAINED)
FLOWS = [one for one in SHIPPED if one.info["dataset"] == CAR.name]
STACKS = [one for one in SHIPPED if one.info["dataset"] != CAR.name]

LONGER = (
    "darcy",
    "darcy-transolver-deep",
    "elasticity",
    "elasticity-transolver-long",
)
"""Trained for more steps than those that are compared."""


def name_of(shipped: CheckpointInfo) -> str:
    return shipped.path.stem


@pytest.mark.slow
@pytest.mark.parametrize("shipped", STACKS, ids=name_of)
def test_scores_in_the_header_are_recomputed(shipped: CheckpointInfo, case_step: int) -> None:
    checkpoint, written = load_checkpoint(shipped.path), shipped.info["metrics"]
    cases = load_split(checkpoint.info["dataset"], "test")
    scores = shipped.info["scores"]
    assert [score["name"] for score in scores] == list(cases.names)
    for key in ("relative_l2", "symmetric"):
        assert written[key] == pytest.approx(np.mean([score[key] for score in scores]), rel=1e-4)
    errors = [score["relative_l2"] for score in scores]
    assert written["worst"] == pytest.approx(max(errors), abs=1e-6)
    assert written["median"] == pytest.approx(sorted(errors)[len(errors) // 2 - 1], abs=1e-6)
    # Every case takes up to a tenth of a second a pass: some of them, the worst one included.
    few = picked(cases, [*range(0, len(cases), case_step), int(np.argmax(errors))])
    found = last_event(evaluate(checkpoint, few))
    by_name = {score["name"]: score for score in scores}
    for score in (
        found.scores()
        + last_event(evaluate(checkpoint, picked(few, [1]), symmetries=True)).scores()
    ):
        expected = {key: by_name[score["name"]][key] for key in score if key != "name"}
        assert {key: score[key] for key in expected} == pytest.approx(expected, rel=1e-3)
    mean = checkpoint.normalizer.fields_mean.expand_as(cases.fields)
    mean_only = relative_l2(mean, cases.fields).mean().item()
    assert written["mean_only"] == pytest.approx(mean_only, rel=1e-4)
    assert written["cases"] == len(cases)
    assert written["relative_l2"] < 0.2 * mean_only
    depends_on_order = checkpoint.config.partition == "sequence"
    assert (written["symmetric"] < written["relative_l2"]) != depends_on_order


def picked(cases: CaseStack, rows: list[int]) -> CaseStack:
    return replace(
        cases,
        names=tuple(cases.names[row] for row in rows),
        points=cases.points[rows],
        features=cases.features[rows],
        fields=cases.fields[rows],
    )


@pytest.mark.slow
@pytest.mark.parametrize("shipped", FLOWS, ids=name_of)
@pytest.mark.parametrize(("key", "split"), [("metrics", "test"), ("metrics_unseen", "unseen")])
def test_scores_of_flows_are_recomputed(
    shipped: CheckpointInfo, key: str, split: str, case_step: int
) -> None:
    checkpoint, written = load_checkpoint(shipped.path), shipped.info[key]
    kept = {
        row["name"]: restored(row)
        for row in shipped.info["scores"]
        if family_and_split(flow_index(row["name"]))[1] == split
    }
    names = list(kept)[::case_step]  # two to eight seconds a case
    if case_step > 1 and split == "unseen" and shipped.path.stem != CAR.name:
        names = []  # what is stored of each is summarized anew below
    cases = [(name, load_flow(name, root=PRETRAINED)) for name in names]
    repeats = {name: load_repeats(name, root=PRETRAINED) for name in names}
    found = last_event(evaluate_flows(checkpoint, cases, repeats=repeats))
    for score in found.scores:
        for field, value in asdict(kept[score.name]).items():
            assert getattr(score, field) == approx_if_number(value), (score.name, field)
    against_mean = {row["name"]: row for row in shipped.info["scores_against_mean"]}
    for score in found.against_mean:
        for field, value in against_mean[score.name].items():
            assert getattr(score, field) == approx_if_number(NAN if value is None else value)
    for field, value in summarize(list(kept.values())).items():
        assert written[field] == approx_if_number(value), field
    assert written["cases"] == len(kept)
    assert written["relative_l2"] < 0.8 * written["mean_only"]


@pytest.mark.parametrize("shipped", FLOWS, ids=name_of)
def test_noise_of_labels_in_the_header_is_recomputed(shipped: CheckpointInfo) -> None:
    written = shipped.info["metrics"]
    rows = [restored(row) for row in shipped.info["scores_against_mean"]]
    assert [row.name for row in rows] == list(list_flows("test", root=PRETRAINED))
    for field, value in summarize(rows).items():
        assert written["against_mean"][field] == approx_if_number(value), field
    scores = labels_of_other_meshes()
    assert list(scores) == list(REPEATS) == list(written["other_meshes"])
    for mesh, found in scores.items():
        for field, value in summarize(found).items():
            assert written["other_meshes"][mesh][field] == approx_if_number(value), (mesh, field)


@cache
def labels_of_other_meshes() -> dict[str, list[FlowScore]]:
    """The same for every checkpoint."""
    scores: dict[str, list[FlowScore]] = {}
    for name in list_flows("test", root=PRETRAINED):
        case = load_flow(name, root=PRETRAINED)
        for mesh, other in load_repeats(name, root=PRETRAINED).items():
            scores.setdefault(mesh, []).append(compare_labels(name, case, other))
    return scores


def restored(row: dict[str, Any]) -> FlowScore:
    return FlowScore(**{name: NAN if row[name] is None else row[name] for name in row})


def approx_if_number(value: object) -> object:
    is_number = isinstance(value, float)
    return pytest.approx(value, rel=2e-3, abs=2e-4, nan_ok=True) if is_number else value


@pytest.mark.parametrize(("key", "split"), [("metrics", "test"), ("metrics_unseen", "unseen")])
def test_score_of_the_mean_of_flows_is_recomputed(key: str, split: str) -> None:
    (shipped,) = (one for one in FLOWS if one.path.stem == CAR.name)
    mean = load_checkpoint(shipped.path).normalizer.fields_mean
    plain = {"drag": shipped.info["mean_C_D"], "lift": shipped.info["mean_C_L"]}
    names = [row["name"] for row in shipped.info["scores"]]
    scores = [
        mean_field_score(name, load_flow(name, root=PRETRAINED), mean, **plain)
        for name in names
        if family_and_split(flow_index(name))[1] == split
    ]
    for field, value in summarize(scores).items():
        assert shipped.info[key]["mean_only_all"][field] == approx_if_number(value), field


@pytest.mark.parametrize("shipped", SHIPPED, ids=name_of)
def test_header_is_that_of_the_preset(shipped: CheckpointInfo) -> None:
    preset = get_preset(shipped.path.stem)
    assert shipped.config == preset.model
    assert shipped.info["train"] == preset.train.to_dict()
    assert shipped.info["parameters"] == num_parameters(build_model(shipped.config))
    assert shipped.info["complete"]
    assert len(shipped.info["curve"]) == preset.train.epochs


@pytest.mark.parametrize("name", [one.name for one in datasets() if one.make_case])
def test_every_data_set_has_its_own_checkpoint(name: str) -> None:
    assert name in {shipped.path.stem for shipped in SHIPPED}


@pytest.mark.parametrize("name", [one.name for one in datasets() if one.make_case])
def test_models_of_a_data_set_are_of_one_size_and_saw_the_same_cases(name: str) -> None:
    own = [shipped for shipped in SHIPPED if shipped.info["dataset"] == name]
    sizes = [one.info["parameters"] for one in own if "-deep" not in one.path.stem]
    assert max(sizes) < 1.12 * min(sizes)
    assert len({shipped.info["data_hash"] for shipped in own}) == 1
    compared = [one for one in own if one.path.stem not in LONGER]
    assert {one.config.architecture for one in compared} >= {"mspt", "transolver"}
    assert len({one.info["steps"] for one in compared}) == 1


def test_cards_are_written_from_the_headers() -> None:
    card = (PRETRAINED / "README.md").read_text(encoding="utf-8")
    assert card == model_cards(PRETRAINED)
    finer = list((SHIPPED_DATA / CAR.name / FINER_FOLDER).glob("*.npz"))
    assert f"{len(finer)} bodies were computed again on a mesh" in card


def test_card_holds_the_numbers_of_a_header(tmp_path: Path) -> None:
    cases, config = made_up_cases(3), tiny_config()
    info = {
        "dataset": "elasticity",
        "parameters": 12345,
        "steps": 678,
        "epochs": 2,
        "train_cases": 10,
        "minutes": 3.4,
        "seed": 0,
        "threads": 1,
        "hardware": "CPU test",
        "train": {"batch_size": 2, "optimizer": "muon", "start": "pretrained/begun.safetensors"},
        "curve": [[0.5, 0.4], [0.3, 0.2]],
        "metrics": {
            "relative_l2": 0.1234,
            "worst": 0.5,
            "cases": 200,
            "mean_only": 0.607,
            "symmetric": 0.1111,
        },
    }
    for name, changes in (("tiny", {}), ("other", {"hardware": "GPU test"})):
        save_checkpoint(
            tmp_path / f"{name}.safetensors",
            model=build_model(config),
            config=config,
            normalizer=Normalizer.fit(cases.points, cases.features, cases.fields),
            info=info | changes,
        )
    save_checkpoint(
        tmp_path / "converted.safetensors",
        model=build_model(config),
        config=config,
        normalizer=Normalizer.fit(cases.points, cases.features, cases.fields),
        info={"dataset": "elasticity", "metrics": info["metrics"]},
    )
    card = model_cards(tmp_path)
    assert "converted" not in card
    for shown in (
        "12,345",
        "678",
        "12.34%",
        "50.0%",
        "11.11%",
        "2 symmetries",
        "60.7%",
        "20.00%",
        "minutes on 1 thread of CPU test",
        "minutes on GPU test",
        "10 cases, going on from `begun`",
    ):
        assert shown in card
    assert "K 6, Q 1, ball tree" in card


def test_flattening_is_the_last_fall_of_the_validation_error() -> None:
    curve = [[1.0, 1.0 / (epoch + 1)] for epoch in range(20)]
    assert flattened(curve) == pytest.approx(1 - (1 / 20) / (1 / 18), abs=1e-6)
    assert flattened([[0.5, 0.5]]) == 0.0
