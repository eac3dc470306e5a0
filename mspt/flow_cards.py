"""The card of checkpoints for flows: fields, coefficients, the order of designs."""

from collections.abc import Mapping, Sequence
from typing import Any

from mspt.card_parts import describe_model, training_line
from mspt.checkpoint import CheckpointInfo
from mspt.data.car import CAR
from mspt.data.flow_store import SHIPPED, label_errors, left_out

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


def flow_section(name: str, checkpoints: Sequence[CheckpointInfo]) -> str:
    """Return the card of the checkpoints for flows, as Markdown."""
    lines = [
        f"## {CAR.title} (`{name}`)",
        "",
        f"{CAR.geometry} Labels: {CAR.solver}",
        "",
        *_labels(),
        NOTES,
        "",
    ]
    for key, title in (("metrics", "Test split"), ("metrics_unseen", "Unseen families")):
        lines += _table(title, checkpoints, key)
    lines += ["Share of pairs of designs whose order of C_D is right, by the gap between them:", ""]
    lines += _order(checkpoints)
    lines += [training_line(one) for one in checkpoints]
    return "\n".join(lines) + "\n"


def _labels() -> list[str]:
    """Return what the labels themselves are worth."""
    lines = []
    if reasons := left_out(SHIPPED):  # of what ships, whatever else is at hand
        listed = "; ".join(f"`{name}`, {reason}" for name, reason in reasons.items())
        lines += [f"Left out, as their solution is no truth to learn from: {listed}.", ""]
    found = label_errors(SHIPPED)
    if found is None:
        return lines
    text = (
        f"Error of the labels: {found['cases']} bodies again on a mesh with cells a sixth smaller "
        f"differ by {found['surface_pressure_by_area']:.1%} in C_p by area, "
        f"{found['velocity']:.1%} in velocity, {found['velocity_change']:.1%} in its change and "
        f"{found['C_D_relative']:.1%} in C_D. No model can be known to be better than that."
    )
    return [*lines, text, ""]


def _table(title: str, checkpoints: Sequence[CheckpointInfo], key: str) -> list[str]:
    metrics = checkpoints[0].info[key]
    rows = [(f"`{one.path.stem}`: {describe_model(one)}", one.info[key]) for one in checkpoints]
    rows.append(("mean only", metrics["mean_only_all"]))
    return [
        f"**{title}**, {metrics['cases']} cases",
        "",
        f"| Model | {' | '.join(COLUMNS)} |",
        f"|{' --- |' * (len(COLUMNS) + 1)}",
        *(f"| {label} | {' | '.join(_cells(values))} |" for label, values in rows),
        "",
    ]


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
