"""Layers that several scenes contain: bodies, and balls around points.

Letters: M points, X space axes.
"""

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mspt.figures.viewer.scene import Spheres, Surface
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


def wire_ball(name: str, ball: Ball, *, patch: int) -> Spheres:
    """Return a wire ball that moves with a patch in the exploded view.

    Args:
        name: Name of the layer.
        ball: Center and radius.
        patch: Patch with which the ball moves.
    """
    center, radius = ball
    return Spheres(
        name=name,
        centers=center[None],
        radii=np.array([radius]),
        style="wire",
        follows=np.array([patch]),
    )
