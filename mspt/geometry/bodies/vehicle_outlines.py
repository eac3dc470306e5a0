"""Outlines of vehicles from the side, from above and from the front.

Shapes: V corners of an outline, W points of it.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from mspt.geometry.bodies.vehicles import Vehicle
from mspt.geometry.implicit import MAX_EDGE_SHARE

Outline = Float64[ndarray, "W 2"]

SOFT = 1.0
"""Radius of corners that are rounded as far as their edges allow."""

BEYOND = 0.04
"""Distance by which outlines from above and from the front reach beyond that from the side, which
alone then decides where a body ends: two outlines that coincide would round its edges twice."""

EMBEDDED = 0.6
"""Height of a cabin's lower end, as a share of the height of the hood: within the body."""


def arc_outline(
    corners: Float64[ndarray, "V 2"], radii: Sequence[float], *, steps: int = 8
) -> Outline:
    """Return a closed outline with a circular arc in place of each corner.

    A radius is reduced where its arc would take more than 45 % of an edge.

    Args:
        corners: Corners of the outline.
        radii: Radius of each corner.
        steps: Line segments of each arc.

    Examples:
        >>> square = np.array([(0, 0), (2, 0), (2, 2), (0, 2)], dtype=float)
        >>> arc = arc_outline(square, [0.5, 0.0, 0.0, 0.0])[:9]
        >>> np.allclose(np.linalg.norm(arc - 0.5, axis=1), 0.5)
        True
    """
    before, after = np.roll(corners, 1, axis=0) - corners, np.roll(corners, -1, axis=0) - corners
    lengths = np.linalg.norm(before, axis=1), np.linalg.norm(after, axis=1)
    before, after = before / lengths[0][:, None], after / lengths[1][:, None]
    half = np.arccos(np.clip((before * after).sum(axis=1), -1, 1)) / 2
    slope = np.maximum(np.tan(half), 1e-9)
    tangent = np.minimum(np.array(radii) / slope, MAX_EDGE_SHARE * np.minimum(*lengths))
    start, stop = corners + before * tangent[:, None], corners + after * tangent[:, None]
    # A rational quadratic Bezier curve whose middle weight is the sine of half the angle is an arc.
    t, weight = np.linspace(0, 1, steps + 1)[:, None, None], np.sin(half)[:, None]
    shares = (1 - t) ** 2, 2 * weight * t * (1 - t), t**2
    arcs = (shares[0] * start + shares[1] * corners + shares[2] * stop) / sum(shares)
    return arcs.transpose(1, 0, 2).reshape(-1, 2)


def mirrored(right: Sequence[tuple[float, float]], radii: Sequence[float]) -> Outline:
    """Return an outline that is symmetric about its second axis, from its right half upward."""
    left = [(-y, z) for y, z in reversed(right)]
    return arc_outline(np.array([*right, *left]), [*radii, *reversed(radii)])


def body_side(car: Vehicle) -> Outline:
    """Return the outline from the side of the body up to hood and deck."""
    low, tail = car.clearance, car.tail
    rise = min(car.diffuser, 0.4 * (tail - low))
    top = [
        (0.012, max(car.nose, low + 0.05)),
        (0.3 * car.cowl, car.nose + 0.72 * (car.hood - car.nose)),
        (car.cowl, car.hood),
        ((car.cowl + car.deck_x) / 2, max(car.hood, car.deck) + 0.004),
        (car.deck_x, car.deck),
    ]
    lower = [
        (0.985, low + 0.3 * (tail - low) + rise),
        (0.955, low + rise),
        (0.8, low),
        (0.12, low),
        (0.03, low + 0.006),
        (0.0, low + 0.4 * (max(car.nose, low + 0.05) - low)),
    ]
    corners = [*top, (0.985, tail), (1.0, (tail + low) / 2 + 0.02), *lower]
    tail_radius = car.tail_radius
    radii = [
        0.035,
        *[SOFT] * 4,
        tail_radius,
        SOFT,
        tail_radius,
        tail_radius,
        SOFT,
        SOFT,
        0.03,
        0.05,
    ]
    return arc_outline(np.array(corners), radii)


def cabin_side(car: Vehicle) -> Outline:
    """Return the outline of the cabin from the side; its lower end lies within the body."""
    base, roof = EMBEDDED * car.hood, car.height
    run = car.roof_stop - car.roof_start
    drop = 0.016 if car.roof_stop > 0.75 else 0.01
    corners = [
        (car.cowl - 0.02, base),
        (car.cowl, car.hood - 0.004),
        (car.roof_start, roof - 0.012),
        (car.roof_start + 0.4 * run, roof + 0.002),
        (car.roof_stop, roof - drop),
        (car.deck_x, car.deck - 0.004),
        (car.deck_x - 0.01, base),
    ]
    rear = max(car.tail_radius, 0.008) if car.roof_stop > 0.75 else SOFT
    return arc_outline(np.array(corners), [0.01, 0.02, SOFT, SOFT, rear, 0.02, 0.01])


