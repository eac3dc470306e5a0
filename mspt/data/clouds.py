"""Flow cases as clouds to learn from: surface points first, then points of the flow.

A cloud shows the whole body. Only half of it is stored, so each of its points is drawn on one of
the two sides; the fields of the other side are the mirror image.

Shapes: N points, F input features, C output channels.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float32, Int64
from numpy import ndarray
from torch import Tensor

from mspt.data.flow import FlowCase
from mspt.seeding import derive_seed

NEAR_WALL = 0.01
"""Distance below which the distance feature grows linearly, above which like a logarithm."""

FEATURES = ("direction_x", "direction_y", "direction_z", "closeness", "on_surface")
FIELDS = ("C_p", "C_fx", "C_fy", "C_fz", "u_x", "u_y", "u_z")
MIRRORED_FEATURES = torch.tensor([1.0, -1.0, 1.0, 1.0, 1.0])
MIRRORED_FIELDS = torch.tensor([1.0, 1.0, -1.0, 1.0, 1.0, -1.0, 1.0])
MIRRORED_POINTS = torch.tensor([1.0, -1.0, 1.0])
FREE_STREAM = (1.0, 0.0, 0.0)


@dataclass(frozen=True)
class FieldGroup:
    """Channels that are scored together, on the points where they mean something.

    Attributes:
        name: Of the quantity.
        part: Surface points, points of the flow, or both.
        channels: Of the fields.
    """

    name: str
    part: Literal["surface", "volume", "all"]
    channels: tuple[int, ...]

    def rows(self, num_surface: int) -> slice:
        """Return the rows of a cloud that the group is scored on."""
        if self.part == "all":
            return slice(None)
        return slice(num_surface) if self.part == "surface" else slice(num_surface, None)


GROUPS = (
    FieldGroup("surface_pressure", "surface", (0,)),
    FieldGroup("wall_shear", "surface", (1, 2, 3)),
    FieldGroup("velocity_change", "volume", (4, 5, 6)),
    FieldGroup("volume_pressure", "volume", (0,)),
)


@dataclass(frozen=True, kw_only=True)
class Cloud:
    """Points of one flow with what goes in and what is to come out.

    Attributes:
        points: In the wind-tunnel frame, in body lengths; surface points first.
        features: See ``FEATURES``.
        fields: See ``FIELDS``; velocity is the change that the body makes to the free stream.
            Shear means nothing in the flow, velocity nothing on the surface: both are zero there.
        num_surface: Points on the surface.
    """

    points: Float32[Tensor, "N 3"]
    features: Float32[Tensor, "N F"]
    fields: Float32[Tensor, "N C"]
    num_surface: int

    def mirrored(self, side: Float32[Tensor, " N"]) -> "Cloud":
        """Return the cloud with the points where ``side`` is -1 on the other side."""
        other = (side < 0)[:, None]
        return replace(
            self,
            points=torch.where(other, self.points * MIRRORED_POINTS, self.points),
            features=torch.where(other, self.features * MIRRORED_FEATURES, self.features),
            fields=torch.where(other, self.fields * MIRRORED_FIELDS, self.fields),
        )

    def picked(self, rows: Int64[Tensor, " M"], *, num_surface: int) -> "Cloud":
        """Return some points; surface points come first in ``rows`` too."""
        return Cloud(
            points=self.points[rows],
            features=self.features[rows],
            fields=self.fields[rows],
            num_surface=num_surface,
        )


def describe_points(
    normals: Float32[ndarray, "S 3"], offsets: Float32[ndarray, "V 3"]
) -> Float32[Tensor, "N 5"]:
    """Return the features of surface points and of points of the flow.

    Args:
        normals: Unit normals at the surface points.
        offsets: From the nearest point of the body to each point of the flow.
    """
    distance = np.linalg.norm(offsets, axis=1, keepdims=True)
    direction = np.concatenate([normals, offsets / np.maximum(distance, 1e-9)])
    closeness = np.log1p(np.concatenate([np.zeros((len(normals), 1)), distance]) / NEAR_WALL)
    flag = np.zeros((len(direction), 1))
    flag[: len(normals)] = 1
    return torch.from_numpy(np.concatenate([direction, closeness, flag], axis=1)).float()


def cloud_of(case: FlowCase) -> Cloud:
    """Return the stored half of a flow as a cloud."""
    areas = np.linalg.norm(case.face_areas, axis=1, keepdims=True)
    faces, others = len(case.face_points), len(case.points)
    on_surface = [case.face_pressure[:, None], case.face_shear, np.zeros((faces, 3))]
    change = case.velocity - np.array(FREE_STREAM)
    in_flow = [case.pressure[:, None], np.zeros((others, 3)), change]
    fields = np.concatenate([np.concatenate(on_surface, 1), np.concatenate(in_flow, 1)])
    return Cloud(
        points=torch.from_numpy(np.concatenate([case.face_points, case.points])),
        features=describe_points(
            (case.face_areas / np.maximum(areas, 1e-12)).astype(np.float32), case.offsets
        ),
        fields=torch.from_numpy(fields).float(),
        num_surface=faces,
    )


def whole_body(half: Cloud) -> Cloud:
    """Return a cloud with the stored half and its mirror image: S, S', then V, V'."""
    rows = torch.arange(len(half.points))
    surface, volume = rows[: half.num_surface], rows[half.num_surface :]
    order = torch.cat([surface, surface, volume, volume])
    side = torch.cat(
        [sign * torch.ones(len(part)) for part in (surface, volume) for sign in (1, -1)]
    )
    return half.picked(order, num_surface=2 * half.num_surface).mirrored(side)


@dataclass(frozen=True)
class CloudStack:
    """Cases of a flow data set, looked at on clouds of one size.

    Attributes:
        dataset: Name of the data set.
        names: Of the cases.
        halves: The stored halves.
        areas: Areas of the stored faces of each case.
        drag: C_D of each case.
        lift: C_L of each case.
        num_surface: Points on the surface of each cloud.
        num_volume: Points of the flow of each cloud.
    """

    dataset: str
    names: tuple[str, ...]
    halves: tuple[Cloud, ...]
    areas: tuple[Float32[ndarray, " F"], ...]
    drag: tuple[float, ...]
    lift: tuple[float, ...]
    num_surface: int
    num_volume: int

    def __len__(self) -> int:
        """Return the number of cases."""
        return len(self.names)

    def draw(self, index: int, *, seed: int) -> Cloud:
        """Draw the points of a case: evenly over its surface, as stored in the flow."""
        rng = np.random.default_rng(seed)
        half = self.halves[index]
        faces = draw_evenly(np.tile(self.areas[index], 2), self.num_surface, rng)
        others = rng.permutation(2 * (len(half.points) - half.num_surface))[: self.num_volume]
        stored = len(half.points) - half.num_surface
        side = np.concatenate([faces // half.num_surface, others // stored])
        rows = np.concatenate([faces % half.num_surface, half.num_surface + others % stored])
        cloud = half.picked(torch.from_numpy(rows), num_surface=len(faces))
        return cloud.mirrored(torch.from_numpy(1 - 2 * side.astype(np.float32)))


def draw_evenly(
    areas: Float32[ndarray, " F"], count: int, rng: np.random.Generator
) -> Int64[ndarray, " P"]:
    """Draw faces in proportion to their areas, one from each of ``count`` equal parts of the sum.

    Examples:
        >>> rng = np.random.default_rng(0)
        >>> sorted(draw_evenly(np.ones(4, dtype=np.float32), 4, rng).tolist())
        [0, 1, 2, 3]
    """
    order = rng.permutation(len(areas))
    edges = np.cumsum(areas[order], dtype=np.float64)
    steps = (np.arange(count) + rng.random()) / count * edges[-1]
    return order[np.minimum(np.searchsorted(edges, steps, side="right"), len(areas) - 1)]


def stack_flows(
    dataset: str, cases: Sequence[tuple[str, FlowCase]], *, num_surface: int, num_volume: int
) -> CloudStack:
    """Return flow cases as clouds of one size."""
    flows = [case for _, case in cases]
    return CloudStack(
        dataset=dataset,
        names=tuple(name for name, _ in cases),
        halves=tuple(cloud_of(case) for case in flows),
        areas=tuple(np.linalg.norm(case.face_areas, axis=1) for case in flows),
        drag=tuple(case.info["C_D"] for case in flows),
        lift=tuple(case.info["C_L"] for case in flows),
        num_surface=num_surface,
        num_volume=num_volume,
    )


def batch(clouds: Sequence[Cloud]) -> tuple[Tensor, Tensor, Tensor]:
    """Return points, features and fields of clouds of one size, on top of each other."""
    return (
        torch.stack([cloud.points for cloud in clouds]),
        torch.stack([cloud.features for cloud in clouds]),
        torch.stack([cloud.fields for cloud in clouds]),
    )


def case_seed(seed: int, epoch: int, name: str) -> int:
    """Return the seed that draws a case's points in an epoch."""
    return derive_seed(seed, "cloud", epoch, name)


def fingerprint_clouds(stack: CloudStack) -> str:
    """Return 16 hexadecimal digits that tell one stack of flows from another."""
    digest = hashlib.sha256(repr(stack.names).encode())
    for half in stack.halves:
        digest.update(half.points.numpy().tobytes())
        digest.update(half.fields.numpy().tobytes())
    return digest.hexdigest()[:16]
