import json
import re
from dataclasses import asdict, replace
from functools import cache
from itertools import permutations, product
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mspt.data.files import SHIPPED
from mspt.data.sets.car.bodies import drawn_body
from mspt.data.sets.car.families import flow_index
from mspt.data.sets.car.store import list_flows, load_flow
from mspt.errors import GeometryError
from mspt.geometry.bodies.families import draw_body
from mspt.geometry.mesh import SurfaceMesh, box
from mspt.geometry.mirror import mirror_planes
from mspt.geometry.placement import (
    METERS,
    Placement,
    as_is,
    guess_placement,
    guess_unit,
    has_feet,
    place_mesh,
    symmetry_error,
)

AXES = ("+x", "-x", "+y", "-y", "+z", "-z")
SIGNED = [
    np.diag(signs)[list(order)]
    for order in permutations(range(3))
    for signs in product((1.0, -1.0), repeat=3)
]
ORIENTATIONS = [matrix for matrix in SIGNED if np.linalg.det(matrix) > 0]
# From the tunnel to a file: nose along +z and y up, as in games; nose along +x and z up, as in CAD.
GAME = np.array([[0.0, -1, 0], [0, 0, 1], [-1, 0, 0]])
CAD = np.diag([-1.0, -1, 1])


def joined(*meshes: SurfaceMesh) -> SurfaceMesh:
    starts = np.cumsum([0] + [len(mesh.vertices) for mesh in meshes])
    return SurfaceMesh(
        np.concatenate([mesh.vertices for mesh in meshes]),
        np.concatenate([m.triangles + start for m, start in zip(meshes, starts, strict=False)]),
    )


@cache
def lopsided() -> SurfaceMesh:
    """Return a body in the tunnel whose mirror image is another: a fin at each of two corners."""
    return joined(
        box((0, -0.2, 0.1), (1, 0.2, 0.4)),
        box((0.1, -0.25, 0.2), (0.3, -0.2, 0.5)),
        box((0.7, 0.2, 0.2), (0.9, 0.25, 0.5)),
    )


@cache
def on_wheels() -> SurfaceMesh:
    return draw_body("estate", 2).mesh


@cache
def car(family: str = "notchback", seed: int = 1) -> SurfaceMesh:
    return draw_body(family, seed).mesh


def axis_of(vector: np.ndarray) -> str:
    index = int(np.abs(vector).argmax())
    return f"{'+' if vector[index] > 0 else '-'}{'xyz'[index]}"


def placement(**changes: object) -> Placement:
    plain = {"unit": "m", "forward": "-x", "up": "+z", "clearance": 0.1, "length_m": 1.0}
    return Placement(**{**plain, **changes})


def in_file(mesh: SurfaceMesh, turn: np.ndarray, size: float = 1.0) -> SurfaceMesh:
    return mesh.mapped(size * turn, np.zeros(3))


# Placing


def test_there_are_24_orientations() -> None:
    assert len({tuple(turn.ravel()) for turn in ORIENTATIONS}) == len(ORIENTATIONS) == 24
    for turn in ORIENTATIONS:
        assert sorted(np.abs(turn).ravel()) == [0.0] * 6 + [1.0] * 3  # axes to axes
        np.testing.assert_array_equal(turn @ turn.T, np.eye(3))
        assert np.linalg.det(turn) == pytest.approx(1)  # none is a mirror


@pytest.mark.parametrize("turn", ORIENTATIONS, ids=lambda turn: "".join(map(axis_of, turn)))
@pytest.mark.parametrize("size", [4500.0, 177.0])
def test_body_turned_and_scaled_anyhow_comes_back(turn: np.ndarray, size: float) -> None:
    mesh = lopsided()
    file = mesh.mapped(size * turn, np.array([7.0, -300.0, 2000.0]))
    chosen = placement(forward=axis_of(-turn[:, 0]), up=axis_of(turn[:, 2]))
    placed = place_mesh(file, chosen)
    np.testing.assert_allclose(placed.mesh.vertices, mesh.vertices, atol=1e-12)
    np.testing.assert_array_equal(placed.mesh.triangles, mesh.triangles)
    assert placed.scale == pytest.approx(1 / size)
    assert placed.warnings == ()


