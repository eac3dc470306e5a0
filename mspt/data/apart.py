"""Drawings solved in a process of their own.

A solver of many short array operations asks for Python's interpreter thousands of times a second.
Beside the threads of a busy server it waits for it most of the time: a flow took minutes that takes
seconds alone.

The process keeps the usual priority: a person waits for it.
"""

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, cast

import numpy as np
import torch

from mspt.data.case import Case
from mspt.data.solve import Solved, drawing_steps
from mspt.errors import MSPTError, SolverError
from mspt.progress import ShareDone
from mspt.writing import output_error

ROOT = Path(__file__).parents[2]
PULSE = 0.3
"""Seconds after which the share is reported again if there is no news, so that whoever reads it can
stop in between."""


def solve_apart(drawing: str) -> Iterator[ShareDone | Solved]:
    """Solve a drawing as :func:`mspt.data.solve.drawing_steps` does, in another process.

    Closing the iterator ends the process.

    Args:
        drawing: The text of its file.

    Raises:
        SolverError: If the drawing cannot be solved; the message says why.
        RuntimeError: If the process ends without a result.
    """
    with TemporaryDirectory(prefix="mspt-solve-") as folder:
        out = Path(folder) / "case.npz"
        process = _start(out)
        try:
            yield from _follow(process, drawing, out)
        finally:
            process.kill()
            process.wait()


def _start(out: Path) -> subprocess.Popen[str]:
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "mspt.data.apart", str(out)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        # An interrupt from the keyboard is for this process, not for the child.
        start_new_session=True,
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    )


def _follow(
    process: subprocess.Popen[str], drawing: str, out: Path
) -> Iterator[ShareDone | Solved]:
    """Send a drawing to the process and yield its messages as events."""
    requests, replies = (cast(IO[str], pipe) for pipe in (process.stdin, process.stdout))
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()

    def talk() -> None:
        # A process that has ended reads nothing; what it has said is read all the same.
        with suppress(OSError), requests:
            requests.write(drawing)
        with replies:
            for line in replies:
                lines.put(line)
        lines.put("")

    threading.Thread(target=talk, daemon=True).start()
    share = 0.0
    while True:
        try:
            line = lines.get(timeout=PULSE)
        except queue.Empty:
            yield ShareDone(share)
            continue
        if not line:
            raise RuntimeError(
                f"solver process must end with a result, got exit code {process.wait()}"
            )
        message = json.loads(line)
        if "error" in message:
            raise SolverError(message["error"])
        if "seconds" in message:
            yield Solved(_read(out), message["seconds"])
            return
        share = message["share"]
        yield ShareDone(share)


def _write(out: Path, case: Case) -> None:
    arrays = {"points": case.points, "features": case.features, "fields": case.fields}
    if case.triangles is not None:
        arrays["triangles"] = case.triangles
    named = {"dataset": case.dataset, "name": case.name}
    np.savez(out, **{key: value.numpy() for key, value in arrays.items()}, **named)  # pyright: ignore[reportArgumentType]


def _read(out: Path) -> Case:
    with np.load(out, allow_pickle=False) as stored:
        tensors = {
            name: torch.from_numpy(stored[name])
            for name in ("points", "features", "fields", "triangles")
            if name in stored
        }
        return Case(dataset=str(stored["dataset"]), name=str(stored["name"]), **tensors)


def main() -> None:
    """Solve the drawing on standard input; write its case, and messages to standard output."""
    try:
        for event in drawing_steps(json.load(sys.stdin)):
            if isinstance(event, Solved):
                _write(Path(sys.argv[1]), event.case)
                _tell(seconds=event.seconds)
            else:
                _tell(share=event.share)
    except MSPTError as error:
        _tell(error=str(error))
    except OSError as error:  # no space for temporary files
        _tell(error=str(output_error(sys.argv[1], error)))


def _tell(**message: float | str) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
