from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import product

import numpy as np
import pytest
import torch
from helpers import NUM_POINTS, made_up_cases, tiny_config
from numpy import ndarray
from quick_solvers import use_quick_solvers
from scipy.spatial import cKDTree
from torch import Tensor

from mspt.checkpoint import Checkpoint, build_model
from mspt.data.case import Case, CaseStack
from mspt.data.dataset import Dataset
from mspt.data.grids import grid_points
from mspt.data.registry import datasets, get_dataset
from mspt.data.sets import navier_stokes
from mspt.data.sets.airfoil import solve_moves
from mspt.data.sets.navier_stokes import vorticity_steps
from mspt.data.sets.pipe import solve_knots
from mspt.data.sets.plasticity import solve_die
from mspt.data.symmetry import (
    IDENTITY,
    LEFT_RIGHT,
    SQUARE,
    Symmetry,
    turn,
    turn_features,
    turn_fields,
)
from mspt.evaluation.cases import evaluate
from mspt.inference.predict import predict_case
from mspt.models.normalizer import Normalizer
from mspt.partition.ball_tree import build_partition
from mspt.progress import last_event
from mspt.solvers.darcy import sample_permeability, solve_darcy
from mspt.solvers.elasticity import sample_hole, solve_elasticity
from mspt.solvers.elasticity_mesh import ring_angles
from mspt.solvers.navier_stokes import flow_frames, sample_vorticity
from mspt.training.batches import Batch, TurnedSource, source_of

SOLVED = [dataset for dataset in datasets() if dataset.make_case]
"""The data sets whose cases are solved one by one."""
UPSIDE_DOWN = Symmetry(name="mirrored upside down", matrix=((1, 0), (0, -1)))
CASES = made_up_cases(6)


def name_of(one: Symmetry | Dataset) -> str:
    return one.name


NORMALIZER = Normalizer.fit(CASES.points, CASES.features, CASES.fields)


def seen(epoch: int, *, seed: int = 0) -> Batch:
    source = source_of(CASES, normalizer=NORMALIZER, config=tiny_config(), seed=seed, augment=True)
    return source.batch(list(range(len(CASES))), epoch)


def test_square_has_eight_symmetries_of_which_any_two_make_another() -> None:
    assert SQUARE[0] == IDENTITY
    assert LEFT_RIGHT in SQUARE
    matrices = {one.matrix for one in SQUARE}
    assert len(matrices) == len({one.name for one in SQUARE}) == 8
    for first, second in product(map(np.array, matrices), repeat=2):
        assert tuple(map(tuple, (first @ second).tolist())) in matrices


@pytest.mark.parametrize("symmetry", SQUARE, ids=name_of)
def test_turned_grid_is_the_grid(symmetry: Symmetry) -> None:
    grid = grid_points((5, 5))
    turned = {tuple(point) for point in turn(grid, symmetry).tolist()}
    assert turned == {tuple(point) for point in grid.tolist()}


def test_identity_moves_no_point_by_a_bit() -> None:
    assert torch.equal(turn(CASES.points, IDENTITY), CASES.points)


@pytest.mark.parametrize("symmetry", SQUARE, ids=name_of)
def test_pressure_of_a_turned_map_is_the_turned_pressure(
    symmetry: Symmetry,
) -> None:
    assert symmetry in get_dataset("darcy").symmetries
    permeability = sample_permeability(3)
    nodes = turn(grid_points(permeability.shape).double(), symmetry) * (len(permeability) - 1)
    column, row = nodes.round().long().numpy().T
    turned = np.empty_like(permeability)
    turned[row, column] = permeability.ravel()
    expected = solve_darcy(permeability).ravel()
    found = solve_darcy(turned)[row, column]
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(
    ("symmetry", "holds"),
    [(LEFT_RIGHT, True), (UPSIDE_DOWN, False)],
    ids=["left-right", "upside-down"],
)
def test_cell_may_be_mirrored_left_to_right_only(symmetry: Symmetry, *, holds: bool) -> None:
    assert (
        symmetry.matrix in {one.matrix for one in get_dataset("elasticity").symmetries}
    ) == holds
    radii, angles = sample_hole(5), ring_angles()
    sought = (np.pi if holds else 0) - angles
    apart = np.abs(np.exp(1j * sought)[:, None] - np.exp(1j * angles))
    here, there = solve_elasticity(radii), solve_elasticity(radii[apart.argmin(axis=1)])
    distance, row = cKDTree(there.points).query(turn(torch.from_numpy(here.points), symmetry))
    assert distance.max() < 1e-9
    assert np.allclose(there.stress[row], here.stress, rtol=1e-6) == holds


