import base64
import io
import json
import pickle
import re
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import pyvista as pv
import trimesh
from trimesh.exchange.gltf import export_gltf

from mspt.errors import GeometryError
from mspt.geometry import _read_process, readers
from mspt.geometry._read_process import answer, merge_identical, serve
from mspt.geometry.mesh import SurfaceMesh, box
from mspt.geometry.readers import SUFFIXES, read_mesh, read_mesh_bytes
from mspt.geometry.shapes import draw_body

BRICK = box((1, 2, 3), (2, 4, 6))
BLOCK = draw_body("block", 1).mesh
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


def parsed_mesh(data: bytes | str, suffix: str, tmp_path: Path) -> SurfaceMesh:
    data = data.encode() if isinstance(data, str) else data
    vertices, triangles = parse(data, suffix, tmp_path)
    return SurfaceMesh(vertices, triangles.astype(np.int64))


def saved(mesh: SurfaceMesh, path: Path, **options: bool) -> Path:
    pv.PolyData.from_regular_faces(mesh.vertices, mesh.triangles).save(path, **options)
    return path


def exported(mesh: SurfaceMesh, path: Path, **options: object) -> Path:
    trimesh.Trimesh(mesh.vertices, mesh.triangles, process=False).export(path, **options)
    return path


def embedded_gltf(mesh: SurfaceMesh, path: Path) -> Path:
    scene = trimesh.Scene(trimesh.Trimesh(mesh.vertices, mesh.triangles, process=False))
    path.write_bytes(export_gltf(scene, embed_buffers=True)["model.gltf"])
    return path


def cells(mesh: SurfaceMesh, path: Path) -> Path:
    surface = pv.PolyData.from_regular_faces(mesh.vertices, mesh.triangles)
    surface.cast_to_unstructured_grid().save(path)
    return path


WRITERS: dict[str, Callable[[SurfaceMesh, Path], Path]] = {
    "binary.stl": saved,
    "text.stl": lambda mesh, path: saved(mesh, path, binary=False),
    "mesh.obj": exported,
    "binary.ply": saved,
    "text.ply": lambda mesh, path: saved(mesh, path, binary=False),
    "other.ply": exported,
    "binary.vtp": saved,
    "text.vtp": lambda mesh, path: saved(mesh, path, binary=False),
    "cells.vtu": cells,
    "binary.vtk": saved,
    "text.vtk": lambda mesh, path: saved(mesh, path, binary=False),
    "scene.glb": exported,
    "scene.gltf": embedded_gltf,
}


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("mesh", [BRICK, BLOCK], ids=["brick", "block"])
def test_file_of_another_program_gives_the_same_surface(
    name: str, mesh: SurfaceMesh, tmp_path: Path
) -> None:
    found = read_mesh(WRITERS[name](mesh, tmp_path / name))
    assert len(found.triangles) == len(mesh.triangles)
    assert len(found.vertices) == len(np.unique(mesh.vertices, axis=0))
    np.testing.assert_allclose(found.bounds, mesh.bounds, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(found.areas.sum(), mesh.areas.sum(), rtol=1e-6)
    np.testing.assert_allclose(found.volume, mesh.volume, rtol=1e-5)


def test_every_suffix_has_a_round_trip() -> None:
    assert {Path(name).suffix for name in WRITERS} == set(SUFFIXES)
    assert set(_read_process.PARSERS) | set(_read_process.VTK_SUFFIXES) == set(SUFFIXES)


def test_bytes_are_read_like_the_file(tmp_path: Path) -> None:
    data = saved(BRICK, tmp_path / "brick.stl").read_bytes()
    assert read_mesh_bytes(data, suffix=".STL").volume == pytest.approx(6.0)


def test_cells_of_a_volume_give_their_outer_surface(tmp_path: Path) -> None:
    grid = pv.ImageData(dimensions=(4, 3, 3)).cast_to_unstructured_grid()
    grid.save(tmp_path / "grid.vtu")
    mesh = read_mesh(tmp_path / "grid.vtu")
    assert mesh.volume == pytest.approx(12.0)
    assert mesh.areas.sum() == pytest.approx(2 * (6 + 6 + 4))


def test_quads_and_strips_are_triangulated(tmp_path: Path) -> None:
    pv.Cube().save(tmp_path / "cube.vtp")
    assert read_mesh(tmp_path / "cube.vtp").volume == pytest.approx(1.0)
    cylinder = pv.Cylinder(resolution=6).triangulate().strip()
    cylinder.save(tmp_path / "strips.vtp")
    assert read_mesh(tmp_path / "strips.vtp").areas.sum() == pytest.approx(cylinder.area, rel=1e-5)


# STL


def binary_stl(mesh: SurfaceMesh) -> bytes:
    record = b"".join(
        struct.pack("<12fH", 0, 0, 0, *corners.ravel(), 0) for corners in mesh.corners
    )
    return b"solid, although binary".ljust(80) + struct.pack("<I", len(mesh.triangles)) + record


def test_binary_stl_may_begin_with_solid_and_end_with_more(tmp_path: Path) -> None:
    mesh = parsed_mesh(binary_stl(BRICK) + b"more", ".stl", tmp_path)
    assert mesh.volume == pytest.approx(6.0)
    assert len(mesh.vertices) == 8


def test_text_stl_may_hold_several_solids_in_capitals(tmp_path: Path) -> None:
    facet = "facet normal 0 0 1\n outer loop\n{}endloop\nendfacet\n"
    corners = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], dtype=float)
    solids = ""
    for height in (0.0, 1.0):
        loop = "".join(f"vertex {x} {y} {z + height:e}\n" for x, y, z in corners)
        solids += f"solid part\n{facet.format(loop)}endsolid part\n"
    mesh = parsed_mesh(solids.upper(), ".stl", tmp_path)
    assert len(mesh.triangles) == 2
    assert mesh.bounds[1].tolist() == [1, 1, 1]


