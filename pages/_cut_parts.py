"""Pieces of the page for patches: settings, numbers and words."""

import shlex

import numpy as np
import streamlit as st

from mspt.benchmarks.cost import forward_flops, recommended_patches
from mspt.data.stress_clouds import MAX_POINTS, describe_cloud
from mspt.partition.alternatives import Cut
from mspt.partition.patches import attention_flops
from pages import _parts, _samples
from pages._cuts import CUT_NAMES, Cuts, View, config_for

PAPER_TABLE_6 = {"ball tree": 0.0065, "random": 0.2035}
"""Median dispersion on Elasticity, in the paper."""
_LADDER = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 2048)
_ALONE, _COUNTED = "none", "counted by formula"


def pick_sizes(view: View) -> tuple[int, int]:
    """Let a person choose K and Q: typed, slid, or one click."""
    count, default = len(view.points), view.default_patches
    first, second = st.columns(2)
    with first:
        typed = _typed(
            "Patches K", "K", default, help_text="Any number from 1 to N; empty for the model's."
        )
    num_patches = min(typed or default, count)
    with second:
        asked = _typed("Supernodes per patch Q", "Q", view.default_supernodes)
    num_supernodes = min(asked or view.default_supernodes, count // num_patches)
    cheapest = recommended_patches(count, num_supernodes=num_supernodes)
    ladder = sorted({step for step in (*_LADDER, default, cheapest) if step <= count})
    st.session_state["K_slider"] = max(step for step in ladder if step <= num_patches)
    st.select_slider(
        "K",
        ladder,
        key="K_slider",
        label_visibility="collapsed",
        on_change=_slide,
    )
    with st.container(horizontal=True, gap="small"):
        if view.model_cuts:
            own = f"As the model: K = {default}, Q = {view.default_supernodes}"
            st.button(own, on_click=_as_the_model, key="K_model")
        st.button(
            f"Cheapest: √(N/Q) = {cheapest}", on_click=_choose, args=(cheapest,), key="K_cheapest"
        )
    if (typed or 0) > count:
        st.caption(f"K = {typed:,} is more than the {count:,} points: each is a patch of its own.")
    if (asked or 0) > num_supernodes:
        st.caption(f"A patch of {count // num_patches} points has no {asked} supernodes.")
    return num_patches, num_supernodes


def _typed(label: str, key: str, default: int, *, help_text: str | None = None) -> int | None:
    """Return the number that a person has typed, or None for the default."""
    return st.number_input(
        label,
        min_value=1,
        max_value=MAX_POINTS,
        value=None,
        step=1,
        key=key,
        bind="query-params",
        placeholder=f"{default}",
        help=help_text,
    )


def _slide() -> None:
    _choose(st.session_state["K_slider"])


def _as_the_model() -> None:
    _choose(None)
    st.session_state["Q"] = None


def _choose(num_patches: int | None) -> None:
    st.session_state["K"] = num_patches


def pick_cut() -> tuple[Cut, Cut | None]:
    """Let a person choose how to cut, and what to hold beside it."""
    names = list(CUT_NAMES)
    shared = {"required": True, "bind": "query-params"}
    chosen = st.segmented_control("Cut by", names, default=names[0], key="cut", **shared)
    beside = st.segmented_control(
        "Beside it", [_ALONE, *names], default=_ALONE, key="beside", **shared
    )
    return CUT_NAMES[chosen], CUT_NAMES.get(beside)


def pick_point(view: View) -> int | None:
    """Return the point that was picked in the view, in the table or by its number."""
    seen, st.session_state["patches_seen"] = st.session_state.get("patches_seen"), view.key
    if seen not in (None, view.key):
        st.session_state["point"] = None  # it was a point of another cloud
    point = st.number_input(
        "Point looked at",
        min_value=0,
        max_value=MAX_POINTS,
        value=None,
        step=1,
        key="point",
        bind="query-params",
        placeholder="click one in the picture",
    )
    return point if point is not None and point < len(view.points) else None


def numbers(view: View, cuts: Cuts, num_supernodes: int) -> None:
    """Show sizes, compactness and cost of the cut."""
    count, size, compact = len(view.points), cuts.shapes.size, cuts.compact
    config = config_for(view, cuts.num_patches, num_supernodes)
    model = f"all {config.num_blocks} blocks at width D = {config.width}"
    radius = float(np.median(cuts.shapes.radius))
    columns = st.columns([0.95, 1.1, 1.25, 0.85, 0.85])
    with columns[0]:
        _parts.number(
            "Keys L + S",
            f"{size.max()} + {cuts.num_patches * num_supernodes:,}",
            origin=_parts.MEASURED,
            help_text=f"What a point attends to: its patch, here {size.min()} to {size.max()} "
            f"points, and S = KQ supernodes.",
        )
    with columns[1]:
        _parts.number(
            f"Radius, {view.unit}",
            _parts.significant(radius),
            origin=_parts.MEASURED,
            help_text="The median of all patches.",
        )
    with columns[2]:
        _parts.number(
            f"Dispersion, {view.unit}²",
            _parts.significant(compact.median),
            origin=_parts.MEASURED,
            help_text="The paper's compactness: mean squared distance of a patch's points from its "
            "center; the median of all patches. Over all points "
            f"{compact.share:.2%} of the cloud's own.",
        )
    with columns[3]:
        _counted(
            "Attention",
            giga(attention_flops(config, count)),
            f"4 N D (L + S) in each block, {model}.",
        )
    with columns[4]:
        _counted(
            "Whole forward",
            giga(forward_flops(config, count)),
            f"All matrix products, {model}, as in the checkpoint.",
        )


def advice(view: View, cuts: Cuts, num_supernodes: int) -> str:
    """Say which K is cheapest and why, and what the chosen one costs against it."""
    count, chosen = len(view.points), cuts.num_patches
    best = recommended_patches(count, num_supernodes=num_supernodes)
    own, least = (
        attention_flops(config_for(view, k, num_supernodes), count) for k in (chosen, best)
    )
    reason = (
        f"**K = {best:,} is cheapest**: at √(N/Q) = √({count:,}/{num_supernodes}) the L points of "
        "the patch and the S supernodes cost the same."
    )
    if chosen == best:
        return f"{reason} It is the one above."
    return f"{reason} K = {chosen:,} costs **{own / least:.2f} ×** as much attention."


def _counted(label: str, value: str, help_text: str) -> None:
    st.metric(
        label,
        value,
        delta=_COUNTED,
        delta_color="gray",
        delta_arrow="off",
        border=True,
        height="stretch",
        help=help_text,
    )


def giga(flops: float) -> str:
    """Return an amount of arithmetic as text.

    Examples:
        >>> giga(1.5e12), giga(2e7)
        ('1.5 TFLOP', '20 MFLOP')
    """
    step, unit = next(
        (step, unit)
        for step, unit in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1, ""))
        if flops >= step
    )
    return f"{_parts.significant(flops / step)} {unit}FLOP"


