"""Public data sets: files in their published layouts, from folders to scores."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import pyvista as pv
import torch
from numpy import ndarray
from torch import Tensor, nn

from mspt.batches import coarsen, fit_normalizer, source_of
from mspt.checkpoint import Checkpoint
from mspt.cli import main
from mspt.config import ModelConfig
from mspt.data.adapters import ADAPTERS, ahmedml, shapenet_car
from mspt.data.adapters.common import read_cases
from mspt.data.clouds import Cloud, batch
from mspt.data.layout import FieldGroup, Layout
from mspt.errors import DataError
from mspt.normalize import Normalizer
from mspt.presets import PRESETS, Preset, TrainConfig
from mspt.scoring import (
    cloud_metrics,
    final_scores,
    load_cases,
    predict_every_point,
    prepare_cases,
    score,
    score_cloud,
    training_facts,
    usual_checks,
)
from mspt.training import StepDone, prepare, train

TEST_RUNS = [
    4, 11, 12, 19, 20, 22, 56, 109, 127, 150, 165, 177, 187, 191, 203, 208, 215, 228, 234, 241,
    247, 252, 253, 260, 271, 275, 298, 303, 311, 321, 322, 324, 328, 329, 341, 352, 364, 366, 376,
    380, 382, 390, 401, 410, 423, 436, 441, 447, 454, 487,
]  # fmt: skip
BROKEN_CAR = "854bb96a96a4d1b338acbabdc1252e2f"
LAYERS = (1.0, 1.5, 2.25)
AWAY = (5, 11)
"""Vertices of the wall that the volume mesh has elsewhere."""


def cube_sphere(cells: int) -> tuple[ndarray, ndarray]:
    """Return vertices and outward quadrilaterals of a unit sphere, from the sides of a cube."""
    line = np.linspace(-1, 1, cells + 1)
    grid = np.stack(np.meshgrid(line, line, indexing="ij"), axis=-1).reshape(-1, 2)
    node = np.arange((cells + 1) ** 2).reshape(cells + 1, cells + 1)
    square = [node[:-1, :-1], node[1:, :-1], node[1:, 1:], node[:-1, 1:]]
    quads = np.stack(square, axis=-1).reshape(-1, 4)
    corners, faces = [], []
    for axis in range(3):
        for side in (-1, 1):
            others = np.insert(grid, axis, side, axis=1)
            outward = quads if (side > 0) == (axis != 1) else quads[:, ::-1]
            faces.append(outward + len(grid) * len(corners))
            corners.append(others)
    points, inverse = np.unique(np.concatenate(corners).round(9), axis=0, return_inverse=True)
    return points / np.linalg.norm(points, axis=1, keepdims=True), inverse[np.concatenate(faces)]


def write_car(folder: Path, *, radius: float = 1.0, cells: int = 3, turned: bool = True) -> None:
    """Write a ball in a wind along +z in the published layout, hexahedra around it."""
    folder.mkdir(parents=True)
    directions, quads = cube_sphere(cells)
    wall = (radius * directions).astype(np.float32)
    if turned:
        quads = np.where((np.arange(len(quads)) % 3 == 0)[:, None], quads[:, ::-1], quads)
    surface = pv.UnstructuredGrid({pv.CellType.QUAD: quads}, wall)
    # As in potential flow, and a drag that grows with the radius.
    pressure = radius * (100 - 225 * (1 - directions[:, 2] ** 2) - 40 * directions[:, 2])
    surface.point_data["point_scalars"] = pressure.astype(np.float32)
    surface.save(folder / shapenet_car.SURFACE_FILE)
    layers = np.concatenate([wall * factor for factor in np.float32(LAYERS)])
    layers[list(AWAY)] *= 1.001
    count = len(wall)
    hexes = [
        np.concatenate([quads + level * count, quads + (level + 1) * count], axis=1)
        for level in range(len(LAYERS) - 1)
    ]
    volume = pv.UnstructuredGrid({pv.CellType.HEXAHEDRON: np.concatenate(hexes)}, layers)
    volume.point_data["point_vectors"] = wind(layers)
    volume.save(folder / shapenet_car.VOLUME_FILE)


def wind(points: ndarray) -> ndarray:
    return np.stack([points[:, 0], 2 * points[:, 1], 20 + points[:, 2]], axis=1).astype(np.float32)


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


def read_car(folder: Path) -> Cloud:
    return shapenet_car.read_car(folder.parent, folder.name).cloud


def write_run(
    folder: Path,
    run: int,
    *,
    names: dict[str, str] | None = None,
    place: str = "cell",
    inward: bool = True,
) -> None:
    """Write a ball and a box of cells in the published layout; fields are known functions."""
    names = names or {"p": "pMean", "t": "wallShearStressMean", "u": "UMean"}
    folder = folder / f"run_{run}"
    folder.mkdir(parents=True)
    points, quads = cube_sphere(4)
    quads = quads[:, ::-1] if inward else quads
    surface = pv.PolyData.from_regular_faces(points * (1 + run / 1000), quads)
    box = pv.ImageData(dimensions=(5, 6, 7), origin=(2, -2, 0)).cast_to_unstructured_grid()
    for mesh, which in ((surface, "t"), (box, "u")):
        for data, here in (
            (mesh.cell_data, mesh.cell_centers().points),
            (mesh.point_data, mesh.points),
        ):
            if data.association.name == place.upper():
                data[names["p"]] = here[:, 0] - here[:, 2]
                data[names[which]] = 2 * here
            else:
                data[names["p"]] = np.full(len(here), 99.0)
                if place == "cell":
                    data[names[which]] = np.full((len(here), 3), 99.0)
    surface.save(folder / f"boundary_{run}.vtp")
    box.save(folder / f"volume_{run}.vtu")


@pytest.fixture
def few_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the data set one of eight runs: 4 to learn from, 2 to choose by, 2 to test on."""
    for name, value in {"NUM_RUNS": 8, "NUM_TRAIN": 4, "NUM_VALIDATION": 2}.items():
        monkeypatch.setattr(ahmedml, name, value)


