"""Data, checkpoints and predictions, cached for all visitors; and the lock around inference."""

import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Semaphore
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from mspt.checkpoint import Checkpoint, CheckpointInfo, load_checkpoint, scan_checkpoints
from mspt.config import PATCHED, ModelConfig
from mspt.data.case import Case, CaseStack
from mspt.data.store import list_cases, load_split
from mspt.errors import DataError
from mspt.evaluation.comparison import patches_of
from mspt.inference.predict import pick_device, predict_case
from mspt.inference.sample import Sample, predict_sample
from pages._shared.store import kept
from pages._shared.worker import computed

PRETRAINED = Path("pretrained")
OWN_MODELS, OWN_CASES = "own_models", "own_cases"
"""Where a session keeps the models and the cases that its visitor has brought."""


# --- checkpoints ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class CheckpointKey:
    """What a cached result depends on: a checkpoint's file and when it was written.

    Attributes:
        path: The file.
        changed: Its time of modification.
    """

    path: Path
    changed: float


@dataclass(frozen=True, eq=False)
class ListedCheckpoint(CheckpointInfo):
    """A checkpoint that a person can choose: its header and its key.

    Attributes:
        key: Stands for the checkpoint in every cache.
    """

    key: CheckpointKey

    @property
    def name(self) -> str:
        """The name of its file without the ending."""
        return self.path.stem

    @property
    def metrics(self) -> dict[str, Any]:
        """Test metrics that are stored with it."""
        return self.info.get("metrics", {})


@dataclass(frozen=True, eq=False)
class Listed:
    """What the folder of checkpoints holds.

    Attributes:
        usable: The checkpoints.
        refused: The reason why not, by the name of a file that cannot be used.
    """

    usable: tuple[ListedCheckpoint, ...]
    refused: dict[str, str]


_NAME = re.compile(r"(?!www\.)[\w .,+=()-]+")
"""Names of checkpoints that pages show, in Markdown, in pictures and in addresses: words, and signs
that mean nothing in any of these."""


@st.cache_resource(max_entries=4, show_spinner=False)
def _listed(files: str) -> Listed:
    """Read all headers; ``files`` holds one path and time of modification a line."""
    changed = dict(line.rsplit(" ", 1) for line in files.splitlines())
    found, refused = scan_checkpoints(PRETRAINED)
    reasons = {one.path.name: one.reason for one in refused}
    usable = []
    for one in found:
        # A file that was written since the folder was listed is read in the next run.
        if (time := changed.get(str(one.path.absolute()))) is None:
            continue
        if not _NAME.fullmatch(one.path.stem):
            reasons[one.path.name] = (
                "its name must consist of letters, digits, spaces and . , _ + = ( ) -; rename it"
            )
            continue
        key = CheckpointKey(one.path, float(time))
        usable.append(ListedCheckpoint(one.path, one.config, one.info, key))
    return Listed(tuple(usable), reasons)


def _listing() -> Listed:
    """Return what the folder holds, read again when a file was added, removed or changed."""
    files = []
    for path in sorted(PRETRAINED.glob("*.safetensors")):
        with suppress(FileNotFoundError):  # removed since the folder was listed
            files.append(f"{path.absolute()} {path.stat().st_mtime}")
    # One text, as Streamlit takes longer to hash a list than the file system to list the files.
    return _listed("\n".join(files))


def all_checkpoints() -> tuple[ListedCheckpoint, ...]:
    """Return all checkpoints that can be used: those of the folder, and the visitor's own."""
    if get_script_run_ctx(suppress_warning=True) is None:  # a thread, which has no visitor
        return _listing().usable
    return (*_listing().usable, *st.session_state.get(OWN_MODELS, {}).values())


def key_of(path: Path) -> CheckpointKey:
    """Return what stands in every cache for a file that nobody else has and that never changes."""
    return CheckpointKey(path, 0.0)


def refused_checkpoints() -> dict[str, str]:
    """Return why a file in the folder of checkpoints cannot be used, by its name."""
    return _listing().refused


def checkpoints(dataset: str) -> dict[str, ListedCheckpoint]:
    """Return a data set's checkpoints by file name, the one named like the data set first.

    Raises:
        DataError: If there is none.
    """
    found = [item for item in all_checkpoints() if item.info.get("dataset") == dataset]
    if not found:
        raise DataError(
            f"the folder {PRETRAINED}/ must hold a checkpoint for {dataset}, found none; "
            f"train one with `python -m mspt train {dataset} --out {PRETRAINED}`"
        )
    return {item.name: item for item in sorted(found, key=_place)}


