"""Checks of a predicted flow that need no truth.

Each check is a number that is zero for the true flow, or small for shapes similar to the training
shapes. It is graded against its values on the validation shapes of the checkpoint.

Letters: M shapes, D numbers of a descriptor, N surface points, H every second one of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, Float64
from numpy import ndarray
from torch import Tensor

from mspt.checkpoint import Checkpoint
from mspt.data.clouds import Cloud
from mspt.errors import MSPTError
from mspt.geometry.mesh import SurfaceMesh
from mspt.geometry.outline import OUTLINE_NAMES, describe_outline
from mspt.geometry.preparation import CLEAR, FINE_STEP, PreparedShape
from mspt.inference.flow import predict_cloud
from mspt.inference.sampling import FlowInputs
from mspt.metrics.forces import closure_error

Verdict = Literal["good", "fair", "poor"]
VERDICTS: tuple[Verdict, ...] = ("good", "fair", "poor")
CLOSED, NEARLY_CLOSED = 1e-3, 1e-2
"""Closure errors up to which a surface is graded good and fair: those of one flat hole of 0.1 % and
of 1 % of the surface."""

USUAL_SHARE = 0.9
"""Share of known shapes within whose range a number is graded good."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """The result of one check.

    Attributes:
        name: A few words.
        value: The number.
        unit: Its unit, ``%`` for shares.
        verdict: Its grade.
        meaning: What the number is, and how it compares with known shapes.
        caveat: What cannot be concluded from it.
    """

    name: str
    value: float
    unit: str
    verdict: Verdict
    meaning: str
    caveat: str


@dataclass(frozen=True, kw_only=True)
class ShapeLibrary:
    """Outlines of the training shapes of a checkpoint.

    Attributes:
        names: Names of the cases.
        families: Family of each body.
        outlines: See :func:`mspt.geometry.outline.describe_outline`.
    """

    names: tuple[str, ...]
    families: tuple[str, ...]
    outlines: Float64[ndarray, "M D"]

    def distances(self, outline: Float64[ndarray, " D"]) -> Float64[ndarray, " M"]:
        """Return root-mean-square differences of outlines, in body lengths."""
        return np.sqrt(((self.outlines - outline) ** 2).mean(axis=1))

    def usual_distance(self) -> float:
        """Return the distance within which nine of ten shapes have their nearest other shape."""
        apart = np.stack([self.distances(outline) for outline in self.outlines])
        np.fill_diagonal(apart, np.inf)  # a shape is no neighbor of itself
        return float(np.quantile(apart.min(axis=1), USUAL_SHARE))


def library_of(checkpoint: Checkpoint) -> ShapeLibrary:
    """Return the outlines of the training shapes, which are stored in a checkpoint's header.

    Raises:
        MSPTError: If the header has none.
    """
    stored = checkpoint.info.get("library")
    if not stored:
        raise MSPTError(
            "checkpoint must hold the outlines of its training shapes, got one for "
            f"{checkpoint.info.get('dataset', 'an unknown data set')!r}; choose car.safetensors"
        )
    return ShapeLibrary(
        names=tuple(stored["names"]),
        families=tuple(stored["families"]),
        outlines=np.array(stored["outlines"], dtype=np.float64),
    )


@dataclass(frozen=True, kw_only=True)
class TrustReport:
    """All checks of one prediction.

    Attributes:
        checks: The checks.
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
    shape: PreparedShape,
    library: ShapeLibrary,
    numbers: Mapping[str, float] | None = None,
    device: str = "auto",
) -> TrustReport:
    """Check a prediction of the flow around a body.

    Args:
        checkpoint: The model.
        mesh: The body in the wind-tunnel frame.
        inputs: The points of the prediction.
        shape: How the body follows from its file.
        library: Outlines of the training shapes.
        numbers: What :func:`model_checks` returns, where it is known; the first cloud is predicted
            three more times where it is not.
        device: ``auto``, ``cuda``, ``mps`` or ``cpu``.
    """
    usual = checkpoint.info.get("trust", {})
    cloud = inputs.clouds[0]
    outline = describe_outline(inputs.points)
    away = library.distances(outline)
    order = np.argsort(away)[:3]
    if numbers is None:
        numbers = model_checks(checkpoint, cloud, device=device)
    return TrustReport(
        checks=(
            *shape_checks(shape),
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
    """Return by how much C_p changes when the cloud is mirrored, and when half of it is left out.

    Both are relative L2 differences over the same surface points.
    """
    count = cloud.num_surface
    predicted = predict_cloud(checkpoint, cloud, device=device)[:count, 0]
    other = cloud.mirrored(-torch.ones(len(cloud.points)))
    mirrored = predict_cloud(checkpoint, other, device=device)[:count, 0]
    sparse = predict_cloud(checkpoint, half_cloud(cloud), device=device)[: (count + 1) // 2, 0]
    return compared_passes(predicted, mirrored, sparse)


def compared_passes(
    predicted: Float[Tensor, " N"], mirrored: Float[Tensor, " N"], sparse: Float[Tensor, " H"]
) -> Mapping[str, float]:
    """Return the numbers of :func:`model_checks` from C_p at the surface points of three passes.

    Args:
        predicted: The cloud as it is.
        mirrored: The mirrored cloud.
        sparse: Every second point.

    Examples:
        >>> once = torch.tensor([3.0, 0.0, 4.0])
        >>> compared_passes(once, once * 2, once[::2] * 1.5)
        {'symmetry': 1.0, 'resolution': 0.5}
    """
    return {
        "symmetry": ((mirrored - predicted).norm() / predicted.norm()).item(),
        "resolution": ((sparse - predicted[::2]).norm() / predicted[::2].norm()).item(),
    }


def half_cloud(cloud: Cloud) -> Cloud:
    """Return every second point of a cloud, on the surface and in the flow."""
    count = cloud.num_surface
    rows = torch.cat([torch.arange(0, count, 2), torch.arange(count, len(cloud.points), 2)])
    return cloud.picked(rows, num_surface=(count + 1) // 2)


MEANINGS = {
    "symmetry": (
        "Change when mirrored",
        "Difference of C_p when the whole scene is mirrored left to right; zero for the true flow.",
        "A model can be symmetric and wrong.",
    ),
    "resolution": (
        "Change with half the points",
        "Difference of C_p at the same places when every second point is left out.",
        "A prediction can be independent of the number of points and wrong.",
    ),
}


def _judged(key: str, value: float, usual: Mapping[str, Sequence[float]]) -> Check:
    name, meaning, caveat = MEANINGS[key]
    known = np.array(usual.get(key, []))
    verdict: Verdict = "fair"
    compared = "No validation shapes to compare with."
    if len(known):
        share = float((known < value).mean())
        # "Fair" reaches half as far again as the largest value on any validation shape.
        good = float(np.quantile(known, USUAL_SHARE))
        verdict = _graded(value, good=good, fair=1.5 * float(known.max()))
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


def shape_checks(shape: PreparedShape) -> tuple[Check, ...]:
    """Check whether the body is what its file means.

    The first check is always made; the others only where there is a doubt.
    """
    doubt = shape.outer.doubt
    checks = [
        Check(
            name="Unclear inside or outside",
            value=100 * doubt,
            unit="%",
            verdict=_graded(doubt, good=CLEAR / 2, fair=CLEAR),
            meaning="Share of the surface without air on one side and the body on the other.",
            caveat="Parts without thickness count as clear if the file holds both sides.",
        )
    ]
    if shape.step:
        share = shape.step / float(shape.body.extent.max())
        checks.append(
            Check(
                name="Digits of the file",
                value=100 * share,
                unit="%",
                verdict=_graded(share, good=FINE_STEP, fair=10 * FINE_STEP),
                meaning="Step between neighboring coordinates over the length of the body.",
                caveat="Details below the step are lost.",
            )
        )
    if not shape.is_certain:
        checks.append(
            Check(
                name="Other ways to read the file",
                value=1.0,
                unit="",
                verdict="poor",
                meaning="The file may hold half a body, or a wind tunnel around the body.",
                caveat="Choose how to read it if you know.",
            )
        )
    return tuple(checks)


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
    # "Fair" reaches twice as far as training shapes usually are from each other.
    verdict = _graded(value, good=usual, fair=2 * usual)
    part = OUTLINE_NAMES[int(np.abs(outline - nearest).argmax())]
    words = {
        "good": "as near as training shapes are to each other",
        "fair": "farther than training shapes usually are from each other",
        "poor": "far from all training shapes",
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
