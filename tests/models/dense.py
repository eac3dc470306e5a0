"""MSPT in float64 with dense matrices, point by point, in the order of the input.

Written from the equations: no leaf order, no runs, no fused kernel, no streaming. The tests of the
options of :class:`mspt.config.ModelConfig` compare the model with it.
"""

import torch
from torch import Tensor, nn

from mspt.models.mspt import MSPT
from mspt.partition.ball_tree import Partition


def parts_of(rows: Tensor, count: int) -> list[Tensor]:
    """Contiguous parts of almost equal sizes, larger ones first."""
    size, larger = divmod(len(rows), count)
    return list(rows.split([size + (part < larger) for part in range(count)]))


def sub_blocks(partition: Partition, num_supernodes: int) -> list[Tensor]:
    """The points of each supernode, patch after patch."""
    patches = partition.order.split(partition.offsets.diff().tolist())
    return [part for patch in patches for part in parts_of(patch, num_supernodes)]


def membership(groups: list[Tensor], num_points: int) -> Tensor:
    """A row for each supernode with equal weights on its points."""
    weights = torch.zeros(len(groups), num_points, dtype=torch.float64)
    for row, group in enumerate(groups):
        weights[row, group] = 1 / len(group)
    return weights


def pooled(layer: nn.Module, x: Tensor, groups: list[Tensor], partition: Partition) -> Tensor:
    """The supernodes of all patches, one at a time, from the points of each."""
    pool, found = layer.pool, []
    patches = partition.order.split(partition.offsets.diff().tolist())
    for number, group in enumerate(groups):
        patch, query = divmod(number, pool.num_supernodes)
        own, whole = x[group], x[patches[patch]]
        mean, spread = own.mean(0), (own - own.mean(0)).square().mean(0)
        places = (torch.arange(len(whole)).double() + 0.5) / len(whole)
        match pool.pooling:
            case "mean":
                found.append(mean)
            case "max":
                found.append(own.max(0).values)
            case "linear":
                found.append(interpolated(pool.knots[query], places) @ whole / len(whole))
            case "linear_from_mean":
                extra = interpolated(pool.knots[query], places) @ whole / len(whole)
                found.append(mean + extra)
            case "attention":
                found.append((whole @ pool.queries[query] / x.shape[1] ** 0.5).softmax(0) @ whole)
            case "attention_from_mean":
                found.append((own @ pool.queries[query] / x.shape[1] ** 0.5).softmax(0) @ own)
            case "mean_std":
                found.append(mean + pool.mixing @ torch.cat([mean, (spread + 1e-6).sqrt()]))
            case "mean_max":
                found.append(mean + pool.mixing @ torch.cat([mean, own.max(0).values]))
    return torch.stack(found)


def interpolated(knots: Tensor, places: Tensor) -> Tensor:
    """Values between knots in the middle of equal cells of 0 to 1, constant beyond the outer ones.

    Each knot's share in a value is a hat around it.
    """
    cells = (places * len(knots) - 0.5).clamp(0, len(knots) - 1)
    hats = (1 - (cells[:, None] - torch.arange(len(knots))).abs()).clamp(min=0)
    return hats @ knots


def turned(x: Tensor, places: Tensor, frequencies: int) -> Tensor:
    """Each pair of entries as a complex number, turned by an angle: a wave along one axis."""
    pairs = frequencies * places.shape[1]
    columns = []
    for pair in range(pairs):
        axis, power = divmod(pair, frequencies)
        wave = torch.exp(1j * torch.pi / 2 * 3.0**power * places[:, axis])
        columns.append(torch.complex(x[:, pair], x[:, pairs + pair]) * wave)
    if not columns:
        return x
    both = torch.stack(columns, dim=1)
    return torch.cat([both.real, both.imag, x[:, 2 * pairs :]], dim=1)


def attention(
    layer: nn.Module,
    x: Tensor,
    supernodes: Tensor,
    partition: Partition,
    *,
    places: Tensor,
    rotary: int,
) -> Tensor:
    """One softmax over all points and supernodes, points of other patches masked out.

    ``places`` are those of points and then of supernodes.
    """
    patch = partition.patch_of_point
    everything = torch.cat([x, supernodes])
    q, k, v = (part.chunk(layer.num_heads, -1) for part in layer.to_qkv(everything).chunk(3, -1))
    allowed = patch[:, None] == patch
    allowed = torch.cat([allowed, torch.ones(len(x), len(supernodes), dtype=torch.bool)], dim=1)
    mixed = []
    for head in range(layer.num_heads):
        query, key = (turned(part[head], places, rotary) for part in (q, k))
        scores = query[: len(x)] @ key.T / query.shape[1] ** 0.5
        mixed.append(scores.masked_fill(~allowed, -torch.inf).softmax(-1) @ v[head])
    return layer.to_out(torch.cat(mixed, dim=1))


def predict(model: MSPT, points: Tensor, features: Tensor, partition: Partition) -> Tensor:
    """The fields of one cloud, in the order of the input."""
    config = model.config
    described = [points]
    if config.unified_position:
        line = torch.linspace(-1, 1, config.unified_position, dtype=torch.float64)
        grid = torch.cartesian_prod(*[line] * points.shape[1])
        described.append((points[:, None] - grid).square().sum(-1).sqrt())
    angles = [
        torch.pi * 2.0**power * column
        for column in points.T
        for power in range(config.fourier_features)
    ]
    described += [wave(angle)[:, None] for wave in (torch.sin, torch.cos) for angle in angles]
    inputs = torch.cat([*described, features], dim=1)
    hidden = model.embedding.lift(inputs)
    for index, block in enumerate(model.blocks):
        own = partition.of_block(index)
        groups = sub_blocks(own, model.config.num_supernodes)
        x = block.norm_attention(hidden)
        weights = membership(groups, len(points))
        places = torch.cat([points, weights @ points])
        supernodes = pooled(block.attention, x, groups, own)
        hidden = hidden + attention(
            block.attention, x, supernodes, own, places=places, rotary=model.config.rotary
        )
        if block.mlp is not None:
            hidden = hidden + block.mlp(hidden)
    norm, network = model.head
    read = [inputs] if config.inputs_at_head else []
    return network(torch.cat([norm(hidden), *read], dim=1))
