"""What the page for shapes caches: read meshes, predictions, solved truths; and its samples."""

import hashlib
import io
import json
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import streamlit as st

from mspt.checkpoint import Checkpoint, CheckpointInfo
from mspt.cli.shapes import recipe_for
from mspt.data.sets.car.flow_case import PRESSURE_RANGE, FlowCase, flow_case
from mspt.errors import MSPTError
from mspt.evaluation.flows import FlowScore, score_flow
from mspt.geometry.bodies.blocks import BlockBody, block_mesh
from mspt.geometry.bodies.families import draw_body
from mspt.geometry.files.readers import read_mesh_bytes
from mspt.geometry.files.writers import write_stl
from mspt.geometry.mesh import SurfaceMesh
from mspt.geometry.placement import Placement, guess_placement
from mspt.inference.flow import carry_to_cells
from mspt.inference.records import run_record
from mspt.inference.shapes import ShapeResult, StageStarted, predict_shape
from mspt.solvers.openfoam.results import Flow
from mspt.solvers.openfoam.run import SolverProgress, solve_flow
from pages import _jobs, _parts, _shared
from pages._shared import one_at_a_time

SAMPLES = ("Notchback", "Estate on wheels", "Van", "Pickup", "Ahmed body", "Ellipsoid", "Wing")
_BODIES = {
    "Notchback": ("notchback", 31),
    "Estate on wheels": ("estate", 2),
    "Van": ("van", 5),
    "Pickup": ("pickup", 4),
    "Ellipsoid": ("ellipsoid", 3),
    "Wing": ("wing", 1),
}


@dataclass(frozen=True)
class Shape:
    """A shape on the page: its mesh and the file it came from."""

    name: str
    mesh: SurfaceMesh
    file: bytes
    suffix: str
    digest: str


@st.cache_resource(max_entries=16, show_spinner="Building the sample shape …")
def example_shape(name: str) -> Shape:
    """Return a sample shape as if it had been uploaded, in meters: 4.5 m long."""
    mesh = block_mesh(BlockBody()) if name == "Ahmed body" else draw_body(*_BODIES[name]).mesh
    meters = SurfaceMesh(mesh.vertices * 4.5, mesh.triangles)
    with TemporaryDirectory(prefix="mspt-sample-") as folder:
        path = Path(folder) / "sample.stl"
        write_stl(path, meters)
        return _shape(name, path.read_bytes(), ".stl")


@st.cache_resource(max_entries=16, show_spinner="Reading the shape …")
def uploaded_shape(data: bytes, suffix: str) -> Shape:
    """Read an upload in a process of its own."""
    return _shape("Uploaded shape", data, suffix)


def _shape(name: str, data: bytes, suffix: str) -> Shape:
    mesh = read_mesh_bytes(data, suffix=suffix)
    return Shape(name, mesh, data, suffix, hashlib.sha256(data).hexdigest()[:16])


@st.cache_data(max_entries=32, show_spinner=False)
def guessed(digest: str, suffix: str, _mesh: SurfaceMesh) -> Placement:  # noqa: ARG001
    """Return how a shape is most likely placed."""
    return guess_placement(_mesh, suffix=suffix)


def checkpoint(header: CheckpointInfo) -> Checkpoint:
    """Return a checkpoint for flows, loaded once."""
    return _shared.checkpoint(header.path)


@st.cache_resource(max_entries=1)
def _store() -> dict[tuple[object, ...], object]:
    """Return the one store of results, by what they depend on; the oldest ones are dropped."""
    return {}


def result_key(
    shape: Shape, header: CheckpointInfo, placement: Placement, device: str
) -> tuple[object, ...]:
    """Return all that a prediction depends on."""
    changed = header.path.stat().st_mtime
    return ("prediction", shape.digest, header.path.stem, changed, placement, device)


def known(key: tuple[object, ...]) -> object | None:
    """Return what has been computed for a key."""
    return _store().get(key)


def _keep(key: tuple[object, ...], value: object, *, limit: int = 24) -> None:
    store = _store()
    store[key] = value
    while len(store) > limit:
        store.pop(next(iter(store)))


def predict(
    shape: Shape, header: CheckpointInfo, placement: Placement, device: str
) -> Iterator[tuple[float, str]]:
    """Predict a shape, yielding share and words; the result is kept under its key."""
    key = result_key(shape, header, placement, device)
    model = checkpoint(header)
    with one_at_a_time():
        for event in predict_shape(model, shape.mesh, placement=placement, device=device):
            if isinstance(event, StageStarted):
                yield event.share, event.stage
            else:
                _keep(key, event)


