import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy import ndarray

from mspt.geometry.implicit import (
    Grid,
    extract_surface,
    from_manifold,
    outline_distance,
    plane_distance,
    remeshed,
    rounded_intersection,
    rounded_outline,
    smooth_union,
    to_manifold,
)
from mspt.geometry.mesh import SurfaceMesh, box

SQUARE = np.array([(0, 0), (1, 0), (1, 1), (0, 1)], dtype=float)
L_SHAPE = np.array([(0, 0), (2, 0), (2, 1), (1, 1), (1, 2), (0, 2)], dtype=float)


def polygon_area(outline: ndarray) -> float:
    x, y = outline.T
    return float(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1)) / 2)


def star(seed: int, corners: int = 9) -> ndarray:
    """A random outline around the origin, in most cases not convex."""
    random = np.random.default_rng(seed)
    angle = np.sort(random.random(corners) + np.arange(corners)) * 2 * np.pi / corners
    radius = random.uniform(0.3, 1.0, corners)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


def slow_distance(points: ndarray, outline: ndarray) -> ndarray:
    """Distance from many points on the outline, the sign from the angle it turns through."""
    share = np.linspace(0, 1, 400)[:, None, None]
    dense = (outline * (1 - share) + np.roll(outline, -1, axis=0) * share).reshape(-1, 2)
    distance = np.linalg.norm(points[:, None] - dense, axis=2).min(axis=1)
    arms = outline - points[:, None]
    angle = np.arctan2(arms[..., 1], arms[..., 0])
    turn = np.diff(angle, axis=1, append=angle[:, :1])
    winding = ((turn + np.pi) % (2 * np.pi) - np.pi).sum(axis=1) / (2 * np.pi)
    return np.where(np.abs(winding) > 0.5, -distance, distance)


def sphere_field(grid: Grid, radius: float, center: tuple[float, float, float]) -> ndarray:
    x, y, z = np.meshgrid(*grid.axes, indexing="ij", sparse=True)
    a, b, c = center
    return np.sqrt((x - a) ** 2 + (y - b) ** 2 + (z - c) ** 2) - radius


# Outlines.


def test_outline_with_vanishing_radius_has_the_area_of_the_polygon() -> None:
    errors = [
        3 - polygon_area(rounded_outline(L_SHAPE, radius, steps=8)) for radius in (0.2, 0.02, 0.002)
    ]
    # The area cut off goes with the square of the radius: a tenth of it cuts a hundredth.
    assert errors[0] > 0
    assert errors[1] == pytest.approx(errors[0] / 100)
    assert errors[2] == pytest.approx(errors[0] / 10_000)


def test_each_right_angle_loses_a_sixth_of_the_squared_radius() -> None:
    """A parabola that touches both edges leaves a third of the corner's triangle outside."""
    rounded = rounded_outline(SQUARE, 0.3, steps=200)
    assert polygon_area(rounded) == pytest.approx(1 - 4 * 0.3**2 / 6, rel=1e-5)


def test_curves_start_and_stop_one_radius_from_a_right_angle() -> None:
    rounded = rounded_outline(SQUARE, [0.1, 0.2, 0.3, 0.4], steps=4)
    np.testing.assert_allclose(rounded[0], [0, 0.1])
    np.testing.assert_allclose(rounded[4], [0.1, 0])
    np.testing.assert_allclose(rounded[5], [0.8, 0])
    np.testing.assert_allclose(rounded[-1], [0, 0.6])


def test_curves_touch_the_edges_for_any_angle() -> None:
    """The first and last pieces of each curve run along the edges they leave."""
    corners = star(3, corners=5)
    curves = rounded_outline(corners, 0.05, steps=400).reshape(5, 401, 2)
    for curve, corner in zip(curves, corners, strict=True):
        for end, inward in ((curve[0], curve[1]), (curve[-1], curve[-2])):
            toward, piece = corner - end, inward - end
            cosine = toward @ piece / np.linalg.norm(toward) / np.linalg.norm(piece)
            assert cosine > 0.99999


def test_radius_that_no_edge_has_room_for_is_lessened() -> None:
    rounded = rounded_outline(SQUARE, 10.0, steps=10)
    np.testing.assert_allclose(rounded[0], [0, 0.45])
    np.testing.assert_allclose(rounded, rounded_outline(SQUARE, 0.45, steps=10))


def test_outline_stays_inside_a_convex_polygon() -> None:
    assert (outline_distance(rounded_outline(SQUARE, 0.3), SQUARE) <= 1e-12).all()


@given(seed=st.integers(0, 1000))
def test_distance_from_any_outline_equals_a_slow_reference(seed: int) -> None:
    outline = star(seed)
    points = np.random.default_rng(seed).uniform(-1.2, 1.2, (60, 2))
    expected = slow_distance(points, outline)
    np.testing.assert_allclose(outline_distance(points, outline), expected, atol=5e-3)


