import base64
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import pyvista as pv
import trimesh
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
from trimesh.exchange.gltf import export_gltf

from mspt.errors import GeometryError
from mspt.geometry.bodies.families import draw_body
from mspt.geometry.files import _process as _read_process
from mspt.geometry.files._process import answer, merge_identical
from mspt.geometry.files.readers import SUFFIXES, read_mesh, read_mesh_bytes
from mspt.geometry.mesh import SurfaceMesh

BLOCK = draw_body("block", 1).mesh


def parsed_mesh(data: bytes | str, suffix: str, tmp_path: Path) -> SurfaceMesh:
    data = data.encode() if isinstance(data, str) else data
    vertices, triangles = parse(data, suffix, tmp_path)
    return SurfaceMesh(vertices, triangles.astype(np.int64))


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
    assert "valid .stl file, got one that cannot be read; export it" in json.loads(head)["error"]
    assert str(tmp_path) not in json.loads(head)["error"]


# PLY


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


def test_each_row_of_a_ply_begins_a_strip(tmp_path: Path) -> None:
    head = PLY.format(vertices=4, faces=2).replace("face", "tristrips")
    rows = "4 0 1 2 3\n8 3 2 0 1 -1 0 1 3\n"
    mesh = parsed_mesh(head.replace("uchar", "int") + POINTS + rows, ".ply", tmp_path)
    expected = [(0, 1, 2), (2, 1, 3), (3, 2, 0), (0, 2, 1), (0, 1, 3)]
    points = np.array(POINTS.split(), dtype=float).reshape(-1, 3)
    np.testing.assert_array_equal(mesh.corners, points[np.array(expected)])


def test_double_coordinates_far_from_the_origin_keep_their_digits(tmp_path: Path) -> None:
    mesh = parsed_mesh(mixed_ply("<"), ".ply", tmp_path)
    far = SurfaceMesh(mesh.vertices + 1e8, mesh.triangles)
    text = "".join("v {} {} {}\n".format(*vertex) for vertex in far.vertices)
    text += "".join("f {} {} {}\n".format(*triangle) for triangle in far.triangles + 1)
    assert parsed_mesh(text, ".obj", tmp_path).volume == pytest.approx(6.0)


# glTF


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
            r"glTF must contain its data, got a link to '../../secret.bin'; export it as .glb",
        ),
        "loop": (
            {
                "nodes": [{"children": [1], "mesh": 0}, {"children": [0]}],
                "scenes": [{"nodes": [0]}],
            },
            "glTF nodes must have one parent each, got more for node 0",
        ),
        "without data": (
            {"accessors": [{"count": 9, "componentType": 5126, "type": "VEC3"}] * 2},
            "glTF must contain the numbers of its arrays, got none instead; export it as .glb",
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
