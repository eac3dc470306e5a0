import re
from pathlib import Path

import numpy as np
import pytest
from made_up_openfoam import BODY, FIELDS
from numpy import ndarray

from mspt.errors import SolverError
from mspt.solvers.openfoam.case import Recipe, write_openfoam_case
from mspt.solvers.openfoam.dictionary import to_text, write_dictionary
from mspt.solvers.openfoam.meshing import ASIDE, DOWNSTREAM, UPSTREAM

PATCHES = {"inlet", "outlet", "sym", "side", "ground", "top", "body"}


# Dictionaries.


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "yes"),
        (False, "no"),
        (0, "0"),
        (2_000_000, "2000000"),
        (0.1 + 0.2, "0.3"),
        (2.5e-7, "2.5e-07"),
        (1e15, "1e+15"),
        ("Gauss linear", "Gauss linear"),
        ([], "()"),
        ([(1e15, 2), (0, 0.5)], "((1e+15 2) (0 0.5))"),
        ({}, "{  }"),
        ({"a": {"b": {"c": True}}, "d": ""}, "{ a { b { c yes; } } d; }"),
    ],
)
def test_values_become_openfoams_text(value: object, text: str) -> None:
    assert to_text(value) == text


def test_dictionary_file_has_a_header_with_its_class_and_name(tmp_path: Path) -> None:
    path = tmp_path / "system/controlDict"
    write_dictionary(path, {"endTime": 10, "functions": {"means": {"type": "x"}}})
    assert path.read_text().splitlines() == [
        "FoamFile { version 2.0; format ascii; class dictionary; object controlDict; }",
        "endTime 10;",
        "functions { means { type x; } }",
    ]


# The case.


@pytest.fixture
def half(tmp_path: Path) -> Path:
    write_openfoam_case(tmp_path, BODY, Recipe())
    return tmp_path


def block_text(folder: Path) -> str:
    return (folder / "system/blockMeshDict").read_text()


def numbers(text: str) -> ndarray:
    return np.array(re.findall(r"[-+.\de]+", text), dtype=float)


def vertices(folder: Path) -> ndarray:
    found = re.search(r"vertices \((.*)\);", block_text(folder))
    assert found is not None
    return numbers(found[1]).reshape(-1, 3)


def cell_counts(folder: Path) -> list[int]:
    found = re.search(r"hex \([\d ]+\) \((\d+) (\d+) (\d+)\)", block_text(folder))
    assert found is not None
    return [int(count) for count in found.groups()]


def test_case_has_every_file_that_openfoam_reads(half: Path) -> None:
    found = {str(path.relative_to(half)) for path in half.rglob("*") if path.is_file()}
    system = {"controlDict", "fvSchemes", "fvSolution", "blockMeshDict", "snappyHexMeshDict"}
    assert found == {
        *(f"system/{name}" for name in (*system, "surfaceFeatureExtractDict")),
        *(f"start/{name}" for name in FIELDS),
        "constant/transportProperties",
        "constant/turbulenceProperties",
        "constant/triSurface/body.stl",
    }


def test_braces_and_parentheses_are_balanced(half: Path) -> None:
    dictionaries = [path for path in half.rglob("*") if path.is_file() and path.suffix != ".stl"]
    assert {"controlDict", "blockMeshDict", "U", "p"} <= {path.name for path in dictionaries}
    for path in dictionaries:
        text = path.read_text()
        assert "{" in text, path.name
        for left, right in ("{}", "()", "[]"):
            assert text.count(left) == text.count(right), path.name


def test_half_domain_ends_at_the_plane_of_symmetry_and_the_full_one_does_not(
    tmp_path: Path,
) -> None:
    for name, symmetric in (("half", True), ("full", False)):
        write_openfoam_case(tmp_path / name, BODY, Recipe(symmetric=symmetric))
    low, high = np.array([UPSTREAM, 0, 0]), np.array([DOWNSTREAM, ASIDE, ASIDE])
    half, full = vertices(tmp_path / "half"), vertices(tmp_path / "full")
    np.testing.assert_allclose([half.min(0), half.max(0)], [low, high])
    np.testing.assert_allclose([full.min(0), full.max(0)], [low - [0, ASIDE, 0], high])
    assert cell_counts(tmp_path / "half") == [69, 16, 16]
    assert cell_counts(tmp_path / "full") == [69, 32, 16]
    snappy = [
        (tmp_path / name / "system/snappyHexMeshDict").read_text() for name in ("half", "full")
    ]
    # Refinement reaches as far to the left as to the right.
    sides = [re.findall(r"min \(\S+ (\S+) \S+\); max \(\S+ (\S+) \S+\)", text) for text in snappy]
    assert [float(low) for low, _ in sides[0]] == [0, 0, 0]
    assert [-float(low) for low, _ in sides[1]] == [float(high) for _, high in sides[1]]


