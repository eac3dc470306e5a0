"""Layers that all models share: point-wise embedding, feed-forward network, initial weights.

Letters: B batch, N points, X space axes, F input features, D model width, R reference points.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mspt.config import ModelConfig

STREAM_ROWS = 2048
"""Rows that are processed at once on a CPU where no gradient is needed.

Fewer rows make matrix products slow; with more, the intermediate features of a piece (2048 rows of
256 to 512 floats, 2 to 4 MB) no longer fit into the processor's cache. The result is the same."""

GPU_STREAM_ROWS = 32_768
"""The same on a GPU, where launching the kernels for a small piece takes longer than running
them."""


def stream_rows(device: torch.device) -> int:
    """Return how many rows are processed at once on a device where no gradient is needed.

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

    The fixed deviation of 0.02 in published code suits widths of 256 and more: at width 64 the
    deviation that keeps the size of features is 0.125, and 0.02 shrinks them sixfold in every
    layer. The random numbers come from torch's global generator; see :func:`mspt.seeding.seeded`.
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
    """Return cosines and sines of a time at ``width // 2`` geometric frequencies from 1 to 1e-4.

    The embedding of diffusion models, as in the authors' code; an odd width ends in a zero.
    """
    half = width // 2
    steps = torch.arange(half, device=time.device, dtype=time.dtype)
    angles = time[:, None] * torch.exp(-math.log(10_000) * steps / half)
    waves = torch.cat([angles.cos(), angles.sin()], dim=-1)
    return nn.functional.pad(waves, (0, width - 2 * half))


def fourier_features(points: Float[Tensor, "B N X"], count: int) -> Float[Tensor, "B N W"]:
    """Return sines, then cosines, of the coordinates at ``count`` frequencies, each twice the last.

    The first wave is as long as the box from -1 to 1. A network on coordinates alone learns fine
    detail slowly (Tancik et al., 2020).

    Examples:
        >>> fourier_features(torch.tensor([[[0.25]]]), 2).flatten().tolist()[1::2]
        [1.0, -4.371138828673793e-08]
    """
    powers = torch.arange(count, dtype=points.dtype, device=points.device)
    angles = (points[..., None] * (math.pi * 2**powers)).flatten(2)
    return torch.cat([angles.sin(), angles.cos()], dim=-1)


def _distances(
    points: Float[Tensor, "B N X"], reference: Float[Tensor, "R X"]
) -> Float[Tensor, "B N R"]:
    # The expanded form x^2 - 2xy + y^2 is faster and loses half of the digits near zero.
    mode = "donot_use_mm_for_euclid_dist"
    return torch.cdist(points, reference.to(points.dtype), compute_mode=mode)


class Embedding(nn.Module):
    """Embed each point from its coordinates, geometric descriptor, features and time.

    The paper's shared network on [x_i, g_i] with the geometric descriptor g_i: here the distances
    to a reference grid (section 3), where ``unified_position`` is set, and sines and cosines of the
    coordinates, where ``fourier_features`` is set. Coordinates are expected in about -1 to 1, the
    box of that grid.
    """

    reference: Tensor

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.width = config.width
        grid = reference_grid(config.space_dim, config.unified_position)
        self.register_buffer("reference", grid, persistent=False)
        self.fourier_features = config.fourier_features
        waves = 2 * config.space_dim * config.fourier_features
        self.num_inputs = config.space_dim + len(grid) + waves + config.in_features
        self.lift = FeedForward(self.num_inputs, hidden=2 * config.width, out_width=config.width)
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
        hidden = self.lift(self.describe(points, features))
        if self.time is not None and time is not None:
            hidden = hidden + self.time(time_features(time, hidden.shape[-1]))[:, None]
        return hidden

    def describe(
        self, points: Float[Tensor, "B N X"], features: Float[Tensor, "B N F"] | None
    ) -> Float[Tensor, "B N I"]:
        """Return coordinates, geometric descriptor and features of each point, side by side."""
        inputs = [points]
        if len(self.reference):
            inputs.append(_distances(points, self.reference))
        if self.fourier_features:
            inputs.append(fourier_features(points, self.fourier_features))
        if features is not None:
            inputs.append(features)
        return torch.cat(inputs, dim=-1)
