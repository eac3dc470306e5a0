"""Signed distances at the nodes of one half of a regular grid, y > 0, of a symmetric body.

Distances are negative inside. What lies at y < 0 is the mirror image, so that half of the work
suffices and bodies are symmetric exactly.

Shapes: A B C nodes of a grid along x, y and z.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy  # its subpackages are imported when first used, which keeps this import short
from jaxtyping import Float64
from numpy import ndarray

from mspt.geometry.halves import half_of, whole_of
from mspt.geometry.implicit import Grid, extract_surface, rounded_intersection
from mspt.geometry.mesh import SurfaceMesh

Part = Callable[[ndarray, ndarray, ndarray], ndarray]
"""Signed distance of a part at x, y and z, which have one axis each and are broadcast."""


@dataclass(frozen=True, eq=False)
class HalfGrid:
    """The nodes of a grid with y > 0, half a spacing from the plane of symmetry.

    Attributes:
        grid: The whole grid, with an even number of nodes across.
    """

    grid: Grid

    @cached_property
    def axes(self) -> tuple[ndarray, ndarray, ndarray]:
        """Coordinates of the nodes along each axis."""
        x, y, z = self.grid.axes
        return x, y[len(y) // 2 :], z

    @property
    def mesh(self) -> tuple[ndarray, ndarray, ndarray]:
        """The same with three axes each, so that they are broadcast against each other."""
        x, y, z = self.axes
        return x[:, None, None], y[None, :, None], z[None, None, :]

    def within(
        self, low: Sequence[float], high: Sequence[float], *, margin: float
    ) -> tuple[slice, slice, slice]:
        """Return the nodes in a box widened by a margin, as an index of an array of distances."""
        ends = [
            np.searchsorted(nodes, (a - margin, b + margin))
            for nodes, a, b in zip(self.axes, low, high, strict=True)
        ]
        return tuple(slice(*end) for end in ends)  # pyright: ignore[reportReturnType]

    def part(self, index: tuple[slice, slice, slice], shape: Part) -> ndarray:
        """Return the signed distance of a part at some nodes."""
        x, y, z = self.axes
        return shape(
            x[index[0]][:, None, None], y[index[1]][None, :, None], z[index[2]][None, None, :]
        )


def half_grid(
    low: tuple[float, float, float], high: tuple[float, float, float], *, spacing: float
) -> HalfGrid:
    """Return the half y > 0 of a grid that reaches from ``low`` to about ``high``.

    The number of nodes across is even, so that none lies on the plane of symmetry.

    Examples:
        >>> half = half_grid((0.0, 0.0, 0.0), (1.0, 0.5, 1.0), spacing=0.25)
        >>> half.axes[1].tolist()
        [0.125, 0.375, 0.625]
    """
    count = int(np.ceil(high[1] / spacing + 0.5))
    aside = (count - 0.5) * spacing
    # A hair less, so that rounding does not add a node.
    ends = (high[0], aside - 1e-9, high[2])
    return HalfGrid(Grid(low=(low[0], -aside, low[2]), high=ends, spacing=spacing))


def surface_of(distance: Float64[ndarray, "A B C"], half: HalfGrid) -> SurfaceMesh:
    """Return the closed surface of the largest body where a signed distance is zero.

    Both halves are exact mirror images.
    """
    whole = np.concatenate([distance[:, ::-1], distance], axis=1)
    return whole_of(half_of(extract_surface(whole, half.grid)))


def slab(low: Sequence[float], high: Sequence[float], *, radius: float, slope: float = 0.0) -> Part:
    """Return a box with rounded edges, whose mirror image is the same if ``low`` has y < 0.

    Args:
        low: Corner with the smallest coordinates.
        high: Opposite corner.
        radius: Radius of the edges, at most half of the shortest side.
        slope: Rise of the slab per unit of length along x, from ``low``.
    """
    middle = [(a + b) / 2 for a, b in zip(low, high, strict=True)]
    half = [(b - a) / 2 for a, b in zip(low, high, strict=True)]

    def distance(x: ndarray, y: ndarray, z: ndarray) -> ndarray:
        raised = z - slope * (x - low[0])
        sides = [np.abs(p - m) - h for p, m, h in zip((x, y, raised), middle, half, strict=True)]
        return rounded_intersection(*sides, radius=radius)

    return distance


def ball(center: Sequence[float], axes: Sequence[float]) -> Part:
    """Return an ellipsoid; its distance is approximate, with a gradient of at most 1."""

    def distance(x: ndarray, y: ndarray, z: ndarray) -> ndarray:
        offset = [(p - c) / a for p, c, a in zip((x, y, z), center, axes, strict=True)]
        return (np.sqrt(sum(part**2 for part in offset)) - 1) * min(axes)

    return distance


def rod(start: Sequence[float], stop: Sequence[float], *, radius: float) -> Part:
    """Return a rod with round ends between two points."""
    first, along = np.array(start), np.array(stop) - np.array(start)

    def distance(x: ndarray, y: ndarray, z: ndarray) -> ndarray:
        offset = [p - c for p, c in zip((x, y, z), first, strict=True)]
        share = sum(part * step for part, step in zip(offset, along, strict=True))
        share = np.clip(share / (along @ along), 0, 1)
        return (
            np.sqrt(sum((o - share * a) ** 2 for o, a in zip(offset, along, strict=True))) - radius
        )

    return distance


def blended(
    body: ndarray,
    half: HalfGrid,
    part: Part,
    bounds: tuple[Sequence[float], Sequence[float]],
    *,
    width: float,
    cut: bool = False,
) -> ndarray:
    """Return a body with a part added or, with ``cut``, taken away, and a fillet between them.

    Args:
        body: Signed distance of the body at the nodes; it is not changed.
        half: The nodes.
        part: Signed distance of the part.
        bounds: Two opposite corners of a box around the part; nodes outside it, and farther from
            it than the fillet is wide, keep their values.
        width: Width of the fillet.
        cut: Whether the part is taken away.
    """
    index = half.within(*bounds, margin=width + 2 * half.grid.spacing)
    here, other = body[index], half.part(index, part)
    sign = -1.0 if cut else 1.0
    # The smooth minimum of `smooth_union`; a cut is the union of the outside with the part.
    blend = np.maximum(width - np.abs(sign * here - other), 0) / width
    result = body.copy()
    result[index] = sign * (np.minimum(sign * here, other) - blend**2 * width / 4)
    return result


def top_at(body: ndarray, half: HalfGrid, x: float, y: float) -> float:
    """Return the height of the top of a body at a place; 0 where there is nothing."""
    nodes = half.axes
    i, j = (int(np.abs(axis - value).argmin()) for axis, value in zip(nodes, (x, y), strict=False))
    inside = np.flatnonzero(body[i, j] < 0)
    return float(nodes[2][inside[-1]]) if len(inside) else 0.0


def side_at(body: ndarray, half: HalfGrid, x: float, z: tuple[float, float]) -> float:
    """Return the half width of a body at a place along it and between two heights; 0 for none."""
    nodes = half.axes
    i = int(np.abs(nodes[0] - x).argmin())
    rows = (nodes[2] >= z[0]) & (nodes[2] <= z[1])
    inside = np.flatnonzero((body[i][:, rows] < 0).any(axis=1))
    return float(nodes[1][inside[-1]]) if len(inside) else 0.0


def tail_at(body: ndarray, half: HalfGrid, z: float) -> float:
    """Return where a body ends in its middle plane at a height; 0 where there is nothing."""
    nodes = half.axes
    inside = np.flatnonzero(body[:, 0, int(np.abs(nodes[2] - z).argmin())] < 0)
    return float(nodes[0][inside[-1]]) if len(inside) else 0.0


def warped(body: ndarray, half: HalfGrid, shift: Float64[ndarray, "3 A B C"]) -> ndarray:
    """Return a body of which each node shows what was at the node's place minus its shift.

    Args:
        body: Signed distance.
        half: The nodes.
        shift: Displacement at the nodes, symmetric about y = 0.
    """
    spacing = half.grid.spacing
    place = []
    for axis, nodes in enumerate(half.axes):
        view = [1, 1, 1]
        view[axis] = -1
        position = nodes.reshape(view) - shift[axis]
        if axis == 1:
            position = np.abs(position)  # beyond the plane of symmetry is the mirror image
        place.append((position - nodes[0]) / spacing)
    return scipy.ndimage.map_coordinates(body, place, order=1, mode="nearest")
