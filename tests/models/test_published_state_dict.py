"""Loading the authors' state dicts: names, what follows from shapes, and what is refused."""

import re

import pytest
import torch
from torch import Tensor

from mspt.config import ModelConfig
from mspt.errors import CheckpointError
from mspt.models.published.model import PublishedMSPT, load_published
from mspt.models.published.state_dict import plain_names


def make_state(**changes: object) -> dict[str, Tensor]:
    settings = {"space_dim": 2, "width": 8, "num_blocks": 2, "num_patches": 4, **changes}
    torch.manual_seed(0)
    return PublishedMSPT(ModelConfig(**settings)).state_dict()


@pytest.mark.parametrize(
    "prefix",
    ["", "model.", "module.", "_orig_mod.", "module.model.", "_orig_mod.model.",
     "module._orig_mod.model.", "_orig_mod.module.model."],
)  # fmt: skip
def test_prefixes_do_not_matter(prefix: str) -> None:
    state = make_state()
    model = load_published({prefix + name: tensor for name, tensor in state.items()})
    assert model.state_dict().keys() == state.keys()
    assert all(torch.equal(model.state_dict()[name], state[name]) for name in state)


def test_compiled_blocks_do_not_matter() -> None:
    state = make_state()
    compiled = {name.replace("blocks.1.", "blocks.1._orig_mod."): state[name] for name in state}
    assert load_published(compiled).state_dict().keys() == state.keys()


@pytest.mark.parametrize(
    "settings",
    [
        {"space_dim": 3, "in_features": 7, "out_channels": 4, "width": 16, "num_blocks": 3},
        {"mlp_ratio": 1, "time_conditioned": True},
        {"num_supernodes": 3, "pooling": "linear"},
        {"structured_shape": (3, 5), "in_features": 2},
        {"structured_shape": (3, 5), "in_features": 10, "unified_position": 8},
        {"space_dim": 3, "in_features": 1, "unified_position": 8},
    ],
)
def test_architecture_follows_from_shapes(settings: dict[str, object]) -> None:
    keywords = {"space_dim": 2, "width": 8, "num_blocks": 2, "num_patches": 6, **settings}
    config = ModelConfig(architecture="published", partition="sequence", num_heads=4, **keywords)
    model = load_published(
        PublishedMSPT(config).state_dict(),
        num_heads=4,
        num_patches=6,
        num_supernodes=config.num_supernodes,
        pooling=config.pooling,
        structured_shape=config.structured_shape,
        unified_pos=bool(config.unified_position),
    )
    assert model.config == config


def test_a_config_rebuilds_the_model() -> None:
    model = load_published(make_state())
    rebuilt = PublishedMSPT(model.config)
    rebuilt.load_state_dict(model.state_dict())
    points = torch.rand(1, 9, 2)
    torch.testing.assert_close(rebuilt.eval()(points), model(points))


def test_loading_keeps_the_callers_tensors_and_the_random_numbers() -> None:
    state = make_state()
    before = {name: tensor.clone() for name, tensor in state.items()}
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    model = load_published(state)
    assert torch.equal(torch.rand(1), expected)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    assert all(torch.equal(state[name], before[name]) for name in state)
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert not model.training


def test_the_number_type_of_the_weights_is_kept() -> None:
    doubled = {name: tensor.double() for name, tensor in make_state().items()}
    model = load_published(doubled)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float64}


# --- refusals ------------------------------------------------------------------------------------


def refused(state: dict[str, Tensor], message: str, **settings: object) -> None:
    with pytest.raises(CheckpointError, match=message):
        load_published(state, **settings)


def test_names_missing_unknown_and_misshapen_tensors() -> None:
    state = make_state()
    del state["blocks.0.ln_1.bias"]
    state["extra"] = torch.zeros(1)
    state["blocks.1.Attn.norm.weight"] = torch.zeros(7)
    refused(
        state,
        re.escape(
            "state dict must fit the published model, got one that does not: "
            "missing: blocks.0.ln_1.bias; "
            "unknown: extra; wrong shape: blocks.1.Attn.norm.weight (7,) instead of (8,); "
            "check pooling, num_supernodes and unified_pos"
        ),
    )


def test_names_a_few_of_many_tensors() -> None:
    state = make_state()
    for name in list(state):
        if name.startswith("blocks.0.Attn."):
            del state[name]
    refused(state, r"missing: blocks\.0\.Attn\.attn\.in_proj_weight, .* and 4 more; check")


def test_linear_pooling_needs_its_weights() -> None:
    refused(make_state(), r"missing: blocks\.0\.Attn\.pool_proj\.weight", pooling="linear")
    refused(make_state(pooling="linear"), r"unknown: blocks\.0\.Attn\.pool_proj\.weight")


def test_weights_of_linear_pooling_fix_the_number_of_supernodes() -> None:
    state = make_state(pooling="linear", num_supernodes=2)
    message = r"pool_proj\.weight \(16, 8\) instead of \(24, 8\)"
    refused(state, message, pooling="linear", num_supernodes=3)


def test_refuses_another_models_weights() -> None:
    refused({"layer.weight": torch.zeros(2, 2)}, "must hold placeholder, got layer.weight; is thi")
    refused({}, "state dict must hold placeholder, got nothing; is this a published MSPT")


def test_refuses_a_tensor_of_another_rank() -> None:
    state = make_state() | {"preprocess.linear_pre.0.weight": torch.zeros(3)}
    refused(state, r"preprocess\.linear_pre\.0\.weight must have 2 axes, got shape \(3,\)")


def test_refuses_a_checkpoint_around_the_weights() -> None:
    nested = {"epoch": 3, "model": make_state()}
    refused(nested, "must hold tensors only, got epoch, model; pass the entry that holds the wei")


def test_refuses_two_sets_of_weights() -> None:
    state = make_state()
    both = {"placeholder": state["placeholder"], **{f"module.{n}": t for n, t in state.items()}}
    with pytest.raises(CheckpointError, match="got placeholder under a second name too; pass one"):
        plain_names(both)


def test_refuses_heads_that_do_not_divide_the_width() -> None:
    refused(make_state(), "these settings: width must be a multiple of num_heads", num_heads=3)


def test_refuses_attention_pooling() -> None:
    refused(make_state(), "these settings: pooling must be one of mean, max", pooling="attention")


def test_refuses_a_unified_position_without_enough_channels() -> None:
    message = "unified_pos needs at least 64 input channels, got 2; load with unified_pos=False"
    refused(make_state(), message, unified_pos=True, structured_shape=(3, 3))


def test_refuses_a_width_of_zero() -> None:
    state = make_state() | {"placeholder": torch.zeros(0)}
    refused(state, "state dict must fit the settings, got one that does not")
