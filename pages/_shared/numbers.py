"""Numbers on a page: as text, each with the origin it comes from."""

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from mspt.config import PATCHED
from mspt.evaluation.flows import label_noise
from pages._shared import notes
from pages._shared.cache import ListedCheckpoint, partition_words

MEASURED, STORED, PAPER = "measured here", "stored with the checkpoint", "from the paper"
STORED_CURVE, COUNTED = "stored curve", "counted by formula"
STORED_RUNS, PUBLISHED = "stored runs", "published by others"
FORECAST = "forecast"
_ORIGIN_COLORS = {
    MEASURED: "green",
    STORED: "blue",
    PAPER: "violet",
    STORED_CURVE: "blue",
    COUNTED: "gray",
    STORED_RUNS: "blue",
    FORECAST: "gray",
    PUBLISHED: "orange",
}


def badge(origin: str, more: str = "") -> str:
    """Return the badge with a number's origin as Markdown."""
    return f":{_ORIGIN_COLORS[origin]}-badge[{origin}{more}]"


@dataclass(frozen=True, kw_only=True)
class Card:
    """One number of a row.

    Attributes:
        label: What it is.
        value: The number with its unit.
        note: What belongs to it, such as the scatter of the solver; shown below it.
        origin: Where it comes from, if not from where the row does.
        help_text: An explanation on demand.
    """

    label: str
    value: str
    note: str = ""
    origin: str | None = None
    help_text: str | None = None


def number_row(cards: Sequence[Card], *, origin: str, state: str, is_poor: bool = False) -> None:
    """Show numbers side by side, and below them once where they come from and what they are of.

    Args:
        cards: The numbers.
        origin: Where they come from; cards of another origin are named behind it.
        state: All that they depend on: model, case, points.
        is_poor: Whether nobody should rely on them; they are gray then.
    """
    for column, card in zip(st.columns(len(cards)), cards, strict=True):
        with column.container(border=True, height="stretch", gap=None):
            value = f":gray[{card.value}]" if is_poor else card.value
            st.metric(card.label, value, help=card.help_text)
            if card.note:
                st.caption(card.note)
    parts = [f"{badge(origin)} {state}"]
    for other in dict.fromkeys(card.origin for card in cards):
        if other not in (None, origin):
            labels = (card.label for card in cards if card.origin == other)
            named = ", ".join(label[:1].lower() + label[1:] for label in labels)
            parts.append(f"{badge(other)} {named}")
    st.caption(" · ".join(parts))


def scatter_words(share: float | None) -> str:
    """Return how much the solver's own result changes from mesh to mesh, for below an error.

    Examples:
        >>> scatter_words(0.2012)
        '(mesh-to-mesh scatter of the solver: 20.1%)'
        >>> scatter_words(None)
        '(mesh-to-mesh scatter of the solver: not known)'
    """
    known = "not known" if share is None else f"{share:.1%}"
    return f"(mesh-to-mesh scatter of the solver: {known})"


def percent(share: float | None) -> str:
    """Return a share as text."""
    return "–" if share is None else f"{share:.2%}"


def significant(value: float) -> str:
    """Return three significant digits, without an exponent for large values."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def milliseconds(seconds: float) -> str:
    """Return a time as text."""
    return f"{1000 * seconds:.0f} ms"


def duration(seconds: float) -> str:
    """Return a time in its most readable unit, milliseconds to days.

    Examples:
        >>> duration(0.0123), duration(10.52), duration(600.0), duration(2e4), duration(1e6)
        ('12 ms', '10.5 s', '10.0 min', '5.6 h', '11.6 days')
    """
    if seconds < 1:
        return milliseconds(seconds)
    units = ((172_800, 86_400, "days"), (7200, 3600, "h"), (120, 60, "min"), (0, 1, "s"))
    scale, unit = next((scale, unit) for least, scale, unit in units if seconds >= least)
    return f"{seconds / scale:,.1f} {unit}"


def gigabytes(num_bytes: float) -> str:
    """Return an amount of memory as text.

    Examples:
        >>> gigabytes(1.234e9), gigabytes(5.1e6), gigabytes(1.3e12)
        ('1.23 GB', '5.1 MB', '1,300 GB')
    """
    if num_bytes < 1e8:
        return f"{num_bytes / 1e6:.3g} MB"
    value = num_bytes / 1e9
    return f"{value:,.0f} GB" if value >= 1000 else f"{value:.3g} GB"


def device_name(device: str) -> str:
    """Return the name of a device as the choice of devices shows it.

    Examples:
        >>> device_name("cpu"), device_name("cuda:0")
        ('CPU', 'CUDA')
    """
    return device.partition(":")[0].upper()


def minus(text: str) -> str:
    """Return a number's text with a minus sign instead of a hyphen."""
    return text.replace("-", "−")


def noise_words(checkpoint: ListedCheckpoint) -> str:
    """Return the label noise of a checkpoint's test cases in words; empty if it is not stored."""
    metrics = checkpoint.metrics
    if not (noise := label_noise(metrics)):
        return ""
    return (
        f"the solver's own C_p changes by {percent(noise['surface_pressure'])} on meshes whose "
        f"cells are 1% larger or smaller, its velocity by {percent(noise['velocity'])}, its C_D by "
        f"{percent(noise['C_D_relative'])}, average over {metrics.get('cases', 0)} test bodies, "
        f"{STORED}."
    )


def checkpoint_facts(checkpoint: ListedCheckpoint) -> None:
    """Show how a checkpoint was made, as far as its header says."""
    config, info = checkpoint.config, checkpoint.info
    partition = partition_words(config)
    if config.architecture in PATCHED:
        patches = f"K = {config.num_patches}" if config.num_patches else f"L = {config.patch_size}"
        partition = f"{partition}, {patches}, Q = {config.num_supernodes}"
    symmetric = checkpoint.metrics.get("symmetric")
    blocks = "1 block" if config.num_blocks == 1 else f"{config.num_blocks} blocks"
    facts = {
        "Model": f"{config.architecture}, {blocks}, D = {config.width}",
        "Partition": partition,
        "Parameters": info.get("parameters"),
        "Training cases": info.get("train_cases"),
        "Steps": info.get("steps"),
        "Time of training": None
        if (minutes := info.get("minutes")) is None
        else f"{minutes:,.4g} {'minute' if minutes == 1 else 'minutes'}",
        "Hardware": notes.plain(info["hardware"]) if info.get("hardware") else None,
        "Seed": info.get("seed"),
        "Test error of the mean over symmetries": symmetric and percent(symmetric),
    }
    known = {
        name: f"{value:,}" if isinstance(value, int) else str(value)
        for name, value in facts.items()
        if value is not None
    }
    st.table(known, border="horizontal", width="stretch")
