"""Encoding of a scene for the browser: blobs that are fetched once by address, and a message.

Points, triangles, bodies and curves seldom change. They are sent as blobs named by a hash of their
content, which browsers cache; the message refers to them by address, or contains those without
one. Blobs and messages are packets.

All positions are sent relative to the cloud, whose center is 0 and whose radius is 1. Points are
shuffled, so that the first part of them is a random sample of the cloud, which the viewer draws
while the camera moves.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256

import numpy as np
from jaxtyping import Float, Int

from mspt.figures.viewer.colors import theme_colors
from mspt.figures.viewer.packets import (
    STEPS,
    Writer,
    decode_packet,
    pack,
    quantize_bytes,
    quantize_from_zero,
    quantize_values,
    value_range,
)
from mspt.figures.viewer.scene import (
    Arrows,
    Curves,
    Field,
    Labels,
    Layer,
    Outline,
    Palette,
    Panel,
    Particles,
    Player,
    Scene,
    Spheres,
    Surface,
)

__all__ = [
    "SCENE_FORMAT",
    "STEPS",
    "Encoded",
    "Frame",
    "decode_packet",
    "encode_scene",
    "frame_of",
    "shuffle_order",
]

Ref = dict[str, object]

SCENE_FORMAT = 1
"""Version of the format."""

POSITION_STEPS = 65535
"""Steps of positions along each axis of their bounding box: 16 bits."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Frame:
    """Center and radius of a cloud, which are 0 and 1 in the viewer's coordinates."""

    center: Float[np.ndarray, " 3"]
    radius: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Encoded:
    """An encoded scene.

    Attributes:
        blobs: Parts that can have an address of their own, by the hash of their content.
    """

    blobs: dict[str, bytes]
    _header: dict[str, object]
    _buffers: tuple[bytes, ...]

    def message(self, links: Mapping[str, str], **extra: object) -> bytes:
        """Return the message, which contains all blobs without a link.

        Args:
            links: Addresses of blobs, by name.
            **extra: Additional entries of the header.
        """
        inside = [name for name in self.blobs if name not in links]
        first = len(self._buffers)
        blobs = {name: {"url": url} for name, url in links.items() if name in self.blobs}
        blobs |= {name: {"buffer": first + index} for index, name in enumerate(inside)}
        buffers = (*self._buffers, *(self.blobs[name] for name in inside))
        return pack({**self._header, "blobs": blobs, **extra}, buffers)


@lru_cache(maxsize=8)
def shuffle_order(num_points: int) -> Int[np.ndarray, " N"]:
    """Return the order in which points are sent: position ``i`` holds point ``order[i]``.

    Examples:
        >>> sorted(shuffle_order(4).tolist())
        [0, 1, 2, 3]
    """
    order = np.random.default_rng(0).permutation(num_points)
    order.setflags(write=False)
    return order


def frame_of(points: Float[np.ndarray, "N X"]) -> Frame:
    """Return the frame of a cloud; a missing third axis has the center 0."""
    low, high = points.min(axis=0), points.max(axis=0)
    center = np.zeros(3)
    center[: points.shape[1]] = (low.astype(float) + high) / 2
    radius = float(np.linalg.norm(high.astype(float) - low)) / 2
    return Frame(center=center, radius=radius or 1.0)


