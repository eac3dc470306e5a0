"""Flow cases as clouds: sides, even draws, groups, and training on them."""

from pathlib import Path

import numpy as np
import pytest
import torch
from made_up_flows import flow_preset, sphere_clouds, sphere_flow, sphere_flows

from mspt.data.clouds import draw_evenly, whole_body
from mspt.data.sets.car.clouds import LAYOUT, cloud_features, cloud_of, stack_flows
from mspt.data.sets.car.dataset import CAR
from mspt.data.sets.car.store import read_flow, write_flow
from mspt.errors import DataError
from mspt.metrics.forces import closure_error
from mspt.training.batches import coarsen, fit_normalizer, source_of
from mspt.training.loop import StepDone, TrainingStopped, prepare, train, validation_error

HALF = cloud_of(sphere_flow(0.4))


def test_whole_body_is_its_own_mirror_image() -> None:
    body = whole_body(HALF)
    count, others = body.num_surface, len(body.points) - body.num_surface
    assert count == 2 * HALF.num_surface
    for first, size in ((0, count // 2), (count, others // 2)):
        left, right = (slice(first + k * size, first + (k + 1) * size) for k in (0, 1))
        assert torch.equal(
            body.points[left] * torch.tensor(LAYOUT.mirror.points), body.points[right]
        )
        # The velocity of the flow around a sphere is known on the other side as well.
        assert torch.allclose(body.fields[left][:, 4], body.fields[right][:, 4])
        assert torch.allclose(body.fields[left][:, 5], -body.fields[right][:, 5])
    vectors = (body.features[:count, :3]).double().numpy()
    assert closure_error(vectors) < 1e-2
    assert closure_error(vectors[: count // 2]) > 0.4


def test_mirroring_twice_changes_nothing() -> None:
    side = -torch.ones(len(HALF.points))
    twice = HALF.mirrored(side).mirrored(side)
    for name in ("points", "features", "fields"):
        assert torch.equal(getattr(twice, name), getattr(HALF, name))


def test_a_draw_shows_true_fields_on_both_sides() -> None:
    stack = sphere_clouds(1)
    cloud = stack.draw(0, seed=3)
    assert (cloud.num_surface, len(cloud.points)) == (120, 220)
    assert 0.3 < (cloud.points[:, 1] > 0).float().mean() < 0.7
    radius = (cloud.points[:120] - torch.tensor([0.5, 0.0, 0.6])).norm(dim=1).mean()
    # C_p = 1 - 9/4 sin^2 of the angle from the stream, on either side.
    cosine = cloud.features[:120, 0]
    assert torch.allclose(cloud.fields[:120, 0], 1 - 2.25 * (1 - cosine**2), atol=1e-4)
    assert torch.allclose(cloud.features[:120, 3], torch.zeros(120))
    distance = (cloud.points[120:] - torch.tensor([0.5, 0.0, 0.6])).norm(dim=1) - radius
    assert torch.allclose(cloud.features[120:, 3], torch.log1p(distance / 0.01), atol=1e-3)


def test_draws_differ_with_the_seed_only() -> None:
    stack = sphere_clouds(1)
    assert torch.equal(stack.draw(0, seed=1).points, stack.draw(0, seed=1).points)
    assert not torch.equal(stack.draw(0, seed=1).points, stack.draw(0, seed=2).points)


def test_faces_are_drawn_in_proportion_to_their_area() -> None:
    rng = np.random.default_rng(0)
    areas = np.repeat(np.array([1.0, 3.0], dtype=np.float32), 500)
    drawn = draw_evenly(areas, 400, rng)
    assert 0.7 < (drawn >= 500).mean() < 0.8
    assert len(np.unique(drawn)) == 400


def test_groups_cover_each_channel_where_it_is_defined() -> None:
    scored = {
        (group.part, channel)
        for group in LAYOUT.groups
        for channel in range(len(LAYOUT.field_channels))[LAYOUT.columns(group.quantity)]
    }
    assert scored == {
        ("surface", 0), ("surface", 1), ("surface", 2), ("surface", 3),
        ("volume", 0), ("volume", 4), ("volume", 5), ("volume", 6),
    }  # fmt: skip


def test_layout_of_flows_names_and_mirrors_every_channel() -> None:
    cloud, mirror = sphere_clouds(1).draw(0, seed=0), LAYOUT.mirror
    assert mirror is not None
    assert cloud.layout is LAYOUT
    assert len(LAYOUT.feature_channels) == len(mirror.features) == cloud.features.shape[1]
    assert len(LAYOUT.field_channels) == len(mirror.fields) == cloud.fields.shape[1]
    signs = dict(zip(LAYOUT.field_channels, mirror.fields, strict=True))
    assert {name for name, sign in signs.items() if sign < 0} == {"C_fy", "u_y"}


def test_features_point_away_from_the_wall() -> None:
    offsets = np.array([[0.0, 0.0, 0.02]], dtype=np.float32)
    features = cloud_features(np.array([[1.0, 0.0, 0.0]], dtype=np.float32), offsets)
    assert features[0].tolist() == [1.0, 0.0, 0.0, 0.0, 1.0]
    assert features[1].tolist() == pytest.approx([0.0, 0.0, 1.0, np.log(3.0), 0.0], rel=1e-6)


def test_normalizer_of_flows_ignores_fields_that_mean_nothing() -> None:
    stack = sphere_clouds(8)
    normalizer = fit_normalizer(stack)
    clouds = [stack.draw(row, seed=row) for row in range(8)]
    shear = torch.cat([cloud.fields[: cloud.num_surface, 1] for cloud in clouds])
    change = torch.cat([cloud.fields[cloud.num_surface :, 4] for cloud in clouds])
    assert normalizer.fields_scale[1].item() == pytest.approx(shear.std().item(), rel=0.01)
    assert normalizer.fields_mean[4].item() == pytest.approx(change.mean().item(), rel=0.01)
    # Bodies fill the box from -1 to 1; the flow reaches beyond it.
    encoded, _ = normalizer.encode(clouds[0].points, clouds[0].features)
    assert encoded[:120].abs().max() <= 1.0
    assert encoded.abs().max() > 1.0


def test_shear_in_the_flow_is_not_learned() -> None:
    stack = sphere_clouds(2)
    source = source_of(stack, normalizer=fit_normalizer(stack), config=flow_preset().model, seed=0)
    batch = source.batch([0, 1], epoch=0)
    changed = batch.fields.clone()
    changed[:, 120:, 1:4] = 1e9
    changed[:, :120, 4:7] = 1e9
    assert torch.equal(batch.errors(changed), torch.zeros(4, 2))
    changed[:, 0, 0] += 1.0
    assert (batch.errors(changed)[0] > 0).all()


@pytest.mark.parametrize(
    "model",
    [{}, {"architecture": "branched"}, {"architecture": "transolver", "num_patches": None}],
    ids=["mspt", "branched", "transolver"],
)
def test_models_learn_the_flow_around_spheres(model: dict[str, str]) -> None:
    preset = flow_preset(model=model, epochs=12, coarse_epochs=4)
    training = prepare(preset, cases=sphere_clouds(12), validation=sphere_clouds(3, first=50))
    before = validation_error(training)
    *_, stopped = train(training)
    assert isinstance(stopped, TrainingStopped)
    assert stopped.progress.curve[-1][1] < 0.7 * before


def test_epochs_see_other_points_and_runs_repeat() -> None:
    stack, preset = sphere_clouds(4), flow_preset(epochs=2)
    source = source_of(stack, normalizer=fit_normalizer(stack), config=preset.model, seed=0)
    assert not torch.equal(source.batch([0], 0).points, source.batch([0], 1).points)
    runs = [
        [
            e.loss
            for e in train(prepare(preset, cases=stack, validation=stack))
            if isinstance(e, StepDone)
        ]
        for _ in range(2)
    ]
    assert runs[0] == runs[1]


def test_coarse_clouds_have_a_quarter_of_the_points() -> None:
    coarse = coarsen(sphere_clouds(1))
    cloud = coarse.draw(0, seed=0)
    assert (cloud.num_surface, len(cloud.points)) == (30, 30 + 25)
    # They are points of the flow itself, on either side of the plane of symmetry.
    stored = whole_body(sphere_clouds(1).halves[0]).points
    apart = (cloud.points[:, None] - stored[None]).norm(dim=2).amin(dim=1)
    assert apart.max() == 0


def test_fingerprint_tells_stacks_apart() -> None:
    flows = sphere_flows(2)
    one = stack_flows("car", flows, num_surface=120, num_volume=100)
    assert one.fingerprint() == sphere_clouds(2).fingerprint()
    assert one.fingerprint() != sphere_clouds(3).fingerprint()


def test_flow_files_round_trip(tmp_path: Path) -> None:
    case = sphere_flow(0.4)
    write_flow(tmp_path / "a.npz", case)
    back = read_flow(tmp_path / "a.npz")
    assert back.info == case.info
    for name in ("face_points", "face_pressure", "velocity", "offsets"):
        stored, true = (np.sort(getattr(one, name), axis=0) for one in (back, case))
        assert np.linalg.norm(stored - true) < 1e-3 * np.linalg.norm(true)
    # The order is another one, the same for all values of a point.
    speed = np.linalg.norm(back.velocity, axis=1)
    assert np.allclose(1 - speed**2, back.pressure, atol=1e-3)
    write_flow(tmp_path / "b.npz", case, max_points=100)
    assert len(read_flow(tmp_path / "b.npz").points) == 100


def test_missing_flow_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"flow case must be an \.npz file of a flow, got none at none\.npz"
    ):
        read_flow(tmp_path / "none.npz")


@pytest.mark.parametrize("name", CAR.presets)
def test_presets_for_flows_fit_the_data(name: str) -> None:
    preset = CAR.presets[name]
    assert (preset.model.in_features, preset.model.out_channels) == (5, 7)
    assert preset.train.surface_points > preset.train.volume_points > 0
