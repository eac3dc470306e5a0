"""Two views: what a pass of any size would take, and clouds that are hard to partition."""

import pandas as pd
import streamlit as st

from mspt.benchmarks.calibration import Calibration
from mspt.benchmarks.rows import COMPARED
from mspt.benchmarks.sweep import available_bytes
from mspt.cost.devices import Network, over_devices
from mspt.cost.forecast import Forecast, forecast
from mspt.cost.formulas import Work, recommended_patches
from mspt.figures.charts.forecast import Bar, forecast_figure
from mspt.figures.charts.scaling import MODEL_NAMES
from pages._scaling import data
from pages._shared import frame, jobs, notes
from pages._shared.numbers import (
    FORECAST,
    STORED_CURVE,
    Card,
    badge,
    duration,
    gigabytes,
    number_row,
)


def show_forecasts() -> None:
    """Show the view."""
    sizes = _pick()
    rates, is_own = data.rates_for(sizes.work)
    _show_forecasts(sizes, rates, is_own=is_own)
    frame.command(*data.forecast_commands(sizes))


def _pick() -> data.Sizes:
    bound = {"bind": "query-params"}
    top = st.columns([3, 7], vertical_alignment="bottom")
    name = top[0].segmented_control(
        "What", list(data.WORKS), default="Forward pass", key="work", required=True, **bound
    )
    with top[1]:
        _offer_calibration(data.WORKS[name])
    columns = [*st.columns(3, gap="medium"), *st.columns(3, gap="medium")]
    points = columns[0].select_slider(
        "Points N", data.POINTS, value=1_000_000, format_func="{:,}".format, key="n", **bound
    )
    patches = columns[1].select_slider(
        "Patches K", data.PATCHES, value=data.CHEAPEST, format_func=_with_commas, key="k", **bound
    )
    supernodes = columns[2].select_slider(
        "Supernodes Q per patch", (1, 2, 4, 8, 16, 32), value=1, key="q", **bound
    )
    width = columns[3].select_slider(
        "Width D", (32, 64, 128, 256, 512), value=128, key="d", **bound
    )
    blocks = columns[4].select_slider("Blocks", (2, 4, 6, 8, 12), value=4, key="blocks", **bound)
    devices = columns[5].select_slider(
        "Devices that share the cloud", data.DEVICES, value=1, key="devices", **bound
    )
    bandwidth = 25
    if devices > 1:
        bandwidth = columns[5].select_slider(
            "GB a device receives in a second", (1, 10, 25, 100, 450), value=25, key="net", **bound
        )
    chosen = recommended_patches(points, num_supernodes=supernodes)
    if patches != data.CHEAPEST:
        chosen = int(patches)
    return data.Sizes(
        num_points=points,
        num_patches=min(chosen, points // supernodes),
        num_supernodes=supernodes,
        width=width,
        num_blocks=blocks,
        devices=devices,
        bandwidth=1e9 * bandwidth,
        work=data.WORKS[name],
    )


def _with_commas(patches: str) -> str:
    return patches if patches == data.CHEAPEST else f"{int(patches):,}"


def _offer_calibration(work: Work) -> None:
    running = jobs.is_running(data.RATES_JOB)
    if st.button(
        "Calibrate on this machine",
        key="calibrate",
        icon=":material/speed:",
        disabled=running,
        help="About 15 seconds of short passes of all models.",
    ):
        jobs.start(
            data.RATES_JOB,
            data.calibration(work, frame.device()),
            title="Calibrating",
            uses=jobs.WHOLE_MACHINE,
        )
        st.rerun()
    jobs.follow(data.RATES_JOB)


def _show_forecasts(sizes: data.Sizes, rates: Calibration, *, is_own: bool) -> None:
    found = {
        model: forecast(
            sizes.config(model),
            sizes.num_points,
            rates.of(model, sizes.work),
            partition_rate=rates.partition_rate,
        )
        for model in COMPARED
    }
    free = float(available_bytes(frame.device()))
    _cards(sizes, found["mspt"], free)
    bars = [
        Bar(
            architecture=model,
            name=MODEL_NAMES[model],
            seconds=one.total_seconds,
            num_bytes=one.total_bytes,
            texts=(duration(one.total_seconds), gigabytes(one.total_bytes)),
        )
        for model, one in found.items()
    ]
    if (several := _several(sizes, rates)) is not None:
        bars.insert(1, several)
    st.plotly_chart(
        forecast_figure(bars, free_bytes=free, dark=frame.is_dark()), key="forecast_chart"
    )
    where = "measured here" if is_own else "stored rates"
    threads = "1 thread" if rates.threads == 1 else f"{rates.threads} threads"
    st.caption(
        f"Rates of {notes.plain(rates.machine)}, {threads} ({where}); 8 heads, "
        "Transolver with 128 slices. The time of a pass and of its ball tree; the memory with "
        "inputs, output and partition. How far forecasts were from measurements is in "
        "docs/scale.md."
    )
    table = _table(bars, free)
    st.dataframe(table, hide_index=True, key="forecast_table")
    st.download_button(
        "These forecasts (CSV)",
        table.to_csv(index=False),
        mime="text/csv",
        file_name=f"forecast-{sizes.num_points}.csv",
        icon=":material/download:",
        on_click="ignore",
        key="forecast_csv",
    )


def _cards(sizes: data.Sizes, own: Forecast, free: float) -> None:
    keys = sizes.num_points / sizes.num_patches + sizes.num_patches * sizes.num_supernodes
    needs = f"{gigabytes(own.total_bytes)} of {gigabytes(free)} free"
    cards = [
        Card(label="MSPT takes", value=duration(own.total_seconds)),
        Card(label="MSPT needs", value=needs),
        Card(label="Keys of each point", value=f"{keys:,.0f}", help_text="L + K·Q"),
    ]
    state = f"N = {sizes.num_points:,}, K = {sizes.num_patches:,}, one device"
    number_row(cards, origin=FORECAST, state=state, is_poor=own.total_bytes > free)
    if own.total_bytes > free:
        notes.warning("More memory than is free here: such a pass would not be started.")


def _several(sizes: data.Sizes, rates: Calibration) -> Bar | None:
    """Return MSPT over several devices of the speed of this one; None for one device."""
    if sizes.devices == 1:
        return None
    if sizes.devices > sizes.num_patches:
        notes.warning(
            "{} devices need as many patches, and there are {}.",
            f"{sizes.devices:,}",
            f"{sizes.num_patches:,}",
        )
        return None
    shared = over_devices(
        sizes.config("mspt"),
        sizes.num_points,
        rates.of("mspt", sizes.work),
        devices=sizes.devices,
        network=Network(bandwidth=sizes.bandwidth),
    )
    st.caption(
        f"{badge(FORECAST)} Over {sizes.devices:,} devices: {duration(shared.compute_seconds)} of "
        f"computing and {duration(shared.exchange_seconds)} of exchange, "
        f"{shared.received_bytes / 1e6:,.3g} MB received by each device in a block. Computed from "
        "the rates of one device; the ball tree, which each of them builds, is left out."
    )
    name = f"MSPT over {sizes.devices:,} devices"
    return Bar(
        architecture="mspt",
        name=name,
        seconds=shared.seconds,
        num_bytes=shared.peak_bytes,
        texts=(duration(shared.seconds), f"{gigabytes(shared.peak_bytes)} each"),
    )


def _table(bars: list[Bar], free: float) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "model": [bar.name for bar in bars],
            "seconds": [float(f"{bar.seconds:.3g}") for bar in bars],
            "GB on a device": [float(f"{bar.num_bytes / 1e9:.3g}") for bar in bars],
            "fits here": [bar.num_bytes <= free for bar in bars],
        }
    )


