import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pytest

from mspt.errors import GeometryError
from mspt.geometry.files import sandbox as sandbox_module
from mspt.geometry.files.readers import read_mesh
from mspt.geometry.files.sandbox import PACKAGE, PROGRAM, ReadLimits, Sandbox
from mspt.geometry.files.writers import write_stl
from mspt.geometry.mesh import box

try:
    import resource
except ImportError:  # Windows
    resource = None

needs_limits = pytest.mark.skipif(resource is None, reason="the system has no limits of a process")
BRICK = box((0, 0, 0), (1, 2, 3))
# What a program of its own needs to use a sandbox; like the child, it leaves out `import mspt`.
ALONE = """
import sys, time, types
from pathlib import Path
package = types.ModuleType("mspt")
package.__path__ = [sys.argv[1]]
sys.modules["mspt"] = package
from mspt.geometry.files.sandbox import Sandbox
sandbox = Sandbox()
sandbox.read(Path(sys.argv[2]), ".stl")
print(sandbox._child.process.pid, flush=True)
"""


@pytest.fixture
def stl(tmp_path: Path) -> Path:
    write_stl(tmp_path / "brick.stl", BRICK)
    return tmp_path / "brick.stl"


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    sandbox = Sandbox(ReadLimits(seconds=20.0))
    yield sandbox
    sandbox.close()


@pytest.fixture
def endless(tmp_path: Path) -> Path:
    """Return a file that never ends: a pipe that nobody writes to."""
    if not shutil.which("mkfifo"):
        pytest.skip("the system has no named pipes")
    subprocess.run(["mkfifo", tmp_path / "endless.stl"], check=True)
    return tmp_path / "endless.stl"


def child_of(sandbox: Sandbox) -> int:
    assert sandbox._child is not None
    return sandbox._child.process.pid


def is_running(process: int) -> bool:
    try:
        return psutil.Process(process).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def ends_soon(process: int) -> bool:
    for _ in range(100):
        if not is_running(process):
            return True
        time.sleep(0.1)
    return False


def volume(arrays: tuple[bytearray, bytearray]) -> float:
    vertices, triangles = arrays
    corners = np.frombuffer(vertices).reshape(-1, 3)[np.frombuffer(triangles, "<i4").reshape(-1, 3)]
    return float(np.linalg.det(corners).sum() / 6)


def test_child_stays_for_the_next_file(sandbox: Sandbox, stl: Path) -> None:
    assert volume(sandbox.read(stl, ".stl")) == pytest.approx(6.0)
    first = child_of(sandbox)
    assert volume(sandbox.read(stl, ".stl")) == pytest.approx(6.0)
    assert child_of(sandbox) == first


def test_bad_file_ends_the_child_and_the_next_file_has_another(
    sandbox: Sandbox, stl: Path, tmp_path: Path
) -> None:
    sandbox.read(stl, ".stl")
    first = child_of(sandbox)
    bad = tmp_path / "bad.stl"
    bad.write_bytes(b"nothing of the kind")
    with pytest.raises(GeometryError, match=r"it is truncated or not an \.stl file"):
        sandbox.read(bad, ".stl")
    assert not is_running(first)
    assert volume(sandbox.read(stl, ".stl")) == pytest.approx(6.0)
    assert child_of(sandbox) != first


def test_child_that_died_in_between_is_replaced(sandbox: Sandbox, stl: Path) -> None:
    sandbox.read(stl, ".stl")
    psutil.Process(child_of(sandbox)).kill()
    assert ends_soon(child_of(sandbox))
    assert volume(sandbox.read(stl, ".stl")) == pytest.approx(6.0)


