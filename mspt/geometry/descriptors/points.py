"""What a model may be told about a point on or around a body, beside its place and the wall.

All lengths are in body lengths, in the wind-tunnel frame: nose at x = 0, flow along x, ground at
z = 0. Each descriptor has the same value at the mirror image of a point near a mirrored body, and
none depends on how the body is divided into triangles. The groups are those of
:data:`mspt.config.DESCRIPTORS`:

- ``shelter``: how far the air is free up- and downstream of the point, along the flow. Points of
  the surface are asked a little above the wall.
- ``height``: over the ground, and below the roof line, the highest point of the body's
  cross-section at the point's x.
- ``curvature``: mean curvature of the nearest wall at three scales, times the scale.
- ``thickness`` of the body below the nearest point of the wall.
- ``section``: mean area of the body's cross-sections within a tenth of its length ahead of the
  point and behind it, over the largest cross-section.

Distance and direction of the wall are features of every model of flows and no part of this.

Shapes: P points, D descriptors.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from mspt.config import Descriptor
from mspt.errors import GeometryError
from mspt.geometry.descriptors.body import LIFT, LOW, NEAR, REACH, BodyShape
from mspt.geometry.descriptors.curvature import mean_curvature
from mspt.geometry.descriptors.rays import free_paths, thickness
from mspt.geometry.distance import nearest_points

OFF = 0.005
"""Largest median distance of a body's surface points from the body: half a cell of the solver."""


@dataclass(frozen=True, eq=False)
class _Places:
    """Points with the nearest points of the wall and the directions away from it."""

    points: Float64[ndarray, "P 3"]
    on_wall: Float64[ndarray, "P 3"]
    away: Float64[ndarray, "P 3"]
    num_surface: int


def describe_points(
    body: BodyShape,
    points: Float64[ndarray, "P 3"],
    normals: Float64[ndarray, "S 3"],
    groups: Sequence[Descriptor],
) -> Float64[ndarray, "P D"]:
    """Return the descriptors of points, each without a unit and bounded or nearly so.

    Args:
        body: The body.
        points: Those on the surface first.
        normals: Unit normals of the points on the surface.
        groups: Which descriptors, in this order.

    Raises:
        GeometryError: If the points of the surface lie elsewhere than the body's surface.

    Examples:
        >>> from mspt.geometry.mesh import box
        >>> body = BodyShape(box((0, -0.2, 0.1), (1, 0.2, 0.5)))
        >>> roof, behind = [0.5, 0.01, 0.5], [1.1, 0.01, 0.3]
        >>> up = np.array([[0.0, 0, 1]])
        >>> found = describe_points(body, np.array([roof, behind]), up, ["thickness", "shelter"])
        >>> found.round(3).tolist()
        [[0.8, 1.0, 1.0], [0.909, 0.5, 1.0]]
    """
    on_wall = nearest_points(body.mesh, points)
    off = np.linalg.norm(on_wall - points, axis=1)[: len(normals)]
    if len(off) and (median := float(np.median(off))) > OFF:
        raise GeometryError(
            f"points of the surface must lie within {OFF} lengths of the body, got a median "
            f"distance of {median:.2g}; take the body that the points were made for, with its seed"
        )
    offset = points[len(normals) :] - on_wall[len(normals) :]
    distance = np.linalg.norm(offset, axis=1, keepdims=True)
    away = np.concatenate([normals, offset / np.maximum(distance, 1e-12)])
    places = _Places(points, on_wall, away, len(normals))
    columns = [column for group in groups for column in _GROUPS[group](body, places)]
    return np.stack(columns, axis=1) if columns else np.zeros((len(points), 0))


def _shelter(body: BodyShape, at: _Places) -> tuple[ndarray, ...]:
    lifted = at.points.copy()
    lifted[: at.num_surface] = (at.on_wall + LIFT * at.away)[: at.num_surface]
    return tuple(_bounded(path) for path in free_paths(body.caster, lifted))


def _height(body: BodyShape, at: _Places) -> tuple[ndarray, ...]:
    x, _, z = at.points.T
    return np.log1p(np.maximum(z, 0) / LOW), body.sections.top_at(x) - z


def _curvature(body: BodyShape, at: _Places) -> tuple[ndarray, ...]:
    return tuple(
        pieces.radius * mean_curvature(pieces, at.on_wall, at.away) for pieces in body.pieces
    )


def _thickness(body: BodyShape, at: _Places) -> tuple[ndarray, ...]:
    return (_bounded(thickness(body.caster, at.on_wall, at.away)),)


def _section(body: BodyShape, at: _Places) -> tuple[ndarray, ...]:
    x, found = at.points[:, 0], body.sections
    largest = max(float(found.area.max()), 1e-12)
    return found.mean_area(x - REACH, x) / largest, found.mean_area(x, x + REACH) / largest


_GROUPS: Mapping[Descriptor, Callable[[BodyShape, _Places], tuple[ndarray, ...]]] = {
    "shelter": _shelter,
    "height": _height,
    "curvature": _curvature,
    "thickness": _thickness,
    "section": _section,
}


def _bounded(length: Float64[ndarray, " P"]) -> Float64[ndarray, " P"]:
    """Return lengths on the scale d / (d + d_0), on which an infinite one is 1."""
    return 1 / (1 + NEAR / np.maximum(length, 1e-12))
