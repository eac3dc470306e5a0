"""Layers that several scenes contain: bodies, and lines around patches.

Letters: M points, X space axes, T triangles, S segments.
"""

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray

from mspt.data.registry import get_dataset
from mspt.figures.charts.raster import joined
from mspt.figures.viewer.scene import Lines, Outline, Surface
from mspt.geometry.mesh import SurfaceMesh
from mspt.inference.sample import Sample

BODY_LAYER = "body"
"""Name of the layer of a body."""

Ball = tuple[Float[ndarray, " X"], float]
"""Center and radius."""


def body_layers(body: SurfaceMesh | None, *, name: str = BODY_LAYER) -> tuple[Surface, ...]:
    """Return the layer of a body; none without a body."""
    if body is None:
        return ()
    return (Surface(name=name, vertices=body.vertices, triangles=body.triangles),)


def close_view(sample: Sample) -> Float[ndarray, "2 3"] | None:
    """Return the box that a case of a large domain is shown in at first; None for all points."""
    focus = None if sample.dataset is None else get_dataset(sample.dataset).focus
    if focus is None:
        return None
    box = np.zeros((2, 3))
    box[:, : len(focus[0])] = focus
    return box


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
    """Return a line around a patch: around its points, or across triangles with other corners.

    Args:
        name: Name of the layer.
        points: The points that are drawn.
        triangles: Triangles of a filled surface; None for a cloud.
        groups: Patch of each point.
        patch: The patch.
    """
    if triangles is None or not len(triangles):
        return Outline(name=name, group=patch)
    ends = _rim(triangles, groups == patch, place=joined(points))
    starts, stops = (points[end].astype(np.float64).mean(axis=1) for end in ends)
    follows = np.full((len(starts), 2), patch)
    return Lines(name=name, starts=starts, stops=stops, follows=follows, color="ink")


def _rim(
    triangles: Int[ndarray, "T 3"], inside: Bool[ndarray, " M"], *, place: Int[ndarray, " M"]
) -> tuple[Int[ndarray, "S 2"], Int[ndarray, "S 2"]]:
    """Return the segments between points inside and outside, and along the border of the domain.

    Each end is the middle of two points, which are the same for an end at a point. ``place`` is the
    first point at the place of each: where a grid meets itself, a patch goes on if both sides are
    its own.
    """
    # A triangle with one corner on its own side is crossed between its two edges at that corner.
    alone = inside[triangles] != (inside[triangles].sum(axis=1, keepdims=True) >= 2)
    crossed = triangles[alone.any(axis=1)]
    corner = alone[alone.any(axis=1)].argmax(axis=1)
    one, two, three = (crossed[np.arange(len(crossed)), (corner + step) % 3] for step in range(3))
    starts, stops = [np.stack([one, two], axis=1)], [np.stack([one, three], axis=1)]
    edges = np.sort(
        np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    )
    edges = np.take_along_axis(edges, place[edges].argsort(axis=1), axis=1)
    keys = np.column_stack([place[edges], inside[edges]])
    _, where, times = np.unique(keys, axis=0, return_index=True, return_counts=True)
    border = edges[where[times == 1]]
    for first, second in ((0, 1), (1, 0)):  # each half of an edge that starts inside
        own = border[inside[border[:, first]]]
        starts.append(own[:, [first, first]])
        stops.append(own[:, [first, second]])
    return np.concatenate(starts), np.concatenate(stops)
