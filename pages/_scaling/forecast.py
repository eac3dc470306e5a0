"""The view on forecasts: what a pass of any size would take on this machine, or on several."""

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import streamlit as st

from mspt.benchmarks.calibration import Calibration, calibrate, read_rates
from mspt.benchmarks.rows import COMPARED
from mspt.benchmarks.sweep import available_bytes
from mspt.config import Architecture, ModelConfig
from mspt.cost.devices import Network, over_devices
from mspt.cost.forecast import Forecast, forecast
from mspt.cost.formulas import Work, recommended_patches
from mspt.figures.charts.forecast import Bar, forecast_figure
from mspt.figures.charts.scaling import MODEL_NAMES
from pages._shared import frame, jobs, notes
from pages._shared.numbers import FORECAST, Card, badge, duration, gigabytes, number_row

STORED_FILE = Path("assets/benchmarks/rates.csv")
JOB, HERE = "rates_job", "rates_here"
CHEAPEST = "√(N/Q)"
POINTS = (*(step * 10**power for power in range(3, 9) for step in (1, 3)), 10**9)
PATCHES = (CHEAPEST, *(str(2**power) for power in range(21)))
DEVICES = tuple(2**power for power in range(11))
WORKS: dict[str, Work] = {"Forward pass": "forward", "Training step": "train"}


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """What the visitor has chosen.

    Attributes:
        num_points: Points N.
        num_patches: Patches K, which are at most N.
        num_supernodes: Supernodes Q per patch.
        width: Width D.
        num_blocks: Blocks.
        devices: Devices that one cloud is divided over.
        bandwidth: Bytes that each device receives in a second.
        work: Forward pass or training step.
    """

    num_points: int
    num_patches: int
    num_supernodes: int
    width: int
    num_blocks: int
    devices: int
    bandwidth: float
    work: Work

    def config(self, architecture: Architecture) -> ModelConfig:
        """Return the model of these sizes; Transolver has 128 slices."""
        return ModelConfig(
            space_dim=3,
            in_features=4,
            out_channels=4,
            architecture=architecture,
            width=self.width,
            num_heads=8,
            num_blocks=self.num_blocks,
            mlp_ratio=2,
            num_patches=self.num_patches,
            num_supernodes=self.num_supernodes,
            num_slices=128,
            partition="sequence" if architecture == "published" else "ball_tree",
        )


def show() -> None:
    """Show the view."""
    sizes = _pick()
    rates, is_own = _rates(sizes.work)
    _show_forecasts(sizes, rates, is_own=is_own)
    frame.command(*_commands(sizes))


def _pick() -> Sizes:
    bound = {"bind": "query-params"}
    top = st.columns([3, 7], vertical_alignment="bottom")
    name = top[0].segmented_control(
        "What", list(WORKS), default="Forward pass", key="work", required=True, **bound
    )
    with top[1]:
        _offer_calibration(WORKS[name])
    columns = [*st.columns(3, gap="medium"), *st.columns(3, gap="medium")]
    points = columns[0].select_slider(
        "Points N", POINTS, value=1_000_000, format_func="{:,}".format, key="n", **bound
    )
    patches = columns[1].select_slider(
        "Patches K", PATCHES, value=CHEAPEST, format_func=_with_commas, key="k", **bound
    )
    supernodes = columns[2].select_slider(
        "Supernodes Q per patch", (1, 2, 4, 8, 16, 32), value=1, key="q", **bound
    )
    width = columns[3].select_slider(
        "Width D", (32, 64, 128, 256, 512), value=128, key="d", **bound
    )
    blocks = columns[4].select_slider("Blocks", (2, 4, 6, 8, 12), value=4, key="blocks", **bound)
    devices = columns[5].select_slider(
        "Devices that share the cloud", DEVICES, value=1, key="devices", **bound
    )
    bandwidth = 25
    if devices > 1:
        bandwidth = columns[5].select_slider(
            "GB a device receives in a second", (1, 10, 25, 100, 450), value=25, key="net", **bound
        )
    chosen = recommended_patches(points, num_supernodes=supernodes)
    if patches != CHEAPEST:
        chosen = int(patches)
    return Sizes(
        num_points=points,
        num_patches=min(chosen, points // supernodes),
        num_supernodes=supernodes,
        width=width,
        num_blocks=blocks,
        devices=devices,
        bandwidth=1e9 * bandwidth,
        work=WORKS[name],
    )


def _with_commas(patches: str) -> str:
    return patches if patches == CHEAPEST else f"{int(patches):,}"


def _offer_calibration(work: Work) -> None:
    running = jobs.is_running(JOB)
    if st.button(
        "Calibrate on this machine",
        key="calibrate",
        icon=":material/speed:",
        disabled=running,
        help="About 15 seconds of short passes of all models.",
    ):
        jobs.start(JOB, _calibration(work), title="Calibrating", uses=jobs.WHOLE_MACHINE)
        st.rerun()
    jobs.follow(JOB)


def _calibration(work: Work) -> Generator[jobs.Step, None, None]:
    with closing(calibrate(work=work, device=frame.device())) as events:
        for event in events:
            if isinstance(event, Calibration):
                yield jobs.Step(1.0, "Done", event)
            else:
                words = f"Pass {event.done} of {event.total}"
                yield jobs.Step(event.done / event.total, words)


def _rates(work: Work) -> tuple[Calibration, bool]:
    """Return the rates measured here, or else those that ship, and whether they are from here."""
    own: dict[Work, Calibration] = st.session_state.setdefault(HERE, {})
    for found in jobs.fetch(JOB):
        own[found.rates[0].work] = found
    return (own[work], True) if work in own else (read_rates(STORED_FILE), False)


def _show_forecasts(sizes: Sizes, rates: Calibration, *, is_own: bool) -> None:
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


def _cards(sizes: Sizes, own: Forecast, free: float) -> None:
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
        st.warning("More memory than is free here: such a pass would not be started.")


def _several(sizes: Sizes, rates: Calibration) -> Bar | None:
    """Return MSPT over several devices of the speed of this one; None for one device."""
    if sizes.devices == 1:
        return None
    if sizes.devices > sizes.num_patches:
        st.warning(
            f"{sizes.devices:,} devices need as many patches, and there are {sizes.num_patches:,}."
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


def _commands(sizes: Sizes) -> list[str]:
    base = (
        f"python -m mspt benchmark forecast --points {sizes.num_points} "
        f"--patches {sizes.num_patches} --supernodes {sizes.num_supernodes} "
        f"--width {sizes.width} --blocks {sizes.num_blocks} --work {sizes.work} "
        f"--rates {STORED_FILE.as_posix()}"
    )
    if sizes.devices == 1:
        return [f"{base} --models {' '.join(COMPARED)}"]
    more = f"--devices 1 {sizes.devices} --bandwidth {sizes.bandwidth / 1e9:g}"
    return [f"{base} --models {' '.join(COMPARED)}", f"{base} --models mspt {more}"]
