"""Taylor-Hood elements on a grid of nodes: numbers of the unknowns, weak form, its derivative.

Velocity is biquadratic on the nine nodes of an element, pressure bilinear on its four corners, and
an element is mapped by its nine nodes.

Shape suffixes: M elements, P Gauss points of an element, V = 9 velocity nodes of an element, C = 4
corners of an element, W = 22 unknowns of an element (9 of u_x, 9 of u_y, 4 of p); X space axes, and
R axes of the square that an element is mapped from.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import scipy  # its subpackages are imported when first used, which keeps this import short
from jaxtyping import Float, Int
from numpy import ndarray

from mspt.errors import SolverError
from mspt.solvers.hyperelastic import shape_functions

_GAUSS_POINTS = np.array([-(0.6**0.5), 0.0, 0.6**0.5])
_GAUSS_WEIGHTS = np.array([5.0, 8.0, 5.0]) / 9.0


@dataclass(frozen=True, kw_only=True)
class Numbering:
    """Numbers of the unknowns of a grid.

    Attributes:
        unknown_MW: Unknowns of each element.
        nodes_MV: Nodes of each element.
        corners_MC: Corners of each element, by their number among all corners.
        of_velocity: Unknown of each velocity component of each node.
        of_pressure: Unknown of each corner.
    """

    unknown_MW: Int[ndarray, "M 22"]
    nodes_MV: Int[ndarray, "M 9"]
    corners_MC: Int[ndarray, "M 4"]
    of_velocity: Int[ndarray, "2 N"]
    of_pressure: Int[ndarray, " C"]

    def size(self) -> int:
        """Return the number of unknowns, given velocities included."""
        return self.of_velocity.size + self.of_pressure.size


@dataclass(frozen=True, kw_only=True)
class Elements:
    """The elements of a grid.

    Attributes:
        numbering: Of their unknowns.
        value_PV: Shape functions of the velocity at the Gauss points, the same in all elements.
        slope_MPVX: Their derivatives by the space axes.
        pressure_PC: Shape functions of the pressure.
        weight_MP: Quadrature weights, areas.
    """

    numbering: Numbering
    value_PV: Float[ndarray, "P 9"]
    slope_MPVX: Float[ndarray, "M P 9 2"]
    pressure_PC: Float[ndarray, "P 4"]
    weight_MP: Float[ndarray, "M P"]


@lru_cache(maxsize=8)
def number_unknowns(rows: int, columns: int) -> Numbering:
    """Number the unknowns of a grid of nodes.

    They follow each other node by node along the second axis, which keeps fill-in low.
    """
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
    return Numbering(
        unknown_MW=unknown,
        nodes_MV=nodes,
        corners_MC=corners,
        of_velocity=of_velocity,
        of_pressure=of_pressure,
    )


def build_elements(points: Float[ndarray, "I J 2"]) -> Elements:
    """Return the elements of a grid of nodes.

    Raises:
        SolverError: If an element has no positive area.
    """
    places = np.stack(np.meshgrid(_GAUSS_POINTS, _GAUSS_POINTS, indexing="ij"), -1).reshape(-1, 2)
    value_PV, slope_PVR = shape_functions(places)
    numbering = number_unknowns(*points.shape[:2])
    corners = points.reshape(-1, 2)[numbering.nodes_MV]
    jacobian = np.einsum("mvx,pvr->mpxr", corners, slope_PVR, optimize=True)
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
    return Elements(
        numbering=numbering,
        value_PV=value_PV,
        slope_MPVX=slope_MPVX,
        pressure_PC=pressure_PC,
        weight_MP=area * weights,
    )


def _at_gauss_points(
    elements: Elements, values: Float[ndarray, " unknowns"]
) -> tuple[Float[ndarray, "M P 2"], Float[ndarray, "M P 2 2"]]:
    """Return velocity u_i and its gradient du_i/dx_j."""
    numbering = elements.numbering
    local_MVI = np.moveaxis(values[numbering.of_velocity[:, numbering.nodes_MV]], 0, -1)
    velocity = elements.value_PV @ local_MVI
    return velocity, local_MVI.swapaxes(1, 2)[:, None] @ elements.slope_MPVX


def residual(
    elements: Elements,
    values: Float[ndarray, " unknowns"],
    *,
    viscosity: float,
    force: Float[ndarray, "I J 2"] | None,
) -> Float[ndarray, " unknowns"]:
    """Return the weak form of the equations for every test function, of given velocities too."""
    numbering = elements.numbering
    velocity, gradient = _at_gauss_points(elements, values)
    pressure = values[numbering.of_pressure[numbering.corners_MC]] @ elements.pressure_PC.T
    transport = (gradient @ velocity[..., None])[..., 0]
    if force is not None:
        transport = transport - elements.value_PV @ force.reshape(-1, 2)[numbering.nodes_MV]
    stress = viscosity * gradient - pressure[..., None, None] * np.eye(2)
    weight = elements.weight_MP[..., None]
    momentum = np.einsum("pv,mpi->miv", elements.value_PV, transport * weight, optimize=True)
    momentum += np.einsum(
        "mpvj,mpij->miv", elements.slope_MPVX, stress * weight[..., None], optimize=True
    )
    outflow = np.trace(gradient, axis1=-2, axis2=-1) * elements.weight_MP
    mass = -outflow @ elements.pressure_PC
    local_MW = np.concatenate([momentum.reshape(len(mass), -1), mass], axis=1)
    return np.bincount(numbering.unknown_MW.ravel(), local_MW.ravel(), minlength=len(values))


def jacobian(
    elements: Elements, values: Float[ndarray, " unknowns"], *, viscosity: float
) -> Float[ndarray, "M W W"]:
    """Return the derivative of the residual, element by element."""
    velocity, gradient = _at_gauss_points(elements, values)
    value, slope, weight = elements.value_PV, elements.slope_MPVX, elements.weight_MP[..., None]
    num_elements, num_gauss, num_nodes, _ = slope.shape
    # One product of matrices for each element: Gauss points and axes are summed together.
    flat = slope.swapaxes(2, 3).reshape(num_elements, -1, num_nodes)
    weighted = (weight[..., None] * slope.swapaxes(2, 3)).reshape(flat.shape)
    carried = (slope @ velocity[..., None])[..., 0] * weight
    same = viscosity * flat.swapaxes(1, 2) @ weighted + value.T @ carried
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


class Pattern:
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
