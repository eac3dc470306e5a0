"""A page with nothing but the viewer, for the tests beside it; the address says what it shows."""

import numpy as np
import streamlit as st
import torch

from mspt.figures.viewer.scene import (
    Curve,
    Field,
    Labels,
    Lines,
    Panel,
    Player,
    Scene,
    Spheres,
    Stop,
    Surface,
)
from mspt.partition.ball_tree import build_partition
from pages._shared.viewer import Pick, show

st.set_page_config(layout="wide")


@st.cache_resource
def cloud(num_points: int, axes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points on an egg or in a plane, and sixteen patches of them in five levels."""
    random = np.random.default_rng(3)
    points = random.normal(size=(num_points, axes))
    if axes == 3:
        points *= [2.0, 1.0, 0.7] / np.linalg.norm(points, axis=1, keepdims=True)
    patch = build_partition(torch.from_numpy(points), num_patches=16).patch_of_point.numpy()
    levels = np.array([[k >> step for k in range(16)] for step in (4, 3, 2, 1, 0)])
    return points, patch, levels


query = st.query_params
num_points, kind = int(query.get("n", 3000)), query.get("kind", "field")
points, patch, levels = cloud(num_points, 2 if kind in ("flat", "time") else 3)
step = st.slider("Step", min_value=0, max_value=9, value=0)
values = points[:, 0] + 0.1 * step
pressure = Field(name="pressure", unit="Pa", values=values, limits=(-2.0, 2.0))
by_patch = Labels(name="patch", labels=patch, levels=levels)
middles = np.array([points[patch == k].mean(axis=0) for k in range(16)])
layers = (
    Spheres(name="supernodes", centers=middles, radii=np.full(16, 0.08), labels=np.arange(16)),
    Lines(name="links", starts=middles[:8], stops=middles[8:]),
)
error = Field(name="error", unit="Pa", values=8e-5 * values, limits=(-1.76e-4, 1.76e-4))
truth, guess = (Panel(title=title, coloring=pressure) for title in ("Truth", "Prediction"))
scenes = {
    "field": {"panels": (Panel(title="Pressure", coloring=pressure),), "groups": patch},
    "flat": {"panels": (Panel(title="Pressure", coloring=pressure),), "groups": patch},
    "three": {"panels": (truth, guess, Panel(title="Patches", coloring=by_patch))},
    "small": {"panels": (truth, Panel(title="Error", coloring=error), truth)},
    "patches": {"panels": (Panel(title="Patches", coloring=by_patch),), "layers": layers},
    "gray": {
        "panels": (Panel(title="", coloring=Field(**vars(pressure) | {"values": values * np.nan})),)
    },
    "body": {
        "panels": (Panel(title="Pressure", coloring=pressure),),
        "layers": (
            Surface(
                name="body",
                vertices=np.array([[-1.0, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]]),
                triangles=np.array([[0, 1, 2], [0, 2, 3]]),
            ),
        ),
    },
    "tour": {
        "panels": (truth, Panel(title="Patches", coloring=by_patch)),
        "layers": layers,
        "groups": patch,
        "tour": (
            Stop(title="Shape", caption="Points <b>alone</b>."),
            Stop(title="Level", caption="Four balls.", panels=(1,), level=2, layers=("links",)),
            Stop(title="Apart", caption="Patches apart.", panels=(1,), explode=0.8, distance=4.0),
            Stop(title="Both", caption="Truth and patches.", panels=(0, 1)),
        ),
    },
}

sheet = np.array([[x, y, 0.0] for x in (-1.0, 1.0) for y in (-0.6, 0.6)])
scenes["divided"] = {
    "points": np.concatenate([sheet, sheet]),
    "triangles": np.array([[0, 1, 2], [1, 3, 2], [4, 5, 6], [5, 7, 6]]),
    "panels": tuple(
        Panel(
            title=title,
            coloring=Field(
                name="pressure", unit="Pa", values=np.repeat([-2.0, 2.0], 4), limits=(-2.0, 2.0)
            ),
            part=part,
        )
        for title, part in (("A", (0, 2)), ("B", (2, 4)))
    ),
    "divided": True,
}

times, start = (0.5, 1.0, 1.5, 2.0), st.session_state.get("stopped", 0)
rising = np.array([np.full(num_points, place - 1.5) for place in range(4)])
pushed = np.array([points + np.array([place, 0]) for place in range(4)]) if kind == "time" else None
moving = Field(**vars(pressure) | {"values": rising[start], "frames": rising})
scenes["time"] = {
    "panels": (
        Panel(title="Truth", coloring=moving),
        Panel(title="Prediction", coloring=moving, places=pushed),
    ),
    "player": Player(
        times=times,
        unit="s",
        start=start,
        curves=(Curve(name="one", values=np.array([1.0, 2.0, np.nan, 4.0])),),
        title="error",
        curve_unit="%",
    ),
}


def keep(pick: Pick) -> None:
    st.session_state["picked"] = pick


def stop(index: int) -> None:
    st.session_state["stopped"] = index


picked = st.session_state.get("picked")
marked = (int(query["mark"]),) if "mark" in query else ()
if picked is not None:
    marked = (picked.point,)
height = int(query.get("height", 480))
part = np.zeros((2, 3))
part[:, : points.shape[1]] = points[patch == 10].min(axis=0), points[patch == 10].max(axis=0)
closer = st.checkbox("Closer")
with st.container(width=int(query["width"]) if "width" in query else "stretch"):
    show(
        Scene(
            marked=marked,
            group_text=("near the nose",) * 16,
            focus=part if closer else None,
            closeup=closer,
            **{"points": points} | scenes[kind],
        ),
        key="viewer",
        label="An egg",
        height=height,
        on_pick=keep,
        on_time=stop,
    )
st.button("Again")
st.text(f"point {picked.point} panel {picked.panel}" if picked else "nothing picked")
st.text(f"stopped at {start}")
