"""What another K or Q does to the error: of the model in view, and of models trained at them."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from mspt.benchmarks.ablation_maps import AblationMap
from mspt.evaluation.other_patches import (
    AtPatches,
    error_at_patches,
    other_method,
    runs_at_any_patches,
    runs_at_any_supernodes,
    with_other_patches,
)
from mspt.inference.partitioned import PartitionedCloud
from mspt.inference.sample import Sample
from mspt.inspection.observation import (
    Observed,
    PointAttention,
    attend_from,
    observe,
    peak_point,
)
from mspt.partition.alternatives import PartitionMethod, divide_points
from pages._patches.data import Chosen
from pages._shared import frame, runs
from pages._shared.cache import CheckpointKey, load, one_at_a_time
from pages._shared.samples import sample
from pages._shared.store import Store, store
from pages._shared.worker import computed

LADDER = (1, 2, 4, 8, 16, 32, 64, 128, 256)
"""K at which one click runs the model."""


@dataclass(frozen=True, kw_only=True, eq=False)
class WhatIf:
    """A case that the model in view can be run on at another K or Q.

    Attributes:
        sample: The case, around bodies at as many points as in training.
        trained: K and Q of the training.
        wanted: K and Q of the page, as far as the model and the case allow.
        method: Partition of the page; None for that of the model, which clouds around bodies keep.
    """

    sample: Sample
    trained: tuple[int, int]
    wanted: tuple[int, int]
    method: PartitionMethod | None

    @property
    def ladder(self) -> list[int]:
        """The K at which one click runs the model: those whose patches hold Q points."""
        return [k for k in LADDER if k * self.wanted[1] <= len(self.sample.points)]


def what_if(chosen: Chosen, cloud: PartitionedCloud, num_supernodes: int) -> WhatIf | str:
    """Return the case to run the model on, or why there is no error to be had."""
    num_patches = cloud.num_patches
    config = chosen.checkpoint.config
    if chosen.sample.truth is None:
        return "The solution on this cloud is not known, so there is no error: choose a case."
    if not runs_at_any_patches(config):
        return (
            f"`{chosen.checkpoint.name}` does not run at another K than in its training: choose a "
            "checkpoint of MSPT."
        )
    found = sample(chosen.source, chosen.name, chosen.checkpoint)
    count, free = len(found.points), runs_at_any_supernodes(config)
    supernodes = num_supernodes if free else config.num_supernodes
    return WhatIf(
        sample=found,
        trained=(config.patches_for(count), config.num_supernodes),
        wanted=(max(1, min(num_patches, count // supernodes)), supernodes),
        method=_method(chosen, cloud),
    )


def _method(chosen: Chosen, cloud: PartitionedCloud) -> PartitionMethod | None:
    """Return the partition of the page if the model is to be run with another than its own."""
    config, count = chosen.checkpoint.config, chosen.sample.num_surface
    return other_method(config, cloud.method, num_surface=count)


def _results() -> Store[dict[int, AtPatches]]:
    """Return the store of errors by K, one entry for each model, case and Q."""
    return store("errors at other patches", 256)


def _key(
    chosen: Chosen, case: WhatIf, num_supernodes: int, method: PartitionMethod | None
) -> tuple[object, ...]:
    return chosen.checkpoint.key, case.sample.key, frame.device(), num_supernodes, method


def error_as_trained(chosen: Chosen, case: WhatIf) -> AtPatches:
    """Return the error at K, Q and partition of the training."""
    return error_at(chosen, replace(case, method=None), case.trained)


def error_at(chosen: Chosen, case: WhatIf, sizes: tuple[int, int]) -> AtPatches:
    """Return the error at K and Q, computed once for all visitors."""
    patches, supernodes = sizes
    key = _key(chosen, case, supernodes, case.method)
    if (known := (_results().get(key) or {}).get(patches)) is not None:
        return known
    with st.spinner(f"The model predicts with K = {patches:,} …"):
        found = _error_at(
            chosen.checkpoint.key,
            case.sample,
            num_patches=patches,
            num_supernodes=supernodes,
            method=case.method,
            device=frame.device(),
        )
    _results().put(key, {**(_results().get(key) or {}), patches: found})
    return found


@computed
def _error_at(key: CheckpointKey, sample: Sample, **settings: Any) -> AtPatches:
    with one_at_a_time():
        return error_at_patches(load(key), sample, **settings)


def known_errors(chosen: Chosen, case: WhatIf) -> list[AtPatches]:
    """Return the errors at the Q in view that are known so far, by K."""
    known = _results().get(_key(chosen, case, case.wanted[1], case.method)) or {}
    return [known[patches] for patches in sorted(known)]


def run_ladder(chosen: Chosen, case: WhatIf) -> Iterator[tuple[float, str]]:
    """Run the model at every K of the ladder, yielding the share that is done."""
    for place, patches in enumerate(case.ladder, start=1):
        error_at(chosen, case, (patches, case.wanted[1]))
        yield place / len(case.ladder), f"K = {patches}"


def trained_map(dataset: str | None) -> AblationMap | None:
    """Return the stored runs of a data set over K and Q; None where there are none yet."""
    return None if dataset is None else runs.fullest_map(dataset)


# --- attention -----------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, eq=False)
class SeenAttention:
    """The attention of one point at the K, Q and partition of the page.

    Attributes:
        point: The point.
        attention: Its weights in one block.
    """

    point: int
    attention: PointAttention


def has_attention(chosen: Chosen) -> bool:
    """Return whether the attention at other K and Q can be shown on the cloud in view.

    Around a body the page shows more points, or fewer, than the model takes at once.
    """
    return (
        chosen.checkpoint.config.architecture == "mspt"
        and chosen.sample.features is not None
        and not chosen.sample.num_surface
    )


def attention_at(
    chosen: Chosen, cloud: PartitionedCloud, num_supernodes: int, *, point: int | None, block: int
) -> SeenAttention:
    """Return the attention of a point, or of the one with the largest value if None."""
    config = chosen.checkpoint.config
    supernodes = num_supernodes if runs_at_any_supernodes(config) else config.num_supernodes
    patches = max(1, min(cloud.num_patches, len(chosen.points) // supernodes))
    observed = _observed(
        chosen.checkpoint.key,
        chosen.key,
        chosen.frame,
        (patches, supernodes),
        _method(chosen, cloud),
        frame.device(),
        _sample=chosen.sample,
    )
    shown = peak_point(observed) if point is None else point
    return SeenAttention(point=shown, attention=attend_from(observed, (shown,), block=block))


@st.cache_resource(max_entries=4, show_spinner="The model predicts, and its attention is kept …")
def _observed(
    key: CheckpointKey,
    cloud: str,  # noqa: ARG001 - identifies the sample in the cache
    when: int | None,
    sizes: tuple[int, int],
    method: PartitionMethod | None,
    device: str,
    *,
    _sample: Sample,
) -> Observed:
    other = with_other_patches(
        load(key), num_patches=sizes[0], num_supernodes=sizes[1], method=method
    )
    partition = None if method is None else divide_points(_sample.points, sizes[0], method=method)
    with one_at_a_time():
        return observe(other, _sample, frame=when, partition=partition, device=device)