def encode_scene(scene: Scene) -> Encoded:
    """Return an encoded scene, quantized to 16 bits.

    Errors of positions are at most 1/131070 of the cloud's extent along each axis, errors of values
    at most 1/131068 of their range. Pages show exact values from their own data.
    """
    frame, blobs, writer = frame_of(_all_places(scene)), {}, Writer()
    order = shuffle_order(len(scene.points))
    panels: list[Ref] = []
    sent: dict[int, Ref] = {}  # a coloring of several panels is sent once
    for panel in scene.panels:
        place = id(panel.coloring)
        if place not in sent:
            sent[place] = _encode_panel(panel, order, writer, blobs)
        own: Ref = {"title": panel.title, "part": panel.part and list(panel.part)}
        panels.append(sent[place] | own | _encode_places(scene, panel, frame, blobs))
    layers = [_encode_layer(layer, frame, writer, blobs) for layer in scene.layers]
    palettes: set[Palette] = {"field", "share"}
    palettes |= {p.coloring.palette for p in scene.panels if isinstance(p.coloring, Field)}
    header = {
        "format": SCENE_FORMAT,
        "points": len(scene.points),
        "flat": scene.points.shape[1] == 2,
        "up": scene.up,
        "center": frame.center.tolist(),
        "radius": frame.radius,
        "focus": _box(scene, frame),
        "closeup": scene.closeup,
        "geometry": _keep(blobs, _encode_geometry(scene, frame, order)),
        **_groups(scene, panels, order, blobs),
        "panels": panels,
        "layers": layers,
        "hidden": list(scene.hidden),
        "groupText": list(scene.group_text),
        "marked": _places(scene.marked, len(order)),
        "tour": [_encode_stop(stop) for stop in scene.tour],
        "divided": scene.divided,
        "probe": scene.probe,
        "player": None if scene.player is None else _encode_player(scene.player),
        "colors": theme_colors(palettes),
    }
    header["kinds"] = writer.kinds
    return Encoded(blobs=blobs, _header=header, _buffers=tuple(writer.buffers))


def _box(scene: Scene, frame: Frame) -> list[list[float]] | None:
    """Return the box that the camera shows first, in the viewer's coordinates."""
    if scene.focus is None:
        return None
    return ((scene.focus - frame.center) / frame.radius).tolist()


def _keep(blobs: dict[str, bytes], blob: bytes) -> str:
    """Store a blob under the hash of its content, and return that name."""
    name = _name(blob)
    blobs[name] = blob
    return name


def _name(blob: bytes) -> str:
    return sha256(blob).hexdigest()[:16]  # 64 bits: collisions are out of the question


def _relative(places: Float[np.ndarray, "S X"], frame: Frame) -> Float[np.ndarray, "S 3"]:
    """Return positions in the viewer's coordinates, with a third axis."""
    whole = np.zeros((len(places), 3))
    whole[:, : places.shape[1]] = places
    whole -= frame.center
    whole /= frame.radius
    return whole


def _add_places(
    places: Float[np.ndarray, "S 3"],
    writer: Writer,
    *,
    box: tuple[np.ndarray, np.ndarray] | None = None,
    fine: bool = False,
) -> Ref:
    """Write positions as 16-bit steps of a box, or as fractions of such steps.

    Args:
        places: Positions in the viewer's coordinates.
        writer: Takes the buffer.
        box: Its lower and upper corner; None for the bounding box of the positions.
        fine: Whether steps have fractions, in single precision.
    """
    if not len(places):
        return {"low": [0, 0, 0], "size": [0, 0, 0], "buffer": writer.add(places, "u2")}
    low, high = box or (places.min(axis=0), places.max(axis=0))
    span = np.where(high > low, high - low, 1.0)  # flat clouds have no extent along an axis
    steps = (places - low) / span * POSITION_STEPS
    return {
        "low": low.tolist(),
        "size": (high - low).tolist(),
        "buffer": writer.add(steps, "f4") if fine else writer.add(np.rint(steps), "u2"),
    }


def _all_places(scene: Scene) -> Float[np.ndarray, "_ X"]:
    """Return all places where some panel draws a point at some time."""
    moved = [one.places for one in scene.panels if one.places is not None]
    axes = scene.points.shape[1]
    return np.concatenate([scene.points, *(one.reshape(-1, axes) for one in moved)])


def _steps_box(scene: Scene, frame: Frame) -> tuple[np.ndarray, np.ndarray]:
    """Return the box of all places, in the viewer's coordinates."""
    everywhere = _relative(_all_places(scene), frame)
    return everywhere.min(axis=0), everywhere.max(axis=0)


def _encode_places(scene: Scene, panel: Panel, frame: Frame, blobs: dict[str, bytes]) -> Ref:
    """Return the name of the blob with a panel's own places, one buffer for each time."""
    if panel.places is None:
        return {"places": None}
    writer, order, box = Writer(), shuffle_order(len(scene.points)), _steps_box(scene, frame)
    for places in panel.places:
        _add_places(_relative(places, frame)[order], writer, box=box)
    return {"places": _keep(blobs, pack({"kinds": writer.kinds}, tuple(writer.buffers)))}


