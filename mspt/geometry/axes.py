"""Which way a shape faces, as two axes of its file, and the quarter turns that lead to all others.

An orientation has 24 values: six axes for the nose, and for each of them four that point up. Every
change below is a rotation of the body in the wind tunnel, never a reflection.
"""

from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
from jaxtyping import Int64
from numpy import ndarray

from mspt.errors import GeometryError

Axis = Literal["+x", "-x", "+y", "-y", "+z", "-z"]


@dataclass(frozen=True)
class Orientation:
    """Axes of a file along which the nose of a shape and its top point.

    Attributes:
        forward: Axis along which the nose points.
        up: Axis that points up.

    Raises:
        GeometryError: If an axis is unknown, or both are the same one.
    """

    forward: Axis
    up: Axis

    def __post_init__(self) -> None:
        """Reject axes that orient no body."""
        require_axes(self.forward, self.up)

    @property
    def left(self) -> Axis:
        """Axis of the file on the left of someone who faces forward.

        Examples:
            >>> Orientation("+x", "+z").left
            '+y'
        """
        return _axis(np.cross(direction(self.up), direction(self.forward)))


def require_axes(forward: str, up: str) -> None:
    """Refuse axes that orient no body.

    Raises:
        GeometryError: If an axis is unknown, or both are the same one.
    """
    for name, value in (("forward", forward), ("up", up)):
        known = get_args(Axis)
        if value not in known:
            raise GeometryError(f"{name} must be one of {', '.join(known)}, got {value!r}")
    if forward[1] == up[1]:
        raise GeometryError(
            f"forward and up must be different axes, got {forward} and {up}; choose another axis"
        )


def direction(axis: Axis) -> Int64[ndarray, " 3"]:
    """Return an axis as a unit vector.

    Examples:
        >>> direction("-y").tolist()
        [0, -1, 0]
    """
    sign = 1 if axis[0] == "+" else -1
    return sign * np.eye(3, dtype=np.int64)["xyz".index(axis[1])]


def opposite(axis: Axis) -> Axis:
    """Return the axis that points the other way.

    Examples:
        >>> opposite("+x")
        '-x'
    """
    return _axis(-direction(axis))


def flipped(orientation: Orientation) -> Orientation:
    """Exchange nose and tail: half a turn about the axis that points up.

    Examples:
        >>> flipped(Orientation("+x", "+z"))
        Orientation(forward='-x', up='+z')
    """
    return replace(orientation, forward=opposite(orientation.forward))


def turned(orientation: Orientation) -> Orientation:
    """Turn a body by a quarter about the axis that points up: its left side becomes the nose.

    Examples:
        >>> turned(Orientation("+x", "+z"))
        Orientation(forward='+y', up='+z')
    """
    return replace(orientation, forward=orientation.left)


def stood_up(orientation: Orientation) -> Orientation:
    """Turn a body by a quarter about the axis to its side: its nose becomes the top.

    Examples:
        >>> stood_up(Orientation("+x", "+z"))
        Orientation(forward='-z', up='+x')
    """
    return Orientation(forward=opposite(orientation.up), up=orientation.forward)


def with_forward(orientation: Orientation, axis: Axis) -> Orientation:
    """Let the nose point along another axis.

    The axis that points up stays, unless it is the same one: then the body turns about the axis to
    its side, which exchanges the two.

    Examples:
        >>> with_forward(Orientation("+x", "+z"), "+y")
        Orientation(forward='+y', up='+z')
        >>> with_forward(Orientation("-x", "+z"), "+z")
        Orientation(forward='+z', up='+x')
    """
    if axis[1] != orientation.up[1]:
        return replace(orientation, forward=axis)
    same = axis == orientation.up
    return Orientation(
        forward=axis, up=opposite(orientation.forward) if same else orientation.forward
    )


def with_up(orientation: Orientation, axis: Axis) -> Orientation:
    """Let another axis point up.

    The axis of the nose stays, unless it is the same one: then the body turns about the axis to its
    side, which exchanges the two.

    Examples:
        >>> with_up(Orientation("+x", "+z"), "-z")
        Orientation(forward='+x', up='-z')
        >>> with_up(Orientation("-x", "+z"), "+x")
        Orientation(forward='+z', up='+x')
    """
    if axis[1] != orientation.forward[1]:
        return replace(orientation, up=axis)
    same = axis == orientation.forward
    return Orientation(forward=opposite(orientation.up) if same else orientation.up, up=axis)


def _axis(vector: Int64[ndarray, " 3"]) -> Axis:
    index = int(np.abs(vector).argmax())
    return get_args(Axis)[2 * index + (int(vector[index]) < 0)]
