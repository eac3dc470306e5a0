"""The page on benchmarks: numbers of headers, and of a file of runs that grows."""

import json
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from mspt.checkpoint import read_info
from mspt.cli.main import build_parser
from mspt.evaluation.literature import published_errors
from mspt.evaluation.mistakes import KNOWN_MISTAKES
from pages._benchmarks import controls
from pages._shared import runs
from tests.pages.reading import charts, metrics

Open = Callable[..., AppTest]
HEADER = "dataset,preset,set,seed,epochs,train_cases,validation_error,train_error,curve,minutes,"
HEADER += "error,parameters,region_errors,core_minutes\n"
RUNS = (
    "elasticity,elasticity,num_patches=4 num_supernodes=1,0,2,1000,0.10,0.2,0.5 0.10,9,,7,,\n"
    "elasticity,elasticity,num_patches=4 num_supernodes=1,1,2,1000,0.14,0.2,0.5 0.14,9,,7,,\n"
    "elasticity,elasticity,num_patches=16 num_supernodes=1,0,2,1000,0.20,0.2,0.5 0.20,9,,7,,1.5\n"
    "elasticity,elasticity,num_patches=64 num_supernodes=1,0,2,,,,,,out of memory,,,\n"
    "shock_tube,shock_tube,num_patches=8,0,2,800,0.3,0.2,0.4 0.3,9,,7,jump=0.6 elsewhere=0.1,\n"
    "shock_tube,shock_tube,num_patches=16,0,2,800,0.2,0.2,0.4 0.2,9,,7,jump=0.5 elsewhere=0.05,\n"
)


@pytest.fixture
def made_up_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "runs.csv"
    path.write_text(HEADER + RUNS, encoding="utf-8")
    monkeypatch.setattr(runs, "RUNS_FILE", path)
    return path


def words(app: AppTest) -> str:
    return "\n".join(one.value for one in (*app.markdown, *app.caption))


def commands(app: AppTest) -> list[str]:
    """The lines of all commands in view, which the command line takes."""
    lines = [line for one in app.code for line in one.value.splitlines()]
    for line in lines:
        if line.startswith("python -m mspt "):
            build_parser().parse_args(shlex.split(line)[3:])
    return lines


def test_table_and_charts_hold_the_numbers_of_the_headers(open_page: Open, project: Path) -> None:
    app = open_page("benchmarks", set="elasticity")
    assert not app.exception
    names = ["elasticity", "elasticity-sequence", "elasticity-transolver"]
    table = app.dataframe[0].value.set_index("Checkpoint")
    assert sorted(table.index) == names
    for name in names:
        info = read_info(project / "pretrained" / f"{name}.safetensors").info
        assert table.loc[name, "Test error"] == info["metrics"]["relative_l2"]
        assert table.loc[name, "Parameters"] == info["parameters"]
        assert table.loc[name, "Validation"] == info["curve"][-1][1]
    assert table.loc["elasticity-sequence", "Over symmetries"] == 0.3456
    assert metrics(app)["Least test error"] == "43.21%"
    cost, curves = charts(app)
    assert {trace["name"] for trace in curves["data"]} == {*names}
    assert all(list(trace["y"]) == [0.8, 0.75] for trace in curves["data"])
    points = [trace for trace in cost["data"] if trace["name"] in names]
    assert [(trace["x"][0], trace["y"][0]) for trace in points] == [(1234, 0.4321)] * 3
    assert any(line.startswith("python -m mspt evaluate") for line in commands(app))


def test_published_numbers_stand_apart_and_are_called_so(open_page: Open) -> None:
    app = open_page("benchmarks", set="darcy")
    shown = app.dataframe[1].value
    expected = published_errors("darcy")
    assert shown["Error"].tolist() == pytest.approx([one.percent / 100 for one in expected])
    assert shown["Source"].tolist() == [one.source for one in expected]
    assert "For orientation only" in words(app)
    assert metrics(app)["Published MSPT"] == "0.63%"
    (origins,) = [one.value for one in app.caption if "from the paper] published MSPT" in one.value]
    assert "published by others] published Transolver" in origins


def test_a_set_without_checkpoints_says_how_to_train_one(open_page: Open) -> None:
    app = open_page("benchmarks", set="plasticity")
    assert not app.exception
    assert not app.metric
    assert "No checkpoint of `plasticity` ships yet" in words(app)
    assert commands(app)[0] == "python -m mspt train plasticity --out pretrained"
    assert len(app.dataframe[0].value) == len(published_errors("plasticity"))


