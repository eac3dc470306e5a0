"""Rotary embedding of coordinates: attention that depends on where keys lie relative to a query.

Pairs of entries of queries and keys are turned by angles proportional to the coordinates of their
point. The product of a query and a key then depends on the difference of their angles: on the
vector between the two points, and on no point's own place (RoFormer, Su et al., 2021, with
coordinates in place of positions in a text). Entries are turned before the fused kernels, which
need not know of it.

Shape suffixes as in :mod:`mspt.models.attention`; R rows, J frequencies per axis, P turned pairs (J
times X space axes).
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

LONGEST_WAVE = 4.0
"""Wavelength of the first frequency: twice the box from -1 to 1, over which it is not repeated."""

GROWTH = 3.0
"""Ratio of neighboring frequencies: four of them reach waves of 0.15, the size of small patches."""

Phases = tuple[Float[Tensor, "B _R 1 P"], Float[Tensor, "B _R 1 P"]]
"""Cosine and sine of the angle of each pair, the same for all heads."""


def rotary_frequencies(count: int) -> tuple[float, ...]:
    """Return the angles by which a coordinate of 1 turns the pairs of its axis, in radians.

    Examples:
        >>> [round(one / math.pi, 3) for one in rotary_frequencies(3)]
        [0.5, 1.5, 4.5]
    """
    return tuple(2 * math.pi / LONGEST_WAVE * GROWTH**power for power in range(count))


def rotary_phases(points: Float[Tensor, "B R X"], count: int) -> Phases:
    """Return cosines and sines for points, with ``count`` frequencies for each axis."""
    frequencies = torch.tensor(rotary_frequencies(count), dtype=points.dtype, device=points.device)
    angles = (points[..., None] * frequencies).flatten(2)[:, :, None]
    return angles.cos(), angles.sin()


def rotate(x: Float[Tensor, "B R H E"], phases: Phases) -> Float[Tensor, "B R H E"]:
    """Turn entry p together with entry P + p of every head; entries from 2 P on stay as they are.

    Examples:
        >>> quarter = torch.zeros(1, 1, 1, 1), torch.ones(1, 1, 1, 1)
        >>> rotate(torch.tensor([[[[3.0, 4.0, 5.0]]]]), quarter).flatten().tolist()
        [-4.0, 3.0, 5.0]
    """
    cos, sin = phases
    pairs = cos.shape[-1]
    first, second, rest = x[..., :pairs], x[..., pairs : 2 * pairs], x[..., 2 * pairs :]
    turned = torch.cat([first * cos - second * sin, first * sin + second * cos, rest], dim=-1)
    return turned.to(x.dtype)  # mixed precision: the phases are float32
