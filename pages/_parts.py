"""Pieces of interface that pages share: numbers with their origin, errors, commands, pickers."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from runpy import run_path

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager

from mspt.checkpoint import CheckpointInfo
from mspt.config import PATCHED
from mspt.data.case import Case, Quantity
from mspt.data.dataset import Dataset
from mspt.data.registry import DATASETS, get_dataset
from mspt.errors import MSPTError
from mspt.evaluation.flows import label_noise
from mspt.figures.charts.fields import suffix
from mspt.inference.predict import Prediction, available_devices
from mspt.metrics.fields import max_error
from pages._shared import case_error, checkpoints

APP = Path(__file__).parents[1] / "app.py"
MEASURED, STORED, PAPER = "measured here", "stored with the checkpoint", "from the paper"
_ORIGIN_COLORS = {MEASURED: "green", STORED: "blue", PAPER: "violet"}
# Streamlit turns its own parts light or dark at once, but tells the server at the next rerun only.
# Must stay a text of several lines: Streamlit takes one line for the path of a file.
_ASK_FOR_A_RERUN = """
export default ({ setTriggerValue }) => {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  let timer;
  const tell = () => { timer = setTimeout(() => setTriggerValue("turned", true), 300); };
  dark.addEventListener("change", tell);
  return () => { clearTimeout(timer); dark.removeEventListener("change", tell); };
};
"""
_DEVICE_NAMES = {"auto": "Auto", "cuda": "CUDA", "mps": "MPS", "cpu": "CPU"}


def require_frame() -> None:
    """Go through ``app.py`` if Streamlit ran a page file by itself.

    Until ``app.py`` has run once on a server, Streamlit takes every file in ``pages/`` for a page
    of its older kind, and the first visitor with a deep link would see it without the frame.
    """
    if PagesManager.uses_pages_directory:
        PagesManager.uses_pages_directory = False
        run_path(str(APP))
        st.stop()


def turn_to(page: str) -> None:
    """Remember which page is open and which was before."""
    state = st.session_state
    state["page"], state["page_before"] = page, state.get("page")


def is_new_page() -> bool:
    """Tell whether a person has just come here from another page."""
    return st.session_state["page_before"] not in (None, st.session_state["page"])


@contextmanager
def error_panel() -> Iterator[None]:
    """Show what a person can put right; anything else is a bug and surfaces."""
    try:
        yield
    except MSPTError as error:
        message = str(error)
        st.error(message[:1].upper() + message[1:] + ".", icon=":material/error:")


def is_dark() -> bool:
    """Tell whether the page is dark."""
    return st.context.theme.type == "dark"


def follow_theme() -> None:
    """Draw charts and VTK views again when the visitor's system turns light or dark."""
    watch = st.components.v2.component("mspt_theme", html="<span></span>", js=_ASK_FOR_A_RERUN)
    watch(key="theme", on_turned_change=lambda: None)


def badge(origin: str) -> str:
    """Return the badge that tells where a number comes from, as Markdown."""
    return f":{_ORIGIN_COLORS[origin]}-badge[{origin}]"


def number(label: str, value: str, *, origin: str, help_text: str | None = None) -> None:
    """Show one number, its unit and where it comes from."""
    st.metric(
        label,
        value,
        delta=origin,
        delta_color=_ORIGIN_COLORS[origin],
        delta_arrow="off",
        border=True,
        height="stretch",
        help=help_text,
    )


def case_numbers(header: CheckpointInfo, case: Case, prediction: Prediction) -> None:
    """Show how good the prediction of a test case is, and how good the model is in general."""
    field, metrics = field_of(get_dataset(case.dataset)), header.info.get("metrics", {})
    worst = max_error(prediction.fields[None], case.fields[None]).item()
    first, second, third, fourth = st.columns(4)
    with first:
        number("Relative L2 of this case", percent(case_error(case, prediction)), origin=MEASURED)
    with second:
        number(
            f"Mean of {metrics.get('cases', 0)} test cases",
            percent(metrics.get("relative_l2")),
            origin=STORED,
        )
    with third:
        number(
            f"Largest error of {field.name}",
            f"{significant(worst)}{suffix(field)}",
            origin=MEASURED,
        )
    with fourth:
        number("Forward pass", milliseconds(prediction.seconds), origin=MEASURED)


def noise_words(header: CheckpointInfo) -> str:
    """Return how far the solver is from itself on other meshes; nothing where that is not known."""
    metrics = header.info.get("metrics", {})
    if not (noise := label_noise(metrics)):
        return ""
    return (
        f"the solver's own C_p changes by {percent(noise['surface_pressure'])} on meshes whose "
        f"cells are 1% larger or smaller, its velocity by {percent(noise['velocity'])}, its C_D by "
        f"{percent(noise['C_D_relative'])}, mean of {metrics['cases']} test cases, {STORED}."
    )


