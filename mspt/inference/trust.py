"""What can be said of a predicted flow without its truth.

Each check is a number that the truth would give exactly or that stays small for shapes like those
learned from; it is judged by what it was on the validation shapes of the checkpoint.

Letters: M shapes, D numbers of a descriptor.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float64
from numpy import ndarray

from mspt.checkpoint import Checkpoint
from mspt.data.clouds import Cloud
from mspt.errors import MSPTError
from mspt.geometry.mesh import SurfaceMesh
from mspt.geometry.outline import OUTLINE_NAMES, describe_outline
from mspt.inference.flow import predict_cloud
from mspt.inference.sampling import FlowInputs
from mspt.metrics.forces import closure_error

Verdict = Literal["good", "fair", "poor"]
VERDICTS: tuple[Verdict, ...] = ("good", "fair", "poor")
CLOSED, NEARLY_CLOSED = 1e-3, 1e-2


@dataclass(frozen=True, kw_only=True)
class Check:
    """One finding about a prediction.

    Attributes:
        name: A few words.
        value: The number.
        unit: Its unit, ``%`` for shares.
        verdict: Against what is usual.
        meaning: What the number is, and what was usual.
        caveat: What it does not tell.
    """

    name: str
    value: float
    unit: str
    verdict: Verdict
    meaning: str
    caveat: str


@dataclass(frozen=True, kw_only=True)
class ShapeLibrary:
    """Outlines of the shapes that a checkpoint has learned from.

    Attributes:
        names: Of the cases.
        families: Of their bodies.
        outlines: See :func:`mspt.geometry.outline.describe_outline`.
    """

    names: tuple[str, ...]
    families: tuple[str, ...]
    outlines: Float64[ndarray, "M D"]

    def distances(self, outline: Float64[ndarray, " D"]) -> Float64[ndarray, " M"]:
        """Return root-mean-square differences of outlines, in body lengths."""
        return np.sqrt(((self.outlines - outline) ** 2).mean(axis=1))

    def usual_distance(self) -> float:
        """Return the distance to the nearest other shape that nine of ten shapes stay within."""
        apart = np.stack([self.distances(outline) for outline in self.outlines])
        np.fill_diagonal(apart, np.inf)
        return float(np.quantile(apart.min(axis=1), 0.9))


def library_of(checkpoint: Checkpoint) -> ShapeLibrary:
    """Return the shapes that a checkpoint has learned from, kept in its header.

    Raises:
        MSPTError: If its header has none.
    """
    kept = checkpoint.info.get("library")
    if not kept:
        raise MSPTError(
            "checkpoint must keep the outlines of its training shapes, got one for "
            f"{checkpoint.info.get('dataset', 'an unknown data set')!r}; choose car.safetensors"
        )
    return ShapeLibrary(
        names=tuple(kept["names"]),
        families=tuple(kept["families"]),
        outlines=np.array(kept["outlines"], dtype=np.float64),
    )


@dataclass(frozen=True, kw_only=True)
class TrustReport:
    """All checks of one prediction.

    Attributes:
        checks: The findings.
        nearest: Names, families and distances of the three nearest training shapes.
    """

    checks: tuple[Check, ...]
    nearest: tuple[tuple[str, str, float], ...]

    @property
    def verdict(self) -> Verdict:
        """The worst of the checks."""
        return VERDICTS[max(VERDICTS.index(check.verdict) for check in self.checks)]

    def to_dict(self) -> dict[str, object]:
        """Return values that JSON can hold."""
        return {
            "verdict": self.verdict,
            "checks": [asdict(check) for check in self.checks],
            "nearest": [
                {"name": name, "family": family, "distance": distance}
                for name, family, distance in self.nearest
            ],
        }


def trust_report(
    checkpoint: Checkpoint,
    mesh: SurfaceMesh,
    inputs: FlowInputs,
    *,
    library: ShapeLibrary,
    device: str = "auto",
) -> TrustReport:
    """Check a prediction of the flow around a body in the wind-tunnel frame."""
    usual = checkpoint.info.get("trust", {})
    cloud = inputs.clouds[0]
    outline = describe_outline(inputs.points)
    away = library.distances(outline)
    order = np.argsort(away)[:3]
    numbers = model_checks(checkpoint, cloud, device=device)
    return TrustReport(
        checks=(
            _closure(mesh),
            _judged("symmetry", numbers["symmetry"], usual),
            _judged("resolution", numbers["resolution"], usual),
            _distance(float(away[order[0]]), library, outline, library.outlines[order[0]]),
        ),
        nearest=tuple(
            (library.names[index], library.families[index], float(away[index])) for index in order
        ),
    )


def model_checks(
    checkpoint: Checkpoint, cloud: Cloud, *, device: str = "auto"
) -> Mapping[str, float]:
    """Return how far C_p changes when the cloud is mirrored, and when half of it is left out.

    Both are relative L2 differences over the same surface points.
    """
    count = cloud.num_surface
    here = predict_cloud(checkpoint, cloud, device=device)[:count, 0]
    other = cloud.mirrored(-torch.ones(len(cloud.points)))
    mirrored = predict_cloud(checkpoint, other, device=device)[:count, 0]
    rows = torch.cat([torch.arange(0, count, 2), torch.arange(count, len(cloud.points), 2)])
    half = cloud.picked(rows, num_surface=(count + 1) // 2)
    sparse = predict_cloud(checkpoint, half, device=device)[: half.num_surface, 0]
    return {
        "symmetry": ((mirrored - here).norm() / here.norm()).item(),
        "resolution": ((sparse - here[::2]).norm() / here[::2].norm()).item(),
    }


MEANINGS = {
    "symmetry": (
        "Mirror symmetry",
        "Difference of C_p when the whole scene is mirrored left to right; the truth has none.",
        "A model can be symmetric and wrong.",
    ),
    "resolution": (
        "Half as many points",
        "Difference of C_p at the same places when every second point is left out.",
        "It tells how firm the answer is, not how right.",
    ),
}


def _judged(key: str, value: float, usual: Mapping[str, Sequence[float]]) -> Check:
    name, meaning, caveat = MEANINGS[key]
    known = np.array(usual.get(key, []))
    verdict: Verdict = "fair"
    compared = "No validation shapes to compare with."
    if len(known):
        share = float((known < value).mean())
        verdict = _graded(value, good=float(np.quantile(known, 0.9)), fair=1.5 * float(known.max()))
        compared = f"Larger than on {share:.0%} of the {len(known)} validation shapes."
    return Check(
        name=name,
        value=100 * value,
        unit="%",
        verdict=verdict,
        meaning=f"{meaning} {compared}",
        caveat=caveat,
    )


def _graded(value: float, *, good: float, fair: float) -> Verdict:
    if value <= good:
        return "good"
    return "fair" if value <= fair else "poor"


def _closure(mesh: SurfaceMesh) -> Check:
    value = closure_error(mesh.area_vectors)
    return Check(
        name="Closed surface",
        value=100 * value,
        unit="%",
        verdict=_graded(value, good=CLOSED, fair=NEARLY_CLOSED),
        meaning="Sum of all area vectors over the sum of all areas; a closed surface has 0.",
        caveat="Two holes that face each other cancel out.",
    )


def _distance(value: float, library: ShapeLibrary, outline: ndarray, nearest: ndarray) -> Check:
    usual = library.usual_distance()
    verdict = _graded(value, good=usual, fair=2 * usual)
    part = OUTLINE_NAMES[int(np.abs(outline - nearest).argmax())]
    words = {
        "good": "as near as training shapes are to each other",
        "fair": "farther than training shapes usually are from each other",
        "poor": "far from all shapes learned from",
    }[verdict]
    return Check(
        name="Nearest known shape",
        value=100 * value,
        unit="%",
        verdict=verdict,
        meaning=(
            f"Root-mean-square difference of the outlines, in lengths: {words} "
            f"(nine of ten are within {100 * usual:.1f}%). They differ most in the {part}."
        ),
        caveat="Outlines leave out wheels, mirrors and the radii of edges.",
    )
