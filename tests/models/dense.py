"""MSPT in float64 with dense matrices, point by point, in the order of the input.

Written from the equations: no leaf order, no runs, no fused kernel, no streaming. The tests of the
options of :class:`mspt.config.ModelConfig` compare the model with it.
"""

import math

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


def all_nodes(partition: Partition, own: list[tuple[Tensor, int]], count: int) -> list[list]:
    """The supernodes of every node of the tree, each with its number of points.

    Children's supernodes are joined two at a time, weighted by their points.
    """
    patches, found = partition.tree.num_patches.tolist(), {}

    def visit(node: int, first: int) -> None:
        if patches[node] == 1:
            found[node] = own[first * count : (first + 1) * count]
            return
        half = patches[node] // 2
        visit(node + 1, first)
        visit(node + 2 * half, first + half)
        both = [*found[node + 1], *found[node + 2 * half]]
        found[node] = [
            ((one * n + other * m) / (n + m), n + m)
            for (one, n), (other, m) in zip(both[::2], both[1::2], strict=True)
        ]

    visit(0, 0)
    return [found[node] for node in range(len(patches))]


def cut_of(partition: Partition, patch: int, size: int) -> list[int]:
    """Nodes that one patch attends to: always divide the one under the largest angle."""
    tree, leaves = partition.tree, torch.where(partition.tree.num_patches == 1)[0].tolist()
    start, stop = tree.start.tolist(), tree.stop.tolist()

    def angle(node: int) -> float:
        if tree.num_patches[node] == 1:
            return -1.0
        if start[node] <= start[leaves[patch]] < stop[node]:
            return float("inf")
        return float(tree.radius[node] / (tree.center[node] - tree.center[leaves[patch]]).norm())

    nodes = [0]
    while len(nodes) < size:
        largest = max(nodes, key=angle)
        nodes.remove(largest)
        nodes += [other for other, parent in enumerate(tree.parent.tolist()) if parent == largest]
    return sorted(nodes)


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
    readable: Tensor,
) -> Tensor:
    """One softmax over all points and supernodes, points of other patches masked out.

    ``places`` are those of points and then of supernodes, and ``readable`` says which supernodes
    the points of each patch attend to.
    """
    patch = partition.patch_of_point
    everything = torch.cat([x, supernodes])
    q, k, v = (part.chunk(layer.num_heads, -1) for part in layer.to_qkv(everything).chunk(3, -1))
    allowed = patch[:, None] == patch
    allowed = torch.cat([allowed, readable[patch]], dim=1)
    mixed = []
    for head in range(layer.num_heads):
        query, key = (turned(part[head], places, rotary) for part in (q, k))
        scores = query[: len(x)] @ key.T / query.shape[1] ** 0.5
        mixed.append(scores.masked_fill(~allowed, -torch.inf).softmax(-1) @ v[head])
    return layer.to_out(torch.cat(mixed, dim=1))


def readable_nodes(partition: Partition, keys_per_level: int, count: int) -> Tensor:
    """Which supernodes of all nodes the points of each patch attend to."""
    patches, nodes = len(partition.offsets) - 1, len(partition.tree.start)
    size = min(patches, keys_per_level * math.ceil(math.log2(patches)))
    readable = torch.zeros(patches, nodes, count, dtype=torch.bool)
    for patch in range(patches):
        readable[patch, cut_of(partition, patch, size)] = True
    return readable.flatten(1)


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
        centers = weights @ points
        supernodes = pooled(block.attention, x, groups, own)
        readable = torch.ones(len(own.offsets) - 1, len(supernodes), dtype=torch.bool)
        if config.keys_per_level:
            sizes = [len(group) for group in groups]
            count = config.num_supernodes
            readable = readable_nodes(own, config.keys_per_level, count)
            supernodes, centers = (
                torch.stack(
                    [
                        value
                        for node in all_nodes(own, list(zip(part, sizes, strict=True)), count)
                        for value, _ in node
                    ]
                )
                for part in (supernodes, centers)
            )
        places = torch.cat([points, centers])
        hidden = hidden + attention(
            block.attention,
            x,
            supernodes,
            own,
            places=places,
            rotary=config.rotary,
            readable=readable,
        )
        if block.mlp is not None:
            hidden = hidden + block.mlp(hidden)
    norm, network = model.head
    read = [inputs] if config.inputs_at_head else []
    return network(torch.cat([norm(hidden), *read], dim=1))
