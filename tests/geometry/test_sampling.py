import numpy as np
import pytest
import pyvista as pv
from hypothesis import given
from hypothesis import strategies as st
from numpy import ndarray

from mspt.errors import GeometryError
from mspt.geometry.area import MAX_EXACT_TRIANGLES, frontal_area
from mspt.geometry.bodies.families import draw_body
from mspt.geometry.distance import distance_to, nearest_on
from mspt.geometry.mesh import SurfaceMesh, box
from mspt.geometry.sampling import (
    FAR_BOX,
    MAX_WALL_DISTANCE,
    MIN_WALL_DISTANCE,
    SHARES,
    sample_surface,
    sample_volume,
)

SMALL_BOX = ((0.0, -0.2, 0.1), (1.0, 0.2, 0.4))


def ball(radius: float = 1.0, center: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> SurfaceMesh:
    """A sphere of 20,480 triangles, 0.1 % too small."""
    surface = pv.Icosphere(radius=radius, center=center, nsub=5)
    triangles = np.asarray(surface.faces).reshape(-1, 4)[:, 1:].astype(np.int64)
    return SurfaceMesh(np.asarray(surface.points, dtype=np.float64), triangles)


def joined(*meshes: SurfaceMesh) -> SurfaceMesh:
    starts = np.cumsum([0, *(len(mesh.vertices) for mesh in meshes[:-1])])
    return SurfaceMesh(
        np.concatenate([mesh.vertices for mesh in meshes]),
        np.concatenate(
            [mesh.triangles + start for mesh, start in zip(meshes, starts, strict=True)]
        ),
    )


def rotation(axis: int, degrees: float) -> ndarray:
    angle = np.radians(degrees)
    matrix = np.eye(3)
    first, second = [index for index in range(3) if index != axis]
    matrix[first, first] = matrix[second, second] = np.cos(angle)
    matrix[first, second], matrix[second, first] = -np.sin(angle), np.sin(angle)
    return matrix


def turned(mesh: SurfaceMesh, axis: int, degrees: float) -> SurfaceMesh:
    return mesh.mapped(rotation(axis, degrees), np.array([0.0, 0.0, 5.0]))


def box_distance(points: ndarray, low: ndarray, high: ndarray) -> ndarray:
    """Signed distance from an axis-parallel box, in closed form."""
    beyond = np.maximum(low - points, points - high)
    outside = np.linalg.norm(np.maximum(beyond, 0), axis=1)
    return outside + np.minimum(beyond.max(axis=1), 0)


# Meshes.


@pytest.mark.parametrize(
    ("vertices", "triangles", "message"),
    [
        (np.zeros((3, 3)), np.zeros((0, 3), dtype=np.int64), "mesh must have triangles, got none"),
        (
            np.full((3, 3), np.nan),
            np.array([[0, 1, 2]]),
            "mesh must have finite coordinates, got NaN or infinity",
        ),
        (np.eye(3), np.array([[0, 1, 3]]), "triangles must use vertices 0 to 2, got 0 to 3"),
        (np.eye(3), np.array([[-1, 1, 2]]), "triangles must use vertices 0 to 2, got -1 to 2"),
    ],
)
def test_meshes_that_no_step_could_use_are_refused(
    vertices: ndarray, triangles: ndarray, message: str
) -> None:
    with pytest.raises(GeometryError, match=message):
        SurfaceMesh(vertices, triangles)


def test_box_has_the_area_volume_and_outward_normals_of_a_box() -> None:
    mesh = box((-1.0, 0.5, 2.0), (1.0, 1.5, 5.0))
    assert mesh.volume == pytest.approx(2 * 1 * 3)
    assert mesh.areas.sum() == pytest.approx(2 * (2 * 1 + 1 * 3 + 3 * 2))
    np.testing.assert_allclose(mesh.area_vectors.sum(axis=0), 0, atol=1e-12)
    outward = mesh.centers - np.array([0.0, 1.0, 3.5])
    assert ((outward * mesh.normals).sum(axis=1) > 0).all()
    np.testing.assert_allclose(np.linalg.norm(mesh.normals, axis=1), 1)
    np.testing.assert_array_equal(mesh.extent, [2, 1, 3])


def test_ball_has_the_area_and_volume_of_a_ball() -> None:
    mesh = ball(2.0)
    assert mesh.areas.sum() == pytest.approx(16 * np.pi, rel=2e-3)
    assert mesh.volume == pytest.approx(32 / 3 * np.pi, rel=3e-3)


@given(axis=st.integers(0, 2), degrees=st.floats(-180, 180), shift=st.floats(-100, 100, width=32))
def test_moving_and_turning_keep_volume_and_areas(axis: int, degrees: float, shift: float) -> None:
    mesh = box(*SMALL_BOX)
    moved = mesh.mapped(rotation(axis, degrees), np.array([shift, -shift, 2 * shift]))
    assert moved.volume == pytest.approx(mesh.volume, rel=1e-9)
    np.testing.assert_allclose(moved.areas, mesh.areas, rtol=1e-9)


def test_mirrored_mesh_has_the_same_volume_and_points_outward() -> None:
    mesh = ball(0.5, (3.0, 2.0, 1.0))
    mirrored = mesh.mapped(np.diag([1.0, -1.0, 1.0]), np.zeros(3))
    assert mirrored.volume == pytest.approx(mesh.volume)
    np.testing.assert_allclose(mirrored.bounds[:, 1], -mesh.bounds[::-1, 1])


def test_flipped_mesh_is_inside_out() -> None:
    mesh = box(*SMALL_BOX)
    assert mesh.flipped().volume == pytest.approx(-mesh.volume)
    np.testing.assert_allclose(mesh.flipped().normals, -mesh.normals)


def test_triangle_without_area_has_no_normal() -> None:
    mesh = SurfaceMesh(np.array([[0.0, 0, 0], [1, 0, 0], [2, 0, 0]]), np.array([[0, 1, 2]]))
    np.testing.assert_array_equal(mesh.normals, np.zeros((1, 3)))


def test_bounds_ignore_vertices_that_no_triangle_uses() -> None:
    mesh = box(*SMALL_BOX)
    more = SurfaceMesh(np.concatenate([mesh.vertices, [[99.0, 99, 99]]]), mesh.triangles)
    np.testing.assert_array_equal(more.bounds, mesh.bounds)


# Points on the surface.


def test_surface_points_lie_on_the_triangles_they_are_said_to() -> None:
    mesh = turned(box(*SMALL_BOX), axis=1, degrees=33)
    points, triangle = sample_surface(mesh, 500, np.random.default_rng(0))
    a, b, c = np.moveaxis(mesh.corners[triangle], 1, 0)
    off_plane = ((points - a) * mesh.normals[triangle]).sum(axis=1)
    np.testing.assert_allclose(off_plane, 0, atol=1e-12)
    parts = [
        np.linalg.norm(np.cross(p - points, q - points), axis=1) / 2
        for p, q in ((a, b), (b, c), (c, a))
    ]
    np.testing.assert_allclose(sum(parts), mesh.areas[triangle], rtol=1e-9)


def test_each_share_of_the_area_gets_its_share_of_the_points() -> None:
    """Strata of one point: any run of triangles is off by less than one point at either end."""
    mesh = ball()
    _, triangle = sample_surface(mesh, 1000, np.random.default_rng(1))
    for start, stop in ((0, 5000), (5000, 5100), (12_345, 20_480)):
        found = ((triangle >= start) & (triangle < stop)).sum()
        expected = 1000 * mesh.areas[start:stop].sum() / mesh.areas.sum()
        assert abs(found - expected) < 2


def test_large_triangles_are_covered_evenly() -> None:
    """Within a triangle the density is flat: quarters around its corners get a quarter each."""
    mesh = SurfaceMesh(np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0]]), np.array([[0, 1, 2]]))
    points, _ = sample_surface(mesh, 20_000, np.random.default_rng(2))
    x, y, _ = points.T
    quarters = [(x > 0.5), (y > 0.5), (x + y < 0.5)]
    assert [q.mean() for q in quarters] == pytest.approx([0.25] * 3, abs=0.012)
    np.testing.assert_allclose(points.mean(axis=0), [1 / 3, 1 / 3, 0], atol=0.006)


