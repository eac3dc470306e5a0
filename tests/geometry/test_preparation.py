"""Shapes as people's files hold them, and the bodies that they mean."""

from dataclasses import replace
from functools import cache
from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up_shapes import (
    CAR_FRONT,
    FRONT,
    LENGTH,
    body,
    car,
    coarse_body,
    panel,
    soup,
    united,
    wheels,
    without,
)

from mspt.geometry.area import frontal_area
from mspt.geometry.halves import half_of
from mspt.geometry.mesh import SurfaceMesh, box, joined
from mspt.geometry.placement import METERS, place_mesh
from mspt.geometry.preparation import PreparedShape, Reading, coarse_step, prepare_shape
from mspt.geometry.solids import as_solid, solid_surface
from mspt.metrics.forces import closure_error

BODY, CAR = body(), car()
TUNNEL = box((-6, -4, 0), (12, 4, 4.5))
FIN = panel((2.5, -0.9, 1.42), (2.5, 0.9, 1.42), (2.5, 0.9, 2.42), (2.5, -0.9, 2.42))
WING = panel((4.3, -0.8, 1.55), (4.3, 0.8, 1.55), (4.5, 0.8, 1.75), (4.5, -0.8, 1.75))
ENGINE = box((0.4, -0.3, 0.4), (1.0, 0.3, 0.7))


def front(shape: PreparedShape) -> float:
    """Return the frontal area in square meters as the prediction has it."""
    guess = shape.guess.best
    return frontal_area(place_mesh(shape.body, guess).mesh) * guess.length_m**2


def moved(mesh: SurfaceMesh, offset: tuple[float, float, float]) -> SurfaceMesh:
    return SurfaceMesh(mesh.vertices + np.array(offset), mesh.triangles)


def as_float32(mesh: SurfaceMesh) -> SurfaceMesh:
    return replace(mesh, vertices=mesh.vertices.astype(np.float32).astype(float))


def hidden_flow(mesh: SurfaceMesh) -> SurfaceMesh:
    """Return the boundary of the air between a wind tunnel and a body."""
    return solid_surface(as_solid(TUNNEL) - as_solid(mesh))


SAME_BODY = {
    "as it is": BODY,
    "every face twice": joined(BODY, BODY),
    "faces twice, merged": replace(BODY, triangles=np.repeat(BODY.triangles, 2, axis=0)),
    "some faces twice": replace(
        BODY, triangles=np.concatenate([BODY.triangles, BODY.triangles[:7]])
    ),
    "both sides of every face": replace(
        BODY, triangles=np.concatenate([BODY.triangles, BODY.triangles[:, ::-1]])
    ),
    "inside out": BODY.flipped(),
    "no floor": without(BODY, (0, 0, 1), place=0.2),
    "a stored part inside": joined(BODY, ENGINE),
    "a part inside, turned inward": joined(BODY, ENGINE.flipped()),
    "second skin": joined(BODY, SurfaceMesh(
        (BODY.vertices - [2.2, 0, 0.8]) * 0.995 + [2.2, 0, 0.8], BODY.triangles[:, ::-1]
    )),
    "second skin, outward": joined(BODY, SurfaceMesh(
        (BODY.vertices - [2.2, 0, 0.8]) * 0.995 + [2.2, 0, 0.8], BODY.triangles
    )),
    "in two overlapping pieces": joined(
        solid_surface(as_solid(BODY).trim_by_plane((1, 0, 0), 2.0)),
        solid_surface(as_solid(BODY).trim_by_plane((-1, 0, 0), -2.6)),
    ),
    "in two pieces that touch": joined(
        *(solid_surface(part) for part in as_solid(BODY).split_by_plane((1, 0, 0), 2.0))
    ),
    "half, closed": body(width=0.9, low=0.0),
    "half, open": without(body(width=0.9, low=0.0), (0, 1, 0), place=0.0),
    "other half, closed": body(width=0.9, low=-0.9),
    "other half, open": without(body(width=0.9, low=-0.9), (0, 1, 0), place=0.0),
    "half with part of an engine": joined(
        without(body(width=0.9, low=0.0), (0, 1, 0), place=0.0), box((0.4, 0.1, 0.4), (1, 0.3, 0.7))
    ),
    "triangles not sewn": soup(BODY),
    "triangles not sewn, with noise": soup(BODY, noise=2e-5),
    "a speck far away": joined(BODY, moved(box((0, 0, 0), (0.01, 0.01, 0.01)), (-30, 0, 0.5))),
    "a triangle far away": joined(
        BODY, SurfaceMesh(90 + 0.1 * np.eye(3), np.array([[0, 1, 2]]))
    ),
    "in a tunnel": joined(TUNNEL.flipped(), BODY),
    "flow around it": hidden_flow(BODY),
    "flow around it, on the ground": hidden_flow(moved(BODY, (0, 0, -0.2))),
    "at a geographic position": moved(BODY, (5e5, 4e6, 300)),
}  # fmt: skip


