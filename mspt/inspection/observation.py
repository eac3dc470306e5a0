"""A recorded prediction, and the attention of picked points in it.

Letters: N points, C output channels, H heads, L points per patch, S supernodes, P picked points,
B blocks.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Float, Int
from torch import Tensor

from mspt.checkpoint import Checkpoint
from mspt.config import ModelConfig
from mspt.data.frames import frame_columns
from mspt.errors import MSPTError
from mspt.inference.frames import at_time, time_of
from mspt.inference.predict import EncodedInputs, encode_inputs, pick_device
from mspt.inference.sample import Sample, features_for
from mspt.inspection.recording import Recording, global_shares, record, trace_points
from mspt.inspection.weights import (
    Spread,
    Summary,
    mean_summary,
    over_heads,
    spread_on_cloud,
    summaries_of,
)
from mspt.models.attention import PMSATrace
from mspt.models.mspt import MSPT
from mspt.models.rollout import features_of_pass
from mspt.partition.ball_tree import Partition


def _all_channels() -> slice:
    return slice(None)


@dataclass(frozen=True, kw_only=True, eq=False)
class Observed:
    """The prediction of a sample with the recorded forward pass behind it.

    Attributes:
        checkpoint: The model, with its normalizer.
        sample: The cloud that was predicted; of a case in time, at one time.
        recording: The forward pass; of a roll-out, the one that predicts this time.
        fields: The prediction, in the data set's units.
        columns: The channels of the pass that are these fields.
        frame: Index of the time; None for a steady case.
    """

    checkpoint: Checkpoint
    sample: Sample
    recording: Recording
    fields: Float[Tensor, "N C"]
    columns: slice = field(default_factory=_all_channels)
    frame: int | None = None

    def decode(self, output: Float[Tensor, "N _"]) -> Float[Tensor, "N C"]:
        """Return the output of a pass like the recorded one in the data set's units."""
        return self.checkpoint.normalizer.decode(output.float())[:, self.columns]

    @property
    def main_channel(self) -> int:
        """The channel to show first: any but the position of the points."""
        time = time_of(self.sample)
        if time is None or self.sample.layout is None:
            return 0
        names = [field.name for field in self.sample.layout.fields]
        shown = next((name for name in names if name != time.positions), names[0])
        return self.sample.layout.columns(shown).start

    @property
    def pass_words(self) -> str:
        """Which pass the attention belongs to, and what it predicts; empty for a steady case."""
        time = time_of(self.sample)
        if time is None or self.frame is None:
            return ""
        passes, frames = self.checkpoint.config.rollout, len(time.outputs)
        if passes == 1:
            return f"one pass predicts all {frames} times, shown is {time.words(self.frame)}"
        number = self.frame // (frames // passes) + 1
        return f"pass {number} of {passes}, which predicts {time.words(self.frame)}"

    @property
    def partition(self) -> Partition:
        """The cloud's partition; ``partition_of`` returns the one that a block uses."""
        return self.recording.partition

    def partition_of(self, block: int) -> Partition:
        """Return the partition that a block uses, counted from 0."""
        return self.recording.partition_of(block)


@dataclass(frozen=True, kw_only=True, eq=False)
class PointAttention:
    """The attention of picked points in one block.

    Attributes:
        points: Picked points.
        block: Counted from 0.
        head: Counted from 0; None for the mean over heads.
        trace: Their weights, head by head.
        spread: The same weights, spread over the cloud.
        local: Weights on the own patches spread over the cloud, summed over the picked points.
        through_supernodes: Weights on supernodes, likewise; with ``local`` they sum to P.
        on_supernodes: Weights of each picked point on the supernodes.
        summaries: Shares and entropy of each picked point.
    """

    points: tuple[int, ...]
    block: int
    head: int | None
    trace: PMSATrace
    spread: Spread
    local: Float[Tensor, " N"]
    through_supernodes: Float[Tensor, " N"]
    on_supernodes: Float[Tensor, "P S"]
    summaries: tuple[Summary, ...]

    @property
    def summary(self) -> Summary:
        """Means over the picked points."""
        return mean_summary(self.summaries)


@dataclass(frozen=True, kw_only=True, eq=False)
class PatchMatrix:
    """The weights of all points of one patch: the upper rows of the matrix of equation 6.

    Attributes:
        patch: Number of the patch.
        points: Its points, in leaf order.
        local: A row for each of them, a column for each.
        supernodes: A row for each of them, a column for each supernode.
    """

    patch: int
    points: Int[Tensor, " L"]
    local: Float[Tensor, "L L"]
    supernodes: Float[Tensor, "L S"]


@torch.inference_mode()
def observe(
    checkpoint: Checkpoint,
    sample: Sample,
    *,
    frame: int | None = None,
    partition: Partition | None = None,
    device: str = "auto",
) -> Observed:
    """Predict a sample once and record the forward pass.

    A model that is rolled out has a pass for each time or for a few of them: the one that predicts
    the given time is recorded, after all passes before it.

    Args:
        checkpoint: The model.
        sample: The cloud, at all times if there are several.
        frame: Index of the time; the last one if None.
        partition: The partition of the sample's points; built as in training if None.
        device: Where to predict.

    Raises:
        MSPTError: If the model has no joint attention over patches and supernodes, the sample is
            not of its data set, or the device does not exist here.
        ValueError: If the sample has no features, or there is no such time.
    """
    if not isinstance(checkpoint.model, MSPT):
        raise MSPTError(
            "checkpoint must be of the architecture mspt, whose points attend to their patch and "
            f"all supernodes in one softmax, got {checkpoint.config.architecture}"
        )
    given = features_for(sample, checkpoint.config)
    inputs = encode_inputs(checkpoint, sample.points, given, partition=partition)
    model = checkpoint.model.to(pick_device(device))
    # Only a branched model has a partition of another kind.
    built = inputs.partition if isinstance(inputs.partition, Partition) else None
    place = _place_in_time(checkpoint, sample, frame)
    features = inputs.features
    if place.index > 0:
        features = _features_of_pass(model, inputs, checkpoint.config, place.index)
    recording = record(model, inputs.points, features, partition=built)
    decoded = checkpoint.normalizer.decode(recording.output.float())
    return Observed(
        checkpoint=checkpoint,
        sample=sample if place.frame is None else at_time(sample, place.frame),
        recording=recording,
        fields=decoded[:, place.columns],
        columns=place.columns,
        frame=place.frame,
    )