def tall_side(car: Vehicle) -> Outline:
    """Return the outline from the side of a vehicle of one volume, from underbody to roof."""
    low, roof = car.clearance, car.height
    middle = (car.roof_start + car.roof_stop) / 2
    corners = [
        (0.0, car.nose),
        (car.cowl, car.hood),
        (0.4 * car.cowl + 0.6 * car.roof_start, car.hood + 0.75 * (roof - car.hood)),
        (car.roof_start + 0.02, roof - 0.004),
        (middle, roof),
        (car.roof_stop, roof - 0.004),
        (1.0, (roof + low) / 2),
        (0.99, low + min(car.diffuser, 0.03)),
        (0.9, low),
        (0.06, low),
        (0.008, low + 0.02),
    ]
    tail = car.tail_radius
    radii = [0.03, SOFT, SOFT, SOFT, SOFT, tail, SOFT, tail, SOFT, 0.02, 0.02]
    return arc_outline(np.array(corners), radii)


def body_plan(car: Vehicle, *, nose: float = 0.0) -> Outline:
    """Return the outline from above.

    Args:
        car: The vehicle.
        nose: Length over which the nose widens, beside the bow; for trains.
    """
    half, front = car.width / 2, car.bow + nose
    right = [
        (0.0, 0.5 * half if nose == 0 else 0.2 * half),
        (0.35 * front + 0.004, (0.8 if nose == 0 else 0.62) * half),
        (front + 0.05, 0.965 * half),
        (front + 0.22, half),
        (max(0.72, front + 0.3), half),
        (0.93, (1 - 0.6 * car.taper) * half),
        (1 + BEYOND, (1 - car.taper) * half),
    ]
    corners = np.array([*right, *[(x, -y) for x, y in reversed(right)]])
    radii = [*[SOFT] * 6, 0.0]
    return arc_outline(corners, [*radii, *reversed(radii)])


def cabin_plan(car: Vehicle) -> Outline:
    """Return the outline of the cabin from above: a round windshield, narrower at the rear."""
    half = car.width / 2 - car.shoulder
    start, stop = car.cowl - 0.03, car.deck_x + 0.01
    run = stop - start
    right = [
        (start, 0.55 * half),
        (start + 0.16 * run, 0.92 * half),
        (start + 0.4 * run, half),
        (start + 0.72 * run, (1 - 0.4 * car.taper) * half),
        (stop + BEYOND, (1 - 1.3 * car.taper) * half),
    ]
    corners = np.array([*right, *[(x, -y) for x, y in reversed(right)]])
    radii = [*[SOFT] * 4, 0.0]
    return arc_outline(corners, [*radii, *reversed(radii)])


def body_front(car: Vehicle, top: float) -> Outline:
    """Return the outline from the front of a body up to a height, widest below its middle."""
    half, low = car.width / 2, car.clearance
    rise = top - low
    right = [
        (0.76 * half, low - BEYOND),
        (0.965 * half, low + 0.12 * rise),
        (half, low + 0.48 * rise),
        (0.985 * half, low + 0.8 * rise),
        (0.9 * half, top + BEYOND),
    ]
    return mirrored(right, [0.0, SOFT, SOFT, SOFT, 0.0])


def tall_front(car: Vehicle) -> Outline:
    """Return the outline from the front of a vehicle of one volume, with nearly straight sides."""
    half, low, roof = car.width / 2, car.clearance, car.height
    top = half * (1 - car.tumblehome)
    right = [(0.93 * half, low - BEYOND), (half, low + 0.05), (half, 0.6 * roof)]
    return mirrored([*right, (top, roof + BEYOND)], [0.0, SOFT, SOFT, 0.0])


def cabin_front(car: Vehicle) -> Outline:
    """Return the outline of the cabin from the front, narrower toward the roof."""
    half, base = car.width / 2 - car.shoulder, EMBEDDED * car.hood
    belt, roof = (car.hood + car.deck) / 2, car.height
    top = half * (1 - car.tumblehome)
    right = [
        (half, base),
        (half, belt),
        (half - 0.45 * (half - top), belt + 0.55 * (roof - belt)),
        (top, roof - 0.004),
        (0.45 * top, roof + 0.012),
    ]
    return mirrored(right, [0.01, SOFT, SOFT, 0.05, SOFT])
