"""How a prediction is judged: by distances from known shapes and by what is usual."""

from dataclasses import replace

import numpy as np
import pytest
from made_up_flows import flow_preset, sphere_clouds

from mspt.checkpoint import Checkpoint, build_model
from mspt.data.sets.car.dataset import training_facts
from mspt.geometry.bodies.families import draw_body
from mspt.geometry.mesh import SurfaceMesh, box
from mspt.geometry.preparation import prepare_shape
from mspt.inference import trust
from mspt.inference.sampling import sample_inputs
from mspt.inference.trust import Check, ShapeLibrary, library_of, trust_report
from mspt.training.batches import fit_normalizer

STACK, PRESET = sphere_clouds(4), flow_preset()
BODY = draw_body("block", 1).mesh


def library(*outlines: list[float]) -> ShapeLibrary:
    names = tuple(f"shape-{index}" for index in range(len(outlines)))
    return ShapeLibrary(
        names=names, families=("block",) * len(outlines), outlines=np.array(outlines)
    )


def checks_of(
    monkeypatch: pytest.MonkeyPatch, *, mesh: SurfaceMesh = BODY, **numbers: float
) -> dict[str, Check]:
    info = {
        "train": PRESET.train.to_dict(),
        "trust": {
            "symmetry": list(np.linspace(0.01, 0.11, 11)),
            "resolution": list(np.linspace(0.1, 0.2, 11)),
        },
        **training_facts(STACK),
    }
    checkpoint = Checkpoint(build_model(PRESET.model), PRESET.model, fit_normalizer(STACK), info)
    measured = {"symmetry": 0.0, "resolution": 0.0, **numbers}
    monkeypatch.setattr(trust, "model_checks", lambda *_, **__: measured)
    inputs = sample_inputs(checkpoint, BODY, num_clouds=1)
    known = library_of(checkpoint)
    shape = prepare_shape(mesh)
    report = trust_report(checkpoint, mesh, inputs, shape=shape, library=known, device="cpu")
    return {check.name: check for check in report.checks}


def test_distance_of_outlines_is_their_root_mean_square() -> None:
    known = library([0.0, 0, 0, 0], [1.0, 1, 1, 1], [0.0, 0, 0, 4])
    np.testing.assert_allclose(known.distances(np.zeros(4)), [0, 1, 2])


def test_usual_distance_is_to_the_nearest_other_shape() -> None:
    # Nearest others are 1, 1, 2 and 7 away: nine of ten lie within 2 + 0.7 * (7 - 2).
    known = library([0.0], [1.0], [3.0], [10.0])
    assert known.usual_distance() == pytest.approx(5.5)


@pytest.mark.parametrize(
    ("value", "verdict", "larger"),
    [(0.0, "good", 0), (0.099, "good", 82), (0.105, "fair", 91), (0.16, "fair", 100),
     (0.17, "poor", 100)],
)  # fmt: skip
def test_numbers_are_judged_by_those_of_the_validation_shapes(
    value: float, verdict: str, larger: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Good up to the 90 % quantile, which is 0.1 here, and fair up to 1.5 times the largest."""
    check = checks_of(monkeypatch, symmetry=value)["Change when mirrored"]
    assert check.verdict == verdict
    assert check.value == pytest.approx(100 * value)
    assert f"Larger than on {larger}% of the 11 validation shapes." in check.meaning


def test_each_number_is_judged_by_its_own_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    found = checks_of(monkeypatch, symmetry=0.18, resolution=0.18)
    assert found["Change when mirrored"].verdict == "poor"
    assert found["Change with half the points"].verdict == "good"


def test_open_surfaces_are_judged_by_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = box((0, -0.5, 0), (1, 0.5, 1))
    without_roof = replace(whole, triangles=whole.triangles[whole.normals[:, 2] < 0.5])
    assert checks_of(monkeypatch, mesh=whole)["Closed surface"].verdict == "good"
    found = checks_of(monkeypatch, mesh=without_roof)["Closed surface"]
    assert (found.verdict, found.value) == ("poor", pytest.approx(20))
