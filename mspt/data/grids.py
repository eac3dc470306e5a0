"""Regular grids: their points, their triangles, and the coarser grids inside them.

Letters: N points, M points of a coarser grid, T triangles.
"""

import numpy as np
import torch
from jaxtyping import Float32, Int64
from numpy import ndarray
from torch import Tensor


def grid_points(shape: tuple[int, int]) -> Float32[Tensor, "N 2"]:
    """Return the nodes (x, y) of a regular grid over the unit square, row by row.

    Examples:
        >>> grid_points((2, 2)).tolist()
        [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]
    """
    y, x = torch.meshgrid(*(torch.linspace(0.0, 1.0, size) for size in shape), indexing="ij")
    return torch.stack([x, y], dim=-1).reshape(-1, 2)


def grid_triangles(shape: tuple[int, int]) -> Int64[Tensor, "T 3"]:
    """Divide each square of a grid into two counter-clockwise triangles.

    Examples:
        >>> grid_triangles((2, 2)).tolist()
        [[0, 1, 3], [0, 3, 2]]
    """
    node = torch.arange(shape[0] * shape[1]).reshape(shape)
    corner, right, up, across = node[:-1, :-1], node[:-1, 1:], node[1:, :-1], node[1:, 1:]
    lower = torch.stack([corner, right, across], dim=-1)
    upper = torch.stack([corner, across, up], dim=-1)
    return torch.stack([lower, upper], dim=2).reshape(-1, 3)


def upright_triangles(shape: tuple[int, int]) -> Int64[Tensor, "T 3"]:
    """Do the same for a grid whose second axis is counter-clockwise from the first.

    Points of :func:`grid_points` run along x first; here they run upwards, or away from a body,
    first.

    Examples:
        >>> upright_triangles((2, 2)).tolist()
        [[0, 3, 1], [0, 2, 3]]
    """
    return grid_triangles(shape)[:, [0, 2, 1]]


def coarser_grid(shape: tuple[int, int], factor: float) -> Int64[ndarray, " M"] | None:
    """Return the points of a coarser grid inside a grid; None where there is none of that size.

    A half is every second point, as the black fields of a chessboard; a quarter is every second
    row and column.

    Args:
        shape: Rows and columns; points are numbered row by row.
        factor: Share of the points: 1, 0.5 or 0.25.

    Examples:
        >>> coarser_grid((3, 3), 0.5).tolist(), coarser_grid((3, 3), 0.25).tolist()
        ([0, 2, 4, 6, 8], [0, 2, 6, 8])
    """
    row, column = np.indices(shape).reshape(2, -1)
    if factor == 1:
        return np.arange(row.size)
    if factor == 0.5:
        return np.flatnonzero((row + column) % 2 == 0)
    if factor == 0.25:
        return np.flatnonzero((row % 2 == 0) & (column % 2 == 0))
    return None


def as_columns(values: ndarray, num_channels: int = 1) -> Float32[Tensor, "N C"]:
    """Return values at the points of a grid as channels, in single precision.

    Args:
        values: In the order of the points; with several channels, those of a point side by side.
        num_channels: Channels C.

    Examples:
        >>> as_columns(np.array([[1.0, 2.0], [3.0, 4.0]])).tolist()
        [[1.0], [2.0], [3.0], [4.0]]
    """
    return torch.from_numpy(values.astype(np.float32).reshape(-1, num_channels))
