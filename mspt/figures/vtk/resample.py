"""Interpolation of values at scattered points of a flow to regular grids around a body.

Shapes: P points, G nodes, C channels, X Y Z nodes along each axis,
T triangles.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Float64, Int64
from numpy import ndarray
from scipy.ndimage import distance_transform_edt
from scipy.spatial import KDTree

from mspt.geometry.distance import nearest_on
from mspt.geometry.mesh import SurfaceMesh

_NEIGHBORS = 24
"""Points to which each plane is fitted: six for each of its four coefficients."""

_CHUNK = 32_768
"""Nodes that are computed together, which limits the memory."""

_RIDGE = 1e-7
"""Regularization of the fit, over the sum of the weights: makes undetermined slopes zero."""

_WEIGHT_FLOOR = 0.03
"""Bounds the weight of a point that coincides with a node."""

_ROOM = (0.35, 0.9, 0.15, 0.25)
"""Margins of the grid in body lengths: before the body, behind it, on either side, above."""


@dataclass(frozen=True, kw_only=True, eq=False)
class SliceGrid:
    """Values on a regular grid in the plane of symmetry.

    Attributes:
        x: Coordinates of the nodes along the flow.
        z: Coordinates of the nodes upwards.
        values: Values at the nodes; NaN inside the body.
    """

    x: Float64[ndarray, " X"]
    z: Float64[ndarray, " Z"]
    values: Float64[ndarray, "Z X *C"]


@dataclass(frozen=True, kw_only=True, eq=False)
class FlowGrid:
    """Velocity, and pressure where it was asked for, on a regular grid around a body.

    Attributes:
        x: Coordinates of the nodes along the flow.
        y: Coordinates of the nodes across it.
        z: Coordinates of the nodes upwards.
        velocity: Velocity at the nodes; zero inside the body.
        inside: Whether each node is inside the body.
        pressure: C_p at the nodes, zero inside the body; None where only velocity is known.
    """

    x: Float64[ndarray, " X"]
    y: Float64[ndarray, " Y"]
    z: Float64[ndarray, " Z"]
    velocity: Float64[ndarray, "Z Y X 3"]
    inside: Bool[ndarray, "Z Y X"]
    pressure: Float64[ndarray, "Z Y X"] | None = None


Axis = Literal["x", "y", "z"]
AXES: tuple[Axis, ...] = ("x", "y", "z")


@dataclass(frozen=True, kw_only=True, eq=False)
class PlaneGrid:
    """Values on a regular grid in a plane across an axis.

    Attributes:
        points: The nodes.
        triangles: Triangles of the nodes, those inside the body left out.
        values: Values at the nodes; those inside the body have the values of the nearest outside.
    """

    points: Float64[ndarray, "G 3"]
    triangles: Int64[ndarray, "T 3"]
    values: Float64[ndarray, "G C"]


def surroundings(mesh: SurfaceMesh) -> Float64[ndarray, "2 3"]:
    """Return the corners of the box around a body in which the flow is resampled."""
    return np.stack(_surroundings(mesh))


def plane_grid(
    mesh: SurfaceMesh,
    points: Float[ndarray, "P 3"],
    values: Float[ndarray, "P C"],
    *,
    axis: Axis,
    at: float,
    spacing: float = 0.015,
) -> PlaneGrid:
    """Return values in a plane across one axis.

    Args:
        mesh: The body in the wind-tunnel frame.
        points: Points in the flow.
        values: One or more values at each point.
        axis: Normal of the plane.
        at: Place of the plane along the axis.
        spacing: Largest distance between nodes, in body lengths.
    """
    low, high = _surroundings(mesh)
    normal = AXES.index(axis)
    steps = np.ceil((high - low) / (spacing * mesh.extent[0])).astype(int) + 1
    along = [np.linspace(*ends) for ends in zip(low, high, steps, strict=True)]
    along[normal] = np.array([at])
    nodes = _nodes(*along)
    shape = [len(along[other]) for other in (2, 1, 0) if other != normal]
    inside = is_inside(mesh, nodes)
    found = np.zeros((len(nodes), values.shape[1]))
    found[~inside] = fit_values(points, values, nodes[~inside])
    inside = inside.reshape(shape)
    if not inside.all():
        nearest = distance_transform_edt(inside, return_distances=False, return_indices=True)
        found = found.reshape(*shape, -1)[tuple(np.asarray(nearest))].reshape(len(nodes), -1)
    corner = np.arange(len(nodes)).reshape(shape)
    squares = np.stack(
        [corner[:-1, :-1], corner[:-1, 1:], corner[1:, 1:], corner[1:, :-1]], axis=-1
    ).reshape(-1, 4)
    squares = squares[~inside.ravel()[squares].all(axis=1)]
    triangles = np.concatenate([squares[:, [0, 1, 2]], squares[:, [0, 2, 3]]])
    return PlaneGrid(points=nodes, triangles=triangles, values=found)


def slice_grid(
    mesh: SurfaceMesh,
    points: Float[ndarray, "P 3"],
    values: Float[ndarray, " P *C"],
    *,
    shape: tuple[int, int] = (280, 80),
) -> SliceGrid:
    """Return values in the plane y = 0 around a body.

    Args:
        mesh: The body in the wind-tunnel frame: flow along +x, ground at z = 0.
        points: Points in the flow, on both sides of the plane.
        values: One or more values at each point.
        shape: Number of nodes along the flow and upwards.
    """
    low, high = _surroundings(mesh)
    x = np.linspace(low[0], high[0], shape[0])
    z = np.linspace(low[2], high[2], shape[1])
    nodes = _nodes(x, np.zeros(1), z)
    found = fit_values(points, values.reshape(len(values), -1), nodes)
    found[is_inside(mesh, nodes)] = np.nan
    return SliceGrid(x=x, z=z, values=found.reshape(len(z), len(x), *values.shape[1:]))


def flow_grid(
    mesh: SurfaceMesh,
    points: Float[ndarray, "P 3"],
    velocity: Float[ndarray, "P 3"],
    *,
    shape: tuple[int, int, int] = (96, 48, 40),
    pressure: Float[ndarray, " P"] | None = None,
) -> FlowGrid:
    """Return the velocity on a regular grid around a body; arguments as in :func:`slice_grid`."""
    values = velocity if pressure is None else np.column_stack([velocity, pressure])
    low, high = _surroundings(mesh)
    x, y, z = (np.linspace(*ends) for ends in zip(low, high, shape, strict=True))
    nodes = _nodes(x, y, z)
    inside = is_inside(mesh, nodes)
    found = np.zeros((len(nodes), values.shape[1]))
    found[~inside] = fit_values(points, values, nodes[~inside])
    sizes = (len(z), len(y), len(x))
    return FlowGrid(
        x=x,
        y=y,
        z=z,
        velocity=found[:, :3].reshape(*sizes, 3),
        inside=inside.reshape(sizes),
        pressure=None if pressure is None else found[:, 3].reshape(sizes),
    )


def fit_values(
    points: Float[ndarray, "P 3"], values: Float[ndarray, "P C"], nodes: Float64[ndarray, "G 3"]
) -> Float64[ndarray, "G C"]:
    """Return values at nodes by moving least squares: a linear fit to the nearest points.

    Weights decrease with the distance and are zero at the farthest of these points, so that the
    result is continuous where a point leaves the neighborhood. The result is limited to the range
    of the fitted values.

    Args:
        points: Points with known values.
        values: One or more values at each point.
        nodes: Points at which values are wanted.

    Examples:
        >>> points = np.random.default_rng(0).random((100, 3))
        >>> node = np.array([[0.5, 0.25, 0.5]])
        >>> fit_values(points, points @ np.array([[1.0], [2.0], [4.0]]), node).round(4).tolist()
        [[3.0]]
    """
    tree, known = KDTree(points), values.astype(np.float64)
    parts = [
        _fit_some(tree, known, nodes[start : start + _CHUNK])
        for start in range(0, len(nodes), _CHUNK)
    ]
    return np.concatenate(parts) if parts else np.empty((0, known.shape[1]))


def is_inside(mesh: SurfaceMesh, nodes: Float64[ndarray, "G 3"]) -> Bool[ndarray, " G"]:
    """Return which nodes are inside a body.

    Examples:
        >>> from mspt.geometry.mesh import box
        >>> cube = box((0, 0, 0), (1, 1, 1))
        >>> is_inside(cube, np.array([[0.5, 0.5, 0.5], [0.5, 0.5, 2.0]])).tolist()
        [True, False]
    """
    low, high = mesh.bounds
    # Only nodes in the bounding box can be inside; distances are the expensive part.
    maybe = np.flatnonzero(((nodes >= low) & (nodes <= high)).all(axis=1))
    inside = np.zeros(len(nodes), dtype=bool)
    if len(maybe):
        inside[maybe] = nearest_on(mesh, nodes[maybe]).distance < 0
    return inside


def _fit_some(
    tree: KDTree, values: Float64[ndarray, "P C"], nodes: Float64[ndarray, "G 3"]
) -> Float64[ndarray, "G C"]:
    distance, near = tree.query(nodes, k=min(_NEIGHBORS, len(values)), workers=-1)
    distance, near = np.reshape(distance, (len(nodes), -1)), np.reshape(near, (len(nodes), -1))
    # Slightly beyond the farthest point, and not zero where all points coincide.
    reach = np.maximum(distance[:, -1:] * 1.001, 1e-12)
    share = (distance / reach) ** 2
    weight = (1 - share) ** 2 / (share + _WEIGHT_FLOOR)
    step = (tree.data[near] - nodes[:, None]) / reach[..., None]
    basis = np.concatenate([np.ones_like(share)[..., None], step], axis=2)
    weighted = np.swapaxes(basis * weight[..., None], 1, 2)
    # Points on a line or in a plane do not determine all slopes; those are set to zero.
    matrix = weighted @ basis + _RIDGE * weight.sum(axis=1)[:, None, None] * np.eye(4)
    found = np.linalg.solve(matrix, weighted @ values[near])[:, 0]
    return np.clip(found, values[near].min(axis=1), values[near].max(axis=1))


def _surroundings(mesh: SurfaceMesh) -> tuple[ndarray, ndarray]:
    """Return the corners of the box of a grid, which reaches the ground and is symmetric in y."""
    before, behind, aside, above = (share * mesh.extent[0] for share in _ROOM)
    (x0, y0, _), (x1, y1, z1) = mesh.bounds
    half = max(abs(y0), abs(y1)) + aside
    return np.array([x0 - before, -half, 0.0]), np.array([x1 + behind, half, z1 + above])


def _nodes(
    x: Float64[ndarray, " X"], y: Float64[ndarray, " Y"], z: Float64[ndarray, " Z"]
) -> Float64[ndarray, "G 3"]:
    """Return the nodes of a grid, with x varying fastest."""
    upward, aside, along = np.meshgrid(z, y, x, indexing="ij")
    return np.stack([along, aside, upward], axis=-1).reshape(-1, 3)
