"""The page for shapes: predictions, placement, trust, exports, and the solver's answer."""

import io
import json
import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from threading import Event
from time import sleep
from types import SimpleNamespace

import numpy as np
import pytest
import streamlit as st
from made_up_flows import sphere_solution
from made_up_shapes import body, coarse_body
from streamlit.testing.v1 import AppTest

from mspt.checkpoint import load_checkpoint
from mspt.figures.report import pictures
from mspt.figures.viewer.encode import decode_packet
from mspt.geometry.axes import Orientation
from mspt.geometry.descriptors.form import Unusual
from mspt.geometry.files.readers import read_mesh_bytes
from mspt.geometry.files.writers import write_stl
from mspt.geometry.mesh import SurfaceMesh, box, joined
from mspt.geometry.placement import guess_placement, place_mesh, placement_along
from mspt.geometry.preparation import prepare_shape
from mspt.inference.calibration import ExpectedError
from mspt.inference.shapes import predict
from mspt.inference.trust import Verdict
from mspt.solvers.openfoam.case import Recipe
from mspt.solvers.openfoam.results import Flow
from mspt.solvers.openfoam.run import SolveLimits, SolverProgress
from pages._shared import jobs as background
from pages._shared.cache import checkpoints
from pages._shared.jobs import Job
from pages._shared.shapes import sample_shape
from pages._upload import data
from tests.pages.reading import charts, metrics

Open = Callable[..., AppTest]


