"""Attention over the own patch and supernodes in one softmax (equations 3 to 7), in three ways.

All take queries, keys and values of some patches, and keys and values of the supernodes, which are
the same for all patches.

Shape suffixes as in :mod:`mspt.models.attention`.
"""

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Bool, Float, Int
from torch import Tensor

from mspt.models._fused import KERNELS, MergedAttention, has_kernel, per_patch


def concatenated_attention(
    q: Float[Tensor, "B M H E"],
    k: Float[Tensor, "B N H E"],
    v: Float[Tensor, "B N H E"],
    global_k: Float[Tensor, "B S H E"],
    global_v: Float[Tensor, "B S H E"],
    *,
    count: int,
    readable: Bool[Tensor, "K 1 1 M_keys"] | None = None,
) -> Float[Tensor, "B M H E"]:
    """Attend as :func:`joint_attention` does, over concatenated keys (equations 3 to 7).

    Works on any device, and copies the supernodes' keys and values for every patch.

    Args:
        q: Queries; all arguments up to ``count`` are those of :func:`joint_attention`.
        k: Keys of the points.
        v: Values of the points.
        global_k: Keys of the supernodes.
        global_v: Values of the supernodes.
        count: Number of patches.
        readable: Which keys the points of each patch may attend to, for one cloud; None for all.
    """
    keys, values = (
        torch.cat(
            [
                per_patch(local, count),
                rearrange(shared, "b s h e -> b 1 h s e")
                .expand(-1, count, -1, -1, -1)
                .flatten(0, 1),
            ],
            dim=2,
        )
        for local, shared in ((k, global_k), (v, global_v))
    )
    out = F.scaled_dot_product_attention(per_patch(q, count), keys, values, attn_mask=readable)
    return rearrange(out, "(b k) h l e -> b (k l) h e", k=count)


def joint_attention(
    q: Float[Tensor, "B M H E"],
    k: Float[Tensor, "B N H E"],
    v: Float[Tensor, "B N H E"],
    global_k: Float[Tensor, "B S H E"],
    global_v: Float[Tensor, "B S H E"],
    *,
    count: int,
) -> Float[Tensor, "B M H E"]:
    """Attend from each query to the keys of its own patch and to all supernodes (equation 7).

    One softmax over both kinds of keys, without storing a weight. Scores are divided by the square
    root of E, the width of one head; equation 5 writes the whole width, for a single head.

    Args:
        q: Queries of ``count`` patches, patch after patch, equally many for each.
        k: Keys of the points of the same patches, equally many for each patch.
        v: Values of the same points.
        global_k: Keys of the supernodes of all patches.
        global_v: Values of the supernodes of all patches.
        count: Number of patches in ``q``, ``k`` and ``v``.
    """
    # A compiler cannot trace the comparison in has_kernel; it takes the kernel as it is.
    kind = q.device.type
    if kind in KERNELS and (torch.compiler.is_compiling() or has_kernel(kind)):
        return MergedAttention.apply(q, k, v, global_k, global_v, count)  # pyright: ignore[reportReturnType]
    return concatenated_attention(q, k, v, global_k, global_v, count=count)


def selected_attention(
    q: Float[Tensor, "B M H E"],
    k: Float[Tensor, "B N H E"],
    v: Float[Tensor, "B N H E"],
    global_k: Float[Tensor, "B S H E"],
    global_v: Float[Tensor, "B S H E"],
    *,
    selected: Int[Tensor, "B K _M"],
) -> Float[Tensor, "B M H E"]:
    """Attend as :func:`joint_attention` does, but from each patch to some of the supernodes only.

    Args:
        q: Queries; all arguments up to ``selected`` are those of :func:`joint_attention`.
        k: Keys of the points.
        v: Values of the points.
        global_k: Keys of the supernodes.
        global_v: Values of the supernodes.
        selected: Supernodes that the points of each patch attend to, equally many for each.
    """
    num_clouds, count, _ = selected.shape
    first = torch.arange(num_clouds, device=selected.device) * global_k.shape[1]
    rows = (selected + first[:, None, None]).flatten()

    def joined(local: Tensor, shared: Tensor) -> Tensor:
        chosen = shared.flatten(0, 1).index_select(0, rows)
        chosen = rearrange(chosen, "(p m) h e -> p h m e", p=num_clouds * count)
        return torch.cat([per_patch(local, count), chosen], dim=2)

    out = F.scaled_dot_product_attention(
        per_patch(q, count), joined(k, global_k), joined(v, global_v)
    )
    return rearrange(out, "(b k) h l e -> b (k l) h e", k=count)
