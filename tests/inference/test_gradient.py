"""The gradient of drag with respect to the surface, against finite differences."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from made_up_flows import flow_preset, sphere_clouds

from mspt.checkpoint import Checkpoint, build_model
from mspt.data.sets.car.dataset import training_facts
from mspt.geometry.bodies.families import draw_body
from mspt.geometry.distance import nearest_on
from mspt.geometry.subdivide import refined
from mspt.inference.flow import cloud_force, predict_cloud
from mspt.inference.gradient import (
    DragGradient,
    barycentric,
    drag_gradient,
    drag_of,
    scene_of,
    vertex_normals,
)
from mspt.inference.predict import predict_case
from mspt.inference.sampling import FlowInputs, sample_inputs
from mspt.metrics.forces import coefficients
from mspt.progress import last_event
from mspt.training.batches import fit_normalizer

STACK, PRESET = sphere_clouds(4), flow_preset(surface_points=80, volume_points=40)
BODY = draw_body("block", 1).mesh


@pytest.fixture(scope="module")
def checkpoint() -> Checkpoint:
    model = build_model(PRESET.model, seed=1).double()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():  # heads start at zero: move them
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator).double())
    info = {"train": PRESET.train.to_dict(), **training_facts(STACK)}
    return Checkpoint(model.eval(), PRESET.model, fit_normalizer(STACK), info)


@pytest.fixture(scope="module")
def inputs(checkpoint: Checkpoint) -> FlowInputs:
    return sample_inputs(checkpoint, BODY, num_clouds=2)


@pytest.fixture(scope="module")
def gradient(checkpoint: Checkpoint, inputs: FlowInputs) -> DragGradient:
    return last_event(drag_gradient(checkpoint, BODY, inputs, device="cpu"))


def test_drag_is_that_of_a_prediction(checkpoint: Checkpoint, inputs: FlowInputs) -> None:
    single = replace(checkpoint, model=build_model(PRESET.model, seed=1).eval())
    single.model.load_state_dict(checkpoint.model.state_dict())
    cloud, area = inputs.clouds[0], inputs.frontal_area
    scene = scene_of(checkpoint, BODY, cloud, reference_area=area)
    force = cloud_force(cloud, predict_cloud(single, cloud, device="cpu"), BODY.areas.sum())
    expected = coefficients(force, reference_area=area).C_D
    for mirrored in (False, True):
        if mirrored:
            other = cloud.mirrored(-torch.ones(len(cloud.points)))
            # On the partition of the cloud as it is, as both passes have one partition here.
            output = predict_with(single, other, scene.partition)
            force = cloud_force(other, output, BODY.areas.sum())
            expected = coefficients(force, reference_area=area).C_D
        found = drag_of(checkpoint, scene, torch.from_numpy(BODY.vertices), mirrored=mirrored)
        assert found.item() == pytest.approx(expected, rel=1e-4)


def predict_with(checkpoint: Checkpoint, cloud: object, partition: object) -> torch.Tensor:
    return predict_case(
        checkpoint, cloud.points, cloud.features, partition=partition, device="cpu"
    ).fields


@pytest.mark.parametrize("seed", [0, 1])
def test_gradient_is_the_slope_of_finite_differences(
    checkpoint: Checkpoint, inputs: FlowInputs, gradient: DragGradient, seed: int
) -> None:
    """Along a random smooth displacement, with the partition and the places of points fixed."""
    rng = np.random.default_rng(seed)
    waves = np.sin(BODY.vertices @ rng.normal(size=(3, 3)) * 3 + rng.uniform(0, 6, 3))
    step = 1e-5
    means = []
    for sign in (1, -1):
        vertices = torch.from_numpy(BODY.vertices + sign * step * waves)
        means.append(
            np.mean(
                [
                    drag_of(checkpoint, scene, vertices, mirrored=mirrored).item()
                    for scene in (
                        scene_of(checkpoint, BODY, cloud, reference_area=inputs.frontal_area)
                        for cloud in inputs.clouds
                    )
                    for mirrored in (False, True)
                ]
            )
        )
    slope = (means[0] - means[1]) / (2 * step)
    assert abs(slope) > 1e-3
    assert (gradient.vertex_gradient * waves).sum() == pytest.approx(slope, rel=1e-4)


def test_a_bump_is_the_sum_of_what_it_moves() -> None:
    mesh = refined(BODY, max_edge=0.1).mesh
    rng = np.random.default_rng(0)
    found = DragGradient(mesh=mesh, vertex_gradient=rng.normal(size=mesh.vertices.shape), C_D=0.3)
    center, normal = mesh.centers[40], mesh.normals[40]
    expected = 0.0
    facing = vertex_normals(mesh)
    for vertex, pull, out in zip(mesh.vertices, found.vertex_gradient, facing, strict=True):
        away = np.linalg.norm(vertex - center)
        if away < 0.3 and out @ normal > 0:
            expected += 0.01 * (1 - (away / 0.3) ** 2) * (pull @ out)
    bump = found.bumps(center[None], normal[None], radius=0.3)
    assert bump[0] == pytest.approx(expected)


def test_points_are_where_their_coordinates_say() -> None:
    points = np.random.default_rng(0).uniform(-0.2, 1.2, (50, 3))
    near = nearest_on(BODY, points)
    corners = BODY.corners[near.triangle]
    weights = barycentric(corners, near.closest)
    np.testing.assert_allclose(np.einsum("nk,nkx->nx", weights, corners), near.closest, atol=1e-9)
    assert weights.min() > -1e-6


def test_vertex_normals_point_outward() -> None:
    ball = draw_body("ellipsoid", 3).mesh
    middle = ball.vertices.mean(axis=0)
    assert ((ball.vertices - middle) * vertex_normals(ball)).sum(axis=1).min() > 0
