"""Sentences that all model cards share."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mspt.checkpoint import CheckpointInfo
from mspt.config import TrainConfig
from mspt.data.registry import datasets

KINDS: Mapping[str, str] = {
    "mspt": "MSPT",
    "branched": "MSPT in two branches",
    "published": "published variant of MSPT",
}


OPTIONS = ("epochs", "seed", "start", "precision", "compile")
"""Settings of a training that options of the command ``train`` change."""
LIMITS = ("cases", "per_split")
"""Options of the command ``train`` that limit the cases; a header has those that were given."""


def flattened(curve: Sequence[Sequence[float]]) -> float:
    """Return the relative fall of the validation error over the last tenth of the epochs.

    It is negative where the error rose.

    Examples:
        >>> flattened([[0.5, 0.5]] * 9 + [[0.5, 0.4]])
        0.2
    """
    errors = [validation for _, validation in curve]
    before = errors[-1 - max(1, len(errors) // 10)] if len(errors) > 1 else errors[-1]
    return round(1 - errors[-1] / before, 6)


def describe_model(one: CheckpointInfo) -> str:
    """Return architecture and sizes in a few words."""
    config = one.config
    blocks, heads = counted(config.num_blocks, "block"), counted(config.num_heads, "head")
    sizes = f"D {config.width}, {blocks}, {heads}"
    if config.architecture == "transolver":
        return f"Transolver, {sizes}, {counted(config.num_slices, 'slice')}"
    if config.architecture == "full_attention":
        return f"full attention, {sizes}"
    kind = KINDS[config.architecture]
    partition = config.partition.replace("_", " ")
    patches = f"K {config.num_patches}" if config.num_patches else f"L {config.patch_size}"
    return f"{kind}, {sizes}, {patches}, Q {config.num_supernodes}, {partition}"


def training_line(one: CheckpointInfo) -> str:
    """Return how a checkpoint was trained, and by how much its error still fell at the end."""
    info, curve = one.info, one.info["curve"]
    train_error, validation_error = curve[-1]
    epochs, cases = counted(info["epochs"], "epoch"), counted(info["train_cases"], "case")
    repeat = repeat_command(one)
    return (
        f"- `{one.path.stem}`: {epochs} of {cases}"
        f"{', each under a random symmetry' if info['train'].get('augment') else ''}"
        f"{_begun(info)}, batches of "
        f"{info['train']['batch_size']}, {info['train']['optimizer']}, seed {info['seed']}, "
        f"{minutes_words(info['minutes'])} on {_machine(info)}, shared with other work. At the end "
        f"the training error was {train_error:.2%} and the validation error "
        f"{validation_error:.2%}; over the last tenth of the epochs the latter "
        f"{trend_words(flattened(curve))}."
        f"{f' Repeat with `{repeat}`.' if repeat else ''}"
    )


def trend_words(fall: float) -> str:
    """Return by how much an error fell or rose, as a share of its value.

    Examples:
        >>> trend_words(0.021), trend_words(-0.021), trend_words(0.0)
        ('fell by 2.1% of its value', 'rose by 2.1% of its value', 'stayed the same')
    """
    if f"{abs(fall):.1%}" == "0.0%":
        return "stayed the same"
    return f"{'fell' if fall > 0 else 'rose'} by {abs(fall):.1%} of its value"


def minutes_words(minutes: float) -> str:
    """Return a time of training in whole minutes.

    Examples:
        >>> minutes_words(38.2), minutes_words(1.1), minutes_words(0.2)
        ('38 minutes', '1 minute', 'less than a minute')
    """
    return counted(round(minutes), "minute") if minutes >= 0.5 else "less than a minute"


def repeat_command(one: CheckpointInfo) -> str:
    """Return the command that trains a checkpoint again, with all its options.

    It is empty for a checkpoint whose preset is not known.
    """
    info = one.info
    name = info.get("preset", one.path.stem)
    preset = {key: one for data in datasets() for key, one in data.presets.items()}.get(name)
    if preset is None or preset.dataset != info["dataset"]:
        return ""
    # Headers leave out what is off; a preset may have it on.
    usual, stored = asdict(preset.train), asdict(TrainConfig(**info["train"]))
    changed = {key: value for key, value in stored.items() if value != usual[key]}
    epochs = changed.get("epochs", preset.train.epochs)
    follows = 0 if changed.get("start") else usual["coarse_epochs"] * epochs // usual["epochs"]
    if stored["coarse_epochs"] == follows:
        changed.pop("coarse_epochs", None)
    options = [f"--preset {name}"]
    options += [
        f"--{key}" if changed[key] is True else f"--{key} {changed[key]}"
        for key in OPTIONS
        if key in changed
    ]
    options += [f"--{name.replace('_', '-')} {info[name]}" for name in LIMITS if info.get(name)]
    found, planned = asdict(one.config), asdict(preset.model)
    settings = {key: value for key, value in found.items() if value != planned[key]}
    settings |= {f"train.{key}": value for key, value in changed.items() if key not in OPTIONS}
    options += [f"--set {key}={_setting(value)}" for key, value in settings.items()]
    return f"python -m mspt train {info['dataset']} {' '.join(options)}"


def _setting(value: object) -> str:
    """Return a value as ``--set`` reads it: JSON, but words without quotes."""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def _begun(info: Mapping[str, Any]) -> str:
    start = info["train"].get("start")
    return f", going on from `{Path(start).stem}`" if start else ""


def _machine(info: Mapping[str, Any]) -> str:
    on_cpu = info["hardware"].startswith("CPU")
    threads = f"{counted(info['threads'], 'thread')} of " if on_cpu else ""
    return f"{threads}{info['hardware']}"


def counted(number: int, noun: str) -> str:
    """Return a number with its noun.

    Examples:
        >>> counted(1, "epoch"), counted(1000, "case")
        ('1 epoch', '1000 cases')
    """
    return f"{number} {noun}{'' if number == 1 else 's'}"
