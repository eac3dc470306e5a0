"""How a cloud is partitioned into patches and supernodes: the ball tree level by level."""

import streamlit as st

from mspt.figures.scenes.patches import patch_scene
from pages._patches import cards, controls, data, panels, scores
from pages._shared import frame, pickers, viewer, words

frame.require_frame()
pickers.carry_choices(controls.sources())
st.header("What do patches and supernodes do to the error and the cost?", anchor=False)
words.answers()


def _pick(pick: viewer.Pick) -> None:
    st.session_state["point"] = pick.point


@frame.fragment
def explorer(chosen: data.Chosen) -> None:
    """Show a cloud with controls and numbers; another K or Q reruns this fragment alone."""
    left, right = st.columns([1.5, 1], gap="medium")
    with right:
        num_patches, num_supernodes = controls.pick_sizes(chosen)
        method, beside, point = controls.pick_methods(chosen)
        cloud = data.partition(chosen, method, num_patches)
        seen = other = None
        if beside == controls.ATTENTION:
            block = controls.pick_block(chosen)
            seen = scores.attention_at(chosen, cloud, num_supernodes, point=point, block=block)
            st.markdown(panels.attention_words(chosen, seen))
        elif beside in data.METHODS:
            other = data.partition(chosen, data.METHODS[beside], num_patches)
        if words_on_error := cards.in_words(chosen, cloud, num_supernodes):
            st.markdown(words_on_error)
        if point is not None:
            st.markdown(panels.picked_patch(chosen, cloud, point))
    with left:
        scene = patch_scene(
            chosen.points,
            data.drawn(chosen, cloud),
            unit=chosen.unit,
            num_supernodes=num_supernodes,
            beside=panels.beside(chosen, other, seen),
            body=None if chosen.part == "body" else chosen.sample.body,
            close=chosen.close_view,
            picked=point if seen is None else seen.point,
        )
        viewer.show(
            scene,
            key="patches_view",
            label=f"{chosen.sample.title}, partitioned into {num_patches} patches",
            on_pick=_pick,
        )
        viewer.wait_for_picture()
        st.caption(panels.subtitle(chosen, cloud))
    cards.errors(chosen, cloud, num_supernodes)
    panels.numbers(chosen, cloud, num_supernodes)
    st.markdown(panels.advice(chosen, cloud, num_supernodes))
    panels.details(chosen, cloud, num_supernodes, point=point)
    frame.command(controls.command(chosen, cloud, num_supernodes))


with frame.error_panel():
    explorer(controls.pick_cloud())
