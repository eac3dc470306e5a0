"""Pick a point: what it attends to in its patch and in all supernodes, and what masking changes."""

from functools import partial

import streamlit as st

from mspt.inspection.observation import attend_from
from pages._attention import charts, controls, data, panels
from pages._shared import datasets, frame, pickers, words
from pages._shared.samples import sample

frame.require_frame()
pickers.carry_choices(datasets.model_sources())
st.header("What does this point attend to?", anchor=False)
words.answers()
with frame.error_panel():
    source, name, checkpoint = controls.pick_case()
    if not controls.has_attention(checkpoint, source):
        st.stop()
    cloud = sample(source, name, checkpoint)
    recorded = data.record(checkpoint, cloud, controls.pick_time(cloud))
    picture, block, head = controls.pick_picture(checkpoint)
    left, right = st.columns([7, 2.6], gap="medium")
    mask = effect = None
    with right:
        points = controls.pick_points(recorded)
        attention = attend_from(recorded.observed, points, block=block, head=head)
        chosen = data.Chosen(recorded=recorded, attention=attention)
        if picture == controls.MASKING:
            mask = controls.pick_mask(chosen)
            effect = data.effect(recorded, mask.patch, mask.masked, mask.block)
        else:
            panels.numbers(chosen)
    dark = frame.is_dark()
    with left:
        panels.cloud(chosen, picture, mask, effect)
    if mask is not None and effect is not None:
        panels.mask_numbers(chosen, mask, effect)
        charts.compare(chosen, mask, dark=dark)
    first, second = st.columns(2, gap="medium")
    with first:
        charts.blocks(chosen, dark=dark)
    with second:
        charts.heads(chosen, dark=dark)
    charts.equation(chosen)
    if st.toggle("The whole matrix of this patch", key="matrix", bind="query-params"):
        charts.matrix(chosen, dark=dark)
    st.download_button(
        "Weights of all points (CSV)",
        partial(data.table_file, chosen, effect),
        file_name=f"attention-{recorded.file_name}-block-{block + 1}.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
        key="attention_csv",
    )
    frame.command(*controls.command(chosen, name, mask))
