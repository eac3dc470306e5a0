"""From a body to the pressure and shear on it, the flow around it and its coefficients.

A model of flows takes clouds of the size that it was trained on. More points are predicted in
several clouds, each spread over the whole body. The spread of their coefficients is a measure of
how much a prediction depends on the choice of points.

Each cloud is predicted twice, the second time mirrored, and the mean is taken: the flow around a
mirrored body is the mirrored flow.

Letters: N points, T triangles, S triangles after splitting long ones, V values, P points of the
flow, C output channels, R passes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from time import perf_counter

import numpy as np
import torch
from jaxtyping import Float, Float64, Int64
from numpy import ndarray
from torch import Tensor

from mspt.checkpoint import Checkpoint
from mspt.data.clouds import Cloud
from mspt.data.descriptors import described
from mspt.data.layout import NamedChannels
from mspt.data.sets.car.clouds import FREE_STREAM
from mspt.geometry.mesh import SurfaceMesh
from mspt.geometry.subdivide import Refined, least_parts, refined
from mspt.geometry.transfer import transfer_values
from mspt.inference.predict import pick_device, predict_case
from mspt.inference.sampling import FlowInputs, cloud_size
from mspt.metrics.forces import Coefficients, Force, coefficients, surface_force

NORMAL_WEIGHT = 3.0
"""How many mean distances between points a difference of one radian in the normals counts for when
values are carried to cells.

With 0, a cell of a thin plate would take values from the other side of the plate, where the
pressure differs; with a very large weight, points far away on a parallel wall would count as
near."""

MAX_EDGE, MAX_ADDED = 0.025, 60_000
"""Longest edge of a triangle over which fields are integrated, in body lengths: the model predicts
at many points within a long triangle. None is divided where so many triangles would be added, as in
a mesh of many thin ones; a body takes a quarter of them."""

NUM_NEIGHBORS = 6
"""Points that a cell takes its values from: in an even cloud on a surface a point has six
neighbors."""


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
        surface_points: Places on the surface where the model predicted.
        surface_normals: Outward unit normals there.
        surface: Fields there, by name: C_p and C_f.
        fine_mesh: The body in triangles no longer than 0.025 lengths, for drawing.
        fine: Fields of these triangles, by name.
        fine_parent: Triangle of the body that each of these is a part of.
        cell_pressure: C_p of each triangle of the body, the mean over its area.
        cell_shear: C_f of each triangle.
        volume_points: Places in the flow.
        velocity: Velocity there, in free-stream speeds.
        volume_pressure: C_p there.
        coefficients: Integrals of C_p and C_f over the triangles.
        drag_spread: Standard deviation of C_D over the clouds.
        pressure_passes: C_p at the surface points in each pass: that of the flow as it is, and that
            of the mirrored flow, mirrored back. One pass where the data set has no mirror.
        drag_passes: Mean over the clouds of C_D in each pass.
        surface_area: Of the body.
        seconds: Time of the predictions, partitions included.
        prepare_seconds: Time to place the points.
        device: Where it ran.
    """

    surface_points: Float64[ndarray, "N 3"]
    surface_normals: Float64[ndarray, "N 3"]
    surface: NamedChannels
    fine_mesh: SurfaceMesh
    fine: NamedChannels
    fine_parent: Int64[ndarray, " S"]
    cell_pressure: Float64[ndarray, " T"]
    cell_shear: Float64[ndarray, "T 3"]
    volume_points: Float64[ndarray, "P 3"]
    velocity: Float64[ndarray, "P 3"]
    volume_pressure: Float64[ndarray, " P"]
    coefficients: Coefficients
    drag_spread: float
    pressure_passes: Float64[ndarray, "R N"]
    drag_passes: tuple[float, ...]
    surface_area: float
    seconds: float
    prepare_seconds: float
    device: str


