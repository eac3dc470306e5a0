"""Vehicles as people bring them, on a coarse grid where a property holds on any."""

from dataclasses import replace
from functools import cache
from typing import Any, get_args

import numpy as np
import pytest
from numpy import ndarray

from mspt.geometry.bodies import shrink_wrap
from mspt.geometry.bodies.curved import Curved, curved_mesh, draw_curved
from mspt.geometry.bodies.families import CURVED_FAMILIES, VEHICLES, draw_body
from mspt.geometry.bodies.half_grid import (
    HalfGrid,
    ball,
    blended,
    half_grid,
    rod,
    side_at,
    slab,
    surface_of,
    tail_at,
    top_at,
    warped,
)
from mspt.geometry.bodies.proportions import PROPORTIONS, VehicleKind
from mspt.geometry.bodies.vehicle_outlines import arc_outline
from mspt.geometry.bodies.vehicle_shapes import vehicle_mesh
from mspt.geometry.bodies.vehicles import TAIL_RADII, Details, Vehicle, draw_vehicle
from mspt.geometry.distance import distance_to
from mspt.geometry.implicit import SPACING, smooth_union, to_manifold
from mspt.geometry.mesh import SurfaceMesh

COARSE = 2 * SPACING
SEED = 6
KINDS: tuple[VehicleKind, ...] = get_args(VehicleKind)


def drawn_vehicle(kind: VehicleKind, seed: int = SEED) -> Vehicle:
    return draw_vehicle(kind, np.random.default_rng(seed))


@cache
def coarse(kind: VehicleKind, seed: int = SEED) -> SurfaceMesh:
    return vehicle_mesh(drawn_vehicle(kind, seed), spacing=COARSE)


PLAIN = replace(
    drawn_vehicle("saloon", 1), details=Details(), form=(), wrap=0.0, underside="sealed",
    height=0.31, width=0.4, clearance=0.04, tail_radius=0.02, wheel=0.07, axles=(0.2, 0.8),
    inset=0.01,
)  # fmt: skip
"""A saloon without anything added."""


@cache
def plain(details: Details = PLAIN.details, **changes: Any) -> SurfaceMesh:  # noqa: ANN401 - any parameter
    return vehicle_mesh(replace(PLAIN, details=details, **changes), spacing=COARSE)


def assert_closed_outward_and_mirrored(mesh: SurfaceMesh) -> None:
    start, stop = mesh.triangles.ravel(), np.roll(mesh.triangles, -1, axis=1).ravel()
    edges = np.unique(start * len(mesh.vertices) + stop)
    assert len(edges) == len(start)  # no edge is used twice in one direction
    np.testing.assert_array_equal(edges, np.sort(stop * len(mesh.vertices) + start))
    assert mesh.volume > 0.005
    assert to_manifold(mesh).status().name == "NoError"
    here = {tuple(vertex) for vertex in mesh.vertices.tolist()}
    assert here == {(x, -y, z) for x, y, z in mesh.vertices.tolist()}


# The half grid.


@cache
def half() -> HalfGrid:
    return half_grid((-0.1, 0.0, -0.1), (1.1, 0.4, 0.6), spacing=COARSE)


def field(part: Any) -> ndarray:  # noqa: ANN401 - any part
    return np.broadcast_to(part(*half().mesh), [len(nodes) for nodes in half().axes])


EGG = ball((0.5, 0.0, 0.25), (0.4, 0.3, 0.2))


def test_surface_of_a_ball_has_its_volume_and_is_mirrored_exactly() -> None:
    mesh = surface_of(field(EGG), half())
    assert mesh.volume == pytest.approx(4 / 3 * np.pi * 0.4 * 0.3 * 0.2, rel=0.01)
    assert_closed_outward_and_mirrored(mesh)


def test_places_on_a_ball_are_found_to_one_spacing() -> None:
    body = field(EGG)
    assert top_at(body, half(), 0.5, 0.0) == pytest.approx(0.45, abs=1.1 * COARSE)
    assert side_at(body, half(), 0.5, (0.2, 0.3)) == pytest.approx(0.3, abs=1.1 * COARSE)
    assert tail_at(body, half(), 0.25) == pytest.approx(0.9, abs=1.1 * COARSE)
    assert top_at(body, half(), 0.0, 0.0) == side_at(body, half(), 1.0, (0.0, 1.0)) == 0
    assert tail_at(body, half(), 0.55) == 0


