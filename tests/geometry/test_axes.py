from itertools import product
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up_shapes import body

from mspt.errors import GeometryError
from mspt.geometry.axes import (
    Axis,
    Orientation,
    direction,
    flipped,
    opposite,
    stood_up,
    turned,
    with_forward,
    with_up,
)
from mspt.geometry.mesh import SurfaceMesh, box
from mspt.geometry.placement import METERS, place_mesh, placement_along
from mspt.geometry.preparation import prepare_shape
from mspt.inference.shapes import with_choices

AXES = get_args(Axis)
ALL = [Orientation(f, u) for f, u in product(AXES, AXES) if f[1] != u[1]]
STEPS = (flipped, turned, stood_up)
orientations = st.sampled_from(ALL)


def frame(orientation: Orientation) -> np.ndarray:
    """Axes of the tunnel (back, right, up) as rows in the file's coordinates."""
    return np.stack(
        [
            -direction(orientation.forward),
            -direction(orientation.left),
            direction(orientation.up),
        ]
    )


# Rotations of the body, written down in the wind tunnel, where the nose points along -x: nose to
# tail about z; the left side, which is -y, to the nose about z; the nose to the top about y.
ROTATIONS = {
    flipped: np.array([[-1, 0, 0], [0, -1, 0], [0, 0, 1]]),
    turned: np.array([[0, 1, 0], [-1, 0, 0], [0, 0, 1]]),
    stood_up: np.array([[0, 0, 1], [0, 1, 0], [-1, 0, 0]]),
}


def test_there_are_as_many_orientations_as_rotations_of_a_cube() -> None:
    frames = {frame(one).tobytes() for one in ALL}
    assert len(ALL) == len(frames) == 24
    assert {round(np.linalg.det(frame(one))) for one in ALL} == {1}


@pytest.mark.parametrize("step", STEPS)
@given(start=orientations)
def test_each_step_is_its_rotation_of_the_body(step: object, start: Orientation) -> None:
    np.testing.assert_array_equal(frame(step(start)), ROTATIONS[step] @ frame(start))


@given(start=orientations)
def test_steps_come_back(start: Orientation) -> None:
    assert flipped(flipped(start)) == start
    assert turned(turned(start)) == flipped(start)
    assert turned(turned(turned(turned(start)))) == start
    assert stood_up(stood_up(stood_up(stood_up(start)))) == start
    assert stood_up(stood_up(start)) == Orientation(opposite(start.forward), opposite(start.up))


@pytest.mark.parametrize("start", ALL)
def test_turning_and_standing_up_reach_every_orientation(start: Orientation) -> None:
    known, new = {start}, {start}
    while new:
        new = {step(one) for one in new for step in STEPS} - known
        known |= new
    assert known == set(ALL)


@given(start=orientations, axis=st.sampled_from(AXES))
def test_any_axis_can_be_chosen_for_nose_and_top(start: Orientation, axis: Axis) -> None:
    nose, top = with_forward(start, axis), with_up(start, axis)
    assert (nose.forward, top.up) == (axis, axis)
    # What fits stays; of what does not, the axis to the side does.
    assert nose.left == start.left if axis[1] == start.up[1] else nose.up == start.up
    assert top.left == start.left if axis[1] == start.forward[1] else top.forward == start.forward


@pytest.mark.parametrize("orientation", ALL)
def test_each_orientation_places_a_body_without_reflection(orientation: Orientation) -> None:
    mesh = body()
    placed = place_mesh(mesh, placement_along(mesh, orientation))
    assert placed.mesh.volume == pytest.approx(mesh.volume * placed.scale**3)
    np.testing.assert_allclose(placed.matrix / placed.scale, frame(orientation), atol=1e-12)
    assert placed.mesh.extent[0] == pytest.approx(1)
    assert placed.mesh.bounds[0, 2] >= -1e-12


# What is likely along other axes.


def test_a_tower_that_stands_up_is_as_high_as_its_file_says() -> None:
    tower = prepare_shape(box((-6, -5, 0), (6, 5, 80)))
    lying = tower.guess.best
    assert lying.unit == "in"  # 80 of no unit make a vehicle, but 80 inches do
    upright = stood_up(lying.orientation)
    assert upright.up == "+z"
    found = with_choices(tower, forward=upright.forward, up=upright.up)
    assert (found.unit, found.clearance) == ("m", 0.0)
    assert found.length_m == pytest.approx(10 if upright.forward[1] == "y" else 12)


@pytest.mark.parametrize("up", ["+z", "-z"])
def test_ground_is_below_whatever_end_is_the_lowest(up: Axis) -> None:
    """A body on four feet stands on them, and turned over it has the height of its file."""
    feet = [box((x, y, 0.0), (x + 0.2, y + 0.1, 0.3)) for x in (0.4, 3.6) for y in (-0.8, 0.7)]
    parts = [box((0, -0.9, 0.25), (4.5, 0.9, 1.4)), *feet]
    starts = np.cumsum([0] + [len(part.vertices) for part in parts])
    mesh = SurfaceMesh(
        np.concatenate([part.vertices for part in parts]),
        np.concatenate([p.triangles + s for p, s in zip(parts, starts, strict=False)]),
    )
    found = placement_along(mesh, Orientation("-x", up))
    assert (found.clearance == 0) == (up == "+z")


def test_choices_keep_what_is_likely_for_their_axes() -> None:
    shape = prepare_shape(box((0, -0.4, 0), (4.5, 0.4, 1.0)))
    likely = shape.guess.best
    assert with_choices(shape) == likely
    assert with_choices(shape, unit="cm").length_m == pytest.approx(0.045)
    assert with_choices(shape, clearance=0.3).clearance == 0.3
    one = with_choices(shape, up="+x")
    assert one.orientation == with_up(likely.orientation, "+x")
    assert with_choices(shape, forward="+z").orientation == with_forward(likely.orientation, "+z")
    with pytest.raises(GeometryError, match=r"must be different axes, got \+z and -z"):
        with_choices(shape, forward="+z", up="-z")


@pytest.mark.parametrize("unit", list(METERS))
def test_a_chosen_unit_stays_along_other_axes(unit: str) -> None:
    mesh = box((0, 0, 0), (4, 2, 1))
    found = placement_along(mesh, Orientation("+y", "+z"), unit=unit, clearance=0.1)
    assert (found.unit, found.clearance) == (unit, 0.1)
    assert found.length_m == pytest.approx(2 * METERS[unit])


def test_a_sheet_has_no_length_across_itself() -> None:
    corners = np.array([[0, 0, 0], [0, 1, 0], [0, 1, 1], [0, 0, 1.0]])
    sheet = SurfaceMesh(corners, np.array([[0, 1, 2], [0, 2, 3]]))
    with pytest.raises(GeometryError, match=r"must have a length along its forward axis \+x"):
        placement_along(sheet, Orientation("+x", "+z"))
