from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache, partial
from typing import Any, get_args

import numpy as np
import pytest

from mspt.errors import GeometryError
from mspt.geometry.area import frontal_area
from mspt.geometry.bodies import cars
from mspt.geometry.bodies import generic as bluff
from mspt.geometry.bodies.blocks import BlockBody, block_mesh, draw_block
from mspt.geometry.bodies.cars import HEIGHTS, Car, CarKind, car_mesh, draw_car
from mspt.geometry.bodies.families import FAMILIES, Body, draw_body
from mspt.geometry.bodies.generic import Bluff, BluffKind, bluff_mesh, draw_bluff
from mspt.geometry.distance import nearest_on
from mspt.geometry.implicit import SPACING, Grid, to_manifold
from mspt.geometry.mesh import SurfaceMesh
from mspt.geometry.sampling import sample_surface

# Of the cars, 3 has mirrors and no wheels, 4 wheels and no mirrors.
COARSE_SEED, SEED = 3, 4
SEEDS = (COARSE_SEED, SEED)

CAR = Car(
    kind="notchback", height=0.32, width=0.42, clearance=0.05, hood=0.2, hood_x=0.26,
    roof_start=0.43, roof_stop=0.68, tail=0.24, nose=0.12, diffuser=0.02, tumblehome=0.15,
    belt=0.62, front_fillet=0.04, plan_radius=0.12, rear_fillet=0.01, wheel=0.0, mirrors=False,
)  # fmt: skip
BLUFF = Bluff(kind="ellipsoid", width=0.4, height=0.3, clearance=0.1)


@contextmanager
def coarse_grid() -> Iterator[None]:
    """An eighth of the nodes: for what holds on any grid."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (cars, bluff):
            patch.setattr(module, "Grid", partial(Grid, spacing=2 * SPACING))
        yield


@cache
def drawn(family: str, seed: int) -> Body:
    """A body on the coarse grid or, for one of the seeds, as it is in the data."""
    if seed == SEED:
        return draw_body(family, seed)
    with coarse_grid():
        return draw_body(family, seed)


@cache
def coarse_car(**changes: Any) -> SurfaceMesh:  # noqa: ANN401 - any parameter
    with coarse_grid():
        return car_mesh(replace(CAR, **changes))


@cache
def coarse_bluff(**changes: Any) -> SurfaceMesh:  # noqa: ANN401 - any parameter
    with coarse_grid():
        return bluff_mesh(replace(BLUFF, **changes))


every_body = pytest.mark.parametrize(
    "body", [(family, seed) for family in FAMILIES for seed in SEEDS], ids=str
)


# All families.


@every_body
def test_body_is_closed_and_points_outward(body: tuple[str, int]) -> None:
    mesh = drawn(*body).mesh
    start = mesh.triangles.ravel()
    stop = np.roll(mesh.triangles, -1, axis=1).ravel()
    num_vertices = len(mesh.vertices)
    edges = np.unique(start * num_vertices + stop)
    assert len(edges) == len(start)  # no edge is used twice in one direction
    np.testing.assert_array_equal(edges, np.sort(stop * num_vertices + start))
    assert mesh.volume > 0.01
    assert to_manifold(mesh).status().name == "NoError"


@every_body
def test_body_is_one_piece(body: tuple[str, int]) -> None:
    """But for slivers of a few triangles that thinning may leave between wheel and arch."""
    pieces = [abs(piece.volume()) for piece in to_manifold(drawn(*body).mesh).decompose()]
    assert sum(pieces) - max(pieces) < 1e-9 * max(pieces)


@every_body
def test_body_has_length_one_from_its_nose_at_zero(body: tuple[str, int]) -> None:
    low, high = drawn(*body).mesh.bounds
    assert low[0] == pytest.approx(0, abs=1e-12)
    assert high[0] == pytest.approx(1, abs=1e-12)


@every_body
def test_body_stands_or_hovers_over_the_ground(body: tuple[str, int]) -> None:
    shape = drawn(*body)
    lowest = shape.mesh.bounds[0, 2]
    if shape.wheels:
        assert -0.003 < lowest < 0
    else:
        assert 0.02 < lowest < 0.35


@every_body
def test_body_is_symmetric(body: tuple[str, int]) -> None:
    """Each point mirrored lies on the surface, to a tenth of the grid's spacing."""
    mesh = drawn(*body).mesh
    points, _ = sample_surface(mesh, 500, np.random.default_rng(0))
    mirrored = points * [1.0, -1.0, 1.0]
    tolerance = 0.1 * SPACING * (1 if body[1] == SEED else 2)
    off = np.abs(nearest_on(mesh, mirrored).distance)
    assert off.max() < tolerance
    half = mesh.bounds[:, 1]
    assert half[0] == pytest.approx(-half[1], abs=tolerance)