@given(
    forward=st.sampled_from(AXES),
    up=st.sampled_from(AXES),
    clearance=st.floats(0, 1),
    size=st.floats(1e-3, 1e5),
)
def test_file_and_tunnel_are_one_turn_apart(
    forward: str, up: str, clearance: float, size: float
) -> None:
    if forward[1] == up[1]:
        return
    file = lopsided().mapped(np.eye(3) * size, np.array([3.0, 2.0, 1.0]))
    placed = place_mesh(file, placement(forward=forward, up=up, clearance=clearance))
    moved = file.vertices @ placed.matrix.T + placed.offset
    np.testing.assert_allclose(placed.mesh.vertices, moved, atol=1e-12)
    assert np.linalg.det(placed.matrix) == pytest.approx(placed.scale**3)
    np.testing.assert_allclose(placed.to_file(moved), file.vertices, rtol=1e-9, atol=1e-9 * size)
    np.testing.assert_allclose(placed.vectors_to_file(placed.mesh.normals), file.normals, atol=1e-9)
    low, high = placed.mesh.bounds
    np.testing.assert_allclose([low[0], high[0], low[2]], [0, 1, clearance], atol=1e-9)


def test_nose_looks_against_the_flow_and_up_is_up() -> None:
    file = joined(box((0, 0, 0), (4, 2, 1)), box((3.9, 0.9, 1), (4.0, 1.1, 2)))
    low, high = place_mesh(file, placement(forward="+x")).mesh.bounds
    assert (low[0], high[0]) == pytest.approx((0, 1))
    mesh = place_mesh(file, placement(forward="+x")).mesh
    mast = mesh.vertices[mesh.vertices[:, 2] > 0.4]
    assert mast[:, 0].max() < 0.05


def test_mirror_on_one_side_does_not_move_the_plane_of_symmetry() -> None:
    body = box((0, -0.2, 0.1), (1, 0.2, 0.4))
    mirror = box((0.3, 0.2, 0.3), (0.33, 0.3, 0.33))
    placed = place_mesh(joined(body, mirror).mapped(np.eye(3), np.array([0.0, 5, 0])), placement())
    assert placed.mesh.vertices[:8, 1].mean() == pytest.approx(0, abs=0.006)
    assert symmetry_error(placed.mesh) < 0.01
    # Something heavy on one side, within the width, does not move it either.
    load = box((0.2, 0.0, 0.4), (0.8, 0.18, 0.41))
    placed = place_mesh(joined(body, load), placement())
    assert placed.mesh.vertices[:8, 1].mean() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("side", [1.0, -1.0])
@pytest.mark.parametrize("place", [0.0, 5.0])
def test_a_large_part_on_one_side_does_not_move_the_plane_wherever_the_file_has_its_origin(
    side: float, place: float
) -> None:
    """The middles of the bounding box and of the area are 0.05 and 0.03 off."""
    awning, mirror = (
        box((0.3, 0.2, 0.2), (0.6, 0.35, 0.25)),
        box((0.3, 0.2, 0.3), (0.33, 0.3, 0.33)),
    )
    matrix, offset = np.diag([1.0, side, 1.0]), np.array([0.0, place, 0.0])
    for body in (car(), box((0, -0.2, 0.1), (1, 0.2, 0.4))):
        for part in (awning, mirror):
            plane = mirror_planes(joined(body, part).mapped(matrix, offset), wanted=1)[1]
            assert plane.place == pytest.approx(place, abs=2e-5)
            assert plane.error < 0.004


