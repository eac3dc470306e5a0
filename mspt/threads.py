"""How many processors this process may use: of the machine, of its own and of its container."""

import math
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch


def usable_cpus(root: Path = Path("/")) -> int:
    """Return the number of processors that this process may keep busy, at least 1.

    The least of the processors of the machine, those that the process is bound to, and the quota of
    its control group and the groups around it, which limit a container. A quota of 1.5 processors
    counts as 2. A machine of 64 processors runs a container with a quota of 2 many times slower
    with 64 threads than with 2.

    Args:
        root: Root of the file system with ``proc`` and ``sys``; another one for tests.
    """
    bound = getattr(os, "sched_getaffinity", None)  # Linux alone
    count = len(bound(0)) if bound else os.cpu_count() or 1
    return max(1, min([count, *(math.ceil(quota) for quota in _quotas(root))]))


def limit_threads() -> int:
    """Let torch and numba use no more threads than there are usable processors; return torch's.

    Fewer threads that were chosen before, as with ``OMP_NUM_THREADS``, stay.
    """
    count = min(torch.get_num_threads(), usable_cpus())
    if count < torch.get_num_threads():
        torch.set_num_threads(count)
    if "numba" not in sys.modules:  # it reads this when it is imported
        os.environ.setdefault("NUMBA_NUM_THREADS", str(count))
    return count


@contextmanager
def with_threads(count: int) -> Iterator[None]:
    """Let torch use so many threads in the block, and as many as before afterward.

    Examples:
        >>> before = torch.get_num_threads()
        >>> with with_threads(1):
        ...     torch.get_num_threads()
        1
        >>> torch.get_num_threads() == before
        True
    """
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _quotas(root: Path) -> Iterator[float]:
    """Yield the quotas, in processors, of all control groups that hold this process."""
    for line in _read(root / "proc/self/cgroup").splitlines():
        number, controllers, group = [*line.split(":", 2), "", ""][:3]
        if number == "0" and not controllers:
            mount, read = root / "sys/fs/cgroup", _quota_v2
        elif "cpu" in controllers.split(","):
            mount, read = root / "sys/fs/cgroup" / controllers, _quota_v1
            if not mount.is_dir():  # systems name it by one or by all of its controllers
                mount = root / "sys/fs/cgroup/cpu"
        else:
            continue
        # Within a container the group may be named as it is seen from outside. Its files are those
        # at the mount itself then, which are read in any case.
        folder = mount / group.strip("/")
        for one in (folder, *folder.parents):
            if (quota := read(one)) is not None:
                yield quota
            if one == mount:
                break


def _quota_v2(folder: Path) -> float | None:
    """Return the quota in ``cpu.max``, such as ``200000 100000``: 2 processors."""
    quota, period = [*_read(folder / "cpu.max").split(), "", ""][:2]
    return _ratio(quota, period)


def _quota_v1(folder: Path) -> float | None:
    return _ratio(_read(folder / "cpu.cfs_quota_us"), _read(folder / "cpu.cfs_period_us"))


def _ratio(quota: str, period: str) -> float | None:
    """Return a quota in processors; None where there is no limit (``max`` or -1)."""
    try:
        share = float(quota) / float(period)
    except (ValueError, ZeroDivisionError):
        return None
    return share if share > 0 else None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""