def test_shifted_body_is_where_the_shift_says() -> None:
    shift = np.zeros((3, *field(EGG).shape))
    shift[0], shift[2] = 0.031, -0.017
    found = surface_of(warped(field(EGG), half(), shift), half())
    expected = surface_of(field(EGG), half())
    center = found.bounds.mean(axis=0) - expected.bounds.mean(axis=0)
    np.testing.assert_allclose(center, [0.031, 0, -0.017], atol=5e-4)
    assert found.volume == pytest.approx(expected.volume, rel=2e-3)


def test_blended_parts_are_the_smooth_union_and_difference() -> None:
    body, part = field(EGG), ball((0.8, 0.1, 0.3), (0.1, 0.1, 0.1))
    bounds = ((0.7, 0.0, 0.2), (0.9, 0.2, 0.4))
    union = blended(body, half(), part, bounds, width=0.05)
    expected = smooth_union(body, field(part), width=0.05)
    near = np.minimum(np.abs(union), np.abs(expected)) < COARSE
    np.testing.assert_allclose(union[near], expected[near], atol=1e-12)
    cut = blended(body, half(), part, bounds, width=0.05, cut=True)
    near = np.abs(cut) < COARSE
    np.testing.assert_allclose(
        cut[near], -smooth_union(-body, field(part), width=0.05)[near], atol=1e-12
    )


def test_slab_and_rod_have_the_volumes_of_rounded_boxes_and_capsules() -> None:
    r, sides = 0.05, np.array([0.8, 0.5, 0.3])
    mesh = surface_of(field(slab((0.1, -0.25, 0.1), (0.9, 0.25, 0.4), radius=r)), half())
    a, b, c = sides - 2 * r
    expected = a * b * c + 2 * r * (a * b + b * c + c * a) + np.pi * r**2 * (a + b + c)
    assert mesh.volume == pytest.approx(expected + 4 / 3 * np.pi * r**3, rel=0.01)
    capsule = surface_of(field(rod((0.2, 0.0, 0.2), (0.8, 0.0, 0.4), radius=0.1)), half())
    length = np.hypot(0.6, 0.2)
    assert capsule.volume == pytest.approx(np.pi * 0.1**2 * (length + 4 / 3 * 0.1), rel=0.02)


def test_arcs_of_an_outline_are_circles_that_touch_both_edges() -> None:
    corners = np.array([(0.0, 0.0), (2.0, 0.0), (2.6, 1.4), (0.3, 1.0)])
    outline = arc_outline(corners, [0.2] * 4, steps=6).reshape(4, 7, 2)
    for arc, corner, after in zip(outline, corners, np.roll(corners, -1, axis=0), strict=True):
        # The center is one radius from the end of the arc, across the edge that follows.
        along = (after - corner) / np.linalg.norm(after - corner)
        center = arc[-1] + 0.2 * np.array([-along[1], along[0]])
        np.testing.assert_allclose(np.linalg.norm(arc - center, axis=1), 0.2, atol=1e-9)


# Vehicles.


@pytest.mark.parametrize("kind", KINDS)
def test_vehicle_is_closed_outward_mirrored_and_of_its_size(kind: VehicleKind) -> None:
    mesh, car = coarse(kind), drawn_vehicle(kind)
    assert_closed_outward_and_mirrored(mesh)
    pieces = [abs(piece.volume()) for piece in to_manifold(mesh).decompose()]
    assert sum(pieces) - max(pieces) < 1e-6 * max(pieces)
    length, width, _ = mesh.extent
    assert 0.9 < length < 1.12  # a body is scaled to length 1 later
    beside = 4 * car.details.mirrors + car.details.flares + 0.05
    assert 0.85 * car.width < width < car.width + 2 * beside
    above = car.details.wing + car.details.roof_box + 0.07
    assert 0.75 * car.height < mesh.bounds[1, 2] < car.height + above
    assert mesh.bounds[0, 2] > -0.01 * car.wheel - COARSE / 2


def test_same_seed_gives_the_same_vehicle_bit_for_bit() -> None:
    first, second = coarse("coupe", 11), coarse.__wrapped__("coupe", 11)
    np.testing.assert_array_equal(first.vertices, second.vertices)
    np.testing.assert_array_equal(first.triangles, second.triangles)
    assert drawn_vehicle("coupe", 11) != drawn_vehicle("coupe", 12)


