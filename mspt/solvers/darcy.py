"""Darcy flow through a medium of two permeabilities: -div(a grad u) = 1, u = 0 on the boundary.

Arrays of shape (85, 85) hold values at the nodes of a regular grid over the unit square; row i,
column j is at (x, y) = (j / 84, i / 84). The permeability is constant in the square of one grid
spacing around each node, in the data set and in drawn maps, so the stored map determines the
solution completely.

Each spacing is divided in two, so that these squares consist of whole cells of a grid of 169 x 169
nodes. On it, a five-point finite-volume scheme is solved directly.
"""

import numpy as np
import scipy  # its subpackages are imported when first used, which keeps this import short
from jaxtyping import Float
from numpy import ndarray

from mspt.errors import SolverError

GRID_SIZE = 85
"""Nodes per axis, as in the public Darcy benchmark."""

PERMEABILITIES = (3.0, 12.0)
"""The two values of the permeability, as in the public Darcy benchmark."""

RANGE = (1e-6, 1e6)
"""Smallest and largest permeability that is solved for: beyond them digits are lost."""

SUBDIVISIONS = 2
"""Cells of the solver's grid in each grid spacing: the smallest even number."""


def sample_permeability(seed: int, *, size: int = GRID_SIZE) -> Float[ndarray, "G G"]:
    """Draw a map of two permeabilities: 12 where a Gaussian field is positive or zero, else 3.

    The field has mean zero and covariance (-Laplace + 9)^-2 with Neumann boundary conditions,
    without its constant mode, as in the public Darcy data of the Fourier neural operator (Li et
    al., 2021). Its cosine series ends at wave number 84, the highest that a grid of 85 nodes
    resolves.

    Args:
        seed: Seed of the field; the same seed always gives the same field.
        size: Nodes per axis at which the field is evaluated.

    Examples:
        >>> permeability = sample_permeability(0)
        >>> permeability.shape, sorted(set(permeability.ravel().tolist()))
        ((85, 85), [3.0, 12.0])
        >>> bool((sample_permeability(0, size=169)[::2, ::2] == permeability).all())
        True
    """
    # Cosines are the eigenfunctions of the Laplace operator with Neumann boundary conditions, so
    # their coefficients are independent with deviation (wave^2 + 9)^-1.
    wave = np.pi * np.arange(GRID_SIZE)
    coefficient = 1.0 / (wave[:, None] ** 2 + wave[None, :] ** 2 + 9.0)
    coefficient = coefficient * np.random.default_rng(seed).standard_normal(coefficient.shape)
    coefficient[0, 0] = 0.0
    # Cosines with norm 1 over the unit interval; all but the constant one need a factor.
    cosines = np.cos(np.linspace(0.0, 1.0, size)[:, None] * wave) * np.where(wave > 0, 2**0.5, 1)
    field = cosines @ coefficient @ cosines.T
    return np.where(field >= 0.0, PERMEABILITIES[1], PERMEABILITIES[0])


def solve_darcy(
    permeability: Float[ndarray, "..."], *, subdivisions: int = SUBDIVISIONS
) -> Float[ndarray, "G G"]:
    """Return the pressure at the nodes of a permeability map.

    Args:
        permeability: Positive values at the nodes, constant in the square around each node.
        subdivisions: Even number of cells of the solver's grid in each grid spacing.

    Returns:
        The pressure, by a scheme whose error for this data set :func:`discretization_error`
        measures.

    Raises:
        SolverError: If the map is not square, or has values that are not positive and finite.

    Examples:
        >>> pressure = solve_darcy(np.ones((85, 85)))
        >>> print(f"{pressure[42, 42]:.4f}")
        0.0737
    """
    _check_permeability(permeability)
    num_cells = subdivisions * (len(permeability) - 1)
    # Half of the cells between two nodes belong to each of them, hence the even number.
    node_of_cell = (np.arange(num_cells) + subdivisions // 2) // subdivisions
    cells = permeability[np.ix_(node_of_cell, node_of_cell)]
    pressure = solve_cells(cells, np.ones((num_cells - 1, num_cells - 1)))
    return pressure[::subdivisions, ::subdivisions]


def solve_cells(
    cells: Float[ndarray, "M M"], source: Float[ndarray, "M-1 M-1"]
) -> Float[ndarray, "M+1 M+1"]:
    """Solve -div(a grad u) = f with a constant in each cell and u = 0 on the boundary.

    Finite volumes: the flux out of the square around each inner node equals the source in it. The
    flux between two neighboring nodes passes half of each of the two cells beside the line that
    connects them, so their mean permeability counts.

    Args:
        cells: Permeability of the M x M cells of the unit square.
        source: Values of f at the inner nodes.

    Returns:
        The pressure at all (M + 1) x (M + 1) nodes; second order in 1 / M for smooth a.
    """
    num_cells = len(cells)
    matrix = _balance(cells)
    # The matrix is symmetric, so an ordering for symmetric matrices needs less fill-in.
    solver = scipy.sparse.linalg.splu(
        matrix, permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True}
    )
    inner = solver.solve(source.ravel() / num_cells**2)
    return np.pad(inner.reshape(num_cells - 1, num_cells - 1), 1)


