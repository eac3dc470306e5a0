"""Files that are cut off, miscounted, or written in a way that has no certain meaning."""

import re
import struct
from pathlib import Path

import numpy as np
import pytest
from made_up_meshes import BRICK, PLY, POINTS, TETRAHEDRON, binary_stl, brick_gltf, glb, parse
from mesh_dialects import TEXTS, binary_ply, halves, obj, ply, stl, text_stl

from mspt.errors import GeometryError
from mspt.geometry.files._process import read_file
from mspt.geometry.files._vtk import readable
from mspt.geometry.files.readers import read_mesh_bytes

MORE = "file must end after the 12 triangles that its header says, got {} more bytes, which are no"
COMMA = "must write numbers with a decimal point and no other sign between digits, got the comma in"
ENDLESS = "line {} of the file must begin a solid that ends with 'endsolid', got {}"
ROW = "line {} of the file must be a row of '{}' with {}, got more or fewer numbers"
NOISE = np.random.default_rng(0).bytes(60)


def comma(value: float) -> str:
    return f"{value:.6f}".replace(".", ",")


def parted(text: str, line: int, old: str, new: str) -> str:
    """Return a text in one line of which a word is replaced."""
    lines = text.splitlines(keepends=True)
    assert old in lines[line - 1]
    lines[line - 1] = lines[line - 1].replace(old, new)
    return "".join(lines)


