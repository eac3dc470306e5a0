import os
import re
import stat
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up_openfoam import BODY, FIELDS, RECIPE, write_results

from mspt.errors import SolverError
from mspt.geometry.bodies.blocks import BlockBody, block_mesh
from mspt.geometry.mesh import SurfaceMesh
from mspt.solvers.openfoam import run
from mspt.solvers.openfoam.case import Recipe
from mspt.solvers.openfoam.results import Flow
from mspt.solvers.openfoam.run import (
    FIRST_ITERATIONS,
    STAGES,
    SolveLimits,
    SolverProgress,
    about,
    is_installed,
    solve_flow,
)

# Running, with programs of our own in place of OpenFOAM's.


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder in front of PATH whose programs do nothing and end well."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (tmp_path / "openfoam/etc").mkdir(parents=True)
    (tmp_path / "openfoam/etc/controlDict").touch()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setenv("WM_PROJECT_DIR", str(tmp_path / "openfoam"))
    for name in STAGES:
        write_program(folder / name, "exit 0")
    run._settings.cache_clear()
    yield folder
    run._settings.cache_clear()


def write_program(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def is_running(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def wait_until(condition: Callable[[], bool], seconds: float = 10.0) -> bool:
    stop = time.monotonic() + seconds
    while not condition() and time.monotonic() < stop:
        time.sleep(0.02)
    return condition()


def test_programs_run_in_order_and_the_flow_comes_last(programs: Path, tmp_path: Path) -> None:
    write_results(tmp_path / "results")
    log = tmp_path / "order"
    for name in STAGES:
        write_program(programs / name, f'echo "{name} $@" >> {log}; sleep 0.05')
    lines = [f"Time = {i}\nGAMG:  Solving for p, Initial residual = 1e-{i}, Final" for i in (1, 2)]
    solve = [
        f'echo "simpleFoam $WM_PROJECT_DIR $(ls 0 | wc -l)" >> {log}',
        *(f'echo "{line}"; sleep 0.3' for line in lines),
        f"cp -r {tmp_path / 'results'}/* .",
    ]
    write_program(programs / "simpleFoam", "\n".join(solve))
    events = list(solve_flow(BODY, RECIPE))
    assert log.read_text().splitlines() == [
        "blockMesh ",
        "surfaceFeatureExtract ",
        "snappyHexMesh -overwrite",
        "renumberMesh -overwrite",
        f"simpleFoam {tmp_path / 'openfoam'} {len(FIELDS)}",
    ]
    *progress, flow = events
    assert isinstance(flow, Flow)
    assert flow.iterations == 30
    seen = [event for event in progress if isinstance(event, SolverProgress)]
    assert len(seen) == len(progress)
    assert all(before.share <= after.share for before, after in pairwise(seen))
    assert [event.stage for event in seen] == sorted(
        (event.stage for event in seen), key=STAGES.index
    )
    solving = {(e.iteration, e.residual) for e in seen if e.stage == "simpleFoam"}
    assert {(1, 0.1), (2, 0.01)} <= solving
    times = [event.seconds for event in seen if event.stage == "simpleFoam"]
    assert times == sorted(times)
    assert times[0] < 0.3 < times[-1]  # of this program alone
    assert {(e.iteration, e.residual) for e in seen if e.stage != "simpleFoam"} == {(0, None)}


def test_share_grows_from_nothing_to_all() -> None:
    start = SolverProgress(stage="blockMesh", iteration=0, iterations=240)
    meshed = SolverProgress(stage="simpleFoam", iteration=0, iterations=240)
    done = SolverProgress(stage="simpleFoam", iteration=240, iterations=240)
    assert [event.share for event in (start, meshed, done)] == pytest.approx([0, 0.2, 1])


def solving(iteration: int, seconds: float, iterations: int = 240) -> SolverProgress:
    return SolverProgress(
        stage="simpleFoam", iteration=iteration, iterations=iterations, seconds=seconds
    )


@given(
    rate=st.floats(0.01, 10), iteration=st.integers(FIRST_ITERATIONS, 239), rest=st.integers(1, 500)
)
def test_time_left_is_exact_where_iterations_take_equal_time(
    rate: float, iteration: int, rest: int
) -> None:
    event = solving(iteration, rate * iteration, iteration + rest)
    assert event.seconds_left == pytest.approx(rate * rest)


def test_time_left_is_told_once_it_is_known() -> None:
    assert solving(FIRST_ITERATIONS - 1, 3.0).seconds_left is None
    assert "left" not in solving(FIRST_ITERATIONS - 1, 3.0).describe()
    assert solving(240, 60.0).seconds_left == 0
    assert solving(120, 30.0).describe().endswith("iteration 120 of 240, about 30 s left")


@given(seconds=st.floats(0, 5000))
def test_words_for_a_time_are_near_it(seconds: float) -> None:
    number, unit = re.fullmatch(r"about (\d+) (s|min)", about(seconds)).groups()
    assert int(number) >= 1
    told = int(number) * {"s": 1, "min": 60}[unit]
    assert told == pytest.approx(seconds, abs={"s": 2.5, "min": 30.0}[unit])


def test_error_of_a_program_is_shown_and_its_files_are_removed(
    programs: Path, tmp_path: Path
) -> None:
    text = "\\n--> FOAM FATAL ERROR:\\n  cannot find\\n\\n  patch body\\n\\n FOAM exiting"
    place = tmp_path / "place"
    write_program(programs / "snappyHexMesh", f"pwd > {place}; printf '{text}'; exit 1")
    expected = "^snappyHexMesh must succeed, got ERROR: cannot find patch body FOAM exiting$"
    with pytest.raises(SolverError, match=expected):
        list(solve_flow(BODY))
    assert not Path(place.read_text().strip()).exists()


def test_end_of_the_log_is_shown_where_a_program_gives_no_reason(programs: Path) -> None:
    write_program(programs / "blockMesh", "printf 'noise %1000s\\nkilled by lightning\\n'; exit 9")
    with pytest.raises(SolverError, match=r"^blockMesh must succeed, got .*killed by lightning$"):
        list(solve_flow(BODY))


def test_long_reasons_are_shortened(programs: Path) -> None:
    write_program(programs / "blockMesh", "printf 'FOAM FATAL ERROR: %5000s.' x; exit 1")
    with pytest.raises(SolverError) as caught:
        list(solve_flow(BODY))
    message = str(caught.value)
    assert len(message) < 400
    assert message.startswith("blockMesh must succeed, got ERROR:")


def test_program_that_takes_too_long_is_ended(programs: Path, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    write_program(programs / "renumberMesh", f"echo $$ > {pid}; exec sleep 60")
    with pytest.raises(
        SolverError,
        match=r"^renumberMesh must end within 0.5 s, got no result; allow more time",
    ):
        list(solve_flow(BODY, limits=SolveLimits(seconds=0.5)))
    assert not is_running(int(pid.read_text()))


def test_closing_ends_the_program_and_all_that_it_started(programs: Path, tmp_path: Path) -> None:
    pids, place = tmp_path / "pids", tmp_path / "place"
    write_program(
        programs / "blockMesh",
        f"sleep 60 & echo $$ $! > {pids}.new; pwd > {place}; mv {pids}.new {pids}; wait",
    )
    events = solve_flow(BODY)
    assert next(events) == SolverProgress(stage="blockMesh", iteration=0, iterations=240)
    assert wait_until(pids.exists)
    processes = [int(word) for word in pids.read_text().split()]
    assert all(is_running(process) for process in processes)
    events.close()
    assert wait_until(lambda: not any(is_running(process) for process in processes))
    assert not Path(place.read_text().strip()).exists()


def test_programs_may_take_only_so_much_memory(programs: Path) -> None:
    write_program(programs / "blockMesh", "sleep 0.4; ulimit -v; exit 1")
    limits = SolveLimits(memory=2 * 1024**3)
    with pytest.raises(SolverError, match=rf"^blockMesh must succeed, got {2 * 1024**2}$"):
        list(solve_flow(BODY, limits=limits))


@pytest.mark.usefixtures("programs")
def test_missing_programs_are_told_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert is_installed()
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    assert not is_installed()
    expected = r"OpenFOAM must be on PATH, found none; install it with `apt-get install openfoam`"
    with pytest.raises(SolverError, match=expected):
        list(solve_flow(BODY))


def test_settings_are_found_in_the_list_of_the_package(
    programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tmp_path / "openfoam/etc/controlDict"
    write_program(programs / "dpkg", f"echo /usr/share/doc; echo {settings}; echo {settings}.more")
    monkeypatch.delenv("WM_PROJECT_DIR")
    assert is_installed()
    write_program(programs / "blockMesh", 'echo "$WM_PROJECT_DIR"; exit 1')
    with pytest.raises(SolverError, match=rf"got {re.escape(str(tmp_path / 'openfoam'))}$"):
        list(solve_flow(BODY))


def test_openfoam_without_its_settings_counts_as_missing(
    programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_program(programs / "dpkg", "echo 'package openfoam is not installed' >&2; exit 1")
    monkeypatch.delenv("WM_PROJECT_DIR")
    assert not is_installed()


# One real solve.


@pytest.mark.slow
@pytest.mark.skipif(not is_installed(), reason="OpenFOAM is not installed")
def test_coarse_ahmed_body_has_the_forces_of_its_faces() -> None:
    mesh: SurfaceMesh = block_mesh(BlockBody())
    *progress, flow = solve_flow(mesh, Recipe(cell=0.16, iterations=30, average_from=20))
    assert isinstance(flow, Flow)
    assert {event.stage for event in progress if isinstance(event, SolverProgress)} >= {
        "snappyHexMesh",
        "simpleFoam",
    }
    areas = np.linalg.norm(flow.face_areas, axis=1)
    pressure, friction = -2 * flow.face_pressure @ flow.face_areas, 2 * areas @ flow.face_shear
    expected = flow.window.mean(axis=0)
    for axis in (0, 2):
        assert pressure[axis] == pytest.approx(expected[0, axis], rel=0.01)
    assert friction[0] == pytest.approx(expected[1, 0], rel=0.01)
    assert pressure[0] > 0 < friction[0]
    assert flow.averaged
    assert len(flow.force_history) == len(flow.residual_history) == flow.iterations == 30
    assert (flow.residual_history > 0).all()
    assert (flow.residual_history[-1] < 0.1 * flow.residual_history[0]).all()
    # The half body's skin, a stagnation point in front, the stream far away.
    assert areas.sum() == pytest.approx(mesh.areas.sum() / 2, rel=0.03)
    assert flow.face_centers[np.argmax(flow.face_pressure), 0] < 0.05
    far = flow.cell_centers[:, 0] < -1.0
    np.testing.assert_allclose(flow.cell_velocity[far].mean(axis=0), [1, 0, 0], atol=0.02)
    assert (flow.cell_centers[:, 1] > 0).all()
    assert os.times().children_user > 0 < flow.cpu_seconds


def test_programs_give_way_on_demand_to_whoever_else_works_on_the_machine(
    programs: Path, tmp_path: Path
) -> None:
    write_results(tmp_path / "results")
    seen = tmp_path / "seen"
    group = "cat /proc/self/autogroup 2>/dev/null || echo nice 19"
    write_program(programs / "blockMesh", f"sleep 0.5; (nice; {group}) > {seen}")
    write_program(programs / "simpleFoam", f"cp -r {tmp_path / 'results'}/* .")
    list(solve_flow(BODY, RECIPE, SolveLimits(lowest_priority=True)))
    priority, *of_session = seen.read_text().splitlines()
    assert priority == "19"
    assert "nice 19" in " ".join(of_session)
    assert os.nice(0) < 19  # this process keeps its own
