"""From any shape to its predicted flow: repair, place, sample points, predict, check.

Letters: T triangles.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, Literal

import numpy as np
import torch
from numpy import ndarray

from mspt.checkpoint import Checkpoint
from mspt.geometry.axes import Axis, Orientation, with_forward, with_up
from mspt.geometry.files.writers import write_vtp
from mspt.geometry.mesh import SurfaceMesh
from mspt.geometry.placement import (
    PlacedMesh,
    Placement,
    Unit,
    as_is,
    place_mesh,
    placement_along,
)
from mspt.geometry.preparation import PreparedShape, prepare_shape
from mspt.inference.calibration import Calibrated, calibrated, expected_error
from mspt.inference.flow import CloudsDone, FlowPrediction, predict_cloud, predict_flow
from mspt.inference.output import OutputSurface, Refine, output_surface
from mspt.inference.physical import physical_cells
from mspt.inference.predict import pass_plan, pick_device
from mspt.inference.repeated import compared_passes, half_cloud
from mspt.inference.sampling import NUM_CLOUDS, FlowInputs, cloud_size, sample_inputs
from mspt.inference.signals import observe
from mspt.inference.triangles import EVERY_FROM, predict_triangles, with_triangles
from mspt.inference.trust import TrustReport, library_of, trust_report
from mspt.metrics.conditions import OperatingConditions

ShapeStage = Literal["Repair", "Place", "Sample points", "Predict", "Check"]


@dataclass(frozen=True, kw_only=True)
class StageStarted:
    """A stage of a prediction has started, or has come further.

    Attributes:
        stage: Its name.
        share: Estimated share of all work that is done, from 0 to 1.
    """

    stage: ShapeStage
    share: float


@dataclass(frozen=True, kw_only=True)
class ShapeResult:
    """The prediction for one shape, with its checks and all steps that led to it.

    Attributes:
        shape: The body that was predicted, and how it follows from the file.
        placed: The body in the wind-tunnel frame, and the transformation into it.
        placement: Unit and axes behind that transformation; None where coordinates were taken as
            they are.
        prediction: Fields of the body's triangles, the flow around it, coefficients.
        trust: Checks of the prediction that need no truth.
        seconds: Wall time of all stages.
        seed: Of the sampled points.
    """

    shape: PreparedShape
    placed: PlacedMesh
    placement: Placement | None
    prediction: FlowPrediction
    trust: TrustReport
    seconds: float
    seed: int

    @property
    def unit(self) -> str:
        """Unit of the lengths in the file; body lengths if it is in the wind-tunnel frame."""
        return "lengths" if self.placement is None else self.placement.unit

    def warnings(self) -> tuple[str, ...]:
        """Return all reasons to doubt the body or its placement, the most serious first."""
        unsure = "" if self.placement is None else self.shape.guess.reason
        asked = (f"the placement is unsure, as {unsure}; check it",) if unsure else ()
        return (*self.shape.warnings(self.unit), *asked, *self.placed.warnings)

    def summary(self) -> dict[str, Any]:
        """Return coefficients, sizes, times, placement and trust as values that JSON can hold.

        The entry ``units`` holds the unit of each number.
        """
        found, body = self.prediction.coefficients, self.shape.body
        numbers: dict[str, tuple[float, str]] = {
            "C_D": (found.C_D, "1"),
            "C_L": (found.C_L, "1"),
            "C_D_pressure": (found.C_D_pressure, "1"),
            "C_D_friction": (found.C_D_friction, "1"),
            "C_D_spread": (self.prediction.drag_spread, "1"),
            "C_D_once": (self.prediction.drag_passes[0], "1"),
            "C_D_mirrored": (self.prediction.drag_passes[-1], "1"),
            "frontal_area": (found.reference_area, "lengths^2"),
            "surface_area": (self.prediction.surface_area, "lengths^2"),
            "length_in_file": (1 / self.placed.scale, self.unit),
            "frontal_area_in_file": (found.reference_area / self.placed.scale**2, f"{self.unit}^2"),
        }
        if self.placement is not None:
            length = self.placement.length_m
            numbers["length_m"] = length, "m"
            numbers["frontal_area_m2"] = found.reference_area * length**2, "m^2"
        if (error := self.trust.expected) is not None:
            numbers["C_D_low"], numbers["C_D_high"] = (error.C_D_low, "1"), (error.C_D_high, "1")
            numbers["expected_C_p_error"] = error.C_p_error, "1"
            numbers["coverage"] = error.coverage, "1"
        numbers["seconds"] = self.seconds, "s"
        numbers["model_seconds"] = self.prediction.seconds, "s"
        return {
            **{name: value for name, (value, _) in numbers.items()},
            "units": {name: unit for name, (_, unit) in numbers.items()},
            "prediction": "mean of two passes, the second one mirrored",
            "triangles": len(self.shape.given.triangles),
            "body_triangles": len(body.triangles),
            "changes": list(self.shape.changes(self.unit)),
            "warnings": list(self.warnings()),
            "placement": self.placement_facts(),
            "trust": self.trust.to_dict(),
            "device": self.prediction.device,
            "seed": self.seed,
        }

    def placement_facts(self) -> dict[str, Any]:
        """Return unit, axes and the transformation into the tunnel, ``matrix @ x + offset``."""
        chosen = {"as_is": True} if self.placement is None else self.placement.describe()
        return {
            **chosen,
            "matrix": self.placed.matrix.tolist(),
            "offset": self.placed.offset.tolist(),
            "warnings": list(self.placed.warnings),
        }

    def cell_fields(self) -> Mapping[str, ndarray]:
        """Return ``Cp`` and ``Cf`` of the body's triangles, ``Cf`` along the file's axes."""
        return {
            "Cp": self.prediction.cell_pressure,
            "Cf": self.placed.vectors_to_file(self.prediction.cell_shear),
        }

    def output(self, refine: Refine = "auto") -> OutputSurface:
        """Return the body with its fields in the coordinates of its file.

        Args:
            refine: Divide triangles with edges longer than 0.025 body lengths (``auto``), none, or
                those with edges longer than another number of body lengths.

        Raises:
            GeometryError: If that length is not positive, or leaves too many triangles.
        """
        return output_surface(self.shape.body, self.placed, self.prediction, refine=refine)

    def write(
        self,
        path: Path,
        *,
        refine: Refine = "auto",
        conditions: OperatingConditions | None = None,
    ) -> None:
        """Write the body with its fields as a ``.vtp`` file; see :meth:`output`.

        Args:
            path: The file.
            refine: How long triangles are divided.
            conditions: Speed, air and size to write pressure and wall shear in Pa, too.
        """
        found = self.output(refine)
        cells = found.cells if conditions is None else physical_cells(found.cells, conditions)
        write_vtp(path, found.mesh, cell_fields=cells)


def predict_shape(  # noqa: PLR0913 - each is a choice of a person
    checkpoint: Checkpoint,
    shape: SurfaceMesh | PreparedShape,
    *,
    placement: Placement | Literal["guess", "as is"] = "guess",
    device: str = "auto",
    num_clouds: int = NUM_CLOUDS,
    seed: int = 0,
    errors: Calibrated | Literal["stored"] | None = "stored",
    memory_budget: str | float | int | None = None,
) -> Iterator[StageStarted | ShapeResult]:
    """Predict the flow around any shape, yielding each stage and the result at the end.

    Each cloud of points is predicted twice, the second time mirrored, and the mean is taken.

    Args:
        checkpoint: A model of flows.
        shape: As read from a file, or already prepared.
        placement: Unit and axes of the shape; ``"guess"`` derives them from the shape, ``"as is"``
            takes coordinates as they are, in the wind-tunnel frame.
        device: ``auto``, ``cuda``, ``mps`` or ``cpu``.
        num_clouds: Clouds of points; more take longer and reduce the influence of the sampled
            points.
        seed: Of the sampled points.
        errors: The calibration that the expected error follows from; ``"stored"`` finds that of the
            checkpoint among those that ship, None leaves it out and saves time.
        memory_budget: Most memory of the model for one cloud; see
            :func:`mspt.inference.predict.predict_case`.

    Raises:
        GeometryError: If the shape cannot be used.
        MSPTError: If the checkpoint is not one for flows, the device does not exist here, or the
            budget is too small.
    """
    start = perf_counter()
    library_of(checkpoint)  # first: refuses another checkpoint before any work is done
    points, target = sum(cloud_size(checkpoint)), pick_device(device)
    pass_plan(checkpoint.config, points, device=target, memory_budget=memory_budget)
    # The shares are typical ones; repair and sampling take longer on large meshes.
    yield StageStarted(stage="Repair", share=0.05)
    prepared = prepare_shape(shape) if isinstance(shape, SurfaceMesh) else shape
    yield StageStarted(stage="Place", share=0.15)
    if placement == "guess":
        placement = prepared.guess.best
    body = prepared.body
    placed = as_is(body) if placement == "as is" else place_mesh(body, placement)
    yield StageStarted(stage="Sample points", share=0.2)
    inputs = sample_inputs(checkpoint, placed.mesh, num_clouds=num_clouds, seed=seed)
    prediction = None
    large = len(body.triangles) >= EVERY_FROM
    share = 0.15 if large else 0.45
    for event in predict_flow(
        checkpoint, placed.mesh, inputs, device=device, memory_budget=memory_budget
    ):
        if isinstance(event, CloudsDone):
            yield StageStarted(stage="Predict", share=0.35 + share * event.done / event.total)
        else:
            prediction = event
    if prediction is None:
        raise RuntimeError("prediction ended without a result")
    if large:
        began = perf_counter()
        for event in predict_triangles(
            checkpoint, placed.mesh, inputs, device=device, memory_budget=memory_budget
        ):
            if isinstance(event, CloudsDone):
                yield StageStarted(stage="Predict", share=0.5 + 0.35 * event.done / event.total)
            else:
                taken = perf_counter() - began
                prediction = with_triangles(prediction, placed.mesh, event, seconds=taken)
    yield StageStarted(stage="Check", share=0.85)
    found = calibrated(checkpoint) if errors == "stored" else errors
    trust = _checked(checkpoint, placed.mesh, (inputs, prediction), prepared, found, device)
    yield ShapeResult(
        shape=prepared,
        placed=placed,
        placement=None if placement == "as is" else placement,
        prediction=prediction,
        trust=trust,
        seconds=perf_counter() - start,
        seed=seed,
    )


def _checked(
    checkpoint: Checkpoint,
    mesh: SurfaceMesh,
    predicted: tuple[FlowInputs, FlowPrediction],
    shape: PreparedShape,
    errors: Calibrated | None,
    device: str,
) -> TrustReport:
    """Return all checks of a prediction, with its expected error where that is calibrated."""
    (inputs, prediction), library, expected = predicted, library_of(checkpoint), None
    if errors is None:
        numbers = _repeated(checkpoint, inputs, prediction, device)
    else:
        signals = observe(
            checkpoint, mesh, inputs, prediction, members=errors.members, device=device
        )
        numbers = signals.checks
        expected = expected_error(
            errors.calibration,
            signals,
            library=library,
            C_D=prediction.coefficients.C_D,
            pressure_norm=float(np.sqrt((prediction.surface["C_p"] ** 2).mean())),
        )
    return trust_report(
        checkpoint,
        mesh,
        inputs,
        shape=shape,
        library=library,
        numbers=numbers,
        expected=expected,
        device=device,
    )


def _repeated(
    checkpoint: Checkpoint, inputs: FlowInputs, prediction: FlowPrediction, device: str
) -> Mapping[str, float]:
    """Return the changes of C_p that are checked; only half of the points is predicted again."""
    cloud, own = inputs.clouds[0], slice(None, None, len(inputs.clouds))
    sparse = predict_cloud(checkpoint, half_cloud(cloud), device=device)
    once, again = (torch.from_numpy(one[own]) for one in prediction.pressure_passes[[0, -1]])
    return compared_passes(once, again, sparse[: (cloud.num_surface + 1) // 2, 0].double())


def predict(
    checkpoint: Checkpoint,
    shape: SurfaceMesh | PreparedShape,
    *,
    placement: Placement | Literal["guess", "as is"] = "guess",
    device: str = "auto",
    seed: int = 0,
    memory_budget: str | float | int | None = None,
) -> ShapeResult:
    """Predict the flow around any shape and return the result.

    For progress, iterate over :func:`predict_shape`, which has the same arguments and errors.

    Args:
        checkpoint: A model of flows.
        shape: As read from a file, or already prepared.
        placement: Unit and axes of the shape, ``"guess"``, or ``"as is"``.
        device: ``auto``, ``cuda``, ``mps`` or ``cpu``.
        seed: Of the sampled points.
        memory_budget: Most memory of the model for one cloud, such as ``4GB``.
    """
    events = predict_shape(
        checkpoint,
        shape,
        placement=placement,
        device=device,
        seed=seed,
        memory_budget=memory_budget,
    )
    return next(event for event in events if isinstance(event, ShapeResult))


def with_choices(
    shape: PreparedShape,
    *,
    unit: Unit | None = None,
    forward: Axis | None = None,
    up: Axis | None = None,
    clearance: float | None = None,
) -> Placement:
    """Return the likely placement of a shape with some of its values chosen.

    Where one axis is chosen and the likely other one is the same, the body is turned about the axis
    to its side. Unit and clearance that are not chosen are those that are likely for the axes.

    Args:
        shape: The shape, with its likely placement.
        unit: Unit of the file.
        forward: Axis along which the nose points.
        up: Axis that points up.
        clearance: Height of the lowest point above the ground, in body lengths.

    Raises:
        GeometryError: If a choice is not valid.
    """
    orientation = shape.guess.best.orientation
    if forward is not None and up is not None:
        orientation = Orientation(forward, up)
    elif forward is not None:
        orientation = with_forward(orientation, forward)
    elif up is not None:
        orientation = with_up(orientation, up)
    return placement_along(shape.body, orientation, unit=unit, clearance=clearance)
