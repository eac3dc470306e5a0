"""The error at another K and Q, against plain arithmetic with the same weights."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from mspt.checkpoint import Checkpoint, build_model, load_checkpoint
from mspt.config import ModelConfig
from mspt.data.store import load_case
from mspt.errors import MSPTError
from mspt.evaluation.other_patches import error_at_patches, with_other_patches
from mspt.inference.predict import predict_case
from mspt.inference.sample import sample_of_case
from mspt.partition.ball_tree import build_partition

PRETRAINED = Path(__file__).parents[2] / "pretrained"
NAME = "elasticity-1103"


@pytest.fixture(scope="module")
def checkpoint() -> Checkpoint:
    return load_checkpoint(PRETRAINED / "elasticity-k32.safetensors")


@pytest.mark.parametrize("num_patches", [1, 7, 32, 100])
def test_error_is_that_of_the_same_weights_on_another_ball_tree(
    checkpoint: Checkpoint, num_patches: int
) -> None:
    case = load_case("elasticity", NAME)
    encoded, _ = checkpoint.normalizer.encode(case.points, case.features)
    partition = build_partition(encoded, num_patches=num_patches)
    fields = predict_case(
        checkpoint, case.points, case.features, partition=partition, device="cpu"
    ).fields
    expected = (fields - case.fields).norm() / case.fields.norm()
    found = error_at_patches(
        checkpoint, sample_of_case(case), num_patches=num_patches, num_supernodes=1, device="cpu"
    )
    assert found.relative_l2 == pytest.approx(expected.item(), rel=1e-4)
    assert (found.num_patches, found.num_points) == (num_patches, 972)


def test_error_at_the_sizes_of_the_training_is_the_stored_score(checkpoint: Checkpoint) -> None:
    (score,) = (one for one in checkpoint.info["scores"] if one["name"] == NAME)
    sample = sample_of_case(load_case("elasticity", NAME))
    found = error_at_patches(checkpoint, sample, num_patches=32, num_supernodes=1, device="cpu")
    assert found.relative_l2 == pytest.approx(score["relative_l2"], rel=1e-3)


def test_another_number_of_supernodes_keeps_the_weights(checkpoint: Checkpoint) -> None:
    other = with_other_patches(checkpoint, num_patches=5, num_supernodes=3)
    assert (other.config.num_patches, other.config.num_supernodes) == (5, 3)
    assert checkpoint.config.num_supernodes == 1
    kept = checkpoint.model.state_dict()
    assert all(torch.equal(value, kept[name]) for name, value in other.model.state_dict().items())
    points, features = torch.rand(60, 2), torch.empty(60, 0)
    trace = other.model.trace(points, features, picked=torch.tensor([0]))
    assert trace.blocks[0].supernodes.shape[-1] == 15


def test_models_that_cannot_run_there_are_refused(checkpoint: Checkpoint) -> None:
    transolver = load_checkpoint(PRETRAINED / "elasticity-transolver.safetensors")
    with pytest.raises(MSPTError, match="one of mspt, branched, got transolver"):
        with_other_patches(transolver, num_patches=5, num_supernodes=1)
    config = ModelConfig(space_dim=2, width=8, num_heads=2, num_blocks=1, num_patches=3)
    linear = replace(config, pooling="linear", num_supernodes=2)
    fixed = Checkpoint(build_model(linear), linear, checkpoint.normalizer, {})
    assert with_other_patches(fixed, num_patches=9, num_supernodes=2).config.num_patches == 9
    with pytest.raises(MSPTError, match="num_supernodes must be 2 for a model with the pooling"):
        with_other_patches(fixed, num_patches=9, num_supernodes=3)
