"""Scenes of the 3-D viewer as values.

A scene is one cloud in one or several linked panels. The panels share points, camera and layers and
differ only in the colors of the points. Clouds with two axes lie in a plane and are viewed from
above. The browser gets quantized values; pages show exact values of selected points from their own
data.

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
    """Coloring of points by a number.

    Attributes:
        name: Title of the color bar.
        unit: Unit beside the title; "1" and "" show none.
        values: One value for each point; NaN is drawn in a neutral gray.
        limits: Values at the ends of the color bar.
        palette: ``field`` for quantities, ``error`` diverges around zero, ``magnitude`` for
            magnitudes of errors, ``share`` for attention, whose small values fade into the page.
        faded: Whether points at the neutral end of the palette (the middle of ``error``) are drawn
            small, so that they do not hide others inside a cloud.
        log: Whether values and limits are decimal logarithms, shown as powers of ten.
        frames: The values at each time of the scene's player; None for values that do not change.
    """

    name: str
    unit: str
    values: Float[ndarray, " N"]
    limits: tuple[float, float]
    palette: Palette = "field"
    faded: bool = False
    log: bool = False
    frames: Float[ndarray, "times N"] | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class GroupColors:
    """Colors of groups, level by level, from the coarsest to the finest.

    Attributes:
        numbers: Number of the color of each group, for each level.
        differ: For each level, whether any two groups that touch differ in color.
    """

    numbers: tuple[Int[ndarray, " _"], ...]
    differ: tuple[bool, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Labels:
    """Coloring of points by group, such as their patch.

    Attributes:
        name: Name of a group, such as ``patch``.
        labels: Group of each point, from 0 to K - 1.
        levels: Coarser groups, from the coarsest to the finest: the group at level ``l`` of a
            point with label ``k`` is ``levels[l][k]``, and the last row is the labels themselves.
            The viewer's level slider steps through them without a rerun; with fewer than two rows
            there is no slider.
        colors: Colors of the groups of every level, or of the labels without levels; None lets the
            viewer choose them such that near groups differ.
    """

    name: str
    labels: Int[ndarray, " N"]
    levels: Int[ndarray, "levels K"] | None = None
    colors: GroupColors | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Panel:
    """One view of the cloud.

    Attributes:
        title: Title above it.
        coloring: Colors of the points; None for one neutral color.
        places: Where this panel draws the points at each time of the scene's player; None for
            points that stay.
        part: First of the scene's triangles that this panel draws, and the one after its last; None
            for all. Bodies of several panels are parts of one cloud, which has one camera.
    """

    title: str
    coloring: Field | Labels | None = None
    places: Float[ndarray, "times N X"] | None = None
    part: tuple[int, int] | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Curve:
    """A number at each time, such as the error of a prediction; NaN where there is none."""

    name: str
    values: Float[ndarray, " times"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Player:
    """Times that the viewer shows one after the other, without a rerun.

    Attributes:
        times: The times, ascending.
        unit: Their unit; "1" and "" show none.
        start: Index of the time that is shown at first. ``Field.values`` are those of this time.
        curves: Numbers over time, drawn as lines on which the time is chosen.
        title: What the numbers are.
        curve_unit: Their unit.
    """

    times: tuple[float, ...]
    unit: str
    start: int = 0
    curves: tuple[Curve, ...] = ()
    title: str = ""
    curve_unit: str = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class Surface:
    """A body in neutral gray, which cannot be selected."""

    name: str
    vertices: Float[ndarray, "V 3"]
    triangles: Int[ndarray, "T 3"]


@dataclass(frozen=True, kw_only=True)
class Outline:
    """A line around the points of one group of the scene, which are drawn before all others.

    Attributes:
        name: Name beside the switch of the layer.
        group: The group, one of ``Scene.groups``.
    """

    name: str
    group: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Spheres:
    """Spheres, such as the balls of a tree or supernodes.

    Attributes:
        name: Name beside the switch of the layer.
        centers: Centers of the spheres.
        radii: Radii in the unit of the points.
        style: ``wire`` for balls, ``solid`` for supernodes.
        labels: Group of each sphere, colored as the labels of points; None for one color.
        values: A number for each sphere, colored by the palette ``share`` instead of ``labels``.
        follows: Patch with which each sphere moves in the exploded view; by default ``labels``.
        level: Level of each sphere in a ball tree. It is shown only at that row of
            ``Labels.levels``, and ``labels`` are then groups of that row.
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
    """Straight lines, such as from a point to the supernodes to which it attends.

    Attributes:
        name: Name beside the switch of the layer.
        starts: First ends of the lines.
        stops: Second ends of the lines.
        values: Opacity of each line from 0 to 1; None for opaque lines.
        follows: Patches with which both ends move in the exploded view; None for fixed lines.
        color: ``accent`` for what belongs to the selection, ``ink`` for what surrounds a patch.
    """

    name: str
    starts: Float[ndarray, "S X"]
    stops: Float[ndarray, "S X"]
    values: Float[ndarray, " S"] | None = None
    follows: Int[ndarray, "S 2"] | None = None
    color: Literal["accent", "ink"] = "accent"


