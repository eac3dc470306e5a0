"""The error of a prediction at each time of a case.

Letters: N points, C output channels.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from mspt.data.frames import frame_layout
from mspt.evaluation.comparison import (
    Compared,
    Component,
    View,
    compare,
    field_errors,
    views_of,
)
from mspt.inference.frames import at_time, fields_at, time_of
from mspt.inference.sample import Sample
from mspt.metrics.fields import relative_l2


def views_in_time(sample: Sample) -> dict[str, View]:
    """Return the fields of a sample that can be chosen, whatever the time; all of a steady one."""
    return views_of(at_time(sample, 0))


def errors_of_all_times(sample: Sample, predicted: Float[Tensor, "N C"]) -> dict[str, float]:
    """Return the relative L2 error of each field over all times together, by its name on screen.

    Raises:
        ValueError: If the truth of the sample is not known.
    """
    time = time_of(sample)
    if time is None or sample.truth is None or sample.layout is None:
        return field_errors(sample, predicted)
    layout, truth = frame_layout(sample.layout, time), sample.truth

    def over_time(fields: Float[Tensor, "N C"], view: View) -> Float[Tensor, "1 N _"]:
        columns = layout.columns(view.quantity)
        frames = range(len(time.outputs))
        found = [fields_at(sample, fields, index)[:, columns] for index in frames]
        return torch.cat(found, dim=1)[None].double()

    return {
        name: relative_l2(over_time(predicted, view), over_time(truth, view)).item()
        for name, view in views_in_time(sample).items()
    }


def compare_over_time(
    sample: Sample, predicted: Float[Tensor, "N C"], view: View, *, part: Component = "size"
) -> tuple[Compared, ...]:
    """Compare one field of a prediction with the truth at each time.

    Args:
        sample: The case at all times.
        predicted: The model's fields of all times.
        view: Which field, one of :func:`~mspt.evaluation.comparison.views_of` for a single frame.
        part: Which component, if it is a vector.

    Raises:
        ValueError: If the sample is steady, or its truth is not known.
    """
    time = time_of(sample)
    if time is None:
        raise ValueError(f"sample must be one in time, got the steady {sample.key}")
    return tuple(
        compare(at_time(sample, index), fields_at(sample, predicted, index), view, part=part)
        for index in range(len(time.outputs))
    )


def errors_over_time(
    sample: Sample, predictions: Mapping[str, Float[Tensor, "N C"]]
) -> pd.DataFrame:
    """Return one row for each time, with the errors of each field.

    The columns are ``frame``, counted from 1, and ``time``, with its unit where there is one. For
    each field follow ``_relative_l2``, ``_rms_error`` and ``_largest_error``, the latter two in the
    field's unit; where there are several predictions, their names stand before these.

    Args:
        sample: The case at all times.
        predictions: Predicted fields of all times by the name of what predicted them.

    Raises:
        ValueError: If the sample is steady, or its truth is not known.
    """
    time = time_of(sample)
    if time is None:
        raise ValueError(f"sample must be one in time, got the steady {sample.key}")
    unit = "" if time.unit == "1" else f"_{time.unit}"
    table = {
        "frame": np.arange(1, len(time.outputs) + 1),
        f"time{unit}": np.array(time.outputs),
    }
    for view in views_in_time(sample).values():
        for name, predicted in predictions.items():
            start = view.quantity if len(predictions) == 1 else f"{view.quantity}_{name}"
            several = compare_over_time(sample, predicted, view)
            squared = [one.squared for one in several]
            table |= {
                f"{start}_relative_l2": np.array([one.relative_l2 for one in several]),
                f"{start}_rms_error": np.array([np.sqrt(one.mean()) for one in squared]),
                f"{start}_largest_error": np.array([np.sqrt(one.max()) for one in squared]),
            }
    return pd.DataFrame(table)