@pytest.fixture(scope="module")
def car_file(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("files") / "car.stl"
    mesh = coarse_body("fastback", 4)
    write_stl(path, SurfaceMesh(mesh.vertices * 4200, mesh.triangles))  # in millimeters
    return path.read_bytes()


def put(app: AppTest, content: bytes, name: str) -> AppTest:
    app.file_uploader[0].set_value((name, content, "application/octet-stream"))
    return app.run()


def view_html(app: AppTest) -> str:
    (view,) = app.main.get("bidi_component")
    return view.proto.json or view.proto.mixed.json


def texts(app: AppTest) -> str:
    parts = [*app.markdown, *app.caption, *app.error, *app.warning]
    return "\n".join(element.value for element in parts)


def test_first_visit_shows_a_finished_prediction(open_page: Open) -> None:
    app = open_page("upload")
    assert not app.exception
    assert not app.error
    shown = metrics(app)
    assert "±" in shown["C_D, drag"]
    assert texts(app).count("measured here") == 1
    for name in ("Closed surface", "Change when mirrored", "Change with half the points"):
        assert name in texts(app)


def test_an_upload_is_predicted_like_the_library_does(
    open_page: Open, project: Path, car_file: bytes
) -> None:
    app = put(open_page("upload"), car_file, "../../evil.STL")
    assert not app.exception
    mesh = read_mesh_bytes(car_file, suffix=".stl")
    placement = guess_placement(mesh).best
    assert placement.unit == "mm"
    shown = round(100 * placement.clearance, 2) / 100
    expected = predict(
        load_checkpoint(project / "pretrained" / "car.safetensors"),
        mesh,
        placement=replace(placement, clearance=shown),
        device="auto",
    )
    found = metrics(app)["C_D, drag"].split(" ")[0]
    assert found == f"{expected.prediction.coefficients.C_D:.3f}"


def select(app: AppTest, label: str) -> object:
    (found,) = [one for one in app.selectbox if one.label == label]
    return found


def test_a_person_can_overrule_unit_and_nose(open_page: Open, car_file: bytes) -> None:
    app = put(open_page("upload"), car_file, "car.stl")
    assert "**4.2 m long, nose this way, up this way: right?**" in texts(app)
    before = metrics(app)["C_D, drag"]
    select(app, "Unit").set_value("cm").run()
    assert "42 m long" in texts(app)
    forward = select(app, "The nose points along")
    other = "+x" if forward.value == "-x" else "-x"
    forward.set_value(other).run()
    assert not app.exception
    assert metrics(app)["C_D, drag"] != before
    assert f"--unit cm --forward={other}" in app.code[0].value


def number_of(line: str, flag: str) -> str:
    """Return what follows a flag of a command, after a space or an equals sign."""
    return re.split(rf"{flag}[ =]", line)[1].split(" ")[0]


def test_all_numbers_follow_every_control(open_page: Open, project: Path) -> None:
    """After each step the numbers are those that the library returns for the shown command."""
    app = open_page("upload", sample="Ellipsoid")
    checkpoint = load_checkpoint(project / "pretrained" / "car.safetensors")
    mesh = read_mesh_bytes(sample_shape("Ellipsoid").file, suffix=".stl")
    steps = {
        "as guessed": lambda: app,
        "flipped": lambda: app.button(key="place_Flip").click(),
        "in inches": lambda: select(app, "Unit").set_value("in"),
        "raised": lambda: app.number_input[0].set_value(20.0),
    }
    for step, take in steps.items():
        take().run()
        assert not app.exception, step
        if step == "in inches":
            continue  # that of the next step is in inches, too
        line = app.code[0].value.split("\n")[0]
        unit = number_of(line, "--unit")
        placement = placement_along(
            prepare_shape(mesh).body,
            Orientation(forward=number_of(line, "--forward"), up=number_of(line, "--up")),
            unit=unit,
            clearance=float(number_of(line, "--clearance")),
        )
        assert select(app, "Unit").value == unit
        assert app.number_input[0].value == pytest.approx(100 * placement.clearance, abs=0.01)
        result = predict(checkpoint, mesh, placement=placement, device="cpu")
        found, shown = result.prediction.coefficients, metrics(app)
        assert shown["C_D, drag"] == f"{found.C_D:.3f} ± {result.prediction.drag_spread:.3f}", step
        assert shown["C_L, lift"] == f"{found.C_L:+.3f}".replace("-", "−"), step
        assert f"**{placement.length_m:.3g} m long" in texts(app), step
        assert f": {result.trust.verdict}] " in texts(app), step
        (facts,) = [one.value for one in app.table]
        assert f"{result.summary()['frontal_area_m2']:.4g} m²" in str(facts), step


def placed(app: AppTest) -> tuple[str, str]:
    return select(app, "The nose points along").value, select(app, "Up is").value


@pytest.fixture
def no_prediction(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page whose prediction never ends shows the placement at once."""

    def halted(*_: object) -> Iterator[tuple[float, str]]:
        yield 0.5, "Predict"
        st.stop()

    monkeypatch.setattr("pages._upload.data.predict", halted)


@pytest.mark.usefixtures("no_prediction")
def test_axes_that_do_not_fit_change_places_and_buttons_turn_the_shape(open_page: Open) -> None:
    app = open_page("upload", sample="Wing")
    assert placed(app) == ("-x", "+z")
    select(app, "Up is").set_value("+x").run()
    assert not app.error
    assert placed(app) == ("+z", "+x")
    select(app, "The nose points along").set_value("-x").run()
    assert placed(app) == ("-x", "+z")
    for button, expected in (
        ("Flip", ("+x", "+z")),
        ("Flip", ("-x", "+z")),
        ("Stand up", ("-z", "-x")),
        ("Turn", ("-y", "-x")),
    ):
        app.button(f"place_{button}").click().run()
        assert placed(app) == expected
    assert not app.exception
    assert not app.error
    assert len(charts(app)) == 1  # the picture


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        (b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 99999999\n", "bad.obj", "99,999,999"),
        (b"", "empty.stl", "must"),
        (b"\x00" * 84, "zero.stl", "must"),
    ],
)
def test_bad_files_are_one_line_and_leave_the_page_alive(
    open_page: Open, content: bytes, name: str, message: str
) -> None:
    app = put(open_page("upload"), content, name)
    assert not app.exception
    assert message in app.error[0].value
    app.file_uploader[0].set_value([])
    assert not app.run().exception


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> list[Job]:
    """What was started in the background."""
    started, start = [], background.start
    monkeypatch.setattr(
        "pages._shared.jobs.start",
        lambda *what, **more: started.append(start(*what, **more)),
    )
    monkeypatch.setattr("pages._upload.controls.is_installed", lambda: True)
    return started


@pytest.fixture
def quick_solver(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    calls: list[str] = []

    def fake(mesh: SurfaceMesh, recipe: Recipe, *_: object) -> Iterator[SolverProgress | Flow]:
        calls.append("solved")
        yield SolverProgress(stage="simpleFoam", iteration=120, iterations=240, residual=1e-3)
        yield sphere_solution(mesh, recipe)

    monkeypatch.setattr("pages._upload.data.solve_flow", fake)
    return calls


def test_cars_on_wheels_stand_and_hovering_ones_are_told(open_page: Open) -> None:
    app = open_page("upload", sample="Estate on wheels")
    (clearance,) = [one for one in app.number_input if one.label.startswith("Clearance")]
    assert clearance.value == 0
    assert not app.warning
    clearance.set_value(5.0).run()
    assert not app.exception
    assert [one.value for one in app.warning] == [
        "Wheels are 5.0% of the body length above the ground; set the clearance to 0."
    ]


def test_solving_shows_truth_and_real_error(
    open_page: Open, quick_solver: list[str], jobs: list[Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    scored, score = [], data.score_flow
    monkeypatch.setattr(
        "pages._upload.data.score_flow", lambda *a, **b: scored.append(a) or score(*a, **b)
    )
    app = open_page("upload", sample="Ellipsoid")
    assert "C_D of the solver" not in metrics(app)
    app.button("shape_solve").click().run()
    (job,) = jobs
    assert job.ended.wait(60)
    assert not job.error
    assert not app.run().exception
    assert quick_solver == ["solved"]
    shown = metrics(app)
    assert shown["C_D of the solver"] == "0.729 ± 0.000"
    assert shown["C_L of the solver"].endswith("± 0.000")
    assert shown["Error of C_p"].endswith("%")
    scatter = [one.value for one in app.caption if "scatter" in one.value]
    assert scatter == [
        "(mesh-to-mesh scatter of the solver: 4.3%)",
        "(mesh-to-mesh scatter of the solver: 6.5%)",
    ]
    assert not app.error
    assert "not settled" not in texts(app)
    view = next(group for group in app.button_group if group.label == "View")
    assert view.value == "Truth and error"
    (viewer,) = app.main.get("bidi_component")
    header, _ = decode_packet(viewer.proto.bytes)
    titles = [panel["title"] for panel in header["panels"]]
    assert titles == ["Truth (solver)", "Prediction (model)", "Error (prediction − truth)"]
    app.run()
    assert quick_solver == ["solved"]  # kept, not solved again
    assert len(scored) == 1
    solver_s_files(app, monkeypatch)


def solver_s_files(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The solver's fields can be taken along, and stand in the report."""
    offered = {one.proto.label for one in app.get("download_button")}
    assert {"Solver (VTP)", "Solver (NPZ)", "Report (HTML)"} <= offered
    result, truth = data.predictions().values()[-1], data.truths().values()[-1]
    assert b"Cp_solver" in data.solver_file(result, truth)
    assert data.truth_file(truth)[:2] == b"PK"
    shape, model = sample_shape("Ellipsoid"), checkpoints("car")["car"]
    key = data.result_key(shape, result.placement, model, "auto")
    chosen = data.Chosen(
        shape=shape, is_own=False, placement=result.placement, checkpoint=model, key=key
    )
    monkeypatch.setattr(pictures, "FINER", 1)  # in less time
    report = data.report_file(chosen, result, truth, None).decode()
    assert report.count("data:image/png;base64,") == 6
    assert "The solver&#x27;s result" in report or "The solver's result" in report
    assert f"{truth.case.info['C_D']:.4f} ± " in report
    assert "Error of surface pressure" in report


def test_a_run_that_has_not_settled_says_so_before_its_numbers(
    open_page: Open, jobs: list[Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsteady(
        mesh: SurfaceMesh, recipe: Recipe, _: SolveLimits
    ) -> Iterator[SolverProgress | Flow]:
        flow = sphere_solution(mesh, recipe)
        history = flow.force_history.copy()
        history[::2, 0] *= 1.1
        history[1::2, 0] *= 0.9
        yield SolverProgress(stage="simpleFoam", iteration=95, iterations=240, seconds=26.0)
        yield replace(flow, force_history=history)

    monkeypatch.setattr("pages._upload.data.solve_flow", unsteady)
    app = open_page("upload", sample="Pickup")
    app.button("shape_solve").click().run()
    assert jobs[0].ended.wait(60)
    assert not app.run().exception
    (told,) = app.error
    assert "**not settled: C_D varies by ±" in told.value
    shown = metrics(app)
    spread = float(shown["C_D of the solver"].split("± ")[1])
    assert spread == pytest.approx(0.1 * float(shown["C_D of the solver"].split(" ")[0]), rel=0.15)
    against = [one.value for one in app.caption if "against an unsettled run" in one.value]
    assert len(against) == 2  # below the error of C_D and that of C_p
    assert any("The error is against it" in one.value for one in app.caption)
    assert any(one.value.startswith("model ") for one in app.caption)
    drag = charts(app)[-1]
    assert [trace["name"] for trace in drag["data"]] == [
        "pressure",
        "velocity",
        "C_D",
    ]
    (panel,) = [one for one in app.expander if one.label.startswith("Residuals")]
    assert panel.proto.expanded


def test_progress_of_the_solver_names_step_iteration_and_time_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def one(*_: object) -> Iterator[SolverProgress]:
        yield SolverProgress(stage="simpleFoam", iteration=95, iterations=240, seconds=26.0)

    monkeypatch.setattr("pages._upload.data.solve_flow", one)
    mesh = sample_shape("Ellipsoid").mesh
    body = place_mesh(mesh, guess_placement(mesh).best)
    (step,) = data.solve(SimpleNamespace(placed=body))
    assert step.words == "Step 2 of 2: solving, iteration 95 of 240, about 40 s left"


def test_cancelled_prediction_waits_until_a_person_wants_it(
    open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    def halted(*_: object) -> Iterator[tuple[float, str]]:
        yield 0.5, "Predict"
        st.stop()  # as Streamlit does when a click arrives

    with monkeypatch.context() as patch:
        patch.setattr("pages._upload.data.predict", halted)
        app = open_page("upload", sample="Ahmed body")
        next(button for button in app.button if button.label == "Cancel").click().run()
    assert not app.exception
    assert any("Predicting the flow: cancelled" in caption.value for caption in app.caption)
    (preview,) = app.main.get("bidi_component")
    assert "The shape in the wind tunnel" in json.loads(preview.proto.json)["_html"]
    next(button for button in app.button if button.label == "Continue").click().run()
    assert "C_D, drag" in metrics(app)


def test_page_can_be_used_while_the_solver_runs_and_cancel_ends_it(
    open_page: Open, jobs: list[Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = Event()

    def endless(*_: object) -> Iterator[SolverProgress]:
        try:
            for step in count():
                yield SolverProgress(
                    stage="simpleFoam", iteration=step, iterations=10, residual=1e-3
                )
                sleep(0.01)
        finally:
            closed.set()

    monkeypatch.setattr("pages._upload.data.solve_flow", endless)
    app = open_page("upload", sample="Wing")
    app.button("shape_solve").click().run()
    assert app.button("shape_solve").disabled
    next(group for group in app.button_group if group.label == "View").set_value("Shape").run()
    assert not app.exception
    assert not jobs[0].ended.is_set()
    next(button for button in app.button if button.label == "Cancel").click().run()
    assert closed.wait(10)
    assert not app.run().exception
    assert not app.button("shape_solve").disabled
    assert "C_D of the solver" not in metrics(app)


def test_exports_hold_the_prediction(open_page: Open) -> None:
    open_page("upload", sample="Ahmed body")
    checkpoint = checkpoints("car")["car"]
    shape = sample_shape("Ahmed body")
    placement = guess_placement(shape.mesh).best
    key = data.result_key(shape, placement, checkpoint, "cpu")
    for _ in data.predict(shape, key):
        pass
    result = data.finished(key)
    table = np.genfromtxt(io.BytesIO(data.table_file(result)), delimiter=",", names=True)
    assert np.allclose(table["Cp"], result.prediction.fine["C_p"], atol=1e-4)  # as it is drawn
    assert np.array_equal(np.unique(table["triangle"]), np.arange(len(result.shape.body.triangles)))
    assert b"PolyData" in data.vtp_file(result)
    kept = json.loads(data.run_record_file(result, shape, checkpoint))
    assert kept["shape"]["path"] == "ahmed-body.stl"
    assert kept["C_D"] == result.prediction.coefficients.C_D


def tables(app: AppTest) -> str:
    return "\n".join(table.value.to_csv() for table in app.table)


def stl_of(mesh: SurfaceMesh, folder: Path) -> bytes:
    write_stl(folder / "shape.stl", mesh)
    return (folder / "shape.stl").read_bytes()


def test_a_half_model_is_completed_and_a_person_can_say_that_it_is_whole(
    open_page: Open, tmp_path: Path
) -> None:
    half = body(width=0.9, low=0.0)
    app = put(open_page("upload"), stl_of(half, tmp_path), "half.stl")
    assert not app.exception
    assert "added the mirror image of a half model at y = 0 m" in texts(app)
    assert "2.196 m²" in tables(app)
    assert "**Repaired before the prediction**\n\n- added the mirror image" in texts(app)
    question = next(group for group in app.button_group if "flat at y = 0" in group.label)
    assert question.value == "One half of it"
    question.set_value("The whole body").run()
    assert not app.exception
    assert "added the mirror image" not in texts(app)
    assert "1.098 m²" in tables(app)
    assert "--half whole" in app.code[0].value


def test_what_no_air_reaches_is_named_with_its_area(open_page: Open, tmp_path: Path) -> None:
    engine = box((0.4, -0.3, 0.4), (1.0, 0.3, 0.7))
    app = put(open_page("upload"), stl_of(joined(body(), engine), tmp_path), "engine.stl")
    assert "left out 1 part that no air reaches, 1.44 m²" in texts(app)
    next(group for group in app.button_group if group.label == "View").set_value("Shape").run()
    assert not app.exception
    assert any("orange[■ **left-out surface**]" in one.value for one in app.caption)


def test_a_flow_is_told_before_any_number(open_page: Open, tmp_path: Path) -> None:
    tunnel = box((-6, -4, 0), (12, 4, 4.5)).flipped()
    app = put(open_page("upload"), stl_of(joined(tunnel, body()), tmp_path), "tunnel.stl")
    assert "holds the flow and not the body alone" in app.warning[0].value
    assert "2.196 m²" in tables(app)


def test_the_page_asks_which_way_a_shape_faces_if_its_form_does_not_tell(
    open_page: Open, tmp_path: Path
) -> None:
    alike = joined(box((0, -0.9, 0.2), (4.5, 0.9, 1.2)), box((1, -0.5, 1.2), (2, 0.3, 1.5)))
    app = put(open_page("upload"), stl_of(alike, tmp_path), "alike.stl")
    assert not app.exception
    assert "Which way does it face?" in app.info[0].value
    assert not app.metric
    assert not [one for one in app.button if one.label == "Flip"]
    nose = next(button for button in app.button if button.label == "Nose +x, up +z")
    nose.click().run()
    assert not app.exception
    assert not app.info
    assert "--forward=+x" in app.code[0].value


# What stays when the page is left.


def leave_and_return(app: AppTest) -> AppTest:
    app.switch_page("pages/scaling.py").run()
    assert not app.exception
    return app.switch_page("pages/upload.py").run()


def test_a_shape_stays_with_its_reading_and_placement(open_page: Open, tmp_path: Path) -> None:
    half = body(width=0.9, low=0.0)
    app = put(open_page("upload"), stl_of(half, tmp_path), "my half.stl")
    question = next(group for group in app.button_group if "flat at y = 0" in group.label)
    question.set_value("The whole body").run()
    app.button("place_Flip").click().run()
    select(app, "Unit").set_value("ft").run()
    command, before = app.code[0].value, metrics(app)
    assert "--half whole" in command
    leave_and_return(app)
    assert not app.exception
    assert app.code[0].value == command
    assert metrics(app) == before
    assert "my half" in texts(app)
    assert not [one for one in app.selectbox if one.label == "Or a sample"]


def test_a_chosen_sample_stays_unless_a_link_names_another(open_page: Open) -> None:
    app = open_page("upload")
    select(app, "Or a sample").set_value("Wing").run()
    before = metrics(app)
    leave_and_return(app)
    assert "predict wing.stl" in app.code[0].value
    assert metrics(app) == before
    app.switch_page("pages/scaling.py").run()
    app.query_params["sample"] = "Ellipsoid"
    app.switch_page("pages/upload.py").run()
    assert "predict ellipsoid.stl" in app.code[0].value


def test_job_s_link_names_its_sample_though_it_is_the_default(
    open_page: Open,
    quick_solver: list[str],  # noqa: ARG001 - it takes the solver's place
    jobs: list[Job],
) -> None:
    app = open_page("upload")
    app.button("shape_solve").click().run()
    assert jobs[0].query["sample"] == "Notchback"


def test_direction_that_was_chosen_stays(open_page: Open, tmp_path: Path) -> None:
    alike = joined(box((0, -0.9, 0.2), (4.5, 0.9, 1.2)), box((1, -0.5, 1.2), (2, 0.3, 1.5)))
    app = put(open_page("upload"), stl_of(alike, tmp_path), "alike.stl")
    next(button for button in app.button if button.label == "Nose +x, up +z").click().run()
    leave_and_return(app)
    assert not app.info
    assert "--forward=+x" in app.code[0].value


def test_a_shape_gives_way_to_a_sample_only_if_a_person_says_so(
    open_page: Open, car_file: bytes
) -> None:
    app = put(open_page("upload"), car_file, "car.stl")
    own = metrics(app)
    app.button("use_sample").click().run()
    assert metrics(app) != own
    assert "notchback.stl" in app.code[0].value
    leave_and_return(app)
    assert "notchback.stl" in app.code[0].value
    app.button("use_mine").click().run()
    assert metrics(app) == own
    assert "predict car.stl" in app.code[0].value


def test_a_file_that_cannot_be_read_does_not_take_the_place_of_a_shape(
    open_page: Open, car_file: bytes
) -> None:
    app = put(open_page("upload"), car_file, "car.stl")
    put(app, b"", "empty.stl")
    assert app.error
    assert not app.metric  # neither those of the other shape nor of a sample
    leave_and_return(app)
    assert not app.error
    assert "predict car.stl" in app.code[0].value


# Names from outside.


@pytest.mark.parametrize(
    ("given", "shown", "vtp"),
    [
        ("my-car.stl", "my-car.stl", "my-car-prediction.vtp"),
        ("../../my car.STL", "'my car.STL'", "my car-prediction.vtp"),
        ("$(touch x);`id`.stl", "'(touch x)id.stl'", "(touch x)id-prediction.vtp"),
    ],
)
def test_files_are_named_after_the_person_s_own(
    open_page: Open, car_file: bytes, given: str, shown: str, vtp: str
) -> None:
    app = put(open_page("upload"), car_file, given)
    assert not app.exception
    command = app.code[0].value.splitlines()[0]
    assert command.startswith(f"python -m mspt predict {shown} ")
    assert shlex.split(command)[-1] == vtp
    names = {one.proto.label: one.proto for one in app.get("download_button")}
    own = {"Mesh (VTP)", "Table (CSV)", "Run record (JSON)", "Report (HTML)"}
    assert set(names) - {"Report (PDF)"} == own  # which needs a browser


# The verdict.


@pytest.mark.parametrize(
    ("verdict", "color", "words"),
    [
        ("good", "green", "**All checks are good**"),
        ("fair", "orange", "**Use with care**: nearest known shape ({}%) is only fair."),
        ("poor", "red", "**Do not rely on these numbers**: nearest known shape ({}%) is poor."),
    ],
)
def test_verdict_stands_above_the_numbers_and_decides_how_they_look(
    open_page: Open, verdict: Verdict, color: str, words: str
) -> None:
    app = open_page("upload")
    shape, kept = sample_shape("Notchback"), data.predictions()
    placement = guess_placement(shape.mesh).best
    placement = replace(placement, clearance=round(100 * placement.clearance, 2) / 100)
    key = data.result_key(shape, placement, checkpoints("car")["car"], "auto")
    result = data.finished(key)
    *good, nearest = [replace(check, verdict="good") for check in result.trust.checks]
    checks = (*good, replace(nearest, verdict=verdict))
    kept.put(key, replace(result, trust=replace(result.trust, checks=checks)))
    try:
        app.run()
    finally:
        kept.put(key, result)
    assert not app.exception
    shown = [one for one in app.main if one.type in ("markdown", "metric")]
    first = next(one for one in shown if one.type == "metric" or "-badge[" in one.value)
    assert first.value.startswith(f":{color}-badge[")
    assert words.format(f"{nearest.value:.2g}") in first.value
    is_poor = verdict == "poor"
    assert all(one.value.startswith(":gray[") == is_poor for one in app.metric)
    assert metrics(app).get("Error of C_D") == (None if is_poor else "12.34%")
    assert ("Average over 40 test bodies" in texts(app)) == (not is_poor)


# The expected error.


@pytest.mark.parametrize("is_outside", [False, True])
def test_interval_is_seen_at_a_glance_and_being_outside_before_all_else(
    open_page: Open, *, is_outside: bool
) -> None:
    app = open_page("upload")
    shape, kept = sample_shape("Notchback"), data.predictions()
    placement = guess_placement(shape.mesh).best
    placement = replace(placement, clearance=round(100 * placement.clearance, 2) / 100)
    key = data.result_key(shape, placement, checkpoints("car")["car"], "auto")
    result = data.finished(key)
    points = result.prediction.surface_points
    expected = ExpectedError(
        C_D=0.31,
        C_D_low=0.28,
        C_D_high=0.34,
        C_p_error=0.22,
        C_p_error_high=0.3,
        coverage=0.8,
        is_outside=is_outside,
        distances={"outline": 1.0, "form": 2.0, "latent": 1.0},
        limits={"form": 2.5, "pressure": 0.4},
        unusual=(Unusual(name="width", excess=3.0, words="it is narrow, as a motorcycle is"),),
        signals={"form": 2.0, "pressure": 0.2},
        local=np.linspace(0, 0.2, len(points)),
        points=points,
        normals=result.prediction.surface_normals,
    )
    kept.put(key, replace(result, trust=replace(result.trust, expected=expected)))
    try:
        app.run()
        shown = metrics(app)
        assert not app.exception
        assert shown["C_D, drag"].strip(":gray[]") == "0.310 ± 0.030"
        assert shown["Expected error of C_p"].strip(":gray[]") == "22%"
        where = "untried on such shapes" if is_outside else "80% of such shapes"
        assert f"{where}: 0.280 to 0.340" in texts(app)
        heads = [one.value for one in app.header]
        assert any("outside what the model knows" in one for one in heads) == is_outside
        assert ("narrow, as a motorcycle is" in texts(app)) == is_outside
        for view, words in (
            ("Expected error", "disagree"),
            ("Where to push", "raises drag"),
            ("Inside the flow", "Click into the slice"),
        ):
            app.session_state["view"] = view
            app.run()
            assert not app.exception
            assert words in texts(app)
    finally:
        kept.put(key, result)
