"""Forecasts beside measurements, over sizes that no calibration has run."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mspt.benchmarks._tables import read_rows_of
from mspt.benchmarks.calibration import Calibration, calibration_config
from mspt.benchmarks.models import measure_models
from mspt.config import ModelConfig
from mspt.cost.forecast import forecast

SIZES = (
    # points N, width D, patches K, supernodes Q
    (32_768, 32, 64, 1),
    (32_768, 64, 8, 8),
    (32_768, 64, 256, 1),
    (32_768, 128, 32, 8),
    (32_768, 256, 128, 1),
    (100_000, 64, 100, 1),
    (100_000, 128, 316, 1),
    (100_000, 64, 1024, 1),
    (300_000, 64, 293, 1),
    (300_000, 32, 548, 1),
)
BLOCKS = 4
TIME_BOUND, MEMORY_BOUND = 0.35, 0.2
"""Largest relative errors of time and memory that a forecast should have."""


@dataclass(frozen=True, kw_only=True)
class ForecastRow:
    """One forecast and what was measured.

    Attributes:
        num_points: Points N.
        width: Width D.
        num_patches: Patches K.
        num_supernodes: Supernodes Q per patch.
        forecast_seconds: Time of a forward pass that was forecast.
        seconds: Time that it took; the fastest.
        forecast_bytes: Peak memory above weights and inputs that was forecast.
        peak_bytes: Peak memory that was measured.
        threads: CPU threads.
        machine: Name of the processor.
    """

    num_points: int
    width: int
    num_patches: int
    num_supernodes: int
    forecast_seconds: float
    seconds: float
    forecast_bytes: float
    peak_bytes: int
    threads: int
    machine: str

    @property
    def time_error(self) -> float:
        """Relative error of the time that was forecast."""
        return self.forecast_seconds / self.seconds - 1

    @property
    def memory_error(self) -> float:
        """Relative error of the memory that was forecast."""
        return self.forecast_bytes / self.peak_bytes - 1


def check_config(width: int, num_patches: int, num_supernodes: int) -> ModelConfig:
    """Return the MSPT of one size of the check."""
    config = calibration_config("mspt", width, num_patches)
    return replace(config, num_blocks=BLOCKS, num_supernodes=num_supernodes)


def check_forecasts(
    calibration: Calibration, *, sizes: Sequence[tuple[int, int, int, int]] = SIZES, rounds: int = 2
) -> Iterator[ForecastRow]:
    """Measure each size in a process of its own, yielding a row for each.

    Args:
        calibration: Rates of this machine.
        sizes: Points N, width D, patches K and supernodes Q.
        rounds: Processes for each size.

    Raises:
        MSPTError: If a measurement process fails.
    """
    rates = calibration.of("mspt", "forward")
    for num_points, width, num_patches, num_supernodes in sizes:
        config = check_config(width, num_patches, num_supernodes)
        expected = forecast(config, num_points, rates, partition_rate=calibration.partition_rate)
        runs = list(
            measure_models(
                [config],
                num_points=num_points,
                rounds=rounds,
                threads=calibration.threads,
                device=calibration.device,
            )
        )
        yield ForecastRow(
            num_points=num_points,
            width=width,
            num_patches=num_patches,
            num_supernodes=num_supernodes,
            forecast_seconds=expected.seconds,
            seconds=min(run.fastest for run in runs),
            forecast_bytes=expected.peak_bytes,
            peak_bytes=max(run.peak_bytes for run in runs),
            threads=calibration.threads,
            machine=calibration.machine,
        )


def read_forecasts(path: Path) -> tuple[ForecastRow, ...]:
    """Read the rows of ``benchmark forecast --check --out``.

    Raises:
        MSPTError: If the file is missing or is no such table.
    """
    command = "benchmark forecast --check --out FILE"
    return read_rows_of(ForecastRow, path, what="forecasts", command=command)
