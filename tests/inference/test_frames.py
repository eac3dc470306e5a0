from dataclasses import replace

import pytest
import torch
from made_up_frames import airfoil_case, block_case, torus_case

from mspt.inference.frames import at_time, fields_at, points_at, time_of
from mspt.inference.sample import sample_of_case, sample_of_points


def test_a_frame_has_the_fields_of_its_time_by_their_own_names() -> None:
    sample = sample_of_case(torus_case())
    for index in (0, 4, 9):
        shown = at_time(sample, index)
        assert [channel.name for channel in shown.channels] == ["vorticity"]
        named = sample.layout.named(sample.truth)[f"vorticity_{11 + index}"]
        torch.testing.assert_close(shown.truth[:, 0], named)
        assert shown.title.endswith(f"t = {11 + index}")
        torch.testing.assert_close(shown.points, sample.points)
    assert len({at_time(sample, index).key for index in range(10)}) == 10


def test_points_are_where_the_fields_have_them() -> None:
    """The position is that at the start and the displacement together, at every time."""
    sample = sample_of_case(block_case())
    for index in (0, 19):
        shown = at_time(sample, index)
        moved = shown.layout.named(shown.truth)["displacement"]
        assert moved.abs().max() > 0.01
        torch.testing.assert_close(shown.points, sample.points + moved)
    predicted = sample.truth + 1.5
    torch.testing.assert_close(points_at(sample, predicted, 7), at_time(sample, 7).points + 1.5)
    torch.testing.assert_close(fields_at(sample, predicted, 7), predicted[:, 28:32])


def test_steady_samples_are_as_they_are() -> None:
    steady = sample_of_case(airfoil_case())
    assert at_time(steady, 0) is steady
    assert fields_at(steady, steady.truth, 0) is steady.truth
    assert points_at(steady, steady.truth, 0) is steady.points
    assert time_of(sample_of_points("line", torch.rand(9, 3), title="Line")) is None


def test_a_frame_needs_a_truth() -> None:
    blind = replace(sample_of_case(torus_case()), truth=None)
    with pytest.raises(ValueError, match="must have a truth to be shown in time"):
        at_time(blind, 0)
