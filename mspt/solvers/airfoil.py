"""Transonic flow around airfoils: the steady Euler equations at Mach 0.8, no angle of attack.

An airfoil is NACA 0012, deformed by eight control points; see :mod:`mspt.solvers.airfoil_grid`. The
flow is computed by :mod:`mspt.solvers.euler` on the grid of the points.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from mspt.errors import SolverError
from mspt.progress import ShareDone, last_event
from mspt.solvers.airfoil_grid import FAR, MAX_MOVE, NUM_CONTROLS, build_grid
from mspt.solvers.euler import (
    cycle,
    grid_levels,
    mach_number,
    point_values,
    uniform_flow,
    wall_force,
)

MACH = 0.8
"""Mach number of the free stream."""

TOLERANCE = 1e-7
"""Root mean square change of the density in a step, over the Courant number, to end with.

The Mach number at the points then differs by about 1e-5 of its norm from that after any number of
further cycles.
"""

MAX_CYCLES = 1500
"""Cycles until a flow is given up; usual airfoils need 300 to 450."""

NUM_LEVELS = 3
"""Grids of the multigrid scheme; with two or four of them some flows did not converge."""

DAMPED_CYCLES = 150
"""First cycles, in which waves are damped."""

RELAXATION = 0.05
"""Share of the excess of total enthalpy that a damped cycle removes."""

CYCLES_PER_EVENT = 10
"""Cycles between two reports of the progress."""


@dataclass(frozen=True, kw_only=True)
class AirfoilFlow:
    """Flow around an airfoil.

    Attributes:
        points: Points of the grid in chords, from the lower end of the wake around the airfoil.
        parabolic: Parabolic coordinates of the points before the deformation.
        move: Vertical displacement of the points by the deformation, in chords.
        mach: Mach number at the points.
        drag: Drag coefficient, from the pressure on the airfoil.
        lift: Lift coefficient.
        cycles: Multigrid cycles taken.
    """

    points: Float[ndarray, "I J 2"]
    parabolic: Float[ndarray, "I J 2"]
    move: Float[ndarray, "I J"]
    mach: Float[ndarray, "I J"]
    drag: float
    lift: float
    cycles: int


def sample_moves(seed: int) -> Float[ndarray, "2 4"]:
    """Draw the vertical moves of the control points, uniform up to 0.05 chords either way.

    Args:
        seed: Seed of the airfoil; the same seed always gives the same airfoil.

    Examples:
        >>> moves = sample_moves(0)
        >>> moves.shape, bool((np.abs(moves) <= 0.05).all())
        ((2, 4), True)
    """
    return np.random.default_rng(seed).uniform(-MAX_MOVE, MAX_MOVE, (2, NUM_CONTROLS))


def solve_airfoil(
    moves: Float[ndarray, "2 4"],
    *,
    mach: float = MACH,
    refine: int = 1,
    far: float = FAR,
    tolerance: float = TOLERANCE,
) -> AirfoilFlow:
    """Return the steady flow around an airfoil; see :func:`airfoil_steps`.

    Raises:
        SolverError: If the airfoil crosses itself, the grid folds, or the flow does not converge.
    """
    events = airfoil_steps(moves, mach=mach, refine=refine, far=far, tolerance=tolerance)
    return last_event(event for event in events if isinstance(event, AirfoilFlow))


def airfoil_steps(
    moves: Float[ndarray, "2 4"],
    *,
    mach: float = MACH,
    refine: int = 1,
    far: float = FAR,
    tolerance: float = TOLERANCE,
) -> Iterator[ShareDone | AirfoilFlow]:
    """Compute the steady flow around an airfoil, yielding the progress and then the flow.

    The share that is done is that of the way to the tolerance, on a logarithmic scale.

    Args:
        moves: Vertical moves of the control points in chords, see
            :func:`mspt.solvers.airfoil_grid.build_grid`.
        mach: Mach number of the free stream, below 1.
        refine: Cells of the solver's grid along each side of a cell of the points.
        far: Distance of the outer boundary in chords.
        tolerance: Change of the density in a step to end with.

    Raises:
        SolverError: If the airfoil crosses itself, the grid folds, or the flow does not converge.
    """
    grid = build_grid(moves, refine=refine, far=far)
    levels = grid_levels(grid.points, wake=grid.wake)[:NUM_LEVELS]
    state = uniform_flow(levels[0], mach)
    count, change, first, share = 0, np.inf, 0.0, 0.0
    while not change <= tolerance:  # not-a-number ends the loop with an error
        if count == MAX_CYCLES or np.isnan(change):
            raise SolverError(
                f"flow must converge within {MAX_CYCLES} cycles, got a change of {change:.2g} "
                f"after {count}; move the control points less"
            )
        relaxation = RELAXATION if count < DAMPED_CYCLES else 0.0
        change = cycle(state, levels, mach=mach, relaxation=relaxation)
        count += 1
        first = max(first, change)
        if count % CYCLES_PER_EVENT == 0 and 0 < change < first:
            share = max(share, min(1.0, float(np.log(first / change) / np.log(first / tolerance))))
            yield ShareDone(share)
    drag, lift = wall_force(state, levels[0], mach=mach).tolist()
    kept = np.s_[::refine, ::refine]
    yield AirfoilFlow(
        points=grid.points[kept],
        parabolic=grid.parabolic[kept],
        move=grid.move[kept],
        mach=mach_number(point_values(state, wake=grid.wake))[kept],
        drag=drag,
        lift=lift,
        cycles=count,
    )


def discretization_error(seeds: range = range(5), *, refine: int = 2) -> float:
    """Measure the discretization error of the data set; takes about two minutes.

    Args:
        seeds: Seeds of the airfoils to measure.
        refine: Cells of the finer grid along each side of a cell of the points.

    Returns:
        Mean relative L2 distance of the Mach number at the points from that on the finer grid.
    """
    errors = []
    for seed in seeds:
        mach = solve_airfoil(moves := sample_moves(seed)).mach
        finer = solve_airfoil(moves, refine=refine).mach
        errors.append(np.linalg.norm(mach - finer) / np.linalg.norm(finer))
    return float(np.mean(errors))
