"""Pictures of bodies and slices as PNG files, drawn without a graphics card or a window.

Letters: T triangles, N samples, H and W pixels.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64, Int, UInt8
from numpy import ndarray

from mspt.figures.viewer.colors import palette_stops, to_rgb
from mspt.figures.viewer.scene import Palette
from mspt.figures.viewer.still import png_bytes
from mspt.figures.vtk.resample import SliceGrid
from mspt.geometry.mesh import SurfaceMesh

FRONT, REAR, SIDE = (-0.75, -1.25, 0.6), (0.85, -1.1, 0.6), (0.0, -1.0, 0.0)
"""Directions of the camera from the body; the nose points along -x."""
FINER = 2
"""Samples a pixel along each axis, so that edges look smooth."""
MARGIN = 0.04
"""Empty share of the picture on each side."""
LIGHT = np.array([-0.35, -0.6, 0.72])
AT_A_TIME = 1_500_000
"""Samples that are drawn together, which limits the memory."""
_BODY = (140.0, 150.0, 158.0)


@dataclass(frozen=True, kw_only=True, eq=False)
class Shades:
    """Which color a value has.

    Attributes:
        limits: Values of the first and the last color.
        palette: Scale of colors.
    """

    limits: tuple[float, float]
    palette: Palette = "field"

    def colors(self, values: Float[ndarray, "*N"]) -> Float64[ndarray, "*N 3"]:
        """Return the color of each value, from 0 to 255; gray for NaN."""
        stops = palette_stops(self.palette, dark=False)
        low, high = self.limits
        share = np.clip((values - low) / ((high - low) or 1.0), 0, 1)
        scale = to_rgb([color for _, color in stops])
        places = [place for place, _ in stops]
        rgb = np.stack([np.interp(share, places, channel) for channel in scale.T], axis=-1)
        return np.where(np.isnan(share)[..., None], np.array(_BODY), rgb)


def body_picture(
    mesh: SurfaceMesh,
    values: Float[ndarray, " T"] | None,
    *,
    shades: Shades,
    toward: tuple[float, float, float] = FRONT,
    width: int = 560,
    height: int = 300,
) -> bytes:
    """Return a picture of a body in the wind tunnel, colored by a value of each triangle.

    Args:
        mesh: The body.
        values: One value for each triangle; None for gray.
        shades: Colors of the values.
        toward: Direction from the body to the camera.
        width: Of the picture in pixels.
        height: Of the picture in pixels.
    """
    known = np.full(len(mesh.triangles), np.nan) if values is None else values
    light = LIGHT / np.linalg.norm(LIGHT)
    bright = 0.74 + 0.26 * np.abs(mesh.normals @ light)
    color = np.clip(shades.colors(known) * bright[:, None], 0, 255)
    wide, tall = FINER * width, FINER * height
    places = _projected(mesh.corners, np.array(toward), wide, tall)
    image = np.full((tall * wide, 3), 255.0)
    nearest = np.full(tall * wide, -np.inf)
    for triangle, place in _samples(places):
        column, row = (place[:, axis].astype(np.int64) for axis in (0, 1))
        inside = (column >= 0) & (column < wide) & (row >= 0) & (row < tall)
        pixel, depth = (row * wide + column)[inside], place[inside, 2]
        np.maximum.at(nearest, pixel, depth)
        front = depth >= nearest[pixel]
        image[pixel[front]] = color[triangle[inside][front]]
    return _encoded(image.reshape(tall, wide, 3))


def slice_picture(grid: SliceGrid, *, shades: Shades, finer: int = 3) -> bytes:
    """Return a picture of values in the plane of symmetry; the body in it is gray.

    Args:
        grid: Values at the nodes, NaN inside the body; vectors are shown by their length.
        shades: Colors of the values.
        finer: Pixels between two nodes along each axis.
    """
    values = grid.values if grid.values.ndim == 2 else np.linalg.norm(grid.values, axis=2)
    image = shades.colors(values)[::-1]  # z points up
    large = np.repeat(np.repeat(image, finer, axis=0), finer, axis=1)
    return png_bytes(_opaque(large))


def _projected(
    corners: Float64[ndarray, "T 3 3"], toward: Float64[ndarray, " 3"], wide: int, tall: int
) -> Float64[ndarray, "T 3 3"]:
    """Return column, row and nearness of each corner, such that the body fills the picture."""
    toward = toward / np.linalg.norm(toward)
    right = np.cross([0.0, 0.0, 1.0], toward)
    right /= np.linalg.norm(right)
    above = np.cross(toward, right)
    seen = corners @ np.stack([right, above, toward], axis=1)
    low, high = seen.min(axis=(0, 1)), seen.max(axis=(0, 1))
    middle, size = (low + high) / 2, np.maximum(high - low, 1e-9)
    scale = (1 - 2 * MARGIN) * min(wide / size[0], tall / size[1])
    column = wide / 2 + scale * (seen[..., 0] - middle[0])
    row = tall / 2 - scale * (seen[..., 1] - middle[1])
    return np.stack([column, row, scale * seen[..., 2]], axis=-1)


def _samples(
    places: Float64[ndarray, "T 3 3"],
) -> Iterator[tuple[Int[ndarray, " N"], Float64[ndarray, "N 3"]]]:
    """Yield places on the triangles, less than a pixel apart, and which triangle each is on."""
    edges = np.roll(places, 1, axis=1)[..., :2] - places[..., :2]
    steps = np.ceil(np.linalg.norm(edges, axis=2).max(axis=1) * 1.2).astype(int) + 1
    for count in np.unique(steps):
        own = np.flatnonzero(steps == count)
        across, along = np.indices((count + 1, count + 1)).reshape(2, -1)
        kept = across + along <= count
        first, second = across[kept] / count, along[kept] / count
        weights = np.stack([first, second, 1 - first - second], axis=1)
        at_once = max(1, AT_A_TIME // len(weights))
        for start in range(0, len(own), at_once):
            part = own[start : start + at_once]
            found = np.einsum("nc,tcx->tnx", weights, places[part]).reshape(-1, 3)
            yield np.repeat(part, len(weights)), found


def _encoded(image: Float64[ndarray, "H W 3"]) -> bytes:
    """Return a PNG file of an image with one pixel for each square of samples."""
    tall, wide = image.shape[0] // FINER, image.shape[1] // FINER
    small = image.reshape(tall, FINER, wide, FINER, 3).mean(axis=(1, 3))
    return png_bytes(_opaque(small))


def _opaque(image: Float64[ndarray, "H W 3"]) -> UInt8[ndarray, "H W 4"]:
    whole = np.full((*image.shape[:2], 4), 255, dtype=np.uint8)
    whole[..., :3] = np.rint(image)
    return whole
