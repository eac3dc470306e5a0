"""Drawings of pipes, airfoils, dies and vorticities: they give cases, and say what is wrong."""

import json
from typing import Any

import numpy as np
import psutil
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy import ndarray
from quick_solvers import use_quick_solvers

from mspt.data.apart import solve_apart
from mspt.data.canvas import blobs_on_torus
from mspt.data.dataset import Dataset
from mspt.data.registry import datasets, get_dataset
from mspt.data.solve import Solved, drawing_inputs, drawing_steps, solve_drawing
from mspt.errors import DataError, MSPTError, SolverError
from mspt.inference.drawings import (
    RANDOM,
    control_points,
    drawing_file,
    painting,
    points_canvas,
    preset_drawing,
)
from mspt.progress import ShareDone
from mspt.solvers.airfoil_grid import airfoil_outline, naca_moves
from mspt.solvers.navier_stokes import sample_vorticity
from mspt.solvers.pipe import LENGTH

SLOW = ["pipe", "airfoil", "plasticity", "navier_stokes"]
BY_POINTS = [one for one in datasets() if one.drawing is not None and one.drawing.kind == "points"]
STEEP = [[4.5, 2.0], [-4.5, 2.0], [4.5, -2.0], [-4.5, 2.0], [4.5, 0.0]]


@pytest.fixture
def quick_solvers(monkeypatch: pytest.MonkeyPatch) -> None:
    use_quick_solvers(monkeypatch)


def file_of(name: str, preset: str = RANDOM, *, seed: int = 0) -> dict[str, Any]:
    """What is read from the file of an example."""
    dataset = get_dataset(name)
    return json.loads(drawing_file(dataset, preset_drawing(dataset, preset, seed=seed)))


@pytest.mark.parametrize("name", SLOW)
@pytest.mark.usefixtures("quick_solvers")
def test_a_drawing_of_a_case_s_inputs_gives_the_case_bit_by_bit(name: str) -> None:
    drawing, case = file_of(name, seed=4), get_dataset(name).make_case(4)
    *progress, solved = drawing_steps(drawing)
    assert isinstance(solved, Solved)
    for part in ("points", "features", "fields", "triangles"):
        assert torch.equal(getattr(solved.case, part), getattr(case, part)), part
    shares = [event.share for event in progress]
    assert shares == sorted(shares)
    assert all(0 <= share <= 1 for share in shares)
    assert bool(shares) == (name != "pipe")
    inputs = drawing_inputs(drawing)
    if name != "navier_stokes":
        assert torch.equal(inputs.points, case.points)
        assert torch.equal(inputs.features, case.features)
        assert torch.equal(inputs.triangles, case.triangles)
    else:
        assert inputs is None


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("airfoil", [[0.0, 0.3, 0.3, 0.0], [0.0] * 4], "airfoil must have its upper side above"),
        ("airfoil", [[0.085] * 4, [-0.085] * 4], r"at least 20% as thick as NACA 0012 .* got 15%"),
        ("airfoil", [[0.0] * 3, [0.0] * 3], r"moves must be a table of 2 x 4 .* shape \(2, 3\)"),
        ("airfoil", [[None] * 4, [0.0] * 4], "moves must be 2 x 4 finite numbers"),
        ("pipe", STEEP, "center line must have slopes up to 6, got"),
        ("pipe", [[np.nan, 0.0]] + [[0.0, 0.0]] * 4, "center line must have finite heights"),
        ("pipe", [[0.0, 0.0]] * 4, r"center_line must be a table of 5 x 2 .* shape \(4, 2\)"),
        ("plasticity", [[0.0, 0.0], [24.0, 0.0], [25.0, 3.6], [50.0, 3.6]], "slopes up to 2, got"),
        ("plasticity", [[0.0, 4.5], [50.0, 4.0]], r"die must touch the block .* point at 4 mm"),
        ("plasticity", [[0.0, 1.0], [50.0, -0.5]], "die must begin above the block, got -0.5 mm"),
        ("plasticity", [[0.0, 1.0], [30.0, 1.0], [20.0, 1.0], [50.0, 1.0]], "knots that ascend"),
        ("plasticity", [[5.0, 1.0], [50.0, 1.0]], "knots that ascend from x = 0 to 50 mm"),
        ("plasticity", [[0.0, 1.0], [50.0, np.nan]], "knots of finite numbers, got others at 1 of"),
        ("plasticity", [1.0, 2.0], r"die must be a table of some x 2 numbers .* shape \(2,\)"),
        ("navier_stokes", np.full((128, 128), np.nan), "vorticity must be finite, got values"),
        ("navier_stokes", np.ones((128, 128)), "vorticity must have no mean on a torus, got 1; "),
        ("navier_stokes", np.zeros((64, 64)), "vorticity must be a table of 128 x 128 numbers"),
    ],
)
def test_what_cannot_be_solved_is_refused_in_one_line(
    name: str, values: list | ndarray, message: str
) -> None:
    drawing = {"dataset": name, get_dataset(name).drawing.key: values}
    with pytest.raises(MSPTError, match=message) as refused:
        solve_drawing(drawing)
    assert "\n" not in str(refused.value)
    assert ";" in str(refused.value)  # what to do
    if name != "navier_stokes":
        with pytest.raises(MSPTError, match=message):
            drawing_inputs(drawing)


