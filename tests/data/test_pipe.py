"""The data set of flows through pipes: its grid, its fields, and how it is stored."""

import io

import numpy as np
import pytest
import torch
from numpy import ndarray

from mspt.data.case import Case
from mspt.data.codec import decode, encode
from mspt.data.sets.pipe import PIPE, heights
from mspt.evaluation.cases import num_parameters
from mspt.models.registry import build_model
from mspt.solvers.pipe import sample_center_line


@pytest.fixture(scope="module")
def case() -> Case:
    return PIPE.make_case(4)


def grid(values: torch.Tensor) -> ndarray:
    """Return values column by column: the first axis runs along the pipe."""
    return values.double().numpy().reshape(129, 129, -1)


def test_points_are_columns_about_the_center_line_of_the_seed(case: Case) -> None:
    x, y = np.moveaxis(grid(case.points), -1, 0)
    np.testing.assert_allclose(x, np.linspace(0, 10, 129)[:, None].repeat(129, 1), atol=1e-6)
    line = sample_center_line(4).at(np.linspace(0, 10, 129))
    np.testing.assert_allclose(y - line[:, None], grid(case.features)[..., 0], atol=1e-6)


def test_u_x_is_a_parabola_at_the_inlet_and_zero_at_the_walls(case: Case) -> None:
    u_x, height = grid(case.fields)[..., 0], grid(case.features)[..., 0]
    np.testing.assert_allclose(u_x[0], 1 - 4 * height[0] ** 2, atol=1e-6)
    assert np.abs(u_x[:, [0, -1]]).max() < 1e-6


def test_every_column_carries_what_enters(case: Case) -> None:
    weights = np.ones(129)  # Simpson's rule
    weights[1:-1:2], weights[2:-1:2] = 4, 2
    np.testing.assert_allclose(
        grid(case.fields)[..., 0] @ weights / weights.sum(), 2 / 3, rtol=5e-3
    )


def test_triangles_cover_the_pipe_counter_clockwise(case: Case) -> None:
    corner = case.points.double().numpy()[case.triangles.numpy()]
    first, second = corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]
    area = (first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]) / 2
    assert area.min() > 0
    assert area.sum() == pytest.approx(10, rel=1e-5)


def test_coarser_points_are_a_grid_with_both_ends_and_walls() -> None:
    rows = PIPE.coarsen(0.25)
    along, across = np.divmod(rows, 129)
    assert len(rows) == 65 * 65
    assert set(along) == set(across) == set(range(0, 129, 2))


def test_files_hold_neither_heights_nor_many_bytes(case: Case) -> None:
    arrays = encode(PIPE, [case], [7])
    assert not any(key.startswith("height") for key in arrays)
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    assert len(file.getvalue()) < 30_000
    stored = decode(PIPE, arrays, [7]).case(0)
    assert torch.equal(stored.features, heights())
    assert (stored.fields - case.fields).norm() < 1e-4 * case.fields.norm()
    assert (stored.points - case.points).abs().max() < 1e-4


def test_both_models_have_nearly_as_many_parameters() -> None:
    ours, theirs = (
        num_parameters(build_model(PIPE.presets[name].model))
        for name in ("pipe", "pipe-transolver")
    )
    # At equal width and depth Transolver has a few more, for its slices.
    assert ours <= theirs <= 1.1 * ours
