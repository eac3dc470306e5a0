"""The branched model: two branches, one exchange of supernodes."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from mspt.config import ModelConfig
from mspt.models.branched import BranchedMSPT, SplitPartition, split_partition
from mspt.models.registry import build_model
from mspt.seeding import generator

CONFIG = ModelConfig(
    space_dim=3,
    in_features=2,
    out_channels=4,
    architecture="branched",
    width=16,
    num_heads=2,
    num_blocks=2,
    num_patches=6,
)
NUM_SURFACE, NUM_POINTS = 40, 100


def make_inputs(seed: int = 0) -> tuple[Tensor, Tensor, SplitPartition]:
    points = torch.rand(1, NUM_POINTS, 3, generator=generator(seed, "points")) * 2 - 1
    features = torch.randn(1, NUM_POINTS, 2, generator=generator(seed, "features"))
    return points, features, split_partition(CONFIG, points[0], num_surface=NUM_SURFACE)


def run(model: torch.nn.Module, points: Tensor, features: Tensor, parts: SplitPartition) -> Tensor:
    with torch.no_grad():
        return model(points, features, partitions=[parts])


def is_moved(parameter: torch.nn.Parameter) -> bool:
    return parameter.grad is not None and bool(parameter.grad.abs().max() > 0)


def test_streaming_equals_the_forward_with_gradients() -> None:
    model = build_model(CONFIG).double()
    points, features, parts = make_inputs()
    full = model(points.double(), features.double(), partitions=[parts])
    streamed = run(model, points.double(), features.double(), parts)
    assert torch.allclose(full, streamed, atol=1e-12)


def test_a_branch_sees_the_other_one_through_its_supernodes_only() -> None:
    model = build_model(CONFIG)
    points, features, parts = make_inputs()
    before = run(model, points, features, parts)
    changed = features.clone()
    changed[:, NUM_SURFACE:] += 1.0
    after = run(model, points, changed, parts)
    assert not torch.allclose(before[:, :NUM_SURFACE], after[:, :NUM_SURFACE], atol=1e-5)
    # Points of one patch exchanged among themselves: its supernode is the same mean.
    first_patch = parts.volume.order[: int(parts.volume.offsets[1])] + NUM_SURFACE
    permuted = torch.arange(NUM_POINTS)
    permuted[first_patch] = first_patch.flip(0)
    swapped = run(model, points[:, permuted], features[:, permuted], parts)
    assert torch.allclose(before[:, :NUM_SURFACE], swapped[:, :NUM_SURFACE], atol=1e-5)


def test_branches_do_not_share_weights() -> None:
    model = build_model(CONFIG)
    points, features, parts = make_inputs()
    model(points, features, partitions=[parts])[:, :NUM_SURFACE].square().sum().backward()
    assert isinstance(model, BranchedMSPT)
    assert not any(is_moved(p) for p in model.volume.head.parameters())
    assert all(is_moved(p) for p in model.surface.head.parameters())
    # The volume's embedding reaches the surface through the exchange.
    assert any(is_moved(p) for p in model.volume.embedding.parameters())


def test_batches_are_independent_clouds() -> None:
    model = build_model(CONFIG)
    clouds = [make_inputs(seed) for seed in (0, 1)]
    both = torch.no_grad()(model)(
        torch.cat([points for points, _, _ in clouds]),
        torch.cat([features for _, features, _ in clouds]),
        partitions=[parts for _, _, parts in clouds],
    )
    alone = torch.cat([run(model, *cloud) for cloud in clouds])
    assert torch.allclose(both, alone, atol=1e-6)


def test_patches_are_shared_out_by_points() -> None:
    _, _, parts = make_inputs()
    assert parts.num_surface == NUM_SURFACE
    assert len(parts.surface.offsets) - 1 == 2
    assert len(parts.volume.offsets) - 1 == 4


@pytest.mark.parametrize("count", [0, NUM_POINTS])
def test_both_branches_need_points(count: int) -> None:
    with pytest.raises(ValueError, match=f"num_surface must leave points .* got {count} of 100"):
        split_partition(CONFIG, torch.rand(NUM_POINTS, 3), num_surface=count)


def test_rejects_what_branches_do_not_do() -> None:
    with pytest.raises(ValueError, match="carry and time_conditioned must be off"):
        BranchedMSPT(replace(CONFIG, carry=True))
