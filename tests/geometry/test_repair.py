from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up_shapes import coarse_body
from manifold3d import CrossSection

from mspt.geometry import reach
from mspt.geometry.bodies.families import draw_body
from mspt.geometry.checks import inspect_mesh
from mspt.geometry.distance import nearest_on
from mspt.geometry.implicit import from_manifold
from mspt.geometry.mesh import SurfaceMesh, box
from mspt.geometry.repair import repair_mesh
from mspt.metrics.forces import closure_error

BRICK = box((0, 0, 0), (1, 2, 3))
WING = coarse_body("wing", 0)
BLOCK = draw_body("block", 1).mesh


def joined(*meshes: SurfaceMesh) -> SurfaceMesh:
    starts = np.cumsum([0] + [len(mesh.vertices) for mesh in meshes])
    return SurfaceMesh(
        np.concatenate([mesh.vertices for mesh in meshes]),
        np.concatenate([m.triangles + start for m, start in zip(meshes, starts, strict=False)]),
    )


def sphere(center: tuple[float, float, float] = (0, 0, 0), radius: float = 1.0) -> SurfaceMesh:
    ball = trimesh.creation.icosphere(3, radius)
    return SurfaceMesh(np.array(ball.vertices) + center, np.array(ball.faces, dtype=np.int64))


def shuffled(mesh: SurfaceMesh, seed: int) -> SurfaceMesh:
    """Turn some of the triangles inside out, and let each begin with any of its corners."""
    rng = np.random.default_rng(seed)
    shift = (np.arange(3) + rng.integers(0, 3, (len(mesh.triangles), 1))) % 3
    triangles = np.take_along_axis(mesh.triangles, shift, axis=1)
    wrong = rng.random(len(triangles)) < rng.random()
    triangles[wrong] = triangles[wrong, ::-1]
    return SurfaceMesh(mesh.vertices, triangles)


@pytest.mark.parametrize("mesh", [BRICK, BLOCK, WING], ids=["brick", "block", "wing"])
def test_closed_body_is_left_as_it_is(mesh: SurfaceMesh) -> None:
    repaired = repair_mesh(mesh)
    assert repaired.repairs == ()
    np.testing.assert_array_equal(repaired.mesh.corners, mesh.corners)
    assert repaired.report == inspect_mesh(mesh)


@given(seed=st.integers(0, 1000))
def test_turned_triangles_are_turned_back(seed: int) -> None:
    pair = joined(BRICK, sphere((4, 0, 0)))
    repaired = repair_mesh(shuffled(pair, seed))
    assert repaired.report.describe() == inspect_mesh(pair).describe()
    assert repaired.mesh.volume == pytest.approx(pair.volume)
    np.testing.assert_allclose(repaired.mesh.area_vectors, pair.area_vectors)


def test_only_what_is_wrong_is_turned() -> None:
    triangles = BRICK.triangles.copy()
    triangles[3] = triangles[3, ::-1]
    assert repair_mesh(SurfaceMesh(BRICK.vertices, triangles)).repairs == ("turned 1 triangle",)
    assert repair_mesh(BRICK.flipped()).repairs == ("turned 12 triangles",)


def test_each_body_is_turned_outward_by_itself() -> None:
    pair = joined(BRICK, sphere((4, 0, 0)).flipped())
    repaired = repair_mesh(pair)
    assert repaired.repairs == ("turned 1,280 triangles",)
    assert repaired.mesh.volume == pytest.approx(BRICK.volume + sphere().volume)


def test_shell_open_below_is_turned_outward() -> None:
    ball = sphere()
    shell = SurfaceMesh(ball.vertices, ball.triangles[ball.centers[:, 2] > -0.3])
    repaired = repair_mesh(shuffled(shell, 3))
    assert (np.einsum("tx,tx->t", repaired.mesh.normals, repaired.mesh.centers) > -1e-9).all()


def test_bodies_that_share_an_edge_are_both_outward() -> None:
    second = box((1, 2, 0), (2, 4, 3)).flipped()
    pair = joined(BRICK, second)
    _, place = np.unique(pair.vertices, axis=0, return_inverse=True)
    merged = SurfaceMesh(np.unique(pair.vertices, axis=0), place[pair.triangles])
    assert inspect_mesh(merged).non_manifold_edges == 1
    assert repair_mesh(merged).mesh.volume == pytest.approx(12.0)


def test_band_with_one_side_does_not_loop_for_ever() -> None:
    angles = np.arange(12) * np.pi / 6
    across = np.stack([np.cos(angles / 2), np.sin(angles / 2)], axis=1) * 0.3
    around = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    rims = [
        np.column_stack([around * (1 + side * across[:, :1]), side * across[:, 1]])
        for side in (-1, 1)
    ]
    places = [(i, i + 12) if i < 12 else (12, 0) for i in range(13)]
    triangles = [
        triangle for (a, b), (c, d) in pairwise(places) for triangle in ((a, b, c), (b, d, c))
    ]
    band = SurfaceMesh(np.concatenate(rims), np.array(triangles))
    assert repair_mesh(band).report.inconsistent_normals > 0


