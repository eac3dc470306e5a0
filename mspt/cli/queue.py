"""The command ``queue``: run long commands in the background, several at a time, at low priority.

A list of jobs is a text file with one command a line, without ``python -m mspt``. A job that ended
well is not run again. One that was interrupted is, so jobs should continue their own work.
"""

import argparse
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import psutil

from mspt.cli._arguments import positive
from mspt.cli._output import counted
from mspt.errors import MSPTError
from mspt.guard import guard
from mspt.locks import alone_in
from mspt.priority import lower_priority
from mspt.progress import ProgressBar
from mspt.reading import read_text, shortened
from mspt.writing import write_text

PID = "pid"


def add_queue(parser: argparse.ArgumentParser) -> None:
    """Declare the settings of ``queue``."""
    parser.add_argument("file", type=Path, nargs="?", help="list of jobs, one command a line")
    parser.add_argument(
        "--jobs", type=positive, default=2, help="jobs that run at the same time; default: 2"
    )
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path("runs/queue"),
        help="folder of a log for each job and of the list of those done; default: runs/queue",
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--pause", action="store_true", help="stop the running queue for a while")
    what.add_argument("--resume", action="store_true", help="continue a paused queue")


def run_queue(args: argparse.Namespace) -> dict[str, Any]:
    """Run the jobs that are not done yet, or pause or resume the running queue.

    Raises:
        MSPTError: If the list or the folder cannot be used, or jobs have failed; the message names
            their logs.
    """
    if args.pause or args.resume:
        return {"processes": signal_queue(args.folder, resume=args.resume), "paused": args.pause}
    if args.file is None:
        raise MSPTError("file must be a list of jobs, got none")
    jobs = read_jobs(args.file)
    todo = [job for job in jobs if not done_path(args.folder, job).exists()]
    failed = []
    with (
        _registered(args.folder) as lock,
        ProgressBar(unit="job", mode=args.progress) as bar,
    ):
        for done, (job, code) in enumerate(_run_all(args.folder, todo, args.jobs, lock), start=1):
            bar.reach(len(jobs) - len(todo) + done, len(jobs))
            if code:
                failed.append(job)
                bar.note(f"failed: {job}")
    if failed:
        logs = ", ".join(str(log_path(args.folder, job)) for job in failed)
        raise MSPTError(f"{counted(len(failed), 'job')} of {len(jobs)} failed; see {logs}")
    return {"jobs": len(jobs), "run": len(todo), "folder": str(args.folder)}


def show_queue(result: dict[str, Any]) -> str:
    """Return how many jobs were run, or how many processes were paused or resumed."""
    if "processes" in result:
        count = counted(result["processes"], "process", "processes")
        return f"{count} paused; --resume continues." if result["paused"] else f"{count} resumed."
    before = result["jobs"] - result["run"]
    return (
        f"{counted(result['run'], 'job')} run, {before} done before; "
        f"their logs are in {result['folder']}."
    )


def read_jobs(file: Path) -> list[str]:
    """Return the commands of a list of jobs, without empty lines and lines that begin with #.

    Raises:
        MSPTError: If a line cannot be split into words, as a quotation mark is missing.
    """
    text = read_text(file, rule="list of jobs must be a text file", advice="one command a line")
    lines = [line.strip() for line in text.splitlines()]
    for number, line in enumerate(lines, start=1):
        try:
            shlex.split(line)
        except ValueError as error:
            raise MSPTError(
                f"line {number} of {file.name} must be a command, got {shortened(line)} without a "
                "second quotation mark; complete it"
            ) from error
    return [line for line in lines if line and not line.startswith("#")]


def job_command(job: str) -> list[str]:
    """Return the command that runs a job; its progress goes to its log."""
    return [sys.executable, "-m", "mspt", *shlex.split(job), "--progress", "log"]


def done_path(folder: Path, job: str) -> Path:
    """Return the file that exists once a job has ended well."""
    return folder / f"{sha256(job.encode()).hexdigest()[:12]}.done"


def log_path(folder: Path, job: str) -> Path:
    """Return the file that a job's output is appended to."""
    return done_path(folder, job).with_suffix(".log")


def signal_queue(folder: Path, *, resume: bool) -> int:
    """Suspend or resume the processes of a running queue; return how many.

    Raises:
        MSPTError: If no queue with this folder is running.
    """
    queue = _running(folder)
    if queue is None:
        raise MSPTError(f"--folder must be that of a running queue, got '{folder}'")
    # A queue that is suspended first cannot start another job while its children are listed.
    if not resume:
        queue.suspend()
    count = 1
    for child in queue.children(recursive=True):
        try:
            child.resume() if resume else child.suspend()
            count += 1
        except psutil.NoSuchProcess:  # ended in the meantime
            continue
    if resume:
        queue.resume()
    return count


def _running(folder: Path) -> psutil.Process | None:
    """Return the process of the queue with this folder; None if there is none.

    The file of a queue that was killed stays. Numbers of processes are given again, hence the time
    at which the process started.
    """
    try:
        pid, started = (folder / PID).read_text(encoding="utf-8").split()
        process = psutil.Process(int(pid))
        return process if str(process.create_time()) == started else None
    except (OSError, ValueError, psutil.Error):
        return None


@contextmanager
def _registered(folder: Path) -> Iterator[tuple[int, ...]]:
    """Note down this process as the queue of a folder, which has one at a time.

    Yields:
        The lock of the folder, which its jobs have as well: those of a queue that was killed are
        interrupted, and another queue waits until they have ended.
    """
    if other := _running(folder):
        raise MSPTError(
            f"--folder must not be in use, got '{folder}' of the running queue {other.pid}; "
            "wait for it or choose another folder"
        )
    with alone_in(folder, what="queue") as lock:
        write_text(folder / PID, f"{os.getpid()} {psutil.Process().create_time()}")
        try:
            yield lock
        finally:
            (folder / PID).unlink(missing_ok=True)


def _run_all(
    folder: Path, todo: list[str], num_jobs: int, lock: tuple[int, ...]
) -> Iterator[tuple[str, int]]:
    """Run jobs, several at a time; yield each with its exit status as it ends."""
    pool = ThreadPoolExecutor(num_jobs)
    try:
        futures = {pool.submit(_run, folder, job, lock): job for job in todo}
        for future in as_completed(futures):
            yield futures[future], future.result()
    finally:
        # After an interruption no further job starts; those that run have been interrupted, too.
        pool.shutdown(cancel_futures=True)


def _run(folder: Path, job: str, lock: tuple[int, ...]) -> int:
    start = time.perf_counter()
    # The lowest priority, and one thread a job: jobs that each use all cores slow one another and
    # whoever else works on the machine.
    one_thread = os.environ | {"OMP_NUM_THREADS": "1"}
    with (
        log_path(folder, job).open("a", encoding="utf-8") as log,
        guard(end="process") as watch,
        subprocess.Popen(
            job_command(job), stdout=log, stderr=log, env=one_thread, pass_fds=lock
        ) as process,
    ):
        watch(process.pid)
        lower_priority(process.pid)
        code = process.wait()
    if code == 0:
        seconds = time.perf_counter() - start
        write_text(done_path(folder, job), f"{seconds:.0f} s: {job}\n")
    return code
