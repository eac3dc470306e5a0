"""Pick a point: what it reads in its patch and through supernodes, and what masking changes."""

import streamlit as st

from mspt.inspection.masking import attention_table
from mspt.inspection.observe import attend_from
from pages import _attended, _parts, _samples
from pages import _attention_below as below
from pages import _attention_parts as parts

_parts.require_frame()
_samples.keep_choices()
st.header("Where does this point look?", anchor=False)
with _parts.error_panel():
    top = st.columns([3.1, 2.2, 2.2], vertical_alignment="bottom")
    with top[0]:
        source = _samples.pick_source()
    with top[1]:
        name = _samples.pick_name(source)
    with top[2]:
        header = _samples.pick_checkpoint(source)
    if not parts.has_patches(header, source):
        st.stop()
    sample = _samples.sample(source, name, header)
    key = _attended.key_of(header, sample)
    seen = _attended.observed(key, header.path, sample)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        picture = st.segmented_control(
            "Picture",
            _attended.PICTURES,
            default=_attended.PICTURES[0],
            key="picture",
            required=True,
            bind="query-params",
        )
        block, head = parts.pick_block_and_head(header)
        st.segmented_control(
            "A click picks",
            [_attended.ONE, _attended.SEVERAL],
            default=_attended.ONE,
            key="picks",
            required=True,
            bind="query-params",
        )
    left, right = st.columns([7, 2.6], gap="medium")
    with right:
        points = _attended.pick_points(seen)
        _attended.chips(points)
        shown = parts.Shown(
            key=key,
            header=header,
            seen=seen,
            stage=_attended.stage(key, seen),
            now=attend_from(seen, points, block=block, head=head),
        )
        asked = done = None
        if picture == _attended.PICTURES[2]:
            asked = parts.pick_mask(shown)
            done = _attended.effect(key, asked.patch, asked.masked, asked.block, seen)
        else:
            parts.numbers(shown)
    dark = _parts.is_dark()
    with left:
        parts.viewer(shown, picture, asked, done)
        st.caption(parts.NOT_EXPLANATION)
    if asked is not None and done is not None:
        parts.mask_numbers(shown, asked, done)
        below.compare(shown, asked, dark=dark)
    first, second = st.columns(2, gap="medium")
    with first:
        below.blocks(shown, dark=dark)
    with second:
        below.heads(shown, dark=dark)
    below.equation(shown)
    if st.toggle("The whole matrix of this patch", key="matrix", bind="query-params"):
        below.matrix(shown, dark=dark)
    st.download_button(
        "Weights of all points (CSV)",
        lambda: attention_table(seen, shown.now, done).to_csv(index=False).encode(),
        file_name=f"attention-{sample.key}-block-{block + 1}.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
        key="attention_csv",
    )
    _parts.command(*parts.command(shown, name, asked))
