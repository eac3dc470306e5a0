"""How symmetric a shape is about planes across the coordinate axes.

Shapes: P points, M planes.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from mspt.geometry.distance import distance_to, nearest_points
from mspt.geometry.mesh import SurfaceMesh
from mspt.geometry.sampling import sample_surface

NUM_POINTS = 1000
"""Sampled points from which symmetry is measured."""

SYMMETRIC = 0.002
"""Error up to which a shape counts as symmetric. Measured: at most 0.0001 for whole cars, 0.0003
with a mirror on one side only, at least 0.006 for halves of cars about their own middle."""

MOST = 0.03
"""Largest distance that one point counts with, as a share of the shape's size: a part on one side,
such as a single mirror, must not outweigh all others."""

NUM_STEPS = 2
"""Improvements of the position of a plane."""

NUM_SECTIONS = 16
"""Sections of a shape along each axis, of whose middles the median is a candidate: half of them may
have a part on one side."""

FACING = 0.7
"""Smallest cosine between an axis and the normal of a point that tells where a plane across the
axis lies: images of others slide along the surface."""

GOOD = 2e-4
"""Error from which on a plane is not improved."""


@dataclass(frozen=True, kw_only=True)
class MirrorPlane:
    """A plane across an axis, and how symmetric a shape is about it.

    Attributes:
        axis: Index of the axis that the plane is normal to.
        place: Its coordinate along that axis.
        error: Mean distance of the shape from its mirror image, as a share of its size; no point
            counts with more than 0.03.
    """

    axis: int
    place: float
    error: float


def mirror_planes(
    mesh: SurfaceMesh, *, wanted: int | None = None
) -> tuple[MirrorPlane, MirrorPlane, MirrorPlane]:
    """Return the best plane of symmetry across each axis.

    Candidates are the middles of the bounding box and of the area, and the coordinate zero of the
    file. If none is good, the middle of most sections is another one, and the best one is moved to
    where most points have their mirror image on the surface.

    Args:
        mesh: The shape.
        wanted: The axis whose plane must be good; any one axis if None.

    Examples:
        >>> from mspt.geometry.mesh import box
        >>> [round(plane.place, 6) for plane in mirror_planes(box((0, -1, 2), (1, 1, 3)))]
        [0.5, 0.0, 2.5]
    """
    points, normals = _sample(mesh)
    size = float(mesh.extent.max())
    low, high = mesh.bounds
    middle = (low + high) / 2
    area_middle = mesh.areas @ mesh.centers / mesh.areas.sum()
    zero = np.where((low < 0) & (high > 0), 0.0, middle)
    places = np.stack([middle, area_middle, zero])  # candidates, axes
    errors = _errors(mesh, points, places)
    chosen = places[errors.argmin(axis=0), np.arange(3)]
    least = errors.min(axis=0)
    for step in range(1 + NUM_STEPS):
        if (least.min() if wanted is None else least[wanted]) < GOOD * size:
            break
        moved = _improved(mesh, points, normals, chosen) if step else _section_middles(points)
        found = _errors(mesh, points, moved[None])[0]
        chosen, least = np.where(found < least, moved, chosen), np.minimum(found, least)
    first, second, third = (
        MirrorPlane(axis=axis, place=float(chosen[axis]), error=float(least[axis]) / size)
        for axis in range(3)
    )
    return first, second, third


def mirror_error(mesh: SurfaceMesh, axis: int, place: float) -> float:
    """Return the mean distance of a shape from its mirror image in a plane, as a share of its size.

    All distances count in full, so that a part on one side is noticed.

    Args:
        mesh: The shape.
        axis: Index of the axis that the plane is normal to.
        place: Its coordinate along that axis.

    Examples:
        >>> from mspt.geometry.mesh import box
        >>> mirror_error(box((0, -0.5, 0), (1, 0.5, 0.5)), 1, 0.0) < 1e-12
        True
    """
    images = _mirrored(_sample(mesh)[0], axis, place)
    return float(distance_to(mesh, images).mean() / mesh.extent.max())


def _sample(mesh: SurfaceMesh) -> tuple[Float64[ndarray, "P 3"], Float64[ndarray, "P 3"]]:
    """Return points of the surface and their normals."""
    # A fixed seed: the same file must give the same placement.
    points, triangle = sample_surface(mesh, NUM_POINTS, np.random.default_rng(0))
    return points, mesh.normals[triangle]


def _section_middles(points: Float64[ndarray, "P 3"]) -> Float64[ndarray, " 3"]:
    """Return the median middle of the sections across both other axes, for each axis."""
    sections = [
        [points[rows] for rows in np.array_split(points[:, axis].argsort(), NUM_SECTIONS)]
        for axis in range(3)
    ]
    middles = np.array(
        [[(one.min(axis=0) + one.max(axis=0)) / 2 for one in along] for along in sections]
    )
    return np.array([np.median(np.delete(middles[:, :, axis], axis, axis=0)) for axis in range(3)])


def _errors(
    mesh: SurfaceMesh, points: Float64[ndarray, "P 3"], places: Float64[ndarray, "M 3"]
) -> Float64[ndarray, "M 3"]:
    """Return the mean distance to the mirror image for each candidate and axis."""
    images = np.stack([_mirrored(points, axis, row[axis]) for row in places for axis in range(3)])
    distance = distance_to(mesh, images.reshape(-1, 3)).reshape(len(places), 3, -1)
    return np.minimum(distance, MOST * float(mesh.extent.max())).mean(axis=2)


def _improved(
    mesh: SurfaceMesh,
    points: Float64[ndarray, "P 3"],
    normals: Float64[ndarray, "P 3"],
    places: Float64[ndarray, " 3"],
) -> Float64[ndarray, " 3"]:
    """Return planes in the middle between points and the nearest points to their images."""
    images = np.stack([_mirrored(points, axis, places[axis]) for axis in range(3)])
    nearest = nearest_points(mesh, images.reshape(-1, 3)).reshape(images.shape)
    near = np.linalg.norm(nearest - images, axis=2) < MOST * float(mesh.extent.max())
    moved = places.copy()
    for axis in range(3):
        chosen = near[axis] & (np.abs(normals[:, axis]) > FACING)
        if chosen.any():
            moved[axis] = np.median(points[chosen, axis] + nearest[axis, chosen, axis]) / 2
    return moved


def _mirrored(points: Float64[ndarray, "P 3"], axis: int, place: float) -> ndarray:
    image = points.copy()
    image[:, axis] = 2 * place - image[:, axis]
    return image
