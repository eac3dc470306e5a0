"""The controls of the page that compares shapes."""

import shlex

import streamlit as st

from mspt.errors import MSPTError
from mspt.geometry.files.names import safe_name
from mspt.inference.side_by_side import FEWEST, MOST
from pages._compare import data
from pages._compare.data import Chosen, Entry
from pages._shared import frame, notes, shapes, units
from pages._shared.datasets import SHAPES
from pages._shared.pickers import pick_checkpoint
from pages._shared.progress import follow

FIRST = [*data.SAMPLES[:2]]
"""What a visitor sees first."""
KINDS = ("stl", "obj", "ply", "vtp", "vtu", "vtk", "glb", "gltf")


def pick() -> Chosen | None:
    """Show a choice of shapes, model and units; return None until there are two shapes."""
    left, right = st.columns([7, 3], vertical_alignment="top")
    below = st.container(horizontal=True, vertical_alignment="bottom", gap="small")
    with below:
        _bring()
    with left:
        names = _pick_names()
    with right:
        checkpoint = pick_checkpoint(SHAPES)
    if len(names) < FEWEST:
        st.caption(f"Choose {FEWEST} to {MOST} shapes to compare them.")
        return None
    entries = [data.entry_of(name, checkpoint, frame.device()) for name in names]
    _say_what_is_unsure(entries)
    with below:
        if (percent := _pick_morph(entries)) is not None:
            between = data.morph_of(*entries[:2], percent, checkpoint, frame.device())
            entries.insert(1, between)
        conditions = units.pick(with_length=False)
    return Chosen(entries=tuple(entries), checkpoint=checkpoint, conditions=conditions)


def _pick_names() -> list[str]:
    """Show the choice of shapes; return their names."""
    state = st.session_state
    known = data.options()
    if not frame.is_history_step() and "shapes" not in st.query_params:
        kept = state.setdefault("shapes", state.get("last_shapes", FIRST))
        state["shapes"] = [name for name in kept if name in known]
    chosen = st.multiselect(
        f"Shapes, {FEWEST} to {MOST}; differences are to the first",
        known,
        key="shapes",
        bind="query-params",
        max_selections=MOST,
        help="Yours, samples, and bodies of the test cases, for which the solver's result is here.",
    )
    state["last_shapes"] = chosen
    return chosen


def _bring() -> None:
    """Show an uploader for several shapes, and choose what was brought."""
    state = st.session_state
    with st.popover("Bring your own", icon=":material/upload:"):
        files = st.file_uploader(
            "Your shapes",
            type=list(KINDS),
            accept_multiple_files=True,
            max_upload_size=50,
            key="compare_files",
            help="Unit and axes are guessed; *Upload a shape* shows and changes them.",
        )
    told: dict[str, str] = state.setdefault("brought", {})
    for file in files:
        if file.file_id not in told:
            told[file.file_id] = _take(file.getvalue(), file.name)
        if told[file.file_id]:
            notes.error("{}: {}", safe_name(file.name), told[file.file_id])


def _take(content: bytes, name: str) -> str:
    """Keep and choose a shape that was brought; return why it cannot be used, if so."""
    state = st.session_state
    try:
        shape = shapes.uploaded_shape(content, name)
        shapes.prepared(shape)
    except MSPTError as error:
        return str(error)
    state.setdefault("own_shapes", {})[shape.file_name] = shape
    chosen = state.get("shapes", state.get("last_shapes", FIRST))
    if shape.file_name not in chosen:
        state["shapes"] = [*chosen, shape.file_name][-MOST:]
    return ""


def _say_what_is_unsure(entries: list[Entry]) -> None:
    """Warn of shapes of which it is not known which way they face."""
    for entry in entries:
        guess = shapes.prepared(entry.shape).guess
        if guess.reason and shapes.choice_of(entry.shape).orientation is None and not entry.case:
            notes.warning(
                "The placement of **{}** is unsure, as {}; *Upload a shape* shows and changes it.",
                entry.name,
                guess.reason,
            )


def _pick_morph(entries: list[Entry]) -> int | None:
    """Show how far to morph the first shape to the second; None for not at all."""
    if len(entries) >= MOST or not data.can_morph(entries[0], entries[1]):
        return None
    share = st.slider(
        "Morph first to second, %",
        min_value=0,
        max_value=100,
        value=0,
        step=5,
        key="morph",
        bind="query-params",
        help="Both have the same triangles: their corners are interpolated, and the shape between "
        "is predicted.",
        width=190,
    )
    return share if 0 < share < 100 else None


def predict(chosen: Chosen) -> bool:
    """Predict what is not predicted yet, with progress and cancel; return whether all is there."""
    if data.are_predicted(chosen.entries):
        return True
    work = tuple(one.key for one in chosen.entries)
    return follow("Predicting the shapes", data.predict_all(chosen.entries), work=work)


def commands(chosen: Chosen) -> tuple[str, ...]:
    """Return the command for the same table; shapes that are no files can be downloaded."""
    names = " ".join(shlex.quote(one.shape.file_name) for one in chosen.entries)
    used = f"--checkpoint {chosen.checkpoint.path.as_posix()}"
    device = frame.device()
    on = "" if device == "auto" else f" --device {device}"
    flags = units.flags(chosen.conditions, with_length=False)
    lines = [f"python -m mspt compare {names} {used}{flags}{on} --csv comparison.csv"]
    if turned := [
        one.name for one in chosen.entries if shapes.choice_of(one.shape).orientation is not None
    ]:
        lines.append(f"# {', '.join(turned)}: placed by hand here, guessed by the command")
    return tuple(lines)
