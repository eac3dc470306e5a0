"""What a visitor has brought: models, cases and predictions, kept for this visitor alone.

They are part of the session and go with it: the files of models lie in folders of their own, which
are removed when nothing refers to them any more. Names of cases and files hold digits of their
content, so that results cached for all visitors are found by whoever brings the same file.
"""

import hashlib
import re
import shutil
import weakref
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp

import streamlit as st

from mspt.checkpoint import load_checkpoint, read_info, save_checkpoint
from mspt.data.brought.cases import BroughtCase, read_cases
from mspt.data.dataset import Dataset
from mspt.data.registry import get_dataset
from mspt.errors import CheckpointError, DataError
from mspt.evaluation.predictions import PredictionScores, read_predictions, score_predictions
from mspt.geometry.files.names import stem_of
from mspt.inference.brought import PublishedSettings, convert_published, load_brought
from pages._shared import cache
from pages._shared.cache import OWN_CASES, OWN_MODELS, ListedCheckpoint
from pages._shared.datasets import case_sources

MOST = 3
"""Models that a visitor keeps, files of cases, and files of predictions; the oldest one goes."""
MODEL_KINDS, CASE_KINDS = ("safetensors", "pt", "pth"), ("csv", "npz", "vtp", "mat", "npy")
_SCORES = "own_scores"


@dataclass(frozen=True, eq=False)
class Folder:
    """A folder that goes with the last reference to this value.

    Attributes:
        path: The folder.
    """

    path: Path = field(default_factory=lambda: Path(mkdtemp(prefix="mspt-own-")))

    def __post_init__(self) -> None:
        """Remove it at the end of the session, and of the server at the latest."""
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)


@dataclass(frozen=True, eq=False)
class OwnModel(ListedCheckpoint):
    """A checkpoint that a visitor has brought.

    Attributes:
        folder: Holds its file as long as the session refers to it.
    """

    folder: Folder


# --- models --------------------------------------------------------------------------------------


def models() -> Mapping[str, OwnModel]:
    """Return the visitor's models by name."""
    return st.session_state.setdefault(OWN_MODELS, {})


def add_model(
    content: bytes, file: str, dataset: str | None, settings: PublishedSettings | None = None
) -> OwnModel:
    """Keep a model for this visitor.

    Args:
        content: Of the file.
        file: Its name; of it letters, digits and a few signs are kept.
        dataset: Whose cases it is to predict; None for the set that the file names.
        settings: Of the training, for the authors' weights.

    Raises:
        MSPTError: If the file cannot be read, or the model does not fit the data set.
    """
    suffix, folder = Path(file).suffix.lower(), Folder()
    digest = hashlib.sha256(content + repr((dataset, settings)).encode()).hexdigest()[:16]
    given, path = folder.path / f"given{suffix}", folder.path / f"{digest}.safetensors"
    given.write_bytes(content)
    try:
        if suffix == ".safetensors":
            _take(given, path, dataset)
        else:
            target = _with_cases(dataset)
            convert_published(given, path, dataset=target, settings=settings or PublishedSettings())
        found = read_info(path)
        load_brought(path, _with_cases(found.info["dataset"]))
    except (CheckpointError, DataError) as error:
        words = str(error)
        for name in (given.name, path.name):
            words = words.replace(name, Path(file).name[:60])
        raise type(error)(words) from error
    finally:
        given.unlink(missing_ok=True)
    name = _free_name(file)
    key = cache.key_of(path)
    model = OwnModel(Path(f"{name}.safetensors"), found.config, found.info, key, folder)
    st.session_state[OWN_MODELS] = _bounded({**models(), name: model})
    return model


