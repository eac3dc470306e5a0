"""The command ``queue``: long jobs in the background, several at a time at the lowest priority.

A list of jobs is a text file with one command of ``python -m mspt`` a line. A job that ended well
is not run again; one that was interrupted is, so jobs should be resumable.
"""

import argparse
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Any

import psutil

from mspt.errors import MSPTError


def add_queue(parser: argparse.ArgumentParser) -> None:
    """Describe ``queue``."""
    parser.add_argument("file", type=Path, nargs="?", help="list of jobs, one command a line")
    parser.add_argument("--jobs", type=int, default=2, help="jobs that run at the same time")
    parser.add_argument("--folder", type=Path, default=Path("runs/queue"), help="logs and state")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--pause", action="store_true", help="stop the running queue for a while")
    what.add_argument("--resume", action="store_true", help="let a paused queue go on")


def run_queue(args: argparse.Namespace) -> dict[str, Any]:
    """Run the jobs that are left, or pause or resume the queue that runs."""
    if args.pause or args.resume:
        return {"processes": signal_queue(args.folder, resume=args.resume)}
    if args.file is None:
        raise MSPTError("file must be a list of jobs, got none")
    args.folder.mkdir(parents=True, exist_ok=True)
    (args.folder / "pid").write_text(str(os.getpid()))
    todo = [job for job in read_jobs(args.file) if not _done(args.folder, job).exists()]
    with ThreadPoolExecutor(args.jobs) as pool:
        codes = list(pool.map(lambda job: _run(args.folder, job), todo))
    return {"jobs": len(codes), "failed": sum(code != 0 for code in codes)}


def read_jobs(file: Path) -> list[str]:
    """Return the commands of a list of jobs; empty lines and lines that begin with # are none."""
    lines = (line.strip() for line in file.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def signal_queue(folder: Path, *, resume: bool) -> int:
    """Stop the processes of a queue for a while, or let them go on; return how many."""
    try:
        queue = psutil.Process(int((folder / "pid").read_text()))
        processes = [queue, *queue.children(recursive=True)]
        for process in processes:
            process.resume() if resume else process.suspend()
    except (OSError, ValueError, psutil.Error) as error:
        raise MSPTError(f"folder must be that of a running queue, got {folder}: {error}") from error
    return len(processes)


def _done(folder: Path, job: str) -> Path:
    return folder / f"{sha256(job.encode()).hexdigest()[:12]}.done"


def _run(folder: Path, job: str) -> int:
    done = _done(folder, job)
    start = time.perf_counter()
    command: Iterable[str] = [sys.executable, "-m", "mspt", *shlex.split(job)]
    with done.with_suffix(".log").open("a", encoding="utf-8") as log:
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        # The lowest priority: whoever works on the machine does not notice.
        code = subprocess.run(
            ["nice", "-n", "19", *command], stdout=log, stderr=log, env=environment, check=False
        ).returncode
    if code == 0:
        done.write_text(f"{time.perf_counter() - start:.0f} s: {job}\n", encoding="utf-8")
    return code
