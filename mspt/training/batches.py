"""Batches for training: clouds with their partitions and targets.

Letters: B batch, N points, X space axes, F input features, C output channels.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from mspt.config import ModelConfig
from mspt.data.case import CaseStack
from mspt.data.clouds import Cloud, CloudStack, batch, case_seed
from mspt.data.dataset import Cases
from mspt.data.layout import EVERYTHING, FieldGroup, Layout
from mspt.data.registry import get_dataset
from mspt.data.symmetry import Symmetry, turn, turn_features, turn_fields
from mspt.errors import DataError
from mspt.inference.predict import partitions_for
from mspt.metrics.derivatives import Stencil, cloud_stencil, derivative_error, grid_stencil
from mspt.models.branched import SplitPartition
from mspt.models.normalizer import Normalizer
from mspt.partition.ball_tree import Partition
from mspt.seeding import derive_seed

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
        layout: What the fields are, and which of them are scored where.
        stencils: How derivatives are taken in each cloud; None where the loss has none.
    """

    points: Float[Tensor, "B N X"]
    features: Float[Tensor, "B N F"]
    fields: Float[Tensor, "B N C"]
    partitions: Sequence[Partition | SplitPartition] | None
    num_surface: int
    layout: Layout
    stencils: Sequence[Stencil] | None = None

    def errors(self, predicted: Float[Tensor, "B N C"]) -> Float[Tensor, "G B"]:
        """Return the relative L2 of each group and case; both are in physical units."""
        return self.layout.errors(predicted, self.fields, num_surface=self.num_surface)

    def derivative_errors(self, predicted: Float[Tensor, "B N C"]) -> Float[Tensor, "G B"]:
        """Return the relative L2 of the gradients of each group and case.

        Raises:
            ValueError: If the batch has no stencils.
        """
        if self.stencils is None:
            raise ValueError("stencils must be given for an error of derivatives, got None")
        stencils = [stencil.to(predicted.device) for stencil in self.stencils]
        errors = []
        for group in self.layout.groups:
            columns, rows = self.layout.columns(group.quantity), group.rows(self.num_surface)
            values = predicted[..., columns], self.fields[..., columns]
            errors.append(derivative_error(*values, stencils, rows=rows))
        return torch.stack(errors)


@dataclass(frozen=True)
class StackSource:
    """Cases of one size, whose partitions are built once."""

    cases: CaseStack
    normalizer: Normalizer
    config: ModelConfig
    seed: int
    partitions: tuple[Partition, ...] | None
    stencils: tuple[Stencil, ...] | None = None

    def batch(self, rows: list[int], epoch: int) -> Batch:
        """Return some cases, or frames of them where the model predicts fewer than a case has."""
        own = None if self.partitions is None else [self.partitions[row] for row in rows]
        picked = _picked(self.cases, rows, self.config, seed=self.seed, epoch=epoch)
        found = _stacked(picked, picked.points, self.normalizer, own)
        return _with_stencils(found, self.stencils, rows)


@dataclass(frozen=True)
class TurnedSource:
    """Cases of one size, each of which every epoch turns by a symmetry of the data set."""

    cases: CaseStack
    normalizer: Normalizer
    config: ModelConfig
    seed: int
    stencils: tuple[Stencil, ...] | None = None

    def batch(self, rows: list[int], epoch: int) -> Batch:
        """Return some cases, each turned by a symmetry, with new partitions."""
        turned = self._turned(rows, epoch)
        encoded, _ = self.normalizer.encode(turned.points, turned.features)
        partitions = partitions_for(self.config, encoded)
        picked = _picked(turned, range(len(rows)), self.config, seed=self.seed, epoch=epoch)
        found = _stacked(picked, picked.points, self.normalizer, partitions)
        # Turning a case turns its gradients, and leaves their lengths as they are.
        return _with_stencils(found, self.stencils, rows)

    def _turned(self, rows: list[int], epoch: int) -> CaseStack:
        cases = self.cases
        ways = [self._drawn(cases.names[row], epoch) for row in rows]
        return replace(
            cases,
            names=tuple(cases.names[row] for row in rows),
            points=_each(turn, cases.points[rows], ways),
            features=_each(turn_features, cases.features[rows], ways),
            fields=_each(turn_fields, cases.fields[rows], ways),
        )

    def _drawn(self, name: str, epoch: int) -> Symmetry:
        known = get_dataset(self.cases.dataset).symmetries
        return known[derive_seed(self.seed, "symmetry", epoch, name) % len(known)]