@every_body
def test_body_fits_the_computed_domain(body: tuple[str, int]) -> None:
    mesh = drawn(*body).mesh
    assert mesh.extent[1] < 1.0
    assert mesh.bounds[1, 2] < 0.8
    assert 0.02 < frontal_area(mesh) < 0.25


@pytest.mark.parametrize(
    ("family", "seed"), [("notchback", SEED), ("block", SEED), ("blob", COARSE_SEED)]
)
def test_same_seed_gives_the_same_mesh_bit_for_bit(family: str, seed: int) -> None:
    first, second = drawn(family, seed), drawn.__wrapped__(family, seed)
    assert first.parameters == second.parameters
    np.testing.assert_array_equal(first.mesh.vertices, second.mesh.vertices)
    np.testing.assert_array_equal(first.mesh.triangles, second.mesh.triangles)


@pytest.mark.parametrize("family", FAMILIES)
def test_seeds_give_different_bodies(family: str) -> None:
    first, second = (drawn(family, seed) for seed in SEEDS)
    assert first.parameters != second.parameters
    assert abs(first.mesh.volume / second.mesh.volume - 1) > 0.01


def test_seeds_give_cars_with_and_without_wheels_and_mirrors() -> None:
    cars = [drawn("van", seed).parameters for seed in SEEDS]
    assert [(car.wheel > 0, car.mirrors) for car in cars if isinstance(car, Car)] == [
        (False, True),
        (True, False),
    ]
    assert [drawn("van", seed).wheels for seed in SEEDS] == [False, True]


def test_families_are_those_of_cars_blocks_and_generic_bodies() -> None:
    assert {*get_args(CarKind), "block", *get_args(BluffKind)} == set(FAMILIES)


def test_description_rebuilds_the_body() -> None:
    body = drawn("block", 3)
    described = body.describe()
    assert described.pop("family") == "block"
    assert BlockBody(**described) == body.parameters


def test_unknown_families_are_refused() -> None:
    with pytest.raises(
        GeometryError,
        match=r"family must be one of notchback, .*, wing, .*, lorry, .*, got 'bicycle'",
    ):
        draw_body("bicycle", 0)


AS_COMPUTED = {
    "notchback": (0.078222863, 1.459153746),
    "fastback": (0.075750388, 1.437778051),
    "estate": (0.099613761, 1.627113640),
    "van": (0.126742773, 1.810308787),
    "pickup": (0.078278260, 1.498674633),
    "block": (0.096723073, 1.447435378),
    "ellipsoid": (0.111601528, 1.323873783),
    "box": (0.151099678, 1.834511128),
    "cylinder": (0.118951353, 1.484622241),
    "blob": (0.032644136, 0.694497212),
    "wing": (0.024781875, 0.822868644),
}
"""Volume and area of the bodies of one seed, for which flows have been computed and stored."""


@pytest.mark.parametrize("family", FAMILIES)
def test_bodies_are_those_whose_flows_were_computed(family: str) -> None:
    mesh = drawn(family, SEED).mesh
    assert (mesh.volume, mesh.areas.sum()) == pytest.approx(AS_COMPUTED[family], rel=1e-6)


# Cars.


def draws(kind: str, count: int = 300) -> list[Car]:
    return [draw_car(kind, np.random.default_rng(seed)) for seed in range(count)]


@pytest.mark.parametrize("kind", get_args(CarKind))
def test_drawn_cars_have_their_parts_in_order(kind: str) -> None:
    low, high = HEIGHTS[kind]
    for car in draws(kind):
        assert low <= car.height <= high
        assert 0 < car.hood_x < car.roof_start < car.roof_stop < 0.98
        assert car.clearance + 0.04 < car.nose
        assert car.clearance + 0.09 < car.hood < car.height
        assert car.tail - 0.01 < car.height  # a low fastback may end as high as its roof
        assert car.wheel == 0 or car.wheel > car.clearance / 2
        assert 2.15 * car.wheel < car.hood


def test_half_of_the_cars_have_no_wheels_and_half_have_mirrors() -> None:
    cars = draws("notchback")
    assert np.mean([car.wheel > 0 for car in cars]) == pytest.approx(0.5, abs=0.1)
    assert np.mean([car.mirrors for car in cars]) == pytest.approx(0.5, abs=0.1)


def test_car_is_about_as_large_as_its_parameters_say() -> None:
    """Rounding two coinciding edges takes up to 0.3 radii off roof and underbody."""
    low, high = coarse_car().bounds
    rounding = 0.3 * CAR.front_fillet + 0.005
    assert CAR.height - rounding < high[2] <= CAR.height
    assert CAR.clearance <= low[2] < CAR.clearance + rounding
    assert high[1] == pytest.approx(CAR.width / 2, abs=rounding)


