"""What a canvas shows of an input that is drawn by moving points, or painted as a smooth field.

Letters: R x C numbers of an input, P points of a line.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float
from numpy import ndarray


@dataclass(frozen=True, kw_only=True)
class Control:
    """A number of the input, which a person changes by moving a point.

    Attributes:
        name: What it is, with its unit if it has one.
        limits: Smallest and largest value that the canvas takes.
        trained: The same in the training cases.
    """

    name: str
    limits: tuple[float, float]
    trained: tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Handle:
    """A point that a person moves.

    It lies at ``at``, moved along x by the number ``across``, and along y by ``reach`` times the
    number ``upward`` plus the number ``carrier``. Numbers are counted row by row.

    Attributes:
        at: Where it lies when all of these numbers are zero.
        upward: Number that moves it up and down.
        across: Number that moves it along x; None for a point that only moves up and down.
        reach: How far it moves up for a change of its number by 1.
        carrier: Number of another handle that carries this one along; None for one on its own.
    """

    at: tuple[float, float]
    upward: int
    across: int | None = None
    reach: float = 1.0
    carrier: int | None = None


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line of a canvas.

    Attributes:
        points: Its points (x, y).
        role: ``body`` for the outline of what is drawn, which is filled; ``block`` for that of what
            stays as it is; ``guide`` for a thin line.
        corners: How many of its last points stay where they are.
    """

    points: Float[ndarray, "P 2"]
    role: Literal["body", "block", "guide"] = "body"
    corners: int = 0


@dataclass(frozen=True, kw_only=True)
class ControlPoints:
    """An input of a few numbers that is drawn by moving points.

    Attributes:
        controls: The numbers of the input, row by row.
        handles: The points that change them.
        lines: Return what the canvas draws of an input.
        law: How lines follow the numbers between two messages of the canvas: each y is an affine
            function of all numbers (``affine``), or is interpolated between the handles by the
            monotone cubic of Fritsch and Carlson (``monotone``).
        view: Ranges of x and y that the canvas shows.
        height: Height of the canvas over its width.
        unit: Unit of x and y.
    """

    controls: tuple[Control, ...]
    handles: tuple[Handle, ...]
    lines: Callable[[Float[ndarray, "R C"]], tuple[Line, ...]]
    law: Literal["affine", "monotone"]
    view: tuple[tuple[float, float], tuple[float, float]]
    height: float
    unit: str


@dataclass(frozen=True, kw_only=True)
class PaintedField:
    """A smooth field on a torus that is painted by adding blobs to a start.

    Attributes:
        shape: Rows and columns of the input; row i, column j lies at (j / columns, i / rows).
        strengths: Values in the middle of a blob that can be chosen; each also with a minus.
        widths: Standard deviations of the blobs that can be chosen, in lengths of the torus.
        trained: Smallest and largest of the greatest absolute values of the training cases.
    """

    shape: tuple[int, int]
    strengths: tuple[float, ...]
    widths: tuple[float, ...]
    trained: tuple[float, float]


def blobs_on_torus(
    blobs: Float[ndarray, "K 4"], shape: tuple[int, int]
) -> Float[ndarray, "rows columns"]:
    """Return a sum of Gaussian blobs on the unit torus, without its mean.

    Args:
        blobs: x, y, standard deviation and value in the middle of each.
        shape: Rows and columns; row i, column j lies at (j / columns, i / rows).

    Examples:
        >>> field = blobs_on_torus(np.array([[0.5, 0.25, 0.05, 2.0]]), (4, 4))
        >>> field.round(3).tolist()[1], bool(abs(field.mean()) < 1e-15)
        ([-0.125, -0.125, 1.875, -0.125], True)
    """
    total = np.zeros(shape)
    for x, y, width, strength in blobs:
        along_y, along_x = (
            _ring_bump(np.arange(size) / size, middle, width)
            for size, middle in zip(shape, (y, x), strict=True)
        )
        total += strength * np.outer(along_y, along_x)
    return total - total.mean()


def _ring_bump(places: ndarray, middle: float, width: float) -> ndarray:
    """Return a Gaussian around the middle on a ring of length 1."""
    distance = places - middle % 1 + np.array([[-1], [0], [1]])
    return np.exp(-(distance**2) / (2 * width**2)).sum(axis=0)
