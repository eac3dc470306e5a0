"""Bring your own: a dialog to load a model, data or predictions for this visitor alone."""

from functools import partial

import streamlit as st

from mspt.config import PATCHED, Pooling
from mspt.data.registry import get_dataset
from mspt.inference.brought import PARTS, PublishedSettings, usual_settings
from pages._shared import frame, notes, own
from pages._shared.cache import num_checkpoints
from pages._shared.datasets import OWN, case_sources, has_flow

MODEL, DATA, PREDICTIONS = "A model", "Data", "Predictions"
KINDS = (MODEL, DATA, PREDICTIONS)
_OPEN = "bring_open"
"""Where a session keeps what the open dialog shows at first."""
LARGEST = {MODEL: 100, DATA: 50, PREDICTIONS: 50}
"""Megabytes of a file."""
AS_NAMED, NO_MODEL = "the set that the file names", "no model: partition alone"
POOLINGS: tuple[Pooling, ...] = ("mean", "max", "linear")


def button() -> None:
    """Show the button that opens the dialog, and what the visitor has loaded, with links."""
    if st.button(
        "Bring your own",
        key="bring",
        icon=":material/upload_file:",
        width="stretch",
        help="A checkpoint, data, or predictions of another model. They stay with this tab and are "
        "removed when it is closed or reloaded.",
    ):
        open_dialog(MODEL)
    if st.session_state.get(_OPEN):
        _dialog()
    _links()


def open_dialog(kind: str) -> None:
    """Open the dialog with one kind chosen; it stays open until it is closed or has loaded."""
    st.session_state[_OPEN] = kind


def _close() -> None:
    st.session_state.pop(_OPEN, None)


def _links() -> None:
    """List what was loaded, each with links to the pages that show it."""
    for name, one in own.models().items():
        source = one.info["dataset"]
        query = {"source": source, "checkpoint": name}
        _entry("model", name, dict.fromkeys(_pages_for(one), query))
    for title, cases in own.files_of_cases().items():
        source = cases[0].dataset
        place = OWN if source is None else source
        query = {"source": place, f"{place}_case": cases[0].name}
        pages = ("patches",) if source is None else ("explore", "patches", "attention")
        _entry("cases", title, dict.fromkeys(pages, query))
    for name, one in own.scores().items():
        _entry("predictions", name, {"benchmarks": {"set": one.dataset}})


def _pages_for(model: own.OwnModel) -> list[str]:
    """Return the pages that show a model: those of patches and attention show some alone."""
    kind = model.config.architecture
    known = {"explore": True, "patches": kind in PATCHED, "attention": kind == "mspt"}
    return [page for page, has_it in known.items() if has_it]


def _entry(kind: str, name: str, pages: dict[str, dict[str, str]]) -> None:
    with st.container(border=True, gap=None, key=f"own_{kind}_{name}"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f"**{notes.plain(name, longest=40)}**", width="stretch")
            st.button(
                "",
                key=f"drop_{kind}_{name}",
                icon=":material/close:",
                type="tertiary",
                help=f"Remove: {kind}",
                on_click=partial(own.remove, kind, name),
            )
        with st.container(horizontal=True, gap="small"):
            for page, query in pages.items():
                st.page_link(f"pages/{page}.py", label=page.capitalize(), query_params=query)


@st.dialog("Bring your own", width="medium", on_dismiss=_close)
def _dialog() -> None:
    """Show what can be brought; one kind is chosen at first."""
    first = st.session_state.get(_OPEN, MODEL)
    shown = st.segmented_control("What", KINDS, default=first, key="bring_kind", required=True)
    with frame.error_panel():
        {MODEL: _model, DATA: _data, PREDICTIONS: _predictions}[shown]()


def _load_button(*, ready: bool) -> bool:
    return st.button("Load", key="bring_load", type="primary", disabled=not ready)


# --- a model -------------------------------------------------------------------------------------


def _model() -> None:
    file = st.file_uploader(
        "A checkpoint (.safetensors), or the authors' weights (.pt)",
        type=list(own.MODEL_KINDS),
        max_upload_size=LARGEST[MODEL],
        key="bring_model",
    )
    is_theirs = file is not None and not file.name.lower().endswith(".safetensors")
    sets = [one for one in case_sources() if not (is_theirs and has_flow(one))]
    options = sets if is_theirs else [AS_NAMED, *sets]
    chosen = st.selectbox("It predicts cases of", options, key=f"bring_set_{is_theirs}")
    settings = _settings(chosen) if is_theirs else None
    if _load_button(ready=file is not None) and file is not None:
        with st.spinner("Reading the model, and predicting a case …"):
            dataset = None if chosen == AS_NAMED else chosen
            found = own.add_model(file.getvalue(), file.name, dataset, settings)
        st.session_state.update(source=found.info["dataset"], checkpoint=found.name)
        _close()
        st.rerun()


