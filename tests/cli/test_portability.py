"""What commands ask of the system: locks, priorities, encodings and pipes."""

import errno
import os
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from mspt.cli import main as main_module
from mspt.cli.ablate import append_row
from mspt.cli.queue import lower_priority
from mspt.locks import LOCKED_BYTE, locked


def append_many(path: Path, seed: int) -> None:
    for _ in range(30):
        append_row(path, {"dataset": "darcy", "seed": seed})


@pytest.mark.slow
def test_rows_that_processes_write_at_the_same_time_are_whole(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        list(pool.map(append_many, [path] * 2, range(2)))
    head, *lines = path.read_text(encoding="utf-8").splitlines()
    assert head.startswith("dataset,preset")
    assert sorted(line.split(",")[3] for line in lines) == ["0"] * 30 + ["1"] * 30
    assert {line.count(",") for line in lines} == {head.count(",")}


def test_a_lock_of_windows_is_taken_and_given_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def locking(number: int, mode: int, count: int) -> None:
        calls.append((mode, os.lseek(number, 0, os.SEEK_CUR), count))

    windows = SimpleNamespace(locking=locking, LK_LOCK=1, LK_UNLCK=0)
    monkeypatch.setitem(sys.modules, "fcntl", None)
    monkeypatch.setitem(sys.modules, "msvcrt", windows)
    path = tmp_path / "rows.csv"
    append_row(path, {"dataset": "darcy", "seed": 0})
    append_row(path, {"dataset": "darcy", "seed": 1})
    expected = [(1, LOCKED_BYTE, 1), (0, LOCKED_BYTE, 1)]
    assert calls == 2 * expected
    assert len(path.read_text(encoding="utf-8").splitlines()) == 3

    def fail(path: Path) -> None:
        with path.open("a") as file, locked(file):
            raise KeyError

    with pytest.raises(KeyError):
        fail(path)
    assert calls == 3 * expected


def test_jobs_have_the_lowest_priority(monkeypatch: pytest.MonkeyPatch) -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as process:
        lower_priority(process.pid)
        assert psutil.Process(process.pid).nice() == 19
        process.kill()
    lower_priority(process.pid)  # a process that has ended needs none
    asked = []
    monkeypatch.setattr(psutil, "IDLE_PRIORITY_CLASS", 64, raising=False)
    monkeypatch.setattr(psutil, "Process", lambda _: SimpleNamespace(nice=asked.append))
    lower_priority(1)
    assert asked == [64]


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_letters_that_a_file_cannot_hold_do_not_end_a_command(encoding: str) -> None:
    environment = os.environ | {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    run = subprocess.run(
        [sys.executable, "-m", "mspt", "datasets"],
        capture_output=True,
        check=False,
        env=environment,
    )
    assert run.returncode == 0, run.stderr
    text = run.stdout.decode(encoding)
    assert "elasticity" in text
    assert ("?" in text) == (encoding == "ascii")


def test_a_closed_pipe_of_windows_is_no_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    class Closed:
        def __init__(self, number: int) -> None:
            self.number = number

        def write(self, _: str) -> int:
            raise OSError(self.number, "no")

        def fileno(self) -> int:
            return self.file.fileno()

    with Path(os.devnull).open("w") as file:
        for number in (errno.EINVAL, errno.EPIPE):
            Closed.file = file
            monkeypatch.setattr(sys, "stdout", Closed(number))
            main_module._print("text")
        monkeypatch.setattr(sys, "stdout", Closed(errno.ENOSPC))
        with pytest.raises(OSError, match="no"):
            main_module._print("text")


@pytest.mark.parametrize("has_groups", [True, False])
def test_a_solver_and_what_it_started_are_ended(
    has_groups: bool,  # noqa: FBT001 - of a parameter
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from mspt.solvers.openfoam import run

    if not has_groups:
        monkeypatch.delattr(os, "killpg")
    code = (
        "import subprocess, sys, time; from pathlib import Path\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"Path({str(tmp_path / 'new')!r}).write_text(str(child.pid))\n"
        f"Path({str(tmp_path / 'new')!r}).rename({str(tmp_path / 'pid')!r})\n"
        "time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
    end = time.monotonic() + 60
    while not (tmp_path / "pid").exists():
        assert time.monotonic() < end
        time.sleep(0.05)
    child = psutil.Process(int((tmp_path / "pid").read_text(encoding="utf-8")))
    run._end(process)
    assert process.poll() is not None
    _, alive = psutil.wait_procs([child], timeout=10)
    assert all(one.status() == psutil.STATUS_ZOMBIE for one in alive)