@pytest.fixture
def runs(tmp_path: Path, few_runs: None) -> Path:  # noqa: ARG001 - eight runs are all
    for run in range(1, 9):
        write_run(tmp_path / "ahmedml", run)
    return tmp_path


def tiny(dataset: str, **train_changes: object) -> Preset:
    model = ModelConfig(
        space_dim=3,
        in_features=7,
        out_channels=len(ADAPTERS[dataset].layout.fields),
        width=16,
        num_heads=2,
        num_blocks=2,
        num_patches=4,
    )
    schedule = {
        "epochs": 1,
        "batch_size": 1,
        "optimizer": "lion",
        "learning_rate": 1e-3,
        "surface_points": 60,
        "volume_points": 150,
        **train_changes,
    }
    return Preset(dataset=dataset, model=model, train=TrainConfig(**schedule))


def test_ahmedml_split_is_the_published_one() -> None:
    assert sorted(ahmedml.split_runs("test")) == TEST_RUNS
    parts = [ahmedml.split_runs(split) for split in ("train", "validation", "test")]
    assert [len(part) for part in parts] == [400, 50, 50]
    assert sorted(run for part in parts for run in part) == list(range(1, 501))


def test_shapenet_car_is_tested_on_param0_and_validated_on_the_last_50(tmp_path: Path) -> None:
    for param in range(9):
        for car in range(65):
            (tmp_path / f"param{param}" / f"{car:04x}").mkdir(parents=True)
    splits = {split: shapenet_car.split_names(tmp_path, split) for split in ("test", "validation")}
    assert {name.split("/")[0] for name in splits["test"]} == {"param0"}
    assert splits["validation"] == [f"param8/{car:04x}" for car in range(15, 65)]
    learned = shapenet_car.split_names(tmp_path, "train")
    assert len(learned) == 8 * 65 - 50
    assert not {*learned} & {*splits["validation"], *splits["test"]}


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
    found = list(read_cases(ADAPTERS["shapenet_car"], "test", root=cars / below))
    assert [case.name for case in found] == ["param0/0000", "param0/0001"]


def test_features_of_a_ball_are_known(tmp_path: Path) -> None:
    write_car(tmp_path / "ball", radius=2.0)
    cloud = read_car(tmp_path / "ball")
    points, count = cloud.points.double(), cloud.num_surface
    assert cloud.layout.features[3] == "distance"
    assert torch.equal(cloud.features[:, :3], cloud.points)
    away = points / points.norm(dim=1, keepdim=True)
    assert torch.equal(cloud.features[:count, 3], torch.zeros(count))
    # Nearest to a vertex of an outer layer is the one of the wall in the same direction.
    distance = points[count:].norm(dim=1) - 2.0
    torch.testing.assert_close(cloud.features[count:, 3].double(), distance, rtol=1e-4, atol=1e-4)
    outer = distance > 0.1
    cosine = (cloud.features[:, 4:].double() * away).sum(1)
    torch.testing.assert_close(cosine[count:][outer], torch.ones(int(outer.sum())).double())
    # Means of the normals of flat faces around a vertex: within 8 degrees of the sphere's.
    assert cosine[:count].min() > 0.99
    torch.testing.assert_close(cloud.features[:count, 4:].norm(dim=1), torch.ones(count))