@cache
def prepared(name: str) -> PreparedShape:
    return prepare_shape(SAME_BODY[name])


@pytest.mark.parametrize("name", SAME_BODY)
def test_the_same_body_is_found_in_all_its_files(name: str) -> None:
    """Frontal area by hand: 1.8 m by 1.22 m; area and volume of the clean body."""
    shape = prepared(name)
    assert shape.guess.best.length_m == pytest.approx(LENGTH, rel=1e-4)
    assert (shape.guess.best.unit, shape.guess.best.forward) == ("m", "-x")
    assert front(shape) == pytest.approx(FRONT, rel=2e-3)
    assert shape.body.areas.sum() == pytest.approx(BODY.areas.sum(), rel=3e-3)
    assert shape.body.volume == pytest.approx(BODY.volume, rel=3e-3)
    assert closure_error(shape.body.area_vectors) < 1e-4
    assert shape.outer.doubt < 0.005


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("no floor", "closed 1 hole"),
        ("a stored part inside", "left out 1 part that no air reaches, 1.44 m²"),
        ("half, open", "added the mirror image of a half model at y = 0 m"),
        ("in a tunnel", "took the inner boundary of a flow, 4.5 x 1.8 x 1.22 m, as the body"),
        ("a speck far away", "left out 1 part, 6.7 lengths away or more"),
        ("in two overlapping pieces", "where parts overlap or touch"),
        ("inside out", "turned 44 triangles"),
    ],
)
def test_what_was_changed_is_told(name: str, words: str) -> None:
    assert words in "; ".join(prepared(name).changes("m"))


def test_a_clean_body_is_taken_as_it_is() -> None:
    shape = prepare_shape(BODY)
    assert shape.changes("m") == ()
    assert shape.warnings("m") == ()
    assert shape.is_certain
    np.testing.assert_array_equal(shape.body.corners, BODY.corners)


@pytest.mark.parametrize(
    ("mesh", "expected"),
    [
        (CAR, CAR_FRONT),
        (united(body(), *wheels()), CAR_FRONT),
        (joined(CAR, box((1.0, 0.9, 0.9), (1.2, 1.3, 1.1))), CAR_FRONT + 0.4 * 0.2),
        (joined(BODY, FIN), FRONT + 1.8),
        (joined(BODY, WING), FRONT + 1.6 * 0.2),
        (panel((0, -1, 0.5), (0, 1, 0.5), (4, 1, 1.5), (4, -1, 1.5)), 2.0),
    ],
    ids=["car", "car in one piece", "one mirror", "fin", "wing", "panel alone"],
)  # fmt: skip
def test_frontal_areas_are_those_by_hand(mesh: SurfaceMesh, expected: float) -> None:
    shape = prepare_shape(mesh)
    assert shape.guess.best.forward[1] == "x"
    # A panel without thickness gets one of 0.9 mm.
    assert front(shape) == pytest.approx(expected, rel=1e-3)


