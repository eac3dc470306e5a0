"""The same triangles, written in the many ways in which programs write them."""

import json
import struct
from collections.abc import Callable

import numpy as np
from made_up_meshes import glb

from mspt.geometry.mesh import SurfaceMesh

RECORD = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])


def number(value: float) -> str:
    return repr(float(value))


def fortran(value: float) -> str:
    """Return a number as Fortran writes it, with all digits of single precision."""
    return f"{value:.17E}".replace("E", "D")


# STL


def records(corners: np.ndarray, *, order: str = "<", attribute: int = 0) -> bytes:
    table = np.zeros(len(corners), RECORD.newbyteorder(order))
    table["corners"], table["attribute"] = corners, attribute
    return table.tobytes()


def stl(
    mesh: SurfaceMesh, *, count: int | None = None, head: bytes = b"made", attribute: int = 0
) -> bytes:
    told = len(mesh.triangles) if count is None else count
    body = records(mesh.corners, attribute=attribute)
    return head.ljust(80) + struct.pack("<I", told) + body


def halves(mesh: SurfaceMesh) -> tuple[SurfaceMesh, SurfaceMesh]:
    middle = len(mesh.triangles) // 2
    return (
        SurfaceMesh(mesh.vertices, mesh.triangles[:middle]),
        SurfaceMesh(mesh.vertices, mesh.triangles[middle:]),
    )


def text_stl(
    mesh: SurfaceMesh,
    *,
    name: str = "part",
    end: str = "endsolid",
    form: Callable[[float], str] = number,
    facet: str = "facet normal 0 0 1",
    gap: str = "\n  ",
) -> str:
    lines = [f"solid {name}"]
    for corners in mesh.corners:
        points = gap.join("vertex " + " ".join(map(form, corner)) for corner in corners)
        lines.append(f" {facet}{gap}outer loop{gap}{points}{gap}endloop{gap}endfacet")
    return "\n".join([*lines, f"{end} {name}", ""])


# OBJ


def obj(
    mesh: SurfaceMesh,
    *,
    vertex: Callable[[np.ndarray], str] = lambda point: " ".join(map(number, point)),
    corner: Callable[[int, int], str] = lambda index, _: str(index + 1),
    tail: str = "",
) -> str:
    lines = [f"v {vertex(point)}{tail}" for point in mesh.vertices]
    for triangle in mesh.triangles:
        words = " ".join(corner(int(index), len(mesh.vertices)) for index in triangle)
        lines.append(f"f {words}{tail}")
    return "\n".join([*lines, ""])


# PLY


def ply(
    mesh: SurfaceMesh,
    *,
    comment: str = "comment made",
    form: Callable[[float], str] = number,
    name: str = "vertex_indices",
    tail: str = "",
) -> str:
    head = [
        "ply", "format ascii 1.0", comment, f"element vertex {len(mesh.vertices)}",
        "property double x", "property double y", "property double z",
        f"element face {len(mesh.triangles)}", f"property list uchar int {name}", "end_header",
    ]  # fmt: skip
    points = [" ".join(map(form, point)) + tail for point in mesh.vertices]
    faces = ["3 " + " ".join(map(str, triangle)) + tail for triangle in mesh.triangles]
    return "\n".join([*head, *points, *faces, ""])


def binary_ply(
    mesh: SurfaceMesh, *, order: str = "<", eol: str = "\n", strips: bool = False
) -> bytes:
    kind = {"<": "little", ">": "big"}[order]
    element = (
        ["element tristrips 1", "property list int int vertex_indices"]
        if strips
        else [f"element face {len(mesh.triangles)}", "property list uchar uint vertex_indices"]
    )
    head = [
        "ply", f"format binary_{kind}_endian 1.0", "comment an end_header within",
        f"element vertex {len(mesh.vertices)}", "property uchar red", "property double x",
        "property double y", "property double z", *element, "end_header",
    ]  # fmt: skip
    points = np.zeros(len(mesh.vertices), [("red", "u1"), ("point", f"{order}f8", 3)])
    points["point"], points["red"] = mesh.vertices, 10
    if strips:
        numbers = np.insert(mesh.triangles, 3, -1, axis=1).ravel()[:-1]
        body = np.concatenate([[len(numbers)], numbers]).astype(f"{order}i4").tobytes()
    else:
        faces = np.zeros(len(mesh.triangles), [("count", "u1"), ("corners", f"{order}u4", 3)])
        faces["count"], faces["corners"] = 3, mesh.triangles
        body = faces.tobytes()
    return (eol.join(head) + eol).encode() + points.tobytes() + body