def test_triangles_without_area_get_no_points() -> None:
    vertices = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [2, 0, 0]])
    mesh = SurfaceMesh(vertices, np.array([[0, 1, 3], [0, 1, 2], [0, 3, 1]]))
    _, triangle = sample_surface(mesh, 100, np.random.default_rng(3))
    assert set(triangle.tolist()) == {1}


def test_same_generator_gives_the_same_points() -> None:
    mesh = box(*SMALL_BOX)
    first, second = (
        [*sample_surface(mesh, 50, rng), sample_volume(mesh, 50, rng)]
        for rng in (np.random.default_rng(4), np.random.default_rng(4))
    )
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


# Points in the flow.


@pytest.mark.parametrize("count", [7, 1000])
def test_volume_points_are_as_many_as_asked_and_on_one_side(count: int) -> None:
    points = sample_volume(box(*SMALL_BOX), count, np.random.default_rng(5))
    assert points.shape == (count, 3)
    assert (points[:, 1] >= 0).all()


def test_volume_points_along_the_wall_have_log_uniform_distances() -> None:
    mesh = box(*SMALL_BOX)
    count = 4000
    points = sample_volume(mesh, count, np.random.default_rng(6))
    wall = points[: round(SHARES["wall"] * count)]
    distance = nearest_on(mesh, wall).distance
    assert MIN_WALL_DISTANCE * 0.999 < distance.min() < MIN_WALL_DISTANCE * 1.05
    assert MAX_WALL_DISTANCE * 0.95 < distance.max() < MAX_WALL_DISTANCE * 1.001
    # A box is convex: along its normals the way out is the distance.
    share_below = np.mean(distance < np.sqrt(MIN_WALL_DISTANCE * MAX_WALL_DISTANCE))
    assert share_below == pytest.approx(0.5, abs=0.03)


