import io
import json
import pickle
import re
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
import pyvista as pv
from made_up_meshes import (
    BRICK,
    PLY,
    POINTS,
    TETRAHEDRON,
    binary_stl,
    brick_gltf,
    glb,
    mixed_ply,
    parse,
    saved,
)

from mspt.errors import GeometryError
from mspt.geometry.files import readers
from mspt.geometry.files._process import serve
from mspt.geometry.files.readers import SUFFIXES, read_mesh, read_mesh_bytes
from mspt.geometry.mesh import SurfaceMesh

# Files that are damaged, or meant to do damage


def zipped() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("shape.stl", binary_stl(BRICK))
    return stream.getvalue()


class Dangerous:
    def __reduce__(self) -> tuple:
        return exec, ("raise SystemExit",)


RANDOM = np.random.default_rng(0).bytes(5000)
BAD_INDEX = POINTS + TETRAHEDRON.replace("3 1 2 3", "3 1 2 99999999")
STL_CUT = "file must contain the {} triangles that its header says, got {} at most; it is truncated"
NOTHING = "file must contain triangles, got none; it may be empty, truncated or of another format"
PLY_CUT = "file must contain the {} rows of '{}' of its header, got less; it is truncated"
HOSTILE: dict[str, tuple[str, bytes, str]] = {
    "stl random": (".stl", RANDOM, r"triangles that its header says"),
    "obj random": (".obj", RANDOM, NOTHING),
    "ply random": (".ply", RANDOM, "must begin with a PLY header, got none; it is not a .ply file"),
    "glb random": (
        ".glb",
        RANDOM,
        "file must be a complete and valid .glb file, got one ",
    ),
    "gltf random": (".gltf", RANDOM, "file must be a complete and valid .gltf file"),
    "stl cut": (".stl", binary_stl(BRICK)[:-60], STL_CUT.format(12, 10)),
    "stl 1e8": (".stl", bytes(80) + struct.pack("<I", 10**8), STL_CUT.format("100,000,000", 0)),
    "stl 4e9": (".stl", b"\xff" * 200, STL_CUT.format("4,294,967,295", 2)),
    "stl none": (".stl", bytes(84), NOTHING),
    "stl text cut": (
        ".stl",
        b"solid\nfacet normal 0 0 1\nouter loop\nvertex 0 0 0\nvertex 1 0 0\nvertex 0 1 0\n",
        "line 1 of the file must begin a solid that ends with 'endsolid', got the end of the file",
    ),
    "stl text with a corner too many": (
        ".stl",
        b"solid\nfacet\nvertex 0 0 0 vertex 1 0 0 vertex 0 1 0 vertex 1 1 0\nendfacet\nendsolid\n",
        "line 2 of the file must begin a triangle of three vertices, got 4; export the shape again",
    ),
    "stl nan": (
        ".stl",
        binary_stl(SurfaceMesh(BRICK.vertices, BRICK.triangles)).replace(
            struct.pack("<f", 6), struct.pack("<f", np.nan)
        ),
        "file must have finite coordinates, got 18 vertices with NaN or infinity; export it again",
    ),
    "obj index": (
        ".obj",
        b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 99999999\n",
        "line 4 of the file must use vertices 1 to 3 or count back from the last, got 99,999,999",
    ),
    "obj zero": (
        ".obj",
        b"v 0 0 0\nv 1 0 0\nf 0 1 2\n",
        "line 3 of the file must use vertices 1 to 2",
    ),
    "obj nan": (
        ".obj",
        b"v 0 0 nan\nv 1 0 0\nv 0 1 inf\nf 1 2 3\n",
        "got 2 vertices with NaN or infinity",
    ),
    "obj words": (
        ".obj",
        b"v a b c\nf 1 1 1\n",
        "line 1 of the file must hold a number here, got 'a'",
    ),
    "ply index": (
        ".ply",
        (PLY.format(vertices=4, faces=4) + BAD_INDEX).encode(),
        "line 17 of the file must use vertices 0 to 3, got another; the file is damaged",
    ),
    "ply 3e8": (
        ".ply",
        (PLY.format(vertices=300_000_000, faces=4) + POINTS).encode(),
        PLY_CUT.format("300,000,000", "vertex"),
    ),
    "ply 4e9": (
        ".ply",
        (PLY.format(vertices=4_000_000_000, faces=4) + POINTS).encode(),
        PLY_CUT.format("4,000,000,000", "vertex"),
    ),
    "ply cut": (
        ".ply",
        mixed_ply("<")[:-40],
        "valid .ply file, got one that ends too early",
    ),
    "ply cut by little": (".ply", mixed_ply("<")[:-5], "all rows of 'face', got less"),
    "ply points only": (".ply", (PLY.format(vertices=4, faces=0) + POINTS).encode(), NOTHING),
    "glb cut": (".glb", glb(*brick_gltf())[:-30], "file must be as long as its header says, got"),
    "glb index": (
        ".glb",
        glb(brick_gltf()[0], brick_gltf()[1].replace(struct.pack("<H", 7), struct.pack("<H", 9))),
        "glTF indices must be below the number of vertices, 8, got 9; the file is damaged",
    ),
    "gltf nested": (
        ".gltf",
        b"[" * 100_000,
        "valid .gltf file, got one whose parts are nested too deeply",
    ),
    "zip": (".stl", zipped(), "file must be what its suffix .stl says, got a ZIP archive; unpack"),
    "pickle": (".stl", pickle.dumps(Dangerous()) + bytes(100), "which are no triangles of an .stl"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_damaged_file_ends_in_a_clear_error(case: str, tmp_path: Path) -> None:
    suffix, data, message = HOSTILE[case]
    with pytest.raises(GeometryError, match=re.escape(message)):
        parse(data, suffix, tmp_path)


def text_of(grid: pv.DataSet, path: Path) -> str:
    grid.save(path, binary=False)
    return path.read_text()


def with_bad_index(text: str, name: str) -> bytes:
    """Return a text file whose last number of the last array of that name is out of range."""
    start = text.rindex(f'Name="{name}"')
    stop = text.index("</DataArray>", start)
    numbers = re.sub(r"\d+\s*$", "99999999\n", text[start:stop])
    return (text[:start] + numbers + text[stop:]).encode()


def polys(text: str) -> str:
    """Return a VTP text up to its polygons, so that they come last."""
    return text[: text.index("</Polys>")]


def vtk_hostile(tmp_path: Path) -> dict[str, tuple[str, bytes, str]]:
    vtp = text_of(pv.Sphere(), tmp_path / "s.vtp")
    vtu = text_of(
        pv.ImageData(dimensions=(3, 3, 3)).cast_to_unstructured_grid(), tmp_path / "g.vtu"
    )
    vtk = text_of(pv.Sphere(), tmp_path / "s.vtk")
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10 if n else "ha"}">' for n in range(12))
    bomb = f'<?xml version="1.0"?><!DOCTYPE b [{entities}]><VTKFile>&e11;</VTKFile>'
    end = len(polys(vtp))
    bad_vtp = with_bad_index(vtp[:end], "connectivity") + vtp[end:].encode()
    return {
        "vtp index": (".vtp", bad_vtp, "faces must use vertices 0 to 841, got 0 to 99,999,999"),
        "vtp 9e9": (
            ".vtp",
            re.sub(r'NumberOfPoints="\d+"', 'NumberOfPoints="9000000000"', vtp).encode(),
            "file must be complete and valid, got one that crashes its reader (SIGABRT); it may be",
        ),
        "vtp cut": (
            ".vtp",
            vtp[: len(vtp) // 2].encode(),
            "got one that VTK cannot read; it may be",
        ),
        "vtp random": (".vtp", RANDOM, "got one that VTK cannot read"),
        "vtp bomb": (".vtp", bomb.encode(), "got one that VTK cannot read"),
        "vtu index": (".vtu", with_bad_index(vtu, "connectivity"), "faces must use vertices 0 to"),
        "vtu cut": (".vtu", vtu[: len(vtu) // 2].encode(), "got one that VTK cannot read"),
        "vtk cut": (
            ".vtk",
            vtk[: len(vtk) // 2].encode(),
            "got one that VTK cannot read; it may be",
        ),
        "vtk random": (".vtk", RANDOM, "got one that VTK cannot read"),
        "vtk table": (
            ".vtk",
            b"# vtk DataFile Version 3.0\nt\nASCII\nDATASET TABLE\nROW_DATA 1\n",
            "file must contain a surface or a mesh of cells, got vtkTable; export the surface as",
        ),
    }


def test_file_that_breaks_vtk_does_no_harm(tmp_path: Path) -> None:
    good = saved(BRICK, tmp_path / "good.vtp")
    for suffix, data, message in vtk_hostile(tmp_path).values():
        with pytest.raises(GeometryError, match=re.escape(message)) as caught:
            read_mesh_bytes(data, suffix=suffix)
        assert "mspt-shape" not in str(caught.value)
    assert read_mesh(good).volume == pytest.approx(6.0)


# What is refused before or after the child


@pytest.mark.parametrize("suffix", [".step", "", "stl", "/../../evil.stl", ".stl/../../x", ".pkl"])
def test_suffix_must_be_a_known_one(suffix: str) -> None:
    known = ".stl, .obj, .ply, .vtp, .vtu, .vtk, .glb, .gltf"
    message = f"file must be one of {known}, got {suffix!r}; export the shape as STL"
    with pytest.raises(GeometryError, match=re.escape(message)):
        read_mesh_bytes(b"", suffix=suffix)


def test_file_must_exist_and_hold_something(tmp_path: Path) -> None:
    with pytest.raises(
        GeometryError, match=r"^file must exist, found no none\.stl; check its path$"
    ):
        read_mesh(tmp_path / "none.stl")
    (tmp_path / "folder.stl").mkdir()
    with pytest.raises(GeometryError, match="file must exist"):
        read_mesh(tmp_path / "folder.stl")
    for suffix in SUFFIXES:
        with pytest.raises(GeometryError, match="must contain a shape, got an empty file"):
            read_mesh_bytes(b"", suffix=suffix)


def test_file_must_not_be_huge(tmp_path: Path) -> None:
    with (tmp_path / "huge.stl").open("wb") as file:
        file.truncate(300 * 1024**2)
    with pytest.raises(GeometryError, match="at most 200 MB, got 300 MB; reduce the mesh"):
        read_mesh(str(tmp_path / "huge.stl"))


def ply_of(points: str, faces: str) -> bytes:
    head = PLY.format(vertices=points.count("\n"), faces=faces.count("\n"))
    return (head + points + faces).encode()


def test_shape_must_enclose_something() -> None:
    with pytest.raises(GeometryError, match="at least 4 triangles to enclose anything, got 3"):
        read_mesh_bytes(ply_of(POINTS, TETRAHEDRON.partition("\n")[2]), suffix=".ply")
    line = "0 0 0\n1 0 0\n2 0 0\n3 0 0\n"
    with pytest.raises(GeometryError, match="extend along at least two axes, got 3 x 0 x 0"):
        read_mesh_bytes(ply_of(line, TETRAHEDRON), suffix=".ply")
    with pytest.raises(GeometryError, match=r"must stay within 1e\+09, got 1e\+30; move"):
        read_mesh_bytes(ply_of(POINTS.replace("1", "1e30"), TETRAHEDRON), suffix=".ply")


def test_flat_square_is_a_shape() -> None:
    square = "0 0 0\n1 0 0\n1 1 0\n0 1 0\n0.5 0.5 0\n"
    faces = "3 0 1 4\n3 1 2 4\n3 2 3 4\n3 3 0 4\n"
    assert read_mesh_bytes(ply_of(square, faces), suffix=".ply").areas.sum() == pytest.approx(1.0)


def test_name_of_an_upload_touches_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "TemporaryDirectory", watched := Watched(tmp_path))
    read_mesh_bytes(ply_of(POINTS, TETRAHEDRON), suffix=".PLY")
    assert watched.names == ["shape.ply"]


class Watched:
    """A temporary folder that notes which files were in it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.names = folder, []

    def __call__(self, prefix: str) -> "Watched":
        assert prefix == "mspt-shape-"
        return self

    def __enter__(self) -> str:
        return str(self.folder)

    def __exit__(self, *_: object) -> None:
        self.names = [path.name for path in self.folder.iterdir()]


# The conversation with the child


def framed(content: bytes) -> bytes:
    return struct.pack("<Q", len(content)) + content


def test_child_answers_until_there_are_no_more_requests(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.stl", tmp_path / "bad.stl"
    good.write_bytes(binary_stl(BRICK))
    bad.write_bytes(RANDOM)
    requests = b"".join(
        framed(json.dumps({"path": str(path), "suffix": ".stl"}).encode()) for path in (bad, good)
    )
    replies = io.BytesIO()
    serve(io.BytesIO(requests), replies)
    stream, frames = io.BytesIO(replies.getvalue()), []
    while head := stream.read(8):
        frames.append(stream.read(struct.unpack("<Q", head)[0]))
    assert json.loads(frames[0]) == {"ready": True}
    assert json.loads(frames[1]).keys() == {"error"}
    assert json.loads(frames[2]) == {"vertices": 8, "triangles": 12}
    assert [len(frame) for frame in frames[3:]] == [8 * 24, 12 * 12]
