"""Steady flow through a curved pipe in two dimensions.

The pipe is 10 long and 1 high: its points are (x, center(x) + y) with 0 <= x <= 10 and
-1/2 <= y <= 1/2, and center is a cubic Hermite spline through five knots. The flow enters at x = 0
along the center line with the parabola 1 - 4 y^2, sticks to both walls, and leaves freely at
x = 10. Lengths are in heights of the pipe, velocities in the largest u_x of the inlet.

Arrays of shape (129, 129) hold values at the points of a case: the first axis runs along the pipe,
the second one from the lower wall to the upper one.
"""

from dataclasses import dataclass

import numpy as np
import scipy  # its subpackages are imported when first used, which keeps this import short
from jaxtyping import Float
from numpy import ndarray

from mspt.errors import SolverError
from mspt.solvers.pipe_flow import Flow, Setting, midpoint_matrix, solve_flow

GRID_SIZE = 129
"""Points along and across the pipe, as in the public pipe benchmark."""

ELEMENTS = 128, 32
"""Elements along and across the pipe. The flow varies faster along it than in the parabola across,
for which 32 elements differ from 64 by 2e-5."""

LENGTH = 10.0

NUM_KNOTS = 5

HEIGHT_RANGE = (-2.0, 2.0)
"""Of the center line at the knots, as in the public pipe benchmark."""

SLOPE_RANGE = (-1.0, 1.0)
"""The same for its slope."""

VISCOSITY = 0.005
"""With the largest inlet velocity and the height of the pipe: Reynolds number 200."""

MAX_SLOPE = 6.0
"""Steepest center line between knots that is solved; those of the data set stay below 4.5."""


@dataclass(frozen=True, kw_only=True)
class CenterLine:
    """The center line of a pipe, by its knots at x = 0, 2.5, 5, 7.5 and 10.

    Attributes:
        heights: Its y at the knots.
        slopes: Its dy/dx at the knots.
    """

    heights: Float[ndarray, "5"]
    slopes: Float[ndarray, "5"]

    def at(self, x: Float[ndarray, " N"]) -> Float[ndarray, " N"]:
        """Return its y.

        Examples:
            >>> line = CenterLine(heights=np.arange(5.0), slopes=np.full(5, 0.4))
            >>> line.at(np.array([0.0, 5.0, 6.25])).tolist()
            [0.0, 2.0, 2.5]
        """
        return self._spline()(x)

    def slope_at(self, x: Float[ndarray, " N"]) -> Float[ndarray, " N"]:
        """Return its dy/dx."""
        return self._spline()(x, 1)

    def steepest(self) -> float:
        """Return the largest slope anywhere, without its sign."""
        return float(np.abs(self.slope_at(np.linspace(0, LENGTH, 1001))).max())

    def _spline(self) -> "scipy.interpolate.CubicHermiteSpline":
        knots = np.linspace(0, LENGTH, NUM_KNOTS)
        return scipy.interpolate.CubicHermiteSpline(knots, self.heights, self.slopes)


@dataclass(frozen=True, kw_only=True)
class PipeSolution:
    """Flow through a pipe.

    Attributes:
        points: The 129 x 129 points of a case.
        velocity: At these points.
        grid: Nodes of the solver's grid.
        flow: Velocity and pressure there.
    """

    points: Float[ndarray, "129 129 2"]
    velocity: Float[ndarray, "129 129 2"]
    grid: Float[ndarray, "I J 2"]
    flow: Flow


def sample_center_line(seed: int) -> CenterLine:
    """Draw a center line: heights from -2 to 2 and slopes from -1 to 1, uniformly.

    These are the ranges of the public pipe data (Li et al., 2022, Geo-FNO).

    Args:
        seed: Seed of the line; the same seed always gives the same line.

    Examples:
        >>> line = sample_center_line(0)
        >>> bool((abs(line.heights) <= 2).all()), bool((abs(line.slopes) <= 1).all())
        (True, True)
    """
    rng = np.random.default_rng(seed)
    heights = rng.uniform(*HEIGHT_RANGE, NUM_KNOTS)
    return CenterLine(heights=heights, slopes=rng.uniform(*SLOPE_RANGE, NUM_KNOTS))


