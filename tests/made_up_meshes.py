"""Small shapes and the bytes of files that hold them."""

import json
import struct
from pathlib import Path

import numpy as np
import pyvista as pv

from mspt.errors import GeometryError
from mspt.geometry.files import _process as _read_process
from mspt.geometry.files._process import answer
from mspt.geometry.mesh import SurfaceMesh, box

BRICK = box((1, 2, 3), (2, 4, 6))
PLY = """ply
format ascii 1.0
element vertex {vertices}
property float x
property float y
property float z
element face {faces}
property list uchar int vertex_indices
end_header
"""
POINTS = "0 0 0\n1 0 0\n0 1 0\n0 0 1\n"
TETRAHEDRON = "3 0 2 1\n3 0 1 3\n3 0 3 2\n3 1 2 3\n"


def parse(data: bytes, suffix: str, tmp_path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read in this process, as the child does; only for formats that VTK does not read."""
    assert suffix not in _read_process.VTK_SUFFIXES
    path = tmp_path / "shape"
    path.write_bytes(data)
    head, *arrays = answer({"path": str(path), "suffix": suffix})
    reply = json.loads(head)
    if "error" in reply:
        raise GeometryError(reply["error"])
    vertices, triangles = arrays
    return np.frombuffer(vertices).reshape(-1, 3), np.frombuffer(triangles, "<i4").reshape(-1, 3)


def saved(mesh: SurfaceMesh, path: Path, **options: bool) -> Path:
    pv.PolyData.from_regular_faces(mesh.vertices, mesh.triangles).save(path, **options)
    return path


def binary_stl(mesh: SurfaceMesh) -> bytes:
    record = b"".join(
        struct.pack("<12fH", 0, 0, 0, *corners.ravel(), 0) for corners in mesh.corners
    )
    return b"solid, although binary".ljust(80) + struct.pack("<I", len(mesh.triangles)) + record


def mixed_ply(order: str) -> bytes:
    """Return a brick of two triangles and five quads, with fields that say nothing of its shape."""
    name = {"<": "little", ">": "big"}[order]
    head = (
        f"ply\r\nformat binary_{name}_endian 1.0\r\ncomment by hand\r\n"
        "element camera 1\r\nproperty list uchar float view\r\n"
        "element vertex 8\r\nproperty uchar red\r\nproperty double x\r\nproperty double y\r\n"
        "property double z\r\nelement face 7\r\nproperty uchar flag\r\n"
        "property list ushort uint vertex_index\r\nproperty float value\r\nend_header\r\n"
    )
    corners = [(x, y, z) for x in (1, 2) for y in (2, 4) for z in (3, 6)]
    faces = [(0, 1, 3), (0, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4)]
    faces.append((1, 5, 7, 3))
    body = struct.pack(order + "B2f", 2, 1.0, 2.0)
    body += b"".join(struct.pack(order + "B3d", 9, *corner) for corner in corners)
    for face in faces:
        body += struct.pack(f"{order}BH{len(face)}If", 7, len(face), *face, 0.5)
    return head.encode() + body


def glb(document: dict, binary: bytes = b"") -> bytes:
    text = json.dumps({"asset": {"version": "2.0"}, **document}).encode()
    text += b" " * (-len(text) % 4)
    chunks = struct.pack("<I4s", len(text), b"JSON") + text
    if binary:
        chunks += struct.pack("<I4s", len(binary), b"BIN\0") + binary
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks


def brick_gltf(**changes: object) -> tuple[dict, bytes]:
    points, corners = BRICK.vertices.astype("<f4"), BRICK.triangles.astype("<u2")
    document = {
        "buffers": [{"byteLength": points.nbytes + corners.nbytes}],
        "bufferViews": [
            {"buffer": 0, "byteLength": points.nbytes},
            {"buffer": 0, "byteOffset": points.nbytes, "byteLength": corners.nbytes},
        ],
        "accessors": [
            {"bufferView": 0, "componentType": 5126, "count": 8, "type": "VEC3"},
            {"bufferView": 1, "componentType": 5123, "count": 36, "type": "SCALAR"},
        ],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "indices": 1}]}],
        **changes,
    }
    return document, points.tobytes() + corners.tobytes()
