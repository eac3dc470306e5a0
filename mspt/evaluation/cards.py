"""Model cards: what a person must know of a checkpoint, written from its header alone."""

from collections.abc import Sequence
from pathlib import Path

from mspt.checkpoint import CheckpointInfo, list_checkpoints
from mspt.data.dataset import Dataset
from mspt.data.registry import get_dataset
from mspt.evaluation._card_parts import describe_model, training_line
from mspt.evaluation._flow_card import flow_section

INTRODUCTION = """# Model cards

Written by `python -m mspt cards` from the headers of the files in this folder; nothing here is
typed by hand. Errors are relative L2, ‖prediction − truth‖ / ‖truth‖ per case, mean over the test
cases, on which no choice in training rests. *Mean only* is the error of predicting the training
mean everywhere. All models of a data set saw the same cases in the same order with the same
optimizer settings, which were chosen for MSPT; steps and minutes stand beside each. Where the steps
differ, `car-branched` has longer ones and got about as many minutes, and `darcy`,
`darcy-transolver-deep`, `elasticity` and `elasticity-transolver-long` were trained for longer than
those they stand among.
"""

HEADINGS = (
    "Checkpoint",
    "Model",
    "Parameters",
    "Steps",
    "Minutes",
    "Test error",
    "Worst case",
    "Symmetric",
)


def model_cards(folder: Path) -> str:
    """Return the cards of all checkpoints in a folder, as Markdown."""
    trained = [one for one in list_checkpoints(folder) if one.info.get("metrics")]
    names = sorted({one.info["dataset"] for one in trained})
    sections = [
        (_section if (dataset := get_dataset(name)).body is None else flow_section)(
            dataset, [one for one in trained if one.info["dataset"] == name]
        )
        for name in names
    ]
    return "\n".join([INTRODUCTION, *sections])


def _section(dataset: Dataset, checkpoints: Sequence[CheckpointInfo]) -> str:
    metrics = checkpoints[0].info["metrics"]
    sentence = (
        f"{metrics['cases']} test cases; mean only: {metrics['mean_only']:.1%}. *Symmetric* is the "
        f"error of the mean over the {len(dataset.symmetries)} symmetries of the problem, "
        "each of which takes a pass; all else is from a single one. Models that take points in "
        "their order get worse by it, as the order is not turned along."
    )
    lines = [
        f"## {dataset.title} (`{dataset.name}`)",
        "",
        f"{dataset.geometry} Labels: {dataset.solver}",
        "",
        sentence,
        "",
        f"| {' | '.join(HEADINGS)} |",
        f"|{' --- |' * len(HEADINGS)}",
        *(_row(one) for one in checkpoints),
        "",
        *(training_line(one) for one in checkpoints),
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
        f"{metrics['symmetric']:.2%}" if "symmetric" in metrics else "–",
    )
    return f"| {' | '.join(cells)} |"
