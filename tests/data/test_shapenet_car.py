"""ShapeNet-Car: the files of one car, from their published layout to a cloud."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import pyvista as pv
import torch
from made_up_adapters import AWAY, cube_sphere, read_car, wind, write_car

from mspt.data.sets import shapenet_car
from mspt.errors import DataError


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


def test_features_of_a_ball_are_known(tmp_path: Path) -> None:
    write_car(tmp_path / "ball", radius=2.0)
    cloud = read_car(tmp_path / "ball")
    points, count = cloud.points.double(), cloud.num_surface
    assert cloud.layout.feature_channels[3] == "distance"
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
