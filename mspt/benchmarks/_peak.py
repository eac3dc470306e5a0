"""Peak memory of a piece of work, above what was held before it."""

import ctypes
import gc
import os
from collections.abc import Callable
from pathlib import Path

import psutil
import torch


def peak_bytes(run: Callable[[], None], device: torch.device) -> int:
    """Return the peak memory of a pass above what was held before it."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        run()
        return torch.cuda.max_memory_allocated() - before
    process = psutil.Process()
    before = _reset_peak(process)
    run()
    return max(0, _peak(process) - before)


def _reset_peak(process: psutil.Process) -> int:
    """Let Linux forget the peak so far; elsewhere the peak of the process's life has to do.

    What the warm-up left with the allocator goes back first: small sizes would hide in it.
    """
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if os.name == "posix" else None
    if trim is not None:
        trim(0)
    reset = Path("/proc/self/clear_refs")
    if reset.exists():
        reset.write_text("5")
    return process.memory_info().rss


def _peak(process: psutil.Process) -> int:
    status = Path("/proc/self/status")
    if status.exists():
        line = next(x for x in status.read_text().splitlines() if x.startswith("VmHWM"))
        return 1024 * int(line.split()[1])
    return getattr(process.memory_info(), "peak_wset", process.memory_info().rss)
