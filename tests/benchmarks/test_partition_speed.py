import sys
from types import ModuleType

import pytest
import torch
from torch import Tensor

from mspt.benchmarks.partition import benchmark_partition


def test_every_method_is_timed_against_ours() -> None:
    rows = list(benchmark_partition(num_points=3_000, num_patches=7, space_dim=2, repeats=3))
    assert [row.method for row in rows][:3] == [
        "ours",
        "scikit-learn KDTree",
        "scikit-learn BallTree",
    ]
    assert rows[0].ratio == 1.0
    for row in rows:
        assert (row.num_points, row.num_patches) == (3_000, 7)
        assert row.num_threads == torch.get_num_threads()
        assert 0 < row.lower_quartile <= row.seconds <= row.upper_quartile
        assert row.ratio > 0


def test_balltree_erwin_is_timed_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def partition_balltree(points: Tensor, cloud_of_point: Tensor, level: int) -> None:
        calls.append((points.shape, cloud_of_point.unique().tolist(), level))

    stand_in = ModuleType("balltree")
    stand_in.__spec__ = pytest.__spec__
    stand_in.partition_balltree = partition_balltree  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "balltree", stand_in)
    rows = list(benchmark_partition(num_points=100, num_patches=16, repeats=2))
    assert rows[-1].method == "balltree-erwin"
    assert calls == [((100, 3), [0], 4)] * 3


def test_quartiles_need_two_rounds() -> None:
    with pytest.raises(ValueError, match="repeats must be at least 2, got 1"):
        next(benchmark_partition(repeats=1))
