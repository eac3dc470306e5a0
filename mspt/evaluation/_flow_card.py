"""The card of checkpoints for flows: fields, coefficients, the order of designs."""

from collections.abc import Mapping, Sequence
from typing import Any

from mspt.checkpoint import CheckpointInfo
from mspt.data.capabilities import FlowBodies
from mspt.data.dataset import Dataset
from mspt.data.files import SHIPPED
from mspt.evaluation._card_parts import counted, describe_model, training_line

CARD_COLUMNS: Mapping[str, tuple[str, str]] = {
    "C_p": ("surface_pressure", ".1%"),
    "C_p by area": ("surface_pressure_by_area", ".1%"),
    "body": ("body_pressure", ".1%"),
    "wheels": ("wheel_pressure", ".1%"),
    "C_f": ("wall_shear", ".1%"),
    "velocity": ("velocity", ".1%"),
    "its change": ("velocity_change", ".1%"),
    "C_D error": ("C_D_relative", ".1%"),
    "counts": ("C_D_counts", ".0f"),
    "largest": ("C_D_counts_max", ".0f"),
    "Spearman": ("C_D_spearman", ".3f"),
    "R²": ("C_D_r2", ".2f"),
    "C_L counts": ("C_L_counts", ".0f"),
    "C_L Spearman": ("C_L_spearman", ".3f"),
}
NOTES = (
    "C_p: pressure on the surface, over all faces with equal weights, then weighted by area, then "
    "by area on the body alone and on wheels and wheel arches alone. C_f: wall shear stress. "
    "Velocity at points of the flow, and its difference from the free stream. C_D: mean relative "
    "error, mean and largest error in counts of 0.0001, rank correlation and R² over the cases. "
    "Each prediction is the mean of two, the second one of the mirrored body. *Mean only* predicts "
    "the training mean of every field and coefficient."
)


def flow_section(dataset: Dataset, checkpoints: Sequence[CheckpointInfo]) -> str:
    """Return the card of the checkpoints for flows, as Markdown."""
    lines = [
        f"## {dataset.title} (`{dataset.name}`)",
        "",
        f"{dataset.geometry} Labels: {dataset.solver}",
        "",
        *([] if dataset.body is None else _labels(dataset.body)),
        NOTES,
        "",
    ]
    lines += _table("Test split", checkpoints, [one.info["metrics"] for one in checkpoints])
    lines += _against_mean(checkpoints)
    unseen = [one.info["metrics_unseen"] for one in checkpoints]
    lines += _table("Unseen families", checkpoints, unseen)
    lines += ["Share of pairs of designs in the right order of C_D, by the gap between them:", ""]
    lines += _order(checkpoints)
    lines += [training_line(one) for one in checkpoints]
    return "\n".join(lines) + "\n"


def _labels(body: FlowBodies) -> list[str]:
    """Return which cases were left out, and the discretization error of the labels."""
    lines = []
    if reasons := body.left_out(SHIPPED):  # of what ships, whatever else is at hand
        listed = "; ".join(f"`{name}`, {reason}" for name, reason in reasons.items())
        lines += [f"Left out, because the solver's result is not valid: {listed}.", ""]
    found = body.label_errors(SHIPPED)
    if found is None:
        return lines
    text = (
        f"Error of the labels: {_bodies(found['cases'])} computed again on a mesh with cells a "
        f"sixth smaller. The two results differ by {found['surface_pressure_by_area']:.1%} in C_p "
        f"by area, {found['velocity']:.1%} in velocity, {found['velocity_change']:.1%} in its "
        f"change and {found['C_D_relative']:.1%} in C_D."
    )
    return [*lines, text, ""]


def _bodies(count: int) -> str:
    return "1 body was" if count == 1 else f"{count} bodies were"


def _table(
    title: str, checkpoints: Sequence[CheckpointInfo], metrics: Sequence[Mapping[str, Any]]
) -> list[str]:
    """Return a table with a row for each checkpoint, for other meshes and for the mean."""
    rows = [
        (f"`{one.path.stem}`: {describe_model(one)}", found)
        for one, found in zip(checkpoints, metrics, strict=True)
    ]
    rows += [
        (f"the solver, cells 1% {mesh}, {counted(found['cases'], 'case')}", found)
        for mesh, found in metrics[0].get("other_meshes", {}).items()
    ]
    if plain := metrics[0].get("mean_only_all"):
        rows.append(("mean only", plain))
    return [
        f"**{title}**, {counted(metrics[0]['cases'], 'case')}",
        "",
        f"| Model | {' | '.join(CARD_COLUMNS)} |",
        f"|{' --- |' * (len(CARD_COLUMNS) + 1)}",
        *(f"| {label} | {' | '.join(_cells(values))} |" for label, values in rows),
        "",
    ]


def _against_mean(checkpoints: Sequence[CheckpointInfo]) -> list[str]:
    """Return the errors against the mean over meshes, where cases were repeated on other meshes."""
    found = [one.info["metrics"].get("against_mean") for one in checkpoints]
    if not all(found):
        return []
    meshes = len(checkpoints[0].info["metrics"]["other_meshes"]) + 1
    words = (
        "Meshes whose cells are 1% larger or smaller are as good as the data set's own. The rows "
        "*the solver* are the solver's results on these meshes, scored like a prediction: most of "
        "their error is random and cannot be predicted by any model. The mean over the "
        f"{meshes} meshes (over those with a valid result) is nearer to the exact solution than "
        "the result on any one mesh; C_p and C_f are transferred to the same faces."
    )
    return [words, "", *_table(f"Test split, mean over {meshes} meshes", checkpoints, found)]


def _cells(values: Mapping[str, Any]) -> list[str]:
    return [
        "–" if values.get(key) is None else format(values[key], style)
        for key, style in CARD_COLUMNS.values()
    ]


def _order(checkpoints: Sequence[CheckpointInfo]) -> list[str]:
    order = checkpoints[0].info["metrics"]["order"]
    head = [f"≥ {1e4 * gap:.0f} counts ({counted(pairs, 'pair')})" for gap, _, pairs in order]
    rows = [
        f"| `{one.path.stem}` | "
        + " | ".join(
            "–" if share is None else f"{share:.0%}" for _, share, _ in one.info["metrics"]["order"]
        )
        + " |"
        for one in checkpoints
    ]
    return [f"| Model | {' | '.join(head)} |", f"|{' --- |' * (len(head) + 1)}", *rows, ""]
