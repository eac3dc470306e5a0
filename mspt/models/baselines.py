"""Models to compare MSPT with: full attention, and attention among learned slices (Transolver).

Both share MSPT's embedding, initial spread of weights and interface, so that they differ from it in
the attention alone. A block is attention and a feed-forward network, each on normalized features; a
LayerNorm and a Linear give the fields. Neither uses patches: ``partitions`` is accepted and
ignored. All clouds of a batch have the same number of points.

Shape suffixes (the same letters as the annotations):
    B batch          H heads                   G slices
    N points         D model width             E width of one head (D / H)
"""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from mspt.config import ModelConfig
from mspt.models.embedding import Embedding, FeedForward, initialize
from mspt.partition.ball_tree import Partition

TEMPERATURE_LIMITS = (0.1, 5.0)
"""Limits of the slice temperature on grids, as in Transolver's code, which has none on clouds."""

EMPTY_SLICE = 1e-5
"""Added to the weight of a slice before dividing by it, as a slice may be empty; Transolver's
value."""


class DenseAttention(nn.Module):
    """Every point attends to every point."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.num_heads = config.num_heads
        self.to_qkv = nn.Linear(config.width, 3 * config.width)
        self.to_out = nn.Linear(config.width, config.width)

    def forward(self, x: Float[Tensor, "B N D"]) -> Float[Tensor, "B N D"]:
        """Mix all points."""
        q, k, v = rearrange(
            self.to_qkv(x), "b n (three h e) -> three b h n e", three=3, h=self.num_heads
        )
        out_BHNE = F.scaled_dot_product_attention(q, k, v)
        return self.to_out(rearrange(out_BHNE, "b h n e -> b n (h e)"))


class SliceAttention(nn.Module):
    """Transolver's physics attention (arXiv 2402.02366).

    Points are pooled into learned slices, slices attend to each other, and each point gets the mean
    of the slices with its own weights. With ``structured_shape`` the points are a
    grid, row by row, and the two projections are convolutions over three by three points.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        width, head_width = config.width, config.width // config.num_heads
        self.num_heads = config.num_heads
        self.structured_shape = config.structured_shape
        self.project = (
            nn.Conv2d(width, 2 * width, kernel_size=3, padding=1)
            if config.structured_shape
            else nn.Linear(width, 2 * width)
        )
        self.to_slices = nn.Linear(head_width, config.num_slices)
        self.temperature = nn.Parameter(torch.full((config.num_heads,), 0.5))
        self.to_qkv = nn.Linear(head_width, 3 * head_width, bias=False)
        self.to_out = nn.Linear(width, width)

    def forward(self, x: Float[Tensor, "B N D"]) -> Float[Tensor, "B N D"]:
        """Mix all points through the slices."""
        guides, values = self._project(x)
        weights_HBNG = self._weigh(guides)
        pooled_HBGE = torch.einsum("hbng,bnhe->hbge", weights_HBNG, values)
        slices_HBGE = pooled_HBGE / (weights_HBNG.sum(2)[..., None] + EMPTY_SLICE)
        q, k, v = self.to_qkv(slices_HBGE).chunk(3, dim=-1)
        mixed_HBGE = F.scaled_dot_product_attention(q, k, v)
        return self.to_out(rearrange(weights_HBNG @ mixed_HBGE, "h b n e -> b n (h e)"))

    def _project(
        self, x: Float[Tensor, "B N D"]
    ) -> tuple[Float[Tensor, "B N H E"], Float[Tensor, "B N H E"]]:
        if self.structured_shape is None:
            projected = self.project(x)
        else:
            rows, columns = self.structured_shape
            if x.shape[1] != rows * columns:
                raise ValueError(
                    f"points must be the {rows * columns} points of a {rows} x {columns} grid, "
                    f"row by row, got {x.shape[1]}"
                )
            # Points of a grid lie in memory like an image with channels last: nothing is copied.
            grid = rearrange(x, "b (r c) d -> b d r c", r=rows)
            projected = rearrange(self.project(grid), "b d r c -> b (r c) d")
        guides, values = rearrange(
            projected, "b n (two h e) -> two b n h e", two=2, h=self.num_heads
        )
        return guides, values

    def _weigh(self, guides: Float[Tensor, "B N H E"]) -> Float[Tensor, "H B N G"]:
        """Return which share of each point belongs to each slice; a point's shares sum to one."""
        temperature = self.temperature
        if self.structured_shape is not None:
            temperature = temperature.clamp(*TEMPERATURE_LIMITS)
        # Scaling the small matrix instead of the scores saves a pass over H x N x G numbers.
        weight_HEG = self.to_slices.weight.mT / temperature[:, None, None]
        bias_H1G = self.to_slices.bias / temperature[:, None, None]
        rows_HRE = rearrange(guides, "b n h e -> h (b n) e")
        weights_HRG = torch.baddbmm(bias_H1G, rows_HRE, weight_HEG).softmax(-1)
        return rearrange(weights_HRG, "h (b n) g -> h b n g", b=len(guides))


class BaselineBlock(nn.Module):
    """Attention and a feed-forward network, each on normalized features with a residual path."""

    def __init__(self, config: ModelConfig, attention: nn.Module) -> None:
        super().__init__()
        self.norm_attention = nn.LayerNorm(config.width)
        self.attention = attention
        self.norm_mlp = nn.LayerNorm(config.width)
        self.mlp = FeedForward(
            config.width, hidden=config.mlp_ratio * config.width, out_width=config.width
        )

    def forward(self, hidden: Float[Tensor, "B N D"]) -> Float[Tensor, "B N D"]:
        """Return the features after this block."""
        hidden = hidden + self.attention(self.norm_attention(hidden))
        return hidden + self.mlp(self.norm_mlp(hidden))


class Baseline(nn.Module):
    """Embedding, blocks with the given attention, task head."""

    def __init__(self, config: ModelConfig, make_attention: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.config = config
        self.embedding = Embedding(config)
        self.blocks = nn.Sequential(
            *(BaselineBlock(config, make_attention()) for _ in range(config.num_blocks))
        )
        self.head = nn.Sequential(
            nn.LayerNorm(config.width), nn.Linear(config.width, config.out_channels)
        )
        self.apply(initialize)

    def forward(
        self,
        points: Float[Tensor, "B N X"],
        features: Float[Tensor, "B N F"] | None = None,
        *,
        partitions: Sequence[Partition] | None = None,  # noqa: ARG002 - one interface for all
        time: Float[Tensor, " B"] | None = None,
    ) -> Float[Tensor, "B N C"]:
        """Predict the fields of a batch of equally large clouds.

        Args:
            points: Coordinates, normalized to about -1 to 1.
            features: Further inputs per point, normalized.
            partitions: Ignored.
            time: Time of each cloud, for a time-conditioned model.

        Raises:
            ValueError: If points or time do not fit the model.
        """
        return self.head(self.blocks(self.embedding(points, features, time)))


class FullAttention(Baseline):
    """A plain transformer over all points, whose cost grows with the square of N."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config, lambda: DenseAttention(config))


class Transolver(Baseline):
    """Attention among ``config.num_slices`` learned slices, for clouds or for grids.

    The slice projection starts orthogonal. Transolver's code sets that too, and then overwrites it
    with the initial weights of every other Linear.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config, lambda: SliceAttention(config))
        for module in self.modules():
            if isinstance(module, SliceAttention):
                nn.init.orthogonal_(module.to_slices.weight)
