"""Slices, iso-surfaces and streamlines of flows that are known exactly."""

from functools import cache

import numpy as np
import pytest

from mspt.figures.viewer.encode import encode_scene
from mspt.figures.viewer.packets import decode_packet
from mspt.figures.viewer.scene import Curves, Field, Particles, Scene
from mspt.figures.vtk.inside import (
    LINES,
    PARTICLES,
    FlowAround,
    Look,
    inside_scene,
    slice_of,
    slice_range,
)
from mspt.figures.vtk.resample import FlowGrid, flow_grid
from mspt.figures.vtk.streamlines import paths
from mspt.geometry.mesh import box
from mspt.metrics.conditions import OperatingConditions

BODY = box((0, -0.2, 0.05), (1, 0.2, 0.2))
SPIN = 0.5
"""Turns of the made-up flow around the axis of x: the flow moves along helices."""


def made_up(title: str = "Truth (solver)", *, faster: float = 0.0) -> FlowAround:
    """A flow with helices as streamlines, whose speed and pressure are linear or nearly so."""
    points = np.random.default_rng(0).uniform((-0.5, -0.5, 0.0), (2.0, 0.5, 0.7), (12_000, 3))
    return FlowAround(
        title=title,
        points=points,
        velocity=np.stack(
            [
                np.full(len(points), 1.0 + faster),
                -SPIN * (points[:, 2] - 0.35),
                SPIN * points[:, 1],
            ],
            axis=1,
        ),
        pressure=0.5 - points[:, 0],
    )


@cache
def coarse_grid(faster: float) -> FlowGrid:
    """The made-up flow on an eighth of the nodes."""
    flow = made_up(faster=faster)
    return flow_grid(BODY, flow.points, flow.velocity, shape=(48, 24, 20), pressure=flow.pressure)


def scene_of(
    look: Look, *flows: FlowAround, conditions: OperatingConditions | None = None
) -> Scene:
    return inside_scene(
        BODY,
        flows,
        slices=[slice_of(BODY, one, look) for one in flows],
        grids=[coarse_grid(one.velocity[0, 0] - 1.0) for one in flows],
        look=look,
        conditions=conditions,
    )


@pytest.mark.parametrize(("axis", "at"), [("x", 1.2), ("y", 0.1), ("z", 0.4)])
def test_slice_has_the_values_of_the_flow_at_its_place(axis, at: float) -> None:  # noqa: ANN001
    low, high = slice_range(BODY, axis)
    assert low <= at <= high
    found = slice_of(BODY, made_up(), Look(axis=axis, at=at))
    np.testing.assert_allclose(found.points[:, "xyz".index(axis)], at)
    used = np.unique(found.triangles)
    points, values = found.points[used], found.values[used]
    outside = ((points < BODY.bounds[0]) | (points > BODY.bounds[1])).any(axis=1)
    inner = outside & ((points > (-0.3, -0.3, 0.05)) & (points < (1.8, 0.3, 0.5))).all(axis=1)
    np.testing.assert_allclose(values[inner, 1], 0.5 - points[inner, 0], atol=2e-3)
    speed = np.sqrt(1 + SPIN**2 * (points[:, 1] ** 2 + (points[:, 2] - 0.35) ** 2))
    np.testing.assert_allclose(values[inner, 0], speed[inner], atol=2e-3)


def test_streamlines_are_helices_and_times_are_those_of_the_flow() -> None:
    found = paths(coarse_grid(0.0), np.array([[1.1, 0.1, 0.35]]), both=True)
    assert len(found.offsets) == 3  # downstream and upstream
    for start, stop in zip(found.offsets, found.offsets[1:], strict=False):
        points, times = found.points[start:stop], found.times[start:stop]
        assert (np.diff(points[:, 0]) > 0).all()  # along the flow, also the part before the seed
        assert times[0] == 0
        np.testing.assert_allclose(times, points[:, 0] - points[0, 0], rtol=0.02, atol=1e-3)
    downstream = slice(*found.offsets[:2])
    points = found.points[downstream]
    angle = SPIN * (points[:, 0] - 1.1)
    np.testing.assert_allclose(points[:, 1], 0.1 * np.cos(angle), atol=4e-3)
    np.testing.assert_allclose(points[:, 2] - 0.35, 0.1 * np.sin(angle), atol=4e-3)


