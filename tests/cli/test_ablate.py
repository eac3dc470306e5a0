import csv
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from torch import Tensor

from mspt.benchmarks.settings import with_settings
from mspt.cli import ablate
from mspt.cli.ablate import COLUMNS, append_row, find_row, parse_regions
from mspt.cli.main import main
from mspt.config import TrainConfig
from mspt.data.capabilities import Regions
from mspt.data.registry import get_dataset, registered
from mspt.errors import MSPTError
from mspt.training.loop import train
from mspt.training.presets import get_preset
from tests.cli.running import fails_with, run_json, run_text

TABLE = Path(__file__).parents[2] / "assets" / "ablations" / "runs.csv"


@pytest.fixture
def arguments(tmp_path: Path, made_up_data: None) -> list[str]:  # noqa: ARG001 - registers a preset
    out, runs = str(tmp_path / "rows.csv"), str(tmp_path / "unfinished")
    settings = ["elasticity", "--preset", "tiny", "--device", "cpu", "--out", out, "--runs", runs]
    return ["ablate", *settings]


def rows(tmp_path: Path) -> list[dict[str, str]]:
    with (tmp_path / "rows.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_each_run_is_one_row_of_the_table(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = run_json(capsys, *arguments, "--set", "num_patches=3", "--seed", "5")
    second = run_json(capsys, *arguments, "--cases", "4", "--epochs", "1")
    one, two = rows(tmp_path)
    assert tuple(one) == COLUMNS
    assert (one["dataset"], one["preset"], one["set"]) == ("elasticity", "tiny", "num_patches=3")
    assert (one["seed"], one["epochs"], one["train_cases"]) == ("5", "2", "8")
    assert (two["seed"], two["epochs"], two["train_cases"]) == ("0", "1", "4")
    assert float(one["validation_error"]) == first["validation_error"]
    assert float(two["train_error"]) == second["train_error"]
    assert len(one["curve"].split()) == 2
    assert float(one["curve"].split()[-1]) == pytest.approx(first["validation_error"], abs=1e-5)


def test_a_row_that_is_there_is_not_trained_again_where_once_is_enough(
    arguments: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    varied = [*arguments, "--set", "num_patches=3", "--once"]
    first = run_json(capsys, *varied)
    run_json(capsys, *varied, "--seed", "1")
    with monkeypatch.context() as patch:
        patch.setattr(ablate, "_train", lambda *_, **__: pytest.fail("trained again"))
        again = run_json(capsys, *varied)
        assert "found in" in run_text(capsys, *varied)
    assert again["validation_error"] == first["validation_error"]
    assert len(rows(tmp_path)) == 2
    run_json(capsys, *varied, "--cases", "4")
    assert [row["train_cases"] for row in rows(tmp_path)] == ["8", "8", "4"]


def test_settings_of_the_training_are_varied_too(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    usual = run_json(capsys, *arguments)
    slow = run_json(capsys, *arguments, "--set", "train.learning_rate=1e-9")
    assert slow["parameters"] == usual["parameters"]
    assert slow["train_error"] > usual["train_error"]
    changed = with_settings(get_preset("tiny"), {"train.batch_size": 1, "carry": True})
    assert (changed.train.batch_size, changed.model.carry) == (1, True)


@pytest.mark.parametrize(
    "setting",
    [
        "partition=alternating_trees",
        "rotary=2",
        "keys_per_level=1",
        "fourier_features=2",
        "inputs_at_head=true",
        "pooling=linear_from_mean",
        "pooling=attention_from_mean",
        "pooling=mean_std",
        "pooling=mean_max",
        "train.derivative_weight=0.1",
    ],
)
def test_every_option_of_the_model_and_the_loss_can_be_varied(
    setting: str, arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    usual = run_json(capsys, *arguments, "--epochs", "1")
    varied = run_json(capsys, *arguments, "--epochs", "1", "--set", setting)
    assert varied["validation_error"] != usual["validation_error"]
    assert [row["set"] for row in rows(tmp_path)] == ["", setting]
    assert not any(row["error"] for row in rows(tmp_path))


def test_an_interrupted_run_is_continued(
    arguments: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = run_json(capsys, *arguments)
    (tmp_path / "rows.csv").unlink()
    assert not list((tmp_path / "unfinished").iterdir())
    done = []

    def interrupt(*args: object, **options: object):  # noqa: ANN202
        for event in train(*args, **options):
            done.append(event)
            yield event
            if len(done) == 4:  # in the second epoch: the first has been saved
                raise KeyboardInterrupt

    monkeypatch.setattr("mspt.cli.train.train", interrupt)
    assert main([*arguments, "--json"]) == 130
    assert capsys.readouterr().err == "interrupted\n"
    assert len(list((tmp_path / "unfinished").iterdir())) == 1
    assert not (tmp_path / "rows.csv").exists()
    continued = run_json(capsys, *arguments)
    assert continued["validation_error"] == pytest.approx(whole["validation_error"], abs=1e-6)
    assert continued["steps"] == whole["steps"]
    assert not list((tmp_path / "unfinished").iterdir())


def test_a_run_that_fails_is_a_row_with_the_reason(
    arguments: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def run_out(*_: object, **__: object) -> None:
        raise RuntimeError("out of memory")

    monkeypatch.setattr(ablate, "follow", run_out)
    assert "failed    out of memory" in run_text(capsys, *arguments)
    (row,) = rows(tmp_path)
    assert row["error"] == "out of memory"
    assert row["validation_error"] == ""


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("num_patches", "--set must be of the form NAME=VALUE, got 'num_patches'"),
        ("patches=3", "--set must name one of space_dim, in_features,"),
        ("train.rate=3", "--set must name one of train.epochs, train.batch_size,"),
        ("num_blocks=two", "--set num_blocks must be a whole number, got 'two'"),
        ("num_blocks=true", "--set num_blocks must be a whole number, got True"),
        ("carry=yes", "--set carry must be true or false, got 'yes'"),
        ("num_patches=few", "--set num_patches must be a whole number or null, got 'few'"),
        (
            "pooling=median",
            "--set pooling must be one of mean, max, linear, attention, linear_from_mean,",
        ),
        ("structured_shape=9", "must be a list of 2 whole numbers or null, got 9"),
        ("train.warmup=2", "warmup must be in [0, 1), got 2"),
    ],
)
def test_wrong_settings_end_with_one_line_and_no_row(
    setting: str,
    message: str,
    arguments: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert message in fails_with(capsys, *arguments, "--set", setting)
    assert not (tmp_path / "rows.csv").exists()


def test_a_list_of_numbers_is_a_shape() -> None:
    preset = with_settings(get_preset("darcy"), {"structured_shape": [85, 85]})
    assert preset.model.structured_shape == (85, 85)
    with pytest.raises(MSPTError, match="--set structured_shape must be"):
        with_settings(preset, {"structured_shape": ["a"]})


def test_rows_of_several_processes_share_one_header(tmp_path: Path) -> None:
    path = tmp_path / "new" / "rows.csv"
    for seed in range(3):
        append_row(path, {"dataset": "darcy", "seed": seed})
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[0] == ",".join(COLUMNS)
    assert [line.split(",")[3] for line in lines[1:]] == ["0", "1", "2"]


# ---- regions


def sides(points: Tensor, features: Tensor) -> Tensor:  # noqa: ARG001 - one signature for all
    return (points[:, 0] > 0.5).long()


@pytest.fixture
def with_regions(made_up_data: None) -> Iterator[None]:  # noqa: ARG001 - its cases are read
    regions = Regions(names=("left", "right"), description="Of the middle.", of_points=sides)
    preset = replace(get_preset("tiny"), dataset="sided", train=TrainConfig(epochs=1))
    with registered(
        replace(
            get_dataset("elasticity"),
            name="sided",
            regions=regions,
            presets={},
            drawing=None,
        )
    ) as dataset:
        dataset.presets["sided"] = preset
        yield


def test_a_row_has_the_error_of_each_region_of_the_data_set(
    with_regions: None,  # noqa: ARG001
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folders = ["--out", str(tmp_path / "rows.csv"), "--runs", str(tmp_path / "unfinished")]
    command = ["ablate", "sided", "--device", "cpu", *folders, "--once"]
    first = run_json(capsys, *command)
    (row,) = rows(tmp_path)
    assert row["region_errors"] == first["region_errors"]
    errors = parse_regions(row["region_errors"])
    assert list(errors) == ["left", "right"]
    low, high = sorted(errors.values())
    assert low < high
    assert 0.9 * low < float(row["validation_error"]) < 1.1 * high
    assert run_json(capsys, *command)["region_errors"] == first["region_errors"]
    assert "by region         left " in run_text(capsys, *command)


def test_rows_of_data_sets_without_regions_have_none(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_json(capsys, *arguments, "--epochs", "1", "--once")["region_errors"] == ""
    assert rows(tmp_path)[0]["region_errors"] == ""
    assert "by region" not in run_text(capsys, *arguments, "--epochs", "1", "--once")


# ---- tables of earlier versions


def test_a_table_of_an_earlier_version_gets_the_columns_it_lacks(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    early = [name for name in COLUMNS if name not in ("threads", "region_errors")]
    values = {name: f"{name}, first" for name in early}
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, early, lineterminator="\n")
        writer.writeheader()
        writer.writerows([values, values | {"seed": "2"}])
    append_row(path, {"dataset": "shock_tube", "seed": 3, "region_errors": "jump=0.2"})
    append_row(path, {"dataset": "shock_tube", "seed": 4})
    first, second, third, fourth = rows(tmp_path)
    assert set(first) == set(COLUMNS)
    assert first == values | {"threads": "", "region_errors": ""}
    assert second == first | {"seed": "2"}
    assert (third["seed"], third["region_errors"], third["curve"]) == ("3", "jump=0.2", "")
    assert (fourth["seed"], fourth["region_errors"]) == ("4", "")


def test_a_table_of_a_later_version_keeps_its_columns(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(",".join([*COLUMNS, "host"]) + "\n" + "a," * len(COLUMNS) + "b\n")
    append_row(path, {"dataset": "darcy"})
    first, second = rows(tmp_path)
    assert (first["dataset"], first["host"]) == ("a", "b")
    assert (second["dataset"], second["host"]) == ("darcy", "")


def test_rows_that_are_stored_are_found_before_and_after_a_new_one(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes(TABLE.read_bytes())
    before = rows(tmp_path)
    keys = ("dataset", "preset", "set", "seed", "epochs")
    done = [one for one in before if not one["error"]]
    assert len(done) > 10
    for extended in (False, True):
        if extended:
            append_row(path, {"dataset": "shock_tube", "region_errors": "jump=0.2"})
        for one in done:
            wanted = {key: one[key] for key in keys}
            found = find_row(path, wanted, num_cases=int(one["train_cases"]))
            assert found["validation_error"] == float(one["validation_error"])
    kept = rows(tmp_path)
    assert len(kept) == len(before) + 1
    for one, other in zip(before, kept, strict=False):
        assert {name: other[name] for name in one} == one
