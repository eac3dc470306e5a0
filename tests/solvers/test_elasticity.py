from collections.abc import Callable

import numpy as np
import pytest
from numpy import ndarray

from mspt.errors import SolverError
from mspt.solvers.elasticity import (
    CLAMPED_CORNERS,
    NUM_POINTS,
    TRACTION,
    assemble_tangent,
    discretization_error,
    radii_from_polygon,
    sample_hole,
    solve_elasticity,
    solve_equilibrium,
    top_load,
)
from mspt.solvers.elasticity_mesh import (
    Mesh,
    build_mesh,
    refine_outline,
    ring_angles,
    triangulate,
    wall_distance,
)
from mspt.solvers.hyperelastic import (
    C1,
    C2,
    Space,
    build_space,
    cauchy_stress,
    energy_density,
    internal_forces,
    nodal_stress,
    piola_stress,
    stiffness,
    total_energy,
    von_mises,
)

# Far from small strain, area not kept, no symmetry.
STRETCHED = np.array([[1.2, 0.15, -0.1, 0.9], [0.8, -0.3, 0.2, 1.3]])


def relative(value: ndarray, reference: ndarray) -> float:
    return np.linalg.norm(value - reference) / np.linalg.norm(reference)


@pytest.fixture(scope="module")
def mesh() -> Mesh:
    return build_mesh(refine_outline(sample_hole(3), around=2), around=2)


@pytest.fixture(scope="module")
def space(mesh: Mesh) -> Space:
    return build_space(mesh.points, mesh.elements)


@pytest.fixture(scope="module")
def bent(mesh: Mesh) -> ndarray:
    """A smooth displacement of finite size."""
    x, y = mesh.points.T
    return 0.1 * np.stack([np.sin(2 * x + y) - x * y, x**2 + np.cos(3 * y)], axis=-1)


def rotation(angle: float) -> ndarray:
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def central_difference(
    function: Callable[[ndarray], ndarray],
    place: ndarray,
    direction: ndarray,
    step: float = 1e-6,
) -> ndarray:
    return (function(place + step * direction) - function(place - step * direction)) / (2 * step)


# ---- material


def test_piola_stress_is_the_derivative_of_the_energy() -> None:
    for direction in np.eye(4):
        slope = central_difference(energy_density, STRETCHED, direction)
        assert piola_stress(STRETCHED) @ direction == pytest.approx(slope, rel=1e-7)


def test_stiffness_is_the_derivative_of_the_piola_stress() -> None:
    for direction in np.eye(4):
        slope = central_difference(piola_stress, STRETCHED, direction)
        assert relative(stiffness(STRETCHED) @ direction, slope) < 1e-8


def test_a_small_shear_meets_the_shear_modulus_of_the_data_card() -> None:
    """2 (C1 + C2) with C1 = 0.1863 MPa and C2 = 9.79 kPa."""
    sheared = np.array([[1.0, 1e-6, 0.0, 1.0]])
    modulus = cauchy_stress(sheared)[0, 2] / 1e-6
    assert modulus == pytest.approx(2 * (186_300 + 9_790), rel=1e-6)


def test_turning_the_stretched_sheet_changes_no_energy_and_turns_its_stress() -> None:
    turn = rotation(0.7)
    turned = (turn @ STRETCHED.reshape(-1, 2, 2)).reshape(-1, 4)
    assert energy_density(turned) == pytest.approx(energy_density(STRETCHED), rel=1e-13)
    stress = (turn @ piola_stress(STRETCHED).reshape(-1, 2, 2)).reshape(-1, 4)
    assert relative(piola_stress(turned), stress) < 1e-13


def test_turning_the_sheet_before_stretching_changes_no_energy() -> None:
    turned = (STRETCHED.reshape(-1, 2, 2) @ rotation(0.7)).reshape(-1, 4)
    assert energy_density(turned) == pytest.approx(energy_density(STRETCHED), rel=1e-13)


@pytest.mark.parametrize("stretch", [0.7, 1.0, 1.5])
def test_a_pulled_strip_follows_the_closed_form_of_mooney_and_rivlin(stretch: float) -> None:
    gradient = np.array([[stretch**-0.5, 0.0, 0.0, stretch]])
    pull = 2 * (C1 + C2 / stretch) * (stretch - stretch**-2)
    assert piola_stress(gradient)[0] == pytest.approx([0, 0, 0, pull], abs=1e-9)
    assert von_mises(cauchy_stress(gradient)) == pytest.approx([abs(stretch * pull)], abs=1e-9)


# ---- finite elements


