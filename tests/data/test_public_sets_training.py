"""A folder of public cars: found, loaded, learned and scored."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from made_up_adapters import load_cases, read_car, read_cases, tiny, trained_checkpoint, write_car
from torch import Tensor, nn

from mspt.checkpoint import Checkpoint
from mspt.cli.main import main
from mspt.config import ModelConfig
from mspt.data.clouds import batch
from mspt.data.registry import get_dataset
from mspt.data.sets import shapenet_car
from mspt.errors import DataError
from mspt.evaluation.score import (
    CloudEvaluation,
    CloudScore,
    final_scores,
    predict_every_point,
    score,
    score_cloud,
    usual_checks,
)
from mspt.models.normalizer import Normalizer
from mspt.progress import last_event
from mspt.training.batches import coarsen, fit_normalizer, source_of
from mspt.training.loop import prepare, train, validation_error
from mspt.training.presets import Preset, get_preset

BROKEN_CAR = "854bb96a96a4d1b338acbabdc1252e2f"


@pytest.fixture(scope="module")
def cars(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with 2 test and 11 training cars of two sizes, and a broken one."""
    root = tmp_path_factory.mktemp("downloads")
    below = root / "mlcfd_data" / "training_data"
    for index in range(2):
        write_car(below / "param0" / f"{index:04x}", radius=1 + 0.2 * index)
    for index in range(11):
        folder = below / f"param{1 + index % 8}" / f"{index:04x}"
        write_car(folder, radius=1 + 0.05 * index, cells=3 - index % 2)
    (below / "param2" / BROKEN_CAR).mkdir()
    (below / "param2" / ".cache").mkdir()
    return root


def test_broken_cars_and_hidden_folders_are_passed_over(cars: Path) -> None:
    below = cars / "mlcfd_data" / "training_data"
    names = [
        *shapenet_car.split_names(below, "train"),
        *shapenet_car.split_names(below, "validation"),
    ]
    assert len(names) == 11
    assert [name for name in names if name.startswith("param2")] == ["param2/0001", "param2/0009"]
    assert len(shapenet_car.split_names(below, "validation")) == 2
    assert BROKEN_CAR.startswith(shapenet_car.BROKEN)


@pytest.mark.parametrize("below", ["", "mlcfd_data", "mlcfd_data/training_data"])
def test_data_are_found_wherever_a_person_points(cars: Path, below: str) -> None:
    found = list(read_cases("shapenet_car", "test", root=cars / below))
    assert [case.name for case in found] == ["param0/0000", "param0/0001"]


def test_a_stack_without_a_mirror_shows_points_as_stored(cars: Path) -> None:
    stack = load_cases(tiny("shapenet_car"), "test", root=cars)
    whole = stack.draw(0, seed=0)
    stored = stack.halves[0]
    assert whole.num_surface == stored.num_surface == 56
    assert torch.equal(whole.points[:56], stored.points[:56])
    few = load_cases(tiny("shapenet_car", surface_points=20, volume_points=30), "test", root=cars)
    one, other = few.draw(0, seed=0), few.draw(0, seed=1)
    assert (one.num_surface, len(one.points)) == (20, 50)
    assert not torch.equal(one.points, other.points)
    assert torch.equal(one.points, few.draw(0, seed=0).points)
    rows = [int((stored.points == point).all(1).nonzero()) for point in one.points]
    assert rows == sorted(set(rows))
    assert rows[19] < 56 <= rows[20]
    assert torch.equal(one.fields, stored.fields[rows])
    assert torch.equal(one.features, stored.features[rows])
    assert len(coarsen(few).draw(0, seed=0).points) == 5 + 7


def test_clouds_without_a_mirror_are_not_mirrored(cars: Path) -> None:
    stack = load_cases(tiny("shapenet_car"), "test", root=cars)
    with pytest.raises(ValueError, match="layout must have a mirror, got one where both sides"):
        stack.halves[0].mirrored(torch.ones(len(stack.halves[0].points)))


def test_clouds_of_several_sizes_are_no_batch(cars: Path) -> None:
    stack = load_cases(tiny("shapenet_car"), "train", root=cars)
    clouds = [stack.draw(row, seed=0) for row in range(len(stack))]
    with pytest.raises(
        ValueError, match=r"clouds of a batch must have one size, got .*batch_size 1"
    ):
        batch(clouds)