MOVES = np.array([[0.02, -0.01, 0.03, 0.0], [0.01, 0.04, -0.02, 0.0]])
KNOTS = np.array([[0, 0.2], [1, 0], [0, -0.8], [-1, 0.1], [0.5, 0]], dtype=float)
DIE = 1.0 + np.linspace(0, 1.5, 101) ** 2


@pytest.mark.parametrize(
    ("solve", "given", "mirrored"),
    [
        (solve_moves, MOVES, -MOVES[::-1]),
        (solve_knots, KNOTS, -KNOTS),
        (solve_die, DIE, DIE[::-1]),
    ],
    ids=["airfoil", "pipe", "plasticity"],
)
def test_solution_of_a_mirrored_input_is_the_mirrored_solution(
    solve: Callable[[ndarray], Case],
    given: ndarray,
    mirrored: ndarray,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    use_quick_solvers(monkeypatch)
    here, there = solve(given), solve(np.ascontiguousarray(mirrored))
    (_, symmetry) = get_dataset(here.dataset).symmetries
    points = turn(here.points.double(), symmetry).numpy()
    # Points on both sides of the wake of an airfoil coincide: tell them apart by their features.
    features = turn_features(here.features, symmetry).numpy()
    size = np.abs(there.points.numpy()).max()
    distance, row = cKDTree(np.hstack([there.points, there.features])).query(
        np.hstack([points, features])
    )
    assert distance.max() < 1e-6 * size
    fields = turn_fields(here.fields, symmetry)
    assert relative(there.fields[row], fields) < 1e-3
    assert relative(there.fields, fields) > 5e-3


@pytest.mark.parametrize("symmetry", get_dataset("navier_stokes").symmetries[1:], ids=name_of)
def test_flow_of_a_turned_vorticity_is_the_turned_flow(
    symmetry: Symmetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        navier_stokes, "flow_frames", partial(flow_frames, steps_per_frame=4, frame_time=0.04)
    )
    start = sample_vorticity(3)
    sign = symmetry.field_signs[0] if symmetry.field_signs else 1
    column, row = places(symmetry, len(start))
    turned = np.empty_like(start)
    turned[row, column] = sign * start.ravel()
    here, there = (
        last_event(one for one in vorticity_steps(given) if isinstance(one, Case))
        for given in (start, turned)
    )
    column, row = places(symmetry, 64)
    for values, expected in (
        (there.features, turn_features(here.features, symmetry)),
        (there.fields, turn_fields(here.fields, symmetry)),
    ):
        found = values.unflatten(0, (64, 64))[row, column]
        assert relative(found, expected) < 1e-5


def places(symmetry: Symmetry, size: int) -> ndarray:
    """Return columns and rows that the points of a grid of the torus are taken to."""
    y, x = np.indices((size, size)) / size
    points = torch.from_numpy(np.stack([x, y], axis=-1).reshape(-1, 2))
    return (turn(points, symmetry) * size).round().long().numpy().T % size


def relative(found: Tensor, expected: Tensor) -> float:
    return ((found - expected).norm() / expected.norm()).item()


def test_symmetry_must_be_undone_by_doing_it_twice() -> None:
    with pytest.raises(ValueError, match="field_offsets must be zero but where the sign is -1"):
        Symmetry(name="moved", field_signs=(1,), field_offsets=(2.0,))
    with pytest.raises(ValueError, match="signs must be 1 or -1"):
        Symmetry(name="halved", feature_signs=(2,))


def test_points_turn_and_take_features_and_fields_along() -> None:
    batch = seen(0)
    points = batch.points * NORMALIZER.points_scale + NORMALIZER.points_mean
    _, features = NORMALIZER.encode(CASES.points, CASES.features)
    torch.testing.assert_close(batch.features, features)
    torch.testing.assert_close(batch.fields, CASES.fields)
    known = get_dataset(CASES.dataset).symmetries
    for row in range(len(CASES)):
        ways = torch.stack([turn(CASES.points[row], one) for one in known])
        assert (points[row] - ways).abs().amax(dim=(1, 2)).min() < 1e-5


def test_every_epoch_turns_anew_and_the_seed_repeats_it() -> None:
    epochs = [seen(epoch).points for epoch in range(8)]
    assert len({points.numpy().tobytes() for points in epochs}) > 4
    assert torch.equal(epochs[0], seen(0).points)
    assert not all(torch.equal(seen(e).points, seen(e, seed=1).points) for e in range(8))


def test_turned_points_are_cut_into_patches_of_their_own() -> None:
    batch = seen(0)
    assert batch.partitions is not None
    for points, cut in zip(batch.points, batch.partitions, strict=True):
        assert torch.equal(cut.order, build_partition(points, len(cut.offsets) - 1).order)


def test_only_training_cases_are_turned() -> None:
    plain = source_of(CASES, normalizer=NORMALIZER, config=tiny_config(), seed=0)
    assert not isinstance(plain, TurnedSource)
    encoded, _ = NORMALIZER.encode(CASES.points, CASES.features)
    torch.testing.assert_close(plain.batch([0, 1], 3).points, encoded[:2])


@pytest.mark.parametrize("dataset", SOLVED, ids=[dataset.name for dataset in SOLVED])
def test_symmetries_begin_with_the_identity(dataset: Dataset) -> None:
    assert dataset.symmetries[0] == IDENTITY


@pytest.fixture
def checkpoint() -> Checkpoint:
    return untrained(get_dataset(CASES.dataset), CASES)


def untrained(dataset: Dataset, cases: CaseStack) -> Checkpoint:
    """Return a checkpoint with random weights for cases with these channels."""
    config = tiny_config(in_features=cases.features.shape[-1], out_channels=cases.fields.shape[-1])
    model = build_model(config).eval()
    random = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():  # heads start at zero: move them
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=random))
    normalizer = Normalizer.fit(cases.points, cases.features, cases.fields)
    return Checkpoint(model, config, normalizer, {"dataset": dataset.name})


