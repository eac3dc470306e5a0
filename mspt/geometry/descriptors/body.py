"""A body with what the descriptors of points are computed from, and the lengths they depend on.

All are in body lengths. Compiled code is loaded when it is first used, so that reading a stored
flow takes no longer.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from mspt.geometry.descriptors.rays import ray_caster
from mspt.geometry.descriptors.sections import Sections, sections_of
from mspt.geometry.mesh import SurfaceMesh

SCALES = (0.03, 0.08, 0.2)
"""Radii of the neighborhoods of the curvature: of edges, of fenders and of the whole body."""

LIFT = 0.005
"""Height above the wall from which a point of the surface looks along the flow: above the noise of
a scanned or wrapped surface, within the first cell of the solver."""

NEAR = 0.1
"""Length d_0 of the scale d / (d + d_0) for lengths without an upper limit."""

LOW = 0.05
"""Height over the ground below which the descriptor grows linearly, above which like a
logarithm: the ground matters to what is close to it."""

REACH = 0.1
"""Length ahead of a point and behind it over which cross-sections are averaged."""


@dataclass(frozen=True, eq=False)
class BodyShape:
    """A body with what its descriptors are computed from, each prepared when first used.

    Attributes:
        mesh: Closed surface of the body in the wind-tunnel frame.
    """

    mesh: SurfaceMesh

    @cached_property
    def caster(self) -> Any:  # noqa: ANN401 - libigl's EmbreeIntersector
        """What rays are cast against."""
        return ray_caster(self.mesh)

    @cached_property
    def sections(self) -> Sections:
        """Cross-sections along the flow."""
        return sections_of(self.mesh)

    @cached_property
    def pieces(self) -> tuple[Any, ...]:
        """The surface in :class:`Pieces`, for each scale of the curvature."""
        from mspt.geometry.descriptors.curvature import pieces_of

        return pieces_of(self.mesh, SCALES)
