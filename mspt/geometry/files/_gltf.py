"""Reader of glTF 2.0 files, text and binary: the triangles of the scene in world coordinates.

Positions are those of the pose without animation: morph targets with their weights, then skins or
the nodes' transforms, then instances. Specification: registry.khronos.org/glTF/specs/2.0.

Shapes: V vertices, T triangles, I instances, J joints.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray

from mspt.errors import GeometryError
from mspt.geometry.files._gltf_data import EXPORT_PLAIN, Arrays, open_gltf
from mspt.geometry.files._plain import Polygons, check_count, strip_triangles

# Numbers of the specification for kinds of primitives.
TRIANGLES, STRIP, FAN = 4, 5, 6
MAX_WEIGHT_ERROR = 0.1
"""Weights of a skin are often stored in 8 bits; a larger error is no error of storing."""

INSTANCES, VISIBILITY = "EXT_mesh_gpu_instancing", "KHR_node_visibility"
# Extensions that leave the surface as it is, by the beginning of their names: appearance, lights,
# data about the parts, behavior in programs. Compressed parts may be stored a second time without
# compression, where they are read; KHR_mesh_quantization allows types that are read in any case.
NEUTRAL = (
    "KHR_materials_", "KHR_texture_", "EXT_texture_", "MSFT_texture_", "KHR_lights_",
    "EXT_lights_", "KHR_techniques_webgl", "KHR_xmp", "KHR_animation_pointer", "KHR_audio",
    "KHR_node_hoverability", "KHR_node_selectability", "KHR_interactivity", "KHR_physics_",
    "KHR_implicit_shapes",
    "EXT_mesh_features", "EXT_instance_features", "EXT_structural_metadata",
    "EXT_feature_metadata", "EXT_mesh_manifold", "CESIUM_primitive_outline", "CESIUM_RTC",
    "ADOBE_materials_", "NV_materials_", "BENTLEY_materials_", "MSFT_lod", "EXT_collada",
    "KHR_mesh_quantization", "KHR_draco_mesh_compression", "EXT_meshopt_compression",
    "KHR_meshopt_compression",
)  # fmt: skip
COMPRESSED = (
    "KHR_draco_mesh_compression",
    "EXT_meshopt_compression",
    "KHR_meshopt_compression",
)
APPLIED = (INSTANCES, VISIBILITY)


class Placed(NamedTuple):
    """A node with a mesh: its index and its matrix to world coordinates."""

    node: int
    matrix: ndarray


class Part(NamedTuple):
    """Triangles of a primitive: vertices (V, 3), triangles (T, 3), and which vertices are mirrored.

    A mirrored vertex belongs to triangles whose orientation must be reversed.
    """

    vertices: ndarray
    triangles: ndarray
    mirrored: ndarray


def read_gltf(data: bytes) -> Polygons:
    """Read the triangles of a glTF file that contains its data, in meters, y up.

    Raises:
        GeometryError: If the file needs an extension that is not applied, refers to other files,
            has no or too many triangles, or its nodes are no tree.
    """
    arrays = open_gltf(data)
    document = arrays.document
    _check_extensions(document)
    nodes = document.get("nodes", [])
    if not nodes:  # no scene: the meshes as they are
        nodes = [{"mesh": index} for index in range(len(document.get("meshes", [])))]
        document["nodes"], document["scenes"] = nodes, []
    matrices = _world_matrices(nodes)
    placed = [
        (Placed(node, matrices[node]), primitive)
        for node in _scene_nodes(document)
        if "mesh" in nodes[node]
        for primitive in document["meshes"][nodes[node]["mesh"]]["primitives"]
    ]
    # Counted before anything is read: nodes can repeat one mesh, so a small file can be huge.
    check_count(
        sum(
            _count(document, primitive) * _num_instances(document, nodes[item.node])
            for item, primitive in placed
        )
    )
    parts = [_part(arrays, item, primitive, matrices) for item, primitive in placed]
    return _joined(parts)


def _check_extensions(document: dict[str, Any]) -> None:
    """Reject extensions that may change the surface and are not applied.

    Raises:
        GeometryError: If the file requires one, or one stands where geometry is described.
    """
    needed = [name for name in document.get("extensionsRequired", []) if name in COMPRESSED]
    used: list[str] = [*document.get("extensionsRequired", []), *document.get("extensions", {})]
    places = ["nodes", "meshes", "accessors", "bufferViews", "buffers", "scenes", "skins"]
    entries = [entry for place in places for entry in document.get(place, [])]
    entries += [
        entry
        for mesh in document.get("meshes", [])
        for primitive in mesh.get("primitives", [])
        for entry in (primitive, *primitive.get("targets", []))
    ]
    for entry in entries:
        used += entry.get("extensions", {})
    unknown = needed + [name for name in used if not name.startswith((*NEUTRAL, *APPLIED))]
    if unknown:
        raise GeometryError(
            f"glTF must not need extensions, got {', '.join(dict.fromkeys(unknown))[:200]}; "
            f"{EXPORT_PLAIN}"
        )


def _scene_nodes(document: dict[str, Any]) -> list[int]:
    """Return the visible nodes of the scene, parents before their children."""
    nodes = document["nodes"]
    if scenes := document.get("scenes", []):
        roots = scenes[document.get("scene", 0)].get("nodes", [])
    else:  # no scene: start from all nodes that belong to no other
        inner = {child for node in nodes for child in node.get("children", [])}
        inner |= {
            child
            for node in nodes
            for child in node.get("extensions", {}).get("MSFT_lod", {}).get("ids", [])
        }
        roots = [index for index in range(len(nodes)) if index not in inner]
    found, waiting, seen = [], list(roots), set()
    while waiting:
        index = waiting.pop()
        if index in seen:
            raise _no_tree(index)
        seen.add(index)
        node = nodes[index]
        if node.get("extensions", {}).get(VISIBILITY, {}).get("visible", True):
            found.append(index)
            waiting += node.get("children", [])
    return found


def _world_matrices(nodes: list[dict[str, Any]]) -> list[ndarray]:
    """Return the matrix (4, 4) of each node to world coordinates.

    Raises:
        GeometryError: If a node has more than one parent, or is its own ancestor.
    """
    parent: dict[int, int] = {}
    for index, node in enumerate(nodes):
        for child in node.get("children", []):
            if child in parent or child == index:
                raise _no_tree(child)
            parent[child] = index
    matrices: dict[int, ndarray] = {}
    waiting = [index for index in range(len(nodes)) if index not in parent]
    while waiting:
        index = waiting.pop()
        above = matrices[parent[index]] if index in parent else np.eye(4)
        matrices[index] = above @ _local_matrix(nodes[index])
        waiting += nodes[index].get("children", [])
    for index in range(len(nodes)):
        if index not in matrices:
            raise _no_tree(index)
    return [matrices[index] for index in range(len(nodes))]


def _no_tree(node: int) -> GeometryError:
    return GeometryError(
        f"glTF nodes must have one parent each, got more for node {node}; {EXPORT_PLAIN}"
    )


def _local_matrix(node: dict[str, Any]) -> ndarray:
    """Return a node's matrix, or that of its translation, rotation (a quaternion) and scale."""
    if "matrix" in node:
        return np.array(node["matrix"], dtype=float).reshape(4, 4).T  # stored column by column
    return _matrices(
        np.array([node.get("translation", (0, 0, 0))], dtype=float),
        np.array([node.get("rotation", (0, 0, 0, 1))], dtype=float),
        np.array([node.get("scale", (1, 1, 1))], dtype=float),
    )[0]


