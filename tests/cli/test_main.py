import argparse
import io
import json
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import pyvista as pv
import torch
from helpers import tiny_config, tiny_preset

from mspt import __version__
from mspt.benchmarks import models as benchmark_module
from mspt.benchmarks.models import Measurement, combine, measure
from mspt.checkpoint import build_model, load_checkpoint, save_checkpoint
from mspt.cli import train as train_module
from mspt.cli.benchmark import _with_ratios
from mspt.cli.main import COMMANDS, main
from mspt.cli.train import add_train, with_overrides
from mspt.config import ModelConfig
from mspt.cost.formulas import forward_flops, recommended_patches
from mspt.data.dataset import Request
from mspt.data.export import case_table, write_case
from mspt.data.registry import datasets, get_dataset
from mspt.data.solve import read_drawing, solve_case, solve_drawing
from mspt.data.store import load_case
from mspt.errors import DataError, MSPTError, SolverError
from mspt.training.presets import get_preset
from tests.cli.running import fails_with, run_json

CIRCLE = [[0.5 + 0.3 * np.cos(a), 0.5 + 0.3 * np.sin(a)] for a in np.linspace(0, 6.28, 40)]


def test_every_command_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    assert {"predict", "train", "evaluate"} <= set(COMMANDS)
    for name in COMMANDS:
        with pytest.raises(SystemExit) as stopped:
            main([name, "--help"])
        assert stopped.value.code == 0
        assert f"usage: python -m mspt {name}" in capsys.readouterr().out


