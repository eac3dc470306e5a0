"""What this is: a guided tour, what to try first, and what ships."""

import streamlit as st

from mspt.data.registry import DATASETS
from mspt.data.sets.car.dataset import CAR
from pages import _parts, _shared, _tour, _viewer

_parts.require_frame()
st.header("How does a neural PDE solver see a shape, and where is it wrong?", anchor=False)
_tour.show()
_viewer.draw_first()

st.subheader("What this is", anchor=False)
st.markdown(
    "MSPT Explorer shows a trained model beside the solver it learned from, on cases it has never "
    "seen. The model is the Multi-Scale Patch Transformer (MSPT): it cuts a cloud of points into "
    "patches, pools each patch into a few supernodes, and lets every point attend to its own patch "
    "and to all supernodes at once (Parallelized Multi-Scale Attention, PMSA). Everything here "
    "runs on this machine, and every number says where it comes from."
)
st.subheader("What to try first", anchor=False)
cards = (
    (
        "upload",
        "Put a shape into the wind",
        "directions_car",
        {"sample": "Estate on wheels"},
        "Yours or a sample: pressure, drag, streamlines, and how far to trust them.",
    ),
    (
        "explore",
        "See where the model is wrong",
        "compare",
        {"source": "elasticity", "mark_worst": "true"},
        "Any checkpoint on any of the test cases; errors point by point and patch by patch.",
    ),
    (
        "draw",
        "Draw a hole and pull at the plate",
        "draw",
        {"elasticity_start": "Star"},
        "The model answers while the solver computes the truth beside it.",
    ),
    (
        "draw",
        "Paint a porous rock",
        "brush",
        {"dataset": "darcy", "darcy_start": "Channel"},
        "Two permeabilities on an 85 × 85 grid; the pressure follows.",
    ),
)
columns = st.columns(4)
for column, (page, label, icon, query, words) in zip(columns, cards, strict=True):
    with column.container(border=True, height="stretch"):
        st.page_link(f"pages/{page}.py", label=label, icon=f":material/{icon}:", query_params=query)
        st.caption(words)

st.subheader("What ships", anchor=False)
st.dataframe(
    _shared.checkpoint_table(),
    hide_index=True,
    key="home_checkpoints",
    column_config={
        "Test error": st.column_config.NumberColumn(format="percent", help="Mean relative L2"),
        "Mean only": st.column_config.NumberColumn(
            format="percent", help="Error of predicting the training mean everywhere"
        ),
        "Parameters": st.column_config.NumberColumn(format="localized"),
    },
)
flows = list(_shared.checkpoints(CAR.name).values())[:1]
noise = [f"Of `{CAR.name}`: {words}" for one in flows if (words := _parts.noise_words(one))]
st.caption(" ".join([f"Relative L2 errors on the test split, {_parts.STORED}.", *noise]))

st.subheader("The data", anchor=False)
for column, item in zip(st.columns(3), (CAR, *DATASETS.values()), strict=False):
    with column:
        st.markdown(f"**{item.title}** (`{item.name}`)")
        st.markdown(f"${item.equation}$")
        st.caption(item.geometry)
_parts.command("python -m mspt datasets")
