"""Equation 7 with the weights of one point."""

import re

import pytest
import torch
from helpers import tiny_config

from mspt.checkpoint import Checkpoint, build_model
from mspt.figures.charts.equation import attention_equation
from mspt.inference.sample import sample_of_case
from mspt.inspection.observation import Observed, attend_from, observe
from mspt.models.normalizer import Normalizer


@pytest.fixture(scope="module")
def observed() -> Observed:
    from mspt.data.store import load_split

    config = tiny_config(space_dim=2, in_features=0, out_channels=1, num_patches=9)
    normalizer = Normalizer(space_dim=2, in_features=0, out_channels=1)
    checkpoint = Checkpoint(build_model(config).eval(), config, normalizer, {})
    case = load_split("elasticity", "test", limit=1).case(0)
    return observe(checkpoint, sample_of_case(case), device="cpu")


@pytest.mark.parametrize("head", [None, 1])
def test_equation_names_the_largest_weights_and_both_shares(
    observed: Observed, head: int | None
) -> None:
    attention = attend_from(observed, (17, 3), block=0, head=head)
    text = attention_equation(observed, attention)
    assert text.startswith(r"\begin{aligned} H'_{17} = ")
    assert text.count(r"\\ & + \underbrace") == 1  # a second line: one would be cut on a phone
    weights = attention.on_supernodes[0]
    largest = weights.topk(3)
    for weight, place in zip(largest.values.tolist(), largest.indices.tolist(), strict=True):
        assert f"{weight:.3f}\\,v^{{glob}}_{{{place}}}" in text
    patch = observed.partition.patch_of_point
    for point in re.findall(r"v_\{(\d+)\}", text):
        assert patch[int(point)] == patch[17]
    shares = [float(found) for found in re.findall(r"([\d.]+)\\%", text)]
    assert sum(shares) == pytest.approx(100, abs=0.11)
    size = int((patch == patch[17]).sum())
    assert f"{size}\\ \\text{{points of the own patch" in text
    assert torch.isfinite(weights).all()