def test_points_of_the_wall_are_there_once_with_the_velocity_of_the_flow(tmp_path: Path) -> None:
    write_car(tmp_path / "ball")
    cloud = read_car(tmp_path / "ball")
    count = cloud.num_surface
    assert count == 56
    # The volume mesh has the wall's vertices too, but for two; they are left out of the flow.
    assert len(cloud.points) == 56 + 2 * 56 + len(AWAY)
    assert len(torch.unique(cloud.points, dim=0)) == len(cloud.points)
    known = torch.from_numpy(wind(cloud.points.numpy()))
    torch.testing.assert_close(cloud.fields[count:, :3], known[count:])
    torch.testing.assert_close(cloud.fields[count:, 3], torch.zeros(len(cloud.points) - count))
    expected = known[:count].clone()
    expected[list(AWAY)] = 0
    torch.testing.assert_close(cloud.fields[:count, :3], expected)
    height = cloud.points[:count, 2]
    pressure = 100 - 225 * (1 - height**2) - 40 * height
    torch.testing.assert_close(cloud.fields[:count, 3], pressure, rtol=1e-4, atol=1e-3)


def test_vertices_without_a_face_have_no_normal_and_no_area() -> None:
    points, quads = cube_sphere(2)
    normals, vectors = shapenet_car.vertex_normals(np.concatenate([points, [[0.0, 0, 5]]]), quads)
    assert not normals[-1].any()
    assert not vectors[-1].any()


@pytest.mark.parametrize("turned", [False, True])
def test_drag_is_the_pressure_integral(tmp_path: Path, *, turned: bool) -> None:
    write_car(tmp_path / "ball", cells=8, turned=turned)
    case = shapenet_car.read_car(tmp_path, "ball")
    surface, points = case.surface, case.cloud.points[: case.cloud.num_surface].double().numpy()
    assert surface is not None
    assert surface.drag(np.ones(len(points))) == pytest.approx(0, abs=1e-6)
    # By the divergence theorem a pressure of z pushes back with the volume; the hull of the shadow
    # is a disk: C_D = -(4/3 pi) / (q pi) with q = 0.3 / 2 * 20^2 Pa.
    assert surface.drag(points[:, 2]) == pytest.approx(-4 / 3 / 60, rel=0.03)
    assert surface.drag(points[:, 0]) == pytest.approx(0, abs=1e-5)
    assert np.linalg.norm(surface.vectors, axis=1).sum() == pytest.approx(4 * np.pi, rel=0.03)


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
    metrics = cloud_metrics(scores)
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
    cases = list(read_cases(ADAPTERS["shapenet_car"], "train", root=cars))

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
    metrics = cloud_metrics([score_cloud(checkpoint, case) for case in cases])
    assert metrics["relative_l2"] == metrics["velocity"] == metrics["C_D_pressure_relative"] == 0
    assert metrics["C_D_pressure_spearman"] == pytest.approx(1)
    assert metrics["mean_only_all"]["velocity"] == pytest.approx(1)


def trained_checkpoint(dataset: str, root: Path) -> Checkpoint:
    preset = tiny(dataset)
    training = prepare(
        preset,
        cases=load_cases(preset, "train", root=root, limit=2),
        validation=load_cases(preset, "validation", root=root),
    )
    losses = [event.loss for event in train(training) if isinstance(event, StepDone)]
    assert len(losses) == 2
    assert np.isfinite(losses).all()
    info = {"dataset": dataset, "train": preset.train.to_dict()}
    return Checkpoint(training.average, preset.model, training.normalizer, info)


def test_shapenet_car_is_loaded_trained_on_and_scored(cars: Path) -> None:
    checkpoint = trained_checkpoint("shapenet_car", cars)
    metrics, count = score(checkpoint, "test", root=cars, device="cpu")
    assert count == metrics["cases"] == 2
    expected = {"relative_l2", "surface_pressure", "velocity", "mean_only", "C_D_pressure_relative"}
    assert expected <= set(metrics)
    kept = final_scores(checkpoint, root=cars, device="cpu")
    assert kept["metrics"] == metrics
    assert [one["name"] for one in kept["scores"]] == ["param0/0000", "param0/0001"]
    stack = load_cases(tiny("shapenet_car"), "train", root=cars)
    assert training_facts(stack) == {"left_out": list(shapenet_car.BROKEN)}
    assert usual_checks(checkpoint, stack) == {}


