import numpy as np
import pytest
import scipy.interpolate
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy import ndarray

from mspt.geometry.bodies.freeform import (
    DOMAIN,
    MAX_GRADIENT,
    FreeForm,
    Lattice,
    deformed,
    draw_form,
    lattices_of,
    moved,
)
from mspt.geometry.mesh import box
from mspt.geometry.subdivide import refined

WILD = (FreeForm(seed=3, length=0.3, amplitude=0.2), FreeForm(seed=4, length=0.15, amplitude=0.1))
"""Amplitudes that would fold a body many times over if they were not reduced."""
MIRROR = np.array([1.0, -1.0, 1.0])


def points_in_domain(count: int, seed: int = 0) -> ndarray:
    low, high = np.array(DOMAIN[0]) + 0.01, np.array(DOMAIN[1]) - 0.01
    return np.random.default_rng(seed).uniform(low, high, (count, 3))


def jacobians(points: ndarray, lattices: tuple[Lattice, ...]) -> ndarray:
    """Gradients of the displacement, by central differences."""
    step = 1e-5
    columns = [
        sum(
            one.displacement(points + offset) - one.displacement(points - offset)
            for one in lattices
        )
        / (2 * step)
        for offset in step * np.eye(3)
    ]
    return np.stack(columns, axis=2)


@given(seed=st.integers(0, 2**31), amplitude=st.floats(0.001, 1.0), length=st.floats(0.1, 0.5))
@settings(max_examples=5)
def test_no_gradient_exceeds_the_bound_and_no_two_points_meet(
    seed: int, amplitude: float, length: float
) -> None:
    forms = [FreeForm(seed=seed, length=length, amplitude=amplitude)]
    lattices = lattices_of(forms)
    bound = sum(one.gradient_bound for one in lattices)
    points = points_in_domain(300, seed)
    gradients = jacobians(points, lattices)
    steepest = np.linalg.norm(gradients, ord=2, axis=(1, 2)).max()
    assert 0.05 * bound < steepest <= bound + 1e-6 <= MAX_GRADIENT + 2e-6
    assert (np.linalg.det(np.eye(3) + gradients) > (1 - MAX_GRADIENT) ** 3).all()
    # Pairs at all distances, from neighbors to opposite ends.
    reach = np.logspace(-4, 0, 300)[:, None]
    others = points + reach * np.random.default_rng(seed + 1).normal(size=(300, 3))
    others = np.clip(others, *DOMAIN)
    before = np.linalg.norm(points - others, axis=1)
    after = np.linalg.norm(moved(points, forms) - moved(others, forms), axis=1)
    assert (after >= (1 - MAX_GRADIENT - 1e-6) * before).all()


def test_without_the_bound_the_same_vectors_fold_space() -> None:
    lattices = lattices_of(WILD)
    assert sum(one.gradient_bound for one in lattices) == pytest.approx(MAX_GRADIENT)
    shares = 30.0
    raw = tuple(Lattice(shares * one.vectors, one.low, one.spacing) for one in lattices)
    points = points_in_domain(2000)
    assert np.linalg.det(np.eye(3) + jacobians(points, raw)).min() < 0


def test_displacement_is_the_tensor_product_of_cubic_splines() -> None:
    (lattice,) = lattices_of([FreeForm(seed=1, length=0.25, amplitude=0.01)])
    # A spline with knots at the vectors' places, evaluated by scipy along one axis after another.
    points = points_in_domain(20)
    for point, found in zip(points, lattice.displacement(points), strict=True):
        values = lattice.vectors
        for axis in range(3):
            count = values.shape[0]
            knots = lattice.low[axis] + lattice.spacing * (np.arange(count + 4) - 2)
            values = scipy.interpolate.BSpline(knots, values, 3)(point[axis])
        share = np.interp(point[2], [0, 0.2], [0, 1])
        values[2] *= share**2 * (3 - 2 * share)
        np.testing.assert_allclose(found, values, atol=1e-12)


def test_grid_and_points_agree() -> None:
    (lattice,) = lattices_of([FreeForm(seed=2, length=0.2, amplitude=0.01)])
    axes = np.linspace(-0.1, 1.1, 7), np.linspace(0.01, 0.5, 5), np.linspace(-0.1, 0.7, 6)
    nodes = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    found = lattice.on_grid(*axes).reshape(3, -1).T
    np.testing.assert_allclose(found, lattice.displacement(nodes), atol=1e-14)


def test_mirrored_points_move_to_mirrored_places_and_the_ground_stays() -> None:
    points = points_in_domain(200)
    np.testing.assert_allclose(
        moved(points * MIRROR, WILD), moved(points, WILD) * MIRROR, atol=1e-13
    )
    on_ground = points * [1, 1, 0]
    assert (moved(on_ground, WILD)[:, 2] == 0).all()
    in_middle = points * [1, 0, 1]
    assert np.abs(moved(in_middle, WILD)[:, 1]).max() < 1e-15
    assert np.abs(moved(points, WILD) - points).max() > 0.01


def test_stretching_lattice_scales_volume_and_area_as_a_stretched_box() -> None:
    """A cubic spline reproduces linear functions: vectors that grow with x and y stretch evenly."""
    spacing, low = 0.2, np.array([-0.6, -1.2, -0.6])
    nodes = low + spacing * np.moveaxis(np.indices((13, 13, 9)), 0, -1)
    vectors = nodes * [0.1, -0.05, 0.0]
    stretched = Lattice(vectors, low, spacing)
    assert stretched.gradient_bound == pytest.approx(np.hypot(0.1, 0.05))
    body = refined(box((0, -0.2, 0.1), (1, 0.2, 0.4)), max_edge=0.1).mesh
    bent = body.vertices + stretched.displacement(body.vertices)
    found = type(body)(bent, body.triangles)
    a, b, c = 1.1, 0.4 * 0.95, 0.3
    assert found.volume == pytest.approx(a * b * c)
    assert found.areas.sum() == pytest.approx(2 * (a * b + b * c + c * a))


def test_deformed_box_stays_closed_and_keeps_its_volume_within_the_bound() -> None:
    body = refined(box((0, -0.2, 0.1), (1, 0.2, 0.4)), max_edge=0.05).mesh
    bent = deformed(body, WILD)
    np.testing.assert_array_equal(bent.triangles, body.triangles)
    assert (1 - MAX_GRADIENT) ** 3 < bent.volume / body.volume < (1 + MAX_GRADIENT) ** 3
    assert bent.volume != pytest.approx(body.volume, rel=0.005)


def test_drawn_deformations_have_a_long_and_a_short_part_that_vary() -> None:
    drawn = [draw_form(np.random.default_rng(seed)) for seed in range(200)]
    lengths = np.array([[one.length for one in form] for form in drawn])
    assert (lengths[:, 0] > lengths[:, 1]).all()
    assert np.ptp(lengths, axis=0).min() > 0.1
    moves = [np.abs(moved(points_in_domain(50), form) - points_in_domain(50)) for form in drawn[:8]]
    largest = [move.max() for move in moves]
    assert min(largest) > 0.005
    assert max(largest) < 0.12
