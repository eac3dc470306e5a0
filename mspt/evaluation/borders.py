"""Seams: does the error of a model jump where two patches touch?

Points on two sides of a border are in different patches, so that attention of full resolution does
not reach across it. If that matters, the difference between the predictions for two neighbors is
wrong by more where a border separates them than where they lie in one patch.

The borders of a second ball tree over turned axes (:mod:`mspt.partition.turned`) are the control:
a model of one tree does not know them, so that nothing may change there. A model of alternating
trees uses both.

Letters: B cases, N points, M pairs of neighbors, C output channels, X space axes.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from scipy.spatial import Delaunay, QhullError
from torch import Tensor

from mspt.checkpoint import Checkpoint
from mspt.config import PATCHED, WITHOUT_TREE
from mspt.data.case import CaseStack
from mspt.data.dataset import Cases
from mspt.errors import MSPTError
from mspt.evaluation.cases import CaseScored
from mspt.inference.predict import encode_inputs, predict_case
from mspt.partition.ball_tree import Partition
from mspt.partition.turned import add_turned

LONGEST = 3.0
"""Longest edge between neighbors, over the median edge of either point.

A triangulation also spans holes and notches of a domain; its edges there join no neighbors."""


@dataclass(frozen=True, kw_only=True)
class BorderSteps:
    """Relative error of differences between neighbors, by where they lie.

    Each is ``sqrt(sum |p_i - p_j - (u_i - u_j)|^2 / sum |u_i - u_j|^2)`` over pairs i, j of one
    kind, with the prediction p and the truth u. The true differences in it account for neighbors
    that lie farther apart, or where the fields change faster, on borders than elsewhere.

    Attributes:
        inside: Of neighbors that lie in one patch of both trees.
        across: Of neighbors that a border of the first tree alone separates.
        across_turned: Of neighbors that a border of the turned tree alone separates.
        pairs: Number of pairs of each of the three kinds, in this order.
    """

    inside: float
    across: float
    across_turned: float
    pairs: tuple[int, int, int]


@dataclass(frozen=True)
class BorderEvaluation:
    """Errors of differences across borders on several cases.

    Attributes:
        names: Of the cases.
        steps: Their errors of differences.
        uses_turned: Whether the model uses the turned tree as well.
    """

    names: tuple[str, ...]
    steps: tuple[BorderSteps, ...]
    uses_turned: bool

    def __len__(self) -> int:
        """Return the number of cases."""
        return len(self.names)

    def ratios(self) -> Float[Tensor, "B 2"]:
        """Return the error across over that inside: of the first tree, and of the turned one."""
        rows = [[one.across / one.inside, one.across_turned / one.inside] for one in self.steps]
        return torch.tensor(rows, dtype=torch.float64)


def neighbor_pairs(points: Float[Tensor, "N X"]) -> Int[Tensor, "M 2"]:
    """Return each pair of neighbors once: short edges of the Delaunay triangulation.

    The nearest points alone would not do: where points lie closer along one direction, all of them
    lie along it, and none across.

    Args:
        points: The cloud, with two or three space axes. Of points at the same place one counts.

    Raises:
        MSPTError: If the points have no triangulation, as they lie on one line or plane.

    Examples:
        >>> square = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.1, 1.1]])
        >>> neighbor_pairs(square).tolist()
        [[0, 1], [0, 2], [1, 2], [1, 3], [2, 3]]
    """
    places = points.detach().cpu().double()
    try:
        simplices = torch.from_numpy(Delaunay(places.numpy()).simplices).long()
    except QhullError as error:
        raise MSPTError(
            f"points must not lie on one line or plane, got {len(points)} that do"
        ) from error
    edges = torch.combinations(torch.arange(simplices.shape[1]), 2)
    pairs = simplices[:, edges].reshape(-1, 2).sort(dim=1).values.unique(dim=0)
    length = _length(places, pairs)
    usual = _median_edge(len(places), pairs, length)
    return pairs[length <= LONGEST * usual[pairs].amin(dim=1)]


def _median_edge(
    num_points: int, pairs: Int[Tensor, "M 2"], length: Float[Tensor, " M"]
) -> Float[Tensor, " N"]:
    """Return the median length of the edges of each point, the lower of two in the middle."""
    ends = torch.cat([pairs[:, 0], pairs[:, 1]])
    lengths, by_length = torch.cat([length, length]).sort()
    ends, by_point = ends[by_length].sort(stable=True)
    count = torch.bincount(ends, minlength=num_points)
    middle = count.cumsum(0) - count + (count - 1).clamp(min=0) // 2
    return lengths[by_point][middle.clamp(max=len(lengths) - 1)]


def border_steps(
    points: Float[Tensor, "N X"],
    predicted: Float[Tensor, "N C"],
    truth: Float[Tensor, "N C"],
    partition: Partition,
) -> BorderSteps:
    """Return the errors of differences across borders of patches, and inside patches.

    Args:
        points: The cloud.
        predicted: The model's fields.
        truth: The solver's, in the same unit.
        partition: Of the cloud, with a second one over turned axes.

    Raises:
        ValueError: If the partition has no second one.
        MSPTError: If there are no neighbors of one of the three kinds.
    """
    if partition.turned is None:
        raise ValueError("partition must have a second one over turned axes, got none")
    pairs = neighbor_pairs(points)
    missed, true = (_length(values, pairs).square() for values in (predicted - truth, truth))
    first, second = (
        _is_separated(one, pairs) for one in (partition.of_block(0), partition.of_block(1))
    )
    kinds = ~first & ~second, first & ~second, second & ~first
    counts = [int(kind.sum()) for kind in kinds]
    if not all(counts):
        raise MSPTError(
            "patches must have neighbors inside and across borders, "
            f"got {counts[0]}, {counts[1]} and {counts[2]} pairs inside, across and across the "
            "turned borders; take a model with another number of patches"
        )
    inside, across, across_turned = (
        (missed[kind].sum() / true[kind].sum()).sqrt().item() for kind in kinds
    )
    return BorderSteps(
        inside=inside,
        across=across,
        across_turned=across_turned,
        pairs=(counts[0], counts[1], counts[2]),
    )


def _length(values: Float[Tensor, "N C"], pairs: Int[Tensor, "M 2"]) -> Float[Tensor, " M"]:
    """Return the length of the difference between the values of each pair."""
    values = values.detach().cpu().double()
    return (values[pairs[:, 0]] - values[pairs[:, 1]]).norm(dim=1)


def _is_separated(partition: Partition, pairs: Int[Tensor, "M 2"]) -> Bool[Tensor, " M"]:
    patch = partition.patch_of_point.cpu()[pairs]
    return patch[:, 0] != patch[:, 1]


def evaluate_borders(
    checkpoint: Checkpoint, cases: Cases, *, device: str = "auto"
) -> Iterator[CaseScored | BorderEvaluation]:
    """Predict cases and compare differences across borders and inside; the evaluation comes last.

    Args:
        checkpoint: A model with a ball tree, or with two in turn.
        cases: The cases.
        device: ``auto``, ``cuda``, ``mps`` or ``cpu``.

    Raises:
        MSPTError: If the model has no ball tree, or the cases are not of one size.
    """
    if not isinstance(cases, CaseStack):
        raise MSPTError(f"cases must be of one size, got those of {cases.dataset!r}")
    config = checkpoint.config
    if config.architecture not in PATCHED or config.partition in WITHOUT_TREE:
        found = config.partition if config.architecture in PATCHED else config.architecture
        raise MSPTError(
            f"checkpoint must be of a model with a ball tree, got {found!r}; choose another"
        )
    steps = []
    for row in range(len(cases)):
        points, features = cases.points[row], cases.features[row]
        inputs = encode_inputs(checkpoint, points, features)
        used = inputs.partition
        if not isinstance(used, Partition):
            raise MSPTError("checkpoint must be of a model of one branch, got several")
        predicted = predict_case(checkpoint, points, features, partition=used, device=device)
        both = used if used.turned is not None else add_turned(inputs.points, used)
        steps.append(border_steps(points, predicted.fields, cases.fields[row], both))
        yield CaseScored(done=row + 1, total=len(cases))
    yield BorderEvaluation(
        cases.names, tuple(steps), uses_turned=config.partition == "alternating_trees"
    )
