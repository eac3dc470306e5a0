"""The shapes to compare: samples, test cases, a visitor's own, and morphs; and their fields."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import streamlit as st
from numpy import ndarray

from mspt.data.registry import get_dataset
from mspt.data.sets.car.flow_case import FlowCase
from mspt.errors import MSPTError
from mspt.geometry.axes import Orientation
from mspt.geometry.mesh import SurfaceMesh
from mspt.geometry.placement import Placement, place_mesh, placement_along
from mspt.inference.shapes import ShapeResult
from mspt.inference.side_by_side import (
    Design,
    have_same_triangles,
    magnitude,
    morphed,
    nearest_difference,
    truth_on,
)
from mspt.metrics.conditions import OperatingConditions
from pages._shared import datasets, predicted, samples, shapes
from pages._shared.cache import ListedCheckpoint
from pages._shared.predicted import ResultKey
from pages._shared.shapes import Shape

SAMPLES = (shapes.SAMPLES[0], shapes.RAISED_TAIL, *shapes.SAMPLES[1:])
CAR_LENGTH = 4.5
"""Length in m that bodies of the data set are given, as usual of cars; samples have it, too."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Entry:
    """A shape to compare, placed, with the key of its prediction.

    Attributes:
        name: As chosen; that of a file is safe to show.
        shape: The shape.
        placement: Its unit, nose, top and clearance.
        key: All that its prediction depends on.
        case: Name of the test case that it is the body of; empty for others.
    """

    name: str
    shape: Shape
    placement: Placement
    key: ResultKey
    case: str = ""

    @property
    def truth(self) -> FlowCase | None:
        """The solver's result, where there is one."""
        if self.case:
            return samples.stored_flow(self.case)
        solved = predicted.truths().get(self.key.shape)
        return None if solved is None else solved.case


@dataclass(frozen=True, kw_only=True, eq=False)
class Chosen:
    """All that the page shows.

    Attributes:
        entries: The shapes, the first of which the others are compared with.
        checkpoint: The model.
        conditions: Speed and air for physical units; None for dimensionless numbers.
    """

    entries: tuple[Entry, ...]
    checkpoint: ListedCheckpoint
    conditions: OperatingConditions | None

    @property
    def designs(self) -> tuple[Design, ...]:
        """The shapes with their predictions, which must be there."""
        return tuple(
            Design(name=one.name, result=predicted.finished(one.key), truth=one.truth)
            for one in self.entries
        )


def own_shapes() -> dict[str, Shape]:
    """Return the shapes that this visitor has brought, by their names."""
    state = st.session_state
    found: dict[str, Shape] = dict(state.setdefault("own_shapes", {}))
    if (mine := state.get("my_shape")) is not None:
        found = {mine.file_name: mine} | found
    return found


def options() -> list[str]:
    """Return the names to choose from: a visitor's own, samples, test cases."""
    try:
        cases = samples.case_names(datasets.flow_source())
    except MSPTError:
        cases = []  # no case is at hand
    return [*own_shapes(), *SAMPLES, *cases]


def entry_of(name: str, checkpoint: ListedCheckpoint, device: str) -> Entry:
    """Return a shape by its name, as its page has placed it."""
    own = own_shapes()
    if name in own or name in SAMPLES:
        shape = own[name] if name in own else shapes.sample_shape(name)
        placement = shapes.placement_of(shape)
        key = predicted.result_key(shape, placement, checkpoint, device)
        return Entry(name=name, shape=shape, placement=placement, key=key)
    shape = case_shape(name)
    placement = _as_in_the_data(shape.mesh)
    key = predicted.result_key(shape, placement, checkpoint, device)
    family = samples.flow_family(name)
    return Entry(name=f"{name} ({family})", shape=shape, placement=placement, key=key, case=name)


