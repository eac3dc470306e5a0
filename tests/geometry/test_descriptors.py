"""Descriptors of points against exact values on spheres, boxes and cylinders, and their mirror."""

import math

import numpy as np
import pytest
import trimesh
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from numpy import ndarray

from mspt.config import DESCRIPTORS, descriptor_channels
from mspt.errors import GeometryError
from mspt.geometry.bodies.families import draw_body
from mspt.geometry.descriptors.body import LIFT, LOW, NEAR, REACH, SCALES, BodyShape
from mspt.geometry.descriptors.curvature import mean_curvature, pieces_of
from mspt.geometry.descriptors.points import describe_points
from mspt.geometry.descriptors.rays import free_paths, ray_caster, thickness
from mspt.geometry.descriptors.sections import sections_of
from mspt.geometry.mesh import SurfaceMesh, box, joined
from mspt.geometry.sampling import sample_surface, sample_volume
from mspt.geometry.solids import as_solid
from mspt.geometry.subdivide import refined

GROUPS = tuple(DESCRIPTORS)
CHANNELS = descriptor_channels(GROUPS)


def from_trimesh(found: trimesh.Trimesh) -> SurfaceMesh:
    return SurfaceMesh(np.asarray(found.vertices), np.asarray(found.faces, np.int64))


def sphere(radius: float, center: tuple[float, float, float], level: int = 5) -> SurfaceMesh:
    ball = from_trimesh(trimesh.creation.icosphere(level, radius))
    return ball.mapped(np.eye(3), np.array(center))


def cylinder(radius: float, length: float) -> SurfaceMesh:
    """Return a cylinder along y, of 128 flat sides."""
    found = from_trimesh(trimesh.creation.cylinder(radius, length, 128))
    return found.mapped(np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]]), np.zeros(3))


def named(values: ndarray) -> dict[str, ndarray]:
    return dict(zip(CHANNELS, values.T, strict=True))


# --- curvature ------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("radius", [0.15, 0.4])
def test_mean_curvature_of_a_sphere_is_one_over_its_radius_at_every_scale(
    radius: float, scale: float
) -> None:
    ball = sphere(radius, (0.5, 0.0, 0.6))
    (pieces,) = pieces_of(ball, [scale])
    found = mean_curvature(pieces, ball.vertices[::40], _outward(ball)[::40])
    np.testing.assert_allclose(found, 1 / radius, rtol=0.02)
    (hollow,) = pieces_of(ball.flipped(), [scale])
    np.testing.assert_allclose(
        mean_curvature(hollow, ball.vertices[::40], -_outward(ball)[::40]), -found
    )


def _outward(ball: SurfaceMesh) -> ndarray:
    away = ball.vertices - ball.bounds.mean(axis=0)
    return away / np.linalg.norm(away, axis=1, keepdims=True)


def test_mean_curvature_of_a_cylinder_is_half_that_of_a_sphere() -> None:
    body, angle = cylinder(0.2, 1.0), np.linspace(0, 2 * np.pi, 50)
    away = np.stack([np.cos(angle), 0 * angle, np.sin(angle)], axis=1)
    for scale in SCALES[:2]:
        (pieces,) = pieces_of(body, [scale])
        found = mean_curvature(pieces, 0.2 * away, away)
        np.testing.assert_allclose(found, 1 / 0.4, rtol=0.06)  # one of two curvatures is zero


def test_curvature_of_an_edge_is_the_closed_form_and_that_of_a_flat_face_is_zero() -> None:
    """Two half disks at a right angle, with the weights 1 - s^2 / r^2.

    On each, the mean distance from the edge is m = 16 r / (15 pi) and the mean s^2 is r^2 / 3. The
    normals have the covariance m / 2 with the places, whose variance is r^2 / 3 - m^2 / 2.
    """
    body, scale = box((0, -0.5, 0), (1, 0.5, 1)), 0.1
    (pieces,) = pieces_of(body, [scale])
    points, normals = np.array([[0.5, 0, 1], [0.5, 0.5, 1]]), np.array([[0.0, 0, 1]] * 2)
    flat, edge = mean_curvature(pieces, points, normals)
    assert abs(flat) < 1e-9
    mean = 16 * scale / (15 * math.pi)
    assert edge == pytest.approx(mean / 2 / (scale**2 / 3 - mean**2 / 2), rel=0.03)


def test_the_other_side_of_a_thin_plate_does_not_count() -> None:
    plate = box((0, -0.5, 0.5), (1, 0.5, 0.502))
    (pieces,) = pieces_of(plate, [0.1])
    found = mean_curvature(pieces, np.array([[0.5, 0.1, 0.502]]), np.array([[0.0, 0, 1]]))
    assert abs(found[0]) < 1e-9


