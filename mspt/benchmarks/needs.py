"""What a run needs, in words, before it starts: memory and time from the rates of this machine.

The rates are those that were measured here before, or those that come with the project where they
are of such a machine; otherwise a few short passes measure them, once, and they are kept in the
user's folder for caches.
"""

import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import torch

from mspt.benchmarks.calibration import Calibration, calibrate, read_rates, write_rates
from mspt.benchmarks.sweep import available_bytes, machine_name
from mspt.config import ModelConfig
from mspt.cost.arithmetic import FLOP_COUNTS
from mspt.cost.forecast import forecast, keys_of
from mspt.errors import MSPTError
from mspt.inference.budget import memory_words
from mspt.inference.predict import pass_plan, pick_device

STORED_RATES = Path(__file__).parents[2] / "assets" / "benchmarks" / "rates.csv"
SOON = 5.0
"""Seconds below which a run is started without a word."""


@dataclass(frozen=True, kw_only=True)
class Needs:
    """What a run needs.

    Attributes:
        seconds: Time of its passes and ball trees.
        num_bytes: Memory at the peak above weights.
        free_bytes: Memory that is free now.
    """

    seconds: float | int
    num_bytes: float | int
    free_bytes: float | int

    def words(self) -> str:
        """Return the needs in words.

        Examples:
            >>> Needs(seconds=22.4, num_bytes=1.2e9, free_bytes=2e10).words()
            'needs 1.2 GB of 20 GB free, about 22 s'
            >>> Needs(seconds=250, num_bytes=3e9, free_bytes=2e9).words()
            'needs 3 GB of 2 GB free, which is too much, about 4 min'
        """
        fits = "" if self.num_bytes <= self.free_bytes else ", which is too much"
        whole = f"{memory_words(self.num_bytes)} of {memory_words(self.free_bytes)} free{fits}"
        time = f"{self.seconds:.0f} s" if self.seconds < 120 else f"{self.seconds / 60:.0f} min"
        return f"needs {whole}, about {time}"


def needs_of(
    config: ModelConfig,
    num_points: int,
    *,
    passes: int = 1,
    device: str = "auto",
    memory_budget: str | float | int | None = None,
) -> Needs | None:
    """Return what passes over clouds of one size need; None if they take a few seconds only.

    Where this machine has no rates yet and the run is long, they are measured first.

    Args:
        config: Of the model.
        num_points: Points N of each cloud.
        passes: How many passes, one after the other.
        device: Where they run.
        memory_budget: As for :func:`mspt.inference.predict.predict_case`.

    Raises:
        MSPTError: If the device does not exist here, or the budget is too small.
    """
    target = pick_device(device)
    plan = pass_plan(config, num_points, device=target, memory_budget=memory_budget)
    if config.architecture not in FLOP_COUNTS:
        return None
    known, is_of_here = _known_rates(config, num_points, str(target))
    seconds = passes * _seconds(config, num_points, known)
    if not is_of_here and seconds < SOON / 4:  # other machines are rarely four times as slow
        return None
    if not is_of_here:
        seconds = passes * _seconds(config, num_points, _measured(config, str(target)))
    if seconds < SOON:
        return None
    free = float(available_bytes(device))
    return Needs(seconds=seconds, num_bytes=plan.device_bytes, free_bytes=free)


def _seconds(config: ModelConfig, num_points: int, rates: Calibration) -> float:
    own = rates.of_pass(config, num_points, "forward")
    return forecast(config, num_points, own, partition_rate=rates.partition_rate).total_seconds


def _known_rates(config: ModelConfig, num_points: int, device: str) -> tuple[Calibration, bool]:
    """Return the best rates at hand, and whether they are of this machine as it is used now."""
    found, keys = [], keys_of(config, num_points)
    for path in (kept_rates_path(), STORED_RATES):
        with suppress(MSPTError, OSError):
            found.append(read_rates(path))
    found = [one for one in found if one.has(config.architecture, "forward", keys=keys)]
    if not found:
        raise MSPTError(f"{STORED_RATES.name} must come with the project, got none; copy it back")
    here = (machine_name(device), device, torch.get_num_threads())
    own = [one for one in found if (one.machine, one.device, one.threads) == here]
    return (own[0], True) if own else (found[-1], False)


def _measured(config: ModelConfig, device: str) -> Calibration:
    """Measure the rates of one architecture, and keep them for the next time."""
    threads = torch.get_num_threads()
    *_, found = calibrate((config.architecture,), threads=threads, device=device)
    if not isinstance(found, Calibration):
        raise MSPTError("calibration must end with rates, got none; run it again")
    path = kept_rates_path()
    with suppress(OSError, MSPTError):  # a folder that cannot be written: measured again next time
        path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(MSPTError):  # none yet, or those of other threads, which these replace
            found = read_rates(path).joined(found)
        write_rates(path, found)
    return found


def kept_rates_path() -> Path:
    """Return where the rates of this machine are kept: in the user's folder for caches."""
    home = Path.home()
    folders = {
        "win32": Path(os.environ.get("LOCALAPPDATA", home / "AppData" / "Local")),
        "darwin": home / "Library" / "Caches",
    }
    given = os.environ.get("XDG_CACHE_HOME", "")
    usual = folders.get(sys.platform, Path(given) if given else home / ".cache")
    return usual / "mspt" / "rates.csv"