def test_patches_lie_where_their_names_say_and_face_outward(half: Path) -> None:
    corners = vertices(half)
    center = corners.mean(axis=0)
    found = re.findall(r"(\w+) \{ type (\w+); faces \(\(([\d ]+)\)\); \}", block_text(half))
    sides = {
        "inlet": (0, UPSTREAM), "outlet": (0, DOWNSTREAM), "sym": (1, 0), "side": (1, ASIDE),
        "ground": (2, 0), "top": (2, ASIDE),
    }  # fmt: skip
    assert {name for name, _, _ in found} == set(sides)
    for name, kind, face in found:
        points = corners[[int(index) for index in face.split()]]
        axis, place = sides[name]
        np.testing.assert_allclose(points[:, axis], place)
        normal = np.cross(points[1] - points[0], points[2] - points[1])
        assert normal @ (points.mean(axis=0) - center) > 0
        assert kind == {"sym": "symmetry", "ground": "wall"}.get(name, "patch")


def test_cells_become_smaller_with_the_recipe(tmp_path: Path) -> None:
    write_openfoam_case(tmp_path, BODY, Recipe(cell=0.04))
    assert cell_counts(tmp_path) == [138, 32, 32]


def test_every_field_has_a_condition_on_every_patch(half: Path) -> None:
    for name, kind in FIELDS.items():
        text = (half / "start" / name).read_text()
        assert f"class {kind}; object {name};" in text
        boundary = text.partition("boundaryField")[2]
        assert set(re.findall(r"(\w+) \{ type", boundary)) == PATCHES


def test_ground_moves_with_the_stream_and_the_body_does_not(half: Path) -> None:
    text = (half / "start/U").read_text()
    for patch in ("inlet", "ground"):
        assert f"{patch} {{ type fixedValue; value uniform (1 0 0); }}" in text
    assert "body { type noSlip; }" in text


def test_control_averages_from_the_iteration_of_the_recipe(tmp_path: Path) -> None:
    write_openfoam_case(tmp_path, BODY, Recipe(iterations=50, average_from=30))
    text = (tmp_path / "system/controlDict").read_text()
    assert "endTime 50;" in text
    assert "writeInterval 50;" in text
    assert "timeStart 30;" in text


def test_point_that_tells_the_flow_from_the_body_is_in_the_flow(half: Path) -> None:
    text = (half / "system/snappyHexMeshDict").read_text()
    found = re.search(r"locationInMesh \(([^)]*)\)", text)
    assert found is not None
    place = numbers(found[1])
    assert (place > vertices(half).min(axis=0)).all()
    assert (place < vertices(half).max(axis=0)).all()
    # On no face of a cell of the background, nor of its halves, quarters and eighths.
    along = (place - vertices(half).min(axis=0)) / 0.01
    assert (np.abs(along - along.round()) > 0.05).all()


def test_refinement_follows_the_body(tmp_path: Path) -> None:
    shift = np.array([0.5, 0.0, 0.0])
    starts = []
    for name, mesh in (("here", BODY), ("there", BODY.mapped(np.eye(3), shift))):
        write_openfoam_case(tmp_path / name, mesh, Recipe())
        text = (tmp_path / name / "system/snappyHexMeshDict").read_text()
        boxes = re.findall(r"type searchableBox; min \(([^)]*)\); max \(([^)]*)\)", text)
        starts.append([[numbers(low)[0], numbers(high)[0]] for low, high in boxes])
    np.testing.assert_allclose(np.array(starts[1]) - starts[0], 0.5)


def test_stl_file_holds_the_mesh(half: Path) -> None:
    raw = (half / "constant/triSurface/body.stl").read_bytes()
    assert int.from_bytes(raw[80:84], "little") == len(BODY.triangles)
    assert len(raw) == 84 + 50 * len(BODY.triangles)
    rows = np.frombuffer(raw[84:], dtype="V50")
    values = np.stack([np.frombuffer(row.tobytes()[:48], dtype="<f4") for row in rows])
    np.testing.assert_allclose(values[:, :3], BODY.normals, atol=1e-6)
    np.testing.assert_allclose(values[:, 3:].reshape(-1, 3, 3), BODY.corners, atol=1e-6)


@pytest.mark.parametrize("cell", [0.039, 0.17])
def test_recipe_refuses_cells_out_of_range(cell: float) -> None:
    with pytest.raises(SolverError, match=rf"cell must be 0.04 to 0.16 body lengths, got {cell}"):
        Recipe(cell=cell)


@pytest.mark.parametrize("start", [0, 240, 300])
def test_recipe_refuses_averages_of_nothing(start: int) -> None:
    with pytest.raises(SolverError, match=rf"average_from must be 1 to 239, got {start}"):
        Recipe(average_from=start)