# glTF


class Scene:
    """A glTF document under construction."""

    def __init__(self) -> None:
        self.binary = b""
        self.document: dict = {"bufferViews": [], "accessors": []}

    def view(self, values: np.ndarray) -> int:
        self.binary += bytes(-len(self.binary) % 4)
        self.document["bufferViews"].append(
            {"buffer": 0, "byteOffset": len(self.binary), "byteLength": values.nbytes}
        )
        self.binary += np.ascontiguousarray(values).tobytes()
        return len(self.document["bufferViews"]) - 1

    def accessor(self, values: np.ndarray, kind: str, **more: object) -> int:
        components = {"float32": 5126, "uint32": 5125, "uint16": 5123, "uint8": 5121, "int8": 5120}
        entry = {"componentType": components[values.dtype.name], "count": len(values), "type": kind}
        if "sparse" not in more:
            entry["bufferView"] = self.view(values)
        self.document["accessors"].append(entry | more)
        return len(self.document["accessors"]) - 1

    def points(self, values: np.ndarray, **more: object) -> int:
        return self.accessor(np.asarray(values, dtype="<f4"), "VEC3", **more)

    def sparse(self, values: np.ndarray) -> int:
        """Return an accessor of zeros of which the rows that are not zero are replaced."""
        rows = np.flatnonzero(values.any(axis=1)).astype("<u2")
        parts = {
            "count": len(rows),
            "indices": {"bufferView": self.view(rows), "componentType": 5123},
            "values": {"bufferView": self.view(values[rows].astype("<f4"))},
        }
        return self.points(values, sparse=parts)

    def primitive(self, mesh: SurfaceMesh, **attributes: int) -> dict:
        return {
            "attributes": {"POSITION": self.points(mesh.vertices), **attributes},
            "indices": self.accessor(mesh.triangles.astype("<u4").ravel(), "SCALAR"),
        }

    def glb(self, **entries: object) -> bytes:
        self.document["buffers"] = [{"byteLength": len(self.binary)}]
        return glb({**self.document, **entries}, self.binary)


def plain_glb(mesh: SurfaceMesh) -> bytes:
    scene = Scene()
    primitive = scene.primitive(mesh)
    return scene.glb(meshes=[{"primitives": [primitive]}], nodes=[{"mesh": 0}])


def sparse_glb(mesh: SurfaceMesh) -> bytes:
    scene = Scene()
    primitive = scene.primitive(mesh) | {"attributes": {"POSITION": scene.sparse(mesh.vertices)}}
    return scene.glb(meshes=[{"primitives": [primitive]}], nodes=[{"mesh": 0}])


def instanced_glb(mesh: SurfaceMesh) -> bytes:
    """Return a file in which a node is moved away and its only instance back."""
    scene = Scene()
    attributes = {"TRANSLATION": scene.points(np.array([[0, 0, -1]]))}
    node = {
        "mesh": 0, "scale": [2, 2, 2], "translation": [0, 0, 2],
        "extensions": {"EXT_mesh_gpu_instancing": {"attributes": attributes}},
    }  # fmt: skip
    primitive = scene.primitive(SurfaceMesh(mesh.vertices / 2, mesh.triangles))
    return scene.glb(
        meshes=[{"primitives": [primitive]}], nodes=[node],
        extensionsUsed=["EXT_mesh_gpu_instancing"],
    )  # fmt: skip


