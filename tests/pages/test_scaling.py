import io
import shlex
from collections.abc import Callable, Iterator
from dataclasses import replace
from time import monotonic, sleep

import pandas as pd
import psutil
import pytest
from streamlit.testing.v1 import AppTest

from mspt.benchmarks import calibration
from mspt.benchmarks.calibration import calibration_config, read_rates
from mspt.benchmarks.fits import fit_exponent
from mspt.benchmarks.models import Measurement, ProcessStatus
from mspt.benchmarks.rows import read_rows
from mspt.benchmarks.stress import read_stress
from mspt.cli.main import build_parser
from mspt.cost.forecast import forecast
from pages._shared.numbers import duration, gigabytes
from tests.pages.reading import charts, finish, metrics
from tests.pages.tiny import ROOT

Open = Callable[..., AppTest]
STORED = ROOT / "assets" / "benchmarks" / "scaling.csv"


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every size takes a moment and as many milliseconds as it has thousands of points."""

    def measure_at_once(task: dict) -> Iterator[ProcessStatus | Measurement]:
        size = task["num_points"]
        yield ProcessStatus(0.1, 2**28)
        yield Measurement(
            work="forward",
            architecture=task["config"]["architecture"],
            num_points=size,
            num_patches=1,
            width=128,
            num_blocks=2,
            threads=1,
            device="cpu",
            seconds=1e-6 * size,
            fastest=1e-6 * size,
            slowest=1e-6 * size,
            peak_bytes=10 * size,
            activation_bytes=1,
            matrix_share=0.0,
        )

    monkeypatch.setattr("mspt.benchmarks.sweep.measure_in_process", measure_at_once)


def test_page_draws_the_stored_rows(open_page: Open) -> None:
    app = open_page("scaling")
    assert not app.exception
    assert not app.error
    (figure,) = charts(app)
    own = [
        row
        for row in read_rows(STORED)
        if (row.axis, row.architecture) == ("points", "full_attention") and not row.stopped
    ]
    stored = next(t for t in figure["data"] if t["mode"] == "lines+markers" and "Full" in t["name"])
    assert list(stored["x"]) == [row.num_points for row in own]
    assert list(stored["y"]) == [row.seconds for row in own]


def test_shown_exponent_is_the_slope_of_the_stored_rows(open_page: Open) -> None:
    app = open_page("scaling", quantity="Peak memory")
    rows = [r for r in read_rows(STORED) if r.axis == "points" and r.architecture == "transolver"]
    used = [row for row in rows if not row.stopped and row.num_points >= 10_000]
    fitted = fit_exponent([row.num_points for row in used], [row.peak_bytes for row in used])
    assert metrics(app)["Transolver"] == f"∝ N^{fitted.slope:.2f}"
    row = next(caption.value for caption in app.caption if "stored curve]" in caption.value)
    assert "growth with the number of points N" in row


@pytest.mark.parametrize("axis", ["Points N", "Patches K", "Supernodes Q"])
@pytest.mark.parametrize("quantity", ["Time", "Peak memory"])
def test_address_restores_axis_and_quantity(open_page: Open, axis: str, quantity: str) -> None:
    app = open_page("scaling", axis=axis, quantity=quantity)
    assert not app.exception
    assert app.button_group(key="axis").value == axis
    title = charts(app)[0]["layout"]["xaxis"]["title"]["text"]
    assert axis.split(" ")[0].lower() in title
    assert f" {axis.split(' ')[1]}" in title


def test_paper_s_numbers_are_marked_as_the_paper_s(open_page: Open) -> None:
    app = open_page("scaling")
    app.button_group(key="curves").set_value(["Paper"]).run()
    (figure,) = charts(app)
    assert {trace["mode"] for trace in figure["data"]} == {"markers"}
    assert any("*From the paper*" in c.value and "42.8 GB" in c.value for c in app.caption)


def test_commands_are_ones_the_command_line_takes(open_page: Open) -> None:
    for line in open_page("scaling", axis="Patches K").code[0].value.splitlines():
        build_parser().parse_args(shlex.split(line.removeprefix("python -m "))[1:])


@pytest.mark.usefixtures("quick")
def test_measuring_here_adds_a_curve_with_its_own_exponent(open_page: Open) -> None:
    app = open_page("scaling")
    app.button_group(key="models").set_value(["MSPT"]).run()
    app.select_slider(key="up_to_points").set_value(100_000).run()
    app.button(key="scaling_measure").click().run()
    finish(app)
    assert not app.exception
    here = [trace for trace in charts(app)[0]["data"] if "this machine" in trace["name"]]
    assert [list(trace["x"]) for trace in here] == [[1000, 3000, 10_000, 30_000, 100_000]]
    assert "N^1.00" in here[0]["name"]
    table = app.dataframe[0].value
    assert (table["origin"] == "measured here").sum() == 5


def test_cancelling_ends_the_process_within_a_second_and_the_page_goes_on(open_page: Open) -> None:
    app = open_page("scaling")
    app.button_group(key="models").set_value(["MSPT"]).run()
    before = set(psutil.Process().children())
    app.button(key="scaling_measure").click().run()
    end = monotonic() + 30
    while not (children := set(psutil.Process().children()) - before):
        assert monotonic() < end
        sleep(0.02)
    job = app.session_state["scaling_job"]
    start = monotonic()
    app.button(key="scaling_job_cancel").click().run()
    assert job.ended.is_set()
    assert monotonic() - start < 5  # a rerun of the page included
    assert not any(child.is_running() for child in children)
    assert not app.exception
    assert not app.button(key="scaling_measure").disabled


def test_guard_says_what_it_leaves_out(open_page: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pages._scaling.data.available_bytes", lambda device: 10**9)  # noqa: ARG005
    app = open_page("scaling")
    app.select_slider(key="up_to_points").set_value(1_000_000).run()
    assert any("GB available" in c.value and "Published variant" in c.value for c in app.caption)


def test_table_shows_every_stored_row(open_page: Open) -> None:
    app = open_page("scaling")
    full = pd.read_csv(io.StringIO(STORED.read_text()))
    shown = app.dataframe[0].value
    stored = full[full["axis"] == "points"]
    assert len(shown) == len(stored) > 0
    assert sorted(shown["N"]) == sorted(stored["num_points"])
    expected = {"milliseconds": 1e3 * stored["seconds"], "peak MB": 1e-6 * stored["peak_bytes"]}
    for column, values in expected.items():  # shown with one digit after the point
        assert sorted(shown[column].dropna()) == pytest.approx(sorted(values.dropna()), abs=0.051)


# --- forecasts -----------------------------------------------------------------------------------


def test_forecast_is_that_of_the_library(open_page: Open) -> None:
    app = open_page("scaling", view="Forecast")
    assert not app.exception
    rates = read_rates(ROOT / "assets" / "benchmarks" / "rates.csv")
    config = calibration_config("mspt", 128, 1000)
    expected = forecast(
        replace(config, num_blocks=4),
        1_000_000,
        rates.of("mspt", "forward"),
        partition_rate=rates.partition_rate,
    )
    assert metrics(app)["MSPT takes"] == duration(expected.total_seconds)
    assert metrics(app)["MSPT needs"].startswith(f"{gigabytes(expected.total_bytes)} of ")
    assert metrics(app)["Keys of each point"] == "2,000"
    for line in app.code[0].value.splitlines():
        build_parser().parse_args(shlex.split(line.removeprefix("python -m "))[1:])

    app.select_slider(key="k").set_value("64").run()
    app.select_slider(key="devices").set_value(128).run()
    assert any("128 devices need as many patches" in one.value for one in app.warning)
    app.select_slider(key="devices").set_value(4).run()
    assert not app.warning
    table = app.dataframe[0].value.set_index("model")
    alone, shared = (table.loc[name, "seconds"] for name in ("MSPT", "MSPT over 4 devices"))
    assert shared == pytest.approx(alone / 4, rel=0.1)
    app.button_group(key="work").set_value("Training step").run()
    assert not app.exception
    assert app.dataframe[0].value.set_index("model").loc["MSPT", "seconds"] > 2 * alone


def test_calibration_here_takes_the_place_of_stored_rates(
    open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = dict.fromkeys(calibration.SIZES, ((256, 16, 4), (512, 32, 8)))
    monkeypatch.setattr(calibration, "SIZES", sizes)
    app = open_page("scaling", view="Forecast")
    assert any("(stored rates)" in one.value for one in app.caption)
    app.button(key="calibrate").click().run()
    finish(app)
    assert not app.exception
    assert any("(measured here)" in one.value for one in app.caption)


def test_hard_clouds_are_those_that_ship(open_page: Open) -> None:
    app = open_page("scaling", view="Hard clouds")
    assert not app.exception
    rows = read_stress(ROOT / "assets" / "benchmarks" / "stress.csv")
    table = app.dataframe[0].value
    assert list(table["cloud"]) == [row.cloud for row in rows]
    slowest = max(row.tree_seconds for row in rows)
    assert metrics(app)["Slowest ball tree"] == duration(slowest)
    build_parser().parse_args(shlex.split(app.code[0].value.removeprefix("python -m "))[1:])