def test_distance_does_not_depend_on_the_direction_of_the_outline() -> None:
    outline, points = star(5), np.random.default_rng(5).uniform(-1, 1, (50, 2))
    np.testing.assert_allclose(
        outline_distance(points, outline), outline_distance(points, outline[::-1])
    )


def test_distance_from_a_circle_equals_the_closed_form() -> None:
    angle = np.linspace(0, 2 * np.pi, 720, endpoint=False)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    points = np.random.default_rng(1).uniform(-2, 2, (500, 2))
    expected = np.linalg.norm(points, axis=1) - 1
    np.testing.assert_allclose(outline_distance(points, circle), expected, atol=1e-5)


def test_distance_from_a_square_equals_the_closed_form() -> None:
    points = np.random.default_rng(2).uniform(-1, 2, (500, 2))
    beyond = np.abs(points - 0.5) - 0.5
    outside = np.linalg.norm(np.maximum(beyond, 0), axis=1)
    expected = outside + np.minimum(beyond.max(axis=1), 0)
    np.testing.assert_allclose(outline_distance(points, SQUARE), expected, atol=1e-12)


def test_points_level_with_a_corner_are_on_the_right_side() -> None:
    """A ray through corners must not count an edge twice or not at all."""
    diamond = np.array([(0, -1), (1, 0), (0, 1), (-1, 0)], dtype=float)
    points = np.array([(-2.0, 0.0), (0.0, 0.0), (2.0, 0.0), (-0.5, 1.0), (0.0, 2.0)])
    assert np.sign(outline_distance(points, diamond)).tolist() == [1, -1, 1, 1, 1]


def test_plane_distance_is_the_outline_distance_at_the_nodes() -> None:
    first, second = np.linspace(-1, 3, 7), np.linspace(-0.5, 2.5, 4)
    found = plane_distance(first, second, L_SHAPE)
    for row, column in ((0, 0), (3, 2), (6, 1)):
        node = np.array([[first[row], second[column]]])
        assert found[row, column] == outline_distance(node, L_SHAPE)[0]


# Joins.

values = st.floats(-1, 1, allow_subnormal=False)


@given(first=values, second=values, third=values, radius=st.floats(0, 0.5))
def test_rounding_only_takes_away_from_an_intersection(
    first: float, second: float, third: float, radius: float
) -> None:
    parts = [np.array([value]) for value in (first, second, third)]
    sharp = max(first, second, third)
    rounded = rounded_intersection(*parts, radius=radius).item()
    assert rounded >= sharp - 1e-12
    assert rounded <= max(sharp, 0) * np.sqrt(3) + (np.sqrt(3) - 1) * radius + 1e-12
    assert rounded_intersection(*parts, radius=0.0).item() <= max(0.0, sharp) * np.sqrt(3) + 1e-12


def test_edge_of_two_planes_becomes_a_quarter_of_a_circle() -> None:
    """x <= 0 and y <= 0 with radius r: the arc of radius r around (-r, -r), and no more."""
    radius, angle = 0.25, np.linspace(0, np.pi / 2, 20)
    arc = radius * np.stack([np.cos(angle), np.sin(angle)]) - radius
    np.testing.assert_allclose(rounded_intersection(*arc, radius=radius), 0, atol=1e-12)
    beyond = 1.1 * (arc + radius) - radius
    np.testing.assert_allclose(rounded_intersection(*beyond, radius=radius), 0.1 * radius)


def test_rounding_leaves_a_wall_alone_where_no_other_is_near() -> None:
    wall, far = np.linspace(-0.1, 0.5, 7), np.full(7, -0.6)
    np.testing.assert_allclose(rounded_intersection(wall, far, radius=0.2), wall, atol=1e-12)


def test_radius_of_an_edge_may_change_along_it() -> None:
    wall, radius = np.zeros((3, 1)), np.array([[0.0], [0.1], [0.2]])
    found = rounded_intersection(wall, wall, radius=radius)
    np.testing.assert_allclose(found, (np.sqrt(2) - 1) * radius, atol=1e-12)


@given(first=values, second=values, width=st.floats(0.01, 1))
def test_fillet_of_a_union_adds_at_most_a_quarter_of_its_width(
    first: float, second: float, width: float
) -> None:
    one, other = np.array([first]), np.array([second])
    found = smooth_union(one, other, width=width).item()
    assert min(first, second) - width / 4 - 1e-12 <= found <= min(first, second)
    assert found == smooth_union(other, one, width=width).item()
    if abs(first - second) >= width:
        assert found == min(first, second)


