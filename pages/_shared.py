"""Everything pages share that is cached: data, checkpoints, predictions; and who may compute."""

import json
from collections.abc import Iterator
from pathlib import Path
from threading import Semaphore

import numpy as np
import pandas as pd
import streamlit as st

from mspt.checkpoint import Checkpoint, CheckpointInfo, list_checkpoints, load_checkpoint
from mspt.config import PATCHED, ModelConfig
from mspt.data.case import Case, CaseStack
from mspt.data.export import case_table
from mspt.data.registry import get_dataset
from mspt.data.solve import Solved, solve_drawing
from mspt.data.store import load_split
from mspt.errors import DataError
from mspt.figures.charts.raster import Raster, grid_raster, triangle_raster
from mspt.inference.predict import Prediction, predict_case
from mspt.metrics.fields import relative_l2

PRETRAINED = Path("pretrained")


@st.cache_resource
def one_at_a_time() -> Semaphore:
    """Return the lock round inference: memory peaks of sessions would add up."""
    return Semaphore(1)


@st.cache_resource(max_entries=4, show_spinner=False)
def _listed(files: str) -> tuple[CheckpointInfo, ...]:  # noqa: ARG001
    return list_checkpoints(PRETRAINED)


def _headers() -> tuple[CheckpointInfo, ...]:
    """Return all headers, read anew when a file has come, gone or changed."""
    files = sorted(PRETRAINED.glob("*.safetensors"))
    # One text, as Streamlit takes longer to look up a list than to look at the files.
    return _listed("\n".join(f"{path.absolute()} {path.stat().st_mtime}" for path in files))


def checkpoints(dataset: str) -> dict[str, CheckpointInfo]:
    """Return the headers of a data set's checkpoints by file name, its own preset first."""
    found = [item for item in _headers() if item.info.get("dataset") == dataset]
    if not found:
        raise DataError(
            f"{PRETRAINED}/ must hold a checkpoint for {dataset}, found none; "
            f"train one with `python -m mspt train {dataset} --out {PRETRAINED}`"
        )
    return {item.path.stem: item for item in sorted(found, key=lambda item: len(item.path.stem))}


@st.cache_resource(max_entries=4, show_spinner="Reading the data …")
def test_cases(dataset: str) -> CaseStack:
    """Return the test split; shared by all sessions and never changed."""
    return load_split(dataset, "test")


def find_case(dataset: str, name: str) -> Case:
    """Return one test case."""
    cases = test_cases(dataset)
    return cases.case(cases.names.index(name))


def case_raster(case: Case) -> Raster:
    """Return how the fields of a case become images."""
    shape, points = get_dataset(case.dataset).grid_shape, case.points.numpy()
    if shape is not None:
        return grid_raster(points, shape)
    return triangle_raster(points, case.triangles.numpy())


@st.cache_resource(max_entries=6, show_spinner="Loading the model …")
def _loaded(path: Path, changed: float) -> Checkpoint:  # noqa: ARG001
    return load_checkpoint(path)


def checkpoint(path: Path) -> Checkpoint:
    """Return a checkpoint, loaded once for all sessions and loaded anew when its file changes."""
    return _loaded(path, path.stat().st_mtime)


@st.cache_resource(max_entries=6, show_spinner="Loading the model …")
def _warm(path: Path, changed: float, device: str) -> Checkpoint:
    """Load a checkpoint and run it once, so that no shown time includes a warm-up."""
    checkpoint = _loaded(path, changed)
    case = test_cases(checkpoint.info["dataset"]).case(0)
    with one_at_a_time():
        predict_case(checkpoint, case.points, case.features, device=device)
    return checkpoint


def run(header: CheckpointInfo, case: Case, device: str) -> Prediction:
    """Predict a case that may have been drawn a moment ago."""
    checkpoint = _warm(header.path, header.path.stat().st_mtime, device)
    with one_at_a_time():
        prediction = predict_case(checkpoint, case.points, case.features, device=device)
    st.session_state["last_run"] = _summary(header, case, prediction)
    return prediction


@st.cache_data(max_entries=64, show_spinner=False)
def _predicted(path: Path, changed: float, dataset: str, name: str, device: str) -> Prediction:
    checkpoint = _warm(path, changed, device)
    case = find_case(dataset, name)
    with one_at_a_time():
        return predict_case(checkpoint, case.points, case.features, device=device)


