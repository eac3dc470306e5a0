"""Runs OpenFOAM's programs one after another, with limits of time and memory."""

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from mspt.errors import SolverError
from mspt.geometry.mesh import SurfaceMesh
from mspt.guard import guard
from mspt.priority import lower_priority
from mspt.solvers.openfoam.case import Recipe, write_openfoam_case
from mspt.solvers.openfoam.results import Flow, read_results

INSTALL = "install it with `apt-get install openfoam` (Debian, Ubuntu)"
POLL_SECONDS = 0.1
"""Time between two readings of the progress."""

MESHING_SHARE = 0.2
"""Share of the time of a solve that meshing takes: 12 to 20 of 56 to 87 seconds."""

REASON_LENGTH = 300
"""Characters of a log that an error message quotes."""

FIRST_ITERATIONS = 5
"""Iterations after which the time of one is known well enough to estimate that of all."""

FEW_SECONDS, MANY_SECONDS = 20.0, 120.0
"""Times below which all seconds are stated, and from which minutes are."""

MESHING = ("blockMesh", "surfaceFeatureExtract", "snappyHexMesh", "renumberMesh")
STAGES = (*MESHING, "simpleFoam")
ARGUMENTS = {"snappyHexMesh": ["-overwrite"], "renumberMesh": ["-overwrite"]}
ITERATION = re.compile(r"^Time = (\d+)", re.MULTILINE)
RESIDUAL = re.compile(r"Solving for p, Initial residual = ([-+.\deE]+)")


@dataclass(frozen=True, kw_only=True)
class SolveLimits:
    """Limits of a solve.

    Attributes:
        seconds: Elapsed time of each program.
        memory: Address space of each program in bytes; limited on Linux alone.
        lowest_priority: Whether the programs let all others on the machine go first.
    """

    seconds: float = 1200.0
    memory: int = 6 * 1024**3
    lowest_priority: bool = False


@dataclass(frozen=True, kw_only=True)
class SolverProgress:
    """Progress of a solve.

    Attributes:
        stage: Program that is running.
        iteration: Iteration of simpleFoam; 0 while meshing.
        iterations: Largest number of iterations.
        residual: Initial residual of the pressure; None while meshing.
        seconds: Elapsed time since the program has started.
    """

    stage: str
    iteration: int
    iterations: int
    residual: float | None = None
    seconds: float = field(default=0.0, compare=False)

    @property
    def share(self) -> float:
        """Estimated share of the solve that is done, from 0 to 1."""
        meshed = STAGES.index(self.stage) / len(MESHING) * MESHING_SHARE
        return meshed + (1 - MESHING_SHARE) * self.iteration / self.iterations

    @property
    def seconds_left(self) -> float | None:
        """Estimated time to the last iteration; None before :data:`FIRST_ITERATIONS` are done.

        Iterations take equal time. A flow that becomes steady ends sooner.
        """
        if self.iteration < FIRST_ITERATIONS:
            return None
        return self.seconds / self.iteration * (self.iterations - self.iteration)

    def describe(self) -> str:
        """Return the step, what is done in it, and about how long it takes.

        Examples:
            >>> SolverProgress(stage="snappyHexMesh", iteration=0, iterations=240).describe()
            'Step 1 of 2: meshing, program 3 of 4'
            >>> SolverProgress(
            ...     stage="simpleFoam", iteration=95, iterations=240, seconds=26.0
            ... ).describe()
            'Step 2 of 2: solving, iteration 95 of 240, about 40 s left'
        """
        if self.stage in MESHING:
            program = MESHING.index(self.stage) + 1
            return f"Step 1 of 2: meshing, program {program} of {len(MESHING)}"
        words = f"Step 2 of 2: solving, iteration {self.iteration} of {self.iterations}"
        if self.seconds_left is None:
            return words
        return f"{words}, {about(self.seconds_left)} left"


def about(seconds: float) -> str:
    """Return an estimated time in words, rounded so that it does not flicker.

    Examples:
        >>> [about(seconds) for seconds in (0.2, 7.4, 38.0, 100.0, 1000.0)]
        ['about 1 s', 'about 7 s', 'about 40 s', 'about 100 s', 'about 17 min']
    """
    if seconds >= MANY_SECONDS:
        return f"about {seconds / 60:.0f} min"
    step = 1 if seconds < FEW_SECONDS else 5
    return f"about {max(step, step * round(seconds / step))} s"


def is_installed() -> bool:
    """Return whether OpenFOAM's programs and settings are found."""
    return all(shutil.which(name) for name in STAGES) and _settings() is not None


def require_openfoam() -> Path:
    """Return the folder with OpenFOAM's settings.

    Raises:
        SolverError: If OpenFOAM is not found; the message says how to install it.
    """
    settings = _settings()
    if settings is None or not is_installed():
        raise SolverError(f"OpenFOAM must be on PATH, found none; {INSTALL}")
    return settings


