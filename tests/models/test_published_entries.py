"""Finding the weights in what a training saved."""

from collections import OrderedDict
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from mspt.config import ModelConfig
from mspt.errors import CheckpointError
from mspt.models.published.entries import find_weights
from mspt.models.published.model import PublishedMSPT, load_published

CONFIG = ModelConfig(
    architecture="published", partition="sequence", space_dim=2, width=8, num_patches=4
)


@pytest.fixture(scope="module")
def state() -> dict[str, Tensor]:
    torch.manual_seed(0)
    return PublishedMSPT(CONFIG).state_dict()


def same(found: dict[str, Tensor], state: dict[str, Tensor]) -> bool:
    return found.keys() == state.keys() and all(found[name] is state[name] for name in state)


@pytest.mark.parametrize(
    "path", ["", "model_state_dict", "state_dict", "model", "net", "checkpoint.ema.model"]
)
@pytest.mark.parametrize("prefix", ["", "module.", "model.", "net.inner.", "_orig_mod.module."])
def test_weights_are_found_wherever_they_are(
    path: str, prefix: str, state: dict[str, Tensor]
) -> None:
    stored: dict[str, Any] = {prefix + name: tensor for name, tensor in state.items()}
    for name in reversed(path.split(".") if path else []):
        stored = {"epoch": 3, name: stored, "optimizer": {"state": {0: {"exp_avg": torch.ones(2)}}}}
    where, found = find_weights(stored)
    assert same(found, state)
    assert where == ".".join(filter(None, [path, prefix.replace("_orig_mod.", "").strip(".")]))
    _, named = find_weights(stored, entry=path)
    assert same(named, state)
    assert load_published(found, num_patches=4).config == CONFIG


def test_what_wrappers_of_torch_save_is_found(state: dict[str, Tensor]) -> None:
    model = PublishedMSPT(CONFIG)
    model.load_state_dict(state)
    where, found = find_weights({"net": nn.DataParallel(model).state_dict()})
    assert where == "net.module"
    torch.testing.assert_close(found, OrderedDict(state), rtol=0, atol=0)


def test_other_values_beside_the_weights_do_not_matter(state: dict[str, Tensor]) -> None:
    _, found = find_weights(state | {"epoch": 3, "loss": 0.5})
    assert same(found, state)


def test_one_of_several_sets_is_chosen_by_its_path(state: dict[str, Tensor]) -> None:
    other = {name: tensor + 1 for name, tensor in state.items()}
    stored = {"model": {"now": state, "mean": other}}
    with pytest.raises(CheckpointError, match=r"choose one of model\.now, model\.mean with --ent"):
        find_weights(stored)
    assert same(find_weights(stored, entry="model.mean")[1], other)
    flat = {f"student.{name}": tensor for name, tensor in state.items()}
    flat |= {f"teacher.{name}": tensor for name, tensor in other.items()}
    with pytest.raises(CheckpointError, match="choose one of student, teacher with"):
        find_weights(flat)
    assert same(find_weights(flat, entry="teacher")[1], other)


def test_names_with_dots_lead_to_an_entry(state: dict[str, Tensor]) -> None:
    stored = {"best.model": {"weights": state}, "best": {"epoch": 3}}
    assert same(find_weights(stored, entry="best.model.weights")[1], state)


@pytest.mark.parametrize(
    ("stored", "entry", "message"),
    [
        ({"epoch": 3}, None, "must hold the weights of a published MSPT, got epoch; save model"),
        ({}, None, "got nothing; save model"),
        ({"net": {"w": torch.zeros(1)}}, "net", "got net and none in the entry 'net'; save"),
        ({"net": {"w": torch.zeros(1)}}, "ema", "must be in the file, got 'ema'; it has net"),
    ],
)
def test_files_without_weights_are_refused(
    stored: dict[str, Any], entry: str | None, message: str
) -> None:
    with pytest.raises(CheckpointError, match=message):
        find_weights(stored, entry=entry)
