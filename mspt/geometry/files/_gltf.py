"""Reader of glTF 2.0 files, text and binary: the triangles of the scene in world coordinates.

Positions are those of the pose without animation: morph targets with their weights, then skins or
the nodes' transforms, then instances. Specification: registry.khronos.org/glTF/specs/2.0.

Shapes: V vertices, T triangles, I instances, J joints.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray

from mspt.errors import GeometryError
from mspt.geometry.files._gltf_data import EXPORT_PLAIN, Arrays, open_gltf
from mspt.geometry.files._gltf_nodes import (
    INSTANCES,
    check_extensions,
    instance_matrices,
    instancing,
    num_instances,
    scene_nodes,
    world_matrices,
)
from mspt.geometry.files._gltf_pose import Part, morphed_points, skinned_part
from mspt.geometry.files._plain import Polygons, check_count, strip_triangles

# Numbers of the specification for kinds of primitives.
TRIANGLES, STRIP, FAN = 4, 5, 6


class Placed(NamedTuple):
    """A node with a mesh: its index and its matrix to world coordinates."""

    node: int
    matrix: ndarray


def read_gltf(data: bytes) -> Polygons:
    """Read the triangles of a glTF file that contains its data, in meters, y up.

    Raises:
        GeometryError: If the file needs an extension that is not applied, refers to other files,
            has no or too many triangles, or its nodes are no tree.
    """
    arrays = open_gltf(data)
    document = arrays.document
    check_extensions(document)
    nodes = document.get("nodes", [])
    if not nodes:  # no scene: the meshes as they are
        nodes = [{"mesh": index} for index in range(len(document.get("meshes", [])))]
        document["nodes"], document["scenes"] = nodes, []
    matrices = world_matrices(nodes)
    placed = [
        (Placed(node, matrices[node]), primitive)
        for node in scene_nodes(document)
        if "mesh" in nodes[node]
        for primitive in document["meshes"][nodes[node]["mesh"]]["primitives"]
    ]
    # Counted before anything is read: nodes can repeat one mesh, so a small file can be huge.
    check_count(
        sum(
            _count(document, primitive) * num_instances(document, nodes[item.node])
            for item, primitive in placed
        )
    )
    parts = [_part(arrays, item, primitive, matrices) for item, primitive in placed]
    return _joined(parts)


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
    points = morphed_points(arrays, node, primitive)
    triangles = _triangles(arrays, primitive, len(points))
    if "skin" in node and "JOINTS_0" in primitive["attributes"]:
        if instancing(node) is not None:
            raise GeometryError(
                f"glTF must not combine skins and {INSTANCES}, got both; {EXPORT_PLAIN}"
            )
        # The node's own transform does not count: joints lead to world coordinates.
        part = Part(points, triangles, np.zeros(len(points), dtype=bool))
        return skinned_part(arrays, part, node, primitive, matrices)
    moves = placed.matrix @ instance_matrices(arrays, node)
    world = points @ moves[:, :3, :3].transpose(0, 2, 1) + moves[:, None, :3, 3]
    first = np.arange(len(moves)) * len(points)
    return Part(
        world.reshape(-1, 3),
        (triangles + first[:, None, None]).reshape(-1, 3),
        np.repeat(np.linalg.det(moves[:, :3, :3]) < 0, len(points)),
    )


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