def _take(given: Path, path: Path, dataset: str | None) -> None:
    """Copy a checkpoint of this project; one that names no set, or another one, is told the set."""
    info = read_info(given).info
    named = info.get("dataset")
    wanted = dataset or named
    if wanted is None:
        raise CheckpointError(
            f"checkpoint must name the data set it was trained on, got {given.name} without one; "
            "choose it"
        )
    _with_cases(wanted)
    if wanted == named:
        path.write_bytes(given.read_bytes())
        return
    loaded = load_checkpoint(given)
    save_checkpoint(
        path,
        model=loaded.model,
        config=loaded.config,
        normalizer=loaded.normalizer,
        # Its scores are of other cases.
        info={key: value for key, value in info.items() if key not in ("scores", "metrics")}
        | {"dataset": wanted, "metrics": {}},
    )


def _with_cases(name: str | None) -> Dataset:
    """Return a data set whose cases are at hand.

    Raises:
        DataError: If there is no such set.
    """
    here = case_sources()
    if name not in here:
        raise DataError(
            f"data set must be one whose cases are here, {', '.join(here)}, got "
            f"{name or 'none'}; choose one"
        )
    return get_dataset(name)


def _free_name(file: str) -> str:
    stem = re.sub(r"[^\w.+()-]+", "-", stem_of(file))[:40].strip("-. ") or "model"
    taken = {one.name for one in cache.all_checkpoints()}
    names = [f"my-{stem}", *(f"my-{stem}-{number}" for number in range(2, 100))]
    return next(name for name in names if name not in taken)


def add_scores(name: str, entries: Mapping[str, object]) -> None:
    """Add scores to the header of a model that was evaluated here."""
    own = models().get(name)
    if own is not None:
        info = {**own.info, **entries}
        new = OwnModel(own.path, own.config, info, own.key, own.folder)
        st.session_state[OWN_MODELS] = {**models(), name: new}


# --- cases ---------------------------------------------------------------------------------------


def add_cases(files: Mapping[str, bytes], dataset: str | None) -> tuple[BroughtCase, ...]:
    """Keep cases for this visitor.

    Args:
        files: Contents by name.
        dataset: Whose models are to predict them; None for points alone.

    Raises:
        MSPTError: If the files hold no such cases.
    """
    found = read_cases(files, None if dataset is None else get_dataset(dataset))
    title = found[0].title.partition(", row ")[0]
    known = {**st.session_state.get(OWN_CASES, {}), title: found}
    st.session_state[OWN_CASES] = _bounded(known)
    return found


def files_of_cases() -> Mapping[str, tuple[BroughtCase, ...]]:
    """Return the cases of each file by its title."""
    return st.session_state.get(OWN_CASES, {})


def case_names(dataset: str | None) -> list[str]:
    """Return the names of the visitor's cases of a data set; of clouds of points for None."""
    every = [one for found in files_of_cases().values() for one in found]
    return [one.name for one in reversed(every) if one.dataset == dataset]


def find(name: str) -> BroughtCase | None:
    """Return the visitor's case of a name; None if there is none."""
    every = (one for found in files_of_cases().values() for one in found)
    return next((one for one in every if one.name == name), None)


# --- predictions ---------------------------------------------------------------------------------


def add_predictions(content: bytes, file: str, dataset: str) -> PredictionScores:
    """Score predictions and keep the scores for this visitor.

    Raises:
        MSPTError: If the file holds no predictions of test cases.
    """
    target = _with_cases(dataset)
    found = score_predictions(read_predictions(content, file, target), target)
    known = {**st.session_state.get(_SCORES, {}), f"{found.title}, {dataset}": found}
    st.session_state[_SCORES] = _bounded(known)
    return found


def scores() -> Mapping[str, PredictionScores]:
    """Return the scores of the visitor's predictions."""
    return st.session_state.get(_SCORES, {})


def remove(kind: str, name: str) -> None:
    """Forget a model, the cases of a file, or predictions."""
    key = {"model": OWN_MODELS, "cases": OWN_CASES, "predictions": _SCORES}[kind]
    known = st.session_state.get(key, {})
    if kind == "model" and name in known:
        # What a page still shows may refer to the model for a while.
        shutil.rmtree(known[name].folder.path, ignore_errors=True)
    st.session_state[key] = {one: value for one, value in known.items() if one != name}


def _bounded(known: dict) -> dict:
    return dict(list(known.items())[-MOST:])
