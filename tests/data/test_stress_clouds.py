import numpy as np
import pytest
import torch

from mspt.data.stress_clouds import MAX_POINTS, STRESS_CLOUDS, describe_cloud, stress_cloud
from mspt.errors import DataError

KINDS = list(STRESS_CLOUDS)


def spread(points: torch.Tensor) -> np.ndarray:
    """Principal extents of a cloud, longest first."""
    return np.sqrt(np.linalg.eigvalsh(np.cov(points.double().numpy().T))[::-1].clip(min=0))


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_gives_the_same_cloud_and_another_one_another(kind: str) -> None:
    first = stress_cloud(kind, 500, seed=3)
    assert first.shape == (500, 3)
    assert torch.isfinite(first).all()
    torch.testing.assert_close(first, stress_cloud(kind, 500, seed=3), rtol=0, atol=0)
    assert not torch.equal(first, stress_cloud(kind, 500, seed=4))


@pytest.mark.parametrize("kind", KINDS)
def test_a_cloud_may_have_a_single_point(kind: str) -> None:
    assert stress_cloud(kind, 1).shape == (1, 3)
    assert describe_cloud(kind).endswith(".")


@pytest.mark.parametrize("kind", KINDS)
def test_order_says_nothing_of_place(kind: str) -> None:
    points = stress_cloud(kind, 4000).double()
    halves = points[:2000].mean(0) - points[2000:].mean(0)
    assert (halves.abs() < 5 * points.std(0) * (2 / 2000) ** 0.5).all()


def test_a_line_has_one_extent_and_a_sheet_two() -> None:
    longest, second, _ = spread(stress_cloud("line", 2000))
    assert second < 1e-6 * longest
    longest, second, third = spread(stress_cloud("sheet", 2000))
    assert second > 0.5 * longest
    assert third < 0.002 * second


def test_density_falls_off_exponentially_from_the_wall() -> None:
    height = np.sort(stress_cloud("exponential", 50_000)[:, 2].numpy())
    half, quarter = np.quantile(height, [0.5, 0.75])  # equal steps: the half-life is one number
    assert quarter == pytest.approx(2 * half, rel=0.05)


def test_the_fractal_has_dimension_two() -> None:
    points = stress_cloud("fractal", 60_000).double().numpy()
    boxes = [len(np.unique((points * 2**depth).astype(int), axis=0)) for depth in (2, 3, 4, 5)]
    slope = np.polyfit([2, 3, 4, 5], np.log2(boxes), 1)[0]
    assert slope == pytest.approx(2.0, abs=0.1)


def test_every_place_of_duplicates_is_taken_several_times() -> None:
    points = stress_cloud("duplicates", 8000).numpy()
    _, counts = np.unique(points, axis=0, return_counts=True)
    assert 7 < counts.mean() < 9


def test_clusters_differ_in_size_by_far() -> None:
    points = stress_cloud("clustered", 20_000).double().numpy()
    cells = np.unique((points / 0.05).astype(int), axis=0, return_counts=True)[1]
    assert cells.max() > 50 * np.median(cells)


def test_what_is_no_cloud_is_refused() -> None:
    with pytest.raises(DataError, match=r"cloud must be one of clustered.*, got 'dust'"):
        stress_cloud("dust", 10)
    with pytest.raises(DataError, match=f"points must lie between 1 and {MAX_POINTS:,}, got 0"):
        stress_cloud("line", 0)
