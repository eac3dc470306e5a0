"""The page with a car by sliders: its drag, the nearest solved cars, the way to other pages."""

from collections.abc import Callable
from functools import partial

import pytest
from streamlit.testing.v1 import AppTest

from mspt.data.sets.car.known_cars import nearest_cars
from mspt.data.sets.car.store import load_flow
from mspt.geometry.bodies.tailored import CarDesign, car_of
from mspt.geometry.mesh import SurfaceMesh, box
from mspt.geometry.subdivide import refined
from mspt.inference.shapes import predict_shape
from mspt.metrics.conditions import AIR_DENSITY
from pages._roof import data
from pages._shared import predicted
from tests.pages.reading import metrics
from tests.pages.viewing import sent

Open = Callable[..., AppTest]


def quick_mesh(design: CarDesign) -> SurfaceMesh:
    """A block of a car's sizes, in few triangles."""
    low = (0.0, -0.9, design.clearance)
    return refined(box(low, (design.length, 0.9, design.height)), max_edge=0.3).mesh


@pytest.fixture(autouse=True)
def quick_cars(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cars with few triangles, predicted once."""
    monkeypatch.setattr(data, "design_mesh", quick_mesh)
    monkeypatch.setattr(predicted, "predict_shape", partial(predict_shape, num_clouds=1))
    name = nearest_cars(car_of(CarDesign()), count=1)[0].name
    known = data.solved_body(name)
    monkeypatch.setattr(data, "solved_body", lambda _: known)  # building one takes a second


def test_sliders_decide_drag_picture_neighbors_and_what_other_pages_get(open_page: Open) -> None:
    app = open_page("roof", roof_height="160", roof_spoiler="4")
    assert not app.exception
    assert not app.error
    design = CarDesign(height=1.6, spoiler=0.04)
    shown = metrics(app)
    result = next(iter(reversed(predicted.predictions().values())))
    found = result.prediction.coefficients
    assert shown["C_D, drag"].startswith(f"{found.C_D:.3f} ± ")
    area = (design.height - design.clearance) * 1.8
    assert shown["Frontal area"] == f"{area:.2f} m²"
    newtons = found.C_D * area * 0.5 * AIR_DENSITY * (130 / 3.6) ** 2
    assert float(shown["Drag at 130 km/h"].replace(",", "").split()[0]) == pytest.approx(
        newtons, rel=0.006
    )
    near = nearest_cars(car_of(design), lip=design.lip)
    assert shown["C_D of the nearest solved car"] == f"{load_flow(near[0].name).info['C_D']:.3f}"
    (table,) = [one.value for one in app.table]
    assert list(table.index) == [one.name for one in near]
    header, _ = sent(app)
    assert [panel["part"][0] == 0 for panel in header["panels"]] == [True, False, False]
    assert len({str(panel["limits"]) for panel in header["panels"]}) == 1
    assert "pulled-car.stl" in app.code[0].value
    # Moving a slider gives another car; the last ones are remembered.
    app.slider(key="roof_slope").set_value(50).run()
    assert not app.exception
    labels = [one.label for one in app.expander]
    assert "The last 2 cars you tried" in labels
    app.button(key="roof_reset").click().run()
    assert app.slider(key="roof_height").value == 140
    # The page for shapes shows the same car, already predicted.
    app.button(key="roof_upload").click().run()
    assert not app.exception
    text = "\n".join(one.value for one in app.markdown)
    assert "pulled-car.stl" in text
    usual = next(iter(reversed(predicted.predictions().values())))
    drag = usual.prediction.coefficients.C_D
    assert f"{drag:.3f}" in metrics(app)["C_D, drag"]
