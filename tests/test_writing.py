"""Results are there whole or not at all, also on a full disk and beyond a limit."""

import ast
import csv
import errno
import os
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from made_up_meshes import BRICK

from mspt.checkpoint import load_checkpoint, save_checkpoint
from mspt.cli.ablate import COLUMNS, append_row
from mspt.cli.main import main
from mspt.data.files import write_arrays, write_json
from mspt.errors import OutputError
from mspt.geometry.files.readers import read_mesh, read_mesh_bytes
from mspt.geometry.files.writers import write_stl, write_vtp
from mspt.geometry.mesh import SurfaceMesh
from mspt.writing import PARTIAL, remove_partial, write_bytes, write_text

resource = pytest.importorskip("resource", reason="limits of a process")
ROOT = Path(__file__).parents[1]
FULL = "must be written whole, got a full disk; free some space, or choose another folder and run"
LIMITED = "got a limit of the size of files; raise it (ulimit -f) and run this again"


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def fsync(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fsync)


@pytest.fixture
def limited_files() -> Iterator[None]:
    """Let the system refuse to write more than 2 kB of a file, which is what a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def copy_of_checkpoint(path: Path) -> None:
    one = load_checkpoint(ROOT / "pretrained" / "darcy.safetensors")
    save_checkpoint(
        path, model=one.model, config=one.config, normalizer=one.normalizer, info=one.info
    )


WRITERS: dict[str, Callable[[Path], None]] = {
    "arrays.npz": lambda path: write_arrays(path, {"noise": np.random.default_rng(0).random(900)}),
    "values.json": lambda path: write_json(path, {"long": "a" * 5000}),
    "bricks.stl": lambda path: write_stl(path, BRICKS),
    "brick.vtp": lambda path: write_vtp(path, BRICK, cell_fields={"C": np.arange(12.0)}),
    "text.csv": lambda path: write_text(path, "1,2\n" * 900),
    "copy.safetensors": copy_of_checkpoint,
}
BRICKS = SurfaceMesh(BRICK.vertices, np.tile(BRICK.triangles, (9, 1)))


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.usefixtures("limited_files")
def test_a_file_that_does_not_fit_leaves_the_one_before_and_nothing_else(
    name: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_bytes(b"before")
    with pytest.raises(OutputError) as refused:
        WRITERS[name](path)
    assert str(refused.value) == f"{name} must be written whole, {LIMITED}"
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("suffix", [".vtp", ".npz", ".csv"])
@pytest.mark.usefixtures("limited_files")
def test_commands_on_a_full_disk_end_with_one_line_and_leave_what_was_there(
    suffix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / f"result{suffix}"
    path.write_bytes(b"before")
    assert main(["solve", "darcy-1100", "--out", str(path)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == f"error: {path.name} must be written whole, {LIMITED}\n"
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.usefixtures("full_disk")
def test_a_row_that_does_not_fit_leaves_the_table_as_it_was(tmp_path: Path) -> None:
    for before in (
        "",
        ",".join(COLUMNS) + "\n" + "a," * (len(COLUMNS) - 1) + "b\n",
        "dataset\na\n",
    ):
        path = tmp_path / "rows.csv"
        path.write_text(before, encoding="utf-8")
        with pytest.raises(OutputError, match=f"^rows.csv {FULL}"):
            append_row(path, {"dataset": "darcy"})
        assert path.read_text(encoding="utf-8") == before


def test_a_row_follows_one_that_a_killed_process_has_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    append_row(path, {"dataset": "darcy", "seed": 1})
    with path.open("a", encoding="utf-8") as file:
        file.write("darcy,da")
    append_row(path, {"dataset": "darcy", "seed": 2})
    with path.open(encoding="utf-8", newline="") as file:
        found = [row["seed"] for row in csv.DictReader(file)]
    assert found == ["1", None, "2"]


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (errno.ENOSPC, "got a full disk; free some space"),
        (errno.EROFS, "got a folder that is read only; choose another folder"),
        (errno.EACCES, "got a folder without the right to write; choose another folder"),
        (errno.EXDEV, f"got {os.strerror(errno.EXDEV).lower()}; choose another folder"),
    ],
)
def test_reasons_are_said_in_words(
    code: int, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(Path, "replace", refused)
    with pytest.raises(OutputError, match=f"^a.txt must be written whole, {reason}"):
        write_text(tmp_path / "a.txt", "text")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("file/below.txt", "got a file in the place of its folder"),
        ("folder", "got a folder of this name; choose another name"),
        ("a" * 300, "got a name that is too long; choose a shorter one"),
        ("null\0byte", "embedded null byte"),
    ],
)
def test_places_that_cannot_be_written_are_refused(name: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError, match=reason):
        write_bytes(tmp_path / name, b"content")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


def test_a_device_is_not_replaced_by_a_file(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(OutputError, match="must be written whole"):
        write_bytes(pipe, b"content")
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_link_stays_and_rights_stay(tmp_path: Path) -> None:
    real, link = tmp_path / "real.txt", tmp_path / "link.txt"
    real.write_text("before")
    real.chmod(0o600)
    link.symlink_to(real)
    write_text(link, "after")
    assert link.is_symlink()
    assert real.read_text() == "after"
    assert stat.S_IMODE(real.stat().st_mode) == 0o600


def test_a_name_as_long_as_the_system_allows_can_be_written(tmp_path: Path) -> None:
    write_text(tmp_path / ("a" * 255), "content")
    assert [path.name for path in tmp_path.iterdir()] == ["a" * 255]


def test_readers_meet_whole_files_while_others_write(tmp_path: Path) -> None:
    path = tmp_path / "brick.vtp"
    write_vtp(path, BRICK)
    threads = [
        threading.Thread(target=lambda: [write_vtp(path, BRICK) for _ in range(10)])
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    seen = []
    while any(thread.is_alive() for thread in threads):
        seen.append(path.read_bytes())
    for thread in threads:
        thread.join()
    assert len(set(seen)) <= 1
    assert read_mesh(path).volume == pytest.approx(6.0)


def test_what_killed_processes_leave_is_removed(tmp_path: Path) -> None:
    (tmp_path / f".123-abc{PARTIAL}").touch()
    (tmp_path / "00001.npz").touch()
    remove_partial(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["00001.npz"]


@pytest.mark.usefixtures("limited_files")
def test_an_upload_for_which_there_is_no_space_is_refused_in_one_line() -> None:
    with pytest.raises(OutputError, match=r"^shape\.stl must be written whole, got a limit of the"):
        read_mesh_bytes(bytes(5000), suffix=".stl")


# ---- every module writes its results in this way

ALLOWED = {
    "mspt/writing.py": "the function itself",
    "mspt/cli/ablate.py": "appends to a table under a lock",
    "mspt/cli/queue.py": "logs of jobs",
    "mspt/solvers/openfoam/dictionary.py": "inputs of a program, in a temporary folder",
    "mspt/solvers/openfoam/run.py": "logs of programs, in a temporary folder",
    "mspt/data/apart.py": "a message to another process, in a temporary folder",
    "mspt/geometry/files/readers.py": "a message to another process, in a temporary folder",
    "mspt/data/brought/arrays.py": "a message to another process, in a temporary folder",
    "mspt/data/brought/_process.py": "replies to another process, in a pipe",
    "mspt/geometry/files/_process.py": "replies to another process, in a pipe",
    "mspt/priority.py": "a setting of the system",
    "mspt/benchmarks/_peak.py": "a setting of the system",
}
WRITING = {
    "write_text", "write_bytes", "to_csv", "to_json", "to_parquet", "savetxt", "savez",
    "savez_compressed", "save_file", "tofile", "dump", "screenshot", "save_html", "export_html",
    "write_image", "mkstemp", "NamedTemporaryFile",
}  # fmt: skip
SAVERS = ("np", "numpy", "torch", "mesh", "surface", "grid", "image", "plotter")


def writes(source: str) -> list[int]:
    """Return the lines in which a module writes files other than by the functions for this."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        target = node.func
        name = getattr(target, "attr", getattr(target, "id", ""))
        holder = getattr(getattr(target, "value", None), "id", "")
        given = [*node.args, *(word.value for word in node.keywords)]
        modes = [one.value for one in given if isinstance(one, ast.Constant)]
        to_memory = name == "to_csv" and not node.args
        by_method = isinstance(target, ast.Attribute)
        to_stream = name.startswith("save") and [ast.unparse(one) for one in node.args][:1] == [
            "content"
        ]
        if (
            (name in WRITING and by_method and not to_memory and not to_stream)
            or (name == "save_file")
            or (name == "save" and holder in SAVERS)
            or (name in ("open", "fdopen") and any(m in MODES for m in modes))
        ):
            found.append(node.lineno)
    return found


MODES = ("w", "a", "x", "wb", "ab", "xb", "w+", "a+", "r+", "wb+", "w+b", "a+b", "r+b", "rb+")
MODULES = sorted((ROOT / "mspt").rglob("*.py"))


def test_modules_write_their_results_by_one_function() -> None:
    found = {
        path.relative_to(ROOT).as_posix(): lines
        for path in MODULES
        if (lines := writes(path.read_text(encoding="utf-8")))
    }
    assert {name: lines for name, lines in found.items() if name not in ALLOWED} == {}
    assert found.keys() >= {"mspt/writing.py", "mspt/cli/ablate.py", "mspt/data/apart.py"}


@pytest.mark.parametrize(
    "line",
    [
        "path.write_text('a')",
        "np.savez_compressed(path, a=a)",
        "np.save(path, a)",
        "table.to_csv(path)",
        "mesh.save(path)",
        "save_file(tensors, path)",
        "torch.save(state, path)",
        "path.open('w')",
        "open(path, mode='ab')",
        "json.dump(value, file)",
    ],
)
def test_other_ways_to_write_are_found(line: str) -> None:
    assert writes(line) == [1]
    assert writes("write_text(path, table.to_csv(index=False))\npath.open('rb')") == []
