import os
import re
import stat
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy import ndarray

from mspt.errors import SolverError
from mspt.geometry.blocks import Block, block_mesh
from mspt.geometry.mesh import SurfaceMesh, box
from mspt.solvers.openfoam import run
from mspt.solvers.openfoam.case import ASIDE, DOWNSTREAM, UPSTREAM, Recipe, write_case
from mspt.solvers.openfoam.dictionary import to_text, write_dictionary
from mspt.solvers.openfoam.results import Flow, polygon_faces, read_flow
from mspt.solvers.openfoam.run import STAGES, Limits, Progress, is_installed, solve_flow

BODY = box((0.0, -0.2, 0.05), (1.0, 0.2, 0.35))
PATCHES = {"inlet", "outlet", "sym", "side", "ground", "top", "body"}
FIELDS = {"U": "volVectorField"} | dict.fromkeys(("p", "k", "omega", "nut"), "volScalarField")


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
    write_case(tmp_path, BODY, Recipe())
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
    for path in half.rglob("*"):
        if path.is_file() and path.suffix != ".stl":
            text = path.read_text()
            for left, right in ("{}", "()", "[]"):
                assert text.count(left) == text.count(right), path.name


def test_half_domain_ends_at_the_plane_of_symmetry_and_the_full_one_does_not(
    tmp_path: Path,
) -> None:
    for name, symmetric in (("half", True), ("full", False)):
        write_case(tmp_path / name, BODY, Recipe(symmetric=symmetric))
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
    write_case(tmp_path, BODY, Recipe(cell=0.04))
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
    write_case(tmp_path, BODY, Recipe(iterations=50, average_from=30))
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
        write_case(tmp_path / name, mesh, Recipe())
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


# Results: small files written by hand as OpenFOAM writes them.

CUBE = np.array([(x, y, z) for x in (0, 1) for y in (0, 1) for z in (0, 1)], dtype=float)
# Faces of the boundary point out of the fluid, which is into the cube; the roof is two triangles.
CUBE_FACES = [
    (0, 2, 3, 1), (4, 5, 7, 6), (0, 1, 5, 4), (2, 6, 7, 3), (0, 4, 6, 2), (1, 3, 7), (1, 7, 5),
]  # fmt: skip
CUBE_CENTERS = np.array(
    [
        (0, 0.5, 0.5), (1, 0.5, 0.5), (0.5, 0, 0.5), (0.5, 1, 0.5), (0.5, 0.5, 0),
        (1 / 3, 2 / 3, 1), (2 / 3, 1 / 3, 1),
    ]
)  # fmt: skip
INNER_FACES = [(0, 1, 2), (3, 2, 1, 0, 4)]
COUNT = len(CUBE_FACES)
HISTORY = np.arange(1.0, 31.0)


def foam_file(kind: str, *parts: bytes) -> bytes:
    header = f"FoamFile\n{{\n    format      binary;\n    class       {kind};\n}}\n// * * //\n\n"
    return header.encode() + b"".join(parts) + b"\n\n// **** //\n"


def binary(values: ndarray, kind: str = "<f8") -> bytes:
    return f"\n{len(values)}\n(".encode() + values.astype(kind).tobytes() + b")"


def field_file(inside: ndarray | str, at_body: ndarray | str, *, at_ground: ndarray) -> bytes:
    """A field; strings stand for what OpenFOAM writes instead of a list of values."""

    def entry(values: ndarray | str) -> bytes:
        if isinstance(values, str):
            return values.encode()
        kind = "scalar" if values.ndim == 1 else "vector"
        return f"nonuniform List<{kind}> ".encode() + binary(values)

    def patch(name: str, values: ndarray | str) -> bytes:
        if isinstance(values, str) and values.startswith("type"):
            text = values.encode()
        else:
            text = b"type            calculated;\n        value           " + entry(values)
        return f"    {name}\n    {{\n        ".encode() + text + b";\n    }\n"

    return foam_file(
        "volField",
        b"dimensions      [0 1 -1 0 0 0 0];\n\ninternalField   " + entry(inside) + b";\n\n",
        b"boundaryField\n{\n" + patch("inlet", "uniform (9 9 9)") + patch("ground", at_ground),
        patch("body", at_body) + b"}\n",
    )


