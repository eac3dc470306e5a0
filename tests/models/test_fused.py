"""The private kernel of torch, and what takes its place where it is missing or has changed."""

from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest
import torch
from helpers import made_up_cases, tiny_config
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from mspt.models import _fused
from mspt.models._fused import has_kernel
from mspt.models.joint import concatenated_attention, joint_attention
from mspt.models.registry import build_model
from mspt.seeding import generator

FORWARD = "_scaled_dot_product_flash_attention_for_cpu"
BACKWARD = f"{FORWARD}_backward"
KERNEL, KERNEL_BACKWARD = getattr(torch.ops.aten, FORWARD), getattr(torch.ops.aten, BACKWARD)


@pytest.fixture(autouse=True)
def asked_anew() -> Iterator[None]:
    has_kernel.cache_clear()
    yield
    has_kernel.cache_clear()


Replace = Callable[..., None]
Kernel = Callable[..., tuple[Tensor, ...]]


@pytest.fixture
def replace_kernel(monkeypatch: pytest.MonkeyPatch) -> Replace:
    """Return a function that puts other kernels, or none, in the place of torch's."""

    def replace(**kernels: Kernel | None) -> None:
        monkeypatch.setattr(_fused, "aten", SimpleNamespace(**kernels))
        has_kernel.cache_clear()

    return replace


def inputs(dtype: torch.dtype, *, count: int, size: int, shared: int) -> list[Tensor]:
    """Return queries, keys and values of points, and keys and values of supernodes."""
    random = generator(0, "fused")
    rows = (size * count, size * count, size * count, shared, shared)
    return [
        torch.randn(2, row, 3, 8, generator=random, dtype=dtype).requires_grad_() for row in rows
    ]


def results(tensors: list[Tensor], count: int) -> list[Tensor]:
    """Return the output and the gradient of each input, for a loss that is not symmetric."""
    out = joint_attention(*tensors, count=count)
    weights = torch.linspace(-1, 1, out.numel(), dtype=out.dtype).reshape(out.shape)
    return [out.detach(), *torch.autograd.grad((out * weights).sum(), tensors)]


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-12)])
@pytest.mark.parametrize(("count", "size", "shared"), [(1, 7, 1), (3, 5, 6), (4, 16, 32)])
def test_concatenated_keys_give_the_same_outputs_and_gradients(
    dtype: torch.dtype,
    tolerance: float,
    count: int,
    size: int,
    shared: int,
    replace_kernel: Replace,
) -> None:
    tensors = inputs(dtype, count=count, size=size, shared=shared)
    assert has_kernel()
    fused = results(tensors, count)
    replace_kernel()
    public = results(tensors, count)
    assert not has_kernel()
    torch.testing.assert_close(public, fused, rtol=tolerance, atol=tolerance)


def test_a_model_without_the_kernel_has_the_same_gradients(replace_kernel: Replace) -> None:
    model, cases = build_model(tiny_config(num_supernodes=2)), made_up_cases(2)

    def gradients() -> dict[str, Tensor]:
        model.zero_grad()
        model(cases.points, cases.features).square().mean().backward()
        return {name: one.grad.clone() for name, one in model.named_parameters()}

    fused = gradients()
    replace_kernel()
    torch.testing.assert_close(gradients(), fused, rtol=1e-4, atol=1e-6)
    with torch.inference_mode():
        model(cases.points, cases.features)


def test_inputs_without_gradients_are_allowed(replace_kernel: Replace) -> None:
    tensors = inputs(torch.float64, count=2, size=4, shared=3)
    fixed = [one.detach() if i in (1, 4) else one for i, one in enumerate(tensors)]
    loss = lambda: joint_attention(*fixed, count=2).square().sum()  # noqa: E731
    fused = torch.autograd.grad(loss(), [fixed[0], fixed[3]])
    replace_kernel()
    torch.testing.assert_close(torch.autograd.grad(loss(), [fixed[0], fixed[3]]), fused)


def wrong_output(*tensors: Tensor) -> tuple[Tensor, Tensor]:
    out, lse = KERNEL(*tensors)
    return out * 1.01, lse


def logarithm_to_base_two(*tensors: Tensor) -> tuple[Tensor, Tensor]:
    out, lse = KERNEL(*tensors)
    return out, lse * 1.4427


def other_axes(*tensors: Tensor) -> tuple[Tensor, Tensor]:
    out, lse = KERNEL(*tensors)
    return out, lse.transpose(1, 2)


def own_log_sum_exp(
    grad: Tensor, q: Tensor, k: Tensor, v: Tensor, out: Tensor, lse: Tensor, **settings: object
) -> tuple[Tensor, ...]:
    """A backward pass that computes the log-sum-exp again in place of using the one it is given."""
    del lse
    return KERNEL_BACKWARD(grad, q, k, v, out, KERNEL(q, k, v)[1], **settings)


def refuses(*_: Tensor, **__: object) -> tuple[Tensor, ...]:
    raise RuntimeError("Could not run this with arguments from the 'CPU' backend")


@pytest.mark.parametrize("kernel", [wrong_output, logarithm_to_base_two, other_axes, refuses])
def test_a_kernel_that_has_changed_is_not_used(kernel: Kernel, replace_kernel: Replace) -> None:
    replace_kernel(**{FORWARD: kernel, BACKWARD: KERNEL_BACKWARD})
    assert not has_kernel()


