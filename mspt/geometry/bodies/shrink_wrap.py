"""Bodies as a shrink-wrap of them comes out: edges rounded off, faint steps, slightly noisy.

People make shells of models with many parts by filling the cells of a grid that lie inside, closing
narrow gaps, and smoothing. The cells show: here they have the size that leaves steps of about half
a thousandth of the length, two millimeters on a car.

Shapes: A B C nodes of a grid.
"""

import numpy as np
import scipy  # its subpackages are imported when first used, which keeps this import short
from jaxtyping import Float64
from numpy import ndarray

from mspt.geometry.bodies.half_grid import HalfGrid

CLOSING = 0.008
"""Half of the width of the gaps that are closed."""

BLUR = 1.1
"""Deviation, in cells, of the filter that smooths the filled cells; more would hide their steps."""

NOISE = 2e-4
"""Standard deviation of the noise of the surface, in body lengths."""

NOISE_LENGTH = 0.012
"""Correlation length of the noise."""


def wrapped(
    body: Float64[ndarray, "A B C"], half: HalfGrid, *, cell: float, seed: int
) -> Float64[ndarray, "A B C"]:
    """Return a body rebuilt from the cells of a coarse grid that lie in it.

    Args:
        body: Signed distance at the nodes.
        half: The nodes.
        cell: Edge of the cells.
        seed: Seed of the place of the grid and of the noise.
    """
    rng = np.random.default_rng(seed)
    spacing = half.grid.spacing
    first = np.array([nodes[0] for nodes in half.axes])
    shift = rng.uniform(0, cell, 3)
    # Cells are symmetric about the plane y = 0, as in wraps of mirrored halves.
    axes = [
        (start - cell + shift[axis] if axis != 1 else cell / 2)
        + cell * np.arange(int(np.ceil((len(nodes) * spacing) / cell)) + 3)
        for axis, (start, nodes) in enumerate(zip(first, half.axes, strict=True))
    ]
    filled = _at(body, [(nodes - a) / spacing for nodes, a in zip(axes, first, strict=True)]) < 0
    closed = _closed(filled, CLOSING / cell)
    share = _mirrored_filter(closed.astype(float), BLUR)
    back = [(nodes - coarse[0]) / cell for nodes, coarse in zip(half.axes, axes, strict=True)]
    # A share of 1/2 is the surface; across it the share falls by about 0.4 / BLUR per cell.
    distance = (0.5 - _at(share, back)) * cell * BLUR / 0.4
    return distance + NOISE * _noise(body.shape, NOISE_LENGTH / spacing, rng)


def _closed(filled: ndarray, radius: float) -> ndarray:
    """Return filled cells after widening and thinning them by a radius in cells."""
    outside = scipy.ndimage.distance_transform_edt(~_with_mirror(filled))
    wide = outside <= radius
    inside = scipy.ndimage.distance_transform_edt(wide)
    both = (inside > radius) | _with_mirror(filled)
    return both[:, both.shape[1] // 2 :]


def _mirrored_filter(values: ndarray, sigma: float) -> ndarray:
    whole = scipy.ndimage.gaussian_filter(_with_mirror(values), sigma)
    return whole[:, whole.shape[1] // 2 :]


def _noise(shape: tuple[int, ...], length: float, rng: np.random.Generator) -> ndarray:
    """Return smooth noise of deviation 1, drawn on a grid with nodes a correlation length apart."""
    count = [int(np.ceil(size / length)) + 4 for size in shape]
    coarse = rng.normal(size=count)
    return 1.5 * _at(coarse, [np.arange(size) / length + 1.5 for size in shape])


def _with_mirror(half: ndarray) -> ndarray:
    return np.concatenate([half[:, ::-1], half], axis=1)


def _at(values: ndarray, places: list[ndarray]) -> ndarray:
    """Return values at places between the nodes, given along each axis."""
    for axis, place in enumerate(places):
        place = np.clip(place, 0, values.shape[axis] - 1)
        low = np.minimum(place.astype(int), values.shape[axis] - 2)
        view = [1, 1, 1]
        view[axis] = -1
        share = (place - low).reshape(view)
        values = (
            np.take(values, low, axis=axis) * (1 - share)
            + np.take(values, low + 1, axis=axis) * share
        )
    return values
