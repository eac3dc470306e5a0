import errno
import os
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import pyvista as pv
import trimesh

from mspt.errors import OutputError
from mspt.geometry.bodies.families import draw_body
from mspt.geometry.files import writers
from mspt.geometry.files.readers import read_mesh
from mspt.geometry.files.writers import write_stl, write_vtp
from mspt.geometry.mesh import SurfaceMesh, box

BRICK = box((1, 2, 3), (2, 4, 6))
WRITERS = {".stl": write_stl, ".vtp": write_vtp}
Writer = Callable[[Path, SurfaceMesh], None]


@pytest.mark.parametrize("suffix", WRITERS)
def test_reader_gives_back_what_was_written(suffix: str, tmp_path: Path) -> None:
    mesh = draw_body("block", 2).mesh
    WRITERS[suffix](tmp_path / f"body{suffix}", mesh)
    found = read_mesh(tmp_path / f"body{suffix}")
    assert len(found.triangles) == len(mesh.triangles)
    np.testing.assert_allclose(found.corners, mesh.corners, atol=1e-7)


def test_trimesh_reads_the_same_triangles(tmp_path: Path) -> None:
    write_stl(tmp_path / "brick.stl", BRICK)
    found = trimesh.load_mesh(tmp_path / "brick.stl", process=False)
    np.testing.assert_allclose(found.triangles, BRICK.corners)
    np.testing.assert_allclose(found.face_normals, BRICK.normals)


def test_stl_holds_the_normals(tmp_path: Path) -> None:
    write_stl(tmp_path / "brick.stl", BRICK)
    records = np.fromfile(tmp_path / "brick.stl", writers.STL_RECORD, offset=84)
    np.testing.assert_allclose(records["normal"], BRICK.normals)


def test_vtp_holds_fields_of_the_triangles(tmp_path: Path) -> None:
    fields = {"C_p": np.arange(12.0), "C_f": np.arange(36, dtype=np.float32).reshape(12, 3)}
    write_vtp(tmp_path / "brick.vtp", BRICK, cell_fields=fields)
    found = pv.read(tmp_path / "brick.vtp")
    assert set(found.cell_data.keys()) == {"C_p", "C_f"}
    for name, values in fields.items():
        np.testing.assert_array_equal(found.cell_data[name], values)
    np.testing.assert_array_equal(found.points, BRICK.vertices)
    np.testing.assert_array_equal(found.regular_faces, BRICK.triangles)


def test_field_must_have_one_entry_per_triangle(tmp_path: Path) -> None:
    message = "field 'C_p' must have one entry per triangle, 12, got 8"
    with pytest.raises(ValueError, match=message):
        write_vtp(tmp_path / "brick.vtp", BRICK, cell_fields={"C_p": np.zeros(8)})


@pytest.mark.parametrize("suffix", WRITERS)
def test_name_must_end_as_the_format_does(suffix: str, tmp_path: Path) -> None:
    message = re.escape(f"path must end in {suffix}, got 'brick.txt'")
    with pytest.raises(ValueError, match=message):
        WRITERS[suffix](tmp_path / "brick.txt", BRICK)


@pytest.mark.parametrize("suffix", WRITERS)
def test_folders_are_made_and_nothing_else_is_left(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / f"BRICK{suffix.upper()}"
    WRITERS[suffix](path, BRICK)
    assert list(path.parent.iterdir()) == [path]


def test_file_is_there_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "brick.stl"
    write_stl(path, BRICK)
    before = path.read_bytes()

    def broken(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(OutputError, match=r"brick\.stl must be written whole, got a full disk"):
        write_stl(path, draw_body("block", 2).mesh)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
