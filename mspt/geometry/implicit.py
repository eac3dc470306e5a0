"""Bodies as signed distance functions: rounded outlines, intersections, unions, and surfaces.

Distances are negative inside.

Shapes: V corners of an outline, P points, A B C nodes of a grid.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy  # its subpackages are imported when first used, which keeps this import short
from jaxtyping import Float64
from manifold3d import Manifold, Mesh
from numpy import ndarray

from mspt.geometry.mesh import SurfaceMesh

SPACING = 0.005
"""Distance between grid nodes in body lengths: half of the solver's cells at the wall."""

SMOOTHING = 0.8
"""Deviation, in grid spacings, of the Gaussian filter that removes kinks of the distance field."""

TAUBIN_STEPS, TAUBIN_PASS_BAND = 12, 0.1
"""Smoothing of the extracted surface, which removes steps of the grid and does not shrink it."""

SIMPLIFY_TOLERANCE = 2e-4
"""Largest distance by which simplification may move a surface, in body lengths."""

MAX_EDGE_SHARE = 0.45
"""Largest share of an edge that the arc at either end may take, so that the arcs stay apart."""


@dataclass(frozen=True, kw_only=True)
class Grid:
    """A regular grid, symmetric about y = 0.

    Attributes:
        low: Corner with the smallest coordinates.
        high: Corner with the largest coordinates; the grid ends up to one spacing beyond it.
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
        return x, y - (y[0] + y[-1]) / 2, z  # centered, so that surfaces come out symmetric


def rounded_outline(
    corners: Float64[ndarray, "V 2"], radii: float | Sequence[float], *, steps: int = 6
) -> Float64[ndarray, "W 2"]:
    """Return a closed outline with an arc in place of each corner.

    A radius is reduced where its arc would take more than 45 % of an edge.

    Args:
        corners: Corners of the outline.
        radii: Radius of each corner, or one for all.
        steps: Line segments of each arc.

    Examples:
        >>> square = np.array([(0, 0), (1, 0), (1, 1), (0, 1)], dtype=float)
        >>> rounded_outline(square, 0.0, steps=1).tolist() == np.repeat(square, 2, axis=0).tolist()
        True
    """
    radius = np.broadcast_to(np.asarray(radii, dtype=float), len(corners))
    before, after = np.roll(corners, 1, axis=0) - corners, np.roll(corners, -1, axis=0) - corners
    edges = np.minimum(np.linalg.norm(before, axis=1), np.linalg.norm(after, axis=1))
    reach = MAX_EDGE_SHARE * edges
    before /= np.linalg.norm(before, axis=1, keepdims=True)
    after /= np.linalg.norm(after, axis=1, keepdims=True)
    half = np.arccos(np.clip((before * after).sum(axis=1), -1, 1)) / 2
    # Distance from the corner to the points where the arc meets the edges; the lower bound of the
    # tangent keeps it finite for an outline that turns back on itself.
    tangent = np.minimum(radius / np.maximum(np.tan(half), 1e-9), reach)
    start, stop = corners + before * tangent[:, None], corners + after * tangent[:, None]
    t = np.linspace(0, 1, steps + 1)[:, None, None]
    # A quadratic Bezier curve is tangent to both edges as an arc is, for any angle.
    arcs = (1 - t) ** 2 * start + 2 * t * (1 - t) * corners + t**2 * stop
    return arcs.transpose(1, 0, 2).reshape(-1, 2)


def outline_distance(
    points: Float64[ndarray, "P 2"], outline: Float64[ndarray, "W 2"]
) -> Float64[ndarray, " P"]:
    """Return signed distances of points from a closed outline.

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
        if a[1] != b[1]:  # a point is inside if a ray along +x crosses an odd number of edges
            crosses = (a[1] > points[:, 1]) != (b[1] > points[:, 1])
            inside ^= crosses & (offset[:, 0] < offset[:, 1] * edge[0] / edge[1])
    return np.where(inside, -1, 1) * np.sqrt(squared)


