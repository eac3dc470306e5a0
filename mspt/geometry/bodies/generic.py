"""Generic bodies, which make a model learn the flow around any body and not only around cars.

Bodies have length 1, their nose at x = 0, are on or above the ground z = 0 and symmetric about
y = 0.

Shapes: A B C nodes of a grid.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from mspt.geometry.implicit import Grid, extract_surface, rounded_intersection, smooth_union
from mspt.geometry.mesh import SurfaceMesh

BluffKind = Literal["ellipsoid", "box", "cylinder", "blob", "wing"]
AXES = ("x", "y", "z")


@dataclass(frozen=True, kw_only=True)
class Bluff:
    """Parameters of a generic body, in body lengths.

    Attributes:
        kind: ``ellipsoid`` (a superellipsoid), ``box`` (rounded), ``cylinder``, ``blob`` (a smooth
            union of balls) or ``wing`` (a thick tapered wing on a fuselage).
        width: Width of the body.
        height: Height of the body, without its clearance.
        clearance: Distance between the body and the ground.
        exponent: Exponent of a superellipsoid: 2 is an ellipsoid, larger values are boxier.
        fillet: Radius of the edges of a box.
        axis: Axis of a cylinder: 0, 1, 2 for x, y, z.
        balls: Balls of a blob from nose to tail: |y|, z and size of each, as shares of the box.
    """

    kind: BluffKind
    width: float
    height: float
    clearance: float
    exponent: float = 2.0
    fillet: float = 0.03
    axis: int = 0
    balls: tuple[tuple[float, float, float], ...] = ()


def draw_bluff(kind: BluffKind, rng: np.random.Generator) -> Bluff:
    """Draw random parameters of a generic body of a kind."""
    # Every kind draws all parameters, used or not: the order of these lines decides which body
    # belongs to a seed.
    if kind == "wing":
        width, height = rng.uniform(0.6, 0.85), rng.uniform(0.12, 0.2)
    else:
        width, height = rng.uniform(0.25, 0.5), rng.uniform(0.2, 0.42)
    # |y|, z and size of three to six balls: near the middle plane and of similar sizes.
    balls = tuple(
        (rng.uniform(0.0, 0.4), rng.uniform(0.4, 0.6), rng.uniform(0.6, 1.0))
        for _ in range(rng.integers(3, 7))
    )
    return Bluff(
        kind=kind,
        width=width,
        height=height,
        clearance=rng.uniform(0.03, 0.3),
        exponent=rng.uniform(1.6, 4.0),
        fillet=rng.uniform(0.01, 0.08),
        axis=int(rng.integers(3)),
        balls=balls if kind == "blob" else (),
    )


def bluff_mesh(bluff: Bluff) -> SurfaceMesh:
    """Return the closed surface of a generic body."""
    margin, half = 0.03, bluff.width / 2  # the margin lets the surface close within the grid
    low, high = bluff.clearance, bluff.clearance + bluff.height
    grid = Grid(
        low=(-margin, -half - margin, low - margin), high=(1 + margin, half + margin, high + margin)
    )
    x, y, z = grid.axes
    # Coordinates from -1 to 1 over the bounding box of the body.
    u = ((x - 0.5) / 0.5)[:, None, None]
    v = (y / half)[None, :, None]
    w = ((z - (low + high) / 2) / (bluff.height / 2))[None, None, :]
    shape = {
        "ellipsoid": _ellipsoid,
        "box": _box,
        "cylinder": _cylinder,
        "blob": _blob,
        "wing": _wing,
    }[bluff.kind]
    return extract_surface(np.broadcast_to(shape(bluff, u, v, w), (len(x), len(y), len(z))), grid)


def _ellipsoid(bluff: Bluff, u: ndarray, v: ndarray, w: ndarray) -> Float64[ndarray, "A B C"]:
    """Return the approximate signed distance of a superellipsoid."""
    power = bluff.exponent
    norm = (np.abs(u) ** power + np.abs(v) ** power + np.abs(w) ** power) ** (1 / power)
    return (norm - 1) * min(bluff.width, bluff.height) / 2


def _box(bluff: Bluff, u: ndarray, v: ndarray, w: ndarray) -> Float64[ndarray, "A B C"]:
    """Return the signed distance of a rounded box."""
    sides = [
        (np.abs(part) - 1) * size / 2
        for part, size in zip((u, v, w), (1.0, bluff.width, bluff.height), strict=True)
    ]
    return rounded_intersection(*sides, radius=min(bluff.fillet, 0.45 * bluff.height))


def _cylinder(bluff: Bluff, u: ndarray, v: ndarray, w: ndarray) -> Float64[ndarray, "A B C"]:
    """Return the signed distance of a cylinder along one axis, with slightly rounded edges."""
    sizes = (1.0, bluff.width, bluff.height)
    parts = (u, v, w)
    along = (np.abs(parts[bluff.axis]) - 1) * sizes[bluff.axis] / 2
    others = [index for index in range(3) if index != bluff.axis]
    radius = min(sizes[index] for index in others) / 2
    around = (np.sqrt(sum(parts[index] ** 2 for index in others)) - 1) * radius
    return rounded_intersection(along, around, radius=0.01)


def _blob(bluff: Bluff, u: ndarray, v: ndarray, w: ndarray) -> Float64[ndarray, "A B C"]:
    """Return a smooth union of balls, which are stretched along x.

    Half-lengths of 0.8 spacings make neighbors overlap and the ends touch the bounding box.
    """
    # n balls with half-lengths of 0.8 at spacings of 1 reach from 0 to n + 0.6.
    spacing = 1 / (len(bluff.balls) + 0.6)
    radius = 0.3 * min(bluff.height, bluff.width)
    body = np.array(np.inf)
    for index, (y, z, size) in enumerate(bluff.balls):
        offset = [
            ((u + 1) / 2 - (0.8 + index) * spacing) / (0.8 * spacing),
            (np.abs(v) - y) * bluff.width / 2 / (size * radius),
            (w - (2 * z - 1)) * bluff.height / 2 / (size * radius),
        ]
        ball = (np.sqrt(sum(part**2 for part in offset)) - 1) * size * radius
        body = ball if index == 0 else smooth_union(body, ball, width=0.06)
    return body


def _wing(bluff: Bluff, u: ndarray, v: ndarray, w: ndarray) -> Float64[ndarray, "A B C"]:
    """Return a fuselage with a tapered, swept wing whose thickness is 16 % of the chord.

    The 0.006 on either side makes the trailing edge thick enough for a grid spacing of 0.005.
    """
    height, half = bluff.height, bluff.width / 2
    round_ = np.sqrt((v * half / (0.5 * height)) ** 2 + w**2)
    fuselage = (np.sqrt(u**2 + round_**2) - 1) * height / 2
    share = np.abs(v)  # position along the span
    chord = 0.42 * (1 - 0.45 * share)
    position = (u / 2 + 0.08 - 0.12 * share) / chord
    # An ellipse as section, simpler than an airfoil and thick enough for the solver's cells.
    thickness = 0.16 * chord * np.sqrt(np.maximum(1 - (2 * position) ** 2, 0))
    foil = np.maximum(
        np.abs(w) * height / 2 - thickness / 2 - 0.006, (np.abs(position) - 0.5) * chord
    )
    wing = rounded_intersection(foil, (share - 1) * half, radius=0.004)
    return smooth_union(fuselage, wing, width=0.03)
