import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from mspt.benchmarks.settings import parse_settings, with_settings
from mspt.cli.queue import done_path, job_command, log_path, read_jobs
from mspt.training.presets import get_preset
from tests.cli.running import fails_with, run_text

SHELL = """
import shlex, sys
from mspt.cli import queue
from mspt.cli.main import main
queue.job_command = shlex.split
sys.exit(main(["queue", *sys.argv[1:]]))
"""
"""A queue whose jobs are commands of the system, so that they can sleep."""


@pytest.fixture
def jobs(tmp_path: Path) -> Callable[..., Path]:
    def write(*lines: str) -> Path:
        file = tmp_path / "jobs.txt"
        file.write_text("\n".join(["# a comment", "", *lines]) + "\n", encoding="utf-8")
        return file

    return write


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen]]:
    started = []

    def run(file: Path, *settings: str) -> subprocess.Popen:
        folder = ["--folder", str(tmp_path / "queue")]
        command = [sys.executable, "-c", SHELL, str(file), *folder, *settings]
        started.append(
            subprocess.Popen(
                command,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                # Tests started in the background would hand on that interruptions are ignored.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            )
        )
        return started[-1]

    yield run
    for process in started:
        if process.poll() is None:
            for child in psutil.Process(process.pid).children(recursive=True):
                child.kill()
            process.kill()
            process.wait()
        process.stdout.close()
        process.stderr.close()


def wait_for(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_jobs_done_are_not_run_again_and_failed_ones_are(
    tmp_path: Path, jobs: Callable[..., Path], start: Callable[..., subprocess.Popen]
) -> None:
    folder, marker = tmp_path / "queue", tmp_path / "made"
    good, bad = f"sh -c 'echo once >> {marker}'", f"cat {tmp_path}/input"
    first = start(jobs(good, bad))
    out, error = first.communicate(timeout=60)
    assert first.returncode == 2
    assert out == ""
    assert error == f"error: 1 job of 2 failed; see {log_path(folder, bad)}\n"
    assert "input" in log_path(folder, bad).read_text(encoding="utf-8")
    assert done_path(folder, good).exists()
    assert not done_path(folder, bad).exists()
    (tmp_path / "input").write_text("now it is there", encoding="utf-8")
    second = start(tmp_path / "jobs.txt")
    out, error = second.communicate(timeout=60)
    assert (second.returncode, error) == (0, "")
    assert out == f"1 job run, 1 done before; their logs are in {folder}.\n"
    assert marker.read_text(encoding="utf-8") == "once\n"


def test_a_running_queue_is_paused_and_resumed(
    tmp_path: Path,
    jobs: Callable[..., Path],
    start: Callable[..., subprocess.Popen],
    capsys: pytest.CaptureFixture[str],
) -> None:
    ticks = tmp_path / "ticks"
    count = f"sh -c 'while [ ! -e {tmp_path}/stop ]; do echo . >> {ticks}; sleep 0.02; done'"
    queue = start(jobs(count, "sleep 0.2"), "--jobs", "1")
    folder = ["--folder", str(tmp_path / "queue")]
    wait_for(ticks.exists)
    again = fails_with(capsys, "queue", str(tmp_path / "jobs.txt"), *folder)
    assert f"of the running queue {queue.pid}" in again
    assert "paused" in run_text(capsys, "queue", "--pause", *folder)
    process = psutil.Process(queue.pid)
    wait_for(lambda: process.status() == psutil.STATUS_STOPPED)
    before = ticks.stat().st_size
    time.sleep(0.3)
    assert ticks.stat().st_size == before
    assert "resumed" in run_text(capsys, "queue", "--resume", *folder)
    wait_for(lambda: ticks.stat().st_size > before)
    (tmp_path / "stop").touch()
    assert queue.wait(timeout=30) == 0
    assert "--folder must be that of a running queue" in fails_with(
        capsys, "queue", "--pause", *folder
    )


def test_the_number_of_a_process_that_ended_is_not_taken_for_the_queue(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pid").write_text(f"{os.getpid()} 1.0", encoding="utf-8")
    line = fails_with(capsys, "queue", "--pause", "--folder", str(tmp_path))
    assert "--folder must be that of a running queue" in line


def test_an_interrupted_queue_starts_no_further_job(
    tmp_path: Path, jobs: Callable[..., Path], start: Callable[..., subprocess.Popen]
) -> None:
    marker = tmp_path / "second"
    queue = start(
        jobs(f"sh -c 'touch {tmp_path}/first; sleep 0.5'", f"touch {marker}"), "--jobs", "1"
    )
    wait_for((tmp_path / "first").exists)
    queue.send_signal(2)
    queue.communicate(timeout=30)
    assert queue.returncode != 0
    assert not marker.exists()
    assert not (tmp_path / "queue" / "pid").exists()


def test_jobs_of_a_queue_that_is_killed_end_before_another_one_runs_them(
    tmp_path: Path,
    jobs: Callable[..., Path],
    start: Callable[..., subprocess.Popen],
    capsys: pytest.CaptureFixture[str],
) -> None:
    loop = f"touch {tmp_path}/begun; while [ ! -e {tmp_path}/stop ]; do sleep 0.05; done"
    file = jobs(f"sh -c \"trap 'touch {tmp_path}/interrupted' INT; {loop}\"")
    queue = start(file, "--jobs", "1")
    wait_for((tmp_path / "begun").exists)
    queue.kill()
    queue.wait()
    line = fails_with(capsys, "queue", str(file), "--folder", str(tmp_path / "queue"))
    assert "folder must be used by one queue at a time" in line
    wait_for((tmp_path / "interrupted").exists)
    (tmp_path / "stop").touch()
    again = start(tmp_path / "jobs.txt")
    while again.wait(timeout=30) == 2:  # the job of before is about to end
        again = start(tmp_path / "jobs.txt")
    assert again.returncode == 0


def test_a_job_is_a_command_of_this_program_with_a_log(tmp_path: Path) -> None:
    job = 'ablate darcy --set "num_patches=3"'
    command = job_command(job)
    assert command[:3] == [sys.executable, "-m", "mspt"]
    assert command[3:] == ["ablate", "darcy", "--set", "num_patches=3", "--progress", "log"]
    assert log_path(tmp_path, job).stem == done_path(tmp_path, job).stem


def test_lists_of_jobs_that_cannot_be_read_end_with_one_line(
    tmp_path: Path, jobs: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert "file must be a list of jobs, got none" in fails_with(capsys, "queue")
    file = jobs("train 'darcy")
    line = fails_with(capsys, "queue", str(file), "--folder", str(tmp_path / "queue"))
    assert 'line 3 of jobs.txt must be a command, got "train \'darcy"' in line
    assert read_jobs(jobs("train darcy", "  datasets  ")) == ["train darcy", "datasets"]


@pytest.mark.parametrize("name", ["jobs.txt", "car-jobs.txt"])
def test_the_lists_of_this_project_hold_commands_that_exist(name: str) -> None:
    from mspt.cli.main import build_parser

    listed = read_jobs(Path("assets/ablations") / name)
    assert len(listed) == len(set(listed)) > 15
    parser = build_parser()
    for job in listed:
        args = parser.parse_args(job_command(job)[3:])
        with_settings(get_preset(args.preset or args.dataset), parse_settings(args.set))


@pytest.mark.skipif(not Path("/proc/self/autogroup").exists(), reason="needs groups of sessions")
def test_a_session_of_its_own_gives_way_to_others() -> None:
    program = (
        "import os; from pathlib import Path; from mspt.cli.queue import lower_priority; "
        "lower_priority(os.getpid()); print(os.nice(0), Path('/proc/self/autogroup').read_text())"
    )
    run = subprocess.run(
        [sys.executable, "-c", program],
        start_new_session=True,
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.split(maxsplit=1)[0] == "19"
    assert "nice 19" in run.stdout