def random_values(*shape: int) -> ndarray:
    return np.random.default_rng(sum(shape)).normal(size=shape)


def write_results(folder: Path, *, last: int = 30, averaged: bool = True) -> None:
    mesh, time_folder = folder / "constant/polyMesh", folder / str(last)
    mesh.mkdir(parents=True)
    time_folder.mkdir()
    faces = [*INNER_FACES, *CUBE_FACES]
    offsets = np.cumsum([0, *(len(face) for face in faces)])
    labels = np.array([label for face in faces for label in face])
    (mesh / "points").write_bytes(foam_file("vectorField", binary(CUBE)))
    lists = binary(offsets, "<i4") + b"\n" + binary(labels, "<i4")
    (mesh / "faces").write_bytes(foam_file("faceCompactList", lists))
    owners = np.array([0, 1, *(index % 3 for index in range(COUNT))])
    (mesh / "owner").write_bytes(foam_file("labelList", binary(owners, "<i4")))
    boundary = f"""2
(
    ground {{ type wall; inGroups 1(wall); nFaces 1; startFace 1; }}
    body
    {{
        type            wall;
        inGroups        1(wall);
        nFaces          {COUNT};
        startFace       {len(INNER_FACES)};
    }}
)
"""
    (mesh / "boundary").write_bytes(foam_file("polyBoundaryMesh", boundary.encode()))
    write_fields(time_folder, averaged=averaged)
    forces = folder / "postProcessing/forces/0"
    forces.mkdir(parents=True)
    rows = [f"{i}\t(9 9 9)\t({i} 1e+00 {-i})\t(0.5 -0.25 {2 * i:e})" for i in range(1, last + 1)]
    (forces / "force.dat").write_text("\n".join(["# Force", "# Time (total)", *rows]) + "\n")


def write_fields(folder: Path, *, averaged: bool) -> None:
    scalars, vectors = random_values(2), random_values(2, 3)
    files = {
        # The momentary pressure has no values on the body.
        "p": (random_values(3), "type            zeroGradient", scalars),
        "U": (random_values(3, 3), "type            noSlip", vectors),
        "wallShearStress": ("uniform (0 0 0)", random_values(COUNT, 3), vectors),
        "C": (random_values(3, 3) + 5, "uniform (1 2 3)", vectors),
        "yPlus": ("uniform 0", np.arange(float(COUNT)), scalars),
    }
    if averaged:
        files |= {
            "pMean": (random_values(3) + 10, random_values(COUNT), scalars),
            "UMean": (random_values(3, 3) + 10, "uniform (0 0 0)", vectors),
            "wallShearStressMean": ("uniform (0 0 0)", random_values(COUNT, 3) + 10, vectors),
        }
    for name, (inside, at_body, at_ground) in files.items():
        (folder / name).write_bytes(field_file(inside, at_body, at_ground=at_ground))


RECIPE = Recipe(iterations=30, average_from=21)


@pytest.fixture
def results(tmp_path: Path) -> Path:
    write_results(tmp_path)
    return tmp_path


def read(folder: Path, recipe: Recipe = RECIPE) -> Flow:
    return read_flow(folder, recipe, cpu_seconds=1.5)


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
    np.testing.assert_allclose(read(results).window[:, 0, 0] / 2, np.arange(21, 31))


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


INCOMPLETE = "OpenFOAM's output must hold {}, found none; its files are incomplete"


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
    message = f"{field} must be finite, got NaN or infinity; the solve diverged"
    with pytest.raises(SolverError, match=message):
        read(results)


# Running, with programs of our own in place of OpenFOAM's.


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder in front of PATH whose programs do nothing and end well."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (tmp_path / "openfoam/etc").mkdir(parents=True)
    (tmp_path / "openfoam/etc/controlDict").touch()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setenv("WM_PROJECT_DIR", str(tmp_path / "openfoam"))
    for name in STAGES:
        write_program(folder / name, "exit 0")
    run._settings.cache_clear()
    yield folder
    run._settings.cache_clear()