# OBJ


def test_obj_counts_back_from_the_last_vertex_before_the_face(tmp_path: Path) -> None:
    first = "v 0 0 0\nv 1 0 0\nv 0 1 0\nf -3 -2 -1\n"
    second = "v 0 0 1\nv 1 0 1\nv 0 1 1\nf -3//1 -2//1 -1//1\n"
    mesh = parsed_mesh(first + second, ".obj", tmp_path)
    assert mesh.corners[:, :, 2].tolist() == [[0, 0, 0], [1, 1, 1]]


def test_obj_with_all_that_may_stand_in_it(tmp_path: Path) -> None:
    text = (
        "# a square with a corner cut away, and more\r\nmtllib none.mtl\r\no first\r\n\r\n"
        "v 0 0 0 1.0 0.5 0.5\r\nv 2 0 0\r\nv 2 1 0\r\nv 1 1 0\r\nv 1 2 0\r\n"
        "v 0 2 0\r\nvt 0 0\r\nvn 0 0 1\r\ng group\r\nusemtl red\r\ns off\r\n"
        "f 1/1/1 2/1/1 3/1 4//1 \\\r\n5 6\r\nl 1 2\r\nv 9 9 9\r\n"
    )
    mesh = parsed_mesh(text, ".obj", tmp_path)
    assert len(mesh.triangles) == 4
    assert mesh.areas.sum() == pytest.approx(3.0)
    assert mesh.area_vectors.sum(axis=0).tolist() == pytest.approx([0, 0, 3])


def test_points_and_lines_among_the_faces_are_left_out(tmp_path: Path) -> None:
    text = "v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1\nf 1 2\nf 1 2 3\nf 2 3\n"
    assert parsed_mesh(text, ".obj", tmp_path).corners[0].tolist() == [
        [0, 0, 0], [1, 0, 0], [0, 1, 0],
    ]  # fmt: skip


def test_message_of_a_library_names_no_folder(tmp_path: Path) -> None:
    head, *_ = answer({"path": str(tmp_path / "none"), "suffix": ".stl"})
    assert "No such file" in json.loads(head)["error"]
    assert str(tmp_path) not in json.loads(head)["error"]


# PLY


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


@pytest.mark.parametrize("order", ["<", ">"])
def test_binary_ply_with_mixed_polygons(order: str, tmp_path: Path) -> None:
    mesh = parsed_mesh(mixed_ply(order), ".ply", tmp_path)
    assert len(mesh.triangles) == 12
    assert mesh.volume == pytest.approx(6.0)


def test_text_ply_with_mixed_polygons(tmp_path: Path) -> None:
    faces = "3 0 1 3\n3 0 3 2\n4 4 6 7 5\n4 0 4 5 1\n4 2 3 7 6\n4 0 2 6 4\n4 1 5 7 3\n"
    points = "".join(f"{x} {y} {z}\n" for x in (0, 1) for y in (0, 1) for z in (0, 1))
    mesh = parsed_mesh(PLY.format(vertices=8, faces=7) + points + faces, ".ply", tmp_path)
    assert mesh.volume == pytest.approx(1.0)