def skinned_glb(mesh: SurfaceMesh) -> bytes:
    """Return a file of two joints that lie apart, and whose inverse matrices lead back."""
    scene, count = Scene(), len(mesh.vertices)
    joints = np.tile(np.array([[0, 1, 0, 0]], dtype="u1"), (count, 1))
    weights = np.tile(np.array([[0.25, 0.75, 0, 0]], dtype="<f4"), (count, 1))
    inverse = np.tile(np.eye(4, dtype="<f4"), (2, 1, 1))
    inverse[0, 0, 3], inverse[1, :3, :3] = -4, np.eye(3) / 2
    primitive = scene.primitive(
        mesh, JOINTS_0=scene.accessor(joints, "VEC4"), WEIGHTS_0=scene.accessor(weights, "VEC4")
    )
    columns = inverse.transpose(0, 2, 1).reshape(-1, 16)
    skin = {"joints": [1, 2], "inverseBindMatrices": scene.accessor(columns, "MAT4")}
    return scene.glb(
        meshes=[{"primitives": [primitive]}], skins=[skin], scenes=[{"nodes": [0, 1, 2]}],
        nodes=[
            {"mesh": 0, "skin": 0, "scale": [1, 7, 1]},
            {"translation": [4, 0, 0]},
            {"scale": [2, 2, 2]},
        ],
    )  # fmt: skip


def morphed_glb(mesh: SurfaceMesh) -> bytes:
    scene = Scene()
    half = SurfaceMesh(mesh.vertices / 2, mesh.triangles)
    primitive = scene.primitive(half)
    primitive["targets"] = [
        {"POSITION": scene.points(mesh.vertices * 9)},
        {"POSITION": scene.sparse(mesh.vertices)},
    ]
    entry = {"primitives": [primitive], "weights": [1.0, 1.0]}
    return scene.glb(meshes=[entry], nodes=[{"mesh": 0, "weights": [0.0, 0.5]}])


def text_gltf(mesh: SurfaceMesh) -> bytes:
    data = plain_glb(mesh)
    size = struct.unpack("<I", data[12:16])[0]
    document = json.loads(data[20 : 20 + size])
    binary = data[28 + size :]
    document["buffers"][0]["uri"] = "data:application/octet-stream," + "".join(
        f"%{byte:02x}" for byte in binary
    )
    return b"\xef\xbb\xbf" + json.dumps(document).encode()