def test_statistics_are_measured_where_fields_mean_something(cars: Path) -> None:
    stack = load_cases(
        tiny("shapenet_car", surface_points=99, volume_points=999), "train", root=cars
    )
    assert len({len(cloud.points) for cloud in stack.halves}) == 2
    normalizer = fit_normalizer(stack)
    pressure = torch.cat([cloud.fields[: cloud.num_surface, 3] for cloud in stack.halves])
    velocity = torch.cat([cloud.fields[cloud.num_surface :, 2] for cloud in stack.halves])
    for channel, values in ((3, pressure), (2, velocity)):
        assert normalizer.fields_mean[channel].item() == pytest.approx(
            values.mean().item(), rel=1e-4
        )
        deviation = values.std(correction=0).item()
        assert normalizer.fields_scale[channel].item() == pytest.approx(deviation, rel=1e-4)
    z = torch.cat([cloud.features[:, 2] for cloud in stack.halves])
    assert normalizer.features_scale[2].item() == pytest.approx(
        z.std(correction=0).item(), rel=1e-4
    )
    largest = max(cloud.points[: cloud.num_surface].abs().max().item() for cloud in stack.halves)
    assert normalizer.points_scale[0].item() == pytest.approx(largest, rel=1e-4)


def test_only_scored_fields_are_learned(cars: Path) -> None:
    preset = tiny("shapenet_car")
    stack = load_cases(preset, "train", root=cars)
    source = source_of(stack, normalizer=fit_normalizer(stack), config=preset.model, seed=0)
    one = source.batch([0], epoch=0)
    changed = one.fields.clone()
    changed[:, : one.num_surface, :3] = 1e9
    changed[:, one.num_surface :, 3] = 1e9
    assert torch.equal(one.errors(changed), torch.zeros(2, 1))
    changed[:, 0, 3] += 1
    assert one.errors(changed)[0] > 0


class Copy(nn.Module):
    """A model that answers with some of its features."""

    def __init__(self, channels: list[int]) -> None:
        super().__init__()
        self.channels = channels
        self.unused = nn.Parameter(torch.zeros(1))
        self.sizes: list[int] = []

    def forward(self, points: Tensor, features: Tensor, *, partitions: object) -> Tensor:  # noqa: ARG002
        self.sizes.append(points.shape[1])
        return features[..., self.channels]


def copy_checkpoint(channels: list[int]) -> Checkpoint:
    normalizer = Normalizer(space_dim=3, in_features=7, out_channels=len(channels))
    normalizer.fields_mean += torch.tensor([0.0, 0.0, 20.0, 0.0])
    preset = tiny("shapenet_car", surface_points=20, volume_points=50)
    info = {"dataset": "shapenet_car", "train": preset.train.to_dict()}
    return Checkpoint(Copy(channels), preset.model, normalizer, info)


def test_every_point_is_predicted_once_in_clouds_as_learned(tmp_path: Path) -> None:
    write_car(tmp_path / "ball")
    cloud = read_car(tmp_path / "ball")
    checkpoint = copy_checkpoint([0, 1, 2, 3])
    found = predict_every_point(checkpoint, cloud)
    expected = cloud.features[:, :4] + torch.tensor([0.0, 0.0, 20.0, 0.0])
    torch.testing.assert_close(found, expected)
    sizes = checkpoint.model.sizes
    assert len(sizes) == 3
    assert max(sizes) <= 20 + 50
    assert sum(sizes) == len(cloud.points)


def test_scores_are_relative_errors_in_physical_units(tmp_path: Path) -> None:
    for name, radius in (("a", 1.0), ("b", 1.3), ("c", 1.1)):
        write_car(tmp_path / name, radius=radius)
    cases = [shapenet_car.read_car(tmp_path, name) for name in "abc"]
    scores = [score_cloud(copy_checkpoint([0, 0, 2, 3]), case) for case in cases]
    metrics = CloudEvaluation(tuple(scores)).metrics()
    errors = []
    for case in cases:
        truth = case.cloud.fields[case.cloud.num_surface :, :3].double()
        guess = case.cloud.points[case.cloud.num_surface :].double()[:, [0, 0, 2]]
        guess[:, 2] += 20
        errors.append(((guess - truth).norm() / truth.norm()).item())
    assert metrics["velocity"] == pytest.approx(np.mean(errors), rel=1e-4)
    # A pressure of zero on the surface: all of it is missing, and all of the drag.
    assert metrics["relative_l2"] == metrics["surface_pressure"] == pytest.approx(1)
    assert metrics["C_D_pressure_relative"] == pytest.approx(1)
    assert metrics["C_D_pressure_spearman"] is None
    assert metrics["mean_only"] == pytest.approx(1)
    assert metrics["cases"] == 3


