"""Symmetries of the unit square under which a solution turns into another solution.

Letters: B cases, N points.
"""

from itertools import product

import torch
from jaxtyping import Float
from torch import Tensor

Symmetry = tuple[tuple[int, int], tuple[int, int]]
"""Rows of a matrix that acts on coordinates measured from the middle of the square."""

IDENTITY: Symmetry = ((1, 0), (0, 1))
LEFT_RIGHT: Symmetry = ((-1, 0), (0, 1))
SQUARE: tuple[Symmetry, ...] = tuple(
    ((first * (1 - swap), first * swap), (second * swap, second * (1 - swap)))
    for swap, first, second in product((0, 1), (1, -1), (1, -1))
)
"""The eight turns and reflections of a square; the identity comes first."""


def turn(points: Float[Tensor, "*B N 2"], symmetry: Symmetry) -> Float[Tensor, "*B N 2"]:
    """Return points of the unit square where a symmetry takes them; the identity moves none.

    Examples:
        >>> turn(torch.tensor([[0.25, 1.0]]), LEFT_RIGHT).tolist()
        [[0.75, 1.0]]
    """
    x, y = points.unbind(dim=-1)
    own = {(1, 0): x, (-1, 0): 1 - x, (0, 1): y, (0, -1): 1 - y}  # exact, as a product is not
    return torch.stack([own[row] for row in symmetry], dim=-1)
