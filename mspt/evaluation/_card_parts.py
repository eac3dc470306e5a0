"""Sentences that all model cards share."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mspt.checkpoint import CheckpointInfo

KINDS: Mapping[str, str] = {
    "mspt": "MSPT",
    "branched": "MSPT in two branches",
    "published": "published variant of MSPT",
}


def flattened(curve: Sequence[Sequence[float]]) -> float:
    """Return the relative fall of the validation error over the last tenth of the epochs.

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
    sizes = f"D {config.width}, {config.num_blocks} blocks, {config.num_heads} heads"
    if config.architecture == "transolver":
        return f"Transolver, {sizes}, {config.num_slices} slices"
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
    return (
        f"- `{one.path.stem}`: {info['epochs']} epochs of {info['train_cases']} cases"
        f"{', each under a random symmetry' if info['train'].get('augment') else ''}"
        f"{_begun(info)}, batches of "
        f"{info['train']['batch_size']}, {info['train']['optimizer']}, seed {info['seed']}, "
        f"{info['minutes']:.0f} minutes on {_machine(info)}, shared with other work. At the end "
        f"the training error was {train_error:.2%} and the validation error "
        f"{validation_error:.2%}; over the last tenth of the epochs the latter fell by "
        f"{flattened(curve):.1%} of its value. Repeat with `python -m mspt train {info['dataset']} "
        f"--preset {one.path.stem}`."
    )


def _begun(info: Mapping[str, Any]) -> str:
    start = info["train"].get("start")
    return f", going on from `{Path(start).stem}`" if start else ""


def _machine(info: Mapping[str, Any]) -> str:
    on_cpu = info["hardware"].startswith("CPU")
    threads = f"{_count(info['threads'], 'thread')} of " if on_cpu else ""
    return f"{threads}{info['hardware']}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
