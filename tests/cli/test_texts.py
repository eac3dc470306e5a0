"""What people read: each command's text holds the numbers of its JSON, in words and units."""

import re
from pathlib import Path

import numpy as np
import pytest

from mspt.benchmarks import models as benchmark_module
from mspt.benchmarks.models import Measurement
from mspt.cli._output import to_json
from mspt.cli.benchmark import show_benchmark
from mspt.cli.calibrate import show_calibrate
from mspt.cli.evaluate import show_evaluate
from mspt.cli.main import COMMANDS, _module
from mspt.cli.shapes import show_predict, show_solved_shape
from mspt.cli.train import show_train
from mspt.geometry.bodies.families import draw_body
from mspt.geometry.files.writers import write_stl
from tests.cli.running import run_json, run_text
from tests.pages.tiny import save_tiny_flow


def plain(text: str) -> bool:
    """Return whether a text shows no value as Python or JSON writes it."""
    return not re.search(r"None|True|False|nan|[{}\[]'|\['|\.\d{7}|\de[-+]\d|\b1 \w+s\b", text)


def cells(text: str, label: str) -> list[str]:
    """Return the cells of the line of a table or of a list that begins with a label."""
    (line,) = (line for line in text.splitlines() if line.startswith(f"{label} "))
    return re.split(r"\s{2,}", line.strip())


def test_every_command_has_a_text() -> None:
    for name in COMMANDS:
        assert callable(getattr(_module(name), f"show_{name}"))


def test_data_sets_are_one_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    shown = run_text(capsys, "datasets")
    text, _, files = shown.partition("\n\n")
    header = cells(text, "name")
    assert cells(text, "darcy")[header.index("test")] == "200/200"
    assert cells(text, "car")[header.index("unseen")] == "50/212"
    assert cells(text, "shapenet_car")[header.index("cases are")] == "downloaded"
    assert "param0 to param8" in " ".join(cells(files, "shapenet_car"))
    fields = cells(text, "navier_stokes")[-1]
    assert fields == "vorticity_11 to vorticity_20"
    assert cells(text, "car")[-1] == "C_p, C_f, velocity_change [U_inf]"
    one = run_text(capsys, "datasets", "elasticity")
    assert cells(one, "time per case") == ["time per case", "0.190 s on one core"]
    assert plain(shown.replace("V1e-5", "") + one.replace("1e-10", ""))


def test_generated_cases_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["generate", "darcy", "--cases", "1", "--out", str(tmp_path)]
    assert run_text(capsys, *arguments) == f"1 new case of darcy in {tmp_path}/darcy.\n"
    assert run_text(capsys, *arguments) == f"All cases were there already, in {tmp_path}/darcy.\n"