def test_double_coordinates_far_from_the_origin_keep_their_digits(tmp_path: Path) -> None:
    mesh = parsed_mesh(mixed_ply("<"), ".ply", tmp_path)
    far = SurfaceMesh(mesh.vertices + 1e8, mesh.triangles)
    text = "".join("v {} {} {}\n".format(*vertex) for vertex in far.vertices)
    text += "".join("f {} {} {}\n".format(*triangle) for triangle in far.triangles + 1)
    assert parsed_mesh(text, ".obj", tmp_path).volume == pytest.approx(6.0)


# glTF


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


def test_scene_is_put_together_as_by_trimesh(tmp_path: Path) -> None:
    scene = trimesh.Scene()
    part = trimesh.Trimesh(BRICK.vertices, BRICK.triangles, process=False)
    rng = np.random.default_rng(0)
    parent = None
    for index in range(4):
        move = trimesh.transformations.random_rotation_matrix(rng.random(3))
        move[:3, 3] = rng.normal(size=3)
        move[:3, :3] *= rng.uniform(0.5, 2.0)
        scene.add_geometry(part, node_name=f"n{index}", parent_node_name=parent, transform=move)
        parent = f"n{index}"
    mesh = parsed_mesh(scene.export(file_type="glb"), ".glb", tmp_path)
    whole = scene.to_mesh()
    np.testing.assert_allclose(mesh.bounds, whole.bounds, rtol=1e-5)
    np.testing.assert_allclose(mesh.areas.sum(), whole.area, rtol=1e-5)
    np.testing.assert_allclose(mesh.volume, whole.volume, rtol=1e-4)


def test_node_is_turned_then_scaled_then_moved(tmp_path: Path) -> None:
    half = 0.5**0.5
    node = {"mesh": 0, "rotation": [0, 0, half, half], "scale": [2, 1, 1], "translation": [9, 0, 0]}
    mesh = parsed_mesh(glb(*brick_gltf(nodes=[node])), ".glb", tmp_path)
    # The brick from (1, 2, 3) to (2, 4, 6): x doubled, then x to y and y to -x, then moved.
    np.testing.assert_allclose(mesh.bounds, [[5, 2, 3], [7, 4, 6]], atol=1e-6)


def test_matrix_of_a_node_stands_by_columns(tmp_path: Path) -> None:
    node = {"mesh": 0, "matrix": [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 10, 20, 30, 1]}
    mesh = parsed_mesh(glb(*brick_gltf(nodes=[node])), ".glb", tmp_path)
    np.testing.assert_allclose(mesh.bounds[0], [11, 22, 33])


def test_mirrored_node_is_not_inside_out(tmp_path: Path) -> None:
    nodes = [{"mesh": 0, "scale": [1, -1, 1]}]
    mesh = parsed_mesh(glb(*brick_gltf(nodes=nodes)), ".glb", tmp_path)
    assert mesh.volume == pytest.approx(6.0)


def test_only_the_nodes_of_the_scene_are_read(tmp_path: Path) -> None:
    nodes = [{"children": [1]}, {"mesh": 0}, {"mesh": 0, "translation": [50, 0, 0]}]
    scenes = {"scenes": [{"nodes": [2]}, {"nodes": [0]}], "scene": 1}
    mesh = parsed_mesh(glb(*brick_gltf(nodes=nodes, **scenes)), ".glb", tmp_path)
    np.testing.assert_allclose(mesh.bounds, BRICK.bounds)
    roots = parsed_mesh(glb(*brick_gltf(nodes=nodes)), ".glb", tmp_path)
    assert len(roots.triangles) == 24


@pytest.mark.parametrize(("mode", "order"), [(5, [0, 1, 2, 3]), (6, [0, 1, 3, 2]), (1, [])])
def test_strips_and_fans_are_squares_and_lines_are_nothing(
    mode: int, order: list[int], tmp_path: Path
) -> None:
    square = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0]], dtype="<f4")
    document, binary = brick_gltf()
    points = square[order] if order else square
    document["accessors"].append(
        {"bufferView": 2, "componentType": 5126, "count": 4, "type": "VEC3"}
    )
    document["bufferViews"].append(
        {"buffer": 0, "byteOffset": len(binary), "byteLength": points.nbytes}
    )
    document["meshes"].append({"primitives": [{"attributes": {"POSITION": 2}, "mode": mode}]})
    mesh = parsed_mesh(glb(document, binary + points.tobytes()), ".glb", tmp_path)
    np.testing.assert_allclose(
        mesh.area_vectors.sum(axis=0), [0, 0, 1.0 if order else 0.0], atol=1e-6
    )


