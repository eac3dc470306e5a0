"""Predictions and solved flows of shapes, kept for all visitors and all pages."""

from collections.abc import Iterator
from dataclasses import dataclass
from threading import Lock
from time import sleep

from mspt.benchmarks.needs import needs_of
from mspt.checkpoint import Checkpoint
from mspt.data.sets.car.flow_case import FlowCase
from mspt.errors import MSPTError
from mspt.geometry.placement import Placement
from mspt.geometry.preparation import PreparedShape
from mspt.inference.sampling import cloud_size
from mspt.inference.shapes import ShapeResult, StageStarted, predict_shape
from mspt.inference.triangles import num_passes
from mspt.solvers.openfoam.results import Flow
from pages._shared.cache import CheckpointKey, ListedCheckpoint, load, one_at_a_time
from pages._shared.shapes import Shape, prepared
from pages._shared.store import Store, store
from pages._shared.turns import Turns, waiting_words
from pages._shared.worker import POLL, computed

_begun: set["ResultKey"] = set()
_beginning = Lock()
_line = Turns()


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
    return store("predicted shapes", 64, megabytes=300)


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
    while not _begin(key):  # another visitor's script predicts the same
        yield 0.0, "Waiting for another visitor's prediction of the same shape"
        sleep(POLL)
    ticket = _line.join()
    try:
        # One shape after the other: of many that are predicted by turns, all end late, and those
        # whose visitors leave before are lost.
        while not _line.wait(ticket, POLL):
            yield 0.0, waiting_words(_line.ahead(ticket), _line.expected_seconds(ticket))
        if predictions().get(key) is None:
            yield from _predict(model, body, key)
    finally:
        _line.leave(ticket)
        _begun.discard(key)


def _predict(model: Checkpoint, body: PreparedShape, key: ResultKey) -> Iterator[tuple[float, str]]:
    more = {"Predict": _needs(model, body, device=key.device)}
    events = predict_shape(model, body, placement=key.shape.placement, device=key.device)
    # Stage by stage, so that other work, which takes less, comes in between.
    while (event := _next_stage(events)) is not None:
        if isinstance(event, StageStarted):
            yield event.share, event.stage + more.get(event.stage, "")
        else:
            predictions().put(key, event)


def _needs(model: Checkpoint, body: PreparedShape, *, device: str) -> str:
    """Return what the passes need, in words; empty if they take a few seconds only."""
    passes = num_passes(model, len(body.body.triangles))
    needs = needs_of(model.config, sum(cloud_size(model)), passes=passes, device=device)
    return "" if needs is None else f": {needs.words()}"


def _begin(key: ResultKey) -> bool:
    """Return whether this script is to predict what no other one is predicting now."""
    with _beginning:
        is_first = key not in _begun
        _begun.add(key)
        return is_first


@computed
def _next_stage(events: Iterator[StageStarted | ShapeResult]) -> StageStarted | ShapeResult | None:
    with one_at_a_time():
        return next(events, None)


def finished(key: ResultKey) -> ShapeResult:
    """Return the result of a prediction that has just ended.

    Raises:
        MSPTError: If it ended without one.
    """
    result = predictions().get(key)
    if result is None:
        raise MSPTError("the prediction must end with a result, got none; try again")
    return result
