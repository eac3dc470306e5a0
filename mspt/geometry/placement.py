"""From a file's unit and axes to the wind tunnel's.

In the tunnel a body has length 1 and its nose at x = 0; the flow goes along x, z points up, the
ground is z = 0, and the plane of symmetry is y = 0.

Shapes: P points.
"""

from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from mspt.errors import GeometryError
from mspt.geometry.distance import distance_to
from mspt.geometry.mesh import SurfaceMesh
from mspt.geometry.sampling import sample_surface

Unit = Literal["m", "cm", "mm", "in", "ft"]
Axis = Literal["+x", "-x", "+y", "-y", "+z", "-z"]
METERS: dict[str, float] = {"m": 1.0, "mm": 0.001, "cm": 0.01, "in": 0.0254, "ft": 0.3048}
"""Meters in a unit; the more usual one first."""
CAR_LENGTHS, ANY_LENGTHS, CAR_LENGTH = (2.5, 8.0), (1.0, 20.0), 4.5
LOWEST_KEPT, HOVER = 0.3, 0.05
"""Clearances that a file is believed to mean, and the one without a ground; in lengths."""
TUNNEL_LENGTHS, DEEPEST = (0.2, 3.0), 0.02
FOOT_HEIGHT, FOOT_FILL = 0.01, 0.2
"""Feet: the lowest part of a body, in lengths, that fills less than this share of its own box."""
MIRROR_POINTS, ALIKE = 1500, 0.004
CHOOSE = "choose unit and axes of the file to place it"


@dataclass(frozen=True, kw_only=True)
class Placement:
    """How the coordinates of a file are meant.

    Attributes:
        unit: Length of a 1 in the file.
        forward: Axis of the file that the nose points along.
        up: Axis of the file that points up.
        clearance: Of the lowest point above the ground, in body lengths.
        length_m: Length of the body in meters, in that unit.

    Raises:
        GeometryError: If the axes are not at right angles, or a number is negative or not finite.
    """

    unit: Unit
    forward: Axis
    up: Axis
    clearance: float
    length_m: float

    def __post_init__(self) -> None:
        """Refuse what would place no body."""
        for name, value in (("unit", self.unit), ("forward", self.forward), ("up", self.up)):
            known = get_args(Unit if name == "unit" else Axis)
            if value not in known:
                raise GeometryError(f"{name} must be one of {', '.join(known)}, got {value!r}")
        if self.forward[1] == self.up[1]:
            raise GeometryError(
                f"forward and up must be different axes, got {self.forward} and {self.up}"
            )
        if not 0 <= self.clearance < np.inf:
            raise GeometryError(f"clearance must be zero or more, got {self.clearance}")
        if not 0 < self.length_m < np.inf:
            raise GeometryError(f"length_m must be positive, got {self.length_m}")

    def describe(self) -> dict[str, Any]:
        """Return plain values for a file."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class PlacedMesh:
    """A body in the wind tunnel, and the way back to its file.

    Attributes:
        mesh: The body in the tunnel's coordinates.
        matrix: With ``offset``: x_tunnel = matrix @ x_file + offset.
        offset: In body lengths.
        scale: Body lengths in one unit of the file.
        warnings: What is unusual about it, one line each.
    """

    mesh: SurfaceMesh
    matrix: Float64[ndarray, "3 3"]
    offset: Float64[ndarray, " 3"]
    scale: float
    warnings: tuple[str, ...] = ()

    def to_file(self, points: Float64[ndarray, "P 3"]) -> Float64[ndarray, "P 3"]:
        """Return points of the tunnel in the file's coordinates."""
        return (points - self.offset) @ self.matrix / self.scale**2

    def vectors_to_file(self, vectors: Float64[ndarray, "P 3"]) -> Float64[ndarray, "P 3"]:
        """Turn vectors such as wall shear stress to the file's axes; lengths stay."""
        return vectors @ self.matrix / self.scale


