"""Half models: bodies of which the file holds one side of the plane of symmetry only.

A half model has a flat side over its whole outline, open or closed, and is not symmetric itself.
Its other half is its mirror image.

Shapes: V vertices, T triangles.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool
from numpy import ndarray

from mspt.geometry.checks import find_edges
from mspt.geometry.mesh import SurfaceMesh
from mspt.geometry.mirror import SYMMETRIC, MirrorPlane, mirror_planes

ON_PLANE = 2e-4
"""Largest distance of a vertex from the flat side, as a share of the shape's size."""

COVERED = 0.5
"""Share of the outline, as seen along the axis, that the flat side must cover: wheels, which lie
beside the plane of symmetry, are not in it."""

UPRIGHT = 0.999
"""Smallest cosine between the axis and the normal of a triangle of the flat side."""


@dataclass(frozen=True, kw_only=True)
class HalfModel:
    """A flat side at which a shape may have been cut.

    Attributes:
        axis: Index of the axis that the plane is normal to.
        place: Coordinate of the plane along it.
        side: -1 if the plane is at the low end of the axis, 1 at the high end.
        is_open: Whether the file has no triangles there.
        is_certain: Whether the shape can hardly be anything but a half.
    """

    axis: int
    place: float
    side: int
    is_open: bool
    is_certain: bool

    def describe(self) -> str:
        """Return the plane in words."""
        return f"{'xyz'[self.axis]} = {self.place:.4g}"


def find_half(mesh: SurfaceMesh, *, given: SurfaceMesh) -> HalfModel | None:
    """Return the plane at which a shape has been cut; None if it is whole by all signs.

    Args:
        mesh: The repaired shape, its flat holes closed.
        given: The shape before the repair, which tells an open side from a closed one.
    """
    sides = [(axis, end) for axis in range(3) for end in (0, 1)]
    flat = {side: _covered(mesh, *side) for side in sides}
    if max(flat.values()) < COVERED:
        return None
    planes = mirror_planes(mesh)
    signs = [_signs(mesh, planes, given, side=side, flat=flat) for side in sides]
    found = [half for half in signs if half is not None]
    # The longest axis is that of the flow in most files, and certain signs go first.
    longest = int(mesh.extent.argmax())
    order = lambda half: (half.is_certain, half.is_open, half.axis != longest)  # noqa: E731
    return max(found, key=order) if found else None


def _signs(
    mesh: SurfaceMesh,
    planes: tuple[MirrorPlane, ...],
    given: SurfaceMesh,
    *,
    side: tuple[int, int],
    flat: Mapping[tuple[int, int], float],
) -> HalfModel | None:
    """Return whether a shape has been cut at one end of an axis.

    Args:
        mesh: The repaired shape.
        planes: Its planes of symmetry.
        given: The shape before the repair.
        side: Index of the axis, and 0 for its low end or 1 for the high one.
        flat: Share of the outline that is flat at each side.
    """
    axis, end = side
    place, size = float(mesh.bounds[end, axis]), float(mesh.extent.max())
    is_zero = abs(place) <= ON_PLANE * size
    is_open = _is_open(given, axis, place)
    is_one_sided = flat[axis, 1 - end] < COVERED * flat[side]
    symmetric = [plane for plane in planes if plane.error <= SYMMETRIC and plane.axis != axis]
    if flat[side] < COVERED or not (is_one_sided or is_zero or is_open):
        return None
    # A body drawn around the plane of symmetry at zero is whole.
    if any(abs(plane.place) <= ON_PLANE * size for plane in symmetric):
        return None
    # One that is symmetric about another axis may stand on its flat side.
    if symmetric and (not is_zero or axis == 2):
        return None
    is_own = planes[axis].error <= SYMMETRIC  # as wide halves of blocks are
    if is_own and not (is_zero or is_open):
        return None
    return HalfModel(
        axis=axis,
        place=0.0 if is_zero else place,
        side=2 * end - 1,
        is_open=is_open,
        is_certain=not symmetric and (is_zero or not is_own),
    )


def completed(mesh: SurfaceMesh, half: HalfModel) -> SurfaceMesh:
    """Return a half model and its mirror image as one surface.

    Examples:
        >>> from mspt.geometry.mesh import box
        >>> half = HalfModel(axis=1, place=0.0, side=-1, is_open=False, is_certain=True)
        >>> whole = completed(box((0, 0, 0), (1, 1, 1)), half)
        >>> round(whole.volume, 9), whole.extent.tolist()
        (2.0, [1.0, 2.0, 1.0])
    """
    kept = ~_on_plane(mesh, half.axis, half.place)
    near = np.abs(mesh.vertices[:, half.axis] - half.place) <= _tolerance(mesh)
    vertices = mesh.vertices.copy()
    vertices[near, half.axis] = half.place
    image = vertices.copy()
    image[:, half.axis] = 2 * half.place - image[:, half.axis]
    # Vertices on the plane are their own mirror images.
    other = np.where(near, np.arange(len(near)), len(near) + np.arange(len(near)))
    triangles = mesh.triangles[kept]
    both = np.concatenate([triangles, other[triangles][:, ::-1]])
    used, numbered = np.unique(both, return_inverse=True)
    return SurfaceMesh(np.concatenate([vertices, image])[used], numbered.reshape(-1, 3))


def _tolerance(mesh: SurfaceMesh) -> float:
    return ON_PLANE * float(mesh.extent.max())


def _on_plane(mesh: SurfaceMesh, axis: int, place: float) -> Bool[ndarray, " T"]:
    """Return which triangles lie in a plane across an axis."""
    distance = np.abs(mesh.corners[:, :, axis] - place).max(axis=1)
    return (distance <= _tolerance(mesh)) & (np.abs(mesh.normals[:, axis]) > UPRIGHT)


def _covered(mesh: SurfaceMesh, axis: int, end: int) -> float:
    """Return the area of one flat end of a shape over that of its outline along the axis.

    Half the area that all triangles have along the axis stands for the outline; it counts parts
    behind each other twice, so the share is never too large.
    """
    seen = np.abs(mesh.area_vectors[:, axis])
    flat = _on_plane(mesh, axis, float(mesh.bounds[end, axis]))
    return float(seen[flat].sum() / max(float(seen.sum()) / 2, 1e-300))


def _is_open(given: SurfaceMesh, axis: int, place: float) -> bool:
    """Return whether a shape has open edges in a plane and no triangles."""
    rim = np.unique(find_edges(given.triangles).open)
    near = np.abs(given.vertices[rim, axis] - place) <= _tolerance(given)
    return bool(near.sum() >= 3 and not _on_plane(given, axis, place).any())
