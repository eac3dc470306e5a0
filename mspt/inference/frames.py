"""Samples in time: one frame at a time, as a sample of its own.

What draws or measures a steady sample then does so at any time.

Letters: N points, X space axes, C output channels.
"""

from dataclasses import replace

from jaxtyping import Float
from torch import Tensor

from mspt.data.capabilities import TimeFrames
from mspt.data.frames import frame_columns, frame_layout
from mspt.data.registry import get_dataset
from mspt.inference.sample import Sample


def time_of(sample: Sample) -> TimeFrames | None:
    """Return the frames of a sample; None for a steady one, and for one of no data set."""
    return None if sample.dataset is None else get_dataset(sample.dataset).time


def at_time(sample: Sample, index: int) -> Sample:
    """Return a sample at one time, to be drawn or measured, not to be predicted.

    Its fields are those of the frame, and its points are where the truth has them at that time. A
    steady sample is returned as it is.

    Args:
        sample: The case at all times.
        index: Of the frame, counted from 0.

    Raises:
        ValueError: If there is no such frame, or the truth of the sample is not known.
    """
    time = time_of(sample)
    if time is None or sample.layout is None:
        return sample
    if sample.truth is None:
        raise ValueError(f"sample must have a truth to be shown in time, got none for {sample.key}")
    return replace(
        sample,
        key=f"{sample.key}@{index}",
        title=f"{sample.title}, {time.words(index)}",
        points=points_at(sample, sample.truth, index),
        layout=frame_layout(sample.layout, time),
        truth=fields_at(sample, sample.truth, index),
    )


def fields_at(sample: Sample, fields: Float[Tensor, "N C"], index: int) -> Float[Tensor, "N _"]:
    """Return the fields of one time; those of a steady sample as they are.

    Args:
        sample: The case at all times.
        fields: Its fields of all times.
        index: Of the frame, counted from 0.

    Raises:
        ValueError: If there is no such frame.
    """
    time = time_of(sample)
    if time is None or sample.layout is None:
        return fields
    return fields[:, frame_columns(sample.layout, time, index)]


def points_at(sample: Sample, fields: Float[Tensor, "N C"], index: int) -> Float[Tensor, "N X"]:
    """Return where the points are at one time according to some fields, the truth or a prediction.

    Args:
        sample: The case at all times.
        fields: Its fields of all times.
        index: Of the frame, counted from 0.

    Raises:
        ValueError: If there is no such frame.
    """
    time = time_of(sample)
    if time is None or not time.positions or sample.layout is None:
        return sample.points
    found = frame_layout(sample.layout, time).columns(time.positions)
    return fields_at(sample, fields, index)[:, found]