def test_interleaved_and_normalized_positions(tmp_path: Path) -> None:
    document, binary = brick_gltf(extensionsRequired=["KHR_mesh_quantization"])
    rows = np.zeros(8, dtype=[("point", "<i2", 3), ("other", "<i2", 5)])
    rows["point"], rows["other"] = np.round(BRICK.vertices / 6 * 32767), 77
    document["accessors"][0] |= {"componentType": 5122, "normalized": True}
    document["bufferViews"][0] = {
        "buffer": 0, "byteOffset": len(binary), "byteLength": rows.nbytes, "byteStride": 16,
    }  # fmt: skip
    document["nodes"] = [{"mesh": 0, "scale": [6, 6, 6]}]
    mesh = parsed_mesh(glb(document, binary + rows.tobytes()), ".glb", tmp_path)
    assert mesh.volume == pytest.approx(6.0, rel=1e-3)


def gltf_errors() -> dict[str, tuple[dict, str]]:
    return {
        "compressed": (
            {"extensionsRequired": ["KHR_draco_mesh_compression"]},
            "glTF must not need extensions, got KHR_draco_mesh_compression; export it as .glb",
        ),
        "linked": (
            {"buffers": [{"uri": "../../secret.bin", "byteLength": 9}]},
            r"glTF must hold its data, got a link to '../../secret.bin'; export it as .glb",
        ),
        "loop": (
            {
                "nodes": [{"children": [1], "mesh": 0}, {"children": [0]}],
                "scenes": [{"nodes": [0]}],
            },
            "glTF must have nodes with one parent each, node 0 has more",
        ),
        "sparse": (
            {"accessors": [{"count": 9, "componentType": 5126, "type": "VEC3"}] * 2},
            "glTF must hold plain arrays, got a sparse or compressed one; export it as .glb",
        ),
        "many": (
            {"accessors": [{"count": 7_200_000, "componentType": 5126, "type": "VEC3"}] * 2},
            "file must have at most 2,000,000 triangles, got 2,400,000; reduce the mesh",
        ),
    }


@pytest.mark.parametrize("case", gltf_errors())
def test_gltf_that_cannot_be_read_as_it_is_meant(case: str, tmp_path: Path) -> None:
    changes, message = gltf_errors()[case]
    with pytest.raises(GeometryError, match=message):
        parse(glb(*brick_gltf(**changes)), ".glb", tmp_path)


def test_gltf_may_hold_its_data_as_text(tmp_path: Path) -> None:
    document, binary = brick_gltf()
    text = base64.b64encode(binary).decode()
    document["buffers"][0]["uri"] = f"data:application/octet-stream;base64,{text}"
    assert parsed_mesh(json.dumps(document), ".gltf", tmp_path).volume == pytest.approx(6.0)


# Vertices


def test_merged_corners_are_those_of_numpy() -> None:
    rng = np.random.default_rng(0)
    vertices = rng.integers(-2, 3, (400, 3)) * 0.1
    vertices[::7] *= -0.0
    triangles = rng.integers(0, 300, (500, 3))
    merged, found = merge_identical(vertices, triangles)
    np.testing.assert_array_equal(merged[found], vertices[triangles])
    assert len(merged) == len(np.unique(vertices[triangles].reshape(-1, 3) + 0.0, axis=0))


def test_merging_survives_equal_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_read_process, "_hashes", lambda vertices: np.zeros(len(vertices)))
    merged, found = merge_identical(BRICK.corners.reshape(-1, 3), np.arange(36).reshape(-1, 3))
    assert len(merged) == 8
    np.testing.assert_array_equal(merged[found], BRICK.corners)


