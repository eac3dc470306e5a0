"""A hyperelastic unit cell with a hole, clamped at its bottom and pulled at its top.

The Rivlin-Saunders solid is incompressible, and the cell is a thin sheet in plane stress. The
thickness then follows from the area ratio J = det F, F33 = 1 / J, so that the energy depends on
the in-plane deformation gradient F alone:

    W(F) = C1 (tr C + 1/J^2 - 3) + C2 (J^2 + tr C / J^2 - 3),    C = F^T F.

P = dW/dF is the first Piola-Kirchhoff stress, and P F^T is the Cauchy stress, because the volume
does not change.
"""

from dataclasses import dataclass

import numpy as np
import scipy  # its subpackages are imported when first used, which keeps this import short
from jaxtyping import Float, Int
from numpy import ndarray

from mspt.errors import SolverError
from mspt.solvers.elasticity_mesh import (
    Mesh,
    build_mesh,
    radii_from_polygon,
    refine_outline,
    ring_angles,
    triangulate,
)
from mspt.solvers.hyperelastic import (
    Space,
    build_space,
    internal_forces,
    line_shapes,
    nodal_stress,
    tangents,
    von_mises,
)

__all__ = ["ElasticitySolution", "radii_from_polygon", "sample_hole", "solve_elasticity"]

TRACTION = 100.0
"""Traction on the top side in Pa; deformations are small: the shear modulus is 0.39 MPa."""

RADIUS_RANGE = (0.05, 0.45)
"""Smallest and largest radius that a hole may have at the 36 angles; the wall is at 0.5."""

OUTLINE_RANGE = (0.04, 0.48)
"""The same between these angles, where a smooth curve through the radii may overshoot."""

NUM_WAVES = 9
"""Highest wave number of the random outline: four of the 36 radii for each wave."""

MAX_STEPS = 12
"""Newton steps until a case is given up; usual holes need two or three."""

BALANCE_TOLERANCE = 1e-10
"""Residual force over the load at which Newton's method has converged."""

AROUND = 4
"""Elements of the solver's mesh around the hole for each element of the points.

Stress varies along the hole faster than away from it.
"""

NUM_POINTS = 972
"""Points of a case, as in the public elasticity benchmark."""

CLAMPED_CORNERS = (936, 964)
"""Points at the ends of the clamped side, where the exact stress is infinite."""


@dataclass(frozen=True, kw_only=True)
class ElasticitySolution:
    """Solution for the loaded cell.

    Attributes:
        points: Nodes of the undeformed cell, ring by ring from the hole outwards.
        stress: Von Mises stress in Pa.
        triangles: Counter-clockwise triangles over the points, for drawing.
        displacement: Displacement of each point, in side lengths of the cell.
    """

    points: Float[ndarray, "N 2"]
    stress: Float[ndarray, " N"]
    triangles: Int[ndarray, "T 3"]
    displacement: Float[ndarray, "N 2"]


def sample_hole(seed: int) -> Float[ndarray, " T"]:
    """Draw the radii of a hole: 0.2 + 0.2 / (1 + exp(g)) with a periodic Gaussian field g.

    The covariance of g over the angle is 16 (-d^2/dtheta^2 + 9)^-1, as in the public elasticity
    data (Li et al., 2022, Geo-FNO). Its Fourier series ends at wave number 9, so that the shortest
    wave still has four of the 36 radii.

    Args:
        seed: Seed of the hole; the same seed always gives the same hole.

    Examples:
        >>> radii = sample_hole(0)
        >>> radii.shape, bool(((radii > 0.2) & (radii < 0.4)).all())
        ((36,), True)
    """
    wave = np.arange(NUM_WAVES + 1)
    # Deviations of the Fourier coefficients for that covariance on a circle of length 2 pi; the
    # constant one has half the variance.
    deviation = 4.0 / np.sqrt(np.pi * (wave**2 + 9.0))
    deviation[0] /= 2**0.5
    cosine, sine = np.random.default_rng(seed).standard_normal((2, len(wave))) * deviation
    phase = ring_angles()[:, None] * wave
    field = np.cos(phase) @ cosine + np.sin(phase) @ sine
    return 0.2 + 0.2 / (1.0 + np.exp(field))


def solve_elasticity(
    radii: Float[ndarray, "..."], *, around: int = AROUND, outwards: int = 1
) -> ElasticitySolution:
    """Return von Mises stress and displacement of the loaded cell at the 972 points.

    Args:
        radii: 36 radii of the hole, see :func:`sample_hole` and :func:`radii_from_polygon`; the
            outline is a periodic cubic spline through them.
        around: Elements of the solver's mesh around the hole for each element of the points.
        outwards: The same from the hole to the wall.

    Raises:
        SolverError: If a radius is outside 0.05 to 0.45, or the hole is too rough for the mesh.

    Examples:
        >>> solution = solve_elasticity(np.full(36, 0.2))
        >>> solution.points.shape, solution.stress.shape
        ((972, 2), (972,))
    """
    _check_radii(radii)
    outline = refine_outline(radii, around=around)
    _check_outline(outline)
    mesh = build_mesh(outline, around=around, outwards=outwards)
    space = build_space(mesh.points, mesh.elements)
    displacement = solve_equilibrium(space, load=top_load(mesh), held=mesh.bottom)
    stress = von_mises(nodal_stress(space, displacement))
    kept = np.arange(len(mesh.points)).reshape(-1, len(outline))[::outwards, ::around].ravel()
    return ElasticitySolution(
        points=mesh.points[kept],
        stress=stress[kept],
        triangles=triangulate(),
        displacement=displacement[kept],
    )


