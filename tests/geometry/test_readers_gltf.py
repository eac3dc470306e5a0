"""Poses, instances and extensions of glTF files."""

import re
from pathlib import Path

import numpy as np
import pytest
import trimesh
from made_up_meshes import BRICK, brick_gltf, glb, parse
from mesh_dialects import Scene

from mspt.errors import GeometryError
from mspt.geometry.mesh import SurfaceMesh

INSTANCING = "EXT_mesh_gpu_instancing"
DRACO, MESHOPT = "KHR_draco_mesh_compression", "EXT_meshopt_compression"


def parsed_mesh(data: bytes, tmp_path: Path) -> SurfaceMesh:
    vertices, triangles = parse(data, ".glb", tmp_path)
    return SurfaceMesh(vertices, triangles.astype(np.int64))


def turned(rng: np.random.Generator, count: int) -> np.ndarray:
    quaternions = rng.normal(size=(count, 4))
    return quaternions / np.linalg.norm(quaternions, axis=1, keepdims=True)


def matrix_of(quaternion: np.ndarray) -> np.ndarray:
    """Return the matrix (4, 4) of a quaternion x, y, z, w, by trimesh, which puts w first."""
    return trimesh.transformations.quaternion_matrix(np.roll(quaternion, 1))


@pytest.mark.parametrize("required", [False, True])
def test_instances_are_copies_of_a_part(required: bool, tmp_path: Path) -> None:  # noqa: FBT001
    rng, scene, whole = np.random.default_rng(1), Scene(), trimesh.Scene()
    moves, turns, scales = rng.normal(size=(5, 3)), turned(rng, 5), rng.uniform(0.5, 2, (5, 3))
    node_turn, part = turned(rng, 1)[0], trimesh.Trimesh(BRICK.vertices, BRICK.triangles)
    for move, turn, scale in zip(moves, turns, scales, strict=True):
        placed = matrix_of(node_turn) @ trimesh.transformations.translation_matrix(move)
        whole.add_geometry(part, transform=placed @ matrix_of(turn) @ np.diag([*scale, 1]))
    attributes = {
        "TRANSLATION": scene.points(moves),
        "ROTATION": scene.accessor(turns.astype("<f4"), "VEC4"),
        "SCALE": scene.points(scales),
    }
    node = {"mesh": 0, "rotation": node_turn.tolist(), "children": [1]}
    node["extensions"] = {INSTANCING: {"attributes": attributes}}
    names = {"extensionsUsed": [INSTANCING]}
    mesh = parsed_mesh(
        scene.glb(
            meshes=[{"primitives": [scene.primitive(BRICK)]}, {"primitives": []}],
            nodes=[node, {"mesh": 1}],
            **(names | {"extensionsRequired": [INSTANCING]} if required else names),
        ),
        tmp_path,
    )
    expected = whole.to_mesh()
    assert len(mesh.triangles) == 5 * 12
    np.testing.assert_allclose(mesh.bounds, expected.bounds, atol=1e-5)
    np.testing.assert_allclose(mesh.areas.sum(), expected.area, rtol=1e-5)
    np.testing.assert_allclose(mesh.volume, expected.volume, rtol=1e-4)


def test_children_of_a_node_with_instances_are_not_repeated(tmp_path: Path) -> None:
    scene = Scene()
    attributes = {"TRANSLATION": scene.points(np.arange(6).reshape(2, 3))}
    node = {"mesh": 0, "children": [1], "extensions": {INSTANCING: {"attributes": attributes}}}
    primitive = scene.primitive(BRICK)
    data = scene.glb(meshes=[{"primitives": [primitive]}], nodes=[node, {"mesh": 0}])
    assert len(parsed_mesh(data, tmp_path).triangles) == 3 * 12


def skinned(scene: Scene, weights: np.ndarray, joints: np.ndarray, **more: int) -> dict:
    return scene.primitive(
        BRICK,
        JOINTS_0=scene.accessor(joints[:, :4].astype("u1"), "VEC4"),
        WEIGHTS_0=scene.accessor(weights[:, :4].astype("<f4"), "VEC4"),
        JOINTS_1=scene.accessor(joints[:, 4:].astype("<u2"), "VEC4"),
        WEIGHTS_1=scene.accessor(weights[:, 4:].astype("<f4"), "VEC4"),
        **more,
    )


