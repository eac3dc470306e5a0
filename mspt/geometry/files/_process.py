"""The child process that reads mesh files, so that a damaged file cannot crash the app.

It answers requests on its standard input until that is closed. A frame is a length in eight bytes
and as many bytes. A request is a frame of JSON; a reply is a frame of JSON and, unless that reports
an error, a frame of vertices (float64) and one of triangles (int32).

Shapes: V vertices, T triangles.
"""

import gc
import json
import math
import os
import struct
import sys
import time
from collections.abc import Callable
from io import BufferedIOBase
from pathlib import Path
from typing import Any

import numpy as np
from numpy import ndarray

from mspt.errors import GeometryError
from mspt.geometry.files._gltf import read_gltf
from mspt.geometry.files._obj import read_obj
from mspt.geometry.files._plain import Polygons, check_count
from mspt.geometry.files._ply import read_ply
from mspt.geometry.files._stl import read_stl
from mspt.geometry.files._vtk import read_vtk, triangulate_polygons
from mspt.geometry.files.sandbox import EXPORT_AGAIN, LENGTH, TOO_LARGE

try:
    import resource
except ImportError:  # Windows
    resource = None

PARSERS: dict[str, Callable[[bytes], Polygons]] = {
    ".stl": read_stl,
    ".obj": read_obj,
    ".ply": read_ply,
    ".glb": read_gltf,
    ".gltf": read_gltf,
}
REASONS: dict[type[Exception], str] = {
    UnicodeError: "whose text is damaged",
    RecursionError: "whose parts are nested too deeply",
    KeyError: "in which an entry is missing",
    IndexError: "in which an entry names one that does not exist",
    struct.error: "that ends too early",
    EOFError: "that ends too early",
    TypeError: "in which an entry is of another kind than the format has",
    AttributeError: "in which an entry is of another kind than the format has",
    ArithmeticError: "in which a number is out of range",
    ValueError: "in which a number or a size is out of range",
}
"""What the errors of the parsers say of a file."""
VTK_SUFFIXES = (".vtp", ".vtu", ".vtk")


def run_reader() -> None:
    """Answer requests until standard input is closed."""
    limit_process(memory=int(sys.argv[1]))
    # The OBJ reader creates millions of lists without cycles, in which the garbage collector would
    # search for cycles again and again.
    gc.disable()
    # Libraries may print to standard output. Replies go to a copy of it, and the original is
    # redirected to standard error.
    with os.fdopen(0, "rb") as requests, os.fdopen(os.dup(1), "wb") as replies:
        os.dup2(2, 1)
        serve(requests, replies)


def limit_process(*, memory: int) -> None:
    """Limit the memory of this process in bytes, and forbid it to write files and core dumps.

    A limit that the system does not know or refuses is left out: macOS does not limit the address
    space, Windows nothing. The process that started this one observes memory and time as well.
    """
    for name, limit in (("RLIMIT_AS", memory), ("RLIMIT_FSIZE", 0), ("RLIMIT_CORE", 0)):
        _set_limit(name, limit, lower_hard=True)


def limit_request(*, seconds: float) -> None:
    """Limit the processor time from now on; beyond it the system ends this process."""
    # The limit counts from the start of the process, which has answered other requests before.
    _set_limit("RLIMIT_CPU", math.ceil(time.process_time() + seconds), lower_hard=False)


def _set_limit(name: str, limit: int, *, lower_hard: bool) -> None:
    """Set a limit of this process, or a lower one that is imposed on it; skip it if refused."""
    kind = getattr(resource, name, None)
    if resource is None or kind is None:
        return
    try:
        _, hard = resource.getrlimit(kind)
        if hard != resource.RLIM_INFINITY:
            limit = min(limit, hard)
        resource.setrlimit(kind, (limit, limit if lower_hard else hard))
    except (OSError, ValueError):
        return


def serve(requests: BufferedIOBase, replies: BufferedIOBase) -> None:
    """Send that this process is ready, then answer requests one by one."""
    _send(replies, json.dumps({"ready": True}).encode())
    while head := requests.read(LENGTH.size):
        request = json.loads(requests.read(LENGTH.unpack(head)[0]))
        for frame in answer(request):
            _send(replies, frame)