@pytest.mark.parametrize(
    ("name", "span"), [("height", 0.06), ("width", 0.09), ("tail", 0.07), ("roof_stop", 0.12)]
)
def test_car_is_smooth_in_its_parameters_and_grows_with_them(name: str, span: float) -> None:
    """A thousandth of a range moves the volume by little, a fifth of it by something."""
    start = getattr(CAR, name)
    little, more = (
        coarse_car(**{name: start + share * span}).volume / coarse_car().volume - 1
        for share in (1e-3, 0.2)
    )
    assert abs(little) < 1e-3
    assert 2e-3 < more < 0.1


def test_mirrors_widen_a_car_at_the_height_of_the_windows() -> None:
    mesh = drawn("notchback", 3).mesh
    parameters = drawn("notchback", 3).parameters
    assert isinstance(parameters, Car)
    outermost = mesh.vertices[np.argmax(mesh.vertices[:, 1])]
    assert outermost[1] > parameters.width / 2 + 0.02
    assert outermost[2] > parameters.belt * parameters.height
    assert parameters.hood_x < outermost[0] < parameters.roof_start


def test_wheels_touch_the_ground_at_four_places_only() -> None:
    mesh = drawn("estate", SEED).mesh
    touching = mesh.vertices[mesh.vertices[:, 2] < 0.002]
    corners = {(x > 0.5, y > 0) for x, y, _ in touching.tolist()}
    assert len(corners) == 4
    assert (np.abs(touching[:, 1]) > 0.1).all()


# Blocks.


def ahmed_front_view(block: BlockBody) -> float:
    return block.width * block.height


def section_area(block: BlockBody) -> float:
    """Side view of a block with parabolic front corners, a slant and a diffuser."""
    slant = np.radians(block.slant_angle)
    cut = block.slant_length**2 * np.sin(slant) * np.cos(slant) / 2
    diffuser = 0.2**2 * np.tan(np.radians(block.diffuser_angle)) / 2
    return block.height - cut - diffuser - 2 * block.front_radius**2 / 6


def test_block_has_the_dimensions_of_its_parameters() -> None:
    block = BlockBody()
    low, high = block_mesh(block).bounds
    np.testing.assert_allclose(low, [0, -block.width / 2, block.clearance], atol=1e-6)
    np.testing.assert_allclose(
        high, [1, block.width / 2, block.clearance + block.height], atol=1e-6
    )
    assert frontal_area(block_mesh(block)) == pytest.approx(ahmed_front_view(block), rel=1e-5)


@pytest.mark.parametrize("angles", [(0.0, 0.0), (25.0, 0.0), (35.0, 10.0)])
def test_block_with_a_straight_plan_has_the_volume_of_its_side_view(
    angles: tuple[float, float],
) -> None:
    block = BlockBody(slant_angle=angles[0], diffuser_angle=angles[1], front_radius=0.001)
    expected = section_area(block) * block.width
    assert block_mesh(block).volume == pytest.approx(expected, rel=1e-4)


def test_rounding_the_front_takes_off_what_both_views_say() -> None:
    """Height and width at x are less by twice the parabola's depth d(x) = R (1 - sqrt(x / R))^2.

    Over the radius R, the integral of d is R^2 / 6 and that of its square R^3 / 15.
    """
    block = BlockBody(slant_angle=0.0)
    sharp = replace(block, front_radius=1e-6)
    lost = block_mesh(sharp).volume - block_mesh(block).volume
    radius = block.front_radius
    expected = 2 * radius**2 / 6 * (block.width + block.height) - 4 * radius**3 / 15
    assert lost == pytest.approx(expected, rel=0.02)  # twelve straight pieces


@pytest.mark.parametrize("angle", [10.0, 25.0, 45.0])
def test_slant_of_a_block_has_its_angle_and_area(angle: float) -> None:
    mesh = block_mesh(BlockBody(slant_angle=angle))
    tilt = np.degrees(np.arctan2(mesh.normals[:, 0], mesh.normals[:, 2]))
    slant = (np.abs(tilt - angle) < 0.01) & (np.abs(mesh.normals[:, 1]) < 1e-3)
    assert mesh.areas[slant].sum() == pytest.approx(0.2126 * 0.3726, rel=1e-3)


def test_steep_slant_never_takes_more_than_three_quarters_of_the_base() -> None:
    block = BlockBody(height=0.22, slant_angle=50.0, slant_length=0.3)
    assert base_area(block) == pytest.approx(0.25 * block.height * block.width, rel=1e-3)


def test_taper_and_diffuser_shrink_the_base() -> None:
    block = BlockBody(slant_angle=0.0, taper=0.2, diffuser_angle=10.0)
    height = block.height - 0.2 * np.tan(np.radians(10.0))
    assert base_area(block) == pytest.approx(0.8 * block.width * height, rel=1e-3)