def test_perfect_predictions_rank_all_cars(cars: Path) -> None:
    cases = list(read_cases("shapenet_car", "train", root=cars))

    class Truth(nn.Module):
        """A model that knows the answer to the cloud it is asked about."""

        def __init__(self) -> None:
            super().__init__()
            self.unused = nn.Parameter(torch.zeros(1))

        def forward(self, points: Tensor, features: Tensor, *, partitions: object) -> Tensor:  # noqa: ARG002
            for case in cases:
                if torch.equal(case.cloud.points, points[0]):
                    return case.cloud.fields[None]
            raise AssertionError

    preset = tiny("shapenet_car", surface_points=99, volume_points=999)
    normalizer = Normalizer(space_dim=3, in_features=7, out_channels=4)
    info = {"dataset": "shapenet_car", "train": preset.train.to_dict()}
    checkpoint = Checkpoint(Truth(), preset.model, normalizer, info)
    metrics = CloudEvaluation(tuple(score_cloud(checkpoint, case) for case in cases)).metrics()
    assert metrics["relative_l2"] == metrics["velocity"] == metrics["C_D_pressure_relative"] == 0
    assert metrics["C_D_pressure_spearman"] == pytest.approx(1)
    assert metrics["mean_only_all"]["velocity"] == pytest.approx(1)


def test_shapenet_car_is_loaded_trained_on_and_scored(cars: Path) -> None:
    checkpoint = trained_checkpoint("shapenet_car", cars)
    found = last_event(score(checkpoint, "test", root=cars, device="cpu"))
    metrics = found.metrics()
    assert len(found) == metrics["cases"] == 2
    expected = {"relative_l2", "surface_pressure", "velocity", "mean_only", "C_D_pressure_relative"}
    assert expected <= set(metrics)
    kept = last_event(final_scores(checkpoint, root=cars, device="cpu"))
    assert kept["metrics"] == metrics
    assert [one["name"] for one in kept["scores"]] == ["param0/0000", "param0/0001"]
    stack = load_cases(tiny("shapenet_car"), "train", root=cars)
    assert get_dataset("shapenet_car").training_facts(stack) == {
        "left_out": list(shapenet_car.BROKEN)
    }
    assert usual_checks(checkpoint, stack) == {}


def test_metrics_of_a_public_set_are_means_over_its_cases() -> None:
    pressure, velocity = [0.1, 0.2, 0.6, 0.3], [0.5, 0.7, 0.2, 0.2]
    drag, true_drag = [0.30, 0.22, 0.45, 0.36], [0.25, 0.20, 0.50, 0.40]
    scores = [
        CloudScore(
            name=str(row),
            errors={"surface_pressure": pressure[row], "velocity": velocity[row]},
            mean_errors={"surface_pressure": 2 * pressure[row], "velocity": 1.0},
            drag=drag[row],
            true_drag=true_drag[row],
        )
        for row in range(4)
    ]
    metrics = CloudEvaluation(tuple(scores)).metrics()
    assert metrics.pop("mean_only_all") == pytest.approx({"surface_pressure": 0.6, "velocity": 1.0})
    assert metrics == pytest.approx(
        {
            "relative_l2": 0.3,
            "surface_pressure": 0.3,
            "median": 0.25,
            "worst": 0.6,
            "velocity": 0.4,
            "mean_only": 0.6,
            "cases": 4,
            "C_D_pressure_relative": (0.2 + 0.1 + 0.1 + 0.1) / 4,
            "C_D_pressure_spearman": 1.0,
        }
    )


def test_branched_models_learn_public_sets_too(cars: Path) -> None:
    preset = tiny("shapenet_car")
    model = ModelConfig(**{**preset.model.to_dict(), "architecture": "branched"})
    stack = load_cases(preset, "train", root=cars, limit=2)
    branched = Preset(dataset="shapenet_car", model=model, train=preset.train)
    training = prepare(branched, cases=stack, validation=stack)
    before = validation_error(training)
    *_, stopped = train(training)
    assert stopped.complete
    assert stopped.progress.curve[-1][1] < before


