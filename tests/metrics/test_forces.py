import numpy as np
import pytest
import pyvista as pv
from numpy import ndarray
from scipy.stats import spearmanr

from mspt.data.files import SHIPPED
from mspt.data.sets.car.flow_case import PRESSURE_RANGE, FlowCase
from mspt.data.sets.car.store import read_flow
from mspt.geometry.bodies.families import draw_body
from mspt.geometry.mesh import SurfaceMesh, box
from mspt.metrics.forces import (
    BOTH_HALVES,
    Force,
    closure_error,
    coefficients,
    drag_counts,
    surface_force,
)
from mspt.metrics.ranking import order_accuracy, r_squared, spearman

MIRROR = np.array([1.0, -1.0, 1.0])
UNIT = ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))


@pytest.fixture(scope="module")
def sphere() -> SurfaceMesh:
    surface = pv.Icosphere(radius=1.0, nsub=5)
    triangles = surface.faces.reshape(-1, 4)[:, 1:].astype(np.int64)
    return SurfaceMesh(np.asarray(surface.points, dtype=np.float64), np.asarray(triangles))


@pytest.fixture(scope="module")
def stored_flow_case() -> FlowCase:
    """A computed flow that ships with the project, of which no pressure had to be cut."""
    cases = (read_flow(path) for path in sorted((SHIPPED / "car").glob("*.npz")))
    whole = (case for case in cases if case.face_pressure.min() > 0.99 * PRESSURE_RANGE[0])
    return next(whole)


def no_shear(mesh: SurfaceMesh) -> ndarray:
    return np.zeros_like(mesh.area_vectors)


def potential_flow(mesh: SurfaceMesh) -> ndarray:
    """C_p on a sphere in a stream along x without friction: 1 - 9/4 sin^2."""
    cosine = mesh.centers[:, 0] / np.linalg.norm(mesh.centers, axis=1)
    return 1 - 9 / 4 * (1 - cosine**2)


@pytest.mark.parametrize("family", ["block", "blob", "wing"])
def test_uniform_pressure_on_a_closed_body_gives_no_force(family: str) -> None:
    mesh = draw_body(family, 0).mesh
    force = surface_force(
        mesh.area_vectors, np.full(len(mesh.triangles), 7.0), shear=no_shear(mesh)
    )
    # Vertices come in float32: six digits of 7 times the area.
    assert np.abs(force.total).max() < 1e-6 * 7 * mesh.areas.sum()
    assert closure_error(mesh.area_vectors) < 1e-6


def test_force_does_not_depend_on_the_reference_of_the_pressure(sphere: SurfaceMesh) -> None:
    pressure = sphere.centers[:, 0] ** 3
    forces = [
        surface_force(sphere.area_vectors, pressure + shift, shear=no_shear(sphere)).total
        for shift in (0.0, 1e3)
    ]
    np.testing.assert_allclose(forces[0], forces[1], atol=1e-6)


def test_hydrostatic_pressure_lifts_by_the_weight_of_what_is_displaced(sphere: SurfaceMesh) -> None:
    force = surface_force(sphere.area_vectors, -sphere.centers[:, 2], shear=no_shear(sphere))
    np.testing.assert_allclose(force.total, [0, 0, sphere.volume], atol=1e-9)


def test_sphere_in_potential_flow_has_no_drag(sphere: SurfaceMesh) -> None:
    force = surface_force(sphere.area_vectors, potential_flow(sphere), shear=no_shear(sphere))
    assert np.abs(force.total).max() < 1e-3


def test_upper_half_of_a_sphere_in_potential_flow_is_lifted_by_11_pi_over_16(
    sphere: SurfaceMesh,
) -> None:
    # -int (1 - 9/4 (y^2 + z^2)) z dA over z > 0 is -pi + 9/4 (pi/4 + pi/2) = 11/16 pi.
    upper = sphere.centers[:, 2] > 0
    force = surface_force(
        sphere.area_vectors[upper], potential_flow(sphere)[upper], shear=no_shear(sphere)[upper]
    )
    assert force.total[2] == pytest.approx(11 / 16 * np.pi, rel=2e-3)
    assert force.total[0] == pytest.approx(0, abs=1e-3)