def test_skin_moves_each_vertex_by_the_weighted_sum_of_its_joints(tmp_path: Path) -> None:
    rng, scene = np.random.default_rng(2), Scene()
    turns, moves = turned(rng, 4), rng.normal(size=(4, 3))
    inverse = rng.normal(size=(3, 4, 4))
    inverse[:, 3] = [0, 0, 0, 1]
    # Both groups of four joints; no joint twice for a vertex is not required.
    joints, weights = rng.integers(0, 3, (8, 8)), rng.dirichlet(np.ones(8), 8)
    nodes = [
        {"mesh": 0, "skin": 0, "scale": [1, 2, 1], "translation": [100, 0, 0]},
        *(
            {"rotation": turn.tolist(), "translation": move.tolist()}
            for turn, move in zip(turns, moves, strict=True)
        ),
    ]
    nodes[1]["children"] = [2, 3]
    nodes[4]["children"] = [0]  # a node above the mesh, which does not count either
    skin = {"joints": [3, 1, 2]}
    skin["inverseBindMatrices"] = scene.accessor(
        inverse.transpose(0, 2, 1).reshape(3, 16).astype("<f4"), "MAT4"
    )
    primitive = skinned(scene, weights, joints)
    data = scene.glb(
        meshes=[{"primitives": [primitive]}], nodes=nodes, skins=[skin], scenes=[{"nodes": [4]}]
    )
    local = [
        trimesh.transformations.translation_matrix(move) @ matrix_of(turn)
        for turn, move in zip(turns, moves, strict=True)
    ]
    world = np.stack([local[0] @ local[2], local[0], local[0] @ local[1]]) @ inverse
    expected = np.zeros((8, 3))
    for vertex, (x, y, z) in enumerate(BRICK.vertices):
        for joint, weight in zip(joints[vertex], weights[vertex], strict=True):
            expected[vertex] += weight * (world[joint] @ [x, y, z, 1])[:3]
    mesh = parsed_mesh(data, tmp_path)
    areas = SurfaceMesh(expected, BRICK.triangles).areas
    np.testing.assert_allclose(np.sort(mesh.areas), np.sort(areas), rtol=1e-4)
    np.testing.assert_allclose(mesh.bounds, [expected.min(axis=0), expected.max(axis=0)], atol=1e-5)


def test_skin_of_a_mirrored_joint_is_not_inside_out(tmp_path: Path) -> None:
    scene = Scene()
    joints, weights = np.zeros((8, 8)), np.zeros((8, 8))
    weights[:, 0] = 1.0
    primitive = skinned(scene, weights, joints)
    nodes = [{"mesh": 0, "skin": 0}, {"scale": [-1, 1, 1]}]
    data = scene.glb(meshes=[{"primitives": [primitive]}], nodes=nodes, skins=[{"joints": [1]}])
    assert parsed_mesh(data, tmp_path).volume == pytest.approx(6.0)


def test_hidden_nodes_are_left_out(tmp_path: Path) -> None:
    hidden = {"extensions": {"KHR_node_visibility": {"visible": False}}}
    nodes = [{"mesh": 0}, {"children": [2], **hidden}, {"mesh": 0, "translation": [9, 9, 9]}]
    mesh = parsed_mesh(glb(*brick_gltf(nodes=nodes)), tmp_path)
    np.testing.assert_allclose(mesh.bounds, BRICK.bounds)


def brick_with(entry: str, extensions: dict, **more: object) -> bytes:
    """Return a brick of which the first entry of a list, or the primitive, has extensions."""
    document, binary = brick_gltf(nodes=[{"mesh": 0}], extensionsUsed=list(extensions), **more)
    place = document["meshes"][0]["primitives"] if entry == "primitives" else document[entry]
    place[0]["extensions"] = extensions
    return glb(document, binary)


def test_parts_stored_both_ways_are_read_without_compression(tmp_path: Path) -> None:
    draco = {DRACO: {"bufferView": 0, "attributes": {"POSITION": 0}}}
    meshopt = {MESHOPT: {"buffer": 0, "byteLength": 9, "count": 8}}
    for data in (brick_with("primitives", draco), brick_with("bufferViews", meshopt)):
        assert parsed_mesh(data, tmp_path).volume == pytest.approx(6.0)


@pytest.mark.parametrize(
    "name", ["KHR_materials_variants", "EXT_mesh_features", "CESIUM_primitive_outline"]
)
def test_extensions_of_appearance_change_nothing(name: str, tmp_path: Path) -> None:
    data = brick_with("primitives", {name: {}})
    assert parsed_mesh(data, tmp_path).volume == pytest.approx(6.0)
    used = glb(*brick_gltf(extensionsUsed=["SOME_material"], materials=[{"extensions": {"S": {}}}]))
    assert parsed_mesh(used, tmp_path).volume == pytest.approx(6.0)


def instanced(accessors: dict[str, int], **node: object) -> dict:
    return {"mesh": 0, **node, "extensions": {INSTANCING: {"attributes": accessors}}}


