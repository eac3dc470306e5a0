"""A child process for reading files that may crash it, block it or exhaust its memory.

The child is started when first needed, reused for later files because its start takes seconds, and
replaced after any error. It ends with this process.

Nothing here is particular to an operating system. The child asks the system for limits of its own,
which Linux grants, macOS in part, and Windows does not know (see ``limit_process``). This process
observes the elapsed time and the memory of the child in any case, and ends it beyond a limit.
"""

import json
import os
import queue
import signal
import struct
import subprocess
import sys
import threading
import time
import weakref
from contextlib import suppress
from dataclasses import dataclass
from io import BufferedReader
from mmap import PAGESIZE
from pathlib import Path
from typing import IO, cast

from mspt.errors import GeometryError

# Source of the child. It needs a few modules of the package but not torch, which `import mspt`
# would load: an empty module with the path of the package takes its place.
PROGRAM = """
import sys, types
package = types.ModuleType("mspt")
package.__path__ = [sys.argv.pop(1)]
sys.modules["mspt"] = package
from mspt.geometry.files._process import run_reader
run_reader()
"""
PACKAGE = Path(__file__).resolve().parents[2]
# Environment variables that the child gets: those needed to find programs and libraries. Others may
# contain secrets.
PASSED_VARIABLES = (
    "PATH", "LD_LIBRARY_PATH", "PYTHONHOME", "PYTHONPATH", "HOME", "TMPDIR", "LANG",
    # macOS; Windows, where Python does not start without SYSTEMROOT.
    "DYLD_LIBRARY_PATH", "SYSTEMROOT", "SYSTEMDRIVE", "USERPROFILE", "TEMP", "TMP", "PATHEXT",
)  # fmt: skip
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "VTK_SMP_MAX_THREADS": "1"}
LENGTH = struct.Struct("<Q")
# Limits of a reply from the child, which a damaged file may control. The largest accepted mesh
# needs 144 MB of vertices.
MAX_HEAD_BYTES, MAX_ARRAY_BYTES = 1 << 16, 1 << 28
START_SECONDS = 60.0
# A limit for small files, and what each byte adds to it: text takes up to 40 times its size.
SMALL_SECONDS, SECONDS_PER_BYTE = 8.0, 1e-6
SMALL_MEMORY, MEMORY_PER_BYTE = 512 * 1024**2, 64
LARGE, MOST_PATIENCE = 50_000_000, 3.0
"""Each so many bytes of a file add the usual limit of the elapsed time once more, at most three
times."""
WATCH_SECONDS = 0.02
"""Time between two looks at the memory of the child, which may grow by 0.1 GB meanwhile."""
EXPORT_AGAIN = "export it again, or as a binary .stl"
TOO_LARGE = f"file must need less memory to read; {EXPORT_AGAIN}, with fewer triangles"


@dataclass(frozen=True, kw_only=True)
class ReadLimits:
    """Limits for reading one file.

    Attributes:
        seconds: Limit of the elapsed time, longer for large files, and of the processor time.
        memory: Limit of the memory in bytes: of the address space where the system can limit it, of
            the resident memory everywhere.
    """

    seconds: float = 20.0
    memory: int = 4 * 1024**3

    def for_size(self, num_bytes: int) -> "ReadLimits":
        """Return the limits for a file of so many bytes: a small one needs little of either.

        Some formats let a file of a few bytes ask for any amount of memory.

        Examples:
            >>> ReadLimits().for_size(100_000).memory // 2**20
            518
            >>> ReadLimits().for_size(200_000_000) == ReadLimits()
            True
        """
        return ReadLimits(
            seconds=min(self.seconds, SMALL_SECONDS + num_bytes * SECONDS_PER_BYTE),
            memory=min(self.memory, SMALL_MEMORY + num_bytes * MEMORY_PER_BYTE),
        )

    def patience(self, num_bytes: int) -> float:
        """Return the limit of the elapsed time for a file of so many bytes.

        A large file takes a few seconds of the processor, which a busy machine gives it in a
        minute.

        Examples:
            >>> ReadLimits().patience(0), ReadLimits().patience(200_000_000)
            (20.0, 80.0)
        """
        return self.seconds * (1 + min(num_bytes / LARGE, MOST_PATIENCE))


