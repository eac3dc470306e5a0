"""Shapes as people's files hold them: a body with an exact frontal area, and faults put into it.

The body is a car's profile, 4.5 m long, extruded to a width of 1.8 m; z from 0.20 to 1.42 m.
"""

from functools import cache, partial

import numpy as np
import pytest
from manifold3d import CrossSection, Manifold

from mspt.geometry.bodies import cars, generic
from mspt.geometry.bodies.families import draw_body
from mspt.geometry.implicit import SPACING, Grid
from mspt.geometry.mesh import SurfaceMesh, joined
from mspt.geometry.solids import as_solid, solid_surface

PROFILE = np.array(
    [
        (0.0, 0.3), (0.1, 0.2), (4.4, 0.2), (4.5, 0.4), (4.45, 0.95), (4.0, 1.0), (3.4, 1.4),
        (1.9, 1.42), (1.2, 0.95), (0.3, 0.8), (0.05, 0.6), (0.0, 0.5),
    ]
)  # fmt: skip
WIDTH, HEIGHT, LENGTH = 1.8, 1.22, 4.5
FRONT = WIDTH * HEIGHT
"""Frontal area of the body."""

WHEEL_RADIUS, WHEEL_WIDTH = 0.33, 0.23
CAR_FRONT = FRONT + 2 * WHEEL_WIDTH * 0.2
"""Frontal area of the body on wheels, which reach 0.2 m below it."""


def body(*, width: float = WIDTH, low: float = -WIDTH / 2) -> SurfaceMesh:
    """Return the body between two planes across y."""
    outline = CrossSection([PROFILE])
    solid = Manifold.extrude(outline, width).rotate((90, 0, 0))  # z to -y
    return solid_surface(solid.translate((0, low + width, 0)))


@cache
def coarse_body(family: str, seed: int) -> SurfaceMesh:
    """Draw a body of the data on a grid with an eighth of the nodes."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (cars, generic):
            patch.setattr(module, "Grid", partial(Grid, spacing=2 * SPACING))
        return draw_body(family, seed).mesh


def wheels() -> tuple[SurfaceMesh, ...]:
    """Return four wheels that reach into the body."""
    wheel = Manifold.cylinder(WHEEL_WIDTH, WHEEL_RADIUS, WHEEL_RADIUS, 24).rotate((90, 0, 0))
    return tuple(
        solid_surface(wheel.translate((x, y, WHEEL_RADIUS)))
        for x in (0.85, 3.6)
        for y in (-0.9 + WHEEL_WIDTH, 0.9)
    )


def car() -> SurfaceMesh:
    """Return body and wheels, overlapping as in most files."""
    return joined(body(), *wheels())


def united(mesh: SurfaceMesh, *others: SurfaceMesh) -> SurfaceMesh:
    """Return the union of closed surfaces by manifold3d."""
    whole = as_solid(mesh)
    for other in others:
        whole = whole + as_solid(other)
    return solid_surface(whole)


def without(mesh: SurfaceMesh, normal: tuple[float, float, float], *, place: float) -> SurfaceMesh:
    """Return a surface without its triangles in one plane."""
    direction = np.array(normal)
    inside = np.abs(mesh.corners @ direction - place).max(axis=1) < 1e-6
    return SurfaceMesh(mesh.vertices, mesh.triangles[~inside])


def soup(mesh: SurfaceMesh, *, noise: float = 0.0, seed: int = 0) -> SurfaceMesh:
    """Return triangles that share no vertices, each corner moved by some noise."""
    corners = mesh.corners.reshape(-1, 3)
    moved = corners + np.random.default_rng(seed).uniform(-noise, noise, corners.shape)
    return SurfaceMesh(moved, np.arange(len(moved)).reshape(-1, 3))


def panel(*corners: tuple[float, float, float]) -> SurfaceMesh:
    """Return a plane panel of four corners with both sides and no thickness."""
    front = np.array([[0, 1, 2], [0, 2, 3]])
    return SurfaceMesh(np.array(corners), np.concatenate([front, front[:, ::-1]]))
