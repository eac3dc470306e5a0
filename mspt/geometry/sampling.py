"""Where the fields around a body are looked at: points on its surface and in the flow.

The density of the points in the flow depends on the body alone, not on a solver's mesh: it is the
same for the data that a model learns from and for a shape that it has never seen.

Shapes: P points.
"""

import numpy as np
from jaxtyping import Float64, Int64
from numpy import ndarray

from mspt.geometry.mesh import SurfaceMesh

NEAREST, FARTHEST = 0.004, 0.35
SHARES = {"wall": 0.45, "near": 0.25, "wake": 0.2, "far": 0.1}
FAR_BOX = ((-1.0, 0.0, 0.0), (3.0, 1.0, 1.0))


def sample_surface(
    mesh: SurfaceMesh, count: int, rng: np.random.Generator
) -> tuple[Float64[ndarray, "P 3"], Int64[ndarray, " P"]]:
    """Draw points spread evenly over the area of a surface, and the triangles they lie on.

    Strata of equal area hold one point each, so that the spread is more even than by chance.
    """
    steps = (np.arange(count) + rng.random(count)) / count
    triangle = np.searchsorted(np.cumsum(mesh.areas) / mesh.areas.sum(), steps)
    triangle = np.minimum(triangle, len(mesh.triangles) - 1)
    root, other = np.sqrt(rng.random(count)), rng.random(count)
    weights = np.stack([1 - root, root * (1 - other), root * other], axis=1)
    return np.einsum("pv,pvx->px", weights, mesh.corners[triangle]), triangle


def sample_volume(
    mesh: SurfaceMesh, count: int, rng: np.random.Generator
) -> Float64[ndarray, "P 3"]:
    """Draw points of the flow at y >= 0: along the wall, near the body, in its wake and far away.

    Points inside the body or below the ground are among them; they are for the caller to drop.
    """
    sizes = {name: round(share * count) for name, share in SHARES.items()}
    sizes["wall"] += count - sum(sizes.values())
    (x0, _, _), (x1, y1, z1) = mesh.bounds
    boxes = {
        "near": ((x0 - 0.3, 0, 0), (x1 + 0.3, y1 + 0.25, z1 + 0.25)),
        "wake": ((x1 - 0.05, 0, 0), (x1 + 1.0, y1 + 0.1, z1 + 0.1)),
        "far": FAR_BOX,
    }
    start, triangle = sample_surface(mesh, sizes["wall"], rng)
    away = np.exp(rng.uniform(np.log(NEAREST), np.log(FARTHEST), sizes["wall"]))
    parts = [start + away[:, None] * mesh.normals[triangle]]
    for name, (low, high) in boxes.items():
        parts.append(rng.uniform(low, high, (sizes[name], 3)))
    points = np.concatenate(parts)
    points[:, 1] = np.abs(points[:, 1])
    return points
