"""Values at scattered points of a flow, carried to the nodes of regular grids around a body.

Shapes: P points, G nodes, C channels, X Y Z nodes along each axis.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float64
from numpy import ndarray
from scipy.spatial import KDTree

from mspt.geometry.distance import nearest_on
from mspt.geometry.mesh import SurfaceMesh

_NEIGHBORS = 24
_CHUNK = 32_768
_RIDGE = 1e-7
# Room round the body in body lengths: before it, behind it, to either side of it, above it.
_ROOM = (0.35, 0.9, 0.15, 0.25)


@dataclass(frozen=True, kw_only=True, eq=False)
class SliceGrid:
    """Values in the plane of symmetry.

    Attributes:
        x: Along the flow.
        z: Upwards.
        values: NaN inside the body.
    """

    x: Float64[ndarray, " X"]
    z: Float64[ndarray, " Z"]
    values: Float64[ndarray, "Z X *C"]


@dataclass(frozen=True, kw_only=True, eq=False)
class FlowGrid:
    """Velocity on a regular grid around a body.

    Attributes:
        x: Along the flow.
        y: To the side.
        z: Upwards.
        velocity: Zero inside the body.
        inside: Which nodes lie inside it.
    """

    x: Float64[ndarray, " X"]
    y: Float64[ndarray, " Y"]
    z: Float64[ndarray, " Z"]
    velocity: Float64[ndarray, "Z Y X 3"]
    inside: Bool[ndarray, "Z Y X"]


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
        points: Places in the flow, on both sides of the plane.
        values: What is known there, one or more numbers.
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
) -> FlowGrid:
    """Return the velocity on a regular grid around a body; arguments as in :func:`slice_grid`."""
    low, high = _surroundings(mesh)
    x, y, z = (np.linspace(*ends) for ends in zip(low, high, shape, strict=True))
    nodes = _nodes(x, y, z)
    inside = is_inside(mesh, nodes)
    found = np.zeros_like(nodes)
    found[~inside] = fit_values(points, velocity, nodes[~inside])
    sizes = (len(z), len(y), len(x))
    return FlowGrid(x=x, y=y, z=z, velocity=found.reshape(*sizes, 3), inside=inside.reshape(sizes))


def fit_values(
    points: Float[ndarray, "P 3"], values: Float[ndarray, "P C"], nodes: Float64[ndarray, "G 3"]
) -> Float64[ndarray, "G C"]:
    """Return values at nodes: each that of a plane fitted to the points next to it.

    The nearest points count most and the farthest of them nothing, so that no seam shows where one
    leaves the neighborhood. The result stays within the values of the points it is fitted to.

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
    """Tell which nodes lie inside a body.

    Examples:
        >>> from mspt.geometry.mesh import box
        >>> cube = box((0, 0, 0), (1, 1, 1))
        >>> is_inside(cube, np.array([[0.5, 0.5, 0.5], [0.5, 0.5, 2.0]])).tolist()
        [True, False]
    """
    low, high = mesh.bounds
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
    reach = np.maximum(distance[:, -1:] * 1.001, 1e-12)
    share = (distance / reach) ** 2
    weight = (1 - share) ** 2 / (share + 0.03)
    step = (tree.data[near] - nodes[:, None]) / reach[..., None]
    basis = np.concatenate([np.ones_like(share)[..., None], step], axis=2)
    weighted = np.swapaxes(basis * weight[..., None], 1, 2)
    # Points on one line or in one plane leave slopes open; those are taken to be zero.
    matrix = weighted @ basis + _RIDGE * weight.sum(axis=1)[:, None, None] * np.eye(4)
    found = np.linalg.solve(matrix, weighted @ values[near])[:, 0]
    return np.clip(found, values[near].min(axis=1), values[near].max(axis=1))


def _surroundings(mesh: SurfaceMesh) -> tuple[ndarray, ndarray]:
    """Return the corners of the box that grids fill: down to the ground, symmetric about y = 0."""
    before, behind, aside, above = (share * mesh.extent[0] for share in _ROOM)
    (x0, y0, _), (x1, y1, z1) = mesh.bounds
    half = max(abs(y0), abs(y1)) + aside
    return np.array([x0 - before, -half, 0.0]), np.array([x1 + behind, half, z1 + above])


def _nodes(
    x: Float64[ndarray, " X"], y: Float64[ndarray, " Y"], z: Float64[ndarray, " Z"]
) -> Float64[ndarray, "G 3"]:
    """Return the nodes of a grid, x running fastest."""
    upward, aside, along = np.meshgrid(z, y, x, indexing="ij")
    return np.stack([along, aside, upward], axis=-1).reshape(-1, 3)
