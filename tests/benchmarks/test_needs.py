"""What a run needs, said before it starts: from kept, stored or newly measured rates."""

from dataclasses import replace
from pathlib import Path

import pytest

from mspt.benchmarks import needs as module
from mspt.benchmarks.calibration import Calibration, read_rates, write_rates
from mspt.benchmarks.needs import Needs, kept_rates_path, needs_of
from mspt.config import ModelConfig
from mspt.cost.forecast import Rates
from mspt.errors import MSPTError
from mspt.threads import with_threads

CONFIG = ModelConfig(space_dim=3, in_features=4, out_channels=4, width=64, num_patches=100)
SLOW = Rates(
    architecture="mspt",
    work="forward",
    linear=1e-9,
    attention=0.0,
    scores=1e-9,
    pointwise=0.0,
    pieces=0.0,
)
HERE = Calibration(
    rates=(SLOW,), partition_rate=1e-8, threads=1, device="cpu", machine="this machine"
)


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A machine whose calibration is known, and a list of how often it was measured."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(module.sys, "platform", "linux")
    monkeypatch.setattr(module, "machine_name", lambda _: "this machine")
    measured: list[str] = []

    def calibrate(architectures: tuple[str, ...], **_: object) -> list[Calibration]:
        measured.extend(architectures)
        own = tuple(replace(SLOW, architecture=one) for one in architectures)
        return [replace(HERE, rates=own)]

    monkeypatch.setattr(module, "calibrate", calibrate)
    return measured


def test_rates_are_measured_once_and_kept_in_the_user_s_folder(machine: list[str]) -> None:
    with with_threads(1):
        first = needs_of(CONFIG, 1_000_000, device="cpu")
        again = needs_of(CONFIG, 1_000_000, passes=2, device="cpu")
    assert machine == ["mspt"]
    assert read_rates(kept_rates_path()) == HERE
    assert first is not None
    assert again is not None
    expected = SLOW.seconds(CONFIG, 1_000_000)
    assert first.seconds == pytest.approx(expected, rel=0.01)
    assert again.seconds == 2 * first.seconds
    assert first.num_bytes > 4 * 64 * 10**6


def test_another_architecture_is_added_and_other_threads_replace(machine: list[str]) -> None:
    transolver = replace(CONFIG, architecture="transolver", num_patches=None)
    with with_threads(1):
        needs_of(CONFIG, 1_000_000, device="cpu")
        needs_of(transolver, 1_000_000, device="cpu")
        needs_of(CONFIG, 1_000_000, device="cpu")
    assert machine == ["mspt", "transolver"]
    assert [one.architecture for one in read_rates(kept_rates_path()).rates] == machine
    write_rates(kept_rates_path(), replace(HERE, threads=7))
    with with_threads(1):
        needs_of(CONFIG, 1_000_000, device="cpu")
    assert machine == ["mspt", "transolver", "mspt"]
    assert read_rates(kept_rates_path()) == HERE


def test_short_runs_are_started_without_a_word_and_without_a_measurement(
    machine: list[str],
) -> None:
    assert needs_of(CONFIG, 2000, device="cpu") is None
    assert machine == []


def test_stored_rates_of_this_machine_are_taken_as_they_are(
    machine: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write_rates(tmp_path / "rates.csv", HERE)
    monkeypatch.setattr(module, "STORED_RATES", tmp_path / "rates.csv")
    with with_threads(1):
        assert needs_of(CONFIG, 1_000_000, device="cpu") is not None
    assert machine == []


def test_a_folder_that_cannot_be_written_is_no_error(machine: list[str], tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file in place of a folder")
    with with_threads(1):
        assert needs_of(CONFIG, 1_000_000, device="cpu") is not None
    assert machine == ["mspt"]


def test_models_without_a_formula_have_no_forecast_and_bad_runs_are_refused() -> None:
    branched = replace(CONFIG, architecture="branched")
    assert needs_of(branched, 10**6, device="cpu") is None
    with pytest.raises(MSPTError, match="device must be one of"):
        needs_of(CONFIG, 100, device="abacus")
    with pytest.raises(MSPTError, match="memory_budget must be at least"):
        needs_of(CONFIG, 100, device="cpu", memory_budget="1kB")


def test_words_say_what_does_not_fit() -> None:
    words = Needs(seconds=22.0, num_bytes=3e10, free_bytes=2e10).words()
    assert words == "needs 30 GB of 20 GB free, which is too much, about 22 s"
