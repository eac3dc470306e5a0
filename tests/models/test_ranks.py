"""One cloud and one batch over two and three processes against one process."""

from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from helpers import made_up_cases, tiny_config
from torch import Tensor, multiprocessing, nn

from mspt.config import Preset, TrainConfig
from mspt.models.mspt import MSPT
from mspt.models.ranks import Share, plan_exchange
from mspt.models.registry import build_model
from mspt.partition.runs import patch_offsets
from mspt.training.loop import StepDone, prepare, train
from mspt.training.ranks import on_all_ranks, own_part

SIZE = 103
OPTIONS: dict[str, dict[str, Any]] = {
    "uneven patches": {"num_patches": 5},
    "learned pooling": {"num_patches": 5, "num_supernodes": 3, "pooling": "attention"},
    "two trees": {"num_patches": 7, "partition": "alternating_trees", "rotary": 1},
    "nodes": {"num_patches": 8, "num_supernodes": 2, "keys_per_level": 2},
    "carry": {"num_patches": 5, "num_supernodes": 2, "carry": True},
    "fewer patches than ranks": {
        "num_patches": 2,
        "partition": "alternating_trees",
        "inputs_at_head": True,
    },
    "fewer patches than ranks, carry": {"num_patches": 2, "carry": True},
}
PRESET = Preset(
    dataset="elasticity",
    model=tiny_config(),
    # The last batch of an epoch has one case, fewer than there are ranks.
    train=TrainConfig(epochs=2, batch_size=3, optimizer="adamw"),
)


def built(options: dict[str, Any]) -> tuple[MSPT, Tensor, Tensor, Tensor]:
    """Return a model with random weights, a cloud, its features and a gradient for each rank."""
    random = torch.Generator().manual_seed(1)
    model = build_model(tiny_config(in_features=1, num_blocks=3, out_channels=2, **options))
    with torch.no_grad():
        for parameter in model.parameters():  # heads start at zero: move them
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=random))
    points = 2 * torch.rand(1, SIZE, 2, generator=random) - 1
    features = torch.randn(1, SIZE, 1, generator=random)
    assert isinstance(model, MSPT)
    return model, points, features, torch.randn(3, 1, SIZE, 2, generator=random)


def gradients(model: nn.Module) -> list[Tensor]:
    """Return the gradients of all weights; a rank without patches has none of most of them."""
    return [
        torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
        for parameter in model.parameters()
    ]


def losses_of_training() -> list[float]:
    run = prepare(PRESET, cases=made_up_cases(7), validation=made_up_cases(2, seed=1))
    return [event.loss for event in train(run) if isinstance(event, StepDone)]


def gradients_of_batches() -> list[Tensor]:
    """Return the gradients of a whole batch and of one with fewer cases than ranks."""
    model, *_ = built({"num_patches": 5})
    cases, found = made_up_cases(4), []
    for rows in ([0, 1, 2], [3]):
        model.zero_grad()
        forward = on_all_ranks(model, batch_size=3)
        mine, weight = own_part(rows)
        output = forward(cases.points[mine], cases.features[mine, :, :1])
        (weight * (output[..., :1] - cases.fields[mine]).square().mean()).backward()
        found += [gradient.clone() for gradient in gradients(model)]
    return found


def work(rank: int, num_ranks: int, folder: Path) -> None:
    """Run every model, and a training, as one of several ranks; the first one saves the results."""
    torch.set_num_threads(1)
    where = f"file://{folder / 'meeting'}"
    dist.init_process_group("gloo", init_method=where, rank=rank, world_size=num_ranks)
    found, gathered = {}, []
    all_gather = dist.all_gather

    def counted(received: list[Tensor], own: Tensor) -> None:
        gathered.append(sum(one.numel() for one in received))
        all_gather(received, own)

    dist.all_gather = counted
    for name, options in OPTIONS.items():
        model, points, features, upstream = built(options)
        gathered.clear()
        output = model(points, features, over_ranks=True)
        numbers = list(gathered)
        # Each rank makes something else of the output: a missing sum over ranks shows.
        (output * upstream[rank]).sum().backward()
        summed = gradients(model)
        for gradient in summed:
            dist.all_reduce(gradient)
        with torch.inference_mode():
            streamed = model(points, features, over_ranks=True)
        found[name] = output.detach(), streamed, summed, numbers
    trained = losses_of_training(), gradients_of_batches()
    if rank == 0:
        torch.save((found, trained), folder / "results")
    dist.destroy_process_group()


