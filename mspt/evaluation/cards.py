"""Model cards: what a person must know about a checkpoint, written from its header alone."""

import re
from collections.abc import Sequence
from pathlib import Path

from mspt.checkpoint import CheckpointInfo, list_checkpoints
from mspt.data.dataset import Dataset
from mspt.data.registry import get_dataset
from mspt.evaluation._card_parts import counted, describe_model, training_line
from mspt.evaluation._flow_card import flow_section

INTRODUCTION = """# Model cards

`python -m mspt cards` writes this page from the headers of the files in this folder; no number
here was typed by hand. Errors are relative L2 errors against the solver,
‖prediction − solver‖ / ‖solver‖ for each case, then the mean over the test cases. Test cases were
not used for any choice in training. *Mean only* is the error of predicting the training mean
everywhere. {shipped}
"""
SHIPPED = """All models of a data set saw the same cases in the same order with the same optimizer
settings, which were chosen for MSPT. Steps and minutes are given for each model, because they
differ: `car-branched` takes longer for a step and had about as many minutes as the other models for
flows, and `darcy`, `darcy-paper`, `darcy-transolver-deep`, `elasticity`, `elasticity-paper` and
`elasticity-transolver-long` were trained for longer than the other models of their data set. Every
model was trained with one seed.
"""
"""True of the checkpoints of this project alone."""
OTHERS = "Steps and minutes are given for each model, because they may differ.\n"
NAMED = frozenset(re.findall(r"`([a-z-]+)`", SHIPPED))
"""The checkpoints that the sentences above speak of."""

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
    # A converted checkpoint may have scores, but its header says nothing of its training.
    trained = [
        one for one in list_checkpoints(folder) if one.info.get("metrics") and one.info.get("curve")
    ]
    names = sorted({one.info["dataset"] for one in trained})
    sections = [
        (_section if (dataset := get_dataset(name)).body is None else flow_section)(
            dataset, [one for one in trained if one.info["dataset"] == name]
        )
        for name in names
    ]
    words = SHIPPED if {one.path.stem for one in trained} >= NAMED else OTHERS
    return "\n".join([INTRODUCTION.format(shipped=words.strip()), *sections])


def _section(dataset: Dataset, checkpoints: Sequence[CheckpointInfo]) -> str:
    metrics = checkpoints[0].info["metrics"]
    sentence = f"{counted(metrics['cases'], 'test case')}; mean only: {metrics['mean_only']:.1%}."
    sentence += _symmetric_words(dataset) if len(dataset.symmetries) > 1 else ""
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


def _symmetric_words(dataset: Dataset) -> str:
    return (
        " *Symmetric* is the error of the mean of the predictions under the "
        f"{len(dataset.symmetries)} symmetries of the problem, which takes as many passes; all "
        "other errors are of a single pass. Models that partition points by their order in the "
        "file have larger errors there, because a symmetry moves the points and leaves their "
        "order unchanged."
    )


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
