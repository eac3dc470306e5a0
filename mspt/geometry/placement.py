"""Placement of a shape in the wind tunnel, from the unit and axes of its file.

In the wind tunnel a body has length 1 and its nose at x = 0. The flow is along x, z points up, the
ground is z = 0, and the plane of symmetry is y = 0.

Shapes: P points.
"""

from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, get_args

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from mspt.errors import GeometryError
from mspt.geometry.axes import Axis, Orientation, direction, opposite, require_axes
from mspt.geometry.mesh import SurfaceMesh
from mspt.geometry.mirror import SYMMETRIC, MirrorPlane, mirror_error, mirror_planes

Unit = Literal["m", "cm", "mm", "in", "ft"]
METERS: dict[str, float] = {"m": 1.0, "mm": 0.001, "cm": 0.01, "in": 0.0254, "ft": 0.3048}
"""Meters in each unit; units that are more common in files come first."""

CAR_LENGTHS, ANY_LENGTHS, CAR_LENGTH = (2.5, 8.0), (1.0, 20.0), 4.5
"""Lengths of cars, of vehicles in general and of a typical car, in meters."""

MAX_KEPT_CLEARANCE = 0.3
"""Largest height above z = 0 that a file is assumed to mean, in body lengths.

A greater height, or a negative one, only says that the file has its origin elsewhere.
"""

DEFAULT_CLEARANCE = 0.05
"""Ground clearance where that of the file is not kept, in body lengths; typical of cars."""

TUNNEL_LENGTHS = (0.2, 3.0)
"""Lengths of bodies that are accepted as already placed in the wind tunnel."""

MAX_DEPTH = 0.02
"""Largest depth below the ground, and largest offset from y = 0, in body lengths."""

FOOT_HEIGHT, FOOT_FILL = 0.01, 0.2
"""Feet: the lowest part of a body, of this height in body lengths, that covers less than this share
of its own bounding rectangle."""

BASE_ALIGNMENT = 0.97
"""Smallest cosine between normal and axis for a triangle of a flat base: within 14 degrees."""

BASE_AREA = 0.01
"""Share of the surface added to the base of each end, which keeps their ratio finite."""

BULK_SCALE = 0.03
"""Offset of the volume's center from the middle, in body lengths, that counts as much as a base of
e times the area."""

MAX_BULK_OFFSET = 0.2
"""Largest plausible offset of the volume's center; open surfaces can have any center."""

MIN_EVIDENCE = 0.2
"""Smallest sum of both kinds of evidence by which the ends of a body are distinguished."""

REMEDY = "choose unit and axes of the file to place it"


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Interpretation of the coordinates of a file.

    Attributes:
        unit: Unit of length of the file.
        forward: Axis of the file along which the nose points.
        up: Axis of the file that points up.
        clearance: Height of the lowest point above the ground, in body lengths.
        length_m: Length of the body in meters, for that unit.

    Raises:
        GeometryError: If unit or axes are unknown, both axes are the same, or a number is negative
            or not finite.
    """

    unit: Unit
    forward: Axis
    up: Axis
    clearance: float
    length_m: float

    def __post_init__(self) -> None:
        """Reject values that place no body."""
        if self.unit not in METERS:
            known = ", ".join(get_args(Unit))
            raise GeometryError(f"unit must be one of {known}, got {self.unit!r}")
        require_axes(self.forward, self.up)
        if not 0 <= self.clearance < np.inf:
            raise GeometryError(
                f"clearance must be zero or more, got {self.clearance}; "
                "give the height of the lowest point above the ground"
            )
        if not 0 < self.length_m < np.inf:
            raise GeometryError(
                f"length_m must be positive, got {self.length_m}; give a length in meters"
            )

    @property
    def orientation(self) -> Orientation:
        """Both axes."""
        return Orientation(self.forward, self.up)

    def describe(self) -> dict[str, Any]:
        """Return the attributes as a dictionary of JSON values."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class PlacedMesh:
    """A body in the wind tunnel, and the map from the coordinates of its file.

    Attributes:
        mesh: The body in wind-tunnel coordinates.
        matrix: Linear part of the map: x_tunnel = matrix @ x_file + offset.
        offset: Translation of the map, in body lengths.
        scale: Body lengths in one unit of the file.
        warnings: One line for each unusual property of the placement.
    """

    mesh: SurfaceMesh
    matrix: Float64[ndarray, "3 3"]
    offset: Float64[ndarray, " 3"]
    scale: float
    warnings: tuple[str, ...] = ()

    def to_tunnel(self, points: Float64[ndarray, "P 3"]) -> Float64[ndarray, "P 3"]:
        """Return points of the file in the coordinates of the wind tunnel."""
        return points @ self.matrix.T + self.offset

    def to_file(self, points: Float64[ndarray, "P 3"]) -> Float64[ndarray, "P 3"]:
        """Return points of the wind tunnel in the coordinates of the file."""
        # The matrix is ``scale`` times a rotation, so its inverse is its transpose / scale^2.
        return (points - self.offset) @ self.matrix / self.scale**2

    def vectors_to_file(self, vectors: Float64[ndarray, "P 3"]) -> Float64[ndarray, "P 3"]:
        """Rotate vectors such as wall shear stress to the axes of the file, without scaling."""
        return vectors @ self.matrix / self.scale


