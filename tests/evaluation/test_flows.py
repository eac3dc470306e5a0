"""Scores and trust checks of flow models, on flows known exactly."""

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from made_up_flows import flow_preset, sphere_clouds, sphere_flow, sphere_flows
from restated_scores import restated_summary
from torch import Tensor, nn

from mspt.checkpoint import Checkpoint, CheckpointInfo, build_model
from mspt.data.clouds import Cloud, whole_body
from mspt.data.sets.car.clouds import cloud_of
from mspt.data.sets.car.dataset import CAR, training_facts
from mspt.data.sets.car.flow_case import FlowCase
from mspt.data.sets.car.other_meshes import compare_meshes, mean_differences
from mspt.errors import GeometryError, MSPTError
from mspt.evaluation._flow_card import flow_section
from mspt.evaluation.flows import (
    ERRORS,
    FlowEvaluation,
    FlowScore,
    evaluate_flows,
    on_wheels,
    score_flow,
    score_prediction,
    summarize,
)
from mspt.evaluation.score import usual_checks
from mspt.geometry.bodies.families import draw_body
from mspt.geometry.distance import Nearest, distance_to
from mspt.geometry.mesh import SurfaceMesh, box
from mspt.geometry.preparation import prepare_shape
from mspt.inference import sampling as flow_inputs
from mspt.inference.flow import (
    CloudsDone,
    FlowPrediction,
    carry_to_cells,
    cloud_force,
    predict_cloud,
    predict_flow,
    predict_stored,
)
from mspt.inference.repeated import model_checks
from mspt.inference.sampling import cloud_size, sample_inputs
from mspt.inference.trust import Check, TrustReport, library_of, trust_report
from mspt.metrics.forces import coefficients, surface_force
from mspt.progress import last_event
from mspt.training.batches import fit_normalizer

STACK = sphere_clouds(6)
PRESET = flow_preset()


def make_checkpoint(model: nn.Module | None = None) -> Checkpoint:
    info = {
        "dataset": "car",
        "train": PRESET.train.to_dict(),
        "trust": {"symmetry": [0.01, 0.02], "resolution": [0.01, 0.02]},
        **training_facts(STACK),
    }
    return Checkpoint(model or build_model(PRESET.model), PRESET.model, fit_normalizer(STACK), info)


class PotentialFlow(nn.Module):
    """A model that knows the pressure on a sphere from the normal alone."""

    def __init__(self, normalizer: nn.Module) -> None:
        super().__init__()
        self.normalizer = normalizer
        self.unused = nn.Parameter(torch.zeros(1))

    def forward(self, points: Tensor, features: Tensor, *, partitions: object) -> Tensor:  # noqa: ARG002
        cosine = (
            features[..., 0] * self.normalizer.features_scale[0] + self.normalizer.features_mean[0]
        )
        fields = torch.zeros(*points.shape[:2], 7)
        fields[..., 0] = 1 - 2.25 * (1 - cosine**2)
        return (fields - self.normalizer.fields_mean) / self.normalizer.fields_scale


def exact_checkpoint() -> Checkpoint:
    return make_checkpoint(PotentialFlow(fit_normalizer(STACK)))


def test_a_perfect_prediction_has_no_error() -> None:
    case = sphere_flow(0.4)
    body = whole_body(cloud_of(case))
    score = score_prediction("one", case, body, body.fields)
    for name in ("surface_pressure", "surface_pressure_by_area", "wall_shear", "velocity"):
        assert getattr(score, name) == 0
    assert np.isnan(score.wheel_pressure)
    assert score.C_D_true == case.info["C_D"]


def test_coefficients_are_the_integral_over_both_sides() -> None:
    case = sphere_flow(0.4)
    body = whole_body(cloud_of(case))
    vectors = np.concatenate([case.face_areas, case.face_areas * np.array([1, -1, 1], np.float32)])
    fields = body.fields[: body.num_surface].numpy()
    force = surface_force(vectors, fields[:, 0], shear=fields[:, 1:4])
    expected = coefficients(force, reference_area=case.info["frontal_area"])
    score = score_prediction("one", case, body, body.fields)
    assert pytest.approx(expected.C_D) == score.C_D
    assert pytest.approx(0, abs=1e-9) == expected.C_S
    # Shear of 0.01 times the slip speed: C_D is the integral of its x component, 0.04.
    assert pytest.approx(0.04, abs=0.005) == score.C_D