def test_endless_file_ends_after_the_time_limit(stl: Path, endless: Path) -> None:
    sandbox = Sandbox(ReadLimits(seconds=1.0))
    sandbox.read(stl, ".stl")
    start = time.monotonic()
    message = r"file must be readable within 1 s, got one that takes longer; it may be damaged or"
    with pytest.raises(GeometryError, match=message):
        sandbox.read(endless, ".stl")
    assert 1.0 <= time.monotonic() - start < 5.0
    sandbox.close()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("SIGSEGV", r"got one that crashes its reader \(SIGSEGV\); it may be truncated"),
        ("SIGXCPU", "file must be readable within 8 s, got one that takes longer"),
        ("SIGRTMIN", r"got one that crashes its reader \(SIGRTMIN\); it may be truncated"),
    ],
)
def test_message_tells_what_ended_the_child(
    name: str, message: str, sandbox: Sandbox, stl: Path, endless: Path
) -> None:
    number = getattr(signal, name, None)
    if number is None:
        pytest.skip(f"the system has no {name}")
    sandbox.read(stl, ".stl")
    timer = threading.Timer(0.3, os.kill, (child_of(sandbox), number))
    timer.start()
    with pytest.raises(GeometryError, match=message):
        sandbox.read(endless, ".stl")
    timer.join()
    assert volume(sandbox.read(stl, ".stl")) == pytest.approx(6.0)


@needs_limits
def test_system_bounds_time_memory_and_files_of_the_child(sandbox: Sandbox, stl: Path) -> None:
    sandbox.read(stl, ".stl")
    limits = {
        name: resource.prlimit(child_of(sandbox), getattr(resource, name))[0]
        for name in ("RLIMIT_CPU", "RLIMIT_AS", "RLIMIT_FSIZE", "RLIMIT_CORE")
    }
    assert 8 <= limits.pop("RLIMIT_CPU") <= 40
    assert limits == {"RLIMIT_AS": 4 * 1024**3, "RLIMIT_FSIZE": 0, "RLIMIT_CORE": 0}


