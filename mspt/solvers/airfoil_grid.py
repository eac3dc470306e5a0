"""C-grids around airfoils: NACA 0012 in parabolic coordinates, deformed with the airfoil.

Letters: I points along the C, J points away from the airfoil.
"""

from typing import NamedTuple

import numpy as np
import scipy  # its subpackages are imported when first used, which keeps this import short
from jaxtyping import Float
from numpy import ndarray

from mspt.errors import SolverError

SHAPE = (221, 51)
"""Points along the C and away from the airfoil, as in the public airfoil benchmark."""

FAR = 20.0
"""Distance in chords of the outer boundary from the nose, and of its ends from the tail."""

FOCUS = 0.0079
"""Focus of the parabolas, in chords behind the nose: half of the radius of the nose."""

WAKE = 44
"""Cells along the C on either side of the wake."""

FIRST_SPACING = 0.005
"""Distance of the first point from the wall, in parabolic coordinates."""

NUM_CONTROLS = 4
"""Control points on either side of the airfoil, at a third of the chord from each other."""

BOX = 0.1
"""Distance of the control points from the chord."""

MAX_MOVE = 0.05
"""Largest move of a control point in the data set, in chords."""

WAKE_GROWTH = 0.6
"""Power of the growth of cells along the wake by which they also grow across it."""

SPREAD = 0.8
"""How far lines spread on their way to the outer boundary: 1 makes their distances equal there."""

TAIL_CLUSTER = 0.5
"""By how much points are closer at the tail than on average, as a share."""

REACH = 0.8
"""Length over which the deformation of the grid fades away from the chord."""


class Grid(NamedTuple):
    """A C-grid: from the lower end of the wake around the airfoil to the upper end.

    Attributes:
        points: Coordinates in chords, nose at the origin; the last axis is (x, y).
        parabolic: Parabolic coordinates of the same points before the deformation.
        move: Vertical displacement of each point by the deformation, in chords.
        wake: Cells along the C on either side of the wake.
    """

    points: Float[ndarray, "I J 2"]
    parabolic: Float[ndarray, "I J 2"]
    move: Float[ndarray, "I J"]
    wake: int


def naca_thickness(x: Float[ndarray, "..."]) -> Float[ndarray, "..."]:
    """Return half the thickness of NACA 0012 with a sharp trailing edge, in chords.

    Examples:
        >>> print(f"{naca_thickness(np.array([0.3]))[0]:.4f}")
        0.0600
    """
    slope = -0.1260 + x * (-0.3516 + x * (0.2843 - 0.1036 * x))
    return 0.6 * (0.2969 * np.sqrt(x) + x * slope)


def build_grid(moves: Float[ndarray, "2 4"], *, refine: int = 1, far: float = FAR) -> Grid:
    """Return the grid around NACA 0012, deformed by eight control points.

    The undeformed grid is sheared in the parabolic coordinates xi + i eta = sqrt(z - focus), in
    which an airfoil with its wake is nearly a straight line. The airfoil and the grid around it
    are deformed together by Bernstein polynomials along the chord and linearly across it, as a
    design element with four control points below and four above that move vertically.

    Args:
        moves: Vertical moves of the control points in chords, lower side first, nose to tail.
        refine: Cells along each side of a cell of the points; every ``refine``-th line is a line
            of points.
        far: Distance of the outer boundary from the nose in chords.

    Raises:
        SolverError: If the moves are not eight finite numbers, the airfoil crosses itself, or
            cells are folded.

    Examples:
        >>> grid = build_grid(np.zeros((2, 4)))
        >>> grid.points.shape, grid.wake
        ((221, 51, 2), 44)
    """
    if not np.isfinite(moves).all():
        raise SolverError(
            f"moves must be 2 x {NUM_CONTROLS} finite numbers, got {moves.ravel().tolist()}; give "
            "the lower side first"
        )
    _check_thickness(moves)
    parabolic, wake = parabolic_grid(refine=refine, far=far), WAKE * refine
    grid = place_points(parabolic, moves=moves)._replace(wake=wake)
    folded = int((cell_areas(grid.points) <= 0).sum())
    if folded:
        raise SolverError(
            f"grid must have cells of positive area, got {folded} folded cells; move the control "
            "points less"
        )
    return grid


