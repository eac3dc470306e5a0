"""The cloud on the page and its partitions, cached."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st
from torch import Tensor

from mspt.config import PATCHED, ModelConfig
from mspt.cost.formulas import recommended_patches
from mspt.data.stress_clouds import stress_cloud
from mspt.figures.scenes.parts import close_view
from mspt.figures.scenes.patches import CloseView, ShownPartition
from mspt.inference.frames import at_time, fields_at, time_of
from mspt.inference.partitioned import (
    PartitionedCloud,
    first_channel_error,
    partition_cloud,
    patch_rows,
    with_patches,
)
from mspt.inference.sample import Sample
from mspt.partition.alternatives import PARTITION_METHODS, PartitionMethod
from mspt.partition.patches import nearest_points, touching_patches
from pages._shared import frame
from pages._shared.cache import CheckpointKey, ListedCheckpoint, predict
from pages._shared.datasets import length_unit

METHODS: dict[str, PartitionMethod] = {
    method.replace("_", " "): method for method in PARTITION_METHODS
}
"""Methods to partition a cloud, by their names on the page."""
PARTS = ("body", "flow", "both")


@dataclass(frozen=True, kw_only=True, eq=False)
class Chosen:
    """The cloud on the page.

    Attributes:
        source: Where it comes from.
        name: Name of the case, shape or stress cloud.
        part: One of ``PARTS``; ``both`` for clouds without a body.
        sample: The cloud with all that is known of it.
        checkpoint: Gives the model's own sizes, its cost and its errors.
        frame: Index of the time whose errors are shown; None for steady clouds.
    """

    source: str
    name: str
    part: str
    sample: Sample
    checkpoint: ListedCheckpoint
    frame: int | None = None

    @property
    def key(self) -> str:
        """Stands for the shown points in every cache."""
        return f"{self.sample.key}-{self.part}"

    @property
    def rows(self) -> slice:
        """The rows of the sample that are shown; points on the body come first."""
        count = self.sample.num_surface
        return {"body": slice(0, count), "flow": slice(count, None), "both": slice(0, None)}[
            self.part
        ]

    @property
    def points(self) -> Tensor:
        """The shown points."""
        return self.sample.points[self.rows]

    @property
    def close_view(self) -> CloseView | None:
        """What is shown at first of a domain that is much larger than what is of interest."""
        box, triangles = close_view(self.sample), self.sample.triangles
        return None if box is None or triangles is None else CloseView(box, triangles)

    @property
    def error_of(self) -> str:
        """What errors are of, in words."""
        time = time_of(self.sample)
        shown = self.sample if self.frame is None else at_time(self.sample, self.frame)
        when = "" if time is None or self.frame is None else f" at {time.words(self.frame)}"
        return f"{shown.channels[0].name}{when}"

    @property
    def unit(self) -> str:
        """Unit of the coordinates."""
        return length_unit(self.sample)

    @property
    def model_has_patches(self) -> bool:
        """Whether the checkpoint can predict this cloud and partitions it."""
        return self.sample.dataset is not None and self.checkpoint.config.architecture in PATCHED

    @property
    def default_patches(self) -> int:
        """Patches as in the model, or the number with the cheapest attention."""
        count = len(self.points)
        if not self.model_has_patches:
            return recommended_patches(count)
        return min(self.checkpoint.config.patches_for(len(self.sample.points)), count)

    @property
    def default_supernodes(self) -> int:
        """Supernodes of a patch as in the model, or one."""
        return self.checkpoint.config.num_supernodes if self.model_has_patches else 1

    def config(self, num_patches: int, num_supernodes: int) -> ModelConfig:
        """Return an MSPT of the checkpoint's width and depth with other patches."""
        return with_patches(
            self.checkpoint.config, num_patches=num_patches, num_supernodes=num_supernodes
        )


def partition(chosen: Chosen, method: PartitionMethod, num_patches: int) -> PartitionedCloud:
    """Return the cloud on the page under one partition."""
    return _partition(chosen.key, method, num_patches, _points=chosen.points)


@st.cache_resource(max_entries=64, show_spinner=False)
def _partition(
    key: str,  # noqa: ARG001 - identifies the points in the cache
    method: PartitionMethod,
    num_patches: int,
    *,
    _points: Tensor,
) -> PartitionedCloud:
    _warm_up()
    return partition_cloud(_points, num_patches, method=method)


@st.cache_resource(show_spinner=False)
def _warm_up() -> None:
    """Partition a small cloud, so that no shown time includes the compilation of the ball tree."""
    partition_cloud(stress_cloud("sheet", 64, seed=0), 4, method="ball_tree")


def partition_by_every_method(chosen: Chosen, num_patches: int) -> dict[str, PartitionedCloud]:
    """Return the cloud under the partition of each method, by its name."""
    return {name: partition(chosen, method, num_patches) for name, method in METHODS.items()}


def drawn(chosen: Chosen, cloud: PartitionedCloud) -> ShownPartition:
    """Return what is drawn of a partition."""
    return ShownPartition(
        title=cloud.name,
        partition=cloud.partition,
        shapes=cloud.shapes,
        touching=touching_patches(cloud.partition, nearest(chosen)),
    )


@st.cache_resource(max_entries=8, show_spinner="Finding neighbors …")
def _nearest(key: str, *, _points: Tensor) -> np.ndarray:  # noqa: ARG001
    return nearest_points(_points)


def nearest(chosen: Chosen) -> np.ndarray:
    """Return the nearest points of each shown point."""
    return _nearest(chosen.key, _points=chosen.points)


def _error_of(chosen: Chosen) -> np.ndarray | None:
    """Return the model's error at each shown point, where the truth is known."""
    if chosen.sample.truth is None:
        return None
    fields = predict(chosen.checkpoint, chosen.sample, frame.device()).fields
    if chosen.frame is None:
        return first_channel_error(chosen.sample, fields)[chosen.rows]
    fields = fields_at(chosen.sample, fields, chosen.frame)
    return first_channel_error(at_time(chosen.sample, chosen.frame), fields)[chosen.rows]


def patch_table(chosen: Chosen, cloud: PartitionedCloud) -> tuple[pd.DataFrame, list[list[int]]]:
    """Return one row for each patch, and for each patch the patches that touch it."""
    return _patch_table(
        f"{chosen.key}-{chosen.frame}",
        chosen.checkpoint.key,
        cloud.method,
        cloud.num_patches,
        _chosen=chosen,
        _cloud=cloud,
    )


@st.cache_resource(max_entries=16, show_spinner="Measuring every patch …")
def _patch_table(
    key: str,  # noqa: ARG001
    checkpoint: CheckpointKey,  # noqa: ARG001
    method: PartitionMethod,  # noqa: ARG001
    num_patches: int,  # noqa: ARG001
    *,
    _chosen: Chosen,
    _cloud: PartitionedCloud,
) -> tuple[pd.DataFrame, list[list[int]]]:
    return patch_rows(_chosen.points, _cloud, nearest=nearest(_chosen), error=_error_of(_chosen))
