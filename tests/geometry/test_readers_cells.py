"""Meshes of cells with their boundary, in parts, and of the flow around a body."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import pyvista as pv
from vtkmodules.vtkFiltersCore import vtkAppendFilter
from vtkmodules.vtkIOLegacy import vtkCompositeDataWriter

from mspt.errors import GeometryError
from mspt.geometry.files._process import read_file
from mspt.geometry.files.readers import read_mesh, read_mesh_bytes
from mspt.geometry.flow_domain import find_domain
from mspt.geometry.mesh import SurfaceMesh

# Numbers of VTK for types of cells.
LINE, TRIANGLE, STRIP, POLYGON, PIXEL, QUAD, TETRA, HEXA, POLYHEDRON = 3, 5, 6, 7, 8, 9, 10, 12, 42
EDGES = {
    HEXA: [(0, 1), (1, 2), (2, 3), (3, 0), (4, 5), (5, 6), (6, 7), (7, 4), (0, 4), (1, 5), (2, 6),
           (3, 7)],
    TETRA: [(0, 1), (1, 2), (2, 0), (0, 3), (1, 3), (2, 3)],
    QUAD: [(0, 1), (1, 2), (2, 3), (3, 0)],
    TRIANGLE: [(0, 1), (1, 2), (2, 0)],
}  # fmt: skip
QUADRATIC = {HEXA: 25, TETRA: 24, QUAD: 23, TRIANGLE: 22}
FACES = [(0, 1, 2, 3), (4, 5, 6, 7), (0, 1, 5, 4), (1, 2, 6, 5), (2, 3, 7, 6), (3, 0, 4, 7)]
Cells = list[tuple[int, list[int]]]
SHAPE = (3, 2, 2)
AREA, VOLUME = 2 * (6 + 6 + 4), 12.0


def blocks(shape: Sequence[int] = SHAPE, at: Sequence[int] = (0, 0, 0)) -> tuple[np.ndarray, Cells]:
    """Return points and cubes of side 1, numbered by hand."""
    places = np.arange(np.prod([side + 1 for side in shape])).reshape([side + 1 for side in shape])
    points = np.argwhere(places >= 0).astype(float) + at
    ring = [(0, 0), (1, 0), (1, 1), (0, 1)]
    cells = [
        (HEXA, [int(places[x + i, y + j, z + k]) for k in (0, 1) for i, j in ring])
        for x, y, z in np.ndindex(*shape)
    ]
    return points, cells


def sides(points: np.ndarray, cells: Cells) -> Cells:
    """Return the quads of which all points lie on one side of the box around the points."""
    found = []
    for _, corners in cells:
        for face in FACES:
            quad = [corners[place] for place in face]
            side = points[quad]
            flat = (side == points.min(axis=0)) | (side == points.max(axis=0))
            if flat.all(axis=0).any():
                found.append((QUAD, quad))
    return found


def halved(quads: Cells, first: int) -> Cells:
    """Return two triangles for each quad, cut from its first or its second corner."""
    turned = [[*quad[first:], *quad[:first]] for _, quad in quads]
    return [(TRIANGLE, part) for a, b, c, d in turned for part in ([a, b, c], [a, c, d])]


def tetrahedra(cells: Cells) -> Cells:
    """Return six tetrahedra for each cube, around the diagonal from its first corner."""
    paths = [(1, 2), (5, 1), (2, 3), (3, 7), (4, 5), (7, 4)]
    return [
        (TETRA, [corners[0], corners[a], corners[b], corners[6]])
        for _, corners in cells
        for a, b in paths  # counter-clockwise as seen from the first corner
    ]


def curved(points: np.ndarray, cells: Cells) -> tuple[np.ndarray, Cells]:
    """Return quadratic cells, with a point in the middle of each edge."""
    known = {tuple(point): place for place, point in enumerate(points)}
    found = []
    for kind, corners in cells:
        middles = [tuple((points[corners[a]] + points[corners[b]]) / 2) for a, b in EDGES[kind]]
        places = [known.setdefault(middle, len(known)) for middle in middles]
        found.append((QUADRATIC[kind], corners + places))
    return np.array(list(known)), found


def polyhedra(cells: Cells) -> Cells:
    return [
        (POLYHEDRON, [6, *(n for face in FACES for n in (4, *(corners[p] for p in face)))])
        for _, corners in cells
    ]


def grid(points: np.ndarray, cells: Cells) -> pv.UnstructuredGrid:
    numbers = [n for _, corners in cells for n in (len(corners), *corners)]
    return pv.UnstructuredGrid(np.array(numbers), np.array([kind for kind, _ in cells]), points)


POINTS, CUBES = blocks()


def place_of(point: Sequence[float]) -> int:
    return int(np.flatnonzero((np.array(point) == POINTS).all(axis=1))[0])


SIDES = sides(POINTS, CUBES)
OWN = [(kind, [place + len(POINTS) for place in corners]) for kind, corners in SIDES]
INNER = [(QUAD, [place_of(p) for p in ([1, 0, 0], [1, 1, 0], [1, 1, 1], [1, 0, 1])])]
# Cubes, and flat cells that are their faces.
BOUNDARIES: dict[str, Callable[[], pv.UnstructuredGrid]] = {
    "none": lambda: grid(POINTS, CUBES),
    "quads": lambda: grid(POINTS, CUBES + SIDES),
    "quads first": lambda: grid(POINTS, SIDES + CUBES),
    "triangles": lambda: grid(POINTS, CUBES + halved(SIDES, 0)),
    "triangles of the other diagonal": lambda: grid(POINTS, CUBES + halved(SIDES, 1)),
    "polygons": lambda: grid(POINTS, CUBES + [(POLYGON, quad) for _, quad in SIDES]),
    "pixels": lambda: grid(POINTS, CUBES + [(PIXEL, [a, b, d, c]) for _, (a, b, c, d) in SIDES]),
    "strips": lambda: grid(POINTS, CUBES + [(STRIP, [a, b, d, c]) for _, (a, b, c, d) in SIDES]),
    "points of their own": lambda: grid(np.concatenate([POINTS, POINTS]), CUBES + OWN),
    "a face inside": lambda: grid(POINTS, CUBES + SIDES + INNER),
    "edges": lambda: grid(POINTS, CUBES + SIDES + [(LINE, [0, 1]), (1, [0])]),
    "tetrahedra": lambda: grid(POINTS, tetrahedra(CUBES) + SIDES),
    "quadratic": lambda: grid(*curved(POINTS, CUBES + SIDES)),
    "quadratic tetrahedra": lambda: grid(*curved(POINTS, tetrahedra(CUBES))),
    "quadratic with flat quads": lambda: _joined(curved(POINTS, CUBES), SIDES),
    "polyhedra": lambda: grid(POINTS, polyhedra(CUBES) + SIDES),
    "cubes and polyhedra": lambda: grid(POINTS, CUBES[:5] + SIDES + polyhedra(CUBES[5:])),
    "cubes apart": lambda: _apart(CUBES),
    "two parts": lambda: _appended(
        grid(*blocks((1, 2, 2))), grid(*blocks((2, 2, 2), at=(1, 0, 0)))
    ),
}


def _joined(parts: tuple[np.ndarray, Cells], more: Cells) -> pv.UnstructuredGrid:
    return grid(parts[0], parts[1] + more)


def _apart(cells: Cells) -> pv.UnstructuredGrid:
    """Return cells of which none shares a point with another."""
    points = np.concatenate([POINTS[corners] for _, corners in cells])
    places = np.arange(len(points)).reshape(-1, 8)
    return grid(points, [(HEXA, row.tolist()) for row in places])


def _appended(*parts: pv.DataSet) -> pv.UnstructuredGrid:
    append = vtkAppendFilter()
    for part in parts:
        append.AddInputData(part)
    append.Update()
    return pv.wrap(append.GetOutput())


def read_grid(data: pv.DataSet, path: Path) -> SurfaceMesh:
    data.save(path)
    vertices, triangles = read_file(path, path.suffix)
    return SurfaceMesh(vertices.astype(float), triangles.astype(np.int64))


@pytest.mark.parametrize("suffix", [".vtu", ".vtk"])
@pytest.mark.parametrize("name", BOUNDARIES)
def test_cells_and_their_boundary_are_one_surface(name: str, suffix: str, tmp_path: Path) -> None:
    mesh = read_grid(BOUNDARIES[name](), tmp_path / f"cells{suffix}")
    assert mesh.areas.sum() == pytest.approx(AREA)
    assert mesh.volume == pytest.approx(VOLUME)
    np.testing.assert_array_equal(mesh.bounds, [[0, 0, 0], SHAPE])


def test_a_sheet_on_a_solid_stays(tmp_path: Path) -> None:
    points = np.concatenate([POINTS, [[0.0, 0, 5], [3, 0, 5]]])
    edge = [place_of([0, 0, 2]), place_of([3, 0, 2])]
    sheet = [(QUAD, [*edge, len(points) - 1, len(points) - 2])]
    mesh = read_grid(grid(points, CUBES + SIDES + sheet), tmp_path / "sheet.vtu")
    assert mesh.areas.sum() == pytest.approx(AREA + 9)


def test_sheets_alone_stay(tmp_path: Path) -> None:
    mesh = read_grid(grid(POINTS, SIDES), tmp_path / "sheets.vtu")
    assert mesh.areas.sum() == pytest.approx(AREA)


def test_copies_of_cells_of_a_neighbor_are_left_out(tmp_path: Path) -> None:
    first, second = grid(*blocks((2, 2, 2))), grid(*blocks((2, 2, 2), at=(1, 0, 0)))
    for part, copy in ((first, False), (second, True)):
        ghosts = np.array([32 * 0 + (copy and x < 2) for x, *_ in part.cell_centers().points])
        part.cell_data["vtkGhostType"] = ghosts.astype(np.uint8)
    mesh = read_grid(_appended(first, second), tmp_path / "ghosts.vtu")
    assert (mesh.areas.sum(), mesh.volume) == pytest.approx((AREA, VOLUME))


def test_blocks_are_put_together(tmp_path: Path) -> None:
    parts = pv.MultiBlock([grid(*blocks((1, 2, 2))), grid(*blocks((2, 2, 2), at=(1, 0, 0)))])
    # The patches of the boundary, as solvers store them beside the cells.
    parts.append(pv.PolyData(POINTS, faces=np.array([[4, *quad] for _, quad in SIDES]).ravel()))
    writer = vtkCompositeDataWriter()
    writer.SetInputData(parts)
    writer.SetFileName(str(tmp_path / "blocks.vtk"))
    writer.Write()
    mesh = read_mesh(tmp_path / "blocks.vtk")
    assert (mesh.areas.sum(), mesh.volume) == pytest.approx((AREA, VOLUME))


def test_grid_that_meets_itself_has_no_seam(tmp_path: Path) -> None:
    angle, radius, z = np.meshgrid(
        np.linspace(0, 2 * np.pi, 41), [1.0, 2.0], [0.0, 1.0], indexing="ij"
    )
    ring = pv.StructuredGrid(radius * np.cos(angle), radius * np.sin(angle), z)
    mesh = read_grid(ring, tmp_path / "ring.vtk")
    # Sides of a polygon of 40 corners, and twice its area.
    side, face = 40 * 2 * np.sin(np.pi / 40), 20 * np.sin(np.pi / 20)
    assert mesh.areas.sum() == pytest.approx((1 + 2) * side + 2 * (4 - 1) * face)


def cut(keep: Callable[[np.ndarray], bool]) -> pv.UnstructuredGrid:
    points, cells = blocks((12, 6, 5))
    return grid(points, [cell for cell in cells if keep(points[cell[1]].mean(axis=0))])


def within(center: np.ndarray, low: Sequence[float], high: Sequence[float]) -> bool:
    return bool(((center > low) & (center < high)).all())


FLOWS: dict[str, tuple[Callable[[np.ndarray], bool], str]] = {
    "around": (
        lambda at: not within(at, (3, 2, 1), (6, 4, 3)), (3, 2, 2),
    ),
    "on the ground": (
        lambda at: not within(at, (3, 2, 0), (6, 4, 2)), (3, 2, 2),
    ),
    "half": (
        lambda at: at[1] > 3 and not within(at, (3, 2, 0), (6, 4, 2)),
        (3, 1, 2),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FLOWS)
def test_the_body_is_found_in_cells_of_the_flow(name: str, tmp_path: Path) -> None:
    keep, hole = FLOWS[name]
    domain = find_domain(read_grid(cut(keep), tmp_path / "flow.vtu"))
    assert domain is not None
    assert domain.is_certain
    assert tuple(domain.body.extent) == hole


BODIES: dict[str, Callable[[np.ndarray], bool]] = {
    "block": lambda _: True,
    "block with a step": lambda at: at[0] < 6 or at[2] < 3,
    "block with a tunnel": lambda at: not within(at, (3, -1, 1), (6, 9, 3)),
    "block on feet": lambda at: at[2] > 1 or at[0] < 2 or at[0] > 10,
    "hollow block": lambda at: not within(at, (1, 1, 1), (11, 5, 4)),
}


@pytest.mark.parametrize("name", BODIES)
def test_cells_of_a_body_are_not_taken_for_the_flow(name: str, tmp_path: Path) -> None:
    mesh = read_grid(cut(BODIES[name]), tmp_path / "body.vtu")
    assert mesh.extent.tolist() == [12, 6, 5]
    assert find_domain(mesh) is None


def test_index_out_of_range_in_faces_of_polyhedra_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "cells.vtu"
    grid(POINTS, polyhedra(CUBES)).save(path, binary=False)
    text = path.read_text()
    start = re.search(r'Name="(face_connectivity|faces)"', text)
    assert start is not None
    stop = text.index("</DataArray>", start.end())
    bad = (
        text[: start.end()] + re.sub(r"\d+\s*$", "99999\n", text[start.end() : stop]) + text[stop:]
    )
    with pytest.raises(GeometryError, match=r"(faces must use vertices|crashes its reader)"):
        read_mesh_bytes(bad.encode(), suffix=".vtu")
