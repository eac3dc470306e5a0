"""Parallelized Multi-Scale Attention (PMSA), section 3 of the paper, equations 1 to 9.

Points come in leaf order, so that a patch is a run of rows; see :mod:`mspt.partition.runs`.

For one patch k the paper joins its points H_k and all supernodes S to Z_k = [H_k; S], projects Z_k,
and applies one softmax. Here the keys and values of the supernodes are computed once, as they are
the same for all patches, and the rows of Z_k that belong to supernodes have no queries, as equation
8 drops their result. Where each equation is computed:

    equation 1        S_k = Pool(H_k)            PMSA.pool_patches, mspt.models.pooling
    equation 2        S = [S_1; ...; S_K]        PMSABlock.pool in mspt.models.blocks
    equation 3        Z_k = [H_k; S]             concatenated_attention in mspt.models.joint
    equation 4        queries, keys, values      PMSA._project, PMSA.shared_keys
    equation 5, 6     weights A_k                joint_attention, too; stored by PMSA.trace alone
    equation 7        weights times values       joint_attention, MergedAttention in _fused
    equation 8, 9     all patches, all heads     PMSA.attend, PMSA.forward
    equation 10, 11   mean, max, learned pool    mspt.models.pooling
    equation 12       a block                    PMSABlock and walk_blocks in mspt.models.blocks

Shape suffixes (the same letters as the annotations):
    B batch          K patches                 H heads
    N points         L points per patch        D model width
    S supernodes, all patches together (K * Q) E width of one head (D / H)
    Q supernodes per patch                     P picked points
    M rows of some patches, or keys of a point (L + S)
"""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from mspt.config import Pooling
from mspt.models.arrangement import LeafOrder
from mspt.models.joint import concatenated_attention, joint_attention, selected_attention
from mspt.models.nodes import node_supernodes, spread_over_patches
from mspt.models.pooling import PatchPooling
from mspt.models.rotary import Phases, rotate
from mspt.partition.runs import PatchRun, patch_offsets, patch_runs


@dataclass(frozen=True)
class PMSATrace:
    """Exact attention weights of picked points in one PMSA layer.

    Attributes:
        rows: The picked points, as rows in leaf order.
        local_rows: Rows of each picked point's patch; -1 where a patch has fewer than L points.
        local: Weights on the points of the own patch, 0 where ``local_rows`` is -1.
        supernodes: Weights on the supernodes of the patches; with ``local`` they sum to one.
        nodes: Weights on the supernodes of all nodes of the tree, node after node, where the points
            attend to these: 0 for nodes that are no keys of the point. ``supernodes`` then has the
            part of each patch in them. None where the points attend to all patches.
    """

    rows: Int[Tensor, " P"]
    local_rows: Int[Tensor, "P L"]
    local: Float[Tensor, "H P L"]
    supernodes: Float[Tensor, "H P S"]
    nodes: Float[Tensor, "H P T"] | None = None

    def cpu(self) -> "PMSATrace":
        """Return the trace on the CPU."""
        return PMSATrace(
            rows=self.rows.cpu(),
            local_rows=self.local_rows.cpu(),
            local=self.local.cpu(),
            supernodes=self.supernodes.cpu(),
            nodes=None if self.nodes is None else self.nodes.cpu(),
        )


