import numpy as np
import pytest
import trimesh
from hypothesis import given
from hypothesis import strategies as st

from mspt.geometry.bodies.families import draw_body
from mspt.geometry.checks import (
    FINDINGS,
    MeshReport,
    face_keys,
    find_edges,
    inspect_mesh,
    label_components,
)
from mspt.geometry.mesh import SurfaceMesh, box

BRICK = box((0, 0, 0), (1, 2, 3))


def joined(*meshes: SurfaceMesh) -> SurfaceMesh:
    starts = np.cumsum([0] + [len(mesh.vertices) for mesh in meshes])
    return SurfaceMesh(
        np.concatenate([mesh.vertices for mesh in meshes]),
        np.concatenate([m.triangles + start for m, start in zip(meshes, starts, strict=False)]),
    )


def with_triangles(mesh: SurfaceMesh, triangles: np.ndarray) -> SurfaceMesh:
    return SurfaceMesh(mesh.vertices, triangles)


def turned(mesh: SurfaceMesh, *places: int) -> SurfaceMesh:
    triangles = mesh.triangles.copy()
    triangles[list(places)] = triangles[list(places), ::-1]
    return with_triangles(mesh, triangles)


def findings(report: MeshReport) -> dict[str, int]:
    names = [*FINDINGS, "inside_out", "open_edges"]
    normal = {"bodies": 1}
    return {n: v for n in names if (v := getattr(report, n)) != normal.get(n, 0)}


def test_closed_body_has_no_findings() -> None:
    report = inspect_mesh(BRICK)
    assert findings(report) == {}
    assert report.describe() == ()
    assert report.watertight
    assert (report.triangles, report.vertices, report.extent) == (12, 8, (1.0, 2.0, 3.0))
    assert (report.area, report.volume) == pytest.approx((22.0, 6.0))


@pytest.mark.parametrize("family", ["block", "wing"])
def test_parametric_bodies_have_no_findings(family: str) -> None:
    assert inspect_mesh(draw_body(family, 0).mesh).describe() == ()


