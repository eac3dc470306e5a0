"""From a body to the pressure and shear on it, the flow around it and its coefficients.

A model of flows looks at clouds of the size it has learned on. More points are looked at in
several clouds, each spread over the whole body; how far their coefficients differ tells how much a
prediction depends on the choice of points.

Letters: N points, T triangles, P points of the flow, C output channels.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from time import perf_counter

import numpy as np
import torch
from jaxtyping import Float, Float64
from numpy import ndarray
from torch import Tensor

from mspt.checkpoint import Checkpoint
from mspt.data.clouds import FREE_STREAM, Cloud
from mspt.geometry.mesh import SurfaceMesh
from mspt.geometry.transfer import transfer_values
from mspt.inference.predict import partitions_for, pick_device, synchronize
from mspt.inference.sampling import FlowInputs, cloud_size
from mspt.metrics.forces import Coefficients, Force, coefficients, surface_force

NORMAL_WEIGHT = 3.0
"""Distances between neighbors that a normal turned by one radian counts for when values are carried
to cells: a cell takes them from its own side of an edge or a thin plate."""


@dataclass(frozen=True, kw_only=True)
class CloudsDone:
    """Progress of a prediction.

    Attributes:
        done: Clouds predicted.
        total: Clouds in all.
    """

    done: int
    total: int


@dataclass(frozen=True, kw_only=True)
class FlowPrediction:
    """Predicted flow around a body.

    Attributes:
        surface_points: Where the model was asked on the surface.
        surface_normals: Outward unit normals there.
        surface_values: C_p and the three components of C_f there.
        cell_pressure: C_p of each triangle of the mesh.
        cell_shear: C_f of each triangle.
        volume_points: Places in the flow.
        velocity: Velocity there, in free-stream speeds.
        volume_pressure: C_p there.
        coefficients: Means over the clouds.
        drag_spread: Standard deviation of C_D over the clouds.
        surface_area: Of the body.
        seconds: Time of the forward passes.
        prepare_seconds: Time to place the points.
        device: Where it ran.
    """

    surface_points: Float64[ndarray, "N 3"]
    surface_normals: Float64[ndarray, "N 3"]
    surface_values: Float64[ndarray, "N 4"]
    cell_pressure: Float64[ndarray, " T"]
    cell_shear: Float64[ndarray, "T 3"]
    volume_points: Float64[ndarray, "P 3"]
    velocity: Float64[ndarray, "P 3"]
    volume_pressure: Float64[ndarray, " P"]
    coefficients: Coefficients
    drag_spread: float
    surface_area: float
    seconds: float
    prepare_seconds: float
    device: str


def predict_flow(
    checkpoint: Checkpoint, mesh: SurfaceMesh, inputs: FlowInputs, *, device: str = "auto"
) -> Iterator[CloudsDone | FlowPrediction]:
    """Predict the flow around a body, yielding after each cloud and the prediction at the end.

    Raises:
        MSPTError: If the device is not here.
    """
    fields, seconds, total = [], 0.0, len(inputs.clouds)
    for done, cloud in enumerate(inputs.clouds, start=1):
        start = perf_counter()
        fields.append(predict_cloud(checkpoint, cloud, device=device))
        seconds += perf_counter() - start
        yield CloudsDone(done=done, total=total)
    area = float(mesh.areas.sum())
    forces = [
        cloud_force(cloud, field, area) for cloud, field in zip(inputs.clouds, fields, strict=True)
    ]
    each = [coefficients(one, reference_area=inputs.frontal_area) for one in forces]
    mean = Force(
        pressure=np.mean([force.pressure for force in forces], axis=0),
        friction=np.mean([force.friction for force in forces], axis=0),
    )
    surface = np.empty((len(inputs.points), 4))
    for index, (cloud, field) in enumerate(zip(inputs.clouds, fields, strict=True)):
        surface[index::total] = field[: cloud.num_surface, :4].numpy()
    cells = carry_to_cells(mesh, inputs.points, inputs.normals, values=surface)
    flow = [field[cloud.num_surface :] for cloud, field in zip(inputs.clouds, fields, strict=True)]
    change = torch.cat(flow).double().numpy()
    yield FlowPrediction(
        surface_points=inputs.points,
        surface_normals=inputs.normals,
        surface_values=surface,
        cell_pressure=cells[:, 0],
        cell_shear=cells[:, 1:4],
        volume_points=np.concatenate(
            [cloud.points[cloud.num_surface :].double().numpy() for cloud in inputs.clouds]
        ),
        velocity=change[:, 4:7] + np.array(FREE_STREAM),
        volume_pressure=change[:, 0],
        coefficients=coefficients(mean, reference_area=inputs.frontal_area),
        drag_spread=float(np.std([one.C_D for one in each])),
        surface_area=area,
        seconds=seconds,
        prepare_seconds=inputs.seconds,
        device=str(pick_device(device)),
    )


@torch.inference_mode()
def predict_cloud(
    checkpoint: Checkpoint, cloud: Cloud, *, device: str = "auto"
) -> Float[Tensor, "N C"]:
    """Predict the fields of one cloud, in the units of its data set."""
    target = pick_device(device)
    model = checkpoint.model.to(target)
    encoded = checkpoint.normalizer.encode(cloud.points[None], cloud.features[None])
    partitions = partitions_for(checkpoint.config, encoded[0], num_surface=cloud.num_surface)
    output = model(*(tensor.to(target) for tensor in encoded), partitions=partitions)
    synchronize(target)
    return checkpoint.normalizer.decode(output[0].float().cpu())


def predict_stored(
    checkpoint: Checkpoint, body: Cloud, *, device: str = "auto", seed: int = 0
) -> Float[Tensor, "N C"]:
    """Predict every point of a stored flow, in clouds of the sizes learned on.

    It is the mean of two predictions, the second one in the mirror, as the flow around a mirrored
    body is the mirrored flow; where the layout has no mirror, a single one.
    """
    shuffle = torch.Generator().manual_seed(seed)
    once = _predict_dealt(checkpoint, body, shuffle, device)
    if body.layout.mirror is None:
        return once
    other_side = -torch.ones(len(body.points))
    mirrored = body.mirrored(other_side)
    again = _predict_dealt(checkpoint, mirrored, shuffle, device)
    return (once + replace(mirrored, fields=again).mirrored(other_side).fields) / 2


def _predict_dealt(
    checkpoint: Checkpoint, body: Cloud, shuffle: torch.Generator, device: str
) -> Float[Tensor, "N C"]:
    """Predict points dealt into clouds; one that is in two keeps the later value.

    Surface and flow are dealt into parts of their own sizes; where one has fewer parts it comes
    around again, so that each cloud holds the two in the proportion learned on.
    """
    surface = torch.randperm(body.num_surface, generator=shuffle)
    flow = body.num_surface + torch.randperm(len(body.points) - len(surface), generator=shuffle)
    parts = [
        max(1, round(len(rows) / size))
        for rows, size in zip((surface, flow), cloud_size(checkpoint), strict=True)
    ]
    predicted = torch.empty_like(body.fields)
    for index in range(max(parts)):
        faces = surface[index % parts[0] :: parts[0]]
        rows = torch.cat([faces, flow[index % parts[1] :: parts[1]]])
        cloud = body.picked(rows, num_surface=len(faces))
        predicted[rows] = predict_cloud(checkpoint, cloud, device=device)
    return predicted


def cloud_force(cloud: Cloud, fields: Float[Tensor, "N C"], area: float) -> Force:
    """Return the force on a body from evenly spread surface points that share its area."""
    count = cloud.num_surface
    normals = cloud.features[:count, :3].double().numpy()
    values = fields[:count].double().numpy()
    return surface_force(normals * (area / count), values[:, 0], shear=values[:, 1:4])


def carry_to_cells(
    mesh: SurfaceMesh,
    points: Float64[ndarray, "N 3"],
    normals: Float64[ndarray, "N 3"],
    *,
    values: Float64[ndarray, "N V"],
) -> Float64[ndarray, "T V"]:
    """Return values of triangles from those of the six nearest points with a like normal."""
    return transfer_values(
        values,
        (points, normals),
        (mesh.centers, mesh.normals),
        normal_weight=NORMAL_WEIGHT * float(np.sqrt(mesh.areas.sum() / len(points))),
        count=6,
    )


def finish(events: Iterator[CloudsDone | FlowPrediction]) -> FlowPrediction:
    """Return the last value of a prediction, whatever comes before it."""
    return next(event for event in events if isinstance(event, FlowPrediction))
