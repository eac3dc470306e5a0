"""What can be said of each patch: size, shape, overlap, neighbors, error; and of a partition.

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
"""Nearest points of each point that decide which patches touch."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PatchShapes:
    """Size and form of each patch, in the unit of the points.

    Attributes:
        size: Points L.
        center: Mean of the points.
        radius: Largest distance of a point from the center.
        dispersion: Mean squared distance of the points from the center: the paper's measure of
            compactness (Table 6).
        aspect: Longest over second longest principal extent, each a standard deviation along a
            principal axis: 1 for as wide as long, however thin; infinite for a line.
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
        median: Half of the patches are more compact.
        p90: Nine in ten are.
        p99: Ninety-nine in a hundred are.
        max: The least compact patch.
        share: Mean over points, over the dispersion of the whole cloud: 0 for patches that are
            places, 1 for patches drawn by chance.
    """

    median: float
    p90: float
    p99: float
    max: float
    share: float


def measure_patches(points: Float[Tensor, "N X"], partition: Partition) -> PatchShapes:
    """Return size and form of each patch."""
    first, size = _runs(partition)
    places = _in_leaf_order(points, partition)
    origin = places.mean(axis=1, keepdims=True)
    places -= origin  # little is lost where a cloud is far from zero
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
    """Return how compact the patches of a partition are, in all.

    Examples:
        >>> import torch
        >>> from mspt.partition.ball_tree import build_partition
        >>> points = torch.tensor([[0.0], [1.0], [10.0], [11.0]])
        >>> found = compactness(measure_patches(points, build_partition(points, 2)))
        >>> found.median, round(found.share, 4)
        (0.25, 0.0099)
    """
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
    """Return which share of the points in each patch's ball belong to other patches.

    The ball is the smallest one about the patch's center that holds its points: 0 for a ball of
    its own, close to 1 where a patch is spread over the cloud.
    """
    places = points.double().numpy()
    reach = shapes.radius * (1 + 1e-9) + 1e-12 * np.abs(places).max()
    inside = np.empty(len(reach))
    # A ball that spans the cloud holds all of it; the tree need not be asked.
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
    """Return for each point one point at its own place and one at each of the nearest others.

    Places count, not points: equal points would hide what is near them. A cloud with fewer places
    gives fewer columns.

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
    """Return pairs of patches that touch, lower number first, in order.

    Two patches touch if one of the nearest points of a point of the one lies in the other.

    Args:
        partition: The patches.
        nearest: From :func:`nearest_points`.
    """
    patch = partition.patch_of_point.numpy()
    own, other = np.repeat(patch, nearest.shape[1]), patch[nearest.ravel()]
    across = own != other
    count = len(partition.offsets) - 1
    low, high = np.minimum(own, other)[across], np.maximum(own, other)[across]
    return np.stack(np.divmod(np.unique(low * count + high), count), axis=1)


def error_shares(partition: Partition, error: Float[ndarray, " N"]) -> Float[ndarray, " K"]:
    """Return which share of the sum of squared errors lies in each patch.

    Args:
        partition: The patches.
        error: At each point; NaN where it is not defined, which counts for nothing.

    Examples:
        >>> from mspt.partition.ball_tree import sequence_partition
        >>> error_shares(sequence_partition(4, 2), np.array([1.0, -1.0, np.nan, 2.0])).round(3)
        array([0.333, 0.667])
    """
    first, _ = _runs(partition)
    square = np.nan_to_num(error.astype(np.float64))[partition.order.numpy()] ** 2
    total = square.sum()
    return np.add.reduceat(square, first) / (total or 1.0)


def supernode_centers(
    points: Float[Tensor, "N X"], partition: Partition, num_supernodes: int
) -> Float[ndarray, "S X"]:
    """Return the mean place of the points behind each supernode, patch after patch.

    The points of a patch are cut into Q contiguous parts in leaf order, the parts that mean
    pooling averages.

    Raises:
        ValueError: If the smallest patch has fewer than Q points.
    """
    _, size = _runs(partition)
    require("num_supernodes", num_supernodes, minimum=1)
    if num_supernodes > size.min():
        raise ValueError(
            "num_supernodes must be at most the points of the smallest patch, "
            f"got {num_supernodes} for a patch of {size.min()}; use fewer patches"
        )
    parts = np.empty((len(size), num_supernodes), dtype=np.int64)
    for length in np.unique(size):
        runs = patch_runs(int(length), num_supernodes)
        parts[size == length] = np.repeat([run.size for run in runs], [run.count for run in runs])
    length = parts.ravel()
    first = np.concatenate([[0], np.cumsum(length)[:-1]])
    return (np.add.reduceat(_in_leaf_order(points, partition), first, axis=1) / length).T


def attention_flops(config: ModelConfig, num_points: int) -> float:
    """Return the multiplications and additions of attention alone, in all blocks of a forward.

    Each of N points meets the L points of its patch and all S supernodes: ``4 N D (L + S)``.

    Examples:
        >>> config = ModelConfig(space_dim=3, width=64, num_blocks=1, num_patches=10)
        >>> attention_flops(config, 1000) == 4 * 1000 * 64 * (100 + 10)
        True
    """
    k = config.patches_for(num_points)
    keys = num_points / k + k * config.num_supernodes
    return 4 * num_points * config.width * keys * config.num_blocks


def _runs(partition: Partition) -> tuple[Int[ndarray, " K"], Int[ndarray, " K"]]:
    """Return first place and size of each patch."""
    offsets = partition.offsets.numpy()
    return offsets[:-1], np.diff(offsets)


def _in_leaf_order(points: Float[Tensor, "N X"], partition: Partition) -> Float[ndarray, "X N"]:
    """Return the points patch after patch, axis by axis: long runs are quick to sum."""
    return np.ascontiguousarray(points.numpy()[partition.order.numpy()].T, dtype=np.float64)


def _aspect(
    offset: Float[ndarray, "X N"], first: Int[ndarray, " K"], size: Int[ndarray, " K"]
) -> Float[ndarray, " K"]:
    space_dim = len(offset)
    if space_dim == 1:
        return np.where(np.add.reduceat(np.abs(offset[0]), first) > 0, np.inf, 1.0)
    covariance = np.empty((len(size), space_dim, space_dim))
    for i in range(space_dim):
        for j in range(i + 1):
            covariance[:, i, j] = np.add.reduceat(offset[i] * offset[j], first) / size
    values = np.linalg.eigvalsh(covariance)  # which reads the lower triangle
    longest, second = np.sqrt(np.maximum(values[:, -1], 0)), values[:, -2]
    # Rounding of the points to float32 leaves a little width where a patch is a line.
    thin = second <= 1e-9 * values[:, -1]
    ratio = longest / np.sqrt(np.where(thin, 1.0, second))
    return np.where(values[:, -1] <= 0, 1.0, np.where(thin, np.inf, ratio))


def _farthest_corner(
    places: Float[ndarray, "N X"], centers: Float[ndarray, "K X"]
) -> Float[ndarray, " K"]:
    low, high = places.min(axis=0), places.max(axis=0)
    return np.linalg.norm(np.maximum(centers - low, high - centers), axis=1)


def patch_table(
    points: Float[Tensor, "N X"],
    partition: Partition,
    *,
    nearest: Int[ndarray, "N J"],
    error: Float[ndarray, " N"] | None = None,
) -> dict[str, ndarray]:
    """Return everything that can be said of each patch, by column.

    Args:
        points: The cloud.
        partition: Its patches.
        nearest: From :func:`nearest_points`.
        error: At each point, NaN where it is not defined; None where it is not known.
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
    """Return the patches that touch each patch, in order.

    Examples:
        >>> neighbor_lists(np.array([[0, 1], [1, 2]]), 3)
        [[1], [0, 2], [1]]
    """
    both = np.concatenate([pairs, pairs[:, ::-1]])
    both = both[np.lexsort(both.T[::-1])]
    cuts = np.searchsorted(both[:, 0], np.arange(1, num_patches))
    return [own.tolist() for own in np.split(both[:, 1], cuts)]