def _matrices(translation: ndarray, rotation: ndarray, scale: ndarray) -> ndarray:
    """Return matrices (I, 4, 4) of translations (I, 3), quaternions (I, 4) and scales (I, 3)."""
    x, y, z, w = rotation.T
    columns = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    matrices = np.tile(np.eye(4), (len(scale), 1, 1))
    matrices[:, :3, :3] = np.moveaxis(np.array(columns), 2, 0) * scale[:, None, :]
    matrices[:, :3, 3] = translation
    return matrices


def _instancing(node: dict[str, Any]) -> dict[str, int] | None:
    """Return the accessors of the instances of a node; None if it has no instances."""
    found = node.get("extensions", {}).get(INSTANCES)
    return None if found is None else found["attributes"]


def _num_instances(document: dict[str, Any], node: dict[str, Any]) -> int:
    attributes = _instancing(node)
    if attributes is None:
        return 1
    return max(document["accessors"][index]["count"] for index in attributes.values())


def _instances(arrays: Arrays, node: dict[str, Any]) -> ndarray:
    """Return the matrix of each instance to its node (I, 4, 4)."""
    attributes = _instancing(node)
    if attributes is None:
        return np.eye(4)[None]
    count = _num_instances(arrays.document, node)
    fields = []
    for name, default in (("TRANSLATION", [0, 0, 0]), ("ROTATION", [0, 0, 0, 1]),
                          ("SCALE", [1, 1, 1])):  # fmt: skip
        rows = np.tile(np.array(default, dtype=float), (count, 1))
        if name in attributes:
            given = arrays.read(attributes[name])
            if given.shape != rows.shape:
                raise GeometryError(
                    f"glTF instances must have {rows.shape[1]} numbers of {name} each, "
                    f"got {given.shape} for {count:,} instances; {EXPORT_PLAIN}"
                )
            rows = given.astype(float)
        fields.append(rows)
    return _matrices(*fields)


