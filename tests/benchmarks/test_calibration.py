from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch

from mspt.benchmarks import calibration as module
from mspt.benchmarks import forecast_check
from mspt.benchmarks.calibration import Calibration, PassTimed, calibrate, read_rates, write_rates
from mspt.benchmarks.forecast_check import check_forecasts, read_forecasts
from mspt.benchmarks.models import Measurement, measure
from mspt.cli.main import main
from mspt.config import ModelConfig
from mspt.cost.forecast import Rates, fit_rates
from mspt.errors import MSPTError


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calibrate with a few tiny passes."""
    sizes = dict.fromkeys(module.SIZES, ((256, 16, 4), (512, 32, 8)))
    monkeypatch.setattr(module, "SIZES", sizes)
    monkeypatch.setattr(module, "NODE_SIZES", ((512, 16, 32), (1024, 32, 64)))
    monkeypatch.setattr(module, "TREE_POINTS", 2000)


RATES = Rates(
    architecture="mspt",
    work="forward",
    linear=1e-11,
    attention=0.0,
    scores=1e-9,
    pointwise=1e-8,
    pieces=1e-3,
)
STORED = Calibration(rates=(RATES,), partition_rate=1e-8, threads=1, device="cpu", machine="a CPU")


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("work", ["forward", "train"])
def test_calibration_runs_its_passes_and_reports_progress(work: str) -> None:
    before = torch.get_num_threads()
    *progress, found = calibrate(("mspt", "transolver"), work=work, threads=before + 1)
    assert torch.get_num_threads() == before
    assert [event.done for event in progress if isinstance(event, PassTimed)] == [*range(1, 8)]
    assert found.threads == before + 1
    assert found.partition_rate > 0
    for architecture in ("mspt", "transolver"):
        config = module.calibration_config(architecture, 32, 8)
        assert found.of(architecture, work).seconds(config, 512) > 0
    nodes = module.calibration_config("mspt", 32, 64, keys="nodes")
    assert found.of_pass(nodes, 1024, work).keys == "nodes"
    assert found.of_pass(nodes, 1024, work).seconds(nodes, 1024) > 0
    with pytest.raises(MSPTError, match="rates must include published, forward"):
        found.of("published", "forward")


def test_rates_predict_passes_that_the_calibration_did_not_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # A machine with known rates, since other load makes times of real passes uncertain.
    machine = replace(RATES, attention=3e-12)

    def pass_seconds(config: ModelConfig, num_points: int, *_: object) -> float:
        return machine.seconds(config, num_points)

    monkeypatch.setattr(module, "_pass_seconds", pass_seconds)
    monkeypatch.setattr(module, "TREE_POINTS", 2000)
    *_, found = calibrate(("mspt",))
    for num_points, width, patches in [(30_000, 96, 200), (100_000, 64, 316), (6000, 256, 8)]:
        config = module.calibration_config("mspt", width, patches)
        predicted = found.of("mspt", "forward").seconds(config, num_points)
        assert predicted == pytest.approx(machine.seconds(config, num_points), rel=0.05)


def test_rates_are_read_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "rates.csv"
    write_rates(path, STORED)
    assert read_rates(path) == STORED
    table = pd.read_csv(path)
    table.drop(columns="keys").to_csv(path, index=False)
    assert read_rates(path) == STORED
    path.write_text("a,b\n1,2\n")
    with pytest.raises(MSPTError, match=r"rates\.csv must be a table of rates, got another table"):
        read_rates(path)


def test_rows_hold_the_fastest_run_and_the_highest_peak(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = []

    def measured(configs: list[ModelConfig], **task: object) -> Iterator[Measurement]:
        for _ in range(task.pop("rounds")):
            runs.append(measure(configs[0], **task, repeats=1))
            yield runs[-1]

    monkeypatch.setattr(forecast_check, "measure_models", measured)
    (row,) = check_forecasts(STORED, sizes=[(2000, 16, 8, 2)], rounds=1)
    assert row.seconds > 0
    assert row.peak_bytes > 0
    assert row.time_error == pytest.approx(row.forecast_seconds / row.seconds - 1)


@pytest.fixture
def rates(tmp_path: Path) -> str:
    write_rates(tmp_path / "rates.csv", STORED)
    return str(tmp_path / "rates.csv")


def test_command_prints_a_forecast(rates: str, capsys: pytest.CaptureFixture[str]) -> None:
    given = ["benchmark", "forecast", "--rates", rates, "--models", "mspt"]
    assert main([*given, "--points", "10000000", "--patches", "3162"]) == 0
    printed = capsys.readouterr().out
    assert "Rates of a CPU, 1 thread" in printed
    assert "10,000,000" in printed
    assert main([*given, "--points", "100000", "--patches", "64", "--devices", "1", "4"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "and not measured" in lines[0]
    assert lines[-1].split()[-1] == "4.00"


@pytest.mark.usefixtures("short")
def test_rates_that_a_file_lacks_are_added(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "rates.csv"
    given = ["benchmark", "forecast", "--rates", str(path), "--points", "1000", "--threads", "1"]
    for models in (["mspt"], ["mspt", "transolver"], ["transolver"]):
        assert main([*given, "--models", *models]) == 0
        capsys.readouterr()
    found = read_rates(path)
    assert [(one.architecture, one.keys) for one in found.rates] == [
        ("mspt", "all"),
        ("mspt", "nodes"),
        ("transolver", "all"),
    ]


def test_models_with_nodes_as_keys_have_rates_of_their_own() -> None:
    """A file of before has none: a forecast with the others would be wrong without a word."""
    nodes = module.calibration_config("mspt", 64, 64, keys="nodes")
    with pytest.raises(MSPTError, match="must include mspt, forward with nodes as keys"):
        STORED.of_pass(nodes, 8192, "forward")
    own = replace(RATES, keys="nodes", pointwise=5e-8)
    found = replace(STORED, rates=(RATES, own))
    assert found.of_pass(nodes, 8192, "forward") == own
    assert found.of_pass(replace(nodes, keys_per_level=0), 8192, "forward") == RATES
    few = replace(nodes, num_patches=4)  # points attend to all four patches
    assert found.of_pass(few, 8192, "forward") == RATES
    mixed = [(nodes, 8192, 1.0), (few, 8192, 1.0)]
    with pytest.raises(ValueError, match="passes must be of one kind of keys"):
        fit_rates(mixed, work="forward")


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--points", "100", "--patches", "200"], "--patches must be between 1 and the 100 points"),
        (["--patches", "8", "--devices", "9"], "--devices must be between 1 and the number of"),
        (["--devices", "2", "--models", "transolver"], "--devices must come with --models mspt"),
        (["--bandwidth", "0"], "--bandwidth must be above 0 GB/s, got 0"),
        (["--models", "transolver"], "rates must be of one machine, got machine a CPU and"),
        (["--device", "abacus"], "device must be one of"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(
    arguments: list[str], message: str, rates: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["benchmark", "forecast", "--rates", rates, *arguments]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: {message}")
    assert len(error.splitlines()) == 1


def test_damaged_tables_of_forecasts_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "forecast.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(MSPTError, match=r"forecast\.csv must be a table of forecasts"):
        read_forecasts(path)