def test_panels_are_truth_prediction_and_error_with_their_own_lines() -> None:
    look = Look(iso=-0.2, colored="C_p", clicked=((1.2, 0.0, 0.4),))
    flows = (made_up(), made_up("Prediction (model)", faster=0.1))
    scene = scene_of(look, *flows)
    titles = [panel.title for panel in scene.panels]
    assert titles == ["Truth (solver)", "Prediction (model)", "Error (prediction − truth)"]
    # The iso-surface lies where the pressure is -0.2, at x = 0.7, in the first two panels.
    plain = scene.panels[0].coloring
    assert isinstance(plain, Field)
    on_iso = np.isclose(plain.values, -0.2, atol=1e-9) & (abs(scene.points[:, 1]) > 0.05)
    np.testing.assert_allclose(scene.points[on_iso, 0], 0.7, atol=0.01)
    parts = [panel.part for panel in scene.panels]
    assert parts[0][0] == 0
    assert parts[0][1] == parts[1][0]
    assert parts[1][1] == parts[2][0]
    assert parts[2][1] == len(scene.triangles)
    lines, particles = (one for one in scene.layers if isinstance(one, Curves | Particles))
    assert set(lines.panel) == set(particles.panel) == {0, 1}
    assert lines.values is None  # colors of the slice are those of C_p
    first, last = particles.offsets[:-1], particles.offsets[1:] - 1
    along = particles.vertices[last, 0] - particles.vertices[first, 0]
    for panel, speed in ((0, 1.0), (1, 1.1)):
        own = particles.panel == panel
        passed = along[own].sum() / particles.times[last][own].sum()
        assert passed == pytest.approx(speed, abs=0.02)
    assert scene.hidden == (PARTICLES,)
    (marked,) = scene.marked
    np.testing.assert_allclose(scene.points[marked], (1.2, 0.0, 0.4), atol=0.011)


def test_error_is_the_difference_and_units_are_physical_ones() -> None:
    flows = (made_up(), made_up("Prediction (model)", faster=0.1))
    conditions = OperatingConditions(speed=40.0, length=4.5)
    scene = scene_of(Look(at=0.0), *flows, conditions=conditions)
    error = scene.panels[2].coloring
    assert isinstance(error, Field)
    start, stop = scene.panels[2].part
    values = error.values[np.unique(scene.triangles[start:stop])]
    assert error.unit == "m/s"
    assert np.median(values) == pytest.approx(4.0, abs=0.1)
    assert not [one for one in scene.layers if one.name == LINES]
    scene = scene_of(Look(at=0.0, rake=True), flows[0], conditions=conditions)
    (lines,) = [one for one in scene.layers if isinstance(one, Curves)]
    assert lines.limits == scene.panels[0].coloring.limits
    assert np.median(lines.values) == pytest.approx(40.0, abs=1.5)


def test_lines_and_particles_reach_the_browser_with_their_panels() -> None:
    scene = scene_of(Look(rake=True), made_up())
    encoded = encode_scene(scene)
    header, _ = decode_packet(encoded.message({}))
    _, lines, particles = header["layers"]
    assert (lines["kind"], particles["kind"]) == ("curves", "particles")
    assert header["probe"] == "lengths"
    own, buffers = decode_packet(encoded.blobs[particles["blob"]])
    times = np.frombuffer(buffers[own["times"]], "<f4")
    panels = np.frombuffer(buffers[own["panels"]], "u1")
    offsets = np.frombuffer(buffers[own["offsets"]], "<u4")
    assert len(panels) == len(offsets) - 1
    assert len(times) == offsets[-1]
    assert set(panels) == {0}
    inner = np.setdiff1d(np.arange(1, len(times)), offsets)
    assert (np.diff(times)[inner - 1] >= 0).all()


def test_camera_stays_as_the_slice_moves() -> None:
    scenes = [scene_of(Look(axis=axis), made_up()) for axis in ("x", "z")]
    bounds = [np.stack([one.points.min(axis=0), one.points.max(axis=0)]) for one in scenes]
    np.testing.assert_allclose(bounds[0], bounds[1])
    assert scenes[0].focus is not None
    np.testing.assert_allclose(scenes[0].focus, scenes[1].focus)
