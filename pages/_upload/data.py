"""The solver's run for a shape, its error, its pictures and its files."""

import json
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import streamlit as st

from mspt.cli._report import Reported, report_of
from mspt.cli.shapes import recipe_for
from mspt.data.sets.car.flow_case import flow_case
from mspt.data.sets.car.store import write_flow
from mspt.errors import MSPTError
from mspt.evaluation.flows import FlowScore, score_flow
from mspt.figures.charts.placements import placement_figure
from mspt.figures.report.document import report_html
from mspt.figures.report.pdf import pdf_bytes
from mspt.geometry.files.writers import write_vtp
from mspt.geometry.marks import Marks, find_marks
from mspt.geometry.placement import Placement, place_mesh
from mspt.geometry.preparation import PreparedShape
from mspt.inference.gradient import drag_changes
from mspt.inference.physical import physical_summary
from mspt.inference.records import run_record
from mspt.inference.shapes import ShapeResult
from mspt.inference.surface import cell_table, solved_cells
from mspt.metrics.conditions import OperatingConditions
from mspt.solvers.openfoam.run import SolveLimits, SolverProgress, solve_flow
from pages._shared import jobs, notes
from pages._shared.cache import ListedCheckpoint, load, one_at_a_time
from pages._shared.predicted import (
    PlacedKey,
    ResultKey,
    Truth,
    finished,
    predict,
    predictions,
    result_key,
    truths,
)
from pages._shared.shapes import Shape, prepared
from pages._shared.worker import computed

