"""The card of checkpoints for flows: fields, coefficients, the order of designs."""

from collections.abc import Mapping, Sequence
from typing import Any

from mspt.checkpoint import CheckpointInfo
from mspt.data.dataset import Body, Dataset
from mspt.data.files import SHIPPED
from mspt.evaluation._card_parts import describe_model, training_line

COLUMNS: Mapping[str, tuple[str, str]] = {
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
    "C_p: pressure on the surface over all faces, then weighted with their areas, then on the body "
    "and on wheels and arches apart. C_f: wall shear. Velocity at points of the flow, and its "
    "change from the free stream. C_D: mean relative error, mean and largest error in counts of "
    "0.0001, rank correlation and R² over the cases. Each model is asked twice, the second time in "
    "the mirror, and the mean is scored. *Mean only* predicts the training mean of every field and "
    "coefficient."
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
    lines += ["Share of pairs of designs whose order of C_D is right, by the gap between them:", ""]
    lines += _order(checkpoints)
    lines += [training_line(one) for one in checkpoints]
    return "\n".join(lines) + "\n"


def _labels(body: Body) -> list[str]:
    """Return what is known of the error of the labels."""
    lines = []
    if reasons := body.left_out(SHIPPED):  # of what ships, whatever else is at hand
        listed = "; ".join(f"`{name}`, {reason}" for name, reason in reasons.items())
        lines += [f"Left out, as their solution is no truth to learn from: {listed}.", ""]
    found = body.label_errors(SHIPPED)
    if found is None:
        return lines
    text = (
        f"Error of the labels: {found['cases']} bodies again on a mesh with cells a sixth smaller "
        f"differ by {found['surface_pressure_by_area']:.1%} in C_p by area, "
        f"{found['velocity']:.1%} in velocity, {found['velocity_change']:.1%} in its change and "
        f"{found['C_D_relative']:.1%} in C_D."
    )
    return [*lines, text, ""]


def _table(
    title: str, checkpoints: Sequence[CheckpointInfo], metrics: Sequence[Mapping[str, Any]]
) -> list[str]:
    """Return a table with a row for each checkpoint, for other meshes and for the mean."""
    rows = [
        (f"`{one.path.stem}`: {describe_model(one)}", found)
        for one, found in zip(checkpoints, metrics, strict=True)
    ]
    rows += [
        (f"the solver, cells 1% {mesh}, {found['cases']} cases", found)
        for mesh, found in metrics[0].get("other_meshes", {}).items()
    ]
    if plain := metrics[0].get("mean_only_all"):
        rows.append(("mean only", plain))
    return [
        f"**{title}**, {metrics[0]['cases']} cases",
        "",
        f"| Model | {' | '.join(COLUMNS)} |",
        f"|{' --- |' * (len(COLUMNS) + 1)}",
        *(f"| {label} | {' | '.join(_cells(values))} |" for label, values in rows),
        "",
    ]


def _against_mean(checkpoints: Sequence[CheckpointInfo]) -> list[str]:
    """Return how near the checkpoints are to the mean over meshes, where cases are repeated."""
    found = [one.info["metrics"].get("against_mean") for one in checkpoints]
    if not all(found):
        return []
    meshes = len(checkpoints[0].info["metrics"]["other_meshes"]) + 1
    words = (
        "Meshes whose cells are 1% larger or smaller are as good as the data set's own. The rows "
        "*the solver* are their labels, scored like a prediction: most of what they are off by is "
        f"chance, which no model can foresee. The mean over the {meshes} meshes, over the others "
        "where one found no truth, is nearer to the truth than any one of them; C_p and C_f are "
        "carried to the same faces."
    )
    return [words, "", *_table(f"Test split, mean over {meshes} meshes", checkpoints, found)]


def _cells(values: Mapping[str, Any]) -> list[str]:
    return [
        "–" if values.get(key) is None else format(values[key], style)
        for key, style in COLUMNS.values()
    ]


def _order(checkpoints: Sequence[CheckpointInfo]) -> list[str]:
    order = checkpoints[0].info["metrics"]["order"]
    head = [f"≥ {1e4 * gap:.0f} counts ({pairs} pairs)" for gap, _, pairs in order]
    rows = [
        f"| `{one.path.stem}` | "
        + " | ".join(
            "–" if share is None else f"{share:.0%}" for _, share, _ in one.info["metrics"]["order"]
        )
        + " |"
        for one in checkpoints
    ]
    return [f"| Model | {' | '.join(head)} |", f"|{' --- |' * (len(head) + 1)}", *rows, ""]
