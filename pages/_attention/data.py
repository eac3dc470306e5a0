"""Recorded predictions, attention from points, and masked patches, cached."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import streamlit as st

from mspt.figures.scenes.attention import AttentionCloud
from mspt.figures.scenes.parts import close_view
from mspt.inference.sample import Sample
from mspt.inspection.masking import (
    Comparison,
    Effect,
    Masked,
    PatchMasked,
    attention_table,
    compare_with_attention,
    mask_each_patch,
    mask_patch,
)
from mspt.inspection.observation import Observed, PointAttention, observe, share_of_all
from mspt.inspection.weights import most_read
from mspt.partition.patches import supernode_centers
from pages._shared import frame
from pages._shared.cache import CheckpointKey, ListedCheckpoint, load, one_at_a_time
from pages._shared.store import Store, store
from pages._shared.worker import computed

_MOST_COMPARED = 32
"""Comparisons of attention with masking that are kept."""


@dataclass(frozen=True)
class RecordingKey:
    """What a recorded prediction depends on."""

    checkpoint: CheckpointKey
    sample: str
    device: str
    frame: int | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Recorded:
    """A recorded prediction, from which the attention of any point can be computed.

    Attributes:
        key: Stands for it in every cache.
        checkpoint: The model.
        observed: The prediction with what every point attended to.
    """

    key: RecordingKey
    checkpoint: ListedCheckpoint
    observed: Observed

    @property
    def sample(self) -> Sample:
        """The cloud."""
        return self.observed.sample

    @property
    def file_name(self) -> str:
        """Name of a file about it, without its ending."""
        return self.sample.key.replace("@", "-frame-")

    def stage(self, block: int | None) -> AttentionCloud:
        """Return what is drawn of the cloud, with the patches of a block; None for those of all."""
        trees = 1 if self.observed.partition.turned is None else 2
        return _stage(self.key, (block or 0) % trees, _observed=self.observed)


@dataclass(frozen=True, kw_only=True, eq=False)
class Chosen:
    """The picked points with their attention in one block.

    Attributes:
        recorded: The prediction.
        attention: Attention from the picked points.
    """

    recorded: Recorded
    attention: PointAttention

    @property
    def stage(self) -> AttentionCloud:
        """What is drawn of the cloud, with the patches of the chosen block."""
        return self.recorded.stage(self.attention.block)

    @property
    def tree_words(self) -> str:
        """Which of two trees the chosen block uses, in words; empty for a model of one."""
        if self.recorded.observed.partition.turned is None:
            return ""
        return "turned tree" if self.attention.block % 2 else "first tree"

    @property
    def block_words(self) -> str:
        """The chosen block in words, with its tree where there are two."""
        words = f"block {self.attention.block + 1}"
        return f"{words} ({self.tree_words})" if self.tree_words else words

    def own_patches(self, block: int | None) -> list[int]:
        """Return the patches of a block, or of all blocks, that the picked points lie in."""
        patch = self.recorded.stage(block).patch_of_point
        return sorted({int(patch[point]) for point in self.attention.points})

    @property
    def words(self) -> str:
        """The picked points in words."""
        points = self.attention.points
        return f"point {points[0]}" if len(points) == 1 else f"{len(points)} points"

    def most_read(self, count: int) -> tuple:
        """Return the patches with the largest weights."""
        attention, observed = self.attention, self.recorded.observed
        return most_read(
            attention.trace,
            observed.partition_of(attention.block),
            observed.sample.points,
            head=attention.head,
            count=count,
        )


def record(checkpoint: ListedCheckpoint, sample: Sample, when: int | None) -> Recorded:
    """Return the recorded prediction of a sample.

    Args:
        checkpoint: The model.
        sample: The cloud.
        when: Index of the time of a case in time; None for a steady one.
    """
    key = RecordingKey(checkpoint.key, sample.key, frame.device(), when)
    observed = _observed(key, _sample=sample)
    return Recorded(key=key, checkpoint=checkpoint, observed=observed)


@st.cache_resource(max_entries=4, show_spinner="The model predicts, and its attention is kept …")
@computed
def _observed(key: RecordingKey, *, _sample: Sample) -> Observed:
    with one_at_a_time():
        return observe(load(key.checkpoint), _sample, frame=key.frame, device=key.device)


@st.cache_resource(max_entries=4, show_spinner=False)
def _stage(key: RecordingKey, tree: int, *, _observed: Observed) -> AttentionCloud:  # noqa: ARG001
    sample, count = _observed.sample, _observed.recording.num_supernodes
    partition = _observed.partition_of(tree)
    return AttentionCloud(
        points=sample.points.numpy(),
        triangles=sample.triangles,
        body=sample.body,
        patch_of_point=partition.patch_of_point.numpy(),
        nodes=supernode_centers(sample.points, partition, count),
        close_view=close_view(sample),
    )


def global_shares(recorded: Recorded, head: int | None) -> np.ndarray:
    """Return the share of each point's attention that goes to supernodes: blocks, points.

    Args:
        recorded: The prediction.
        head: One head, or None for the mean over heads.
    """
    shares = _shares(recorded.key, _observed=recorded.observed)
    return shares.mean(axis=-2) if head is None else shares[..., head, :]


@st.cache_resource(max_entries=4, show_spinner=False)
def _shares(key: RecordingKey, *, _observed: Observed) -> np.ndarray:  # noqa: ARG001
    return share_of_all(_observed).numpy()


def effect(recorded: Recorded, patch: int, masked: Masked, block: int | None) -> Effect:
    """Return how the prediction changes when a patch is masked."""
    return _effect(recorded.key, patch, masked, block, _observed=recorded.observed)


@st.cache_resource(max_entries=16, show_spinner="The model predicts with the mask …")
@computed
def _effect(
    key: RecordingKey,  # noqa: ARG001
    patch: int,
    masked: Masked,
    block: int | None,
    *,
    _observed: Observed,
) -> Effect:
    with one_at_a_time():
        return mask_patch(_observed, patch, masked=masked, block=block)


# --- every patch masked in turn ------------------------------------------------------------------


@dataclass(frozen=True)
class ComparisonKey:
    """What a comparison of attention with masking depends on."""

    recording: RecordingKey
    points: tuple[int, ...]
    channel: int
    block: int | None


def _masked_patches() -> Store[tuple[PatchMasked, ...]]:
    """Return the patches masked so far, by :class:`ComparisonKey`."""
    return store("masked patches", _MOST_COMPARED)


def num_missing(key: ComparisonKey, observed: Observed) -> int:
    """Return how many patches have not been masked yet."""
    return observed.recording.num_patches - len(_masked_patches().get(key) or ())


def comparison(key: ComparisonKey, observed: Observed) -> Comparison | None:
    """Return attention beside the effect of masking; None before every patch was masked."""
    if num_missing(key, observed):
        return None
    found = _masked_patches().get(key) or ()
    return compare_with_attention(observed, key.points, list(found), block=key.block)


def mask_missing(key: ComparisonKey, observed: Observed) -> Iterator[tuple[float, str]]:
    """Mask every patch that was not masked yet; patches so far are kept if it is stopped."""
    found = _masked_patches().get(key) or ()
    settings = {"channel": key.channel, "block": key.block, "first": len(found)}
    with one_at_a_time():
        for event in mask_each_patch(observed, key.points, **settings):
            found = _masked_patches().put(key, (*found, event))
            yield (
                len(found) / event.total,
                f"Masked the supernodes of {len(found)} of {event.total} patches",
            )


def table_file(chosen: Chosen, effect: Effect | None) -> bytes:
    """Return the weights of all points as CSV, with the changes by a mask if there is one."""
    table = attention_table(chosen.recorded.observed, chosen.attention, effect)
    return table.to_csv(index=False).encode()
