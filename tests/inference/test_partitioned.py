import numpy as np
import pytest
import torch
from helpers import tiny_config

from mspt.data.case import Quantity
from mspt.data.layout import Layout
from mspt.inference.partitioned import (
    first_channel_error,
    partition_cloud,
    patch_rows,
    with_patches,
)
from mspt.inference.sample import Sample
from mspt.partition.ball_tree import build_partition
from mspt.partition.patches import nearest_points

POINTS = torch.rand(60, 3, generator=torch.Generator().manual_seed(0))


def test_cloud_holds_the_partition_of_its_method() -> None:
    tree = partition_cloud(POINTS, 7, method="ball_tree")
    assert torch.equal(tree.partition.order, build_partition(POINTS, 7).order)
    assert (tree.name, tree.num_patches) == ("ball tree", 7)
    assert tree.shapes.size.sum() == 60
    strips = partition_cloud(POINTS, 7, method="sequence")
    assert torch.equal(strips.partition.order, torch.arange(60))


def test_rows_hold_the_share_of_each_patch_in_the_squared_error() -> None:
    cloud = partition_cloud(POINTS, 4, method="ball_tree")
    error = np.linspace(-1.0, 2.0, 60)
    table, neighbors = patch_rows(POINTS, cloud, nearest=nearest_points(POINTS), error=error)
    patch = cloud.partition.patch_of_point.numpy()
    expected = [(error[patch == k] ** 2).sum() / (error**2).sum() for k in range(4)]
    np.testing.assert_allclose(table["error_share"], expected, rtol=1e-9)
    assert [len(found) for found in neighbors] == table["neighbors"].tolist()


def test_error_is_prediction_minus_truth_of_the_first_channel() -> None:
    truth = torch.arange(6.0).reshape(3, 2)
    layout = Layout(fields=tuple(Quantity(name=n, symbol=n, unit="1", description=n) for n in "uv"))
    sample = Sample(key="a", title="A", dataset=None, points=POINTS[:3], truth=truth, layout=layout)
    predicted = truth + torch.tensor([[1.0, 9.0], [-2.0, 9.0], [0.5, 9.0]])
    assert first_channel_error(sample, predicted).tolist() == [1.0, -2.0, 0.5]
    unknown = Sample(key="b", title="B", dataset=None, points=POINTS[:3])
    with pytest.raises(
        ValueError, match="sample must have a truth to compare with, got none for b"
    ):
        first_channel_error(unknown, predicted)


@pytest.mark.parametrize("changes", [{}, {"architecture": "transolver"}, {"patch_size": 5}])
def test_config_keeps_width_and_depth_and_takes_the_patches(changes: dict) -> None:
    given = {"num_patches": None, **changes} if "patch_size" in changes else changes
    config = tiny_config(**given)
    other = with_patches(config, num_patches=11, num_supernodes=2)
    assert (other.architecture, other.patches_for(500), other.num_supernodes) == ("mspt", 11, 2)
    assert (other.width, other.num_blocks) == (config.width, config.num_blocks)