def predict_flow(
    checkpoint: Checkpoint,
    mesh: SurfaceMesh,
    inputs: FlowInputs,
    *,
    device: str = "auto",
    memory_budget: str | float | int | None = None,
) -> Iterator[CloudsDone | FlowPrediction]:
    """Predict the flow around a body, yielding after each cloud and the prediction at the end.

    The prediction is the mean of two passes, see :func:`cloud_passes`.

    Args:
        checkpoint: A model of flows.
        mesh: The body in the wind-tunnel frame; its triangles get the predicted values.
        inputs: The points sampled on and around it.
        device: ``auto``, ``cuda``, ``mps`` or ``cpu``.
        memory_budget: For each cloud; see :func:`mspt.inference.predict.predict_case`.

    Raises:
        MSPTError: If the device does not exist here, the checkpoint is not one for flows, or the
            budget is too small.
    """
    passes, seconds, total = [], 0.0, len(inputs.clouds)
    for done, cloud in enumerate(inputs.clouds, start=1):
        start = perf_counter()
        passes.append(cloud_passes(checkpoint, cloud, device=device, memory_budget=memory_budget))
        seconds += perf_counter() - start
        yield CloudsDone(done=done, total=total)
    yield _merge_clouds(mesh, inputs, passes, seconds=seconds, device=str(pick_device(device)))


def cloud_passes(
    checkpoint: Checkpoint,
    cloud: Cloud,
    *,
    device: str = "auto",
    memory_budget: str | float | int | None = None,
) -> Float[Tensor, "R N C"]:
    """Predict a cloud as it is, and mirrored with the fields mirrored back.

    Where the layout of the data set has no mirror there is the first pass only.
    """
    once = predict_cloud(checkpoint, cloud, device=device, memory_budget=memory_budget)
    if cloud.layout.mirror is None:
        return once[None]
    other_side = -torch.ones(len(cloud.points))
    mirrored = cloud.mirrored(other_side)
    again = predict_cloud(checkpoint, mirrored, device=device, memory_budget=memory_budget)
    return torch.stack([once, replace(mirrored, fields=again).mirrored(other_side).fields])


def _merge_clouds(
    mesh: SurfaceMesh,
    inputs: FlowInputs,
    passes: Sequence[Float[Tensor, "R _N C"]],
    *,
    seconds: float,
    device: str,
) -> FlowPrediction:
    """Return the prediction of a flow from the fields of each pass over each cloud."""
    area, fields = float(mesh.areas.sum()), [one.mean(dim=0) for one in passes]
    predicted = list(zip(inputs.clouds, fields, strict=True))

    def drag(cloud: Cloud, field: Tensor) -> float:
        force = cloud_force(cloud, field, area)
        return coefficients(force, reference_area=inputs.frontal_area).C_D

    drags = [drag(cloud, field) for cloud, field in predicted]
    by_pass = [
        [drag(cloud, field) for field in one]
        for cloud, one in zip(inputs.clouds, passes, strict=True)
    ]
    # Cloud i holds the surface points i, i + total, i + 2 total ...; see sample_inputs.
    layout = inputs.clouds[0].layout
    surface = np.empty((len(inputs.points), len(layout.field_channels)))
    pressure = np.empty((len(passes[0]), len(inputs.points)))
    for index, (cloud, field) in enumerate(predicted):
        surface[index :: len(predicted)] = field[: cloud.num_surface].numpy()
        for row, one in enumerate(passes[index]):
            pressure[row, index :: len(predicted)] = layout.named(one[: cloud.num_surface])["C_p"]
    fine = _fine(mesh)
    values = carry_to_cells(fine.mesh, inputs.points, inputs.normals, values=surface)
    cells = layout.named(means_over_parts(values, fine, len(mesh.triangles)))
    force = surface_force(mesh.area_vectors, cells["C_p"], shear=cells["C_f"])
    flow = torch.cat([field[cloud.num_surface :] for cloud, field in predicted])
    in_flow = layout.named(flow.double().numpy())
    return FlowPrediction(
        surface_points=inputs.points,
        surface_normals=inputs.normals,
        surface=layout.named(surface),
        fine_mesh=fine.mesh,
        fine=layout.named(values),
        fine_parent=fine.parent,
        cell_pressure=cells["C_p"],
        cell_shear=cells["C_f"],
        volume_points=np.concatenate(
            [cloud.points[cloud.num_surface :].double().numpy() for cloud in inputs.clouds]
        ),
        velocity=in_flow["velocity_change"] + np.array(FREE_STREAM),
        volume_pressure=in_flow["C_p"],
        coefficients=coefficients(force, reference_area=inputs.frontal_area),
        drag_spread=float(np.std(drags)),
        pressure_passes=pressure,
        drag_passes=tuple(float(one) for one in np.mean(by_pass, axis=0)),
        surface_area=area,
        seconds=seconds,
        prepare_seconds=inputs.seconds,
        device=device,
    )