def test_ahmedml_is_loaded_trained_on_and_scored(runs: Path) -> None:
    checkpoint = trained_checkpoint("ahmedml", runs)
    metrics, count = score(checkpoint, "test", root=runs, device="cpu")
    assert count == 2
    assert {"surface_pressure", "wall_shear", "velocity", "volume_pressure"} <= set(metrics)
    assert not any(key.startswith("C_D") for key in metrics)
    assert final_scores(checkpoint, root=runs, device="cpu")["scores"][0]["C_D"] is None


def test_branched_models_learn_public_sets_too(cars: Path) -> None:
    preset = tiny("shapenet_car")
    model = ModelConfig(**{**preset.model.to_dict(), "architecture": "branched"})
    stack = load_cases(preset, "train", root=cars, limit=2)
    branched = Preset(dataset="shapenet_car", model=model, train=preset.train)
    *_, stopped = train(prepare(branched, cases=stack, validation=stack))
    assert stopped.complete


def test_train_and_evaluate_run_from_the_command_line(
    cars: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PRESETS, "tiny", tiny("shapenet_car"))
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


def spoil(folder: Path, name: str, change: Callable[[pv.UnstructuredGrid], object]) -> None:
    mesh = pv.read(folder / name)
    changed = change(mesh)
    (mesh if changed is None else changed).save(folder / name)


def _rename(mesh: pv.DataSet, old: str, new: str) -> None:
    mesh.point_data[new] = mesh.point_data.pop(old)


def _spoil_pressure(mesh: pv.DataSet) -> None:
    mesh.point_data["point_scalars"][3] = np.nan


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda mesh: mesh.clear_data(), r"ball/quadpress_smpl\.vtk must have one array of 1 val"),
        (
            lambda mesh: (
                mesh.point_data.update({"other": np.ones(56)})
                or _rename(mesh, "point_scalars", "p")
            ),
            r"or one named point_scalars, got \{'p': 1, 'other': 1\}",
        ),
        (lambda mesh: mesh.triangulate(), "must hold quadrilaterals only, got TRIANGLE"),
        (_spoil_pressure, r"point_scalars of ball/quadpress_smpl\.vtk must be finite, got NaN"),
        (lambda _: pv.UnstructuredGrid(), r"quadpress_smpl\.vtk must hold a mesh with cells"),
    ],
)
def test_rejects_files_that_are_no_car(
    tmp_path: Path, change: Callable[[pv.UnstructuredGrid], object], message: str
) -> None:
    write_car(tmp_path / "ball")
    spoil(tmp_path / "ball", shapenet_car.SURFACE_FILE, change)
    with pytest.raises(DataError, match=message):
        read_car(tmp_path / "ball")


def test_arrays_may_have_another_name(tmp_path: Path) -> None:
    write_car(tmp_path / "ball")
    expected = read_car(tmp_path / "ball").fields
    spoil(
        tmp_path / "ball",
        shapenet_car.SURFACE_FILE,
        lambda mesh: _rename(mesh, "point_scalars", "p"),
    )
    assert torch.equal(read_car(tmp_path / "ball").fields, expected)


@pytest.mark.parametrize(
    ("names", "place", "inward"),
    [
        (None, "cell", True),
        (None, "cell", False),
        ({"p": "p", "t": "wallShearStress", "u": "U"}, "cell", True),
        (None, "point", True),
    ],
)
def test_a_run_is_read_where_openfoam_stores_it(
    tmp_path: Path, names: dict[str, str] | None, place: str, *, inward: bool
) -> None:
    write_run(tmp_path, 7, names=names, place=place, inward=inward)
    cloud = ahmedml.read_run(tmp_path, "run_7").cloud
    count, points = cloud.num_surface, cloud.points
    assert count == (96 if place == "cell" else 98)
    assert len(points) - count == (120 if place == "cell" else 210)
    torch.testing.assert_close(cloud.fields[:, 0], points[:, 0] - points[:, 2])
    torch.testing.assert_close(cloud.fields[:count, 1:4], 2 * points[:count])
    torch.testing.assert_close(cloud.fields[count:, 4:], 2 * points[count:])
    assert not cloud.fields[:count, 4:].any()
    assert not cloud.fields[count:, 1:4].any()
    away = points[:count] / points[:count].norm(dim=1, keepdim=True)
    assert ((cloud.features[:count, 4:] * away).sum(1) > 0.98).all()
    nearest = torch.cdist(points[count:].double(), points[:count].double()).min(1)
    torch.testing.assert_close(cloud.features[count:, 3].double(), nearest.values)


