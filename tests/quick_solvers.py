"""Solvers that stop early, for tests of what goes into them and of what becomes of the result."""

from functools import partial

import pytest

from mspt.data.sets import navier_stokes, pipe
from mspt.solvers import airfoil, plasticity
from mspt.solvers.pipe import CenterLine, PipeSolution, solve_pipe

QUICK_TOLERANCE = 2e-3
"""Change at which a flow around an airfoil counts as steady, after a tenth of a second."""

_SOLVED: dict[bytes, PipeSolution] = {}


def use_quick_solvers(patch: pytest.MonkeyPatch) -> None:
    """Stop long before a flow is steady, a die is down, or a vortex has turned.

    A pipe takes its time, but is solved only once.
    """
    steps = partial(airfoil.airfoil_steps, tolerance=QUICK_TOLERANCE)
    patch.setattr(airfoil, "airfoil_steps", steps)
    patch.setattr(plasticity, "DURATION", 0.05)
    frames = partial(navier_stokes.flow_frames, steps_per_frame=1, frame_time=0.01)
    patch.setattr(navier_stokes, "flow_frames", frames)
    patch.setattr(pipe, "solve_pipe", _solve_once)


def _solve_once(line: CenterLine) -> PipeSolution:
    key = line.heights.tobytes() + line.slopes.tobytes()
    if key not in _SOLVED:
        _SOLVED[key] = solve_pipe(line)
    return _SOLVED[key]
