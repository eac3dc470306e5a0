"""Processors that a process may use, with control groups made of files."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from mspt import threads
from mspt.threads import limit_threads, usable_cpus

GROUPS = "proc/self/cgroup"
V1 = "4:cpu,cpuacct:{}\n3:memory:{}\n1:name=systemd:/x\n"


@pytest.fixture(autouse=True)
def sixteen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)), raising=False)


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"{text}\n", encoding="utf-8")
    return root


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, 16),
        ({GROUPS: "0::/", "sys/fs/cgroup/cpu.max": "200000 100000"}, 2),
        ({GROUPS: "0::/", "sys/fs/cgroup/cpu.max": "150000 100000"}, 2),
        ({GROUPS: "0::/", "sys/fs/cgroup/cpu.max": "1000 100000"}, 1),
        ({GROUPS: "0::/", "sys/fs/cgroup/cpu.max": "max 100000"}, 16),
        ({GROUPS: "0::/", "sys/fs/cgroup/cpu.max": "9900000 100000"}, 16),
        ({GROUPS: "0::/a/b", "sys/fs/cgroup/a/b/cpu.max": "400000 100000"}, 4),
        # A group around the own one limits it as well.
        (
            {
                GROUPS: "0::/a/b",
                "sys/fs/cgroup/a/b/cpu.max": "max 100000",
                "sys/fs/cgroup/a/cpu.max": "300000 100000",
            },
            3,
        ),
        # The path as seen from outside the container, whose own files lie at the mount.
        ({GROUPS: "0::/docker/12ab", "sys/fs/cgroup/cpu.max": "500000 100000"}, 5),
        (
            {
                GROUPS: V1.format("/docker/12ab", "/docker/12ab"),
                "sys/fs/cgroup/cpu,cpuacct/docker/12ab/cpu.cfs_quota_us": "250000",
                "sys/fs/cgroup/cpu,cpuacct/docker/12ab/cpu.cfs_period_us": "100000",
            },
            3,
        ),
        (
            {
                GROUPS: V1.format("/docker/12ab", "/"),
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "20000",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "10000",
            },
            2,
        ),
        (
            {
                GROUPS: V1.format("/", "/"),
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1",
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000",
            },
            16,
        ),
        ({GROUPS: "0::/", "sys/fs/cgroup/cpu.max": "nonsense"}, 16),
        ({GROUPS: "nonsense\n0::/", "sys/fs/cgroup/cpu.max": "200000 0"}, 16),
    ],
)
def test_quota_of_a_container_counts(files: dict[str, str], expected: int, tmp_path: Path) -> None:
    assert usable_cpus(write(tmp_path, files)) == expected


def test_processors_that_the_process_is_bound_to_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {GROUPS: "0::/", "sys/fs/cgroup/cpu.max": "400000 100000"}
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 7}, raising=False)
    assert usable_cpus(write(tmp_path, files)) == 2


@pytest.mark.parametrize(("count", "expected"), [(12, 12), (None, 1)])
def test_other_systems_count_their_processors(
    count: int | None, expected: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: count)
    assert usable_cpus(tmp_path) == expected


@pytest.mark.parametrize(("given", "usable", "expected"), [(3, 8, 3), (3, 2, 2), (1, 8, 1)])
def test_threads_are_never_more_than_usable_or_chosen(
    given: int, usable: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "usable_cpus", lambda: usable)
    before = torch.get_num_threads()
    torch.set_num_threads(given)
    try:
        assert limit_threads() == torch.get_num_threads() == expected
    finally:
        torch.set_num_threads(before)


def test_numba_takes_the_same_number() -> None:
    code = (
        "import torch, mspt.threads as t; t.usable_cpus = lambda: 1; t.limit_threads(); "
        "import numba; print(torch.get_num_threads(), numba.get_num_threads())"
    )
    environment = {k: v for k, v in os.environ.items() if k != "NUMBA_NUM_THREADS"}
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    assert run.stdout.split() == ["1", "1"]
