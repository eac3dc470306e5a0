"""Distances from points to a body along straight lines, computed by Embree, which libigl brings.

Shapes: P points.
"""

from typing import Any

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from mspt.geometry.mesh import SurfaceMesh

INSIDE = 1e-4
"""Depth below the surface, in body lengths, at which a line through the body starts: less than any
part is thick, and far more than single precision resolves."""

ASIDE = np.array([1.1e-5, 0.7e-5, 1.3e-5])
"""Offset to the neighbor of a ray."""


def ray_caster(mesh: SurfaceMesh) -> Any:  # noqa: ANN401 - libigl's EmbreeIntersector
    """Return what :func:`first_hits` casts rays against."""
    from igl.embree import EmbreeIntersector  # half a second, which other readers need not wait for

    found = EmbreeIntersector()
    found.init(mesh.vertices.astype(np.float32), mesh.triangles.astype(np.int32))
    return found


def first_hits(
    caster: Any,  # noqa: ANN401
    origins: Float64[ndarray, "P 3"],
    directions: Float64[ndarray, "P 3"],
) -> Float64[ndarray, " P"]:
    """Return the distance to the first triangle along each ray, infinite where there is none.

    Args:
        caster: From :func:`ray_caster`.
        origins: Where the rays start.
        directions: Unit vectors; a ray of direction zero meets nothing.

    Examples:
        >>> from mspt.geometry.mesh import box
        >>> starts = np.array([[-1.0, 0.6, 0.5], [-1.0, 9, 9]])
        >>> caster, along_x = ray_caster(box((0, 0, 0), (1, 1, 1))), np.array([[1.0, 0, 0]] * 2)
        >>> first_hits(caster, starts, along_x).round(6).tolist()
        [1.0, inf]
    """
    starts, ways = origins.astype(np.float32), directions.astype(np.float32)
    found = np.full(len(starts), np.inf)
    cast = caster.intersectRay_first
    for index in np.flatnonzero(ways.any(axis=1)):
        triangle, distance, _, _ = cast(starts[index], ways[index])
        if triangle >= 0:
            found[index] = distance
    return found


def free_paths(
    caster: Any,  # noqa: ANN401
    points: Float64[ndarray, "P 3"],
) -> tuple[Float64[ndarray, " P"], Float64[ndarray, " P"]]:
    """Return how far the air is free upstream and downstream of points, along x.

    A point in front of which the body lies upstream is sheltered, one without it exposed.

    Returns:
        Distances to the body along -x and along +x, infinite where it is not met.

    Examples:
        >>> from mspt.geometry.mesh import box
        >>> caster = ray_caster(box((0, 0, 0), (1, 1, 1)))
        >>> [path.round(6).tolist() for path in free_paths(caster, np.array([[-0.25, 0.4, 0.5]]))]
        [[inf], [0.25]]
    """
    stream = np.broadcast_to([1.0, 0.0, 0.0], points.shape)
    return first_hits(caster, points, -stream), first_hits(caster, points, stream)


def thickness(
    caster: Any,  # noqa: ANN401
    points: Float64[ndarray, "P 3"],
    normals: Float64[ndarray, "P 3"],
) -> Float64[ndarray, " P"]:
    """Return how thick a body is below points of its surface: the chord against the normal.

    Args:
        caster: Of the body.
        points: On its surface.
        normals: Unit vectors that point out of the body there.

    Returns:
        Lengths of the chords; infinite where an open surface has no other side.

    Examples:
        >>> from mspt.geometry.mesh import box
        >>> caster = ray_caster(box((0, 0, 0), (1, 0.25, 2)))
        >>> side = np.array([[0.4, 0.25, 1.5]]), np.array([[0.0, 1, 0]])
        >>> thickness(caster, *side).round(6).tolist()
        [0.25]
    """
    starts = points - INSIDE * normals
    found = first_hits(caster, starts, -normals)
    # A ray that meets the common edge of two triangles may miss both; its neighbor does not.
    missed = np.isinf(found)
    found[missed] = first_hits(caster, starts[missed] + ASIDE, -normals[missed])
    return INSIDE + found
