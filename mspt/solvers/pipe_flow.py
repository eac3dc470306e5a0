"""Steady incompressible Navier-Stokes equations on a grid of quadrilaterals, by Newton's method.

    (u . grad) u - nu Laplace u + grad p = f,    div u = 0

with given velocities on some nodes; where nothing is given on the border the flow leaves freely,
nu du/dn = p n. The elements are those of :mod:`mspt.solvers.pipe_elements`.

Letters: I, J nodes along the first and the second axis of a grid, F free unknowns.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from mspt.errors import SolverError
from mspt.solvers.hyperelastic import line_shapes
from mspt.solvers.pipe_elements import (
    Elements,
    Numbering,
    Pattern,
    build_elements,
    jacobian,
    number_unknowns,
    residual,
)

MAX_STEPS = 30
"""Corrections until a flow is given up; usual pipes need four or five on each grid."""

MAX_DOUBLINGS = 4
"""Times that the viscosity is doubled to find a flow from which to come down to the right one."""

TOO_FAR = 1e3
"""A residual so much larger than that of a flow at rest is not waited for."""

BALANCE_TOLERANCE = 1e-10
"""Residual at which a flow is solved, over that of the given velocities without any flow inside."""

SLOW = 0.1
"""A correction that leaves more than this share of the residual asks for a new matrix."""

COARSEST = 64, 16
"""Fewest elements along each axis of a grid that the flow on a finer one starts from."""


@dataclass(frozen=True, kw_only=True)
class Flow:
    """A steady flow on the nodes of a grid.

    Attributes:
        velocity: At every node.
        pressure: At every second node of every second row: the corners of the elements.
    """

    velocity: Float[ndarray, "I J 2"]
    pressure: Float[ndarray, "I2 J2"]


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What determines a flow on a grid of nodes, I along the first axis and J along the second.

    Attributes:
        points: Nodes; the elements are blocks of 3 x 3 nodes that share their edges.
        given: Nodes where the velocity is given.
        velocity: The velocity there; elsewhere a guess that the search starts from.
        viscosity: Kinematic viscosity nu.
        force: Force f at every node; None for none.
    """

    points: Float[ndarray, "I J 2"]
    given: Bool[ndarray, "I J"]
    velocity: Float[ndarray, "I J 2"]
    viscosity: float
    force: Float[ndarray, "I J 2"] | None = None

    def coarser(self) -> "Setting":
        """Return the setting on every second node of every second row."""
        return Setting(
            points=self.points[::2, ::2],
            given=self.given[::2, ::2],
            velocity=self.velocity[::2, ::2],
            viscosity=self.viscosity,
            force=None if self.force is None else self.force[::2, ::2],
        )


