"""Positions of glTF files, moved by morph targets and by the joints of a skin.

Shapes: V vertices, T triangles, J joints.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray

from mspt.errors import GeometryError
from mspt.geometry.files._gltf_data import EXPORT_PLAIN, Arrays

MAX_WEIGHT_ERROR = 0.1
"""Weights of a skin are often stored in 8 bits; a larger error is no error of storing."""


class Part(NamedTuple):
    """Triangles of a primitive: vertices (V, 3), triangles (T, 3), and which vertices are mirrored.

    A mirrored vertex belongs to triangles whose orientation must be reversed.
    """

    vertices: ndarray
    triangles: ndarray
    mirrored: ndarray


def morphed_points(arrays: Arrays, node: dict[str, Any], primitive: dict[str, Any]) -> ndarray:
    """Return the positions of a primitive, moved by its morph targets (section 3.7.2.2)."""
    points = arrays.read(primitive["attributes"]["POSITION"], primitive).astype(float)
    mesh = arrays.document["meshes"][node["mesh"]]
    weights = node.get("weights", mesh.get("weights", []))
    for weight, target in zip(weights, primitive.get("targets", []), strict=False):
        if weight and "POSITION" in target:
            points = points + weight * arrays.read(target["POSITION"], primitive)
    return points


def skinned_part(
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
