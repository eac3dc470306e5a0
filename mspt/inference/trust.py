"""Checks of a predicted flow that need no truth.

Each check is a number that is zero for the true flow, or small for shapes similar to the training
shapes. It is graded against its values on the validation shapes of the checkpoint.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np
from numpy import ndarray

from mspt.checkpoint import Checkpoint
from mspt.geometry.mesh import SurfaceMesh
from mspt.geometry.outline import OUTLINE_NAMES, describe_outline
from mspt.geometry.preparation import CLEAR, FINE_STEP, PreparedShape
from mspt.inference.calibration import ExpectedError
from mspt.inference.library import USUAL_SHARE, ShapeLibrary, library_of
from mspt.inference.repeated import model_checks
from mspt.inference.sampling import FlowInputs
from mspt.metrics.forces import closure_error

__all__ = ["Check", "ShapeLibrary", "TrustReport", "library_of", "trust_report"]

Verdict = Literal["good", "fair", "poor"]
VERDICTS: tuple[Verdict, ...] = ("good", "fair", "poor")
CLOSED, NEARLY_CLOSED = 1e-3, 1e-2
"""Closure errors up to which a surface is graded good and fair: those of one flat hole of 0.1 % and
of 1 % of the surface."""


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
class TrustReport:
    """All checks of one prediction.

    Attributes:
        checks: The checks.
        nearest: Names, families and distances of the three nearest training shapes.
        expected: The expected error; None for a checkpoint that is not calibrated.
    """

    checks: tuple[Check, ...]
    nearest: tuple[tuple[str, str, float], ...]
    expected: ExpectedError | None = None

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
            "expected": None if self.expected is None else self.expected.to_dict(),
        }


def trust_report(  # noqa: PLR0913 - a report has many independent sources
    checkpoint: Checkpoint,
    mesh: SurfaceMesh,
    inputs: FlowInputs,
    *,
    shape: PreparedShape,
    library: ShapeLibrary,
    numbers: Mapping[str, float] | None = None,
    expected: ExpectedError | None = None,
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
        expected: The expected error, where the checkpoint is calibrated.
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
            *_kinds(expected),
        ),
        nearest=tuple(
            (library.names[index], library.families[index], float(away[index])) for index in order
        ),
        expected=expected,
    )


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


LIMIT_WORDS = {
    "outline": "in outline",
    "form": "in edges, wheels, walls and gaps",
    "latent": "in what the model itself makes of it",
    "pressure": "in how much two models disagree about it",
}


def _kinds(expected: ExpectedError | None) -> tuple[Check, ...]:
    """Check whether a shape is of a kind that the expected error was calibrated on."""
    if expected is None:
        return ()
    shares = {name: expected.signals[name] / limit for name, limit in expected.limits.items()}
    farthest = max(shares, key=lambda name: shares[name])
    usual = max(expected.distances.values()) <= 1
    verdict: Verdict = "poor" if expected.is_outside else "good" if usual else "fair"
    return (
        Check(
            name="Kind of shape",
            value=100 * shares[farthest],
            unit="%",
            verdict=verdict,
            meaning=(
                "Distance from known shapes over the largest of any shape whose error is known; "
                f"farthest {LIMIT_WORDS[farthest]}. Above 100% nothing is known of the error."
            ),
            caveat="Shapes of a known kind can be predicted badly.",
        ),
    )
