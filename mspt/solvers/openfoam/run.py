"""Running OpenFOAM: one program after another, bounded in time and memory, cancellable."""

import os
import re
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from mspt.errors import SolverError
from mspt.geometry.mesh import SurfaceMesh
from mspt.solvers.openfoam.case import Recipe, write_case
from mspt.solvers.openfoam.results import Flow, read_flow

INSTALL = "install it with `apt-get install openfoam` (Debian, Ubuntu)"
POLL_SECONDS = 0.1
MESHING = ("blockMesh", "surfaceFeatureExtract", "snappyHexMesh", "renumberMesh")
STAGES = (*MESHING, "simpleFoam")
ARGUMENTS = {"snappyHexMesh": ["-overwrite"], "renumberMesh": ["-overwrite"]}
ITERATION = re.compile(r"^Time = (\d+)", re.MULTILINE)
RESIDUAL = re.compile(r"Solving for p, Initial residual = ([-+.\deE]+)")


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a solve may take.

    Attributes:
        seconds: Wall time of each program.
        memory: Bytes of each program.
    """

    seconds: float = 1200.0
    memory: int = 6 * 1024**3


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a solve is.

    Attributes:
        stage: Program that runs.
        iteration: Of simpleFoam; 0 while meshing.
        iterations: At most as many.
        residual: Initial residual of the pressure; None while meshing.
    """

    stage: str
    iteration: int
    iterations: int
    residual: float | None = None

    @property
    def share(self) -> float:
        """Estimated share of the whole solve that is done: meshing takes about a fifth."""
        meshed = STAGES.index(self.stage) / len(MESHING) * 0.2
        return meshed + 0.8 * self.iteration / self.iterations


def is_installed() -> bool:
    """Tell whether OpenFOAM's programs and settings are found."""
    return all(shutil.which(name) for name in STAGES) and _settings() is not None


def require_openfoam() -> Path:
    """Return OpenFOAM's file of settings.

    Raises:
        SolverError: If OpenFOAM is not found; the message tells how to install it.
    """
    settings = _settings()
    if settings is None or not is_installed():
        raise SolverError(f"OpenFOAM must be on PATH, found none; {INSTALL}")
    return settings


def solve_flow(
    mesh: SurfaceMesh, recipe: Recipe | None = None, limits: Limits | None = None
) -> Iterator[Progress | Flow]:
    """Compute the flow around a body in the wind-tunnel frame.

    Closing the generator ends the running program and removes its files.

    Yields:
        Progress about ten times a second, then the flow as the last value.

    Raises:
        SolverError: If OpenFOAM is not found, fails, or takes more than it may; the message has
            the reason from its log.
    """
    recipe, limits = recipe or Recipe(), limits or Limits()
    settings = require_openfoam()
    with TemporaryDirectory(prefix="mspt-flow-") as name:
        folder = Path(name)
        write_case(folder, mesh, recipe)
        start = _child_seconds()
        for stage in STAGES:
            if stage == "simpleFoam":
                # The mesh has the patch of the body only now.
                (folder / "start").rename(folder / "0")
            yield from _run(stage, folder, settings, recipe, limits)
        yield read_flow(folder, recipe, cpu_seconds=_child_seconds() - start)


def _run(
    stage: str, folder: Path, settings: Path, recipe: Recipe, limits: Limits
) -> Iterator[Progress]:
    log = folder / f"{stage}.log"
    environment = os.environ | {"WM_PROJECT_DIR": str(settings), "OMP_NUM_THREADS": "1"}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [shutil.which(stage) or stage, *ARGUMENTS.get(stage, [])],
            cwd=folder,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        resource.prlimit(process.pid, resource.RLIMIT_AS, (limits.memory, limits.memory))
        deadline = time.monotonic() + limits.seconds
        while process.poll() is None:
            if time.monotonic() > deadline:
                raise SolverError(f"{stage} must end within {limits.seconds:g} s, it did not")
            yield _progress(stage, log, recipe)
            time.sleep(POLL_SECONDS)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    if process.returncode != 0:
        raise SolverError(f"{stage} must end well, got {_reason(log)}")


def _progress(stage: str, log: Path, recipe: Recipe) -> Progress:
    if stage != "simpleFoam":
        return Progress(stage=stage, iteration=0, iterations=recipe.iterations)
    tail = _tail(log)
    iterations, residuals = ITERATION.findall(tail), RESIDUAL.findall(tail)
    return Progress(
        stage=stage,
        iteration=int(iterations[-1]) if iterations else 0,
        iterations=recipe.iterations,
        residual=float(residuals[-1]) if residuals else None,
    )


def _tail(log: Path, size: int = 4000) -> str:
    with log.open("rb") as file:
        file.seek(0, os.SEEK_END)
        file.seek(max(0, file.tell() - size))
        return file.read().decode(errors="replace")


def _reason(log: Path) -> str:
    """Return the first lines of OpenFOAM's error message, or the end of its log."""
    tail = _tail(log, 20_000)
    _, found, message = tail.partition("FOAM FATAL")
    lines = [line.strip() for line in (message if found else tail[-300:]).splitlines()]
    return " ".join(line for line in lines if line)[:300]


def _child_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


@cache
def _settings() -> Path | None:
    """Return the folder with OpenFOAM's ``etc/controlDict``; the package does not set it."""
    given = os.environ.get("WM_PROJECT_DIR")
    if given and (Path(given) / "etc/controlDict").exists():
        return Path(given)
    dpkg = shutil.which("dpkg")
    if dpkg is None:
        return None
    listing = subprocess.run(
        [dpkg, "-L", "openfoam"], capture_output=True, text=True, check=False
    ).stdout
    found = [line for line in listing.splitlines() if line.endswith("/etc/controlDict")]
    return Path(found[0]).parent.parent if found else None