def place_points(parabolic: Float[ndarray, "I J 2"], *, moves: Float[ndarray, "2 4"]) -> Grid:
    """Return a grid given in parabolic coordinates in the plane, deformed."""
    x, y = undeformed(parabolic)
    move = deformation(x, y, moves=moves)
    return Grid(np.stack([x, y + move], axis=-1), parabolic, move, WAKE)


def undeformed(parabolic: Float[ndarray, "... 2"]) -> tuple[ndarray, ndarray]:
    """Return x and y of points in parabolic coordinates.

    Examples:
        >>> x, y = undeformed(np.array([[1.0, 0.0]]))
        >>> float(x[0]), float(y[0])
        (1.0079, 0.0)
    """
    xi, eta = parabolic[..., 0], parabolic[..., 1]
    # Products, not squares of complex numbers: both sides of the wake agree to the last bit.
    return (xi - eta) * (xi + eta) + FOCUS, 2 * xi * eta


def deformation(
    x: Float[ndarray, "..."], y: Float[ndarray, "..."], *, moves: Float[ndarray, "2 4"]
) -> Float[ndarray, "..."]:
    """Return the vertical displacement of points by the control points.

    Examples:
        >>> lifted = deformation(np.array([0.5]), np.array([0.0]), moves=np.full((2, 4), 0.02))
        >>> lifted.tolist()
        [0.02]
    """
    along = np.clip(x, 0.0, 1.0)
    weights = [scipy.special.binom(3, k) * along**k * (1 - along) ** (3 - k) for k in range(4)]
    lower, upper = (sum(w * d for w, d in zip(weights, side, strict=True)) for side in moves)
    across = (1 + np.clip(y / BOX, -1.0, 1.0)) / 2
    away = np.hypot(x - along, y)
    return ((1 - across) * lower + across * upper) * np.exp(-((away / REACH) ** 2))


def naca_moves(*, camber: float = 0.0, thickness: float = 0.12) -> Float[ndarray, "2 4"]:
    """Return the moves of the control points that make NACA 0012 another NACA airfoil, or nearly.

    The thickness of a symmetric one is met to 1% of itself, as the deformation fades a little away
    from the chord. The camber line of the four-digit airfoils with the largest camber at 40% of the
    chord is fitted by the cubic that the control points can make.

    Args:
        camber: Largest height of the camber line in chords: 0.02 for NACA 2412.
        thickness: In chords: 0.12 for NACA 2412.

    Examples:
        >>> naca_moves(thickness=0.15).round(4).tolist()[1]
        [0.025, 0.025, 0.025, 0.025]
    """
    x = np.linspace(0, 1, 101)
    line = np.where(x < 0.4, x * (0.8 - x) / 0.16, (0.2 + 0.8 * x - x**2) / 0.36)
    weights = np.stack([3 * x * (1 - x) ** 2, 3 * x**2 * (1 - x)], axis=-1)  # zero at both ends
    bent = np.zeros(NUM_CONTROLS)
    bent[1:3] = np.linalg.lstsq(weights, camber * line, rcond=None)[0]
    apart = BOX * (thickness / 0.12 - 1)
    return np.stack([bent - apart, bent + apart])


def airfoil_outline(moves: Float[ndarray, "2 4"], num_points: int = 201) -> Float[ndarray, "P 2"]:
    """Return points of the deformed airfoil, from the tail along the lower side and back above."""
    angle = np.linspace(0, np.pi, num_points)
    x = (1 + np.cos(angle)) / 2
    lower, upper = (
        side * naca_thickness(x) + deformation(x, side * naca_thickness(x), moves=moves)
        for side in (-1, 1)
    )
    return np.concatenate([np.stack([x, lower], -1), np.stack([x, upper], -1)[-2::-1]])


