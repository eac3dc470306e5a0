"""Numbers on the page about large clouds, against the stored rows and the closed forms."""

import csv
import dataclasses
import re
from pathlib import Path

import pytest

from mspt.benchmarks.calibration import calibration_config, read_rates
from mspt.benchmarks.forecast_check import (
    MEMORY_BOUND,
    TIME_BOUND,
    check_config,
    read_forecasts,
)
from mspt.benchmarks.stress import EVEN, read_stress
from mspt.cost.devices import over_devices
from mspt.cost.forecast import forecast

ROOT = Path(__file__).parents[2]
STORED = ROOT / "assets" / "benchmarks"
PARTS = dict(
    re.findall(
        r"^## (.+?)\n(.*?)(?=^## |\Z)",
        (ROOT / "docs" / "scale.md").read_text(encoding="utf-8"),
        re.MULTILINE | re.DOTALL,
    )
)


def cells(part: str) -> list[list[str]]:
    """Return the rows of the table in a part, without its head."""
    lines = [line for line in PARTS[part].splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def number(text: str) -> float:
    return float(text.replace(",", "").split()[0])


def test_forecasts_beside_measurements_are_the_stored_rows() -> None:
    rows = read_forecasts(STORED / "forecast.csv")
    shown = cells("Before a run: time and memory")
    assert len(shown) == len(rows) >= 8
    for row, line in zip(rows, shown, strict=True):
        values = [number(cell) for cell in line]
        assert values[:4] == [row.num_points, row.num_patches, row.num_supernodes, row.width]
        assert values[4:6] == pytest.approx([row.forecast_seconds, row.seconds], abs=0.006)
        assert values[6] == pytest.approx(100 * row.time_error, abs=0.51)
        assert values[7:9] == pytest.approx([row.forecast_bytes / 1e6, row.peak_bytes / 1e6], abs=1)
        assert values[9] == pytest.approx(100 * row.memory_error, abs=0.51)
    words = " ".join(PARTS["Before a run: time and memory"].split())
    good = sum(abs(row.time_error) <= TIME_BOUND for row in rows)
    held = sum(abs(row.memory_error) <= MEMORY_BOUND for row in rows)
    assert f"{good} of {len(rows)} times lie within 35 %" in words
    assert f"{held} of {len(rows)} peaks of memory within 20 %" in words


def test_stored_forecasts_follow_from_the_stored_rates() -> None:
    rates = read_rates(STORED / "rates.csv")
    for row in read_forecasts(STORED / "forecast.csv"):
        config = check_config(row.width, row.num_patches, row.num_supernodes)
        found = forecast(
            config,
            row.num_points,
            rates.of("mspt", "forward"),
            partition_rate=rates.partition_rate,
        )
        assert found.seconds == pytest.approx(row.forecast_seconds, rel=1e-3)
        assert found.peak_bytes == pytest.approx(row.forecast_bytes)


def test_ten_million_points_are_the_stored_row() -> None:
    with (STORED / "ten-million.csv").open(encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    words = " ".join(PARTS["Ten million points"].split())
    assert int(row["num_points"]) == 10_000_000
    assert f"takes {float(row['seconds']):.0f} s on two cores" in words
    assert f"its ball tree {float(row['partition_seconds']):.0f} s" in words
    assert f"holds {float(row['process_MiB']) / 1024:.1f} GiB" in words
    assert float(row["process_MiB"]) / 1024 < 20
    assert f"--patches {row['num_patches']}" in words


def test_hard_clouds_are_the_stored_rows() -> None:
    rows = read_stress(STORED / "stress.csv")
    even = next(row for row in rows if row.cloud == EVEN)
    for row, line in zip(rows, cells("Clouds that are hard to partition"), strict=True):
        assert line[:2] == [row.cloud, f"{row.smallest} to {row.largest}"]
        values = [number(cell) for cell in line[2:]]
        expected = [100 * row.share, row.tree_seconds, row.tree_seconds / even.tree_seconds]
        expected += [row.pass_seconds, row.pass_seconds / even.pass_seconds]
        assert values == pytest.approx(expected, rel=0.06, abs=0.0051)


SECONDS = {"s": 1, "min": 60, "h": 3600, "days": 86_400}


def test_a_billion_points_follow_from_the_stored_rates() -> None:
    rates = read_rates(STORED / "rates.csv")
    for devices, *values in cells("A billion points, on paper"):
        for (patches, levels), shown in zip(
            ((31_623, 0), (1_000_000, 3)), (values[:3], values[3:]), strict=True
        ):
            config = dataclasses.replace(
                calibration_config("mspt", 128, 128),
                num_patches=patches,
                num_blocks=4,
                keys_per_level=levels,
            )
            own = rates.of_pass(config, 10**9, "forward")
            found = over_devices(config, 10**9, own, devices=int(devices))
            amount, unit = shown[0].split()
            assert number(amount) * SECONDS[unit] == pytest.approx(found.compute_seconds, rel=0.03)
            assert number(shown[1]) == pytest.approx(found.exchange_seconds, abs=0.006)
            assert number(shown[2]) == pytest.approx(found.peak_bytes / 1e9, abs=0.06)
