"""How a cloud is cut into patches and supernodes: the ball tree, level by level, and others."""

import streamlit as st

from mspt.figures.scenes.patches import compactness_figure, patch_scene, radius_histogram
from pages import _cut_parts, _cut_table, _cuts, _parts, _samples, _viewer

CLOSER = ("Radii", "Other cuts", "Every patch")

_parts.require_frame()
_samples.keep_choices(_cuts.SOURCES)
st.header("How does the ball tree cut my cloud?", anchor=False)


def _pick(pick: _viewer.Pick) -> None:
    st.session_state["point"] = pick.point


@st.fragment
def explorer(view: _cuts.View) -> None:
    """Show a cloud with controls and numbers; another K or Q runs no more than this."""
    with _parts.error_panel():
        left, right = st.columns([1.4, 1], gap="medium")
        with right:
            num_patches, num_supernodes = _cut_parts.pick_sizes(view)
            cut, beside = _cut_parts.pick_cut()
            cuts = _cuts.cut_view(view, cut, num_patches)
            other = None if beside is None else _cuts.cut_view(view, beside, num_patches)
            point = _cut_parts.pick_point(view)
            if point is not None:
                st.markdown(_cut_table.picked_patch(view, cuts, point))
        dark = _parts.is_dark()
        with left:
            scene = patch_scene(
                view.points,
                cuts.shown(),
                unit=view.unit,
                num_supernodes=num_supernodes,
                beside=None if other is None else other.shown(),
                body=None if view.part == "body" else view.sample.body,
                picked=point,
            )
            _viewer.show(
                scene,
                key="patches_view",
                label=f"{view.sample.title}, cut into {num_patches} patches",
                on_pick=_pick,
            )
            _viewer.draw_first()
            st.caption(_cut_parts.subtitle(view, cuts))
        _cut_parts.numbers(view, cuts, num_supernodes)
        st.markdown(_cut_parts.advice(view, cuts, num_supernodes))
        closer = st.segmented_control(
            "PointAttention closer",
            CLOSER,
            default=CLOSER[0],
            key="closer",
            required=True,
            bind="query-params",
            label_visibility="collapsed",
        )
        if closer == CLOSER[0]:
            patch = None if point is None else int(cuts.partition.patch_of_point[point])
            picked = None if patch is None else float(cuts.shapes.radius[patch])
            st.plotly_chart(
                radius_histogram(cuts.shapes.radius, unit=view.unit, picked=picked, dark=dark),
                key="patches_radii",
            )
        elif closer == CLOSER[1]:
            found = _cuts.compare(view, num_patches)
            compact = {name: one.compact for name, one in found.items()}
            st.plotly_chart(
                compactness_figure(compact, unit=view.unit, chosen=cuts.name, dark=dark),
                key="patches_cuts",
            )
            st.markdown(_cut_parts.paper_line(view, found))
        else:
            _cut_table.show_table(view, cuts, point)
        _parts.command(_cut_parts.command(view, cuts, num_supernodes))


with _parts.error_panel():
    explorer(_cuts.pick_view())