def test_moving_and_turning_the_mesh_stores_no_energy(mesh: Mesh, space: Space) -> None:
    moved = mesh.points @ rotation(0.4).T + [0.3, -0.2] - mesh.points
    assert total_energy(space, moved) == pytest.approx(0, abs=1e-8)
    assert np.abs(internal_forces(space, moved)).max() < 1e-8


def test_forces_are_the_derivative_of_the_energy(space: Space, bent: ndarray) -> None:
    direction = np.random.default_rng(0).standard_normal(bent.shape)
    slope = central_difference(
        lambda u: np.asarray(total_energy(space, u)), bent, direction, step=1e-7
    )
    assert (internal_forces(space, bent) * direction).sum() == pytest.approx(slope, rel=1e-6)


def test_the_tangent_is_the_symmetric_derivative_of_the_forces(space: Space, bent: ndarray) -> None:
    direction = np.random.default_rng(1).standard_normal(bent.shape)
    tangent = assemble_tangent(space, bent)
    slope = central_difference(lambda u: internal_forces(space, u), bent, direction, step=1e-7)
    assert relative(tangent @ direction.ravel(), slope.ravel()) < 1e-7
    assert abs(tangent - tangent.T).max() < 1e-9 * abs(tangent).max()


def test_an_affine_displacement_passes_the_patch_test(mesh: Mesh, space: Space) -> None:
    """Held at the bottom, pulled and sheared by the forces of a uniform finite strain."""
    affine = mesh.points[:, 1:] * np.array([[0.2, 0.3]])
    load = internal_forces(space, affine)
    found = solve_equilibrium(space, load=load, held=mesh.bottom)
    gradient = np.array([[1.0, 0.2, 0.0, 1.3]])
    energy = energy_density(gradient)[0] * space.weights.sum()
    assert np.abs(found - affine).max() < 1e-11
    assert relative(nodal_stress(space, found), cauchy_stress(gradient)) < 1e-9
    assert total_energy(space, found) == pytest.approx(energy, rel=1e-11)


def test_uniform_stress_leaves_no_force_inside_the_mesh(mesh: Mesh, space: Space) -> None:
    affine = mesh.points @ np.array([[0.1, -0.2], [0.3, 0.2]])
    forces = internal_forces(space, affine).reshape(-1, len(ring_angles(around=2)), 2)
    assert np.abs(forces[1:-1]).max() < 1e-9 * np.abs(forces).max()


def test_the_weights_add_up_to_the_area_between_hole_and_wall() -> None:
    mesh = build_mesh(np.full(288, 0.25), around=8)
    area = build_space(mesh.points, mesh.elements).weights.sum()
    assert area == pytest.approx(1 - np.pi * 0.25**2, abs=1e-7)


def test_an_element_turned_inside_out_is_refused(mesh: Mesh) -> None:
    with pytest.raises(
        SolverError,
        match=r"hole must leave every element of the mesh with a positive area, got -\S+; draw a",
    ):
        build_space(mesh.points[:, ::-1].copy(), mesh.elements)


def test_a_load_beyond_every_balance_is_refused() -> None:
    mesh = build_mesh(sample_hole(0))
    space = build_space(mesh.points, mesh.elements)
    with pytest.raises(SolverError, match="hole must let the forces balance within 12 steps, got"):
        solve_equilibrium(space, load=-1e7 * top_load(mesh), held=mesh.bottom)


# ---- the loaded cell


def test_the_load_pulls_up_with_the_traction_times_the_width(mesh: Mesh) -> None:
    load = top_load(mesh)
    assert load.sum(axis=0) == pytest.approx([0, TRACTION], rel=1e-12)
    assert load[:, 1] @ mesh.points[:, 0] == pytest.approx(TRACTION / 2, rel=1e-12)
    assert (mesh.points[load[:, 1] != 0, 1] == 1).all()


def test_the_clamp_holds_against_the_load(mesh: Mesh, space: Space) -> None:
    found = solve_equilibrium(space, load=top_load(mesh), held=mesh.bottom)
    reaction = internal_forces(space, found)[mesh.bottom].sum(axis=0)
    assert (found[mesh.bottom] == 0).all()
    assert (mesh.points[mesh.bottom, 1] == 0).all()
    assert reaction == pytest.approx([0, -TRACTION], abs=1e-7)


def test_a_small_round_hole_concentrates_the_stress_as_kirsch_says() -> None:
    """Three times the traction at its sides, once (compressed) above and below.

    Kirsch's sheet is infinite. This one is ten diameters wide (Howland: 3.03 instead of 3), and the
    clamp keeps it from narrowing, which loads its middle a few percent more than its edges.
    """
    solution = solve_elasticity(np.full(36, 0.05))
    hole = solution.stress[:36]
    sides, poles = hole[[5, 23]], hole[[14, 32]]
    assert sides / TRACTION == pytest.approx([3.03, 3.03], rel=0.05)
    assert poles / TRACTION == pytest.approx([1, 1], rel=0.05)