def guess_placement(mesh: SurfaceMesh, *, suffix: str = "") -> Placement:
    """Guess unit and axes of a shape from its form; a person should confirm them.

    Sideways is the axis along which the shape is its own mirror image. The longer one of the other
    two is the flow's, so a body higher than long is laid down. Up is never guessed to be a negative
    axis. The tail is the end with more volume and a flatter base, true of most cars, trucks and
    trains; of a body alike at both ends, the nose points along -x, -y or +z. A length in meters is
    1 to 20; lengths from 2.5 to 8 m, those of cars, decide between other units. A body on wheels
    or other feet stands on the ground; any other keeps the height it has in its file, or hovers
    where that cannot be meant.

    Args:
        mesh: The shape as read from its file.
        suffix: Of that file: y is up in .glb and .gltf files.
    """
    lateral, up = _lateral_and_up(mesh, y_up=suffix.lower() in (".glb", ".gltf"))
    flow = 3 - lateral - up
    length = float(mesh.extent[flow])
    unit = guess_unit(length)
    lowest = float(mesh.bounds[0, up]) / length
    clearance = lowest if 0 <= lowest <= LOWEST_KEPT else HOVER
    return Placement(
        unit=unit,
        forward=_nose_axis(mesh, flow),
        up=_axis(up, positive=True),
        clearance=0.0 if has_feet(mesh, up, length) else clearance,
        length_m=length * METERS[unit],
    )


def guess_unit(length: float) -> Unit:
    """Guess the unit of a body's length.

    Examples:
        >>> [guess_unit(length) for length in (4.5, 1.0, 4500.0, 1044.0, 450.0, 180.0)]
        ['m', 'm', 'mm', 'mm', 'cm', 'in']
    """
    if ANY_LENGTHS[0] <= length <= ANY_LENGTHS[1]:
        return "m"
    for low, high in (CAR_LENGTHS, ANY_LENGTHS):
        for unit in ("mm", "cm", "in", "ft"):
            if low <= length * METERS[unit] <= high:
                return unit
    distance = {unit: abs(np.log(length * size / CAR_LENGTH)) for unit, size in METERS.items()}
    return min(get_args(Unit), key=distance.__getitem__)


def has_feet(mesh: SurfaceMesh, up: int, length: float) -> bool:
    """Tell whether a body stands on wheels or other feet: seen from below, they leave gaps.

    Args:
        mesh: The body.
        up: Number of the axis that points up.
        length: Of the body along the flow.

    Examples:
        >>> from mspt.geometry.mesh import box
        >>> has_feet(box((0, -0.2, 0), (1, 0.2, 0.3)), 2, 1.0)
        False
    """
    low = mesh.centers[:, up] < mesh.bounds[0, up] + FOOT_HEIGHT * length
    seen = np.abs(mesh.area_vectors[:, up]) * low
    corners = np.delete(mesh.corners[seen > 0].reshape(-1, 3), up, axis=1)
    return len(corners) > 0 and float(seen.sum()) < FOOT_FILL * float(
        np.ptp(corners, axis=0).prod()
    )


def place_mesh(mesh: SurfaceMesh, placement: Placement) -> PlacedMesh:
    """Turn, scale and move a shape into the wind tunnel; it is never mirrored.

    Raises:
        GeometryError: If the shape has no length along the flow.
    """
    rotation = np.zeros((3, 3))
    rotation[0], rotation[2] = -_direction(placement.forward), _direction(placement.up)
    rotation[1] = np.cross(rotation[2], rotation[0])
    turned = mesh.mapped(rotation, np.zeros(3))
    if turned.extent[0] <= 0:
        raise GeometryError(
            f"shape must have a length along its forward axis {placement.forward}, got none; "
            "choose another axis"
        )
    scale = 1 / float(turned.extent[0])
    low = turned.bounds[0]
    middle = _middle(turned)
    offset = np.array([-low[0] * scale, -middle * scale, placement.clearance - low[2] * scale])
    matrix = scale * rotation
    placed = mesh.mapped(matrix, offset)
    return PlacedMesh(placed, matrix, offset, scale, tuple(_hovering(placed)))


def as_is(mesh: SurfaceMesh) -> PlacedMesh:
    """Take a shape whose coordinates are the wind tunnel's already.

    Raises:
        GeometryError: If it is much longer or shorter than 1, or lies below the ground.
    """
    length, depth = float(mesh.extent[0]), -float(mesh.bounds[0, 2])
    low, high = TUNNEL_LENGTHS
    if not low <= length <= high:
        raise GeometryError(
            f"body must be {low:g} to {high:g} long in the wind tunnel, got {length:.4g}; {CHOOSE}"
        )
    if depth > DEEPEST * length:
        raise GeometryError(
            f"body must stand over the ground z = 0, got its lowest point at z = {-depth:.4g}; "
            f"{CHOOSE}"
        )
    warnings = _hovering(mesh)
    if depth > 0:
        warnings.append(f"lowest point is below the ground, at z = {-depth:.2g}: that part is cut")
    middle = float(mesh.bounds[:, 1].mean())
    if abs(middle) > DEEPEST * length:
        warnings.append(f"middle is at y = {middle:.2g}, not at the plane of symmetry y = 0")
    return PlacedMesh(mesh, np.eye(3), np.zeros(3), 1.0, tuple(warnings))


