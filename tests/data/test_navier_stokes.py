"""The data set of flows on a torus: its points, its frames, and how it is stored."""

import io

import numpy as np
import pytest
import torch

from mspt.data.case import Case
from mspt.data.codec import decode, encode
from mspt.data.sets.navier_stokes import NAVIER_STOKES
from mspt.evaluation.cases import num_parameters
from mspt.models.registry import build_model
from mspt.solvers.navier_stokes import sample_vorticity, solve_navier_stokes
from mspt.solvers.navier_stokes_torus import diagonal_force


@pytest.fixture(scope="module")
def case() -> Case:
    return NAVIER_STOKES.make_case(4)


def test_features_are_the_first_ten_frames_and_fields_the_next(case: Case) -> None:
    frames = solve_navier_stokes(sample_vorticity(4), num_frames=11)
    values = torch.cat([case.features, case.fields], dim=1).numpy()
    for index in range(11):
        assert np.array_equal(values[:, index].reshape(64, 64), frames[index])
    assert NAVIER_STOKES.time.inputs == tuple(range(1, 11))
    assert NAVIER_STOKES.time.outputs == tuple(range(11, 21))
    names = [one.name for one in (*NAVIER_STOKES.features, *NAVIER_STOKES.fields)]
    assert names == [f"vorticity_{time}" for time in range(1, 21)]


def test_points_are_those_of_the_frames(case: Case) -> None:
    """The force is known at every point, and at first drives the flow: w grows along it."""
    x, y = case.points.double().numpy().T
    assert (x.min(), x.max(), y.min(), y.max()) == (0, 63 / 64, 0, 63 / 64)
    frames = solve_navier_stokes(np.zeros((128, 128)), num_frames=1)
    np.testing.assert_allclose(frames[0].ravel(), diagonal_force(x, y), rtol=0.01, atol=1e-3)


def test_storing_twelve_bits_keeps_the_frames_and_few_bytes(case: Case) -> None:
    arrays = encode(NAVIER_STOKES, [case], [7])
    stored = decode(NAVIER_STOKES, arrays, [7]).case(0)
    for part in ("features", "fields"):
        kept, exact = getattr(stored, part), getattr(case, part)
        errors = (kept - exact).norm(dim=0) / exact.norm(dim=0)
        assert errors.max() < 6e-4
        assert errors.min() > 1e-4  # more bits would be kept for nothing
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    assert len(file.getvalue()) < 110_000


def test_the_default_model_reads_ten_frames_and_is_rolled_out_ten_times() -> None:
    models = [preset.model for preset in NAVIER_STOKES.presets.values()]
    assert {
        (one.in_features, one.input_frames, one.out_channels, one.rollout) for one in models
    } == {(10, 10, 1, 10)}
    ours, *others = (num_parameters(build_model(model)) for model in models)
    assert all(0.9 * ours < other < 1.1 * ours for other in others)
