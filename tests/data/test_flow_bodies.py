"""Bodies that ship, against those that they were made from."""

from pathlib import Path

import numpy as np
import pytest

from mspt.data.files import SHIPPED
from mspt.data.sets.car import bodies as flow_bodies
from mspt.data.sets.car.bodies import drawn_body, write_body
from mspt.data.sets.car.families import car_body, flow_index
from mspt.data.sets.car.store import list_flows, load_flow
from mspt.geometry.checks import inspect_mesh
from mspt.geometry.distance import nearest_on
from mspt.inference.sample import sample_of_flow

CASES = [
    flow_index(name) for split in ("test", "unseen") for name in list_flows(split, root=SHIPPED)
]


@pytest.mark.parametrize("index", [CASES[1], CASES[2], CASES[-1]])
def test_what_ships_is_the_body_of_the_case(index: int) -> None:
    body, drawn = car_body(index).mesh, drawn_body(index)
    assert len(drawn.triangles) < 0.7 * len(body.triangles)
    for one, other in ((body, drawn), (drawn, body)):
        assert np.abs(nearest_on(one, other.vertices).distance).max() < 0.003
    assert drawn.volume == pytest.approx(body.volume, rel=0.005)
    assert drawn.areas.sum() == pytest.approx(body.areas.sum(), rel=0.002)


def test_every_case_to_look_at_has_a_closed_body_that_was_not_built(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def build(index: int) -> None:
        raise AssertionError(index)

    monkeypatch.setattr(flow_bodies, "car_body", build)
    assert all(inspect_mesh(drawn_body(index)).watertight for index in CASES)


def test_both_halves_are_mirror_images() -> None:
    drawn = drawn_body(CASES[1])
    across = {tuple(vertex) for vertex in (drawn.vertices * [1, -1, 1]).tolist()}
    assert across == {tuple(vertex) for vertex in drawn.vertices.tolist()}


def test_a_body_that_was_not_written_is_built(tmp_path: Path) -> None:
    built = drawn_body(0, root=tmp_path)
    assert np.array_equal(built.vertices, car_body(0).mesh.vertices)
    write_body(0, root=tmp_path)
    read = drawn_body(0, root=tmp_path)
    assert np.abs(nearest_on(built, read.vertices).distance).max() < 2e-5  # 16 bits of length 1


def test_areas_are_those_of_the_solved_body() -> None:
    name = list_flows("test")[1]
    flow, body = load_flow(name), car_body(flow_index(name)).mesh
    seen = sample_of_flow(name, flow, size=None)
    assert seen.frontal_area == flow.info["frontal_area"]
    assert seen.body_area == pytest.approx(body.areas.sum(), rel=0.06)  # cells round off edges