def plane_distance(first: ndarray, second: ndarray, outline: ndarray) -> Float64[ndarray, "A B"]:
    """Return signed distances from an outline at all nodes of a grid with two axes.

    Args:
        first: Coordinates of the nodes along the first axis.
        second: The same along the second axis.
        outline: Closed outline.
    """
    nodes = np.stack(np.meshgrid(first, second, indexing="ij"), axis=-1)
    return outline_distance(nodes.reshape(-1, 2), outline).reshape(nodes.shape[:2])


def rounded_intersection(*distances: ndarray, radius: float | ndarray) -> ndarray:
    """Return the signed distance of an intersection of bodies, with rounded edges.

    ``|max(d_i + r, 0)| + min(max(d_i + r), 0) - r`` for the distances d_i and the radius r.

    Args:
        distances: Signed distances of the bodies.
        radius: Radius of the edges, which may vary over the points.

    Examples:
        >>> rounded_intersection(np.array([-0.3]), np.array([-0.2]), radius=0.0).tolist()
        [-0.2]
    """
    raised = [distance + radius for distance in distances]
    outside = np.sqrt(sum(np.maximum(value, 0) ** 2 for value in raised))
    inside = np.minimum(np.maximum.reduce(np.broadcast_arrays(*raised)), 0)
    return outside + inside - radius


def smooth_union(first: ndarray, second: ndarray, *, width: float) -> ndarray:
    """Return the signed distance of a union of two bodies with a fillet of about ``width``.

    This is the polynomial smooth minimum of Quilez.

    Args:
        first: Signed distances of one body.
        second: Signed distances of the other body.
        width: Width of the fillet.

    Examples:
        >>> smooth_union(np.array([0.0, 0.0]), np.array([0.0, 1.0]), width=0.4).tolist()
        [-0.1, 0.0]
    """
    blend = np.maximum(width - np.abs(first - second), 0) / width
    return np.minimum(first, second) - blend**2 * width / 4


def extract_surface(distance: Float64[ndarray, "A B C"], grid: Grid) -> SurfaceMesh:
    """Return the closed surface of the largest body where a signed distance is zero.

    The field is smoothed by a Gaussian filter and the surface by Taubin's filter; the surface is
    then simplified within :data:`SIMPLIFY_TOLERANCE`.

    Args:
        distance: Signed distance at the nodes.
        grid: The nodes.
    """
    # Imported here because it takes a second, and few programs need it.
    import pyvista as pv

    image = pv.ImageData(
        dimensions=distance.shape,
        spacing=(grid.spacing,) * 3,
        origin=tuple(axis[0] for axis in grid.axes),
    )
    image["distance"] = scipy.ndimage.gaussian_filter(distance, SMOOTHING).ravel(order="F")
    surface = image.contour([0.0], method="flying_edges").extract_largest().triangulate().clean()
    surface = surface.smooth_taubin(n_iter=TAUBIN_STEPS, pass_band=TAUBIN_PASS_BAND)
    triangles = surface.faces.reshape(-1, 4)[:, 1:].astype(np.int64)
    mesh = SurfaceMesh(np.asarray(surface.points, dtype=np.float64), triangles)
    # VTK's contours of distances that are negative inside have inward normals.
    outward = mesh if mesh.volume > 0 else mesh.flipped()
    return from_manifold(to_manifold(outward).simplify(SIMPLIFY_TOLERANCE))


def to_manifold(mesh: SurfaceMesh) -> Manifold:
    """Return a mesh as a solid of manifold3d.

    The status of the result is an error if the mesh does not enclose a solid.
    """
    return Manifold(Mesh(mesh.vertices.astype(np.float32), mesh.triangles.astype(np.uint32)))


def remeshed(mesh: SurfaceMesh, edge: float, *, off: float = 0.0) -> SurfaceMesh:
    """Return the surface of a solid in triangles of similar size, with float32 precision.

    Args:
        mesh: Surface that encloses a solid.
        edge: Edges longer than about this are split.
        off: Largest distance by which simplification may move the surface; 0 for none.
    """
    return from_manifold(to_manifold(mesh).simplify(off).refine_to_length(edge))


def from_manifold(solid: Manifold) -> SurfaceMesh:
    """Return the surface of a solid."""
    mesh = solid.to_mesh()
    return SurfaceMesh(
        np.asarray(mesh.vert_properties[:, :3], dtype=np.float64),
        np.asarray(mesh.tri_verts, dtype=np.int64),
    )
