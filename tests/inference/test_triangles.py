"""Large shapes: every triangle is predicted once, by the model and not by its neighbors."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from made_up_flows import flow_preset, sphere_clouds

from mspt.checkpoint import Checkpoint
from mspt.data.sets.car.dataset import training_facts
from mspt.geometry.mesh import box
from mspt.geometry.subdivide import refined
from mspt.inference import shapes, triangles
from mspt.inference.flow import CloudsDone, predict_flow
from mspt.inference.sampling import sample_inputs
from mspt.inference.shapes import ShapeResult, predict_shape
from mspt.inference.triangles import divided_triangles, num_clouds, predict_triangles
from mspt.metrics.forces import coefficients, surface_force
from mspt.models.registry import build_model
from mspt.seeding import seeded
from mspt.training.batches import fit_normalizer

BODY = refined(box((0.0, -0.2, 0.05), (1.0, 0.2, 0.35)), max_edge=0.09).mesh


@pytest.fixture(scope="module")
def checkpoint() -> Checkpoint:
    stack, preset = sphere_clouds(3), flow_preset(surface_points=300, volume_points=200)
    with seeded(0, "triangles"):
        model = build_model(preset.model).eval()
    info = {
        "dataset": "car",
        "train": preset.train.to_dict(),
        "trust": {"symmetry": [0.5], "resolution": [0.5]},
        "metrics": {},
        **training_facts(stack),
    }
    return Checkpoint(model, preset.model, fit_normalizer(stack), info)


@given(st.integers(1, 40))
def test_each_triangle_is_in_one_cloud_and_clouds_are_equally_large(count: int) -> None:
    parts = divided_triangles(BODY, count)
    assert sorted(np.concatenate(parts)) == list(range(len(BODY.triangles)))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_each_cloud_covers_the_whole_body() -> None:
    for rows in divided_triangles(BODY, 4):
        low, high = BODY.centers[rows].min(axis=0), BODY.centers[rows].max(axis=0)
        np.testing.assert_allclose(low, BODY.centers.min(axis=0), atol=0.08)
        np.testing.assert_allclose(high, BODY.centers.max(axis=0), atol=0.08)


def test_values_are_those_of_the_model_at_the_center_of_each_triangle(
    checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stand-in for the model: its fields are a formula of place and normal."""
    seen = []

    def passes(_: Checkpoint, cloud, **__: object) -> torch.Tensor:  # noqa: ANN001
        seen.append(cloud)
        value = cloud.points @ torch.tensor([1.0, 2.0, 3.0]) + cloud.features[:, 2]
        return value[None, :, None].expand(2, -1, cloud.fields.shape[1])

    monkeypatch.setattr(triangles, "cloud_passes", passes)
    inputs = sample_inputs(checkpoint, BODY)
    *progress, found = predict_triangles(checkpoint, BODY, inputs)
    total = num_clouds(checkpoint, len(BODY.triangles))
    assert progress == [CloudsDone(done=i + 1, total=total) for i in range(total)]
    expected = BODY.centers @ [1.0, 2.0, 3.0] + BODY.normals[:, 2]
    np.testing.assert_allclose(found[:, 0], expected, atol=1e-5)
    for cloud in seen:
        assert cloud.num_surface <= 300
        assert len(cloud.points) - cloud.num_surface == 200
        assert cloud.features[: cloud.num_surface, 4].eq(1).all()
        assert cloud.features[cloud.num_surface :, 4].eq(0).all()


def test_clouds_of_triangles_have_the_features_of_sampled_ones(checkpoint: Checkpoint) -> None:
    (sampled, *_) = sample_inputs(checkpoint, BODY).clouds
    rows = divided_triangles(BODY, num_clouds(checkpoint, len(BODY.triangles)))[0]
    cloud = triangles._cloud_at(checkpoint, BODY, rows, sampled)
    assert cloud.layout == sampled.layout
    assert torch.equal(cloud.points[len(rows) :], sampled.points[300:])
    assert torch.equal(cloud.features[len(rows) :], sampled.features[300:])
    # On the surface: the normal, no distance from the wall, the flag.
    assert torch.equal(cloud.features[0, 3:], sampled.features[0, 3:])


def test_large_shapes_have_their_own_value_at_each_triangle(
    checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shapes, "EVERY_FROM", len(BODY.triangles))
    *stages, found = predict_shape(checkpoint, BODY, placement="as is", errors=None)
    assert isinstance(found, ShapeResult)
    shares = [stage.share for stage in stages]
    assert shares == sorted(shares)
    prediction, mesh = found.prediction, found.placed.mesh
    inputs = sample_inputs(checkpoint, mesh)
    *_, values = predict_triangles(checkpoint, mesh, inputs)
    np.testing.assert_array_equal(prediction.cell_pressure, values[:, 0])
    assert prediction.fine_mesh is mesh
    force = surface_force(mesh.area_vectors, values[:, 0], shear=values[:, 1:4])
    again = coefficients(force, reference_area=inputs.frontal_area)
    assert prediction.coefficients == again
    *_, sampled = predict_flow(checkpoint, mesh, inputs)
    assert prediction.drag_spread == sampled.drag_spread
    written = found.output("auto")
    assert len(written.mesh.triangles) == len(mesh.triangles)
    np.testing.assert_array_equal(written.cells["Cp"], values[:, 0])


def test_a_shape_of_one_triangle_less_is_predicted_at_sampled_points(
    checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shapes, "EVERY_FROM", len(BODY.triangles) + 1)
    monkeypatch.setattr(shapes, "predict_triangles", None)
    *_, found = predict_shape(checkpoint, BODY, placement="as is", errors=None)
    assert isinstance(found, ShapeResult)
