"""A cloud under one partition, with what is measured of its patches.

Letters: N points, X space axes, C output channels, K patches, J nearest points.
"""

from dataclasses import dataclass, replace
from time import perf_counter

import numpy as np
import pandas as pd
from jaxtyping import Float, Float64, Int
from numpy import ndarray
from torch import Tensor

from mspt.config import ModelConfig
from mspt.inference.sample import Sample
from mspt.partition.alternatives import PartitionMethod, divide_points
from mspt.partition.ball_tree import Partition
from mspt.partition.patches import (
    Compactness,
    PatchShapes,
    compactness,
    measure_patches,
    neighbor_lists,
    patch_table,
    touching_patches,
)


@dataclass(frozen=True, kw_only=True, eq=False)
class PartitionedCloud:
    """One partition of a cloud.

    Attributes:
        method: How the patches were made, such as ``ball_tree``.
        partition: The patches.
        shapes: Their size and form.
        compact: How compact they are.
        seconds: Time to build the partition, without the measurement of the patches.
    """

    method: PartitionMethod
    partition: Partition
    shapes: PatchShapes
    compact: Compactness
    seconds: float

    @property
    def num_patches(self) -> int:
        """Patches K."""
        return len(self.shapes.size)

    @property
    def name(self) -> str:
        """The method in words."""
        return self.method.replace("_", " ")


def partition_cloud(
    points: Float[Tensor, "N X"], num_patches: int, *, method: PartitionMethod
) -> PartitionedCloud:
    """Partition a cloud and measure its patches.

    Args:
        points: The cloud.
        num_patches: Patches K, from 1 to N.
        method: How the patches are made.
    """
    start = perf_counter()
    partition = divide_points(points, num_patches, method=method)
    seconds = perf_counter() - start
    shapes = measure_patches(points, partition)
    return PartitionedCloud(
        method=method,
        partition=partition,
        shapes=shapes,
        compact=compactness(shapes),
        seconds=seconds,
    )


def patch_rows(
    points: Float[Tensor, "N X"],
    cloud: PartitionedCloud,
    *,
    nearest: Int[ndarray, "N J"],
    error: Float[ndarray, " N"] | None,
) -> tuple[pd.DataFrame, list[list[int]]]:
    """Return one row for each patch, and for each patch the patches that touch it.

    Args:
        points: The cloud.
        cloud: Its partition.
        nearest: The nearest points of each point.
        error: Of a prediction at each point, NaN where none is defined; None without one.
    """
    columns = patch_table(points, cloud.partition, nearest=nearest, error=error)
    pairs = touching_patches(cloud.partition, nearest)
    return pd.DataFrame(columns), neighbor_lists(pairs, cloud.num_patches)


def first_channel_error(sample: Sample, predicted: Float[Tensor, "N C"]) -> Float64[ndarray, " N"]:
    """Return prediction minus truth of the first channel, NaN where the channel is not defined.

    Raises:
        ValueError: If the truth of the sample is not known.
    """
    if sample.truth is None or sample.layout is None:
        raise ValueError(f"sample must have a truth to compare with, got none for {sample.key}")
    error = (predicted - sample.truth)[:, 0].double().numpy()
    return np.where(sample.where_defined(sample.channels[0].name), error, np.nan)


def with_patches(config: ModelConfig, *, num_patches: int, num_supernodes: int) -> ModelConfig:
    """Return an MSPT of the same width and depth with other numbers of patches and supernodes.

    Examples:
        >>> config = ModelConfig(space_dim=2, num_patches=9, width=64)
        >>> other = with_patches(config, num_patches=16, num_supernodes=2)
        >>> other.num_patches, other.num_supernodes, other.width
        (16, 2, 64)
    """
    return replace(
        config,
        architecture="mspt",
        num_patches=num_patches,
        patch_size=None,
        num_supernodes=num_supernodes,
        structured_shape=None,
    )
