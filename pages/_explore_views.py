"""The linked panels of the page of predictions, the values of a point, and other resolutions."""

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from mspt.evaluation.comparison import (
    COMPONENTS,
    Compared,
    View,
    compare,
    error_rank,
    views_of,
    worst_patches,
)
from mspt.figures.charts.resolution import resolution_figure
from mspt.figures.scenes.comparison import ERROR_MODES, compared_scene, near_patch, quantity_of
from mspt.figures.viewer.scene import Scene
from mspt.figures.viewer.still import picture
from mspt.inference.sample import Sample
from pages import _explore_case, _explored, _parts, _viewer
from pages._explore_case import bar

FACTORS = {"N/4": 0.25, "N/2": 0.5, "N": 1.0, "2N": 2.0}
HEIGHT = 400


@st.fragment
def fields(chosen: _explore_case.Chosen) -> None:
    """Show truth, prediction and error as linked panels, and the values of a point."""
    factor, part, mode, view = _settings(chosen)
    seen = _explore_case.sample_at(chosen, factor)
    found = {
        header.path.stem: _explored.answer(header, seen, _parts.device())
        for header in chosen.headers
    }
    compared = {
        name: compare(seen, answer.fields, view, part=part) for name, answer in found.items()
    }
    first, patch = next(iter(compared.values())), next(iter(found.values())).patch
    shares = None if patch is None else worst_patches(patch, first)
    row, marked = _picked_row(seen, first), _marked_patch(shares)
    scene = compared_scene(
        seen,
        compared,
        mode=mode,
        patch=patch,
        shares=shares,
        marked_patch=marked,
        marked_row=row,
    )
    if marked is not None and _is_on("fly"):
        scene = near_patch(scene, marked)
    _viewer.show(
        scene,
        key="explore_view",
        label=f"Truth, prediction and error of {view.name} for {seen.title}",
        height=HEIGHT,
        on_pick=lambda pick: _pick(seen, first, pick.point),
    )
    _viewer.draw_first()
    _caption(chosen, seen, compared, patch)
    left, right = st.columns(2, gap="medium")
    with left:
        _values(compared, patch, row)
    with right:
        _patches(shares, first)
    _picture_button(chosen, scene)


def _settings(chosen: _explore_case.Chosen) -> tuple[float, Any, Any, View]:
    """Let a person choose field, component, kind of error and resolution."""
    columns = st.columns([2.2, 2.3, 2.2, 2.3], vertical_alignment="bottom", gap="small")
    views = views_of(_explore_case.sample_at(chosen, 1.0))
    key = f"{chosen.source}_field"
    view = views[columns[0].selectbox("Field", list(views), key=key, bind="query-params")]
    with columns[1]:
        part = bar("Component", COMPONENTS, "part") if view.is_vector else "size"
    with columns[2]:
        mode = bar("Error as", ERROR_MODES, "error")
    there = [
        name
        for name, factor in FACTORS.items()
        if _explored.has_cloud(chosen.source, chosen.name, chosen.header, factor)
    ]
    with columns[3]:
        size = st.select_slider(
            "Points, N as in training",
            there,
            value="N",
            key="resolution",
            bind="query-params",
            help="The same checkpoint on fewer or more points of this case, against their truth.",
        )
    return FACTORS[size], part, mode, view


def _pick(seen: Sample, compared: Compared, point: int) -> None:
    st.session_state["explore_pick"] = (seen.key, int(compared.rows[point]))


def _picked_row(seen: Sample, compared: Compared) -> int:
    """Return the place of the picked point in a field; that of the largest error without one."""
    key, point = st.session_state.get("explore_pick", ("", -1))
    place = np.flatnonzero(compared.rows == point) if key == seen.key else []
    return int(place[0]) if len(place) else int(compared.squared.argmax())


def _marked_patch(shares: pd.DataFrame | None) -> int | None:
    """Return the patch whose row is chosen in the table."""
    if shares is None:
        return None
    rows = st.session_state.get("explore_patches", {}).get("selection", {}).get("rows", [])
    if rows and rows[0] < len(shares):
        return int(shares["patch"].to_numpy()[rows[0]])
    return int(shares["patch"].to_numpy()[0]) if _is_on("mark_worst") or _is_on("fly") else None