def test_kept_points_are_some_of_a_run_and_outlive_its_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ahmedml, "NUM_KEPT", 50)
    write_run(tmp_path, 3)
    first = ahmedml.read_run(tmp_path, "run_3").cloud
    assert (first.num_surface, len(first.points)) == (50, 100)
    torch.testing.assert_close(first.fields[:, 0], first.points[:, 0] - first.points[:, 2])
    assert len(torch.unique(first.points, dim=0)) == 100
    assert not ahmedml.must_keep(tmp_path, "run_3")
    for path in ahmedml.run_files(tmp_path, "run_3"):
        path.unlink()
    again = ahmedml.read_run(tmp_path, "run_3").cloud
    for name in ("points", "features", "fields"):
        assert torch.equal(getattr(again, name), getattr(first, name))


def test_runs_are_read_once(runs: Path) -> None:
    events = list(prepare_cases("ahmedml", "train", root=runs, limit=3))
    assert [(event.done, event.total) for event in events] == [(1, 3), (2, 3), (3, 3)]
    assert [event.name for event in events] == [
        f"run_{run}" for run in ahmedml.split_runs("train")[:3]
    ]
    assert [event.total for event in prepare_cases("ahmedml", "train", root=runs)] == [1]
    assert list(prepare_cases("ahmedml", "train", root=runs)) == []
    assert list(prepare_cases("elasticity", "train")) == []


def test_absent_runs_are_counted_but_for_kept_ones(runs: Path) -> None:
    wanted = [f"run_{run}" for run in ahmedml.split_runs("test")]
    list(prepare_cases("ahmedml", "test", root=runs))
    for path in ahmedml.run_files(runs / "ahmedml", wanted[0]):
        path.unlink()
    shutil.rmtree(runs / "ahmedml" / wanted[1])
    number = wanted[1].removeprefix("run_")
    message = (
        rf"ahmedml must be complete for this split, got 1 of 2 cases without a file, first "
        rf"boundary_{number}\.vtp and volume_{number}\.vtu of {wanted[1]} in"
    )
    with pytest.raises(DataError, match=message):
        load_cases(tiny("ahmedml"), "test", root=runs)


def test_unknown_arrays_are_listed(tmp_path: Path) -> None:
    write_run(tmp_path, 3, names={"p": "cp", "t": "wallShearStressMean", "u": "UMean"})
    message = (
        r"boundary_3\.vtp must have the arrays pMean or p and wallShearStressMean or "
        r"wallShearStress on its cells or on its vertices, got \{'cell': \['cp', 'wall"
    )
    with pytest.raises(DataError, match=message):
        ahmedml.read_run(tmp_path, "run_3")


def test_damaged_run_is_named(tmp_path: Path) -> None:
    write_run(tmp_path, 3)
    (tmp_path / "run_3" / "boundary_3.vtp").write_bytes(b"<VTKFile>")
    with pytest.raises(DataError, match=r"boundary_3\.vtp must "):
        ahmedml.read_run(tmp_path, "run_3")
    shutil.copy(tmp_path / "run_3" / "volume_3.vtu", tmp_path / "run_3" / "boundary_3.vtp")


def test_presets_have_the_published_sizes() -> None:
    for name, patches, channels in (("shapenet_car", 170, 4), ("ahmedml", 128, 7)):
        model, settings = PRESETS[name].model, PRESETS[name].train
        assert (model.width, model.num_blocks, model.num_heads, model.mlp_ratio) == (256, 12, 8, 2)
        assert (model.num_patches, model.num_supernodes) == (patches, 1)
        assert (model.in_features, model.out_channels) == (7, channels)
        assert len(ADAPTERS[name].layout.features) == 7
        assert len(ADAPTERS[name].layout.fields) == channels
        assert (settings.optimizer, settings.learning_rate, settings.weight_decay) == (
            "lion",
            5e-5,
            0.05,
        )
        assert (settings.batch_size, settings.warmup, settings.epochs) == (1, 0.05, 200)
    # All 3,682 and 28,504 points of a car are seen in one cloud.
    assert PRESETS["shapenet_car"].train.surface_points >= 3682
    assert PRESETS["shapenet_car"].train.volume_points >= 28504
    assert (
        PRESETS["ahmedml"].train.surface_points == PRESETS["ahmedml"].train.volume_points == 16384
    )


def test_all_channels_are_one_group_on_all_points() -> None:
    layout: Layout = ADAPTERS["ahmedml"].layout
    assert layout.everything == FieldGroup("everything", "all", (0, 1, 2, 3, 4, 5, 6))
