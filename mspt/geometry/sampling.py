"""Points on the surface of a body and in the flow, where fields are sampled.

The density of the points in the flow depends on the body alone and not on a solver's mesh, so that
it is the same for training data and for new shapes, which have no mesh.

Shapes: P points.
"""

from dataclasses import replace

import numpy as np
from jaxtyping import Float64, Int64
from numpy import ndarray

from mspt.geometry.mesh import SurfaceMesh

MIN_WALL_DISTANCE, MAX_WALL_DISTANCE = 0.004, 0.35
"""Range of the distances from the wall of points near the wall, in body lengths.

Distances are log-uniform: fields vary most within the boundary layer and its surroundings.
"""

ORDER_WEIGHTS = (1.0, 0.37, 0.19)
"""Direction along which triangles are sorted: mostly from nose to tail, different on all sides."""

SHARES = {"wall": 0.45, "near": 0.25, "wake": 0.2, "far": 0.1}
"""Shares of the points near the wall, around the body, in its wake and in the far field."""

FAR_BOX = ((-1.0, 0.0, 0.0), (3.0, 1.0, 1.0))
"""Corners of the far field, within the solver's domain."""

NEAR_MARGINS = (0.3, 0.25)
"""Distance of the near box from the body along the flow, and across it."""

WAKE_OVERLAP, WAKE_LENGTH, WAKE_MARGIN = 0.05, 1.0, 0.1
"""Start of the wake box before the tail, its end behind it, and its distance across the flow."""


def in_fixed_order(mesh: SurfaceMesh) -> SurfaceMesh:
    """Return a surface whose triangles are sorted by place, each from its first corner on.

    Points sampled from it do not depend on the order in which a file holds triangles and corners.

    Examples:
        >>> from mspt.geometry.mesh import box
        >>> body = box((0, 0, 0), (1, 2, 3))
        >>> other = SurfaceMesh(body.vertices, np.roll(body.triangles, 1, axis=1)[::-1])
        >>> (in_fixed_order(body).corners == in_fixed_order(other).corners).all().item()
        True
    """
    key = mesh.corners @ np.array(ORDER_WEIGHTS)
    first = key.argmin(axis=1)
    turned = (first[:, None] + np.arange(3)) % 3
    triangles = np.take_along_axis(mesh.triangles, turned, axis=1)
    order = np.lexsort(np.sort(key, axis=1).T[::-1])
    return replace(mesh, triangles=triangles[order])


def sample_surface(
    mesh: SurfaceMesh, count: int, rng: np.random.Generator
) -> tuple[Float64[ndarray, "P 3"], Int64[ndarray, " P"]]:
    """Draw points uniformly by area from a surface; return them and the triangles they lie on.

    The sampling is stratified: each of ``count`` strata of equal area gets one point, which spreads
    points more evenly than independent draws.

    Args:
        mesh: Surface.
        count: Number of points.
        rng: Random generator.
    """
    steps = (np.arange(count) + rng.random(count)) / count
    triangle = np.searchsorted(np.cumsum(mesh.areas) / mesh.areas.sum(), steps)
    triangle = np.minimum(triangle, len(mesh.triangles) - 1)  # a sum may round to less than 1
    # Uniform barycentric coordinates: the root makes up for the narrowing toward a corner.
    root, other = np.sqrt(rng.random(count)), rng.random(count)
    weights = np.stack([1 - root, root * (1 - other), root * other], axis=1)
    return np.einsum("pv,pvx->px", weights, mesh.corners[triangle]), triangle


def sample_volume(
    mesh: SurfaceMesh, count: int, rng: np.random.Generator
) -> Float64[ndarray, "P 3"]:
    """Draw points of the flow at y >= 0: near the wall, around the body, in its wake and far away.

    Some points lie inside the body or below the ground; the caller must drop them.

    Args:
        mesh: Body of about length 1 in the wind-tunnel frame.
        count: Number of points.
        rng: Random generator.
    """
    sizes = {name: round(share * count) for name, share in SHARES.items()}
    sizes["wall"] += count - sum(sizes.values())
    (x0, _, _), (x1, y1, z1) = mesh.bounds
    along, across = NEAR_MARGINS
    boxes = {
        "near": ((x0 - along, 0, 0), (x1 + along, y1 + across, z1 + across)),
        "wake": (
            (x1 - WAKE_OVERLAP, 0, 0),
            (x1 + WAKE_LENGTH, y1 + WAKE_MARGIN, z1 + WAKE_MARGIN),
        ),
        "far": FAR_BOX,
    }
    start, triangle = sample_surface(mesh, sizes["wall"], rng)
    away = np.exp(rng.uniform(np.log(MIN_WALL_DISTANCE), np.log(MAX_WALL_DISTANCE), sizes["wall"]))
    parts = [start + away[:, None] * mesh.normals[triangle]]
    for name, (low, high) in boxes.items():
        parts.append(rng.uniform(low, high, (sizes[name], 3)))
    points = np.concatenate(parts)
    points[:, 1] = np.abs(points[:, 1])  # the flow is symmetric: only one half is sampled
    return points