@pytest.mark.parametrize("kind", KINDS)
def test_drawn_parameters_are_in_their_ranges_and_of_all_kinds(kind: VehicleKind) -> None:
    cars = [drawn_vehicle(kind, seed) for seed in range(60)]
    ranges = PROPORTIONS[kind]
    for name in ("height", "width", "clearance", "deck", "wheel"):
        low, high = getattr(ranges, name)
        assert all(low <= getattr(car, name) <= high for car in cars)
    radii = [car.tail_radius for car in cars]
    assert TAIL_RADII[0] <= min(radii)
    assert max(radii) <= TAIL_RADII[1]
    assert max(radii) > 4 * min(radii)
    assert all(car.details.hollow == 0 or car.wrap > 0 for car in cars)
    if kind == "hatchback":
        assert {car.underside for car in cars} == {"open", "covered", "arches", "sealed"}
        for name in vars(Details()):
            assert any(getattr(car.details, name) > 0 for car in cars)
            assert any(getattr(car.details, name) == 0 for car in cars)


@pytest.mark.parametrize("radius", [0.03, 0.05])
def test_edges_of_a_tail_have_the_radius_that_was_drawn(radius: float) -> None:
    """A circle through the points of a rear corner, seen from above at half the height."""
    bus = replace(
        drawn_vehicle("bus"), details=Details(), form=(), wrap=0.0, underside="sealed", taper=0.0,
        tumblehome=0.0, diffuser=0.0, width=0.28, height=0.32, tail_radius=radius,
    )  # fmt: skip
    mesh = vehicle_mesh(bus)
    level = (bus.height + bus.clearance) / 2
    ends = mesh.vertices[mesh.triangles[:, [0, 1]]]
    ends = ends[(ends[:, 0, 2] < level) != (ends[:, 1, 2] < level)]
    share = (level - ends[:, 0, 2]) / (ends[:, 1, 2] - ends[:, 0, 2])
    x, y = (ends[:, 0] + share[:, None] * (ends[:, 1] - ends[:, 0]))[:, :2].T
    corner = (x > x.max() - 0.8 * radius) & (y > y.max() - 0.8 * radius)
    x, y = x[corner], y[corner]
    system = np.stack([2 * x, 2 * y, np.ones_like(x)], axis=1)
    (a, b, c), *_ = np.linalg.lstsq(system, x**2 + y**2, rcond=None)
    assert np.sqrt(c + a**2 + b**2) == pytest.approx(radius, rel=0.2)


def test_wheels_are_round_touch_the_ground_at_four_places_and_can_be_left_out() -> None:
    mesh = plain(underside="open")
    touching = mesh.vertices[mesh.vertices[:, 2] < 0.004]
    assert len({(x > 0.5, y > 0) for x, y, _ in touching.tolist()}) == 4
    for axle in PLAIN.axles:
        below = mesh.vertices[np.abs(mesh.vertices[:, 2] - 0.02) < 0.006]
        chord = np.ptp(below[np.abs(below[:, 0] - axle) < 0.1, 0])
        expected = 2 * np.sqrt(0.07**2 - (0.0693 - 0.02) ** 2)
        assert chord == pytest.approx(expected, abs=0.02)
    bare, sealed = plain(underside="arches"), plain()
    assert min(bare.bounds[0, 2], sealed.bounds[0, 2]) > PLAIN.clearance - 0.01
    assert bare.volume < sealed.volume < plain(underside="covered").volume


@pytest.mark.parametrize(
    ("detail", "axis", "end", "low", "high"),
    [
        ({"mirrors": 0.025}, 1, 1, 0.015, 0.08),
        ({"wing": 0.07}, 2, 1, -0.01, 0.06),
        ({"splitter": 0.03}, 0, 0, 0.015, 0.035),
        ({"roof_box": 0.07}, 2, 1, 0.05, 0.08),
        ({"scoop": 0.03}, None, 1, 1e-5, 1e-3),
        ({"lip": 0.02}, None, 1, 1e-5, 2e-3),
        ({"intake": 0.04}, None, 0, 1e-5, 2e-3),
        ({"tunnel": 0.05}, None, 0, 1e-4, 5e-3),
        ({"hollow": 0.03}, None, 0, 0.01, 0.06),
    ],
    ids=str,
)  # fmt: skip
def test_each_detail_changes_a_body_where_it_is(
    detail: dict[str, float], axis: int | None, end: int, low: float, high: float
) -> None:
    """Bounds move outward along an axis; without an axis, volume is added (1) or taken away (0)."""
    mesh, before = plain(Details(**detail)), plain()
    outward = 1 if end else -1
    if axis is None:
        change = outward * (mesh.volume - before.volume)
    else:
        change = outward * (mesh.bounds[end, axis] - before.bounds[end, axis])
    assert low < change < high
    assert_closed_outward_and_mirrored(mesh)


