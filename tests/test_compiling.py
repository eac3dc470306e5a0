"""Compiled functions of an installation that cannot be written."""

import errno
import importlib.util
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from mspt.compiling import private_folder

ROOT = Path(__file__).parents[1]
USE = (
    "import mspt, numpy as np\n"
    "from mspt.geometry.area import _rasterize\n"
    "covered = np.zeros((4, 4), dtype=np.bool_)\n"
    "_rasterize(np.array([[[0.0, 0.0], [4.0, 0.0], [0.0, 4.0]]]), covered)\n"
    "print(mspt.__file__, int(covered.sum()))\n"
)


@pytest.fixture
def read_only(tmp_path: Path) -> dict[str, str]:
    """Return the environment of a process with a copy of the package that it cannot write.

    A file in the place of a folder cannot be written by the superuser either.
    """
    shutil.copytree(ROOT / "mspt", tmp_path / "mspt", ignore=shutil.ignore_patterns("__pycache__"))
    for folder in ("geometry", "partition"):
        (tmp_path / "mspt" / folder / "__pycache__").touch()
    nowhere = dict.fromkeys(("HOME", "XDG_CACHE_HOME", "NUMBA_CACHE_DIR"), "/dev/null/none")
    return os.environ | nowhere | {"PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}


def run(code: str, environment: dict[str, str], folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_code_is_stored_in_a_private_folder_where_nothing_else_can_be_written(
    read_only: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "tmp").mkdir()
    environment = read_only | {"TMPDIR": str(tmp_path / "tmp")}
    expected = f"{tmp_path / 'mspt' / '__init__.py'} 10\n"
    assert run(USE, environment, tmp_path) == expected
    (folder,) = (tmp_path / "tmp").iterdir()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    stored = {path: path.stat().st_mtime_ns for path in folder.rglob("*.nb*")}
    assert any("_rasterize" in path.name for path in stored)
    assert run(USE, environment, tmp_path) == expected
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*.nb*")} == stored


@pytest.mark.slow
def test_functions_work_without_any_folder(read_only: dict[str, str], tmp_path: Path) -> None:
    nowhere = "import tempfile; tempfile.gettempdir = lambda: '/dev/null/none'\n"
    assert run(nowhere + USE, read_only, tmp_path).endswith(" 10\n")


@pytest.mark.skipif(os.name == "nt", reason="modes of Windows say nothing")
def test_a_folder_that_others_can_write_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path))
    folder = private_folder()
    assert folder is not None
    assert folder.parent == tmp_path
    folder.chmod(0o777)
    assert private_folder() is None
    folder.rmdir()
    (tmp_path / "other").mkdir()
    folder.symlink_to(tmp_path / "other")
    assert private_folder() is None
    folder.unlink()
    folder.touch()
    assert private_folder() is None


SOURCE = "from mspt.compiling import compiled\n@compiled()\ndef twice(x):\n    return 2 * x\n"


def loaded(path: Path) -> Callable[[float], float]:
    """Return the function of a module as a new process would load it."""
    spec = importlib.util.spec_from_file_location("made_up_compiled", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.twice


def test_damaged_machine_code_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "made_up_compiled.py"
    path.write_text(SOURCE, encoding="utf-8")
    assert loaded(path)(2.0) == 4.0
    (index,) = (tmp_path / "__pycache__").glob("*.nbi")
    (code,) = (tmp_path / "__pycache__").glob("*.nbc")
    for stored in (index, code):
        whole = stored.read_bytes()
        stored.write_bytes(whole[: len(whole) // 2])
        assert loaded(path)(2.0) == 4.0
        assert stored.read_bytes() != whole[: len(whole) // 2]
        assert loaded(path)(2.0) == 4.0


def test_functions_work_where_their_code_does_not_fit_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "made_up_compiled.py"
    path.write_text(SOURCE, encoding="utf-8")
    function = loaded(path)
    monkeypatch.setattr(os, "replace", full)
    assert function(2.0) == 4.0
    assert not list((tmp_path / "__pycache__").glob("*.nb*"))