def _is_on(toggle: str) -> bool:
    """Tell how a toggle below the picture stands; on the first run only the address knows."""
    return st.session_state.get(toggle, st.query_params.get(toggle) == "true")


def _caption(
    chosen: _explore_case.Chosen,
    seen: Sample,
    compared: dict[str, Compared],
    patch: np.ndarray | None,
) -> None:
    """Say what is seen and how large the error of the field is."""
    first = next(iter(compared.values()))
    errors = ", ".join(
        f"{_parts.percent(one.relative_l2)} ({name})" for name, one in compared.items()
    )
    whole = _explore_case.sample_at(chosen, 1.0)
    cut = "no patches" if patch is None else f"K = {int(patch.max()) + 1} patches"
    st.caption(
        f"Relative L2 of {first.view.name}: **{errors}** {_parts.badge(_parts.MEASURED)} at "
        f"{len(first.rows):,} of N = {len(seen.points):,} points · {cut} · the model has learned "
        f"on N = {len(whole.points):,}"
    )


def _values(compared: dict[str, Compared], patch: np.ndarray | None, row: int) -> None:
    """Show the values at the picked point."""
    first = next(iter(compared.values()))
    quantity = quantity_of(first)
    unit = "" if quantity.unit == "1" else f" {quantity.unit}"
    shown = {f"Truth of {quantity.name}": _parts.minus(f"{first.truth[row]:.5g}{unit}")}
    for name, one in compared.items():
        which = "" if len(compared) == 1 else f" of {name}"
        shown[f"Prediction{which}"] = _parts.minus(f"{one.prediction[row]:.5g}{unit}")
        sign = "+" if one.signed else ""
        shown[f"Error{which}"] = _parts.minus(f"{one.error[row]:{sign}.5g}{unit}")
    if patch is not None:
        shown["Patch"] = f"{patch[first.rows[row]]}"
    rank = error_rank(first, row)
    shown["Rank of its error"] = f"{rank:,} of {len(first.rows):,}, largest first"
    picked = "explore_pick" in st.session_state
    st.markdown(
        f"**{'The picked point' if picked else 'The point with the largest error'}** "
        f"{_parts.badge(_parts.MEASURED)}"
    )
    st.table(shown, border="horizontal", width="stretch")
    if not picked:
        st.caption("Click any point in a panel for its values.")


def _patches(shares: pd.DataFrame | None, compared: Compared) -> None:
    """Show which patches hold the error."""
    if shares is None:
        st.caption("This model cuts no patches; choose an MSPT checkpoint to see some.")
        return
    unit = "" if compared.view.unit == "1" else f", {compared.view.unit}"
    head = st.container(horizontal=True, vertical_alignment="center")
    head.markdown(f"**Worst patches** {_parts.badge(_parts.MEASURED)}", width="stretch")
    head.toggle("Mark the worst", key="mark_worst", bind="query-params")
    head.toggle(
        "Fly there",
        key="fly",
        bind="query-params",
        help="To the worst patch, or to the one chosen in the table.",
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


def _picture_button(chosen: _explore_case.Chosen, scene: Scene) -> None:
    dark = _parts.is_dark()
    st.download_button(
        "Picture (PNG)",
        lambda: picture(scene, dark=dark),
        mime="image/png",
        file_name=f"{chosen.name}-{chosen.header.path.stem}.png",
        icon=":material/image:",
        on_click="ignore",
        key="explore_picture",
    )


# The same checkpoint on other numbers of points


@st.fragment
def resolution(chosen: _explore_case.Chosen) -> None:
    """Show the error against the number of points."""
    rows, place = [], st.empty()
    words = "Asking the model at other resolutions …"
    place.caption(words)
    for row in _explored.resolutions(chosen.header, chosen.source, chosen.name, _parts.device()):
        rows.append(row)
        # Between two steps Streamlit can turn to what a person asks for meanwhile.
        place.caption(f"{words} {row.num_points:,} points done")
    place.empty()
    st.plotly_chart(resolution_figure(rows, dark=_parts.is_dark()), key="explore_resolution")
    missing = [name for name, factor in FACTORS.items() if factor not in {r.factor for r in rows}]
    gone = f" No truth is stored at {', '.join(missing)}; nothing is made up there." * bool(missing)
    st.caption(
        f"The model has learned on one N. A flat curve means that it may be asked on another one; "
        f"a rise, that it has learned its own resolution.{gone}"
    )