def both_sides(values: np.ndarray) -> np.ndarray:
    flip = np.array([1, -1, 1], np.float32) if values.ndim == 2 else np.float32(1)
    return np.concatenate([values, values * flip])


def test_a_flow_stored_whole_is_not_mirrored() -> None:
    half = sphere_flow(0.4)
    whole = FlowCase(
        **{
            name: both_sides(value)
            for name, value in vars(half).items()
            if name not in ("info", "shape")
        },
        info=half.info | {"symmetric": False},
    )
    found, expected = (score_flow(exact_checkpoint(), "one", case) for case in (whole, half))
    assert found.surface_pressure < 1e-3
    assert abs(found.C_D - expected.C_D) < 1e-6
    assert found.velocity_change == pytest.approx(expected.velocity_change, rel=1e-4)


def test_errors_are_told_apart_by_area_and_wheels() -> None:
    case = sphere_flow(0.4, wheel=0.15)
    case.face_areas[:10] *= 100
    body = whole_body(cloud_of(case))
    wrong = body.fields.clone()
    wrong[:10, 0] += 1
    score = score_prediction("one", case, body, wrong)
    assert score.surface_pressure_by_area > 2 * score.surface_pressure > 0
    wheels = on_wheels(case, body.points[: body.num_surface].numpy())
    assert 0 < wheels.sum() < body.num_surface
    wrong = body.fields.clone()
    wrong[: body.num_surface, 0][torch.from_numpy(wheels)] += 1
    score = score_prediction("one", case, body, wrong)
    assert score.body_pressure == 0
    assert score.wheel_pressure > 0


def test_velocity_counts_the_free_stream_and_its_change_does_not() -> None:
    case = sphere_flow(0.4)
    body = whole_body(cloud_of(case))
    still = torch.zeros_like(body.fields)
    score = score_prediction("one", case, body, still)
    assert score.velocity_change == pytest.approx(1)
    assert score.velocity < 0.5


def test_every_stored_point_is_predicted() -> None:
    body = whole_body(cloud_of(sphere_flow(0.4)))
    predicted = predict_stored(exact_checkpoint(), body)
    count = body.num_surface
    assert torch.allclose(predicted[:count, 0], body.fields[:count, 0], atol=1e-4)