def _fine(mesh: SurfaceMesh) -> Refined:
    """Return a mesh without long triangles, unless they are too many."""
    count = len(mesh.triangles)
    if least_parts(mesh, max_edge=MAX_EDGE) - count < MAX_ADDED:
        return refined(mesh, max_edge=MAX_EDGE)
    return Refined(mesh, np.arange(count))


def means_over_parts(
    values: Float64[ndarray, "S V"], fine: Refined, count: int
) -> Float64[ndarray, "T V"]:
    """Return the means of values over the parts of each triangle, weighted by area.

    The normal is the same on all parts, so that the force on a triangle is that on its parts.
    """
    area = np.bincount(fine.parent, fine.mesh.areas, count)
    number = np.bincount(fine.parent, minlength=count)
    # A triangle without area has the plain mean, which counts for no force.
    weight = np.where(
        area[fine.parent] > 0,
        fine.mesh.areas / np.maximum(area, 1e-300)[fine.parent],
        1 / number[fine.parent],
    )
    return np.stack(
        [np.bincount(fine.parent, weight * column, count) for column in values.T], axis=1
    )


def predict_cloud(
    checkpoint: Checkpoint,
    cloud: Cloud,
    *,
    device: str = "auto",
    memory_budget: str | float | int | None = None,
) -> Float[Tensor, "N C"]:
    """Predict the fields of one cloud, in the units of its data set."""
    return predict_case(
        checkpoint,
        cloud.points,
        cloud.features,
        num_surface=cloud.num_surface,
        device=device,
        memory_budget=memory_budget,
    ).fields


def predict_stored(
    checkpoint: Checkpoint, body: Cloud, *, device: str = "auto", seed: int = 0
) -> Float[Tensor, "N C"]:
    """Predict every point of a stored flow, in clouds of the sizes that the model was trained on.

    The result is the mean of two predictions, the second one of the mirrored flow mirrored back,
    because the flow around a mirrored body is the mirrored flow. Where the layout of the data set
    has no mirror, it is a single prediction.

    Args:
        checkpoint: A model of flows.
        body: All points of the flow, those on the surface first.
        device: ``auto``, ``cuda``, ``mps`` or ``cpu``.
        seed: Of the division into clouds.

    Raises:
        DataError: If the model reads descriptors of a body that is not known.
    """
    shuffle = torch.Generator().manual_seed(seed)
    body = described(body, checkpoint.config.descriptors)
    once = _predict_divided(checkpoint, body, shuffle, device)
    if body.layout.mirror is None:
        return once
    other_side = -torch.ones(len(body.points))
    mirrored = body.mirrored(other_side)
    again = _predict_divided(checkpoint, mirrored, shuffle, device)
    return (once + replace(mirrored, fields=again).mirrored(other_side).fields) / 2


def _predict_divided(
    checkpoint: Checkpoint, body: Cloud, shuffle: torch.Generator, device: str
) -> Float[Tensor, "N C"]:
    """Predict points that are divided into clouds; a point in two clouds has the later value.

    Surface points and points in the flow are divided into parts. The kind with fewer parts is
    used again from its first part on, so that each cloud holds both kinds in the proportion of the
    training clouds.
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
    """Return the force on a body from evenly spread surface points.

    Args:
        cloud: Its first features on the surface are the outward normals.
        fields: C_p and C_f on the surface.
        area: Of the surface, shared equally by its points.
    """
    count = cloud.num_surface
    normals = cloud.layout.named_features(cloud.features[:count].double().numpy())["direction"]
    values = cloud.layout.named(fields[:count].double().numpy())
    return surface_force(normals * (area / count), values["C_p"], shear=values["C_f"])


def carry_to_cells(
    mesh: SurfaceMesh,
    points: Float64[ndarray, "N 3"],
    normals: Float64[ndarray, "N 3"],
    *,
    values: Float64[ndarray, "N V"],
) -> Float64[ndarray, "T V"]:
    """Return values of triangles from those of the nearest points with similar normals."""
    return transfer_values(
        values,
        (points, normals),
        (mesh.centers, mesh.normals),
        normal_weight=NORMAL_WEIGHT * float(np.sqrt(mesh.areas.sum() / len(points))),
        count=NUM_NEIGHBORS,
    )
