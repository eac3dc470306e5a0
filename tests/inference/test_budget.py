"""Passes within a budget of memory: the same numbers, a peak that holds, and refusals."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from helpers import tiny_config

from mspt.checkpoint import Checkpoint, build_model
from mspt.config import ModelConfig
from mspt.errors import MSPTError
from mspt.inference import predict
from mspt.inference.budget import memory_bytes, memory_words, plan_pass
from mspt.inference.predict import predict_case
from mspt.models.normalizer import Normalizer
from mspt.seeding import generator, seeded

PROJECT = Path(__file__).parents[2]
CPU, GPU = torch.device("cpu"), torch.device("cuda")
CONFIG = ModelConfig(
    space_dim=3,
    in_features=4,
    out_channels=4,
    width=64,
    num_heads=4,
    num_blocks=2,
    num_patches=400,
)
WIDE = replace(CONFIG, width=256, num_blocks=1, num_patches=300)
CHILD = """
import sys
import torch
from tests.inference.test_budget import WIDE, checkpoint_of, cloud
from mspt.benchmarks._peak import measure_peak_bytes
from mspt.inference.predict import encode_inputs, predict_case
torch.set_num_threads(1)
model, inputs = checkpoint_of(WIDE), cloud(30_000)
predict_case(model, *cloud(2000))
encode_inputs(model, *inputs)  # loads the compiled code of the ball tree
for budget in (float(sys.argv[1]), None):
    run = lambda: predict_case(model, *inputs, memory_budget=budget)
    print(measure_peak_bytes(run, torch.device("cpu")))
"""


def checkpoint_of(config: ModelConfig) -> Checkpoint:
    with seeded(0, "budget"):
        model = build_model(config).eval()
    sizes = (config.space_dim, config.in_features, config.out_channels)
    normalizer = Normalizer(space_dim=sizes[0], in_features=sizes[1], out_channels=sizes[2])
    return Checkpoint(model, config, normalizer, {})


def cloud(size: int) -> tuple[torch.Tensor, torch.Tensor]:
    random = generator(0, "budget", size)
    return torch.rand(size, 3, generator=random), torch.randn(size, 4, generator=random)


def least_of(config: ModelConfig, size: int) -> float:
    with pytest.raises(MSPTError, match="must be at least") as refused:
        plan_pass(config, size, device=CPU, budget=1.0)
    return memory_bytes(str(refused.value).partition("at least ")[2].partition(" for")[0])


@pytest.mark.parametrize(
    ("words", "number"),
    [("4GB", 4e9), ("1.5 MiB", 1.5 * 2**20), ("512k", 512e3), (".5g", 5e8), (7.0, 7.0)],
)
def test_amounts_are_read_as_people_write_them(words: str | float, number: float) -> None:
    assert memory_bytes(words) == number


@pytest.mark.parametrize("words", ["", "much", "-1GB", "0", "4 G B", "1e3", "nan"])
def test_other_words_are_refused(words: str) -> None:
    with pytest.raises(MSPTError, match="memory_budget must be an amount such as 4GB, got"):
        memory_bytes(words)


@pytest.mark.parametrize("amount", [1.0, 999.4, 1234.0, 52.17e6, 999.99e6, 3.0021e12])
def test_words_never_name_less_than_the_amount(amount: float) -> None:
    assert amount <= memory_bytes(memory_words(amount).replace("bytes", "")) <= 1.011 * amount


def test_the_least_budget_that_is_named_is_enough_and_less_is_refused() -> None:
    least = least_of(CONFIG, 100_000)
    plan = plan_pass(CONFIG, 100_000, device=CPU, budget=least)
    assert plan.device_bytes <= least
    with pytest.raises(MSPTError, match=r"memory_budget must be at least .* one patch"):
        plan_pass(CONFIG, 100_000, device=CPU, budget=0.98 * least)


def test_a_smaller_budget_takes_fewer_patches_at_a_time() -> None:
    least = least_of(CONFIG, 20_000)
    plans = [plan_pass(CONFIG, 20_000, device=CPU, budget=f * least) for f in (1, 1.1, 2)]
    rows = [plan.streaming.rows for plan in plans if plan.streaming is not None]
    assert rows[0] <= 256 < rows[1] < 2048 == rows[2]  # patches of 50 points


def test_features_stay_on_the_host_where_the_device_is_too_small() -> None:
    """Planned for a device that need not be there."""
    large = plan_pass(CONFIG, 10**6, device=GPU, free=10e9)
    small = plan_pass(CONFIG, 10**6, device=GPU, free=100e6)
    assert large.streaming is not None
    assert small.streaming is not None
    assert (large.streaming.device, small.streaming.device) == (None, GPU)
    assert large.host_bytes == 0
    assert small.device_bytes <= 100e6 < 4 * 64 * 10**6 < small.host_bytes
    with pytest.raises(MSPTError, match=r"memory_budget must be at least .*, got 10 kB"):
        plan_pass(CONFIG, 10**6, device=GPU, free=10e9, budget=1e4)


@pytest.mark.parametrize(
    "changes",
    [
        {"num_supernodes": 3, "pooling": "attention"},
        {"carry": True},
        {"partition": "alternating_trees", "keys_per_level": 2},
    ],
    ids=str,
)
def test_a_budget_changes_nothing_but_the_last_digits(changes: dict) -> None:
    config = replace(CONFIG, **changes)
    model, inputs = checkpoint_of(config), cloud(20_000)
    least = least_of(config, 20_000)
    whole = predict_case(model, *inputs).fields
    found = predict_case(model, *inputs, memory_budget=least).fields
    torch.testing.assert_close(found, whole)


def test_nothing_is_done_before_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    def work(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr(predict, "encode_inputs", work)
    with pytest.raises(MSPTError, match="memory_budget must be at least"):
        predict_case(checkpoint_of(CONFIG), *cloud(5000), memory_budget="1kB")


def test_models_that_have_no_pieces_need_all_their_memory_or_have_no_budget() -> None:
    transolver = replace(CONFIG, architecture="transolver", num_patches=None)
    needed = plan_pass(transolver, 10_000, device=CPU).device_bytes
    assert plan_pass(transolver, 10_000, device=CPU, budget=needed).streaming is None
    with pytest.raises(MSPTError, match="memory_budget must be at least"):
        plan_pass(transolver, 10_000, device=CPU, budget=0.9 * needed)
    with pytest.raises(MSPTError, match="must be absent for the architecture branched"):
        plan_pass(tiny_config(architecture="branched"), 100, device=CPU, budget=1e9)


def test_the_peak_of_a_process_stays_within_the_budget() -> None:
    least = least_of(WIDE, 30_000)
    folders = os.pathsep.join([str(PROJECT), str(PROJECT / "tests")])
    done = subprocess.run(
        [sys.executable, "-c", CHILD, f"{least:.0f}"],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": folders},
    )
    within, whole = (int(line) for line in done.stdout.split())
    assert 4 * 256 * 30_000 < within <= least < whole
