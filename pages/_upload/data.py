"""Predictions and solved flows of shapes, kept for all visitors; and their files."""

import json
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import streamlit as st

from mspt.cli.shapes import recipe_for
from mspt.data.sets.car.flow_case import FlowCase, flow_case
from mspt.errors import MSPTError
from mspt.evaluation.flows import FlowScore, score_flow
from mspt.figures.charts.placements import placement_figure
from mspt.geometry.marks import Marks, find_marks
from mspt.geometry.placement import Placement, place_mesh
from mspt.geometry.preparation import PreparedShape
from mspt.inference.gradient import drag_changes
from mspt.inference.records import run_record
from mspt.inference.shapes import ShapeResult, StageStarted, predict_shape
from mspt.inference.surface import cell_table
from mspt.solvers.openfoam.results import Flow
from mspt.solvers.openfoam.run import SolveLimits, SolverProgress, solve_flow
from pages._shared import jobs, notes
from pages._shared.cache import CheckpointKey, ListedCheckpoint, load, one_at_a_time
from pages._shared.shapes import Shape, prepared
from pages._shared.store import Store, store


@dataclass(frozen=True)
class PlacedKey:
    """A shape in the wind tunnel, as far as results depend on it.

    Attributes:
        shape: Of the shape's file and how it is read.
        placement: Its unit, nose and top.
    """

    shape: str
    placement: Placement


@dataclass(frozen=True)
class ResultKey:
    """All that a prediction of a shape depends on."""

    shape: PlacedKey
    checkpoint: CheckpointKey
    device: str


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


@dataclass(frozen=True)
class Truth:
    """The solver's result for a shape.

    Attributes:
        case: What a data set stores of it.
        flow: All of it.
    """

    case: FlowCase
    flow: Flow


def predictions() -> Store[ShapeResult]:
    """Return the predictions made so far, by :class:`ResultKey`."""
    return store("predicted shapes", 16)


def truths() -> Store[Truth]:
    """Return the flows solved so far, by :class:`PlacedKey`."""
    return store("solved shapes", 8)


def result_key(
    shape: Shape, placement: Placement, checkpoint: ListedCheckpoint, device: str
) -> ResultKey:
    """Return all that a prediction depends on."""
    return ResultKey(PlacedKey(shape.key, placement), checkpoint.key, device)


def predict(shape: Shape, key: ResultKey) -> Iterator[tuple[float, str]]:
    """Predict a shape, yielding share and words; the result is kept under its key."""
    model = load(key.checkpoint)
    body = prepared(shape)
    with one_at_a_time():
        events = predict_shape(model, body, placement=key.shape.placement, device=key.device)
        for event in events:
            if isinstance(event, StageStarted):
                yield event.share, event.stage
            else:
                predictions().put(key, event)


def finished(key: ResultKey) -> ShapeResult:
    """Return the result of a prediction that has just ended.

    Raises:
        MSPTError: If it ended without one.
    """
    result = predictions().get(key)
    if result is None:
        raise MSPTError("the prediction must end with a result, got none; try again")
    return result


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


def vtp_file(result: ShapeResult) -> bytes:
    """Return the body with its fields."""
    with TemporaryDirectory(prefix="mspt-export-") as folder:
        path = Path(folder) / "shape.vtp"
        result.write(path)
        return path.read_bytes()


def table_file(result: ShapeResult) -> bytes:
    """Return center, area, C_p and C_f of each triangle, long ones divided, as CSV."""
    return cell_table(result).to_csv(index=False, float_format="%.6g").encode()


def run_record_file(result: ShapeResult, shape: Shape, checkpoint: ListedCheckpoint) -> bytes:
    """Return what is needed to repeat a prediction; it names the shape's file without a folder."""
    with TemporaryDirectory(prefix="mspt-export-") as folder:
        path = Path(folder) / f"shape{shape.suffix}"  # a name from outside is no path here
        path.write_bytes(shape.file)
        written = run_record(result, checkpoint=checkpoint.path, shape=path)
    written["shape"]["path"] = shape.file_name
    written["checkpoint"]["path"] = checkpoint.path.as_posix()
    return (json.dumps(written, indent=1) + "\n").encode()


# --- fields for pictures -------------------------------------------------------------------------


def surface_view(key: ResultKey, result: ShapeResult, of_drag: bool) -> Any:  # noqa: FBT001
    """Return values of the drawn triangles: the change of C_D by bumps, or the expected error."""
    return _drag_change(key, _result=result) if of_drag else _expected_error(key, _result=result)


@st.cache_data(max_entries=8, show_spinner="Differentiating the drag …")
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
