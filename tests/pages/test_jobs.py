"""Work in the background: kept on the server, found again on other pages and after a reload."""

from collections.abc import Callable, Generator, Iterator
from itertools import count
from threading import Event, Lock, Thread
from time import monotonic, sleep

import pytest
import streamlit as st
from made_up_flows import sphere_solution
from streamlit.testing.v1 import AppTest

from mspt.errors import MSPTError
from mspt.geometry.mesh import SurfaceMesh
from mspt.solvers.openfoam.case import Recipe
from mspt.solvers.openfoam.results import Flow
from mspt.solvers.openfoam.run import SolveLimits, SolverProgress
from pages._shared import jobs
from pages._shared.jobs import MODEL, SOLVER, WHOLE_MACHINE, Job, Step
from tests.pages.reading import finish, metrics

Open = Callable[..., AppTest]


# A job by itself


def endless(closed: Event | None = None) -> Generator[Step, None, None]:
    try:
        for number in count():
            yield Step(0.5, f"Step {number}")
            sleep(0.01)
    finally:
        if closed is not None:
            closed.set()


def one_step() -> Generator[Step, None, None]:
    yield Step(1.0, "Done", "result")


def begun(steps: Generator[Step, None, None], *uses: str) -> Job:
    job = Job(key="test", steps=steps, uses=uses or (MODEL,), sessions={"one", "two"})
    Thread(target=job.run, daemon=True).start()
    return job


def wait_until(condition: Callable[[], bool], seconds: float = 10.0) -> bool:
    end = monotonic() + seconds
    while not condition() and monotonic() < end:
        sleep(0.01)
    return condition()


def test_models_are_evaluated_while_a_flow_is_solved_and_a_measurement_waits_for_both() -> None:
    solve = begun(endless(), SOLVER)
    assert wait_until(lambda: solve.words.startswith("Step"))
    measurement, other = begun(one_step(), *WHOLE_MACHINE), begun(endless(), SOLVER)
    assert begun(one_step(), MODEL).ended.wait(10)
    assert wait_until(lambda: measurement.words.startswith("Waiting for 1 other"))
    other.cancel()
    assert other.ended.is_set()
    assert not measurement.ended.is_set()
    solve.cancel()
    assert measurement.ended.wait(10)
    assert measurement.results == ["result"]


def test_a_lost_connection_ends_a_job_only_after_the_time_of_grace(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connected = {"one"}
    monkeypatch.setattr(jobs, "_is_there", connected.__contains__)
    monkeypatch.setattr(jobs, "GRACE", 1.0)
    closed = Event()
    job = begun(endless(closed))
    connected.clear()
    assert not job.ended.wait(0.5)
    connected.add("two")  # the same visitor after a reload
    assert not job.ended.wait(1.5)
    connected.clear()
    assert job.ended.wait(10)
    assert job.cancelled.is_set()
    assert closed.is_set()


def test_a_job_between_its_steps_lets_a_waiting_visitor_go_first() -> None:
    lock, waits = Lock(), []

    def greedy() -> Generator[Step, None, None]:
        while True:
            with lock:
                sleep(0.005)
            yield Step(0.5, "")

    job = begun(greedy())
    for _ in range(5):
        start = monotonic()
        with lock:
            waits.append(monotonic() - start)
        sleep(0.01)
    job.cancel()
    assert max(waits) < 1.0


def test_results_so_far_errors_and_bugs_are_kept() -> None:
    def breaks(error: Exception) -> Generator[Step, None, None]:
        yield Step(0.5, "", 1)
        raise error

    told, bug = begun(breaks(MSPTError("no"))), begun(breaks(ZeroDivisionError()))
    assert told.ended.wait(10)
    assert bug.ended.wait(10)
    assert (told.results, told.error, told.failure) == ([1], "no", None)
    assert isinstance(bug.failure, ZeroDivisionError)


# Jobs of a visitor


def small_page() -> None:
    import streamlit as st

    from pages._shared import jobs
    from tests.pages.test_jobs import endless

    st.session_state["page"] = "scaling"
    for key in st.session_state.get("begin", ()):
        jobs.start(key, endless(), title=key)
    st.session_state["begin"] = ()
    st.write(f"{len(jobs.own())} listed")
    for key in st.session_state.get("followed", ()):
        jobs.follow(key)


def start_jobs(*keys: str) -> AppTest:
    app = AppTest.from_function(small_page)
    app.session_state["begin"] = keys
    return app.run()


def stop_all() -> None:
    for job in jobs._board().values():
        job.cancel()


@pytest.fixture(autouse=True)
def nothing_runs_on() -> Iterator[None]:
    st.cache_resource.clear()
    yield
    stop_all()


def test_the_server_refuses_more_jobs_than_it_can_keep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "MOST", 3)
    app = start_jobs("a", "b", "c", "d")
    assert len(jobs._board().values()) == 3
    app.session_state["followed"] = ("a", "d")
    (error,) = app.run().error
    assert "fewer than 3 jobs" in error.value
    stop_all()
    app.session_state["begin"] = ("e",)
    assert not app.run().exception
    assert [job.key for job in jobs._board().values() if not job.ended.is_set()] == ["e"]


