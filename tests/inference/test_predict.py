from importlib import import_module

import pytest
import torch
from helpers import made_up_cases, tiny_config

from mspt.checkpoint import Checkpoint
from mspt.errors import DataError, MSPTError
from mspt.evaluation.cases import evaluate, num_parameters, surroundings
from mspt.inference.predict import (
    available_devices,
    encode_inputs,
    partitions_for,
    pick_device,
    predict_case,
    predict_cases,
)
from mspt.metrics.fields import field_metrics, max_error, relative_l2
from mspt.models.normalizer import Normalizer
from mspt.models.registry import build_model
from mspt.partition.ball_tree import sequence_partition
from mspt.progress import last_event

CASES = made_up_cases(5)


@pytest.fixture
def checkpoint() -> Checkpoint:
    config = tiny_config()
    normalizer = Normalizer.fit(CASES.points, CASES.features, CASES.fields)
    model = build_model(config).eval()
    return Checkpoint(model, config, normalizer, {"dataset": "elasticity"})


def test_prediction_is_the_decoded_output_of_the_model(checkpoint: Checkpoint) -> None:
    case = CASES.case(2)
    prediction = predict_case(checkpoint, case.points, case.features, device="cpu")
    scale = (case.points.max() - case.points.min()).item()
    assert scale > 0
    low, high = CASES.points.amin((0, 1)), CASES.points.amax((0, 1))
    points = (case.points - (low + high) / 2) / ((high - low) / 2).max()
    features = CASES.features.double()
    mean, deviation = features.mean((0, 1)), features.std((0, 1), correction=0)
    encoded = ((case.features - mean) / deviation).float()
    with torch.no_grad():
        output = checkpoint.model(points[None], encoded[None])[0]
    fields = CASES.fields.double()
    expected = output * fields.std(correction=0) + fields.mean()
    torch.testing.assert_close(prediction.fields, expected.float(), rtol=1e-4, atol=1e-3)
    assert prediction.device == "cpu"
    assert prediction.seconds > 0
    assert prediction.partition is not None
    assert len(prediction.partition.offsets) == 7


def test_batches_and_single_cases_agree(checkpoint: Checkpoint) -> None:
    inputs = checkpoint.normalizer.encode(CASES.points, CASES.features)
    with torch.no_grad():
        together = checkpoint.normalizer.decode(checkpoint.model(*inputs))
    for index in range(len(CASES)):
        case = CASES.case(index)
        alone = predict_case(checkpoint, case.points, case.features, device="cpu").fields
        torch.testing.assert_close(together[index], alone, rtol=1e-5, atol=1e-3)


def test_cases_one_by_one_are_predicted_as_each_alone(checkpoint: Checkpoint) -> None:
    """Neighboring cases with the same points share a partition, others do not."""
    rows = [0, 0, 1, 0]
    points, features = CASES.points[rows], CASES.features[[0, 1, 2, 3]]
    found = list(predict_cases(checkpoint, points, features, device="cpu"))
    for prediction, *inputs in zip(found, points, features, strict=True):
        alone = predict_case(checkpoint, *inputs, device="cpu")
        assert torch.equal(prediction.fields, alone.fields)
    assert found[0].partition is found[1].partition
    assert len({id(prediction.partition) for prediction in found}) == 3
    assert found[1].partition_seconds == 0 < found[2].partition_seconds


def test_a_given_partition_is_used(checkpoint: Checkpoint) -> None:
    case = CASES.case(0)
    runs = sequence_partition(len(case.points), 6)
    encoded = encode_inputs(checkpoint, case.points, case.features, partition=runs)
    assert encoded.partition is runs
    own, other = (
        predict_case(checkpoint, case.points, case.features, partition=partition, device="cpu")
        for partition in (None, runs)
    )
    assert other.partition is runs
    assert not torch.allclose(own.fields, other.fields, rtol=1e-3)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("architecture", ["mspt", "published", "transolver", "full_attention"])
def test_a_gpu_predicts_what_the_cpu_does(architecture: str) -> None:
    points = torch.rand(1, 40_000, 3, generator=torch.Generator().manual_seed(0))
    config = tiny_config(architecture=architecture, space_dim=3, in_features=0, num_patches=200)
    model = build_model(config).eval()
    with torch.inference_mode():
        here = model(points, partitions=partitions_for(config, points))
        there = model.cuda()(points.cuda(), partitions=partitions_for(config, points))
    torch.testing.assert_close(there.cpu(), here, rtol=1e-4, atol=1e-4)


def test_clouds_that_repeat_share_one_partition() -> None:
    points = CASES.points[:1].expand(3, -1, -1)
    partitions = partitions_for(tiny_config(), points)
    assert partitions is not None
    assert len({id(partition) for partition in partitions}) == 1
    distinct = partitions_for(tiny_config(), CASES.points)
    assert distinct is not None
    assert len({id(partition) for partition in distinct}) == len(CASES)
    assert partitions_for(tiny_config(architecture="transolver"), points) is None


