"""Flow cases as clouds to learn from: surface points first, then points of the flow.

A cloud shows the whole body. Where only half of it is stored, each of its points is drawn on one of
the two sides; the fields of the other side are the mirror image.

Shapes: N points, F input features, C output channels.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float32, Int64
from numpy import ndarray
from torch import Tensor

from mspt.data.layout import FieldGroup, Layout, Mirror
from mspt.data.sets.car.flow_case import FlowCase
from mspt.seeding import derive_seed

NEAR_WALL = 0.01
"""Distance below which the distance feature grows linearly, above which like a logarithm."""

FEATURES = ("direction_x", "direction_y", "direction_z", "closeness", "on_surface")
FIELDS = ("C_p", "C_fx", "C_fy", "C_fz", "u_x", "u_y", "u_z")
MIRRORED_FEATURES = torch.tensor([1.0, -1.0, 1.0, 1.0, 1.0])
MIRRORED_FIELDS = torch.tensor([1.0, 1.0, -1.0, 1.0, 1.0, -1.0, 1.0])
MIRRORED_POINTS = torch.tensor([1.0, -1.0, 1.0])
FREE_STREAM = (1.0, 0.0, 0.0)
GROUPS = (
    FieldGroup("surface_pressure", "surface", (0,)),
    FieldGroup("wall_shear", "surface", (1, 2, 3)),
    FieldGroup("velocity_change", "volume", (4, 5, 6)),
    FieldGroup("volume_pressure", "volume", (0,)),
)
CAR_LAYOUT = Layout(
    features=FEATURES,
    fields=FIELDS,
    groups=GROUPS,
    mirror=Mirror(
        points=tuple(MIRRORED_POINTS.tolist()),
        features=tuple(MIRRORED_FEATURES.tolist()),
        fields=tuple(MIRRORED_FIELDS.tolist()),
    ),
)


@dataclass(frozen=True, kw_only=True)
class Cloud:
    """Points of one flow with what goes in and what is to come out.

    Attributes:
        points: Surface points first. For ``CAR_LAYOUT`` in the wind-tunnel frame, in body lengths.
        features: See the layout.
        fields: See the layout. For ``CAR_LAYOUT`` velocity is the change that the body makes to
            the free stream; shear means nothing in the flow, velocity nothing on the surface: both
            are zero there.
        num_surface: Points on the surface.
        layout: What the channels are.
    """

    points: Float32[Tensor, "N 3"]
    features: Float32[Tensor, "N F"]
    fields: Float32[Tensor, "N C"]
    num_surface: int
    layout: Layout = CAR_LAYOUT

    def mirrored(self, side: Float32[Tensor, " N"]) -> "Cloud":
        """Return the cloud with the points where ``side`` is -1 on the other side.

        Raises:
            ValueError: If the layout has no plane of symmetry.
        """
        if (mirror := self.layout.mirror) is None:
            raise ValueError("layout must have a mirror, got one where both sides are stored")
        other = (side < 0)[:, None]
        return replace(
            self,
            points=torch.where(other, self.points * torch.tensor(mirror.points), self.points),
            features=torch.where(
                other, self.features * torch.tensor(mirror.features), self.features
            ),
            fields=torch.where(other, self.fields * torch.tensor(mirror.fields), self.fields),
        )

    def picked(self, rows: Int64[Tensor, " M"], *, num_surface: int) -> "Cloud":
        """Return some points; surface points come first in ``rows`` too."""
        return replace(
            self,
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
        halves: What is stored: one side where the layout has a mirror, else both.
        areas: Areas of the stored faces of each case; empty without a mirror.
        drag: C_D of each case; empty without a mirror.
        lift: C_L of each case; empty without a mirror.
        num_surface: Points on the surface of each cloud.
        num_volume: Points of the flow of each cloud.
        layout: What the channels are.
    """

    dataset: str
    names: tuple[str, ...]
    halves: tuple[Cloud, ...]
    areas: tuple[Float32[ndarray, " F"], ...]
    drag: tuple[float, ...]
    lift: tuple[float, ...]
    num_surface: int
    num_volume: int
    layout: Layout = CAR_LAYOUT

    def __len__(self) -> int:
        """Return the number of cases."""
        return len(self.names)

    def draw(self, index: int, *, seed: int) -> Cloud:
        """Draw the points of a case: evenly over its surface, as stored in the flow.

        Without a mirror both kinds are drawn as stored and keep their order; all of them where
        there are no more than asked for.
        """
        rng = np.random.default_rng(seed)
        half = self.halves[index]
        if self.layout.mirror is None:
            return draw_stored(half, self.num_surface, self.num_volume, rng=rng)
        faces = draw_evenly(np.tile(self.areas[index], 2), self.num_surface, rng)
        others = rng.permutation(2 * (len(half.points) - half.num_surface))[: self.num_volume]
        stored = len(half.points) - half.num_surface
        side = np.concatenate([faces // half.num_surface, others // stored])
        rows = np.concatenate([faces % half.num_surface, half.num_surface + others % stored])
        cloud = half.picked(torch.from_numpy(rows), num_surface=len(faces))
        return cloud.mirrored(torch.from_numpy(1 - 2 * side.astype(np.float32)))


def draw_stored(
    cloud: Cloud, num_surface: int, num_volume: int, *, rng: np.random.Generator
) -> Cloud:
    """Return at most so many surface points and points of the flow, in the order of the cloud."""
    surface = np.sort(rng.permutation(cloud.num_surface)[:num_surface])
    volume = np.sort(rng.permutation(len(cloud.points) - cloud.num_surface)[:num_volume])
    rows = np.concatenate([surface, cloud.num_surface + volume])
    return cloud.picked(torch.from_numpy(rows), num_surface=len(surface))


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
    """Return points, features and fields of clouds of one size, on top of each other.

    Raises:
        ValueError: If they are of several sizes.
    """
    sizes = sorted({(cloud.num_surface, len(cloud.points)) for cloud in clouds})
    if len(sizes) > 1:
        raise ValueError(
            f"clouds of a batch must have one size, got (surface, all) {sizes}; use batch_size 1"
        )
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