def pipe_points(
    line: CenterLine, *, along: int = GRID_SIZE, across: int = GRID_SIZE
) -> Float[ndarray, "I J 2"]:
    """Return the grid of a pipe: vertical lines from the lower to the upper wall.

    Examples:
        >>> straight = CenterLine(heights=np.zeros(5), slopes=np.zeros(5))
        >>> pipe_points(straight, along=2, across=3)[1].tolist()
        [[10.0, -0.5], [10.0, 0.0], [10.0, 0.5]]
    """
    x = np.linspace(0, LENGTH, along)
    y = line.at(x)[:, None] + np.linspace(-0.5, 0.5, across)
    return np.stack([np.broadcast_to(x[:, None], y.shape), y], axis=-1)


def solve_pipe(line: CenterLine, *, viscosity: float = VISCOSITY, finer: int = 1) -> PipeSolution:
    """Return the steady flow through a pipe at its 129 x 129 points.

    Args:
        line: Its center line.
        viscosity: Kinematic viscosity, in heights times inlet velocities.
        finer: Power of two: multiples of 128 elements along the pipe and of 32 across.

    Raises:
        SolverError: If the center line is not finite or too steep, or the flow finds no steady
            state.

    Examples:
        >>> straight = CenterLine(heights=np.zeros(5), slopes=np.zeros(5))
        >>> velocity = solve_pipe(straight).velocity
        >>> bool(np.allclose(velocity[128, ::32, 0], [0, 0.75, 1, 0.75, 0]))
        True
    """
    check_line(line)
    grid = pipe_points(line, along=2 * finer * ELEMENTS[0] + 1, across=2 * finer * ELEMENTS[1] + 1)
    flow = solve_flow(pipe_setting(line, grid, viscosity=viscosity))
    along = flow.velocity[:: 2 * finer]  # two nodes of the solver's grid for each point
    # Across the pipe there are two points for each node: every element gives five, not three.
    between = midpoint_matrix(along.shape[1])[::finer]
    velocity = np.einsum("bj,ijx->ibx", between, along)
    return PipeSolution(points=pipe_points(line), velocity=velocity, grid=grid, flow=flow)


def discretization_error(seeds: range = range(5)) -> float:
    """Measure the discretization error of u_x; takes about a minute.

    Returns:
        Mean relative L2 error at the 129 x 129 points against elements half as long and half as
        high.
    """
    errors = []
    for seed in seeds:
        line = sample_center_line(seed)
        own, finer = (solve_pipe(line, finer=finer).velocity[..., 0] for finer in (1, 2))
        errors.append(np.linalg.norm(own - finer) / np.linalg.norm(finer))
    return float(np.mean(errors))


def pipe_setting(
    line: CenterLine, points: Float[ndarray, "I J 2"], *, viscosity: float = VISCOSITY
) -> Setting:
    """Return what determines the flow through a pipe on a grid of nodes."""
    given = np.zeros(points.shape[:2], dtype=bool)
    given[0] = given[:, 0] = given[:, -1] = True
    # The parabola all along the center line is exact in a straight pipe; it never has divergence.
    parabola = 1 - np.linspace(-1, 1, points.shape[1]) ** 2
    slope = line.slope_at(points[:, 0, 0])[:, None]
    velocity = np.stack([np.broadcast_to(parabola, given.shape), slope * parabola], axis=-1)
    return Setting(points=points, given=given, velocity=velocity, viscosity=viscosity)


def check_line(line: CenterLine) -> None:
    """Refuse a center line that is not solved.

    Raises:
        SolverError: If it is not finite or too steep.
    """
    if not (np.isfinite(line.heights).all() and np.isfinite(line.slopes).all()):
        raise SolverError(
            "center line must have finite heights and slopes, got "
            f"{line.heights.tolist()} and {line.slopes.tolist()}; set a number at every knot"
        )
    if (steepest := line.steepest()) > MAX_SLOPE:
        raise SolverError(
            f"center line must have slopes up to {MAX_SLOPE:g}, got {steepest:.3g}; "
            "lower the differences between its knots"
        )
