import math

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from mspt.benchmarks.ablations import AblationRow
from mspt.benchmarks.patch_law import (
    PatchLaw,
    accurate_patches,
    fit_patch_law,
    group_of,
    rank_correlation,
)
from mspt.cost.formulas import recommended_patches
from mspt.errors import MSPTError
from mspt.seeding import generator

POINTS = 972  # of a case of elasticity
PAIRS = [(4, 1), (4, 8), (4, 32), (16, 1), (16, 8), (64, 1), (64, 4), (128, 1), (32, 2)]


def row(num_patches: int, num_supernodes: int, error: float, *others: str) -> AblationRow:
    return AblationRow(
        dataset="elasticity",
        preset="elasticity",
        written=(f"num_patches={num_patches}", f"num_supernodes={num_supernodes}", *others),
        seed=0,
        epochs=8,
        train_cases=1000,
        parameters=1,
        validation_error=error,
        train_error=error,
        curve=(error,),
        minutes=1.0,
        core_minutes=1.0,
        regions={},
        error="failed" if math.isnan(error) else "",
        device="",
        threads=1,
    )


def made_by(a: float, b: float, level: float, *others: str, noise: float = 0.0) -> list:
    random = np.random.default_rng(generator(0, "law").initial_seed())
    return [
        row(k, q, level * (POINTS / k) ** -a * (k * q) ** -b * math.exp(noise * shift), *others)
        for (k, q), shift in zip(PAIRS, random.standard_normal(len(PAIRS)), strict=True)
    ]


def law(a: float = 0.3, b: float = 0.2) -> PatchLaw:
    return PatchLaw(
        patch_exponent=a, supernode_exponent=b, levels={}, scatter=0.1, num_rows=len(PAIRS)
    )


@settings(max_examples=5)
@given(a=st.floats(-0.2, 1.0), b=st.floats(-0.2, 1.0), level=st.floats(0.01, 10.0))
def test_exponents_and_levels_are_those_that_errors_were_made_with(
    a: float, b: float, level: float
) -> None:
    trees = "partition=alternating_trees"
    rows = [*made_by(a, b, level), *made_by(a, b, 0.7 * level, trees), row(8, 1, math.nan)]
    found = fit_patch_law(rows)
    assert found.patch_exponent == pytest.approx(a, abs=1e-9)
    assert found.supernode_exponent == pytest.approx(b, abs=1e-9)
    assert found.levels == pytest.approx(
        {group_of(rows[0]): level, group_of(rows[-2]): 0.7 * level}
    )
    assert found.scatter == pytest.approx(0.0, abs=1e-9)
    assert found.num_rows == 2 * len(PAIRS)


def test_scatter_is_that_of_the_errors() -> None:
    found = [
        fit_patch_law(made_by(0.3, 0.2, 1.0, noise=noise)).scatter for noise in (0.05, 0.1, 0.2)
    ]
    assert found[1] == pytest.approx(2 * found[0])
    assert found[2] == pytest.approx(4 * found[0])
    assert found[1] == pytest.approx(0.1, rel=0.5)


@given(
    a=st.floats(0.05, 1.0),
    b=st.floats(0.05, 1.0),
    num_points=st.integers(100, 600),
    num_keys=st.integers(20, 150),
)
def test_no_other_patches_of_as_few_keys_have_a_smaller_error(
    a: float, b: float, num_points: int, num_keys: int
) -> None:
    errors = {
        (k, q): (num_points / k) ** -a * (k * q) ** -b
        for k in range(1, num_points + 1)
        for q in range(1, num_points // k + 1)
        if num_points / k + k * q <= num_keys
    }
    found = accurate_patches(law(a, b), num_points, num_keys)
    if errors:
        assert errors[found] == pytest.approx(min(errors.values()))
    else:
        assert found == (recommended_patches(num_points), 1)


def test_ranks_are_compared_within_one_group() -> None:
    rows = made_by(0.31, 0.17, 5.0)
    assert rank_correlation(law(0.31, 0.17), rows) == pytest.approx(1.0)
    assert rank_correlation(law(-0.31, -0.17), rows) == pytest.approx(-1.0)
    with pytest.raises(MSPTError, match="got 18 of 2 groups"):
        rank_correlation(law(), [*rows, *made_by(0.3, 0.2, 5.0, "rotary=2")])


def test_rows_that_cannot_tell_the_exponents_are_refused() -> None:
    with pytest.raises(MSPTError, match="rows must be at least 7 for 1 groups"):
        fit_patch_law(made_by(0.3, 0.2, 1.0)[:5])
    one_line = [row(k, 1, 0.1) for k in (2, 4, 8, 16, 32, 64, 128)]
    with pytest.raises(MSPTError, match="vary K and Q apart from each other"):
        fit_patch_law(one_line)
