import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from made_up_openfoam import COUNT, CUBE_CENTERS, RECIPE, field_file, random_values, write_results

from mspt.errors import SolverError
from mspt.solvers.openfoam.case import Recipe
from mspt.solvers.openfoam.results import Flow, polygon_faces, read_results

HISTORY = np.arange(1.0, 31.0)


@pytest.fixture
def results(tmp_path: Path) -> Path:
    write_results(tmp_path)
    return tmp_path


def read(folder: Path, recipe: Recipe = RECIPE) -> Flow:
    return read_results(folder, recipe, cpu_seconds=1.5)


def test_faces_of_the_body_point_out_of_it(results: Path) -> None:
    flow = read(results)
    np.testing.assert_allclose(flow.face_centers, CUBE_CENTERS, atol=1e-12)
    outward = ((flow.face_centers - 0.5) * flow.face_areas).sum(axis=1)
    np.testing.assert_allclose(outward, [0.5] * 5 + [0.25] * 2)
    np.testing.assert_allclose(flow.face_areas.sum(axis=0), 0, atol=1e-12)


def test_mean_fields_are_read_where_there_are_any(results: Path) -> None:
    flow = read(results)
    assert flow.averaged
    assert flow.iterations == 30
    assert flow.cpu_seconds == 1.5
    np.testing.assert_array_equal(flow.cell_pressure, random_values(3) + 10)
    np.testing.assert_array_equal(flow.cell_velocity, random_values(3, 3) + 10)
    np.testing.assert_array_equal(flow.cell_centers, random_values(3, 3) + 5)
    np.testing.assert_array_equal(flow.face_pressure, random_values(COUNT))
    # OpenFOAM's stress is that of the wall on the flow.
    np.testing.assert_array_equal(flow.face_shear, -random_values(COUNT, 3) - 10)
    assert flow.wall_distance_units == np.arange(COUNT).mean()


def test_flow_that_is_steady_early_has_the_pressure_of_the_cells_at_the_wall(
    tmp_path: Path,
) -> None:
    write_results(tmp_path, last=15, averaged=False)
    flow = read(tmp_path)
    assert not flow.averaged
    assert flow.iterations == 15
    np.testing.assert_array_equal(flow.cell_pressure, random_values(3))
    np.testing.assert_array_equal(flow.face_pressure, random_values(3)[np.arange(COUNT) % 3])
    np.testing.assert_array_equal(flow.face_shear, -random_values(COUNT, 3))
    np.testing.assert_array_equal(flow.window, flow.force_history[-10:])
    assert flow.first_averaged == 6


def test_forces_are_those_of_both_halves(results: Path) -> None:
    pressure, friction = np.moveaxis(read(results).force_history, 1, 0)
    np.testing.assert_allclose(pressure, np.stack([2 * HISTORY, 0 * HISTORY, -2 * HISTORY], 1))
    np.testing.assert_allclose(friction, np.stack([HISTORY**0, 0 * HISTORY, 4 * HISTORY], 1))


def test_forces_of_a_full_domain_are_taken_as_they_are(results: Path) -> None:
    recipe = Recipe(iterations=30, average_from=21, symmetric=False)
    pressure, friction = np.moveaxis(read(results, recipe).force_history, 1, 0)
    np.testing.assert_allclose(pressure, np.stack([HISTORY, HISTORY**0, -HISTORY], 1))
    np.testing.assert_allclose(friction[:, 1], -0.25)


def test_window_holds_the_iterations_that_are_averaged(results: Path) -> None:
    flow = read(results)
    np.testing.assert_allclose(flow.window[:, 0, 0] / 2, np.arange(21, 31))
    assert flow.first_averaged == 21


def test_residuals_are_those_of_the_pressure_and_the_worst_component(results: Path) -> None:
    found = read(results).residual_history
    np.testing.assert_allclose(found, np.stack([HISTORY / 100, HISTORY + 0.5], axis=1))


def test_a_second_correction_of_the_pressure_does_not_hide_the_first(results: Path) -> None:
    log = results / "simpleFoam.log"
    again = "Solving for p, Initial residual = 55, Final residual = 1\ntime step"
    log.write_text(log.read_text().replace("time step", again))
    np.testing.assert_allclose(read(results).residual_history[:, 0], HISTORY / 100)


def test_results_without_a_log_have_no_residuals(results: Path) -> None:
    (results / "simpleFoam.log").unlink()
    assert read(results).residual_history.shape == (0, 2)


def test_value_that_all_faces_share_is_given_to_each(results: Path) -> None:
    scalars, vectors = random_values(2), random_values(2, 3)
    folder = results / "30"
    shear = field_file("uniform (0 0 0)", "uniform (1.5 0 -2e-3)", at_ground=vectors)
    (folder / "wallShearStressMean").write_bytes(shear)
    (folder / "yPlus").write_bytes(field_file("uniform 0", "uniform 42", at_ground=scalars))
    flow = read(results)
    np.testing.assert_array_equal(flow.face_shear, np.tile([-1.5, 0, 2e-3], (COUNT, 1)))
    assert flow.wall_distance_units == 42


def test_last_iteration_is_the_largest_number(tmp_path: Path) -> None:
    write_results(tmp_path, last=15, averaged=False)
    for name in ("0", "9", "14.5", "log"):
        (tmp_path / name).mkdir()
    assert read(tmp_path).iterations == 15


