"""Conforming refinement: same surface, same normals, no vertex within the edge of a triangle."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mspt.geometry.bodies.families import draw_body
from mspt.geometry.checks import find_edges
from mspt.geometry.mesh import SurfaceMesh, box, joined
from mspt.geometry.subdivide import Refined, refined


def longest(mesh: SurfaceMesh) -> float:
    sides = mesh.corners - np.roll(mesh.corners, 1, axis=1)
    return float(np.linalg.norm(sides, axis=2).max())


def check(mesh: SurfaceMesh, fine: Refined, *, max_edge: float) -> None:
    """Check all that holds for any surface."""
    parts = fine.mesh
    assert longest(parts) <= max_edge
    assert (np.diff(fine.parent) >= 0).all()
    assert np.array_equal(np.unique(fine.parent), np.arange(len(mesh.triangles)))
    areas = np.bincount(fine.parent, parts.areas, len(mesh.triangles))
    np.testing.assert_allclose(areas, mesh.areas, rtol=1e-12, atol=1e-15)
    wide = parts.areas > 1e-9
    np.testing.assert_allclose(parts.normals[wide], mesh.normals[fine.parent][wide], atol=1e-6)
    assert (parts.vertices[: len(mesh.vertices)] == mesh.vertices).all()


@given(
    corners=st.lists(
        st.tuples(*(st.integers(-20, 20).map(lambda v: v / 7) for _ in range(3))),
        min_size=4,
        max_size=7,
        unique=True,
    ),
    max_edge=st.floats(0.4, 5),
    seed=st.integers(0, 99),
)
def test_parts_of_any_triangles_are_short_and_keep_area_normals_and_numbers(
    corners: list[tuple[float, float, float]], max_edge: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    triangles = np.stack([rng.permutation(len(corners))[:3] for _ in range(5)])
    mesh = SurfaceMesh(np.array(corners), triangles)
    fine = refined(mesh, max_edge=max_edge)
    areas = np.bincount(fine.parent, fine.mesh.areas, 5)
    np.testing.assert_allclose(areas, mesh.areas, rtol=1e-9, atol=1e-12)
    assert longest(fine.mesh) <= max_edge
    # Each inner edge of a triangle has a part on both sides, whatever its shape.
    for number in range(5):
        own = fine.mesh.triangles[fine.parent == number]
        ends = np.sort(np.stack([own, np.roll(own, -1, axis=1)], 2).reshape(-1, 2), axis=1)
        edges, count = np.unique(ends, axis=0, return_counts=True)
        border = edges[count == 1]
        a, b = fine.mesh.vertices[border[:, 0]], fine.mesh.vertices[border[:, 1]]
        sides = mesh.corners[number] - np.roll(mesh.corners[number], 1, axis=0)
        outline = np.linalg.norm(sides, axis=1).sum()
        assert np.linalg.norm(a - b, axis=1).sum() == pytest.approx(outline)


@pytest.mark.parametrize("family", ["notchback", "block"])
def test_a_closed_body_stays_closed(family: str) -> None:
    body = draw_body(family, 2).mesh
    fine = refined(body, max_edge=0.05)
    check(body, fine, max_edge=0.05)
    edges = find_edges(fine.mesh.triangles)
    assert len(edges.open_triangle) == 0
    assert fine.mesh.volume == pytest.approx(body.volume, rel=1e-12)
    assert len(edges.pairs) == len(fine.mesh.triangles) * 3 // 2  # no edge without a partner


def test_triangles_of_several_sizes_meet_without_hanging_vertices() -> None:
    """Coarse sides beside fine ones: only in a conforming surface does each edge have a partner."""
    body = joined(box((0, 0, 0), (3, 1, 0.1)), box((5, 0, 0), (5.2, 0.1, 0.1)))
    fine = refined(body, max_edge=0.25)
    check(body, fine, max_edge=0.25)
    assert len(find_edges(fine.mesh.triangles).open_triangle) == 0
    small = fine.parent >= 12
    assert small.sum() == 12  # none of them has a long edge


def test_parts_that_do_not_share_vertices_still_meet() -> None:
    """A file may hold each triangle with corners of its own; halves of one edge are the same."""
    brick = box((0, 0, 0), (1, 2, 3))
    soup = SurfaceMesh(brick.corners.reshape(-1, 3), np.arange(36).reshape(-1, 3))
    fine, apart = refined(brick, max_edge=0.4).mesh, refined(soup, max_edge=0.4).mesh
    assert len(np.unique(apart.vertices, axis=0)) == len(fine.vertices)
    assert (np.sort(apart.areas) == np.sort(fine.areas)).all()


def test_short_triangles_stay_as_they_are() -> None:
    brick = box((0, 0, 0), (1, 1, 1))
    fine = refined(brick, max_edge=2.0)
    assert (fine.mesh.triangles == brick.triangles).all()
    assert fine.parent.tolist() == list(range(12))
