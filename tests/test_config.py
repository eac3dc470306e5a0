import re
import subprocess
import sys
from pathlib import Path

import pytest

from mspt.config import ModelConfig
from mspt.errors import MSPTError
from mspt.training.presets import TrainConfig, get_preset


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"width": 0}, "width must be at least 1, got 0"),
        ({"in_features": -1}, "in_features must be at least 0, got -1"),
        ({"width": 10, "num_heads": 4}, "width must be a multiple of num_heads, got 10 and 4"),
        ({"num_patches": None}, "exactly one of num_patches and patch_size must be given"),
        ({"patch_size": 5}, "exactly one of num_patches and patch_size must be given, got 4 and 5"),
        ({"num_patches": 0}, "num_patches must be at least 1, got 0"),
    ],
)
def test_rejects_settings_no_model_could_be_built_from(
    changes: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        ModelConfig(**{"space_dim": 2, "num_patches": 4, **changes})


def test_rejects_unknown_choices() -> None:
    # In a process of its own: here the types are checked before our own check is reached.
    code = """
from mspt.config import ModelConfig
from mspt.training.presets import TrainConfig
for make in (
    lambda: ModelConfig(space_dim=2, num_patches=1, pooling="sum"),
    lambda: ModelConfig(space_dim=2, num_patches=1, partition="octree"),
    lambda: ModelConfig(space_dim=2, architecture="mlp"),
    lambda: TrainConfig(epochs=1, optimizer="sgd"),
):
    try:
        make()
    except ValueError as error:
        print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[1],
    )
    pooling, partition, architecture, optimizer = done.stdout.splitlines()
    assert pooling.startswith("pooling must be one of mean,")
    assert partition.startswith("partition must be one of ")
    assert architecture.startswith("architecture must be one of mspt,")
    assert optimizer.startswith("optimizer must be one of adamw, muon, lion, got")


def test_round_trips_through_plain_values() -> None:
    config = ModelConfig(space_dim=3, num_patches=4, structured_shape=(5, 6))
    plain = {**config.to_dict(), "structured_shape": [5, 6]}  # as JSON returns it
    assert ModelConfig.from_dict(plain) == config


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"width": float("nan")}, "width must be a whole number, got nan"),
        ({"width": 64.0}, "width must be a whole number, got 64.0"),
        ({"num_blocks": True}, "num_blocks must be a whole number, got True"),
        ({"num_heads": None}, "num_heads must be a whole number, got None"),
        ({"num_patches": "4"}, "num_patches must be a whole number, got '4'"),
        ({"num_blocks": 10**9}, "num_blocks must be at most 1,024, got 1000000000"),
        ({"width": 10**30}, "width must be at most 65,536"),
        ({"rollout": 10**9, "input_frames": 1, "in_features": 1}, "rollout must be at most 1,024"),
        ({"carry": 1}, "carry must be true or false, got 1"),
        ({"architecture": []}, "architecture must be one of mspt, branched"),
        ({"structured_shape": 5}, "structured_shape must be two whole numbers, got 5"),
        ({"structured_shape": [0, 2]}, "structured_shape must be at least 1, got 0"),
        ({"structured_shape": "ab"}, "structured_shape must be two whole numbers, got 'ab'"),
    ],
)
def test_refuses_values_of_a_file_that_are_no_settings(
    changes: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        ModelConfig.from_dict({"space_dim": 2, "num_patches": 4, **changes})


def test_refuses_names_it_does_not_know() -> None:
    with pytest.raises(ValueError, match=r"unknown ModelConfig settings \['depth'\]; known: "):
        ModelConfig.from_dict({"space_dim": 2, "num_patches": 4, "depth": 3})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": 0}, "epochs must be at least 1, got 0"),
        ({"learning_rate": 0.0}, "learning_rate must be positive, got 0.0"),
        ({"derivative_weight": -0.1}, "derivative_weight must be at least 0, got -0.1"),
        ({"ema_decay": 1.0}, "ema_decay must be in [0, 1), got 1.0"),
        ({"coarse_epochs": 9}, "coarse_epochs must be between 0 and epochs, got 9 of 2"),
    ],
)
def test_rejects_settings_that_cannot_train(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        TrainConfig(**{"epochs": 2, **changes})


def test_unknown_preset_is_named_with_the_known_ones() -> None:
    with pytest.raises(MSPTError, match=r"preset must be one of car, .*, got 'burgers'"):
        get_preset("burgers")
