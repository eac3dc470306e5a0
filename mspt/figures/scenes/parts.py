"""Layers that several scenes contain: bodies, and lines around patches.

Letters: M points, X space axes, T triangles.
"""

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from mspt.figures.viewer.scene import Lines, Outline, Surface
from mspt.geometry.mesh import SurfaceMesh

BODY_LAYER = "body"
"""Name of the layer of a body."""

Ball = tuple[Float[ndarray, " X"], float]
"""Center and radius."""


def body_layers(body: SurfaceMesh | None, *, name: str = BODY_LAYER) -> tuple[Surface, ...]:
    """Return the layer of a body; none without a body."""
    if body is None:
        return ()
    return (Surface(name=name, vertices=body.vertices, triangles=body.triangles),)


def ball_around(points: Float[ndarray, "M X"]) -> Ball | None:
    """Return the ball around the mean of some points that contains them; None without points.

    Examples:
        >>> center, radius = ball_around(np.array([[0.0, 0.0], [1.0, 0.0], [5.0, 0.0]]))
        >>> center.tolist(), radius
        ([2.0, 0.0], 3.0)
    """
    if not len(points):
        return None
    center = points.mean(axis=0)
    return center, float(np.linalg.norm(points - center, axis=1).max())


def patch_outline(
    name: str,
    points: Float[ndarray, "M X"],
    triangles: Int[ndarray, "T 3"] | None,
    groups: Int[ndarray, " M"],
    *,
    patch: int,
) -> Outline | Lines:
    """Return a line around a patch: around its points, or along the rim of its triangles.

    A triangle belongs to the patch if at least two of its corners do.

    Args:
        name: Name of the layer.
        points: The points that are drawn.
        triangles: Triangles of a filled surface; None for a cloud.
        groups: Patch of each point.
        patch: The patch.
    """
    if triangles is None or not len(triangles):
        return Outline(name=name, group=patch)
    own = triangles[(groups[triangles] == patch).sum(axis=1) >= 2]
    edges = np.sort(np.concatenate([own[:, [0, 1]], own[:, [1, 2]], own[:, [2, 0]]]), axis=1)
    edges, times = np.unique(edges, axis=0, return_counts=True)
    rim = edges[times == 1]
    ends = points[rim].astype(np.float64)
    return Lines(
        name=name,
        starts=ends[:, 0],
        stops=ends[:, 1],
        follows=np.full((len(rim), 2), patch),
    )
