from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from mspt.checkpoint import load_checkpoint
from mspt.data.grids import grid_points
from mspt.inference.predict import predict_case
from mspt.solvers.darcy import sample_permeability, solve_darcy
from mspt.solvers.elasticity import radii_from_polygon, sample_hole, solve_elasticity
from tests.pages.reading import charts, component, metrics

Open = Callable[..., AppTest]
ANGLES = np.linspace(0, 2 * np.pi, 60, endpoint=False)
BEAN = (0.5 + (0.27 + 0.05 * np.sin(2 * ANGLES)) * np.array([np.cos(ANGLES), np.sin(ANGLES)])).T
BOW_TIE = [[0.3, 0.3], [0.7, 0.7], [0.7, 0.3], [0.3, 0.7]]


def draw(app: AppTest, polygon: list) -> AppTest:
    """Let go of a handle: what the canvas would send."""
    shape = {"version": component(app)["version"], "polygon": polygon}
    app.session_state["draw_hole"] = {"shape": shape}
    return app.run()


def paint(app: AppTest, cells: list) -> AppTest:
    painted = {"version": component(app)["version"], "cells": cells}
    app.session_state["draw_map"] = {"map": painted}
    return app.run()


def relative(predicted: np.ndarray, truth: np.ndarray) -> str:
    truth = truth.astype(np.float32).astype(np.float64)
    return f"{np.linalg.norm(predicted.astype(np.float64) - truth) / np.linalg.norm(truth):.2%}"


def test_drawn_hole_is_solved_and_predicted(open_page: Open, project: Path) -> None:
    app = draw(open_page("draw"), BEAN.tolist())
    assert not app.exception
    solution = solve_elasticity(radii_from_polygon(BEAN))
    checkpoint = load_checkpoint(project / "pretrained" / "elasticity.safetensors")
    points = torch.from_numpy(solution.points.astype(np.float32))
    predicted = predict_case(checkpoint, points, torch.empty(len(points), 0)).fields[:, 0].numpy()
    dots = next(t for t in charts(app)[0]["data"] if t.get("mode") == "markers")
    np.testing.assert_allclose(dots["customdata"][:, 0], solution.stress, rtol=1e-5)
    np.testing.assert_allclose(dots["customdata"][:, 1], predicted, rtol=1e-4)
    assert metrics(app)["Error of stress"] == relative(predicted, solution.stress)


def test_painted_map_is_solved_and_predicted(open_page: Open, project: Path) -> None:
    cells = np.zeros((85, 85), dtype=int)
    cells[:20, 40:] = 1  # low y, high x: a transposed or flipped map would not pass
    app = paint(open_page("draw", dataset="darcy"), cells.ravel().tolist())
    assert not app.exception
    permeability = np.where(cells == 1, 12.0, 3.0)
    pressure = solve_darcy(permeability).ravel()
    checkpoint = load_checkpoint(project / "pretrained" / "darcy.safetensors")
    features = torch.from_numpy(permeability.reshape(-1, 1).astype(np.float32))
    predicted = predict_case(checkpoint, grid_points((85, 85)), features).fields[:, 0].numpy()
    np.testing.assert_allclose(charts(app)[0]["data"][0]["z"].ravel(), pressure, rtol=1e-5)
    assert metrics(app)["Error of pressure"] == relative(predicted, pressure)


def test_times_and_their_ratio_agree(open_page: Open) -> None:
    shown = metrics(open_page("draw"))
    units = {"ms": 1, "s": 1000}
    model, solver = (
        float(number) * units[unit]
        for number, unit in (
            shown[label].split() for label in ("Model, forward pass", "Solver, truth")
        )
    )
    ratio = float(shown["Solver time over model time"].removesuffix(" ×"))
    assert (solver - 0.5) / (model + 0.5) - 0.05 <= ratio
    assert model < 0.5 or ratio <= (solver + 0.5) / (model - 0.5) + 0.05