def _encode_player(player: Player) -> Ref:
    curves = [
        {
            "name": curve.name,  # JSON has no NaN
            "values": [float(one) if np.isfinite(one) else None for one in curve.values],
        }
        for curve in player.curves
    ]
    return {
        "times": list(map(float, player.times)),
        "unit": "" if player.unit == "1" else player.unit,
        "start": player.start,
        "curves": curves,
        "title": player.title,
        "curveUnit": player.curve_unit,
    }


def _encode_geometry(scene: Scene, frame: Frame, order: Int[np.ndarray, " N"]) -> bytes:
    writer = Writer()
    header: dict[str, object] = {"points": len(order)}
    # Rounded to steps of a large domain, the fine mesh in its part of interest would be distorted.
    is_mesh = scene.triangles is not None and len(scene.triangles) > 0
    header["positions"] = _add_places(
        _relative(scene.points, frame)[order],
        writer,
        box=_steps_box(scene, frame),
        fine=is_mesh and scene.focus is not None,
    )
    if scene.triangles is not None and len(scene.triangles):
        place = np.empty(len(order), dtype=np.uint32)
        place[order] = np.arange(len(order), dtype=np.uint32)
        header["triangles"] = writer.add(place[scene.triangles], "u4")
    return pack({**header, "kinds": writer.kinds}, tuple(writer.buffers))


def _groups(
    scene: Scene, panels: list[Ref], order: Int[np.ndarray, " N"], blobs: dict[str, bytes]
) -> Ref:
    """Return the name of the groups, and the buffer of the message that contains them, if any.

    Groups are separate from the points, so that a new partition of a cloud does not send the points
    again. If a panel shows the groups, its buffer is used; otherwise they become a blob.
    """
    groups = scene.groups
    if groups is None:
        return {"groups": None, "groupsIn": None}
    writer = Writer()
    writer.add(groups[order], _kind(groups))
    blob = pack({"kinds": writer.kinds}, tuple(writer.buffers))
    for panel, sent in zip(scene.panels, panels, strict=True):
        coloring = panel.coloring
        if isinstance(coloring, Labels) and np.array_equal(coloring.labels, groups):
            return {"groups": _name(blob), "groupsIn": sent["buffer"]}
    return {"groups": _keep(blobs, blob), "groupsIn": None}


def _kind(labels: Int[np.ndarray, "..."]) -> str:
    """Return the smallest type that holds all labels."""
    return "u2" if not labels.size or labels.max() < 65536 else "u4"


def _places(points: tuple[int, ...], num_points: int) -> list[int]:
    """Return the positions of points among the shuffled ones."""
    if not points:
        return []
    place = np.empty(num_points, dtype=int)
    place[shuffle_order(num_points)] = np.arange(num_points)
    return place[list(points)].tolist()


def _encode_panel(
    panel: Panel, order: Int[np.ndarray, " N"], writer: Writer, blobs: dict[str, bytes]
) -> Ref:
    coloring = panel.coloring
    if coloring is None:
        return {"title": panel.title, "kind": "plain"}
    named: Ref = {"title": panel.title, "name": coloring.name}
    if isinstance(coloring, Labels):
        count = int(coloring.labels.max()) + 1
        levels = coloring.levels
        return named | {
            "kind": "labels",
            "count": count if levels is None else max(count, levels.shape[1]),
            "buffer": writer.add(coloring.labels[order], _kind(coloring.labels)),
            "levels": [] if levels is None else [writer.add(row, _kind(row)) for row in levels],
            "colors": [writer.add(row, "u1") for row in coloring.colors.numbers]
            if coloring.colors
            else [],
            "differ": list(coloring.colors.differ) if coloring.colors else [],
        }
    every = coloring.values if coloring.frames is None else coloring.frames
    low, high = value_range(every.ravel(), coloring.limits)
    return named | {
        "kind": "field",
        "unit": "" if coloring.unit == "1" else coloring.unit,
        "limits": list(map(float, coloring.limits)),
        "range": [low, high],
        "clipped": [bool((every < low).any()), bool((every > high).any())],
        "palette": coloring.palette,
        "faded": coloring.faded,
        "log": coloring.log,
        **_encode_values(coloring, order, (low, high), writer, blobs),
    }


