"""Closed forms against counting: torch's own counter of products, and every tensor that lives."""

import weakref
from collections.abc import Callable
from dataclasses import replace
from typing import Any, get_args

import pytest
import torch
from helpers import tiny_config
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode, sdpa_backward_flop_count, sdpa_flop_count

from mspt.checkpoint import build_model
from mspt.config import ModelConfig, Pooling
from mspt.cost.formulas import flops, forward_flops, peak_bytes, recommended_patches, train_flops
from mspt.inference.predict import partitions_for

ARCHITECTURES = ("mspt", "published", "transolver", "full_attention")
CPU_ATTENTION = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
CPU_ATTENTION_BACKWARD = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward


def small(architecture: str, **changes: Any) -> ModelConfig:  # noqa: ANN401 - any setting
    settings = {
        "space_dim": 3,
        "in_features": 4,
        "out_channels": 5,
        "width": 32,
        "num_heads": 4,
        "num_blocks": 3,
        "num_patches": 16,
        "num_slices": 8,
        "partition": "sequence",
    }
    return ModelConfig(**{**settings, "architecture": architecture, **changes})


def one_pass(config: ModelConfig, num_points: int, work: str) -> Callable[[], None]:
    """A pass as training and inference make it."""
    model = build_model(config)
    points = torch.rand(1, num_points, config.space_dim)
    features = torch.rand(1, num_points, config.in_features)
    partitions = partitions_for(config, points)

    def forward() -> None:
        model.eval()(points, features, partitions=partitions)

    def train() -> None:
        model.train()(points, features, partitions=partitions).square().mean().backward()

    return forward if work == "forward" else train


class LiveMemory(TorchDispatchMode):
    """The most bytes of tensors alive at once, counted storage by storage."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: dict[int, int] = {}
        self.peak = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # noqa: ANN001, ANN204
        given = {_storage(leaf)._cdata for leaf in tree_leaves((args, kwargs)) if _is_tensor(leaf)}
        result = func(*args, **(kwargs or {}))
        for storage in (_storage(leaf) for leaf in tree_leaves(result) if _is_tensor(leaf)):
            if storage._cdata not in self.sizes and storage._cdata not in given:
                self.sizes[storage._cdata] = storage.nbytes()
                weakref.finalize(storage, self.sizes.pop, storage._cdata, None)
        self.peak = max(self.peak, sum(self.sizes.values()))
        return result


def _is_tensor(leaf: object) -> bool:
    return isinstance(leaf, torch.Tensor)


def _storage(tensor: torch.Tensor) -> torch.UntypedStorage:
    return tensor.untyped_storage()


def counted_products(config: ModelConfig, num_points: int, work: str) -> int:
    """Count with torch's counter, told of the CPU's attention kernels by torch's own formulas."""

    def attention(q: Any, k: Any, v: Any, *_: Any, **__: Any) -> int:  # noqa: ANN401
        return sdpa_flop_count(q, k, v)

    def backward(grad: Any, q: Any, k: Any, v: Any, *_: Any, **__: Any) -> int:  # noqa: ANN401
        return sdpa_backward_flop_count(grad, q, k, v)

    # The fast path of inference is one opaque kernel; with gradients it is made of known ones.
    run = one_pass(config, num_points, "train")
    mapping = {CPU_ATTENTION: attention, CPU_ATTENTION_BACKWARD: backward}
    if work == "train":
        with FlopCounterMode(display=False, custom_mapping=mapping) as counter:
            run()
        return counter.get_total_flops()
    model, points = build_model(config).eval(), torch.rand(1, num_points, config.space_dim)
    features = torch.rand(1, num_points, config.in_features)
    with FlopCounterMode(display=False, custom_mapping=mapping) as counter:
        model(points, features, partitions=partitions_for(config, points))
    return counter.get_total_flops()


@pytest.mark.parametrize("work", ["forward", "train"])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"num_supernodes": 3, "mlp_ratio": 4},
        {"num_patches": 4, "num_slices": 24, "num_heads": 2},
        {"unified_position": 4, "num_blocks": 1},
    ],
    ids=str,
)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_products_are_those_that_torch_counts(
    architecture: str, changes: dict[str, Any], work: str
) -> None:
    config = small(architecture, **changes)
    counted = counted_products(config, 256, work)
    assert flops(config, 256, work=work) == pytest.approx(counted, rel=1e-12)


def test_products_of_the_linear_pooling_are_counted() -> None:
    config = small("published", pooling="linear", num_supernodes=2)
    assert forward_flops(config, 256) == counted_products(config, 256, "forward")


def test_products_of_a_grid_s_slices_are_counted() -> None:
    grid = {"space_dim": 2, "structured_shape": (16, 16)}
    config = small("transolver", **grid)
    assert train_flops(config, 256) == counted_products(config, 256, "train")


