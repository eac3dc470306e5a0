"""The report of one prediction as an HTML document that needs nothing else.

Everything that comes from a file or a name is escaped in one place, :func:`_text`. The document has
no script, and a policy of its own that forbids every request.
"""

import math
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

from mspt.data.sets.car.flow_case import FlowCase, unsettled_words
from mspt.figures.report.scenes import Picture, pictures_of
from mspt.inference.physical import DATA_REYNOLDS, physical_forces
from mspt.inference.shapes import ShapeResult
from mspt.inference.side_by_side import drag_uncertainty
from mspt.metrics.conditions import OperatingConditions, kilometers_per_hour, reynolds_note

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1c2833; max-width: 60rem; margin: 2rem auto;
  padding: 0 1rem; background: #fff; }
h1 { font-size: 1.6rem; margin: 0; overflow-wrap: anywhere; } h2 { font-size: 1.15rem;
  margin: 1.8rem 0 0.5rem; border-bottom: 1px solid #dbe2e8; }
table { border-collapse: collapse; width: 100%; margin: 0.4rem 0; }
td, th { text-align: left; vertical-align: top; padding: 0.25rem 0.9rem 0.25rem 0;
  border-bottom: 1px solid #eef1f4; overflow-wrap: anywhere; }
th { font-weight: 600; overflow-wrap: normal; } td:first-child { color: #3d4a55; min-width: 9rem; }
.checks td:nth-child(2), .checks td:nth-child(3) { white-space: nowrap; }
.good { color: #00714f; } .fair { color: #9a5b00; } .poor { color: #b2182b; }
figure { display: inline-block; width: calc(50% - 1.2rem); margin: 0.4rem 0.8rem 0.4rem 0;
  vertical-align: top; }
figure img { max-width: 100%; display: block; border: 1px solid #eef1f4; }
figcaption { font-size: 13px; color: #3d4a55; } .note { color: #3d4a55; font-size: 13px; }
code { font-size: 13px; overflow-wrap: anywhere; white-space: pre-wrap; }
@media print { body { margin: 0; font-size: 12px; } h2 { break-after: avoid; }
  figure, tr { break-inside: avoid; } }
"""
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


@dataclass(frozen=True, kw_only=True, eq=False)
class Report:
    """What a report is of.

    Attributes:
        name: Of the shape's file.
        result: The prediction.
        checkpoint: Name of the model.
        metrics: Its test metrics.
        record: The run record, see :func:`mspt.inference.records.run_record`.
        command: Command that gives the same.
        date: Of the report.
        conditions: Speed, air and size for numbers in N; None for dimensionless ones.
        truth: The solver's result; None without one.
        errors: Those of a :class:`mspt.evaluation.flows.FlowScore` against it, by name.
    """

    name: str
    result: ShapeResult
    checkpoint: str
    metrics: Mapping[str, Any]
    record: Mapping[str, Any]
    command: str
    date: str
    conditions: OperatingConditions | None = None
    truth: FlowCase | None = None
    errors: Mapping[str, Any] = field(default_factory=dict)


def report_html(report: Report) -> str:
    """Return the report as one HTML document."""
    result = report.result
    parts = [
        f"<h1>{_text(report.name)}</h1>",
        f"<p class=note>Predicted by {_text(report.checkpoint)}, {_text(report.date)}.</p>",
        _verdict(result),
        _section("Numbers", _numbers(report)),
        _section("Pictures", _figures(pictures_of(result, report.conditions, report.truth))),
        _section("Placement", _facts(_placement(result))),
        _section("The file and its body", _mesh(result)),
        _section("How far to trust it", _checks(result)),
    ]
    if report.truth is not None:
        parts.append(_section("The solver's result", _solver(report)))
    parts.append(_section("Where this comes from", _facts(_origin(report))))
    body = "\n".join(part for part in parts if part)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{_text(report.name)}: predicted flow</title><style>{STYLE}</style></head>\n"
        f"<body>\n{body}\n</body></html>\n"
    )


def _text(value: object) -> str:
    """Return a value as text that HTML shows as it is; what cannot be seen is left out."""
    return escape("".join(sign for sign in str(value) if sign.isprintable()))


def _section(title: str, body: str) -> str:
    return f"<h2>{title}</h2>\n{body}" if body else ""


def _facts(pairs: Mapping[str, object]) -> str:
    rows = [
        f"<tr><td>{_text(name)}</td><td>{_text(value)}</td></tr>" for name, value in pairs.items()
    ]
    return f"<table>{''.join(rows)}</table>"


def _rows(kind: str, header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    head = "".join(f"<th>{_text(one)}</th>" for one in header)
    body = "".join(f"<tr>{''.join(f'<td>{_text(one)}</td>' for one in row)}</tr>" for row in rows)
    return f"<table class={kind}><tr>{head}</tr>{body}</table>"


def _verdict(result: ShapeResult) -> str:
    verdict = result.trust.verdict
    words = {
        "good": "All checks are good.",
        "fair": "Use with care: at least one check is only fair.",
        "poor": "Do not rely on these numbers: at least one check is poor.",
    }[verdict]
    warned = "".join(f"<li>{_text(line)}</li>" for line in result.warnings())
    listed = f"<ul>{warned}</ul>" if warned else ""
    return f"<p><strong class={verdict}>{words}</strong></p>{listed}"


def _numbers(report: Report) -> str:
    found, prediction = report.result.prediction.coefficients, report.result.prediction
    usual = drag_uncertainty(report.result, report.metrics)
    numbers = {
        "Drag coefficient C_D": f"{found.C_D:.4f} ± {usual:.4f} (usual error of the model), "
        f"± {prediction.drag_spread:.4f} (spread over the points drawn)",
        "of which": f"pressure {found.C_D_pressure:.4f}, friction {found.C_D_friction:.4f}",
        "Lift coefficient C_L": f"{found.C_L:+.4f}: pressure {found.C_L_pressure:+.4f}, friction "
        f"{found.C_L_friction:+.4f}",
        "Side force coefficient C_S": f"{found.C_S:+.4f}",
        "Frontal area": f"{found.reference_area:.5f} lengths²",
        "Surface": f"{prediction.surface_area:.4f} lengths²",
    }
    if report.conditions is None:
        return _facts(numbers) + _about_error(report.metrics)
    conditions = report.conditions
    forces = physical_forces(found, conditions, drag_spread=usual)
    value = {name: number for name, (number, _) in forces.items()}
    speed = f"{kilometers_per_hour(conditions.speed):.4g} km/h"
    physical = {
        "At": conditions.describe(),
        "Drag": f"{value['drag']:.4g} ± {value['drag_spread']:.2g} N (usual error of the model)",
        "of which": f"pressure {value['drag_pressure']:.4g} N, friction "
        f"{value['drag_friction']:.4g} N",
        "Lift": f"{value['lift']:+.4g} N",
        "Side force": f"{value['side_force']:+.3g} N",
        "Power": f"{value['power']:.4g} kW at {speed}, {value['power_at_120_km_h']:.4g} kW at "
        "120 km/h",
        "Frontal area": f"{value['frontal_area']:.4g} m²",
        "Dynamic pressure": f"{value['dynamic_pressure']:.4g} Pa",
        "Reynolds number": f"{value['reynolds_number'] / 1e6:.3g} million",
    }
    note = reynolds_note(conditions, of_data=DATA_REYNOLDS)
    told = f"<p class=note>{_text(note[:1].upper() + note[1:])}.</p>" if note else ""
    return _facts(physical) + told + _facts(numbers) + _about_error(report.metrics)


def _about_error(metrics: Mapping[str, Any]) -> str:
    error, cases = metrics.get("C_D_relative"), metrics.get("cases", 0)
    if error is None:
        return ""
    return (
        f"<p class=note>The usual error is {error:.1%} of C_D, the mean over {_text(cases)} test "
        "bodies that training did not use. That of this shape is not known without a solver.</p>"
    )


def _figures(pictures: Sequence[Picture]) -> str:
    shown = []
    for one in pictures:
        source = b64encode(one.png).decode()
        shown.append(
            f'<figure><img alt="{_text(one.title)}" src="data:image/png;base64,{source}">'
            f"<figcaption>{_text(one.title)}</figcaption>{one.bar}</figure>"
        )
    return "\n".join(shown)


def _placement(result: ShapeResult) -> dict[str, object]:
    placement = result.placement
    if placement is None:
        return {"Frame": "coordinates as they are in the file, in the wind-tunnel frame"}
    length = placement.length_m
    return {
        "Unit of the file": placement.unit,
        "Nose": placement.forward,
        "Up": placement.up,
        "Length": f"{length:.4g} m",
        "Height over the ground": f"{placement.clearance * length:.3g} m "
        f"({placement.clearance:.2%} of the length)",
    }


def _mesh(result: ShapeResult) -> str:
    shape = result.shape
    return _facts(
        {
            "Triangles in the file": f"{shape.report.triangles:,}",
            "Triangles of the body": f"{len(shape.body.triangles):,}",
            "Watertight in the file": "yes" if shape.report.watertight else "no",
            "Found": "; ".join(shape.report.describe()) or "nothing",
            "Changed": "; ".join(shape.changes(result.unit)) or "nothing",
        }
    )


def _checks(result: ShapeResult) -> str:
    rows = [
        (one.name, f"{_short(one.value)} {one.unit}", one.verdict, f"{one.meaning} {one.caveat}")
        for one in result.trust.checks
    ]
    nearest = ", ".join(f"{name} ({family})" for name, family, _ in result.trust.nearest)
    told = f"<p class=note>Most like the training shapes {_text(nearest)}.</p>" if nearest else ""
    return _rows("checks", ("check", "value", "grade", "meaning"), rows) + told


def _short(value: float) -> str:
    return "0" if abs(value) < 1e-6 else f"{value:.2g}"  # rounding


def _solver(report: Report) -> str:
    info, found = report.truth.info if report.truth else {}, report.result.prediction.coefficients
    facts: dict[str, object] = {
        "C_D": f"{info['C_D']:.4f} ± {info['C_D_spread']:.4f}; model {found.C_D:.4f}, "
        f"{found.C_D / info['C_D'] - 1:+.1%}",
        "C_L": f"{info['C_L']:+.4f}; model {found.C_L:+.4f}",
        "Run": unsettled_words(info) or "settled",
        "Mesh": f"{info['cells']:,} cells, {info['iterations']} iterations",
    }
    for name, error in report.errors.items():
        is_known = isinstance(error, float) and math.isfinite(error)
        if is_known and name not in ("C_D", "C_D_true", "C_L", "C_L_true"):
            facts[f"Error of {name.replace('_', ' ')}"] = f"{error:.2%} (relative L2)"
    return _facts(facts)


def _origin(report: Report) -> dict[str, object]:
    record = report.record
    return {
        "Shape": f"{report.name}, SHA-256 {record['shape']['sha256']}",
        "Model": f"{report.checkpoint}, SHA-256 {record['checkpoint']['sha256']}",
        "Reynolds number of the data": f"{DATA_REYNOLDS / 1e6:.3g} million, moving ground, no yaw",
        "Seed": record["seed"],
        "Device": record["device"],
        "Versions": ", ".join(f"{name} {number}" for name, number in record["versions"].items()),
        "Time": f"{report.result.seconds:.1f} s",
        "Command": report.command,
    }
