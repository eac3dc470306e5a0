"""What this is, what to try first, what ships, and the idea in one equation."""

import streamlit as st

from mspt.data.car import CAR
from mspt.data.registry import DATASETS, get_dataset
from mspt.figures.fields import comparison_figure
from pages import _parts, _shared

SHOWN = "elasticity"

_parts.require_frame()
with st.container(horizontal=True, horizontal_alignment="center"), st.container(width=1000):
    st.header("What does a neural PDE solver get right, and where is it wrong?", anchor=False)
    st.markdown(
        "MSPT Explorer shows a trained model beside the solver it learned from, on cases it has "
        "never seen. The model is the Multi-Scale Patch Transformer (MSPT): it cuts a cloud of "
        "points into patches, pools each patch into a few supernodes, and lets every point attend "
        "to its own patch and to all supernodes at once. "
        "Everything here runs on this machine, and every number says where it comes from."
    )
    dataset = get_dataset(SHOWN)
    header = next(iter(_shared.checkpoints(SHOWN).values()))
    case = _shared.test_cases(SHOWN).case(0)
    prediction = _shared.predict_test_case(header, case, _parts.device())
    truth, predicted = _shared.primary(case, prediction)
    st.plotly_chart(
        comparison_figure(
            _shared.case_raster(case),
            case.points.numpy(),
            truth,
            predicted,
            quantity=_parts.field_of(dataset),
            dark=_parts.is_dark(),
        ),
        key="home_comparison",
    )
    st.caption(
        f"{dataset.title}: test case {case.name}, predicted by the checkpoint {header.path.stem}. "
        f"Relative L2 error {_parts.percent(_shared.case_error(case, prediction))}, "
        f"{_parts.MEASURED}."
    )

    st.subheader("What to try first", anchor=False)
    (shape, first), (second, third) = st.columns(2), st.columns(2)
    with shape.container(border=True, height="stretch"):
        st.page_link(
            "pages/upload.py",
            label="Put a shape into the wind",
            icon=":material/directions_car:",
            query_params={"sample": "Estate on wheels"},
        )
        st.caption("Yours or a sample: pressure, drag, streamlines, and how far to trust them.")
    with first.container(border=True, height="stretch"):
        st.page_link(
            "pages/explore.py",
            label="See where the model is wrong",
            icon=":material/compare:",
            query_params={"view": "Error by patch"},
        )
        st.caption(
            "Any checkpoint on any of the test cases; errors point by point and patch by patch."
        )
    with second.container(border=True, height="stretch"):
        st.page_link(
            "pages/draw.py",
            label="Draw a hole and pull at the plate",
            icon=":material/draw:",
            query_params={"elasticity_start": "Star"},
        )
        st.caption("The model answers while the solver computes the truth beside it.")
    with third.container(border=True, height="stretch"):
        st.page_link(
            "pages/draw.py",
            label="Paint a porous rock",
            icon=":material/brush:",
            query_params={"dataset": "darcy", "darcy_start": "Channel"},
        )
        st.caption("Two permeabilities on an 85 × 85 grid; the pressure follows.")

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
    st.caption(f"Relative L2 errors on the test split, {_parts.STORED}.")

    st.subheader("The idea in one equation", anchor=False)
    st.markdown(
        "**Parallelized Multi-Scale Attention (PMSA).** In every block each of the K patches is "
        "pooled into Q supernodes. A point of patch k then attends, in one softmax, to the L "
        "points of its own patch and to all S = K·Q supernodes (equation 7 of the paper):"
    )
    st.latex(
        r"H'_k = A^{\mathrm{loc}}_k V^{\mathrm{loc}}_k + A^{\mathrm{glob}}_k V^{\mathrm{glob}},"
        r"\qquad \left[A^{\mathrm{loc}}_k,\; A^{\mathrm{glob}}_k\right] = "
        r"\mathrm{softmax}\!\left(\tfrac{1}{\sqrt{E}}\, Q_k"
        r"\left[K^{\mathrm{loc}}_k,\; K^{\mathrm{glob}}\right]^{\!\top}\right)"
    )
    st.markdown(
        "Neighbours keep their detail, the far field arrives as a summary, and the cost per point "
        "is L + S instead of N. The patches are the leaves of a balanced ball tree, built once."
    )
    st.subheader("The data", anchor=False)
    for item in (*DATASETS.values(), CAR):
        st.markdown(f"**{item.title}** (`{item.name}`), {item.geometry}")
        st.latex(item.equation)
    _parts.command("python -m mspt datasets")