@pytest.mark.parametrize("work", ["forward", "train"])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"mlp_ratio": 4},
        {"mlp_ratio": 1, "num_blocks": 2},
        {"num_supernodes": 4, "num_heads": 8},
        {"num_patches": 64, "num_slices": 32},
        {"width": 96, "num_slices": 64, "num_blocks": 5},
    ],
    ids=str,
)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_memory_is_that_of_the_tensors_that_live(
    architecture: str, changes: dict[str, Any], work: str
) -> None:
    config = small(architecture, **{"width": 64, **changes})
    num_points = 2048 if architecture in ("full_attention", "published") else 4096
    if architecture == "published":  # too few heads and points for the weights to count: see below
        config = replace(config, num_heads=2)
    run = one_pass(config, num_points, work)
    # Fused paths are taken only where the counter comes after the mode that forbids gradients.
    with torch.inference_mode(work == "forward"), LiveMemory() as memory:
        run()
    expected = peak_bytes(config, num_points, work=work)
    if architecture == "published" and work == "forward":
        # The run-time check of shapes, on in tests alone, keeps the argument of each call alive:
        # here all rows of a block.
        patches = config.patches_for(num_points)
        seen = num_points / patches + patches * config.num_supernodes
        expected += 4 * config.width * patches * seen
    assert expected == pytest.approx(memory.peak, rel=0.04)


OPTIONS: dict[str, dict[str, Any]] = {
    "alternating trees": {"partition": "alternating_trees"},
    "rotary": {"rotary": 1, "space_dim": 2},
    "rotary, all entries": {"rotary": 4, "space_dim": 2, "num_heads": 2},
    "keys of several levels": {"keys_per_level": 2},
    "many keys of several levels": {
        "keys_per_level": 4,
        "num_patches": 256,
        "num_supernodes": 1,
        "rotary": 1,
    },
    "fourier features": {"fourier_features": 8},
    "inputs at the head": {"inputs_at_head": True},
    "carry": {"carry": True},
    "many inputs at the head": {"inputs_at_head": True, "unified_position": 4, "space_dim": 2},
    **{pooling: {"pooling": pooling} for pooling in get_args(Pooling) if pooling != "mean"},
}
every_option = pytest.mark.parametrize("changes", OPTIONS.values(), ids=OPTIONS)


@pytest.mark.parametrize("work", ["forward", "train"])
@every_option
def test_products_of_every_option_are_counted(changes: dict[str, Any], work: str) -> None:
    config = small("mspt", **{"partition": "ball_tree", "num_supernodes": 2, **changes})
    counted = counted_products(config, 256, work)
    assert flops(config, 256, work=work) == pytest.approx(counted, rel=1e-12)


@pytest.mark.parametrize("work", ["forward", "train"])
@every_option
def test_memory_of_every_option_is_counted(changes: dict[str, Any], work: str) -> None:
    config = small(
        "mspt", **{"width": 64, "partition": "ball_tree", "num_supernodes": 4, **changes}
    )
    run = one_pass(config, 4096, work)
    run()  # what a partition computes once belongs to the partition
    with torch.inference_mode(work == "forward"), LiveMemory() as memory:
        run()
    assert peak_bytes(config, 4096, work=work) == pytest.approx(memory.peak, rel=0.04)


def test_memory_of_very_many_supernodes_is_counted() -> None:
    config = small("mspt", width=64, num_patches=2048)
    run = one_pass(config, 4096, "forward")
    with torch.inference_mode(), LiveMemory() as memory:
        run()
    expected = peak_bytes(config, 4096, work="forward")
    assert expected == pytest.approx(memory.peak, rel=0.04)  # as above; they are a quarter of it


def test_published_attention_stores_its_weights() -> None:
    """Inside one kernel of torch, where no counter looks: the weights of all heads are there."""
    few, many = (small("published", num_patches=2, num_heads=heads) for heads in (16, 32))
    weights = 4 * 2 * (2048 + 2) ** 2
    grown = peak_bytes(many, 4096, work="forward") - peak_bytes(few, 4096, work="forward")
    assert grown == 16 * weights


def test_recommended_patches_minimize_the_cost_of_attention() -> None:
    def cost(num_patches: int) -> float:
        config = small("mspt", num_patches=num_patches, num_supernodes=2, width=1024, num_heads=1)
        return forward_flops(config, 2**15) - 2 * 3 * 2 * num_patches * 3 * 1024**2

    best = min(range(1, 512), key=cost)
    assert abs(recommended_patches(2**15, num_supernodes=2) - best) <= 1


def test_growth_with_points_is_that_of_the_method() -> None:
    def ratio(architecture: str, **changes: Any) -> float:  # noqa: ANN401
        config = small(architecture, **changes)
        return forward_flops(config, 2**24) / forward_flops(config, 2**22)

    assert ratio("transolver") == pytest.approx(4, rel=1e-3)
    assert ratio("full_attention") == pytest.approx(16, rel=1e-3)
    assert ratio("mspt", num_patches=None, patch_size=4096) < 10


@pytest.mark.parametrize("work", ["forward", "train"])
def test_cost_of_an_unknown_architecture_is_refused(work: str) -> None:
    config = tiny_config(architecture="branched")
    message = (
        "architecture must be one of mspt, published, transolver, full_attention, got 'branched'"
    )
    with pytest.raises(ValueError, match=message):
        flops(config, 100, work=work)
    with pytest.raises(ValueError, match=message):
        peak_bytes(config, 100, work=work)
