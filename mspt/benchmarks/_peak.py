"""Peak memory of a call, in addition to the memory that was in use before it."""

import ctypes
import gc
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import torch


def measure_peak_bytes(run: Callable[[], None], device: torch.device) -> int:
    """Return the peak memory of a call in bytes, minus the memory in use before it.

    On the CPU this is the resident memory of the process, including what libraries allocate.
    """
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
    """Reset the peak where the system allows it (Linux), and return the memory in use.

    The C library first returns unused memory to the system: otherwise a small call would reuse
    memory that the warm-up left behind, and its peak would not show.
    """
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if os.name == "posix" else None
    if trim is not None:
        trim(0)
    reset = Path("/proc/self/clear_refs")
    if reset.exists():
        with suppress(OSError):  # some containers have it to be read only
            reset.write_text("5", encoding="ascii")  # resets the peak alone; see "man 5 proc"
    return process.memory_info().rss


def peak_resident_bytes() -> int:
    """Return the peak resident memory of this process since the last measurement began."""
    return _peak(psutil.Process())


def _peak(process: psutil.Process) -> int:
    """Return the peak resident memory: since the reset on Linux, since the start on Windows."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(x for x in status.read_text().splitlines() if x.startswith("VmHWM"))
        return 1024 * int(line.split()[1])  # the kernel reports kibibytes
    return getattr(process.memory_info(), "peak_wset", process.memory_info().rss)