class PMSA(nn.Module):
    """Attention within a patch, jointly with all supernodes (equations 1 to 9).

    Args:
        width: Model width D.
        num_heads: Heads H.
        num_supernodes: Supernodes Q per patch.
        pooling: How a patch becomes supernodes; see :class:`mspt.models.pooling.PatchPooling`.
        carry: Whether supernodes are handed to the next block (equation 12).
    """

    def __init__(
        self,
        width: int,
        *,
        num_heads: int,
        num_supernodes: int = 1,
        pooling: Pooling = "mean",
        carry: bool = False,
    ) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.num_supernodes = num_supernodes
        self.carry = carry
        self.pool = PatchPooling(width, num_supernodes=num_supernodes, pooling=pooling)
        self.to_qkv = nn.Linear(width, 3 * width)
        self.to_out = nn.Linear(width, width)

    def pool_patches(self, x: Float[Tensor, "B N D"], run: PatchRun) -> Float[Tensor, "B KQ D"]:
        """Return the supernodes of a run of patches, S_k = Pool(H_k) (equation 1)."""
        patches = rearrange(x, "b (k l) d -> (b k) l d", k=run.count)
        return rearrange(self.pool(patches), "(b k) q d -> b (k q) d", k=run.count)

    def _project(
        self, x: Float[Tensor, "B N D"], phases: Phases | None = None, *, is_apart: bool = False
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return queries, keys and values (equation 4).

        Args:
            x: Normalized features.
            phases: Of the rotary embedding, which turns queries and keys.
            is_apart: Whether each is a tensor of its own, so that it can be released alone.
        """
        if phases is None and not is_apart:
            return rearrange(  # pyright: ignore[reportReturnType]
                self.to_qkv(x), "b n (t h e) -> t b n h e", t=3, h=self.num_heads
            ).unbind(0)
        q, k, v = (
            self._heads(F.linear(x, weight, bias), None if part == 2 else phases)
            for part, (weight, bias) in enumerate(
                zip(self.to_qkv.weight.chunk(3), self.to_qkv.bias.chunk(3), strict=True)
            )
        )
        return q, k, v

    def _heads(self, x: Float[Tensor, "B N D"], phases: Phases | None) -> Float[Tensor, "B N H E"]:
        heads = rearrange(x, "b n (h e) -> b n h e", h=self.num_heads)
        return heads if phases is None else rotate(heads, phases)

    def shared_keys(
        self, supernodes: Float[Tensor, "B S D"], order: LeafOrder
    ) -> tuple[Tensor, Tensor]:
        """Return keys and values of all supernodes, the same for every patch (equation 4).

        They are those of all nodes of the tree, where patches attend to nodes of several levels.
        """
        if order.table is not None:
            supernodes = node_supernodes(supernodes, order.table)
        width = self.to_out.in_features
        weight, bias = self.to_qkv.weight[width:], self.to_qkv.bias[width:]  # queries come first
        k, v = rearrange(
            F.linear(supernodes, weight, bias),
            "b s (t h e) -> t b s h e",
            t=2,
            h=self.num_heads,
        ).unbind(0)
        phases = order.supernode_phases
        return (k if phases is None else rotate(k, phases)), v

    def attend(
        self,
        x: Float[Tensor, "B N D"],
        shared: tuple[Tensor, Tensor],
        run: PatchRun,
        order: LeafOrder,
        *,
        readable: Bool[Tensor, "K 1 1 M"] | None = None,
    ) -> Float[Tensor, "B N D"]:
        """Mix the points of a run of patches with their own patch and all supernodes (equation 7).

        Args:
            x: Normalized features of the points.
            shared: From :meth:`shared_keys`.
            run: The patches.
            order: The leaf order.
            readable: Which keys the points of each patch may attend to, for one cloud; None for
                all. With it the keys of every patch are copied, so it is for experiments only.
        """
        selected = order.selected_by(run)
        q, k, v = self._project(x, order.phases(run.rows), is_apart=selected is not None)
        if selected is not None:
            out_BNHE = selected_attention(q, k, v, *shared, selected=selected)
        elif readable is not None:
            out_BNHE = concatenated_attention(q, k, v, *shared, count=run.count, readable=readable)
        else:
            out_BNHE = joint_attention(q, k, v, *shared, count=run.count)
        return self.to_out(out_BNHE.flatten(2))

    def global_share(
        self,
        x: Float[Tensor, "1 N D"],
        supernodes: Float[Tensor, "1 S D"],
        run: PatchRun,
        order: LeafOrder,
    ) -> Float[Tensor, "H N"]:
        """Return which share of each point's attention goes to supernodes, without any weight.

        The sum of weights over a set of keys is the sigmoid of a difference of log-sum-exps.
        """
        q, k, _ = self._project(x, order.phases(run.rows))
        global_k, _ = self.shared_keys(supernodes, order)
        q, k = (rearrange(part[0], "(k l) h e -> k h l e", k=run.count) for part in (q, k))
        scale = q.shape[-1] ** -0.5
        local_KHL = (q @ k.mT * scale).logsumexp(-1)
        if (selected := order.selected_by(run)) is None:
            scores = torch.einsum("khle,she->khls", q, global_k[0])
        else:
            scores = torch.einsum("khle,kmhe->khlm", q, global_k[0, selected[0]])
        global_KHL = (scores * scale).logsumexp(-1)
        return rearrange((global_KHL - local_KHL).sigmoid(), "k h l -> h (k l)")

    def update_supernodes(
        self,
        patches: Iterable[tuple[PatchRun, Float[Tensor, "B _N D"]]],
        supernodes: Float[Tensor, "B S D"],
        order: LeafOrder,
    ) -> Float[Tensor, "B _S D"]:
        """Return the supernodes after the layer (the second output of PMSA in equation 12).

        Each patch's own supernodes attend to the points of their patch and to all supernodes.
        Equation 6 has K rows for each supernode, one per patch, and the paper does not say how they
        become one; the own patch's row is taken, which costs K (L + Q) queries instead of
        K (L + K Q). There is no residual path, as in equation 12.

        Args:
            patches: All patches, some at a time, with the normalized features of their points.
            supernodes: The supernodes that points and supernodes attend to.
            order: The leaf order.
        """
        queries = self._project(supernodes, order.supernode_phases)
        updated, first = [], order.first_patch * self.num_supernodes
        for run, x in patches:
            own = slice(first, first + run.count * self.num_supernodes)
            updated.append(self._updated(x, queries, own, run, order))
            first = own.stop
        return torch.cat(updated, dim=1)

    def _updated(
        self,
        x: Float[Tensor, "B N D"],
        supernodes: tuple[Tensor, Tensor, Tensor],
        own: slice,
        run: PatchRun,
        order: LeafOrder,
    ) -> Float[Tensor, "B _S D"]:
        q, global_k, global_v = supernodes
        _, k, v = self._project(x, order.phases(run.rows))
        out_BSHE = joint_attention(q[:, own], k, v, global_k, global_v, count=run.count)
        return self.to_out(out_BSHE.flatten(2))

    def forward(
        self, x: Float[Tensor, "B N D"], supernodes: Float[Tensor, "B S D"], order: LeafOrder
    ) -> Float[Tensor, "B N D"]:
        """Mix points within patches and across supernodes (equations 8 and 9)."""
        shared = self.shared_keys(supernodes, order)
        mixed = [
            self.attend(x[:, run.rows], shared, run, order)
            for run in patch_runs(x.shape[1], order.num_patches)
        ]
        return torch.cat(mixed, dim=1)

    @torch.no_grad()
    def trace(
        self,
        x: Float[Tensor, "N D"],
        supernodes: Float[Tensor, "S D"],
        *,
        order: LeafOrder,
        rows: Int[Tensor, " P"],
    ) -> PMSATrace:
        """Recompute the weights of picked points (rows of A_k of equation 6), as in ``forward``.

        Args:
            x: Normalized features of one cloud in leaf order.
            supernodes: Its supernodes, carried part included.
            order: The leaf order.
            rows: Picked points, as rows in leaf order.
        """
        offsets = torch.tensor(patch_offsets(len(x), order.num_patches), device=x.device)
        patch = torch.bucketize(rows, offsets, right=True) - 1
        size = int((offsets[1:] - offsets[:-1]).max())
        # Patch sizes differ by one: shorter patches get a last key that is masked.
        local_rows = offsets[patch, None] + torch.arange(size, device=x.device)
        absent = local_rows >= offsets[patch + 1, None]
        local_rows = local_rows.masked_fill(absent, -1)
        keys = local_rows.clamp(min=0).flatten()
        q, _, _ = self._project(x[None, rows], order.phases(rows))
        _, k, _ = self._project(x[None, keys], order.phases(keys))
        k = k.unflatten(1, local_rows.shape)[0]
        global_k, _ = self.shared_keys(supernodes[None], order)
        scale = q.shape[-1] ** -0.5
        local_HPL = torch.einsum("phe,plhe->hpl", q[0], k) * scale
        global_HPT = torch.einsum("phe,the->hpt", q[0], global_k[0]) * scale
        if order.selected is not None:
            unread = torch.ones(len(rows), global_HPT.shape[-1], dtype=torch.bool, device=x.device)
            unread.scatter_(1, order.selected[0, patch], value=False)
            global_HPT = global_HPT.masked_fill(unread, -torch.inf)
        scores = torch.cat([local_HPL.masked_fill(absent, -torch.inf), global_HPT], dim=-1)
        local, read = scores.softmax(-1).split([size, global_HPT.shape[-1]], dim=-1)
        if order.table is None:
            return PMSATrace(rows, local_rows, local, read)
        return PMSATrace(rows, local_rows, local, spread_over_patches(read, order.table), read)
