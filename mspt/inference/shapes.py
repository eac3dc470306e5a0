"""From a stranger's shape to its predicted flow: repair, place, look, predict, check.

Letters: T triangles.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import Any, Literal

import numpy as np
from numpy import ndarray

from mspt.checkpoint import Checkpoint
from mspt.errors import DataError
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
from mspt.inference.sampling import NUM_CLOUDS, look_at
from mspt.inference.trust import TrustReport, library_of, trust_report

Stage = Literal["Repair", "Place", "Look", "Predict", "Check"]


@dataclass(frozen=True, kw_only=True)
class Working:
    """What is being done.

    Attributes:
        stage: One word.
        share: Estimated share of the work that is done.
    """

    stage: Stage
    share: float


@dataclass(frozen=True, kw_only=True)
class ShapeResult:
    """Everything known of one prediction.

    Attributes:
        given: The mesh as it was given.
        report: What is wrong with it.
        repairs: What was mended before the model saw it.
        placed: The mended mesh in the wind-tunnel frame, and the way there.
        placement: What that way was derived from; None where coordinates were taken as they are.
        prediction: Fields of the given mesh's triangles, the flow around it, coefficients.
        trust: What can be said of it without its truth.
        seconds: Wall time of everything.
        seed: That placed the points.
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
        """Return coefficients, times, placement and trust as plain values for JSON."""
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
        """Return unit and axes taken, and the way into the tunnel: ``matrix @ x + offset``."""
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
) -> Iterator[Working | ShapeResult]:
    """Predict the flow around any shape, yielding what is being done and the result at the end.

    Args:
        checkpoint: One for flows.
        mesh: As read from a file.
        placement: Where the shape's nose and top are; guessed, or ``"as is"`` for coordinates in
            the wind-tunnel frame.
        device: ``auto``, ``cuda``, ``mps`` or ``cpu``.
        num_clouds: Clouds of points that the model looks at; more take longer and differ less.
        seed: Places the points.

    Raises:
        GeometryError: If the shape cannot be used.
        MSPTError: If the checkpoint is not one for flows, or the device is not here.
    """
    start = perf_counter()
    library = library_of(checkpoint)
    yield Working(stage="Repair", share=0.05)
    report = inspect_mesh(mesh)
    mended = repair_mesh(mesh)
    yield Working(stage="Place", share=0.15)
    if placement == "guess":
        placement = guess_placement(mended.mesh)
    placed = as_is(mended.mesh) if placement == "as is" else place_mesh(mended.mesh, placement)
    yield Working(stage="Look", share=0.2)
    inputs = look_at(checkpoint, placed.mesh, num_clouds=num_clouds, seed=seed)
    prediction = None
    for event in predict_flow(checkpoint, in_tunnel(mesh, placed), inputs, device=device):
        if isinstance(event, CloudsDone):
            yield Working(stage="Predict", share=0.35 + 0.45 * event.done / event.total)
        else:
            prediction = event
    if prediction is None:
        raise RuntimeError("prediction ended without a result")
    yield Working(stage="Check", share=0.85)
    trust = trust_report(checkpoint, placed.mesh, inputs, library=library, device=device)
    yield ShapeResult(
        given=mesh,
        report=report,
        repairs=mended.repairs,
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
    """Predict the flow around any shape; see :func:`predict_shape`."""
    events = predict_shape(checkpoint, mesh, placement=placement, device=device, seed=seed)
    return next(event for event in events if isinstance(event, ShapeResult))


def in_tunnel(mesh: SurfaceMesh, placed: PlacedMesh) -> SurfaceMesh:
    """Return a mesh as given, triangle by triangle, where its mended one was placed."""
    return SurfaceMesh(mesh.vertices @ placed.matrix.T + placed.offset, mesh.triangles)


def with_choices(mesh: SurfaceMesh, guess: Placement, **choices: Any) -> Placement:  # noqa: ANN401
    """Return a guessed placement with some of its fields chosen by a person.

    Raises:
        GeometryError: If a choice is no placement.
    """
    chosen = replace(guess, **choices)
    length = float(mesh.extent["xyz".index(chosen.forward[1])])
    return replace(chosen, length_m=length * METERS[chosen.unit])


def passport(result: ShapeResult, *, checkpoint: Path, shape: Path) -> dict[str, Any]:
    """Return all that is needed to repeat a prediction and to know that it was the same.

    Hashes are SHA-256 of the files; ``fields`` holds the first digits of each predicted field.
    """
    placement = asdict(result.placement) if result.placement else "as is"
    return {
        "format": "mspt-passport/1",
        "checkpoint": {"path": str(checkpoint), "sha256": file_hash(checkpoint)},
        "shape": {"path": str(shape), "sha256": file_hash(shape)},
        "placement": placement,
        "seed": result.seed,
        "device": result.prediction.device,
        "versions": {name: version(name) for name in ("torch", "numpy", "libigl", "manifold3d")},
        "C_D": result.prediction.coefficients.C_D,
        "C_L": result.prediction.coefficients.C_L,
        "Cp": _thinned(result.prediction.cell_pressure),
        "Cf": _thinned(result.prediction.cell_shear.ravel()),
    }


def largest_difference(result: ShapeResult, recorded: Mapping[str, Any]) -> float:
    """Return the largest difference of C_p, C_f, C_D and C_L from what a passport records."""
    now = {
        "Cp": _thinned(result.prediction.cell_pressure),
        "Cf": _thinned(result.prediction.cell_shear.ravel()),
        "C_D": [result.prediction.coefficients.C_D],
        "C_L": [result.prediction.coefficients.C_L],
    }
    return max(
        float(np.abs(np.asarray(value) - np.atleast_1d(recorded[name])).max())
        for name, value in now.items()
    )


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal digits."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def read_passport(path: Path) -> dict[str, Any]:
    """Read a passport.

    Raises:
        DataError: If it is not one.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        known = found["format"] == "mspt-passport/1"
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"passport must be a JSON file written by predict, got {path.name}"
        ) from error
    if not known:
        raise DataError(f"passport must have the format mspt-passport/1, got {found['format']!r}")
    return found


def _thinned(values: ndarray, count: int = 2000) -> list[float]:
    """Return evenly chosen values, exact in float64."""
    rows = np.unique(np.linspace(0, len(values) - 1, min(count, len(values))).round().astype(int))
    return [float(value) for value in values[rows]]
