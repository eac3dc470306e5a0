"""Does a prediction turn with its case? How far it is from symmetric, which needs no truth.

Letters: N points, C output channels.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from mspt.checkpoint import Checkpoint
from mspt.data.case import Case
from mspt.data.registry import get_dataset
from mspt.data.symmetry import Symmetry, turn, turn_features, turn_fields
from mspt.inference.predict import predict_case


@dataclass(frozen=True, kw_only=True)
class TurnedPrediction:
    """The prediction for a turned case, turned back.

    Attributes:
        symmetry: How the case was turned.
        difference: Relative L2 distance from the prediction for the case as it is: 0 for a model
            that respects the symmetry, as the solver does.
        relative_l2: Relative L2 error against the truth of the case.
    """

    symmetry: Symmetry
    difference: float
    relative_l2: float


def predict_turned(
    checkpoint: Checkpoint, case: Case, *, device: str = "cpu"
) -> Iterator[TurnedPrediction]:
    """Predict a case as it is, and under every other symmetry of its data set.

    Args:
        checkpoint: The model, trained on the data set of the case.
        case: With its truth.
        device: ``auto``, ``cuda``, ``mps`` or ``cpu``.
    """
    known = get_dataset(case.dataset)
    first: Float[Tensor, "N C"] | None = None
    for symmetry in known.symmetries:
        points = turn(case.points, symmetry)
        features = turn_features(case.features, symmetry)
        found = predict_case(checkpoint, points, features, device=device).fields
        fields = turn_fields(found.cpu(), symmetry)
        first = fields if first is None else first
        errors = [
            known.layout.errors(fields[None], other[None])[0].item()
            for other in (first, case.fields)
        ]
        yield TurnedPrediction(symmetry=symmetry, difference=errors[0], relative_l2=errors[1])
