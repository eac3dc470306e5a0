"""The document and the arrays of a glTF file."""

import base64
import json
from typing import Any, NamedTuple
from urllib.parse import unquote_to_bytes

import numpy as np
from numpy import ndarray

from mspt.errors import GeometryError
from mspt.geometry.files._plain import MAX_FILE_TRIANGLES
from mspt.geometry.files._text import is_padding, refuse_other_kinds

# Numbers of the specification for types of components.
COMPONENTS = {5120: "<i1", 5121: "<u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}
MAX_ROWS = 3 * MAX_FILE_TRIANGLES
HEAD = 12
"""Bytes before the first chunk: the word glTF, the version, the length of the file."""

EXPORT_PLAIN = "export it as .glb without compression, or as a binary .stl"


class Arrays(NamedTuple):
    """A document and the contents of its buffers; None where a buffer has no contents."""

    document: dict[str, Any]
    buffers: list[bytes | None]

    def read(self, index: int, owner: dict[str, Any] | None = None) -> ndarray:
        """Return the rows of an accessor.

        Args:
            index: Number of the accessor.
            owner: Primitive that uses it, whose extensions are named if the data are missing.

        Raises:
            GeometryError: If the file holds the data only in compressed form, or not at all.
        """
        accessor = self.document["accessors"][index]
        kind, width = np.dtype(COMPONENTS[accessor["componentType"]]), WIDTHS[accessor["type"]]
        sparse = accessor.get("sparse")
        # Neither sparse arrays nor views with a stride of zero need as many bytes in the file.
        if accessor["count"] > MAX_ROWS:
            raise GeometryError(
                f"glTF arrays must have at most {MAX_ROWS:,} rows, got {accessor['count']:,}; "
                "reduce the mesh (decimate it) and export it again"
            )
        if "bufferView" in accessor:
            values = self._view(
                accessor["bufferView"], accessor.get("byteOffset", 0), kind,
                (accessor["count"], width), owner,
            )  # fmt: skip
        elif sparse:
            values = np.zeros((accessor["count"], width), dtype=kind)
        else:
            raise _no_data(owner or {})
        if sparse:
            values = self._replaced(values, sparse, kind, owner)
        if accessor.get("normalized", False):
            return np.maximum(values / np.iinfo(kind).max, -1.0)  # section 3.11
        return values

    def _replaced(
        self, values: ndarray, sparse: dict[str, Any], kind: np.dtype, owner: dict[str, Any] | None
    ) -> ndarray:
        """Return values of which some rows are replaced (section 3.6.2.3)."""
        count, places, rows = sparse["count"], sparse["indices"], sparse["values"]
        index_kind = np.dtype(COMPONENTS[places["componentType"]])
        changed = values.copy()
        which = self._view(
            places["bufferView"], places.get("byteOffset", 0), index_kind, (count, 1), owner
        )
        changed[which[:, 0].astype(np.int64)] = self._view(
            rows["bufferView"], rows.get("byteOffset", 0), kind, (count, values.shape[1]), owner
        )
        return changed

    def _view(
        self,
        index: int,
        offset: int,
        kind: np.dtype,
        shape: tuple[int, int],
        owner: dict[str, Any] | None,
    ) -> ndarray:
        """Return a view with strides into the bytes of a buffer.

        numpy refuses a view that would reach beyond them.
        """
        view = self.document["bufferViews"][index]
        buffer = self.buffers[view["buffer"]]
        if buffer is None:
            raise _no_data({**(owner or {}), **view})
        start = view.get("byteOffset", 0)
        return np.ndarray(
            shape,
            kind,
            buffer[start : start + view["byteLength"]],
            offset,
            (view.get("byteStride", shape[1] * kind.itemsize), kind.itemsize),
        )


def open_gltf(data: bytes) -> Arrays:
    """Return the document and the buffers of a text or binary glTF file.

    Raises:
        GeometryError: If the file is truncated, of another version, or refers to other files.
    """
    document, binary = _split(data)
    version = str(document.get("asset", {}).get("version", "2.0"))
    if not version.startswith("2"):
        raise GeometryError(f"glTF must have version 2, got {version[:20]!r}; {EXPORT_PLAIN}")
    entries = document.get("buffers", [])
    buffers = [
        _buffer(entry, binary if place == 0 else None) for place, entry in enumerate(entries)
    ]
    return Arrays(document, buffers)


def _split(data: bytes) -> tuple[dict[str, Any], bytes | None]:
    """Return the JSON document and the binary chunk, which text files do not have."""
    if not data.startswith(b"glTF"):
        refuse_other_kinds(data, ".glb")
        return json.loads(data), None
    version, size = (int.from_bytes(data[place : place + 4], "little") for place in (4, 8))
    if version != 2:
        raise GeometryError(f"glTF must have version 2, got {version}; {EXPORT_PLAIN}")
    if size > len(data):
        raise GeometryError(
            f"file must be as long as its header says, got {len(data):,} bytes; it is truncated"
        )
    if not is_padding(data[size:], unit=HEAD):
        raise GeometryError(
            f"file must end after the {size:,} bytes that its header says, "
            f"got {len(data) - size:,} more; keep one shape in a file"
        )
    chunks, place = {}, HEAD
    while place + 8 <= size:
        length = int.from_bytes(data[place : place + 4], "little")
        chunks.setdefault(data[place + 4 : place + 8], data[place + 8 : place + 8 + length])
        place += 8 + length
    return json.loads(chunks[b"JSON"]), chunks.get(b"BIN\0")


def _buffer(entry: dict[str, Any], binary: bytes | None) -> bytes | None:
    """Return the bytes of a buffer; links to other files are refused, because uploads have none."""
    link = entry.get("uri")
    if link is None:
        # The place of compressed parts without compression is often left empty.
        is_empty = any(
            extension.get("fallback", False) for extension in entry.get("extensions", {}).values()
        )
        return None if is_empty else binary
    if not link.startswith("data:"):
        raise GeometryError(
            f"glTF must contain its data, got a link to {link[:80]!r}; {EXPORT_PLAIN}"
        )
    head, _, content = link.partition(",")
    return base64.b64decode(content) if head.endswith(";base64") else unquote_to_bytes(content)


def _no_data(owner: dict[str, Any]) -> GeometryError:
    names = ", ".join(owner.get("extensions", {})) or "none"
    return GeometryError(
        f"glTF must contain the numbers of its arrays, got {names[:200]} instead; {EXPORT_PLAIN}"
    )