@pytest.mark.parametrize("backward", [own_log_sum_exp, refuses, None])
def test_a_backward_pass_that_has_changed_is_not_used(
    backward: Kernel | None, replace_kernel: Replace
) -> None:
    replace_kernel(**{FORWARD: KERNEL, BACKWARD: backward})
    assert not has_kernel()
    replace_kernel(**{FORWARD: KERNEL, BACKWARD: KERNEL_BACKWARD})
    assert has_kernel()


def test_what_the_first_caller_has_set_does_not_matter() -> None:
    with FlopCounterMode(display=False) as counter:
        assert has_kernel()
    assert counter.get_total_flops() == 0
    has_kernel.cache_clear()
    with torch.autocast("cpu", torch.bfloat16), torch.inference_mode(), torch.device("meta"):
        assert has_kernel()
    has_kernel.cache_clear()
    torch.set_default_dtype(torch.float64)
    try:
        assert has_kernel()
    finally:
        torch.set_default_dtype(torch.float32)


# --- the kernel for CUDA devices ------------------------------------------------------------------


def dense_forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_bias: None,
    *,
    compute_log_sumexp: bool,
) -> tuple[Tensor, ...]:
    """Stand in for torch's CUDA kernel: its names, and a log-sum-exp of a multiple of 32 rows."""
    assert attn_bias is None
    assert compute_log_sumexp
    scores = query @ key.mT * query.shape[-1] ** -0.5
    lse = scores.logsumexp(-1)
    whole = lse.new_full((*lse.shape[:2], -(-lse.shape[2] // 32) * 32), torch.inf)
    whole[..., : lse.shape[2]] = lse
    return scores.softmax(-1) @ value, whole.float(), torch.zeros(()), torch.zeros(())


def dense_backward(
    grad_out_: Tensor,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_bias: None,
    out: Tensor,
    logsumexp: Tensor,
    philox_seed: Tensor,
    philox_offset: Tensor,
    *,
    dropout_p: float,
    grad_input_mask: list[bool],
) -> tuple[Tensor | None, ...]:
    assert (attn_bias, dropout_p, grad_input_mask) == (None, 0.0, [True, True, True, False])
    assert philox_seed.dtype == philox_offset.dtype == torch.int64
    assert logsumexp.shape[2] % 32 == 0
    assert logsumexp[..., query.shape[2] :].isposinf().all()
    scale = query.shape[-1] ** -0.5
    lse = logsumexp[..., : query.shape[2]].to(query.dtype)
    weights = torch.exp(query @ key.mT * scale - lse[..., None])
    inner = (grad_out_ * out).sum(-1, keepdim=True)
    scores = weights * (grad_out_ @ value.mT - inner) * scale
    return scores @ key, scores.mT @ query, weights.mT @ grad_out_, None


ON_CUDA = {
    "_scaled_dot_product_efficient_attention": dense_forward,
    "_scaled_dot_product_efficient_attention_backward": dense_backward,
}


@pytest.mark.parametrize(("count", "size", "shared"), [(1, 7, 1), (3, 5, 6), (2, 32, 33)])
def test_the_merge_with_the_kernel_of_cuda_devices(
    count: int, size: int, shared: int, replace_kernel: Replace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same merge with dense formulas of the kernel's names, padding and arguments."""
    tensors = inputs(torch.float32, count=count, size=size, shared=shared)
    replace_kernel()
    public = results(tensors, count)
    replace_kernel(**ON_CUDA)
    monkeypatch.setitem(_fused.KERNELS, "cpu", _fused.KERNELS["cuda"])
    assert has_kernel("cpu")
    torch.testing.assert_close(results(tensors, count), public, rtol=1e-5, atol=1e-5)


def test_torch_takes_the_arguments_of_the_kernel_of_cuda_devices() -> None:
    """Shapes alone, as there need not be such a device."""
    q = torch.empty(2, 3, 45, 8, device="meta")
    k = torch.empty(2, 3, 19, 8, device="meta")
    out, lse = _fused._attend_on_cuda(q, k, k)
    assert (out.shape, lse.shape) == (q.shape, (2, 3, 45))
    grads = _fused._backward_on_cuda(out, q, k, k, out, lse)
    assert [one.shape for one in grads] == [q.shape, k.shape, k.shape]


def test_devices_without_a_kernel_have_none() -> None:
    assert not has_kernel("mps")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float32, 1e-4), (torch.bfloat16, 3e-2)], ids=str
)
def test_a_cuda_device_gives_the_outputs_and_gradients_of_dense_matrices(
    dtype: torch.dtype, tolerance: float
) -> None:
    assert has_kernel("cuda")
    tensors = inputs(torch.float64, count=4, size=45, shared=37)
    moved = [one.detach().to("cuda", dtype).requires_grad_() for one in tensors]
    dense = concatenated_attention(*tensors, count=4)
    fused = joint_attention(*moved, count=4)
    weights = torch.linspace(-1, 1, dense.numel(), dtype=torch.float64).reshape(dense.shape)
    expected = [dense, *torch.autograd.grad((dense * weights).sum(), tensors)]
    loss = (fused.float() * weights.float().cuda()).sum()
    for one, other in zip([fused, *torch.autograd.grad(loss, moved)], expected, strict=True):
        assert (one.double().cpu() - other).norm() / other.norm() < tolerance
