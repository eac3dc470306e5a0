"""The linked panels of a case, the values at a point, and the patches with the largest errors."""

from collections.abc import Mapping
from functools import partial

import numpy as np
import pandas as pd
import streamlit as st

from mspt.evaluation.comparison import Compared, error_rank, worst_patches
from mspt.figures.scenes.comparison import compared_scene, near_patch, played_scene, quantity_of
from mspt.figures.viewer.scene import Scene
from mspt.figures.viewer.still import picture
from mspt.inference.sample import Sample
from pages._explore import data
from pages._explore.controls import pick_field
from pages._explore.data import Chosen
from pages._shared import times, viewer
from pages._shared.frame import fragment, is_dark
from pages._shared.numbers import MEASURED, badge, minus, percent


@fragment
def fields(shown: Chosen) -> None:
    """Show truth, prediction and error as linked panels, and the values at a point."""
    settings, time = pick_field(shown), shown.time
    frame = 0 if time is None else times.shown(time)
    over_time = data.compared(shown, settings.view, settings.part)
    compared = {name: several[frame] for name, several in over_time.items()}
    first, patch = compared[shown.checkpoint.name], shown.prediction.patch_of_point
    shares = None if patch is None else worst_patches(patch, first)
    picked, marked = _picked_row(shown.sample, first), _marked_patch(shares)
    row = int(first.squared.argmax()) if picked is None else picked
    scene = compared_scene(
        shown.at(frame)[0],
        compared,
        mode=settings.mode,
        patch=patch,
        shares=shares,
        marked_patch=marked,
        marked_row=row,
    )
    if time is not None:
        scene = played_scene(
            scene,
            shown.sample,
            over_time=over_time,
            predictions={name: one.fields for name, one in shown.predictions.items()},
            frame=frame,
            mode=settings.mode,
        )
    if marked is not None and _is_on("fly"):
        scene = near_patch(scene, marked)
    viewer.show(
        scene,
        key="explore_view",
        label=f"Truth, prediction and error of {first.view.name} for {shown.sample.title}",
        on_pick=lambda pick: _pick(shown.sample, first, pick.point),
        on_time=None if time is None else partial(times.keep, time),
    )
    viewer.wait_for_picture()
    at = "" if time is None else time.words(frame)
    with st.container(horizontal=True, vertical_alignment="center"):
        _caption(shown, compared, at=at)
        _picture_button(shown, scene, at=at)
    left, right = st.columns(2, gap="medium")
    with left:
        _values(compared, patch, row, is_picked=picked is not None, at=at)
    with right:
        _patches(shares, first, model=shown.checkpoint.name if len(compared) > 1 else "")


def _pick(sample: Sample, compared: Compared, point: int) -> None:
    st.session_state["explore_pick"] = (sample.key, int(compared.rows[point]))


def _picked_row(sample: Sample, compared: Compared) -> int | None:
    """Return the row of the picked point in a field; None if none of this field was picked."""
    key, point = st.session_state.get("explore_pick", ("", -1))
    rows = np.flatnonzero(compared.rows == point) if key == sample.key else []
    return int(rows[0]) if len(rows) else None


def _marked_patch(shares: pd.DataFrame | None) -> int | None:
    """Return the patch to mark: the one selected in the table, or the worst on demand."""
    if shares is None:
        return None
    rows = st.session_state.get("explore_patches", {}).get("selection", {}).get("rows", [])
    if rows and rows[0] < len(shares):
        return int(shares["patch"].to_numpy()[rows[0]])
    return int(shares["patch"].to_numpy()[0]) if _is_on("mark_worst") or _is_on("fly") else None


def _is_on(toggle: str) -> bool:
    """Return the state of a toggle that is drawn later in the script; at first the address's."""
    return st.session_state.get(toggle, st.query_params.get(toggle) == "true")