# --- rays -----------------------------------------------------------------------------------------


def test_chords_of_a_sphere_and_sides_of_a_box_are_its_thickness() -> None:
    ball = sphere(0.25, (0.5, 0.0, 0.6))
    through = thickness(ray_caster(ball), ball.centers, ball.normals)
    np.testing.assert_allclose(through, 0.5, rtol=2e-3)
    brick = box((0, -0.3, 0.1), (1, 0.3, 0.3))
    points, triangle = sample_surface(brick, 300, np.random.default_rng(0))
    normals = brick.normals[triangle]
    sides = np.abs(normals) @ np.array([1.0, 0.6, 0.2])
    np.testing.assert_allclose(thickness(ray_caster(brick), points, normals), sides, rtol=1e-5)
    tube = cylinder(0.2, 1.0)
    ends = np.abs(tube.normals[:, 1]) > 0.5
    across = thickness(ray_caster(tube), tube.centers, tube.normals)
    np.testing.assert_allclose(across[~ends], 0.4, rtol=2e-3)
    np.testing.assert_allclose(across[ends], 1.0, rtol=1e-5)


def test_free_paths_before_between_and_behind_two_bodies() -> None:
    pair = joined(box((0, -0.2, 0), (0.4, 0.2, 0.4)), sphere(0.2, (0.8, 0.0, 0.2)))
    points = np.array([[-0.3, 0.1, 0.1], [0.5, 0.1, 0.2], [1.2, 0.0, 0.25], [0.5, 0.0, 0.5]])
    upstream, downstream = free_paths(ray_caster(pair), points)
    np.testing.assert_allclose(upstream[:3], [np.inf, 0.1, 1.2 - 0.8 - _half_chord(0.05)], 2e-3)
    np.testing.assert_allclose(downstream[:3], [0.3, 0.3 - _half_chord(0.1), np.inf], 2e-2)
    assert np.isinf([upstream[3], downstream[3]]).all()


def _half_chord(off: float) -> float:
    return math.sqrt(0.2**2 - off**2)


def test_no_chord_passes_through_the_edges_on_the_other_side() -> None:
    """Against the normal, rays from the corners of a prism meet corners and edges exactly."""
    angle = np.arange(8) * np.pi / 4
    ring = np.stack([0.5 + 0.3 * np.cos(angle), 0.3 * np.sin(angle)], axis=1)
    prism = from_trimesh(
        trimesh.convex.convex_hull(np.array([[*p, z] for p in ring for z in (0, 1)]))
    )
    edges = (prism.corners + np.roll(prism.corners, 1, axis=1)).reshape(-1, 3) / 2
    points = np.concatenate([prism.corners.reshape(-1, 3), edges])
    normals = np.tile(np.repeat(prism.normals, 3, axis=0), (2, 1))
    through = thickness(ray_caster(prism), 0.999 * points + 0.001 * prism.bounds.mean(0), normals)
    assert np.isfinite(through).all()


# --- sections -------------------------------------------------------------------------------------


def test_sections_of_a_sphere_are_disks_and_add_up_to_its_volume() -> None:
    ball = sphere(0.5, (0.5, 0.0, 0.6))
    found = sections_of(ball)
    radius = np.sqrt(0.25 - (found.planes - 0.5) ** 2)
    np.testing.assert_allclose(found.area, np.pi * radius**2, atol=3e-3)
    np.testing.assert_allclose(found.top[20:-20], 0.6 + radius[20:-20], atol=2e-3)
    assert found.volume[-1] == pytest.approx(ball.volume, rel=1e-4)


def test_mean_areas_of_a_stepped_body_are_exact_off_it_and_on_it() -> None:
    body = joined(box((0, -1, 0), (1, 1, 1)), box((1, -1, 0), (2, 1, 3)))
    found = sections_of(body)
    start, stop = np.array([-1.0, 0.25, 0.5, 1.5, 2.5]), np.array([0.5, 0.75, 1.5, 2.5, 3.0])
    expected = [2 * 0.5 / 1.5, 2.0, (2 + 6) / 2, 6 / 2, 0.0]
    np.testing.assert_allclose(found.mean_area(start, stop), expected, atol=1e-9)
    np.testing.assert_allclose(found.top_at(np.array([-5.0, 0.5, 1.5, 9.0])), [1, 1, 3, 3])


