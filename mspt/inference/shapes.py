"""From any shape to its predicted flow: repair, place, sample points, predict, check.

Letters: T triangles.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any, Literal

from numpy import ndarray

from mspt.checkpoint import Checkpoint
from mspt.geometry.checks import MeshReport, inspect_mesh
from mspt.geometry.files.writers import write_vtp
from mspt.geometry.mesh import SurfaceMesh
from mspt.geometry.placement import (
    METERS,
    PlacedMesh,
    Placement,
    as_is,
    guess_placement,
    place_mesh,
)
from mspt.geometry.repair import repair_mesh
from mspt.inference.flow import CloudsDone, FlowPrediction, predict_flow
from mspt.inference.sampling import NUM_CLOUDS, sample_inputs
from mspt.inference.trust import TrustReport, library_of, trust_report

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
        given: The mesh as it was given.
        report: Defects of the given mesh.
        repairs: What was repaired before the prediction.
        placed: The repaired mesh in the wind-tunnel frame, and the transformation into it.
        placement: Unit and axes behind that transformation; None where coordinates were taken as
            they are.
        prediction: Fields of the given mesh's triangles, the flow around it, coefficients.
        trust: Checks of the prediction that need no truth.
        seconds: Wall time of all stages.
        seed: Of the sampled points.
    """

    given: SurfaceMesh
    report: MeshReport
    repairs: tuple[str, ...]
    placed: PlacedMesh
    placement: Placement | None
    prediction: FlowPrediction
    trust: TrustReport
    seconds: float
    seed: int

    def summary(self) -> dict[str, Any]:
        """Return coefficients, times, placement and trust as values that JSON can hold."""
        found = self.prediction.coefficients
        return {
            "C_D": found.C_D,
            "C_L": found.C_L,
            "C_D_pressure": found.C_D_pressure,
            "C_D_friction": found.C_D_friction,
            "C_D_spread": self.prediction.drag_spread,
            "frontal_area": found.reference_area,
            "triangles": len(self.given.triangles),
            "repairs": list(self.repairs),
            "placement": self.placement_facts(),
            "trust": self.trust.to_dict(),
            "seconds": self.seconds,
            "model_seconds": self.prediction.seconds,
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
        """Return ``Cp`` and ``Cf`` of the given mesh's triangles, ``Cf`` along the file's axes."""
        return {
            "Cp": self.prediction.cell_pressure,
            "Cf": self.placed.vectors_to_file(self.prediction.cell_shear),
        }

    def write(self, path: Path) -> None:
        """Write the given mesh with its fields as a ``.vtp`` file."""
        write_vtp(path, self.given, cell_fields=self.cell_fields())


def predict_shape(
    checkpoint: Checkpoint,
    mesh: SurfaceMesh,
    *,
    placement: Placement | Literal["guess", "as is"] = "guess",
    device: str = "auto",
    num_clouds: int = NUM_CLOUDS,
    seed: int = 0,
) -> Iterator[StageStarted | ShapeResult]:
    """Predict the flow around any shape, yielding each stage and the result at the end.

    Args:
        checkpoint: A model of flows.
        mesh: As read from a file.
        placement: Unit and axes of the shape; ``"guess"`` derives them from the shape, ``"as is"``
            takes coordinates as they are, in the wind-tunnel frame.
        device: ``auto``, ``cuda``, ``mps`` or ``cpu``.
        num_clouds: Clouds of points; more take longer and reduce the influence of the sampled
            points.
        seed: Of the sampled points.

    Raises:
        GeometryError: If the shape cannot be used.
        MSPTError: If the checkpoint is not one for flows, or the device does not exist here.
    """
    start = perf_counter()
    library = library_of(checkpoint)  # first: refuses another checkpoint before any work is done
    # The shares are typical ones; repair and sampling take longer on large meshes.
    yield StageStarted(stage="Repair", share=0.05)
    report = inspect_mesh(mesh)
    repaired = repair_mesh(mesh)
    yield StageStarted(stage="Place", share=0.15)
    if placement == "guess":
        placement = guess_placement(repaired.mesh)
    placed = as_is(repaired.mesh) if placement == "as is" else place_mesh(repaired.mesh, placement)
    yield StageStarted(stage="Sample points", share=0.2)
    inputs = sample_inputs(checkpoint, placed.mesh, num_clouds=num_clouds, seed=seed)
    prediction = None
    for event in predict_flow(checkpoint, in_tunnel(mesh, placed), inputs, device=device):
        if isinstance(event, CloudsDone):
            yield StageStarted(stage="Predict", share=0.35 + 0.45 * event.done / event.total)
        else:
            prediction = event
    if prediction is None:
        raise RuntimeError("prediction ended without a result")
    yield StageStarted(stage="Check", share=0.85)
    trust = trust_report(checkpoint, placed.mesh, inputs, library=library, device=device)
    yield ShapeResult(
        given=mesh,
        report=report,
        repairs=repaired.repairs,
        placed=placed,
        placement=None if placement == "as is" else placement,
        prediction=prediction,
        trust=trust,
        seconds=perf_counter() - start,
        seed=seed,
    )


def predict(
    checkpoint: Checkpoint,
    mesh: SurfaceMesh,
    *,
    placement: Placement | Literal["guess", "as is"] = "guess",
    device: str = "auto",
    seed: int = 0,
) -> ShapeResult:
    """Predict the flow around any shape and return the result.

    For progress, iterate over :func:`predict_shape`, which has the same arguments and errors.

    Args:
        checkpoint: A model of flows.
        mesh: As read from a file.
        placement: Unit and axes of the shape, ``"guess"``, or ``"as is"``.
        device: ``auto``, ``cuda``, ``mps`` or ``cpu``.
        seed: Of the sampled points.
    """
    events = predict_shape(checkpoint, mesh, placement=placement, device=device, seed=seed)
    return next(event for event in events if isinstance(event, ShapeResult))


def in_tunnel(mesh: SurfaceMesh, placed: PlacedMesh) -> SurfaceMesh:
    """Return a mesh as it was given, placed in the tunnel as its repaired copy was."""
    return SurfaceMesh(mesh.vertices @ placed.matrix.T + placed.offset, mesh.triangles)


def with_choices(mesh: SurfaceMesh, guess: Placement, **choices: Any) -> Placement:  # noqa: ANN401
    """Return a guessed placement with some of its fields replaced by a person's choices.

    Args:
        mesh: As read from a file; its length follows from the chosen axis and unit.
        guess: The guessed placement.
        choices: Fields of the placement by name.

    Raises:
        GeometryError: If a choice is not valid.
    """
    chosen = replace(guess, **choices)
    length = float(mesh.extent["xyz".index(chosen.forward[1])])
    return replace(chosen, length_m=length * METERS[chosen.unit])
