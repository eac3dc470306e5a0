"""Exponents with their intervals."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mspt.benchmarks.growth import fit_growth, growth_config, read_growth
from mspt.errors import MSPTError

SIZES = (1e4, 1e5, 1e6, 1e7)


@given(st.floats(0.2, 3.0), st.floats(1e-9, 1e3))
def test_a_power_law_is_found_without_doubt(slope: float, factor: float) -> None:
    found = fit_growth(SIZES, [factor * size**slope for size in SIZES])
    assert found.slope == pytest.approx(slope, rel=1e-9)
    assert found.high - found.low < 1e-6


def test_the_interval_holds_the_exponent_as_often_as_it_says() -> None:
    """Over many noisy laws; a half as wide interval holds it clearly less often."""
    random, inside = np.random.default_rng(0), []
    for _ in range(400):
        noise = np.exp(0.2 * random.standard_normal(len(SIZES)))
        found = fit_growth(SIZES, list(np.array(SIZES) ** 1.1 * noise))
        inside.append(found.low < 1.1 < found.high)
    assert 0.9 < np.mean(inside) < 0.99


def test_two_sizes_have_no_interval() -> None:
    with pytest.raises(ValueError, match="sizes must be three or more, got 2"):
        fit_growth([1, 2], [1, 2])


def test_patches_are_of_a_fixed_size_or_the_fewest_keys() -> None:
    fixed = growth_config("fixed L", 1_280_000)
    assert (fixed.num_patches, fixed.keys_per_level) == (10_000, 3)
    fewest = growth_config("K = sqrt(N/Q)", 1_000_000)
    assert (fewest.num_patches, fewest.keys_per_level) == (1000, 0)


def test_another_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "growth.csv").write_text("a,b\n1,2\n")
    with pytest.raises(MSPTError, match=r"growth\.csv must be a table of growth"):
        read_growth(tmp_path / "growth.csv")