def base_area(block: BlockBody) -> float:
    mesh = block_mesh(block)
    return float(mesh.areas[mesh.normals[:, 0] > 0.9999].sum())


@pytest.mark.parametrize(
    ("name", "span"),
    [
        ("width", 0.15),
        ("height", 0.2),
        ("clearance", 0.05),
        ("front_radius", 0.1),
        ("slant_angle", 50.0),
        ("slant_length", 0.2),
        ("diffuser_angle", 15.0),
        ("taper", 0.2),
    ],
)
def test_block_is_smooth_in_each_parameter(name: str, span: float) -> None:
    for block in (BlockBody(), draw_block(np.random.default_rng(1))):
        near = replace(block, **{name: getattr(block, name) + 1e-3 * span})
        assert block_mesh(near).volume == pytest.approx(block_mesh(block).volume, rel=2e-3)


def test_all_drawn_blocks_can_be_built() -> None:
    for seed in range(60):
        block = draw_block(np.random.default_rng(seed))
        mesh = block_mesh(block)
        assert mesh.extent[0] == pytest.approx(1)
        assert 0.5 < mesh.volume / ahmed_front_view(block) <= 1


# Generic bodies.


def test_ellipsoid_has_the_volume_of_an_ellipsoid() -> None:
    mesh = coarse_bluff()
    assert mesh.volume == pytest.approx(np.pi / 6 * 1 * BLUFF.width * BLUFF.height, rel=0.01)
    center = (mesh.bounds[0] + mesh.bounds[1]) / 2
    np.testing.assert_allclose(center, [0.5, 0, 0.25], atol=1e-3)
    offset = (mesh.vertices - [0.5, 0, 0.25]) / [0.5, BLUFF.width / 2, BLUFF.height / 2]
    np.testing.assert_allclose(np.linalg.norm(offset, axis=1), 1, atol=0.02)


def test_superellipsoid_fills_its_box_as_the_exponent_grows() -> None:
    box = BLUFF.width * BLUFF.height
    volumes = [coarse_bluff(exponent=power).volume for power in (1.6, 2.0, 4.0)]
    assert volumes == sorted(volumes)
    assert np.pi / 6 * box < volumes[-1] < box


def test_box_loses_its_edges_only() -> None:
    mesh = coarse_bluff(kind="box", fillet=0.05)
    np.testing.assert_allclose(mesh.extent, [1, BLUFF.width, BLUFF.height], atol=4e-3)
    # The corners of a rounded box are eighths of balls, its edges quarters of cylinders.
    r = 0.05
    a, b, c = np.array([1, BLUFF.width, BLUFF.height]) - 2 * r
    expected = a * b * c + 2 * r * (a * b + b * c + c * a) + np.pi * r**2 * (a + b + c)
    expected += 4 / 3 * np.pi * r**3
    assert mesh.volume == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_cylinder_has_the_volume_of_an_elliptic_cylinder_along_each_axis(axis: int) -> None:
    mesh = coarse_bluff(kind="cylinder", axis=axis)
    assert mesh.volume == pytest.approx(np.pi / 4 * BLUFF.width * BLUFF.height, rel=0.02)
    ends = mesh.areas[np.abs(mesh.normals[:, axis]) > 0.999].sum()
    others = np.delete([1, BLUFF.width, BLUFF.height], axis)
    # Flat but for their rounded rims.
    assert 0.7 < ends / (2 * np.pi / 4 * others.prod()) < 1


def test_wing_is_widest_where_it_is_thin() -> None:
    mesh = drawn("wing", 3).mesh
    tip = mesh.vertices[:, 1] > 0.9 * mesh.bounds[1, 1]
    thickness = np.ptp(mesh.vertices[tip, 2])
    assert thickness < 0.4 * mesh.extent[2]
    # Thick enough for cells of a hundredth of the length.
    assert thickness > 0.015


@pytest.mark.parametrize("kind", get_args(BluffKind))
def test_drawn_generic_bodies_are_within_range(kind: str) -> None:
    bodies = [draw_bluff(kind, np.random.default_rng(seed)) for seed in range(100)]
    assert all(0.03 <= body.clearance <= 0.3 for body in bodies)
    assert {body.axis for body in bodies} == {0, 1, 2}
    counts = {len(body.balls) for body in bodies}
    assert counts == ({3, 4, 5, 6} if kind == "blob" else {0})


@pytest.mark.parametrize(("name", "span"), [("width", 0.25), ("exponent", 2.4)])
def test_generic_body_is_smooth_in_its_parameters(name: str, span: float) -> None:
    near = coarse_bluff(**{name: getattr(BLUFF, name) + 1e-3 * span})
    change = near.volume / coarse_bluff().volume - 1
    assert 0 < change < 2e-3
