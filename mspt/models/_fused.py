"""Two fused attentions over disjoint keys as one softmax, with its exact gradient; on CPUs.

Why two calls: a fused kernel takes one list of keys per query, so one call for the joint softmax of
equation 7 needs a copy of all S supernodes for each of the K patches. Attending to the own patch
and to the supernodes apart needs no copy, and the two results merge exactly. With o the output and
z the log-sum-exp of the scores of each part,

    share  = exp(z_global) / (exp(z_local) + exp(z_global)) = sigmoid(z_global - z_local)
    output = (1 - share) * o_local + share * o_global

which is softmax over all keys at once.

Shape suffixes as in :mod:`mspt.models.attention`.
"""

from typing import Any

import torch
from einops import rearrange
from torch import Tensor
from torch.autograd.function import once_differentiable


class MergedAttention(torch.autograd.Function):
    """Two fused attentions over disjoint keys, merged by their log-sum-exp: one softmax.

    The log-sum-exp that the fused kernel returns carries no gradient: merging under autograd would
    run without an error and train on wrong gradients. The kernel's backward computes its weights as
    exp(score - log-sum-exp) from the log-sum-exp that it is given. Called for each part with the
    *merged* output and log-sum-exp it therefore gives the gradient of the joint softmax, exactly.
    """

    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401 - torch's own context object
        q: Tensor,
        k: Tensor,
        v: Tensor,
        global_k: Tensor,
        global_v: Tensor,
        count: int,
    ) -> Tensor:
        """Attend; arguments as in :func:`mspt.models.attention.joint_attention`."""
        attend = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
        local_out, local_lse = attend(*(per_patch(t, count) for t in (q, k, v)))
        global_out, global_lse = attend(*(_heads_first(t) for t in (q, global_k, global_v)))
        out = rearrange(local_out, "(b k) h l e -> b (k l) h e", k=count)
        lse = rearrange(local_lse, "(b k) h l -> b (k l) h", k=count)
        global_lse = global_lse.transpose(1, 2)
        share = torch.sigmoid(global_lse - lse).unsqueeze(-1)  # see the head of the module
        out = out.lerp_(global_out.transpose(1, 2), share.to(out.dtype))
        if any(ctx.needs_input_grad):
            ctx.save_for_backward(
                q, k, v, global_k, global_v, out, torch.logaddexp(lse, global_lse)
            )
            ctx.count = count
        return out

    @staticmethod
    @once_differentiable  # the kernel has no second derivative; the wrapper hides the signature
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any,  # noqa: ANN401 - torch's own context object
        *grad_outputs: Tensor,
    ) -> tuple[Tensor | None, ...]:
        """Return the gradient of the joint softmax."""
        (grad,) = grad_outputs
        q, k, v, global_k, global_v, out, lse = ctx.saved_tensors
        count = ctx.count
        backward = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward
        grad_q, grad_k, grad_v = backward(
            *(per_patch(t, count) for t in (grad, q, k, v, out)),
            rearrange(lse, "b (k l) h -> (b k) h l", k=count),
            dropout_p=0.0,
            is_causal=False,
        )
        grad_q_global, grad_global_k, grad_global_v = backward(
            *(_heads_first(t) for t in (grad, q, global_k, global_v, out)),
            lse.transpose(1, 2),
            dropout_p=0.0,
            is_causal=False,
        )
        local = (rearrange(t, "(b k) h l e -> b (k l) h e", k=count) for t in (grad_k, grad_v))
        grad_q = rearrange(grad_q, "(b k) h l e -> b (k l) h e", k=count)
        grad_q = grad_q + grad_q_global.transpose(1, 2)
        return (
            grad_q,
            *local,
            grad_global_k.transpose(1, 2),
            grad_global_v.transpose(1, 2),
            None,
        )


def per_patch(x: Tensor, count: int) -> Tensor:
    """Return patches as a batch axis and heads before points, the layout of the fused kernels."""
    return rearrange(x, "b (k l) h e -> (b k) h l e", k=count)


def _heads_first(x: Tensor) -> Tensor:
    return x.transpose(1, 2)
