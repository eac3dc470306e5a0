"""A VTK scene as an HTML page, decoded as the browser would."""

import json
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as draw
from made_up_vtk import BODY, VALUES, arrays, html, nodes, plotter, scene_in

from mspt.figures.vtk.flow import surface_plotter
from mspt.figures.vtk.page import is_supported, ticks_between


def test_scene_holds_the_body_and_its_values() -> None:
    scene = scene_in(html(plotter()))
    points = [array.reshape(-1, 3) for array in arrays(scene, "points")]
    (body,) = [found for found in points if len(found) == len(BODY.vertices)]
    np.testing.assert_allclose(body, BODY.vertices, atol=1e-7)
    (values,) = arrays(scene, "C_p")
    np.testing.assert_array_equal(values, VALUES.astype(np.float32))
    corners = [array.reshape(-1, 4) for array in arrays(scene, "polys") if array[0] == 3]
    assert any(np.array_equal(found[:, 1:], BODY.triangles) for found in corners)


def test_every_array_that_a_scene_names_comes_with_it() -> None:
    scene = scene_in(html(plotter()))
    named = set(re.findall(r'"hash": "([^"]+)"', json.dumps(scene["scene"])))
    assert named
    assert named == set(scene["hashes"])


def test_same_scene_gives_the_same_page_and_another_one_another() -> None:
    first, again, other = html(plotter()), html(plotter()), html(plotter(shift=0.1))
    assert first == again
    assert first != other


def test_every_reference_of_a_scene_leads_to_a_part_of_it() -> None:
    scene = scene_in(html(plotter()))["scene"]
    parts = [node["id"] for node in nodes(scene)]
    references = re.findall(r"instance:\$\{([^}]+)\}", json.dumps(scene))
    assert len(references) > 10
    assert set(references) <= set(parts)
    assert {node["parent"] for node in nodes(scene)} <= {*parts, "0x0"}
    assert scene["extra"]["camera"] in parts
    owners = {(node["id"], node["type"]) for node in nodes(scene)}
    assert len(owners) == len(set(parts)), "no two parts share a name"
    kinds = {node["type"] for node in nodes(scene)}
    assert {"vtkOpenGLActor", "vtkMapper", "vtkPolyData", "vtkLookupTable"} <= kinds


def test_page_may_ask_nothing_from_anywhere() -> None:
    page = html(plotter())
    policy = page.index('http-equiv="Content-Security-Policy"')
    assert policy < min(page.index("<script"), page.index("<style"))
    assert "default-src 'none'" in page
    rules = re.search(r'Security-Policy" content="([^"]+)"', page).group(1)
    assert "http" not in rules
    assert "*" not in rules
    assert "vtk-js/icon" not in page


def test_scalar_bar_is_a_strip_of_its_own_and_not_in_the_scene() -> None:
    page = html(plotter())
    assert "vtkScalarBarActor" not in {node["type"] for node in nodes(scene_in(page)["scene"])}
    (strip,) = re.findall(r'<div class="bar".*?</div></div>', page)
    assert "<b>C<sub>p</sub> (dimensionless)</b>" in strip
    ticks = re.findall(r'left: ([\d.]+)%">([^<]+)<', strip)
    for place, text in ticks:
        value = float(text.replace("−", "-"))
        assert float(place) == pytest.approx(100 * (value + 1.6) / 2.5, abs=0.02)
    assert [text for _, text in ticks] == ["−1.5", "−1.0", "−0.5", "0.0", "0.5"]
    colors = re.findall(r"#[0-9a-f]{6}", strip.split("gradient")[1])
    assert (colors[0], colors[-1]) == ("#440154", "#fde725")


def test_body_without_values_has_no_strip() -> None:
    page = html(surface_plotter(BODY, None, quantity=None, dark=False))
    assert '<div class="bar"' not in page


@pytest.mark.parametrize("dark", [False, True])
def test_page_has_the_background_of_its_scene(*, dark: bool) -> None:
    made = plotter(dark=dark)
    background = made.background_color.hex_rgb
    assert f"--page: {background}" in html(made)


def test_names_cannot_break_out_of_the_page() -> None:
    bad = '"></div></script><script>alert(1)</script>'
    page = html(plotter(), camera=bad, label=bad)
    assert "<script>alert(1)" not in page
    assert json.dumps(bad).replace("<", "\\u003c") in page


@given(draw.floats(-1e4, 1e4), draw.floats(1e-3, 1e4))
def test_ticks_are_some_round_values_between_the_ends(low: float, size: float) -> None:
    ticks = ticks_between(low, low + size)
    values = [value for value, _ in ticks]
    slack = 1e-5 * size
    assert 3 <= len(ticks) <= 9
    assert values == sorted(values)
    assert low - slack <= values[0] <= values[-1] <= low + size + slack
    texts = [text for _, text in ticks]
    assert len(set(texts)) == len(texts)
    for value, text in ticks:
        assert float(text.replace("−", "-")) == pytest.approx(value, abs=slack)


def test_installed_versions_are_supported() -> None:
    assert is_supported()
