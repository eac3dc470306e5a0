import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from mspt.metrics.fields import relative_l2
from mspt.metrics.regions import region_errors
from mspt.seeding import generator


def drawn(seed: int, *, num_regions: int = 3) -> tuple[Tensor, Tensor, Tensor]:
    random = generator(seed)
    prediction, target = torch.randn(2, 4, 30, 2, generator=random, dtype=torch.float64)
    return prediction, target, torch.randint(num_regions, (4, 30), generator=random)


def test_errors_are_root_mean_squares_of_the_points_of_a_region() -> None:
    prediction, target, regions = drawn(0)
    found = region_errors(prediction, target, regions, num_regions=3)
    for case in range(4):
        size = np.sqrt((target[case].numpy() ** 2).sum(-1).mean())
        for region in range(3):
            rows = [n for n in range(30) if regions[case, n] == region]
            squares = [((prediction - target)[case, n].numpy() ** 2).sum() for n in rows]
            expected = np.sqrt(np.mean(squares)) / size
            assert found[region, case].item() == pytest.approx(expected, rel=1e-12)


@given(seed=st.integers(0, 2**16), num_regions=st.integers(1, 5))
def test_squares_add_up_to_that_of_the_relative_l2(seed: int, num_regions: int) -> None:
    prediction, target, regions = drawn(seed, num_regions=num_regions)
    found = region_errors(prediction, target, regions, num_regions=num_regions)
    shares = torch.stack([(regions == one).double().mean(-1) for one in range(num_regions)])
    whole = (shares * found.nan_to_num().square()).sum(0).sqrt()
    torch.testing.assert_close(whole, relative_l2(prediction, target))


def test_an_error_in_one_region_is_none_in_the_others() -> None:
    _, target, regions = drawn(1)
    wrong = target + (regions == 1)[..., None] * 0.5
    found = region_errors(wrong, target, regions, num_regions=3)
    assert (found[[0, 2]] == 0).all()
    assert (found[1] > 0).all()


def test_a_region_without_points_has_no_error() -> None:
    prediction, target, regions = drawn(2, num_regions=2)
    regions[0] = 1
    found = region_errors(prediction, target, regions, num_regions=2)
    assert found.isnan().tolist() == [[True, False, False, False], [False] * 4]


@given(seed=st.integers(0, 2**16), factor=st.floats(1e-3, 1e3))
def test_units_and_the_order_of_the_points_do_not_matter(seed: int, factor: float) -> None:
    prediction, target, regions = drawn(seed)
    order = torch.randperm(30, generator=generator(seed, "order"))
    found = region_errors(
        factor * prediction[:, order], factor * target[:, order], regions[:, order], num_regions=3
    )
    expected = region_errors(prediction, target, regions, num_regions=3)
    torch.testing.assert_close(found, expected, equal_nan=True)
