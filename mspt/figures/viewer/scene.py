"""What the 3-D viewer shows, as plain values, and the bytes that carry it to the browser.

A scene is one cloud, seen in one or several linked panels: the panels share points, camera and
layers and differ only in how the points are colored. Clouds with two axes lie in a plane and are
seen from above. Values are quantized for the eye; pages look up what was picked at full precision.

Letters: N points, X space axes (2 or 3), K patches, V vertices, T triangles, S lines or spheres.
"""

from dataclasses import dataclass
from math import isfinite
from typing import Literal

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from mspt.geometry.mesh import SurfaceMesh

Palette = Literal["field", "error", "magnitude", "share"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Field:
    """A number at each point.

    Attributes:
        name: Shown over the color bar.
        unit: Shown beside it; "1" and "" show none.
        values: One for each point; NaN is drawn in a neutral gray.
        limits: Values at the ends of the color bar.
        palette: ``field`` for quantities, ``error`` diverges around zero, ``magnitude`` for sizes
            of errors, ``share`` for attention, whose smallest values fade into the background.
        faded: Whether points of neutral color are drawn small, so that others are seen within a
            cloud: those at the low end, or in the middle of ``error``.
    """

    name: str
    unit: str
    values: Float[ndarray, " N"]
    limits: tuple[float, float]
    palette: Palette = "field"
    faded: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class Labels:
    """A group for each point, such as its patch; neighbors in number differ in color.

    Attributes:
        name: What a group is called, such as ``patch``.
        labels: Group of each point, from 0 to K - 1.
        levels: Coarser groups, from the coarsest to the finest: the group at level ``l`` of a
            point with label ``k`` is ``levels[l][k]``. The viewer's level slider walks through
            them without a rerun; with one row or none there is no slider. The last row is the
            labels themselves.
    """

    name: str
    labels: Int[ndarray, " N"]
    levels: Int[ndarray, "levels K"] | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Panel:
    """One view of the cloud."""

    title: str
    coloring: Field | Labels | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Surface:
    """A body in neutral gray that points lie on or around; it is never picked."""

    name: str
    vertices: Float[ndarray, "V 3"]
    triangles: Int[ndarray, "T 3"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Spheres:
    """Balls or supernodes.

    Attributes:
        name: Shown beside the switch of the layer.
        centers: Their centers.
        radii: Their radii, in the unit of the points.
        style: ``wire`` for balls, ``solid`` for supernodes.
        labels: Group of each, colored like the points' labels; None for one color.
        values: A number for each, on the palette ``share``; takes the place of ``labels``.
        follows: Patch that each moves with when patches are moved apart; by default ``labels``.
        level: Level of each in a ball tree: shown only at that row of ``Labels.levels``, and then
            ``labels`` are the groups of that row.
    """

    name: str
    centers: Float[ndarray, "S X"]
    radii: Float[ndarray, " S"]
    style: Literal["wire", "solid"] = "solid"
    labels: Int[ndarray, " S"] | None = None
    values: Float[ndarray, " S"] | None = None
    follows: Int[ndarray, " S"] | None = None
    level: Int[ndarray, " S"] | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Lines:
    """Separate straight lines, such as from a point to what it attends to.

    Attributes:
        name: Shown beside the switch of the layer.
        starts: One end of each.
        stops: The other end.
        values: Strength of each from 0 to 1, drawn as opacity; None for full strength.
        follows: Patches that both ends move with when patches are moved apart; None to stay.
    """

    name: str
    starts: Float[ndarray, "S X"]
    stops: Float[ndarray, "S X"]
    values: Float[ndarray, " S"] | None = None
    follows: Int[ndarray, "S 2"] | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Arrows:
    """Vectors at places."""

    name: str
    starts: Float[ndarray, "S X"]
    vectors: Float[ndarray, "S X"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Curves:
    """Streamlines: the points of all curves, one after the other.

    Attributes:
        name: Shown beside the switch of the layer.
        vertices: Points of all curves.
        offsets: Curve ``c`` is ``vertices[offsets[c]:offsets[c + 1]]``.
        values: A number at each vertex; None for one color.
    """

    name: str
    vertices: Float[ndarray, "V X"]
    offsets: Int[ndarray, " curves_plus_1"]
    values: Float[ndarray, " V"] | None = None


Layer = Surface | Spheres | Lines | Arrows | Curves


@dataclass(frozen=True, kw_only=True)
class Stop:
    """One stop of a tour, changed in the browser without a rerun.

    Attributes:
        title: Short name on the button.
        caption: One or two sentences below the picture, in plain text.
        panels: Which panels are shown, side by side.
        level: Step of the level slider; None for the finest.
        layers: Names of the layers shown.
        explode: How far patches are moved apart, from 0 to 1.
        direction: Where the camera stands, seen from the middle of the cloud.
        distance: Of the camera: at 2.6 the cloud fills the picture, at 1.3 it is twice as near.
    """

    title: str
    caption: str
    panels: tuple[int, ...] = (0,)
    level: int | None = None
    layers: tuple[str, ...] = ()
    explode: float = 0.0
    direction: tuple[float, float, float] = (-1.0, -1.2, 0.8)
    distance: float = 2.6


@dataclass(frozen=True, kw_only=True, eq=False)
class Scene:
    """All that one viewer shows.

    Attributes:
        points: The cloud.
        triangles: Of the points, to draw a filled surface; empty or None for points alone.
        panels: At least one. With ``tour`` only those of the stop are shown.
        layers: Shown over the points, each with a switch.
        hidden: Names of layers that start switched off.
        groups: Patch of each point, for the explode slider and for what is shown under the mouse;
            None for neither.
        group_text: One line a patch, shown under the mouse.
        marked: Points with a ring, such as the picked ones.
        tour: Stops of a guided tour; empty for none.
        up: Axis that points up, 0 to 2.
        focus: Lowest and highest corner of the box that the camera shows at first, such as the
            body's in a cloud that reaches far; None for the whole cloud. Another box flies there.
        closeup: Whether the box is a part to be looked at from outside the cloud.
    """

    points: Float[ndarray, "N X"]
    panels: tuple[Panel, ...]
    triangles: Int[ndarray, "T 3"] | None = None
    layers: tuple[Layer, ...] = ()
    hidden: tuple[str, ...] = ()
    groups: Int[ndarray, " N"] | None = None
    group_text: tuple[str, ...] = ()
    marked: tuple[int, ...] = ()
    tour: tuple[Stop, ...] = ()
    up: int = 2
    focus: Float[ndarray, "2 3"] | None = None
    closeup: bool = False

    def __post_init__(self) -> None:
        """Check that all parts belong together."""
        num_points = len(self.points)
        if not num_points or not self.panels:
            raise ValueError(
                f"a scene must have a point and a panel, got {num_points} points "
                f"and {len(self.panels)} panels"
            )
        for panel in self.panels:
            _check_panel(panel, num_points)
        for name, places in (("marked", self.marked), ("up", (self.up,))):
            count = num_points if name == "marked" else 3
            if any(not 0 <= place < count for place in places):
                raise ValueError(f"{name} must lie in 0 to {count - 1}, got {places}")
        if self.triangles is not None and self.triangles.size:
            low, high = int(self.triangles.min()), int(self.triangles.max())
            if low < 0 or high >= num_points:
                raise ValueError(
                    f"triangles must name points from 0 to {num_points - 1}, got {low} to {high}"
                )
        self._check_names()

    def _check_names(self) -> None:
        names = [layer.name for layer in self.layers]
        if len(set(names)) < len(names):
            raise ValueError(f"names of layers must differ, got {', '.join(names)}")
        tour = [(f"layers of the stop {stop.title!r}", stop.layers) for stop in self.tour]
        for where, used in (("hidden", self.hidden), *tour):
            if unknown := sorted(set(used) - set(names)):
                raise ValueError(
                    f"{where} must name layers of the scene, got {', '.join(unknown)}; "
                    f"there are {', '.join(names) or 'none'}"
                )
        for stop in self.tour:
            if not stop.panels or not set(stop.panels) <= set(range(len(self.panels))):
                raise ValueError(
                    f"panels of the stop {stop.title!r} must be some of 0 to "
                    f"{len(self.panels) - 1}, got {stop.panels}"
                )


def _check_panel(panel: Panel, num_points: int) -> None:
    coloring = panel.coloring
    if coloring is None:
        return
    is_field = isinstance(coloring, Field)
    values = coloring.values if is_field else coloring.labels
    if len(values) != num_points:
        raise ValueError(
            f"{coloring.name} must hold one value for each point, got {len(values)} "
            f"for N={num_points}"
        )
    if is_field:
        low, high = coloring.limits
        if not (isfinite(low) and isfinite(high) and low <= high):
            raise ValueError(
                f"limits of {coloring.name} must be finite and rise, got {low} to {high}"
            )
    elif coloring.levels is not None and coloring.levels.shape[1] <= values.max():
        raise ValueError(
            f"levels of {coloring.name} must hold every label up to {values.max()}, "
            f"got {coloring.levels.shape[1]} of them"
        )


def box_around(body: SurfaceMesh | None, *, room: float = 0.08) -> Float[ndarray, "2 3"] | None:
    """Return the box of a body with room on all sides, a share of its longest side.

    Examples:
        >>> from mspt.geometry.mesh import box
        >>> box_around(box((0, 0, 0), (2, 1, 1)), room=0.5)
        array([[-1., -1., -1.],
               [ 3.,  2.,  2.]])
    """
    if body is None:
        return None
    margin = room * float(body.extent.max())
    return body.bounds + np.array([[-margin], [margin]])