def test_one_tab_cannot_take_all_places(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "MOST_EACH", 2)
    app = start_jobs("a", "b", "c")
    app.session_state["followed"] = ("c",)
    (error,) = app.run().error
    assert "One tab must run at most 2 jobs" in error.value
    jobs._board().values()[0].cancel()
    app.session_state["begin"] = ("d",)
    app.run()
    assert [one.key for one in jobs._board().values() if not one.ended.is_set()] == ["b", "d"]


def test_the_same_key_again_ends_the_job_before() -> None:
    app = start_jobs("a")
    (before,) = jobs._board().values()
    app.session_state["begin"] = ("a",)
    app.run()
    assert before.ended.is_set()
    (after,) = jobs._board().values()
    assert after is not before


# On the pages


@pytest.fixture
def solver(monkeypatch: pytest.MonkeyPatch) -> Event:
    """A solver that ends when the event is set, or when it is closed."""
    done = Event()

    def solve(
        mesh: SurfaceMesh, recipe: Recipe, limits: SolveLimits
    ) -> Iterator[SolverProgress | Flow]:
        assert limits.lowest_priority
        while not done.is_set():
            yield SolverProgress(stage="simpleFoam", iteration=9, iterations=10, residual=1e-3)
            sleep(0.01)
        yield sphere_solution(mesh, recipe)

    monkeypatch.setattr("pages._upload.data.solve_flow", solve)
    monkeypatch.setattr("pages._upload.controls.is_installed", lambda: True)
    return done


def sidebar_texts(app: AppTest) -> list[str]:
    return [one.value for one in (*app.sidebar.markdown, *app.sidebar.caption)]


def test_a_solve_goes_on_while_others_predict_and_its_result_waits_for_its_visitor(
    open_page: Open, solver: Event
) -> None:
    app = open_page("upload", sample="Ellipsoid")
    app.button("shape_solve").click().run()
    (job,) = jobs._board().values()
    app.switch_page("pages/scaling.py").run()
    assert not app.exception
    assert "**Solving the flow around: Ellipsoid, nose -x, up +z**" in sidebar_texts(app)
    assert app.query_params["job"] in (job.name, [job.name])
    # Another visitor uploads, and evaluates a model on a whole data set.
    other = open_page("upload", sample="Wing")
    assert "C_D, drag" in metrics(other)
    assert "job" not in other.query_params
    assert not [text for text in sidebar_texts(other) if "Solving" in text]
    other = finish(
        open_page("explore", source="elasticity", checkpoint="elasticity-transolver", worst="true")
    )
    assert any("have a smaller error" in text.value for text in other.markdown)
    assert not job.ended.is_set()
    # The result is kept until the page has shown it.
    solver.set()
    assert job.ended.wait(60)
    app.run()
    assert "Done." in sidebar_texts(app)
    app.switch_page("pages/upload.py").run()
    assert float(metrics(app)["C_D of the solver"].split(" ")[0]) > 0
    assert not job.results
    app.run()
    assert "Done." not in sidebar_texts(app)
    assert "job" not in app.query_params


def test_a_reloaded_page_follows_its_job_and_can_cancel_it(open_page: Open, solver: Event) -> None:
    app = open_page("upload", sample="Ellipsoid")
    app.button("shape_solve").click().run()
    (job,) = jobs._board().values()
    for page in ("scaling", "upload"):  # a new session, which knows the address alone
        app = open_page(page, sample="Ellipsoid", job=job.name)
        assert "**Solving the flow around: Ellipsoid, nose -x, up +z**" in sidebar_texts(app)
    assert app.button("shape_solve").disabled
    app.button(f"cancel {job.name}").click().run()
    assert job.ended.wait(10)
    app.run()
    assert not app.button("shape_solve").disabled
    assert "Cancelled." in [caption.value for caption in app.caption]
    assert not [text for text in sidebar_texts(app) if "Solving" in text]
    assert not solver.is_set()


def test_a_job_that_is_gone_is_told(open_page: Open) -> None:
    app = open_page("scaling", job="nothing")
    (note,) = app.info
    assert "names a job that has ended" in note.value
    assert "job" not in app.query_params
