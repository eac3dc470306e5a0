"""Steady incompressible Navier-Stokes equations on a grid of quadrilaterals, by Newton's method.

    (u . grad) u - nu Laplace u + grad p = f,    div u = 0

with given velocities on some nodes; where nothing is given on the border the flow leaves freely,
nu du/dn = p n. Taylor-Hood elements: biquadratic velocity on nine nodes, bilinear pressure on the
four corners, each element mapped by its nine nodes.

Shape suffixes: M elements, P Gauss points of an element, V = 9 velocity nodes of an element, C = 4
corners of an element, W = 22 unknowns of an element (9 of u_x, 9 of u_y, 4 of p).
"""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import scipy  # its subpackages are imported when first used, which keeps this import short
from jaxtyping import Bool, Float
from numpy import ndarray

from mspt.errors import SolverError
from mspt.solvers.hyperelastic import line_shapes, shape_functions

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

_GAUSS_POINTS = np.array([-(0.6**0.5), 0.0, 0.6**0.5])
_GAUSS_WEIGHTS = np.array([5.0, 8.0, 5.0]) / 9.0


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


@dataclass(frozen=True, kw_only=True)
class _Elements:
    """Values of the shape functions at the Gauss points, and quadrature weights."""

    value_PV: ndarray
    slope_MPVX: ndarray
    pressure_PC: ndarray
    weight_MP: ndarray


@dataclass(frozen=True, kw_only=True)
class _Numbering:
    """Numbers of the unknowns of a grid, and where elements add to the sparse matrix.

    Attributes:
        unknown_MW: Unknowns of each element.
        nodes_MV: Nodes of each element.
        corners_MC: Corners of each element, by their number among all corners.
        of_velocity: Unknown of each velocity component of each node.
        of_pressure: Unknown of each corner.
    """

    unknown_MW: ndarray
    nodes_MV: ndarray
    corners_MC: ndarray
    of_velocity: ndarray
    of_pressure: ndarray


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
    numbering = _numbering(*_shape(setting))
    free = _free(setting, numbering)
    values = _vector(numbering, flow)
    return float(np.linalg.norm(_residual(_elements(setting), numbering, setting, values)[free]))


def _newton(setting: Setting, start: Flow | None) -> Flow:
    numbering, elements = _numbering(*_shape(setting)), _elements(setting)
    free, pattern = _free(setting, numbering), None
    rest = _vector(numbering, _at_rest(setting))
    scale = np.linalg.norm(_residual(elements, numbering, setting, rest)[free])
    guess = replace(_at_rest(setting), velocity=setting.velocity) if start is None else start
    values = np.where(free, _vector(numbering, guess), rest)
    solver, last, size = None, np.inf, np.inf
    for _ in range(MAX_STEPS):
        residual = _residual(elements, numbering, setting, values)[free]
        size = np.linalg.norm(residual)
        if size <= BALANCE_TOLERANCE * scale:
            return _flow(numbering, setting, values)
        if not size < TOO_FAR * scale:
            break
        if solver is None or size > SLOW * last:
            pattern = pattern or _Pattern(numbering.unknown_MW, free)
            solver = pattern.factor(_jacobian(elements, numbering, setting, values))
        last = size
        values[free] -= solver.solve(residual)
    raise SolverError(
        f"flow must become steady, got a residual of {size / scale:.1e} after Newton's method; "
        "take a straighter pipe or a higher viscosity"
    )


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


