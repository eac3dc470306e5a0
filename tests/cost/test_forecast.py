"""Amounts of work against what models do, fits against known rates, shares against real ones."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mspt.benchmarks.calibration import calibration_config
from mspt.checkpoint import build_model
from mspt.config import Architecture, ModelConfig
from mspt.cost.devices import Network, over_devices
from mspt.cost.forecast import AMOUNTS, Rates, amounts, fit_rates, forecast, held_bytes
from mspt.cost.formulas import Work, flops, peak_bytes
from mspt.models.attention import PMSA
from mspt.models.mspt import partition_points
from mspt.models.ranks import Share

ARCHITECTURES: tuple[Architecture, ...] = ("mspt", "published", "transolver", "full_attention")
SIZES = [(512, 32, 4), (2048, 32, 64), (1024, 64, 8), (4096, 64, 16), (512, 128, 32), (3000, 16, 7)]
KNOWN = Rates(
    architecture="mspt",
    work="forward",
    linear=1e-11,
    attention=2e-11,
    scores=1e-9,
    pointwise=3e-9,
    pieces=1e-4,
)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("work", ["forward", "train"])
def test_amounts_split_the_arithmetic_of_the_cost_model(
    architecture: Architecture, work: Work
) -> None:
    config = calibration_config(architecture, 64, 16)
    linear, attention, *others = amounts(config, 1000, work=work)
    assert linear + attention == pytest.approx(flops(config, 1000, work=work))
    assert min(linear, *others) > 0


@pytest.mark.parametrize("count", [1, 7, 64, 1000])
def test_pieces_are_the_calls_of_attention(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    config = replace(calibration_config("mspt", 16, count), num_blocks=1)
    calls = []
    attend = PMSA.attend
    monkeypatch.setattr(
        PMSA, "attend", lambda *args, **kw: (calls.append(1), attend(*args, **kw))[1]
    )
    with torch.inference_mode():
        build_model(config)(torch.rand(1, 5000, 3), torch.rand(1, 5000, 4))
    assert amounts(config, 5000, work="forward")[AMOUNTS.index("pieces")] == len(calls)


def test_scores_are_the_pairs_of_points_and_keys() -> None:
    config = calibration_config("mspt", 64, 10)
    scores = amounts(config, 1000, work="forward")[AMOUNTS.index("scores")]
    assert scores == config.num_blocks * config.num_heads * 1000 * (100 + 10)
    full = calibration_config("full_attention", 64, 1)
    assert amounts(full, 1000, work="forward")[AMOUNTS.index("scores")] == 2 * 8 * 1000**2


def test_known_rates_are_found_again() -> None:
    passes = [
        (config, size, KNOWN.seconds(config, size))
        for size, width, groups in SIZES
        for config in [calibration_config("mspt", width, groups)]
    ]
    found = fit_rates(passes, work="forward")
    for name in AMOUNTS:
        assert getattr(found, name) == pytest.approx(getattr(KNOWN, name), rel=1e-6)


@given(st.lists(st.floats(0.5, 2.0), min_size=len(SIZES), max_size=len(SIZES)))
def test_no_rate_is_negative_whatever_was_measured(noise: list[float]) -> None:
    passes = [
        (config, size, factor * KNOWN.seconds(config, size))
        for factor, (size, width, groups) in zip(noise, SIZES, strict=True)
        for config in [calibration_config("mspt", width, groups)]
    ]
    found = fit_rates(passes, work="forward")
    assert min(getattr(found, name) for name in AMOUNTS) >= 0
    assert found.seconds(passes[0][0], 512) > 0


def test_rates_of_other_models_are_refused() -> None:
    transolver = calibration_config("transolver", 32, 8)
    with pytest.raises(ValueError, match="config must be of the architecture mspt"):
        KNOWN.seconds(transolver, 100)
    mixed = [(transolver, 100, 1.0), (calibration_config("mspt", 32, 8), 100, 1.0)]
    with pytest.raises(ValueError, match="one architecture, got mspt, transolver"):
        fit_rates(mixed, work="forward")
    with pytest.raises(ValueError, match="got none"):
        fit_rates([], work="forward")


@pytest.mark.parametrize("kind", ["ball_tree", "alternating_trees", "sequence"])
def test_held_bytes_are_those_of_inputs_output_and_partition(kind: str) -> None:
    config = ModelConfig(
        space_dim=3, in_features=2, out_channels=5, width=16, num_patches=4, partition=kind
    )
    points = torch.rand(500, 3)
    partition = partition_points(config, points)
    tensors = [points, torch.empty(500, 2), torch.empty(500, 5)]
    if kind != "sequence":  # its order is counted for no tree: it need not be stored
        tensors += [partition.order, partition.inverse]
    if partition.turned is not None:
        tensors += [partition.turned.order, partition.turned.inverse]
        tensors += [partition.rows_to_turned, partition.rows_from_turned]
    assert held_bytes(config, 500) == sum(one.nbytes for one in tensors)


def test_two_trees_take_twice_the_time_of_one() -> None:
    one = calibration_config("mspt", 32, 8)
    two = replace(one, partition="alternating_trees")
    none = replace(one, partition="sequence")
    first, second, third = (
        forecast(config, 10_000, KNOWN, partition_rate=1e-8).partition_seconds
        for config in (one, two, none)
    )
    assert second == 2 * first > 0
    assert third == 0


@given(st.integers(1, 64), st.integers(64, 200))
def test_devices_share_whole_patches_and_receive_the_others_supernodes(
    devices: int, patches: int
) -> None:
    config = replace(calibration_config("mspt", 32, patches), num_supernodes=2)
    found = over_devices(config, 10_000, KNOWN, devices=devices)
    shares = Share(rank=0, num_ranks=devices, num_points=10_000, num_patches=patches)
    largest = max(shares.patches_of_ranks) / patches
    assert found.compute_seconds == pytest.approx(largest * KNOWN.seconds(config, 10_000))
    assert found.received_bytes == pytest.approx(4 * patches * 2 * 32 * (devices - 1) / devices)
    assert (found.exchange_seconds == 0) == (devices == 1)
    one = over_devices(config, 10_000, KNOWN, devices=1)
    assert found.peak_bytes <= one.peak_bytes
    whole = peak_bytes(config, 10_000, work="forward") + held_bytes(config, 10_000)
    assert one.peak_bytes == pytest.approx(whole)


def test_exchange_takes_longer_over_a_slow_network_with_two_trees_and_with_gradients() -> None:
    config = calibration_config("mspt", 32, 64)
    fast = over_devices(config, 10_000, KNOWN, devices=4)
    slow = over_devices(config, 10_000, KNOWN, devices=4, network=Network(bandwidth=1e6))
    two = replace(config, partition="alternating_trees")
    turned = over_devices(two, 10_000, KNOWN, devices=4)
    train = over_devices(config, 10_000, replace(KNOWN, work="train"), devices=4)
    assert fast.exchange_seconds < min(one.exchange_seconds for one in (slow, turned, train))


@pytest.mark.parametrize("devices", [0, 9])
def test_more_devices_than_patches_are_refused(devices: int) -> None:
    config = calibration_config("mspt", 32, 8)
    with pytest.raises(ValueError, match=f"number of patches, got {devices} for 8 patches"):
        over_devices(config, 1000, KNOWN, devices=devices)
    with pytest.raises(ValueError, match="architecture must be mspt"):
        over_devices(calibration_config("transolver", 32, 8), 1000, KNOWN, devices=2)


def test_rates_reach_far_beyond_what_they_are_fitted_to() -> None:
    """Relative errors of a few percent in the passes stay so at a hundred times the size."""
    random = np.random.default_rng(0)
    passes = [
        (config, size, KNOWN.seconds(config, size) * random.uniform(0.97, 1.03))
        for size, width, groups in SIZES * 2
        for config in [calibration_config("mspt", width, groups)]
    ]
    found = fit_rates(passes, work="forward")
    config = calibration_config("mspt", 64, 256)
    assert found.seconds(config, 300_000) == pytest.approx(KNOWN.seconds(config, 300_000), rel=0.15)
