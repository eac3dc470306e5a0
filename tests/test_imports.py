import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules, walk_packages

import pytest

import mspt
from mspt.geometry.bodies.families import draw_body
from mspt.geometry.files.writers import write_stl

ROOT = Path(__file__).parents[1]
HEAVY = ("numba", "pandas", "plotly", "pyvista", "scipy.interpolate", "scipy.sparse", "sklearn")


def fresh(code: str, *arguments: str) -> str:
    """Run code in a new process in the project's folder and return what it prints."""
    command = [sys.executable, "-W", "error", "-c", code, *arguments]
    run = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert run.returncode == 0, run.stderr
    return run.stdout


FORKED = """
import os, sys, torch
for code in sys.argv[1:]:
    sys.stdout.flush()
    child = os.fork()
    if not child:
        exec(code, {})
        sys.stdout.flush()
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    if status:
        sys.exit(f"{code} failed")
    print("end of one")
"""
"""Runs each code in a process that has imported torch and nothing else: torch takes two seconds."""


def fresh_beside_torch(*codes: str) -> list[str]:
    """Run each code as if in a new process and return what each prints."""
    if not hasattr(os, "fork"):
        return [fresh(code) for code in codes]
    return fresh(FORKED, *codes).split("end of one\n")[: len(codes)]


@pytest.mark.parametrize("module", ["mspt", "mspt.cli.main", "mspt.cli.queue"])
def test_import_takes_no_time(module: str) -> None:
    """Help, Ctrl-C during a start, and a queue of other commands need not wait for torch."""
    loaded = set(fresh(f"import sys, {module}; print(*sys.modules)").split())
    assert loaded.isdisjoint((*HEAVY, "torch", "numpy"))


def test_first_use_takes_little_more_than_torch() -> None:
    names = ["MSPT", "load_checkpoint", "load_case", "predict_case"]
    codes = [f"import sys, mspt; mspt.{name}; print(*sys.modules)" for name in names]
    for name, printed in zip(names, fresh_beside_torch(*codes), strict=True):
        loaded = set(printed.split())
        assert "torch" in loaded, name
        assert loaded.isdisjoint(HEAVY), name


USES = {
    "ModelConfig": "config = mspt.ModelConfig(space_dim=2, width=8, num_heads=1, num_patches=2)",
    "MSPT": "assert mspt.MSPT(config)(points[None]).shape == (1, 9, 1)",
    "build_partition": (
        "cut = mspt.build_partition(points, num_patches=3)\n"
        "assert sorted(cut.order) == list(range(9))"
    ),
    "list_checkpoints": "assert len(mspt.list_checkpoints('pretrained')) > 10",
    "load_checkpoint": "checkpoint = mspt.load_checkpoint('pretrained/elasticity.safetensors')",
    "list_cases": "name = mspt.list_cases('elasticity')[0]",
    "load_case": "case = mspt.load_case('elasticity', name)",
    "load_split": "assert len(mspt.load_split('elasticity', 'test', limit=2)) == 2",
    "predict_case": (
        "found = mspt.predict_case(checkpoint, case.points, case.features, device='cpu')\n"
        "assert found.fields.shape == (972, 1)"
    ),
    "save_checkpoint": (
        "mspt.save_checkpoint(folder / 'copy.safetensors', model=checkpoint.model,\n"
        "    config=checkpoint.config, normalizer=checkpoint.normalizer, info=checkpoint.info)\n"
        "assert mspt.load_checkpoint(folder / 'copy.safetensors').config == checkpoint.config"
    ),
    "load_published": (
        "state = mspt.published.PublishedMSPT(published).state_dict()\n"
        "assert mspt.load_published(state, num_heads=1, num_patches=2).config.width == 8"
    ),
    "read_mesh": "mesh = mspt.read_mesh(folder / 'car.stl')",
    "predict": (
        "result = mspt.predict(mspt.load_checkpoint('pretrained/car.safetensors'), mesh)\n"
        "assert 0.1 < result.prediction.coefficients.C_D < 0.6"
    ),
    "MSPTError": (
        "try:\n    mspt.load_case('elasticity', 'elasticity-9999')\n"
        "except mspt.MSPTError as error:\n    assert 'case must be one of' in str(error)\n"
        "else:\n    raise AssertionError('accepted a case that does not exist')"
    ),
}
"""One use of each public name; later ones need earlier ones."""


@pytest.mark.slow
def test_every_public_name_works_in_a_fresh_process(tmp_path: Path) -> None:
    assert set(USES) == set(mspt.__all__)
    write_stl(tmp_path / "car.stl", draw_body("notchback", 3).mesh)
    start = (
        "import sys; from dataclasses import replace; from pathlib import Path; import torch\n"
        "import mspt, mspt.published; folder = Path(sys.argv[1]); points = torch.rand(9, 2)\n"
    )
    middle = "published = replace(config, architecture='published', partition='sequence')"
    first, *others = USES.values()
    fresh("\n".join([start, first, middle, *others]), str(tmp_path))


def test_public_names_are_the_same_whatever_was_imported_before() -> None:
    before = [
        "pass",
        "import mspt.inference.shapes, mspt.inference.predict",
        "import mspt.models.published.model, mspt.published",
        "import mspt.cli.shapes, mspt.figures.scenes.surface",
    ]
    look = (
        "import inspect\nfrom mspt import *\nimport mspt\n"
        "for name in mspt.__all__:\n"
        "    value = globals()[name]\n"
        "    assert value is getattr(mspt, name)\n"
        "    kind = 'class' if inspect.isclass(value) else 'function'\n"
        "    assert kind == 'class' or inspect.isfunction(value), (name, value)\n"
        "    print(name, kind)"
    )
    found = fresh_beside_torch(*(f"{first}\n{look}" for first in before))
    for first, kinds in zip(before, found, strict=True):
        classes = {name for name, kind in map(str.split, kinds.splitlines()) if kind == "class"}
        assert classes == {"MSPT", "MSPTError", "ModelConfig"}, first


def test_published_model_is_found_by_its_short_path() -> None:
    from mspt.models.published.model import PublishedMSPT
    from mspt.published import PublishedMSPT as by_short_path

    assert by_short_path is PublishedMSPT


def test_no_package_exports_a_name_of_one_of_its_modules() -> None:
    """`from mspt import predict` was a module once, whenever that module was imported first."""
    packages = [found.name for found in walk_packages(mspt.__path__, "mspt.") if found.ispkg]
    assert len(packages) > 12
    for package in (mspt, *map(import_module, packages)):
        modules = {found.name for found in iter_modules(package.__path__)}
        assert modules.isdisjoint(getattr(package, "__all__", ())), package.__name__