def test_stress_converges_under_refinement() -> None:
    """Away from the clamp's two corners, whose infinite stress keeps the order below two."""
    angles = ring_angles()
    radii = 0.25 + 0.04 * np.cos(2 * angles + 0.4) + 0.02 * np.sin(angles)
    coarse, fine, finest = (solve_elasticity(radii, around=n, outwards=n) for n in (1, 2, 5))
    upper = finest.points[:, 1] > 0.3
    stress_errors, displacement_errors = (
        [relative(getattr(s, part)[upper], getattr(finest, part)[upper]) for s in (coarse, fine)]
        for part in ("stress", "displacement")
    )
    assert np.log2(stress_errors[0] / stress_errors[1]) > 1.4
    assert np.log2(displacement_errors[0] / displacement_errors[1]) > 1.8
    assert stress_errors[1] < 0.015


def test_a_finer_mesh_changes_the_stress_by_as_little_as_the_data_card_says() -> None:
    everywhere, inside = discretization_error(range(1), around=6, outwards=2)
    assert 0.005 < inside < 0.025
    assert inside < everywhere < 0.05


def test_the_clamped_corners_are_where_the_data_card_says() -> None:
    points = solve_elasticity(sample_hole(0)).points
    assert points[list(CLAMPED_CORNERS)].tolist() == [[1, 0], [0, 0]]


def mirror_order(points: ndarray) -> ndarray:
    """For each point the index of its mirror image left to right."""
    image = np.column_stack([1 - points[:, 0], points[:, 1]])
    distance = np.linalg.norm(image[:, None] - points, axis=-1)
    return distance.argmin(axis=1)


def test_a_mirrored_hole_gives_the_mirrored_solution() -> None:
    radii, angles = sample_hole(5), ring_angles()
    image = mirror_order(0.5 + 0.3 * np.stack([np.cos(angles), np.sin(angles)], axis=-1))
    solution, mirrored = solve_elasticity(radii), solve_elasticity(radii[image])
    order = (36 * np.arange(27)[:, None] + image).ravel()
    assert np.abs(mirrored.points - ([1, 0] + [-1, 1] * solution.points[order])).max() < 1e-12
    assert relative(mirrored.stress, solution.stress[order]) < 1e-8
    assert relative(mirrored.displacement, [-1, 1] * solution.displacement[order]) < 1e-8


# ---- points and triangles


def test_points_are_rings_from_the_hole_to_the_wall_with_all_four_corners() -> None:
    radii = sample_hole(2)
    rings = solve_elasticity(radii).points.reshape(27, 36, 2)
    distance = np.linalg.norm(rings - 0.5, axis=-1)
    assert distance[0] == pytest.approx(radii, rel=1e-12)
    assert distance[-1] == pytest.approx(wall_distance(ring_angles()), rel=1e-12)
    assert (np.diff(distance, axis=0) > 0).all()
    assert rings[-1, [0, 10, 18, 28]].tolist() == [[1, 0], [1, 1], [0, 1], [0, 0]]


def test_triangles_cover_the_cell_without_the_hole_and_use_every_point() -> None:
    solution = solve_elasticity(sample_hole(2))
    a, b, c = np.moveaxis(solution.points[solution.triangles], 1, 0)
    areas = ((b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]) / 2
    x, y = solution.points[:36].T
    hole = (x * np.roll(y, -1) - y * np.roll(x, -1)).sum() / 2
    assert (areas > 0).all()
    assert areas.sum() == pytest.approx(1 - hole, rel=1e-12)
    assert np.array_equal(np.unique(triangulate()), np.arange(NUM_POINTS))


def test_the_refined_outline_passes_through_the_given_radii() -> None:
    radii = sample_hole(6)
    assert refine_outline(radii, around=4)[::4] == pytest.approx(radii, rel=1e-13)


# ---- holes


def test_the_field_of_the_hole_has_the_documented_covariance() -> None:
    radii = np.stack([sample_hole(seed) for seed in range(2000)])
    field = np.log(0.2 / (radii - 0.2) - 1)
    wave, angles = np.arange(10), ring_angles()
    variance = 16 / (np.pi * (wave**2 + 9))
    variance[0] /= 2
    for other in (0, 3, 18):
        expected = np.cos((angles[other] - angles[0]) * wave) @ variance
        assert (field[:, 0] * field[:, other]).mean() == pytest.approx(expected, abs=0.25)


def test_a_seed_always_gives_the_same_hole() -> None:
    assert np.array_equal(sample_hole(7), sample_hole(7))
    assert not np.array_equal(sample_hole(7), sample_hole(8))


