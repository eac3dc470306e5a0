"""Smooth random free-form deformations that cannot fold a body.

A deformation moves a point x to x + d(x). The displacement d is a spline over a lattice of random
vectors (Sederberg and Parry, 1986). Where its gradient is at most L < 1, two points come no closer
than by the factor 1 - L, so that the map is injective and onto: it adds bulges and waists, but no
surface ever meets itself. The gradient of a B-spline is bounded by the differences of neighboring
vectors of its lattice, so the bound holds everywhere and not only at points that were tried.

Bodies stay symmetric about y = 0, and the ground z = 0 stays plane.

Shapes: P points, A B C nodes of a grid or of a lattice, K vectors of a lattice along an axis.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from mspt.geometry.mesh import SurfaceMesh

MAX_GRADIENT = 0.75
"""Largest bound L of a displacement's gradient: distances shrink to no less than a quarter. The
bound is about three times as large as the largest gradient that occurs."""

GROUND_BLEND = 0.2
"""Height above the ground over which vertical displacements set in, in body lengths."""

STEEPEST_BLEND = 1.5
"""Largest slope of 3 t^2 - 2 t^3, which blends them in."""

LENGTHS, AMPLITUDES = ((0.28, 0.5), (0.12, 0.25)), ((0.015, 0.06), (0.002, 0.012))
"""Ranges of correlation length and amplitude of two deformations: a long one bends roof, plan and
waist, a short one adds bulges."""

DOMAIN = ((-0.2, -0.6, -0.2), (1.2, 0.6, 0.8))
"""Box that lattices cover, larger than any body."""


@dataclass(frozen=True, kw_only=True)
class FreeForm:
    """Parameters of a random deformation, in body lengths.

    Attributes:
        seed: Seed of the vectors.
        length: Correlation length: distance between the vectors of the lattice.
        amplitude: Standard deviation of the components of the vectors; they are reduced together
            where the gradient would exceed :data:`MAX_GRADIENT`.
    """

    seed: int
    length: float
    amplitude: float


@dataclass(frozen=True, eq=False)
class Lattice:
    """Vectors of a deformation at equal distances in :data:`DOMAIN`.

    Attributes:
        vectors: Displacements, those at -y mirror images of those at y.
        low: Place of the first vector.
        spacing: Distance between them.
    """

    vectors: Float64[ndarray, "A B C 3"]
    low: Float64[ndarray, " 3"]
    spacing: float

    @cached_property
    def gradient_bound(self) -> float:
        """Upper bound of the norm of the displacement's gradient, anywhere in the domain.

        The derivative of a B-spline along an axis is a weighted mean of the differences of
        neighboring vectors over their distance, and its value one of the vectors. Blending out
        vertical displacements at the ground adds their largest value there times the steepest
        slope of the blend. The bound is taken from the vectors of the same spline on a lattice four
        times as fine, which are nearer to its values.
        """
        vectors, spacing, low = self.vectors, self.spacing, self.low[2]
        for _ in range(2):
            vectors, spacing, low = _halved(vectors), spacing / 2, low + spacing / 2
        columns = [
            float(np.linalg.norm(np.diff(vectors, axis=axis), axis=-1).max()) / spacing
            for axis in range(3)
        ]
        heights = low + spacing * np.arange(vectors.shape[2])
        # Vectors up to two spacings away have a share in the value at a place.
        blended = (heights > -2 * spacing) & (heights < GROUND_BLEND + 2 * spacing)
        vertical = float(np.abs(vectors[:, :, blended, 2]).max())
        columns[2] += STEEPEST_BLEND / GROUND_BLEND * vertical
        return float(np.linalg.norm(columns))

    def displacement(self, points: Float64[ndarray, "P 3"]) -> Float64[ndarray, "P 3"]:
        """Return the displacement of points, which must lie in :data:`DOMAIN`."""
        place = (points - self.low) / self.spacing
        first = np.clip(np.floor(place).astype(int), 1, np.array(self.vectors.shape[:3]) - 3)
        weights = np.stack(_spline_weights(place - first))
        total = np.zeros_like(points)
        for i, j, k in np.ndindex(4, 4, 4):
            share = weights[i, :, 0] * weights[j, :, 1] * weights[k, :, 2]
            node = first + np.array([i, j, k]) - 1
            total += share[:, None] * self.vectors[node[:, 0], node[:, 1], node[:, 2]]
        total[:, 2] *= _ground_share(points[:, 2])
        return total

    def on_grid(self, x: ndarray, y: ndarray, z: ndarray) -> Float64[ndarray, "3 A B C"]:
        """Return the displacement at the nodes of a regular grid, each component as an array.

        Args:
            x: Coordinates of the nodes along x.
            y: The same along y.
            z: The same along z.
        """
        along = [self._matrix(nodes, axis) for axis, nodes in enumerate((x, y, z))]
        total = np.moveaxis(self.vectors, 3, 0)
        for axis, matrix in enumerate(along, start=1):
            total = np.moveaxis(np.tensordot(total, matrix, axes=(axis, 1)), 3, axis)
        total[2] *= _ground_share(z)
        return total

    def _matrix(self, nodes: ndarray, axis: int) -> Float64[ndarray, "A K"]:
        """Return the weights of the vectors along one axis for all nodes."""
        count = self.vectors.shape[axis]
        place = (nodes - self.low[axis]) / self.spacing
        first = np.clip(np.floor(place).astype(int), 1, count - 3)
        matrix = np.zeros((len(nodes), count))
        for step, weight in enumerate(_spline_weights(place - first)):
            matrix[np.arange(len(nodes)), first + step - 1] += weight
        return matrix


def draw_form(rng: np.random.Generator, *, scale: float = 1.0) -> tuple[FreeForm, ...]:
    """Draw a long and a short deformation.

    Args:
        rng: Random generator.
        scale: Factor of the amplitudes.
    """
    return tuple(
        FreeForm(
            seed=int(rng.integers(2**31)),
            length=float(rng.uniform(*length)),
            amplitude=float(scale * rng.uniform(*amplitude)),
        )
        for length, amplitude in zip(LENGTHS, AMPLITUDES, strict=True)
    )


def lattices_of(forms: Sequence[FreeForm]) -> tuple[Lattice, ...]:
    """Return the vectors of deformations whose sum is injective.

    Where the sum of their bounds exceeds :data:`MAX_GRADIENT`, all are reduced by one factor.

    Examples:
        >>> wild = (FreeForm(seed=0, length=0.2, amplitude=1.0),) * 2
        >>> round(sum(lattice.gradient_bound for lattice in lattices_of(wild)), 9)
        0.75
    """
    drawn = [_drawn(form) for form in forms]
    bound = sum(lattice.gradient_bound for lattice in drawn)
    factor = MAX_GRADIENT / max(bound, MAX_GRADIENT)
    return tuple(replace(lattice, vectors=lattice.vectors * factor) for lattice in drawn)


def _drawn(form: FreeForm) -> Lattice:
    low, high = np.array(DOMAIN)
    # An odd number of vectors across, the middle one on y = 0; two beyond either end of the domain.
    aside = int(np.ceil(high[1] / form.length)) + 2
    count = np.ceil((high - low) / form.length).astype(int) + 5
    count[1] = 2 * aside + 1
    start = low - 2 * form.length
    start[1] = -aside * form.length
    vectors = np.random.default_rng(form.seed).normal(0, form.amplitude, (*count, 3))
    mirrored = vectors[:, ::-1] * np.array([1.0, -1.0, 1.0])
    symmetric = (vectors + mirrored) / np.sqrt(2)  # a sum of two keeps their deviation
    symmetric[:, aside] /= np.sqrt(2)  # on the plane both are the same vector
    return Lattice(symmetric, start, form.length)


def moved(points: Float64[ndarray, "P 3"], forms: Sequence[FreeForm]) -> Float64[ndarray, "P 3"]:
    """Return points moved by the sum of deformations."""
    return points + sum(lattice.displacement(points) for lattice in lattices_of(forms))


def deformed(mesh: SurfaceMesh, forms: Sequence[FreeForm]) -> SurfaceMesh:
    """Return a surface with each vertex moved; its triangles should be small beside the lattices.

    Examples:
        >>> from mspt.geometry.mesh import box
        >>> body = box((0, -0.2, 0), (1, 0.2, 0.3))
        >>> bent = deformed(body, [FreeForm(seed=1, length=0.4, amplitude=0.02)])
        >>> bool((bent.vertices[::2, 2] == 0).all()), bent.volume != body.volume
        (True, True)
    """
    return replace(mesh, vertices=moved(mesh.vertices, forms))


def _halved(vectors: Float64[ndarray, "A B C 3"]) -> Float64[ndarray, "D E F 3"]:
    """Return the vectors of the same spline on a lattice of half the spacing.

    The first vector lies half a spacing further in.
    """
    for axis in range(3):
        row = np.moveaxis(vectors, axis, 0)
        fine = np.empty((2 * len(row) - 3, *row.shape[1:]))
        fine[0::2] = (row[:-1] + row[1:]) / 2
        fine[1::2] = (row[:-2] + 6 * row[1:-1] + row[2:]) / 8
        vectors = np.moveaxis(fine, 0, axis)
    return vectors


def _spline_weights(t: ndarray) -> list[ndarray]:
    """Return the weights of four neighboring vectors of a uniform cubic B-spline, t from 0 to 1."""
    return [
        (1 - t) ** 3 / 6,
        (3 * t**3 - 6 * t**2 + 4) / 6,
        (-3 * t**3 + 3 * t**2 + 3 * t + 1) / 6,
        t**3 / 6,
    ]


def _ground_share(z: ndarray) -> ndarray:
    t = np.clip(z / GROUND_BLEND, 0, 1)
    return t**2 * (3 - 2 * t)