def answer(request: dict[str, Any]) -> list[bytes]:
    """Return the frames of the reply to a request."""
    path, suffix = Path(request["path"]), request["suffix"]
    try:
        if "seconds" in request:
            limit_request(seconds=request["seconds"])
        vertices, triangles = read_file(path, suffix)
    except GeometryError as error:
        return [_error(str(error))]
    except MemoryError:
        return [_error(TOO_LARGE)]
    except Exception as error:  # noqa: BLE001 - a parser may fail in any way on a damaged file
        text = f"file must be a complete and valid {suffix} file, got one {_reason(error)}"
        return [_error(f"{text}; {EXPORT_AGAIN}")]
    size = {"vertices": len(vertices), "triangles": len(triangles)}
    return [
        json.dumps(size).encode(),
        vertices.astype("<f8").tobytes(),
        triangles.astype("<i4").tobytes(),
    ]


def _reason(error: Exception) -> str:
    """Return what is wrong with a file in words of its own, from the error of a parser."""
    if isinstance(error, json.JSONDecodeError):
        return f"whose JSON has a mistake in line {error.lineno:,}"
    return next(
        (words for kind, words in REASONS.items() if isinstance(error, kind)),
        "that cannot be read",
    )


def read_file(path: Path, suffix: str) -> tuple[ndarray, ndarray]:
    """Return vertices (V, 3) and triangles (T, 3) of a file, with equal vertices merged.

    Raises:
        GeometryError: If the file does not have the format of its suffix, or has no surface.
    """
    if suffix in VTK_SUFFIXES:
        vertices, triangles = read_vtk(path, suffix)
    else:
        vertices, triangles = triangulate_polygons(PARSERS[suffix](path.read_bytes()))
    check_count(len(triangles))
    return merge_identical(vertices, triangles)


def merge_identical(vertices: ndarray, triangles: ndarray) -> tuple[ndarray, ndarray]:
    """Remove unused vertices and merge vertices with equal coordinates.

    Vertices keep the order of their first use in the file.

    Raises:
        GeometryError: If a coordinate in use is not finite.

    Examples:
        >>> corners = np.array([[9.0, 9, 9], [0, 0, 0], [1, 0, 0], [0, 1, 0], [-0.0, 0, 0]])
        >>> merged, triangles = merge_identical(corners, np.array([[1, 2, 3], [4, 3, 2]]))
        >>> len(merged), triangles.tolist()
        (3, [[0, 1, 2], [0, 2, 1]])
    """
    used = np.zeros(len(vertices), dtype=bool)
    used[triangles] = True
    triangles = (np.cumsum(used) - 1)[triangles]
    # Adding zero turns -0.0 into 0.0, which is equal but has other bits.
    vertices = vertices[used].astype(np.float64) + 0.0
    broken = int((~np.isfinite(vertices)).any(axis=1).sum())
    if broken:
        raise GeometryError(
            f"file must have finite coordinates, got {broken:,} vertices with NaN or infinity; "
            f"{EXPORT_AGAIN}"
        )
    # Sorting one hash for each vertex is much faster than sorting rows, which serves as a fallback
    # in case of a collision.
    _, first, place = np.unique(_hashes(vertices), return_index=True, return_inverse=True)
    if not (vertices[first][place] == vertices).all():
        _, first, place = np.unique(vertices, axis=0, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return vertices[first[order]], rank[place][triangles]


def _hashes(vertices: ndarray) -> ndarray:
    """Return a hash of each vertex: equal coordinates give equal hashes."""
    mixed = np.zeros(len(vertices), dtype=np.uint64)
    for bits in np.ascontiguousarray(vertices).view(np.uint64).T:
        # Fibonacci hashing: 2**64 divided by the golden ratio; the shift mixes high bits down.
        mixed = (mixed ^ bits) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(32)
    return mixed


def _error(text: str) -> bytes:
    return json.dumps({"error": text}).encode()


def _send(replies: BufferedIOBase, frame: bytes) -> None:
    replies.write(LENGTH.pack(len(frame)))
    replies.write(frame)
    replies.flush()
