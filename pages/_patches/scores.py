"""What another K or Q does to the error: of the model in view, and of models trained at them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import streamlit as st

from mspt.benchmarks.ablation_maps import AblationMap
from mspt.evaluation.other_patches import (
    AtPatches,
    error_at_patches,
    runs_at_any_patches,
    runs_at_any_supernodes,
)
from mspt.inference.sample import Sample
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
    """

    sample: Sample
    trained: tuple[int, int]
    wanted: tuple[int, int]

    @property
    def ladder(self) -> list[int]:
        """The K at which one click runs the model: those whose patches hold Q points."""
        return [k for k in LADDER if k * self.wanted[1] <= len(self.sample.points)]


def what_if(chosen: Chosen, num_patches: int, num_supernodes: int) -> WhatIf | str:
    """Return the case to run the model on, or why there is no error to be had."""
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
    )


def _results() -> Store[dict[int, AtPatches]]:
    """Return the store of errors by K, one entry for each model, case and Q."""
    return store("errors at other patches", 256)


def _key(chosen: Chosen, case: WhatIf, num_supernodes: int) -> tuple[object, ...]:
    return chosen.checkpoint.key, case.sample.key, frame.device(), num_supernodes


def error_at(chosen: Chosen, case: WhatIf, sizes: tuple[int, int]) -> AtPatches:
    """Return the error at K and Q, computed once for all visitors."""
    patches, supernodes = sizes
    key = _key(chosen, case, supernodes)
    if (known := (_results().get(key) or {}).get(patches)) is not None:
        return known
    with st.spinner(f"The model predicts with K = {patches:,} …"):
        found = _error_at(
            chosen.checkpoint.key,
            case.sample,
            num_patches=patches,
            num_supernodes=supernodes,
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
    known = _results().get(_key(chosen, case, case.wanted[1])) or {}
    return [known[patches] for patches in sorted(known)]


def run_ladder(chosen: Chosen, case: WhatIf) -> Iterator[tuple[float, str]]:
    """Run the model at every K of the ladder, yielding the share that is done."""
    for place, patches in enumerate(case.ladder, start=1):
        error_at(chosen, case, (patches, case.wanted[1]))
        yield place / len(case.ladder), f"K = {patches}"


def trained_map(dataset: str | None) -> AblationMap | None:
    """Return the stored runs of a data set over K and Q; None where there are none yet."""
    return None if dataset is None else runs.fullest_map(dataset)