@dataclass(frozen=True, kw_only=True, eq=False)
class Arrows:
    """Arrows from positions along vectors, in the unit of the points."""

    name: str
    starts: Float[ndarray, "S X"]
    vectors: Float[ndarray, "S X"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Curves:
    """Streamlines: the points of all curves, one after the other.

    Attributes:
        name: Name beside the switch of the layer.
        vertices: Points of all curves.
        offsets: Curve ``c`` is ``vertices[offsets[c]:offsets[c + 1]]``.
        values: A number at each vertex; None for one color.
        limits: Values of the first and the last color; None for zero and the largest value.
        panel: Panel that draws each curve; None for all.
    """

    name: str
    vertices: Float[ndarray, "V X"]
    offsets: Int[ndarray, " curves_plus_1"]
    values: Float[ndarray, " V"] | None = None
    limits: tuple[float, float] | None = None
    panel: Int[ndarray, " curves"] | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Particles:
    """Points that move along curves as long as the layer is switched on.

    Attributes:
        name: Name beside the switch of the layer.
        vertices: Points of all curves, as in :class:`Curves`.
        offsets: As there.
        times: When a particle that has started at the first vertex of its curve is at each of its
            vertices, in times that the flow takes for one unit of length or so: about a third of a
            unit goes by in a second.
        panel: Panel that draws each curve; None for all.
    """

    name: str
    vertices: Float[ndarray, "V X"]
    offsets: Int[ndarray, " curves_plus_1"]
    times: Float[ndarray, " V"]
    panel: Int[ndarray, " curves"] | None = None


Layer = Surface | Outline | Spheres | Lines | Arrows | Curves | Particles


@dataclass(frozen=True, kw_only=True)
class Stop:
    """One stop of a tour, changed in the browser without a rerun.

    Attributes:
        title: Title on the button.
        caption: One or two sentences below the picture, in plain text.
        panels: Indices of the panels that are shown side by side.
        level: Step of the level slider; None for the finest.
        layers: Names of the layers that are shown.
        explode: Distance between patches in the exploded view, from 0 to 1.
        direction: Direction of the camera from the center of the cloud.
        distance: Distance of the camera from the center, in radii of the cloud; at 2.6 the cloud
            fills the picture.
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
    """Contents of one viewer.

    Attributes:
        points: The cloud.
        triangles: Triangles of the points, for a filled surface; empty or None for points alone.
        panels: At least one panel. In a tour, only those of the current stop are shown.
        layers: Layers over the points, each with a switch.
        hidden: Names of layers that are switched off at first.
        groups: Patch of each point, for the exploded view and the text on hovering; None for
            neither.
        group_text: One line of text for each patch, shown on hovering.
        marked: Points with a ring, such as the selected ones.
        tour: Stops of a guided tour; empty for none.
        up: Index of the axis that points up, 0 to 2.
        focus: Lower and upper corner of the box that the camera shows at first, such as that of a
            body in a large cloud; None for the whole cloud. A new box makes the camera fly to it.
        closeup: Whether the box is a part of the cloud that is viewed from outside of it.
        player: Times of the frames of the panels; None for a scene that does not change. Marks and
            layers belong to the time that is shown at first; those on points that move are hidden
            at all other times.
        probe: Unit of the coordinates that are told beside a value on hovering; empty for none.
        divided: Whether the first two panels share one place: the first is seen on the left of a
            line that a person can move, the second on its right.
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
    player: Player | None = None
    divided: bool = False
    probe: str = ""

    def __post_init__(self) -> None:
        """Reject parts that do not fit together."""
        num_points = len(self.points)
        if not num_points or not self.panels:
            raise ValueError(
                f"a scene must have a point and a panel, got {num_points} points "
                f"and {len(self.panels)} panels; add what is missing"
            )
        for panel in self.panels:
            _check_panel(panel, num_points)
        self._check_player()
        self._check_parts()
        for name, places in (("marked", self.marked), ("up", (self.up,))):
            count = num_points if name == "marked" else 3
            if any(not 0 <= place < count for place in places):
                raise ValueError(f"{name} must be in 0 to {count - 1}, got {places}")
        if self.triangles is not None and self.triangles.size:
            low, high = int(self.triangles.min()), int(self.triangles.max())
            if low < 0 or high >= num_points:
                raise ValueError(
                    f"triangles must use points from 0 to {num_points - 1}, got {low} to {high}"
                )
        self._check_names()

    def _check_player(self) -> None:
        times = 0 if self.player is None else len(self.player.times)
        if self.player and not 0 <= self.player.start < times:
            raise ValueError(f"start must be in 0 to {times - 1}, got {self.player.start}")
        rows = [len(curve.values) for curve in (self.player.curves if self.player else ())]
        for panel in self.panels:
            frames = panel.coloring.frames if isinstance(panel.coloring, Field) else None
            rows += [len(one) for one in (frames, panel.places) if one is not None]
        if wrong := [row for row in rows if row != times]:
            raise ValueError(
                f"frames, places and curves must have one row for each of the {times} times of the "
                f"player, got {wrong[0]}"
            )

    def _check_parts(self) -> None:
        if self.divided and (len(self.panels) < 2 or self.tour):
            raise ValueError(
                f"a divided scene must have two panels and no tour, got {len(self.panels)} panels "
                f"and {len(self.tour)} stops"
            )
        count = 0 if self.triangles is None else len(self.triangles)
        for panel in self.panels:
            start, stop = panel.part or (0, 1)
            if panel.part is not None and not 0 <= start < stop <= count:
                raise ValueError(
                    f"part of the panel {panel.title!r} must be some of the {count} triangles, got "
                    f"{start} to {stop}"
                )

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
    """Reject colorings that do not have one value for each point, or have invalid limits."""
    coloring = panel.coloring
    if coloring is None:
        return
    is_field = isinstance(coloring, Field)
    values = coloring.values if is_field else coloring.labels
    if len(values) != num_points:
        raise ValueError(
            f"{coloring.name} must have one value for each point, got {len(values)} "
            f"for N={num_points}"
        )
    if is_field:
        low, high = coloring.limits
        if not (isfinite(low) and isfinite(high) and low <= high):
            raise ValueError(
                f"limits of {coloring.name} must be finite and ascending, got {low} to {high}"
            )
    elif coloring.levels is not None and coloring.levels.shape[1] <= values.max():
        raise ValueError(
            f"levels of {coloring.name} must have a column for every label up to {values.max()}, "
            f"got {coloring.levels.shape[1]}"
        )


def points_of(scene: Scene, panel: Panel) -> Int[ndarray, " _"]:
    """Return the points that a panel draws, ascending: those of its part, or all.

    Examples:
        >>> half = Panel(title="", part=(1, 2))
        >>> square = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
        >>> scene = Scene(
        ...     points=square, triangles=np.array([[0, 1, 2], [0, 2, 3]]), panels=(half,)
        ... )
        >>> points_of(scene, half).tolist()
        [0, 2, 3]
    """
    if panel.part is None or scene.triangles is None:
        return np.arange(len(scene.points))
    start, stop = panel.part
    return np.unique(scene.triangles[start:stop])


def places_at_start(scene: Scene, panel: Panel) -> Float[ndarray, "N X"]:
    """Return where a panel draws the points of a scene at first."""
    if panel.places is None or scene.player is None:
        return scene.points
    return panel.places[scene.player.start]


def box_around(body: SurfaceMesh | None, *, room: float = 0.08) -> Float[ndarray, "2 3"] | None:
    """Return the bounding box of a body, enlarged on all sides; None without a body.

    Args:
        body: The body.
        room: Margin as a share of the longest side.

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