def test_flares_and_skirts_add_to_a_car_on_wheels() -> None:
    before = plain(underside="open")
    flared = plain(Details(flares=0.03), underside="open")
    reach = [
        np.abs(mesh.vertices[np.abs(mesh.vertices[:, 0] - PLAIN.axles[0]) < 0.08, 1]).max()
        for mesh in (before, flared)
    ]
    assert 0.005 < reach[1] - reach[0] < 0.04
    skirted = plain(Details(skirts=0.018), underside="open")
    between = np.abs(skirted.vertices[:, 0] - 0.5) < 0.215
    assert skirted.vertices[between, 2].min() < PLAIN.clearance - 0.005


def test_deformation_moves_the_body_and_leaves_wheels_round() -> None:
    form = drawn_vehicle("saloon", 1).form
    bent, straight = plain(underside="open", form=form), plain(underside="open")
    assert distance_to(straight, bent.vertices).max() > 0.005
    low = bent.vertices[bent.vertices[:, 2] < 0.5 * PLAIN.clearance]
    assert distance_to(straight, low * [1, 1, 1]).max() < 0.03  # moved aside with the body only
    for axle in PLAIN.axles:
        near = low[np.abs(low[:, 0] - axle) < 0.1]
        radius = np.hypot(near[:, 0] - axle, near[:, 2] - 0.0693)
        assert radius.max() < 0.07 + COARSE / 4


def test_wrap_leaves_faint_steps_that_depend_on_the_seed() -> None:
    grid = half_grid((0.0, 0.0, 0.0), (0.5, 0.25, 0.4), spacing=SPACING)
    body = ball((0.25, 0.0, 0.2), (0.2, 0.2, 0.15))(*grid.mesh)
    before = surface_of(body, grid)
    wraps = [
        surface_of(shrink_wrap.wrapped(body, grid, cell=0.005, seed=seed), grid) for seed in (1, 2)
    ]
    for mesh in wraps:
        off = distance_to(before, mesh.vertices)
        assert 1e-4 < np.sqrt((off**2).mean()) < 6e-4  # half a millimeter to three on a car
        assert mesh.volume == pytest.approx(before.volume, rel=0.01)
        assert_closed_outward_and_mirrored(mesh)
    assert wraps[0].volume != wraps[1].volume


@pytest.mark.parametrize(("gap", "is_closed"), [(0.01, True), (0.04, False)])
def test_wrap_closes_narrow_gaps_and_keeps_wide_ones(gap: float, is_closed: bool) -> None:  # noqa: FBT001
    grid = half_grid((0.3, 0.0, 0.0), (0.7, 0.15, 0.3), spacing=SPACING)
    left = slab((0.2, -0.2, -0.1), (0.5 - gap / 2, 0.2, 0.2), radius=0.005)
    right = slab((0.5 + gap / 2, -0.2, -0.1), (0.8, 0.2, 0.2), radius=0.005)
    body = np.minimum(left(*grid.mesh), right(*grid.mesh))
    wrap = shrink_wrap.wrapped(body, grid, cell=0.005, seed=0)
    x, _, z = (int(np.abs(nodes - 0.1).argmin()) for nodes in grid.axes)
    x = int(np.abs(grid.axes[0] - 0.5).argmin())
    assert body[x, 0, z] > 0
    assert (wrap[x, 0, z] < 0) == is_closed


# Deformed bodies of the former families.


@pytest.mark.parametrize("kind", [None, "wing"])
def test_deformed_body_is_closed_outward_and_mirrored(kind: Any) -> None:  # noqa: ANN401 - any kind
    body = draw_curved(kind, np.random.default_rng(2))
    mesh = curved_mesh(body)
    assert_closed_outward_and_mirrored(mesh)
    straight = curved_mesh(replace(body, form=()))
    assert distance_to(straight, mesh.vertices).max() > 0.004
    # Free of folds: the surface is covered once, so that its volume is that of the solid.
    assert to_manifold(mesh).volume() == pytest.approx(mesh.volume, rel=1e-4)
    assert mesh.bounds[0, 2] > 0.015


def test_bodies_are_drawn_by_family_and_described_by_plain_values() -> None:
    body = draw_body("curved block", 5)
    assert isinstance(body.parameters, Curved)
    assert not body.wheels
    assert body.mesh.extent[0] == pytest.approx(1)
    described = body.describe()
    assert described["family"] == "curved block"
    assert described["straight"]["width"] == body.parameters.straight.width
    lorry = draw_body("lorry", 3)
    assert isinstance(lorry.parameters, Vehicle)
    assert lorry.wheels == (lorry.parameters.underside in ("open", "covered"))
    assert lorry.mesh.bounds[:, 0].tolist() == pytest.approx([0, 1], abs=1e-12)
    assert {"lorry", "suv"} <= set(VEHICLES)
    assert "curved wing" in CURVED_FAMILIES