@dataclass(frozen=True)
class Child:
    """A running child process, the pipes to and from it, and the frames that have arrived.

    A thread reads frames, because waiting for a pipe with a time limit is another call on each
    operating system. None among the frames is the end of the pipe, or of what makes sense.
    """

    process: subprocess.Popen[bytes]
    requests: IO[bytes]
    replies: IO[bytes]
    frames: "queue.SimpleQueue[bytearray | None]"
    reader: threading.Thread


class Sandbox:
    """Reads files one at a time in a child process; safe to use from any thread."""

    def __init__(self, limits: ReadLimits | None = None) -> None:
        self.limits = limits or ReadLimits()
        self._lock = threading.Lock()
        self._child: Child | None = None
        self._end: weakref.finalize | None = None

    def read(self, path: Path, suffix: str) -> tuple[bytearray, bytearray]:
        """Return the bytes of the vertices (float64) and triangles (int32) of a file.

        Args:
            path: File to read.
            suffix: Format, as a suffix in lower case.

        Raises:
            GeometryError: If the file does not have the format of its suffix or exceeds a limit.
            RuntimeError: If the child process cannot be started.
        """
        # Several files may wait; four times the limit of one file is long enough for a person.
        if not self._lock.acquire(timeout=4 * self.limits.seconds):
            raise GeometryError(
                "reader must be free, got one that is busy with other files; try again later"
            )
        try:
            if self._child is None or self._child.process.poll() is not None:
                self._start()
            return self._request(cast(Child, self._child), path, suffix)
        except BaseException:
            # After any error, parts of a reply may be left in the pipe.
            self._stop()
            raise
        finally:
            self._lock.release()

    def close(self) -> None:
        """End the child process; the next read starts another one."""
        with self._lock:
            self._stop()

    def _start(self) -> None:
        self._stop()
        process = subprocess.Popen(
            [sys.executable, "-P", "-B", "-c", PROGRAM, str(PACKAGE), str(self.limits.memory)],
            env={name: os.environ[name] for name in PASSED_VARIABLES if name in os.environ}
            | ONE_THREAD,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            # An interrupt from the keyboard is for this process, not for the child. Windows has a
            # flag in place of sessions, and another one against a console window.
            start_new_session=True,
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
            | getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        requests, replies = (cast(IO[bytes], pipe) for pipe in (process.stdin, process.stdout))
        frames: queue.SimpleQueue[bytearray | None] = queue.SimpleQueue()
        reader = threading.Thread(target=_read_frames, args=(replies, frames), daemon=True)
        child = Child(process, requests, replies, frames, reader)
        reader.start()
        self._child = child
        # Runs when this object is garbage-collected and when the interpreter exits.
        self._end = weakref.finalize(self, _end, child, os.getpid())
        try:
            _receive(child, time.monotonic() + START_SECONDS, self.limits, most=MAX_HEAD_BYTES)
        except GeometryError as error:
            raise RuntimeError(
                f"reader process must start, got exit code {process.poll()}; "
                "install the requirements again"
            ) from error

    def _stop(self) -> None:
        if self._end is not None:
            self._end()
        self._child = self._end = None

    def _request(self, child: Child, path: Path, suffix: str) -> tuple[bytearray, bytearray]:
        limits = self.limits.for_size(path.stat().st_size)
        request = {"path": str(path), "suffix": suffix, "seconds": limits.seconds}
        frame = json.dumps(request).encode()
        # More time may pass than the child has of the processor, on a machine with other work.
        deadline = time.monotonic() + self.limits.patience(path.stat().st_size)
        try:
            child.requests.write(LENGTH.pack(len(frame)) + frame)
            child.requests.flush()
            reply = json.loads(_receive(child, deadline, limits, most=MAX_HEAD_BYTES))
            if "error" in reply:
                raise GeometryError(reply["error"])
            vertices = _receive(child, deadline, limits, most=MAX_ARRAY_BYTES)
            triangles = _receive(child, deadline, limits, most=MAX_ARRAY_BYTES)
            # Three float64 for each vertex, three int32 for each triangle.
            if (len(vertices), len(triangles)) != (24 * reply["vertices"], 12 * reply["triangles"]):
                raise _crash_error(child)
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise _crash_error(child) from error
        return vertices, triangles


def _receive(child: Child, deadline: float, limits: ReadLimits, *, most: int) -> bytearray:
    """Return the next frame, while the child stays within its limits."""
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            raise _timeout_error(limits)
        try:
            frame = child.frames.get(timeout=min(left, WATCH_SECONDS))
            break
        except queue.Empty:
            if _memory(child) > limits.memory:
                raise GeometryError(TOO_LARGE) from None
    if frame is None and _end_signal(child) == getattr(signal, "SIGXCPU", None):
        raise _timeout_error(limits)
    if frame is None or len(frame) > most:
        raise _crash_error(child)
    return frame


def _timeout_error(limits: ReadLimits) -> GeometryError:
    return GeometryError(
        f"file must be readable within {limits.seconds:g} s, got one that takes longer; "
        f"it may be damaged or too large: {EXPORT_AGAIN}, with fewer triangles"
    )


def _read_frames(replies: IO[bytes], frames: "queue.SimpleQueue[bytearray | None]") -> None:
    """Pass on frames until the pipe ends or a length makes no sense."""
    try:
        while len(head := replies.read(LENGTH.size)) == LENGTH.size:
            (size,) = LENGTH.unpack(head)
            if size > MAX_ARRAY_BYTES:
                break
            frame = bytearray(size)
            if cast(BufferedReader, replies).readinto(frame) < size:
                break
            frames.put(frame)
    except (OSError, ValueError):  # the pipe was closed
        pass
    frames.put(None)


def _memory(child: Child) -> int:
    """Return the resident memory of a child in bytes; 0 if it has ended."""
    statistics = Path(f"/proc/{child.process.pid}/statm")
    if sys.platform == "linux" and statistics.exists():
        with suppress(OSError, IndexError):
            return PAGESIZE * int(statistics.read_text(encoding="ascii").split()[1])
        return 0
    import psutil  # its import takes longer than reading most files

    try:
        used = psutil.Process(child.process.pid).memory_info()
    except psutil.Error:
        return 0
    # Windows may move memory in use out of the resident set; "private" counts it.
    return max(used.rss, getattr(used, "private", 0))


def _crash_error(child: Child) -> GeometryError:
    code = _end_signal(child)
    known = {one.value: one.name for one in signal.Signals}
    name = known.get(code, f"signal {code}") if code else "no answer"
    return GeometryError(
        f"file must be complete and valid, got one that crashes its reader ({name}); "
        f"it may be truncated or damaged: {EXPORT_AGAIN}"
    )


def _end_signal(child: Child) -> int:
    """Return the signal that ended a child, or 0 if it runs or ended by itself, or on Windows."""
    try:
        return max(0, -child.process.wait(timeout=1.0))
    except subprocess.TimeoutExpired:
        return 0


def _end(child: Child, owner: int) -> None:
    """End a child and close its pipes; do nothing in a forked copy of its owner."""
    if os.getpid() != owner:
        return
    child.process.kill()
    child.process.wait()
    with suppress(OSError):  # closing flushes a request that could not be sent
        child.requests.close()
    # The thread ends with the pipe. Another thread must not close what it reads, and the garbage
    # collector may have called this function in the very thread.
    if child.reader is not threading.current_thread():
        child.reader.join(timeout=5.0)
        child.replies.close()