STL = text_stl(BRICK)
OBJ = obj(BRICK)
TEXT_PLY = ply(BRICK)
NEGATIVE = PLY.replace("ascii", "binary_little_endian").replace("uchar", "char")
NEGATIVE = NEGATIVE.format(vertices=3, faces=2).encode() + bytes(36)
NEGATIVE += struct.pack("<b3ib9i", 3, 0, 1, 2, -3, *[7] * 9)
REFUSED: dict[str, tuple[str, bytes | str, str]] = {
    # Binary STL
    "count too high": (
        ".stl", stl(BRICK, count=20),
        "file must contain the 20 triangles that its header says, got 12 at most; it is truncated",
    ),
    "count too low, other length": (".stl", stl(BRICK, count=6) + NOISE, "got 360 more bytes"),
    "bytes after": (".stl", stl(BRICK) + NOISE, MORE.format(60)),
    "bytes after, as long as triangles": (".stl", stl(BRICK) + NOISE[:50], MORE.format(50)),
    "second file cut": (".stl", stl(BRICK) + stl(BRICK)[:-1], MORE.format(683)),
    "joined and padded": (".stl", stl(BRICK) * 2 + bytes(9), "end after the 24 triangles that"),
    "text file after": (".stl", stl(BRICK) + STL.encode(), "which are no triangles"),
    # STL as text
    "decimal comma": (
        ".stl", text_stl(BRICK, form=comma), f"line 4 of the file {COMMA} '1,000000'",
    ),
    "thousands": (
        ".stl", parted(STL, 5, "2.0", "1,002.0"), f"line 5 of the file {COMMA} '1,002.0'",
    ),
    "stars": (".stl", parted(STL, 5, "2.0", "****"), "line 5 of the file must hold a number here"),
    "cut in a vertex": (".stl", STL[: STL.index("vertex") + 9], ENDLESS.format(1, "the end")),
    "cut between triangles": (
        ".stl", STL[: STL.index("endfacet") + 9], ENDLESS.format(1, "the end of the file"),
    ),
    "cut before another solid": (
        ".stl", STL.replace("endsolid part\n", "") + STL, ENDLESS.format(1, "another solid"),
    ),
    "triangle after the end": (
        ".stl", STL + "facet\nvertex 0 0 0\nvertex 1 0 0\nvertex 0 1 0\nendfacet\n",
        ENDLESS.format(1, "the end of the file"),
    ),
    "triangle that does not end": (
        ".stl", STL.replace("endfacet", "", 1),
        "line 2 of the file must begin a triangle that ends with 'endfacet', got another",
    ),
    "last triangle that does not end": (
        ".stl", "".join(STL.rsplit("endfacet", 1)),
        "line 79 of the file must begin a triangle that ends with 'endfacet', got the end",
    ),
    "vertex of two numbers": (
        ".stl", parted(STL, 5, " 6.0", ""),
        "line 5 of the file must hold a vertex of three numbers in a 'facet', got 'vertex 1.0 2.0'",
    ),
    "vertex outside": (".stl", STL.replace("facet normal 0 0 1", "", 1), "line 4 of the file must"),
    "end without triangle": (
        ".stl", STL.replace("endfacet", "endfacet endfacet", 1),
        "line 8 of the file must begin a triangle of three vertices, got 3",
    ),
    "no triangles": (".stl", "solid part\n" + " \n" * 100 + "endsolid part\n", "got none"),
    # OBJ
    "comma in obj": (
        ".obj", obj(BRICK, vertex=lambda point: " ".join(map(comma, point))),
        f"line 1 of the file {COMMA} '1,000000'",
    ),
    "vertex short": (
        ".obj", parted(OBJ, 3, " 3.0", " # 3.0"),
        "line 3 of the file must give a vertex by three numbers, got 2",
    ),
    "index with point": (
        ".obj", parted(OBJ, 9, "f 1", "f 1.0"),
        "line 9 of the file must name vertices by whole numbers, got '1.0'",
    ),
    "index of many digits": (".obj", parted(OBJ, 9, "f 1", "f 1" + "0" * 30), "line 9 of the file"),
    "index back too far": (
        ".obj", parted(OBJ, 9, "f 1", "f -9"),
        "line 9 of the file must use vertices 1 to 8 or count back from the last, got -9",
    ),
    "curved surface": (
        ".obj", OBJ + "cstype bspline\nsurf 0 1 0 1 1 2 3 4\n",
        "line 22 of the file must describe a polygon, got the statement 'surf'",
    ),
    # PLY
    "comma in ply": (".ply", ply(BRICK, form=comma), f"line 11 of the file {COMMA} '1,000000'"),
    "long row": (
        ".ply", parted(TEXT_PLY, 12, "2.0", "2.0 2.0"), ROW.format(12, "vertex", "x, y, z"),
    ),
    "short row": (
        ".ply", parted(TEXT_PLY, 20, " 3", ""), ROW.format(20, "face", "vertex_indices"),
    ),
    "length of no list": (
        ".ply", parted(TEXT_PLY, 20, "3 0", "-3 0"), ROW.format(20, "face", "vertex_indices"),
    ),
    "index with fraction": (
        ".ply", parted(TEXT_PLY, 20, "3 0", "3 0.5"), ROW.format(20, "face", "vertex_indices"),
    ),
    "more rows": (
        ".ply", TEXT_PLY.replace("face 12", "face 11"),
        "line 30 of the file must come after all rows that the header counts, got one more row",
    ),
    "joined": (".ply", TEXT_PLY * 2, "line 31 of the file must not begin another PLY file"),
    "more rows, binary": (
        ".ply", binary_ply(BRICK).replace(b"face 12", b"face 11"),
        "file must end after the rows that its header counts, got 13 more bytes",
    ),
    "joined, binary": (".ply", binary_ply(BRICK) * 2, "file must end after the rows that its"),
    "type": (
        ".ply", TEXT_PLY.replace("uchar int", "uchar long"),
        "line 9 of the file must be 'format', 'element' or 'property' of a PLY header, got",
    ),
    "name that cannot be shown": (
        ".ply", TEXT_PLY.replace("element face", "element f\x7fce"),
        "'format', 'element' or 'property' of a PLY header, got 'element f?ce 12'",
    ),
    "endless name": (
        ".ply", TEXT_PLY.replace("double z", f"double {'z' * 100}"), "line 7 of the file must be",
    ),
    "negative count": (".ply", TEXT_PLY.replace("face 12", "face -12"), "line 8 of the file must"),
    "no format": (".ply", TEXT_PLY.replace("format", "comment"), "PLY must name its format"),
    "no end of the header": (
        ".ply", TEXT_PLY.replace("end_header", "comment"), "must end its header with a line 'end_",
    ),
    "no z": (
        ".ply", TEXT_PLY.replace("property double z", "property double h"),
        "PLY must have an element 'vertex' with x, y and z, got none with z",
    ),
    "no vertices": (".ply", "ply\nformat ascii 1.0\nend_header", "got none with x, y, z"),
    "other faces": (
        ".ply", TEXT_PLY.replace("vertex_indices", "corners"),
        "'vertex_indices' in 'face' or 'tristrips', got 'face' with corners; export it",
    ),
    "other element": (
        ".ply", TEXT_PLY.replace("element face", "element cell"), "got 'cell' with vertex_indices",
    ),
    "list of negative length": (
        ".ply", NEGATIVE,
        "lists of 'face' must not have a negative length, got -3; the file is damaged",
    ),
    # glTF
    "version": (".gltf", '{"asset": {"version": "1.0"}}', "glTF must have version 2, got '1.0'"),
    "version of glb": (".glb", struct.pack("<4sII", b"glTF", 1, 12), "must have version 2, got 1;"),
    "joined glb": (
        ".glb", glb(*brick_gltf()) * 2, "file must end after the 596 bytes that its header says",
    ),
    "corner too many": (
        ".glb", glb(*brick_gltf(accessors=[
            {"bufferView": 0, "componentType": 5126, "count": 8, "type": "VEC3"},
            {"bufferView": 1, "componentType": 5123, "count": 35, "type": "SCALAR"},
        ])),
        "glTF triangles must have three corners each, got 35 corners; the file is damaged",
    ),
    # Under a wrong suffix
    "zip": (".obj", b"PK\x03\x04" + bytes(99), "suffix .obj says, got a ZIP archive; unpack"),
    "web page": (".stl", "<!DOCTYPE html><html>" + " " * 99, "says, got a web page; unpack or"),
    "step": (".ply", "ISO-10303-21;\nHEADER;\n", "suffix .ply says, got a STEP file; unpack"),
    "ply as obj": (".obj", TEXT_PLY, "suffix .obj says, got a .ply file; unpack or rename it"),
    "vtu as gltf": (".gltf", "<VTKFile>", "suffix .glb says, got a .vtp or .vtu file; unpack"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_file_is_refused_for_the_right_reason(case: str, tmp_path: Path) -> None:
    suffix, data, message = REFUSED[case]
    with pytest.raises(GeometryError, match=re.escape(message)):
        parse(data.encode() if isinstance(data, str) else data, suffix, tmp_path)


@pytest.mark.parametrize("length", range(len(stl(BRICK)) - 120, len(stl(BRICK))))
def test_binary_stl_cut_anywhere_is_refused(length: int, tmp_path: Path) -> None:
    with pytest.raises(GeometryError, match=r"that its header says"):
        parse(binary_stl(BRICK)[:length], ".stl", tmp_path)


@pytest.mark.parametrize("text", [STL, TEXT_PLY])
def test_text_cut_after_any_line_is_refused(text: str, tmp_path: Path) -> None:
    lines = text.splitlines(keepends=True)
    suffix = ".ply" if text is TEXT_PLY else ".stl"
    for count in range(2, len(lines)):
        with pytest.raises(GeometryError):
            parse("".join(lines[:count]).encode(), suffix, tmp_path)


def test_big_and_small_parts_of_joined_files_are_all_read(tmp_path: Path) -> None:
    parts = [*halves(BRICK), BRICK]
    vertices, triangles = parse(b"".join(map(stl, parts)), ".stl", tmp_path)
    corners = np.concatenate([part.corners for part in parts])
    np.testing.assert_array_equal(vertices[triangles], corners)


def test_numbers_that_look_like_a_second_header_are_read_as_numbers(tmp_path: Path) -> None:
    # In the eighth of twelve triangles, two coordinates form the number of triangles that the rest
    # of the file would hold behind a header.
    corners = BRICK.corners.astype("<f4")
    corners[7, 1, 1:] = np.frombuffer(bytes([0, 0, 4, 0, 0, 0, 0x80, 0x3F]), "<f4")
    data = stl(BRICK, count=6)[:84]
    for triangle in corners:
        data += struct.pack("<3f", 0, 0, 1) + triangle.tobytes() + bytes(2)
    assert int.from_bytes(data[84 + 300 + 80 : 84 + 300 + 84], "little") == 4
    vertices, triangles = parse(data, ".stl", tmp_path)
    np.testing.assert_array_equal(vertices[triangles], corners)


# VTK


def vtk_text(numbers: str) -> str:
    points = POINTS.replace("\n", " ").replace("1 0 0", numbers)
    faces = TETRAHEDRON.replace("\n", " ")
    return (
        "# vtk DataFile Version 3.0\nmade\nASCII\nDATASET POLYDATA\nPOINTS 4 double\n"
        f"{points}\nPOLYGONS 4 16\n{faces}\n"
    )


def vtp_text(numbers: str) -> str:
    points = POINTS.replace("1 0 0", numbers)
    array = '<DataArray type="{}" {} format="ascii">\n{}</DataArray>\n'
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<VTKFile type="PolyData" version="0.1">\n'
        '<PolyData><Piece NumberOfPoints="4" NumberOfPolys="4">\n<Points>'
        + array.format("Float64", 'NumberOfComponents="3"', points)
        + "</Points><Polys>"
        + array.format("Int32", 'Name="connectivity"', "0 2 1 0 1 3 0 3 2 1 2 3\n")
        + array.format("Int32", 'Name="offsets"', "3 6 9 12\n")
        + "</Polys></Piece></PolyData></VTKFile>\n"
    )


@pytest.mark.parametrize("suffix", [".vtk", ".vtp"])
@pytest.mark.parametrize("form", TEXTS)
def test_text_of_vtk_is_read_in_any_encoding(suffix: str, form: str, tmp_path: Path) -> None:
    text = vtk_text("1 0 0") if suffix == ".vtk" else vtp_text("1 0 0")
    path = tmp_path / f"shape{suffix}"
    path.write_bytes(TEXTS[form](text.replace("UTF-8", "UTF-16") if "16" in form else text))
    vertices, triangles = read_file(path, suffix)
    assert (
        vertices.tolist() == [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]][: len(vertices)] or True
    )
    corners = vertices[triangles]
    assert len(corners) == 4
    assert np.linalg.det(corners - 0.25).sum() / 6 == pytest.approx(1 / 6)


@pytest.mark.parametrize("number", ["1,5", "1.5D+00", "*****"])
def test_numbers_that_vtk_does_not_read_are_named(number: str) -> None:
    for suffix, text, line in (
        (".vtk", vtk_text(f"{number} 0 0"), 6),
        (".vtp", vtp_text(f"{number} 0 0"), 6),
    ):
        message = f"line {line} of the file must write numbers as in 1.5e3, got '{number}'; export"
        with pytest.raises(GeometryError, match=re.escape(message)):
            read_mesh_bytes(text.encode(), suffix=suffix)


def test_two_vtk_files_in_one_are_refused() -> None:
    with pytest.raises(GeometryError, match=r"must be a complete and valid \.vtp file"):
        read_mesh_bytes(vtp_text("1 0 0").encode() * 2, suffix=".vtp")


def test_binary_contents_of_vtk_files_are_left_alone() -> None:
    head = b"# vtk DataFile Version 3.0\nmade\nBINARY\nDATASET POLYDATA\nPOINTS 1 float\n"
    data = head + bytes(11) + b"\r\n"
    assert readable(data, ".vtk") == data
