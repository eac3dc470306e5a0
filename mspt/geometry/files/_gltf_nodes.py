"""The nodes of glTF files: their matrices, their instances and the extensions in use.

Shapes: I instances.
"""

from typing import Any

import numpy as np
from numpy import ndarray

from mspt.errors import GeometryError
from mspt.geometry.files._gltf_data import EXPORT_PLAIN, Arrays

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


def check_extensions(document: dict[str, Any]) -> None:
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


def scene_nodes(document: dict[str, Any]) -> list[int]:
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


def world_matrices(nodes: list[dict[str, Any]]) -> list[ndarray]:
    """Return the matrix (4, 4) of each node to world coordinates.

    Raises:
        GeometryError: If a node has more than one parent, is its own ancestor, or does not exist.
    """
    parent: dict[int, int] = {}
    for index, node in enumerate(nodes):
        for child in node.get("children", []):
            # A negative one counts from the end in Python, and would be walked to for ever.
            if not 0 <= child < len(nodes):
                raise GeometryError(
                    f"glTF nodes must have children from 0 to {len(nodes) - 1:,}, got {child}; "
                    f"{EXPORT_PLAIN}"
                )
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


def instancing(node: dict[str, Any]) -> dict[str, int] | None:
    """Return the accessors of the instances of a node; None if it has no instances."""
    found = node.get("extensions", {}).get(INSTANCES)
    return None if found is None else found["attributes"]


def num_instances(document: dict[str, Any], node: dict[str, Any]) -> int:
    attributes = instancing(node)
    if attributes is None:
        return 1
    return max(document["accessors"][index]["count"] for index in attributes.values())


def instance_matrices(arrays: Arrays, node: dict[str, Any]) -> ndarray:
    """Return the matrix of each instance to its node (I, 4, 4)."""
    attributes = instancing(node)
    if attributes is None:
        return np.eye(4)[None]
    count = num_instances(arrays.document, node)
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