__all__ = ["finished", "predict", "predictions", "result_key", "truths"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Chosen:
    """A shape in the wind tunnel, and the model to predict its flow.

    Attributes:
        shape: The shape.
        is_own: Whether the visitor has brought it; otherwise it is a sample.
        placement: Its unit, nose, top and clearance.
        checkpoint: The model.
        key: All that the prediction depends on.
    """

    shape: Shape
    is_own: bool
    placement: Placement
    checkpoint: ListedCheckpoint
    key: ResultKey

    @property
    def title(self) -> str:
        """Name of the shape for people: that of the person's own file, or of the sample."""
        return notes.plain(self.shape.file_name) if self.is_own else self.shape.name


def solve(result: ShapeResult) -> Generator[jobs.Step, None, None]:
    """Compute the flow with OpenFOAM, step by step; the last step holds the :class:`Truth`."""
    placed = result.placed
    # One process with one thread, at the lowest priority: pages of other visitors go first.
    limits = SolveLimits(lowest_priority=True)
    with closing(solve_flow(placed.mesh, recipe_for(placed), limits)) as events:
        for event in events:
            if isinstance(event, SolverProgress):
                yield jobs.Step(event.share, event.describe())
            else:
                case = flow_case(event, placed.mesh, seed=0)
                case.info.setdefault("family", "uploaded")
                yield jobs.Step(1.0, "Solved", Truth(case, event))


def take_truth(job: str, key: PlacedKey) -> bool:
    """Keep the result of a finished job for all visitors; return whether there is a new one."""
    if not (results := jobs.fetch(job)):
        return False
    is_new = truths().get(key) is None
    truths().put(key, results[-1])
    results.clear()  # held once: a flow is large
    return is_new


def errors(key: ResultKey, truth: Truth) -> FlowScore:
    """Return the errors of the model against a solved flow."""
    return _errors(key, _truth=truth)


@st.cache_data(max_entries=16, show_spinner="Comparing model and solver …")
@computed
def _errors(key: ResultKey, *, _truth: Truth) -> FlowScore:
    with one_at_a_time():
        return score_flow(load(key.checkpoint), "truth", _truth.case, device=key.device)


# --- pictures ------------------------------------------------------------------------------------


def side_view(shape: Shape, placement: Placement, *, length: str, dark: bool, width: int) -> Any:
    """Return a picture of a placed shape from its left side."""
    return _side_view(
        shape.key, str(placement), length=length, dark=dark, width=width, _of=(shape, placement)
    )


@st.cache_resource(max_entries=32, show_spinner=False)
def _side_view(
    key: str,  # noqa: ARG001
    placement: str,  # noqa: ARG001
    *,
    length: str,
    dark: bool,
    width: int,
    _of: tuple[Shape, Placement],
) -> Any:
    shape, placed = _of
    mesh = place_mesh(prepared(shape).body, placed).mesh
    return placement_figure(mesh, length=length, dark=dark, width=width)


def marks(key: PlacedKey, result: ShapeResult) -> Marks:
    """Return the defects and changes of a shape, to be drawn on it."""
    return _marks(key.shape, _shape=result.shape)


@st.cache_resource(max_entries=16, show_spinner="Finding what was changed …")
def _marks(key: str, *, _shape: PreparedShape) -> Marks:  # noqa: ARG001
    return find_marks(_shape)


# --- files ---------------------------------------------------------------------------------------


def vtp_file(result: ShapeResult, *, conditions: OperatingConditions | None = None) -> bytes:
    """Return the body with its fields, also in Pa if there are conditions."""
    with TemporaryDirectory(prefix="mspt-export-") as folder:
        path = Path(folder) / "shape.vtp"
        result.write(path, conditions=conditions)
        return path.read_bytes()


def table_file(result: ShapeResult, *, conditions: OperatingConditions | None = None) -> bytes:
    """Return center, area, C_p and C_f of each triangle, long ones divided, as CSV."""
    table = cell_table(result, conditions=conditions)
    return table.to_csv(index=False, float_format="%.6g").encode()


def run_record_file(
    result: ShapeResult,
    shape: Shape,
    checkpoint: ListedCheckpoint,
    *,
    conditions: OperatingConditions | None = None,
) -> bytes:
    """Return what is needed to repeat a prediction; it names the shape's file without a folder."""
    with TemporaryDirectory(prefix="mspt-export-") as folder:
        path = Path(folder) / f"shape{shape.suffix}"  # a name from outside is no path here
        path.write_bytes(shape.file)
        written = run_record(result, checkpoint=checkpoint.path, shape=path)
    written["shape"]["path"] = shape.file_name
    written["checkpoint"]["path"] = checkpoint.path.as_posix()
    if conditions is not None:
        prediction = result.prediction
        written["physical"] = physical_summary(
            prediction.coefficients, conditions, drag_spread=prediction.drag_spread
        )
    return (json.dumps(written, indent=1) + "\n").encode()


def report_file(
    chosen: Chosen,
    result: ShapeResult,
    truth: Truth | None,
    conditions: OperatingConditions | None,
) -> bytes:
    """Return the report as one HTML file."""
    return _report(chosen, result, truth, conditions).encode()


def pdf_file(
    chosen: Chosen,
    result: ShapeResult,
    truth: Truth | None,
    conditions: OperatingConditions | None,
) -> bytes:
    """Return the report as PDF.

    Raises:
        MSPTError: If the browser of the server fails to print it.
    """
    printed = pdf_bytes(_report(chosen, result, truth, conditions))
    if printed is None:
        raise MSPTError("the browser of the server must print the report, got nothing; use HTML")
    return printed


def _report(
    chosen: Chosen,
    result: ShapeResult,
    truth: Truth | None,
    conditions: OperatingConditions | None,
) -> str:
    record = json.loads(run_record_file(result, chosen.shape, chosen.checkpoint))
    reported = Reported(
        shape=Path(chosen.shape.file_name),
        checkpoint=chosen.checkpoint.path,
        metrics=chosen.checkpoint.metrics,
        result=result,
        conditions=conditions,
        truth=None if truth is None else truth.case,
        errors={} if truth is None else vars(errors(chosen.key, truth)),
    )
    return report_html(report_of(reported, record))


def solver_file(result: ShapeResult, truth: Truth) -> bytes:
    """Return the body with the solver's fields beside the model's."""
    with TemporaryDirectory(prefix="mspt-export-") as folder:
        path = Path(folder) / "solver.vtp"
        mesh, cells = result.output().mesh, solved_cells(result, truth.case)
        write_vtp(path, mesh, cell_fields=cells)
        return path.read_bytes()


def truth_file(truth: Truth) -> bytes:
    """Return the solver's result as ``solve`` writes it, for ``predict --truth``."""
    with TemporaryDirectory(prefix="mspt-export-") as folder:
        path = Path(folder) / "truth.npz"
        write_flow(path, truth.case)
        return path.read_bytes()


# --- fields for pictures -------------------------------------------------------------------------


def surface_view(key: ResultKey, result: ShapeResult, of_drag: bool) -> Any:  # noqa: FBT001
    """Return values of the drawn triangles: the change of C_D by bumps, or the expected error."""
    return _drag_change(key, _result=result) if of_drag else _expected_error(key, _result=result)


@st.cache_data(max_entries=8, show_spinner="Differentiating the drag …")
@computed
def _drag_change(key: ResultKey, *, _result: ShapeResult) -> Any:
    model = load(key.checkpoint)
    with one_at_a_time():
        return drag_changes(
            model, _result.placed.mesh, _result.prediction, seed=_result.seed, device=key.device
        )


@st.cache_data(max_entries=8, show_spinner=False)
def _expected_error(key: ResultKey, *, _result: ShapeResult) -> Any:  # noqa: ARG001
    expected = _result.trust.expected
    return None if expected is None else expected.on_cells(_result.prediction.fine_mesh)