@dataclass(frozen=True, kw_only=True)
class PlacementGuess:
    """The likely placement of a shape, and what else it could be.

    Attributes:
        best: The most likely placement.
        alternatives: Other placements, if the form of the shape does not decide.
        reason: Why it does not; empty if it does.
    """

    best: Placement
    alternatives: tuple[Placement, ...] = ()
    reason: str = ""


def guess_placement(mesh: SurfaceMesh, *, lateral: int | None = None) -> PlacementGuess:
    """Guess unit and axes of a shape from its form; the user should confirm them.

    The lateral axis is the one along which the shape is its own mirror image. The longer one of the
    other two is the flow axis, so a body that is taller than long is laid down. The up axis is
    always guessed to be positive; y is up in .glb and .gltf files, by the standard.

    The tail is the end with more volume and a flatter base, which is true of most cars, trucks and
    trains. If both ends are alike, the nose points along -x, -y or +z.

    Lengths of 1 to 20 are taken to be in meters; otherwise the unit is the first that gives the
    length of a car (2.5 to 8 m). A body on wheels or other feet is placed on the ground. Any other
    keeps the height that it has in its file, or gets a default clearance if that is not plausible.

    Args:
        mesh: The repaired shape.
        lateral: The lateral axis if it is known, as that of a completed half model.
    """
    y_up = mesh.suffix.lower() in (".glb", ".gltf")
    planes = mirror_planes(mesh)
    chosen, up = _lateral_and_up(mesh, planes, y_up=y_up, lateral=lateral)
    best, evidence = _placed(mesh, chosen, up)
    if lateral is None and planes[chosen].error > SYMMETRIC:
        others = [axis for axis in range(3) if axis != chosen and not (y_up and axis == 1)]
        turned = [_lateral_and_up(mesh, planes, y_up=y_up, lateral=axis) for axis in others]
        return PlacementGuess(
            best=best,
            alternatives=tuple(_placed(mesh, *axes)[0] for axes in turned),
            reason="the shape is not symmetric about any plane across an axis",
        )
    flow = 3 - chosen - up
    if evidence < MIN_EVIDENCE and planes[flow].error > SYMMETRIC:
        back = replace(best, forward=opposite(best.forward))
        return PlacementGuess(
            best=best, alternatives=(back,), reason="its nose and its tail are alike"
        )
    return PlacementGuess(best=best)


def _placed(mesh: SurfaceMesh, lateral: int, up: int) -> tuple[Placement, float]:
    """Return the placement with given axes, and the evidence for the direction of the nose."""
    nose, evidence = _nose_axis(mesh, 3 - lateral - up)
    return placement_along(mesh, Orientation(nose, _axis(up, positive=True))), evidence


