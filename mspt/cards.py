"""Model cards: what a person must know of a checkpoint, written from its header alone."""

from collections.abc import Sequence
from pathlib import Path

from mspt.checkpoint import CheckpointInfo, list_checkpoints
from mspt.data.registry import get_dataset

INTRODUCTION = """# Model cards

Written by `python -m mspt cards` from the headers of the files in this folder; nothing here is
typed by hand. Errors are relative L2, ‖prediction − truth‖ / ‖truth‖ per case, mean over the test
cases, which were scored once. *Mean only* is the error of predicting the training mean everywhere.
All models of a data set saw the same cases in the same order for the same number of steps, with
the same optimizer settings, which were chosen for MSPT; only the model differs.
"""

HEADINGS = ("Checkpoint", "Model", "Parameters", "Steps", "Minutes", "Test error", "Worst case")


def model_cards(folder: Path) -> str:
    """Return the cards of all checkpoints in a folder, as Markdown."""
    trained = [one for one in list_checkpoints(folder) if one.info.get("metrics")]
    names = sorted({one.info["dataset"] for one in trained})
    sections = [
        _section(name, [one for one in trained if one.info["dataset"] == name]) for name in names
    ]
    return "\n".join([INTRODUCTION, *sections])


def flattened(curve: Sequence[Sequence[float]]) -> float:
    """Return by which share the validation error fell over the last tenth of the epochs.

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
    kind = "MSPT" if config.architecture == "mspt" else "published variant of MSPT"
    partition = config.partition.replace("_", " ")
    patches = f"K {config.num_patches}" if config.num_patches else f"L {config.patch_size}"
    return f"{kind}, {sizes}, {patches}, Q {config.num_supernodes}, {partition}"


def _section(name: str, checkpoints: Sequence[CheckpointInfo]) -> str:
    dataset = get_dataset(name)
    metrics = checkpoints[0].info["metrics"]
    lines = [
        f"## {dataset.title} (`{name}`)",
        "",
        f"{dataset.geometry} Labels: {dataset.solver}",
        "",
        f"{metrics['cases']} test cases; mean only: {metrics['mean_only']:.1%}.",
        "",
        f"| {' | '.join(HEADINGS)} |",
        f"|{' --- |' * len(HEADINGS)}",
        *(_row(one) for one in checkpoints),
        "",
        *(_training(one) for one in checkpoints),
    ]
    return "\n".join(lines) + "\n"


def _row(one: CheckpointInfo) -> str:
    info, metrics = one.info, one.info["metrics"]
    cells = (
        f"`{one.path.stem}`",
        describe_model(one),
        f"{info['parameters']:,}",
        f"{info['steps']:,}",
        f"{info['minutes']:.0f}",
        f"{metrics['relative_l2']:.2%}",
        f"{metrics['worst']:.1%}",
    )
    return f"| {' | '.join(cells)} |"


def _training(one: CheckpointInfo) -> str:
    info, curve = one.info, one.info["curve"]
    train_error, validation_error = curve[-1]
    return (
        f"- `{one.path.stem}`: {info['epochs']} epochs of {info['train_cases']} cases, batches of "
        f"{info['train']['batch_size']}, {info['train']['optimizer']}, seed {info['seed']}, "
        f"{info['minutes']:.0f} minutes on {_count(info['threads'], 'thread')} of "
        f"{info['hardware']}, shared with other work; at the end training {train_error:.2%}, "
        f"validation {validation_error:.2%}, which fell by {flattened(curve):.1%} of itself over "
        f"the last tenth of the epochs. Repeat with `python -m mspt train {info['dataset']} "
        f"--preset {one.path.stem}`."
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
