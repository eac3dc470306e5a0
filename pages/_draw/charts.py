"""What a picture of a drawn sample shows: one field, at one time, where its points are then."""

from dataclasses import replace

from jaxtyping import Float
from torch import Tensor

from mspt.evaluation.comparison import Compared, View, compare, views_of
from mspt.inference.frames import at_time, fields_at, points_at, time_of
from mspt.inference.sample import Sample


def shown_sample(sample: Sample, known: Float[Tensor, "N C"], time: int) -> Sample:
    """Return a drawn sample at one time.

    Args:
        sample: The sample at all times.
        known: Truth or prediction: the fields of the result, which say where points are that move.
        time: Which time.
    """
    return at_time(replace(sample, truth=known), time)


def shown_view(sample: Sample) -> View:
    """Return the field that a picture of a sample shows: the first one that is not its points."""
    time = time_of(sample)
    positions = time.positions if time else ""
    return next(view for view in views_of(sample).values() if view.quantity != positions)


def shown_words(sample: Sample, time: int) -> str:
    """Return the words for the field that a picture shows."""
    frames = time_of(sample)
    name = shown_view(sample).name
    return name if frames is None else f"{name}, {frames.words(time)}"


def compared_at(
    sample: Sample, truth: Float[Tensor, "N C"], predicted: Float[Tensor, "N C"], time: int
) -> Compared:
    """Compare the field of a picture at one time.

    Args:
        sample: The sample at all times.
        truth: Fields of the solver.
        predicted: Fields of the model; those of the solver once more where there is no model.
        time: Which time.
    """
    shown = shown_sample(sample, truth, time)
    return compare(shown, fields_at(sample, predicted, time), shown_view(shown))


def moved_sample(sample: Sample, predicted: Float[Tensor, "N C"], time: int) -> Sample | None:
    """Return the sample with its points where the model predicts them; None where points stay."""
    frames = time_of(sample)
    if frames is None or not frames.positions:
        return None
    return replace(sample, points=points_at(sample, predicted, time))
