"""The page for shapes: predictions, placement, trust, exports, and the solver's answer."""

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from threading import Event
from time import sleep

import numpy as np
import pytest
import streamlit as st
from made_up_flows import sphere_solution
from made_up_shapes import body
from streamlit.testing.v1 import AppTest

from mspt.checkpoint import load_checkpoint
from mspt.figures.viewer.encode import decode_packet
from mspt.geometry.bodies.families import draw_body
from mspt.geometry.files.readers import read_mesh_bytes
from mspt.geometry.files.writers import write_stl
from mspt.geometry.mesh import SurfaceMesh, box, joined
from mspt.geometry.placement import guess_placement
from mspt.inference.shapes import predict
from mspt.solvers.openfoam.case import Recipe
from mspt.solvers.openfoam.results import Flow
from mspt.solvers.openfoam.run import SolverProgress
from pages._shared import jobs as background
from pages._shared.cache import checkpoints
from pages._shared.jobs import Job
from pages._shared.shapes import sample_shape
from pages._upload import data
from tests.pages.reading import metrics

Open = Callable[..., AppTest]


@pytest.fixture(scope="module")
def car_file(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("files") / "car.stl"
    mesh = draw_body("fastback", 4).mesh
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
    assert shown["Usual error of C_D"] == "12.34%"
    for name in ("Closed surface", "Mirror symmetry", "Half as many points"):
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


def test_a_person_can_overrule_unit_and_nose(open_page: Open, car_file: bytes) -> None:
    app = put(open_page("upload"), car_file, "car.stl")
    assert "4.2 m long" in texts(app)
    before = metrics(app)["C_D, drag"]
    unit, forward, _ = [
        box for box in app.selectbox if box.label not in ("Checkpoint", "Or a sample")
    ]
    unit.set_value("cm").run()
    assert "42 m long" in texts(app)
    other = "+x" if forward.value == "-x" else "-x"
    forward.set_value(other).run()
    assert not app.exception
    assert metrics(app)["C_D, drag"] != before
    assert f"--forward={other}" in app.code[0].value


def test_axes_that_do_not_fit_are_named(open_page: Open) -> None:
    app = open_page("upload")
    _, forward, up = [
        box for box in app.selectbox if box.label not in ("Checkpoint", "Or a sample")
    ]
    forward.set_value(up.value).run()
    assert not app.exception
    assert "must be different axes" in app.error[0].value


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
    assert float(shown["C_D of the solver"]) > 0
    assert shown["L2 error of C_p"].endswith("%")
    (noise,) = [one.value for one in app.caption if one.value.startswith("Label noise")]
    assert "C_p changes by 7.65%" in noise
    assert "its C_D by 4.32%, mean of 40 test cases, stored with the checkpoint" in noise
    view = next(group for group in app.button_group if group.label == "View")
    assert view.value == "Truth and error"
    (viewer,) = app.main.get("bidi_component")
    header, _ = decode_packet(viewer.proto.bytes)
    titles = [panel["title"] for panel in header["panels"]]
    assert titles == ["Truth (solver)", "Prediction (model)", "Error (prediction − truth)"]
    app.run()
    assert quick_solver == ["solved"]  # kept, not solved again
    assert len(scored) == 1


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
    assert np.allclose(table["Cp"], result.prediction.cell_pressure, atol=1e-4)
    assert b"PolyData" in data.vtp_file(result)
    kept = json.loads(data.run_record_file(result, shape, checkpoint))
    assert kept["shape"]["path"] == "shape.stl"
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
    nose = next(button for button in app.button if button.label == "Nose +x, up +z")
    nose.click().run()
    assert not app.exception
    assert not app.info
    assert "--forward=+x" in app.code[0].value
