import ast
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

import mspt
from mspt.geometry.bodies.families import draw_body
from mspt.geometry.files.writers import write_stl
from tests.docs.documents import ROOT
from tests.pages.tiny import save_tiny_flow

Installed = Callable[..., subprocess.CompletedProcess]
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build a wheel from a copy, so that the project's folder stays as it is."""
    source = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    shutil.copytree(ROOT / "mspt", source / "mspt", ignore=shutil.ignore_patterns("__pycache__"))
    offline = ["--no-deps", "--no-index", "--no-build-isolation"]
    subprocess.run([*PIP, "wheel", *offline, "--wheel-dir", source, source], check=True)
    (built,) = source.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Install the wheel where only its dependencies are, and run programs in another folder."""
    folder, home = tmp_path_factory.mktemp("environment"), tmp_path_factory.mktemp("home")
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    subprocess.run(
        [*PIP, "--python", python, "install", "--no-deps", "--no-index", wheel], check=True
    )
    (site,) = folder.glob("lib/python*/site-packages")
    # The dependencies of this environment, in place of downloading them.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    take_machine_code(site)
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}

    def run(program: str, *arguments: str) -> subprocess.CompletedProcess:
        command = [str(folder / "bin" / program), *arguments]
        return subprocess.run(
            command, capture_output=True, text=True, check=False, cwd=home, env=environment
        )

    run.home = home
    return run


def take_machine_code(site: Path) -> None:
    """Copy what numba has compiled here, which takes half a minute; it goes by time and size."""
    for stored in (ROOT / "mspt").rglob("*.nb[ic]"):
        to = site / stored.relative_to(ROOT)
        to.parent.mkdir(exist_ok=True)
        shutil.copy(stored, to)
    for path in (ROOT / "mspt").rglob("*.py"):
        shutil.copystat(path, site / path.relative_to(ROOT))


def printed(run: subprocess.CompletedProcess) -> dict:
    assert run.returncode == 0, run.stderr
    assert run.stderr == ""
    return json.loads(run.stdout)


@pytest.mark.slow
def test_wheel_holds_the_library_alone(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        names = archive.namelist()
        (metadata,) = (archive.read(name).decode() for name in names if name.endswith("METADATA"))
    assert {name.split("/")[0] for name in names} == {
        "mspt",
        f"mspt-{mspt.__version__}.dist-info",
    }
    assert {name for name in names if name.startswith("mspt/")} == {
        path.relative_to(ROOT).as_posix() for path in (ROOT / "mspt").rglob("*.py")
    }
    head = metadata.split("\n\n")[0].splitlines()
    assert f"Version: {mspt.__version__}" in head
    assert "Requires-Python: >=3.11" in head
    assert "License-Expression: MIT" in head
    required = [line for line in head if line.startswith("Requires-Dist: ")]
    library, app = declared()
    assert len(required) == len(library) + len(app)
    for line in required:
        assert ('extra == "app"' in line) == (Requirement(line.split(": ")[1]).name in app)


@pytest.mark.slow
def test_installed_library_predicts_a_shape(installed: Installed) -> None:
    where = installed("python", "-c", "import mspt; print(mspt.__file__)").stdout.strip()
    assert not Path(where).is_relative_to(ROOT)
    write_stl(installed.home / "body.stl", draw_body("ellipsoid", 3).mesh)
    save_tiny_flow(installed.home / "car.safetensors")
    arguments = ["predict", "body.stl", "--device", "cpu", "--out", "body.vtp", "--json"]
    missing = installed("mspt", *arguments)
    assert missing.returncode == 2
    assert missing.stderr == (
        "error: --checkpoint must be given where there is no pretrained/car.safetensors\n"
    )
    found = printed(installed("mspt", *arguments, "--checkpoint", "car.safetensors"))
    assert found["trust"]["verdict"]
    assert (installed.home / "body.vtp").stat().st_size > 0


@pytest.mark.slow
def test_installed_library_generates_and_trains(installed: Installed) -> None:
    few = ["--per-split", "2"]
    train = ["train", "elasticity", *few, "--epochs", "2", "--device", "cpu", "--json"]
    assert printed(installed("mspt", "generate", "elasticity", *few, "--json"))["made"] == 6
    trained = printed(installed("mspt", *train))
    assert trained["complete"]
    assert trained["epochs"] == trained["train_cases"] == trained["metrics"]["cases"] == 2
    assert trained["commit"] == ""


def test_development_tools_are_pinned() -> None:
    lines = (ROOT / "requirements-dev.txt").read_text(encoding="utf-8").splitlines()
    named = [line.split("#")[0].strip() for line in lines]
    assert "-r requirements.txt" in named
    assert all("==" in line for line in named if line and not line.startswith("-r"))


def declared() -> tuple[dict[str, str], dict[str, str]]:
    """Return what the library needs, and what the app needs beside it: ranges by name."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lists = project["dependencies"], project["optional-dependencies"]["app"]
    library, app = ({one.name: str(one.specifier) for one in map(Requirement, of)} for of in lists)
    return library, app


def test_requirements_name_the_same_packages_as_the_project() -> None:
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    named = [Requirement(text) for line in lines if (text := line.split("#")[0].strip())]
    ranges = {one.name: str(one.specifier) for one in named}
    library, app = declared()
    release = ranges.pop("torch").removeprefix("==")
    assert SpecifierSet(library.pop("torch")).contains(release)
    assert ranges == library | app


MODULES = {"scikit-learn": "sklearn", "libigl": "igl", "pyvista": "vtkmodules"}
"""Modules that are not called as the package that brings them; pyvista needs VTK itself."""


def test_the_library_imports_nothing_that_it_does_not_need() -> None:
    library, app = declared()
    known = {*library, *(MODULES[name] for name in library if name in MODULES), "mspt"}
    imported: dict[str, set[str]] = {}
    for path in (ROOT / "mspt").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [one.name for one in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [node.module]
            for name in names:
                imported.setdefault(name.split(".")[0], set()).add(path.name)
    others = imported.keys() - known - sys.stdlib_module_names
    assert others == {"trame_vtk"}  # what a scene is shown with
    assert "trame-vtk" in app
    assert imported["trame_vtk"] == {"page.py"}