def test_cracks_are_closed_and_wide_gaps_are_not() -> None:
    soup = WING.corners.reshape(-1, 3)
    noise = np.random.default_rng(0).uniform(-1, 1, soup.shape)
    cracked = SurfaceMesh(soup + 1e-8 * noise, np.arange(len(soup)).reshape(-1, 3))
    repaired = repair_mesh(cracked)
    assert repaired.report.watertight
    assert repaired.report.vertices == len(WING.vertices)
    assert repaired.mesh.volume == pytest.approx(WING.volume, rel=1e-5)
    assert repaired.repairs[0] == f"merged {len(soup) - len(WING.vertices):,} vertices along cracks"
    noisy = SurfaceMesh(soup + 1e-4 * noise, np.arange(len(soup)).reshape(-1, 3))
    assert repair_mesh(noisy).report.watertight
    assert repair_mesh(noisy).mesh.volume == pytest.approx(WING.volume, rel=1e-2)
    apart = SurfaceMesh(soup + 1e-2 * noise, np.arange(len(soup)).reshape(-1, 3))
    assert repair_mesh(apart).report.vertices > 2 * len(WING.vertices)


def test_copies_are_dropped_and_walls_between_bodies_stay() -> None:
    copied = SurfaceMesh(BRICK.vertices, np.concatenate([BRICK.triangles, BRICK.triangles[2:5]]))
    repaired = repair_mesh(copied)
    assert repaired.repairs == ("dropped 3 duplicate triangles",)
    np.testing.assert_array_equal(repaired.mesh.triangles, BRICK.triangles)
    neighbor = box((1, 0, 0), (2, 2, 3))
    pair = joined(BRICK, neighbor)
    vertices, place = np.unique(pair.vertices, axis=0, return_inverse=True)
    touching = SurfaceMesh(vertices, place[pair.triangles])
    assert inspect_mesh(touching).duplicate_faces in (0, 2)
    assert repair_mesh(touching).mesh.volume == pytest.approx(12.0)


def test_surface_exported_with_both_sides_keeps_one() -> None:
    both = SurfaceMesh(BLOCK.vertices, np.concatenate([BLOCK.triangles[:, ::-1], BLOCK.triangles]))
    repaired = repair_mesh(both)
    assert repaired.report.describe() == ()
    assert repaired.mesh.volume == pytest.approx(BLOCK.volume)


def test_triangles_without_area_go_unless_they_hold_the_surface_together() -> None:
    useless = SurfaceMesh(BRICK.vertices, np.concatenate([BRICK.triangles, [[0, 1, 1], [3, 3, 3]]]))
    assert repair_mesh(useless).repairs == ("dropped 2 triangles without area",)
    # A vertex in the middle of the edge from 0 to 1, held by a triangle without area.
    middle = np.concatenate([BRICK.vertices, BRICK.vertices[[0, 1]].mean(axis=0, keepdims=True)])
    triangles = BRICK.triangles.tolist()
    (place,) = [
        place for place, (a, b, c) in enumerate(triangles) if (0, 1) in ((a, b), (b, c), (c, a))
    ]
    (other,) = set(triangles[place]) - {0, 1}
    cut = [*triangles[:place], *triangles[place + 1 :], [0, 8, other], [8, 1, other], [0, 1, 8]]
    needle = SurfaceMesh(middle, np.array(cut))
    assert inspect_mesh(needle).watertight
    repaired = repair_mesh(needle)
    assert repaired.repairs == ()
    assert repaired.report.watertight


def test_specks_are_dropped_and_small_bodies_stay() -> None:
    speck = box((0.5, 3, 0.5), (0.5001, 3.004, 0.5002))
    small = box((0.5, 4, 0.5), (0.52, 4.02, 0.52))
    repaired = repair_mesh(joined(BRICK, speck, small))
    assert repaired.repairs == ("dropped 1 speck",)
    assert repaired.report.bodies == 2


def test_many_small_open_pieces_are_no_specks_and_get_no_second_side() -> None:
    fine = sphere((2, 1, 1), radius=0.1)
    soup = fine.corners + 0.02 * fine.normals[:, None]
    pieces = SurfaceMesh(soup.reshape(-1, 3), np.arange(3 * len(soup)).reshape(-1, 3))
    repaired = repair_mesh(joined(pieces, BRICK))
    assert len(repaired.mesh.triangles) == len(soup) + 12
    assert repaired.mesh.areas.sum() == pytest.approx(pieces.areas.sum() + BRICK.areas.sum())


# Holes


@pytest.mark.parametrize("missing", [slice(0, 1), slice(0, 2), slice(4, 6)])
def test_flat_hole_is_closed_exactly(missing: slice) -> None:
    open_ = SurfaceMesh(BRICK.vertices, np.delete(BRICK.triangles, missing, axis=0))
    repaired = repair_mesh(shuffled(open_, 1))
    count = missing.stop - missing.start
    noun = "triangle" if count == 1 else "triangles"
    assert repaired.repairs[-1] == f"closed 1 hole with {count} {noun}"
    assert repaired.report.describe() == ()
    assert repaired.mesh.volume == pytest.approx(6.0)
    assert repaired.mesh.areas.sum() == pytest.approx(BRICK.areas.sum())


