"""The flow around a body from inside: slice, iso-surface and streamlines that a click starts."""

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from torch import Tensor

from mspt.data.sets.car.clouds import FREE_STREAM
from mspt.data.sets.car.flow_case import FlowCase
from mspt.errors import MSPTError
from mspt.figures.viewer.scene import Scene
from mspt.figures.vtk.inside import (
    ISO_RANGES,
    QUANTITIES,
    FlowAround,
    Look,
    grid_of,
    inside_scene,
    slice_of,
    slice_range,
)
from mspt.geometry.mesh import SurfaceMesh
from mspt.inference.sample import Sample
from mspt.metrics.conditions import OperatingConditions
from pages._shared import charts, viewer

TRUTH, PREDICTION = "Truth (solver)", "Prediction (model)"
PLACES = {"x": 1.1, "y": 0.0, "z": 0.1}
"""Where a slice is at first: in the wake, in the plane of symmetry, above the ground."""
WORDS = {"x": "x, across the flow", "y": "y, from the side", "z": "z, from above"}
MOST_CLICKED = 8
STEP = 0.02

Key = tuple[Hashable, ...]


def flows_of_sample(sample: Sample, predicted: Tensor) -> list[FlowAround]:
    """Return the solver's flow and the model's of a case with all its points."""
    if sample.truth is None or sample.layout is None:
        raise MSPTError(f"case must have a solution, got none for {sample.key}; choose another one")
    flow = slice(sample.num_surface, None)
    found = []
    for title, fields in ((TRUTH, sample.truth), (PREDICTION, predicted)):
        named = sample.layout.named(fields[flow].double().numpy())
        found.append(
            FlowAround(
                title=title,
                points=sample.points[flow].double().numpy(),
                velocity=named["velocity_change"] + np.array(FREE_STREAM),
                pressure=named["C_p"],
            )
        )
    return found


def flow_of_case(case: FlowCase) -> FlowAround:
    """Return the solver's flow, on both sides of the plane of symmetry."""
    flow = FlowAround(
        title=TRUTH,
        points=case.points.astype(float),
        velocity=case.velocity.astype(float),
        pressure=case.pressure.astype(float),
    )
    return flow.on_both_sides() if case.is_half else flow


def show(
    flows: Sequence[FlowAround],
    *,
    mesh: SurfaceMesh | None,
    scene: Key,
    key: str,
    name: str,
    conditions: OperatingConditions | None = None,
) -> None:
    """Show one or two flows around a body, and their difference.

    Args:
        flows: The flows; with two, the first is the solver's.
        mesh: The body in the wind-tunnel frame.
        scene: All that the flows depend on.
        key: Key of the component on its page.
        name: Of files, without the ending.
        conditions: Speed, air and size for m/s and Pa; None for dimensionless values.
    """
    if mesh is None:
        raise MSPTError("case must have a body, got none; choose a flow around one")
    look = _pick(mesh, str(scene))
    drawn = _scene((str(scene), look, str(conditions)), _of=(mesh, tuple(flows), conditions))
    viewer.show(
        drawn,
        key=key,
        label=f"{QUANTITIES[look.colored].description} Slice across {look.axis} at {look.at:.2f} "
        f"lengths, {len(look.clicked)} points clicked",
        on_pick=lambda pick: _add(drawn, pick.point, str(scene)),
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(
            "Click into the slice: streamlines through that point. Move over it to read values and "
            "places. *particles* above the picture moves points with the flow. All points, "
            "interpolated for display."
        )
        if look.clicked:
            st.button(
                "Clear clicks",
                key=f"{key}_clear",
                icon=":material/clear:",
                on_click=st.session_state.__setitem__,
                args=("inside_clicked", (str(scene), ())),
            )
        table = _table(flows, mesh, look, str(scene))
        charts.csv_button("Slice (CSV)", table, name=f"{name}-slice", key=f"{key}_csv")


def _pick(mesh: SurfaceMesh, scene: str) -> Look:
    """Show the choices of what is drawn."""
    settings: dict[str, Any] = {"required": True, "bind": "query-params"}
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        colored = st.segmented_control(
            "Color", list(QUANTITIES), default="speed", key="inside_color", **settings
        )
        axis = st.segmented_control(
            "Slice across",
            list(WORDS),
            default="y",
            key="inside_axis",
            help="; ".join(WORDS.values()),
            **settings,
        )
        low, high = slice_range(mesh, axis)
        at = st.slider(
            f"Place along {axis}, lengths",
            min_value=round(low, 2),
            max_value=round(high, 2),
            value=min(max(PLACES[axis], round(low, 2)), round(high, 2)),
            step=STEP,
            key=f"inside_{axis}",
            bind="query-params",
            width=230,
        )
        from_front = st.toggle(
            "Streamlines from the front", value=True, key="inside_rake", bind="query-params"
        )
        with_iso = st.toggle("Iso-surface", key="inside_iso", bind="query-params")
        level = None
        if with_iso:
            least, most, usual = ISO_RANGES[colored]
            level = st.slider(
                f"Where {colored} is",
                min_value=least,
                max_value=most,
                value=usual,
                step=0.05,
                key=f"inside_iso_{colored}",
                bind="query-params",
                width=180,
                help="In free-stream speeds." if colored == "speed" else None,
            )
    return Look(
        colored=colored, axis=axis, at=at, iso=level, rake=from_front, clicked=_clicked(scene)
    )


def _clicked(scene: str) -> tuple[tuple[float, float, float], ...]:
    """Return the points that were clicked in this flow."""
    of, places = st.session_state.get("inside_clicked", ("", ()))
    return places if of == scene else ()


def _add(drawn: Scene, point: int, scene: str) -> None:
    """Keep a point that was clicked."""
    x, y, z = (float(one) for one in drawn.points[point])
    kept = (*_clicked(scene), (x, y, z))[-MOST_CLICKED:]
    st.session_state["inside_clicked"] = scene, kept


@st.cache_resource(max_entries=8, show_spinner="Looking inside the flow …")
def _scene(
    key: tuple[str, Look, str],
    *,
    _of: tuple[SurfaceMesh, tuple[FlowAround, ...], OperatingConditions | None],
) -> Scene:
    (scene, look, _), (mesh, flows, conditions) = key, _of
    return inside_scene(
        mesh,
        flows,
        slices=[_slice((scene, one.title, look.axis, look.at), _of=(mesh, one)) for one in flows],
        grids=[_grid((scene, one.title), _of=(mesh, one)) for one in flows],
        look=look,
        conditions=conditions,
    )


@st.cache_resource(max_entries=8, show_spinner=False)
def _grid(key: tuple[str, str], *, _of: tuple[SurfaceMesh, FlowAround]) -> Any:  # noqa: ARG001
    return grid_of(*_of)


@st.cache_resource(max_entries=32, show_spinner=False)
def _slice(key: tuple[str, str, Any, float], *, _of: tuple[SurfaceMesh, FlowAround]) -> Any:
    return slice_of(*_of, Look(axis=key[2], at=key[3]))


def _table(flows: Sequence[FlowAround], mesh: SurfaceMesh, look: Look, scene: str) -> pd.DataFrame:
    """Return dimensionless speed and C_p of each flow at the nodes of the slice."""
    columns: dict[str, Any] = {}
    for flow in flows:
        found = _slice((scene, flow.title, look.axis, look.at), _of=(mesh, flow))
        columns |= dict(zip("xyz", found.points.T, strict=True))
        who = flow.title.partition("(")[2].rstrip(")")
        columns |= {f"{who}_speed": found.values[:, 0], f"{who}_C_p": found.values[:, 1]}
    return pd.DataFrame(columns)