def test_vertices_keep_the_order_of_the_file(tmp_path: Path) -> None:
    text = PLY.format(vertices=4, faces=4) + POINTS + TETRAHEDRON
    vertices, triangles = parse(text.encode(), ".ply", tmp_path)
    assert vertices.tolist() == [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]
    assert triangles.tolist() == [[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]]


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
STL_CUT = "file must hold the {} triangles that its header says, got {} at most; it is cut off"
NOTHING = "file must hold triangles, got none; it may be empty, cut off or not what its name says"
PLY_CUT = "file must hold the {} rows of '{}' that its header says, got less; it is cut off"
HOSTILE: dict[str, tuple[str, bytes, str]] = {
    "stl random": (".stl", RANDOM, r"triangles that its header says"),
    "obj random": (".obj", RANDOM, NOTHING),
    "ply random": (".ply", RANDOM, "must begin with a PLY header, got none; it is no .ply file"),
    "glb random": (".glb", RANDOM, "file must be a whole and valid .glb file, got one that cannot"),
    "gltf random": (".gltf", RANDOM, "file must be a whole and valid .gltf file"),
    "stl cut": (".stl", binary_stl(BRICK)[:-60], STL_CUT.format(12, 10)),
    "stl 1e8": (".stl", bytes(80) + struct.pack("<I", 10**8), STL_CUT.format("100,000,000", 0)),
    "stl 4e9": (".stl", b"\xff" * 200, STL_CUT.format("4,294,967,295", 2)),
    "stl none": (".stl", bytes(84), NOTHING),
    "stl text cut": (
        ".stl",
        b"solid\nfacet normal 0 0 1\nouter loop\nvertex 0 0 0\nvertex 1 0 0\nvertex 0 1 0\n",
        "file must have three vertices per triangle and end with 'endsolid', got 3 vertices for 0",
    ),
    "stl text with a corner too many": (
        ".stl",
        b"solid\nfacet\nvertex 0 0 0 vertex 1 0 0 vertex 0 1 0 vertex 1 1 0\nendfacet\nendsolid\n",
        "file must have three vertices per triangle and end with 'endsolid', got 4 vertices for 1",
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
        "faces must use vertices 0 to 2, got 0 to 99,999,998; the file is damaged",
    ),
    "obj zero": (".obj", b"v 0 0 0\nv 1 0 0\nf 0 1 2\n", "faces must use vertices 0 to 1, got -1"),
    "obj nan": (
        ".obj",
        b"v 0 0 nan\nv 1 0 0\nv 0 1 inf\nf 1 2 3\n",
        "got 2 vertices with NaN or infinity",
    ),
    "obj words": (".obj", b"v a b c\nf 1 1 1\n", "valid .obj file, got one that cannot be read"),
    "ply index": (
        ".ply",
        (PLY.format(vertices=4, faces=4) + BAD_INDEX).encode(),
        "faces must use vertices 0 to 3, got 0 to 99,999,999",
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
    "ply cut": (".ply", mixed_ply("<")[:-40], "valid .ply file, got one that cannot"),
    "ply cut by little": (".ply", mixed_ply("<")[:-5], "all rows of 'face', got less"),
    "ply points only": (".ply", (PLY.format(vertices=4, faces=0) + POINTS).encode(), NOTHING),
    "glb cut": (".glb", glb(*brick_gltf())[:-30], "file must be as long as its header says, got"),
    "glb index": (
        ".glb",
        glb(brick_gltf()[0], brick_gltf()[1].replace(struct.pack("<H", 7), struct.pack("<H", 9))),
        "valid .glb file, got one that cannot be read",
    ),
    "gltf nested": (".gltf", b"[" * 100_000, "valid .gltf file, got one that cannot be read"),
    "zip": (".stl", zipped(), "triangles that its header says"),
    "pickle": (".stl", pickle.dumps(Dangerous()) + bytes(100), NOTHING),
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
            "file must be whole and valid, got one that its reader breaks on (SIGABRT); it may be",
        ),
        "vtp cut": (".vtp", vtp[: len(vtp) // 2].encode(), "got one that VTK cannot read (Error"),
        "vtp random": (".vtp", RANDOM, "got one that VTK cannot read"),
        "vtp bomb": (".vtp", bomb.encode(), "got one that VTK cannot read"),
        "vtu index": (".vtu", with_bad_index(vtu, "connectivity"), "faces must use vertices 0 to"),
        "vtu cut": (".vtu", vtu[: len(vtu) // 2].encode(), "got one that VTK cannot read"),
        "vtk cut": (".vtk", vtk[: len(vtk) // 2].encode(), "file must "),
        "vtk random": (".vtk", RANDOM, "got one that VTK cannot read"),
        "vtk table": (
            ".vtk",
            b"# vtk DataFile Version 3.0\nt\nASCII\nDATASET TABLE\nROW_DATA 1\n",
            "file must hold a surface or a mesh of cells, got vtkTable; export the surface as .vtp",
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
    with pytest.raises(GeometryError, match=r"^file must exist, found no none\.stl$"):
        read_mesh(tmp_path / "none.stl")
    (tmp_path / "folder.stl").mkdir()
    with pytest.raises(GeometryError, match="file must exist"):
        read_mesh(tmp_path / "folder.stl")
    for suffix in SUFFIXES:
        with pytest.raises(GeometryError, match="must hold a shape, got an empty file"):
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
    with pytest.raises(GeometryError, match="extend along two axes at least, got 3 x 0 x 0"):
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