def test_shape_must_have_a_length() -> None:
    sheet = SurfaceMesh(
        np.array([[0, 0, 0], [0, 1, 0], [0, 1, 1], [0, 0, 1.0]]), np.array([[0, 1, 2], [0, 2, 3]])
    )
    message = "shape must have a length along its forward axis -x, got none; choose another axis"
    with pytest.raises(GeometryError, match=message):
        place_mesh(sheet, placement())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"unit": "km"}, "unit must be one of m, cm, mm, in, ft, got 'km'"),
        ({"forward": "x"}, "forward must be one of +x, -x, +y, -y, +z, -z, got 'x'"),
        ({"up": "z"}, "up must be one of +x, -x, +y, -y, +z, -z, got 'z'"),
        ({"up": "+x"}, "forward and up must be different axes, got -x and +x"),
        ({"clearance": -0.1}, "clearance must be zero or more, got -0.1"),
        ({"clearance": float("nan")}, "clearance must be zero or more, got nan"),
        ({"length_m": 0.0}, "length_m must be positive, got 0.0"),
    ],
)
def test_placement_that_places_nothing(changes: dict[str, object], message: str) -> None:
    with pytest.raises(GeometryError, match=re.escape(message)):
        # Past the types, which tests check first.
        Placement.__post_init__(SimpleNamespace(**{**asdict(placement()), **changes}))


def test_description_is_plain_json() -> None:
    described = json.loads(json.dumps(guess_placement(lopsided()).best.describe()))
    assert Placement(**described) == guess_placement(lopsided()).best


# Guessing


@pytest.mark.parametrize("family", ["notchback", "van"])
@pytest.mark.parametrize(("turn", "forward", "up"), [
    (np.eye(3), "-x", "+z"), (CAD, "+x", "+z"), (GAME, "+z", "+y"),
    (np.array([[0.0, 1, 0], [-1, 0, 0], [0, 0, 1]]), "+y", "+z"),
], ids=["tunnel", "CAD", "game", "along y"])  # fmt: skip
def test_axes_of_usual_files_are_found(
    family: str, turn: np.ndarray, forward: str, up: str
) -> None:
    found = guess_placement(in_file(car(family), turn, 4.5)).best
    assert (found.forward, found.up, found.unit) == (forward, up, "m")
    assert found.length_m == pytest.approx(4.5)


@pytest.mark.parametrize(("unit", "meters"), [("m", 4.4), ("mm", 4.4), ("cm", 4.4), ("in", 4.4)])
def test_unit_of_a_car_is_found(unit: str, meters: float) -> None:
    found = guess_placement(in_file(lopsided(), CAD, meters / METERS[unit])).best
    assert found.unit == unit
    assert found.length_m == pytest.approx(meters)


@given(length=st.floats(1e-4, 1e6))
def test_guessed_length_is_plausible_whenever_one_is(length: float) -> None:
    plausible = [unit for unit, size in METERS.items() if 1 <= length * size <= 20]
    unit = guess_unit(length)
    assert unit in plausible or not plausible


def test_tiny_and_huge_lengths_get_the_nearest_unit() -> None:
    assert guess_unit(1e-3) == "m"
    assert guess_unit(1e6) == "mm"


def test_guess_is_the_way_back_for_a_turned_car() -> None:
    mesh = car()
    file = mesh.mapped(4500 * GAME, np.array([100.0, 0, 900]))
    placed = place_mesh(file, guess_placement(file).best)
    np.testing.assert_allclose(placed.mesh.vertices, mesh.vertices, atol=1e-3)


SHEARED = box((0, 0, 0), (3, 2, 1)).mapped(
    np.array([[1, 0.5, 0.3], [0, 1, 0.5], [0, 0, 1]]), np.zeros(3)
)
"""Symmetric about no plane; 4.3 long along x, 2.5 along y and 1 along z."""


@pytest.mark.parametrize(
    ("suffix", "axes"),
    # For each lateral axis: the longer one of the others is the flow's, unless y must be up.
    [("", {("x", "+z"), ("y", "+z"), ("x", "+y")}), (".glb", {("x", "+y"), ("z", "+y")})],
)
def test_a_shape_without_symmetry_may_lie_in_every_way(
    suffix: str, axes: set[tuple[str, str]]
) -> None:
    found = guess_placement(replace(SHEARED, suffix=suffix))
    assert found.reason == "the shape is not symmetric about any plane across an axis"
    every = [(one.forward[1], one.up) for one in (found.best, *found.alternatives)]
    assert len(every) == len(axes)
    assert set(every) == axes
    known = guess_placement(replace(SHEARED, suffix=suffix), lateral=0)
    assert (known.best.forward[1], known.best.up) in axes
    assert "symmetric" not in known.reason


