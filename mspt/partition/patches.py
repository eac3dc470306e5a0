"""Measures of patches (size, shape, overlap, neighbors, error) and of whole partitions.

Letters: N points, K patches, X space axes, Q supernodes per patch.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray
from scipy.spatial import KDTree
from torch import Tensor

from mspt.config import ModelConfig, require
from mspt.partition.ball_tree import Partition
from mspt.partition.runs import patch_runs

NUM_NEAREST = 6
"""Nearest neighbors of each point that decide which patches touch.

A regular triangulation of a surface has six neighbors at each vertex.
"""

BALL_TOLERANCE = 1e-9
"""Relative increase of a ball's radius, so that rounding does not exclude its farthest point."""

COORDINATE_TOLERANCE = 1e-12
"""The same relative to the largest coordinate: for balls without extent, far from the origin."""

FLAT_VARIANCE = 1e-9
"""Share of the largest variance below which a patch counts as a line.

Coordinates rounded to float32 (6e-8) leave a line a little width.
"""


@dataclass(frozen=True, kw_only=True, eq=False)
class PatchShapes:
    """Size and shape of each patch, in the unit of the points.

    Attributes:
        size: Points L.
        center: Mean of the points.
        radius: Largest distance of a point from the center.
        dispersion: Mean squared distance of the points from the center: the paper's measure of
            compactness (Table 6).
        aspect: Aspect ratio: the largest standard deviation along a principal axis over the second
            largest. A thin but round disk has 1, a line is infinite.
    """

    size: Int[ndarray, " K"]
    center: Float[ndarray, "K X"]
    radius: Float[ndarray, " K"]
    dispersion: Float[ndarray, " K"]
    aspect: Float[ndarray, " K"]


@dataclass(frozen=True, kw_only=True)
class Compactness:
    """Dispersion over the patches of a partition, as in the paper's Table 6.

    Attributes:
        median: Median over the patches, in the squared unit of the points, as the next three.
        p90: 90th percentile.
        p99: 99th percentile.
        max: Largest value.
        share: Mean over points divided by the dispersion of the whole cloud: 0 if all points of a
            patch coincide, close to 1 for patches of randomly chosen points.
    """

    median: float
    p90: float
    p99: float
    max: float
    share: float


def measure_patches(points: Float[Tensor, "N X"], partition: Partition) -> PatchShapes:
    """Return size and shape of each patch, computed in float64."""
    first, size = _runs(partition)
    places = _in_leaf_order(points, partition)
    origin = places.mean(axis=1, keepdims=True)
    places -= origin  # sums of a cloud far from the origin would lose digits
    center = np.add.reduceat(places, first, axis=1) / size
    places -= np.repeat(center, size, axis=1)
    square = np.einsum("xn,xn->n", places, places)
    return PatchShapes(
        size=size,
        center=(center + origin).T,
        radius=np.sqrt(np.maximum.reduceat(square, first)),
        dispersion=np.add.reduceat(square, first) / size,
        aspect=_aspect(places, first, size),
    )


def compactness(shapes: PatchShapes) -> Compactness:
    """Summarize how compact the patches of a partition are (the paper's Table 6).

    Examples:
        >>> import torch
        >>> from mspt.partition.ball_tree import build_partition
        >>> points = torch.tensor([[0.0], [1.0], [10.0], [11.0]])
        >>> found = compactness(measure_patches(points, build_partition(points, 2)))
        >>> found.median, round(found.share, 4)
        (0.25, 0.0099)
    """
    # The variance of the cloud is the variance within patches plus that of the patch centers.
    weight = shapes.size / shapes.size.sum()
    within = float(weight @ shapes.dispersion)
    middle = weight @ shapes.center
    between = float(weight @ ((shapes.center - middle) ** 2).sum(axis=1))
    median, p90, p99 = np.percentile(shapes.dispersion, [50, 90, 99]).tolist()
    return Compactness(
        median=median,
        p90=p90,
        p99=p99,
        max=float(shapes.dispersion.max()),
        share=within / (within + between) if within + between else 0.0,
    )