def _count(document: dict[str, Any], primitive: dict[str, Any]) -> int:
    """Return the number of triangles of a primitive; 0 for points and lines."""
    index = primitive.get("indices", primitive["attributes"]["POSITION"])
    count, mode = document["accessors"][index]["count"], primitive.get("mode", TRIANGLES)
    return max(0, {TRIANGLES: count // 3, STRIP: count - 2, FAN: count - 2}.get(mode, 0))


def _part(
    arrays: Arrays, placed: Placed, primitive: dict[str, Any], matrices: list[ndarray]
) -> Part:
    """Return the triangles of a primitive in world coordinates, for all instances of its node."""
    node = arrays.document["nodes"][placed.node]
    if not _count(arrays.document, primitive):
        return Part(np.zeros((0, 3)), np.zeros((0, 3), dtype=np.int64), np.zeros(0, dtype=bool))
    points = _morphed(arrays, node, primitive)
    triangles = _triangles(arrays, primitive, len(points))
    if "skin" in node and "JOINTS_0" in primitive["attributes"]:
        if _instancing(node) is not None:
            raise GeometryError(
                f"glTF must not combine skins and {INSTANCES}, got both; {EXPORT_PLAIN}"
            )
        # The node's own transform does not count: joints lead to world coordinates.
        part = Part(points, triangles, np.zeros(len(points), dtype=bool))
        return _skinned(arrays, part, node, primitive, matrices)
    moves = placed.matrix @ _instances(arrays, node)
    world = points @ moves[:, :3, :3].transpose(0, 2, 1) + moves[:, None, :3, 3]
    first = np.arange(len(moves)) * len(points)
    return Part(
        world.reshape(-1, 3),
        (triangles + first[:, None, None]).reshape(-1, 3),
        np.repeat(np.linalg.det(moves[:, :3, :3]) < 0, len(points)),
    )


def _morphed(arrays: Arrays, node: dict[str, Any], primitive: dict[str, Any]) -> ndarray:
    """Return the positions of a primitive, moved by its morph targets (section 3.7.2.2)."""
    points = arrays.read(primitive["attributes"]["POSITION"], primitive).astype(float)
    mesh = arrays.document["meshes"][node["mesh"]]
    weights = node.get("weights", mesh.get("weights", []))
    for weight, target in zip(weights, primitive.get("targets", []), strict=False):
        if weight and "POSITION" in target:
            points = points + weight * arrays.read(target["POSITION"], primitive)
    return points


def _skinned(
    arrays: Arrays,
    part: Part,
    node: dict[str, Any],
    primitive: dict[str, Any],
    matrices: list[ndarray],
) -> Part:
    """Return a part moved by the joints of its skin (section 3.7.3)."""
    moves = _joint_matrices(arrays, node, matrices)
    world, mirrored = np.zeros_like(part.vertices), part.mirrored
    total, heaviest = np.zeros(len(world)), np.zeros(len(world))
    mirrors = np.linalg.det(moves[:, :3, :3]) < 0
    for joint, weight in _influences(arrays, primitive):
        used = weight != 0
        chosen = np.where(used, joint, 0)
        for index in np.unique(chosen[used]):
            rows = np.flatnonzero(used & (chosen == index))
            moved = part.vertices[rows] @ moves[index, :3, :3].T + moves[index, :3, 3]
            world[rows] += weight[rows, None] * moved
        total += weight
        mirrored = np.where(weight > heaviest, mirrors[chosen], mirrored)
        heaviest = np.maximum(weight, heaviest)
    wrong = np.abs(total[part.triangles] - 1) > MAX_WEIGHT_ERROR
    if wrong.any():
        raise GeometryError(
            "glTF skins must move each vertex with weights that sum to one, "
            f"got {total[part.triangles][wrong][0]:.3g}; {EXPORT_PLAIN}"
        )
    return Part(world / np.where(total > 0, total, 1.0)[:, None], part.triangles, mirrored)


def _joint_matrices(arrays: Arrays, node: dict[str, Any], matrices: list[ndarray]) -> ndarray:
    """Return the matrix from the mesh to world coordinates for each joint of a skin (J, 4, 4)."""
    skin = arrays.document["skins"][node["skin"]]
    moves = np.stack([matrices[joint] for joint in skin["joints"]])
    if "inverseBindMatrices" not in skin:
        return moves
    stored = arrays.read(skin["inverseBindMatrices"])[: len(moves)]
    return moves @ stored.reshape(-1, 4, 4).transpose(0, 2, 1)  # stored column by column


def _influences(arrays: Arrays, primitive: dict[str, Any]) -> Iterator[tuple[ndarray, ndarray]]:
    """Yield a joint and its weight for each vertex, as often as vertices have joints."""
    attributes, group = primitive["attributes"], 0
    while f"JOINTS_{group}" in attributes:
        joints = arrays.read(attributes[f"JOINTS_{group}"], primitive).astype(np.int64)
        weights = arrays.read(attributes[f"WEIGHTS_{group}"], primitive).astype(float)
        yield from zip(joints.T, weights.T, strict=True)
        group += 1


def _triangles(arrays: Arrays, primitive: dict[str, Any], num_points: int) -> ndarray:
    """Return the triangles (T, 3) of a primitive."""
    mode = primitive.get("mode", TRIANGLES)
    if "indices" in primitive:
        order = arrays.read(primitive["indices"], primitive)[:, 0].astype(np.int64)
    else:
        order = np.arange(num_points)
    if order.max() >= num_points:
        raise GeometryError(
            f"glTF indices must be below the number of vertices, {num_points:,}, "
            f"got {order.max():,}; the file is damaged, export it again"
        )
    if mode == STRIP:
        return strip_triangles(order)
    if mode == FAN:
        return np.stack([np.full(len(order) - 2, order[0]), order[1:-1], order[2:]], axis=1)
    if len(order) % 3:
        raise GeometryError(
            f"glTF triangles must have three corners each, got {len(order):,} corners; "
            "the file is damaged, export it again"
        )
    return order.reshape(-1, 3)


def _joined(parts: list[Part]) -> Polygons:
    """Return the triangles of all parts; those of mirrored parts are reversed."""
    sizes = np.cumsum([0] + [len(part.vertices) for part in parts])
    triangles = []
    for part, first in zip(parts, sizes[:-1], strict=True):
        reverse = part.mirrored[part.triangles[:, 0]]
        turned = np.where(reverse[:, None], part.triangles[:, ::-1], part.triangles)
        triangles.append(turned + first)
    vertices = np.concatenate([part.vertices for part in parts])
    return Polygons.of_triangles(vertices, np.concatenate(triangles))