def test_the_drawing_of_another_data_set_is_refused() -> None:
    with pytest.raises(DataError, match="center_line must be a table of numbers in a drawing"):
        solve_drawing(file_of("plasticity") | {"dataset": "pipe"})


@pytest.mark.parametrize("dataset", BY_POINTS, ids=lambda one: one.name)
def test_random_drawings_lie_in_the_ranges_of_the_training_cases(dataset: Dataset) -> None:
    seeds = [dataset.case_seed(index) for index in range(40)]
    drawn = np.array([np.ravel(preset_drawing(dataset, RANDOM, seed=seed)) for seed in seeds])
    for column, control in zip(drawn.T, control_points(dataset).controls, strict=True):
        low, high = control.trained
        assert control.limits[0] <= low <= column.min() <= column.max() <= high <= control.limits[1]
        if low < high:  # and fill most of them
            assert np.ptp(column) > 0.8 * (high - low)


def test_random_vorticities_are_as_large_as_the_canvas_says() -> None:
    dataset = get_dataset("navier_stokes")
    low, high = painting(dataset).trained
    largest = [np.abs(sample_vorticity(dataset.case_seed(index))).max() for index in range(40)]
    assert 0.95 * low < min(largest) < max(largest) < 1.05 * high


@pytest.mark.parametrize("name", ["pipe", "airfoil"])
def test_a_canvas_moves_its_lines_as_the_library_draws_them(name: str) -> None:
    dataset = get_dataset(name)
    shape = dataset.drawing.shape
    shown = points_canvas(dataset, np.zeros(shape).tolist())
    numbers = np.random.default_rng(0).uniform(-0.1, 0.1, shape)
    lines = control_points(dataset).lines(numbers)
    assert len(shown["lines"]) == len(lines)
    for sent, slopes, line in zip(shown["lines"], shown["slopes"], lines, strict=True):
        moved = np.array(sent["base"])
        moved[:, 1] += np.array(slopes) @ numbers.ravel()
        np.testing.assert_allclose(moved, line.points, atol=5e-5)


def test_points_of_the_center_line_lie_on_it_and_those_beside_show_its_slope() -> None:
    dataset = get_dataset("pipe")
    how, drawn = control_points(dataset), np.array(preset_drawing(dataset, RANDOM, seed=3))
    center = how.lines(drawn)[1].points
    for knot, (height, tilt) in enumerate(zip(how.handles[::2], how.handles[1::2], strict=True)):
        x = height.at[0]
        assert x == knot * LENGTH / 4
        assert np.interp(x, *center.T) == pytest.approx(drawn[knot, 0], abs=0.02)
        place = tilt.at[1] + tilt.reach * drawn[knot, 1] + drawn[knot, 0]
        slope = (place - drawn[knot, 0]) / (tilt.at[0] - x)
        assert slope == pytest.approx(drawn[knot, 1])


def test_a_drawing_is_solved_in_a_process_of_its_own_as_in_this_one() -> None:
    dataset = get_dataset("darcy")
    text = drawing_file(dataset, preset_drawing(dataset, "Disc", seed=0))
    *progress, solved = solve_apart(text)
    assert all(event.share == 0 for event in progress)  # this solver reports nothing
    here = solve_drawing(json.loads(text)).case
    assert (solved.case.dataset, solved.case.name) == ("darcy", "drawing")
    for part in ("points", "features", "fields", "triangles"):
        assert torch.equal(getattr(solved.case, part), getattr(here, part))
    assert 0 < solved.seconds < 60


