"""Partitions of a cloud in the 3-D viewer, and charts of measures of their patches.

Letters: N points, K patches, X space axes, T triangles.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
import torch
from jaxtyping import Float, Int
from numpy import ndarray
from torch import Tensor

from mspt.figures.charts.axes import log_axis, short
from mspt.figures.charts.curves import histogram, num_bins
from mspt.figures.coloring import color_levels
from mspt.figures.scenes.parts import body_layers, patch_outline
from mspt.figures.theme import ACCENT, INK, lay_out
from mspt.figures.viewer.scene import Labels, Layer, Panel, Scene, Spheres
from mspt.geometry.mesh import SurfaceMesh
from mspt.partition.ball_tree import BallTree, Partition
from mspt.partition.levels import TreeLevels, tree_levels
from mspt.partition.patches import (
    Compactness,
    PatchShapes,
    supernode_centers,
)

MAX_DRAWN = 2048
"""Most balls of a level, supernodes and lines of text that are sent to the viewer."""

BALLS, SUPERNODES, PICKED = "balls", "supernodes", "picked patch"
_SUPERNODE_SIZE = 0.01
"""Radius of supernodes, over the diagonal of the cloud."""

_FEWEST_TO_SHRINK = 64
"""More supernodes than these are drawn smaller, such that their total volume is constant."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ShownPartition:
    """A partition to show.

    Attributes:
        title: Title of its panel.
        partition: The patches; the levels of its tree are the steps of the level slider.
        shapes: Size and shape of the patches.
        touching: Pairs of patches that touch, which get different colors if eight colors suffice.
    """

    title: str
    partition: Partition
    shapes: PatchShapes
    touching: Int[ndarray, "P 2"]


@dataclass(frozen=True, eq=False)
class CloseView:
    """A part of a plane domain that is shown at first.

    Points that are close to each other there, and far apart elsewhere, are drawn as triangles.

    Attributes:
        box: Its lower and upper corner.
        triangles: Of all points.
    """

    box: Float[ndarray, "2 3"]
    triangles: Int[ndarray, "T 3"]


def patch_scene(  # noqa: PLR0913 - a picture has many independent settings
    points: Float[Tensor, "N X"],
    shown: ShownPartition,
    *,
    unit: str,
    num_supernodes: int = 1,
    beside: ShownPartition | Panel | None = None,
    body: SurfaceMesh | None = None,
    close: CloseView | None = None,
    picked: int | None = None,
) -> Scene:
    """Return a cloud colored by patch, with balls, supernodes and the levels of the tree.

    Args:
        points: The cloud.
        shown: Its partition.
        unit: Unit of the points.
        num_supernodes: Supernodes Q per patch.
        beside: Partition of a second panel; balls and supernodes are then left out, because panels
            share layers. Or a panel of another quantity, beside which they stay.
        body: Body inside the cloud.
        close: What is shown at first of a large plane domain; None for all points.
        picked: Selected point, which gets a ring; its patch is outlined.
    """
    partition, shapes = shown.partition, shown.shapes
    patch = partition.patch_of_point.numpy()
    tree = partition.tree
    walk = None if tree is None else tree_levels(tree)
    levels = None if walk is None else walk.groups
    panels = [Panel(title=shown.title, coloring=_labels(shown, levels))]
    layers: list[Layer] = []
    triangles = None if close is None else close.triangles
    if picked is not None:
        around = int(patch[picked])
        layers.append(patch_outline(PICKED, points.numpy(), triangles, patch, patch=around))
    if isinstance(beside, Panel):
        panels.append(beside)
    if isinstance(beside, ShownPartition):
        panels.append(Panel(title=beside.title, coloring=_labels(beside, None)))
    else:
        layers += _patch_balls(shapes) if tree is None or walk is None else _tree_balls(tree, walk)
        if len(shapes.size) * num_supernodes <= MAX_DRAWN:
            layers.append(_supernodes(points, shown, num_supernodes, close=close))
    layers += body_layers(body, name="body")
    return Scene(
        points=points.numpy(),
        panels=tuple(panels),
        layers=tuple(layers),
        hidden=tuple(layer.name for layer in layers if layer.name == BALLS),
        groups=patch,
        group_text=_texts(shapes, unit),
        marked=() if picked is None else (picked,),
        triangles=triangles,
        focus=None if close is None else close.box,
    )


def radius_histogram(
    radii: Float[np.ndarray, " K"],
    *,
    unit: str,
    picked: float | None = None,
    dark: bool = False,
    height: int = 300,
) -> go.Figure:
    """Draw a histogram of the radii of patches, with the median and a selected patch marked.

    Args:
        radii: Radius of each patch.
        unit: Unit of the radii.
        picked: Radius of the selected patch; None for none.
        dark: Whether the page is dark.
        height: Height in pixels.
    """
    low, high = float(radii.min()), float(radii.max())
    # If all radii are equal, or zero, a histogram still needs a range.
    span = (low, high) if high > low else (0.5 * low, 1.5 * low or 1.0)
    figure = histogram(
        radii,
        bins=num_bins(len(radii), most=48),
        hovertemplate=f"%{{y}} patches with a radius from %{{customdata[0]:.3g}} to "
        f"%{{customdata[1]:.3g}} {unit}<extra></extra>",
        span=span,
        dark=dark,
    )
    middle = float(np.median(radii))
    _mark(figure, middle, "median", color=INK[dark], dash="dot")
    if picked is not None:
        _mark(figure, picked, "picked", color=ACCENT[dark], dash="solid")
    figure.update_xaxes(title=f"radius of a patch ({unit})", rangemode="tozero")
    figure.update_yaxes(title="patches")
    figure = lay_out(figure, dark=dark, height=height)
    return figure.update_layout(bargap=0.05, margin={"l": 56, "b": 48})