CASES: dict[str, tuple[SurfaceMesh, dict[str, int]]] = {
    "two open sides": (
        with_triangles(BRICK, BRICK.triangles[4:]),
        {"holes": 2, "open_edges": 8},
    ),
    "one triangle missing": (
        with_triangles(BRICK, BRICK.triangles[1:]),
        {"holes": 1, "open_edges": 3},
    ),
    "apart": (joined(BRICK, box((5, 0, 0), (6, 1, 1))), {"bodies": 2}),
    "inside out": (BRICK.flipped(), {"inside_out": True}),
    "one turned": (turned(BRICK, 3), {"inconsistent_normals": 3}),
    "two turned neighbors": (turned(BRICK, 0, 1), {"inconsistent_normals": 4}),
    "twice": (
        with_triangles(BRICK, np.concatenate([BRICK.triangles, BRICK.triangles[:1, [1, 2, 0]]])),
        {"duplicate_faces": 1, "non_manifold_edges": 3},
    ),
    "fin": (
        SurfaceMesh(
            np.concatenate([BRICK.vertices, [[-1.0, -1.0, 0.0]]]),
            np.concatenate([BRICK.triangles, [[0, 1, 8]]]),
        ),
        {"non_manifold_edges": 1, "open_edges": 2, "holes": 1},
    ),
    "equal corners": (
        with_triangles(BRICK, np.concatenate([BRICK.triangles, [[0, 1, 1], [2, 2, 2]]])),
        {"degenerate_triangles": 2},
    ),
    "needle": (
        SurfaceMesh(
            np.concatenate([BRICK.vertices, [[0.0, 0.0, 1.5]]]),
            np.concatenate([BRICK.triangles, [[0, 8, 1]]]),
        ),
        {"degenerate_triangles": 1, "non_manifold_edges": 1, "open_edges": 2, "holes": 1},
    ),
    "soup": (
        SurfaceMesh(BRICK.corners.reshape(-1, 3), np.arange(36).reshape(-1, 3)),
        {"holes": 12, "open_edges": 36, "bodies": 12},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_each_fault_is_counted_and_nothing_else(case: str) -> None:
    mesh, faults = CASES[case]
    report = inspect_mesh(mesh)
    assert findings(report) == faults
    assert report.watertight == (not {"open_edges", "non_manifold_edges"} & faults.keys())
    lines = report.describe()
    assert len(lines) == len(faults.keys() - {"open_edges"})


def test_lines_say_how_many_and_whether_it_matters() -> None:
    holes = inspect_mesh(CASES["two open sides"][0]).describe()
    assert holes == ("2 holes: distances and C_D may be inaccurate; close them if possible",)
    bodies = inspect_mesh(CASES["apart"][0]).describe()
    assert bodies == ("2 separate bodies: harmless if all of them belong to the shape",)
    one = inspect_mesh(CASES["fin"][0]).describe()
    assert one[0].startswith("1 hole: ")
    assert one[1].startswith("1 edge of more than two triangles: bodies touch")
    inside_out = inspect_mesh(BRICK.flipped()).describe()
    assert inside_out == (
        "normals point inward: forces would have the wrong sign; the repair reverses them",
    )


@given(seed=st.integers(0, 10_000), kept=st.floats(0.2, 1.0), merged=st.sampled_from([5, 17]))
def test_counts_are_those_of_trimesh(seed: int, kept: float, merged: int) -> None:
    rng = np.random.default_rng(seed)
    sphere = trimesh.creation.icosphere(1)
    mesh = SurfaceMesh(np.array(sphere.vertices), np.array(sphere.faces, dtype=np.int64))
    triangles = mesh.triangles[rng.random(len(mesh.triangles)) < kept]
    # Where two vertices become one, edges have more triangles, and some have equal corners.
    triangles = np.where(triangles == 5, merged, triangles)
    if len(triangles) == 0:
        return
    mesh = with_triangles(mesh, triangles)
    report = inspect_mesh(mesh)
    other = trimesh.Trimesh(mesh.vertices, mesh.triangles, process=False)
    other.update_faces(~np.array([len(set(face)) < 3 for face in mesh.triangles.tolist()]))
    edges, counts = np.unique(np.sort(other.edges, axis=1), axis=0, return_counts=True)
    assert report.open_edges == (counts == 1).sum()
    assert report.non_manifold_edges == (counts > 2).sum()
    assert report.watertight == (len(edges) > 0 and bool(other.is_watertight))
    assert report.area == pytest.approx(mesh.areas.sum())


def test_slow_count_of_bodies_agrees() -> None:
    rng = np.random.default_rng(0)
    triangles = rng.integers(0, 60, (40, 3))
    triangles = triangles[[len(set(face)) == 3 for face in triangles.tolist()]]
    mesh = SurfaceMesh(rng.random((60, 3)), triangles)
    sides = [
        {frozenset(pair) for pair in ((a, b), (b, c), (c, a))} for a, b, c in triangles.tolist()
    ]
    bodies: list[set[frozenset[int]]] = []
    for side in sides:
        touching = [body for body in bodies if body & side]
        bodies = [body for body in bodies if not body & side] + [side.union(*touching)]
    assert inspect_mesh(mesh).bodies == len(bodies)


def test_edges_lie_side_by_side() -> None:
    edges = find_edges(BRICK.triangles)
    assert edges.count.tolist() == [2] * 18
    assert len(edges.open) == 0
    assert not edges.opposed.any()
    assert len(edges.links) == 18
    assert {frozenset(pair) for pair in edges.links.tolist()} == {
        frozenset(pair) for pair in edges.pairs.tolist()
    }


def test_keys_tell_triangles_apart_whatever_the_order_of_their_corners() -> None:
    rng = np.random.default_rng(1)
    triangles = rng.integers(0, 6, (300, 3))
    keys = face_keys(triangles)
    sets = [tuple(sorted(face)) for face in triangles.tolist()]
    same = np.array([[one == other for other in sets] for one in sets])
    np.testing.assert_array_equal(keys[:, None] == keys[None], same)


def test_groups_without_links_are_single() -> None:
    assert label_components(np.zeros((0, 2), dtype=np.int64), 3).tolist() == [0, 1, 2]