def test_stored_flow_is_predicted_as_the_mean_of_itself_and_its_mirror_image(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    body = whole_body(cloud_of(sphere_flow(0.4)))

    def drifting(checkpoint: Checkpoint, cloud: Cloud, *, device: str) -> torch.Tensor:  # noqa: ARG001
        """A model that is right but for a wind to the left, which has no place in a mirror."""
        return cloud.fields + torch.tensor([0.0, 0, 0, 0, 0, 0.1, 0])

    monkeypatch.setattr("mspt.inference.flow.predict_cloud", drifting)
    found = predict_stored(exact_checkpoint(), body)
    assert torch.allclose(found, body.fields, rtol=0, atol=1e-6)


def test_flow_without_a_mirror_is_predicted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    body = whole_body(cloud_of(sphere_flow(0.4)))
    body = replace(body, layout=replace(body.layout, mirror=None))
    seen = []

    def look(checkpoint: Checkpoint, cloud: Cloud, *, device: str) -> torch.Tensor:  # noqa: ARG001
        seen.append(cloud)
        return cloud.fields

    sizes = body.num_surface, len(body.points) - body.num_surface
    monkeypatch.setattr("mspt.inference.flow.cloud_size", lambda _: sizes)
    monkeypatch.setattr("mspt.inference.flow.predict_cloud", look)
    assert torch.equal(predict_stored(exact_checkpoint(), body), body.fields)
    assert len(seen) == 1


@pytest.mark.parametrize("more", ["surface", "flow"])
def test_clouds_of_a_stored_flow_keep_the_proportion_learned_on(
    more: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = whole_body(cloud_of(sphere_flow(0.4)))
    on_surface, in_flow = body.num_surface, len(body.points) - body.num_surface
    size = (on_surface // 6, in_flow // 2) if more == "surface" else (on_surface, in_flow // 5)
    seen = []

    def look(checkpoint: Checkpoint, cloud: Cloud, *, device: str) -> torch.Tensor:  # noqa: ARG001
        seen.append((cloud.num_surface, len(cloud.points) - cloud.num_surface))
        return cloud.fields

    monkeypatch.setattr("mspt.inference.flow.cloud_size", lambda _: size)
    monkeypatch.setattr("mspt.inference.flow.predict_cloud", look)
    found = predict_stored(exact_checkpoint(), body)
    assert torch.equal(found, body.fields)
    assert len(seen) == 2 * max(round(on_surface / size[0]), round(in_flow / size[1]))
    for counts in seen:
        assert counts == pytest.approx(size, rel=0.1)


def test_mean_only_is_scored_beside_the_model() -> None:
    found = last_event(evaluate_flows(exact_checkpoint(), sphere_flows(4))).metrics()
    assert found["relative_l2"] < 1e-3
    assert found["mean_only"] > 0.5
    assert found["cases"] == 4
    drag = np.array([case.info["C_D"] for _, case in sphere_flows(4)])
    expected = 1e4 * np.abs(drag - np.mean(STACK.drag)).mean()
    assert found["mean_only_all"]["C_D_counts"] == pytest.approx(expected)
    assert found["mean_only_all"]["C_D_spearman"] is None


def made_up_scores(count: int) -> list[FlowScore]:
    """Errors between 0 and 1, every third body without wheels, and no two designs alike."""
    random = np.random.default_rng(7)
    scores = []
    for index in range(count):
        errors = dict(zip(ERRORS, random.random(len(ERRORS)).tolist(), strict=True))
        errors["wheel_pressure"] *= np.nan if index % 3 == 0 else 1
        drag, lift = 0.2 + 0.3 * random.random(), random.random() - 0.5
        found = (drag * (0.8 + 0.4 * random.random()), lift + 0.1 * random.random())
        scores.append(
            FlowScore(
                name=f"car-{index:04d}", family="block", C_D=found[0], C_D_true=drag,
                C_L=found[1], C_L_true=lift, **errors,
            )
        )  # fmt: skip
    return scores


def test_summary_equals_one_by_other_libraries() -> None:
    scores = made_up_scores(30)
    found, expected = summarize(scores), restated_summary([asdict(score) for score in scores])
    assert found.keys() == expected.keys()
    for gap, share, pairs in expected.pop("order"):
        assert [gap, pytest.approx(share), pairs] in found["order"]
    assert {key: found[key] for key in expected} == pytest.approx(expected)


def test_metrics_are_mean_median_and_worst_of_the_pressure_on_the_surface() -> None:
    scores, plain = made_up_scores(7), made_up_scores(9)
    errors = sorted(score.surface_pressure for score in scores)
    metrics = FlowEvaluation(tuple(scores), tuple(plain)).metrics()
    assert metrics["relative_l2"] == pytest.approx(sum(errors) / 7)
    assert (metrics["median"], metrics["worst"]) == (errors[3], errors[6])
    expected = sum(score.surface_pressure for score in plain) / 9
    assert metrics["mean_only"] == pytest.approx(expected)
    assert metrics["mean_only_all"] == summarize(plain)
    assert summarize(scores).items() <= metrics.items()
    assert "against_mean" not in metrics


def test_errors_by_area_are_weighted_root_mean_squares() -> None:
    case = sphere_flow(0.4)
    case.face_areas[:10] *= 100
    body = whole_body(cloud_of(case))
    count = body.num_surface
    wrong = body.fields.clone()
    wrong[:count, 0] += torch.linspace(-1, 1, count)
    area = np.tile(np.linalg.norm(case.face_areas.astype(np.float64), axis=1), 2)
    truth = body.fields[:count, 0].double().numpy()
    expected = np.sqrt(area @ np.linspace(-1, 1, count) ** 2 / (area @ truth**2))
    score = score_prediction("one", case, body, wrong)
    assert score.surface_pressure_by_area == pytest.approx(expected, rel=1e-6)
    assert score.body_pressure == score.surface_pressure_by_area  # there are no wheels


def test_summary_orders_designs() -> None:
    scores = last_event(evaluate_flows(exact_checkpoint(), sphere_flows(5))).scores
    summary = summarize(scores)
    gaps = [gap for gap, _, _ in summary["order"]]
    assert gaps == sorted(gaps)
    assert summary["order"][0][2] == 10
    assert summary["order"][-1][1] is None  # no pair is that far apart


def test_prediction_of_a_mesh_carries_values_to_its_triangles() -> None:
    mesh = draw_body("ellipsoid", 4).mesh
    checkpoint = exact_checkpoint()
    inputs = sample_inputs(checkpoint, mesh, num_clouds=3)
    events = list(predict_flow(checkpoint, mesh, inputs, device="cpu"))
    assert [event.done for event in events[:-1] if isinstance(event, CloudsDone)] == [1, 2, 3]
    found = events[-1]
    assert isinstance(found, FlowPrediction)
    expected = 1 - 2.25 * (1 - mesh.normals[:, 0] ** 2)
    assert np.abs(found.cell_pressure - expected).mean() < 0.12
    areas = mesh.area_vectors
    force = surface_force(areas, found.cell_pressure, shear=np.zeros_like(areas))
    direct = coefficients(force, reference_area=inputs.frontal_area).C_D
    assert found.coefficients.C_D_pressure == pytest.approx(direct, abs=0.03)
    assert len(found.volume_points) == len(found.velocity) == 3 * 100


def test_prediction_of_a_mesh_is_put_together_from_its_clouds() -> None:
    mesh, checkpoint = draw_body("ellipsoid", 4).mesh, exact_checkpoint()
    inputs = sample_inputs(checkpoint, mesh, num_clouds=3)
    *_, found = predict_flow(checkpoint, mesh, inputs, device="cpu")
    assert isinstance(found, FlowPrediction)

    def pressure(cosine: np.ndarray) -> np.ndarray:
        return 1 - 2.25 * (1 - cosine**2)

    close = {"rtol": 0, "atol": 1e-5}  # the model computes in float32
    np.testing.assert_allclose(found.surface["C_p"], pressure(inputs.normals[:, 0]), **close)
    np.testing.assert_array_equal(found.surface_points, inputs.points)
    drag = []
    for cloud in inputs.clouds:
        cosine = cloud.features[:120, 0].double().numpy()
        drag.append(-(pressure(cosine) * cosine).mean() * mesh.areas.sum() / inputs.frontal_area)
    force = surface_force(mesh.area_vectors, found.cell_pressure, shear=found.cell_shear)
    whole = coefficients(force, reference_area=inputs.frontal_area)
    assert pytest.approx(whole.C_D, rel=1e-9) == found.coefficients.C_D
    assert pytest.approx(np.mean(drag), abs=0.05) == found.coefficients.C_D  # of 360 points
    assert found.drag_spread == pytest.approx(np.std(drag), rel=1e-3)
    flow = [(cloud.points[120:], cloud.features[120:, 0]) for cloud in inputs.clouds]
    places, cosines = (torch.cat(part).double().numpy() for part in zip(*flow, strict=True))
    np.testing.assert_allclose(found.volume_points, places, **close)
    np.testing.assert_allclose(found.volume_pressure, pressure(cosines), **close)
    # The model changes nothing of the free stream.
    np.testing.assert_allclose(found.velocity, np.tile([1.0, 0, 0], (300, 1)), **close)


def test_points_of_the_flow_are_outside_and_on_both_sides() -> None:
    mesh = draw_body("block", 1).mesh
    inputs = sample_inputs(make_checkpoint(), mesh, num_clouds=2)
    assert len(inputs.clouds) == 2
    for cloud in inputs.clouds:
        assert cloud.num_surface == 120
        flow = cloud.points[120:]
        assert (flow[:, 2] > 0).all()
        assert 0.25 < (flow[:, 1] > 0).float().mean() < 0.75
        assert (cloud.features[120:, 3] > 0).all()


def test_points_of_the_flow_know_the_way_from_the_wall_and_how_far_it_is() -> None:
    """Going back that way by that distance leads to the surface."""
    mesh = draw_body("block", 1).mesh
    (cloud,) = sample_inputs(make_checkpoint(), mesh, num_clouds=1).clouds
    way, closeness = cloud.features[120:, :3].double(), cloud.features[120:, 3:4].double()
    distance = 0.01 * torch.expm1(closeness)
    foot = cloud.points[120:].double() - distance * way
    # Features are float32: the logarithm costs some of its seven digits.
    assert distance_to(mesh, foot.numpy()).max() < 1e-5
    assert distance.max() > 0.1


def test_force_of_evenly_spread_points_is_that_of_the_surface() -> None:
    mesh = box((0, -0.5, 0), (1, 0.5, 1))
    cloud = sample_inputs(make_checkpoint(), mesh, num_clouds=1).clouds[0]
    fields = torch.zeros(len(cloud.points), 7)
    fields[:, 0] = (cloud.features[:, 0] < -0.5).float()  # pressure on the front face alone
    force = cloud_force(cloud, fields, float(mesh.areas.sum()))
    assert force.total[0] == pytest.approx(1, abs=0.05)


def test_cells_take_values_from_their_own_side_of_a_thin_plate() -> None:
    mesh = box((0, -0.5, 0), (1, 0.5, 0.002))
    inputs = sample_inputs(make_checkpoint(), mesh, num_clouds=2)
    up = inputs.normals[:, 2:] > 0.5
    cells = carry_to_cells(mesh, inputs.points, inputs.normals, values=up.astype(float))
    assert (cells[mesh.normals[:, 2] > 0.5] > 0.95).all()
    assert (cells[mesh.normals[:, 2] < -0.5] < 0.05).all()


def test_a_body_without_an_outside_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def inside(mesh: SurfaceMesh, points: np.ndarray) -> Nearest:  # noqa: ARG001
        return Nearest(np.full(len(points), -1.0), points, np.zeros(len(points), dtype=np.int64))

    monkeypatch.setattr(flow_inputs, "nearest_on", inside)
    with pytest.raises(GeometryError, match="mesh must leave room for the flow"):
        sample_inputs(make_checkpoint(), box((0, -0.3, 0), (1, 0.3, 0.5)))


def test_only_checkpoints_for_flows_predict_flows() -> None:
    other = Checkpoint(nn.Identity(), PRESET.model, fit_normalizer(STACK), {"dataset": "darcy"})
    with pytest.raises(MSPTError, match="must be one for flows around bodies, got one for 'darcy'"):
        cloud_size(other)
    with pytest.raises(MSPTError, match=r"must hold the outlines .* 'darcy'"):
        library_of(other)


def test_checks_are_zero_for_a_model_that_is_symmetric_and_local() -> None:
    found = model_checks(exact_checkpoint(), STACK.draw(0, seed=0))
    assert found == pytest.approx({"symmetry": 0, "resolution": 0}, abs=1e-5)
    rough = model_checks(make_checkpoint(), STACK.draw(0, seed=0))
    assert rough["symmetry"] > 0.01
    assert rough["resolution"] > 0.01
    assert usual_checks(make_checkpoint(), STACK)["symmetry"] == sorted(
        usual_checks(make_checkpoint(), STACK)["symmetry"]
    )


def report_for(mesh: SurfaceMesh) -> TrustReport:
    checkpoint = exact_checkpoint()
    inputs = sample_inputs(checkpoint, mesh, num_clouds=2)
    shape, library = prepare_shape(mesh), library_of(checkpoint)
    return trust_report(checkpoint, mesh, inputs, shape=shape, library=library)


def check_of(report: TrustReport, name: str) -> Check:
    return next(check for check in report.checks if check.name == name)


def test_a_shape_unlike_all_others_is_far_away() -> None:
    far = check_of(report_for(box((0, -0.05, 0), (1, 0.05, 0.05))), "Nearest known shape")
    assert far.verdict == "poor"
    assert "far from all training shapes" in far.meaning
    assert report_for(box((0, -0.05, 0), (1, 0.05, 0.05))).verdict == "poor"


def test_an_open_surface_is_noticed() -> None:
    mesh = box((0, -0.3, 0.2), (1, 0.3, 0.8))
    opened = SurfaceMesh(mesh.vertices, mesh.triangles[2:])
    assert check_of(report_for(mesh), "Closed surface").verdict == "good"
    assert check_of(report_for(opened), "Closed surface").verdict == "poor"


def test_report_is_fit_for_json() -> None:
    found = report_for(box((0, -0.3, 0.2), (1, 0.3, 0.8))).to_dict()
    assert found["verdict"] in ("good", "fair", "poor")
    assert len(found["checks"]) == 5
    assert len(found["nearest"]) == 3


def test_prediction_of_a_cloud_is_in_physical_units() -> None:
    cloud = STACK.draw(0, seed=0)
    fields = predict_cloud(exact_checkpoint(), cloud)
    assert torch.allclose(fields[:120, 0], cloud.fields[:120, 0], atol=1e-4)


def test_card_says_what_the_header_says() -> None:
    cases = sphere_flows(5)
    faster = {name: replace(one, velocity=one.velocity * np.float32(1.1)) for name, one in cases}
    repeats = {name: {"larger": one} for name, one in faster.items()}
    evaluation = last_event(evaluate_flows(exact_checkpoint(), cases)).metrics()
    info = {
        **exact_checkpoint().info,
        "metrics": evaluation,
        "metrics_unseen": evaluation,
        "curve": [[0.5, 0.4], [0.3, 0.2]],
        "epochs": 2,
        "train_cases": 6,
        "seed": 0,
        "minutes": 1.0,
        "threads": 1,
        "hardware": "CPU",
        "parameters": 1234,
    }
    card = flow_section(CAR, [CheckpointInfo(Path("car.safetensors"), PRESET.model, info)])
    assert "| `car`: MSPT, D 16, 2 blocks, 2 heads, K 6, Q 1, ball tree | " in card
    assert f"{evaluation['mean_only']:.1%}" in card
    assert "**Unseen families**, 5 cases" in card
    assert "≥ 0 counts (10 pairs)" in card
    assert "| mean only |" in card
    assert "mean over 2 meshes" not in card
    info["metrics"] = last_event(
        evaluate_flows(exact_checkpoint(), cases, repeats=repeats)
    ).metrics()
    card = flow_section(CAR, [CheckpointInfo(Path("car.safetensors"), PRESET.model, info)])
    (solver,) = [line for line in card.splitlines() if "| the solver, cells 1% larger" in line]
    assert solver.split(" | ")[:7] == [
        "| the solver, cells 1% larger, 5 cases", "0.0%", "0.0%", "0.0%", "–", "0.0%", "10.0%",
    ]  # fmt: skip
    mean = card.split("**Test split, mean over 2 meshes**, 5 cases")[1].split("**")[0]
    assert f"| {info['metrics']['against_mean']['velocity']:.1%} |" in mean


def test_checkpoint_is_scored_against_the_mean_over_meshes() -> None:
    cases = sphere_flows(3)
    fast = {name: {"larger": replace(one, velocity=3 * one.velocity)} for name, one in cases[:2]}
    found = last_event(evaluate_flows(exact_checkpoint(), cases, repeats=fast))
    assert [score.name for score in found.against_mean] == [name for name, _ in cases[:2]]
    assert [score.velocity for score in found.other_meshes["larger"]] == pytest.approx([2, 2])
    # The model answers with the free stream u; the truth v becomes its double: |u - 2v| / |2v|.
    for (_, case), score in zip(cases, found.against_mean, strict=False):
        miss = np.array([1.0, 0, 0]) - 2 * case.velocity
        expected = np.linalg.norm(miss) / np.linalg.norm(2 * case.velocity)
        assert score.velocity == pytest.approx(expected, rel=1e-4)
    assert found.metrics()["against_mean"]["cases"] == 2
    assert "against_mean" not in last_event(evaluate_flows(exact_checkpoint(), cases)).metrics()


def test_finer_meshes_tell_the_error_of_labels() -> None:
    case = sphere_flow(0.4)
    same = compare_meshes(case, case)
    assert same["surface_pressure_by_area"] < 0.05
    assert same["velocity"] == same["C_D_relative"] == 0
    wrong = replace(case, velocity=case.velocity * np.float32(1.1), info=case.info | {"C_D": 0.005})
    found = compare_meshes(case, wrong)
    assert found["velocity"] == pytest.approx(0.1, rel=1e-3)
    change = case.velocity - np.array([1.0, 0, 0])
    expected = 0.1 * np.linalg.norm(case.velocity) / np.linalg.norm(change)
    assert found["velocity_change"] == pytest.approx(expected, rel=1e-3)
    assert found["C_D_relative"] == pytest.approx(0.25)
    means = mean_differences([same, found])
    assert means["cases"] == 2
    assert means["velocity"] == pytest.approx(0.05, rel=1e-3)