def test_hole_that_crosses_itself_keeps_the_drawing_and_says_what_to_do(open_page: Open) -> None:
    app = draw(open_page("draw"), BOW_TIE)
    assert not app.exception
    (error,) = app.error
    assert "star-shaped" in error.value
    assert "draw it around the center" in error.value
    assert not charts(app)
    assert app.session_state["draw_hole"]["shape"]["polygon"] == BOW_TIE
    assert component(app)["version"].startswith("elasticity Random")


def test_good_drawing_after_a_bad_one_is_solved(open_page: Open) -> None:
    app = draw(draw(open_page("draw"), BOW_TIE), BEAN.tolist())
    assert not app.error
    assert len(charts(app)) == 2


def test_without_live_nothing_is_solved_until_asked(open_page: Open) -> None:
    app = open_page("draw")
    app.toggle(key="draw_live").set_value(False).run()
    app = draw(app, BEAN.tolist())
    assert not charts(app)
    app.button(key="draw_solve").click().run()
    assert len(charts(app)) == 2


def test_reset_puts_the_start_back(open_page: Open) -> None:
    app = open_page("draw")
    before, drawn = metrics(app), metrics(draw(app, BEAN.tolist()))
    label = "Error of stress"
    assert before[label] != drawn[label]
    app.button(key="draw_reset").click().run()
    assert metrics(app)[label] == before[label]


def test_drawing_is_still_there_after_another_page_and_another_data_set(open_page: Open) -> None:
    app = draw(open_page("draw"), BEAN.tolist())
    drawn = metrics(app)["Error of stress"]
    app.switch_page("pages/scaling.py").run()
    app.switch_page("pages/draw.py").run()
    assert component(app)["polygon"] == BEAN.tolist()
    assert metrics(app)["Error of stress"] == drawn
    app.button_group(key="dataset").set_value("darcy").run()
    app.button_group(key="dataset").set_value("elasticity").run()
    assert component(app)["polygon"] == BEAN.tolist()
    app.button(key="draw_reset").click().run()
    assert component(app)["polygon"] != BEAN.tolist()


def test_random_hole_is_the_one_of_its_seed(open_page: Open) -> None:
    polygon = np.array(component(open_page("draw", seed="11"))["polygon"])
    np.testing.assert_allclose(np.linalg.norm(polygon - 0.5, axis=1), sample_hole(11), atol=2e-5)


def test_random_map_is_the_one_of_its_seed(open_page: Open) -> None:
    cells = component(open_page("draw", dataset="darcy", seed="11"))["cells"]
    np.testing.assert_array_equal(np.array(cells).reshape(85, 85), sample_permeability(11) == 12)


@pytest.mark.parametrize(("dataset", "limit"), [("elasticity", 8_000), ("darcy", 30_000)])
def test_canvas_data_stays_small(open_page: Open, dataset: str, limit: int) -> None:
    (canvas,) = open_page("draw", dataset=dataset).main.get("bidi_component")
    assert len(canvas.proto.json) < limit


def test_a_link_carries_the_drawing(open_page: Open) -> None:
    app = draw(open_page("draw", dataset="elasticity"), BEAN.tolist())
    address = app.code[0].value
    query = dict(parse_qsl(urlsplit(address).query))
    other = open_page("draw", **query)
    assert not other.exception
    assert not other.error
    np.testing.assert_allclose(component(other)["polygon"], BEAN, rtol=1e-5)
    assert metrics(other)["Error of stress"] == metrics(app)["Error of stress"]
    moved = draw(other, (0.5 + 0.9 * (BEAN - 0.5)).tolist())
    assert "drawing" not in moved.query_params


def test_a_damaged_link_is_refused_in_one_line(open_page: Open) -> None:
    app = open_page("draw", dataset="elasticity", drawing="jXYZ")
    assert not app.exception
    assert ["cut off or damaged" in one.value for one in app.error] == [True]
    assert "drawing" not in app.query_params
    assert component(app)["polygon"]
