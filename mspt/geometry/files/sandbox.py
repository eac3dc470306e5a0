"""A warm child process for reading files that may crash it, hang it or ask for all memory.

The child is started when first needed, kept for later files, and replaced once anything went wrong.
It ends with this process.
"""

import json
import os
import select
import signal
import struct
import subprocess
import sys
import threading
import time
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from mspt.errors import GeometryError

# The child needs a few modules beside this one, but not all that `import mspt` brings along: in it,
# the package is an empty one in the same folder.
PROGRAM = """
import sys, types
package = types.ModuleType("mspt")
package.__path__ = [sys.argv.pop(1)]
sys.modules["mspt"] = package
from mspt.geometry.files._process import main
main()
"""
PACKAGE = Path(__file__).resolve().parents[2]
# What the child is told of its surroundings: where its programs are, but no secrets.
KEPT = ("PATH", "LD_LIBRARY_PATH", "PYTHONHOME", "PYTHONPATH", "HOME", "TMPDIR", "LANG")
THREADS = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "VTK_SMP_MAX_THREADS": "1"}
LENGTH = struct.Struct("<Q")
MAX_HEAD, MAX_ARRAY = 1 << 16, 1 << 28
START_SECONDS = 60.0
EXPORT_AGAIN = "export it again, or as a binary .stl"


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What reading one file may take.

    Attributes:
        seconds: Of wall time, and of processor time.
        memory: Bytes of address space.
    """

    seconds: float = 20.0
    memory: int = 4 * 1024**3


@dataclass(frozen=True)
class Child:
    """A running child and the pipes to and from it."""

    process: subprocess.Popen[bytes]
    requests: IO[bytes]
    replies: IO[bytes]


class Sandbox:
    """Reads files one at a time in a child process; safe to use from any thread."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self._lock = threading.Lock()
        self._child: Child | None = None
        self._end: weakref.finalize | None = None

    def read(self, path: Path, suffix: str) -> tuple[bytearray, bytearray]:
        """Return the bytes of the vertices (float64) and triangles (int32) of a file.

        Raises:
            GeometryError: If the file is not what its suffix says, or takes more than it may.
        """
        if not self._lock.acquire(timeout=4 * self.limits.seconds):
            raise GeometryError("reader must be free, it is busy with other files; try again later")
        try:
            if self._child is None or self._child.process.poll() is not None:
                self._start()
            return self._ask(cast(Child, self._child), path, suffix)
        except BaseException:
            # Whatever happened, nothing is known any more about the state of the child.
            self._stop()
            raise
        finally:
            self._lock.release()

    def close(self) -> None:
        """End the child; the next read starts another."""
        with self._lock:
            self._stop()

    def _start(self) -> None:
        self._stop()
        process = subprocess.Popen(
            [sys.executable, "-P", "-B", "-c", PROGRAM, str(PACKAGE), str(self.limits.memory)],
            env={name: os.environ[name] for name in KEPT if name in os.environ} | THREADS,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        child = Child(process, cast(IO[bytes], process.stdin), cast(IO[bytes], process.stdout))
        self._child = child
        # Runs when this object is no longer used, and when the interpreter exits.
        self._end = weakref.finalize(self, _end, child, os.getpid())
        try:
            self._receive(child, time.monotonic() + START_SECONDS, most=MAX_HEAD)
        except GeometryError as error:
            raise RuntimeError(
                f"reader process must start, it ended with code {process.poll()}; "
                "install the requirements again"
            ) from error

    def _stop(self) -> None:
        if self._end is not None:
            self._end()
        self._child = self._end = None

    def _ask(self, child: Child, path: Path, suffix: str) -> tuple[bytearray, bytearray]:
        request = {"path": str(path), "suffix": suffix, "seconds": self.limits.seconds}
        frame = json.dumps(request).encode()
        deadline = time.monotonic() + self.limits.seconds
        try:
            child.requests.write(LENGTH.pack(len(frame)) + frame)
            child.requests.flush()
            reply = json.loads(self._receive(child, deadline, most=MAX_HEAD))
            if "error" in reply:
                raise GeometryError(reply["error"])
            vertices = self._receive(child, deadline, most=MAX_ARRAY)
            triangles = self._receive(child, deadline, most=MAX_ARRAY)
            if (len(vertices), len(triangles)) != (24 * reply["vertices"], 12 * reply["triangles"]):
                raise _crash(child)
        except (BrokenPipeError, ValueError, TypeError, KeyError) as error:
            raise _crash(child) from error
        return vertices, triangles

    def _receive(self, child: Child, deadline: float, *, most: int) -> bytearray:
        (size,) = LENGTH.unpack(self._receive_bytes(child, LENGTH.size, deadline))
        if size > most:
            raise _crash(child)
        return self._receive_bytes(child, size, deadline)

    def _receive_bytes(self, child: Child, size: int, deadline: float) -> bytearray:
        data, place = bytearray(size), 0
        poll = select.poll()
        poll.register(child.replies, select.POLLIN)
        while place < size:
            left = deadline - time.monotonic()
            if left <= 0 or not poll.poll(1000 * left):
                raise self._late()
            count = os.readv(child.replies.fileno(), [memoryview(data)[place:]])
            if count == 0:
                raise self._late() if _ended_by(child) == signal.SIGXCPU else _crash(child)
            place += count
        return data

    def _late(self) -> GeometryError:
        return GeometryError(
            f"file must be read within {self.limits.seconds:g} s, it was not; "
            f"it may be damaged or too large: {EXPORT_AGAIN}, with fewer triangles"
        )


def _crash(child: Child) -> GeometryError:
    code = _ended_by(child)
    name = signal.Signals(code).name if code else "no answer"
    return GeometryError(
        f"file must be whole and valid, got one that its reader breaks on ({name}); "
        f"it may be cut off or damaged: {EXPORT_AGAIN}"
    )


def _ended_by(child: Child) -> int:
    """Return the signal that ended a child, or 0."""
    try:
        return max(0, -child.process.wait(timeout=1.0))
    except subprocess.TimeoutExpired:
        return 0


def _end(child: Child, owner: int) -> None:
    """End a child and close its pipes; in a forked copy of its owner, do nothing."""
    if os.getpid() != owner:
        return
    child.process.kill()
    child.process.wait()
    child.replies.close()
    try:
        child.requests.close()
    except BrokenPipeError:
        # A request that was never sent.
        return
