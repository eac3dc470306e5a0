"""The form of a body as a few numbers that know edges, wheels, curvature, walls and gaps.

The outline (:mod:`mspt.geometry.outline`) is the same for a car and for its open shell. These
numbers are not: they are sizes of the whole body, and how the geometric descriptors of
:mod:`mspt.geometry.descriptors.points` are distributed over its surface.

Shapes: S surface points, F numbers of a form.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from mspt.config import DESCRIPTORS
from mspt.geometry.descriptors.body import BodyShape
from mspt.geometry.descriptors.points import describe_points

SHARES = (0.1, 0.5, 0.9)
"""Shares of the surface below the quantiles of each descriptor."""

MOST_POINTS = 1024
"""Surface points of a form: the quantiles of twice as many differ by less than those of two
drawings of points."""

SIZES = ("width", "height", "clearance", "filled")
"""Sizes of the body in body lengths, and the share of its bounding box that it fills."""

FORM_NAMES: tuple[str, ...] = (
    *SIZES,
    *(f"{name} {share:g}" for names in DESCRIPTORS.values() for name in names for share in SHARES),
)
"""Names of the numbers of :func:`describe_form`, in their order."""


def describe_form(
    body: BodyShape, points: Float64[ndarray, "S 3"], normals: Float64[ndarray, "S 3"]
) -> Float64[ndarray, " F"]:
    """Return the sizes of a body, and quantiles of the descriptors over its surface.

    Args:
        body: The body in the wind-tunnel frame.
        points: On its surface, in proportion to the area; evenly chosen ones of many.
        normals: Unit normals there.

    Raises:
        GeometryError: If the points do not lie on the body.

    Examples:
        >>> from mspt.geometry.mesh import box
        >>> cube = BodyShape(box((0, -0.5, 0.1), (1, 0.5, 1.1)))
        >>> roof = np.array([[0.3, 0.1, 1.1], [0.6, 0.2, 1.1]])
        >>> found = describe_form(cube, roof, np.array([[0.0, 0, 1], [0, 0, 1]]))
        >>> dict(zip(FORM_NAMES, found.round(3).tolist()))["clearance"], len(found)
        (0.1, 34)
    """
    mesh = body.mesh
    _, width, height = mesh.extent
    sizes = (width, height, mesh.bounds[0, 2], mesh.volume / max(mesh.extent.prod(), 1e-12))
    rows = np.unique(np.linspace(0, len(points) - 1, MOST_POINTS).round().astype(int))
    found = describe_points(body, points[rows], normals[rows], tuple(DESCRIPTORS))
    return np.concatenate([sizes, np.quantile(found, SHARES, axis=0).T.ravel()])


_SIZE_WORDS = {
    "width": ("narrow, as a motorcycle is", "wide"),
    "height": ("flat", "tall"),
    "clearance": ("close to the ground", "high above the ground, as a flying body is"),
    "filled": ("hollow or full of gaps, as an open shell is", "like a full box"),
}
_SURFACE_WORDS = {
    "free_upstream": ("more sheltered by parts ahead of it", "freer of parts ahead of it"),
    "free_downstream": ("closer ahead of other parts", "freer of parts behind it"),
    "ground_height": ("closer to the ground", "higher above the ground, as of a flying body"),
    "below_roof": ("nearer the roof line", "farther below the roof line, as between tall parts"),
    "curvature_small": ("more hollow or creased", "sharper or more finely divided"),
    "curvature_middle": ("more hollow, as inside an open shell", "sharper, as on thin parts"),
    "curvature_large": ("more hollow, as inside an open shell", "rounder, as of a slender body"),
    "thickness": ("on thinner walls, as of an open shell or a wing", "on thicker parts"),
    "area_ahead": ("behind more slender parts", "behind bulkier parts"),
    "area_behind": ("ahead of more slender parts", "ahead of bulkier parts"),
}


@dataclass(frozen=True, kw_only=True)
class Unusual:
    """A number of a form that lies outside the range of the known bodies.

    Attributes:
        name: One of :data:`FORM_NAMES`.
        excess: How far outside, in spreads of the known bodies.
        words: What stands out, such as "10% of its surface is more hollow or creased".
    """

    name: str
    excess: float
    words: str


def unusual_parts(
    form: Float64[ndarray, " F"], known: Float64[ndarray, "M F"], *, most: int = 3
) -> Sequence[Unusual]:
    """Return what of a form lies outside the range of known ones, the most extreme first.

    Of each descriptor only the most extreme quantile is named.

    Args:
        form: Of a body.
        known: Of the known bodies.
        most: How many to return at most.

    Examples:
        >>> known = np.random.default_rng(0).normal(size=(50, len(FORM_NAMES)))
        >>> form = known[0].copy()
        >>> form[FORM_NAMES.index("width")] = -9.0
        >>> [one.words for one in unusual_parts(form, known)]
        ['it is narrow, as a motorcycle is']
    """
    spread = spreads(known)
    below, above = (known.min(axis=0) - form) / spread, (form - known.max(axis=0)) / spread
    excess, found = np.maximum(below, above), []
    for index in np.argsort(-excess):
        name, extreme = FORM_NAMES[index], float(excess[index])
        words = _words(name, is_large=bool(above[index] > 0))
        said = {one.name.split(" ")[0] for one in found} | {one.words for one in found}
        if extreme > 0 and said.isdisjoint((name.split(" ")[0], words)):
            found.append(Unusual(name=name, excess=extreme, words=words))
    return tuple(found[:most])


def spreads(known: Float64[ndarray, "M F"]) -> Float64[ndarray, " F"]:
    """Return a robust spread of each number of known forms, and no less than 0.01."""
    low, high = np.quantile(known, (0.1, 0.9), axis=0)
    return np.maximum((high - low) / 2.56, 0.01)  # 2.56 deviations of a normal distribution


def _words(name: str, *, is_large: bool) -> str:
    if name in _SIZE_WORDS:
        return f"it is {_SIZE_WORDS[name][is_large]}"
    quantity, share = name.split(" ")
    # The quantile below which a share lies is small: that share, or more, is as small.
    part = 1 - float(share) if is_large else float(share)
    return f"{part:.0%} of its surface is {_SURFACE_WORDS[quantity][is_large]}"
