"""Pieces of the page of predictions: what is looked at, its numbers, and its files."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import streamlit as st

from mspt.checkpoint import CheckpointInfo
from mspt.data.registry import get_dataset
from mspt.data.sets.car.dataset import CAR
from mspt.evaluation.comparison import compared_table, primary_error, write_compared
from mspt.evaluation.flows import label_noise
from mspt.figures.charts.curves import learning_curve
from mspt.inference.sample import Sample
from mspt.metrics.forces import drag_counts
from pages import _explored, _parts, _samples, _shared

NOTHING = "nothing"
SOURCES = (_samples.CAR_CASES, "elasticity", "darcy")
FLOW_VIEWS, SHEET_VIEWS = ("Fields", "VTK view"), ("Fields", "VTK view", "Flat")


def bar(label: str, options: Any, key: str, **settings: Any) -> Any:
    """Let a person choose one of some words, kept in the address."""
    return st.segmented_control(
        label,
        options,
        default=options[0],
        key=key,
        required=True,
        bind="query-params",
        **settings,
    )


@dataclass(frozen=True)
class Chosen:
    """What a person looks at.

    Attributes:
        source: Data set.
        header: Checkpoint.
        name: Of the case.
        other: A second checkpoint to compare with; None for the truth alone.
    """

    source: str
    header: CheckpointInfo
    name: str
    other: CheckpointInfo | None

    @property
    def headers(self) -> tuple[CheckpointInfo, ...]:
        """The checkpoints that are shown."""
        return (self.header,) if self.other is None else (self.header, self.other)

    @property
    def is_flow(self) -> bool:
        """Whether it is a flow around a body."""
        return self.source == _samples.CAR_CASES


def pick_view(title: str) -> tuple[str, str]:
    """Show a title, and let a person choose the data set and how to look at it."""
    top = st.container(horizontal=True, vertical_alignment="center", gap="medium")
    top.header(title, anchor=False, width="stretch")
    with top:
        source = _source()
        views = FLOW_VIEWS if source == _samples.CAR_CASES else SHEET_VIEWS
        view = bar("View", views, "view", label_visibility="collapsed", width="content")
    return source, view


def _source() -> str:
    return st.segmented_control(
        "Data set",
        SOURCES,
        key="source",
        default=SOURCES[0],
        required=True,
        bind="query-params",
        label_visibility="collapsed",
        width="content",
    )


def pick(source: str) -> Chosen:
    """Let a person choose checkpoint, case, and what to compare with."""
    top = st.columns([2.1, 2.1, 2.4, 1.1, 1.5], vertical_alignment="bottom", gap="small")
    with top[0]:
        header = _parts.pick_checkpoint(source)
    found = _shared.checkpoints(source)
    others = [NOTHING, *(name for name in found if name != header.path.stem)]
    versus = top[1].selectbox("Compare with", others, key="versus", bind="query-params")
    worst_first = top[4].toggle("Worst first", key="worst", bind="query-params")
    names = _case_names(source, header, worst_first=worst_first)
    key = f"{source}_case"
    is_plain = source == _samples.CAR_CASES and not worst_first
    name = top[2].selectbox(
        f"Test case, one of {len(names)}",
        names,
        index=_samples.place_of_first(names) if is_plain else 0,
        key=key,
        bind="query-params",
    )
    with top[3].container(horizontal=True, wrap=False, gap="xxsmall"):
        _step_buttons(names, name, key=key)
    other = None if versus == NOTHING else found[versus]
    return Chosen(source, header, name, other)


def _case_names(source: str, header: CheckpointInfo, *, worst_first: bool) -> list[str]:
    """Return the names of the cases; the largest error first where all errors are known."""
    if source == _samples.CAR_CASES:
        names = _samples.flow_names()
        if worst_first:
            device = _parts.device()
            if len(_explored.flow_scores(header, device)) < len(names):
                steps = _explored.rank_flows(header, device)
                _parts.follow("Scoring all bodies", steps, what=(header.path, device))
            scores = _explored.flow_scores(header, device)
            if len(scores) == len(names):
                names.sort(key=lambda name: scores[name]["surface_pressure"], reverse=True)
        return names
    names = list(_shared.test_cases(source).names)
    errors = _shared.known_errors(header, _parts.device())
    if worst_first and len(errors) == len(names):
        names.sort(key=errors.__getitem__, reverse=True)
    return names


def _step_buttons(names: Sequence[str], name: str, *, key: str) -> None:
    """Show buttons that move to the neighbors in the list of cases."""
    for icon, distance, text in (("chevron_left", -1, "Previous"), ("chevron_right", 1, "Next")):
        st.button(
            "",
            icon=f":material/{icon}:",
            key=f"case_{text.lower()}",
            help=f"{text} case",
            on_click=st.session_state.__setitem__,
            args=(key, names[(names.index(name) + distance) % len(names)]),
        )


def numbers(chosen: Chosen) -> None:
    """Show how good the prediction is, and for bodies drag and lift."""
    if not chosen.is_flow:
        case = _shared.find_case(chosen.source, chosen.name)
        prediction = _shared.predict_test_case(chosen.header, case, _parts.device())
        _parts.case_numbers(chosen.header, case, prediction)
        return
    seen = sample_at(chosen, 1.0)
    found = _explored.answer(chosen.header, seen, _parts.device())
    metrics = chosen.header.info.get("metrics", {})
    score = _explored.score_of(chosen.name, chosen.header, _parts.device())
    origin = _parts.STORED if score["stored"] else _parts.MEASURED
    own = _explored.noise_of(chosen.name).get("surface_pressure")
    usual = label_noise(metrics).get("surface_pressure")
    help_text = f"Label noise: {words}" if (words := _parts.noise_words(chosen.header)) else None
    first, second, third, fourth = st.columns(4)
    with first:
        _parts.number(
            "C_p error of this body" if own is None else f"C_p error, label noise {own:.1%}",
            _parts.percent(primary_error(seen, found.fields)),
            origin=_parts.MEASURED,
            help_text=help_text,
        )
    with second:
        count = metrics.get("cases", 0)
        _parts.number(
            f"Mean of {count} test cases"
            if usual is None
            else f"Mean of {count}, noise {usual:.1%}",
            _parts.percent(metrics.get("relative_l2")),
            origin=_parts.STORED,
            help_text=help_text,
        )
    for column, letter in ((third, "C_D"), (fourth, "C_L")):
        with column:
            model, solver = score[letter], score[f"{letter}_true"]
            miss = drag_counts(model) - drag_counts(solver)
            _parts.number(
                f"{letter} {_parts.minus(f'{model:.3f}')}, solver {_parts.minus(f'{solver:.3f}')}",
                _parts.minus(f"{miss:+,.0f} counts"),
                origin=origin,
            )


def sample_at(chosen: Chosen, factor: float) -> Sample:
    """Return what is looked at, or its trained size where the resolution does not exist."""
    seen = _explored.cloud(chosen.source, chosen.name, chosen.header, factor)
    whole = seen or _explored.cloud(chosen.source, chosen.name, chosen.header, 1.0)
    if whole is None:
        raise ValueError(f"{chosen.name} must exist at the size learned on, got none")
    return whole


def facts(chosen: Chosen) -> None:
    """Show how the checkpoint was made, and what the data set is."""
    header = chosen.header
    data = CAR if chosen.is_flow else get_dataset(chosen.source)
    first, second = st.columns(2, gap="medium")
    with first:
        st.markdown(f"**The checkpoint {header.path.stem}** {_parts.badge(_parts.STORED)}")
        _parts.checkpoint_facts(header)
        if curve := header.info.get("curve"):
            st.plotly_chart(
                learning_curve(np.array(curve), dark=_parts.is_dark()), key="explore_curve"
            )
    with second:
        st.markdown(f"**The data set {data.name}**: {data.title}")
        st.markdown(f"${data.equation}$")  # within the text, so that it may wrap
        st.caption(f"{data.geometry}\n\n{data.solver}")


def predictions_of(chosen: Chosen, seen: Sample) -> dict[str, Any]:
    """Return the fields of each chosen model at the points of a cloud, by its name."""
    return {
        header.path.stem: _explored.answer(header, seen, _parts.device()).fields
        for header in chosen.headers
    }


def table_file(chosen: Chosen, factor: float) -> bytes:
    """Return points, truth, predictions and errors as a table."""
    seen = sample_at(chosen, factor)
    table = compared_table(seen, predictions_of(chosen, seen))
    return table.to_csv(index=False, float_format="%.7g").encode()


def mesh_file(chosen: Chosen, factor: float) -> bytes:
    """Return the same as a file for ParaView."""
    seen = sample_at(chosen, factor)
    with TemporaryDirectory(prefix="mspt-export-") as folder:
        path = Path(folder) / "case.vtp"
        write_compared(path, seen, compared_table(seen, predictions_of(chosen, seen)))
        return path.read_bytes()


def commands(chosen: Chosen) -> tuple[str, ...]:
    """Return what to type for the same results."""
    path = chosen.header.path.as_posix()
    evaluate = f"python -m mspt evaluate {path} --split test"
    if chosen.is_flow:
        return evaluate, f"python -m mspt evaluate {path} --split unseen"
    out = f"--checkpoint {path} --out {chosen.name}.vtp"
    return f"python -m mspt solve {chosen.name} {out}", evaluate
