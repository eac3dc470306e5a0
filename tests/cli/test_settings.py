"""The command that a model card prints, read again by the command line's own parser."""

import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mspt.benchmarks.settings import parse_settings, with_settings
from mspt.checkpoint import CheckpointInfo
from mspt.cli.main import build_parser
from mspt.cli.train import with_overrides
from mspt.config import Preset
from mspt.evaluation._card_parts import repeat_command
from mspt.training.presets import get_preset


def header(preset: Preset, name: str, **info: Any) -> CheckpointInfo:  # noqa: ANN401
    """Return the header of a checkpoint of a preset that was changed."""
    train = preset.train.to_dict()
    info = {"dataset": preset.dataset, "preset": name, "train": train, **info}
    return CheckpointInfo(Path(f"{name}.safetensors"), preset.model, info)


def read_again(command: str) -> Preset:
    python, dash, module, *words = shlex.split(command)
    assert (python, dash, module) == ("python", "-m", "mspt")
    args = build_parser().parse_args(words)
    changed = with_overrides(get_preset(args.preset), args)
    return with_settings(changed, parse_settings(args.set))


@pytest.mark.parametrize(
    ("model", "train"),
    [
        ({}, {}),
        ({}, {"epochs": 11, "coarse_epochs": 8, "seed": 3}),
        ({}, {"epochs": 11, "coarse_epochs": 0}),
        ({"num_patches": None, "patch_size": 100}, {"learning_rate": 3e-3}),
        ({"pooling": "mean_std", "inputs_at_head": True}, {"augment": True, "optimizer": "adamw"}),
        ({"structured_shape": (85, 85), "num_supernodes": 4}, {}),
    ],
)
def test_printed_command_repeats_any_settings(model: dict, train: dict) -> None:
    usual = get_preset("darcy-22")
    changed = replace(
        usual, model=replace(usual.model, **model), train=replace(usual.train, **train)
    )
    command = repeat_command(header(changed, "darcy-22"))
    assert read_again(command) == changed
    assert command.count("--") == len([*model, *train]) + 1 - (train.get("coarse_epochs") == 8)


def test_command_names_no_settings_that_the_preset_has_and_no_unknown_preset() -> None:
    usual = get_preset("darcy-22")
    plain = "python -m mspt train darcy --preset darcy-22"
    assert repeat_command(header(usual, "darcy-22")) == plain
    assert repeat_command(header(usual, "darcy-22", cases=10)) == f"{plain} --cases 10"
    assert repeat_command(header(usual, "gone")) == ""
