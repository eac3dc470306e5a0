import numpy as np
import pytest
from made_up_shapes import body

from mspt.geometry.marks import find_marks, is_added
from mspt.geometry.mesh import SurfaceMesh, box, joined
from mspt.geometry.preparation import prepare_shape

CUBE = box((0, 0, 0), (1, 1, 1))


def without(mesh: SurfaceMesh, *triangles: int) -> SurfaceMesh:
    return SurfaceMesh(mesh.vertices, np.delete(mesh.triangles, triangles, axis=0))


def test_a_sound_body_has_nothing_to_mark() -> None:
    found = find_marks(prepare_shape(body()))
    assert found.describe() == ()
    assert found.added is found.left_out is None


def test_open_edges_are_those_around_a_hole_and_its_cover_is_added() -> None:
    opened = without(body(), 7)
    (corners,) = body().corners[[7]]
    found = find_marks(prepare_shape(opened))
    assert len(found.open_edges) == 3
    ends = {tuple(point) for point in found.open_edges.reshape(-1, 3).round(9).tolist()}
    assert ends == {tuple(point) for point in corners.round(9).tolist()}
    assert found.added is not None
    assert found.added.areas.sum() == pytest.approx(body().areas[7])
    np.testing.assert_allclose(found.added.centers.mean(axis=0), corners.mean(axis=0))
    assert found.describe() == (("open", "3 open edges"), ("added", "added surface"))


def test_a_mirrored_half_is_added() -> None:
    half = body(width=0.9, low=0.0)
    found = find_marks(prepare_shape(half))
    assert found.added is not None
    assert (found.added.centers[:, 1] <= 1e-9).all()
    outside = half.areas[half.centers[:, 1] > 1e-9].sum()  # without the plane of symmetry
    assert found.added.areas.sum() == pytest.approx(outside, rel=1e-6)


def test_parts_inside_are_left_out_and_nothing_is_added() -> None:
    found = find_marks(prepare_shape(joined(body(), box((0.4, -0.3, 0.4), (1.0, 0.3, 0.7)))))
    assert found.added is None
    assert found.left_out is not None
    assert found.left_out.areas.sum() == pytest.approx(1.44)


def test_an_edge_of_three_triangles_is_crowded() -> None:
    fin = SurfaceMesh(
        np.concatenate([CUBE.vertices, [[0.5, 0.5, 2.0]]]),
        np.concatenate([CUBE.triangles, [[*CUBE.triangles[0][:2], 8]]]),
    )
    found = find_marks(prepare_shape(fin))
    assert len(found.crowded_edges) == 1
    kinds = dict(found.describe())
    assert kinds["crowded"] == "1 edge of more than two triangles"
    assert kinds["open"] == "2 open edges"


def test_closing_a_crack_adds_nothing() -> None:
    """Each triangle has vertices of its own, a little apart, as a repair joins them."""
    loose = SurfaceMesh(
        CUBE.corners.reshape(-1, 3) + np.random.default_rng(0).uniform(-1e-5, 1e-5, (36, 3)),
        np.arange(36).reshape(-1, 3),
    )
    assert not is_added(CUBE, loose, reach=1e-4).any()
    assert is_added(CUBE, without(loose, 3, 5), reach=1e-4).nonzero()[0].tolist() == [3, 5]


def test_both_sides_of_a_thickened_panel_are_added() -> None:
    wing = SurfaceMesh(
        np.array([[4.0, -0.8, 1.8], [4.4, -0.8, 1.9], [4.4, 0.8, 1.9], [4.0, 0.8, 1.8]]),
        np.array([[0, 1, 2], [0, 2, 3], [2, 1, 0], [3, 2, 0]]),  # both sides
    )
    shape = prepare_shape(joined(body(), wing))
    assert shape.num_panels == 1
    found = find_marks(shape)
    assert found.added is not None
    assert found.added.areas.sum() == pytest.approx(wing.areas.sum(), rel=0.01)
    assert found.added.bounds[0, 2] > 1.7
