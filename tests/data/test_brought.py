"""Files that people bring: each form gives the same case, and what is none is refused in a line."""

import io
from pathlib import Path

import numpy as np
import pytest
import scipy.io
import torch

from mspt.data.brought.arrays import read_file
from mspt.data.brought.cases import MOST_CASES, neighbor_triangles, read_cases
from mspt.data.case import Case
from mspt.data.export import case_table, csv_bytes, write_case
from mspt.data.files import SHIPPED
from mspt.data.registry import get_dataset
from mspt.data.store import load_split
from mspt.errors import DataError

ELASTICITY, DARCY = get_dataset("elasticity"), get_dataset("darcy")


@pytest.fixture(scope="module")
def case() -> Case:
    return load_split("elasticity", "test", limit=2).case(1)


def npz(**arrays: np.ndarray) -> bytes:
    content = io.BytesIO()
    np.savez(content, **arrays)
    return content.getvalue()


def npy(values: np.ndarray) -> bytes:
    content = io.BytesIO()
    np.save(content, values)
    return content.getvalue()


@pytest.mark.parametrize("form", ["arrays", "one channel", ".csv", ".npz", ".vtp"])
def test_every_form_gives_the_same_case(case: Case, form: str, tmp_path: Path) -> None:
    if form == "arrays":
        content, name = npz(points=case.points, fields=case.fields), "a.npz"
    elif form == "one channel":
        content, name = npz(points=case.points, truth=case.fields[:, 0]), "a.npz"
    elif form == ".csv":
        content, name = csv_bytes(case_table(case)), "a.csv"
    else:  # what the command `solve` writes
        path = tmp_path / f"a{form}"
        write_case(path, case)
        content, name = path.read_bytes(), path.name
    (found,) = read_cases({name: content}, ELASTICITY)
    torch.testing.assert_close(found.points, case.points, rtol=1e-6, atol=1e-7)
    assert found.truth is not None
    torch.testing.assert_close(found.truth, case.fields, rtol=1e-6, atol=0)
    assert found.case().dataset == "elasticity"
    if form in (".npz", ".vtp"):
        assert torch.equal(found.triangles, case.triangles)


def test_a_split_of_this_project_gives_its_first_cases() -> None:
    content = (SHIPPED / "darcy" / "test.npz").read_bytes()
    found, cases = read_cases({"test.npz": content}, DARCY), load_split("darcy", "test")
    assert len(found) == MOST_CASES
    for row in (0, MOST_CASES - 1):
        assert torch.equal(found[row].features, cases.features[row])
        assert torch.equal(found[row].truth, cases.fields[row])
    assert len({one.name for one in found}) == MOST_CASES


def test_published_files_are_told_by_their_names_and_shapes() -> None:
    points = np.random.default_rng(0).random((972, 2, 3))
    stress = np.random.default_rng(1).random((972, 3))
    names = ("Random_UnitCell_XY_10.npy", "Random_UnitCell_sigma_10.npy")
    found = read_cases({names[0]: npy(points), names[1]: npy(stress)}, ELASTICITY)
    assert [one.dataset for one in found] == ["elasticity"] * 3
    np.testing.assert_allclose(found[2].points, points[..., 2], rtol=1e-6)
    np.testing.assert_allclose(found[2].truth[:, 0], stress[:, 2], rtol=1e-6)
    with pytest.raises(DataError, match="bring all of its files together"):
        read_cases({names[0]: npy(points)}, ELASTICITY)


def test_a_matlab_file_of_the_published_flow_is_read() -> None:
    rng, content = np.random.default_rng(0), io.BytesIO()
    u = rng.random((2, 64, 64, 20))
    scipy.io.savemat(content, {"u": u, "note": "text"}, do_compression=True)
    found = read_cases({"some.mat": content.getvalue()}, get_dataset("navier_stokes_public"))
    np.testing.assert_allclose(
        found[1].features.reshape(64, 64, 10), u[1, ..., :10], rtol=1e-6, atol=1e-7
    )
    np.testing.assert_allclose(
        found[1].truth.reshape(64, 64, 10), u[1, ..., 10:], rtol=1e-6, atol=1e-7
    )


def test_a_cloud_without_truth_or_model_keeps_its_points() -> None:
    cloud = np.random.default_rng(0).random((50, 3))
    (found,) = read_cases({"scan.npz": npz(points=cloud)}, None)
    np.testing.assert_allclose(found.points, cloud, rtol=1e-6)
    assert found.dataset is found.truth is found.features is None


GOOD = np.random.default_rng(2).random((20, 2))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.txt", b"1 2", "must be one of .npz"),
        ("a.npz", b"", "which is empty"),
        ("a.npz", b"PK\x03\x04 cut", "no whole .npz file"),
        ("a.npz", npz(points=GOOD[:3]), "8 to 100,000 points"),
        ("a.npz", npz(points=np.full((20, 2), np.nan)), "points must be finite"),
        ("a.npz", npz(points=GOOD, fields=np.zeros((20, 2))), "fields must have 1 columns"),
        ("a.npz", npz(points=GOOD, fields=np.zeros(19)), "hold fields for 1 x 20 points"),
        ("a.npz", npz(points=np.zeros((20, 3))), "must have 2 coordinates, got 3"),
        ("a.npz", npz(points=GOOD, triangles=np.array([[0, 1, 20]])), "rows of 3 of the 20 points"),
        ("a.npz", npz(points=np.array(["a", "b"])), "must have columns x and y"),
        ("a.csv", b"x,y\n1,two\n", "column 'y' holds other things"),
        ("a.csv", b"only words\n", "without columns"),
        ("a.vtp", b"<VTKFile>", "no whole .vtp file"),
        ("a.mat", b"MATLAB", "no whole .mat file"),
    ],
)
def test_what_is_no_case_is_refused_in_one_line(name: str, content: bytes, words: str) -> None:
    with pytest.raises(DataError) as refused:
        read_cases({name: content}, ELASTICITY)
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


def test_missing_inputs_are_named() -> None:
    table = b"x,y\n" + b"\n".join(b"%f,%f" % tuple(row) for row in GOOD)
    with pytest.raises(DataError, match="must have a column permeability"):
        read_cases({"a.csv": table}, DARCY)


def test_objects_in_a_file_are_not_unpickled() -> None:
    content = io.BytesIO()
    np.savez(content, points=np.array([{"a": 1}], dtype=object))
    with pytest.raises(DataError, match=r"no whole \.npz file"):
        read_file(content.getvalue(), "a.npz")


def test_an_archive_that_claims_too_much_is_refused() -> None:
    content = io.BytesIO()
    np.savez_compressed(content, points=np.zeros(45_000_000))
    with pytest.raises(DataError, match="more than 320 MB"):
        read_file(content.getvalue(), "a.npz")


def test_triangles_leave_holes_open() -> None:
    angle = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    rings = [radius * np.stack([np.cos(angle), np.sin(angle)], 1) for radius in (1.0, 0.9, 0.8)]
    points = torch.from_numpy(np.concatenate(rings)).float()
    found = neighbor_triangles(points)
    assert found is not None
    centers = points[found].mean(1).norm(dim=1)
    assert centers.min() > 0.7
    assert len(found) >= 2 * 2 * 60  # two triangles for each cell between two rings
    assert neighbor_triangles(torch.zeros(9, 2)) is None