def _settings(dataset: str) -> PublishedSettings:
    """Show what the authors' file does not say; the values of their scripts come first."""
    usual, key = usual_settings(get_dataset(dataset)), f"bring_{dataset}"
    st.caption("What their file does not say. At first: the settings of the authors' script.")
    first = st.columns(4)
    patches = first[0].number_input("Patches K", 1, 100_000, usual.num_patches, key=f"{key}_k")
    supernodes = first[1].number_input("Supernodes Q", 1, 1000, 1, key=f"{key}_q")
    heads = first[2].number_input("Heads H", 1, 128, usual.num_heads, key=f"{key}_h")
    pooling = first[3].selectbox("Pooling", POOLINGS, key=f"{key}_pooling")
    scaled = st.pills(
        "Normalized in its training",
        PARTS,
        default=usual.scaled,
        selection_mode="multi",
        key=f"{key}_scaled",
        help="Means and scales are not in the file: they are measured on the training cases here.",
    )
    return PublishedSettings(
        num_heads=int(heads),
        num_patches=int(patches),
        num_supernodes=int(supernodes),
        pooling=pooling,
        grid=usual.grid,
        unified_position=usual.unified_position,
        scaled=tuple(scaled),
    )


# --- data ----------------------------------------------------------------------------------------


def _data() -> None:
    files = st.file_uploader(
        "A cloud (.csv, .vtp), cases (.npz), or the files of a published set (.mat, .npy)",
        type=list(own.CASE_KINDS),
        accept_multiple_files=True,
        max_upload_size=LARGEST[DATA],
        key="bring_data",
    )
    sets = [one for one in case_sources() if not has_flow(one) and num_checkpoints(one)]
    here = st.session_state.get("source")
    chosen = st.selectbox(
        "Predicted by models for",
        [*sets, NO_MODEL],
        index=sets.index(here) if here in sets else 0,
        key="bring_models",
        help="For the air around a body, bring its shape on the page *Upload a shape*.",
    )
    if chosen != NO_MODEL:
        st.caption(_form(chosen))
    if _load_button(ready=bool(files)):
        with st.spinner("Reading …"):
            dataset = None if chosen == NO_MODEL else chosen
            found = own.add_cases({one.name: one.getvalue() for one in files}, dataset)
        source = dataset or OWN
        st.session_state[f"{source}_case"] = found[0].name
        if dataset or st.session_state["page"] == "patches":
            st.session_state["source"] = source
        _close()
        st.rerun()


def _form(dataset: str) -> str:
    """Return which columns or arrays a case of a data set has."""
    found = get_dataset(dataset)
    axes = ", ".join(f"`{axis}`" for axis in "xyz"[: found.space_dim])
    features, fields = found.layout.feature_channels, found.layout.field_channels
    reads = f"; inputs {_listed(features)}" if features else ""
    unit = found.fields[0].unit
    return (
        f"Columns: coordinates {axes} in {found.length_unit}{reads}; the truth, if known, "
        f"{_listed(fields)}{f' in {unit}' if unit not in ('', '1') else ''}."
    )


def _listed(names: tuple[str, ...]) -> str:
    few = ", ".join(f"`{name}`" for name in names[:3])
    return f"{few} to `{names[-1]}`" if len(names) > 3 else few


# --- predictions ---------------------------------------------------------------------------------


def _predictions() -> None:
    file = st.file_uploader(
        "Predictions of the test cases (.npz)",
        type=["npz"],
        max_upload_size=LARGEST[PREDICTIONS],
        key="bring_predictions",
    )
    sets = list(case_sources())
    here = st.session_state.get("set") or st.session_state.get("source")
    chosen = st.selectbox(
        "Cases of", sets, index=sets.index(here) if here in sets else 0, key="bring_cases_of"
    )
    st.caption(
        "Arrays `names`, of test cases, and `fields`, a row of (points, channels) for each, in the "
        "units of the data set; or one array for each case, named after it. Errors are computed "
        "as those of the checkpoints."
    )
    if _load_button(ready=file is not None) and file is not None:
        with st.spinner("Scoring …"):
            found = own.add_predictions(file.getvalue(), file.name, chosen)
        st.session_state["set"] = found.dataset
        _close()
        st.rerun()
