"""Cross-sections of a body along the flow: their areas and their highest points.

Shapes: T triangles, C crossings of triangles and planes, M planes, P points.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float64, Int64
from numpy import ndarray

from mspt.geometry.mesh import SurfaceMesh

NUM_SECTIONS = 256
"""Planes across the length of a body."""


@dataclass(frozen=True, eq=False)
class Sections:
    """Cross-sections of a body in planes of equal distance, half a step from nose and tail.

    Attributes:
        start: Coordinate x of the nose.
        step: Distance of the planes.
        area: Area of each section.
        top: Highest point of each section.
    """

    start: float
    step: float
    area: Float64[ndarray, " M"]
    top: Float64[ndarray, " M"]

    @property
    def planes(self) -> Float64[ndarray, " M"]:
        """Coordinate x of each plane."""
        return self.start + self.step * (np.arange(len(self.area)) + 0.5)

    @cached_property
    def volume(self) -> Float64[ndarray, " _"]:
        """Volume of the body ahead of the nose, of each step after it, and of the tail."""
        return np.concatenate([[0.0], np.cumsum(self.area) * self.step])

    def mean_area(
        self, start: Float64[ndarray, " P"], stop: Float64[ndarray, " P"]
    ) -> Float64[ndarray, " P"]:
        """Return the mean area of the sections between two places, 0 off the body.

        Args:
            start: Coordinates x.
            stop: Larger ones.
        """
        steps = self.start + self.step * np.arange(len(self.volume))
        before, after = (np.interp(place, steps, self.volume) for place in (start, stop))
        return (after - before) / (stop - start)

    def top_at(self, place: Float64[ndarray, " P"]) -> Float64[ndarray, " P"]:
        """Return the height of the roof line; off the body that of nose or tail.

        Args:
            place: Coordinates x.
        """
        return np.interp(place, self.planes, self.top)


def sections_of(mesh: SurfaceMesh, count: int = NUM_SECTIONS) -> Sections:
    """Return cross-sections of a closed surface; the area is that of the enclosed solid.

    By Green's theorem, a section's area is the sum over its border of (y dz - z dy) / 2. Each
    triangle that a plane crosses adds one piece of the border, in the order given by its outside.

    Examples:
        >>> from mspt.geometry.mesh import box
        >>> found = sections_of(box((0, -1, 0.5), (4, 1, 2)), 4)
        >>> found.area.tolist(), found.top.tolist(), found.volume[-1].item()
        ([3.0, 3.0, 3.0, 3.0], [2.0, 2.0, 2.0, 2.0], 12.0)
    """
    (start, _, _), (stop, _, _) = mesh.bounds
    step = float(stop - start) / count
    if step == 0:  # a plate across the flow
        return Sections(float(start), 1.0, np.zeros(1), mesh.bounds[1:, 2])
    places = (mesh.corners[:, :, 0] - start) / step - 0.5  # in steps from the first plane
    triangle, plane = _crossings(places, count)
    first, last = _border(mesh, triangle, places[triangle] - plane[:, None])
    turn = (last[:, 0] * first[:, 1] - first[:, 0] * last[:, 1]) / 2
    top = np.full(count, -np.inf)
    np.maximum.at(top, plane, np.maximum(first[:, 1], last[:, 1]))
    # A gap between two parts has no roof; the line goes on straight over it.
    known = np.isfinite(top)
    where = np.arange(count)
    top = np.interp(where, where[known], top[known]) if known.any() else top * 0
    area = np.maximum(np.bincount(plane, turn, count), 0.0)
    return Sections(float(start), step, area, top + mesh.bounds.mean(axis=0)[2])


def _crossings(
    places: Float64[ndarray, "T 3"], count: int
) -> tuple[Int64[ndarray, " C"], Int64[ndarray, " C"]]:
    """Return all pairs of a triangle and a plane that crosses it.

    A corner on a plane counts as ahead of it, so that each crossing has two sides.

    Args:
        places: Of the corners along the flow; plane k is at k.
        count: Number of planes.
    """
    first = np.ceil(places.min(axis=1)).clip(0, count).astype(np.int64)
    number = np.ceil(places.max(axis=1)).clip(0, count).astype(np.int64) - first
    triangle = np.repeat(np.arange(len(number)), number)
    within = np.arange(len(triangle)) - np.repeat(np.cumsum(number) - number, number)
    return triangle, first[triangle] + within


def _border(
    mesh: SurfaceMesh, triangle: Int64[ndarray, " C"], behind: Float64[ndarray, "C 3"]
) -> tuple[Float64[ndarray, "C 2"], Float64[ndarray, "C 2"]]:
    """Return both ends of the piece of border in each triangle, y and z from the middle.

    Args:
        mesh: The surface.
        triangle: Of each crossing.
        behind: Distances of its corners behind the plane.
    """
    corners = mesh.corners[triangle, :, 1:] - mesh.bounds.mean(axis=0)[1:]
    ahead = behind <= 0
    # One corner is alone on its side of the plane; both edges from it are crossed.
    alone = np.where(ahead.sum(axis=1) == 1, ahead.argmax(axis=1), (~ahead).argmax(axis=1))
    rows = np.arange(len(alone))
    peak, depth = corners[rows, alone], behind[rows, alone]
    ends = []
    for turn in (1, 2):
        other = (alone + turn) % 3
        share = depth / (depth - behind[rows, other])
        ends.append(peak + share[:, None] * (corners[rows, other] - peak))
    forward = ahead[rows, alone][:, None]
    return np.where(forward, ends[0], ends[1]), np.where(forward, ends[1], ends[0])