@pytest.mark.usefixtures("made_up_runs")
def test_runs_are_drawn_with_seeds_and_failures_and_rows_give_their_commands(
    open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = open_page("benchmarks", set="elasticity", view="Ablations")
    assert not app.exception
    along, learning = charts(app)
    line, cross = along["data"]
    assert list(line["x"]) == [4, 16]
    assert list(line["y"]) == pytest.approx([0.12, 0.2])
    assert cross["name"] == "failed"
    assert "out of memory" in json.dumps(cross["customdata"])
    assert len(learning["data"]) == 3
    table = app.dataframe[0].value
    assert table["failed"].tolist() == ["", "", "", "out of memory"]
    assert "4 runs, 1 of them failed" in words(app)
    monkeypatch.setattr(controls, "picked_rows", lambda _: [2])
    app.run()
    assert "--set num_patches=16 " in app.code[0].value + " "
    assert [list(trace["y"]) for trace in charts(app)[1]["data"]] == [[0.5, 0.2]]
    assert len(commands(app)) == 5


@pytest.mark.usefixtures("made_up_runs")
def test_time_is_that_of_the_processor_where_it_is_known(open_page: Open) -> None:
    app = open_page("benchmarks", set="elasticity", view="Ablations")
    app.selectbox(key="elasticity_shown").set_value("core minutes").run()
    (line,) = [trace for trace in charts(app)[0]["data"] if trace["name"] != "failed"][:1]
    assert (list(line["x"]), list(line["y"])) == ([16], [1.5])
    assert charts(app)[0]["layout"]["yaxis"]["title"]["text"] == "core minutes (processor time)"


@pytest.mark.usefixtures("made_up_runs")
def test_errors_of_regions_can_be_chosen_where_rows_have_them(open_page: Open) -> None:
    app = open_page("benchmarks", set="shock_tube", view="Ablations")
    box = app.selectbox(key="shock_tube_shown")
    assert "error: jump" in box.options
    box.set_value("error: jump").run()
    assert list(charts(app)[0]["data"][0]["y"]) == [0.6, 0.5]
    title = charts(app)[0]["layout"]["yaxis"]["title"]["text"]
    assert title == "error: jump, relative L2"
    app.selectbox(key="shock_tube_shown").set_value("minutes").run()
    assert "not comparable" in charts(app)[0]["layout"]["yaxis"]["title"]["text"]


def test_a_run_that_is_added_to_the_file_is_there_at_once(
    open_page: Open, made_up_runs: Path
) -> None:
    app = open_page("benchmarks", set="darcy", view="Ablations")
    assert "no runs with varied settings on `darcy` yet" in words(app)
    assert not app.dataframe
    with made_up_runs.open("a", encoding="utf-8") as file:
        file.write("darcy,darcy,num_patches=8,0,2,1000,0.3,0.2,0.4 0.3,9,,7,,\n")
    app.run()
    assert app.dataframe[0].value["validation error"].tolist() == [0.3]
    assert "No two runs of this data set differ in one setting alone yet." in words(app)
    app.button_group(key="view").set_value("K and Q").run()
    assert "have no two numbers of patches or supernodes yet" in words(app)
    made_up_runs.unlink()
    assert "no runs with varied settings on `darcy` yet" in words(app.run())


@pytest.mark.usefixtures("made_up_runs")
def test_maps_show_error_and_cost_side_by_side(open_page: Open) -> None:
    app = open_page("benchmarks", set="elasticity", view="K and Q")
    assert not app.exception
    error, cost = charts(app)
    assert list(error["data"][0]["x"]) == [4, 16]
    assert {trace["type"] for trace in cost["data"]} == {"heatmap", "scatter"}
    shown = metrics(app)
    assert shown["Least validation error"] == "12.00%"
    assert shown["Validation error of the cheapest run"] == "20.00%"
    assert shown["Cheapest K at Q = 1, √N"] == "31"


def test_known_mistakes_name_their_tests(open_page: Open) -> None:
    app = open_page("benchmarks", view="Known mistakes")
    assert not app.exception
    *shown, command = [one.value for one in app.code]
    assert shown == [one.test for one in KNOWN_MISTAKES]
    assert all(test in command for test in shown)
    for one in KNOWN_MISTAKES:
        assert f"**{one.title}**. {one.effect}" in words(app)
        assert one.where in words(app)


def test_every_chart_can_be_saved_as_svg(open_page: Open) -> None:
    app = open_page("benchmarks", set="elasticity")
    configs = [json.loads(chart.proto.config) for chart in app.get("plotly_chart")]
    assert [one["toImageButtonOptions"]["format"] for one in configs] == ["svg", "svg"]