def _each(
    function: Callable[[Tensor, Symmetry], Tensor], values: Tensor, ways: Sequence[Symmetry]
) -> Tensor:
    return torch.stack([function(*pair) for pair in zip(values, ways, strict=True)])


def _picked(
    cases: CaseStack, rows: Sequence[int], config: ModelConfig, *, seed: int, epoch: int
) -> CaseStack:
    """Return some cases; for training a model that is rolled out, frames of them.

    In each epoch a case has one run of frames, which starts at any time: the solver's frames go in,
    and the ``out_channels`` frames after them are the target. An epoch below 0 is for validation,
    where whole cases are rolled out.
    """
    picked = replace(
        cases,
        names=tuple(cases.names[row] for row in rows),
        points=cases.points[rows],
        features=cases.features[rows],
        fields=cases.fields[rows],
    )
    if config.rollout == 1 or epoch < 0:
        return picked
    first, size = config.in_features - config.input_frames, config.input_frames
    frames = torch.cat([picked.features[..., first:], picked.fields], dim=-1)
    num_starts = frames.shape[-1] - size - config.out_channels + 1
    runs = torch.stack(
        [
            case[:, start : start + size + config.out_channels]
            for case, name in zip(frames, picked.names, strict=True)
            for start in [derive_seed(seed, "frames", epoch, name) % num_starts]
        ]
    )
    features = torch.cat([picked.features[..., :first], runs[..., :size]], dim=-1)
    return replace(picked, features=features, fields=runs[..., size:])


def _stacked(
    cases: CaseStack,
    points: Float[Tensor, "B N X"],
    normalizer: Normalizer,
    partitions: Sequence[Partition] | None,
) -> Batch:
    return Batch(
        *normalizer.encode(points, cases.features),
        fields=cases.fields,
        partitions=partitions,
        num_surface=0,
        layout=get_dataset(cases.dataset).layout,
    )


def _with_stencils(found: Batch, stencils: Sequence[Stencil] | None, rows: list[int]) -> Batch:
    return found if stencils is None else replace(found, stencils=[stencils[row] for row in rows])


def stencils_of(cases: CaseStack) -> tuple[Stencil, ...]:
    """Return how derivatives are taken in each case; one stencil for equal neighbors, as on a grid.

    Differences along rows and columns where the points are the data set's grid, else least squares.
    """
    shape, found = get_dataset(cases.dataset).grid_shape, []
    for index, points in enumerate(cases.points):
        if index > 0 and torch.equal(points, cases.points[index - 1]):
            found.append(found[-1])
        elif shape is not None and shape[0] * shape[1] == len(points):
            found.append(grid_stencil(points, shape))
        else:
            found.append(cloud_stencil(points))
    return tuple(found)


@dataclass(frozen=True)
class CloudSource:
    """Flows, of which every epoch draws other points."""

    cases: CloudStack
    normalizer: Normalizer
    config: ModelConfig
    seed: int
    derivatives: bool = False

    def batch(self, rows: list[int], epoch: int) -> Batch:
        """Draw the points of some cases and partition them."""
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
            layout=self.cases.layout,
            stencils=[cloud_stencil(cloud.points, num_surface=num_surface) for cloud in clouds]
            if self.derivatives
            else None,
        )


Source = StackSource | TurnedSource | CloudSource


