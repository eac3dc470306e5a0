"""The stored runs with varied settings, which several pages show."""

from pathlib import Path

import streamlit as st

from mspt.benchmarks.ablation_curves import quantities
from mspt.benchmarks.ablation_maps import AblationMap, maps_over_patches
from mspt.benchmarks.ablations import AblationRow, parse_ablations

RUNS_FILE = Path("assets/ablations/runs.csv")


def every_row() -> tuple[AblationRow, ...]:
    """Return all runs, as far as the file has grown."""
    return _rows(_text())


def rows_of(dataset: str) -> tuple[AblationRow, ...]:
    """Return the runs of a data set."""
    return tuple(row for row in every_row() if row.dataset == dataset)


def fullest_map(dataset: str) -> AblationMap | None:
    """Return the validation error of a data set's runs over K and Q; None where there are none."""
    return _fullest_map(_text(), dataset)


def _text() -> str:
    return RUNS_FILE.read_text(encoding="utf-8") if RUNS_FILE.exists() else ""


@st.cache_resource(max_entries=2, show_spinner=False)
def _rows(text: str) -> tuple[AblationRow, ...]:
    """Return the rows of the file's text: a row that is added is there in the next run."""
    return parse_ablations(text)


@st.cache_resource(max_entries=16, show_spinner=False)
def _fullest_map(text: str, dataset: str) -> AblationMap | None:
    rows = tuple(row for row in _rows(text) if row.dataset == dataset)
    found = maps_over_patches(rows, quantities(rows)[0]) if rows else ()
    return found[0] if found else None
