"""Reports of predictions on the command line: one HTML file, or a PDF where a browser is there.

Few predictions are reported, and drawing needs more packages: import this where it is needed.
"""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from mspt.data.sets.car.flow_case import FlowCase
from mspt.figures.report.document import Report, report_html
from mspt.figures.report.pdf import pdf_bytes
from mspt.inference.records import run_record
from mspt.inference.shapes import ShapeResult
from mspt.metrics.conditions import OperatingConditions, kilometers_per_hour
from mspt.writing import write_bytes, write_text


@dataclass(frozen=True, kw_only=True, eq=False)
class Reported:
    """What goes into the report of a prediction.

    Attributes:
        shape: Its file.
        checkpoint: File of the model.
        metrics: Test metrics of the model.
        result: The prediction.
        conditions: Speed, air and size; None for dimensionless numbers.
        truth: The solver's result; None without one.
        errors: Errors against it.
    """

    shape: Path
    checkpoint: Path
    metrics: Mapping[str, Any]
    result: ShapeResult
    conditions: OperatingConditions | None
    truth: FlowCase | None
    errors: Mapping[str, Any]


def write_report(out: Path, reported: Reported) -> tuple[Path, str]:
    """Write a report; return its file, and why it is no PDF if one was wanted.

    Args:
        out: A .html or .pdf file.
        reported: What goes into it.
    """
    record = run_record(reported.result, checkpoint=reported.checkpoint, shape=reported.shape)
    html = report_html(report_of(reported, record))
    if out.suffix == ".html":
        write_text(out, html)
        return out, ""
    if (printed := pdf_bytes(html)) is not None:
        write_bytes(out, printed)
        return out, ""
    instead = out.with_suffix(".html")
    write_text(instead, html)
    return instead, "a PDF needs Chromium or Chrome, which is not here: the HTML file is written"


def report_of(reported: Reported, record: Mapping[str, Any]) -> Report:
    """Return the report of a prediction, of today.

    Args:
        reported: What goes into it.
        record: Its run record.
    """
    return Report(
        name=reported.shape.name,
        result=reported.result,
        checkpoint=reported.checkpoint.stem,
        metrics=reported.metrics,
        record=record,
        command=command_of(reported),
        date=date.today().isoformat(),
        conditions=reported.conditions,
        truth=reported.truth,
        errors=reported.errors,
    )


def command_of(reported: Reported) -> str:
    """Return the command that repeats a prediction."""
    words = ["python", "-m", "mspt", "predict", reported.shape.name]
    words += ["--checkpoint", reported.checkpoint.as_posix()]
    placement, reading = reported.result.placement, reported.result.shape.reading
    if placement is None:
        words.append("--as-is")
    else:
        words += ["--unit", placement.unit, f"--forward={placement.forward}"]
        words += [f"--up={placement.up}", "--clearance", f"{placement.clearance:.6g}"]
    for name in ("half", "domain"):
        if (value := getattr(reading, name)) != "auto":
            words += [f"--{name}", value]
    if (air := reported.conditions) is not None:
        words += ["--speed", f"{kilometers_per_hour(air.speed):.6g}km/h"]
        words += ["--density", f"{air.density:.6g}", "--viscosity", f"{air.viscosity:.6g}"]
        words += ["--length", f"{air.length:.6g}m"]
    if reported.result.seed:
        words += ["--seed", str(reported.result.seed)]
    return shlex.join(words)