def test_uniform_shear_gives_drag_equal_to_shear_times_area() -> None:
    plate = box((0.0, 0.0, 0.0), (2.0, 1.0, 0.25))
    along = np.tile([0.5, 0.0, 0.0], (len(plate.triangles), 1))
    along[np.abs(plate.normals[:, 0]) > 0.5] = 0  # no friction on front and base
    force = surface_force(plate.area_vectors, np.zeros(len(plate.triangles)), shear=along)
    area = 2 * 2 * 1 + 2 * 2 * 0.25
    np.testing.assert_allclose(force.friction, [0.5 * area, 0, 0])
    np.testing.assert_array_equal(force.pressure, np.zeros(3))


def test_pressure_in_front_and_suction_behind_are_both_drag() -> None:
    body = box(*UNIT)
    pressure = -body.normals[:, 0]  # 1 in front, -1 behind
    force = surface_force(body.area_vectors, pressure, shear=no_shear(body))
    np.testing.assert_allclose(force.total, [2, 0, 0])


def test_suction_on_the_roof_is_lift_and_pressure_on_the_right_side_force() -> None:
    body = box(*UNIT)
    roof, right = body.normals[:, 2] > 0.5, body.normals[:, 1] < -0.5
    force = surface_force(body.area_vectors, 1.0 * right - roof, shear=no_shear(body))
    found = coefficients(force, reference_area=1.0)
    np.testing.assert_allclose([found.C_D, found.C_S, found.C_L], [0, 1, 1])


def test_forces_of_float32_fields_are_summed_in_float64() -> None:
    # One large face, and small ones that float32 would lose against it.
    vectors = np.full((10_001, 3), (-1e-8, 0, 0), dtype=np.float32)
    vectors[0, 0] = -1
    ones = np.ones(10_001, dtype=np.float32)
    force = surface_force(vectors, ones, shear=np.zeros_like(vectors))
    assert force.total[0] == pytest.approx(1 + 1e-4, abs=1e-9)


def test_coefficients_hold_the_parts_of_each_force() -> None:
    force = Force(pressure=np.array([3.0, 0.5, 1.0]), friction=np.array([1.0, 0.25, -2.0]))
    found = coefficients(force, reference_area=4.0, dynamic_pressure=0.5)
    assert (found.C_D, found.C_D_pressure, found.C_D_friction) == (2.0, 1.5, 0.5)
    assert (found.C_L, found.C_L_pressure, found.C_L_friction) == (-0.5, 0.5, -1.0)
    assert (found.C_S, found.reference_area) == (0.375, 4.0)


def test_coefficients_do_not_depend_on_units() -> None:
    """The same flow in q_inf and body lengths, and in Pa and m."""
    body = box(*UNIT)
    pressure = np.random.default_rng(0).normal(size=len(body.triangles))
    plain = surface_force(body.area_vectors, pressure, shear=no_shear(body))
    q = 1.2 * 30.0**2 / 2  # in Pa, for 1.2 kg/m^3 and 30 m/s
    length = 4.2
    physical = surface_force(body.area_vectors * length**2, pressure * q, shear=no_shear(body))
    area = 0.1
    expected = coefficients(plain, reference_area=area)
    found = coefficients(physical, reference_area=area * length**2, dynamic_pressure=q)
    np.testing.assert_allclose(found.C_D, expected.C_D)