def patch_overlap(points: Float[Tensor, "N X"], shapes: PatchShapes) -> Float[ndarray, " K"]:
    """Return the share of the points in each patch's ball that belong to other patches.

    The ball is the smallest one around the patch's center that contains its points. The share is 0
    if it contains no other points and close to 1 if the patch is spread over the cloud.
    """
    places = points.double().numpy()
    reach = shapes.radius * (1 + BALL_TOLERANCE) + COORDINATE_TOLERANCE * np.abs(places).max()
    inside = np.empty(len(reach))
    # Balls that contain the whole cloud need no search; random patches are of this kind.
    whole = reach >= _farthest_corner(places, shapes.center)
    inside[whole] = len(places)
    if not whole.all():
        inside[~whole] = KDTree(places).query_ball_point(
            shapes.center[~whole], reach[~whole], return_length=True, workers=-1
        )
    return np.clip(1 - shapes.size / inside, 0, 1)


def nearest_points(
    points: Float[Tensor, "N X"], num_nearest: int = NUM_NEAREST
) -> Int[ndarray, "N J"]:
    """Return for each point one point at its own location and one at each of the nearest others.

    Distinct locations count, not points: many equal points would otherwise hide their neighbors. A
    cloud with fewer distinct locations gives fewer columns.

    Args:
        points: The cloud.
        num_nearest: Number of nearest other locations.

    Returns:
        Indices of points, nearest first, with J = ``num_nearest`` + 1.

    Examples:
        >>> import torch
        >>> nearest_points(torch.tensor([[0.0], [1.0], [5.0], [5.0]]), 1).tolist()
        [[0, 1], [1, 0], [2, 1], [2, 1]]
    """
    places, first, place = np.unique(
        points.double().numpy(), axis=0, return_index=True, return_inverse=True
    )
    count = min(num_nearest + 1, len(places))
    _, found = KDTree(places).query(places, k=count, workers=-1)
    return first[found.reshape(len(places), count)][place.ravel()]


def touching_patches(partition: Partition, nearest: Int[ndarray, "N J"]) -> Int[ndarray, "pairs 2"]:
    """Return pairs of patches that touch, each with the lower index first, sorted.

    Two patches touch if one of the nearest neighbors of a point of one lies in the other.

    Args:
        partition: The patches.
        nearest: From :func:`nearest_points`.
    """
    patch = partition.patch_of_point.numpy()
    own, other = np.repeat(patch, nearest.shape[1]), patch[nearest.ravel()]
    across = own != other
    count = len(partition.offsets) - 1
    low, high = np.minimum(own, other)[across], np.maximum(own, other)[across]
    # A pair as one number: sorting numbers is much faster than sorting rows.
    return np.stack(np.divmod(np.unique(low * count + high), count), axis=1)


def error_shares(partition: Partition, error: Float[ndarray, " N"]) -> Float[ndarray, " K"]:
    """Return the share of the sum of squared errors that lies in each patch.

    Args:
        partition: The patches.
        error: Error at each point; NaN where the field is not defined, which adds nothing.

    Examples:
        >>> from mspt.partition.ball_tree import sequence_partition
        >>> error_shares(sequence_partition(4, 2), np.array([1.0, -1.0, np.nan, 2.0])).round(3)
        array([0.333, 0.667])
    """
    first, _ = _runs(partition)
    square = np.nan_to_num(error.astype(np.float64))[partition.order.numpy()] ** 2
    total = square.sum()
    return np.add.reduceat(square, first) / (total or 1.0)  # without errors, all shares are 0


def supernode_centers(
    points: Float[Tensor, "N X"], partition: Partition, num_supernodes: int
) -> Float[ndarray, "S X"]:
    """Return the mean location of the points that each supernode represents, patch after patch.

    The points of a patch are divided into Q contiguous parts in leaf order: those that mean pooling
    averages (equation 10 of the paper).

    Args:
        points: The cloud.
        partition: Its patches.
        num_supernodes: Supernodes Q per patch.

    Raises:
        ValueError: If Q is below 1 or above the number of points of the smallest patch.
    """
    _, size = _runs(partition)
    require("num_supernodes", num_supernodes, minimum=1)
    if num_supernodes > size.min():
        raise ValueError(
            "num_supernodes must be at most the points of the smallest patch, "
            f"got {num_supernodes} for a patch of {size.min()}; use fewer patches"
        )
    parts = np.empty((len(size), num_supernodes), dtype=np.int64)
    for length in np.unique(size):  # at most two sizes: patches differ by at most one point
        runs = patch_runs(int(length), num_supernodes)
        parts[size == length] = np.repeat([run.size for run in runs], [run.count for run in runs])
    length = parts.ravel()
    first = np.concatenate([[0], np.cumsum(length)[:-1]])
    return (np.add.reduceat(_in_leaf_order(points, partition), first, axis=1) / length).T


