"""Attention of models that predict many times: which pass it is of, and what it predicts."""

from dataclasses import replace

import pytest
import torch
from made_up_frames import airfoil_case, block_case, torus_case

from mspt.checkpoint import Checkpoint
from mspt.config import ModelConfig
from mspt.data.case import Case
from mspt.inference.predict import predict_case
from mspt.inference.sample import sample_of_case
from mspt.inspection.masking import attention_table, mask_patch
from mspt.inspection.observation import attend_from, observe, peak_point
from mspt.models.normalizer import Normalizer
from mspt.models.registry import build_model

TINY = {"space_dim": 2, "width": 16, "num_heads": 2, "num_blocks": 2, "num_patches": 8}
ROLLED = ModelConfig(**TINY, in_features=10, input_frames=10, rollout=10)
IN_PAIRS = replace(ROLLED, out_channels=2, rollout=5)
AT_ONCE = ModelConfig(**TINY, in_features=1, out_channels=80)


def checkpoint_for(case: Case, config: ModelConfig) -> Checkpoint:
    model = build_model(config, seed=3).eval()
    random = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=random))
    normalizer = Normalizer(
        space_dim=2, in_features=config.in_features, out_channels=config.out_channels
    )
    normalizer.features_scale.fill_(10.0)
    normalizer.fields_scale.fill_(10.0)
    return Checkpoint(model, config, normalizer, {"dataset": case.dataset})


@pytest.fixture(scope="module")
def torus() -> Case:
    return torus_case()


@pytest.mark.parametrize(("config", "frame"), [(ROLLED, 3), (IN_PAIRS, 4), (IN_PAIRS, 9)])
def test_the_pass_that_predicts_a_time_is_recorded(
    torus: Case, config: ModelConfig, frame: int
) -> None:
    checkpoint = checkpoint_for(torus, config)
    seen = observe(checkpoint, sample_of_case(torus), frame=frame, device="cpu")
    whole = predict_case(checkpoint, torus.points, torus.features, device="cpu").fields
    torch.testing.assert_close(seen.fields, whole[:, [frame]], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(seen.sample.truth, torus.fields[:, [frame]])
    passes = config.rollout
    assert f"pass {frame * passes // 10 + 1} of {passes}, which predicts t = {11 + frame}" == (
        seen.pass_words
    )


def test_attention_of_a_pass_is_that_of_one_pass_over_what_it_reads(torus: Case) -> None:
    checkpoint = checkpoint_for(torus, ROLLED)
    seen = observe(checkpoint, sample_of_case(torus), frame=2, device="cpu")
    whole = predict_case(checkpoint, torus.points, torus.features, device="cpu").fields
    read = torch.cat([torus.features[:, 2:], whole[:, :2]], dim=1)
    single = replace(checkpoint, config=replace(ROLLED, rollout=1))
    alone = observe(single, sample_of_case(replace(torus, features=read)), frame=0, device="cpu")
    for block in (0, 1):
        one, other = (attend_from(each, (7, 900), block=block) for each in (seen, alone))
        torch.testing.assert_close(one.local, other.local, rtol=1e-3, atol=1e-6)
        torch.testing.assert_close(one.on_supernodes, other.on_supernodes, rtol=1e-3, atol=1e-6)
    first = attend_from(
        observe(checkpoint, sample_of_case(torus), frame=0, device="cpu"), (7, 900), block=0
    )
    assert not torch.allclose(first.local, one.local, rtol=1e-2)


def test_one_pass_that_predicts_all_times_is_shown_at_one_of_them() -> None:
    case = block_case()
    checkpoint = checkpoint_for(case, AT_ONCE)
    whole = predict_case(checkpoint, case.points, case.features, device="cpu").fields
    seen = observe(checkpoint, sample_of_case(case), frame=4, device="cpu")
    torch.testing.assert_close(seen.fields, whole[:, 16:20])
    assert [channel.name for channel in seen.sample.channels] == ["x", "y", "u_x", "u_y"]
    assert "one pass predicts all 20 times" in seen.pass_words
    # Where the points are is no field to begin with.
    assert seen.main_channel == 2
    assert peak_point(seen) == int(whole[:, 18].argmax())
    last = observe(checkpoint, sample_of_case(case), device="cpu")
    assert last.frame == 19
    one, other = (attend_from(each, (5,), block=1) for each in (seen, last))
    torch.testing.assert_close(one.local, other.local)


def test_a_mask_changes_the_fields_of_the_shown_time(torus: Case) -> None:
    checkpoint = checkpoint_for(torus, IN_PAIRS)
    seen = observe(checkpoint, sample_of_case(torus), frame=5, device="cpu")
    effect = mask_patch(seen, 3, masked="points and supernodes")
    assert effect.change.shape == (4096, 1)
    assert effect.change.abs().max() > 1e-3
    nothing = mask_patch(seen, 3, masked="patch removed", block=None)
    assert nothing.change.isnan().sum() == 512
    table = attention_table(seen, attend_from(seen, (7,), block=0), effect)
    assert list(table)[-1] == "change_vorticity"


def test_steady_cases_have_no_pass_to_name() -> None:
    case = airfoil_case()
    config = replace(ROLLED, in_features=3, input_frames=0, rollout=1)
    seen = observe(checkpoint_for(case, config), sample_of_case(case), device="cpu")
    assert (seen.frame, seen.pass_words, seen.main_channel) == (None, "", 0)


def test_a_time_that_there_is_not_is_refused(torus: Case) -> None:
    with pytest.raises(ValueError, match="index must lie between 0 and 9, got 10"):
        observe(checkpoint_for(torus, ROLLED), sample_of_case(torus), frame=10, device="cpu")
