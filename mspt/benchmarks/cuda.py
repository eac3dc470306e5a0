"""Passes on a CUDA device: MSPT beside its published variant and Transolver, 10k to 3M points.

Forward passes and training steps in float32 and in bfloat16 (autocast), and MSPT compiled. The
error of a pass is that of its output against the same model in float32, not compiled. What would
not end within the time that is left, or does not fit, is left out, and its row says why.

Letters: N points, K patches.
"""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn

from mspt.benchmarks._peak import measure_peak_bytes
from mspt.benchmarks._timing import Pass, prepare_pass, time_call
from mspt.benchmarks.sweep import machine_name
from mspt.checkpoint import build_model
from mspt.config import Architecture, ModelConfig
from mspt.cost.formulas import Work, recommended_patches
from mspt.errors import MSPTError
from mspt.inference.predict import available_devices

Option = Literal["float32", "bfloat16", "compiled"]
_Kind = tuple[Work, Architecture, Option]
SIZES = (10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000)
MODELS: tuple[Architecture, ...] = ("mspt", "published", "transolver")
OPTIONS: tuple[Option, ...] = ("float32", "bfloat16", "compiled")
MOST_SECONDS = 480.0
"""Time for all measurements; with the tests before them the script takes ten minutes at most."""
TEST_SECONDS = 110.0
REPEATS = 5
GROWTH = 4.0
"""How many times longer the next size may take, at the least of all sizes' ratios."""


@dataclass(frozen=True, kw_only=True)
class CudaRow:
    """One pass of one model.

    Attributes:
        work: ``forward`` or ``train``.
        architecture: Architecture.
        option: Precision, or ``compiled``.
        num_points: Points N.
        num_patches: Patches K, or slices of Transolver.
        seconds: Fastest of the repeats; NaN where not measured.
        peak_bytes: Memory above weights and inputs; NaN where not measured.
        error: Relative L2 difference of the output from that in float32; NaN where there is none.
        machine: Name of the device.
        torch_version: Version of PyTorch.
        stopped: Why there is no measurement; empty otherwise.
    """

    work: str
    architecture: str
    option: str
    num_points: int
    num_patches: int
    seconds: float
    peak_bytes: float
    error: float
    machine: str
    torch_version: str
    stopped: str


def require_cuda() -> None:
    """Refuse a machine without a CUDA device, before any work.

    Raises:
        MSPTError: If there is none.
    """
    if "cuda" not in (known := available_devices()):
        raise MSPTError(
            f"device must be cuda, got a machine with {', '.join(known[1:])} alone; run this where "
            "a CUDA device is"
        )


def run_gpu_tests(project: Path) -> str:
    """Run the tests that need a CUDA device, and return their last line.

    Raises:
        MSPTError: If one fails, or they do not end in time.
    """
    command = [sys.executable, "-m", "pytest", "tests/models", "-q", "-m", "gpu", "-n0"]
    try:
        done = subprocess.run(
            command, cwd=project, capture_output=True, text=True, timeout=TEST_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise MSPTError(f"tests must end within {TEST_SECONDS:.0f} s, got none that did") from error
    last = (done.stdout.strip().splitlines() or ["no output"])[-1]
    if done.returncode:
        raise MSPTError(f"tests marked gpu must pass, got: {last}; run `pytest -m gpu`")
    return last


def cuda_config(architecture: Architecture, num_points: int) -> ModelConfig:
    """Return the model of one row: D = 128, two blocks, K = sqrt(N); 128 slices of Transolver."""
    return ModelConfig(
        space_dim=3,
        in_features=4,
        out_channels=4,
        architecture=architecture,
        width=128,
        num_heads=8,
        num_blocks=2,
        num_patches=None if architecture == "transolver" else recommended_patches(num_points),
        num_slices=128,
        partition="sequence" if architecture == "published" else "ball_tree",
    )


def measure_cuda(
    *,
    sizes: Sequence[int] = SIZES,
    most_seconds: float = MOST_SECONDS,
    device: str = "cuda",
) -> Iterator[CudaRow]:
    """Measure all models, yielding a row for each pass: small sizes first.

    Args:
        sizes: Points N, ascending.
        most_seconds: After which nothing more is started.
        device: ``cuda``; another one for tests.
    """
    target, end = torch.device(device), perf_counter() + most_seconds
    stopped: dict[_Kind, str] = {}
    works: tuple[Work, ...] = ("forward", "train")
    for num_points in sizes:
        for work in works:
            for architecture in MODELS:
                for option in OPTIONS if architecture == "mspt" else OPTIONS[:2]:
                    kind: _Kind = (work, architecture, option)
                    began = perf_counter()
                    reason = stopped.get(kind, "" if began < end else "no time was left")
                    row = _row(kind, num_points, target, reason)
                    taken = perf_counter() - began
                    if row.stopped:
                        stopped[kind] = row.stopped
                    elif perf_counter() + GROWTH * taken > end:
                        stopped[kind] = "no time was left"
                    yield row


def _row(kind: _Kind, num_points: int, device: torch.device, stopped: str) -> CudaRow:
    work, architecture, option = kind
    config = cuda_config(architecture, num_points)
    found = (float("nan"),) * 3
    if not stopped:
        try:
            found = _measured(config, num_points, work, option, device)
        except (RuntimeError, MemoryError) as error:
            stopped = str(error).partition("\n")[0][:80]
    if device.type == "cuda":
        torch.cuda.empty_cache()
    patched = architecture != "transolver"
    return CudaRow(
        work=work,
        architecture=architecture,
        option=option,
        num_points=num_points,
        num_patches=config.patches_for(num_points) if patched else config.num_slices,
        seconds=found[0],
        peak_bytes=found[1],
        error=found[2],
        machine=machine_name(str(device)),
        torch_version=torch.__version__,
        stopped=stopped,
    )


def _measured(
    config: ModelConfig, num_points: int, work: Work, option: Option, device: torch.device
) -> tuple[float, float, float]:
    """Return the fastest time, the peak memory and the error of one pass."""
    model = build_model(config).to(device).train(work == "train")
    plain = prepare_pass(model, config, num_points, work, device)
    own = plain
    if option == "compiled":
        own = Pass(cast("nn.Module", torch.compile(model)), plain.inputs, work)

    def run() -> None:
        with _precision(option, device):
            own()

    run()  # loads and compiles
    peak = measure_peak_bytes(run, device)
    seconds = min(time_call(run) for _ in range(REPEATS))
    if option == "float32":
        return seconds, float(peak), float("nan")
    return seconds, float(peak), _error(own.model, model, plain.inputs, option)


def _error(own: nn.Module, model: nn.Module, inputs: dict[str, Any], option: Option) -> float:
    """Return the relative L2 difference of an output from that of the plain model in float32."""
    device = inputs["points"].device
    with torch.inference_mode():
        expected: Tensor = model(**inputs).float()
        with _precision(option, device):
            found: Tensor = own(**inputs).float()
        return float((found - expected).norm() / expected.norm())


def _precision(option: Option, device: torch.device) -> Any:  # noqa: ANN401 - a context
    if option == "bfloat16":
        return torch.autocast(device.type, torch.bfloat16)
    return nullcontext()