def _place(item: ListedCheckpoint) -> tuple[bool, int]:
    """Sort by: those of the folder before the visitor's own, short names before long ones."""
    return item.name in _own_names(), len(item.name)


def _own_names() -> set[str]:
    return set(st.session_state.get(OWN_MODELS, {}))


def num_checkpoints(dataset: str) -> int:
    """Return how many checkpoints of a data set there are."""
    return sum(item.info.get("dataset") == dataset for item in all_checkpoints())


@st.cache_resource(max_entries=6, show_spinner="Loading the model …")
def load(key: CheckpointKey) -> Checkpoint:
    """Return a checkpoint, loaded once for all visitors and again when its file changes."""
    return load_checkpoint(key.path)


def checkpoint_table() -> pd.DataFrame:
    """Return one row per checkpoint, read from the headers alone."""
    rows = [
        {
            "Checkpoint": one.name,
            "Data set": one.info.get("dataset"),
            "Model": one.config.architecture,
            "Partition": partition_words(one.config),
            "Parameters": one.info.get("parameters"),
            "Test error": one.metrics.get("relative_l2"),
            "Mean only": one.metrics.get("mean_only"),
            "Test cases": one.metrics.get("cases"),
        }
        for one in sorted(
            all_checkpoints(), key=lambda one: (one.info.get("dataset") or "", len(one.name))
        )
    ]
    return pd.DataFrame(rows)


def partition_words(config: ModelConfig) -> str:
    """Return how a model partitions a cloud."""
    return config.partition.replace("_", " ") if config.architecture in PATCHED else "none"


# --- data ----------------------------------------------------------------------------------------


@st.cache_resource(max_entries=4, show_spinner="Reading the data …")
def test_cases(dataset: str) -> CaseStack:
    """Return the test cases at hand, the first ones; shared by all visitors and never changed."""
    return load_split(dataset, "test", limit=len(list_cases(dataset)) or None)


def find_case(dataset: str, name: str) -> Case:
    """Return one test case, or one that the visitor has brought with its truth."""
    for found in st.session_state.get(OWN_CASES, {}).values():
        for one in found:
            if one.name == name:
                return one.case()
    cases = test_cases(dataset)
    return cases.case(cases.names.index(name))


# --- predictions ---------------------------------------------------------------------------------


@st.cache_resource
def one_at_a_time() -> Semaphore:
    """Return the lock around inference: memory peaks of several visitors would add up."""
    return Semaphore(1)


@dataclass(frozen=True, eq=False)
class SamplePrediction:
    """A model's fields at the points of a sample.

    Attributes:
        fields: Predicted fields in physical units: points, channels.
        patch_of_point: Patch of each point; None for a model without patches.
        seconds: Time of the forward pass; around a body the partition is included.
        device: Where it ran.
        num_passes: Forward passes, several for a model that is rolled out.
    """

    fields: Any
    patch_of_point: np.ndarray | None
    seconds: float
    device: str
    num_passes: int = 1

    @property
    def num_patches(self) -> int | None:
        """Patches K; None for a model without patches."""
        return None if self.patch_of_point is None else int(self.patch_of_point.max()) + 1


def predict(checkpoint: ListedCheckpoint, sample: Sample, device: str) -> SamplePrediction:
    """Predict a sample, or return the cached prediction."""
    return _predicted(checkpoint.key, sample.key, device, _sample=sample)


@kept("predictions", megabytes=200, spinner="The model predicts …")
@computed
def _predicted(
    key: CheckpointKey,
    sample: str,  # noqa: ARG001
    device: str,
    *,
    _sample: Sample,
) -> SamplePrediction:
    checkpoint = load(key)
    with one_at_a_time():
        warm_up(key, device, _sample=_sample)
        if _sample.num_surface:
            return _predict_flow(checkpoint, _sample, device)
        found = predict_case(checkpoint, _sample.points, _sample.features, device=device)
    part = found.partition
    patch = None if part is None else part.patch_of_point.numpy()
    passes = checkpoint.config.rollout
    return SamplePrediction(found.fields, patch, found.seconds, found.device, passes)


def _predict_flow(checkpoint: Checkpoint, sample: Sample, device: str) -> SamplePrediction:
    start = perf_counter()
    fields = predict_sample(checkpoint, sample, device=device)
    seconds = perf_counter() - start
    return SamplePrediction(
        fields, patches_of(checkpoint, sample), seconds, str(pick_device(device))
    )


@st.cache_resource(max_entries=12, show_spinner=False)
def warm_up(key: CheckpointKey, device: str, *, _sample: Sample) -> bool:
    """Predict once with a checkpoint, so that no shown time includes its first use."""
    predict_sample(load(key), _sample, device=device)
    return True