def test_a_part_on_one_side_leaves_the_plane_of_symmetry_where_it_is() -> None:
    shape = prepare_shape(joined(CAR, box((1.0, 0.9, 0.9), (1.2, 1.3, 1.1))))
    placed = place_mesh(shape.body, shape.guess.best).mesh
    assert placed.bounds[0, 1] == pytest.approx(-0.9 / LENGTH, abs=1e-4)


def test_an_open_shell_hides_what_is_inside() -> None:
    """A body with a hole that is not closed still hides a part far from the hole."""
    corner = BODY.triangles[(BODY.centers[:, 0] > 3.3) & (BODY.normals[:, 2] > 0.5)]
    kept = ~(BODY.triangles[:, None] == corner).all(axis=2).any(axis=1)
    shape = prepare_shape(joined(SurfaceMesh(BODY.vertices, BODY.triangles[kept]), ENGINE))
    assert shape.outer.hidden_parts == 1
    assert shape.outer.hidden_area == pytest.approx(ENGINE.areas.sum())


def test_a_thin_gap_between_parts_stays_open() -> None:
    pair = joined(box((0, -1, 0), (2, 1, 1)), box((2.01, -1, 0), (4.5, 1, 1)))
    assert prepare_shape(pair).body.areas.sum() == pytest.approx(pair.areas.sum())


# Half models


PLACES = {"as drawn": ((0, 1, 2), (0, 0, 0)), "y up, elsewhere": ((0, 2, 1), (3, 0.7, 11))}
CARS = ["notchback", "estate", "van", "pickup"]


@pytest.mark.parametrize(
    ("family", "closed", "place"),
    [
        (family, closed, list(PLACES)[(row + closed) % 2])  # any two of the three in all ways
        for row, family in enumerate(CARS)
        for closed in (False, True)
    ],
)
def test_halves_of_cars_are_completed_wherever_they_are(
    family: str, *, closed: bool, place: str
) -> None:
    whole = coarse_body(family, 7)
    half = half_of(whole)
    if closed:
        half = solid_surface(as_solid(whole).trim_by_plane((0, 1, 0), 0))
    axes, offset = PLACES[place]
    matrix = 4.5 * np.eye(3)[list(axes)]
    shape = prepare_shape(half.mapped(matrix, np.array(offset, dtype=float)))
    assert shape.is_completed
    assert shape.body.volume == pytest.approx(4.5**3 * whole.volume, rel=2e-3)
    assert front(shape) == pytest.approx(4.5**2 * frontal_area(whole), rel=2e-3)


@pytest.mark.parametrize("family", ["notchback", "van", "ellipsoid", "wing", "block"])
def test_whole_bodies_are_never_completed(family: str) -> None:
    shape = prepare_shape(coarse_body(family, 3))
    assert shape.half is None


def test_a_box_in_a_corner_may_be_a_half_and_a_person_decides() -> None:
    corner = box((0, 0, 0), (4.5, 0.9, 1.4))
    unsure = prepare_shape(corner)
    assert not unsure.is_completed
    assert not unsure.is_certain
    assert "may be one half of a body, cut at y = 0 m" in unsure.warnings("m")[0]
    whole = prepare_shape(corner, reading=Reading(half="whole"))
    assert whole.is_certain
    doubled = prepare_shape(corner, reading=Reading(half="complete"))
    assert doubled.body.volume == pytest.approx(2 * corner.volume)
    assert doubled.body.extent[1] == pytest.approx(1.8)


# Flows around bodies


def test_a_tunnel_and_a_body_that_both_face_outward_are_a_question() -> None:
    both = joined(TUNNEL, BODY)
    unsure = prepare_shape(both)
    assert not unsure.is_certain
    assert "if the box is a wind tunnel, choose the inner body" in unsure.warnings("m")[0]
    inner = prepare_shape(both, reading=Reading(domain="body"))
    assert front(inner) == pytest.approx(FRONT, rel=1e-6)


