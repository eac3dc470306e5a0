from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch
from helpers import made_up_cases, tiny_config
from scipy.spatial import cKDTree

from mspt.checkpoint import Checkpoint, build_model
from mspt.data.dataset import Dataset
from mspt.data.grids import grid_points
from mspt.data.registry import datasets, get_dataset
from mspt.data.symmetry import IDENTITY, LEFT_RIGHT, SQUARE, Symmetry, turn
from mspt.evaluation.cases import evaluate
from mspt.inference.predict import predict_case
from mspt.models.normalizer import Normalizer
from mspt.partition.ball_tree import build_partition
from mspt.progress import last_event
from mspt.solvers.darcy import sample_permeability, solve_darcy
from mspt.solvers.elasticity import sample_hole, solve_elasticity
from mspt.solvers.elasticity_mesh import ring_angles
from mspt.training.batches import Batch, TurnedSource, source_of

SOLVED = [dataset for dataset in datasets() if dataset.make_case]
"""The data sets whose cases are solved one by one."""
UPSIDE_DOWN: Symmetry = ((1, 0), (0, -1))
CASES = made_up_cases(6)
NORMALIZER = Normalizer.fit(CASES.points, CASES.features, CASES.fields)


def seen(epoch: int, *, seed: int = 0) -> Batch:
    source = source_of(CASES, normalizer=NORMALIZER, config=tiny_config(), seed=seed, augment=True)
    return source.batch(list(range(len(CASES))), epoch)


def test_square_has_eight_symmetries_of_which_any_two_make_another() -> None:
    assert SQUARE[0] == IDENTITY
    assert LEFT_RIGHT in SQUARE
    assert len(set(SQUARE)) == 8
    for first, second in product(map(np.array, SQUARE), repeat=2):
        assert tuple(map(tuple, (first @ second).tolist())) in SQUARE


@pytest.mark.parametrize("symmetry", SQUARE, ids=str)
def test_turned_grid_is_the_grid(symmetry: Symmetry) -> None:
    grid = grid_points((5, 5))
    turned = {tuple(point) for point in turn(grid, symmetry).tolist()}
    assert turned == {tuple(point) for point in grid.tolist()}


def test_identity_moves_no_point_by_a_bit() -> None:
    assert torch.equal(turn(CASES.points, IDENTITY), CASES.points)


@pytest.mark.parametrize("symmetry", SQUARE, ids=str)
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


@pytest.mark.parametrize(("symmetry", "holds"), [(LEFT_RIGHT, True), (UPSIDE_DOWN, False)], ids=str)
def test_cell_may_be_mirrored_left_to_right_only(symmetry: Symmetry, *, holds: bool) -> None:
    assert (symmetry in get_dataset("elasticity").symmetries) == holds
    radii, angles = sample_hole(5), ring_angles()
    sought = (np.pi if holds else 0) - angles
    apart = np.abs(np.exp(1j * sought)[:, None] - np.exp(1j * angles))
    here, there = solve_elasticity(radii), solve_elasticity(radii[apart.argmin(axis=1)])
    distance, row = cKDTree(there.points).query(turn(torch.from_numpy(here.points), symmetry))
    assert distance.max() < 1e-9
    assert np.allclose(there.stress[row], here.stress, rtol=1e-6) == holds


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
    model = build_model(tiny_config()).eval()
    random = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():  # heads start at zero: move them
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=random))
    return Checkpoint(model, tiny_config(), NORMALIZER, {"dataset": CASES.dataset})


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


@pytest.mark.parametrize("dataset", [one.name for one in SOLVED if len(one.symmetries) > 1])
def test_symmetric_error_of_turned_cases_is_the_same(checkpoint: Checkpoint, dataset: str) -> None:
    known = replace(checkpoint, info={"dataset": dataset})
    cases = replace(CASES, dataset=dataset)
    turned = replace(cases, points=turn(cases.points, get_dataset(dataset).symmetries[-1]))
    here, there = (last_event(evaluate(known, one, symmetries=True)) for one in (cases, turned))
    torch.testing.assert_close(here.symmetric, there.symmetric, rtol=1e-4, atol=0.0)
    assert (here.relative_l2 - there.relative_l2).abs().max() > 1e-3 * here.relative_l2.mean()


def test_symmetries_are_left_out_unless_asked_for(checkpoint: Checkpoint) -> None:
    found = last_event(evaluate(checkpoint, CASES))
    assert found.symmetric is None
    assert "symmetric" not in found.metrics()
    assert set(found.scores()[0]) == {"name", "relative_l2"}
