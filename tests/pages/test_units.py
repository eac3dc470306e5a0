"""Units on the page for shapes: all numbers, figures and files follow one choice."""

import io
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import pyvista as pv
from streamlit.testing.v1 import AppTest

from mspt.inference.shapes import predict_shape
from mspt.metrics.conditions import OperatingConditions
from pages._shared import predicted
from pages._upload import data, panels
from tests.pages.reading import metrics

AIR = {"speed": "90", "density": "1.25", "viscosity": "15"}


def number(text: str) -> float:
    return float(text.split()[0].replace(",", "").replace("−", "-"))


@pytest.fixture
def bars(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, tuple[float, float]]]:
    """Titles and limits of the color bars of the VTK views that a page has drawn."""
    seen, build = [], panels.shape_plotter

    def spied(*args: object, **settings: object) -> pv.Plotter:
        plotter = build(*args, **settings)
        (title,) = plotter.scalar_bars.keys()
        seen.append((title, plotter.mapper.scalar_range))
        return plotter

    monkeypatch.setattr(panels, "shape_plotter", spied)
    monkeypatch.setattr(predicted, "predict_shape", partial(predict_shape, num_clouds=1))
    return seen


def test_numbers_colors_files_and_command_follow_the_units(
    open_page: Callable[..., AppTest], bars: list[tuple[str, tuple[float, float]]]
) -> None:
    app = open_page("upload", sample="Ellipsoid", units="Physical", **AIR)
    assert not app.exception
    shown = metrics(app)
    (result,) = data.predictions().values()[-1:]
    found, length = result.prediction.coefficients, result.placement.length_m
    force = 0.5 * 1.25 * 25**2 * found.reference_area * length**2
    assert number(shown["Drag"]) == pytest.approx(force * found.C_D, rel=0.01)
    assert shown["Drag"].endswith(" N")
    assert number(shown["Lift"]) == pytest.approx(force * found.C_L, rel=0.01, abs=0.1)
    assert number(shown["Power"]) == pytest.approx(force * found.C_D * 25 / 1000, rel=0.01)
    view = next(one for one in app.button_group if one.label == "View")
    view.set_value("Slice").run()
    caption = next(one.value for one in app.caption if one.value.startswith("At 90 km/h"))
    assert "density 1.25 kg/m³" in caption
    assert "times that of the data" in caption
    setting = "--speed 90km/h --density 1.25 --viscosity 15mm2/s --length 4.5m"
    assert setting in app.code[0].value.splitlines()[0]
    assert setting not in app.code[0].value.splitlines()[1]
    conditions = OperatingConditions(speed=25.0, length=length, density=1.25)
    table = io.BytesIO(data.table_file(result, conditions=conditions))
    columns = np.genfromtxt(table, delimiter=",", names=True, max_rows=3)
    assert np.allclose(columns["pressure_Pa"], 390.625 * columns["Cp"], rtol=1e-4)
    assert b"wall_shear_Pa" in data.vtp_file(result, conditions=conditions)
    next(one for one in app.number_input if one.key == "length").set_value(9.0).run()
    assert number(metrics(app)["Drag"]) == pytest.approx(4 * force * found.C_D, rel=0.01)
    next(one for one in app.button_group if one.key == "units").set_value("Dimensionless").run()
    assert not app.exception
    assert "C_D, drag" in metrics(app)
    (pressure, speed, plain) = bars
    assert [title for title, _ in bars] == ["pressure (Pa)", "speed (m/s)", "speed (U_inf)"]
    assert 100 < pressure[1][1] <= 500  # q_inf is 391 Pa
    assert 20 < speed[1][1] < 60
    assert plain[1][1] == pytest.approx(speed[1][1] / 25, rel=0.1)
    assert any(one.value.endswith("N at 130 km/h") for one in app.caption)
    assert "--speed" not in app.code[0].value