@lru_cache(maxsize=8)
def _numbering(rows: int, columns: int) -> _Numbering:
    """Number the unknowns node by node along the second axis, which keeps fill-in low."""
    node = np.arange(rows * columns).reshape(rows, columns)
    corner = np.arange(((rows + 1) // 2) * ((columns + 1) // 2)).reshape((rows + 1) // 2, -1)
    place = np.concatenate([3 * node.ravel(), 3 * node.ravel() + 1, 3 * node[::2, ::2].ravel() + 2])
    number = np.empty(len(place), dtype=int)
    number[np.argsort(place)] = np.arange(len(place))
    nodes = np.stack(
        [node[i : rows - 2 + i : 2, j : columns - 2 + j : 2] for i in range(3) for j in range(3)],
        axis=-1,
    ).reshape(-1, 9)
    corners = np.stack(
        [corner[:-1, :-1], corner[:-1, 1:], corner[1:, :-1], corner[1:, 1:]], axis=-1
    ).reshape(-1, 4)
    of_velocity, of_pressure = number[: 2 * node.size].reshape(2, -1), number[2 * node.size :]
    unknown = np.concatenate([*of_velocity[:, nodes], of_pressure[corners]], axis=1)
    return _Numbering(
        unknown_MW=unknown,
        nodes_MV=nodes,
        corners_MC=corners,
        of_velocity=of_velocity,
        of_pressure=of_pressure,
    )


def _free(setting: Setting, numbering: _Numbering) -> Bool[ndarray, " unknowns"]:
    free = np.ones(numbering.of_velocity.size + numbering.of_pressure.size, dtype=bool)
    free[numbering.of_velocity[:, setting.given.ravel()]] = False
    return free


def _vector(numbering: _Numbering, flow: Flow) -> Float[ndarray, " unknowns"]:
    values = np.empty(numbering.of_velocity.size + numbering.of_pressure.size)
    values[numbering.of_velocity] = flow.velocity.reshape(-1, 2).T
    values[numbering.of_pressure] = flow.pressure.ravel()
    return values


def _flow(numbering: _Numbering, setting: Setting, values: ndarray) -> Flow:
    velocity = values[numbering.of_velocity].T.reshape(setting.points.shape)
    return Flow(
        velocity=velocity, pressure=values[numbering.of_pressure].reshape(_at_corners(velocity))
    )


def _at_corners(velocity: ndarray) -> tuple[int, int]:
    rows, columns, _ = velocity.shape
    return (rows + 1) // 2, (columns + 1) // 2


def _elements(setting: Setting) -> _Elements:
    places = np.stack(np.meshgrid(_GAUSS_POINTS, _GAUSS_POINTS, indexing="ij"), -1).reshape(-1, 2)
    value_PV, slope_PVR = shape_functions(places)
    nodes = _numbering(*_shape(setting)).nodes_MV
    points = setting.points.reshape(-1, 2)[nodes]
    jacobian = np.einsum("mvx,pvr->mpxr", points, slope_PVR, optimize=True)
    area = np.linalg.det(jacobian)
    if not (area > 0).all():
        raise SolverError(
            f"grid must have elements of positive area, got {area.min():.3g}; "
            "number its nodes so that the second axis lies to the left of the first one"
        )
    slope_MPVX = np.einsum("pvr,mprx->mpvx", slope_PVR, np.linalg.inv(jacobian), optimize=True)
    low, high = (1 - places) / 2, (1 + places) / 2
    pressure_PC = np.stack(
        [first[:, 0] * last[:, 1] for first in (low, high) for last in (low, high)], axis=-1
    )
    weights = np.outer(_GAUSS_WEIGHTS, _GAUSS_WEIGHTS).ravel()
    return _Elements(
        value_PV=value_PV, slope_MPVX=slope_MPVX, pressure_PC=pressure_PC, weight_MP=area * weights
    )


def _at_gauss_points(
    elements: _Elements, numbering: _Numbering, values: ndarray
) -> tuple[Float[ndarray, "M P 2"], Float[ndarray, "M P 2 2"]]:
    """Return velocity u_i and its gradient du_i/dx_j."""
    local_MVI = np.moveaxis(values[numbering.of_velocity[:, numbering.nodes_MV]], 0, -1)
    velocity = elements.value_PV @ local_MVI
    return velocity, local_MVI.swapaxes(1, 2)[:, None] @ elements.slope_MPVX


def _residual(
    elements: _Elements, numbering: _Numbering, setting: Setting, values: ndarray
) -> Float[ndarray, " unknowns"]:
    """Return the weak form for every test function, of given velocities too."""
    velocity, gradient = _at_gauss_points(elements, numbering, values)
    pressure = values[numbering.of_pressure[numbering.corners_MC]] @ elements.pressure_PC.T
    transport = (gradient @ velocity[..., None])[..., 0]
    if setting.force is not None:
        force = setting.force.reshape(-1, 2)[numbering.nodes_MV]
        transport = transport - elements.value_PV @ force
    stress = setting.viscosity * gradient - pressure[..., None, None] * np.eye(2)
    weight = elements.weight_MP[..., None]
    momentum = np.einsum("pv,mpi->miv", elements.value_PV, transport * weight, optimize=True)
    momentum += np.einsum(
        "mpvj,mpij->miv", elements.slope_MPVX, stress * weight[..., None], optimize=True
    )
    outflow = np.trace(gradient, axis1=-2, axis2=-1) * elements.weight_MP
    mass = -outflow @ elements.pressure_PC
    local_MW = np.concatenate([momentum.reshape(len(mass), -1), mass], axis=1)
    return np.bincount(numbering.unknown_MW.ravel(), local_MW.ravel(), minlength=len(values))


def _jacobian(
    elements: _Elements, numbering: _Numbering, setting: Setting, values: ndarray
) -> Float[ndarray, "M W W"]:
    """Return the derivative of the residual, element by element."""
    velocity, gradient = _at_gauss_points(elements, numbering, values)
    value, slope, weight = elements.value_PV, elements.slope_MPVX, elements.weight_MP[..., None]
    num_elements, num_gauss, num_nodes, _ = slope.shape
    # One product of matrices for each element: Gauss points and axes are summed together.
    flat = slope.swapaxes(2, 3).reshape(num_elements, -1, num_nodes)
    weighted = (weight[..., None] * slope.swapaxes(2, 3)).reshape(flat.shape)
    carried = (slope @ velocity[..., None])[..., 0] * weight
    same = setting.viscosity * flat.swapaxes(1, 2) @ weighted + value.T @ carried
    products = (value[:, :, None] * value[:, None, :]).reshape(num_gauss, -1)
    cross = (gradient * weight[..., None]).transpose(0, 2, 3, 1) @ products
    matrix = np.zeros((num_elements, 22, 22))
    both = cross.reshape(num_elements, 2, 2, num_nodes, num_nodes).transpose(0, 1, 3, 2, 4).copy()
    for axis in range(2):
        both[:, axis, :, axis] += same
    matrix[:, :18, :18] = both.reshape(num_elements, 18, 18)
    divergence = -np.einsum("pc,mpvj->mcjv", elements.pressure_PC, weight[..., None] * slope)
    matrix[:, 18:, :18] = divergence.reshape(num_elements, 4, 18)
    matrix[:, :18, 18:] = matrix[:, 18:, :18].swapaxes(1, 2)
    return matrix


class _Pattern:
    """Where the entries of the elements' matrices go in the matrix of the free unknowns."""

    def __init__(self, unknown_MW: ndarray, free: ndarray) -> None:
        number = np.where(free, np.cumsum(free) - 1, -1)[unknown_MW]
        row, column = (
            np.broadcast_to(one, (*number.shape, number.shape[1])).ravel()
            for one in (number[:, :, None], number[:, None, :])
        )
        self.used = (row >= 0) & (column >= 0)
        self.size = int(free.sum())
        place = column[self.used] * self.size + row[self.used]
        found, self.entry = np.unique(place, return_inverse=True)
        self.row = found % self.size
        self.start = np.searchsorted(found // self.size, np.arange(self.size + 1))

    def factor(self, matrix_MWW: ndarray) -> "scipy.sparse.linalg.SuperLU":
        """Return the LU factors of the assembled matrix.

        Its pattern is symmetric, so an ordering for symmetric matrices needs a third of the time.
        """
        values = np.bincount(self.entry, matrix_MWW.ravel()[self.used], minlength=len(self.row))
        matrix = scipy.sparse.csc_array((values, self.row, self.start), shape=(self.size,) * 2)
        return scipy.sparse.linalg.splu(
            matrix,
            permc_spec="MMD_AT_PLUS_A",
            diag_pivot_thresh=0.1,
            options={"SymmetricMode": True},
        )
