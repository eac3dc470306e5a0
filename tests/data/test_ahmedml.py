"""AhmedML: the files of its runs, from their published layout to scores."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import pyvista as pv
import torch
from made_up_adapters import cube_sphere, load_cases, tiny, trained_checkpoint

from mspt.data.dataset import PointsStored
from mspt.data.registry import get_dataset
from mspt.data.sets import ahmedml
from mspt.errors import DataError
from mspt.evaluation.score import final_scores, score
from mspt.progress import last_event

TEST_RUNS = [
    4, 11, 12, 19, 20, 22, 56, 109, 127, 150, 165, 177, 187, 191, 203, 208, 215, 228, 234, 241,
    247, 252, 253, 260, 271, 275, 298, 303, 311, 321, 322, 324, 328, 329, 341, 352, 364, 366, 376,
    380, 382, 390, 401, 410, 423, 436, 441, 447, 454, 487,
]  # fmt: skip


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


def prepare(name: str, split: str, root: Path, limit: int | None) -> Iterator[PointsStored]:
    dataset = get_dataset(name)
    return dataset.source.prepare(dataset, split, root, limit)


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


def test_ahmedml_split_is_the_published_one() -> None:
    assert sorted(ahmedml.split_runs("test")) == TEST_RUNS
    parts = [ahmedml.split_runs(split) for split in ("train", "validation", "test")]
    assert [len(part) for part in parts] == [400, 50, 50]
    assert sorted(run for part in parts for run in part) == list(range(1, 501))


def test_ahmedml_is_loaded_trained_on_and_scored(runs: Path) -> None:
    checkpoint = trained_checkpoint("ahmedml", runs)
    found = last_event(score(checkpoint, "test", root=runs, device="cpu"))
    metrics, count = found.metrics(), len(found)
    assert count == 2
    assert {"surface_pressure", "wall_shear", "velocity", "volume_pressure"} <= set(metrics)
    assert not any(key.startswith("C_D") for key in metrics)
    assert last_event(final_scores(checkpoint, root=runs, device="cpu"))["scores"][0]["C_D"] is None


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
    assert not ahmedml.must_store(tmp_path, "run_3")
    for path in ahmedml.run_files(tmp_path, "run_3"):
        path.unlink()
    again = ahmedml.read_run(tmp_path, "run_3").cloud
    for name in ("points", "features", "fields"):
        assert torch.equal(getattr(again, name), getattr(first, name))


def test_runs_are_read_once(runs: Path) -> None:
    events = list(prepare("ahmedml", "train", runs, 3))
    assert [(event.done, event.total) for event in events] == [(1, 3), (2, 3), (3, 3)]
    assert [event.name for event in events] == [
        f"run_{run}" for run in ahmedml.split_runs("train")[:3]
    ]
    assert [event.total for event in prepare("ahmedml", "train", runs, None)] == [1]
    assert list(prepare("ahmedml", "train", runs, None)) == []
    assert list(prepare("elasticity", "train", runs, None)) == []


def test_absent_runs_are_counted_but_for_kept_ones(runs: Path) -> None:
    wanted = [f"run_{run}" for run in ahmedml.split_runs("test")]
    list(prepare("ahmedml", "test", runs, None))
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
    surface = tmp_path / "run_3" / "boundary_3.vtp"
    for spoil in (
        lambda: surface.write_bytes(b"<VTKFile>"),
        lambda: shutil.copy(tmp_path / "run_3" / "volume_3.vtu", surface),
    ):
        spoil()
        with pytest.raises(DataError, match=r"boundary_3\.vtp must be a whole VTK file"):
            ahmedml.read_run(tmp_path, "run_3")