def test_warped_polygon_has_the_area_vector_of_its_outline() -> None:
    random = np.random.default_rng(0)
    corners = random.normal(size=(4, 5, 3))
    _, areas = polygon_faces(corners)
    # The same for any surface that the outline bounds, such as a fan from its first corner.
    fans = [
        np.cross(corners[:, i] - corners[:, 0], corners[:, i + 1] - corners[:, 0]) / 2
        for i in range(1, 4)
    ]
    np.testing.assert_allclose(areas, sum(fans))


def test_centroid_of_a_lopsided_polygon_is_that_of_its_area() -> None:
    trapezoid = np.array([[(0, 0, 0), (3, 0, 0), (1, 1, 0), (0, 1, 0)]], dtype=float)
    centers, _ = polygon_faces(trapezoid)
    np.testing.assert_allclose(centers[0], [(9 + 3 + 1) / (3 * 4), (3 + 2) / (3 * 4), 0])


INCOMPLETE = "OpenFOAM's output must contain {}, found none; solve the case again"


def cut(path: Path, marker: bytes, more: int) -> None:
    """Keep a file up to some bytes behind the last marker."""
    raw = path.read_bytes()
    assert more < len(raw) - raw.rindex(marker)
    path.write_bytes(raw[: raw.rindex(marker) + more])


def replace_text(path: Path, old: bytes, new: bytes) -> None:
    raw = path.read_bytes()
    assert old in raw
    path.write_bytes(raw.replace(old, new))


SPOILED: dict[str, tuple[Callable[[Path], object], str]] = {
    "no time": (lambda at: (at / "30").rename(at / "log"), "a result"),
    "no field": (lambda at: (at / "30/pMean").unlink(), "pMean"),
    "no wall units": (lambda at: (at / "30/yPlus").unlink(), "yPlus"),
    "no points": (lambda at: (at / "constant/polyMesh/points").unlink(), "points"),
    "no boundary": (lambda at: (at / "constant/polyMesh/boundary").unlink(), "boundary"),
    "no body": (
        lambda at: replace_text(at / "constant/polyMesh/boundary", b" body\n", b" car\n"),
        "the patch of the body",
    ),
    "no body in a field": (
        lambda at: replace_text(at / "30/pMean", b" body\n", b" car\n"),
        "values on the body",
    ),
    "another number of faces": (
        lambda at: replace_text(at / "constant/polyMesh/boundary", b"          7;", b" 6;"),
        "pMean on the body",
    ),
    "cut cells": (lambda at: cut(at / "30/C", b"internalField", 60), "all values of a list"),
    "cut body": (lambda at: cut(at / "30/pMean", b" body", 100), "all values of a list"),
    "cut header": (lambda at: cut(at / "30/pMean", b"internalField", 9), "a list of values"),
    "cut points": (
        lambda at: cut(at / "constant/polyMesh/points", b"\n8\n", 50),
        "all values of a list",
    ),
    "cut faces": (
        lambda at: cut(at / "constant/polyMesh/faces", b"\n34\n", 50),
        "all values of a list",
    ),
    "no forces": (lambda at: (at / "postProcessing/forces/0/force.dat").unlink(), "forces"),
    "cut forces": (
        lambda at: cut(at / "postProcessing/forces/0/force.dat", b"(0.5", 6),
        "the forces of each iteration",
    ),
}


@pytest.mark.parametrize("case", SPOILED)
def test_files_that_are_absent_or_cut_off_are_named(results: Path, case: str) -> None:
    spoil, what = SPOILED[case]
    spoil(results)
    with pytest.raises(SolverError, match=f"^{re.escape(INCOMPLETE.format(what))}$"):
        read(results)


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("pMean", "face_pressure"),
        ("wallShearStressMean", "face_shear"),
        ("UMean", "cell_velocity"),
    ],
)
def test_fields_that_are_not_finite_are_refused(results: Path, name: str, field: str) -> None:
    path = results / "30" / name
    raw = path.read_bytes()
    value = {"pMean": random_values(COUNT)[3], "UMean": random_values(3, 3)[1, 1] + 10}.get(
        name, random_values(COUNT, 3)[2, 0] + 10
    )
    path.write_bytes(raw.replace(np.float64(value).tobytes(), np.float64("nan").tobytes()))
    message = f"{field} must be finite, got NaN or infinity; the solve diverged, check"
    with pytest.raises(SolverError, match=message):
        read(results)


DAMAGE: dict[str, tuple[str, bytes, bytes]] = {
    "letters in the forces": ("postProcessing/forces/0/force.dat", b"(0.5", b"(\xe6.5"),
    "words in the forces": ("postProcessing/forces/0/force.dat", b"(0.5", b"(half"),
    "a vertex that does not exist": (
        "constant/polyMesh/faces",
        np.array([7, 5], "<i4").tobytes(),
        np.array([99, 5], "<i4").tobytes(),
    ),
    "more faces than a computer holds": ("constant/polyMesh/boundary", b" 7;", b" 7000000000000;"),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_files_that_are_damaged_are_refused(results: Path, case: str) -> None:
    name, old, new = DAMAGE[case]
    replace_text(results / name, old, new)
    with pytest.raises(SolverError, match=r"^OpenFOAM's output must .*; solve the case again$"):
        read(results)
