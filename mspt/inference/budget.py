"""A pass within a budget of memory: how many patches at a time, and where the features lie.

The amounts follow from the sizes of model and cloud alone (:mod:`mspt.cost.memory`), so that a
budget that is too small is refused before any work starts.
"""

import math
import re
from dataclasses import dataclass

import torch

from mspt.config import ModelConfig
from mspt.cost.arithmetic import FLOP_COUNTS
from mspt.cost.forecast import HEAP_BYTES, HEAP_SHARE, held_bytes
from mspt.cost.formulas import FLOAT_BYTES, peak_bytes
from mspt.cost.memory import streamed_floats
from mspt.errors import MSPTError
from mspt.models.embedding import stream_rows
from mspt.models.streaming import Streaming

SLACK_BYTES = 4e6
"""What a process may hold in any case beyond a forecast: a budget is a promise, and a forecast is
right on average."""
UNITS = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
_AMOUNT = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*([kMGT]?)(i?)B?\s*", re.IGNORECASE)


def memory_bytes(budget: str | float | int) -> float:
    """Return an amount of memory in bytes.

    Args:
        budget: Bytes, or words such as ``4GB``, ``500 MB`` or ``2GiB``.

    Raises:
        MSPTError: If it is no positive amount.

    Examples:
        >>> memory_bytes("4GB"), memory_bytes("1.5 MiB"), memory_bytes(1000)
        (4000000000.0, 1572864.0, 1000.0)
    """
    found = _AMOUNT.fullmatch(str(budget))
    if found is None or not (amount := float(found[1])) > 0:
        raise MSPTError(f"memory_budget must be an amount such as 4GB, got {str(budget)!r}")
    unit = "k" if found[2] in "kK" and found[2] else found[2].upper()
    return amount * (1024.0 ** list(UNITS).index(unit) if found[3] else UNITS[unit])


def memory_words(num_bytes: float | int) -> str:
    """Return an amount of memory in words, rounded up to three digits.

    Examples:
        >>> memory_words(1_234_100_000), memory_words(999_600), memory_words(52.2e6)
        ('1.24 GB', '1 MB', '52.2 MB')
    """
    step = 10.0 ** (math.floor(math.log10(max(num_bytes, 1.0))) - 2)
    rounded = math.ceil(round(num_bytes / step, 6)) * step
    unit, scale = next(
        (unit, scale)
        for unit, scale in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3), ("bytes", 1.0))
        if rounded >= scale or scale == 1.0
    )
    return f"{rounded / scale:.3g} {unit}"


@dataclass(frozen=True, kw_only=True)
class PassPlan:
    """How one pass is divided, and the memory that it needs.

    Attributes:
        streaming: Pieces; None for a model that has none.
        device_bytes: Memory on the device, above weights.
        host_bytes: Memory on the host besides, where features lie there; 0 otherwise.
    """

    streaming: Streaming | None
    device_bytes: float | int
    host_bytes: float | int = 0


def plan_pass(
    config: ModelConfig,
    num_points: int,
    *,
    device: torch.device,
    budget: float | int | None = None,
    free: float | int = math.inf,
) -> PassPlan:
    """Return how a pass over one cloud without gradients fits into a budget.

    Pieces are as large as the device likes them, and smaller ones of whole patches where the budget
    asks for it. On another device than the CPU the features of all points stay on the host where
    they do not fit; the budget is that of the device then.

    Args:
        config: Of the model.
        num_points: Points N.
        device: Where it is computed.
        budget: Bytes for all that the pass needs above weights: inputs, partition, features, pieces
            and output. None for no limit but the free memory of a device that is no CPU.
        free: Free memory of the device in bytes.

    Raises:
        MSPTError: If not even one patch at a time fits into the budget, or the model has no pieces
            or no formula for its memory.
    """
    if config.architecture != "mspt":
        return _whole(config, num_points, budget)
    limit = free if device.type != "cpu" else math.inf
    limit = min(limit, math.inf if budget is None else budget)
    most = stream_rows(device)
    size = -(-num_points // config.patches_for(num_points))
    rows = [max(1, most // part) for part in _PARTS]
    rows = [*(one for one in rows if one > size), min(size, most)]
    for one in rows:
        needed = _here(config, num_points, one)
        if needed <= limit:
            return PassPlan(streaming=Streaming(rows=one), device_bytes=needed)
    if device.type == "cpu":
        _refuse(budget, least=_here(config, num_points, rows[-1]))
    for one in rows:
        needed, host = _apart(config, num_points, one)
        if needed <= limit:
            streaming = Streaming(rows=one, device=device)
            return PassPlan(streaming=streaming, device_bytes=needed, host_bytes=host)
    _refuse(limit, least=_apart(config, num_points, rows[-1])[0])
    raise AssertionError  # unreachable


_PARTS = (1, 2, 4, 8, 16, 32, 64, 128)
"""Parts of the usual number of rows that are tried as the size of pieces."""


def _whole(config: ModelConfig, num_points: int, budget: float | int | None) -> PassPlan:
    """Return the plan of a model whose pass is not divided."""
    if config.architecture not in FLOP_COUNTS:
        if budget is not None:
            raise MSPTError(
                f"memory_budget must be absent for the architecture {config.architecture}, whose "
                f"memory has no formula, got {memory_words(budget)}; use a checkpoint of mspt"
            )
        return PassPlan(streaming=None, device_bytes=math.nan)
    peak = peak_bytes(config, num_points, work="forward")
    needed = SLACK_BYTES + HEAP_BYTES + HEAP_SHARE * peak + held_bytes(config, num_points)
    if budget is not None and needed > budget:
        _refuse(budget, least=needed)
    return PassPlan(streaming=None, device_bytes=needed)


def _here(config: ModelConfig, num_points: int, rows: int) -> float:
    """Return the memory of a pass on one device."""
    floats = streamed_floats(config, num_points, rows=rows)
    peak = SLACK_BYTES + HEAP_BYTES + HEAP_SHARE * FLOAT_BYTES * floats.total
    return peak + held_bytes(config, num_points)


def _apart(config: ModelConfig, num_points: int, rows: int) -> tuple[float, float]:
    """Return the memory of a pass on its device and on the host, where the features lie."""
    floats = streamed_floats(config, num_points, rows=rows)
    device = SLACK_BYTES + HEAP_BYTES + HEAP_SHARE * FLOAT_BYTES * floats.on_device
    return device, FLOAT_BYTES * floats.on_host + held_bytes(config, num_points)


def _refuse(budget: float | int | None, *, least: float | int) -> None:
    given = "none" if budget is None else memory_words(budget)
    raise MSPTError(
        f"memory_budget must be at least {memory_words(least)} for this cloud, of which one patch "
        f"is computed at a time, got {given}; use more memory, fewer points or more patches"
    )