def discretization_error(
    seeds: range = range(5), *, around: int = 12, outwards: int = 4
) -> tuple[float, float]:
    """Measure the discretization error of the stress; takes about half a minute.

    Args:
        seeds: Seeds of the holes to measure.
        around: Elements of the finer mesh around the hole.
        outwards: Elements of the finer mesh from the hole to the wall.

    Returns:
        Mean relative L2 error against the finer mesh over (1) all points and (2) all but the two
        corners of the clamp, where the exact stress is infinite.
    """
    regular = ~np.isin(np.arange(NUM_POINTS), CLAMPED_CORNERS)
    errors = []
    for seed in seeds:
        stress = solve_elasticity(radii := sample_hole(seed)).stress
        finer = solve_elasticity(radii, around=around, outwards=outwards).stress
        difference = np.stack([stress - finer, (stress - finer) * regular])
        size = [np.linalg.norm(finer), np.linalg.norm(finer * regular)]
        errors.append(np.linalg.norm(difference, axis=1) / size)
    everywhere, inside = np.mean(errors, axis=0).tolist()
    return everywhere, inside


def solve_equilibrium(
    space: Space, *, load: Float[ndarray, "N 2"], held: Int[ndarray, " W"]
) -> Float[ndarray, "N 2"]:
    """Return the displacement whose internal forces equal the load, by Newton's method.

    Args:
        space: Finite elements of the sheet.
        load: Force on each node, in N per unit of thickness.
        held: Nodes with zero displacement.

    Raises:
        SolverError: If the residual is not below 1e-10 of the load after 12 steps.
    """
    free = np.setdiff1d(np.arange(load.size), (2 * held[:, None] + np.arange(2)).ravel())
    displacement, excess = np.zeros_like(load), load.ravel()[free]
    for _ in range(MAX_STEPS):
        matrix = assemble_tangent(space, displacement)[free][:, free].tocsc()
        # The matrix is symmetric, so an ordering for symmetric matrices needs less fill-in.
        solver = scipy.sparse.linalg.splu(
            matrix, permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True}
        )
        displacement = displacement.copy()  # the caller may hold the previous one
        displacement.ravel()[free] += solver.solve(excess)
        excess = (load - internal_forces(space, displacement)).ravel()[free]
        if np.linalg.norm(excess) <= BALANCE_TOLERANCE * np.linalg.norm(load):
            return displacement
    raise SolverError(
        f"hole must let the forces balance within {MAX_STEPS} steps, got an excess of "
        f"{np.linalg.norm(excess):.3g} N; draw a smoother hole"
    )


def assemble_tangent(space: Space, displacement: Float[ndarray, "N 2"]) -> "scipy.sparse.csr_array":
    """Return the second derivative of the energy by all displacements, the stiffness matrix."""
    degrees = space.degrees
    rows = np.broadcast_to(degrees[:, :, None], (*degrees.shape, degrees.shape[1]))
    columns = rows.swapaxes(1, 2)
    entries = tangents(space, displacement).ravel()
    size = 2 * space.num_points
    return scipy.sparse.csr_array((entries, (rows.ravel(), columns.ravel())), shape=(size, size))


def top_load(mesh: Mesh) -> Float[ndarray, "N 2"]:
    """Return the forces of the traction on the nodes of the top side, in N per unit of thickness.

    Integrals over the edges use Gauss quadrature of three points, exact for quadratic edges.
    """
    place, weight = np.polynomial.legendre.leggauss(3)
    values, slopes = line_shapes(place)
    length = np.abs(mesh.points[mesh.top][..., 0] @ slopes)
    load = np.zeros_like(mesh.points)
    np.add.at(load[:, 1], mesh.top, TRACTION * (length * weight) @ values.T)
    return load


def _check_radii(radii: ndarray) -> None:
    num_angles = len(ring_angles())
    if radii.shape != (num_angles,):
        raise SolverError(
            f"radii must have one value for each of {num_angles} angles, got shape {radii.shape}; "
            "see ring_angles"
        )
    low, high = RADIUS_RANGE
    if not ((radii >= low) & (radii <= high)).all():
        raise SolverError(
            f"hole must have radii from {low} to {high} about the center, got {radii.min():.3g} "
            f"to {radii.max():.3g}; draw it farther from the center or from the walls"
        )


def _check_outline(outline: ndarray) -> None:
    """Reject holes whose outline oscillates too strongly between the 36 radii."""
    low, high = OUTLINE_RANGE
    if not ((outline >= low) & (outline <= high)).all():
        raise SolverError(
            f"hole must keep within {low} to {high} of the center between its 36 radii, got "
            f"{outline.min():.3g} to {outline.max():.3g}; draw a smoother hole"
        )
