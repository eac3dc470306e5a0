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
    for name in ("pyproject.toml", "requirements.txt", "README.md", "LICENSE"):
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
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}

    def run(program: str, *arguments: str) -> subprocess.CompletedProcess:
        command = [str(folder / "bin" / program), *arguments]
        return subprocess.run(
            command, capture_output=True, text=True, check=False, cwd=home, env=environment
        )

    run.home = home
    return run


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
    wanted = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert len(required) == sum(bool(line.split("#")[0].strip()) for line in wanted)


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
    missing = installed("mspt", *train)
    assert missing.returncode == 2
    assert missing.stderr == (
        "error: elasticity must hold the first 2 train cases, found 0 of them; make them with "
        "`python -m mspt generate elasticity --out data`\n"
    )
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
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(project["dynamic"]) == {"version", "dependencies"}
    assert project["scripts"] == {"mspt": "mspt.cli.main:main"}