def test_ends_that_are_alike_are_a_question_and_others_are_none() -> None:
    """Two parts of one volume at equal distances from the middle; one is high, one is wide."""
    parts = box((0.1, -0.1, 0.4), (0.3, 0.1, 0.8)), box((0.7, -0.2, 0.4), (0.9, 0.2, 0.6))
    found = guess_placement(joined(box((0, -0.2, 0.1), (1, 0.2, 0.4)), *parts))
    assert found.reason == "its nose and its tail are alike"
    assert (found.best.forward, found.best.up) == ("-x", "+z")
    assert found.alternatives == (replace(found.best, forward="+x"),)
    for clear in (car(), box((0, 0, 0), (3, 1, 0.5))):  # a box is its own mirror image
        assert guess_placement(clear).alternatives == ()
        assert guess_placement(clear).reason == ""


def test_a_car_on_its_side_is_seen_by_its_symmetry() -> None:
    side = in_file(car(), np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]]), 4.5)
    found = guess_placement(side)
    assert (found.best.forward, found.best.up, found.alternatives) == ("-x", "+y", ())


def test_a_lateral_axis_that_is_known_is_not_guessed() -> None:
    found = guess_placement(car(), lateral=2).best
    assert (found.forward[1], found.up) == ("x", "+y")


def test_y_is_up_in_gltf_whatever_the_shape() -> None:
    ball = draw_body("ellipsoid", 0).mesh
    flat = in_file(ball, np.diag([1.0, 1.0, 1.0]), 4.0)
    assert guess_placement(flat).best.up == "+z"
    assert guess_placement(replace(flat, suffix=".GLB")).best.up == "+y"
    assert guess_placement(replace(in_file(car(), GAME, 4.5), suffix=".glb")).best.forward == "+z"


def test_wings_wider_than_long_are_seen_by_their_symmetry() -> None:
    body = joined(
        box((0, -0.05, 0.2), (1, 0.05, 0.3)),
        box((0.3, -1, 0.24), (0.5, 1, 0.26)),
        box((0.9, -0.02, 0.3), (1.0, 0.02, 0.5)),
    )
    found = guess_placement(body).best
    assert (found.forward[1], found.up) == ("x", "+z")


def test_open_and_inside_out_files_are_placed_too() -> None:
    mesh = car()
    assert guess_placement(mesh.flipped()).best.forward == "-x"
    cut = SurfaceMesh(mesh.vertices, mesh.triangles[mesh.centers[:, 2] > 0.08])
    assert guess_placement(cut).best.forward[1] == "x"
    sheet = SurfaceMesh(
        np.array([[0, 0, 0], [0, 1, 0], [0, 1, 4], [0, 0, 4.0]]), np.array([[0, 1, 2], [0, 2, 3]])
    )
    assert guess_placement(sheet).best.forward[1] == "z"


@pytest.mark.parametrize(
    ("lowest", "clearance"), [(0.0, 0.0), (0.2, 0.2), (0.5, 0.05), (-0.3, 0.05), (-1e-9, 0.05)]
)
def test_clearance_of_the_file_is_kept_if_it_can_be_meant(lowest: float, clearance: float) -> None:
    body = box((0, -0.2, lowest), (1, 0.2, lowest + 0.3))
    assert guess_placement(in_file(body, np.eye(3), 4.0)).best.clearance == pytest.approx(clearance)


@pytest.mark.parametrize("raised", [-0.3, -1e-3, 0.0, 0.04, 0.2])
@pytest.mark.parametrize("to_file", [CAD, GAME], ids=["CAD", "game"])
def test_cars_on_wheels_stand_on_the_ground_wherever_their_file_has_it(
    raised: float, to_file: np.ndarray
) -> None:
    standing = on_wheels().mapped(np.eye(3), np.array([0, 0, raised]))
    found = guess_placement(in_file(standing, to_file, 4.5)).best
    assert (found.clearance, found.length_m) == (0.0, pytest.approx(4.5))
    placed = place_mesh(in_file(standing, to_file, 4.5), found)
    assert placed.warnings == ()
    assert placed.mesh.bounds[0, 2] == pytest.approx(0, abs=1e-12)


