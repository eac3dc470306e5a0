"""Clouds of points on a body and in the flow around it: surface points first.

A cloud covers the whole body. Where only half of it is stored, each point is drawn on one of both
sides; the fields of the other side are the mirror image.

Shapes: N points, F input features, C output channels.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float32, Int64
from numpy import ndarray
from torch import Tensor

from mspt.data.layout import Layout
from mspt.geometry.descriptors.body import BodyShape
from mspt.seeding import derive_seed


@dataclass(frozen=True, kw_only=True)
class Cloud:
    """Points of one flow with features and fields.

    Attributes:
        points: Surface points first.
        features: Channels as in the layout.
        fields: Channels as in the layout; zero where a field is not defined.
        num_surface: Points on the surface.
        layout: What the channels are.
        shape: Return the body, from which geometric descriptors follow; None where it is not known.
    """

    points: Float32[Tensor, "N 3"]
    features: Float32[Tensor, "N F"]
    fields: Float32[Tensor, "N C"]
    num_surface: int
    layout: Layout
    shape: Callable[[], BodyShape] | None = None

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
    """Cases of a data set of flows, from which clouds of one size are drawn.

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
    areas: tuple[Float32[ndarray, " _"], ...]
    drag: tuple[float, ...]
    lift: tuple[float, ...]
    num_surface: int
    num_volume: int
    layout: Layout

    def __len__(self) -> int:
        """Return the number of cases."""
        return len(self.names)

    def fingerprint(self) -> str:
        """Return 16 hexadecimal digits that identify these cases, for a checkpoint's header."""
        digest = hashlib.sha256(repr(self.names).encode())
        for half in self.halves:
            digest.update(half.points.numpy().tobytes())
            digest.update(half.fields.numpy().tobytes())
        return digest.hexdigest()[:16]

    def draw(self, index: int, *, seed: int) -> Cloud:
        """Draw the points of a case: evenly over its surface, as stored in the flow.

        Without a mirror both kinds are drawn in their stored order; all of them where there are
        no more than requested.
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
