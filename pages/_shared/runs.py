"""The stored runs with varied settings, which several pages show."""

from pathlib import Path

import streamlit as st

from mspt.benchmarks.ablations import AblationRow, parse_ablations

RUNS_FILE = Path("assets/ablations/runs.csv")


def every_row() -> tuple[AblationRow, ...]:
    """Return all runs, as far as the file has grown."""
    return _rows(RUNS_FILE.read_text(encoding="utf-8") if RUNS_FILE.exists() else "")


def rows_of(dataset: str) -> tuple[AblationRow, ...]:
    """Return the runs of a data set."""
    return tuple(row for row in every_row() if row.dataset == dataset)


@st.cache_resource(max_entries=2, show_spinner=False)
def _rows(text: str) -> tuple[AblationRow, ...]:
    """Return the rows of the file's text: a row that is added is there in the next run."""
    return parse_ablations(text)