@dataclass(frozen=True)
class Truth:
    """The solver's answer for a shape.

    Attributes:
        case: What is kept of it.
        flow: All of it.
    """

    case: FlowCase
    flow: Flow


def solve(result: ShapeResult) -> Generator[_jobs.Step, None, None]:
    """Compute the flow with OpenFOAM, step by step; the last one holds the truth."""
    placed = result.placed
    with closing(solve_flow(placed.mesh, recipe_for(placed))) as events:
        for event in events:
            if isinstance(event, SolverProgress):
                words = f"{event.stage} {event.iteration or ''}".strip()
                if event.residual:
                    words += f", residual of the pressure {_parts.minus(f'{event.residual:.1e}')}"
                yield _jobs.Step(event.share, words)
            else:
                case = flow_case(event, placed.mesh, seed=0)
                case.info.setdefault("family", "uploaded")
                yield _jobs.Step(1.0, "Solved", Truth(case, event))


def truth_key(shape: Shape, placement: Placement) -> tuple[object, ...]:
    """Return all that a solved flow depends on."""
    return ("truth", shape.digest, placement)


def take_truth(job: str, key: tuple[object, ...]) -> bool:
    """Keep what a job has solved for all visitors; tell whether it is new."""
    current = _jobs.job(job)
    is_new = current is not None and bool(current.results) and known(key) is None
    if is_new:
        _keep(key, current.results[-1])
    return is_new


def pressure_on(mesh: SurfaceMesh, truth: Truth) -> np.ndarray:
    """Return the solver's C_p on the triangles of a mesh, from its own faces."""
    case, flow = truth.case, truth.flow
    centers, vectors, values = flow.face_centers, flow.face_areas, 2 * flow.face_pressure
    if case.is_half:
        other = np.array([1.0, -1.0, 1.0])
        centers, vectors = (np.concatenate([part, part * other]) for part in (centers, vectors))
        values = np.concatenate([values, values])
    normals = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    clipped = np.clip(values, *PRESSURE_RANGE)
    return carry_to_cells(mesh, centers, normals, values=clipped[:, None])[:, 0]


def errors(key: tuple[object, ...], truth: Truth, header: CheckpointInfo, device: str) -> FlowScore:
    """Return the model's errors against a solved flow, computed once for its key."""
    full = ("errors", *key, header.path.stem, header.path.stat().st_mtime, device)
    found = known(full)
    if not isinstance(found, FlowScore):
        with st.spinner("Comparing model and solver …"), one_at_a_time():
            found = score_flow(checkpoint(header), "truth", truth.case, device=device)
        _keep(full, found)
    return found


def vtp_file(result: ShapeResult) -> bytes:
    """Return the given mesh with its fields as a file."""
    with TemporaryDirectory(prefix="mspt-export-") as folder:
        path = Path(folder) / "shape.vtp"
        result.write(path)
        return path.read_bytes()


def table_file(result: ShapeResult) -> bytes:
    """Return a table with center, C_p and C_f of each triangle."""
    fields = result.cell_fields()
    columns = dict(zip("xyz", result.given.centers.T, strict=True))
    columns |= {"area": result.given.areas, "Cp": fields["Cp"]}
    columns |= {f"Cf_{axis}": part for axis, part in zip("xyz", fields["Cf"].T, strict=True)}
    stream = io.StringIO()
    pd.DataFrame(columns).to_csv(stream, index=False, float_format="%.6g")
    return stream.getvalue().encode()


def passport_file(result: ShapeResult, shape: Shape, header: CheckpointInfo) -> bytes:
    """Return what repeats a prediction; the shape is looked for beside where it is replayed."""
    with TemporaryDirectory(prefix="mspt-export-") as folder:
        path = Path(folder) / f"shape{shape.suffix}"
        path.write_bytes(shape.file)
        written = run_record(result, checkpoint=header.path, shape=path)
    written["shape"]["path"] = f"shape{shape.suffix}"
    written["checkpoint"]["path"] = header.path.as_posix()
    return (json.dumps(written, indent=1) + "\n").encode()


def require(value: object | None) -> ShapeResult:
    """Return a finished result."""
    if not isinstance(value, ShapeResult):
        raise MSPTError("the prediction must have ended with a result, got none; try again")
    return value
