"""Bodies as signed distances: outlines with rounded corners, joins, and their surfaces.

Negative inside. Shapes: V corners of an outline, P points, A B C nodes of a grid.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy  # its parts are loaded when first used
from jaxtyping import Float64
from manifold3d import Manifold, Mesh
from numpy import ndarray

from mspt.geometry.mesh import SurfaceMesh

SPACING = 0.005


@dataclass(frozen=True, kw_only=True)
class Grid:
    """A regular grid, symmetric about y = 0.

    Attributes:
        low: Corner with the smallest coordinates.
        high: Corner with the largest coordinates, reached up to one spacing.
        spacing: Distance between nodes.
    """

    low: tuple[float, float, float]
    high: tuple[float, float, float]
    spacing: float = SPACING

    @property
    def axes(self) -> tuple[ndarray, ndarray, ndarray]:
        """Coordinates of the nodes along each axis."""
        x, y, z = (
            low + self.spacing * np.arange(int(np.ceil((high - low) / self.spacing)) + 1)
            for low, high in zip(self.low, self.high, strict=True)
        )
        return x, y - (y[0] + y[-1]) / 2, z


def rounded_outline(
    corners: Float64[ndarray, "V 2"], radii: float | Sequence[float], *, steps: int = 6
) -> Float64[ndarray, "W 2"]:
    """Return a closed outline with an arc in place of each corner.

    A radius is lessened where its arc would take more than 45 % of an edge.

    Examples:
        >>> square = np.array([(0, 0), (1, 0), (1, 1), (0, 1)], dtype=float)
        >>> rounded_outline(square, 0.0, steps=1).tolist() == np.repeat(square, 2, axis=0).tolist()
        True
    """
    radius = np.broadcast_to(np.asarray(radii, dtype=float), len(corners))
    before, after = np.roll(corners, 1, axis=0) - corners, np.roll(corners, -1, axis=0) - corners
    reach = 0.45 * np.minimum(np.linalg.norm(before, axis=1), np.linalg.norm(after, axis=1))
    before /= np.linalg.norm(before, axis=1, keepdims=True)
    after /= np.linalg.norm(after, axis=1, keepdims=True)
    half = np.arccos(np.clip((before * after).sum(axis=1), -1, 1)) / 2
    tangent = np.minimum(radius / np.maximum(np.tan(half), 1e-9), reach)
    start, stop = corners + before * tangent[:, None], corners + after * tangent[:, None]
    t = np.linspace(0, 1, steps + 1)[:, None, None]
    # A quadratic Bezier curve touches both edges as the arc does, for any angle.
    arcs = (1 - t) ** 2 * start + 2 * t * (1 - t) * corners + t**2 * stop
    return arcs.transpose(1, 0, 2).reshape(-1, 2)


def outline_distance(
    points: Float64[ndarray, "P 2"], outline: Float64[ndarray, "W 2"]
) -> Float64[ndarray, " P"]:
    """Return signed distances from a closed outline.

    Examples:
        >>> square = np.array([(0, 0), (1, 0), (1, 1), (0, 1)], dtype=float)
        >>> outline_distance(np.array([(0.5, 0.75), (0.5, 2.0)]), square).tolist()
        [-0.25, 1.0]
    """
    start = outline[np.linalg.norm(np.roll(outline, -1, axis=0) - outline, axis=1) > 0]
    stop = np.roll(start, -1, axis=0)
    squared = np.full(len(points), np.inf)
    inside = np.zeros(len(points), dtype=bool)
    for a, b in zip(start, stop, strict=True):
        edge, offset = b - a, points - a
        share = np.clip(offset @ edge / (edge @ edge), 0, 1)
        squared = np.minimum(squared, ((offset - share[:, None] * edge) ** 2).sum(axis=1))
        if a[1] != b[1]:
            crosses = (a[1] > points[:, 1]) != (b[1] > points[:, 1])
            inside ^= crosses & (offset[:, 0] < offset[:, 1] * edge[0] / edge[1])
    return np.where(inside, -1, 1) * np.sqrt(squared)


def plane_distance(first: ndarray, second: ndarray, outline: ndarray) -> Float64[ndarray, "A B"]:
    """Return signed distances from an outline on a grid of two axes."""
    nodes = np.stack(np.meshgrid(first, second, indexing="ij"), axis=-1)
    return outline_distance(nodes.reshape(-1, 2), outline).reshape(nodes.shape[:2])


def rounded_intersection(*distances: ndarray, radius: float | ndarray) -> ndarray:
    """Intersect bodies and round the edges where they meet.

    Examples:
        >>> rounded_intersection(np.array([-0.3]), np.array([-0.2]), radius=0.0).tolist()
        [-0.2]
    """
    raised = [distance + radius for distance in distances]
    outside = np.sqrt(sum(np.maximum(value, 0) ** 2 for value in raised))
    inside = np.minimum(np.maximum.reduce(np.broadcast_arrays(*raised)), 0)
    return outside + inside - radius


def smooth_union(first: ndarray, second: ndarray, *, width: float) -> ndarray:
    """Unite two bodies with a fillet of about ``width``."""
    blend = np.maximum(width - np.abs(first - second), 0) / width
    return np.minimum(first, second) - blend**2 * width / 4


def surface_of(distance: Float64[ndarray, "A B C"], grid: Grid) -> SurfaceMesh:
    """Return the closed surface where a signed distance is zero: its largest body only.

    The field is smoothed by 0.8 spacings, the surface by Taubin's filter, and thinned as far as no
    point moves by more than 0.0002.
    """
    import pyvista as pv  # takes a second, which most programs need not spend

    image = pv.ImageData(
        dimensions=distance.shape,
        spacing=(grid.spacing,) * 3,
        origin=tuple(axis[0] for axis in grid.axes),
    )
    image["distance"] = scipy.ndimage.gaussian_filter(distance, 0.8).ravel(order="F")
    surface = image.contour([0.0], method="flying_edges").extract_largest().triangulate().clean()
    surface = surface.smooth_taubin(n_iter=12, pass_band=0.1)
    triangles = surface.faces.reshape(-1, 4)[:, 1:].astype(np.int64)
    mesh = SurfaceMesh(np.asarray(surface.points, dtype=np.float64), triangles)
    return from_manifold(to_manifold(mesh if mesh.volume > 0 else mesh.flipped()).simplify(2e-4))


def to_manifold(mesh: SurfaceMesh) -> Manifold:
    """Return a mesh as a solid of manifold3d, which it must enclose."""
    return Manifold(Mesh(mesh.vertices.astype(np.float32), mesh.triangles.astype(np.uint32)))


def evened(mesh: SurfaceMesh, edge: float, *, off: float = 0.0) -> SurfaceMesh:
    """Return the surface of a solid, to float32, in triangles of like size.

    Args:
        mesh: The surface, which must enclose a solid.
        edge: Edges longer than about this are split.
        off: How far points may move where that saves triangles.
    """
    return from_manifold(to_manifold(mesh).simplify(off).refine_to_length(edge))


def from_manifold(solid: Manifold) -> SurfaceMesh:
    """Return the surface of a solid."""
    mesh = solid.to_mesh()
    return SurfaceMesh(
        np.asarray(mesh.vert_properties[:, :3], dtype=np.float64),
        np.asarray(mesh.tri_verts, dtype=np.int64),
    )
