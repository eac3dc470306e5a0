"""The loop over blocks: what it yields, where it starts, and what a mask does to it."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from mspt.config import ModelConfig
from mspt.models.arrangement import Arrangement, LeafOrder
from mspt.models.blocks import BlockPooled, KeyMask, OutputDone, output_of, walk_blocks
from mspt.models.branched import BranchedMSPT
from mspt.models.mspt import MSPT
from mspt.partition.runs import PatchRun, patch_runs
from mspt.seeding import generator, seeded

CONFIG = ModelConfig(
    space_dim=2, out_channels=2, width=16, num_heads=2, num_blocks=3, num_patches=4
)
NUM_POINTS = 22
ORDER = LeafOrder(num_patches=4)
CLOUD = Arrangement((ORDER,))


def make_model(**changes: object) -> MSPT:
    with seeded(0, "blocks"):
        return MSPT(replace(CONFIG, **changes)).double()


def make_hidden(seed: int = 0) -> Tensor:
    return torch.randn(1, NUM_POINTS, 16, generator=generator(seed, "hidden"), dtype=torch.float64)


def steps_of(model: MSPT, hidden: Tensor, **settings: object) -> tuple[list[BlockPooled], Tensor]:
    """The steps of a walk, with copies of the features before each block, and its output."""
    steps, output = [], None
    for event in model.walk(hidden, CLOUD, **settings):
        if isinstance(event, BlockPooled):
            steps.append(replace(event, hidden=event.hidden.clone()))
        else:
            output = event
    assert isinstance(output, OutputDone)
    return steps, output.fields[0]


@pytest.mark.parametrize("carry", [False, True])
def test_each_block_is_yielded_with_the_features_before_it(*, carry: bool) -> None:
    """The paper's equations, block by block, from what the walk has yielded."""
    model = make_model(carry=carry)
    with torch.no_grad():
        steps, output = steps_of(model, make_hidden())
        assert [step.index for step in steps] == [0, 1, 2]
        torch.testing.assert_close(steps[0].hidden, make_hidden())
        carried = torch.zeros_like(steps[0].supernodes)
        for step, later in zip(steps, [*steps[1:], None], strict=True):
            layer, x = step.block.attention, step.block.norm_attention(step.hidden)
            runs = patch_runs(NUM_POINTS, CONFIG.num_patches)
            pooled = [layer.pool_patches(x[:, run.rows], run) for run in runs]
            expected = torch.cat(pooled, dim=1) + carried
            torch.testing.assert_close(step.supernodes, expected)
            after = step.block(step.hidden, step.supernodes, ORDER)
            result = model.head(after) if later is None else after
            torch.testing.assert_close(result, output if later is None else later.hidden)
            if carry:
                parts = [(run, x[:, run.rows]) for run in runs]
                carried = layer.update_supernodes(parts, step.supernodes, ORDER)


def test_walk_from_a_later_block_ends_in_the_same_output() -> None:
    model = make_model()
    with torch.no_grad():
        steps, output = steps_of(model, make_hidden())
        later, again = steps_of(model, steps[1].hidden.clone(), first=1)
    assert [step.index for step in later] == [1, 2]
    torch.testing.assert_close(again, output)


def test_features_are_overwritten_only_where_no_gradient_is_needed() -> None:
    model, kept, overwritten = make_model(), make_hidden(), make_hidden()
    output_of(model.walk(kept, CLOUD))
    assert torch.equal(kept, make_hidden())
    with torch.no_grad():
        output_of(model.walk(overwritten, CLOUD))
    assert not torch.allclose(overwritten, make_hidden())


def test_masked_block_is_the_only_one_that_changes() -> None:
    model = make_model()
    mask = KeyMask(
        points=torch.zeros(NUM_POINTS, dtype=torch.bool),
        supernodes=torch.tensor([True, False, False, False]),
        blocks=(1,),
    )
    with torch.no_grad():
        plain, _ = steps_of(model, make_hidden())
        masked, _ = steps_of(model, make_hidden(), mask=mask)
    for index, same in enumerate((True, True, False)):
        assert torch.equal(plain[index].hidden, masked[index].hidden) == same, index


def test_keys_of_a_run_are_those_that_are_not_masked() -> None:
    mask = KeyMask(
        points=torch.tensor([True, False, False, False, False, True]),
        supernodes=torch.tensor([False, True, False]),
    )
    found = mask.readable_keys(PatchRun(start=2, size=2, count=2))
    assert found[:, 0, 0].int().tolist() == [[1, 1, 1, 0, 1], [1, 0, 1, 0, 1]]


def test_branches_attend_to_the_supernodes_of_both() -> None:
    with seeded(0, "branches"):
        model = BranchedMSPT(replace(CONFIG, architecture="branched")).double()
    hidden = [make_hidden()[:, :8], make_hidden()[:, 8:]]
    branches = (model.surface, model.volume)
    clouds = [Arrangement((LeafOrder(num_patches=count),)) for count in (2, 3)]
    with torch.no_grad():
        events = list(walk_blocks(branches, hidden, clouds))
    steps = [event for event in events if isinstance(event, BlockPooled)]
    assert [(step.index, step.branch) for step in steps] == [
        (b, k) for b in range(3) for k in (0, 1)
    ]
    assert all(step.supernodes.shape[1] == 2 + 3 for step in steps)
    assert isinstance(events[-1], OutputDone)
    assert [fields.shape[1] for fields in events[-1].fields] == [8, 14]


def test_a_block_that_does_not_exist_is_refused() -> None:
    for index in (-1, 3):
        with pytest.raises(ValueError, match=f"block must lie between 0 and 2, got {index}"):
            make_model().block(index)