@pytest.mark.parametrize(("columns", "name"), [((3, 2), "points"), ((2, 1), "features")])
def test_rejects_inputs_of_another_data_set(
    checkpoint: Checkpoint, columns: tuple[int, int], name: str
) -> None:
    points, features = (torch.rand(9, count) for count in columns)
    wrong = {"points": columns[0], "features": columns[1]}[name]
    with pytest.raises(MSPTError, match=rf"{name} must have 2 columns .* got {wrong}; choose"):
        predict_case(checkpoint, points, features)


def test_devices_are_those_that_exist() -> None:
    assert available_devices()[0] == "auto"
    assert pick_device("cpu").type == "cpu"
    with pytest.raises(MSPTError, match=r"device must be one of auto, .* got 'tpu'"):
        pick_device("tpu")


def test_evaluation_is_the_mean_over_cases(checkpoint: Checkpoint) -> None:
    evaluation = last_event(evaluate(checkpoint, CASES))
    errors = []
    for index in range(len(CASES)):
        case = CASES.case(index)
        predicted = predict_case(checkpoint, case.points, case.features).fields
        error = (predicted - case.fields).norm() / case.fields.norm()
        errors.append(error.item())
    metrics = evaluation.metrics()
    assert metrics["relative_l2"] == pytest.approx(sum(errors) / 5, rel=1e-4)
    assert metrics["stress"] == pytest.approx(metrics["relative_l2"])
    assert metrics["worst"] == pytest.approx(max(errors), rel=1e-4)
    mean = CASES.fields.mean()
    mean_only = ((CASES.fields - mean).norm(dim=1) / CASES.fields.norm(dim=1)).mean().item()
    assert metrics["mean_only"] == pytest.approx(mean_only, rel=1e-4)
    assert metrics["cases"] == 5


def test_evaluation_rejects_another_data_set(checkpoint: Checkpoint) -> None:
    with pytest.raises(DataError, match="data set 'elasticity', got 'darcy'"):
        list(evaluate(checkpoint, made_up_cases(2, dataset="darcy")))


def test_relative_l2_is_unchanged_by_scaling_both_but_not_by_a_shift() -> None:
    prediction, target = torch.rand(3, 7, 2).double(), torch.rand(3, 7, 2).double()
    expected = torch.stack(
        [
            ((p - t) ** 2).sum().sqrt() / (t**2).sum().sqrt()
            for p, t in zip(prediction, target, strict=True)
        ]
    )
    torch.testing.assert_close(relative_l2(prediction, target), expected)
    torch.testing.assert_close(relative_l2(5 * prediction, 5 * target), expected)
    assert (relative_l2(prediction + 9, target + 9) - expected).abs().min() > 0.01


def test_metrics_of_fields_are_apart() -> None:
    target = torch.ones(2, 4, 2)
    prediction = target.clone()
    prediction[..., 1] = 1.5
    found = field_metrics(prediction, target, names=("pressure", "shear"))
    assert found == {"pressure": 0.0, "shear": 0.5}
    assert max_error(prediction, target).tolist() == [0.5, 0.5]
    prediction[1, 2, 0] = 0.25  # below the target
    assert max_error(prediction, target).tolist() == [0.5, 0.75]


def test_normalizer_decode_inverts_encode() -> None:
    normalizer = Normalizer.fit(CASES.points, CASES.features, CASES.fields)
    encoded = (CASES.fields - normalizer.fields_mean) / normalizer.fields_scale
    torch.testing.assert_close(normalizer.decode(encoded), CASES.fields)
    points, features = normalizer.encode(CASES.points, CASES.features)
    assert points.abs().max() == pytest.approx(1.0, abs=1e-6)
    for values in (features, encoded):
        assert values.mean((0, 1)).abs().max() < 1e-5
        torch.testing.assert_close(
            values.std((0, 1)), torch.ones(values.shape[-1]), rtol=0.01, atol=0
        )


def test_normalizer_keeps_the_shape_of_a_cloud() -> None:
    points = CASES.points * torch.tensor([10.0, 1.0])
    normalizer = Normalizer.fit(points, CASES.features, CASES.fields)
    encoded, _ = normalizer.encode(points, CASES.features)
    torch.testing.assert_close(
        torch.pdist(encoded[0]) * normalizer.points_scale[0], torch.pdist(points[0])
    )


def test_normalizer_leaves_a_constant_channel_finite() -> None:
    normalizer = Normalizer.fit(CASES.points, torch.full_like(CASES.features, 7.0), CASES.fields)
    _, features = normalizer.encode(CASES.points, torch.full_like(CASES.features, 7.0))
    assert features.abs().max() == 0


def test_header_holds_size_and_surroundings() -> None:
    linear = torch.nn.Linear(3, 2)
    assert num_parameters(linear) == 8
    assert surroundings()["versions"]["torch"].startswith("2.")


@pytest.mark.parametrize("package", ["mspt.inference", "mspt.inspection", "mspt.models"])
def test_public_names_of_a_package_can_be_imported(package: str) -> None:
    module = import_module(package)
    for name in module.__all__:
        assert hasattr(module, name), name


def test_other_names_of_the_package_are_refused() -> None:
    with pytest.raises(AttributeError, match=r"'mspt\.inference' has no attribute 'finish'"):
        import_module("mspt.inference").finish  # noqa: B018