def test_concave_flat_hole_is_closed_exactly() -> None:
    outline = [(0, 0), (3, 0), (3, 1), (1, 1), (1, 3), (0, 3)]
    whole = from_manifold(CrossSection([np.array(outline, dtype=float)]).extrude(2.0))
    open_ = SurfaceMesh(whole.vertices, whole.triangles[whole.normals[:, 2] < 0.5])
    repaired = repair_mesh(open_)
    assert repaired.report.watertight
    assert repaired.mesh.volume == pytest.approx(10.0)
    assert repaired.mesh.areas.sum() == pytest.approx(whole.areas.sum())


def test_small_bent_hole_is_closed_and_a_large_one_is_left() -> None:
    ball = sphere()
    small = SurfaceMesh(ball.vertices, ball.triangles[ball.centers[:, 2] < 0.995])
    repaired = repair_mesh(small)
    assert repaired.report.watertight
    assert repaired.mesh.volume == pytest.approx(ball.volume, rel=1e-3)
    # A rim that goes up and down on the ball's flank.
    x, y, z = ball.centers.T
    large = SurfaceMesh(ball.vertices, ball.triangles[z < 0.3 + 0.3 * np.sign(x * y)])
    repaired = repair_mesh(large)
    assert repaired.repairs == ()
    assert repaired.report.holes > 0
    assert repaired.report.describe() == inspect_mesh(large).describe()


def test_flat_sheet_gets_no_second_side() -> None:
    sheet = SurfaceMesh(BRICK.vertices, BRICK.triangles[:2])
    repaired = repair_mesh(sheet)
    assert repaired.repairs == ()
    np.testing.assert_array_equal(repaired.mesh.corners, sheet.corners)


def test_distances_around_a_repaired_body_are_those_of_the_whole() -> None:
    rng = np.random.default_rng(0)
    broken = shuffled(SurfaceMesh(BLOCK.vertices, BLOCK.triangles[2:]), 5)
    low, high = BLOCK.bounds
    points = rng.uniform(low - 0.2, high + 0.2, (200, 3))
    found = nearest_on(repair_mesh(broken).mesh, points).distance
    np.testing.assert_allclose(found, nearest_on(BLOCK, points).distance, atol=5e-4)


@settings(max_examples=25)
@given(seed=st.integers(0, 10_000), count=st.integers(4, 60))
def test_repair_never_fails(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    vertices = rng.integers(0, 3, (rng.integers(4, 12), 3)).astype(float)
    mesh = SurfaceMesh(vertices, rng.integers(0, len(vertices), (count, 3)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reach, "NUM_CUBES", 20)  # whatever sides are found, none may fail
        repaired = repair_mesh(mesh)
    assert len(repaired.mesh.triangles) >= 1
    assert repaired.report == inspect_mesh(repaired.mesh)


def test_mesh_of_nothing_but_lines_comes_back() -> None:
    line = np.array([[0, 0, 0], [1, 1, 0], [2, 2, 0], [3, 3, 0.0]])
    mesh = SurfaceMesh(line, np.array([[0, 1, 2], [1, 2, 3], [0, 1, 3], [0, 2, 3]]))
    repaired = repair_mesh(mesh).mesh
    assert len(repaired.triangles) == 4
    np.testing.assert_array_equal(np.unique(repaired.corners.reshape(-1, 3), axis=0), line)
    same = SurfaceMesh(line, np.array([[0, 0, 1], [1, 1, 1], [2, 2, 2], [3, 3, 3]]))
    assert len(repair_mesh(same).mesh.triangles) >= 1


def test_unused_vertices_are_left_out() -> None:
    mesh = SurfaceMesh(np.concatenate([[[9.0, 9, 9]], BRICK.vertices]), BRICK.triangles + 1)
    repaired = repair_mesh(mesh).mesh
    assert len(repaired.vertices) == 8
    np.testing.assert_allclose(repaired.bounds, BRICK.bounds)
    assert repaired.volume == pytest.approx(BRICK.volume)


@given(seed=st.integers(0, 10_000))
def test_no_repair_leaves_a_surface_less_closed(seed: int) -> None:
    """Patches of a body that face outward, with gaps and some of them missing."""
    rng = np.random.default_rng(seed)
    patches = [
        replace(BLOCK, triangles=part)
        for part in np.array_split(BLOCK.triangles, rng.integers(2, 9))
        if rng.random() < 0.9
    ]
    moved = [
        SurfaceMesh(patch.vertices + rng.normal(0, 10.0 ** rng.uniform(-7, -3), 3), patch.triangles)
        for patch in patches
    ]
    if not moved:
        return
    mesh = joined(*moved)
    assert closure_error(repair_mesh(mesh).mesh.area_vectors) <= (
        closure_error(mesh.area_vectors) + 1e-8
    )