def circle(
    radius: float, count: int = 60, center: tuple[float, float] = (0.5, 0.5), start: float = 0.1
) -> ndarray:
    angles = start + np.linspace(0, 2 * np.pi, count, endpoint=False)
    return np.stack([np.cos(angles), np.sin(angles)], axis=-1) * radius + center


def test_a_drawn_circle_has_its_radius() -> None:
    sagitta = 0.3 * (1 - np.cos(np.pi / 60))
    radii = radii_from_polygon(circle(0.3))
    assert ((radii <= 0.3) & (radii >= 0.3 - sagitta - 1e-12)).all()


def test_a_circle_off_center_has_the_radii_of_the_quadratic_formula() -> None:
    angles = ring_angles()
    cosine, sine = np.cos(angles), np.sin(angles)
    exact = 0.1 * cosine + np.sqrt(0.3**2 - (0.1 * sine) ** 2)
    radii = radii_from_polygon(circle(0.3, count=5000, center=(0.6, 0.5)))
    assert radii == pytest.approx(exact, abs=1e-6)


@pytest.mark.parametrize(
    "change",
    [lambda p: p[::-1].copy(), lambda p: np.vstack([p, p[:1]]), lambda p: np.roll(p, 7, axis=0)],
    ids=["other direction", "first vertex repeated", "other start"],
)
def test_the_way_of_drawing_does_not_matter(change: Callable[[ndarray], ndarray]) -> None:
    polygon = circle(0.3) * [1.0, 0.9]
    assert radii_from_polygon(change(polygon)) == pytest.approx(radii_from_polygon(polygon))


def test_a_sampled_hole_drawn_as_a_polygon_comes_back() -> None:
    radii, angles = sample_hole(9), ring_angles()
    polygon = 0.5 + radii[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    assert radii_from_polygon(polygon) == pytest.approx(radii, rel=1e-9)


def test_a_drawn_hole_is_solved() -> None:
    solution = solve_elasticity(radii_from_polygon(circle(0.2, count=7, center=(0.55, 0.45))))
    assert np.isfinite(solution.stress).all()
    assert solution.stress.max() > 2 * TRACTION


@pytest.mark.parametrize(
    ("polygon", "message"),
    [
        (circle(0.3)[:2], r"hole must have at least 3 finite vertices, got 2; draw a closed line"),
        (circle(np.nan), r"hole must have at least 3 finite vertices, got 60"),
        (circle(0.1, center=(0.8, 0.8)), r"star-shaped about the center .*, got 0 to 2 crossings"),
        (
            np.vstack([circle(0.3)[:20], circle(0.2)[10:25], circle(0.25)[20:]]),
            r"star-shaped about the center \(0.5, 0.5\).* got 1 to 3 crossings; draw it around",
        ),
        (np.vstack([circle(0.3), circle(0.2)]), r"star-shaped .* got \d to \d crossings"),
    ],
    ids=["two vertices", "not a number", "beside the center", "hook", "two turns"],
)
def test_drawings_that_are_no_hole_are_refused(polygon: ndarray, message: str) -> None:
    with pytest.raises(SolverError, match=message):
        radii_from_polygon(polygon)


def test_a_hook_between_two_radii_of_the_mesh_is_refused() -> None:
    """The mesh's rays are at 0 and 9 degrees; this outline turns back from 6 to 3 degrees."""
    angles = np.radians([2.0, 6.0, 3.0, 7.0, *range(10, 361, 5)])
    polygon = 0.5 + 0.3 * np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    polygon[2] = 0.5 + 0.8 * (polygon[2] - 0.5)
    with pytest.raises(SolverError, match=r"star-shaped .* got 1 to 3 crossings"):
        radii_from_polygon(polygon)


@pytest.mark.parametrize("radius", [0.049, 0.451, np.nan])
def test_holes_too_near_to_the_center_or_a_wall_are_refused(radius: float) -> None:
    radii = np.full(36, 0.3)
    radii[4] = radius
    with pytest.raises(SolverError, match=r"hole must have radii from 0.05 to 0.45 .* got .* draw"):
        solve_elasticity(radii)


def test_holes_that_swing_between_their_radii_are_refused() -> None:
    radii = np.where(np.arange(36) % 4 < 2, 0.06, 0.44)
    with pytest.raises(SolverError, match=r"hole must keep within 0.04 to 0.48 .* draw a smoother"):
        solve_elasticity(radii)


def test_a_wrong_number_of_radii_is_refused() -> None:
    with pytest.raises(
        SolverError, match=r"radii must have one value for each of 36 angles, got shape \(35,\)"
    ):
        solve_elasticity(np.full(35, 0.3))