def solve_flow(setting: Setting) -> Flow:
    """Return the steady flow of a setting, starting from that on a grid half as fine.

    Raises:
        SolverError: If an element of the grid has no positive area, or Newton's method does not
            converge.
    """
    elements = np.array(_shape(setting)) // 2
    if (elements % 2 == 0).all() and (elements // 2 >= COARSEST).all():
        return _newton(setting, finer_flow(solve_flow(setting.coarser())))
    return _from_thicker(setting)


def _from_thicker(setting: Setting, *, doublings: int = MAX_DOUBLINGS) -> Flow:
    """Start from the guess; where that is too far away, from the flow of twice the viscosity."""
    try:
        return _newton(setting, None)
    except SolverError:
        if doublings == 0:
            raise
    thicker = replace(setting, viscosity=2 * setting.viscosity)
    return _newton(setting, _from_thicker(thicker, doublings=doublings - 1))


def residual_norm(setting: Setting, flow: Flow) -> float:
    """Return by how much a flow misses the discrete equations, as a Euclidean norm."""
    elements = build_elements(setting.points)
    values = _vector(elements.numbering, flow)
    return float(np.linalg.norm(_missing(elements, setting, values)))


def _newton(setting: Setting, start: Flow | None) -> Flow:
    elements, pattern = build_elements(setting.points), None
    numbering, free = elements.numbering, _free(setting)
    rest = _vector(numbering, _at_rest(setting))
    scale = np.linalg.norm(_missing(elements, setting, rest))
    guess = replace(_at_rest(setting), velocity=setting.velocity) if start is None else start
    values = np.where(free, _vector(numbering, guess), rest)
    solver, last, size = None, np.inf, np.inf
    for _ in range(MAX_STEPS):
        missing = _missing(elements, setting, values)
        size = np.linalg.norm(missing)
        if size <= BALANCE_TOLERANCE * scale:
            return _flow(numbering, setting, values)
        if not size < TOO_FAR * scale:
            break
        if solver is None or size > SLOW * last:
            pattern = pattern or Pattern(numbering.unknown_MW, free)
            solver = pattern.factor(jacobian(elements, values, viscosity=setting.viscosity))
        last = size
        values[free] -= solver.solve(missing)
    raise SolverError(
        f"flow must become steady, got a residual of {size / scale:.1e} after Newton's method; "
        "take a straighter pipe or a higher viscosity"
    )


def _missing(elements: Elements, setting: Setting, values: ndarray) -> Float[ndarray, " F"]:
    """Return what the equations of the free unknowns are missed by."""
    found = residual(elements, values, viscosity=setting.viscosity, force=setting.force)
    return found[_free(setting)]


def _shape(setting: Setting) -> tuple[int, int]:
    rows, columns, _ = setting.points.shape
    return rows, columns


def _at_rest(setting: Setting) -> Flow:
    """Return the given velocities, and nothing inside."""
    rows, columns = ((size + 1) // 2 for size in _shape(setting))
    inside = np.where(setting.given[..., None], setting.velocity, 0.0)
    return Flow(velocity=inside, pressure=np.zeros((rows, columns)))


def finer_flow(flow: Flow) -> Flow:
    """Return the same flow on a grid of twice as many elements along each axis."""
    along, across = (midpoint_matrix(size) for size in flow.velocity.shape[:2])
    velocity = np.einsum("ai,bj,ijx->abx", along, across, flow.velocity, optimize=True)
    return Flow(velocity=velocity, pressure=_linear(_linear(flow.pressure).T).T)


def _linear(values: Float[ndarray, "I J"]) -> Float[ndarray, "I2 J"]:
    """Return values and means of neighbors along the first axis."""
    finer = np.repeat(values, 2, axis=0)[:-1]
    finer[1::2] = (values[:-1] + values[1:]) / 2
    return finer


def midpoint_matrix(size: int) -> Float[ndarray, "N2 N"]:
    """Return the matrix that reads piecewise parabolas at their nodes and between them.

    Examples:
        >>> (midpoint_matrix(3) @ np.array([0.0, 1.0, 4.0])).tolist()
        [0.0, 0.25, 1.0, 2.25, 4.0]
    """
    matrix = np.zeros((2 * size - 1, size))
    matrix[::2] = np.eye(size)
    left, right = (line_shapes(np.array(place))[0] for place in (-0.5, 0.5))
    for first in range(0, size - 2, 2):
        matrix[2 * first + 1, first : first + 3] = left
        matrix[2 * first + 3, first : first + 3] = right
    return matrix


def _free(setting: Setting) -> Bool[ndarray, " unknowns"]:
    numbering = number_unknowns(*_shape(setting))
    free = np.ones(numbering.size(), dtype=bool)
    free[numbering.of_velocity[:, setting.given.ravel()]] = False
    return free


def _vector(numbering: Numbering, flow: Flow) -> Float[ndarray, " unknowns"]:
    values = np.empty(numbering.size())
    values[numbering.of_velocity] = flow.velocity.reshape(-1, 2).T
    values[numbering.of_pressure] = flow.pressure.ravel()
    return values


def _flow(numbering: Numbering, setting: Setting, values: ndarray) -> Flow:
    velocity = values[numbering.of_velocity].T.reshape(setting.points.shape)
    return Flow(
        velocity=velocity, pressure=values[numbering.of_pressure].reshape(_at_corners(velocity))
    )


def _at_corners(velocity: ndarray) -> tuple[int, int]:
    rows, columns, _ = velocity.shape
    return (rows + 1) // 2, (columns + 1) // 2