# --- hard clouds ----------------------------------------------------------------------------------


def show_hard_clouds() -> None:
    """Show the stored rows on clouds that are hard to partition."""
    rows, table = data.stress_table()
    first = rows[0]
    slowest = max(rows, key=lambda row: row.tree_seconds)
    cards = [
        Card(label="Points of a patch", value=f"{first.smallest:,} to {first.largest:,}"),
        Card(
            label="Slowest ball tree",
            value=duration(slowest.tree_seconds),
            note=f"the cloud {slowest.cloud}",
        ),
        Card(label="Slowest pass", value=duration(max(row.pass_seconds for row in rows))),
    ]
    state = f"N = {first.num_points:,}, K = {first.num_patches:,}, of every cloud below"
    number_row(cards, origin=STORED_CURVE, state=state)
    st.dataframe(table, hide_index=True, key="stress_table")
    st.caption(
        f"Measured on {notes.plain(first.machine)}, {first.threads} threads, load "
        f"{first.load:.1f}: the faster of two runs; D = 64, four blocks, each patch attends to "
        "three nodes of the tree for each doubling of the patches. Dispersion within: that of a "
        "patch over that of the cloud. The page Patches draws all of them."
    )
    st.download_button(
        "These rows (CSV)",
        data.STRESS_FILE.read_bytes(),
        mime="text/csv",
        file_name=data.STRESS_FILE.name,
        icon=":material/download:",
        on_click="ignore",
        key="stress_csv",
    )
    frame.command(f"python -m mspt benchmark stress --out {data.STRESS_FILE.as_posix()}")
