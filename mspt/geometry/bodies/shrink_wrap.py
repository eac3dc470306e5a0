"""Bodies as a shrink-wrap of them comes out: edges rounded off, faint steps, slightly noisy.

People make shells of models with many parts by filling the cells of a grid that lie inside, closing
narrow gaps, and smoothing. The cells show: how full each one is is known in eighths, which leaves
steps of about half a thousandth of the length, two millimeters on a car.

Shapes: A B C nodes of a grid.
"""

import numpy as np
import scipy  # its subpackages are imported when first used, which keeps this import short
from jaxtyping import Float64
from numpy import ndarray

from mspt.geometry.bodies.half_grid import HalfGrid

CLOSING = 0.008
"""Half of the width of the gaps that are closed."""

LEVELS = 8
"""Steps in which it is known how full a cell is."""

BLUR = 0.8
"""Deviation, in cells, of the filter that smooths the cells."""

RISE = 0.468
"""Slope of the smoothed share across a plane surface, per cell: erf(1 / (2 sqrt(2) BLUR))."""

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
    places = [(nodes - a) / spacing for nodes, a in zip(axes, first, strict=True)]
    share = np.clip(0.5 - _at(body, places) / cell, 0, 1)
    share = np.round(LEVELS * share) / LEVELS
    share[_closed(share >= 0.5, CLOSING / cell) & (share < 0.5)] = 1.0
    # Beyond the plane of symmetry, half a cell from the first cells, lies the mirror image.
    share = scipy.ndimage.gaussian_filter(share, BLUR, mode=("nearest", "reflect", "nearest"))
    back = [(nodes - coarse[0]) / cell for nodes, coarse in zip(half.axes, axes, strict=True)]
    distance = (0.5 - _at(share, back)) * cell / RISE
    return distance + NOISE * _noise(body.shape, NOISE_LENGTH / spacing, rng)


def _closed(filled: ndarray, radius: float) -> ndarray:
    """Return filled cells after widening and thinning them by a radius in cells."""
    beyond = int(np.ceil(2 * radius)) + 2
    whole = np.pad(filled, ((0, 0), (beyond, 0), (0, 0)), mode="symmetric")
    wide = scipy.ndimage.distance_transform_edt(~whole) <= radius
    inside = scipy.ndimage.distance_transform_edt(wide)
    return inside[:, beyond:] > radius


def _noise(shape: tuple[int, ...], length: float, rng: np.random.Generator) -> ndarray:
    """Return smooth noise of deviation 1, drawn on a grid with nodes a correlation length apart."""
    count = [int(np.ceil(size / length)) + 4 for size in shape]
    coarse = rng.normal(size=count)
    return 1.5 * _at(coarse, [np.arange(size) / length + 1.5 for size in shape])


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
