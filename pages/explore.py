"""Any checkpoint on any test case: input, truth, prediction and error."""

import numpy as np
import streamlit as st

from mspt.data.registry import get_dataset
from mspt.figures.curves import error_histogram, learning_curve
from mspt.figures.fields import comparison_figure, field_figure, points_figure
from mspt.figures.patches import patch_error_figure, patch_figure
from pages import _parts, _shared

VIEWS = ("Input", "Patches", "Error by patch")

_parts.require_frame()
st.header("How close does the model come to the solver?", anchor=False)
top = st.columns([1.75, 2.4, 2.4, 1.1, 1.5], vertical_alignment="bottom")
with top[0]:
    dataset = get_dataset(_parts.pick_dataset())
with top[1]:
    header = _parts.pick_checkpoint(dataset.name)
worst_first = top[4].toggle("Worst first", key="worst", bind="query-params")
names = list(_shared.test_cases(dataset.name).names)
errors = _shared.known_errors(header, _parts.device())
complete = len(errors) == len(names)
if worst_first and complete:
    names.sort(key=errors.__getitem__, reverse=True)
name = top[2].selectbox(
    f"Test case, one of {len(names)}",
    names,
    key="case",
    bind="query-params",
)
with top[3].container(horizontal=True, wrap=False, gap="xxsmall"):
    _parts.step_buttons(names, name)

case, field, dark = (
    _shared.find_case(dataset.name, name),
    _parts.field_of(dataset),
    _parts.is_dark(),
)
prediction = _shared.predict_test_case(header, case, _parts.device())
raster, points = _shared.case_raster(case), case.points.numpy()
truth, predicted = _shared.primary(case, prediction)
_parts.case_numbers(header, case, prediction)
body = st.container(horizontal=True, gap="small")  # one row on a wide screen
body.container(width=1000).plotly_chart(
    comparison_figure(raster, points, truth, predicted, quantity=field, dark=dark),
    key="explore_comparison",
)
left, right, origin, setting = (body.container(width=400) for _ in range(4))
with left:
    view = st.segmented_control(
        "Look at",
        VIEWS,
        default=VIEWS[0],
        key="view",
        required=True,
        bind="query-params",
        label_visibility="collapsed",
    )
    cuts = prediction.partition
    if view == VIEWS[0] and dataset.features:
        values = case.features[:, 0].numpy()
        figure = field_figure(raster, points, values, quantity=dataset.features[0], dark=dark)
    elif view == VIEWS[0]:
        figure = points_figure(raster, points, dark=dark)
    elif cuts is None:
        figure = None
    elif view == VIEWS[1]:
        figure = patch_figure(raster, points, cuts.patch_of_point.numpy(), dark=dark)
    else:
        patch = cuts.patch_of_point.numpy()
        figure = patch_error_figure(raster, patch, truth, predicted, quantity=field, dark=dark)
    if figure is None:
        st.caption("This model cuts no patches; choose an MSPT checkpoint to see some.")
    else:
        st.plotly_chart(figure, key="explore_input")
with right:
    if complete:
        smaller = sum(error < errors[name] for error in errors.values())
        st.markdown(
            f"**{smaller} of {len(errors)}** test cases have a smaller error than this one."
        )
        spread = np.array(list(errors.values()))
        st.plotly_chart(
            error_histogram(spread, selected=errors[name], dark=dark), key="explore_histogram"
        )
    elif worst_first:
        _parts.follow(_shared.rank_test_cases(header, _parts.device()))
        st.rerun()
    else:
        st.caption(
            "Turn on *Worst first* to predict every test case once, sort the list by error and see "
            "where this case ranks."
        )
with origin:
    st.markdown(f"**The checkpoint {header.path.stem}** :blue-badge[{_parts.STORED}]")
    _parts.checkpoint_facts(header)
    if curve := header.info.get("curve"):
        st.plotly_chart(learning_curve(np.array(curve), dark=dark), key="explore_curve")
with setting:
    st.markdown(f"**The data set {dataset.name}**: {dataset.title}")
    st.markdown(f"${dataset.equation}$")  # within the text, so that it may wrap
    st.caption(f"{dataset.geometry}\n\n{dataset.solver}")
st.download_button(
    "Table of this case (CSV)",
    lambda: _shared.case_csv(case, prediction),
    mime="text/csv",
    file_name=f"{case.name}-{header.path.stem}.csv",
    icon=":material/download:",
    on_click="ignore",
    key="explore_csv",
)
_parts.command(
    f"python -m mspt solve {name} --checkpoint {header.path.as_posix()} --out {name}.vtp",
    f"python -m mspt evaluate {header.path.as_posix()} --split test",
)