@st.cache_resource(max_entries=16, show_spinner="Reading the body …")
def case_shape(name: str) -> Shape:
    """Return the body of a test case as a shape, 4.5 m long."""
    body = get_dataset(datasets.flow_source()).body
    if body is None:
        raise MSPTError(f"shape must be a body of a flow, got {name}; choose another one")
    mesh = body.surface(name)
    return shapes.made_shape(name, SurfaceMesh(CAR_LENGTH * mesh.vertices, mesh.triangles))


def _as_in_the_data(mesh: SurfaceMesh) -> Placement:
    """Return the placement of a body of the data set: flow along +x, ground at z = 0."""
    clearance = max(0.0, float(mesh.bounds[0, 2] / mesh.extent[0]))
    return placement_along(mesh, Orientation("-x", "+z"), unit="m", clearance=clearance)


def can_morph(first: Entry, other: Entry) -> bool:
    """Return whether two shapes differ in the places of their vertices alone."""
    return have_same_triangles(shapes.prepared(first.shape).body, shapes.prepared(other.shape).body)


def morph_of(
    first: Entry, other: Entry, percent: int, checkpoint: ListedCheckpoint, device: str
) -> Entry:
    """Return the shape between two, in meters and in the axes of the wind tunnel."""
    shape = _morph(first.key.shape, other.key.shape, percent, _of=(first, other))
    placement = _as_in_the_data(shape.mesh)
    key = predicted.result_key(shape, placement, checkpoint, device)
    return Entry(name=shape.name, shape=shape, placement=placement, key=key)


@st.cache_resource(max_entries=16, show_spinner="Morphing …")
def _morph(
    first: predicted.PlacedKey,  # noqa: ARG001
    other: predicted.PlacedKey,  # noqa: ARG001
    percent: int,
    *,
    _of: tuple[Entry, Entry],
) -> Shape:
    ends = []
    for entry in _of:
        placed = place_mesh(shapes.prepared(entry.shape).body, entry.placement).mesh
        ends.append(replace(placed, vertices=placed.vertices * entry.placement.length_m))
    mesh = morphed(*ends, percent / 100)
    return replace(shapes.made_shape(f"Morph {percent} %", mesh), mesh=mesh)


def predict_all(entries: Sequence[Entry]) -> Iterator[tuple[float, str]]:
    """Predict the shapes that are not predicted yet, yielding share and words."""
    missing = [one for one in entries if predicted.predictions().get(one.key) is None]
    for index, entry in enumerate(missing):
        for share, stage in predicted.predict(entry.shape, entry.key):
            yield (index + share) / len(missing), f"{entry.name}: {stage}"


def are_predicted(entries: Sequence[Entry]) -> bool:
    """Return whether all shapes are predicted."""
    return all(predicted.predictions().get(one.key) is not None for one in entries)


# --- fields --------------------------------------------------------------------------------------


def field_of(result: ShapeResult, field: str) -> ndarray:
    """Return a predicted field on the fine triangles of a body; of vectors their lengths."""
    return magnitude(result.prediction.fine[field])


def difference_to(first: Entry, other: Entry, field: str) -> ndarray:
    """Return by how much a field differs from that of the first shape, at the nearest points."""
    return _difference(first.key, other.key, field)


@st.cache_resource(max_entries=24, show_spinner="Comparing nearest points …")
def _difference(first: ResultKey, other: ResultKey, field: str) -> ndarray:
    found = [predicted.finished(key).prediction for key in (first, other)]
    return nearest_difference(found[0], found[1], field="C_f" if field == "C_f" else "C_p")


def solved_field(entry: Entry, field: str) -> ndarray | None:
    """Return the solver's field on the triangles of a shape; None where it has not been solved."""
    if (truth := entry.truth) is None:
        return None
    return _solved(entry.key, field, _case=truth)


@st.cache_resource(max_entries=24, show_spinner=False)
def _solved(key: ResultKey, field: str, *, _case: FlowCase) -> ndarray:
    mesh = predicted.finished(key).prediction.fine_mesh
    return truth_on(mesh, _case, field="C_f" if field == "C_f" else "C_p")
