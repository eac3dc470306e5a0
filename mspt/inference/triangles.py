"""The prediction at every triangle of a large shape, in clouds of the size of the training clouds.

A shape of millions of triangles has many times the points that a model of flows was trained on. Its
triangles are divided into clouds, each of which covers the whole body, and each cloud is predicted
together with points in the flow. No triangle is left out, and memory is that of one cloud.

Letters: T triangles, C output channels, R passes.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float64, Int64
from numpy import ndarray

from mspt.checkpoint import Checkpoint
from mspt.data.clouds import Cloud
from mspt.data.descriptors import described
from mspt.data.sets.car.clouds import LAYOUT
from mspt.geometry.mesh import SurfaceMesh
from mspt.inference.flow import CloudsDone, FlowPrediction, cloud_passes
from mspt.inference.sampling import NUM_CLOUDS, FlowInputs, cloud_size
from mspt.metrics.forces import coefficients, surface_force
from mspt.partition.ball_tree import build_partition

EVERY_FROM = 200_000
"""Triangles from which each is predicted itself. Values of fewer are means over the nearest of
16,384 sampled points: a triangle of more is smaller than the distance of these."""

NEAR = 16
"""Triangles of a leaf of the tree whose order divides them: neighbors go to different clouds."""


def num_clouds(checkpoint: Checkpoint, triangles: int) -> int:
    """Return how many clouds a shape of so many triangles is divided into.

    Raises:
        MSPTError: If the checkpoint is not one for flows.
    """
    return -(-triangles // cloud_size(checkpoint)[0])


def num_passes(checkpoint: Checkpoint, triangles: int) -> int:
    """Return about how many passes over a cloud the prediction of a shape takes.

    Raises:
        MSPTError: If the checkpoint is not one for flows.
    """
    sampled = 2 * NUM_CLOUDS
    large = triangles >= EVERY_FROM
    return sampled + (2 * num_clouds(checkpoint, triangles) if large else 0)


def divided_triangles(mesh: SurfaceMesh, count: int) -> tuple[Int64[ndarray, " _T"], ...]:
    """Return the triangles of each cloud: every ``count``-th in an order of neighbors.

    Examples:
        >>> from mspt.geometry.mesh import box
        >>> parts = divided_triangles(box((0, 0, 0), (1, 2, 3)), 5)
        >>> [len(part) for part in parts], sorted(np.concatenate(parts)) == list(range(12))
        ([3, 3, 2, 2, 2], True)
    """
    centers = torch.from_numpy(mesh.centers).float()
    order = build_partition(centers, num_patches=max(1, len(centers) // NEAR)).order.numpy()
    return tuple(order[index::count] for index in range(count))


def predict_triangles(
    checkpoint: Checkpoint,
    mesh: SurfaceMesh,
    inputs: FlowInputs,
    *,
    device: str = "auto",
    memory_budget: str | float | int | None = None,
) -> Iterator[CloudsDone | Float64[ndarray, "T C"]]:
    """Predict the fields at the center of every triangle, yielding after each cloud.

    Each cloud is predicted twice, the second time mirrored, as for sampled points.

    Args:
        checkpoint: A model of flows.
        mesh: The body in the wind-tunnel frame.
        inputs: The points sampled around it; those in the flow are used in turn.
        device: ``auto``, ``cuda``, ``mps`` or ``cpu``.
        memory_budget: For each cloud; see :func:`mspt.inference.predict.predict_case`.

    Raises:
        MSPTError: If the device does not exist here, the checkpoint is not one for flows, or the
            budget is too small.
    """
    parts = divided_triangles(mesh, num_clouds(checkpoint, len(mesh.triangles)))
    found = np.empty((len(mesh.triangles), len(LAYOUT.field_channels)))
    for done, rows in enumerate(parts, start=1):
        cloud = _cloud_at(checkpoint, mesh, rows, inputs.clouds[done % len(inputs.clouds)])
        passes = cloud_passes(checkpoint, cloud, device=device, memory_budget=memory_budget)
        found[rows] = passes.mean(dim=0)[: len(rows)].double().numpy()
        yield CloudsDone(done=done, total=len(parts))
    yield found


def _cloud_at(
    checkpoint: Checkpoint, mesh: SurfaceMesh, rows: Int64[ndarray, " _T"], sampled: Cloud
) -> Cloud:
    """Return a cloud of some triangles and the points in the flow of a sampled cloud."""
    own = len(LAYOUT.feature_channels)  # descriptors come after these
    centers = torch.from_numpy(mesh.centers[rows]).float()
    normals = torch.from_numpy(mesh.normals[rows]).float()
    on_surface = torch.zeros(len(rows), own)
    on_surface[:, :3], on_surface[:, -1] = normals, 1.0
    points = torch.cat([centers, sampled.points[sampled.num_surface :]])
    features = torch.cat([on_surface, sampled.features[sampled.num_surface :, :own]])
    cloud = replace(
        sampled,
        points=points,
        features=features,
        fields=torch.zeros(len(points), sampled.fields.shape[1]),
        num_surface=len(rows),
        layout=LAYOUT,
    )
    return described(cloud, checkpoint.config.descriptors)


def with_triangles(
    prediction: FlowPrediction,
    mesh: SurfaceMesh,
    values: Float64[ndarray, "T C"],
    *,
    seconds: float,
) -> FlowPrediction:
    """Return a prediction whose fields on the body are those of its triangles, one by one.

    Args:
        prediction: From sampled points, whose spread and flow stay.
        mesh: The body in the wind-tunnel frame.
        values: From :func:`predict_triangles`.
        seconds: Time that they took.
    """
    fields = LAYOUT.named(values)
    force = surface_force(mesh.area_vectors, fields["C_p"], shear=fields["C_f"])
    area = prediction.coefficients.reference_area
    return replace(
        prediction,
        fine_mesh=mesh,
        fine=fields,
        fine_parent=np.arange(len(mesh.triangles)),
        cell_pressure=fields["C_p"],
        cell_shear=fields["C_f"],
        coefficients=coefficients(force, reference_area=area),
        seconds=prediction.seconds + seconds,
    )