def test_most_volume_points_are_near_the_body_and_some_are_far() -> None:
    mesh = box(*SMALL_BOX)
    points = sample_volume(mesh, 4000, np.random.default_rng(7))
    near = nearest_on(mesh, points).distance < MAX_WALL_DISTANCE
    # All of the wall's and most of the near box's, few of the wake's, hardly any of the far ones.
    assert 0.7 < near.mean() < 0.9
    behind = (points[:, 0] > 1.0) & (points[:, 0] < 2.0)
    assert behind.mean() > SHARES["wake"]
    low, high = np.array(FAR_BOX)
    assert (points >= low - 0.4).all()
    assert (points <= high).all()


def test_volume_points_do_not_depend_on_how_the_surface_is_cut_into_triangles() -> None:
    """The same density, seen as mean and spread, for a box of 12 and of 3,072 triangles."""
    coarse = box(*SMALL_BOX)
    fine = coarse
    for _ in range(4):
        fine = quartered(fine)
    means = [sample_volume(mesh, 20_000, np.random.default_rng(8)) for mesh in (coarse, fine)]
    np.testing.assert_allclose(means[0].mean(axis=0), means[1].mean(axis=0), atol=0.012)
    np.testing.assert_allclose(means[0].std(axis=0), means[1].std(axis=0), atol=0.012)


def quartered(mesh: SurfaceMesh) -> SurfaceMesh:
    a, b, c = np.moveaxis(mesh.corners, 1, 0)
    ab, bc, ca = (a + b) / 2, (b + c) / 2, (c + a) / 2
    corners = np.concatenate(
        [np.stack(three, axis=1) for three in ((a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca))]
    )
    count = len(corners)
    return SurfaceMesh(corners.reshape(-1, 3), np.arange(3 * count).reshape(count, 3))


# Distances.


def test_distance_from_a_box_equals_the_closed_form() -> None:
    low, high = (np.array(corner) for corner in SMALL_BOX)
    points = np.random.default_rng(9).uniform(low - 0.5, high + 0.5, (2000, 3))
    expected = box_distance(points, low, high)
    assert (expected < 0).any()
    np.testing.assert_allclose(nearest_on(box(*SMALL_BOX), points).distance, expected, atol=1e-9)


def test_distance_from_a_ball_equals_the_closed_form() -> None:
    points = np.random.default_rng(10).uniform(-2, 2, (1000, 3))
    expected = np.linalg.norm(points, axis=1) - 1
    np.testing.assert_allclose(nearest_on(ball(), points).distance, expected, atol=2e-3)


def test_nearest_points_lie_on_their_triangles_at_the_distance() -> None:
    mesh = box(*SMALL_BOX)
    points = np.random.default_rng(11).uniform(-1, 2, (300, 3))
    found = nearest_on(mesh, points)
    away = np.linalg.norm(points - found.closest, axis=1)
    np.testing.assert_allclose(away, np.abs(found.distance), atol=1e-9)
    origin = mesh.corners[found.triangle, 0]
    off_plane = ((found.closest - origin) * mesh.normals[found.triangle]).sum(axis=1)
    np.testing.assert_allclose(off_plane, 0, atol=1e-9)


def test_a_missing_wall_changes_neither_sign_nor_size_of_distances_elsewhere() -> None:
    low, high = (np.array(corner) for corner in SMALL_BOX)
    closed = box(*SMALL_BOX)
    without_base = SurfaceMesh(closed.vertices, closed.triangles[closed.normals[:, 0] < 0.5])
    points = np.random.default_rng(12).uniform(low - 0.1, high + 0.1, (500, 3))
    points = points[points[:, 0] < 0.5]
    expected = box_distance(points, low, high)
    np.testing.assert_allclose(nearest_on(without_base, points).distance, expected, atol=1e-9)


# Frontal area.


def test_frontal_area_of_a_ball_is_that_of_its_disc() -> None:
    assert frontal_area(ball(0.5, (0.0, 0.0, 0.5))) == pytest.approx(np.pi / 4, rel=2e-3)