def test_half_a_body_and_its_mirror_image_make_the_whole() -> None:
    random = np.random.default_rng(6)
    vectors, shear = random.normal(size=(2, 50, 3))
    pressure = random.normal(size=50)
    half = surface_force(vectors, pressure, shear=shear)
    whole = surface_force(
        np.concatenate([vectors, vectors * MIRROR]),
        np.tile(pressure, 2),
        shear=np.concatenate([shear, shear * MIRROR]),
    )
    np.testing.assert_allclose(half.pressure * BOTH_HALVES, whole.pressure, atol=1e-12)
    np.testing.assert_allclose(half.friction * BOTH_HALVES, whole.friction, atol=1e-12)


def test_closure_error_is_the_missing_share_of_an_open_surface() -> None:
    body = box(*UNIT)
    assert closure_error(body.area_vectors) == 0
    without_roof = body.area_vectors[body.normals[:, 2] < 0.5]
    assert closure_error(without_roof) == pytest.approx(1 / 5)
    assert closure_error(body.area_vectors[:1]) == pytest.approx(1)


def test_a_drag_count_is_a_ten_thousandth() -> None:
    assert drag_counts(0.002) == pytest.approx(20)


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
def test_areas_and_pressures_must_be_positive(value: float) -> None:
    force = Force(np.ones(3), np.ones(3))
    with pytest.raises(ValueError, match=f"reference_area must be positive, got {value:g}"):
        coefficients(force, reference_area=value)
    with pytest.raises(ValueError, match=f"dynamic_pressure must be positive, got {value:g}"):
        coefficients(force, reference_area=1.0, dynamic_pressure=value)


def test_faces_without_area_have_no_closure_error() -> None:
    with pytest.raises(
        ValueError, match="area_vectors must have a positive total area, got 0 over 2 faces"
    ):
        closure_error(np.zeros((2, 3)))


def test_faces_of_a_stored_flow_give_the_solvers_own_coefficients(
    stored_flow_case: FlowCase,
) -> None:
    case = stored_flow_case
    half = surface_force(case.face_areas, case.face_pressure, shear=case.face_shear)
    whole = Force(half.pressure * BOTH_HALVES, half.friction * BOTH_HALVES)
    found = coefficients(whole, reference_area=case.info["frontal_area"])
    for name in ("C_D", "C_L", "C_D_pressure", "C_D_friction"):
        expected, tolerance = case.info[name], 0.01 * abs(case.info[name])
        assert getattr(found, name) == pytest.approx(expected, abs=tolerance), name
    assert found.C_S == 0


def test_faces_of_a_stored_half_body_close_but_for_the_plane_of_symmetry(
    stored_flow_case: FlowCase,
) -> None:
    vectors = stored_flow_case.face_areas.astype(np.float64)
    along, aside, up = np.abs(vectors.sum(axis=0)) / np.linalg.norm(vectors, axis=1).sum()
    # Wheels are cut by the ground: their contact patches are missing.
    assert along < 1e-5
    assert up < 0.01
    assert aside > 0.05


def test_spearman_equals_scipys_with_ties() -> None:
    random = np.random.default_rng(0)
    first, second = random.integers(0, 6, (2, 40)).astype(np.float64)
    assert spearman(first, second) == pytest.approx(spearmanr(first, second).statistic)


def test_spearman_sees_order_only() -> None:
    values = np.random.default_rng(1).random(20)
    assert spearman(values, np.exp(9 * values)) == pytest.approx(1)
    assert spearman(values, -values) == pytest.approx(-1)


@pytest.mark.parametrize("values", [[], [0.3], [0.3, 0.3, 0.3]])
def test_spearman_of_designs_ranked_alike_is_nan(values: list[float]) -> None:
    alike = np.array(values)
    assert np.isnan(spearman(alike, np.arange(float(len(alike)))))
    assert np.isnan(spearman(np.arange(float(len(alike))), alike))


def test_r_squared_is_one_for_the_truth_and_zero_for_its_mean() -> None:
    truth = np.random.default_rng(2).random(30)
    assert r_squared(truth, truth) == 1
    assert r_squared(np.full(30, truth.mean()), truth) == pytest.approx(0)
    assert r_squared(-truth, truth) < 0