def run_in_child(lines: str) -> str:
    program = PROGRAM.replace("run_reader()", lines)
    return subprocess.run(
        [sys.executable, "-P", "-c", program, str(PACKAGE)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout


@needs_limits
def test_processor_time_is_counted_for_each_file_anew() -> None:
    found = run_in_child(
        "import resource, time\n"
        "from mspt.geometry.files._process import limit_request\n"
        "while time.process_time() < 1.5: pass\n"
        "limit_request(seconds=5.0)\n"
        "print(resource.getrlimit(resource.RLIMIT_CPU)[0])"
    )
    assert 7 <= int(found) <= 9


def test_file_that_needs_more_memory_than_there_is(tmp_path: Path) -> None:
    path = tmp_path / "large.stl"
    with path.open("wb") as file:
        file.write(bytes(80) + (1_900_000).to_bytes(4, "little"))
        file.truncate(84 + 50 * 1_900_000)
    sandbox = Sandbox(ReadLimits(memory=600 * 1024**2))
    with pytest.raises(GeometryError, match="file must need less memory to read; export it again"):
        sandbox.read(path, ".stl")
    sandbox.close()


@needs_limits
@pytest.mark.parametrize(
    ("imposed", "expected"), [("1 << 31", 1 << 31), ("1 << 40", 1 << 32), ("-1", 1 << 32)]
)
def test_a_lower_limit_that_is_imposed_stays(imposed: str, expected: int) -> None:
    found = run_in_child(
        "import resource\n"
        "from mspt.geometry.files._process import limit_process\n"
        f"resource.setrlimit(resource.RLIMIT_AS, ({imposed}, {imposed}))\n"
        "limit_process(memory=1 << 32)\n"
        "print(*resource.getrlimit(resource.RLIMIT_AS))"
    )
    assert found.split() == [str(expected)] * 2


def test_memory_of_the_child_is_watched(
    sandbox: Sandbox, stl: Path, endless: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.read(stl, ".stl")
    child = sandbox._child
    assert child is not None
    used = sandbox_module._memory(child)
    assert used == pytest.approx(psutil.Process(child_of(sandbox)).memory_info().rss, rel=0.05)
    monkeypatch.setattr(sandbox_module.sys, "platform", "darwin")
    assert sandbox_module._memory(child) == pytest.approx(used, rel=0.05)
    monkeypatch.setattr(sandbox, "limits", ReadLimits(memory=used // 2))
    with pytest.raises(GeometryError, match="file must need less memory to read; export it again"):
        sandbox.read(endless, ".stl")
    assert ends_soon(child.process.pid)
    assert sandbox_module._memory(child) == 0


def test_threads_wait_for_each_other(sandbox: Sandbox, stl: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: volume(sandbox.read(stl, ".stl")), range(12)))
    assert found == pytest.approx([6.0] * 12)


def test_one_does_not_wait_for_ever(stl: Path) -> None:
    sandbox = Sandbox(ReadLimits(seconds=0.05))
    with (
        sandbox._lock,
        pytest.raises(GeometryError, match="reader must be free, got one that is busy"),
    ):
        sandbox.read(stl, ".stl")


@pytest.mark.parametrize(
    "reply",
    [
        "struct.pack('<Q', 1 << 40)",
        "struct.pack('<Q', 9) + b'no JSON {'",
        "struct.pack('<Q', 2) + b'{}' + bytes(16)",
        "struct.pack('<Q', 30) + b'{\"vertices\": 5, \"triangles\": 5}'.ljust(30) + bytes(16)",
    ],
)
def test_child_that_talks_nonsense_is_not_believed(
    reply: str, stl: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready = "struct.pack('<Q', 2) + b'{}'"
    program = f"import os, struct, time; os.write(1, {ready}); os.write(1, {reply}); time.sleep(60)"
    monkeypatch.setattr(sandbox_module, "PROGRAM", program)
    sandbox = Sandbox(ReadLimits(seconds=20.0))
    with pytest.raises(GeometryError, match=r"crashes its reader \(no answer\)"):
        sandbox.read(stl, ".stl")
    sandbox.close()


def test_child_that_cannot_start_is_no_fault_of_the_file(
    stl: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox_module, "PROGRAM", "raise SystemExit(3)")
    with pytest.raises(RuntimeError, match="reader process must start, got exit code 3"):
        Sandbox().read(stl, ".stl")


def test_child_gets_no_secrets(
    sandbox: Sandbox, stl: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_TOKEN", "secret")
    sandbox.read(stl, ".stl")
    assert "SOME_TOKEN" not in psutil.Process(child_of(sandbox)).environ()


def test_child_imports_neither_torch_nor_the_rest_of_the_package() -> None:
    modules = set(run_in_child("print(*sys.modules)").split())
    assert "mspt.geometry.files._vtk" in modules
    assert not modules & {"torch", "streamlit", "pyvista", "trimesh", "scipy", "mspt.models.mspt"}


@pytest.mark.parametrize("ending", ["", "time.sleep(60)"])
def test_child_ends_with_its_parent(ending: str, stl: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-P", "-c", ALONE + ending, str(PACKAGE), str(stl)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    if ending:
        assert is_running(child)
        parent.kill()
    parent.communicate(timeout=20)
    assert ends_soon(child)
    assert parent.returncode == (-signal.SIGKILL if ending else 0)


def test_child_ends_with_the_sandbox_that_started_it(stl: Path) -> None:
    sandbox = Sandbox()
    sandbox.read(stl, ".stl")
    child = child_of(sandbox)
    del sandbox
    assert not is_running(child)


def test_forked_copy_leaves_the_child_alone(sandbox: Sandbox, stl: Path) -> None:
    sandbox.read(stl, ".stl")
    child = child_of(sandbox)
    assert sandbox._child is not None
    sandbox_module._end(sandbox._child, os.getpid() + 1)
    assert is_running(child)


def test_mesh_is_read_in_a_thread_as_in_the_app(stl: Path) -> None:
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(read_mesh, stl).result().volume == pytest.approx(6.0)
