"""Predictions and solved flows of shapes, kept for all visitors and all pages."""

from collections.abc import Iterator
from dataclasses import dataclass

from mspt.benchmarks.needs import needs_of
from mspt.data.sets.car.flow_case import FlowCase
from mspt.errors import MSPTError
from mspt.geometry.placement import Placement
from mspt.inference.sampling import cloud_size
from mspt.inference.shapes import ShapeResult, StageStarted, predict_shape
from mspt.inference.triangles import num_passes
from mspt.solvers.openfoam.results import Flow
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
    return store("predicted shapes", 16, megabytes=200)


def truths() -> Store[Truth]:
    """Return the flows solved so far, by :class:`PlacedKey`."""
    return store("solved shapes", 8, megabytes=200)


def result_key(
    shape: Shape, placement: Placement, checkpoint: ListedCheckpoint, device: str
) -> ResultKey:
    """Return all that a prediction depends on."""
    return ResultKey(PlacedKey(shape.key, placement), checkpoint.key, device)


def predict(shape: Shape, key: ResultKey) -> Iterator[tuple[float, str]]:
    """Predict a shape, yielding share and words; the result is kept under its key."""
    model = load(key.checkpoint)
    body = prepared(shape)
    passes = num_passes(model, len(body.body.triangles))
    with one_at_a_time():
        needs = needs_of(model.config, sum(cloud_size(model)), passes=passes, device=key.device)
        more = f": {needs.words()}" if needs is not None else ""
        events = predict_shape(model, body, placement=key.shape.placement, device=key.device)
        for event in events:
            if isinstance(event, StageStarted):
                yield event.share, event.stage + (more if event.stage == "Predict" else "")
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
