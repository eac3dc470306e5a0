"""Derivatives of fields at the points of a cloud, and their errors, for a term of the loss.

A gradient is a sum of differences to neighbors with fixed weights. On a grid these are central
differences; on a cloud the weights solve a least-squares problem. Both are exact for linear
functions.

Letters: B cases, N points, J neighbors, X space axes, C channels.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from scipy.spatial import KDTree
from torch import Tensor

from mspt.metrics.fields import relative_l2

NEIGHBORS_PER_AXIS = 4
"""Neighbors of a point for each space axis: twice as many as central differences need."""

LEAST_SPREAD = 0.01
"""Share of the directions to neighbors that an axis must have to get a derivative.

Neighbors on a surface lie in its tangent plane, and along the normal there is none."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Stencil:
    """How the gradient at each point follows from values at its neighbors.

    Attributes:
        neighbors: Indices of the neighbors of each point.
        weights: The gradient at point n is the sum over j of ``weights[n, j]`` times the value at
            ``neighbors[n, j]`` minus the value at n.
    """

    neighbors: Int[Tensor, "N J"]
    weights: Float[Tensor, "N J X"]

    def to(self, device: torch.device) -> "Stencil":
        """Return the stencil on a device."""
        return Stencil(neighbors=self.neighbors.to(device), weights=self.weights.to(device))


def cloud_stencil(points: Float[Tensor, "N X"], *, num_surface: int = 0) -> Stencil:
    """Return least-squares gradients over the nearest neighbors of each point.

    The gradient g at point n minimizes the sum over neighbors j of
    ``(u_j - u_n - g (x_j - x_n))^2 / |x_j - x_n|^2``. Of all minimizers it is the shortest: on a
    surface, it lies in the tangent plane.

    Args:
        points: The cloud.
        num_surface: Points of a body, which come first; they and the others are neighbors of their
            own kind only, because most fields jump at a wall.

    Raises:
        ValueError: If there are fewer than two points of a kind.

    Examples:
        >>> points = torch.tensor([[0.0], [1.0], [3.0]])
        >>> gradients((2 * points)[None], [cloud_stencil(points)]).flatten().round(decimals=4)
        tensor([2., 2., 2.])
    """
    if num_surface:
        both = cloud_stencil(points[:num_surface]), cloud_stencil(points[num_surface:])
        return Stencil(
            neighbors=torch.cat([both[0].neighbors, both[1].neighbors + num_surface]),
            weights=torch.cat([one.weights for one in both]),
        )
    if len(points) < 2:
        raise ValueError(f"points must be at least 2 for a derivative, got {len(points)}")
    places = points.detach().cpu().double()
    count = min(NEIGHBORS_PER_AXIS * points.shape[1] + 1, len(points))
    _, found = KDTree(places.numpy()).query(places.numpy(), k=count)
    neighbors = torch.from_numpy(found)
    offsets = places[neighbors] - places[:, None]
    square = offsets.square().sum(-1, keepdim=True)
    # The point itself, and points at the same place, are no neighbors: their weight is 0.
    scaled = torch.where(square > 0, offsets / square.clamp(min=1e-300), 0.0)
    # Matrix of the least-squares problem: a sum over unit vectors, whatever the distances.
    normal = scaled.mT @ offsets
    # ``normal`` is symmetric: neighbors in a plane give an eigenvalue 0 for its normal.
    inverse = torch.linalg.pinv(normal, rtol=LEAST_SPREAD, hermitian=True)
    weights = (scaled @ inverse).to(points)
    return Stencil(neighbors=neighbors.to(points.device), weights=weights)


def grid_stencil(points: Float[Tensor, "N 2"], shape: tuple[int, int]) -> Stencil:
    """Return central differences along rows and columns of a grid, one-sided ones on its border.

    The grid may be curved: from the differences of the coordinates along both directions follows
    the gradient in space.

    Args:
        points: Coordinates, row by row.
        shape: Rows and columns, at least two of each.

    Raises:
        ValueError: If the points are not those of such a grid.

    Examples:
        >>> points = torch.cartesian_prod(torch.arange(3.0), torch.arange(2.0))
        >>> values = (points * torch.tensor([2.0, -1.0])).sum(1)
        >>> gradients(values[None, :, None], [grid_stencil(points, (3, 2))])[0, 0].flatten()
        tensor([ 2., -1.])
    """
    rows, columns = shape
    if min(shape) < 2 or rows * columns != len(points):
        raise ValueError(
            f"points must be those of a grid of at least 2 x 2, got {len(points)} for {shape}"
        )
    row, column = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    ends = [
        (row + down).clamp(0, rows - 1) * columns + (column + right).clamp(0, columns - 1)
        for down, right in ((-1, 0), (0, -1), (1, 0), (0, 1))
    ]
    neighbors = torch.stack(ends, dim=-1).reshape(len(points), 4)
    # A row for each direction in the grid, a column for each axis in space.
    steps = points.double()[neighbors[:, 2:]] - points.double()[neighbors[:, :2]]
    if not torch.linalg.det(steps).abs().min() > 0:
        raise ValueError("points must not lie on one line around any point of the grid, got some")
    inverse = torch.linalg.inv(steps).mT.to(points)
    return Stencil(
        neighbors=neighbors.to(points.device), weights=torch.cat([-inverse, inverse], dim=1)
    )


def gradients(
    fields: Float[Tensor, "B N C"], stencils: Sequence[Stencil]
) -> Float[Tensor, "B N X C"]:
    """Return the gradient of each channel at each point.

    Args:
        fields: Values at the points, in any unit.
        stencils: One for each case.
    """
    found = []
    for values, stencil in zip(fields, stencils, strict=True):
        differences = values[stencil.neighbors] - values[:, None]
        found.append(torch.einsum("njx,njc->nxc", stencil.weights, differences))
    return torch.stack(found)


def derivative_error(
    prediction: Float[Tensor, "B N C"],
    target: Float[Tensor, "B N C"],
    stencils: Sequence[Stencil],
    *,
    rows: slice = slice(None),
) -> Float[Tensor, " B"]:
    """Return the relative L2 error of the gradients of each case.

    The norms run over points, axes and channels. The error does not depend on the unit of length.

    Args:
        prediction: Fields in physical units.
        target: Reference in the same units, not constant.
        stencils: One for each case.
        rows: Points that count.

    Examples:
        >>> points = torch.tensor([[0.0], [1.0], [3.0]])
        >>> derivative_error(3 * points[None], 2 * points[None], [cloud_stencil(points)])
        tensor([0.5000])
    """
    found = (gradients(fields, stencils)[:, rows].flatten(1, 2) for fields in (prediction, target))
    return relative_l2(*found)