def parabolic_grid(*, refine: int = 1, far: float = FAR) -> Float[ndarray, "I J 2"]:
    """Return the undeformed grid in parabolic coordinates, from the lower end of the wake on."""
    num_wall, num_away = SHAPE[0] // 2 - WAKE, SHAPE[1] - 1
    tail, end = (1 - FOCUS) ** 0.5, (far + 1) ** 0.5
    t = np.linspace(0, 1, num_wall * refine + 1)
    on_wall = tail * (t + TAIL_CLUSTER * np.sin(np.pi * t) / np.pi)
    spacing = tail * (1 - TAIL_CLUSTER) / num_wall / (end - tail)
    rate = stretch_rate(WAKE, first=spacing)
    t = np.linspace(0, 1, WAKE * refine + 1)
    xi = np.append(on_wall, tail + (end - tail) * np.sinh(rate * t[1:]) / np.sinh(rate))
    # Cells of the wake grow away from it too, so that they do not become too flat.
    growth = np.append(np.ones(num_wall * refine), np.cosh(rate * t) ** WAKE_GROWTH)
    rates = [stretch_rate(num_away, first=g * FIRST_SPACING / far**0.5) for g in growth]
    s = np.linspace(0, 1, num_away * refine + 1)
    fraction = np.stack([np.sinh(rate * s) / np.sinh(rate) for rate in rates])
    wall = np.interp(xi, *_wall_curve())[:, None]
    wall[num_wall * refine :] = 0.0  # rounding would tear the tail open
    # Lines spread with the distance from the wall, so that cells far away are not too narrow.
    spread = SPREAD * fraction**2 * (3 - 2 * fraction)
    even = np.linspace(0, end, len(xi))[:, None]
    upper = np.stack(
        [xi[:, None] + spread * (even - xi[:, None]), wall + (far**0.5 - wall) * fraction], axis=-1
    )
    return np.concatenate([upper[:0:-1] * [-1.0, 1.0], upper])


def stretch_rate(num_cells: int, *, first: float) -> float:
    """Return b such that sinh(b t) / sinh(b) begins with a given step of ``num_cells`` equal ones.

    Examples:
        >>> rate = stretch_rate(10, first=0.01)
        >>> print(f"{np.sinh(rate / 10) / np.sinh(rate):.4f}")
        0.0100
    """
    return scipy.optimize.brentq(lambda b: np.sinh(b / num_cells) / np.sinh(b) - first, 1e-6, 50)


def _wall_curve() -> tuple[ndarray, ndarray]:
    """Return the upper side of NACA 0012 and its wake in parabolic coordinates, xi rising."""
    x = np.linspace(0, 1, 4001) ** 2
    mapped = np.asarray(np.sqrt(x - FOCUS + 1j * naca_thickness(x)), dtype=np.complex128)
    # Beyond the tail eta is 0, which np.interp continues.
    return np.append(np.real(mapped), 1e3), np.append(np.imag(mapped), 0.0)


def thinnest(moves: Float[ndarray, "2 4"]) -> tuple[float, float]:
    """Return the smallest thickness of an airfoil over that of NACA 0012, and where it is.

    Examples:
        >>> share, _ = thinnest(naca_moves(thickness=0.06))
        >>> print(f"{share:.2f}")
        0.50
    """
    x, thickness = _thickness(moves)
    share = thickness[1:-1] / (2 * naca_thickness(x[1:-1]))
    return float(share.min()), float(x[1:-1][share.argmin()])


def _thickness(moves: ndarray) -> tuple[ndarray, ndarray]:
    """Return places along the chord, nose first, and the thickness there."""
    outline = airfoil_outline(moves)
    half = len(outline) // 2
    return outline[half:, 0], outline[half:, 1] - outline[half::-1, 1]


def _check_thickness(moves: ndarray) -> None:
    x, thickness = _thickness(moves)
    thin = int(thickness[1:-1].argmin()) + 1  # nose and tail have none
    if thickness[thin] <= 0:
        raise SolverError(
            "airfoil must have its upper side above its lower side, got a thickness of "
            f"{thickness[thin]:.3g} chords at x = {x[thin]:.2f}; move the control "
            "points apart"
        )


def cell_areas(points: Float[ndarray, "I J 2"]) -> Float[ndarray, "I-1 J-1"]:
    """Return the areas of cells, positive where they are not folded."""
    first = points[1:, 1:] - points[:-1, :-1]
    second = points[:-1, 1:] - points[1:, :-1]
    return (first[..., 0] * second[..., 1] - first[..., 1] * second[..., 0]) / 2
