import numpy as np

from mspt.geometry.outline import NUM_SLICES, OUTLINE_NAMES, describe_outline


def ridge(num_points: int = 4_000) -> np.ndarray:
    """Points on one side of a body: half width x, underside 1 - x / 2, top 2 + x."""
    random = np.random.default_rng(0)
    x, share = random.random(num_points), random.random(num_points)
    width = np.where(share < 0.2, x, x * random.random(num_points))
    low, high = 1 - x / 2, 2 + x
    height = np.select(
        [share < 0.4, share < 0.6], [low, high], low + (high - low) * random.random(num_points)
    )
    return np.stack([x, width, height], axis=1)


def test_each_slice_has_its_half_width_underside_and_top() -> None:
    width, underside, top = describe_outline(ridge()).reshape(3, -1)
    stop = np.arange(1, NUM_SLICES + 1) / NUM_SLICES  # all three are extreme where a slice ends
    # Some sixty points of a slice lie on each of the three: the last is within a tenth of its end.
    np.testing.assert_allclose(width, stop, atol=0.1 / NUM_SLICES)
    np.testing.assert_allclose(underside, 1 - stop / 2, atol=0.1 / NUM_SLICES)
    np.testing.assert_allclose(top, 2 + stop, atol=0.1 / NUM_SLICES)


def test_an_outline_is_the_same_from_either_side_and_from_both() -> None:
    right = ridge()
    left = right * np.array([1.0, -1.0, 1.0])
    expected = describe_outline(right)
    np.testing.assert_array_equal(describe_outline(left), expected)
    np.testing.assert_array_equal(describe_outline(np.concatenate([left, right])), expected)


def test_a_slice_without_points_takes_over_its_neighbors() -> None:
    points = ridge()
    third = (points[:, 0] * NUM_SLICES).astype(int) == 2
    rows, without = (describe_outline(kept).reshape(3, -1) for kept in (points, points[~third]))
    np.testing.assert_allclose(without[:, 2], (rows[:, 1] + rows[:, 3]) / 2)
    np.testing.assert_array_equal(np.delete(without, 2, axis=1), np.delete(rows, 2, axis=1))


def test_numbers_are_named_in_their_order() -> None:
    outline = dict(zip(OUTLINE_NAMES, describe_outline(ridge()), strict=True))
    assert outline["half width at 4 % of the length"] < outline["half width at 96 % of the length"]
    assert outline["underside at 4 % of the length"] > outline["underside at 96 % of the length"]
    assert outline["top at 4 % of the length"] < outline["top at 96 % of the length"]