def _encode_values(
    field: Field,
    order: Int[np.ndarray, " N"],
    ends: tuple[float, float],
    writer: Writer,
    blobs: dict[str, bytes],
) -> Ref:
    """Return the buffer of a field, or the name of the blob with a buffer for each time.

    The values of all times are a blob, so that another time shown at first does not send them anew.
    """
    if field.frames is None:
        steps = quantize_values(field.values[order], *ends)
        return {"frames": None, "buffer": writer.add(steps, "u2")}
    own = Writer()
    for values in field.frames:
        own.add(quantize_values(values[order], *ends), "u2")
    return {"frames": _keep(blobs, pack({"kinds": own.kinds}, tuple(own.buffers))), "buffer": None}


def _encode_layer(layer: Layer, frame: Frame, writer: Writer, blobs: dict[str, bytes]) -> Ref:
    named: Ref = {"name": layer.name, "kind": type(layer).__name__.lower()}
    if isinstance(layer, Surface):
        return named | {"blob": _keep(blobs, _encode_surface(layer, frame))}
    if isinstance(layer, Outline):
        return named | {"group": layer.group}
    if isinstance(layer, Curves | Particles):
        return named | {"blob": _keep(blobs, _encode_curves(layer, frame))}
    if isinstance(layer, Spheres):
        return named | _encode_spheres(layer, frame, writer)
    starts = writer.add(_relative(layer.starts, frame), "f4")
    if isinstance(layer, Arrows):
        vectors = _relative(layer.starts + layer.vectors, frame) - _relative(layer.starts, frame)
        return named | {"starts": starts, "vectors": writer.add(vectors, "f4")}
    strength = (
        None if layer.values is None else writer.add(quantize_bytes(layer.values, 0.0, 1.0), "u1")
    )
    stops = writer.add(_relative(layer.stops, frame), "f4")
    follows = None if layer.follows is None else writer.add(layer.follows, "u4")
    return named | {
        "starts": starts,
        "stops": stops,
        "values": strength,
        "follows": follows,
        "color": layer.color,
    }


def _encode_surface(layer: Surface, frame: Frame) -> bytes:
    writer = Writer()
    header: Ref = {"positions": _add_places(_relative(layer.vertices, frame), writer)}
    header["triangles"] = writer.add(layer.triangles, "u4")
    return pack({**header, "kinds": writer.kinds}, tuple(writer.buffers))


def _encode_curves(layer: Curves | Particles, frame: Frame) -> bytes:
    writer = Writer()
    header: Ref = {"positions": _add_places(_relative(layer.vertices, frame), writer)}
    header["offsets"] = writer.add(layer.offsets, "u4")
    header["panels"] = None if layer.panel is None else writer.add(layer.panel, "u1")
    if isinstance(layer, Particles):
        header["times"] = writer.add(layer.times, "f4")
    elif layer.values is None:
        header["values"] = None
    else:
        tones = (
            quantize_from_zero(layer.values)
            if layer.limits is None
            else quantize_bytes(layer.values, *layer.limits)
        )
        header["values"] = writer.add(tones, "u1")
    return pack({**header, "kinds": writer.kinds}, tuple(writer.buffers))


def _encode_spheres(layer: Spheres, frame: Frame, writer: Writer) -> Ref:
    spheres = np.column_stack([_relative(layer.centers, frame), layer.radii / frame.radius])
    labels, follows, level = layer.labels, layer.follows, layer.level
    return {
        "style": layer.style,
        "spheres": writer.add(spheres, "f4"),
        "labels": None if labels is None else writer.add(labels, "u4"),
        "follows": None if follows is None else writer.add(follows, "u4"),
        "values": None
        if layer.values is None
        else writer.add(quantize_from_zero(layer.values), "u1"),
        "level": None if level is None else writer.add(level, "u1"),
    }


def _encode_stop(stop: object) -> Ref:
    return {key: list(v) if isinstance(v, tuple) else v for key, v in vars(stop).items()}