def paper_line(view: View, found: dict[str, Cuts]) -> str:
    """Say how many times more compact the ball tree is than chance, here and in the paper."""
    own, chance = (found[name].compact.median for name in ("ball tree", "random"))
    here = f"{chance / own:,.0f}" if own > 0 else "infinitely many"
    tree, random = PAPER_TABLE_6.values()
    return (
        f"The ball tree's patches are **{here} ×** more compact than patches drawn by chance "
        f"{_parts.badge(_parts.MEASURED)}. On the paper's Elasticity, K not known: {tree} against "
        f"{random}, {random / tree:.0f} × :violet-badge[{_parts.PAPER}, Table 6]."
        + (
            " Stored flows come in a tree's leaf order, so their sequence does well."
            if view.source == _samples.CAR_CASES
            else ""
        )
    )


def subtitle(view: View, cuts: Cuts) -> str:
    """Say what is shown, and how long cutting took."""
    words = f"{view.sample.title}: N = {len(view.points):,} points"
    if view.source == _samples.STRESS:
        words = f"{describe_cloud(view.name)} N = {len(view.points):,} points"
    return (
        f"{words}, cut in {1000 * cuts.seconds:.1f} ms {_parts.badge(_parts.MEASURED)}. "
        "Click a point to see its patch."
    )


def command(view: View, cuts: Cuts, num_supernodes: int) -> str:
    """Return what to type for the same numbers."""
    settings = [f"--patches {cuts.num_patches} --supernodes {num_supernodes}"]
    settings.append(f"--partition {cuts.cut} --checkpoint {view.header.path.as_posix()}")
    if view.sample.num_surface:
        settings.append(f"--part {view.part}")
    name = view.name
    if view.source == _samples.STRESS:
        settings.append(f"--points {len(view.points)}")
    elif view.source == _samples.SHAPES:
        name = "shape.stl"
    return f"python -m mspt patches {shlex.quote(name)} {' '.join(settings)} --out patches.csv"