def test_frontal_area_of_a_box_is_width_times_height() -> None:
    assert frontal_area(box(*SMALL_BOX)) == pytest.approx(0.4 * 0.3, rel=1e-6)


@pytest.mark.parametrize("degrees", [0.0, 20.0, 45.0, 90.0, 200.0])
def test_frontal_area_of_a_turned_box_equals_the_closed_form(degrees: float) -> None:
    """Yaw shows front and side, pitch shows front and roof; roll changes nothing."""
    mesh = box((-1.0, -0.5, -0.25), (1.0, 0.5, 0.25))
    length, width, height = 2.0, 1.0, 0.5
    cosine, sine = abs(np.cos(np.radians(degrees))), abs(np.sin(np.radians(degrees)))
    yaw, pitch, roll = (frontal_area(turned(mesh, axis, degrees)) for axis in (2, 1, 0))
    assert yaw == pytest.approx(height * (width * cosine + length * sine), rel=1e-5)
    assert pitch == pytest.approx(width * (height * cosine + length * sine), rel=1e-5)
    assert roll == pytest.approx(width * height, rel=1e-5)


def test_bodies_behind_each_other_are_seen_once() -> None:
    front, behind = box((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)), box((2.0, 0.5, 0.0), (3.0, 1.5, 2.0))
    assert frontal_area(joined(front, behind)) == pytest.approx(1 + 2 - 0.5, rel=1e-6)


def test_bodies_that_overlap_are_seen_once() -> None:
    first, second = box((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)), box((0.5, 0.5, 0.5), (2.0, 2.0, 1.5))
    assert frontal_area(joined(first, second)) == pytest.approx(1 + 1.5 - 0.25, rel=1e-6)


def test_a_hole_through_a_body_is_not_seen() -> None:
    bars = [
        box((0.0, 0.0, 0.0), (1.0, 3.0, 1.0)),
        box((0.0, 0.0, 2.0), (1.0, 3.0, 3.0)),
        box((0.0, 0.0, 1.0), (1.0, 1.0, 2.0)),
        box((0.0, 2.0, 1.0), (1.0, 3.0, 2.0)),
    ]
    assert frontal_area(joined(*bars)) == pytest.approx(8, rel=1e-6)


def test_open_surfaces_throw_the_shadow_of_closed_ones() -> None:
    """Few triangles are united exactly, many are counted on pixels."""
    closed = box(*SMALL_BOX)
    without_base = SurfaceMesh(closed.vertices, closed.triangles[closed.normals[:, 0] < 0.5])
    assert frontal_area(without_base) == pytest.approx(0.4 * 0.3, rel=1e-6)
    whole = ball(0.5, (0.0, 0.0, 0.5))
    pierced = SurfaceMesh(whole.vertices, whole.triangles[whole.centers[:, 0] < 0.45])
    assert len(pierced.triangles) > MAX_EXACT_TRIANGLES * 0.9
    more = joined(pierced, SurfaceMesh(whole.vertices, whole.triangles[:5000]))
    assert len(more.triangles) > MAX_EXACT_TRIANGLES
    for mesh in (pierced, more):
        assert frontal_area(mesh) == pytest.approx(np.pi / 4, rel=4e-3)


def test_what_is_below_the_ground_is_not_seen() -> None:
    assert frontal_area(box((0.0, 0.0, -1.0), (1.0, 1.0, 0.5))) == pytest.approx(0.5, rel=1e-6)
    half_sunk = frontal_area(ball(0.5, (0.0, 0.0, 0.0)))
    assert half_sunk == pytest.approx(np.pi / 8, rel=5e-3)


@given(length=st.floats(0.1, 10.0), seed=st.integers(0, 9))
def test_frontal_area_does_not_depend_on_stretching_along_the_flow(
    length: float, seed: int
) -> None:
    corners = np.random.default_rng(seed).random((2, 3)) + 0.1
    low, high = corners.min(axis=0), corners.max(axis=0)
    mesh = turned(box(tuple(low.tolist()), tuple(high.tolist())), axis=2, degrees=31)
    stretched = mesh.mapped(np.diag([length, 1.0, 1.0]), np.zeros(3))
    assert frontal_area(stretched) == pytest.approx(frontal_area(mesh), rel=1e-5)


def test_distance_without_a_sign_is_that_of_the_nearest_point() -> None:
    mesh = draw_body("blob", 1).mesh
    points = np.random.default_rng(0).uniform(-0.2, 1.2, (300, 3))
    signed = nearest_on(mesh, points).distance
    assert (signed < 0).any()
    np.testing.assert_allclose(distance_to(mesh, points), np.abs(signed), atol=1e-12)
