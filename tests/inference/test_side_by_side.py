"""Designs beside each other: uncertainty of differences, fields at the nearest points, morphs."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial import KDTree

from mspt.data.sets.car.bodies import drawn_body
from mspt.data.sets.car.store import load_flow
from mspt.errors import GeometryError
from mspt.geometry.bodies.variants import with_raised_tail
from mspt.geometry.mesh import SurfaceMesh, box
from mspt.geometry.placement import Placement
from mspt.geometry.subdivide import refined
from mspt.inference.flow import FlowPrediction
from mspt.inference.shapes import ShapeResult
from mspt.inference.side_by_side import (
    Design,
    design_rows,
    drag_uncertainty,
    have_same_triangles,
    morphed,
    nearest_difference,
    truth_on,
)
from mspt.inference.trust import Check, TrustReport
from mspt.metrics.conditions import OperatingConditions
from mspt.metrics.forces import Coefficients

CHECK = Check(name="one", value=0.0, unit="%", verdict="good", meaning="", caveat="")
METRICS = {"C_D_relative": 0.05, "cases": 40}


def bare(kind: type, **values: object) -> object:
    """An object of a kind with nothing but the attributes that a comparison reads."""
    made = object.__new__(kind)
    for name, value in values.items():
        object.__setattr__(made, name, value)
    return made


def design(name: str, drag: float, *, spread: float = 0.001, length: float = 4.0) -> Design:
    found = Coefficients(
        C_D=drag, C_L=0.1, C_S=0.0, C_D_pressure=drag, C_D_friction=0.0, C_L_pressure=0.1,
        C_L_friction=0.0, reference_area=0.1,
    )  # fmt: skip
    prediction = bare(FlowPrediction, coefficients=found, drag_spread=spread)
    trust = TrustReport(checks=(CHECK,), nearest=())
    placement = Placement(unit="m", forward="-x", up="+z", clearance=0.0, length_m=length)
    result = bare(ShapeResult, prediction=prediction, trust=trust, placement=placement)
    return Design(name=name, result=result)


def test_a_difference_has_the_uncertainty_of_two_independent_errors() -> None:
    rows = design_rows([design("a", 0.30), design("b", 0.40), design("c", 0.31)], metrics=METRICS)
    assert "C_D_difference" not in rows[0]
    assert rows[1]["C_D_difference"] == pytest.approx(0.1)
    assert rows[1]["C_D_difference_counts"] == pytest.approx(1000)
    assert rows[1]["C_D_difference_uncertainty"] == pytest.approx(np.hypot(0.015, 0.020))
    assert [row.get("is_clear") for row in rows] == [None, True, False]


def test_uncertainty_is_at_least_the_spread_of_the_points() -> None:
    assert drag_uncertainty(design("a", 0.3, spread=0.1).result, METRICS) == 0.1
    assert drag_uncertainty(design("a", 0.3, spread=0.01).result, {}) == 0.01


def test_forces_are_for_the_length_of_each_file() -> None:
    wind = OperatingConditions(speed=20.0, length=1.0, density=1.25)
    pair = [design("a", 0.3), design("b", 0.3, length=8.0)]
    first, second = design_rows(pair, metrics=METRICS, conditions=wind)
    assert first["drag_N"] == pytest.approx(0.3 * 250 * 0.1 * 16)
    assert second["drag_N"] == pytest.approx(4 * first["drag_N"])
    assert second["drag_N_difference"] == pytest.approx(3 * first["drag_N"])
    assert first["drag_N_uncertainty"] == pytest.approx(0.05 * first["drag_N"])
    assert first["frontal_area_m2"] == pytest.approx(1.6)


@pytest.mark.parametrize("count", [1, 7])
def test_other_numbers_of_shapes_are_refused(count: int) -> None:
    with pytest.raises(GeometryError, match=f"shapes must be 2 to 6 to be compared, got {count}"):
        design_rows([design("a", 0.3)] * count, metrics=METRICS)


def fine_box() -> SurfaceMesh:
    return refined(box((0, -0.2, 0), (1, 0.2, 0.3)), max_edge=0.03).mesh


def test_a_field_that_moves_with_the_body_differs_by_what_it_is_raised() -> None:
    mesh = fine_box()
    values = mesh.centers[:, 0] + 0.5 * mesh.normals[:, 2]
    first = bare(FlowPrediction, fine_mesh=mesh, fine={"C_p": values})
    other = bare(
        FlowPrediction,
        fine_mesh=replace(mesh, triangles=mesh.triangles[::-1].copy()),
        fine={"C_p": values[::-1] + 0.25},
    )
    found = nearest_difference(first, other)
    assert np.abs(found - 0.25).mean() < 0.02


def test_the_solver_s_field_on_a_body_is_that_of_its_nearest_faces_on_both_sides() -> None:
    case = load_flow("car-0021")
    mesh = refined(drawn_body(21), max_edge=0.05).mesh
    found = truth_on(mesh, case)
    centers = mesh.centers * np.where(mesh.centers[:, 1:2] < 0, [1.0, -1.0, 1.0], 1.0)
    distance, nearest = KDTree(case.face_points).query(centers)
    near = np.asarray(distance) < 0.01
    known = case.face_pressure[np.asarray(nearest)]
    for side in (mesh.centers[:, 1] > 0, mesh.centers[:, 1] < 0):
        assert np.corrcoef(found[near & side], known[near & side])[0, 1] > 0.9
    friction = truth_on(mesh, case, field="C_f")
    assert 0 < np.average(friction, weights=mesh.areas) < 0.01


def test_morphs_go_straight_from_one_shape_to_the_other_whatever_their_numbering() -> None:
    low = fine_box()
    high = with_raised_tail(low, 0.1)
    order = np.random.default_rng(0).permutation(len(high.vertices))
    place = np.argsort(order)
    renumbered = SurfaceMesh(high.vertices[order], place[high.triangles])
    assert have_same_triangles(low, renumbered)
    half = morphed(low, renumbered, 0.5)
    assert np.allclose(half.corners, (low.corners + high.corners) / 2)
    assert np.allclose(morphed(low, renumbered, 1.0).corners, high.corners)
    with pytest.raises(GeometryError, match="meshes must have the same triangles to be morphed"):
        morphed(low, low.flipped(), 0.5)
    with pytest.raises(GeometryError, match=r"share must be 0 to 1, got 1\.5"):
        morphed(low, high, 1.5)
