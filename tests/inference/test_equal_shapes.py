"""One body in many files: force, table and VTP agree, and drag does not depend on the file."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import pyvista as pv
from made_up_shapes import FRONT, body, car, soup, united, wheels, without

from mspt.checkpoint import Checkpoint, load_checkpoint
from mspt.geometry.mesh import SurfaceMesh, box, joined
from mspt.inference.shapes import ShapeResult, predict
from mspt.inference.surface import cell_table
from tests.pages.tiny import save_tiny_flow

BODY = body()
TOLERANCE = 0.02
"""Largest difference of C_D between files of one body: points drawn from other triangles change it
by 0.01 to 0.015."""


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    path = tmp_path_factory.mktemp("models") / "car.safetensors"
    save_tiny_flow(path)
    return load_checkpoint(path)


@pytest.fixture(scope="module")
def trained() -> Checkpoint:
    return load_checkpoint("pretrained/car.safetensors")


def force(
    normals: np.ndarray, areas: np.ndarray, pressure: np.ndarray, shear: np.ndarray
) -> np.ndarray:
    return ((shear - pressure[:, None] * normals) * areas[:, None]).sum(axis=0)


def along(result: ShapeResult) -> np.ndarray:
    """Return the direction of the flow in the file."""
    forward = result.placement.forward
    return -np.eye(3)["xyz".index(forward[1])] * (1 if forward[0] == "+" else -1)


FILES = {
    "clean": BODY,
    "coarse block": box((0, -0.9, 0.2), (4.5, 0.9, 1.2)),
    "no floor": without(BODY, (0, 0, 1), place=0.2),
    "every face twice": joined(BODY, BODY),
    "half, open": without(body(width=0.9, low=0.0), (0, 1, 0), place=0.0),
    "parts that overlap": car(),
    "in millimeters, nose along y": SurfaceMesh(
        1000 * BODY.vertices @ np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]]), BODY.triangles
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_drag_table_and_file_agree(name: str, tiny: Checkpoint, tmp_path: Path) -> None:
    """C_D A is the integral over the rows of the table and over the cells of the file."""
    result = predict(tiny, FILES[name], device="cpu")
    summary = result.summary()
    expected = summary["C_D"] * summary["frontal_area_in_file"]
    table = cell_table(result)
    rows = [table[[f"{name}_{axis}" for axis in "xyz"]].to_numpy() for name in ("n", "Cf")]
    by_table = force(rows[0], table["area"].to_numpy(), table["Cp"].to_numpy(), rows[1])
    result.write(tmp_path / "out.vtp")
    cells = pv.read(tmp_path / "out.vtp").compute_normals(
        consistent_normals=False, auto_orient_normals=False, split_vertices=False
    )
    areas = cells.compute_cell_sizes()["Area"]
    by_file = force(cells.cell_data["Normals"], areas, cells["Cp"], cells["Cf"])
    size = summary["surface_area"] * summary["frontal_area_in_file"] / summary["frontal_area"]
    assert by_table @ along(result) == pytest.approx(expected, rel=1e-6, abs=1e-9 * size)
    assert by_file @ along(result) == pytest.approx(expected, rel=1e-3, abs=1e-6 * size)


def test_sizes_have_units(tiny: Checkpoint) -> None:
    found = predict(tiny, FILES["in millimeters, nose along y"], device="cpu").summary()
    assert found["frontal_area_m2"] == pytest.approx(FRONT, rel=1e-6)
    assert found["frontal_area_in_file"] == pytest.approx(1e6 * FRONT, rel=1e-6)
    assert found["length_in_file"] == pytest.approx(4500)
    assert found["frontal_area"] == pytest.approx(FRONT / 4.5**2, rel=1e-6)
    numbers = {name for name, value in found.items() if isinstance(value, float)}
    assert numbers == set(found["units"])
    assert found["units"]["frontal_area_in_file"] == "mm^2"


def shuffled(mesh: SurfaceMesh) -> SurfaceMesh:
    order = np.random.default_rng(1).permutation(len(mesh.triangles))
    return SurfaceMesh(mesh.vertices, np.roll(mesh.triangles[order], 1, axis=1))


SAME: dict[str, Callable[[], SurfaceMesh]] = {
    "another order": lambda: shuffled(BODY),
    "inches, z to the side, far away": lambda: replace(
        shuffled(BODY).mapped(
            np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]]) / 0.0254, np.array([900.0, 0, -700])
        ),
        suffix=".glb",
    ),
    "vertices twice": lambda: soup(shuffled(BODY)),
    "finer triangles": lambda: united(BODY, box((1, -0.2, 0.4), (1.1, 0.2, 0.6))),
}


@pytest.mark.parametrize("name", SAME)
def test_drag_does_not_depend_on_the_file(name: str, trained: Checkpoint) -> None:
    expected = _drag(trained, "clean")
    assert predict(trained, SAME[name](), device="cpu").summary()["C_D"] == pytest.approx(
        expected, abs=TOLERANCE
    )


def test_wheels_that_reach_into_the_body_cost_what_united_ones_do(trained: Checkpoint) -> None:
    whole = united(BODY, *wheels())
    apart = predict(trained, car(), device="cpu").summary()
    once = predict(trained, whole, device="cpu").summary()
    assert apart["C_D"] == pytest.approx(once["C_D"], abs=TOLERANCE)
    assert apart["surface_area"] == pytest.approx(once["surface_area"], rel=1e-6)


_KNOWN: dict[str, float] = {}


def _drag(checkpoint: Checkpoint, name: str) -> float:
    """Return C_D of a body, predicted once for all tests."""
    if name not in _KNOWN:
        _KNOWN[name] = predict(checkpoint, FILES[name], device="cpu").summary()["C_D"]
    return _KNOWN[name]
