"""The variant of MSPT that its authors published as code, for loading their weights.

It follows their code where code and paper differ. Use :mod:`mspt.models.mspt` for anything else:
that is the method of the paper, faster, smaller and independent of padding. Where this variant
differs from the paper, or surprises:

1.  A learned vector, ``placeholder``, is added to every point, with and without features.
2.  With a unified position the distances to 8 reference points per axis stand *instead of* the
    coordinates: on a grid those of the unit square's grid, whatever the points are, and in space
    those of a box fitted to cars (:data:`CAR_BOX`).
3.  A time-conditioned model without a time adds nothing and raises no error.
4.  Zero rows fill the last patches after the outer normalization, in every block anew. They are
    not masked: they are attended to, and pooled.
5.  ``mean`` pooling with Q > 1: supernode q is the mean of the patch without its q points of
    largest norm; ``max``: the Q largest values of each channel; ``linear``: a linear map of the
    patch's mean. Where a patch has fewer than Q rows, ``mean`` and ``max`` append zeros. The rows
    come out of the outer LayerNorm. While that is untrained, with unit scales and no shift, the
    norms of all rows equal sqrt(D) up to rounding and LayerNorm's epsilon, so that rounding decides
    which rows ``mean`` leaves out, and two correct implementations, machines or precisions can give
    different results. Compare implementations with trained or random scales, under which norms
    differ.
6.  Supernodes of the preceding block are added to the pooled ones.
7.  Every patch gets its own copy of all S supernodes, which take part as queries: K (L + S) rows.
8.  PMSA holds a residual path and a feed-forward network of four times the width; one LayerNorm
    serves before both. Its output is added to the features it got *before* the outer LayerNorm.
9.  The mean over the K copies of the supernodes is handed to the next block; in the last block it
    is computed and dropped.
10. A second feed-forward network follows, in the last block as well, and then the head.
11. In training both parts of a block are computed again during the backward pass.
12. Structured models divide the grid, row by row, into runs, and ignore any partition.

``partition="sequence"`` is their ``linear`` chunking: runs of the order in which points come, as in
all their scripts. ``"ball_tree"`` is their ``balltree`` chunking: points and features are padded
with zeros first, so that the padding lies at the origin and lives through all blocks; then the
cloud is put in leaf order. Theirs halves each node, down to a power of two of leaves, and cuts the
leaf order into K runs; ours makes K leaves for any K. Where K is a power of two, both find the
same patches, up to points with equal coordinates. Their rotary embedding, off in all their
scripts, is left out.

Attributes have the authors' names, so that their weights load by name.

Letters: B batch, N points, P points with padding, K patches, S supernodes in all, D model width,
X space axes, F input features, C output channels, I input channels, R reference points.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from mspt.config import ModelConfig, Pooling
from mspt.errors import CheckpointError
from mspt.models.embedding import time_features
from mspt.models.published.layers import PointwiseMLP, PublishedBlock
from mspt.models.published.state_dict import check_tensors, infer_config, plain_names
from mspt.partition.ball_tree import Partition, build_partition
from mspt.seeding import seeded

CAR_BOX = ((-1.5, 1.5), (0.0, 2.0), (-4.0, 4.0))
"""Box of the reference points in space: one pair of limits per axis, in metres."""

UNIT_SQUARE = ((0.0, 1.0), (0.0, 1.0))
"""Box of a grid and of its reference points."""


def reference_points(
    box: Sequence[tuple[float, float]], counts: Sequence[int], *, like: Tensor
) -> Float[Tensor, "R X"]:
    """Return a regular grid that spans a box, the last axis fastest.

    Examples:
        >>> reference_points(UNIT_SQUARE, (2, 2), like=torch.zeros(1)).tolist()
        [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]
    """
    axes = [
        torch.linspace(low, high, count, dtype=like.dtype, device=like.device)
        for (low, high), count in zip(box, counts, strict=True)
    ]
    return torch.cartesian_prod(*axes)


def distances(
    points: Float[Tensor, "*B N X"], references: Float[Tensor, "R X"]
) -> Float[Tensor, "*B N R"]:
    """Return the distance of each point from each reference point.

    Examples:
        >>> distances(torch.tensor([[3.0, 4.0]]), torch.zeros(1, 2))
        tensor([[5.]])
    """
    # The expanded square that cdist prefers loses half of the digits near zero.
    return torch.cdist(points, references, compute_mode="donot_use_mm_for_euclid_dist")


class PublishedMSPT(nn.Module):
    """The authors' model for point clouds, or for grids where ``structured_shape`` is given.

    ``config.carry`` is ignored: supernodes are always carried on.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        if config.pooling not in ("mean", "max", "linear"):
            raise ValueError(
                "pooling must be one of mean, max, linear in the published variant, "
                "got 'attention'; use the architecture 'mspt' for it"
            )
        if config.unified_position and not config.structured_shape and config.space_dim != 3:
            raise ValueError(
                "space_dim must be 3 for a published unified position without a grid, "
                f"got {config.space_dim}; set unified_position=0"
            )
        self.config = config
        width, references = config.width, config.unified_position
        position = references ** (2 if config.structured_shape else 3) or config.space_dim
        self.num_inputs = position + config.in_features
        self.preprocess = PointwiseMLP(self.num_inputs, hidden=2 * width, out_width=width)
        if config.time_conditioned:
            self.time_fc = nn.Sequential(
                nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width)
            )
        self.blocks = nn.ModuleList(
            PublishedBlock(config, is_last=index == config.num_blocks - 1)
            for index in range(config.num_blocks)
        )
        self.apply(_initialize)
        self.placeholder = nn.Parameter(torch.rand(width) / width)

    def forward(
        self,
        points: Float[Tensor, "B N X"],
        features: Float[Tensor, "B N F"] | None = None,
        *,
        partitions: Sequence[Partition] | None = None,
        time: Float[Tensor, " B"] | None = None,
    ) -> Float[Tensor, "B N C"]:
        """Predict the fields of a batch of equally large clouds.

        Args:
            points: Coordinates; row by row for a structured model.
            features: Further inputs per point.
            partitions: Ball trees, one for each cloud with its padding at the origin (K L points).
                The tree of a cloud without its padding has no place for it; then a tree of the
                padded cloud is built. Ignored unless the model partitions by ball tree.
            time: Time of each cloud, for a time-conditioned model.

        Raises:
            ValueError: If points, features, time or partitions do not fit the model.
        """
        num_points = points.shape[1]
        num_patches = self.config.patches_for(num_points)
        inputs = self._inputs(points, features)
        order = self._leaf_order(points, num_patches, partitions)
        if order is not None:
            inputs = _reorder(_pad_rows(inputs, order.shape[1]), order)
        hidden = self.preprocess(inputs) + self.placeholder
        if time is not None:
            hidden = hidden + self._embed_time(time, hidden.dtype)[:, None]
        num_supernodes = num_patches * self.config.num_supernodes
        carried = hidden.new_zeros(len(hidden), num_supernodes, self.config.width)
        for block in self.blocks:
            hidden, carried = block(hidden, carried, num_patches)
        return hidden if order is None else _reorder(hidden, order.argsort())[:, :num_points]

    def _inputs(self, points: Tensor, features: Tensor | None) -> Float[Tensor, "B N I"]:
        described = self._describe(points)
        inputs = described if features is None else torch.cat([described, features], dim=-1)
        if inputs.shape[-1] != self.num_inputs:
            raise ValueError(
                f"points and features must have {self.num_inputs} channels together, "
                f"got {inputs.shape[-1]}; was the model trained with a unified position?"
            )
        return inputs

    def _describe(self, points: Float[Tensor, "B N X"]) -> Float[Tensor, "B N I"]:
        shape, count = self.config.structured_shape, self.config.unified_position
        if shape and points.shape[1] != shape[0] * shape[1]:
            raise ValueError(
                f"points must be the {shape[0] * shape[1]} points of a {shape[0]} x {shape[1]} "
                f"grid, row by row, got {points.shape[1]}"
            )
        if not count:
            return points
        if not shape:
            return distances(points, reference_points(CAR_BOX, [count] * 3, like=points))
        grid = reference_points(UNIT_SQUARE, shape, like=points)
        references = reference_points(UNIT_SQUARE, [count] * 2, like=points)
        return distances(grid, references).expand(len(points), -1, -1)

    def _embed_time(self, time: Float[Tensor, " B"], dtype: torch.dtype) -> Float[Tensor, "B D"]:
        if not self.config.time_conditioned:
            raise ValueError("time must be None for a model without time conditioning, got a time")
        return self.time_fc(time_features(time, self.config.width).to(dtype))

    def _leaf_order(
        self, points: Tensor, num_patches: int, partitions: Sequence[Partition] | None
    ) -> Int[Tensor, "B P"] | None:
        if self.config.structured_shape or self.config.partition == "sequence":
            return None
        num_points = points.shape[1]
        num_rows = num_patches * -(-num_points // num_patches)
        if partitions is not None:
            _check_partitions(partitions, points, num_patches, num_rows)
        if partitions is None or len(partitions[0].order) != num_rows:
            clouds = _pad_rows(points, num_rows)
            partitions = [build_partition(cloud, num_patches=num_patches) for cloud in clouds]
        return torch.stack([partition.order for partition in partitions]).to(points.device)


def load_published(
    state_dict: Mapping[str, Any],
    *,
    num_heads: int = 8,
    num_patches: int = 32,
    num_supernodes: int = 1,
    pooling: Pooling = "mean",
    structured_shape: tuple[int, int] | None = None,
    unified_pos: bool = False,
) -> PublishedMSPT:
    """Build a model from the authors' weights, in evaluation mode and with their number type.

    Widths, blocks, channels, feed-forward ratio and time conditioning follow from the tensors. The
    arguments below do not, so that a wrong one may pass unnoticed. The model takes points in the
    order of the authors' files (their ``linear`` chunking).

    Args:
        state_dict: Names and tensors, with or without prefixes of ``torch.compile`` and the like.
        num_heads: Attention heads H.
        num_patches: Patches K; their ``mspt_V``.
        num_supernodes: Supernodes Q per patch; their ``mspt_Q``.
        pooling: ``mean``, ``max`` or ``linear``; their ``mspt_pool``.
        structured_shape: Rows and columns of a structured model's grid.
        unified_pos: Whether distances to reference points replace the coordinates.

    Raises:
        CheckpointError: If tensors are missing, unknown or of the wrong shape, or no model can
            be built with these settings.

    Examples:
        >>> config = ModelConfig(space_dim=2, out_channels=3, width=8, num_blocks=2, num_patches=4)
        >>> model = load_published(PublishedMSPT(config).state_dict(), num_patches=4)
        >>> model.config.width, model.config.num_blocks, model.config.out_channels
        (8, 2, 3)
    """
    state = plain_names(state_dict)
    config = infer_config(
        state,
        num_heads=num_heads,
        num_patches=num_patches,
        num_supernodes=num_supernodes,
        pooling=pooling,
        structured_shape=structured_shape,
        unified_pos=unified_pos,
    )
    # The weights drawn here are replaced; drawing them must not change the caller's random numbers.
    try:
        with seeded(0, "published"):
            model = PublishedMSPT(config)
    except ValueError as error:
        raise CheckpointError(
            f"state dict must fit the settings, got one that does not fit these settings: {error}; "
            "choose others"
        ) from error
    check_tensors(state, model.state_dict())
    dtype = state["placeholder"].dtype
    weights = {name: tensor.detach().to(dtype, copy=True) for name, tensor in state.items()}
    model.load_state_dict(weights, assign=True)
    return model.eval()


def _initialize(module: nn.Module) -> None:
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.02)
        nn.init.zeros_(module.bias)


def _pad_rows(x: Float[Tensor, "B N D"], num_rows: int) -> Float[Tensor, "B P D"]:
    return F.pad(x, (0, 0, 0, num_rows - x.shape[1]))


def _reorder(x: Float[Tensor, "B P D"], order: Int[Tensor, "B P"]) -> Float[Tensor, "B P D"]:
    return x.gather(1, order[..., None].expand(-1, -1, x.shape[-1]))


def _check_partitions(
    partitions: Sequence[Partition], points: Tensor, num_patches: int, num_rows: int
) -> None:
    sizes = {len(partition.order) for partition in partitions}
    patches = {len(partition.offsets) - 1 for partition in partitions}
    fits = len(sizes) == 1 and sizes <= {points.shape[1], num_rows} and patches == {num_patches}
    if len(partitions) != len(points) or not fits:
        raise ValueError(
            f"partitions must be one for each of {len(points)} clouds, of {points.shape[1]} or "
            f"with padding {num_rows} points in {num_patches} patches, got {len(partitions)} of "
            f"{sorted(sizes)} points in {sorted(patches)} patches"
        )