def discretization_error(seeds: range = range(5), *, field_size: int = 421) -> tuple[float, float]:
    """Measure the discretization error of the data set; takes about a minute.

    Args:
        seeds: Seeds of the maps to measure.
        field_size: Nodes per axis of the second reference, a multiple of 84 plus 1.

    Returns:
        Mean relative L2 error of the pressure at the 85 x 85 nodes against (1) the same map on a
        grid of 505 x 505 nodes, which is the error of the scheme, and (2) the same Gaussian field
        evaluated at ``field_size`` nodes per axis, which includes the resolution of the map.
    """
    stride = (field_size - 1) // (GRID_SIZE - 1)
    errors = []
    for seed in seeds:
        permeability = sample_permeability(seed)
        pressure = solve_darcy(permeability)
        same_map = solve_darcy(permeability, subdivisions=6)  # 6 * 84 + 1 = 505 nodes
        same_field = solve_darcy(sample_permeability(seed, size=field_size))[::stride, ::stride]
        errors.append([_relative(pressure, same_map), _relative(pressure, same_field)])
    scheme, field = np.mean(errors, axis=0).tolist()
    return scheme, field


def _balance(cells: ndarray) -> "scipy.sparse.csc_array":
    """Assemble the matrix of the inner nodes, which is symmetric and positive definite."""
    along_x = (cells[:-1] + cells[1:]) / 2  # (M-1, M): lines between neighbors in a row
    along_y = (cells[:, :-1] + cells[:, 1:]) / 2  # (M, M-1): lines between neighbors in a column
    size = len(cells) - 1
    diagonal = along_x[:, :-1] + along_x[:, 1:] + along_y[:-1] + along_y[1:]
    right, up = -along_x[:, 1:], -along_y[1:]
    # Nodes on the boundary are no unknowns. Zeros there also prevent that the last node of a row
    # is coupled to the first one of the next.
    right[:, -1] = up[-1] = 0.0
    right, up = right.ravel(), up.ravel()
    bands = np.stack([diagonal.ravel(), np.roll(right, 1), right, np.roll(up, size), up])
    matrix = scipy.sparse.dia_array((bands, [0, 1, -1, size, -size]), shape=(size**2, size**2))
    return scipy.sparse.csc_array(matrix)


def _check_permeability(permeability: ndarray) -> None:
    shape = permeability.shape
    if len(shape) != 2 or shape[0] != shape[1] or shape[0] < 3:
        raise SolverError(
            f"permeability must be a square map with at least 3 nodes per axis, got shape {shape}; "
            "pass one value for each node"
        )
    bad = permeability[~(np.isfinite(permeability) & (permeability > 0))]
    if bad.size:
        raise SolverError(
            f"permeability must be positive and finite, got {bad[0]:g} at {bad.size} nodes; "
            "set a positive value at every node"
        )
    low, high = permeability.min(), permeability.max()
    if low < RANGE[0] or high > RANGE[1]:
        raise SolverError(
            f"permeability must be from {RANGE[0]:g} to {RANGE[1]:g}, got {low:.3g} to {high:.3g}; "
            "use values of usual size"
        )


def _relative(value: ndarray, reference: ndarray) -> float:
    return float(np.linalg.norm(value - reference) / np.linalg.norm(reference))
