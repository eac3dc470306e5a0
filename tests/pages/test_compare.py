"""The page that compares designs: one run shared between all that it shows."""

import json
from collections.abc import Callable
from functools import cache, partial

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from mspt.geometry.bodies.variants import with_raised_tail
from mspt.geometry.mesh import SurfaceMesh, box
from mspt.geometry.subdivide import refined
from mspt.inference.shapes import ShapeResult, predict_shape
from pages._compare import data
from pages._shared import predicted, shapes
from pages._shared.cache import checkpoints
from tests.pages.viewing import sent, values

Open = Callable[..., AppTest]


@pytest.fixture
def quick_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Samples with few triangles: two with the same ones, and another."""

    def make(name: str) -> shapes.Shape:
        top = 0.3 if name in ("Notchback", shapes.RAISED_TAIL) else 0.4
        mesh = refined(box((0, -0.2, 0.05), (1, 0.2, top)), max_edge=0.06).mesh
        if name == shapes.RAISED_TAIL:
            mesh = with_raised_tail(mesh, 0.04)
        return shapes.made_shape(name, SurfaceMesh(4.5 * mesh.vertices, mesh.triangles))

    monkeypatch.setattr(shapes, "sample_shape", cache(make))
    monkeypatch.setattr(predicted, "predict_shape", partial(predict_shape, num_clouds=1))


def group(app: AppTest, key: str) -> object:
    return next(one for one in app.button_group if one.key == key)


def table(app: AppTest) -> dict[str, dict[str, str]]:
    (found,) = [one.value for one in app.table]
    return {str(name): dict(row) for name, row in found.iterrows()}


@pytest.fixture
def case() -> str:
    return data.samples.case_names("car")[0]


def results_of(*names: str) -> list[ShapeResult]:
    """The predictions of shapes that the page has made."""
    model = checkpoints("car")["car"]
    return [predicted.finished(data.entry_of(name, model, "auto").key) for name in names]


@pytest.mark.usefixtures("quick_samples")
def test_shapes_are_compared_in_one_viewer_and_one_table(open_page: Open, case: str) -> None:
    app = open_page("compare", shapes=["Notchback", shapes.RAISED_TAIL, case])
    assert not app.exception
    assert not app.error
    header, _ = sent(app)
    titles = [panel["title"] for panel in header["panels"]]
    assert titles[:2] == ["Notchback", shapes.RAISED_TAIL]
    assert titles[2].startswith(f"{case} (")
    assert len({str(panel["limits"]) for panel in header["panels"]}) == 1
    assert len({panel["buffer"] for panel in header["panels"]}) == 1  # sent once
    parts = [panel["part"] for panel in header["panels"]]
    assert [start for start, _ in parts] == [0, *(stop for _, stop in parts[:-1])]
    rows, results = table(app), results_of("Notchback", shapes.RAISED_TAIL, case)
    first, second, _ = (one.prediction.coefficients.C_D for one in results)
    told = rows[shapes.RAISED_TAIL]["C_D − first"].replace("−", "-").split(" ± ")
    assert float(told[0]) == pytest.approx(second - first, abs=6e-4)
    assert float(told[1]) == pytest.approx(0.1234 * np.hypot(first, second), abs=6e-4)
    solved = data.samples.stored_flow(case).info["C_D"]
    assert rows[titles[2]]["Solver's C_D"] == f"{solved:.3f}"
    assert rows["Notchback"]["Solver's C_D"] == "–"
    command = f"python -m mspt compare notchback.stl notchback-raised-tail.stl {case}.stl"
    assert command in app.code[0].value
    assert "Table (CSV)" in {one.proto.label for one in app.get("download_button")}
    next(one for one in app.toggle if one.key == "solver").set_value(True).run()
    assert not app.exception
    header, _ = sent(app)
    assert header["panels"][3]["title"] == f"{titles[2]}, solver"


@pytest.mark.usefixtures("quick_samples")
def test_line_difference_units_and_morph(open_page: Open) -> None:
    app = open_page("compare", shapes=["Notchback", shapes.RAISED_TAIL], view="Divider")
    assert not app.exception
    header, _ = sent(app)
    assert header["divided"]
    results = results_of("Notchback", shapes.RAISED_TAIL)
    # Differences at the nearest points are nearly those between the same triangles.
    group(app, "view").set_value("Difference").run()
    header, _ = sent(app)
    assert [panel["palette"] for panel in header["panels"]] == ["field", "error"]
    assert header["panels"][1]["title"] == f"{shapes.RAISED_TAIL} − Notchback"
    (start, stop), shown = header["panels"][1]["part"], values(app, panel=1)
    own = [one.prediction.cell_pressure for one in results]
    parent = results[1].prediction.fine_parent
    carried = np.bincount(parent, shown[3 * start : 3 * stop : 3]) / np.bincount(parent)
    assert np.corrcoef(carried, own[1] - own[0])[0, 1] > 0.7
    assert np.isnan(shown[: 3 * start]).all()  # the first shape has values of its own
    group(app, "units").set_value("Physical").run()
    header, _ = sent(app)
    assert header["panels"][0]["unit"] == "Pa"
    assert "Drag, N" in next(iter(table(app).values()))
    assert "--speed 130km/h" in app.code[0].value
    next(one for one in app.slider if one.key == "morph").set_value(50).run()
    assert not app.exception
    assert list(table(app))[1] == "Morph 50 %"
    body = predicted.predictions().values()[-1].shape.body
    tops = [one.shape.body.vertices[:, 2].max() for one in results]
    assert body.vertices[:, 2].max() == pytest.approx(sum(tops) / 2, rel=0.02)


@pytest.mark.usefixtures("quick_samples")
def test_names_of_files_are_shown_as_they_are(open_page: Open) -> None:
    """A hostile name is made safe, and stays text wherever the page shows it."""
    app = open_page("compare", shapes=["Notchback"])
    assert any("Choose 2 to 6 shapes" in one.value for one in app.caption)
    file = shapes.sample_shape("Van").file
    name = "![x](//evil.example) _a_ <b>.stl"
    broken = ("bad *a*.obj", b"v 0 0 0\nf 1 2 99999999\n", "model/obj")
    app.file_uploader[0].set_value([(name, file, "model/stl"), broken])
    app.run()
    assert not app.exception
    assert len(table(app)) == 2
    (told,) = [one.value for one in app.error]
    assert told.startswith("bad a.obj: ")
    assert "evil.example) _a_" not in json.dumps([one.value for one in app.markdown])
    link = open_page("compare", shapes=["Notchback", "nothing.stl"])
    assert "`nothing.stl`, which is not here" in link.info[0].value
