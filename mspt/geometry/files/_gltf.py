"""Reader of glTF 2.0 files, text and binary: the triangles of the scene in world coordinates.

Only nodes, positions and indices are read. Specification: registry.khronos.org/glTF/specs/2.0.
"""

import base64
import json
from typing import Any

import numpy as np
from numpy import ndarray

from mspt.errors import GeometryError
from mspt.geometry.files._plain import Polygons, check_count

# Numbers of the specification: types of components, kinds of primitives.
GLTF_COMPONENTS = {5120: "<i1", 5121: "<u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
TRIANGLES, STRIP, FAN = 4, 5, 6
WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}
# Extensions that concern appearance only; KHR_mesh_quantization allows component types that are
# read in any case.
IGNORED_EXTENSIONS = (
    "KHR_materials_",
    "KHR_texture_",
    "EXT_texture_",
    "KHR_lights_",
    "KHR_mesh_quantization",
)
EXPORT_PLAIN = "export it as .glb without compression, or as a binary .stl"


def read_gltf(data: bytes) -> Polygons:
    """Read the triangles of a glTF file that contains its data, in meters, y up.

    Raises:
        GeometryError: If the file needs an extension, refers to other files, has no or too many
            triangles, or its nodes are no tree.
    """
    document, binary = _split(data)
    needed = document.get("extensionsRequired", [])
    if unknown := [name for name in needed if not name.startswith(IGNORED_EXTENSIONS)]:
        raise GeometryError(
            f"glTF must not need extensions, got {', '.join(unknown)}; {EXPORT_PLAIN}"
        )
    buffers = [_buffer(entry, binary) for entry in document.get("buffers", [])]
    placed = [
        (primitive, matrix)
        for index, matrix in _placed_meshes(document)
        for primitive in document["meshes"][index]["primitives"]
    ]
    # Counted before anything is read: nodes can repeat one mesh, so a small file can be huge.
    check_count(sum(_count(document, primitive) for primitive, _ in placed))
    corners = [np.zeros((0, 3))]
    for primitive, matrix in placed:
        part = _corners(document, buffers, primitive) @ matrix[:3, :3].T + matrix[:3, 3]
        if np.linalg.det(matrix[:3, :3]) < 0:  # a reflection turns normals inward
            part = part.reshape(-1, 3, 3)[:, ::-1].reshape(-1, 3)
        corners.append(part)
    return Polygons.soup(np.concatenate(corners))


def _split(data: bytes) -> tuple[dict[str, Any], bytes]:
    """Return the JSON document and the binary chunk, which is empty in text files."""
    if not data.startswith(b"glTF"):
        return json.loads(data), b""
    if int.from_bytes(data[8:12], "little") > len(data):
        raise GeometryError(
            f"file must be as long as its header says, got {len(data):,} bytes; it is truncated"
        )
    # A header of 12 bytes, then chunks, each with its length and type in 8 bytes: JSON, binary.
    size = int.from_bytes(data[12:16], "little")
    document = json.loads(data[20 : 20 + size])
    start = 20 + size
    length = int.from_bytes(data[start : start + 4], "little")
    return document, data[start + 8 : start + 8 + length]


def _buffer(entry: dict[str, Any], binary: bytes) -> bytes:
    """Return the bytes of a buffer; links to other files are refused, because uploads have none."""
    link = entry.get("uri")
    if link is None:
        return binary
    if not link.startswith("data:"):
        raise GeometryError(
            f"glTF must contain its data, got a link to {link[:80]!r}; {EXPORT_PLAIN}"
        )
    return base64.b64decode(link.partition(",")[2])


