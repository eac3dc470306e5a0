"""Points on and around a body for a model of flows, in clouds of the size that it was trained on.

Letters: N surface points, P points in the flow.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter

import numpy as np
import torch
from jaxtyping import Float64
from numpy import ndarray

from mspt.checkpoint import Checkpoint
from mspt.data.clouds import Cloud
from mspt.data.descriptors import described
from mspt.data.sets.car.clouds import LAYOUT, cloud_features
from mspt.errors import GeometryError, MSPTError
from mspt.geometry.area import frontal_area
from mspt.geometry.descriptors.body import BodyShape
from mspt.geometry.distance import nearest_on
from mspt.geometry.mesh import SurfaceMesh
from mspt.geometry.sampling import in_fixed_order, sample_surface, sample_volume

NUM_CLOUDS = 4
"""Clouds per shape unless chosen otherwise: enough for a standard deviation of C_D over clouds, at
four times the time of one."""


@dataclass(frozen=True, kw_only=True)
class FlowInputs:
    """The points sampled on and around a body, in clouds of the size of the training clouds.

    Attributes:
        points: Surface points of all clouds.
        normals: Outward unit normals there.
        clouds: Inputs of each forward pass; their fields are unknown and zero.
        frontal_area: Area of the body's projection along x.
        seconds: Time that sampling took.
    """

    points: Float64[ndarray, "N 3"]
    normals: Float64[ndarray, "N 3"]
    clouds: tuple[Cloud, ...]
    frontal_area: float
    seconds: float


def sample_inputs(
    checkpoint: Checkpoint, mesh: SurfaceMesh, *, num_clouds: int = NUM_CLOUDS, seed: int = 0
) -> FlowInputs:
    """Sample the points of each cloud on and around a body in the wind-tunnel frame.

    Args:
        checkpoint: A model of flows.
        mesh: The body.
        num_clouds: How many clouds; more take longer and reduce the influence of sampling.
        seed: Of the sampled points.

    Raises:
        GeometryError: If no point of the flow lies outside the body, or the body is flat along the
            flow.
        MSPTError: If the checkpoint is not one for flows.
    """
    start = perf_counter()
    mesh = in_fixed_order(mesh)
    if (area := frontal_area(mesh)) <= 0:
        raise GeometryError(
            "shape must have an area across the flow, got one without thickness along it; turn the "
            "shape, or export it as a body with a thickness"
        )
    num_surface, num_volume = cloud_size(checkpoint)
    rng = np.random.default_rng(seed)
    points, triangle = sample_surface(mesh, num_clouds * num_surface, rng)
    normals = mesh.normals[triangle]
    # Twice as many as needed, because points inside the body are dropped.
    flow = [sample_volume(mesh, num_volume * 2, rng) for _ in range(num_clouds)]
    flow = _in_the_flow(mesh, flow, num_volume, rng)
    # Consecutive points are neighbors: every num_clouds-th one covers the whole body evenly.
    shape, descriptors = BodyShape(mesh), checkpoint.config.descriptors
    clouds = tuple(
        described(
            _cloud(points[index::num_clouds], normals[index::num_clouds], *flow[index], shape),
            descriptors,
        )
        for index in range(num_clouds)
    )
    return FlowInputs(
        points=points,
        normals=normals,
        clouds=clouds,
        frontal_area=area,
        seconds=perf_counter() - start,
    )


def cloud_size(checkpoint: Checkpoint) -> tuple[int, int]:
    """Return the numbers of surface and volume points of the clouds that a model was trained on.

    Raises:
        MSPTError: If the checkpoint is not one for flows.
    """
    trained = checkpoint.info.get("train", {})
    if not trained.get("surface_points"):
        raise MSPTError(
            "checkpoint must be one for flows around bodies, got one for "
            f"{checkpoint.info.get('dataset', 'an unknown data set')!r}; choose car.safetensors"
        )
    return trained["surface_points"], trained["volume_points"]


def _in_the_flow(
    mesh: SurfaceMesh, parts: Sequence[ndarray], count: int, rng: np.random.Generator
) -> list[tuple[ndarray, ndarray]]:
    """Return at most ``count`` points of each part, on both sides of the body, and their offsets.

    One query serves all parts, as building the tree over the triangles takes longest.
    """
    points = np.stack([_on_both_sides(part, rng) for part in parts])
    near = nearest_on(mesh, points.reshape(-1, 3))
    offsets = points - near.closest.reshape(points.shape)
    outside = (near.distance.reshape(points.shape[:2]) > 0) & (points[..., 2] > 0)
    if not outside.any(axis=1).all():
        raise GeometryError(
            "mesh must leave room for the flow, got no point outside it; check its size and "
            "that its normals point outward"
        )
    return [
        (place[kept][:count], offset[kept][:count])
        for place, offset, kept in zip(points, offsets, outside, strict=True)
    ]


def _on_both_sides(points: Float64[ndarray, "P 3"], rng: np.random.Generator) -> ndarray:
    """Return points in random order, each on a random side of the plane of symmetry."""
    points = points[rng.permutation(len(points))]
    points[:, 1] *= rng.choice([-1.0, 1.0], len(points))
    return points


def _cloud(
    points: ndarray, normals: ndarray, flow: ndarray, offsets: ndarray, shape: BodyShape
) -> Cloud:
    both = torch.from_numpy(np.concatenate([points, flow])).float()
    features = cloud_features(normals.astype(np.float32), offsets.astype(np.float32))
    fields = torch.zeros(len(both), 7)
    return Cloud(
        points=both,
        features=features,
        fields=fields,
        num_surface=len(points),
        layout=LAYOUT,
        shape=lambda: shape,
    )
