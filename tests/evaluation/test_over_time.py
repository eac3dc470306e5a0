import numpy as np
import pytest
import torch
from made_up_frames import airfoil_case, block_case, torus_case

from mspt.evaluation.comparison import primary_error
from mspt.evaluation.over_time import (
    compare_over_time,
    errors_of_all_times,
    errors_over_time,
    views_in_time,
)
from mspt.inference.sample import sample_of_case


def test_errors_at_each_time_are_those_of_its_fields() -> None:
    case = torus_case()
    predicted = case.fields + torch.randn(case.fields.shape) * torch.arange(10)
    table = errors_over_time(sample_of_case(case), {"one": predicted})
    miss = (predicted - case.fields).double().numpy()
    whole = np.linalg.norm(case.fields.double().numpy(), axis=0)
    assert table["frame"].tolist() == list(range(1, 11))
    assert table["time"].tolist() == list(range(11, 21))
    columns = ("vorticity_relative_l2", "vorticity_rms_error", "vorticity_largest_error")
    assert list(table)[2:] == list(columns)
    found = [table[column].to_numpy() for column in columns]
    np.testing.assert_allclose(found[0], np.linalg.norm(miss, axis=0) / whole)
    np.testing.assert_allclose(found[1], np.sqrt((miss**2).mean(axis=0)))
    np.testing.assert_allclose(found[2], np.abs(miss).max(axis=0))


def test_errors_of_vectors_are_lengths_and_times_have_their_unit() -> None:
    case = block_case()
    predicted = case.fields.clone()
    predicted[:, 2::4] += 3
    predicted[:, 3::4] += 4
    table = errors_over_time(sample_of_case(case), {"a": predicted, "b": case.fields})
    np.testing.assert_allclose(table["displacement_a_rms_error"], 5, rtol=1e-5)
    np.testing.assert_allclose(table["displacement_a_largest_error"], 5, rtol=1e-4)
    assert (table["displacement_b_relative_l2"] == 0).all()
    assert (table["position_a_largest_error"] == 0).all()
    assert table["time_ms"].iloc[-1] == pytest.approx(4 / 3, rel=0.01)


def test_error_of_all_times_together_is_the_score() -> None:
    case = torus_case()
    sample, predicted = sample_of_case(case), 1.2 * case.fields + 0.1
    found = errors_of_all_times(sample, predicted)
    assert found == {"vorticity": pytest.approx(primary_error(sample, predicted))}


def test_each_field_has_an_error_of_its_own_over_all_times() -> None:
    case = block_case()
    sample, predicted = sample_of_case(case), case.fields.clone()
    predicted[:, 2::4] *= 1.5
    predicted[:, 3::4] *= 1.5
    found = errors_of_all_times(sample, predicted)
    assert found == {"displacement": pytest.approx(0.5), "position": 0}
    # The position is listed after what is shown on the points.
    assert list(views_in_time(sample)) == ["displacement", "position"]


def test_a_steady_case_has_no_errors_over_time() -> None:
    sample = sample_of_case(airfoil_case())
    (view,) = views_in_time(sample).values()
    assert errors_of_all_times(sample, 2 * sample.truth) == {"mach": pytest.approx(1)}
    with pytest.raises(ValueError, match="one in time, got the steady airfoil-1100"):
        compare_over_time(sample, sample.truth, view)
    with pytest.raises(ValueError, match="one in time, got the steady airfoil-1100"):
        errors_over_time(sample, {"one": sample.truth})