def test_train_and_evaluate_run_from_the_command_line(
    cars: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(get_dataset("shapenet_car").presets, "tiny", tiny("shapenet_car"))
    shared = ["--data", str(cars), "--device", "cpu", "--json"]
    arguments = ["train", "shapenet_car", "--preset", "tiny", "--cases", "2"]
    assert main([*arguments, "--out", str(tmp_path / "run"), *shared]) == 0
    trained = json.loads(capsys.readouterr().out)
    assert trained["complete"]
    assert trained["left_out"] == list(shapenet_car.BROKEN)
    assert main(["evaluate", trained["checkpoint"], *shared]) == 0
    scored = json.loads(capsys.readouterr().out)
    assert (scored["dataset"], scored["cases"]) == ("shapenet_car", 2)
    for found, kept in zip(scored["metrics"].items(), trained["metrics"].items(), strict=True):
        assert found[0] == kept[0]
        assert found[1] == pytest.approx(kept[1])


def test_absent_data_are_named_on_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, words in (
        ("shapenet_car", ("quadpress_smpl.vtk", "Umetani and Bickel 2018", "CC BY 4.0")),
        ("ahmedml", ("boundary_NUMBER.vtp", "arXiv 2407.20801", "CC BY-SA 4.0")),
    ):
        assert main(["train", name, "--data", str(tmp_path), "--out", str(tmp_path / "x")]) == 2
        (line,) = capsys.readouterr().err.strip().splitlines()
        assert line.startswith("error: --data must be a folder with ")
        assert all(word in line for word in words)


def test_incomplete_cars_are_named(cars: Path, tmp_path: Path) -> None:
    root = tmp_path / "copy"
    shutil.copytree(cars, root)
    below = root / "mlcfd_data" / "training_data"
    (below / "param3" / "0002" / "hexvelo_smpl.vtk").unlink()
    with pytest.raises(
        DataError,
        match=r"shapenet_car must be complete for this split, got 1 of 9 cases without a file, "
        r"first hexvelo_smpl\.vtk of param3/0002 in .*; get them: mlcfd_data of Umetani",
    ):
        load_cases(tiny("shapenet_car"), "train", root=root)
    shutil.rmtree(below / "param7")
    with pytest.raises(DataError, match=r"got no param7 in .*; unpack param7\.tar\.gz"):
        load_cases(tiny("shapenet_car"), "train", root=root)
    assert len(load_cases(tiny("shapenet_car"), "test", root=root)) == 2
    shutil.rmtree(below / "param0")
    (below / "param0").mkdir()
    with pytest.raises(DataError, match="shapenet_car must have test cases, got none in"):
        load_cases(tiny("shapenet_car"), "test", root=root)


@pytest.mark.parametrize(
    ("split", "limit", "message"),
    [
        ("unseen", None, "split must be one of train, validation, test, got 'unseen'"),
        ("train", 0, "limit must be at least 1, got 0"),
    ],
)
def test_rejects_splits_that_there_are_not(
    cars: Path, split: str, limit: int | None, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        load_cases(tiny("shapenet_car"), split, root=cars, limit=limit)


def test_presets_have_the_published_sizes() -> None:
    for name, patches, channels in (("shapenet_car", 170, 4), ("ahmedml", 128, 7)):
        model, settings = get_preset(name).model, get_preset(name).train
        assert (model.width, model.num_blocks, model.num_heads, model.mlp_ratio) == (256, 12, 8, 2)
        assert (model.num_patches, model.num_supernodes) == (patches, 1)
        assert (model.in_features, model.out_channels) == (7, channels)
        assert len(get_dataset(name).layout.feature_channels) == 7
        assert len(get_dataset(name).layout.field_channels) == channels
        assert (settings.optimizer, settings.learning_rate, settings.weight_decay) == (
            "lion",
            5e-5,
            0.05,
        )
        assert (settings.batch_size, settings.warmup, settings.epochs) == (1, 0.05, 200)
    # All 3,682 and 28,504 points of a car are seen in one cloud.
    assert get_preset("shapenet_car").train.surface_points >= 3682
    assert get_preset("shapenet_car").train.volume_points >= 28504
    assert (
        get_preset("ahmedml").train.surface_points
        == get_preset("ahmedml").train.volume_points
        == 16384
    )