def _placed_meshes(document: dict[str, Any]) -> list[tuple[int, ndarray]]:
    """Return the mesh of each node of the scene, with the matrix to world coordinates."""
    nodes = document.get("nodes", [])
    if not nodes:
        return [(index, np.eye(4)) for index in range(len(document.get("meshes", [])))]
    if scenes := document.get("scenes", []):
        roots = scenes[document.get("scene", 0)].get("nodes", [])
    else:  # no scene: start from all nodes that are nobody's children
        inner = {child for node in nodes for child in node.get("children", [])}
        roots = [index for index in range(len(nodes)) if index not in inner]
    found, waiting, seen = [], [(index, np.eye(4)) for index in roots], set()
    while waiting:
        index, matrix = waiting.pop()
        if index in seen:
            raise GeometryError(
                f"glTF nodes must have one parent each, got more for node {index}; {EXPORT_PLAIN}"
            )
        seen.add(index)
        matrix = matrix @ _local_matrix(nodes[index])
        waiting += [(child, matrix) for child in nodes[index].get("children", [])]
        if "mesh" in nodes[index]:
            found.append((nodes[index]["mesh"], matrix))
    return found


def _local_matrix(node: dict[str, Any]) -> ndarray:
    """Return a node's matrix, or that of its translation, rotation (a quaternion) and scale."""
    if "matrix" in node:
        return np.array(node["matrix"], dtype=float).reshape(4, 4).T  # stored column by column
    x, y, z, w = node.get("rotation", (0, 0, 0, 1))
    rotation = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    matrix = np.eye(4)
    matrix[:3, :3] = np.array(rotation) * np.array(node.get("scale", (1, 1, 1)), dtype=float)
    matrix[:3, 3] = node.get("translation", (0, 0, 0))
    return matrix


def _count(document: dict[str, Any], primitive: dict[str, Any]) -> int:
    """Return the number of triangles of a primitive; 0 for points and lines."""
    index = primitive.get("indices", primitive["attributes"]["POSITION"])
    count, mode = document["accessors"][index]["count"], primitive.get("mode", TRIANGLES)
    return {TRIANGLES: count // 3, STRIP: count - 2, FAN: count - 2}.get(mode, 0)


def _corners(document: dict[str, Any], buffers: list[bytes], primitive: dict[str, Any]) -> ndarray:
    """Return the corners of a primitive's triangles, three rows for each triangle."""
    mode = primitive.get("mode", TRIANGLES)
    if mode not in (TRIANGLES, STRIP, FAN):
        return np.zeros((0, 3))  # points and lines
    points = _accessor(document, buffers, primitive["attributes"]["POSITION"]).astype(float)
    if "indices" in primitive:
        order = _accessor(document, buffers, primitive["indices"])[:, 0].astype(np.int64)
    else:
        order = np.arange(len(points))
    if mode == TRIANGLES:
        return points[order[: len(order) // 3 * 3]]
    first = order[:-2].copy() if mode == STRIP else np.full(len(order) - 2, order[0])
    triangles = np.stack([first, order[1:-1], order[2:]], axis=1)
    if mode == STRIP:  # every second triangle of a strip has the opposite orientation
        triangles[1::2] = triangles[1::2, ::-1]
    return points[triangles.ravel()]


def _accessor(document: dict[str, Any], buffers: list[bytes], index: int) -> ndarray:
    """Return the rows of an accessor.

    The array is a view with strides into the bytes of the buffer, and numpy refuses one that would
    reach beyond them.
    """
    accessor = document["accessors"][index]
    if "sparse" in accessor or "bufferView" not in accessor:
        raise GeometryError(
            f"glTF must contain plain arrays, got a sparse or compressed one; {EXPORT_PLAIN}"
        )
    view = document["bufferViews"][accessor["bufferView"]]
    kind, width = np.dtype(GLTF_COMPONENTS[accessor["componentType"]]), WIDTHS[accessor["type"]]
    start = view.get("byteOffset", 0)
    values = np.ndarray(
        (accessor["count"], width),
        kind,
        buffers[view["buffer"]][start : start + view["byteLength"]],
        accessor.get("byteOffset", 0),
        (view.get("byteStride", width * kind.itemsize), kind.itemsize),
    )
    if accessor.get("normalized", False):
        return np.maximum(values / np.iinfo(kind).max, -1.0)  # section 3.11 of the specification
    return values