def test_solving_states_the_error_in_percent(
    tmp_path: Path, elasticity_checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["solve", "elasticity-1107", "--out", str(tmp_path / "a.npz")]
    arguments += ["--checkpoint", str(elasticity_checkpoint), "--device", "cpu"]
    error = run_json(capsys, *arguments)["relative_l2"]
    text = run_text(capsys, *arguments)
    assert cells(text, "case")[1] == "elasticity-1107, 972 points"
    shown = cells(text, "error")[1]
    assert float(shown.split(" %")[0]) == pytest.approx(100 * error, rel=5e-3)
    assert shown.endswith("% relative L2 against the solver")


@pytest.mark.usefixtures("made_up_data")
def test_training_and_scores_are_a_list_and_a_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = ["train", "elasticity", "--preset", "tiny", "--out", str(tmp_path), "--device", "cpu"]
    trained = run_json(capsys, *run)
    text = show_train(trained)
    assert cells(text, "data")[1] == "elasticity, 8 training cases"
    assert cells(text, "trained")[1].startswith("2 epochs, 4 steps, ")
    assert "unfinished" not in text
    assert "--resume" in show_train(trained | {"complete": False, "metrics": {}})
    evaluate = ["evaluate", trained["checkpoint"], "--device", "cpu"]
    table = run_text(capsys, *evaluate, "--symmetries")
    _, model, mean = cells(table, "mean over cases ")
    metrics = trained["metrics"]
    assert float(model.removesuffix(" %")) == pytest.approx(100 * metrics["relative_l2"], rel=5e-3)
    assert float(mean.removesuffix(" %")) == pytest.approx(100 * metrics["mean_only"], rel=5e-3)
    assert plain(text + table)


def test_flow_scores_have_a_column_for_each_comparison() -> None:
    groups = {"cases": 2, "velocity": 0.067, "C_D_counts": 153.2, "C_D_relative": None}
    metrics = {
        "relative_l2": 0.126,
        "median": 0.1,
        "worst": 0.2,
        "mean_only": 0.8,
        **groups,
        "mean_only_all": groups | {"velocity": 0.316},
        "against_mean": groups,
        "other_meshes": {"larger": groups},
    }
    found = {"checkpoint": "car.safetensors", "split": "test", "dataset": "car", "cases": 2}
    text = show_evaluate(found | {"metrics": metrics})
    assert cells(text, "velocity") == ["velocity", "6.70 %", "31.6 %", "6.70 %", "6.70 %"]
    assert cells(text, "C_D counts") == ["C_D counts", "153", "153", "153", "153"]
    assert cells(text, "C_D relative")[1] == "–"
    assert plain(text)


def test_predicting_a_shape_and_its_replay_are_lists(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shape, model, kept = (tmp_path / name for name in ("b.stl", "car.safetensors", "kept.json"))
    write_stl(shape, draw_body("ellipsoid", 3).mesh)
    save_tiny_flow(model)
    common = ["--device", "cpu"]
    arguments = ["predict", str(shape), "--checkpoint", str(model), "--passport", str(kept)]
    found = run_json(capsys, *arguments, *common)
    text = show_predict(found)
    assert float(cells(text, "C_L")[1]) == pytest.approx(found["C_L"], rel=5e-3)
    assert cells(text, "check ")[1:] == ["value", "verdict"]
    assert plain(text)
    replay = run_text(capsys, "predict", "--replay", str(kept), *common)
    assert cells(replay, "shape") == ["shape", "the same"]
    truth = {
        "errors": {"velocity": 0.05, "wheel_pressure": None},
        "label_noise": {"velocity": 0.04},
    }
    truth["errors"] |= {"C_D": 0.3, "C_D_true": 0.31, "C_L": 0.1, "C_L_true": 0.1}
    compared = show_predict(found | truth)
    assert cells(compared, "velocity") == ["velocity", "5.00 %", "4.00 %"]
    assert cells(compared, "wheel pressure") == ["wheel pressure", "–", "–"]


def test_results_are_named_like_what_they_are_made_from(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    save_tiny_flow(tmp_path / "car.safetensors")
    monkeypatch.chdir(tmp_path)
    write_stl(tmp_path / "my car.stl", draw_body("ellipsoid", 3).mesh)
    arguments = ["predict", "my car.stl", "--checkpoint", "car.safetensors", "--device", "cpu"]
    found = run_json(capsys, *arguments, "--out")
    assert found["out"] == "my-car-prediction.vtp"
    assert Path(found["out"]).is_file()
    assert cells(show_predict(found), "written") == ["written", "my-car-prediction.vtp"]
    del found["out"]
    assert cells(show_predict(found), "written")[1] == "nothing; --out writes my-car-prediction.vtp"
    assert run_json(capsys, "solve", "darcy-1107")["out"] == "darcy-1107-solution.vtp"
    assert (tmp_path / "darcy-1107-solution.vtp").is_file()


def test_values_of_rounding_are_called_so_in_texts_and_stay_exact_in_json() -> None:
    check = {"name": "Closed surface", "value": 1.2e-14, "unit": "%", "verdict": "good"}
    base = dict.fromkeys(("C_D", "C_D_pressure", "C_D_friction", "C_D_spread", "C_L"), 3.8e-15)
    base |= dict.fromkeys(("frontal_area", "frontal_area_in_file", "seconds", "model_seconds"), 1.0)
    result = base | {
        "shape": "a.stl", "triangles": 1, "changes": [], "placement": {"as_is": True},
        "checkpoint": "car", "units": {"length_in_file": "m"}, "device": "cpu", "warnings": [],
        "trust": {"verdict": "good", "checks": [check], "nearest": []},
    }  # fmt: skip
    text = show_predict(result)
    assert cells(text, "Closed surface") == ["Closed surface", "below 10^-12 %", "good"]
    assert cells(text, "shape")[1] == "a.stl, 1 triangle"
    assert plain(text)
    assert "3.8e-15" in to_json(result)


def test_a_solved_shape_is_a_list() -> None:
    flow = {
        "C_D": 0.3, "C_D_pressure": 0.27, "C_D_friction": 0.03, "C_D_spread": 0.001, "C_L": -0.1,
        "settled": True, "symmetric": True, "frontal_area": 0.09, "cells": 80000, "faces": 9000,
        "iterations": 240, "averaged": True, "cpu_seconds": 52.0,
    }  # fmt: skip
    text = show_solved_shape({"case": "car.stl", "out": "truth.npz", **flow})
    assert cells(text, "mesh")[1] == "80,000 cells, 9,000 faces on half the domain"
    assert cells(text, "run")[1].startswith("settled: C_D varies by ±")
    assert plain(text)
    unsettled = flow | {"settled": False, "C_D_spread": 0.03}
    text = show_solved_shape({"case": "car.stl", "out": "truth.npz", **unsettled})
    assert cells(text, "run")[1].startswith("not settled: C_D varies by ±0.03 (10.0%)")
    assert text.index("not settled") < text.index("0.27"), "said before the numbers"


def test_patches_and_attention_have_no_raw_values(capsys: pytest.CaptureFixture[str]) -> None:
    patches = run_text(capsys, "patches", "elasticity-1107", "--patches", "30")
    assert cells(patches, "patches")[1].startswith("K = 30, 32 to 33 points each")
    arguments = ["attention", "elasticity-1107", "--points", "7", "90", "--mask-patch", "2"]
    arguments += ["--checkpoint", "pretrained/elasticity.safetensors", "--device", "cpu"]
    found = run_json(capsys, *arguments)
    text = run_text(capsys, *arguments)
    assert [cells(text, name)[0] for name in ("7 ", "90 ", "mean ")] == ["7", "90", "mean"]
    share = found["points"]["90"]["local_share"]
    assert float(cells(text, "90 ")[2].split()[0]) == pytest.approx(100 * share, rel=5e-3)
    assert "Patch 2 masked (points and supernodes) in all blocks:" in text
    assert plain(patches + text)


def test_benchmarks_are_tables_with_units(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def measured(task: dict) -> Measurement:
        config = task["config"]
        times = {"mspt": 0.5, "transolver": 1.25}
        return Measurement(
            work="forward",
            architecture=config["architecture"],
            num_points=32_768,
            num_patches=128,
            width=256,
            num_blocks=4,
            threads=2,
            device="cpu",
            seconds=times[config["architecture"]],
            fastest=0.1,
            slowest=2.0,
            peak_bytes=85 * 2**20,
            activation_bytes=32 * 2**20,
            matrix_share=0.59,
        )

    monkeypatch.setattr(benchmark_module, "_measure_once", measured)
    arguments = ["benchmark", "forward", "--models", "mspt", "transolver", "--rounds", "1"]
    text = run_text(capsys, *arguments)
    assert text.startswith("A forward pass, width 256, 4 blocks, 2 threads on cpu; medians.\n")
    mspt = ["mspt", "32,768", "128", "0.500 s", "1.00", "85.0 MiB", "1.00", "2.66", "59.0 %"]
    assert cells(text, "mspt") == mspt
    assert cells(text, "transolver")[3:5] == ["1.25 s", "2.50"]
    alone = run_text(capsys, "benchmark", "forward", "--models", "transolver", "--rounds", "1")
    assert cells(alone, "transolver")[4] == "–"
    as_json = run_json(capsys, "benchmark", "forward", "--models", "transolver", "--rounds", "1")
    assert as_json["rows"][0]["seconds_of_mspt"] is None
    assert plain(text + alone)


def test_growth_is_an_exponent_and_a_limit_a_reason() -> None:
    row = {"axis": "points", "architecture": "mspt", "num_points": 4000, "num_patches": 4}
    row |= {"num_supernodes": 1, "width": 16, "seconds": 0.5, "peak_bytes": 2.0**20, "stopped": ""}
    missing = row | {"seconds": np.nan, "peak_bytes": np.nan, "stopped": "limit 60 s"}
    result = {"what": "scaling", "rows": [row, missing], "out": "rows.csv"}
    text = show_benchmark(result | {"exponents": {"peak_bytes of mspt against points": 0.71}})
    first, second = (line for line in text.splitlines() if line.startswith("points"))
    assert "0.500 s" in first
    assert second.endswith("limit 60 s")
    assert re.search(r"peak memory of mspt against points  N\^0\.71", text)
    assert text.endswith("Written to rows.csv.")
    assert plain(text)


def test_cards_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    count, out = len(list(Path("pretrained").glob("*.safetensors"))), tmp_path / "cards.md"
    text = run_text(capsys, "cards", "--out", str(out))
    assert text == f"Cards of {count} checkpoints written to {out}.\n"


def test_an_interval_is_shown_with_its_share_and_beside_the_truth() -> None:
    base = dict.fromkeys(("C_D", "C_D_pressure", "C_D_friction", "C_D_spread", "C_L"), 0.31)
    base |= dict.fromkeys(("frontal_area", "frontal_area_in_file", "seconds", "model_seconds"), 1.0)
    wide = {"words": "it is narrow, as a motorcycle is", "name": "width", "excess": 2.0}
    expected = {"is_outside": False, "unusual": [wide]}
    result = base | {
        "shape": "a.stl", "triangles": 9, "changes": [], "placement": {"as_is": True},
        "checkpoint": "car", "units": {"length_in_file": "m"}, "device": "cpu", "warnings": [],
        "trust": {"verdict": "good", "checks": [], "nearest": [], "expected": expected},
    }  # fmt: skip
    assert (
        cells(show_predict(result), "C_D")[1] == "0.310; no interval is known for this checkpoint"
    )
    result |= {"C_D_low": 0.28, "C_D_high": 0.34, "coverage": 0.8, "expected_C_p_error": 0.22}
    text = show_predict(result)
    assert cells(text, "C_D")[1] == "0.310; 0.280 to 0.340 for 80% of such shapes"
    assert cells(text, "error of C_p")[1] == "22.0 % expected"
    assert "outside what the model knows" not in text
    expected["is_outside"] = True
    text = show_predict(result)
    assert text.index("outside what the model knows") < text.index("0.310; 0.280")
    assert "as a motorcycle is" in text
    for true, held in ((0.3, "yes"), (0.35, "no")):
        errors = {"C_D": 0.3, "C_D_true": true, "C_L": 0.31, "C_L_true": 0.1, "velocity": 0.1}
        shown = show_predict(result | {"errors": errors, "label_noise": {}})
        row = ["C_D", "0.310", "0.280 to 0.340", held, f"{true:.3f}"]
        lines = [re.split(r"\s{2,}", line.strip()) for line in shown.splitlines()]
        assert row in lines
    assert plain(shown)


def test_a_calibration_says_what_it_reaches_on_bodies_that_took_no_part() -> None:
    found = {
        "bodies": 128, "coverage": 0.88, "coverage_by_family": 0.87, "median_half_width": 0.18,
        "median_error": 0.05, "worst_error": 1.1,
    }  # fmt: skip
    body = {
        "name": "real-1", "C_D": 0.3, "C_D_low": 0.2, "C_D_high": 0.4, "C_D_true": 0.25,
        "is_outside": True, "expected_C_p_error": 0.3, "C_p_error": 0.4,
    }  # fmt: skip
    text = show_calibrate(
        {
            "checkpoint": "car",
            "out": "car.npz",
            "members": [],
            "training_bodies": 128,
            "coverage": 0.8,
            "left_out": {"drag": found, "pressure": found},
            "other_bodies": {},
            "mean_of_two_passes": {"C_D_once": 0.09, "C_D": 0.08},
            "order": {"decided": 0.6, "right": 0.97},
            "pairs": {"near": 0.02, "near_factor": 0.8, "factor": 0.9},
            "bodies": [body],
        }
    )
    assert cells(text, "C_D, families left out")[1:3] == ["128", "88.0 %"]
    assert cells(text, "real-1") == ["real-1", "0.300", "0.200 to 0.400", "0.250", "yes", "yes"]
    assert cells(text, "order")[1] == "60.0 % of pairs decided, 97.0 % of these rightly"
    assert plain(text)