def test_fillet_of_a_union_is_smooth() -> None:
    """No kink where the sharp union has one: the slope goes from 1 to -1 in small steps."""
    x = np.linspace(-1, 1, 2001)
    slopes = np.diff(smooth_union(x, -x, width=0.4)) / np.diff(x)
    assert slopes[0] == pytest.approx(1)
    assert slopes[-1] == pytest.approx(-1)
    assert np.abs(np.diff(slopes)).max() < 0.02


# Surfaces.


def test_grid_reaches_both_corners_and_is_symmetric_about_y_0() -> None:
    grid = Grid(low=(-0.1, -0.233, 0.0), high=(1.0, 0.233, 0.5), spacing=0.02)
    x, y, z = grid.axes
    assert (x[0], z[0]) == (-0.1, 0.0)
    assert x[-1] >= 1.0
    assert z[-1] >= 0.5
    np.testing.assert_allclose(y, -y[::-1], atol=1e-15)
    assert y[-1] - y[0] >= 2 * 0.233
    for axis in (x, y, z):
        np.testing.assert_allclose(np.diff(axis), 0.02)


@pytest.fixture(scope="module")
def ball() -> SurfaceMesh:
    grid = Grid(low=(-0.35, -0.35, 0.65), high=(0.35, 0.35, 1.35), spacing=0.01)
    return extract_surface(sphere_field(grid, 0.3, (0.0, 0.0, 1.0)), grid)


def test_surface_of_a_sphere_has_its_area_and_volume(ball: SurfaceMesh) -> None:
    assert ball.areas.sum() == pytest.approx(4 * np.pi * 0.3**2, rel=0.01)
    assert ball.volume == pytest.approx(4 / 3 * np.pi * 0.3**3, rel=0.01)


def test_surface_of_a_sphere_is_where_the_sphere_is(ball: SurfaceMesh) -> None:
    radius = np.linalg.norm(ball.vertices - [0.0, 0.0, 1.0], axis=1)
    np.testing.assert_allclose(radius, 0.3, atol=1e-3)
    assert ((ball.centers - [0.0, 0.0, 1.0]) * ball.normals).sum(axis=1).min() > 0


def test_surface_is_closed(ball: SurfaceMesh) -> None:
    a, b, c = ball.triangles.T
    edges = {*zip(a, b, strict=True), *zip(b, c, strict=True), *zip(c, a, strict=True)}
    assert len(edges) == 3 * len(ball.triangles)
    assert edges == {(stop, start) for start, stop in edges}


def test_only_the_largest_of_two_bodies_is_kept() -> None:
    grid = Grid(low=(-0.25, -0.25, 0.0), high=(0.75, 0.25, 0.5), spacing=0.01)
    large = sphere_field(grid, 0.2, (0.0, 0.0, 0.25))
    small = sphere_field(grid, 0.1, (0.6, 0.0, 0.25))
    mesh = extract_surface(np.minimum(large, small), grid)
    assert mesh.bounds[1, 0] == pytest.approx(0.2, abs=2e-3)
    assert mesh.volume == pytest.approx(4 / 3 * np.pi * 0.2**3, rel=0.02)


def test_flat_walls_are_thinned_to_few_triangles() -> None:
    grid = Grid(low=(-0.1, -0.3, -0.1), high=(0.9, 0.3, 0.5), spacing=0.01)
    x, y, z = np.meshgrid(*grid.axes, indexing="ij", sparse=True)
    walls = [np.abs(x - 0.4) - 0.4, np.abs(y) - 0.2, np.abs(z - 0.2) - 0.2]
    mesh = extract_surface(rounded_intersection(*walls, radius=0.03), grid)
    assert mesh.volume == pytest.approx(0.8 * 0.4 * 0.4, rel=0.02)
    assert len(mesh.triangles) < 4000  # the grid alone would make 32,000


def test_solid_and_back_keeps_the_mesh_to_float32() -> None:
    mesh = box((0.1, -0.2, 0.3), (1.1, 0.2, 0.7))
    back = from_manifold(to_manifold(mesh))
    assert back.volume == pytest.approx(mesh.volume, rel=1e-6)
    assert back.areas.sum() == pytest.approx(mesh.areas.sum(), rel=1e-6)
    np.testing.assert_allclose(back.bounds, mesh.bounds, atol=1e-6)


def test_evened_mesh_has_short_edges_and_the_same_shape() -> None:
    mesh = box((0.1, -0.2, 0.3), (1.1, 0.2, 0.7))
    fine = remeshed(mesh, 0.1)
    corners = fine.vertices[fine.triangles]
    edges = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=-1)
    assert edges.max() < 0.2
    assert remeshed(fine, 0.5, off=0.01).areas.size < fine.areas.size / 4
    assert fine.volume == pytest.approx(mesh.volume, rel=1e-5)
    np.testing.assert_allclose(fine.bounds, mesh.bounds, atol=1e-6)
