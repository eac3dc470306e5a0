"""What the airfoils and the block under a die promise beyond the contract of every data set.

Solvers stop early here: nothing below depends on where a flow or a die ends.
"""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from quick_solvers import QUICK_TOLERANCE, use_quick_solvers

from mspt.data.case import Case
from mspt.data.codec import decode, encode
from mspt.data.registry import get_dataset
from mspt.data.sets import airfoil, plasticity
from mspt.errors import DataError
from mspt.solvers.airfoil import solve_airfoil
from mspt.solvers.airfoil_grid import SHAPE, build_grid
from mspt.solvers.plasticity import NUM_FRAMES, frame_times, press_block, sample_die

NAMES = ["airfoil", "plasticity"]
TIMES = frame_times()


@pytest.fixture(autouse=True)
def quick_solvers(monkeypatch: pytest.MonkeyPatch) -> None:
    use_quick_solvers(monkeypatch)


@cache
def made(name: str) -> Case:
    return get_dataset(name).make_case(11)


@cache
def stored(name: str) -> Case:
    dataset = get_dataset(name)
    return decode(dataset, encode(dataset, [made(name)], [11]), [11]).case(0)


@pytest.mark.parametrize("name", NAMES)
def test_triangles_turn_counter_clockwise(name: str) -> None:
    case = made(name)
    a, b, c = case.points[case.triangles].double().unbind(dim=1)
    areas = (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]
    assert (areas > 0).all()
    assert torch.equal(case.triangles, stored(name).triangles)


@pytest.mark.parametrize("name", NAMES)
def test_files_hold_only_what_does_not_follow_from_the_rest(name: str) -> None:
    dataset = get_dataset(name)
    held = {key.rpartition("_")[0] for key in encode(dataset, [made(name)], [11])} - {""}
    kept = (*dataset.features, *dataset.fields)
    assert held == {channel for one in kept if one.is_stored for channel in one.channels}


@pytest.mark.parametrize("name", NAMES)
def test_a_field_that_is_not_finite_is_not_stored(name: str) -> None:
    case = made(name)
    fields = case.fields.clone()
    fields[5, -1] = torch.nan
    channel = get_dataset(name).layout.field_channels[-1]
    with pytest.raises(DataError, match=f"{channel} must be finite to be stored, got others at 1 "):
        encode(get_dataset(name), [replace(case, fields=fields)], [11])


# ---- airfoil


def test_points_of_stored_airfoils_follow_from_the_move() -> None:
    case, again = made("airfoil"), stored("airfoil")
    features = get_dataset("airfoil").layout.named_features(again.features)
    assert torch.equal(again.features[:, :2], case.features[:, :2])
    assert torch.equal(again.points[:, 0], case.points[:, 0])
    still = build_grid(np.zeros((2, 4))).points.reshape(-1, 2)
    moved = again.points[:, 1].double().numpy() - still[:, 1]
    assert moved == pytest.approx(features["move"].numpy(), abs=1e-5)
    assert (again.points - case.points).abs().max() < 2e-5


def test_xi_and_eta_are_the_root_of_the_undeformed_points() -> None:
    xi, eta = made("airfoil").features[:, :2].double().T.numpy()
    root = (xi + 1j * eta) ** 2 + 0.0079
    still = build_grid(np.zeros((2, 4))).points.reshape(-1, 2)
    assert np.abs(root.real - still[:, 0]).max() < 1e-5
    assert np.abs(root.imag - still[:, 1]).max() < 1e-5


def test_both_sides_of_the_wake_of_a_stored_case_agree() -> None:
    wake = stored("airfoil").points.reshape(*SHAPE, 2)[:, 0]
    assert torch.equal(wake[:44], wake.flip(0)[:44])


def test_drawn_moves_are_solved_as_random_ones() -> None:
    moves = np.zeros((2, 4))
    case = airfoil.solve_moves(moves)
    assert case.name == "drawing"
    assert case.features[:, 2].abs().max() == 0
    mach = solve_airfoil(moves, tolerance=QUICK_TOLERANCE).mach
    assert np.array_equal(case.fields[:, 0].numpy(), mach.ravel().astype(np.float32))


# ---- plasticity


def test_positions_are_points_plus_displacements() -> None:
    layout = get_dataset("plasticity").layout
    for case in (made("plasticity"), stored("plasticity")):
        fields = layout.named(case.fields)
        for frame in range(1, NUM_FRAMES + 1):
            moved = case.points + fields[f"displacement_{frame}"]
            assert torch.equal(fields[f"position_{frame}"], moved)


def test_frames_are_those_of_the_solver() -> None:
    displacement = press_block(sample_die(11)).displacement.reshape(NUM_FRAMES, -1, 2)
    fields = get_dataset("plasticity").layout.named(made("plasticity").fields)
    for frame in (0, 7, NUM_FRAMES - 1):
        found = fields[f"displacement_{frame + 1}"].double().numpy()
        assert np.abs(found - displacement[frame]).max() < 1e-6


def test_the_model_reads_the_die_above_each_point() -> None:
    die = made("plasticity").features.reshape(101, 31).double().numpy()
    assert np.abs(die - sample_die(11)[:, None]).max() < 1e-6


def test_a_frame_has_two_fields_and_a_time_of_its_own() -> None:
    dataset = get_dataset("plasticity")
    assert dataset.time.outputs == TIMES
    assert len(dataset.fields) == 2 * len(dataset.time.outputs)
    assert dataset.layout.field_channels[:4] == ("x_1", "y_1", "u_x_1", "u_y_1")
    assert dataset.fields[-1].description.endswith("At time 1.33333.")


def test_a_drawn_die_is_solved_as_a_random_one() -> None:
    case = plasticity.solve_die(np.full(101, 4.5))
    assert case.name == "drawing"
    fields = get_dataset("plasticity").layout.named(case.fields)
    assert fields["displacement_20"].abs().max() == 0