@pytest.fixture(scope="module", params=[2, 3])
def results(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:  # noqa: ANN401
    folder = tmp_path_factory.mktemp("ranks")
    # Ranks are forked from one process that has imported all this: each would take seconds to.
    multiprocessing.get_context("forkserver").set_forkserver_preload([__name__])
    multiprocessing.start_processes(  # pyright: ignore[reportPrivateImportUsage]
        work, (request.param, folder), request.param, start_method="forkserver"
    )
    return request.param, *torch.load(folder / "results")


@pytest.mark.parametrize("name", OPTIONS)
def test_ranks_together_have_the_outputs_and_gradients_of_one_process(
    results: Any,  # noqa: ANN401
    name: str,
) -> None:
    num_ranks, found, _ = results
    model, points, features, upstream = built(OPTIONS[name])
    expected = model(points, features)
    (expected * upstream[:num_ranks].sum(0)).sum().backward()
    output, streamed, summed, _ = found[name]
    torch.testing.assert_close(output, expected.detach(), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(streamed, expected.detach(), rtol=1e-5, atol=1e-5)
    for one, other in zip(summed, gradients(model), strict=True):
        assert (one - other).abs().max() <= 1e-5 * max(1.0, other.abs().max().item())


def test_blocks_send_supernodes_alone_however_many_points_there_are(results: Any) -> None:  # noqa: ANN401
    num_ranks, found, _ = results
    model, points, *_ = built(OPTIONS["learned pooling"])
    *blocks, fields = found["learned pooling"][-1]
    config, even = model.config, -(-5 // num_ranks) * num_ranks  # shares padded to equal sizes
    assert blocks == config.num_blocks * [even * config.num_supernodes * config.width]
    assert fields >= points.shape[1] * config.out_channels  # the result itself, once


def test_training_over_ranks_takes_the_steps_of_one_process(results: Any) -> None:  # noqa: ANN401
    _, _, (losses, summed) = results
    assert losses == pytest.approx(losses_of_training(), rel=1e-4)
    for one, other in zip(summed, gradients_of_batches(), strict=True):
        assert (one - other).abs().max() <= 1e-5 * max(1.0, other.abs().max().item())


@pytest.mark.parametrize(("num_points", "num_patches", "num_ranks"), [(103, 7, 3), (10, 2, 4)])
def test_shares_cover_every_patch_and_row_once(
    num_points: int, num_patches: int, num_ranks: int
) -> None:
    shares = [
        Share(rank=rank, num_ranks=num_ranks, num_points=num_points, num_patches=num_patches)
        for rank in range(num_ranks)
    ]
    offsets = patch_offsets(num_points, num_patches)
    patches = [list(range(num_patches)[share.patches]) for share in shares]
    assert list(chain(*patches)) == list(range(num_patches))
    assert max(map(len, patches)) - min(map(len, patches)) <= 1
    rows = [list(range(num_points)[share.rows]) for share in shares]
    expected = [offsets[one.patches.stop] - offsets[one.patches.start] for one in shares]
    assert [len(own) for own in rows] == expected
    assert list(chain(*rows)) == list(range(num_points))


@pytest.mark.parametrize("num_ranks", [1, 2, 3, 5])
def test_planned_exchange_moves_every_row_to_its_place(num_ranks: int) -> None:
    """Sent by hand, from each rank to each other one, the rows arrive in the next leaf order."""
    rows_before = torch.randperm(SIZE, generator=torch.Generator().manual_seed(num_ranks))
    shares = [
        Share(rank=rank, num_ranks=num_ranks, num_points=SIZE, num_patches=4)
        for rank in range(num_ranks)
    ]
    plans = [plan_exchange(rows_before, share) for share in shares]
    features = torch.arange(SIZE)
    packets = [
        features[share.rows][plan.sent].split(plan.num_sent)
        for share, plan in zip(shares, plans, strict=True)
    ]
    for share, plan in zip(shares, plans, strict=True):
        received = [packet[share.rank] for packet in packets]
        assert tuple(len(rows) for rows in received) == plan.num_received
        placed = torch.empty(sum(plan.num_received), dtype=torch.long)
        placed[plan.placed] = torch.cat(received)
        assert torch.equal(placed, rows_before[share.rows])


def test_batch_of_clouds_is_not_divided(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mspt.models.mspt.is_one_of_several", lambda: True)
    model, points, features, _ = built({"num_patches": 5})
    with pytest.raises(ValueError, match="points must be one cloud to be divided over ranks"):
        model(points.expand(2, -1, -1), features.expand(2, -1, -1), over_ranks=True)
