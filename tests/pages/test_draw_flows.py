"""Drawing what takes seconds to solve: pipe, airfoil, die and vorticity."""

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from quick_solvers import use_quick_solvers
from streamlit.testing.v1 import AppTest

from mspt.checkpoint import build_model, load_checkpoint, save_checkpoint
from mspt.config import ModelConfig
from mspt.data.registry import get_dataset
from mspt.data.solve import drawing_inputs, drawing_steps, solve_drawing
from mspt.evaluation.comparison import compare, primary_error, views_of
from mspt.inference.drawings import drawing_file, preset_drawing
from mspt.inference.predict import predict_case
from mspt.inference.sample import sample_of_case
from mspt.models.normalizer import Normalizer
from mspt.solvers import airfoil
from pages._draw import data
from pages._shared.store import store
from tests.pages.reading import charts, component, finish, metrics
from tests.pages.tiny import ROOT, TINY, save_tiny_flow

Open = Callable[..., AppTest]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with tiny models of pipes and of vorticities, and none of airfoils and dies."""
    folder = tmp_path_factory.mktemp("project")
    for name in ("assets", "static", ".streamlit"):
        (folder / name).symlink_to(ROOT / name)
    (folder / "pretrained").mkdir()
    for name, changes in {
        "pipe": {"in_features": 1},
        "navier_stokes": {"in_features": 10, "input_frames": 10, "rollout": 10},
    }.items():
        config = ModelConfig(**TINY, num_patches=16, **changes)
        generator = torch.Generator().manual_seed(3)
        model = build_model(config, seed=3)
        with torch.no_grad():
            for parameter in model.parameters():  # heads start at zero: move them
                parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
        save_checkpoint(
            folder / "pretrained" / f"{name}.safetensors",
            model=model,
            config=config,
            normalizer=Normalizer(space_dim=2, in_features=config.in_features, out_channels=1),
            info={"dataset": name, "metrics": {}, "parameters": 1234},
        )
    save_tiny_flow(folder / "pretrained" / "car.safetensors")
    return folder


@pytest.fixture(autouse=True)
def quick_solvers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    use_quick_solvers(monkeypatch)
    # Another process would not know of them.
    monkeypatch.setattr(data, "solve_apart", lambda text: drawing_steps(json.loads(text)))
    yield
    store.clear()


def press_solve(app: AppTest) -> AppTest:
    app = finish(app.button(key="draw_solve").click().run())
    assert not app.exception
    return app


def dotted(app: AppTest, values: object, *, of: str = "") -> tuple[np.ndarray, np.ndarray]:
    """What the first picture holds at its dots, every so many points, beside known values."""
    dots = next(t for t in charts(app)[0]["data"] if t.get("mode") == "markers")
    found = dots[of] if of else dots["customdata"][:, 0]
    return found, np.asarray(values)[:: -(-len(values) // len(found))]


def file_of(dataset: str, preset: str, seed: int = 7) -> dict:
    found = get_dataset(dataset)
    return json.loads(drawing_file(found, preset_drawing(found, preset, seed=seed)))


def test_a_pipe_is_predicted_at_once_and_solved_on_demand(open_page: Open, project: Path) -> None:
    app = open_page("draw", dataset="pipe", pipe_start="Wave")
    assert not app.exception
    assert not app.error
    shown = component(app)
    shown["values"][2] = 0.75
    moved = np.array(shown["values"]).reshape(5, 2)
    app.session_state["draw_points"] = {
        "numbers": {"version": shown["version"], "values": moved.tolist()}
    }
    app.run()
    checkpoint = load_checkpoint(project / "pretrained" / "pipe.safetensors")
    drawing = {"dataset": "pipe", "center_line": moved.tolist()}
    inputs = drawing_inputs(drawing)
    predicted = predict_case(checkpoint, inputs.points, inputs.features).fields
    np.testing.assert_allclose(*dotted(app, predicted[:, 0]), rtol=1e-4, atol=1e-5)
    assert "Solver, truth" not in metrics(app)
    app = press_solve(app)
    case = solve_drawing(drawing).case
    error = primary_error(sample_of_case(case), predicted)
    assert metrics(app)["Error of u_x"] == f"{error:.2%}"
    np.testing.assert_allclose(*dotted(app, case.fields[:, 0]), rtol=1e-5, atol=1e-6)
    # Another pipe is not solved, and its prediction is there.
    app.session_state["draw_points"] = {
        "numbers": {"version": shown["version"], "values": np.zeros((5, 2)).tolist()}
    }
    app.run()
    assert list(metrics(app)) == ["Model, forward pass"]


def test_a_pipe_that_is_too_steep_keeps_the_drawing_and_says_so(open_page: Open) -> None:
    app = open_page("draw", dataset="pipe")
    steep = [[4.5, 2.0], [-4.5, 2.0], [4.5, -2.0], [-4.5, 2.0], [4.5, 0.0]]
    app.session_state["draw_points"] = {
        "numbers": {"version": component(app)["version"], "values": steep}
    }
    app.run()
    assert not app.exception
    (error,) = app.error
    assert error.value.startswith("Center line must have slopes up to 6, got ")
    assert component(app.run())["values"] == [number for row in steep for number in row]


def test_an_airfoil_without_a_model_is_solved_and_the_page_says_there_is_none(
    open_page: Open,
) -> None:
    app = open_page("draw", dataset="airfoil", airfoil_start="NACA 2412")
    assert not app.exception
    assert any("There is no model for airfoil here yet" in one.value for one in app.caption)
    assert not charts(app)
    assert "--checkpoint" not in app.code[-1].value
    app = press_solve(app)
    assert list(metrics(app)) == ["Solver, truth"]
    mach = solve_drawing(file_of("airfoil", "NACA 2412")).case.fields[:, 0].numpy()
    dots = next(t for t in charts(app)[0]["data"] if t.get("mode") == "markers")
    assert 2000 < len(dots["x"]) < len(mach)
    assert np.isin(dots["customdata"][:, 0], mach).all()
    (low, _), (high, _) = get_dataset("airfoil").focus
    assert charts(app)[0]["data"][0]["x"][0] == pytest.approx(low, abs=0.02)
    assert charts(app)[0]["data"][0]["x"][-1] == pytest.approx(high, abs=0.02)


def test_a_die_is_pressed_and_a_time_can_be_chosen(open_page: Open) -> None:
    app = open_page("draw", dataset="plasticity", plasticity_start="Slope")
    app = press_solve(app)
    case = solve_drawing(file_of("plasticity", "Slope")).case
    fields = get_dataset("plasticity").layout.named(case.fields.numpy())
    times = app.select_slider(key="time")
    for index in (-1, 4):
        app = times.set_value(times.options[index]).run()
        assert not app.exception
        frame = index % 20 + 1
        length = np.linalg.norm(fields[f"displacement_{frame}"], axis=1)
        np.testing.assert_allclose(*dotted(app, length), rtol=1e-5, atol=1e-8)
        height = fields[f"position_{frame}"][:, 1]
        np.testing.assert_allclose(*dotted(app, height, of="y"), rtol=1e-6)


def test_a_painted_vorticity_is_solved_and_predicted(open_page: Open, project: Path) -> None:
    app = open_page("draw", dataset="navier_stokes", seed="5")
    assert not app.exception
    assert not charts(app)  # only the solver knows what the model reads
    blobs = [[0.3, 0.6, 0.08, -0.5]]
    app.session_state["draw_field"] = {
        "field": {"version": component(app)["version"], "blobs": blobs}
    }
    app = press_solve(app.run())
    dataset = get_dataset("navier_stokes")
    content = {"preset": "Random", "seed": 5, "blobs": blobs}
    case = solve_drawing(json.loads(drawing_file(dataset, content))).case
    checkpoint = load_checkpoint(project / "pretrained" / "navier_stokes.safetensors")
    predicted = predict_case(checkpoint, case.points, case.features).fields
    sample = sample_of_case(case)
    shown = metrics(app)
    assert shown["Error, all times"] == f"{primary_error(sample, predicted):.2%}"
    last = compare(sample, predicted, views_of(sample)["vorticity_20"])
    assert shown["Error of vorticity, t = 20"] == f"{last.relative_l2:.2%}"
    truth = charts(app)[0]["data"][0]["z"].ravel()
    np.testing.assert_allclose(truth, case.fields[:, -1], rtol=1e-5, atol=1e-7)
    assert component(app)["blobs"] == blobs
    app.button(key="draw_reset").click().run()
    assert component(app)["blobs"] == []
    assert not metrics(app)


def test_a_drawing_that_is_being_solved_can_be_cancelled_and_solved_again(
    open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = partial(airfoil.airfoil_steps, tolerance=1e-30)  # goes on until it is cancelled
    quick = airfoil.airfoil_steps
    monkeypatch.setattr(airfoil, "airfoil_steps", slow)
    app = open_page("draw", dataset="airfoil", airfoil_start="NACA 0012")
    app.button(key="draw_solve").click().run()
    assert app.button(key="draw_solve").disabled
    (job,) = app.session_state["jobs"].values()
    job.cancel(patience=20)
    app = finish(app)
    assert any(one.value.startswith("Cancelled") for one in app.caption)
    assert not charts(app)
    monkeypatch.setattr(airfoil, "airfoil_steps", quick)
    assert charts(press_solve(app))


@pytest.mark.parametrize("dataset", ["pipe", "airfoil", "plasticity", "navier_stokes"])
def test_canvas_data_stays_small_and_slow_solvers_are_not_live(
    open_page: Open, dataset: str
) -> None:
    app = open_page("draw", dataset=dataset)
    (canvas,) = app.main.get("bidi_component")
    assert len(canvas.proto.json) < 30_000
    assert not app.toggle