def test_datasets_lists_own_and_public_sets(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["datasets", "--data", "assets/data"]
    found = run_json(capsys, *arguments)
    assert list(found) == [dataset.name for dataset in datasets()]
    for name in ("darcy", "elasticity"):
        assert found[name]["cases"]["test"] == {"at_hand": 200, "total": 200}
    assert found["car"]["cases"]["unseen"] == {"at_hand": 50, "total": 212}
    for name in ("shapenet_car", "ahmedml"):
        assert found[name]["cases"]["train"]["at_hand"] == 0
        assert found[name]["files"]
    assert run_json(capsys, *arguments, "darcy") == {"darcy": found["darcy"]}
    assert "data set must be one of car, elasticity, " in fails_with(capsys, *arguments, "burgers")


def test_version_is_that_of_the_library(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["--version"])
    assert stopped.value.code == 0
    assert capsys.readouterr().out == f"mspt {__version__}\n"


def test_reader_that_has_seen_enough_is_no_mistake(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class Closed(io.StringIO):
        def write(self, _: str) -> int:
            raise BrokenPipeError

        def fileno(self) -> int:
            return out.fileno()

    with (tmp_path / "out").open("w") as out:
        monkeypatch.setattr("sys.stdout", Closed())
        assert main(["datasets"]) == 0


def test_a_run_of_other_length_has_its_share_of_coarse_epochs() -> None:
    parser = argparse.ArgumentParser()
    add_train(parser)
    for asked, epochs, coarse in (
        (["--epochs", "22"], 22, 17),
        (["--epochs", "1"], 1, 0),
        (["--start", "first.safetensors"], 44, 0),
        ([], 44, 34),
    ):
        train = with_overrides(get_preset("darcy"), parser.parse_args(["darcy", *asked])).train
        assert (train.epochs, train.coarse_epochs) == (epochs, coarse), asked


@pytest.mark.usefixtures("made_up_data")
def test_train_then_evaluate_gives_the_header_s_number(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = str(tmp_path / "run")
    arguments = ["train", "elasticity", "--preset", "tiny", "--out", run, "--device", "cpu"]
    trained = run_json(capsys, *arguments)
    assert trained["complete"]
    assert trained["steps"] == 4
    assert len(trained["curve"]) == 2
    evaluate = ["evaluate", str(trained["checkpoint"]), "--device", "cpu"]
    scored = run_json(capsys, *evaluate, "--symmetries")
    assert scored["dataset"] == "elasticity"
    assert scored["split"] == "test"
    assert scored["cases"] == 4
    assert scored["metrics"] == pytest.approx(trained["metrics"])
    once = run_json(capsys, *evaluate)["metrics"]
    assert scored["metrics"] == pytest.approx(once | {"symmetric": trained["metrics"]["symmetric"]})
    line = fails_with(capsys, *arguments)
    assert "must be a folder without a saved run" in line
    assert "--resume" in line
    again = run_json(capsys, *arguments, "--resume")
    assert again["metrics"] == pytest.approx(trained["metrics"])


@pytest.mark.usefixtures("made_up_data")
def test_unfinished_run_is_saved_and_has_no_test_score(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = str(tmp_path / "run")
    arguments = ["train", "elasticity", "--preset", "tiny", "--out", run, "--device", "cpu"]
    stopped = run_json(capsys, *arguments, "--minutes", "0")
    assert not stopped["complete"]
    assert stopped["metrics"] == {}
    assert load_checkpoint(str(stopped["checkpoint"])).info["steps"] == 1


@pytest.mark.usefixtures("made_up_data")
def test_recording_writes_the_score_into_the_header_and_changes_nothing_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = str(tmp_path / "run")
    arguments = ["train", "elasticity", "--preset", "tiny", "--out", run, "--device", "cpu"]
    path = str(run_json(capsys, *arguments, "--minutes", "0")["checkpoint"])
    before, evaluate = load_checkpoint(path), ["evaluate", path, "--device", "cpu"]
    scored = run_json(capsys, *evaluate, "--symmetries")
    run_json(capsys, *evaluate, "--record")
    after = load_checkpoint(path)
    metrics, scores = after.info["metrics"], after.info["scores"]
    assert after.info == {**before.info, "metrics": metrics, "scores": scores}
    assert metrics == pytest.approx(scored["metrics"])
    mean = sum(score["symmetric"] for score in scores) / len(scores)
    assert mean == pytest.approx(metrics["symmetric"], abs=1e-6)
    for name, weights in before.model.state_dict().items():
        assert torch.equal(weights, after.model.state_dict()[name])


def test_solve_tells_the_real_error_of_a_drawn_hole(
    tmp_path: Path, elasticity_checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    drawing, out = tmp_path / "hole.json", tmp_path / "hole.csv"
    drawing.write_text(json.dumps({"dataset": "elasticity", "polygon": CIRCLE}))
    arguments = ["solve", str(drawing), "--out", str(out)]
    found = run_json(capsys, *arguments, "--checkpoint", str(elasticity_checkpoint))
    table = pd.read_csv(out)
    error = table["stress_prediction"] - table["stress_truth"]
    expected = np.linalg.norm(error) / np.linalg.norm(table["stress_truth"])
    assert found["relative_l2"] == pytest.approx(expected, rel=1e-4)
    assert found["points"] == len(table) == 972


def test_solving_a_case_anew_returns_what_ships() -> None:
    solved = solve_case("darcy-1107").case
    stored = load_case("darcy", "darcy-1107")
    assert solved.name == "darcy-1107"
    assert torch.equal(solved.features, stored.features)
    difference = (solved.fields - stored.fields).norm() / stored.fields.norm()
    assert difference < 1e-3


def test_exports_hold_the_same_numbers(tmp_path: Path) -> None:
    case = load_case("elasticity", "elasticity-1107")
    prediction = case.fields + 1.0
    for suffix in (".npz", ".csv", ".vtp"):
        write_case(tmp_path / f"case{suffix}", case, prediction)
    arrays = np.load(tmp_path / "case.npz")
    table = pd.read_csv(tmp_path / "case.csv")
    mesh = pv.read(tmp_path / "case.vtp")
    np.testing.assert_allclose(arrays["stress_truth"], case.fields[:, 0])
    np.testing.assert_allclose(table["stress_prediction"], prediction[:, 0], rtol=1e-6)
    np.testing.assert_allclose(mesh.point_data["stress_error"], np.ones(972), rtol=1e-3)
    np.testing.assert_allclose(mesh.points[:, :2], case.points)
    assert mesh.n_cells == len(arrays["triangles"])
    assert list(case_table(case)) == ["x", "y", "stress_truth"]


def test_rejects_exports_it_cannot_write(tmp_path: Path) -> None:
    case = load_case("elasticity", "elasticity-1107")
    with pytest.raises(DataError, match=r"--out must end in one of .*, got x\.stl"):
        write_case(tmp_path / "x.stl", case)


@pytest.mark.parametrize(
    ("drawing", "message"),
    [
        ({}, "dataset must be one of elasticity, .*, darcy in a drawing, got None"),
        ({"dataset": "car"}, "dataset must be one of elasticity, .* in a drawing, got 'car'"),
        ({"dataset": "darcy"}, "permeability must be a table of numbers in a drawing"),
        ({"dataset": "elasticity", "polygon": "round"}, "polygon must be a table of numbers"),
    ],
)
def test_rejects_drawings_without_their_input(drawing: dict[str, object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        solve_drawing(drawing)


def test_generate_makes_cases_and_counts_those_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ["generate", "darcy", "--cases", "2", "--out", str(tmp_path)]
    found = run_json(capsys, *arguments)
    assert (found["made"], found["failed"]) == (2, {})
    assert run_json(capsys, *arguments)["made"] == 0
    made = load_case("darcy", "darcy-0001", root=tmp_path)
    assert torch.equal(made.fields, load_case("darcy", "darcy-0001").fields)

    def refuse(seed: int) -> None:
        raise SolverError(f"no solution for seed {seed > 0}")

    broken = replace(get_dataset("elasticity"), make_case=refuse)
    monkeypatch.setattr("mspt.cli.data.get_dataset", lambda _: broken)
    arguments[1] = "elasticity"
    failed = run_json(capsys, *arguments)["failed"]
    assert failed == {"0": "no solution for seed True", "1": "no solution for seed True"}


def test_reads_drawings_from_files(tmp_path: Path) -> None:
    permeability = np.full((85, 85), 3.0)
    np.save(tmp_path / "map.npy", permeability)
    solved = solve_drawing(read_drawing(tmp_path / "map.npy"))
    assert solved.case.dataset == "darcy"
    assert solved.seconds > 0
    # A constant permeability: the solution of Poisson's equation, 0.0737 / 3 at the center.
    assert solved.case.fields[85 * 42 + 42].item() == pytest.approx(0.0736713 / 3, rel=1e-3)
    for name in ("none.json", "broken.json"):
        (tmp_path / "broken.json").write_text("{")
        with pytest.raises(DataError, match=f"drawing must be a .json or .npy file, got {name}"):
            read_drawing(tmp_path / name)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: COMMAND"),
        (["fly"], "invalid choice: 'fly'"),
        (["train"], "the following arguments are required: dataset"),
        (["train", "darcy", "--per-split", "0"], "must be a whole number of at least 1, got '0'"),
        (["train", "darcy", "--cases", "4", "--per-split", "4"], "not allowed with"),
    ],
)
def test_wrong_settings_end_with_one_line_that_names_the_help(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert line.endswith("--help` lists the settings")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "burgers"], "preset must be one of"),
        (["train", "darcy", "--preset", "elasticity"], "--preset must be one of the data set"),
        (["evaluate", "none.safetensors"], "checkpoint must be an existing file"),
        (["evaluate", "weights.pt"], "must be a .safetensors file"),
        (
            ["evaluate", "pretrained/car.safetensors", "--symmetries"],
            "must go with a data set that has some",
        ),
        (["generate", "burgers"], "data set must be one of"),
        (
            ["generate", "car", "--per-split", "2"],
            "--per-split must be absent for car, got 2; use --cases",
        ),
        (["ship", "burgers"], "data set must be one of"),
        (["ship", "car", "--data", "none"], "--data must be an existing folder, got 'none'"),
        (
            ["ship", "car", "--train", "3", "--data", "assets/data"],
            "--train must be absent for car, got 3",
        ),
        (["ship", "darcy", "--data", "none"], "--data must be an existing folder, got 'none'"),
        (["benchmark", "partition", "--rounds", "1"], "--rounds must be at least 2 for partition"),
        (["solve", "darcy-9999", "--out", "x.npz"], "case must be one of darcy-0000 to"),
        (["solve", "none.json", "--out", "x.npz"], "drawing must be a .json or .npy file"),
        (
            ["published", "none.pt", "--out", "x.safetensors"],
            "state_dict must be a file",
        ),
    ],
)
def test_mistakes_end_with_one_clear_line_and_status_2(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert message in fails_with(capsys, *arguments)


def test_converted_weights_cannot_be_scored(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], elasticity_checkpoint: Path
) -> None:
    checkpoint, path = load_checkpoint(elasticity_checkpoint), tmp_path / "converted.safetensors"
    save_checkpoint(
        path,
        model=checkpoint.model,
        config=checkpoint.config,
        normalizer=checkpoint.normalizer,
        info={},
    )
    line = fails_with(capsys, "evaluate", str(path))
    assert "checkpoint must name the data set it was trained on, got converted" in line


def test_a_small_set_is_generated_trained_on_and_scored(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mspt.data.stacked.SHIPPED", tmp_path / "none")
    small = tiny_preset(epochs=2, model={"in_features": 0})
    monkeypatch.setitem(get_dataset("elasticity").presets, "tiny", small)
    data, few = ["--data", str(tmp_path)], ["--per-split", "2"]
    generate = ["generate", "elasticity", *few, "--out", str(tmp_path)]
    assert run_json(capsys, *generate)["made"] == 6
    train = ["train", "elasticity", "--preset", "tiny", *data, "--device", "cpu"]
    train += ["--out", str(tmp_path / "run")]
    trained = run_json(capsys, *train, *few)
    assert (trained["train_cases"], trained["metrics"]["cases"]) == (2, 2)
    scored = run_json(capsys, "evaluate", trained["checkpoint"], *data, *few, "--device", "cpu")
    assert scored["cases"] == 2
    assert scored["metrics"]["worst"] == pytest.approx(trained["metrics"]["worst"])
    line = fails_with(capsys, *train, "--resume")
    assert "elasticity must hold the first 1000 train cases" in line


def test_the_library_refuses_no_cases_per_split(tmp_path: Path) -> None:
    dataset = get_dataset("darcy")
    events = dataset.source.generate(dataset, Request(per_split=0, out=tmp_path))
    with pytest.raises(DataError, match="cases per split must be at least 1, got 0"):
        list(events)


def test_ship_copies_the_first_training_cases(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = ["--out", str(tmp_path)]
    found = run_json(capsys, "ship", "elasticity", "--data", "assets/data", "--train", "3", *out)
    assert set(found["bytes"]) == {"train.npz", "validation.npz", "test.npz"}
    with np.load(tmp_path / "elasticity" / "train.npz") as held:
        assert held["case"].tolist() == [0, 1, 2]


def test_commit_is_that_of_this_code_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def git(folder: Path, *arguments: str) -> str:
        command = ["git", "-C", str(folder), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()

    head = git(Path(train_module.__file__).parent, "rev-parse", "--short=12", "HEAD")
    assert train_module._commit() == head
    # As a copy of the library that is installed inside the repository of somebody else.
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "-c", "user.name=a", "-c", "user.email=b", "commit", "--allow-empty", "-qm", "c")
    assert git(tmp_path, "rev-parse", "HEAD")
    monkeypatch.setattr(train_module, "__file__", str(tmp_path / "train.py"))
    assert train_module._commit() == ""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert train_module._commit() == ""


def test_published_weights_become_a_checkpoint(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tiny_config(architecture="published", partition="sequence")
    model = build_model(config)
    torch.save(model.state_dict(), tmp_path / "authors.pt")
    out = tmp_path / "authors.safetensors"
    options = ["--heads", "2", "--patches", "6", "--out", str(out)]
    run_json(capsys, "published", str(tmp_path / "authors.pt"), *options)
    loaded = load_checkpoint(out)
    points, features = torch.rand(1, 20, 2), torch.rand(1, 20, 2)
    given = torch.cat([points, features], dim=-1).split(
        [loaded.config.space_dim, loaded.config.in_features], dim=-1
    )
    with torch.no_grad():
        inputs = [part if part.shape[-1] else None for part in given]
        torch.testing.assert_close(loaded.model(*inputs), model.eval()(points, features))


def row(architecture: str, seconds: float, peak: int) -> Measurement:
    return Measurement(
        work="forward",
        architecture=architecture,
        num_points=1000,
        num_patches=8,
        width=16,
        num_blocks=2,
        threads=1,
        device="cpu",
        seconds=seconds,
        fastest=seconds,
        slowest=seconds,
        peak_bytes=peak,
        activation_bytes=64_000,
        matrix_share=0.0,
    )


def test_ratios_compare_medians_over_the_rounds_with_mspt() -> None:
    rounds = [row("mspt", s, 10 * 2**20) for s in (1.0, 2.0, 9.0)]
    rounds += [row("transolver", s, 30 * 2**20) for s in (4.0, 8.0, 5.0)]
    table = _with_ratios(combine(rounds)).set_index("architecture")
    assert table.loc["mspt", "seconds"] == 2.0
    assert table.loc["mspt", "slowest"] == 9.0
    assert table.loc["transolver", "seconds_of_mspt"] == 2.5
    assert table.loc["transolver", "peak_MiB_of_mspt"] == 3.0


@pytest.mark.parametrize("work", ["forward", "train"])
def test_measurement_is_of_the_asked_model(work: str) -> None:
    config = ModelConfig(space_dim=2, width=16, num_heads=2, num_blocks=1, num_patches=8)
    found = measure(config, num_points=500, work=work, repeats=2, threads=torch.get_num_threads())
    assert (found.num_points, found.num_patches, found.width) == (500, 8, 16)
    assert 0 < found.fastest <= found.seconds <= found.slowest
    assert found.peak_bytes >= 0
    assert found.activation_bytes == 4 * 500 * 16


def test_more_patches_than_points_to_warm_up_with_can_be_measured() -> None:
    few = benchmark_module.WARM_UP_POINTS
    config = ModelConfig(space_dim=2, width=8, num_heads=1, num_blocks=1, num_patches=few + 1)
    found = measure(config, num_points=few + 2, repeats=1, threads=torch.get_num_threads())
    assert found.num_patches == few + 1


def test_measuring_in_a_fresh_process_is_the_same_measurement() -> None:
    config = ModelConfig(space_dim=2, width=16, num_heads=2, num_blocks=1, num_patches=8)
    (found,) = benchmark_module.measure_models([config], num_points=3000, rounds=1, threads=1)
    assert (found.architecture, found.num_points, found.threads) == ("mspt", 3000, 1)
    assert 0 < found.matrix_share < 2


def test_failing_measurement_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmark_module.sys, "executable", "false")
    config = ModelConfig(space_dim=2, num_patches=8)
    with pytest.raises(MSPTError, match="measuring mspt at 500 points failed: exit status 1"):
        list(benchmark_module.measure_models([config], num_points=500, rounds=1))


def test_benchmark_prints_ratios_and_writes_a_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def here(task: dict[str, object]) -> Measurement:
        config = ModelConfig.from_dict(task.pop("config"))
        return measure(config, repeats=1, **{**task, "threads": torch.get_num_threads()})

    monkeypatch.setattr(benchmark_module, "_measure_once", here)
    size = ["--points", "600", "--patches", "8", "--slices", "8", "--width", "16", "--heads", "2"]
    out = tmp_path / "rows.csv"
    found = run_json(
        capsys, "benchmark", "forward", *size, "--blocks", "1", "--rounds", "1", "--out", str(out)
    )
    assert [r["architecture"] for r in found["rows"]] == ["mspt", "published", "transolver"]
    assert found["rows"][0]["seconds_of_mspt"] == 1.0
    assert len(pd.read_csv(out)) == 3
    assert "--out must be a .csv file" in fails_with(
        capsys, "benchmark", "forward", *size, "--models", "mspt", "--rounds", "1", "--out", "x.txt"
    )


def test_closed_form_cost_counts_the_matrix_products() -> None:
    config = ModelConfig(
        space_dim=2,
        in_features=3,
        width=16,
        num_heads=2,
        num_blocks=3,
        num_patches=10,
        out_channels=4,
    )
    model = build_model(config)
    counted = 0

    def count(module: torch.nn.Linear, inputs: tuple[torch.Tensor, ...]) -> None:
        nonlocal counted
        rows = inputs[0].numel() // module.in_features
        counted += 2 * rows * module.in_features * module.out_features

    for module in model.modules():
        if isinstance(module, torch.nn.Linear):
            module.register_forward_pre_hook(count)
    model(torch.rand(1, 200, 2), torch.rand(1, 200, 3))
    attention = 3 * 4 * 200 * 16 * (20 + 10)
    shared_keys = 3 * 2 * 10 * 16 * (2 * 16)  # ten supernodes to keys and values, by no module
    assert forward_flops(config, 200) == counted + attention + shared_keys


def test_recommended_patches_minimize_the_attention_cost() -> None:
    def attention(k: int) -> float:
        return 50_000 / k + 3 * k

    best = min(range(1, 2000), key=attention)
    assert abs(recommended_patches(50_000, num_supernodes=3) - best) <= 1


def test_scaling_is_resumable_and_prints_exponents(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    measured = []

    def at_once(task: dict):  # noqa: ANN202
        size = task["num_points"]
        measured.append(size)
        yield replace(row("mspt", size**1.5, 512 * size), num_points=size)

    monkeypatch.setattr("mspt.benchmarks.sweep.measure_in_process", at_once)
    out = str(tmp_path / "rows.csv")
    arguments = ["benchmark", "scaling", "--axis", "points", "--models", "mspt", "--out", out]
    limits = ["--longest", "1e30"]
    run_json(capsys, *arguments, *limits, "--sizes", "10000", "20000")
    found = run_json(capsys, *arguments, *limits, "--sizes", "10000", "20000", "40000")
    assert measured == [10_000, 20_000, 40_000]
    assert found["exponents"]["seconds of mspt against points"] == pytest.approx(1.5, abs=1e-5)
    assert found["exponents"]["peak_bytes of mspt against points"] == pytest.approx(1, abs=1e-5)
    assert len(pd.read_csv(out)) == 3
    refused = run_json(capsys, *arguments, "--longest", "1e-9", "--sizes", "80000")
    assert refused["rows"][-1]["seconds"] is None
    assert "limit 1e-09 s" in refused["rows"][-1]["stopped"]
    line = fails_with(capsys, "benchmark", "scaling", "--sizes", "8")
    assert "--sizes must come with one --axis, got points, patches, supernodes" in line
