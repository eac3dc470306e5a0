"""The published files of the six standard sets: rows, channels, errors, and what can be wrong."""

import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import scipy
import torch
from hypothesis import given
from hypothesis import strategies as st
from made_up_arrays import SMALL, SPLITS, small, write_small
from numpy import ndarray

from mspt.checkpoint import Checkpoint
from mspt.cli.main import main
from mspt.data import registry
from mspt.data.dataset import Request
from mspt.data.registry import get_dataset
from mspt.data.sets._public_arrays import PublicArray
from mspt.data.sets.standard import STANDARD
from mspt.errors import DataError
from mspt.evaluation.score import score
from mspt.inference.predict import predict_cases
from mspt.models.registry import build_model
from mspt.progress import last_event
from mspt.training.batches import fit_normalizer

NAMES = list(SMALL)
Files = dict[str, dict[str, ndarray]]


@pytest.fixture
def smalls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put small data sets in place of those of the published sizes, under the same names."""
    monkeypatch.setattr(registry, "_DATASETS", [small(name) for name in NAMES])


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Files]]:
    """A folder with the files of all six, and what they hold."""
    root = tmp_path_factory.mktemp("published")
    return root, {name: write_small(root, name, seed=k) for k, name in enumerate(NAMES)}


# ---- rows, strides and channels, restated after the published loaders


def last_rows(values: ndarray, part: str) -> ndarray:
    """The first 6 rows are published training cases, two of which validate; the last 3 test."""
    return {"train": values[:6][:4], "validation": values[:6][-2:], "test": values[-3:]}[part]


def next_rows(values: ndarray, part: str) -> ndarray:
    """The same, but the 3 rows after the training cases test."""
    return values[6:9] if part == "test" else last_rows(values, part)


def unit_square(rows: int, columns: int) -> ndarray:
    x, y = np.meshgrid(np.linspace(0, 1, columns), np.linspace(0, 1, rows))
    return np.c_[x.ravel(), y.ravel()]


def restated(name: str, files: Files, part: str) -> tuple[ndarray, ndarray, ndarray]:
    """Points, features and fields of a split."""
    if name == "elasticity_public":
        xy = last_rows(files["Random_UnitCell_XY_10.npy"][""].transpose(2, 0, 1), part)
        sigma = last_rows(files["Random_UnitCell_sigma_10.npy"][""].transpose(1, 0), part)
        return xy, np.zeros((*sigma.shape, 0)), sigma[..., None]
    if name == "plasticity_public":
        arrays = files["plas_N987_T20.mat"]
        die, frames = (last_rows(arrays[key], part) for key in ("input", "output"))
        over = np.stack([die] * 5, axis=-1).reshape(len(die), 35, 1)
        return unit_square(7, 5), over, frames.reshape(len(die), 35, 80)
    if name == "navier_stokes_public":
        u = last_rows(files["NavierStokes_V1e-5_N1200_T20.mat"]["u"], part).reshape(-1, 64, 20)
        return unit_square(8, 8), u[..., :10], u[..., 10:]
    if name == "darcy_public":
        number = 2 if part == "test" else 1
        arrays = files[f"piececonst_r421_N1024_smooth{number}.mat"]
        first = {"train": slice(4), "validation": slice(4, 6), "test": slice(3)}[part]
        a, u = (arrays[key][first, ::5, ::5].reshape(-1, 25, 1) for key in ("coeff", "sol"))
        return unit_square(5, 5), a, u
    stem, channel = {"airfoil_public": ("NACA_Cylinder", 4), "pipe_public": ("Pipe", 0)}[name]
    x, y, q = (next_rows(files[f"{stem}_{axis}.npy"][""], part) for axis in "XYQ")
    points = np.stack([x, y], axis=-1).reshape(len(x), -1, 2)
    return points, points, q[:, channel].reshape(len(x), -1, 1)


@pytest.mark.usefixtures("smalls")
@pytest.mark.parametrize("part", list(SPLITS))
@pytest.mark.parametrize("name", NAMES)
def test_cases_are_those_of_the_published_loaders(
    held: tuple[Path, dict[str, Files]], name: str, part: str
) -> None:
    root, files = held
    dataset = get_dataset(name)
    cases = dataset.cases(part, root=root)
    expected = restated(name, files[name], part)
    for found, values in zip((cases.features, cases.fields), expected[1:], strict=True):
        np.testing.assert_array_equal(found, values.astype(np.float32))
    places = np.broadcast_to(expected[0], cases.points.shape)
    np.testing.assert_allclose(cases.points, places, rtol=1e-6)
    assert cases.names == dataset.names(part, root=root)
    some = dataset.cases(part, root=root, limit=2)
    assert some.names == cases.names[:2]
    assert torch.equal(some.fields, cases.fields[:2])
    one = dataset.load(cases.names[-1], root=root)
    assert (one.name, one.dataset) == (cases.names[-1], name)
    assert torch.equal(one.fields, cases.fields[-1])
    assert torch.equal(one.points, cases.points[-1])


ROWS = {  # rows of each file, published training and test cases
    "elasticity_public": (np.arange(2000), 1000, slice(-200, None)),
    "plasticity_public": (np.arange(987), 900, slice(-80, None)),
    "airfoil_public": (np.arange(2490), 1000, slice(1000, 1200)),
    "pipe_public": (np.arange(2310), 1000, slice(1000, 1200)),
    "navier_stokes_public": (np.arange(1200), 1000, slice(-200, None)),
    "darcy_public": (np.arange(1024), 1000, slice(200)),  # of a file of its own
}
SHAPES = {
    "elasticity_public": {(972, 2, 2000), (972, 2000)},
    "plasticity_public": {(987, 101), (987, 101, 31, 20, 4)},
    "airfoil_public": {(2490, 221, 51), (2490, 5, 221, 51)},
    "pipe_public": {(2310, 129, 129), (2310, 3, 129, 129)},
    "navier_stokes_public": {(1200, 64, 64, 20)},
    "darcy_public": {(1024, 421, 421)},
}


@pytest.mark.parametrize("dataset", STANDARD, ids=lambda one: one.name)
def test_published_rows_are_divided_as_published(dataset: registry.Dataset) -> None:
    rows, num_train, test = ROWS[dataset.name]
    found = {
        split: list(dataset.source.rows(dataset, split, dataset.indices(split)))
        for split in dataset.splits
    }
    assert found["train"] + found["validation"] == list(rows[:num_train])
    assert len(found["validation"]) == 100
    assert found["test"] == list(rows[test])
    full = {
        (*one.shape, len(rows)) if one.last_axis else (len(rows), *one.shape)
        for one in dataset.source.arrays
    }
    assert full == SHAPES[dataset.name]


def test_of_numpy_files_of_the_published_size_only_what_is_used_is_read(tmp_path: Path) -> None:
    shapes = {"X": (2310, 129, 129), "Y": (2310, 129, 129), "Q": (2310, 3, 129, 129)}
    for axis, shape in shapes.items():  # files with holes: nearly 2 GB that take no space
        values = np.lib.format.open_memmap(tmp_path / f"Pipe_{axis}.npy", "w+", float, shape)
        values[1000] = ord(axis)
        values.flush()
    dataset = get_dataset("pipe_public")
    tracemalloc.start()
    cases = dataset.cases("test", root=tmp_path, limit=2)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert cases.names[0] == "pipe_public-1000"
    assert cases.points[0].unique(dim=0).tolist() == [[ord("X"), ord("Y")]]
    assert cases.fields.shape == (2, 129 * 129, 1)
    assert cases.fields[:, 0, 0].tolist() == [ord("Q"), 0]
    assert peak < 5e6
    assert dataset.source.at_hand(dataset, tmp_path) == dict(dataset.splits)


@given(
    num_rows=st.integers(1, 6),
    shape=st.lists(st.integers(1, 4), min_size=1, max_size=3).map(tuple),
    last_axis=st.booleans(),
    first=st.integers(0, 5),
    step=st.integers(1, 3),
)
def test_rows_and_strides_of_any_array_are_read(
    tmp_path_factory: pytest.TempPathFactory,
    num_rows: int,
    shape: tuple[int, ...],
    last_axis: bool,  # noqa: FBT001
    first: int,
    step: int,
) -> None:
    values = np.arange(num_rows * np.prod(shape), dtype=float).reshape(num_rows, *shape)
    path = tmp_path_factory.getbasetemp() / "any.npy"
    np.save(path, np.stack(list(values), axis=-1) if last_axis else values)
    rows = range(min(first, num_rows - 1), num_rows)
    array = PublicArray(
        file=path.name, shape=shape, last_axis=last_axis, pick=(slice(None, None, step),)
    )
    array.check(path, num_rows)
    found = array.read(path, rows)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, [values[row][::step] for row in rows])
    with pytest.raises(DataError, match=rf"at least {num_rows + 1}"):
        array.check(path, num_rows + 1)


# ---- trained on and scored


@pytest.mark.usefixtures("smalls")
@pytest.mark.parametrize("name", NAMES)
def test_errors_are_means_over_cases_of_all_points_and_channels(
    held: tuple[Path, dict[str, Files]], name: str
) -> None:
    root, files = held
    dataset = get_dataset(name)
    preset = dataset.presets[name]
    normalizer = fit_normalizer(dataset.cases("train", root=root), preset.model)
    model = build_model(preset.model, seed=0).eval()
    checkpoint = Checkpoint(model, preset.model, normalizer, {"dataset": name})
    found = last_event(score(checkpoint, "test", root=root, device="cpu"))
    _, _, truth = restated(name, files[name], "test")
    cases = dataset.cases("test", root=root)
    predicted = predict_cases(checkpoint, cases.points, cases.features, device="cpu")
    errors = [
        np.linalg.norm(one.fields.double().numpy() - true) / np.linalg.norm(true)
        for one, true in zip(predicted, truth, strict=True)
    ]
    assert found.metrics()["relative_l2"] == pytest.approx(np.mean(errors), rel=1e-5)
    # The mean that models start from is that of the training cases alone.
    _, _, seen = restated(name, files[name], "train")
    if name != "navier_stokes_public":  # there one mean over all frames
        np.testing.assert_allclose(normalizer.fields_mean, seen.mean((0, 1)), atol=1e-6)


@pytest.mark.usefixtures("smalls")
def test_train_and_evaluate_run_from_the_command_line(
    held: tuple[Path, dict[str, Files]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "darcy_public"
    shared = ["--data", str(held[0]), "--device", "cpu", "--json"]
    assert main(["train", name, "--out", str(tmp_path / "run"), *shared]) == 0
    trained = json.loads(capsys.readouterr().out)
    assert (trained["complete"], trained["train_cases"]) == (True, 4)
    assert [one["name"] for one in trained["scores"]] == [
        f"{name}-000{index}" for index in (6, 7, 8)
    ]
    assert main(["evaluate", trained["checkpoint"], *shared]) == 0
    scored = json.loads(capsys.readouterr().out)
    assert (scored["dataset"], scored["cases"]) == (name, 3)
    assert scored["metrics"]["relative_l2"] == pytest.approx(trained["metrics"]["relative_l2"])


@pytest.mark.usefixtures("smalls")
def test_each_split_needs_its_own_files_only(tmp_path: Path) -> None:
    write_small(tmp_path, "darcy_public")
    dataset = get_dataset("darcy_public")
    (tmp_path / "piececonst_r421_N1024_smooth1.mat").unlink()
    assert len(dataset.cases("test", root=tmp_path)) == 3
    assert dataset.source.at_hand(dataset, tmp_path) == {"train": 0, "validation": 0, "test": 3}
    with pytest.raises(
        DataError,
        match=r"darcy_public must have the file piececonst_r421_N1024_smooth1\.mat, got "
        r"piececonst_r421_N1024_smooth2\.mat in '.*'; get it: FNO of Li et al\. 2021, .*Transolver",
    ):
        dataset.cases("train", root=tmp_path)


@pytest.mark.usefixtures("smalls")
@pytest.mark.parametrize("below", ["elasticity/Meshes", "Meshes", "elasticity_public/Meshes", "."])
def test_files_are_found_in_the_published_folders(tmp_path: Path, below: str) -> None:
    write_small(tmp_path / below, "elasticity_public")
    assert len(get_dataset("elasticity_public").names("test", root=tmp_path)) == 3


# ---- settings


def test_presets_have_the_published_settings() -> None:
    # K, width, batch size, optimizer, rate, decay; then Transolver's width, ratio, slices, batch
    published = {
        "elasticity_public": (32, 128, 1, "lion", 5e-5, 5e-2, 128, 1, 64, 1),
        "plasticity_public": (32, 128, 8, "adamw", 1e-3, 1e-5, 128, 1, 64, 8),
        "airfoil_public": (106, 128, 8, "adamw", 1e-3, 1e-4, 128, 1, 64, 4),
        "pipe_public": (64, 128, 4, "adamw", 1e-3, 1e-5, 128, 2, 64, 8),
        "navier_stokes_public": (32, 256, 2, "adamw", 1e-3, 1e-5, 256, 1, 32, 2),
        "darcy_public": (600, 256, 1, "lion", 5e-5, 5e-2, 128, 1, 64, 4),
    }
    for dataset in STANDARD:
        own, other = dataset.presets.values()
        assert (
            own.model.num_patches,
            own.model.width,
            own.train.batch_size,
            own.train.optimizer,
            own.train.learning_rate,
            own.train.weight_decay,
            other.model.width,
            other.model.mlp_ratio,
            other.model.num_slices,
            other.train.batch_size,
        ) == published[dataset.name]
        for preset in (own, other):
            assert (preset.model.num_blocks, preset.model.num_heads) == (8, 8)
            assert (preset.train.epochs, preset.train.ema_decay) == (500, 0)
        assert (own.model.mlp_ratio, own.model.num_supernodes) == (2, 1)
        on_grid = dataset.name in ("darcy_public", "navier_stokes_public")
        assert own.model.unified_position == (8 if on_grid else 0)
        assert other.train.optimizer == "adamw"


# ---- what can be wrong


def spoiled(path: Path, change: Callable[[dict[str, ndarray]], object]) -> None:
    """Change what a file holds."""
    if path.suffix == ".npy":
        arrays = {"": np.load(path)}
        change(arrays)
        np.save(path, arrays[""])
    else:
        arrays = {k: v for k, v in scipy.io.loadmat(path).items() if not k.startswith("__")}
        change(arrays)
        scipy.io.savemat(path, arrays)


def write_nan(arrays: dict[str, ndarray], key: str, row: int) -> None:
    arrays[key][row].flat[0] = np.nan


NS, PIPE_Q = "NavierStokes_V1e-5_N1200_T20.mat", "Pipe_Q.npy"


@pytest.mark.usefixtures("smalls")
@pytest.mark.parametrize(
    ("name", "file", "change", "message"),
    [
        (
            "navier_stokes_public",
            NS,
            lambda arrays: arrays.update(w=arrays.pop("u")),
            "must hold an array named u, got w",
        ),
        (
            "navier_stokes_public",
            NS,
            lambda arrays: arrays.update(u=arrays["u"][..., 1:]),
            r"must hold u of shape \(at least 12, 8, 8, 20\), got \(12, 8, 8, 19\)",
        ),
        (
            "navier_stokes_public",
            NS,
            lambda arrays: arrays.update(u=arrays["u"][:11]),
            r"must hold u of shape \(at least 12, 8, 8, 20\), got \(11, 8, 8, 20\)",
        ),
        (
            "navier_stokes_public",
            NS,
            lambda arrays: write_nan(arrays, "u", 10),
            "must hold finite values, got NaN or infinity in row 10 of u",
        ),
        (
            "navier_stokes_public",
            NS,
            lambda arrays: arrays.update(u=1j * arrays["u"]),
            "must hold real numbers, got values of type complex128",
        ),
        (
            "pipe_public",
            PIPE_Q,
            lambda arrays: write_nan(arrays, "", 8),
            "must hold finite values, got NaN or infinity in row 8",
        ),
        (
            "pipe_public",
            PIPE_Q,
            lambda arrays: arrays.update({"": arrays[""][:, 0]}),
            r"must hold an array of shape \(at least 9, 3, 6, 7\), got \(12, 6, 7\)",
        ),
        (
            "pipe_public",
            PIPE_Q,
            lambda arrays: arrays.update({"": arrays[""].astype(str)}),
            "must hold real numbers, got values of type <U32",
        ),
        (
            "elasticity_public",
            "Random_UnitCell_XY_10.npy",
            lambda arrays: arrays.update({"": arrays[""].transpose(2, 0, 1)}),
            r"must hold an array of shape \(12, 2, at least 12\), got \(12, 12, 2\)",
        ),
    ],
)
def test_wrong_arrays_are_named(
    tmp_path: Path, name: str, file: str, change: Callable, message: str
) -> None:
    write_small(tmp_path, name)
    spoiled(tmp_path / file, change)
    dataset = get_dataset(name)
    with pytest.raises(DataError, match=rf"^{file} {message}; published with .*FNO of Li et al"):
        dataset.cases("test", root=tmp_path)


@pytest.mark.usefixtures("smalls")
def test_rows_that_are_not_used_may_hold_anything(tmp_path: Path) -> None:
    write_small(tmp_path, "pipe_public")
    spoiled(tmp_path / PIPE_Q, lambda arrays: write_nan(arrays, "", 9))
    spoiled(tmp_path / PIPE_Q, lambda arrays: arrays[""][:, 1:].fill(np.nan))
    assert len(get_dataset("pipe_public").cases("test", root=tmp_path)) == 3


@pytest.mark.usefixtures("smalls")
@pytest.mark.parametrize("share", [0.0, 0.01, 0.1, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("name", ["navier_stokes_public", "pipe_public"])
def test_truncated_files_are_refused(tmp_path: Path, name: str, share: float) -> None:
    write_small(tmp_path, name)
    path = tmp_path / {"navier_stokes_public": NS, "pipe_public": PIPE_Q}[name]
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    dataset = get_dataset(name)
    with pytest.raises(DataError, match=rf"^{path.name} must ") as refused:
        dataset.cases("test", root=tmp_path)
    assert "\n" not in str(refused.value)


@pytest.mark.usefixtures("smalls")
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + bytes(400),
            "must be a MATLAB file up to version 7, as published, got version 7.3; save it with",
        ),
        (b"<html>Sign in</html>" * 50, r"must be a whole \.mat file, got one that"),
    ],
)
def test_files_of_another_kind_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / NS).write_bytes(content)
    with pytest.raises(DataError, match=message):
        get_dataset("navier_stokes_public").cases("test", root=tmp_path)


@pytest.mark.usefixtures("smalls")
def test_pickled_objects_are_never_loaded(tmp_path: Path) -> None:
    write_small(tmp_path, "pipe_public")
    np.save(tmp_path / PIPE_Q, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match=r"Pipe_Q\.npy must be a whole \.npy file"):
        get_dataset("pipe_public").cases("test", root=tmp_path)


@pytest.mark.parametrize("dataset", STANDARD, ids=lambda one: one.name)
def test_absent_files_are_named_on_the_command_line(
    dataset: registry.Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = ["--data", str(tmp_path), "--out", str(tmp_path / "run")]
    assert main(["train", dataset.name, *run]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith(f"error: --data must be a folder with {dataset.source.arrays[0].file}")
    assert "thuml/Transolver" in line
    assert "no licence is stated" in line
    with pytest.raises(DataError, match="must be one that is generated here"):
        list(dataset.source.generate(dataset, Request(out=tmp_path)))
    with pytest.raises(DataError, match="must be one that is generated here"):
        dataset.source.ship(dataset, tmp_path, tmp_path, {})
