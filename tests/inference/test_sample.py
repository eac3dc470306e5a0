import numpy as np
import pytest
import torch

from mspt.checkpoint import load_checkpoint
from mspt.data.sets.car.families import car_body
from mspt.data.sets.car.store import list_flows, load_flow
from mspt.data.store import list_cases, load_case
from mspt.errors import MSPTError
from mspt.geometry.area import frontal_area
from mspt.inference.predict import predict_case
from mspt.inference.sample import (
    predict_sample,
    sample_of_case,
    sample_of_clouds,
    sample_of_flow,
    sample_of_points,
)
from mspt.inference.sampling import cloud_size, sample_inputs

NAME = list_flows("test")[0]


@pytest.fixture(scope="module")
def model_of_flows() -> object:
    return load_checkpoint("pretrained/car.safetensors")


def test_a_sample_of_a_case_is_predicted_as_the_case_is() -> None:
    case = load_case("elasticity", list_cases("elasticity")[3])
    checkpoint = load_checkpoint("pretrained/elasticity.safetensors")
    expected = predict_case(checkpoint, case.points, case.features).fields
    torch.testing.assert_close(predict_sample(checkpoint, sample_of_case(case)), expected)


def test_a_flow_is_sampled_at_as_many_points_as_in_training(
    model_of_flows: object,
) -> None:
    flow, size = load_flow(NAME), cloud_size(model_of_flows)
    sample = sample_of_flow(NAME, flow, size=size)
    assert (sample.num_surface, len(sample.points)) == (size[0], sum(size))
    error = predict_sample(model_of_flows, sample)[: size[0], 0] - sample.truth[: size[0], 0]
    deviation = sample.truth[: size[0], 0].std()
    assert error.square().mean().sqrt() < 0.6 * deviation  # the model was trained on such flows


def test_the_whole_flow_is_its_own_mirror_image() -> None:
    whole = sample_of_flow(NAME, load_flow(NAME), size=None)
    half = len(load_flow(NAME).face_points)
    mirrored = whole.points[:half] * torch.tensor([1.0, -1.0, 1.0])
    assert torch.equal(whole.points[half : 2 * half], mirrored)
    assert torch.equal(whole.truth[half : 2 * half, 0], whole.truth[:half, 0])


def test_points_of_a_flow_lie_on_its_body() -> None:
    whole = sample_of_flow(NAME, load_flow(NAME), size=None)
    low, high = whole.points[: whole.num_surface].numpy().min(0), whole.points.numpy().max(0)
    assert np.all(low >= whole.body.bounds[0] - 0.01)
    assert np.all(high[:1] >= whole.body.bounds[1][:1] - 0.01)


def test_clouds_of_a_shape_are_joined_surface_first(model_of_flows: object) -> None:
    mesh = car_body(0).mesh
    clouds = sample_inputs(model_of_flows, mesh, num_clouds=2).clouds
    joined = sample_of_clouds("two", clouds, title="Block", body=mesh)
    assert joined.num_surface == sum(cloud.num_surface for cloud in clouds)
    assert joined.features[: joined.num_surface, 4].eq(1).all()
    assert joined.features[joined.num_surface :, 4].eq(0).all()
    assert joined.truth is None
    assert joined.body_area == pytest.approx(mesh.areas.sum())
    assert joined.frontal_area == pytest.approx(frontal_area(mesh))


def test_channels_are_zero_where_they_are_not_defined() -> None:
    whole = sample_of_flow(NAME, load_flow(NAME), size=None)
    for index, channel in enumerate(whole.channels):
        defined = whole.where_defined(channel.name)
        assert not whole.truth[~defined, index].any(), channel.name
        assert whole.truth[defined, index].count_nonzero() > 0.9 * defined.sum(), channel.name
    counts = [int(whole.where_defined(channel.name).sum()) for channel in whole.channels]
    # C_p is known everywhere, shear on the body alone, velocity in the flow alone.
    flow = len(whole.points) - whole.num_surface
    assert counts == [len(whole.points), *3 * [whole.num_surface], *3 * [flow]]


def test_a_cloud_without_features_cannot_be_predicted(model_of_flows: object) -> None:
    with pytest.raises(ValueError, match="sample must have features, got none for line"):
        predict_sample(model_of_flows, sample_of_points("line", torch.rand(9, 3), title="Line"))


def test_a_model_of_another_data_set_is_refused() -> None:
    sample = sample_of_flow(NAME, load_flow(NAME), size=(64, 32))
    with pytest.raises(MSPTError, match="one for flows around bodies"):
        predict_sample(load_checkpoint("pretrained/darcy.safetensors"), sample)
