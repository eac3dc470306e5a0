"""The cloud of the attention page, and the numbers beside and below it."""

from functools import partial

import numpy as np
import streamlit as st

from mspt.figures.scenes.attention import (
    masking_scene,
    plain_field,
    share_scene,
    signed_field,
    weights_scene,
)
from mspt.figures.viewer.scene import Scene
from mspt.inspection.masking import Effect
from mspt.metrics.forces import drag_counts
from pages._attention.controls import SHARE, Mask, mask_or_pick_clicked, pick_clicked
from pages._attention.data import Chosen, global_shares
from pages._shared import viewer, words
from pages._shared.datasets import length_unit
from pages._shared.numbers import MEASURED, Card, minus, number_row

NOT_EXPLANATION = (
    "Attention shows how a model weights its inputs, not what its prediction depends on. "
    "Masking shows what the prediction depends on."
)


def cloud(chosen: Chosen, picture: str, mask: Mask | None, effect: Effect | None) -> None:
    """Show the cloud in the chosen picture."""
    points = chosen.attention.points
    if mask is not None and effect is not None:
        scene = _masked(chosen, mask, effect)
        on_pick = partial(mask_or_pick_clicked, points, chosen, mask)
    else:
        scene = _shares(chosen) if picture == SHARE else _weights(chosen)
        on_pick = partial(pick_clicked, points)
    viewer.show(
        scene,
        key="attention_view",
        label=f"{picture} of the attention of {chosen.words}, block {chosen.attention.block + 1}",
        on_pick=on_pick,
    )
    viewer.wait_for_picture()
    if words := chosen.recorded.observed.pass_words:
        st.caption(f"Attention of **{words}**.")
    st.caption(NOT_EXPLANATION)


def _weights(chosen: Chosen) -> Scene:
    attention = chosen.attention
    return weights_scene(
        chosen.stage,
        attention.local.numpy(),
        attention.through_supernodes.numpy(),
        attention.on_supernodes.numpy(),
        picked=attention.points,
    )


def _shares(chosen: Chosen) -> Scene:
    recorded, attention = chosen.recorded, chosen.attention
    main = recorded.observed.main_channel
    channel = recorded.sample.channels[main]
    share = global_shares(recorded, attention.head)[attention.block]
    field = plain_field(channel.name, channel.unit, recorded.observed.fields[:, main].numpy())
    return share_scene(chosen.stage, share, field, picked=attention.points)


def _masked(chosen: Chosen, mask: Mask, effect: Effect) -> Scene:
    attention, channel = chosen.attention, chosen.recorded.sample.channels[mask.channel]
    change = signed_field(f"Δ {channel.name}", channel.unit, _change(chosen, mask, effect))
    return masking_scene(
        chosen.recorded.stage(mask.block),
        (attention.local + attention.through_supernodes).numpy(),
        change,
        picked=attention.points,
        patch=mask.patch,
    )


def _change(chosen: Chosen, mask: Mask, effect: Effect) -> np.ndarray:
    """Return the change of the chosen channel, NaN where it is not defined."""
    sample = chosen.recorded.sample
    defined = sample.where_defined(sample.channels[mask.channel].name)
    return np.where(defined, effect.change[:, mask.channel].numpy(), np.nan)


def numbers(chosen: Chosen) -> None:
    """Show what the picked points attend to in the chosen block."""
    attention = chosen.attention
    found, several = attention.summary, len(attention.points) > 1
    cards = [
        Card(
            label="Attention to all supernodes",
            value=f"{found.global_share:.1%}",
            help_text=words.tip(
                "supernode",
                "global attention",
                more="The share that goes to supernodes"
                + (", mean over the points." if several else "."),
            ),
        ),
        Card(
            label="Attention to the own patch",
            value=f"{found.local_share:.1%}",
            help_text=words.tip("patch", "local"),
        ),
        Card(
            label="Effective number of keys",
            value=f"{found.effective_keys:.1f} of {found.num_keys}",
            help_text=f"Two to the power of the entropy, {found.entropy:.2f} bits: as many keys "
            "with equal weights would have the same entropy.",
        ),
    ]
    head = "mean over the heads" if attention.head is None else f"head {attention.head + 1}"
    state = f"{chosen.words}, {chosen.block_words}, {head}"
    number_row(cards, origin=MEASURED, state=state)
    unit = length_unit(chosen.recorded.sample)
    rows = [
        f"**{one.patch}**{' (own)' if one.own else ''}: {one.weight:.1%}, "
        f"{one.distance:.2f} {unit} away"
        for one in chosen.most_read(3)
    ]
    st.markdown("Patches with the most attention, through their supernodes")
    st.markdown("\n".join(f"{index}. {row}" for index, row in enumerate(rows, start=1)))


def mask_numbers(chosen: Chosen, mask: Mask, effect: Effect) -> None:
    """Show the changes by a mask: the largest, at the picked points, and of the forces."""
    channel = chosen.recorded.sample.channels[mask.channel]
    unit = "" if channel.unit in ("1", "") else f" {channel.unit}"
    change = _change(chosen, mask, effect)
    where = int(np.nanargmax(np.abs(change)))
    patch_of_point = chosen.recorded.stage(mask.block).patch_of_point
    at_picks = change[list(chosen.attention.points)]
    cards = [
        Card(
            label=f"Largest change of {channel.name}",
            value=minus(f"{change[where]:+.3g}{unit}"),
            help_text=f"At point {where}, in patch {patch_of_point[where]}.",
        )
    ]
    if np.isfinite(at_picks).any():
        value = minus(f"{np.nanmean(at_picks):+.3g}{unit}")
        cards.append(Card(label=f"Change at {chosen.words}", value=value))
    if effect.before is not None and effect.after is not None:
        for name in ("C_D", "C_L"):
            before, after = getattr(effect.before, name), getattr(effect.after, name)
            cards.append(
                Card(
                    label=f"Change of {name}",
                    value=minus(f"{drag_counts(after) - drag_counts(before):+.1f} counts"),
                    help_text=words.tip("count", more=f"Unmasked: {name} = {before:.4f}."),
                )
            )
    blocks = "all blocks" if mask.block is None else f"block {mask.block + 1}"
    number_row(cards, origin=MEASURED, state=f"{mask.masked} of patch {mask.patch}, {blocks}")