@dataclass(frozen=True, kw_only=True)
class _PlaceInTime:
    """Where a time is among the passes of a model: the pass, and its channels."""

    frame: int | None = None
    index: int = 0
    columns: slice = field(default_factory=_all_channels)


def _place_in_time(checkpoint: Checkpoint, sample: Sample, frame: int | None) -> _PlaceInTime:
    time = time_of(sample)
    if time is None or sample.layout is None:
        return _PlaceInTime()
    count = len(time.outputs)
    chosen = count - 1 if frame is None else frame
    size = frame_columns(sample.layout, time, chosen)  # refuses a time that there is not
    index, within = divmod(chosen, count // checkpoint.config.rollout)
    width = size.stop - size.start
    return _PlaceInTime(
        frame=chosen, index=index, columns=slice(within * width, (within + 1) * width)
    )


def _features_of_pass(
    model: MSPT, inputs: EncodedInputs, config: ModelConfig, index: int
) -> Float[Tensor, "N F"]:
    device = next(model.parameters()).device
    points, partition = inputs.points[None].to(device), inputs.partition
    partitions = [partition] if isinstance(partition, Partition) else None
    found = features_of_pass(
        lambda given: model(points, given, partitions=partitions),
        inputs.features[None].to(device),
        config,
        index,
    )
    return found[0].cpu()


def peak_point(observed: Observed) -> int:
    """Return the point where the first field is largest, on the body if there is one.

    A default for pages and commands, of interest in every data set: the stagnation point at the
    nose of a body, or the place of the largest stress. Positions of points are left out.
    """
    first = observed.fields[:, observed.main_channel]
    return int(first[: observed.sample.num_surface or None].argmax())


def parse_points(text: str, num_points: int) -> tuple[int, ...]:
    """Return the numbers in a text such as ``12, 40``, each once.

    Raises:
        MSPTError: If the text holds anything but numbers of points.

    Examples:
        >>> parse_points("12, 40,12", 50)
        (12, 40)
    """
    words = text.replace(",", " ").split()
    bad = [word for word in words if not word.isdecimal() or int(word) >= num_points]
    if bad:
        raise MSPTError(
            f"points must be numbers from 0 to {num_points - 1} with commas between, "
            f"got {bad[0]!r}; click a point or mend the list"
        )
    return tuple(dict.fromkeys(int(word) for word in words))


def attend_from(
    observed: Observed, points: Sequence[int], *, block: int, head: int | None = None
) -> PointAttention:
    """Recompute the attention of picked points in one block, and nothing else.

    Args:
        observed: The recorded prediction.
        points: At least one.
        block: Counted from 0.
        head: Counted from 0; None for the mean over heads.

    Raises:
        ValueError: If there is no such point, block or head.
    """
    if not points or not all(0 <= point < len(observed.fields) for point in points):
        raise ValueError(
            f"points must lie between 0 and {len(observed.fields) - 1}, got {list(points)}"
        )
    trace = trace_points(observed.recording, torch.tensor(list(points)), block=block)
    spread = spread_on_cloud(trace, observed.partition_of(block))
    return PointAttention(
        points=tuple(points),
        block=block,
        head=head,
        trace=trace,
        spread=spread,
        local=over_heads(spread.local, head).sum(0),
        through_supernodes=over_heads(spread.through_supernodes, head).sum(0),
        on_supernodes=over_heads(trace.supernodes, head),
        summaries=summaries_of(trace, head),
    )


def summaries_by_block(
    observed: Observed, points: Sequence[int], *, head: int | None = None
) -> tuple[Summary, ...]:
    """Return shares and entropy of the picked points in every block, as means over the points."""
    picked = torch.tensor(list(points))
    traces = (
        trace_points(observed.recording, picked, block=block)
        for block in range(observed.recording.num_blocks)
    )
    return tuple(mean_summary(summaries_of(trace, head)) for trace in traces)


def share_of_all(observed: Observed) -> Float[Tensor, "B H N"]:
    """Return the share of every point's attention that goes to supernodes, in every block."""
    blocks = range(observed.recording.num_blocks)
    return torch.stack([global_shares(observed.recording, block=block) for block in blocks])


def patch_matrix(
    observed: Observed, patch: int, *, block: int, head: int | None = None
) -> PatchMatrix:
    """Recompute the weights of all points of one patch in one block, a patch of its partition.

    Raises:
        ValueError: If there is no such patch, block or head.
    """
    partition = observed.partition_of(block)
    if not 0 <= patch < observed.recording.num_patches:
        raise ValueError(
            f"patch must lie between 0 and {observed.recording.num_patches - 1}, got {patch}"
        )
    first, stop = partition.offsets[patch : patch + 2].tolist()
    points = partition.order[first:stop]
    trace = trace_points(observed.recording, points, block=block)
    return PatchMatrix(
        patch=patch,
        points=points,
        local=over_heads(trace.local, head)[:, : stop - first],
        supernodes=over_heads(trace.supernodes, head),
    )