def solve_flow(
    mesh: SurfaceMesh, recipe: Recipe | None = None, limits: SolveLimits | None = None
) -> Iterator[SolverProgress | Flow]:
    """Compute the flow around a body in the wind-tunnel frame.

    Closing the generator ends the running program and removes its files.

    Args:
        mesh: Closed surface of the body.
        recipe: Settings; those of the data set if None.
        limits: Limits of each program; the defaults if None.

    Yields:
        Progress about ten times a second, then the flow as the last value.

    Raises:
        SolverError: If OpenFOAM is not found, fails or exceeds a limit; the message quotes its log.
    """
    recipe, limits = recipe or Recipe(), limits or SolveLimits()
    settings = require_openfoam()
    with TemporaryDirectory(prefix="mspt-flow-") as name:
        folder = Path(name)
        write_openfoam_case(folder, mesh, recipe)
        start = _child_seconds()
        for stage in STAGES:
            if stage == "simpleFoam":
                # The mesh has the patch of the body only now, see `write_openfoam_case`.
                (folder / "start").rename(folder / "0")
            yield from _run(stage, folder, settings, recipe, limits)
        yield read_results(folder, recipe, cpu_seconds=_child_seconds() - start)


def _run(
    stage: str, folder: Path, settings: Path, recipe: Recipe, limits: SolveLimits
) -> Iterator[SolverProgress]:
    """Run one program and yield its progress until it ends."""
    log = folder / f"{stage}.log"
    # One thread: cases run side by side, one on each core.
    environment = os.environ | {"WM_PROJECT_DIR": str(settings), "OMP_NUM_THREADS": "1"}
    with log.open("wb") as output, guard(end="group") as watch:
        process = subprocess.Popen(
            [shutil.which(stage) or stage, *ARGUMENTS.get(stage, [])],
            cwd=folder,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a process group of its own, which can be ended as a whole
        )
        try:
            watch(process.pid)
            if limits.lowest_priority:
                lower_priority(process.pid)
            _limit_memory(process.pid, limits.memory)
            yield from _until_end(process, stage, log, recipe, limits)
        finally:
            if process.poll() is None:
                _end(process)
    if process.returncode != 0:
        raise SolverError(f"{stage} must succeed, got {_reason(log)}")


def _until_end(
    process: subprocess.Popen[bytes], stage: str, log: Path, recipe: Recipe, limits: SolveLimits
) -> Iterator[SolverProgress]:
    """Yield the progress of a program until it ends."""
    start = time.monotonic()
    deadline = start + limits.seconds
    while process.poll() is None:
        if time.monotonic() > deadline:
            raise SolverError(
                f"{stage} must end within {limits.seconds:g} s, got no result; "
                "allow more time or choose a coarser mesh"
            )
        yield _progress(stage, log, recipe, seconds=time.monotonic() - start)
        time.sleep(POLL_SECONDS)


def _limit_memory(pid: int, memory: int) -> None:
    """Limit the address space of a program in bytes, where the system can (Linux)."""
    import psutil

    # A program that has ended meanwhile needs no limit.
    with suppress(AttributeError, psutil.Error):
        psutil.Process(pid).rlimit(psutil.RLIMIT_AS, (memory, memory))


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a program and those that it has started."""
    if hasattr(os, "killpg"):
        os.killpg(process.pid, signal.SIGKILL)
    else:  # Windows
        import psutil

        for child in psutil.Process(process.pid).children(recursive=True):
            with suppress(psutil.Error):
                child.kill()
        process.kill()
    process.wait()


def _progress(stage: str, log: Path, recipe: Recipe, *, seconds: float) -> SolverProgress:
    """Return the progress that the end of a log reports."""
    if stage != "simpleFoam":
        return SolverProgress(
            stage=stage, iteration=0, iterations=recipe.iterations, seconds=seconds
        )
    tail = _tail(log)
    iterations, residuals = ITERATION.findall(tail), RESIDUAL.findall(tail)
    return SolverProgress(
        stage=stage,
        iteration=int(iterations[-1]) if iterations else 0,
        iterations=recipe.iterations,
        residual=float(residuals[-1]) if residuals else None,
        seconds=seconds,
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
    lines = [line.strip() for line in (message if found else tail[-REASON_LENGTH:]).splitlines()]
    return " ".join(line for line in lines if line)[:REASON_LENGTH]


def _child_seconds() -> float:
    """Return the processor time of all ended child processes."""
    used = os.times()
    return used.children_user + used.children_system


@cache
def _settings() -> Path | None:
    """Return the folder that contains OpenFOAM's ``etc/controlDict``, or None.

    OpenFOAM finds it by the variable WM_PROJECT_DIR, which Debian's package does not set: the
    script that should set it, ``etc/bashrc``, calls functions that the package lacks. The list of
    files of the package gives the folder.
    """
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