@st.cache_data(max_entries=32, show_spinner=False)
def solve_drawn(drawing: str) -> Solved:
    """Solve a drawing, given as the text of its file."""
    return solve_drawing(json.loads(drawing))


def predict_test_case(header: CheckpointInfo, case: Case, device: str) -> Prediction:
    """Predict a test case, or return what was predicted for it before."""
    changed = header.path.stat().st_mtime
    prediction = _predicted(header.path, changed, case.dataset, case.name, device)
    st.session_state["last_run"] = _summary(header, case, prediction)
    return prediction


@st.cache_resource
def _errors() -> dict[tuple[Path, float, str], dict[str, float]]:
    """Return the one store of test errors, by checkpoint and device, that sessions fill."""
    return {}


def stored_errors(header: CheckpointInfo) -> dict[str, float]:
    """Return the relative L2 of the test cases that came with the checkpoint, by name."""
    return {score["name"]: score["relative_l2"] for score in header.info.get("scores", [])}


def known_errors(header: CheckpointInfo, device: str) -> dict[str, float]:
    """Return the relative L2 of the test cases: stored, or of those predicted here so far."""
    computed = _errors().get((header.path, header.path.stat().st_mtime, device), {})
    return {**computed, **stored_errors(header)}


def rank_test_cases(header: CheckpointInfo, device: str) -> Iterator[tuple[float, str]]:
    """Predict what is not known yet, yielding share and words; stopping loses nothing."""
    changed, cases = header.path.stat().st_mtime, test_cases(header.info["dataset"])
    errors = _errors().setdefault((header.path, changed, device), {})
    checkpoint = _warm(header.path, changed, device)
    for done, name in enumerate(cases.names, start=1):
        if name not in known_errors(header, device):
            case = cases.case(done - 1)
            with one_at_a_time():
                prediction = predict_case(checkpoint, case.points, case.features, device=device)
            errors[name] = case_error(case, prediction)
        yield done / len(cases), f"Predicted {done} of {len(cases)} test cases"


def case_error(case: Case, prediction: Prediction) -> float:
    """Return the relative L2 error of one prediction."""
    return relative_l2(prediction.fields[None], case.fields[None]).item()


def primary(case: Case, prediction: Prediction) -> tuple[np.ndarray, np.ndarray]:
    """Return truth and prediction of the field that scores are about."""
    dataset = get_dataset(case.dataset)
    channel = [field.name for field in dataset.fields].index(dataset.primary_field)
    return case.fields[:, channel].numpy(), prediction.fields[:, channel].numpy()


def case_csv(case: Case, prediction: Prediction) -> bytes:
    """Return points, features, truth, prediction and error of a case as a table."""
    table = case_table(case, prediction.fields)
    return table.to_csv(index=False, float_format="%.7g").encode()


def _summary(header: CheckpointInfo, case: Case, prediction: Prediction) -> dict[str, object]:
    """Return what the footer says of a run."""
    patches = None if prediction.partition is None else len(prediction.partition.offsets) - 1
    return {
        "checkpoint": header.path.stem,
        "case": case.name,
        "points": len(case.points),
        "patches": patches,
        "seconds": prediction.seconds,
        "device": prediction.device,
    }


def _partition_of(config: ModelConfig) -> str:
    used = config.architecture in PATCHED
    return config.partition.replace("_", " ") if used else "none"


def checkpoint_table() -> pd.DataFrame:
    """Return one row per shipped checkpoint, read from the headers alone."""
    rows = []
    for header in sorted(_headers(), key=lambda one: (one.info["dataset"], len(one.path.stem))):
        metrics = header.info.get("metrics", {})
        rows.append(
            {
                "Checkpoint": header.path.stem,
                "Data set": header.info.get("dataset"),
                "Model": header.config.architecture,
                "Partition": _partition_of(header.config),
                "Parameters": header.info.get("parameters"),
                "Test error": metrics.get("relative_l2"),
                "Mean only": metrics.get("mean_only"),
                "Test cases": metrics.get("cases"),
            }
        )
    return pd.DataFrame(rows)