def source_of(
    cases: Cases,
    *,
    normalizer: Normalizer,
    config: ModelConfig,
    seed: int,
    augment: bool = False,
    derivatives: bool = False,
) -> Source:
    """Return the source of training batches.

    Args:
        cases: Training cases.
        normalizer: Fitted on them.
        config: Of the model.
        seed: Of what is drawn.
        augment: Whether to turn each case; for cases of one size only.
        derivatives: Whether batches get stencils, for a loss with derivatives.
    """
    if isinstance(cases, CloudStack):
        return CloudSource(cases, normalizer, config, seed, derivatives)
    stencils = stencils_of(cases) if derivatives else None
    if augment:
        return TurnedSource(cases, normalizer, config, seed, stencils)
    points, _ = normalizer.encode(cases.points, cases.features)
    partitions = partitions_for(config, points)
    return StackSource(cases, normalizer, config, seed, partitions, stencils)


def fit_normalizer(cases: Cases, config: ModelConfig | None = None) -> Normalizer:
    """Measure means and scales on training cases.

    A model that is rolled out reads what it has predicted, so that all frames have one mean and one
    scale.

    In clouds around bodies, coordinates are measured on the surface, so that the extent of the flow
    domain does not matter, and each quantity where the first group that scores it is defined.
    """
    if isinstance(cases, CaseStack):
        if config is None or config.rollout == 1:
            return Normalizer.fit(cases.points, cases.features, cases.fields)
        return _fit_frames(cases, config)
    layout = cases.layout
    clouds = [cases.draw(row, seed=row) for row in range(min(len(cases), FIT_CLOUDS))]
    normalizer = _fit(clouds, layout, EVERYTHING)
    measured: set[str | None] = set()
    for group in layout.groups:
        if group.quantity in measured:
            continue
        fitted, columns = _fit(clouds, layout, group), layout.columns(group.quantity)
        if group is next(one for one in layout.groups if one.part == "surface"):
            normalizer.points_mean.copy_(fitted.points_mean)
            normalizer.points_scale.copy_(fitted.points_scale)
        normalizer.fields_mean[columns] = fitted.fields_mean
        normalizer.fields_scale[columns] = fitted.fields_scale
        measured.add(group.quantity)
    return normalizer


def _fit_frames(cases: CaseStack, config: ModelConfig) -> Normalizer:
    first = config.in_features - config.input_frames
    fields = cases.fields[..., : config.out_channels]
    normalizer = Normalizer.fit(cases.points, cases.features, fields)
    frames = [*cases.features[..., first:].unbind(-1), *cases.fields.unbind(-1)]
    # One after the other, because all frames in double precision may not fit the memory.
    mean = torch.stack([frame.double().mean() for frame in frames]).mean()
    spread = torch.stack([(frame.double() - mean).square().mean() for frame in frames]).mean()
    for name, start in (("features", first), ("fields", 0)):
        getattr(normalizer, f"{name}_mean")[start:] = mean
        getattr(normalizer, f"{name}_scale")[start:] = spread.sqrt()
    return normalizer


def _fit(clouds: Sequence[Cloud], layout: Layout, group: FieldGroup) -> Normalizer:
    """Measure the channels of a group on its points; clouds may be of several sizes."""
    spans = [group.rows(cloud.num_surface) for cloud in clouds]
    pairs = list(zip(clouds, spans, strict=True))
    columns = layout.columns(group.quantity)
    return Normalizer.fit(
        torch.cat([cloud.points[span] for cloud, span in pairs])[None],
        torch.cat([cloud.features[span] for cloud, span in pairs])[None],
        torch.cat([cloud.fields[span] for cloud, span in pairs])[None][..., columns],
    )


def coarsen(cases: Cases) -> Cases:
    """Return cases on a quarter of the points: those the data set names, or fewer drawn ones.

    Raises:
        DataError: If the data set has neither coarser points nor points to draw from.
    """
    if isinstance(cases, CloudStack):
        return replace(cases, num_surface=cases.num_surface // 4, num_volume=cases.num_volume // 4)
    dataset = get_dataset(cases.dataset)
    rows = None if dataset.coarsen is None else dataset.coarsen(0.25)
    if rows is None:
        raise DataError(
            f"coarse_epochs must be 0 for a data set without coarser points, got {cases.dataset!r}"
        )
    kept = torch.from_numpy(rows)
    return replace(
        cases,
        points=cases.points[:, kept],
        features=cases.features[:, kept],
        fields=cases.fields[:, kept],
        triangles=None,
    )