def compactness_figure(
    found: Mapping[str, Compactness],
    *,
    unit: str,
    chosen: str,
    dark: bool = False,
    height: int = 300,
) -> go.Figure:
    """Draw the dispersion of patches of several partitions, from the median to the worst patch.

    Args:
        found: Compactness by name of the partition.
        unit: Unit of the points.
        chosen: Name of the partition to highlight.
        dark: Whether the page is dark.
        height: Height in pixels.
    """
    names = list(found)[::-1]  # Plotly draws categories from the bottom
    # Dispersions of zero are drawn a decade below the others, because the axis is logarithmic.
    floor = min((one.median for one in found.values() if one.median > 0), default=1.0) / 10
    figure = go.Figure()
    for name in names:
        one, color = found[name], ACCENT[dark] if name == chosen else INK[dark]
        values = [max(value, floor) for value in (one.median, one.p90, one.p99, one.max)]
        exact = [one.median, one.p90, one.p99, one.max]
        figure.add_scatter(
            x=values,
            y=[name] * 4,
            mode="lines+markers",
            line={"color": color, "width": 2},
            marker={
                "color": color,
                "size": [15, 9, 9, 9],
                "symbol": ["circle", "line-ns-open", "line-ns-open", "line-ns-open"],
            },
            customdata=list(zip(("median", "90%", "99%", "worst"), exact, strict=True)),
            hovertemplate=f"{name}, %{{customdata[0]}}: %{{customdata[1]:.3g}} "
            f"{unit}²<extra></extra>",
        )
    figure.update_xaxes(title=f"mean squared distance from the patch's center ({unit}²)")
    drawn = [value for trace in figure.data for value in trace.x]
    figure.update_xaxes(log_axis(drawn, short))
    figure = lay_out(figure, dark=dark, height=height)
    return figure.update_layout(margin={"l": 84, "b": 48})


def _mark(figure: go.Figure, place: float, text: str, *, color: str, dash: str) -> None:
    """Add a vertical line with a text above the chart; two texts have different heights."""
    figure.add_vline(x=place, line={"color": color, "width": 2, "dash": dash})
    figure.add_annotation(
        x=place,
        y=1 if text == "median" else 1.1,
        yref="paper",
        yanchor="bottom",
        showarrow=False,
        text=text,
        font={"color": color},
    )


def _labels(shown: ShownPartition, levels: Int[ndarray, "levels K"] | None) -> Labels:
    return Labels(
        name="patch",
        labels=shown.partition.patch_of_point.numpy(),
        levels=levels,
        colors=color_levels(shown.touching, len(shown.shapes.size), levels),
    )


def _patch_balls(shapes: PatchShapes) -> list[Layer]:
    """Return the ball of each patch, unless there are too many."""
    if len(shapes.size) > MAX_DRAWN:
        return []
    balls = Spheres(
        name=BALLS,
        centers=shapes.center,
        radii=shapes.radius,
        style="wire",
        labels=np.arange(len(shapes.size)),
    )
    return [balls]


def _tree_balls(tree: BallTree, walk: TreeLevels) -> list[Layer]:
    """Return the balls of every level of a tree that does not have too many."""
    counts = np.bincount(walk.level)
    drawn = np.flatnonzero(counts[walk.level] <= MAX_DRAWN)
    # Index of each ball within its level, which is its group there.
    place = np.arange(len(walk.nodes)) - (np.cumsum(counts) - counts)[walk.level]
    nodes = torch.from_numpy(walk.nodes[drawn])
    balls = Spheres(
        name=BALLS,
        centers=tree.center[nodes].double().numpy(),
        radii=tree.radius[nodes].double().numpy(),
        style="wire",
        labels=place[drawn],
        level=walk.level[drawn],
    )
    return [balls]


def _supernodes(
    points: Float[Tensor, "N X"],
    shown: ShownPartition,
    num_supernodes: int,
    *,
    close: CloseView | None,
) -> Spheres:
    """Return a small sphere at the mean of the points that each supernode represents."""
    shapes = shown.shapes
    centers = supernode_centers(points, shown.partition, num_supernodes)
    reach = shapes.radius[:, None]
    extent = (shapes.center + reach).max(axis=0) - (shapes.center - reach).min(axis=0)
    if close is not None:
        extent = close.box[1] - close.box[0]
    size = _SUPERNODE_SIZE * float(np.linalg.norm(extent))
    many = max(1.0, len(centers) / _FEWEST_TO_SHRINK)
    patches = np.arange(len(shapes.size))
    return Spheres(
        name=SUPERNODES,
        centers=centers,
        radii=np.full(len(centers), size * many ** (-1 / 3)),
        style="solid",
        labels=np.repeat(patches, num_supernodes),
    )


def _texts(shapes: PatchShapes, unit: str) -> tuple[str, ...]:
    """Return the text of each patch on hovering."""
    if len(shapes.size) > MAX_DRAWN:
        return ()
    rows = zip(shapes.size.tolist(), shapes.radius.tolist(), strict=True)
    return tuple(
        f"patch {patch} · {size} points · radius {radius:.3g} {unit}"
        for patch, (size, radius) in enumerate(rows)
    )