def turned_cases(cases: CaseStack, symmetry: Symmetry) -> CaseStack:
    return replace(
        cases,
        points=turn(cases.points, symmetry),
        features=turn_features(cases.features, symmetry),
        fields=turn_fields(cases.fields, symmetry),
    )


def test_symmetric_error_is_that_of_the_mean_over_all_symmetries(checkpoint: Checkpoint) -> None:
    found = last_event(evaluate(checkpoint, CASES, symmetries=True))
    assert found.symmetric is not None
    for row in range(len(CASES)):
        case = CASES.case(row)
        fields = [
            predict_case(checkpoint, turn(case.points, one), case.features).fields
            for one in get_dataset(CASES.dataset).symmetries
        ]
        mean = torch.stack(fields).mean(dim=0)
        expected = (mean - case.fields).norm() / case.fields.norm()
        assert found.symmetric[row].item() == pytest.approx(expected.item(), rel=1e-4)
        assert found.scores()[row] == {
            "name": case.name,
            "relative_l2": pytest.approx(found.relative_l2[row].item(), abs=1e-6),
            "symmetric": pytest.approx(expected.item(), rel=1e-3),
        }
    assert found.metrics()["symmetric"] == pytest.approx(found.symmetric.mean().item())


@pytest.mark.parametrize("dataset", [one for one in SOLVED if len(one.symmetries) > 1], ids=name_of)
def test_symmetric_error_of_turned_cases_is_the_same(dataset: Dataset) -> None:
    """The mean over a group of symmetries does not depend on which of them was applied before."""
    sizes = len(dataset.layout.feature_channels), len(dataset.layout.field_channels)
    random = torch.Generator().manual_seed(1)
    features, fields = (torch.randn(3, NUM_POINTS, size, generator=random) for size in sizes)
    cases = replace(
        CASES,
        dataset=dataset.name,
        names=CASES.names[:3],
        points=CASES.points[:3],
        features=features,
        fields=100.0 + fields,
    )
    known = untrained(dataset, cases)
    turned = turned_cases(cases, dataset.symmetries[-1])
    here, there = (last_event(evaluate(known, one, symmetries=True)) for one in (cases, turned))
    # Absolute errors, as a mirrored coordinate has another norm.
    norm, turned_norm = (one.fields.flatten(1).norm(dim=1) for one in (cases, turned))
    assert here.symmetric is not None
    assert there.symmetric is not None
    torch.testing.assert_close(
        here.symmetric * norm, there.symmetric * turned_norm, rtol=1e-4, atol=0.0
    )
    single, turned_single = here.relative_l2 * norm, there.relative_l2 * turned_norm
    assert (single - turned_single).abs().max() > 1e-5 * single.mean()


def test_symmetries_are_left_out_unless_asked_for(checkpoint: Checkpoint) -> None:
    found = last_event(evaluate(checkpoint, CASES))
    assert found.symmetric is None
    assert "symmetric" not in found.metrics()
    assert set(found.scores()[0]) == {"name", "relative_l2"}
