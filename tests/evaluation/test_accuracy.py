"""Tables of accuracy against plain readings of the headers; published numbers; known mistakes."""

import ast
import json
import re
import shlex
from dataclasses import replace
from pathlib import Path
from statistics import fmean

import pytest
from safetensors import safe_open

from mspt.checkpoint import list_checkpoints
from mspt.cli.main import build_parser
from mspt.data.registry import datasets
from mspt.evaluation.accuracy import seed_spreads, trained_models
from mspt.evaluation.literature import (
    SETS,
    band,
    paper_error,
    published_errors,
)
from mspt.evaluation.mistakes import KNOWN_MISTAKES, command_of_tests

ROOT = Path(__file__).parents[2]
CHECKPOINTS = list_checkpoints(ROOT / "pretrained")
EVERY = [one for data in datasets() for one in trained_models(CHECKPOINTS, data.name)]


def header(name: str) -> dict:
    with safe_open(ROOT / "pretrained" / f"{name}.safetensors", framework="pt") as file:
        return json.loads(file.metadata()["info"])["info"]


def test_every_checkpoint_is_in_the_table_of_its_data_set_the_best_first() -> None:
    assert {one.name for one in EVERY} == {
        path.stem for path in (ROOT / "pretrained").glob("*.safe*")
    }
    for data in datasets():
        errors = [one.error for one in EVERY if one.dataset == data.name]
        assert errors == sorted(errors)


@pytest.mark.parametrize("model", EVERY, ids=lambda one: one.name)
def test_numbers_are_those_of_the_header(model: object) -> None:
    info = header(model.name)
    metrics = info["metrics"]
    assert model.error == metrics["relative_l2"]
    assert model.symmetric == metrics.get("symmetric")
    assert model.mean_only == metrics["mean_only"]
    assert (model.parameters, model.epochs, model.minutes) == (
        info["parameters"],
        info["epochs"],
        info["minutes"],
    )
    assert [list(pair) for pair in model.curve] == info["curve"]
    for name, key in (("C_D", "C_D_relative"), ("C_f on the body", "wall_shear")):
        assert model.errors.get(name) == metrics.get(key)
    unseen = info.get("metrics_unseen", {}).get("relative_l2")
    assert model.errors.get("unseen split") == unseen
    assert "test split" not in model.errors  # it is the error itself


@pytest.mark.parametrize("model", EVERY, ids=lambda one: one.name)
def test_command_trains_the_model_of_the_header(model: object) -> None:
    words = shlex.split(model.command)
    args = build_parser("train").parse_args(words[3:])
    assert args.dataset == model.dataset
    assert args.epochs in (None, model.epochs)


def test_spread_is_over_runs_that_differ_in_their_seed_alone() -> None:
    one = CHECKPOINTS[-1]

    def made(name: str, error: float, **changes: object) -> object:
        info = json.loads(json.dumps(one.info))
        info["metrics"]["relative_l2"] = error
        info["train"] |= changes
        info["seed"] = info["train"]["seed"]
        return replace(one, path=Path(f"{name}.safetensors"), info=info)

    models = trained_models(
        [
            made("first", 0.03),
            made("second", 0.01, seed=1),
            made("third", 0.05, seed=2),
            made("longer", 0.04, epochs=999),
        ],
        one.info["dataset"],
    )
    spreads = seed_spreads(models)
    assert set(spreads["first"].models) == {"first", "second", "third"}
    expected = (fmean([0.01, 0.03, 0.05]), 0.01, 0.05)
    found = spreads["third"]
    assert (found.mean, found.low, found.high) == pytest.approx(expected)
    assert spreads["longer"].models == ("longer",)


def test_published_numbers_are_of_known_sets_and_methods_once_each() -> None:
    names = {data.name for data in datasets()}
    every = [one for name in names for one in published_errors(name)]
    assert len({(one.dataset, one.method, one.source, one.note) for one in every}) == len(every)
    assert len(every) > 90
    assert all(0 < one.percent < 25 and one.source for one in every)
    assert {one.dataset for one in every} == {*SETS, "shapenet_car", "ahmedml"}


def test_numbers_of_the_paper_are_those_that_the_documents_quote() -> None:
    text = re.sub(r"\s+", " ", (ROOT / "docs" / "results.md").read_text(encoding="utf-8"))
    darcy, elasticity = re.search(
        r"The paper reports ([\d.]+) % on Darcy flow and ([\d.]+) % on elasticity", text
    ).groups()
    assert paper_error("darcy") == pytest.approx(float(darcy) / 100)
    assert paper_error("elasticity") == pytest.approx(float(elasticity) / 100)
    assert paper_error("shapenet_car") == pytest.approx(0.0741)  # the pressure comes first
    assert paper_error("car") is None


@pytest.mark.parametrize("name", [*SETS, "shapenet_car", "ahmedml"])
def test_band_reaches_from_the_least_to_the_largest_number_of_one_quantity(name: str) -> None:
    own = [one for one in published_errors(name) if one.method == "Transolver"]
    percents = [one.percent for one in own if one.note == own[0].note]
    assert band(name, "Transolver") == pytest.approx((min(percents) / 100, max(percents) / 100))
    assert band(name, "nobody") is None


@pytest.mark.parametrize("mistake", KNOWN_MISTAKES, ids=lambda one: one.title)
def test_test_of_a_known_mistake_exists(mistake: object) -> None:
    path, _, name = mistake.test.partition("::")
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    functions = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    assert functions.count(name) == 1
    assert path.startswith("tests/")
    assert name.startswith("test_")
    assert mistake.where
    assert mistake.effect.endswith(".")


def test_command_runs_every_named_test() -> None:
    words = command_of_tests().split()
    assert {one.test for one in KNOWN_MISTAKES} == {word for word in words if "::" in word}