def _hovering(mesh: SurfaceMesh) -> list[str]:
    lowest = float(mesh.bounds[0, 2])
    if lowest < FOOT_HEIGHT or not has_feet(mesh, 2, float(mesh.extent[0])):
        return []
    return [f"wheels hover {lowest:.1%} of the length above the ground; set the clearance to 0"]


def symmetry_error(mesh: SurfaceMesh) -> float:
    """Return how far a body in the tunnel is from its mirror image: on average, in lengths.

    Examples:
        >>> from mspt.geometry.mesh import box
        >>> symmetry_error(box((0, -0.5, 0), (1, 0.5, 0.5))) < 1e-12
        True
    """
    return float(_mirror_errors(mesh, [(1, 0.0)])[0] / mesh.extent[0])


def _mirror_errors(mesh: SurfaceMesh, planes: list[tuple[int, float]]) -> Float64[ndarray, " M"]:
    """Return for each plane, an axis and where it is met, the mean distance of the mirror image."""
    points, _ = sample_surface(mesh, MIRROR_POINTS, np.random.default_rng(0))
    images = np.repeat(points[None], len(planes), axis=0)
    for image, (axis, place) in zip(images, planes, strict=True):
        image[:, axis] = 2 * place - image[:, axis]
    return distance_to(mesh, images.reshape(-1, 3)).reshape(len(planes), -1).mean(axis=1)


def _middle(mesh: SurfaceMesh) -> float:
    """Return y of the plane of symmetry: of the box around a body, or of its area.

    The box is the better guess unless something small sticks out on one side.
    """
    box_middle = float(mesh.bounds[:, 1].mean())
    area_middle = float(mesh.areas @ mesh.centers[:, 1] / mesh.areas.sum())
    errors = _mirror_errors(mesh, [(1, box_middle), (1, area_middle)])
    return box_middle if errors[0] <= errors[1] + ALIKE / 10 * mesh.extent[0] else area_middle


def _lateral_and_up(mesh: SurfaceMesh, *, y_up: bool) -> tuple[int, int]:
    middle = mesh.bounds.mean(axis=0)
    errors = _mirror_errors(mesh, [(axis, float(middle[axis])) for axis in range(3)])
    alike = errors <= errors.min() + ALIKE * mesh.extent.max()
    choices = []
    for lateral in range(3):
        others = [axis for axis in range(3) if axis != lateral]
        # The higher of the two lies down: flow goes along the longer one.
        up = min(others, key=lambda axis: (mesh.extent[axis], -axis))
        if y_up and lateral != 1:
            up = 1
        widest = lateral == int(mesh.extent.argmax())
        choices.append((not alike[lateral], y_up and lateral == 1, widest, -up, lateral, up))
    *_, lateral, up = min(choices)
    return lateral, up


def _nose_axis(mesh: SurfaceMesh, flow: int) -> Axis:
    """Return the end of the flow axis that has less volume before the middle, and no flat base."""
    low, high = mesh.bounds[:, flow]
    along = (mesh.centers[:, flow] - low) / (high - low)
    vectors, normals = mesh.area_vectors[:, flow], mesh.normals[:, flow]
    volume = float((along * vectors).sum())
    center = float((along**2 * vectors).sum()) / (2 * volume) if volume else 0.5
    flat = 0.01 * mesh.areas.sum()
    ends = [mesh.areas[side * normals > 0.97].sum() + flat for side in (1, -1)]
    base = float(np.log(ends[0] / ends[1])) if mesh.volume > 0 else 0.0
    # An open surface can have any center.
    bulk = (center - 0.5) / 0.03 if abs(center - 0.5) < 0.2 else 0.0
    if abs(bulk + base) < 0.2:
        return _axis(flow, positive=flow == 2)
    return _axis(flow, positive=bulk + base < 0)


def _axis(index: int, *, positive: bool) -> Axis:
    return get_args(Axis)[2 * index + (not positive)]


def _direction(axis: Axis) -> Float64[ndarray, " 3"]:
    return np.eye(3)["xyz".index(axis[1])] * (1.0 if axis[0] == "+" else -1.0)