def test_r_squared_of_a_least_squares_fit_is_the_squared_correlation() -> None:
    random = np.random.default_rng(3)
    truth = random.random(50)
    guess = truth + 0.3 * random.normal(size=50)
    fit = np.polyval(np.polyfit(guess, truth, 1), guess)
    assert r_squared(fit, truth) == pytest.approx(np.corrcoef(guess, truth)[0, 1] ** 2)


@pytest.mark.parametrize("values", [[], [0.3, 0.3]])
def test_r_squared_needs_a_truth_that_varies(values: list[float]) -> None:
    truth = np.array(values)
    expected = f"truth must contain different values, got {len(values)} equal ones"
    with pytest.raises(ValueError, match=expected):
        r_squared(truth, truth)


def pairs_one_by_one(prediction: ndarray, truth: ndarray, gap: float) -> tuple[float, int]:
    points, count = 0.0, 0
    for i in range(len(truth)):
        for j in range(len(truth)):
            if truth[j] > truth[i] and truth[j] - truth[i] >= gap:
                count += 1
                points += 1.0 if prediction[j] > prediction[i] else 0.0
                points += 0.5 if prediction[j] == prediction[i] else 0.0
    return points / count if count else np.nan, count


def test_order_accuracy_equals_counting_pairs_one_by_one() -> None:
    random = np.random.default_rng(4)
    truth = random.integers(0, 12, 25) / 8  # ties and gaps that are exact in binary
    prediction = truth + random.integers(-4, 5, 25) / 8
    gaps = np.array([0.0, 0.125, 0.25, 0.5, 1.0, 9.0])
    found = order_accuracy(prediction, truth, gaps=gaps)
    expected = [pairs_one_by_one(prediction, truth, gap) for gap in gaps]
    np.testing.assert_allclose(found.share, [share for share, _ in expected])
    assert found.num_pairs.tolist() == [count for _, count in expected]
    np.testing.assert_array_equal(found.gap, gaps)


def test_order_is_always_right_for_the_truth_and_always_wrong_for_its_opposite() -> None:
    truth = np.random.default_rng(5).random(15)
    gaps = np.array([0.0, 0.1])
    assert order_accuracy(truth, truth, gaps=gaps).share.tolist() == [1, 1]
    assert order_accuracy(-truth, truth, gaps=gaps).share.tolist() == [0, 0]
    assert order_accuracy(np.zeros(15), truth, gaps=gaps).share.tolist() == [0.5, 0.5]


@pytest.mark.parametrize(
    ("predicted", "share"), [([0.1, 0.2], 1.0), ([0.2, 0.1], 0.0), ([0.1, 0.1], 0.5)]
)
def test_order_of_two_designs_is_right_or_wrong(predicted: list[float], share: float) -> None:
    truth, gaps = np.array([0.30, 0.31]), np.array([0.0])
    found = order_accuracy(np.array(predicted), truth, gaps=gaps)
    assert (found.share.tolist(), found.num_pairs.tolist()) == ([share], [1])


def test_r_squared_does_not_depend_on_the_size_of_the_values() -> None:
    truth, guess = np.array([0.30, 0.31, 0.29]), np.array([0.305, 0.31, 0.29])
    found = r_squared(guess, truth)
    assert found == pytest.approx(1 - 0.005**2 / (2 * 0.01**2))
    assert r_squared(1000 * guess, 1000 * truth) == pytest.approx(found)


def test_order_of_fewer_than_two_designs_is_unknown() -> None:
    found = order_accuracy(np.array([0.3]), np.array([0.3]), gaps=np.array([0.0]))
    assert np.isnan(found.share).all()
    assert found.num_pairs.tolist() == [0]


def test_gaps_must_not_be_negative() -> None:
    values = np.array([0.1, 0.2])
    with pytest.raises(ValueError, match=r"gaps must not be negative, got -0.5"):
        order_accuracy(values, values, gaps=np.array([0.1, -0.5]))
