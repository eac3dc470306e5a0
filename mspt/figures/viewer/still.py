"""A static picture of a scene for browsers without WebGL, drawn point by point."""

import struct
import zlib

import numpy as np
from jaxtyping import Float, Int, UInt8

from mspt.figures.theme import NEUTRAL, PATCH_COLORS
from mspt.figures.viewer.colors import palette_stops, to_rgb
from mspt.figures.viewer.encode import frame_of, shuffle_order
from mspt.figures.viewer.scene import Field, Labels, Panel, Scene, places_at_start, points_of

_MAX_POINTS = 60_000
"""Most points that are drawn."""

_SIDE = 320
"""Pixels along each side of a panel."""

_FROM = (-1.0, -1.2, 0.8)
"""Direction of the camera from the center, as in the viewer."""


def picture(scene: Scene, *, dark: bool) -> bytes:
    """Return the panels of a scene side by side as a PNG file with a transparent background."""
    seen, panels = _seen(scene), []
    for panel in scene.panels:
        own = seen if panel.part is None else seen[np.isin(seen, points_of(scene, panel))]
        order = own[:_MAX_POINTS]
        across, depth = _project(scene, places_at_start(scene, panel)[order])
        image = np.zeros((_SIDE, _SIDE, 4), dtype=np.uint8)
        _dots(image, across, depth, _colors(panel, order, dark=dark))
        panels.append(image)
    return png_bytes(np.concatenate(panels, axis=1))


def _close_view(scene: Scene) -> Float[np.ndarray, "2 3"] | None:
    """Return the box of a plane cloud that is shown in part only."""
    return scene.focus if scene.points.shape[1] == 2 else None


def _seen(scene: Scene) -> Int[np.ndarray, " M"]:
    """Return the points that are drawn, shuffled: all of them, or those of a close view."""
    order, box = shuffle_order(len(scene.points)), _close_view(scene)
    if box is None:
        return order
    places = scene.points[order]
    return order[((places >= box[0, :2]) & (places <= box[1, :2])).all(axis=1)]


def _project(
    scene: Scene, points: Float[np.ndarray, "M X"]
) -> tuple[Float[np.ndarray, "M 2"], Float[np.ndarray, " M"]]:
    """Return pixel positions and heights above the picture plane of points."""
    box = _close_view(scene)
    frame = frame_of(scene.points if box is None else box)
    places = np.zeros((len(points), 3))
    places[:, : scene.points.shape[1]] = points
    places = (places - frame.center) / frame.radius
    if scene.points.shape[1] == 2:
        right, up, toward = np.eye(3)
    else:
        toward = np.roll(_FROM, scene.up - 2) / np.linalg.norm(_FROM)
        right = np.cross(np.eye(3)[scene.up], toward)
        right /= np.linalg.norm(right)
        up = np.cross(toward, right)
    half = _SIDE / 2  # the cloud, whose radius is 1, gets a margin of 5 %
    across = half + 0.95 * half * np.column_stack([places @ right, -(places @ up)])
    return across, places @ toward


def _colors(panel: Panel, order: np.ndarray, *, dark: bool) -> Float[np.ndarray, "N 3"]:
    """Return the color of each point, from 0 to 255."""
    coloring = panel.coloring
    empty = to_rgb([NEUTRAL[dark]["empty"]])
    if isinstance(coloring, Labels):
        label = coloring.labels[order]
        number = label if coloring.colors is None else coloring.colors.numbers[-1][label]
        return to_rgb(list(PATCH_COLORS))[number % len(PATCH_COLORS)]
    if not isinstance(coloring, Field):
        return np.repeat(empty, len(order), axis=0)
    low, high = coloring.limits
    share = (coloring.values[order].astype(float) - low) / ((high - low) or 1.0)
    stops = palette_stops(coloring.palette, dark=dark)
    scale = to_rgb([color for _, color in stops])
    places = [stop for stop, _ in stops]
    rgb = np.column_stack([np.interp(share, places, channel) for channel in scale.T])
    return np.where(np.isnan(share)[:, None], empty, rgb)


def _dots(image: np.ndarray, across: np.ndarray, depth: np.ndarray, colors: np.ndarray) -> None:
    """Draw points as squares, the nearest last.

    Their side is such that evenly spread points cover the picture.
    """
    # The projection of a cloud fills only a part of the picture, hence the factor below 1.
    side = int(np.clip(0.8 * _SIDE / np.sqrt(len(across)), 1, 7))
    nearest_last = np.argsort(depth, kind="stable")
    columns, rows = (np.rint(across[nearest_last]).astype(int) - side // 2).T
    rgba = np.column_stack([colors[nearest_last], np.full(len(across), 255)]).astype(np.uint8)
    for down in range(side):
        for right in range(side):
            row = np.clip(rows + down, 0, _SIDE - 1)
            image[row, np.clip(columns + right, 0, _SIDE - 1)] = rgba


def png_bytes(image: UInt8[np.ndarray, "H W 4"]) -> bytes:
    """Return a PNG file of 8-bit red, green, blue and opacity.

    Each line begins with a filter type, here 0 for none.
    """
    height, width, _ = image.shape
    lines = np.concatenate([np.zeros((height, 1), np.uint8), image.reshape(height, -1)], axis=1)
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)),
        (b"IDAT", zlib.compress(lines.tobytes(), 6)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks
    )