def test_sections_agree_with_those_of_manifold_on_a_car() -> None:
    body = draw_body("estate", 5).mesh
    found = sections_of(body, 16)
    turned = as_solid(body).rotate((0, -90, 0))  # x to z
    for place, area, top in zip(found.planes, found.area, found.top, strict=True):
        cut = turned.slice(place)
        assert area == pytest.approx(cut.area(), abs=1e-5)
        assert top == pytest.approx(-cut.bounds()[0], abs=1e-5)


def test_a_plate_across_the_flow_has_sections_without_area() -> None:
    corners = np.array([[0.0, -1, 0], [0, 1, 0], [0, 1, 1], [0, -1, 1]])
    plate = SurfaceMesh(corners, np.array([[0, 1, 2], [0, 2, 3]]))
    found = sections_of(plate)
    assert found.mean_area(np.array([-1.0]), np.array([1.0])).tolist() == [0.0]
    assert found.top_at(np.array([0.3])).tolist() == [1.0]


# --- all of them ----------------------------------------------------------------------------------


def test_descriptors_of_points_around_a_box_are_the_closed_forms() -> None:
    body = BodyShape(box((0, -0.2, 0.1), (1, 0.2, 0.5)))
    roof, front, behind = [0.4, 0.03, 0.5], [0.0, 0.03, 0.3], [1.3, 0.03, 0.3]
    normals = np.array([[0.0, 0, 1], [-1.0, 0, 0]])
    found = named(describe_points(body, np.array([roof, front, behind]), normals, GROUPS))

    def bounded(*lengths: float) -> list[float]:
        return [1 / (1 + NEAR / length) for length in lengths]

    expected = {
        "free_upstream": bounded(math.inf, math.inf, 0.3),
        "free_downstream": bounded(math.inf, LIFT, math.inf),
        "ground_height": [math.log1p(z / LOW) for z in (0.5, 0.3, 0.3)],
        "below_roof": [0.0, 0.2, 0.2],
        "thickness": bounded(0.4, 1.0, 1.0),
        "area_ahead": [1.0, 0.0, 0.0],
        "area_behind": [1.0, 1.0, 0.0],
    }
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, atol=1e-4, err_msg=name)
    for name in ("curvature_small", "curvature_middle"):
        np.testing.assert_allclose(found[name], 0, atol=1e-9)
    assert REACH < 0.3  # the point behind sees nothing of the body


@settings(max_examples=4, phases=[Phase.generate])
@given(seed=st.integers(0, 30), family=st.sampled_from(["notchback", "wing", "block"]))
def test_a_mirrored_shape_has_mirrored_descriptors(seed: int, family: str) -> None:
    """The shape is made asymmetric, so that its mirror image is another one."""
    mesh, mirror = draw_body(family, seed).mesh, np.diag([1.0, -1.0, 1.0])
    shear = np.eye(3) + np.array([[0, 0, 0], [0.1, 0, 0.2], [0, 0, 0]])
    mesh = joined(mesh.mapped(shear, np.zeros(3)), box((0.5, 0.3, 0.2), (0.6, 0.4, 0.3)))
    rng = np.random.default_rng(seed)
    surface, triangle = sample_surface(mesh, 100, rng)
    points = np.concatenate([surface, sample_volume(mesh, 100, rng)])
    normals = mesh.normals[triangle]
    found = describe_points(BodyShape(mesh), points, normals, GROUPS)
    other = BodyShape(mesh.mapped(mirror, np.zeros(3)))
    again = describe_points(other, points @ mirror, normals @ mirror, GROUPS)
    # A ray that grazes an edge may meet one side of it or the other.
    assert (np.abs(again - found).max(axis=1) < 1e-3).mean() > 0.96
    assert np.abs(found).max() < 10


def test_descriptors_depend_on_the_shape_and_not_on_its_triangles() -> None:
    coarse = draw_body("block", 1).mesh
    fine = refined(coarse, max_edge=0.02).mesh
    surface, triangle = sample_surface(coarse, 300, np.random.default_rng(0))
    found, again = (
        named(describe_points(BodyShape(mesh), surface, coarse.normals[triangle], GROUPS))
        for mesh in (coarse, fine)
    )
    for name in CHANNELS:
        off = np.abs(again[name] - found[name])
        assert np.quantile(off, 0.97) < (0.1 if "curvature" in name else 1e-3), name


def test_points_of_another_body_are_refused() -> None:
    body = BodyShape(box((0, -0.2, 0.1), (1, 0.2, 0.5)))
    with pytest.raises(GeometryError, match=r"must lie within .* of the body, got a median"):
        describe_points(body, np.array([[0.5, 0.0, 0.9]]), np.array([[0.0, 0, 1]]), ("height",))
