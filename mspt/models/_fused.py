"""Two fused attentions over disjoint keys as one softmax, with its exact gradient.

Why two calls: a fused kernel takes one list of keys per query, so one call for the joint softmax of
equation 7 needs a copy of all S supernodes for each of the K patches. Attending to the own patch
and to the supernodes apart needs no copy, and the two results merge exactly. With o the output and
z the log-sum-exp of the scores of each part,

    share  = exp(z_global) / (exp(z_local) + exp(z_global)) = sigmoid(z_global - z_local)
    output = (1 - share) * o_local + share * o_global

which is softmax over all keys at once.

There is a kernel for CPUs and one for CUDA devices (:data:`KERNELS`). They are private to torch: a
release may drop them, or change what they take or return. Before its first use a kernel is compared
with the same formulas in plain arithmetic (:func:`has_kernel`), and where it is missing or
disagrees, :mod:`mspt.models.joint` concatenates the keys instead.

Shape suffixes as in :mod:`mspt.models.attention`.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor
from torch.autograd.function import once_differentiable

aten = torch.ops.aten  # where torch's private kernels are looked up


@dataclass(frozen=True)
class FusedKernel:
    """Fused attention of one kind of device, on tensors with heads before rows.

    Attributes:
        attend: Return the output of queries, keys and values, and the log-sum-exp of the scores.
        backward: Return the gradient of queries, keys and values from that of the output, these,
            the output and a log-sum-exp.
    """

    attend: Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]
    backward: Callable[..., tuple[Tensor, ...]]


def _attend_on_cpu(q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    out, lse, *_ = aten._scaled_dot_product_flash_attention_for_cpu(q, k, v)
    return out, lse


def _backward_on_cpu(*tensors: Tensor) -> tuple[Tensor, ...]:
    kernel = aten._scaled_dot_product_flash_attention_for_cpu_backward
    return kernel(*tensors, dropout_p=0.0, is_causal=False)


LSE_ROWS = 32
"""The CUDA kernel has the log-sum-exp of a multiple of so many rows; those beyond are infinite."""


def _attend_on_cuda(q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    # This kernel takes float32 and bfloat16, and all sizes of heads; flash attention does not.
    out, lse, *_ = aten._scaled_dot_product_efficient_attention(
        q, k, v, None, compute_log_sumexp=True
    )
    return out, lse[..., : q.shape[2]]


def _backward_on_cuda(
    grad: Tensor, q: Tensor, k: Tensor, v: Tensor, out: Tensor, lse: Tensor
) -> tuple[Tensor, ...]:
    whole = F.pad(lse.float(), (0, -lse.shape[-1] % LSE_ROWS), value=float("inf")).contiguous()
    seed = torch.zeros((), dtype=torch.int64, device=q.device)  # of dropout, which there is not
    *grads, _ = aten._scaled_dot_product_efficient_attention_backward(
        grad,
        q,
        k,
        v,
        None,
        out,
        whole,
        seed,
        seed,
        dropout_p=0.0,
        grad_input_mask=[True, True, True, False],
    )
    return tuple(grads)


KERNELS: Mapping[str, FusedKernel] = {
    "cpu": FusedKernel(_attend_on_cpu, _backward_on_cpu),
    "cuda": FusedKernel(_attend_on_cuda, _backward_on_cuda),
}
"""The kernel of each kind of device that has one."""


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
        ctx.count = count
        attend = KERNELS[q.device.type].attend
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
        backward = KERNELS[q.device.type].backward
        in_patches = [per_patch(t, count) for t in (grad, q, k, v, out)]
        in_patches.append(rearrange(lse, "b (k l) h -> (b k) h l", k=count))
        grad_q, grad_k, grad_v = backward(*in_patches)
        whole = [_heads_first(t) for t in (grad, q, global_k, global_v, out)]
        grad_q_global, grad_global_k, grad_global_v = backward(*whole, lse.transpose(1, 2))
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


@cache
def has_kernel(device: str = "cpu") -> bool:
    """Return whether torch has a fused kernel for a device, and it computes what it is used for.

    Args:
        device: Kind of the device, such as ``cuda``.
    """
    if device not in KERNELS:
        return False
    # What the first caller has set for its thread (autocast, inference mode, a default device, a
    # counter of operations) neither changes the numbers of another thread nor sees its operations.
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(_agrees, device).result()


def _agrees(device: str) -> bool:
    try:
        found, expected = _compared(torch.device(device))
    except (AttributeError, RuntimeError, TypeError, ValueError):
        return False
    return len(found) == len(expected) and all(
        one.shape == other.shape and torch.allclose(one, other, rtol=1e-3, atol=1e-4)
        for one, other in zip(found, expected, strict=True)
    )


def _compared(device: torch.device) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """Return what the kernel and its backward pass return for random numbers, and should return."""
    random = torch.Generator().manual_seed(0)
    # Sizes that are no multiple of a vector's, and fewer queries than keys.
    shapes = ((2, 2, 5, 8), (2, 2, 19, 8), (2, 2, 19, 8), (2, 2, 5, 8), (2, 2, 5))
    q, k, v, grad, shift = (
        torch.randn(shape, generator=random, dtype=torch.float32).to(device) for shape in shapes
    )
    kernel = KERNELS[device.type]
    out, lse = kernel.attend(q, k, v)
    # The backward pass is given the output and log-sum-exp of more keys than these.
    found = (out, lse, *kernel.backward(grad, q, k, v, 0.5 * out, lse + shift))
    return found, _plain(q, k, v, grad, shift)


def _plain(q: Tensor, k: Tensor, v: Tensor, grad: Tensor, shift: Tensor) -> tuple[Tensor, ...]:
    """Return what the kernel and its backward pass have to return, without autograd."""
    scale = q.shape[-1] ** -0.5
    scores = q @ k.mT * scale
    lse = scores.logsumexp(-1)
    out = torch.exp(scores - lse[..., None]) @ v
    weights = torch.exp(scores - (lse + shift)[..., None])
    inner = (grad * 0.5 * out).sum(-1, keepdim=True)
    grad_scores = weights * (grad @ v.mT - inner) * scale
    return out, lse, grad_scores @ k, grad_scores.mT @ q, weights.mT @ grad


def per_patch(x: Tensor, count: int) -> Tensor:
    """Return patches as a batch axis and heads before points, the layout of the fused kernels."""
    return rearrange(x, "b (k l) h e -> (b k) h l e", k=count)


def _heads_first(x: Tensor) -> Tensor:
    return x.transpose(1, 2)
