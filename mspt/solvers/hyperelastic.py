"""Finite elements for a hyperelastic sheet: material law, energy, forces, tangent, stress.

Shape suffixes: M elements, P Gauss points of an element, V = 9 nodes of an element, U = 18 of
their displacements (node by node, x before y), G = 4 entries of a 2 x 2 gradient (row by row).
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from mspt.errors import SolverError

# Rivlin-Saunders constants in Pa, as in the public elasticity benchmark (Geo-FNO): soft rubber with
# a shear modulus of 2 (C1 + C2) = 0.39 MPa.
C1 = 1.863e5
C2 = 9.79e3

# The derivative of J = det F is the cofactor (F22, -F21, -F12, F11), which is linear in F.
_COFACTOR = np.array([[0, 0, 0, 1], [0, 0, -1, 0], [0, -1, 0, 0], [1, 0, 0, 0]], dtype=float)
_IDENTITY = np.array([1.0, 0.0, 0.0, 1.0])
# Gauss quadrature with three points, exact for polynomials of degree 5.
_GAUSS_POINTS = np.array([-(0.6**0.5), 0.0, 0.6**0.5])
_GAUSS_WEIGHTS = np.array([5.0, 8.0, 5.0]) / 9.0


@dataclass(frozen=True, kw_only=True)
class Space:
    """Finite-element space of the displacements of a mesh.

    Attributes:
        num_points: Number of nodes of the mesh.
        elements: Nodes of each element.
        slopes: Derivative of each entry of the displacement gradient by each nodal displacement.
        weights: Quadrature weight of each Gauss point, an area.
    """

    num_points: int
    elements: Int[ndarray, "M V"]
    slopes: Float[ndarray, "M P 4 U"]
    weights: Float[ndarray, "M P"]

    @property
    def degrees(self) -> Int[ndarray, "M U"]:
        """Index of each displacement of each element: 2 n for x of node n, 2 n + 1 for y."""
        both = 2 * self.elements[..., None] + np.arange(2)
        return both.reshape(len(self.elements), -1)


def energy_density(gradient: Float[ndarray, "*P 4"]) -> Float[ndarray, "*P"]:
    """Return W(F) in J per unit of undeformed volume, which is zero without deformation.

    Examples:
        >>> energy_density(np.array([[1.0, 0.0, 0.0, 1.0]])).tolist()
        [0.0]
    """
    trace, area = _invariants(gradient)
    return C1 * (trace + area**-2 - 3) + C2 * (area**2 + trace * area**-2 - 3)


def piola_stress(gradient: Float[ndarray, "*P 4"]) -> Float[ndarray, "*P 4"]:
    """Return the first Piola-Kirchhoff stress dW/dF in Pa."""
    trace, area = _invariants(gradient)
    along_gradient = 2 * C1 + 2 * C2 * area**-2
    along_cofactor = 2 * C2 * area - 2 * (C1 + C2 * trace) * area**-3
    return along_gradient[..., None] * gradient + along_cofactor[..., None] * (gradient @ _COFACTOR)


def stiffness(gradient: Float[ndarray, "*P 4"]) -> Float[ndarray, "*P 4 4"]:
    """Return the second derivative of W by F in Pa, a symmetric matrix."""
    trace, area = (value[..., None, None] for value in _invariants(gradient))
    cofactor = gradient @ _COFACTOR
    mixed = -4 * C2 * area**-3 * cofactor[..., :, None] * gradient[..., None, :]
    twice = (2 * C2 + 6 * (C1 + C2 * trace) * area**-4) * (
        cofactor[..., :, None] * cofactor[..., None, :]
    )
    return (
        (2 * C1 + 2 * C2 * area**-2) * np.eye(4)
        + (2 * C2 * area - 2 * (C1 + C2 * trace) * area**-3) * _COFACTOR
        + mixed
        + mixed.swapaxes(-1, -2)
        + twice
    )


def cauchy_stress(gradient: Float[ndarray, "*P 4"]) -> Float[ndarray, "*P 3"]:
    """Return the Cauchy stress P F^T in Pa: xx, yy and xy."""
    piola = piola_stress(gradient).reshape(*gradient.shape[:-1], 2, 2)
    cauchy = piola @ gradient.reshape(piola.shape).swapaxes(-1, -2)
    return np.stack([cauchy[..., 0, 0], cauchy[..., 1, 1], cauchy[..., 0, 1]], axis=-1)


def von_mises(stress: Float[ndarray, "*N 3"]) -> Float[ndarray, "*N"]:
    """Return the von Mises stress of a plane stress state, in the unit of the stress.

    Examples:
        >>> von_mises(np.array([[3.0, 0.0, 0.0], [1.0, 1.0, 0.0]])).tolist()
        [3.0, 1.0]
    """
    xx, yy, xy = np.moveaxis(stress, -1, 0)
    return np.sqrt(xx**2 - xx * yy + yy**2 + 3 * xy**2)


def build_space(points: Float[ndarray, "N 2"], elements: Int[ndarray, "M V"]) -> Space:
    """Return the finite-element space of a mesh, by mapping the reference element to each element.

    Raises:
        SolverError: If an element has no positive area.
    """
    _, slope_PV2 = shape_functions(_pairs(_GAUSS_POINTS))
    jacobian = np.einsum("mvx,pvr->mpxr", points[elements], slope_PV2)
    area = np.linalg.det(jacobian)
    if (area <= 0).any():
        raise SolverError(
            f"hole must leave every element of the mesh with a positive area, got "
            f"{area.min():.3g}; draw a smoother hole"
        )
    slope_MPV2 = np.einsum("pvr,mprx->mpvx", slope_PV2, np.linalg.inv(jacobian))
    slopes = np.einsum("mpvj,ik->mpijvk", slope_MPV2, np.eye(2))
    weights = area * np.prod(_pairs(_GAUSS_WEIGHTS), axis=-1)
    return Space(
        num_points=len(points),
        elements=elements,
        slopes=slopes.reshape(*area.shape, 4, -1),
        weights=weights,
    )


def shape_functions(
    places: Float[ndarray, "P 2"],
) -> tuple[Float[ndarray, "P 9"], Float[ndarray, "P 9 2"]]:
    """Return the nine biquadratic shape functions of the square [-1, 1]^2 and their slopes.

    The nodes are a 3 x 3 grid, the last axis running fastest.
    """
    value, slope = line_shapes(places)
    first = np.einsum("ip,jp->pij", slope[..., 0], value[..., 1])
    last = np.einsum("ip,jp->pij", value[..., 0], slope[..., 1])
    values = np.einsum("ip,jp->pij", value[..., 0], value[..., 1])
    shape = (len(places), 9)
    return values.reshape(shape), np.stack([first.reshape(shape), last.reshape(shape)], axis=-1)


def line_shapes(
    places: Float[ndarray, "..."],
) -> tuple[Float[ndarray, "3 ..."], Float[ndarray, "3 ..."]]:
    """Return the three quadratic shape functions of the line [-1, 1] and their slopes."""
    values = np.stack([places * (places - 1) / 2, 1 - places**2, places * (places + 1) / 2])
    return values, np.stack([places - 0.5, -2 * places, places + 0.5])


def gradients(space: Space, displacement: Float[ndarray, "N 2"]) -> Float[ndarray, "M P 4"]:
    """Return the deformation gradient F at every Gauss point."""
    local_MU = displacement[space.elements].reshape(len(space.elements), 1, -1, 1)
    return (space.slopes @ local_MU)[..., 0] + _IDENTITY


def total_energy(space: Space, displacement: Float[ndarray, "N 2"]) -> float:
    """Return the elastic energy of the sheet, in J per unit of thickness."""
    return float((energy_density(gradients(space, displacement)) * space.weights).sum())


def internal_forces(space: Space, displacement: Float[ndarray, "N 2"]) -> Float[ndarray, "N 2"]:
    """Return the derivative of the energy by each displacement."""
    stress = piola_stress(gradients(space, displacement)) * space.weights[..., None]
    forces_MU = np.einsum("mpgu,mpg->mu", space.slopes, stress, optimize=True)
    total = np.bincount(space.degrees.ravel(), forces_MU.ravel(), minlength=2 * space.num_points)
    return total.reshape(-1, 2)


def tangents(space: Space, displacement: Float[ndarray, "N 2"]) -> Float[ndarray, "M U U"]:
    """Return the second derivative of the energy, element by element."""
    stiff = stiffness(gradients(space, displacement)) * space.weights[..., None, None]
    num_elements, num_displacements = len(space.elements), space.slopes.shape[-1]
    # One matrix product per element: Gauss points and gradient entries are summed together.
    left = space.slopes.reshape(num_elements, -1, num_displacements)
    right = (stiff @ space.slopes).reshape(left.shape)
    return left.swapaxes(1, 2) @ right


def nodal_stress(space: Space, displacement: Float[ndarray, "N 2"]) -> Float[ndarray, "N 3"]:
    """Return the Cauchy stress at the nodes.

    It is extrapolated from the Gauss points of each element, where it is most accurate, by the
    inverse of the shape functions, and averaged over the elements of a node.
    """
    stress = cauchy_stress(gradients(space, displacement))
    values, _ = shape_functions(_pairs(_GAUSS_POINTS))
    corner = np.linalg.pinv(values) @ stress
    nodes = space.elements.ravel()
    count = np.bincount(nodes, minlength=space.num_points)
    sums = [np.bincount(nodes, corner[..., i].ravel(), minlength=len(count)) for i in range(3)]
    return np.stack(sums, axis=-1) / count[:, None]


def _invariants(gradient: ndarray) -> tuple[ndarray, ndarray]:
    """Return tr C and the area ratio J = det F."""
    return (gradient**2).sum(-1), ((gradient @ _COFACTOR) * gradient).sum(-1) / 2


def _pairs(values: ndarray) -> ndarray:
    """Return all ordered pairs of values, the second one varying fastest."""
    return np.stack(np.meshgrid(values, values, indexing="ij"), axis=-1).reshape(-1, 2)