def test_a_round_far_field_is_a_question() -> None:
    ball = coarse_body("ellipsoid", 0)
    far = ball.mapped(30 * np.eye(3) / ball.extent, -15 * (ball.bounds.mean(axis=0) / ball.extent))
    shape = prepare_shape(joined(far, BODY.flipped()))
    assert not shape.is_certain
    assert "choose the inner body" in shape.warnings("m")[0]


def test_half_a_flow_gives_the_whole_body() -> None:
    whole = coarse_body("notchback", 7)
    flow = as_solid(hidden_flow(whole.mapped(4 * np.eye(3), np.zeros(3))))
    shape = prepare_shape(solid_surface(flow.trim_by_plane((0, 1, 0), 0.0)))
    assert shape.domain_is_body
    assert shape.is_completed
    assert shape.body.volume == pytest.approx(64 * whole.volume, rel=2e-3)


def test_a_hollow_body_is_no_flow() -> None:
    hollow = joined(box((0, -1, 0), (4, 1, 1)), box((0.1, -0.9, 0.1), (3.9, 0.9, 0.9)).flipped())
    shape = prepare_shape(hollow)
    assert shape.domain is None
    assert shape.body.volume == pytest.approx(8.0)


# Digits


@pytest.mark.parametrize(
    ("mesh", "step"),
    [
        (as_float32(moved(CAR, (5e5, 4e6, 300))), 0.25),
        (moved(CAR, (5e5, 4e6, 300)), 0.0),
        (as_float32(moved(CAR, (100, 100, 0))), 0.0),
        (replace(CAR, vertices=np.round(CAR.vertices + np.array([7e5, 0, 0]))), 1.0),
        (box((0, 0, 0), (4, 2, 1)), 0.0),
    ],
)
def test_missing_digits_are_told(mesh: SurfaceMesh, step: float) -> None:
    assert coarse_step(mesh) == pytest.approx(step)


def test_too_few_digits_are_a_warning() -> None:
    shape = prepare_shape(as_float32(moved(CAR, (5e5, 4e6, 300))))
    assert "multiples of 0.25 m, 5.56% of the length" in shape.warnings("m")[0]


# The same shape in other files

TURNS = [
    np.eye(3)[list(order)] * np.array(signs)[:, None]
    for order in permutations(range(3))
    for signs in product((1.0, -1.0), repeat=3)
]


@pytest.mark.slow
@settings(max_examples=8)
@given(
    family=st.sampled_from(["notchback", "estate", "van", "pickup"]),
    seed=st.integers(0, 1),
    unit=st.sampled_from(sorted(METERS)),
    turn=st.sampled_from(TURNS),
    shift=st.tuples(*[st.floats(-50, 50)] * 3),
    order=st.integers(0, 1000),
)
def test_equal_shapes_have_equal_areas_in_any_file(
    family: str,
    seed: int,
    unit: str,
    turn: np.ndarray,
    shift: tuple[float, float, float],
    order: int,
) -> None:
    """Any unit, axes, place, order of triangles, first corner, duplicate vertices, mirror image."""
    known = coarse_body(family, seed)
    size = 4.5 / METERS[unit]
    mesh = known.mapped(size * turn, size * np.array(shift))
    rng = np.random.default_rng(order)
    shuffled = rng.permutation(mesh.triangles)
    rolled = np.take_along_axis(
        shuffled, (np.arange(3) + rng.integers(0, 3, (len(shuffled), 1))) % 3, axis=1
    )
    shape = prepare_shape(soup(SurfaceMesh(mesh.vertices, rolled)))
    assert shape.guess.best.length_m == pytest.approx(4.5) or unit == "ft"  # 14.8 ft: meters
    assert shape.body.areas.sum() == pytest.approx(size**2 * known.areas.sum(), rel=1e-4)
    flow = "xyz".index(shape.guess.best.forward[1])
    assert np.argmax(np.abs(turn[:, 0])) == flow
    found = front(shape) / shape.guess.best.length_m**2
    assert found == pytest.approx(frontal_area(known), rel=5e-4)