LONG = "x" * 230
KEYWORDS = "vertex 1 2 3 of a solid facet, endfacet"
TEXTS: dict[str, Callable[[str], bytes]] = {
    "plain": str.encode,
    "windows line ends": lambda text: text.replace("\n", "\r\n").encode(),
    "line ends of old macs": lambda text: text.replace("\n", "\r").encode(),
    "byte order mark": lambda text: text.encode("utf-8-sig"),
    "utf-16": lambda text: text.encode("utf-16"),
    "utf-16 without mark": lambda text: text.encode("utf-16-be"),
    "trailing blanks": lambda text: text.replace("\n", " \t \n").encode() + b"\n \n",
    "padding": lambda text: text.encode() + b"\x1a\0\0",
}
STL_TEXTS: dict[str, Callable[[SurfaceMesh], str]] = {
    "plain": text_stl,
    "capitals": lambda mesh: text_stl(mesh).upper(),
    "long name": lambda mesh: text_stl(mesh, name=LONG),
    "name of keywords": lambda mesh: text_stl(mesh, name=KEYWORDS),
    "no name": lambda mesh: text_stl(mesh, name=""),
    "end solid": lambda mesh: text_stl(mesh, end="end solid"),
    "end facet": lambda mesh: text_stl(mesh).replace("endf", "end f").replace("endl", "end l"),
    "several solids": lambda mesh: "".join(map(text_stl, halves(mesh))),
    "text before": lambda mesh: "; made by hand, one facet a line\n" + text_stl(mesh),
    "text after": lambda mesh: text_stl(mesh) + "\nexported, each facet is a triangle\n",
    "comments": lambda mesh: text_stl(mesh).replace("\n", " # a vertex\n"),
    "fortran": lambda mesh: text_stl(mesh, form=fortran),
    "no normals": lambda mesh: text_stl(mesh, facet="facet"),
    "normals that are no numbers": lambda mesh: text_stl(mesh, facet="facet normal nan nan -nan"),
    "colors": lambda mesh: text_stl(mesh, facet="color 1 0 0\nfacet normal 0 0 1"),
    "one line a facet": lambda mesh: text_stl(mesh, gap=" "),
    "one line": lambda mesh: text_stl(mesh, gap=" ").replace("\n", " "),
}
STL_BINARIES: dict[str, Callable[[SurfaceMesh], bytes]] = {
    "plain": stl,
    "solid": lambda mesh: stl(mesh, head=b"solid facet normal"),
    "colors": lambda mesh: stl(mesh, head=b"COLOR=\xff\0\0\xff", attribute=0x8FFF),
    "joined": lambda mesh: b"".join(map(stl, halves(mesh))),
    "count zero": lambda mesh: stl(mesh, count=0),
    "count too low": lambda mesh: stl(mesh, count=len(mesh.triangles) // 2),
    "a few bytes more": lambda mesh: stl(mesh) + b"\x07\xff",
    "zeros after": lambda mesh: stl(mesh) + bytes(512),
    "remark after": lambda mesh: stl(mesh) + b"written on a Monday by a program " * 9,
}
OBJ_TEXTS: dict[str, Callable[[SurfaceMesh], str]] = {
    "plain": obj,
    "comments": lambda mesh: obj(mesh, tail="  # a v and an f"),
    "relative": lambda mesh: obj(mesh, corner=lambda index, count: str(index - count)),
    "textures": lambda mesh: obj(mesh, corner=lambda index, _: f"{index + 1}/7/9"),
    "normals": lambda mesh: obj(mesh, corner=lambda index, _: f"{index + 1}//9"),
    "weights": lambda mesh: obj(mesh, vertex=lambda p: " ".join(map(number, [*p, 1]))),
    "colors": lambda mesh: obj(mesh, vertex=lambda p: " ".join(map(number, [*p, 0, 1, 0]))),
    "fortran": lambda mesh: obj(mesh, vertex=lambda p: " ".join(map(fortran, p))),
    "continued": lambda mesh: obj(mesh).replace("f ", "f \\\n"),
    "paths": lambda mesh: "mtllib C:\\models\\\n" + obj(mesh),
    "names": lambda mesh: "o f 1 2 3\ng v 1 2 3\n# f 1 1 1\n" + obj(mesh) + "l 1 2\np 1\n",
    "vertices after faces": lambda mesh: "\n".join(
        sorted(obj(mesh).splitlines(), key=lambda line: line[0])
    ),
}
PLY_TEXTS: dict[str, Callable[[SurfaceMesh], str]] = {
    "plain": ply,
    "keyword in comment": lambda mesh: ply(mesh, comment="comment before end_header is kept"),
    "information": lambda mesh: ply(mesh, comment="obj_info element face 99999"),
    "other name": lambda mesh: ply(mesh, name="vertex_index"),
    "comments": lambda mesh: ply(mesh, tail=" # 1 2 3"),
    "fortran": lambda mesh: ply(mesh, form=fortran),
    "text after": lambda mesh: ply(mesh) + "made by a program\n",
}
PLY_BINARIES: dict[str, Callable[[SurfaceMesh], bytes]] = {
    "little": binary_ply,
    "big": lambda mesh: binary_ply(mesh, order=">"),
    "windows header": lambda mesh: binary_ply(mesh, eol="\r\n"),
    "header of old macs": lambda mesh: binary_ply(mesh, eol="\r"),
    "strips": lambda mesh: binary_ply(mesh, strips=True),
    "strips, big": lambda mesh: binary_ply(mesh, strips=True, order=">"),
    "padded": lambda mesh: binary_ply(mesh) + bytes(100),
    "byte order mark": lambda mesh: b"\xef\xbb\xbf" + binary_ply(mesh),
}
GLBS: dict[str, Callable[[SurfaceMesh], bytes]] = {
    "plain": plain_glb,
    "sparse": sparse_glb,
    "instanced": instanced_glb,
    "skinned": skinned_glb,
    "morphed": morphed_glb,
    "text": text_gltf,
}


def _encoded(
    write: Callable[[SurfaceMesh], str], encode: Callable[[str], bytes]
) -> Callable[[SurfaceMesh], bytes]:
    return lambda mesh: encode(write(mesh))


DIALECTS: dict[str, Callable[[SurfaceMesh], bytes]] = {
    f"{kind} {name}, {form}{suffix}": _encoded(write, encode)
    for kind, suffix, texts in (
        ("STL", ".stl", STL_TEXTS),
        ("OBJ", ".obj", OBJ_TEXTS),
        ("PLY", ".ply", PLY_TEXTS),
    )
    for name, write in texts.items()
    for form, encode in TEXTS.items()
} | {
    f"binary {name}{suffix}": write
    for suffix, binaries in ((".stl", STL_BINARIES), (".ply", PLY_BINARIES), (".glb", GLBS))
    for name, write in binaries.items()
}