def test_feet_are_told_from_the_undersides_of_bodies_without_them() -> None:
    for name in (*list_flows("test", root=SHIPPED), *list_flows("unseen", root=SHIPPED)):
        on_feet = load_flow(name, root=SHIPPED).info["wheels"]
        mesh = drawn_body(flow_index(name))
        assert has_feet(mesh, 2, 1.0) == on_feet, name
        assert has_feet(mesh.flipped(), 2, 1.0) == on_feet, name


def test_feet_of_a_car_on_its_roof_are_at_its_upper_end() -> None:
    upside_down = on_wheels().mapped(np.diag([1.0, -1, -1]), np.array([0.0, 0, 2]))
    assert has_feet(upside_down, 2, 1.0, up=False)
    assert not has_feet(upside_down, 2, 1.0)


def test_hovering_wheels_are_told() -> None:
    lifted = on_wheels().mapped(np.eye(3), np.array([0, 0, 0.05]))
    told = "wheels are 4.9% of the body length above the ground; set the clearance to 0"
    assert as_is(lifted).warnings == (told,)
    raised = place_mesh(lifted, replace(guess_placement(lifted).best, clearance=0.06))
    assert raised.warnings == (told.replace("4.9", "6.0"),)
    assert as_is(on_wheels()).warnings == (
        "lowest point is below the ground, at z = -0.00071: that part is left out",
    )


# Symmetry and coordinates of the tunnel


@pytest.mark.parametrize("size", [1.0, 20.0])
def test_symmetry_error_is_the_way_to_the_mirror_image_in_lengths(size: float) -> None:
    sheet = np.array([[0, 0.03, 0], [1, 0.03, 0], [1, 0.03, 1], [0, 0.03, 1]])
    mesh = SurfaceMesh(sheet * size, np.array([[0, 1, 2], [0, 2, 3]]))
    assert symmetry_error(mesh) == pytest.approx(0.06)


def test_parametric_bodies_are_symmetric_and_lopsided_ones_are_not() -> None:
    assert symmetry_error(car()) < 1e-3
    assert symmetry_error(lopsided()) > 0.005


def test_body_in_the_tunnel_stays_where_it_is() -> None:
    placed = as_is(car())
    assert placed.mesh is car()
    assert placed.warnings == ()
    np.testing.assert_array_equal(placed.to_file(car().vertices), car().vertices)
    np.testing.assert_array_equal(placed.vectors_to_file(car().normals), car().normals)


@pytest.mark.parametrize(
    ("low", "high", "message"),
    [
        ((0, 0, 0), (0.1, 1, 1), "body must be 0.2 to 3 long in the wind tunnel, got 0.1; choose"),
        (
            (0, 0, 0),
            (4500, 1, 1),
            "must be 0.2 to 3 long in the wind tunnel, got 4500; choose unit",
        ),
        (
            (0, -1, -0.5),
            (1, 1, 0.5),
            "body must be above the ground z = 0, got its lowest point at z = -0.5; choose unit",
        ),
    ],
)
def test_coordinates_that_cannot_be_the_tunnels(
    low: tuple[float, ...], high: tuple[float, ...], message: str
) -> None:
    with pytest.raises(GeometryError, match=re.escape(message)):
        as_is(box(low, high))


def test_small_faults_are_warnings() -> None:
    placed = as_is(box((0, 0.1, -0.01), (1, 0.4, 0.3)))
    assert placed.warnings == (
        "lowest point is below the ground, at z = -0.01: that part is left out",
        "center is at y = 0.25, not on the plane of symmetry y = 0",
    )
    assert as_is(box((0, -0.19, 0.0), (1, 0.2, 0.3))).warnings == ()
