"""Symmetries: maps of a case that turn its solution into the solution of another case.

A symmetry moves the points, and changes features and fields point by point, without changing which
point is which.

Letters: B cases, N points, F input features, C output channels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import torch
from jaxtyping import Float
from torch import Tensor

Matrix = tuple[tuple[int, int], tuple[int, int]]
"""Rows of a matrix that turns or reflects the plane."""

_UNCHANGED: Matrix = ((1, 0), (0, 1))


@dataclass(frozen=True, kw_only=True)
class Symmetry:
    """One map: x goes to ``matrix (x - middle) + middle + shift``, fields to ``signs u + offsets``.

    Attributes:
        name: What it does, in words.
        matrix: A turn by quarters or a reflection.
        middle: The point that the matrix leaves where it is.
        shift: By how much points are moved afterwards.
        period: Length of the sides of a torus with a corner at the origin; None for other domains.
        feature_signs: Factor 1 or -1 of each feature; none: features stay as they are.
        field_signs: Factor 1 or -1 of each field; none: fields stay as they are.
        field_offsets: Added to each field afterwards; none: zeros. Where it is not zero, the sign
            must be -1, as in a mirrored coordinate, so that doing it twice undoes it.
    """

    name: str
    matrix: Matrix = _UNCHANGED
    middle: tuple[float, float] = (0.5, 0.5)
    shift: tuple[float, float] = (0.0, 0.0)
    period: float | None = None
    feature_signs: tuple[int, ...] = ()
    field_signs: tuple[int, ...] = ()
    field_offsets: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Reject fields that doing it twice would not undo."""
        if any(abs(sign) != 1 for sign in (*self.feature_signs, *self.field_signs)):
            raise ValueError(
                f"signs must be 1 or -1, got {self.feature_signs} and {self.field_signs}"
            )
        if self.field_offsets and (
            len(self.field_offsets) != len(self.field_signs)
            or any(o and s == 1 for o, s in zip(self.field_offsets, self.field_signs, strict=True))
        ):
            raise ValueError(
                "field_offsets must be zero but where the sign is -1, got "
                f"{self.field_offsets} with the signs {self.field_signs}"
            )


IDENTITY = Symmetry(name="identity")
LEFT_RIGHT = Symmetry(name="mirrored left to right", matrix=((-1, 0), (0, 1)))
ABOUT_THE_AXIS = Symmetry(name="mirrored upside down", matrix=((1, 0), (0, -1)), middle=(0.0, 0.0))
"""The reflection at the x axis, where a data set's domain lies about it."""
_WORDS = {
    ((1, 0), (0, -1)): "mirrored upside down",
    ((-1, 0), (0, -1)): "turned by a half turn",
    ((0, 1), (1, 0)): "mirrored on the rising diagonal",
    ((0, 1), (-1, 0)): "turned by a quarter, clockwise",
    ((0, -1), (1, 0)): "turned by a quarter, counterclockwise",
    ((0, -1), (-1, 0)): "mirrored on the falling diagonal",
}


def _of_the_square() -> tuple[Symmetry, ...]:
    matrices = (
        ((first * (1 - swap), first * swap), (second * swap, second * (1 - swap)))
        for swap, first, second in product((0, 1), (1, -1), (1, -1))
    )
    known = {one.matrix: one for one in (IDENTITY, LEFT_RIGHT)}
    return tuple(
        known.get(matrix) or Symmetry(name=_WORDS[matrix], matrix=matrix) for matrix in matrices
    )


SQUARE = _of_the_square()
"""The eight turns and reflections of the unit square; the identity comes first."""


def turn(points: Float[Tensor, "*B N 2"], symmetry: Symmetry) -> Float[Tensor, "*B N 2"]:
    """Return where a symmetry takes points; the identity moves none, not by a bit.

    Examples:
        >>> turn(torch.tensor([[0.25, 1.0]]), LEFT_RIGHT).tolist()
        [[0.75, 1.0]]
    """
    axes = points.unbind(dim=-1)
    moved = []
    for row, middle, shift in zip(symmetry.matrix, symmetry.middle, symmetry.shift, strict=True):
        source = next(axis for axis, factor in enumerate(row) if factor)
        # One sum of what is constant: with 2 x middle in one piece a reflection is exact.
        constant = middle - row[source] * symmetry.middle[source] + shift
        moved.append(row[source] * axes[source] + constant)
    turned = torch.stack(moved, dim=-1)
    return turned if symmetry.period is None else turned % symmetry.period


def turn_features(features: Float[Tensor, "*B N F"], symmetry: Symmetry) -> Float[Tensor, "*B N F"]:
    """Return the features of turned points."""
    return _signed(features, symmetry.feature_signs)


def turn_fields(fields: Float[Tensor, "*B N C"], symmetry: Symmetry) -> Float[Tensor, "*B N C"]:
    """Return the fields of turned points. It is its own inverse: it turns fields back, too."""
    signed = _signed(fields, symmetry.field_signs)
    return signed + fields.new_tensor(symmetry.field_offsets) if symmetry.field_offsets else signed


def _signed(values: Tensor, signs: Sequence[int]) -> Tensor:
    return values * values.new_tensor(signs) if signs else values
