"""One cloud with all that is known of it, whatever it comes from.

Letters: N points, X space axes, F input features, C output channels, T triangles.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int
from numpy import ndarray
from torch import Tensor

from mspt.checkpoint import Checkpoint
from mspt.config import ModelConfig
from mspt.data.brought.cases import BroughtCase
from mspt.data.case import Case, Quantity
from mspt.data.clouds import Cloud, whole_body
from mspt.data.descriptors import described
from mspt.data.layout import Layout
from mspt.data.registry import dataset_of_case, get_dataset
from mspt.data.sets.car.bodies import drawn_body
from mspt.data.sets.car.clouds import cloud_of, stack_flows
from mspt.data.sets.car.dataset import CAR
from mspt.data.sets.car.families import flow_index
from mspt.data.sets.car.flow_case import FlowCase
from mspt.geometry.area import frontal_area
from mspt.geometry.descriptors.body import BodyShape
from mspt.geometry.mesh import SurfaceMesh
from mspt.inference.predict import predict_case
from mspt.inference.sampling import cloud_size


@dataclass(frozen=True, kw_only=True, eq=False)
class Sample:
    """One cloud, to be predicted or drawn.

    Attributes:
        key: Unique name, fit for a cache and an address.
        title: Its name on the screen.
        dataset: Data set whose models can predict it; None if there is none.
        points: Coordinates, in the data set's unit.
        features: Further inputs per point; None where no model can predict it.
        layout: What the channels are; None where no model can predict it.
        truth: The solver's fields; None where they are not known.
        triangles: Of the points, for drawing; None for a cloud.
        body: Body that surface points lie on, for drawing.
        num_surface: Points on the body, which come first; 0 without a body.
        body_area: Of the body's surface, in squared lengths of the body.
        frontal_area: Of its projection along the flow.
    """

    key: str
    title: str
    dataset: str | None
    points: Float32[Tensor, "N X"]
    features: Float32[Tensor, "N F"] | None = None
    layout: Layout | None = None
    truth: Float32[Tensor, "N C"] | None = None
    triangles: Int[ndarray, "T 3"] | None = None
    body: SurfaceMesh | None = None
    num_surface: int = 0
    body_area: float = 0.0
    frontal_area: float = 0.0

    @property
    def channels(self) -> tuple[Quantity, ...]:
        """What each output channel is; empty where no model predicts the cloud."""
        if self.layout is None:
            return ()
        quantities = [(name, self.layout.quantity_of(name)) for name in self.layout.field_channels]
        return tuple(replace(of, name=name, components=()) for name, of in quantities)

    def where_defined(self, channel: str) -> Bool[ndarray, " N"]:
        """Return the points where an output channel is defined: wall shear on a body, and so on."""
        part = "all" if self.layout is None else self.layout.part_of(channel)
        if part == "all":
            return np.ones(len(self.points), dtype=bool)
        on_body = np.arange(len(self.points)) < self.num_surface
        return on_body if part == "surface" else ~on_body


def load_sample(name: str, checkpoint: Checkpoint | None = None) -> Sample:
    """Return a case of any data set by its name, such as ``darcy-1107``.

    Args:
        name: Name of the case.
        checkpoint: For flows: draw as many points as its training did; None for all stored ones.

    Raises:
        DataError: If there is no such case.
        MSPTError: If the case is a flow and the checkpoint is not one for flows.
    """
    dataset = dataset_of_case(name)
    if dataset.body is None:
        return sample_of_case(dataset.load(name))
    if checkpoint is None:
        return sample_of_flow(name, dataset.load(name), size=None)
    found = sample_of_flow(name, dataset.load(name), size=cloud_size(checkpoint))
    return fitted(found, checkpoint.config)


def sample_of_points(name: str, points: Float[Tensor, "N X"], *, title: str) -> Sample:
    """Return a cloud of points without features or fields, which no model can predict."""
    return Sample(key=name, title=title, dataset=None, points=points.float())


def sample_of_case(case: Case) -> Sample:
    """Return a case of a 2-D data set."""
    return Sample(
        key=case.name,
        title=f"{get_dataset(case.dataset).title}, {case.name}",
        dataset=case.dataset,
        points=case.points,
        features=case.features,
        layout=get_dataset(case.dataset).layout,
        truth=case.fields,
        triangles=None if case.triangles is None else case.triangles.numpy(),
    )


def sample_of_brought(case: BroughtCase) -> Sample:
    """Return a case that a person has brought, whose truth may not be known."""
    dataset = None if case.dataset is None else get_dataset(case.dataset)
    return Sample(
        key=case.name,
        title=case.title,
        dataset=case.dataset,
        points=case.points,
        features=case.features,
        layout=None if dataset is None else dataset.layout,
        truth=case.truth,
        triangles=None if case.triangles is None else case.triangles.numpy(),
    )


def sample_of_flow(name: str, flow: FlowCase, *, size: tuple[int, int] | None) -> Sample:
    """Return a stored flow around a body.

    Args:
        name: Of the case.
        flow: The case.
        size: Surface and volume points to sample, usually those of a model's training clouds; None
            for all stored points on both sides, which are more.
    """
    cloud = whole_body(cloud_of(flow)) if size is None else drawn_cloud(flow, size)
    title = f"{flow.info.get('family', 'body').capitalize()}, {name}"
    return _sample_of_cloud(
        name if size else f"{name}-whole",
        cloud,
        title,
        body=drawn_body(flow_index(name)),
        areas=(flow.body_area, flow.info["frontal_area"]),
    )


def drawn_cloud(flow: FlowCase, size: tuple[int, int]) -> Cloud:
    """Return so many surface and volume points of a stored flow, always the same ones."""
    drawn = stack_flows("flow", [("flow", flow)], num_surface=size[0], num_volume=size[1])
    return drawn.draw(0, seed=0)


def sample_of_clouds(key: str, clouds: Sequence[Cloud], *, title: str, body: SurfaceMesh) -> Sample:
    """Return clouds around a shape whose flow is not known, as one.

    Args:
        key: Unique name of the shape.
        clouds: Points sampled on and around the shape, in one cloud or more.
        title: Name of the shape on the screen.
        body: The shape in the wind-tunnel frame.
    """
    surface = [slice(0, cloud.num_surface) for cloud in clouds]
    volume = [slice(cloud.num_surface, None) for cloud in clouds]
    points, features, fields = (
        torch.cat(
            [
                getattr(cloud, name)[rows]
                for part in (surface, volume)
                for cloud, rows in zip(clouds, part, strict=True)
            ]
        )
        for name in ("points", "features", "fields")
    )
    num_surface = sum(cloud.num_surface for cloud in clouds)
    merged = Cloud(
        points=points,
        features=features,
        fields=fields,
        num_surface=num_surface,
        layout=clouds[0].layout,
    )
    areas = float(body.areas.sum()), frontal_area(body)
    return _sample_of_cloud(key, merged, title, body=body, areas=areas, known=False)


def _sample_of_cloud(
    key: str,
    cloud: Cloud,
    title: str,
    *,
    body: SurfaceMesh,
    areas: tuple[float, float],
    known: bool = True,
) -> Sample:
    return Sample(
        key=key,
        title=title,
        dataset=CAR.name,
        points=cloud.points,
        features=cloud.features,
        layout=cloud.layout,
        truth=cloud.fields if known else None,
        body=body,
        num_surface=cloud.num_surface,
        body_area=areas[0],
        frontal_area=areas[1],
    )


def fitted(sample: Sample, config: ModelConfig) -> Sample:
    """Return a sample with the descriptors of its points that a model reads, and no others.

    Raises:
        DataError: If the model reads descriptors and the sample has no body.
    """
    if not sample.num_surface or sample.features is None:
        return sample
    cloud = described(as_cloud(sample), config.descriptors)
    return replace(sample, features=cloud.features, layout=cloud.layout)


def features_for(sample: Sample, config: ModelConfig) -> Float32[Tensor, "N F"]:
    """Return the features of a sample that a model reads.

    Raises:
        DataError: If the model reads descriptors and the sample has no body.
        ValueError: If the sample has no features.
    """
    found = fitted(sample, config).features
    if found is None:
        raise ValueError(f"sample must have features, got none for {sample.key}")
    return found


def predict_sample(
    checkpoint: Checkpoint, sample: Sample, *, device: str = "auto"
) -> Float[Tensor, "N C"]:
    """Predict the fields at all points of a sample in one forward pass.

    Raises:
        MSPTError: If the checkpoint does not fit the sample, or the device does not exist here.
        ValueError: If the sample has no features.
    """
    if sample.num_surface:
        cloud_size(checkpoint)  # refuses a checkpoint that is not for flows
    return predict_case(
        checkpoint,
        sample.points,
        features_for(sample, checkpoint.config),
        num_surface=sample.num_surface,
        device=device,
    ).fields


def as_cloud(sample: Sample) -> Cloud:
    """Return a sample with a body as a cloud; unknown fields are zero.

    Raises:
        ValueError: If the sample has no features.
    """
    if sample.features is None or sample.layout is None:
        raise ValueError(f"sample must have features, got none for {sample.key}")
    known = sample.truth
    num_channels = len(sample.layout.field_channels)
    return Cloud(
        points=sample.points,
        features=sample.features,
        fields=torch.zeros(len(sample.points), num_channels) if known is None else known,
        num_surface=sample.num_surface,
        layout=sample.layout,
        shape=None if sample.body is None else partial(BodyShape, sample.body),
    )
