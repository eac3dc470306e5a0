"""Ctrl-C in a terminal: the whole group of processes is interrupted, whatever it is doing."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from mspt.cli import main as main_module
from mspt.cli.main import main
from mspt.guard import guard
from mspt.locks import alone_in

pytestmark = pytest.mark.skipif(os.name != "posix", reason="groups of processes as in a terminal")

ONE_LINE = (130, "", "interrupted\n")


def start(*command: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # The tests may have been started in the background, where interruptions are ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def press(process: subprocess.Popen) -> tuple[int, str, str]:
    """Press Ctrl-C, and return how the command ends."""
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def wait_for(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_interruption_of_a_command_is_one_line_and_status_130(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: object) -> None:
        raise KeyboardInterrupt

    class Module:
        run_datasets = staticmethod(interrupted)
        add_datasets = staticmethod(lambda _: None)

    monkeypatch.setattr(main_module, "_module", lambda _: Module)
    assert main(["datasets"]) == 130
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "interrupted\n")


def test_interruption_while_modules_are_imported_is_one_line_and_status_130() -> None:
    slow = "import sys, time; sys.modules['mspt.cli.train'] = None\n"
    slow += "from mspt.cli import main as m\n"
    slow += "def wait(name): print('ready', flush=True); time.sleep(30)\n"
    slow += "m._module = wait; sys.argv = ['mspt', 'train']; sys.exit(m.main())"
    process = start("-c", slow)
    assert process.stdout.readline() == "ready\n"
    assert press(process) == ONE_LINE


def test_start_of_a_command_imports_little_before_it_can_be_interrupted() -> None:
    code = "import sys, mspt.__main__; print('torch' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "False\n"


def test_interruption_ends_the_processes_of_a_command_without_a_trace(tmp_path: Path) -> None:
    out = tmp_path / "data"
    process = start(
        "-m", "mspt", "generate", "darcy", "--jobs", "2", "--out", str(out), "--progress", "off"
    )
    wait_for(lambda: process.poll() is not None or list(out.glob("darcy/parts/[0-9]*.npz")))
    children = psutil.Process(process.pid).children(recursive=True)
    assert len(children) >= 2
    assert press(process) == ONE_LINE
    psutil.wait_procs(children, timeout=10)
    assert not any(child.is_running() for child in children)


def test_a_task_of_another_process_cleans_up_when_it_is_interrupted(tmp_path: Path) -> None:
    process = start("-c", CLEANING, str(tmp_path))
    wait_for((tmp_path / "begun").exists)
    assert press(process) == ONE_LINE
    assert (tmp_path / "cleaned").exists()


@pytest.mark.parametrize("jobs", [1, 2])
def test_processes_of_a_command_that_is_killed_clean_up_and_end(tmp_path: Path, jobs: int) -> None:
    process = start("-c", CLEANING.replace("jobs=1", f"jobs={jobs}"), str(tmp_path))
    wait_for((tmp_path / "begun").exists)
    children = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.communicate(timeout=60)
    _, left = psutil.wait_procs(children, timeout=15)
    assert not left
    assert (tmp_path / "cleaned").exists()


GUARDING = """
import subprocess, sys, time
from mspt.guard import guard
shell = "trap 'exit 0' INT; sleep 60 >/dev/null 2>&1 & while true; do sleep 0.1; done"
with guard(end=sys.argv[1]) as watch:
    program = subprocess.Popen(["sh", "-c", shell], start_new_session=True)
    watch(program.pid)
    print(program.pid, flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("end", ["group", "process"])
def test_a_program_ends_with_the_process_that_is_killed(end: str) -> None:
    process = start("-c", GUARDING, end)
    program = psutil.Process(int(process.stdout.readline()))
    inner = program.children()
    process.kill()
    process.communicate(timeout=60)
    wait_for(lambda: not program.is_running() or program.status() == psutil.STATUS_ZOMBIE)
    if end == "group":
        wait_for(lambda: not any(child.is_running() for child in inner))
    for child in inner:
        if child.is_running():
            child.kill()


def test_a_program_that_ends_first_ends_its_guard() -> None:
    before = set(psutil.Process().children())
    with (
        guard(end="group") as watch,
        subprocess.Popen(["true"], start_new_session=True) as program,
    ):
        watch(program.pid)
        program.wait()
        assert len(set(psutil.Process().children()) - before) >= 1
    assert not set(psutil.Process().children()) - before


def test_a_folder_is_of_one_generation_at_a_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["generate", "darcy", "--cases", "1", "--out", str(tmp_path)]
    with alone_in(tmp_path / "darcy", what="generation"):
        assert main(command) == 2
    words = f"folder must be used by one generation at a time, got '{tmp_path / 'darcy'}' with "
    assert (
        words + "another one that runs; wait for it, or choose another" in capsys.readouterr().err
    )
    assert main(command) == 0


CLEANING = """
import sys
from pathlib import Path
from mspt.cli import main as m
from mspt.data._processes import in_processes
from tests.cli.test_interrupted import task

class Module:
    add_generate = staticmethod(lambda parser: None)
    run_generate = staticmethod(lambda args: list(in_processes(task, [(folder,)], jobs=1)))

folder = Path(sys.argv.pop())
if __name__ == "__main__":
    m._module = lambda name: Module
    sys.argv[1:] = ["generate"]
    sys.exit(m.main())
"""


def task(folder: Path) -> None:
    (folder / "begun").touch()
    try:
        time.sleep(60)
    finally:
        (folder / "cleaned").touch()
