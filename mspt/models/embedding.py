"""What every model shares: the point-wise embedding, the feed-forward network, initial weights.

Letters: B batch, N points, X space axes, F input features, D model width, R reference points.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mspt.config import ModelConfig

STREAM_ROWS = 2048
"""Rows that streaming handles at once on a CPU: large enough for the matrix products, small enough
to stay in the processor's cache."""

GPU_STREAM_ROWS = 32_768
"""The same on a GPU, where starting the work on a small piece takes longer than the work."""


def stream_rows(device: torch.device) -> int:
    """Return how many rows streaming handles at once on a device; the result is the same.

    Examples:
        >>> stream_rows(torch.device("cpu")), stream_rows(torch.device("cuda"))
        (2048, 32768)
    """
    return STREAM_ROWS if device.type == "cpu" else GPU_STREAM_ROWS


class FeedForward(nn.Sequential):
    """Linear, GELU, Linear, applied to each point."""

    def __init__(self, in_width: int, *, hidden: int, out_width: int) -> None:
        super().__init__(nn.Linear(in_width, hidden), nn.GELU(), nn.Linear(hidden, out_width))


def initialize(module: nn.Module) -> None:
    """Draw a Linear's weights from a truncated normal of variance 1 / fan-in; zero its bias.

    The fixed deviation of 0.02 in published code is for widths of 256 and more: at width 64 it
    shrinks features sixfold in every layer. The random numbers come from torch's global
    generator; see :func:`mspt.seeding.seeded`.
    """
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=module.in_features**-0.5)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def reference_grid(space_dim: int, points_per_axis: int) -> Float[Tensor, "R X"]:
    """Return a regular grid of reference points in the box from -1 to 1 on each axis.

    Examples:
        >>> reference_grid(1, 3).flatten().tolist()
        [-1.0, 0.0, 1.0]
    """
    axis = torch.linspace(-1, 1, points_per_axis) if points_per_axis != 1 else torch.zeros(1)
    return torch.cartesian_prod(*[axis] * space_dim).reshape(-1, space_dim)


def time_features(time: Float[Tensor, " B"], width: int) -> Float[Tensor, "B D"]:
    """Return cosines and sines of a time at ``width // 2`` geometric frequencies."""
    half = width // 2
    steps = torch.arange(half, device=time.device, dtype=time.dtype)
    angles = time[:, None] * torch.exp(-math.log(10_000) * steps / half)
    waves = torch.cat([angles.cos(), angles.sin()], dim=-1)
    return nn.functional.pad(waves, (0, width - 2 * half))


def _distances(
    points: Float[Tensor, "B N X"], reference: Float[Tensor, "R X"]
) -> Float[Tensor, "B N R"]:
    # The expanded form x^2 - 2xy + y^2 is faster and loses half of the digits near zero.
    mode = "donot_use_mm_for_euclid_dist"
    return torch.cdist(points, reference.to(points.dtype), compute_mode=mode)


class Embedding(nn.Module):
    """Embed each point from its coordinates, geometric descriptor, features and time.

    The descriptor is the distance to each point of a reference grid (section 3 of the paper:
    "distances to a reference grid"); coordinates are expected in about -1 to 1.
    """

    reference: Tensor

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.width = config.width
        grid = reference_grid(config.space_dim, config.unified_position)
        self.register_buffer("reference", grid, persistent=False)
        num_inputs = config.space_dim + len(grid) + config.in_features
        self.lift = FeedForward(num_inputs, hidden=2 * config.width, out_width=config.width)
        self.time = (
            nn.Sequential(
                nn.Linear(config.width, config.width),
                nn.SiLU(),
                nn.Linear(config.width, config.width),
            )
            if config.time_conditioned
            else None
        )

    def forward(
        self,
        points: Float[Tensor, "B N X"],
        features: Float[Tensor, "B N F"] | None,
        time: Float[Tensor, " B"] | None = None,
    ) -> Float[Tensor, "B N D"]:
        """Return the first hidden features.

        Raises:
            ValueError: If a time is given to a model without one, or the other way round.
        """
        if (time is None) != (self.time is None):
            raise ValueError(
                "time must be given exactly when the model is time_conditioned, "
                f"got time={'none' if time is None else 'given'}"
            )
        inputs = [points]
        if len(self.reference):
            inputs.append(_distances(points, self.reference))
        if features is not None:
            inputs.append(features)
        hidden = self.lift(torch.cat(inputs, dim=-1))
        if self.time is not None and time is not None:
            hidden = hidden + self.time(time_features(time, hidden.shape[-1]))[:, None]
        return hidden

    def stream(
        self,
        points: Float[Tensor, "B N X"],
        features: Float[Tensor, "B N F"] | None,
        time: Float[Tensor, " B"] | None = None,
    ) -> Float[Tensor, "B N D"]:
        """Return what ``forward`` does, some rows at a time where no gradient is needed."""
        if torch.is_grad_enabled():
            return self(points, features, time)
        hidden = points.new_empty(*points.shape[:2], self.width)
        num_rows = stream_rows(points.device)
        for start in range(0, points.shape[1], num_rows):
            rows = slice(start, start + num_rows)
            part = None if features is None else features[:, rows]
            hidden[:, rows] = self(points[:, rows], part, time)
        return hidden