def drawing_numbers(case: Case, prediction: Prediction, solver_seconds: float) -> None:
    """Show the error of a drawn case and what model and solver took."""
    error, ratio = case_error(case, prediction), solver_seconds / prediction.seconds
    first, second, third, fourth = st.columns(4)
    with first:
        number("Relative L2 of this drawing", percent(error), origin=MEASURED)
    with second:
        number("Model, forward pass", milliseconds(prediction.seconds), origin=MEASURED)
    with third:
        number("Solver, truth", milliseconds(solver_seconds), origin=MEASURED)
    with fourth:
        number("Solver time over model time", f"{ratio:.1f} ×", origin=MEASURED)


def checkpoint_facts(header: CheckpointInfo) -> None:
    """Show how a checkpoint was made, as far as its header says."""
    config, info = header.config, header.info
    patches = f"K = {config.num_patches}" if config.num_patches else f"L = {config.patch_size}"
    if config.architecture in PATCHED:
        cut = f"{config.partition.replace('_', ' ')}, {patches}, Q = {config.num_supernodes}"
    else:
        cut = "none"
    symmetric = info.get("metrics", {}).get("symmetric")
    facts = {
        "Model": f"{config.architecture}, {config.num_blocks} blocks, D = {config.width}",
        "Partition": cut,
        "Parameters": info.get("parameters"),
        "Training cases": info.get("train_cases"),
        "Steps": info.get("steps"),
        "Minutes": info.get("minutes"),
        "Hardware": info.get("hardware"),
        "Seed": info.get("seed"),
        "Test error of the mean over symmetries": symmetric and percent(symmetric),
    }
    known = {
        name: f"{value:,}" if isinstance(value, int) else str(value)
        for name, value in facts.items()
        if value is not None
    }
    st.table(known, border="horizontal", width="stretch")


def percent(share: float | None) -> str:
    """Return a share as text."""
    return "–" if share is None else f"{share:.2%}"


def significant(value: float) -> str:
    """Return three digits that count, never as a power of ten for a large value."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def milliseconds(seconds: float) -> str:
    """Return a time as text."""
    return f"{1000 * seconds:.0f} ms"


def minus(text: str) -> str:
    """Return a number's text with a minus sign instead of a hyphen."""
    return text.replace("-", "−")


def follow(title: str, steps: Iterator[tuple[float, str]], *, what: object | None = None) -> bool:
    """Work on the page, show how far it is, and tell whether it was done.

    Any other input on the page ends it. Work that begins by itself says ``what`` it is: once a
    person has cancelled that, it waits until they want it to go on. Work that a click has begun
    just ends.
    """
    flag = f"cancelled {title}"
    place = st.empty()
    if what is not None and st.session_state.get(flag) == what:
        with place.container(horizontal=True, vertical_alignment="center"):
            st.caption(f"{title}: cancelled.", width="content")
            st.button(
                "Go on",
                key=f"go_on {title}",
                icon=":material/play_arrow:",
                on_click=st.session_state.pop,
                args=(flag, None),
            )
        return False
    with place.container(), st.status(f"{title} …", expanded=True):
        bar = st.progress(0.0)
        st.button(
            "Cancel",
            key=f"cancel {title}",
            icon=":material/stop:",
            on_click=st.session_state.__setitem__,
            args=(flag, what),
        )
        for share, words in steps:
            bar.progress(min(share, 1.0), words)
    place.empty()
    return True


def command(*lines: str) -> None:
    """Show what to type for the same result on the command line."""
    with st.expander("Show the command for this", icon=":material/terminal:"):
        st.code("\n".join(lines), language="bash")


def device_picker() -> None:
    """Let a person choose among the devices that are here."""
    here = available_devices()
    st.segmented_control(
        "Device",
        here,
        default="auto",
        key="device",
        bind="query-params",
        required=True,
        format_func=_DEVICE_NAMES.__getitem__,
    )
    if absent := [name for key, name in _DEVICE_NAMES.items() if key not in here]:
        st.caption(f"Not on this machine: {', '.join(absent)}.")


def device() -> str:
    """Return the chosen device."""
    return st.session_state.get("device") or "auto"


def pick_dataset() -> str:
    """Let a person choose a data set."""
    # No format_func here and below: an address holds what is shown, and it must last.
    return st.segmented_control(
        "Data set",
        list(DATASETS),
        key="dataset",
        default="elasticity",
        required=True,
        bind="query-params",
    )


def pick_checkpoint(dataset: str) -> CheckpointInfo:
    """Let a person choose a checkpoint of a data set."""
    found = checkpoints(dataset)
    if st.session_state.get("checkpoint") not in (None, *found):
        st.session_state["checkpoint"] = next(iter(found))  # it was one of another data set
    return found[st.selectbox("Checkpoint", list(found), key="checkpoint", bind="query-params")]


def footer() -> None:
    """Show size, time and device of the last run."""
    last = st.session_state.get("last_run")
    if last is None:
        return
    patches = "no patches" if last["patches"] is None else f"K = {last['patches']:,} patches"
    st.caption(
        f"Last run: {last['checkpoint']} on {last['case']} · N = {last['points']:,} points · "
        f"{patches} · {milliseconds(last['seconds'])} on {last['device']} · {MEASURED}"
    )


def field_of(dataset: Dataset) -> Quantity:
    """Return the field that a data set's scores are about."""
    return next(field for field in dataset.fields if field.name == dataset.primary_field)