def placement_along(
    mesh: SurfaceMesh,
    orientation: Orientation,
    *,
    unit: Unit | None = None,
    clearance: float | None = None,
) -> Placement:
    """Return the placement of a shape with given axes.

    Args:
        mesh: The repaired shape.
        orientation: Axes of the nose and of the top.
        unit: Unit of the file; one that gives a plausible length if None.
        clearance: Height of the lowest point above the ground in body lengths; None for what
            :func:`guess_placement` assumes.

    Raises:
        GeometryError: If the shape has no extent along the axis of its nose, or a number is not
            valid.

    Examples:
        >>> from mspt.geometry.mesh import box
        >>> tower = box((-5, -5, 0), (5, 5, 80))
        >>> found = placement_along(tower, Orientation("-x", "+z"))
        >>> found.length_m, found.unit, found.clearance
        (10.0, 'm', 0.0)
    """
    length = float(mesh.extent["xyz".index(orientation.forward[1])])
    if length <= 0:
        raise GeometryError(
            f"shape must have a length along its forward axis {orientation.forward}, got none; "
            "choose another axis"
        )
    unit = unit or guess_unit(length)
    if clearance is None:
        clearance = _likely_clearance(mesh, orientation.up, length)
    return Placement(
        unit=unit,
        forward=orientation.forward,
        up=orientation.up,
        clearance=clearance,
        length_m=length * METERS[unit],
    )


def _likely_clearance(mesh: SurfaceMesh, up: Axis, length: float) -> float:
    """Return the height that a shape has in its file if that is plausible, else the usual one."""
    index, positive = "xyz".index(up[1]), up[0] == "+"
    if has_feet(mesh, index, length, up=positive):
        return 0.0
    low, high = mesh.bounds[:, index]
    lowest = float(low if positive else -high) / length
    return lowest if 0 <= lowest <= MAX_KEPT_CLEARANCE else DEFAULT_CLEARANCE


