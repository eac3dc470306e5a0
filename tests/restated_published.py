"""The authors' arithmetic on raw tensors under their names; it shares no code with the library."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor

HEADS = 2
WIDTH = 8
State = Mapping[str, Tensor]


# --- raw weights under the authors' names --------------------------------------------------------


def random_state(
    *,
    num_inputs: int,
    pooling: str = "mean",
    num_supernodes: int = 1,
    time: bool = False,
    num_blocks: int = 2,
    ratio: int = 2,
    out_channels: int = 3,
) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(num_inputs)
    state = {"placeholder": torch.randn(WIDTH, generator=generator, dtype=torch.float64)}

    def add(name: str, out_size: int, in_size: int, *, joined: str = ".") -> None:
        weight = torch.randn(out_size, in_size, generator=generator, dtype=torch.float64)
        bias = torch.randn(out_size, generator=generator, dtype=torch.float64)
        state[f"{name}{joined}weight"] = 1.5 * weight / math.sqrt(in_size)
        state[f"{name}{joined}bias"] = 0.5 * bias

    def add_norm(name: str) -> None:
        for part, center in (("weight", 1.0), ("bias", 0.0)):
            noise = torch.randn(WIDTH, generator=generator, dtype=torch.float64)
            state[f"{name}.{part}"] = center + 0.3 * noise

    add("preprocess.linear_pre.0", 2 * WIDTH, num_inputs)
    add("preprocess.linear_post", WIDTH, 2 * WIDTH)
    if time:
        add("time_fc.0", WIDTH, WIDTH)
        add("time_fc.2", WIDTH, WIDTH)
    for index in range(num_blocks):
        block = f"blocks.{index}"
        for norm in ("ln_1", "ln_2", "Attn.norm"):
            add_norm(f"{block}.{norm}")
        add(f"{block}.Attn.attn.in_proj", 3 * WIDTH, WIDTH, joined="_")
        add(f"{block}.Attn.attn.out_proj", WIDTH, WIDTH)
        add(f"{block}.Attn.ff.0", 4 * WIDTH, WIDTH)
        add(f"{block}.Attn.ff.2", WIDTH, 4 * WIDTH)
        if pooling == "linear":
            add(f"{block}.Attn.pool_proj", num_supernodes * WIDTH, WIDTH)
        add(f"{block}.mlp.linear_pre.0", ratio * WIDTH, WIDTH)
        add(f"{block}.mlp.linear_post", WIDTH, ratio * WIDTH)
    add_norm(f"blocks.{num_blocks - 1}.ln_3")
    add(f"blocks.{num_blocks - 1}.mlp2", out_channels, WIDTH)
    return state


# --- the restatement: rows are lists of vectors --------------------------------------------------


def linear(state: State, name: str, x: Tensor) -> Tensor:
    return state[f"{name}.weight"] @ x + state[f"{name}.bias"]


def gelu(x: Tensor) -> Tensor:
    return 0.5 * x * (1 + torch.erf(x / math.sqrt(2)))


def layer_norm(state: State, name: str, x: Tensor) -> Tensor:
    centered = x - x.sum() / len(x)
    scaled = centered / torch.sqrt((centered**2).sum() / len(x) + 1e-5)
    return scaled * state[f"{name}.weight"] + state[f"{name}.bias"]


def two_layers(state: State, first: str, second: str, x: Tensor) -> Tensor:
    return linear(state, second, gelu(linear(state, first, x)))


def attend(
    state: State, name: str, rows: list[Tensor], keys: list[int], heads: int = HEADS
) -> list[Tensor]:
    """Multi-head self-attention of all rows to the rows in ``keys``."""
    weight, bias = state[f"{name}.in_proj_weight"], state[f"{name}.in_proj_bias"]
    projected = [weight @ row + bias for row in rows]
    size = WIDTH // heads
    result = []
    for row in projected:
        merged = torch.zeros(WIDTH, dtype=torch.float64)
        for head in range(heads):
            part = slice(head * size, (head + 1) * size)
            query = row[:WIDTH][part]
            scores = [
                math.exp(float(query @ projected[j][WIDTH : 2 * WIDTH][part]) / math.sqrt(size))
                for j in keys
            ]
            for score, j in zip(scores, keys, strict=True):
                merged[part] += score / sum(scores) * projected[j][2 * WIDTH :][part]
        result.append(linear(state, f"{name}.out_proj", merged))
    return result


def pool(
    state: State, name: str, patch: list[Tensor], pooling: str, num_supernodes: int
) -> list[Tensor]:
    if pooling == "linear":
        mean = sum(patch, torch.zeros(WIDTH, dtype=torch.float64)) / len(patch)
        return list(linear(state, f"{name}.pool_proj", mean).split(WIDTH))
    supernodes = []
    if pooling == "mean":
        by_norm = sorted(patch, key=lambda row: float((row**2).sum()), reverse=True)
        for q in range(min(num_supernodes, len(patch))):
            kept = by_norm[q:]
            supernodes.append(sum(kept, torch.zeros(WIDTH, dtype=torch.float64)) / len(kept))
    else:
        channels = [sorted((float(row[d]) for row in patch), reverse=True) for d in range(WIDTH)]
        supernodes = [
            torch.tensor([channel[q] for channel in channels], dtype=torch.float64)
            for q in range(min(num_supernodes, len(patch)))
        ]
    missing = num_supernodes - len(supernodes)
    return supernodes + [torch.zeros(WIDTH, dtype=torch.float64)] * missing


def pmsa(
    state: State,
    name: str,
    rows: list[Tensor],
    carried: list[Tensor],
    *,
    num_patches: int,
    num_supernodes: int,
    pooling: str,
    without: str,
) -> tuple[list[Tensor], list[Tensor]]:
    size = math.ceil(len(rows) / num_patches)
    num_padding = num_patches * size - len(rows)
    padded = rows + [torch.zeros(WIDTH, dtype=torch.float64)] * num_padding
    patches = [padded[k * size : (k + 1) * size] for k in range(num_patches)]
    pooled: list[Tensor] = []
    for k, patch in enumerate(patches):
        real = patch
        if without == "pooled padding":
            real = [row for i, row in enumerate(patch) if k * size + i < len(rows)] or patch
        pooled += pool(state, name, real, pooling, num_supernodes)
    supernodes = pooled
    if without != "carry":
        supernodes = [own + old for own, old in zip(pooled, carried, strict=True)]
    points: list[Tensor] = []
    copies: list[list[Tensor]] = []
    for k, patch in enumerate(patches):
        sequence = patch + supernodes
        normal = [layer_norm(state, f"{name}.norm", row) for row in sequence]
        keys = list(range(len(sequence)))
        if without == "attended padding":
            keys = [j for j in keys if j >= size or k * size + j < len(rows)]
        update = attend(state, f"{name}.attn", normal, keys, 1 if without == "heads" else HEADS)
        if without == "inner residual":
            sequence = [torch.zeros_like(row) for row in sequence]
        sequence = [row + new for row, new in zip(sequence, update, strict=True)]
        for i, row in enumerate(sequence):
            normal_row = row if without == "second norm" else layer_norm(state, f"{name}.norm", row)
            if without != "inner feed-forward":
                sequence[i] = row + two_layers(state, f"{name}.ff.0", f"{name}.ff.2", normal_row)
        points += sequence[:size]
        copies.append(sequence[size:])
    if without == "mean over copies":
        return points[: len(rows)], copies[0]
    averaged = [sum(same, 0 * same[0]) / num_patches for same in zip(*copies, strict=True)]
    return points[: len(rows)], averaged


def embed_time(state: State, time: float) -> Tensor:
    half = WIDTH // 2
    angles = [time * math.exp(-math.log(10000) * i / half) for i in range(half)]
    waves = [math.cos(a) for a in angles] + [math.sin(a) for a in angles]
    hidden = linear(state, "time_fc.0", torch.tensor(waves, dtype=torch.float64))
    return linear(state, "time_fc.2", hidden / (1 + torch.exp(-hidden)))


def transform(
    state: State,
    inputs: list[Tensor],
    *,
    num_patches: int,
    num_supernodes: int = 1,
    pooling: str = "mean",
    time: float | None = None,
    without: str = "",
) -> Tensor:
    """Everything from the input channels of each point to its fields."""
    hidden = [
        two_layers(state, "preprocess.linear_pre.0", "preprocess.linear_post", x) for x in inputs
    ]
    if without != "placeholder":
        hidden = [row + state["placeholder"] for row in hidden]
    if time is not None:
        hidden = [row + embed_time(state, time) for row in hidden]
    num_blocks = 1 + max(int(name.split(".")[1]) for name in state if name.startswith("blocks."))
    carried = [torch.zeros(WIDTH, dtype=torch.float64)] * (num_patches * num_supernodes)
    for index in range(num_blocks):
        block = f"blocks.{index}"
        update, carried = pmsa(
            state,
            f"{block}.Attn",
            [layer_norm(state, f"{block}.ln_1", row) for row in hidden],
            carried,
            num_patches=num_patches,
            num_supernodes=num_supernodes,
            pooling=pooling,
            without=without,
        )
        hidden = [row + new for row, new in zip(hidden, update, strict=True)]
        if without == "last feed-forward" and index == num_blocks - 1:
            continue
        for i, row in enumerate(hidden):
            normal = layer_norm(state, f"{block}.ln_2", row)
            hidden[i] = row + two_layers(
                state, f"{block}.mlp.linear_pre.0", f"{block}.mlp.linear_post", normal
            )
    last = f"blocks.{num_blocks - 1}"
    return torch.stack(
        [linear(state, f"{last}.mlp2", layer_norm(state, f"{last}.ln_3", row)) for row in hidden]
    )


def grid_distances(rows: int, columns: int) -> list[Tensor]:
    inputs = []
    for i in range(rows):
        for j in range(columns):
            here = (i / (rows - 1), j / (columns - 1))
            inputs.append(
                torch.tensor(
                    [math.dist(here, (a / 7, b / 7)) for a in range(8) for b in range(8)],
                    dtype=torch.float64,
                )
            )
    return inputs


def box_distances(points: Tensor) -> list[Tensor]:
    references = [
        (-1.5 + 3 * a / 7, 2 * b / 7, -4 + 8 * c / 7)
        for a in range(8)
        for b in range(8)
        for c in range(8)
    ]
    return [
        torch.tensor([math.dist(p, r) for r in references], dtype=torch.float64)
        for p in points.tolist()
    ]


def median_split(points: Tensor, rows: list[int], num_patches: int) -> list[int]:
    """Halve along the widest axis until there is one node a patch, a power of two of them."""
    if num_patches == 1:
        return rows
    spread = [float(points[rows, x].max() - points[rows, x].min()) for x in range(points.shape[1])]
    axis = spread.index(max(spread))
    rows = sorted(rows, key=lambda row: float(points[row, axis]))
    half = len(rows) // 2
    left = median_split(points, rows[:half], num_patches // 2)
    return left + median_split(points, rows[half:], num_patches // 2)