def write_program(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def is_running(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def wait_until(condition: Callable[[], bool], seconds: float = 10.0) -> bool:
    stop = time.monotonic() + seconds
    while not condition() and time.monotonic() < stop:
        time.sleep(0.02)
    return condition()


def test_programs_run_in_order_and_the_flow_comes_last(programs: Path, tmp_path: Path) -> None:
    write_results(tmp_path / "results")
    log = tmp_path / "order"
    for name in STAGES:
        write_program(programs / name, f'echo "{name} $@" >> {log}; sleep 0.05')
    lines = [f"Time = {i}\nGAMG:  Solving for p, Initial residual = 1e-{i}, Final" for i in (1, 2)]
    solve = [
        f'echo "simpleFoam $WM_PROJECT_DIR $(ls 0 | wc -l)" >> {log}',
        *(f'echo "{line}"; sleep 0.3' for line in lines),
        f"cp -r {tmp_path / 'results'}/* .",
    ]
    write_program(programs / "simpleFoam", "\n".join(solve))
    events = list(solve_flow(BODY, RECIPE))
    assert log.read_text().splitlines() == [
        "blockMesh ",
        "surfaceFeatureExtract ",
        "snappyHexMesh -overwrite",
        "renumberMesh -overwrite",
        f"simpleFoam {tmp_path / 'openfoam'} {len(FIELDS)}",
    ]
    *progress, flow = events
    assert isinstance(flow, Flow)
    assert flow.iterations == 30
    seen = [event for event in progress if isinstance(event, Progress)]
    assert len(seen) == len(progress)
    assert all(before.share <= after.share for before, after in pairwise(seen))
    assert [event.stage for event in seen] == sorted(
        (event.stage for event in seen), key=STAGES.index
    )
    solving = {(e.iteration, e.residual) for e in seen if e.stage == "simpleFoam"}
    assert {(1, 0.1), (2, 0.01)} <= solving
    assert {(e.iteration, e.residual) for e in seen if e.stage != "simpleFoam"} == {(0, None)}


def test_share_grows_from_nothing_to_all() -> None:
    start = Progress(stage="blockMesh", iteration=0, iterations=240)
    meshed = Progress(stage="simpleFoam", iteration=0, iterations=240)
    done = Progress(stage="simpleFoam", iteration=240, iterations=240)
    assert [event.share for event in (start, meshed, done)] == pytest.approx([0, 0.2, 1])


def test_error_of_a_program_is_shown_and_its_files_are_removed(
    programs: Path, tmp_path: Path
) -> None:
    text = "\\n--> FOAM FATAL ERROR:\\n  cannot find\\n\\n  patch body\\n\\n FOAM exiting"
    place = tmp_path / "place"
    write_program(programs / "snappyHexMesh", f"pwd > {place}; printf '{text}'; exit 1")
    expected = "^snappyHexMesh must end well, got ERROR: cannot find patch body FOAM exiting$"
    with pytest.raises(SolverError, match=expected):
        list(solve_flow(BODY))
    assert not Path(place.read_text().strip()).exists()


def test_end_of_the_log_is_shown_where_a_program_gives_no_reason(programs: Path) -> None:
    write_program(programs / "blockMesh", "printf 'noise %1000s\\nkilled by lightning\\n'; exit 9")
    with pytest.raises(SolverError, match=r"^blockMesh must end well, got .*killed by lightning$"):
        list(solve_flow(BODY))


def test_long_reasons_are_shortened(programs: Path) -> None:
    write_program(programs / "blockMesh", "printf 'FOAM FATAL ERROR: %5000s.' x; exit 1")
    with pytest.raises(SolverError) as caught:
        list(solve_flow(BODY))
    assert len(str(caught.value)) < 400


def test_program_that_takes_too_long_is_ended(programs: Path, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    write_program(programs / "renumberMesh", f"echo $$ > {pid}; exec sleep 60")
    with pytest.raises(SolverError, match=r"^renumberMesh must end within 0.5 s, it did not$"):
        list(solve_flow(BODY, limits=Limits(seconds=0.5)))
    assert not is_running(int(pid.read_text()))


def test_closing_ends_the_program_and_all_that_it_started(programs: Path, tmp_path: Path) -> None:
    pids, place = tmp_path / "pids", tmp_path / "place"
    write_program(
        programs / "blockMesh",
        f"sleep 60 & echo $$ $! > {pids}.new; pwd > {place}; mv {pids}.new {pids}; wait",
    )
    events = solve_flow(BODY)
    assert next(events) == Progress(stage="blockMesh", iteration=0, iterations=240)
    assert wait_until(pids.exists)
    processes = [int(word) for word in pids.read_text().split()]
    assert all(is_running(process) for process in processes)
    events.close()
    assert wait_until(lambda: not any(is_running(process) for process in processes))
    assert not Path(place.read_text().strip()).exists()


def test_programs_may_take_only_so_much_memory(programs: Path) -> None:
    write_program(programs / "blockMesh", "sleep 0.4; ulimit -v; exit 1")
    limits = Limits(memory=2 * 1024**3)
    with pytest.raises(SolverError, match=rf"^blockMesh must end well, got {2 * 1024**2}$"):
        list(solve_flow(BODY, limits=limits))


@pytest.mark.usefixtures("programs")
def test_missing_programs_are_told_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert is_installed()
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    assert not is_installed()
    expected = r"OpenFOAM must be on PATH, found none; install it with `apt-get install openfoam`"
    with pytest.raises(SolverError, match=expected):
        list(solve_flow(BODY))


def test_settings_are_found_in_the_list_of_the_package(
    programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tmp_path / "openfoam/etc/controlDict"
    write_program(programs / "dpkg", f"echo /usr/share/doc; echo {settings}; echo {settings}.more")
    monkeypatch.delenv("WM_PROJECT_DIR")
    assert is_installed()
    write_program(programs / "blockMesh", 'echo "$WM_PROJECT_DIR"; exit 1')
    with pytest.raises(SolverError, match=rf"got {re.escape(str(tmp_path / 'openfoam'))}$"):
        list(solve_flow(BODY))


def test_openfoam_without_its_settings_counts_as_missing(
    programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_program(programs / "dpkg", "echo 'package openfoam is not installed' >&2; exit 1")
    monkeypatch.delenv("WM_PROJECT_DIR")
    assert not is_installed()


# One real solve.


@pytest.mark.slow
@pytest.mark.skipif(not is_installed(), reason="OpenFOAM is not installed")
def test_coarse_ahmed_body_has_the_forces_of_its_faces() -> None:
    mesh: SurfaceMesh = block_mesh(Block())
    *progress, flow = solve_flow(mesh, Recipe(cell=0.16, iterations=30, average_from=20))
    assert isinstance(flow, Flow)
    assert {event.stage for event in progress if isinstance(event, Progress)} >= {
        "snappyHexMesh",
        "simpleFoam",
    }
    areas = np.linalg.norm(flow.face_areas, axis=1)
    pressure, friction = -2 * flow.face_pressure @ flow.face_areas, 2 * areas @ flow.face_shear
    expected = flow.window.mean(axis=0)
    for axis in (0, 2):
        assert pressure[axis] == pytest.approx(expected[0, axis], rel=0.01)
    assert friction[0] == pytest.approx(expected[1, 0], rel=0.01)
    assert pressure[0] > 0 < friction[0]
    assert flow.averaged
    assert len(flow.force_history) == flow.iterations == 30
    # The half body's skin, a stagnation point in front, the stream far away.
    assert areas.sum() == pytest.approx(mesh.areas.sum() / 2, rel=0.03)
    assert flow.face_centers[np.argmax(flow.face_pressure), 0] < 0.05
    far = flow.cell_centers[:, 0] < -1.0
    np.testing.assert_allclose(flow.cell_velocity[far].mean(axis=0), [1, 0, 0], atol=0.02)
    assert (flow.cell_centers[:, 1] > 0).all()
    assert os.times().children_user > 0 < flow.cpu_seconds