def weighted(weight: float) -> bytes:
    scene, weights = Scene(), np.zeros((8, 8))
    weights[:, 0] = weight
    primitive = skinned(scene, weights, np.zeros((8, 8)))
    return scene.glb(
        meshes=[{"primitives": [primitive]}],
        nodes=[{"mesh": 0, "skin": 0}],
        skins=[{"joints": [0]}],
    )


def unequal_instances() -> bytes:
    scene = Scene()
    attributes = {"TRANSLATION": scene.points(np.ones((3, 3))), "SCALE": scene.points([[1, 1, 1]])}
    primitive = scene.primitive(BRICK)
    return scene.glb(meshes=[{"primitives": [primitive]}], nodes=[instanced(attributes)])


def skinned_instances() -> bytes:
    scene, weights = Scene(), np.zeros((8, 8))
    weights[:, 0] = 1.0
    nodes = [instanced({"TRANSLATION": scene.points(np.ones((2, 3)))}, skin=0)]
    primitive = skinned(scene, weights, np.zeros((8, 8)))
    return scene.glb(meshes=[{"primitives": [primitive]}], nodes=nodes, skins=[{"joints": [0]}])


def many_instances() -> bytes:
    scene = Scene()
    nodes = [instanced({"TRANSLATION": scene.points(np.ones((200_000, 3)))})]
    return scene.glb(meshes=[{"primitives": [scene.primitive(BRICK)]}], nodes=nodes)


EMPTY = [{"componentType": 5126, "count": 8, "type": "VEC3"}] * 2
VIEWS = [{"buffer": 1, "byteLength": 96, "extensions": {MESHOPT: {}}}] * 2
EXTENSIONS = "glTF must not need extensions, got {}; export it as .glb without compression"
NUMBERS = "glTF must contain the numbers of its arrays, got {} instead; export it as .glb without"
REFUSED: dict[str, tuple[bytes, str]] = {
    "draco alone": (brick_with("primitives", {DRACO: {}}, accessors=EMPTY), NUMBERS.format(DRACO)),
    "meshopt alone": (
        glb(*brick_gltf(bufferViews=VIEWS, buffers=[{"byteLength": 168}, {"byteLength": 96}])),
        NUMBERS.format(MESHOPT),
    ),
    "place of meshopt in the first buffer": (
        glb(*brick_gltf(
            bufferViews=[view | {"buffer": 0} for view in VIEWS],
            buffers=[{"byteLength": 168, "extensions": {MESHOPT: {"fallback": True}}}],
        )),
        NUMBERS.format(MESHOPT),
    ),
    "draco required": (
        brick_with("primitives", {DRACO: {}}, extensionsRequired=[DRACO]), EXTENSIONS.format(DRACO),
    ),
    "unknown, required": (
        glb(*brick_gltf(extensionsRequired=["SOME_shape"])), EXTENSIONS.format("SOME_shape"),
    ),
    "unknown in a node": (brick_with("nodes", {"SOME_bend": {}}), EXTENSIONS.format("SOME_bend")),
    "unknown in a mesh": (brick_with("meshes", {"SOME_bend": {}}), EXTENSIONS.format("SOME_bend")),
    "unknown in a primitive": (
        brick_with("primitives", {"SOME_bend": {}, "KHR_materials_variants": {}}),
        EXTENSIONS.format("SOME_bend"),
    ),
    "unknown in an array": (
        brick_with("accessors", {"SOME_code": {}}), EXTENSIONS.format("SOME_code"),
    ),
    "unknown for the whole": (
        glb(*brick_gltf(extensions={"SOME_bend": {}})), EXTENSIONS.format("SOME_bend"),
    ),
    "unequal instances": (
        unequal_instances(), "glTF instances must have 3 numbers of SCALE each, got (1, 3) for 3",
    ),
    "skin and instances": (
        skinned_instances(), f"glTF must not combine skins and {INSTANCING}, got both; export",
    ),
    "many instances": (many_instances(), "must have at most 2,000,000 triangles, got 2,400,000"),
    "weights": (weighted(0.5), "each vertex with weights that sum to one, got 0.5; export"),
    "node twice in a scene": (
        glb(*brick_gltf(nodes=[{"mesh": 0}], scenes=[{"nodes": [0, 0]}])),
        "glTF nodes must have one parent each, got more for node 0",
    ),
    "node of two parents": (
        glb(*brick_gltf(nodes=[{"children": [2]}, {"children": [2]}, {"mesh": 0}])),
        "glTF nodes must have one parent each, got more for node 2",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_scene_that_would_be_another_shape_is_refused(case: str, tmp_path: Path) -> None:
    data, message = REFUSED[case]
    with pytest.raises(GeometryError, match=re.escape(message)):
        parse(data, ".glb", tmp_path)