def attention_flops(config: ModelConfig, num_points: int) -> float:
    """Return the multiplications and additions of attention alone, in all blocks of a forward pass.

    Each of N points attends to the L points of its patch and all S supernodes: ``4 N D (L + S)`` a
    block (two matrix products, each with a multiplication and an addition; equation 7).

    Examples:
        >>> config = ModelConfig(space_dim=3, width=64, num_blocks=1, num_patches=10)
        >>> attention_flops(config, 1000) == 4 * 1000 * 64 * (100 + 10)
        True
    """
    k = config.patches_for(num_points)
    keys = num_points / k + k * config.num_supernodes
    return 4 * num_points * config.width * keys * config.num_blocks


def _runs(partition: Partition) -> tuple[Int[ndarray, " K"], Int[ndarray, " K"]]:
    """Return position of the first point, and size, of each patch in leaf order."""
    offsets = partition.offsets.numpy()
    return offsets[:-1], np.diff(offsets)


def _in_leaf_order(points: Float[Tensor, "N X"], partition: Partition) -> Float[ndarray, "X N"]:
    """Return the points patch after patch, axis by axis: contiguous runs are fast to sum."""
    return np.ascontiguousarray(points.numpy()[partition.order.numpy()].T, dtype=np.float64)


def _aspect(
    offset: Float[ndarray, "X N"], first: Int[ndarray, " K"], size: Int[ndarray, " K"]
) -> Float[ndarray, " K"]:
    """Return the aspect ratio of each patch from the eigenvalues of its covariance."""
    space_dim = len(offset)
    if space_dim == 1:
        return np.where(np.add.reduceat(np.abs(offset[0]), first) > 0, np.inf, 1.0)
    covariance = np.empty((len(size), space_dim, space_dim))
    for i in range(space_dim):
        for j in range(i + 1):
            covariance[:, i, j] = np.add.reduceat(offset[i] * offset[j], first) / size
    values = np.linalg.eigvalsh(covariance)  # which reads only the lower triangle
    longest, second = np.sqrt(np.maximum(values[:, -1], 0)), values[:, -2]
    thin = second <= FLAT_VARIANCE * values[:, -1]
    ratio = longest / np.sqrt(np.where(thin, 1.0, second))
    return np.where(values[:, -1] <= 0, 1.0, np.where(thin, np.inf, ratio))


def _farthest_corner(
    places: Float[ndarray, "N X"], centers: Float[ndarray, "K X"]
) -> Float[ndarray, " K"]:
    """Return the distance from each center to the farthest corner of the bounding box."""
    low, high = places.min(axis=0), places.max(axis=0)
    return np.linalg.norm(np.maximum(centers - low, high - centers), axis=1)


def patch_table(
    points: Float[Tensor, "N X"],
    partition: Partition,
    *,
    nearest: Int[ndarray, "N J"],
    error: Float[ndarray, " N"] | None = None,
) -> dict[str, ndarray]:
    """Return all measures of each patch as columns of a table, by name.

    Args:
        points: The cloud.
        partition: Its patches.
        nearest: From :func:`nearest_points`.
        error: Error at each point, NaN where the field is not defined; None without a reference,
            which leaves the column ``error_share`` out.
    """
    shapes = measure_patches(points, partition)
    touching = neighbor_lists(touching_patches(partition, nearest), len(shapes.size))
    table = {
        "patch": np.arange(len(shapes.size)),
        "size": shapes.size,
        "radius": shapes.radius,
        "dispersion": shapes.dispersion,
        "aspect": shapes.aspect,
        "overlap": patch_overlap(points, shapes),
        "neighbors": np.array([len(own) for own in touching]),
    }
    if error is not None:
        table["error_share"] = error_shares(partition, error)
    return table


def neighbor_lists(pairs: Int[ndarray, "pairs 2"], num_patches: int) -> list[list[int]]:
    """Return the indices of the patches that touch each patch, in ascending order.

    Examples:
        >>> neighbor_lists(np.array([[0, 1], [1, 2]]), 3)
        [[1], [0, 2], [1]]
    """
    both = np.concatenate([pairs, pairs[:, ::-1]])
    both = both[np.lexsort(both.T[::-1])]
    cuts = np.searchsorted(both[:, 0], np.arange(1, num_patches))
    return [own.tolist() for own in np.split(both[:, 1], cuts)]