def guess_unit(length: float) -> Unit:
    """Guess the unit in which a body has a plausible length.

    Args:
        length: Length of the body in the file.

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
    # No unit gives a plausible length: take the one that comes closest to a car.
    distance = {unit: abs(np.log(length * size / CAR_LENGTH)) for unit, size in METERS.items()}
    return min(get_args(Unit), key=distance.__getitem__)


def has_feet(mesh: SurfaceMesh, axis: int, length: float, *, up: bool = True) -> bool:
    """Return whether a body stands on wheels or other feet.

    The lowest part of the body is projected onto the ground: feet cover only a small share of the
    rectangle around them.

    Args:
        mesh: The body.
        axis: Index of the vertical axis.
        length: Length of the body along the flow.
        up: Whether the axis points up; if not, the ground is at its upper end.

    Examples:
        >>> from mspt.geometry.mesh import box
        >>> has_feet(box((0, -0.2, 0), (1, 0.2, 0.3)), 2, 1.0)
        False
    """
    sign = 1 if up else -1
    height = sign * mesh.centers[:, axis] - (sign * mesh.bounds[:, axis]).min()
    seen = np.abs(mesh.area_vectors[:, axis]) * (height < FOOT_HEIGHT * length)
    corners = np.delete(mesh.corners[seen > 0].reshape(-1, 3), axis, axis=1)
    return len(corners) > 0 and float(seen.sum()) < FOOT_FILL * float(
        np.ptp(corners, axis=0).prod()
    )


def place_mesh(mesh: SurfaceMesh, placement: Placement) -> PlacedMesh:
    """Rotate, scale and move a shape into the wind tunnel, without reflection.

    Args:
        mesh: The shape in the coordinates of its file.
        placement: Unit, axes and clearance.

    Raises:
        GeometryError: If the shape has no extent along its forward axis.
    """
    rotation = np.zeros((3, 3))
    rotation[0], rotation[2] = -direction(placement.forward), direction(placement.up)
    rotation[1] = np.cross(rotation[2], rotation[0])
    turned = mesh.mapped(rotation, np.zeros(3))
    if turned.extent[0] <= 0:
        raise GeometryError(
            f"shape must have a length along its forward axis {placement.forward}, got none; "
            "choose another axis"
        )
    scale = 1 / float(turned.extent[0])
    low = turned.bounds[0]
    middle = mirror_planes(turned, wanted=1)[1].place
    offset = np.array([-low[0] * scale, -middle * scale, placement.clearance - low[2] * scale])
    matrix = scale * rotation
    placed = mesh.mapped(matrix, offset)
    return PlacedMesh(placed, matrix, offset, scale, tuple(_clearance_warnings(placed)))


def as_is(mesh: SurfaceMesh) -> PlacedMesh:
    """Return a shape whose coordinates are already those of the wind tunnel.

    Raises:
        GeometryError: If it is much longer or shorter than 1, or too deep below the ground.
    """
    length, depth = float(mesh.extent[0]), -float(mesh.bounds[0, 2])
    low, high = TUNNEL_LENGTHS
    if not low <= length <= high:
        raise GeometryError(
            f"body must be {low:g} to {high:g} long in the wind tunnel, got {length:.4g}; {REMEDY}"
        )
    if depth > MAX_DEPTH * length:
        raise GeometryError(
            f"body must be above the ground z = 0, got its lowest point at z = {-depth:.4g}; "
            f"{REMEDY}"
        )
    warnings = _clearance_warnings(mesh)
    if depth > 0:
        warnings.append(
            f"lowest point is below the ground, at z = {-depth:.2g}: that part is left out"
        )
    middle = float(mesh.bounds[:, 1].mean())
    if abs(middle) > MAX_DEPTH * length:
        warnings.append(f"center is at y = {middle:.2g}, not on the plane of symmetry y = 0")
    return PlacedMesh(mesh, np.eye(3), np.zeros(3), 1.0, tuple(warnings))


def _clearance_warnings(mesh: SurfaceMesh) -> list[str]:
    """Return a warning if a body on wheels does not touch the ground."""
    lowest = float(mesh.bounds[0, 2])
    if lowest < FOOT_HEIGHT or not has_feet(mesh, 2, float(mesh.extent[0])):
        return []
    return [f"wheels are {lowest:.1%} of the body length above the ground; set the clearance to 0"]


def symmetry_error(mesh: SurfaceMesh) -> float:
    """Return the mean distance of a body in the wind tunnel from its mirror image, in lengths.

    The plane is y = 0; the mean is over points sampled from the surface.

    Examples:
        >>> from mspt.geometry.mesh import box
        >>> symmetry_error(box((0, -0.5, 0), (1, 0.5, 0.5))) < 1e-12
        True
    """
    size = float(mesh.extent.max() / mesh.extent[0])
    return size * mirror_error(mesh, 1, 0.0)


def _lateral_and_up(
    mesh: SurfaceMesh,
    planes: tuple[MirrorPlane, MirrorPlane, MirrorPlane],
    *,
    y_up: bool,
    lateral: int | None,
) -> tuple[int, int]:
    """Return the lateral and the up axis of a shape.

    Among the axes that are lateral by symmetry, one that is not the longest is preferred, then the
    choice with the highest up axis: z before y before x.
    """
    least = min(plane.error for plane in planes)
    choices = []
    for axis in range(3) if lateral is None else (lateral,):
        others = [other for other in range(3) if other != axis]
        # The shorter of the two is up: the flow is along the longer one.
        up = min(others, key=lambda other: (mesh.extent[other], -other))
        if y_up and axis != 1:
            up = 1
        widest = axis == int(mesh.extent.argmax())
        symmetric = planes[axis].error <= least + SYMMETRIC
        choices.append((not symmetric, y_up and axis == 1, widest, -up, axis, up))
    *_, chosen, up = min(choices)
    return chosen, up


def _nose_axis(mesh: SurfaceMesh, flow: int) -> tuple[Axis, float]:
    """Return the direction of the nose, the end with less volume and without a flat base.

    The second value is the evidence for it, zero for ends that are alike.
    """
    low, high = mesh.bounds[:, flow]
    along = (mesh.centers[:, flow] - low) / (high - low)
    vectors, normals = mesh.area_vectors[:, flow], mesh.normals[:, flow]
    # Volume and center by the divergence theorem, in units of the length and up to one factor.
    volume = float((along * vectors).sum())
    center = float((along**2 * vectors).sum()) / (2 * volume) if volume else 0.5
    flat = BASE_AREA * mesh.areas.sum()
    ends = [mesh.areas[side * normals > BASE_ALIGNMENT].sum() + flat for side in (1, -1)]
    base = float(np.log(ends[0] / ends[1])) if mesh.volume > 0 else 0.0
    bulk = (center - 0.5) / BULK_SCALE if abs(center - 0.5) < MAX_BULK_OFFSET else 0.0
    evidence = abs(bulk + base)
    positive = flow == 2 if evidence < MIN_EVIDENCE else bulk + base < 0
    return _axis(flow, positive=positive), evidence


def _axis(index: int, *, positive: bool) -> Axis:
    return get_args(Axis)[2 * index + (not positive)]