def test_what_cannot_be_solved_in_another_process_is_refused_as_in_this_one() -> None:
    drawing = {"dataset": "navier_stokes", "vorticity": np.ones((128, 128)).tolist()}
    with pytest.raises(SolverError, match="vorticity must have no mean on a torus, got 1; sub"):
        list(solve_apart(json.dumps(drawing)))


def test_closing_the_events_ends_the_process() -> None:
    before = set(psutil.Process().children())
    dataset = get_dataset("navier_stokes")
    events = solve_apart(drawing_file(dataset, preset_drawing(dataset, "Vortex pair", seed=0)))
    assert isinstance(next(events), ShareDone)
    (child,) = set(psutil.Process().children()) - before
    assert "mspt.data.apart" in child.cmdline()
    events.close()
    assert not child.is_running()


def naca_of_four_digits(camber: float, place: float, thickness: float, x: ndarray) -> ndarray:
    """Both sides of an airfoil as Abbott and von Doenhoff (1959) define it, with a sharp tail."""
    line = np.where(
        x < place,
        camber / place**2 * (2 * place * x - x**2),
        camber / (1 - place) ** 2 * (1 - 2 * place + 2 * place * x - x**2),
    )
    scale = np.where(x < place, place**2, (1 - place) ** 2)
    tilt = np.arctan(2 * camber / scale * (place - x))
    series = np.array([0.2969, -0.1260, -0.3516, 0.2843, -0.1036])
    half = 5 * thickness * (np.stack([x**0.5, x, x**2, x**3, x**4], axis=-1) @ series)
    sides = [
        np.interp(x, x + sign * half * -np.sin(tilt), line + sign * half * np.cos(tilt))
        for sign in (-1, 1)
    ]
    return np.stack(sides)


@pytest.mark.parametrize(
    ("camber", "thickness", "error"), [(0.0, 0.09, 4e-4), (0.0, 0.15, 4e-4), (0.02, 0.12, 2e-3)]
)
def test_moved_control_points_make_naca_airfoils(
    camber: float, thickness: float, error: float
) -> None:
    outline = airfoil_outline(naca_moves(camber=camber, thickness=thickness))
    lower, upper = outline[200::-1], outline[200:]
    x = np.linspace(0.02, 1, 99)
    found = np.stack([np.interp(x, *side.T) for side in (lower, upper)])
    fine = np.linspace(0, 1, 4001)
    exact = naca_of_four_digits(camber, 0.4, thickness, fine)
    expected = np.stack([np.interp(x, fine, side) for side in exact])
    assert np.abs(found - expected).max() < error


@settings(max_examples=25)
@given(
    blob=st.tuples(
        st.floats(0, 1), st.floats(0, 1), st.floats(0.03, 0.2), st.floats(-2, 2).filter(bool)
    ),
    turns=st.tuples(st.integers(0, 15), st.integers(0, 31)),
)
def test_a_blob_that_is_moved_by_whole_points_is_the_field_rolled(
    blob: tuple[float, ...], turns: tuple[int, int]
) -> None:
    shape = (16, 32)
    field = blobs_on_torus(np.array([blob]), shape)
    x, y, *rest = blob
    moved = blobs_on_torus(np.array([[x + turns[1] / 32, y + turns[0] / 16, *rest]]), shape)
    np.testing.assert_allclose(np.roll(field, turns, (0, 1)), moved, atol=1e-5 * abs(blob[3]))
    assert abs(moved.mean()) < 1e-12


def test_blobs_are_gaussians_and_their_sum_is_one_of_fields() -> None:
    first, second = [0.5, 0.5, 0.05, 2.0], [0.2, 0.9, 0.04, -1.0]
    y, x = np.indices((40, 40)) / 40
    exact = 2 * np.exp(-((x - 0.5) ** 2 + (y - 0.5) ** 2) / (2 * 0.05**2))
    field = blobs_on_torus(np.array([first]), (40, 40))
    np.testing.assert_allclose(field, exact - exact.mean(), atol=1e-9)
    both = blobs_on_torus(np.array([first, second]), (40, 40))
    np.testing.assert_allclose(
        both - field, blobs_on_torus(np.array([second]), (40, 40)), atol=1e-12
    )
