"""What a training step sees: cases as batches of clouds, with their partitions and targets.

Letters: B batch, N points, X space axes, F input features, C output channels.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from mspt.config import ModelConfig
from mspt.data.case import CaseStack
from mspt.data.clouds import Cloud, CloudStack, FieldGroup, batch, case_seed
from mspt.data.registry import get_dataset
from mspt.data.symmetry import turn
from mspt.errors import DataError
from mspt.inference.predict import partitions_for
from mspt.metrics.fields import relative_l2
from mspt.models.branched import SplitPartition
from mspt.models.normalizer import Normalizer
from mspt.partition.ball_tree import Partition
from mspt.seeding import derive_seed

Cases = CaseStack | CloudStack
FIT_CLOUDS = 64
"""Clouds that a normalizer for flows is measured on."""


@dataclass(frozen=True)
class Batch:
    """Encoded inputs and physical targets of some cases.

    Attributes:
        points: Encoded coordinates.
        features: Encoded features.
        fields: Targets in physical units.
        partitions: One for each cloud; None for a model without one.
        num_surface: Surface points of each cloud, which come first.
        groups: What is scored, and on which points.
    """

    points: Float[Tensor, "B N X"]
    features: Float[Tensor, "B N F"]
    fields: Float[Tensor, "B N C"]
    partitions: Sequence[Partition | SplitPartition] | None
    num_surface: int
    groups: tuple[FieldGroup, ...]

    def errors(self, predicted: Float[Tensor, "B N C"]) -> Float[Tensor, "G B"]:
        """Return the relative L2 of each group and case; both are in physical units."""
        return torch.stack(
            [
                relative_l2(
                    predicted[:, group.rows(self.num_surface)][..., list(group.channels)],
                    self.fields[:, group.rows(self.num_surface)][..., list(group.channels)],
                )
                for group in self.groups
            ]
        )


@dataclass(frozen=True)
class StackSource:
    """Cases of one size, whose partitions are built once."""

    cases: CaseStack
    normalizer: Normalizer
    partitions: tuple[Partition, ...] | None

    def batch(self, rows: list[int], epoch: int) -> Batch:  # noqa: ARG002 - always the same points
        """Return some cases."""
        cut = None if self.partitions is None else [self.partitions[row] for row in rows]
        return _stacked(self.cases, rows, self.cases.points[rows], self.normalizer, cut)


@dataclass(frozen=True)
class TurnedSource:
    """Cases of one size, each of which every epoch turns by a symmetry of the data set."""

    cases: CaseStack
    normalizer: Normalizer
    config: ModelConfig
    seed: int

    def batch(self, rows: list[int], epoch: int) -> Batch:
        """Turn some cases and cut them into patches."""
        points = torch.stack([self._turned(row, epoch) for row in rows])
        encoded, _ = self.normalizer.encode(points, self.cases.features[rows])
        cut = partitions_for(self.config, encoded)
        return _stacked(self.cases, rows, points, self.normalizer, cut)

    def _turned(self, row: int, epoch: int) -> Float[Tensor, "N X"]:
        known = get_dataset(self.cases.dataset).symmetries
        drawn = derive_seed(self.seed, "symmetry", epoch, self.cases.names[row])
        return turn(self.cases.points[row], known[drawn % len(known)])


def _stacked(
    cases: CaseStack,
    rows: list[int],
    points: Float[Tensor, "B N X"],
    normalizer: Normalizer,
    partitions: Sequence[Partition] | None,
) -> Batch:
    channels = tuple(range(cases.fields.shape[-1]))
    return Batch(
        *normalizer.encode(points, cases.features[rows]),
        fields=cases.fields[rows],
        partitions=partitions,
        num_surface=0,
        groups=(FieldGroup("fields", "all", channels),),
    )


@dataclass(frozen=True)
class CloudSource:
    """Flows, of which every epoch sees other points."""

    cases: CloudStack
    normalizer: Normalizer
    config: ModelConfig
    seed: int

    def batch(self, rows: list[int], epoch: int) -> Batch:
        """Draw the points of some cases and cut them into patches."""
        clouds = [
            self.cases.draw(row, seed=case_seed(self.seed, epoch, self.cases.names[row]))
            for row in rows
        ]
        points, features, fields = batch(clouds)
        encoded = self.normalizer.encode(points, features)
        num_surface = clouds[0].num_surface
        return Batch(
            *encoded,
            fields=fields,
            partitions=partitions_for(self.config, encoded[0], num_surface=num_surface),
            num_surface=num_surface,
            groups=self.cases.layout.groups,
        )


Source = StackSource | TurnedSource | CloudSource


def source_of(
    cases: Cases, *, normalizer: Normalizer, config: ModelConfig, seed: int, augment: bool = False
) -> Source:
    """Return what training reads its batches from; ``augment`` is about 2-D cases only."""
    if isinstance(cases, CloudStack):
        return CloudSource(cases, normalizer, config, seed)
    if augment:
        return TurnedSource(cases, normalizer, config, seed)
    points, _ = normalizer.encode(cases.points, cases.features)
    return StackSource(cases, normalizer, partitions_for(config, points))


def fit_normalizer(cases: Cases) -> Normalizer:
    """Measure means and scales on training cases.

    Of flows, coordinates are measured on the bodies and fields where they mean something.
    """
    if isinstance(cases, CaseStack):
        return Normalizer.fit(cases.points, cases.features, cases.fields)
    clouds = [cases.draw(row, seed=row) for row in range(min(len(cases), FIT_CLOUDS))]
    normalizer = _fit(clouds, cases.layout.everything)
    for group in cases.layout.groups:
        channels = list(group.channels)
        measured = _fit(clouds, group)
        if group.name == "surface_pressure":
            normalizer.points_mean.copy_(measured.points_mean)
            normalizer.points_scale.copy_(measured.points_scale)
        if group.name != "volume_pressure":
            normalizer.fields_mean[channels] = measured.fields_mean
            normalizer.fields_scale[channels] = measured.fields_scale
    return normalizer


def _fit(clouds: Sequence[Cloud], group: FieldGroup) -> Normalizer:
    """Measure the channels of a group on its points; clouds may be of several sizes."""
    spans = [group.rows(cloud.num_surface) for cloud in clouds]
    pairs = list(zip(clouds, spans, strict=True))
    return Normalizer.fit(
        torch.cat([cloud.points[span] for cloud, span in pairs])[None],
        torch.cat([cloud.features[span] for cloud, span in pairs])[None],
        torch.cat([cloud.fields[span] for cloud, span in pairs])[None][..., list(group.channels)],
    )


def coarsen(cases: Cases) -> Cases:
    """Return cases on a quarter of the points: every second row and column, or fewer drawn.

    Raises:
        DataError: If the data set has neither a grid nor points to draw from.
    """
    if isinstance(cases, CloudStack):
        return replace(cases, num_surface=cases.num_surface // 4, num_volume=cases.num_volume // 4)
    shape = get_dataset(cases.dataset).grid_shape
    if shape is None:
        raise DataError(
            f"coarse_epochs must be 0 for a data set without a grid, got {cases.dataset!r}"
        )
    kept = torch.arange(shape[0] * shape[1]).reshape(shape)[::2, ::2].flatten()
    points = cases.points[:1, kept].expand(len(cases), -1, -1)
    return replace(
        cases,
        points=points,
        features=cases.features[:, kept],
        fields=cases.fields[:, kept],
        triangles=None,
    )
