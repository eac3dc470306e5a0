"""One body in files of any format, unit, axes, place, order and orientation: the same numbers."""

from collections.abc import Callable
from functools import cache
from itertools import permutations, product
from typing import NamedTuple

import mesh_dialects as dialects
import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from mspt.geometry.axes import Orientation
from mspt.geometry.files.readers import read_mesh
from mspt.geometry.mesh import SurfaceMesh, box, joined
from mspt.geometry.placement import METERS, Unit, place_mesh, placement_along
from mspt.metrics.forces import coefficients, surface_force

TURNS = [
    np.eye(3)[list(order)] * np.array(signs)[:, None]
    for order in permutations(range(3))
    for signs in product((1.0, -1.0), repeat=3)
]
"""All ways to exchange and reverse axes: 24 rotations by quarters, and their mirror images."""
UNITS = sorted(METERS)
EXACT, SINGLE = 1e-9, 2e-4
"""Tolerance of areas and coefficients, relative: for formats of float64 or of text with all digits,
and of float32, which keep 5e-6 of the length of a body that lies 80 lengths from the origin."""


class Numbers(NamedTuple):
    area: float
    front: float
    drag: float
    side: float
    lift: float


@cache
def body() -> SurfaceMesh:
    """A body of length 1 whose mirror image is another: an oblique plate stands on its roof."""
    oblique = np.array([[1.0, 0, 0], [0.5, 1, 0], [0, 0, 1]])
    plate = box((0.15, -0.2, 0.45), (0.45, -0.1, 0.65)).mapped(oblique, np.zeros(3))
    return joined(box((0, -0.2, 0.1), (1, 0.2, 0.4)), plate)


def pressure_of(centers: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """A given model: Newton's pressure in front and a suction that depends on the place.

    It does not depend on y, since where the plane of symmetry lies is a guess here.
    """
    windward = np.maximum(-normals[:, 0], 0)
    suction = 0.3 * np.sin(3 * centers[:, 0] + 1) + 0.2 * centers[:, 2]
    return 2 * windward**2 - suction * (windward == 0)


def shear_of(centers: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """Friction along the flow, without the part across the wall, larger near the ground."""
    along = np.array([1.0, 0.0, 0.0]) - normals[:, :1] * normals
    return 0.01 * (2 - centers[:, 2:]) * along


def numbers(mesh: SurfaceMesh) -> Numbers:
    """Return the area of a placed body, and its coefficients by the given model."""
    areas, normals = mesh.areas, mesh.area_vectors / mesh.areas[:, None]
    front = float(np.maximum(-mesh.area_vectors[:, 0], 0).sum())
    force = surface_force(
        mesh.area_vectors,
        pressure_of(mesh.centers, normals),
        shear=shear_of(mesh.centers, normals),
    )
    found = coefficients(force, reference_area=front)
    return Numbers(float(areas.sum()), front, found.C_D, found.C_S, found.C_L)


def legacy_vtk(mesh: SurfaceMesh) -> bytes:
    """A legacy file in binary: float64 and int32, most significant byte first."""
    head = b"# vtk DataFile Version 3.0\nbody\nBINARY\nDATASET POLYDATA\n"
    count = len(mesh.triangles)
    rows = np.concatenate([np.full((count, 1), 3), mesh.triangles], axis=1)
    return (
        head
        + b"POINTS %d double\n" % len(mesh.vertices)
        + mesh.vertices.astype(">f8").tobytes()
        + b"\nPOLYGONS %d %d\n" % (count, 4 * count)
        + rows.astype(">i4").tobytes()
        + b"\n"
    )


FORMATS: dict[str, tuple[str, Callable[[SurfaceMesh], bytes], float]] = {
    "binary STL": (".stl", dialects.stl, SINGLE),
    "text STL": (".stl", lambda mesh: dialects.text_stl(mesh).encode(), EXACT),
    "OBJ": (".obj", lambda mesh: dialects.obj(mesh).encode(), EXACT),
    "text PLY": (".ply", lambda mesh: dialects.ply(mesh).encode(), EXACT),
    "binary PLY": (".ply", lambda mesh: dialects.binary_ply(mesh, order=">"), SINGLE),
    "GLB": (".glb", dialects.plain_glb, SINGLE),
    "legacy VTK": (".vtk", legacy_vtk, EXACT),
}


def in_other_order(mesh: SurfaceMesh, seed: int) -> SurfaceMesh:
    """Give triangles, vertices and first corners another order."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(mesh.vertices))
    place = np.argsort(order)
    triangles = place[rng.permutation(mesh.triangles)]
    first = (np.arange(3) + rng.integers(0, 3, (len(triangles), 1))) % 3
    return SurfaceMesh(mesh.vertices[order], np.take_along_axis(triangles, first, axis=1))


def axis_of(vector: np.ndarray) -> str:
    index = int(np.abs(vector).argmax())
    return f"{'+' if vector[index] > 0 else '-'}{'xyz'[index]}"


@cache
def known() -> Numbers:
    """Return the numbers of the body as it stands, its plane of symmetry in its middle."""
    return numbers(in_tunnel(body(), "m", np.eye(3)))


def in_tunnel(mesh: SurfaceMesh, unit: Unit, turn: np.ndarray) -> SurfaceMesh:
    axes = Orientation(axis_of(-turn[:, 0]), axis_of(turn[:, 2]))
    return place_mesh(mesh, placement_along(mesh, axes, unit=unit, clearance=0.1)).mesh


@settings(max_examples=25, phases=(Phase.explicit, Phase.generate))  # a file is not made simpler
@given(
    name=st.sampled_from(sorted(FORMATS)),
    unit=st.sampled_from(UNITS),
    turn=st.sampled_from(TURNS),
    shift=st.tuples(*[st.floats(-80, 80)] * 3),
    seed=st.integers(0, 1000),
)
def test_areas_and_forces_do_not_depend_on_the_file(
    tmp_path_factory: pytest.TempPathFactory,
    name: str,
    unit: str,
    turn: np.ndarray,
    shift: tuple[float, float, float],
    seed: int,
) -> None:
    suffix, written, tolerance = FORMATS[name]
    size = 4.5 / METERS[unit]
    file = in_other_order(body().mapped(size * turn, size * np.array(shift)), seed)
    path = tmp_path_factory.getbasetemp() / f"same{suffix}"
    path.write_bytes(written(file))
    mesh = read_mesh(path)
    flow = "xyz".index(axis_of(turn[:, 0])[1])
    assert mesh.extent[flow] * METERS[unit] == pytest.approx(4.5, rel=tolerance)
    found = numbers(in_tunnel(mesh, unit, turn))
    # A mirror image is turned so that only its sides change places.
    sided = known()._replace(side=known().side * np.linalg.det(turn))
    assert found._asdict() == pytest.approx(sided._asdict(), rel=tolerance, abs=tolerance)
    assert abs(sided.side) > 100 * SINGLE


def test_the_given_model_sees_the_body() -> None:
    """Numbers by hand: a mistake in them would be the same in every file."""
    assert known().front == pytest.approx(0.4 * 0.3 + 0.1 * 0.2 + 0.15 * 0.2)
    oblique = 0.3 * np.hypot(1, 0.5)
    assert known().area == pytest.approx(
        2 * (0.4 * 0.3 + 0.4 + 0.3) + 2 * (0.1 * 0.2 + oblique * 0.2 + 0.3 * 0.1)
    )
    assert 1.5 < known().drag < 2.5  # 2 in front, less on the plate, friction, suction behind