def _caption(shown: Chosen, compared: Mapping[str, Compared], *, at: str) -> None:
    """Show what the field is, its error, at a time if there is one, and the number of points."""
    first = compared[shown.checkpoint.name]
    when = f", {at}" if at else ""
    errors = ", ".join(f"{percent(one.relative_l2)} ({name})" for name, one in compared.items())
    st.caption(
        f"{first.view.description} Relative L2 of {first.view.name}{when}: **{errors}** "
        f"{badge(MEASURED)} at "
        f"{len(first.rows):,} of N = {len(shown.sample.points):,} points · "
        f"{shown.partition_words} · trained on N = {len(shown.trained.sample.points):,}"
    )


def _values(
    compared: Mapping[str, Compared],
    patch: np.ndarray | None,
    row: int,
    *,
    is_picked: bool,
    at: str,
) -> None:
    """Show the values at the picked point, or at that of the largest error."""
    first = next(iter(compared.values()))
    quantity = quantity_of(first)
    unit = "" if quantity.unit == "1" else f" {quantity.unit}"
    of_first = "" if len(compared) == 1 else f" of {next(iter(compared))}"
    shown = {f"Truth of {quantity.name}": minus(f"{first.truth[row]:.5g}{unit}")}
    for name, one in compared.items():
        which = "" if len(compared) == 1 else f" of {name}"
        shown[f"Prediction{which}"] = minus(f"{one.prediction[row]:.5g}{unit}")
        sign = "+" if one.signed else ""
        shown[f"Error{which}"] = minus(f"{one.error[row]:{sign}.5g}{unit}")
    if patch is not None:
        shown[f"Patch{of_first}"] = f"{patch[first.rows[row]]}"
    rank = error_rank(first, row)
    shown[f"Rank of its error{of_first}"] = f"{rank:,} of {len(first.rows):,}, largest first"
    when = f", {at}" if at else ""
    st.markdown(
        f"**{'The picked point' if is_picked else 'The point with the largest error'}{when}** "
        f"{badge(MEASURED)}"
    )
    st.table(shown, border="horizontal", width="stretch")
    if not is_picked:
        st.caption("Click any point in a panel for its values.")


def _patches(shares: pd.DataFrame | None, compared: Compared, *, model: str) -> None:
    """Show the patches with the largest shares of the error; of which model, if of several."""
    if shares is None:
        st.caption("This model has no patches; choose an MSPT checkpoint to see some.")
        return
    unit = "" if compared.view.unit == "1" else f", {compared.view.unit}"
    head = st.container(horizontal=True, vertical_alignment="center")
    of = f" of {model}" if model else ""
    head.markdown(f"**Worst patches**{of} {badge(MEASURED)}", width="stretch")
    head.toggle("Mark the worst", key="mark_worst", bind="query-params")
    head.toggle(
        "Zoom in",
        key="fly",
        bind="query-params",
        help="To the worst patch, or to the one selected in the table.",
    )
    st.dataframe(
        shares.head(50),
        key="explore_patches",
        hide_index=True,
        height=212,
        on_select="rerun",
        selection_mode="single-row",
        column_config={
            "patch": st.column_config.NumberColumn("Patch"),
            "points": st.column_config.NumberColumn("Points"),
            "share": st.column_config.ProgressColumn(
                "Share of the squared error",
                format="percent",
                max_value=float(shares["share"].to_numpy()[0]),
            ),
            "rms": st.column_config.NumberColumn(f"RMS error{unit}", format="%.3g"),
        },
    )


def _picture_button(shown: Chosen, scene: Scene, *, at: str) -> None:
    dark = is_dark()
    when = f"-{at.replace(' = ', '').replace(' ', '')}" if at else ""
    st.download_button(
        "Picture (PNG)",
        lambda: picture(scene, dark=dark),
        mime="image/png",
        file_name=f"{shown.file_name}{when}.png",
        icon=":material/image:",
        on_click="ignore",
        key="explore_picture",
    )
