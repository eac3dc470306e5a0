"""Synthetic clouds that are hard to partition, generated from a seed.

Every cloud has three axes and any number of points, in an order unrelated to their positions.

Letters: N points.
"""

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float32
from numpy import ndarray
from torch import Tensor

from mspt.errors import DataError
from mspt.seeding import derive_seed

MAX_POINTS = 1_000_000
NUM_CLUSTERS = 12
WALL_SCALE = 0.02
"""Mean distance from the wall of the cloud ``exponential``."""
POINTS_PER_PLACE = 8
"""Points at each place of the cloud ``duplicates``, on average."""

_Make = Callable[[int, np.random.Generator], ndarray]


def stress_cloud(kind: str, num_points: int, *, seed: int = 0) -> Float32[Tensor, "N 3"]:
    """Make a cloud; the same kind, size and seed always give the same one.

    Args:
        kind: One of ``STRESS_CLOUDS``.
        num_points: Points N, at most ``MAX_POINTS``.
        seed: Of all random choices.

    Raises:
        DataError: If there is no such kind, or the number of points is out of range.

    Examples:
        >>> stress_cloud("sheet", 100).amax(0)[2] < 0.01
        tensor(True)
    """
    if kind not in STRESS_CLOUDS:
        raise DataError(f"cloud must be one of {', '.join(STRESS_CLOUDS)}, got {kind!r}")
    if not 1 <= num_points <= MAX_POINTS:
        raise DataError(f"points must lie between 1 and {MAX_POINTS:,}, got {num_points}")
    make, _ = STRESS_CLOUDS[kind]
    random = np.random.default_rng(derive_seed(seed, "stress", kind))
    points = make(num_points, random)
    return torch.from_numpy(random.permutation(points).astype(np.float32))


def describe_cloud(kind: str) -> str:
    """Return in one sentence what a cloud is and why it is hard."""
    return STRESS_CLOUDS[kind][1]


def _uniform(count: int, random: np.random.Generator) -> ndarray:
    return random.random((count, 3))


def _clustered(count: int, random: np.random.Generator) -> ndarray:
    """Spread points over clusters whose sizes and widths span two powers of ten."""
    centers = random.random((NUM_CLUSTERS, 3))
    widths = 10.0 ** random.uniform(-3, -1, NUM_CLUSTERS)
    shares = random.pareto(1.2, NUM_CLUSTERS) + 0.2
    cluster = random.choice(NUM_CLUSTERS, count, p=shares / shares.sum())
    return centers[cluster] + widths[cluster, None] * random.normal(size=(count, 3))


def _exponential(count: int, random: np.random.Generator) -> ndarray:
    """Crowd points at a wall, as a boundary-layer mesh does."""
    points = random.random((count, 3))
    points[:, 2] = random.exponential(WALL_SCALE, count)
    return points


def _sheet(count: int, random: np.random.Generator) -> ndarray:
    points = random.random((count, 3))
    points[:, 2] *= 1e-3
    return points


def _line(count: int, random: np.random.Generator) -> ndarray:
    return random.random((count, 1)) * np.array([[1.0, 0.6, 0.3]])


def _fractal(count: int, random: np.random.Generator) -> ndarray:
    """Draw from the Sierpinski tetrahedron: each point picks one of four corners at each scale."""
    corners = np.array([[0, 0, 0], [1, 1, 0], [1, 0, 1], [0, 1, 1]], dtype=float)
    points = np.zeros((count, 3))
    for depth in range(1, 21):
        points += corners[random.integers(0, 4, count)] * 0.5**depth
    return points


def _needle(count: int, random: np.random.Generator) -> ndarray:
    """Fill a box a thousand times longer than wide and a million times longer than thick."""
    return random.random((count, 3)) * np.array([1.0, 1e-3, 1e-6])


def _duplicates(count: int, random: np.random.Generator) -> ndarray:
    places = random.random((-(-count // POINTS_PER_PLACE), 3))
    return places[random.integers(0, len(places), count)]


STRESS_CLOUDS: dict[str, tuple[_Make, str]] = {
    "clustered": (
        _clustered,
        "Twelve clusters whose sizes and widths span powers of ten: space between is empty.",
    ),
    "exponential": (
        _exponential,
        "Density falls off exponentially from a wall, as in a boundary-layer mesh.",
    ),
    "sheet": (
        _sheet,
        "A sheet a thousand times wider than thick: one axis has next to no extent.",
    ),
    "line": (_line, "A straight line across all three axes: every ball is a stretch of it."),
    "fractal": (
        _fractal,
        "The Sierpinski tetrahedron, of dimension two, with gaps of every size.",
    ),
    "needle": (
        _needle,
        "A box a thousand times longer than wide, and that again over its thickness.",
    ),
    "duplicates": (
        _duplicates,
        "Every place is taken about eight times: patch borders must fall between equal points.",
    ),
    "uniform": (_uniform, "A cube filled evenly: the easy case, for contrast."),
}
"""Maker and description of each cloud."""
