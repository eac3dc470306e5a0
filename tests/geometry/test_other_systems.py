"""Everything imports, and untrusted files stay harmless, on systems without POSIX's limits.

``tests/systems`` has one folder for each of them: on the path of Python, it takes away what that
system does not have. What is left out here is what only a machine of that kind can show.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mspt.geometry.files.writers import write_stl
from mspt.geometry.mesh import box

ROOT = Path(__file__).parents[2]
SYSTEMS = {
    "windows": "set()",
    "macos": "{'RLIMIT_FSIZE', 'RLIMIT_CORE', 'RLIMIT_CPU'}",
    "refusing": "set()",
}
"""Systems, and the limits that the reader's process has there."""

IMPORT_ALL = """
import pkgutil
from importlib import import_module
import mspt
for found in pkgutil.walk_packages(mspt.__path__, "mspt."):
    if found.name != "mspt.__main__":
        import_module(found.name)
"""
READ = """
import sys, time
from pathlib import Path
from mspt.errors import GeometryError
from mspt.geometry.files.readers import read_mesh
from mspt.geometry.files.sandbox import ReadLimits, Sandbox
folder = Path(sys.argv[1])

def refused(path, **limits):
    sandbox, start = Sandbox(ReadLimits(**limits)), time.monotonic()
    sandbox.read(folder / "brick.stl", ".stl")  # the time that the process takes to start is apart
    start = time.monotonic()
    try:
        sandbox.read(folder / path, ".stl")
    except GeometryError as error:
        print(f"{error} [{time.monotonic() - start:.1f}]")
    child = sandbox._child
    sandbox.read(folder / "brick.stl", ".stl")  # another process reads the next file
    sandbox.close()

print(read_mesh(folder / "brick.stl").volume)
refused("large.stl", memory=300 * 1024**2)
refused("endless.stl", seconds=1.0)
"""
LIMITS = """
import sys
sys.argv[1:] = ["1000000000000"]
from mspt.geometry.files import _process
_process.limit_process(memory=2**40)
_process.limit_request(seconds=1e4)
names = ("RLIMIT_AS", "RLIMIT_FSIZE", "RLIMIT_CORE", "RLIMIT_CPU")
held = set()
if _process.resource is not None:
    resource = _process.resource
    held = {n for n in names if resource.getrlimit(getattr(resource, n))[0] not in (-1, 2**63 - 1)}
print(held)
"""


def run(system: str, code: str, *arguments: str) -> list[str]:
    """Run code on a system and return the lines that it prints."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT / "tests/systems" / system)},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_stl(tmp_path / "brick.stl", box((0, 0, 0), (1, 2, 3)))
    with (tmp_path / "large.stl").open("wb") as file:
        file.write(bytes(80) + (1_900_000).to_bytes(4, "little"))
        file.truncate(84 + 50 * 1_900_000)
    subprocess.run(["mkfifo", tmp_path / "endless.stl"], check=True)
    return tmp_path


@pytest.mark.slow
def test_every_module_imports_where_posix_is_missing() -> None:
    assert run("windows", IMPORT_ALL) == []


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("mkfifo"), reason="needs a file that never ends")
@pytest.mark.parametrize("system", SYSTEMS)
def test_files_are_read_and_bombs_are_refused(system: str, folder: Path) -> None:
    volume, large, endless = run(system, READ, str(folder))
    assert float(volume) == pytest.approx(6.0)
    assert large.startswith("file must need less memory to read; export it again, or as a binary")
    assert endless.startswith("file must be readable within 1 s, got one that takes longer;")
    assert float(endless.split("[")[1].rstrip("]")) < 5.0


@pytest.mark.slow
@pytest.mark.parametrize(("system", "held"), SYSTEMS.items())
def test_each_limit_is_set_where_the_system_grants_it(system: str, held: str) -> None:
    (line,) = run(system, LIMITS)
    # A limit that this machine imposes itself counts as held.
    assert eval(held) <= eval(line)
    if system != "macos":
        assert line == "set()"
