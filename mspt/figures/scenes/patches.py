"""Partitions of a cloud in the 3-D viewer, and what is measured of their patches as charts.

Letters: N points, K patches, X space axes.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
import torch
from jaxtyping import Float
from torch import Tensor

from mspt.figures.theme import ACCENT, BAR, INK, lay_out
from mspt.figures.viewer.scene import Labels, Layer, Panel, Scene, Spheres, Surface
from mspt.geometry.mesh import SurfaceMesh
from mspt.partition.ball_tree import BallTree, Partition
from mspt.partition.levels import TreeLevels, tree_levels
from mspt.partition.patches import Compactness, PatchShapes, supernode_centers

MAX_DRAWN = 2048
"""Most balls of a level, supernodes and lines of text that the viewer is sent."""
BALLS, SUPERNODES, PICKED, BODY = "balls", "supernodes", "ball of the picked patch", "body"
_SUPERNODE_SIZE = 0.01
_FEWEST_TO_SHRINK = 64  # more supernodes than these are drawn smaller


@dataclass(frozen=True, kw_only=True, eq=False)
class ShownCut:
    """A partition to show.

    Attributes:
        title: Over its view.
        partition: The patches; a tree gives the level slider its steps.
        shapes: Their size and form.
    """

    title: str
    partition: Partition
    shapes: PatchShapes


def patch_scene(
    points: Float[Tensor, "N X"],
    cut: ShownCut,
    *,
    unit: str,
    num_supernodes: int = 1,
    beside: ShownCut | None = None,
    body: SurfaceMesh | None = None,
    picked: int | None = None,
) -> Scene:
    """Return a cloud colored by patch, with balls, supernodes and a walk down the tree.

    Args:
        points: The cloud.
        cut: Its patches.
        unit: Of the points.
        num_supernodes: Supernodes Q per patch.
        beside: Shown in a second view; balls and supernodes are then left out, as both views would
            show them.
        body: That the points lie on or around.
        picked: A point, ringed; the ball of its patch is drawn.
    """
    partition, shapes = cut.partition, cut.shapes
    patch = partition.patch_of_point.numpy()
    tree = partition.tree
    walk = None if tree is None else tree_levels(tree)
    levels = None if walk is None else walk.groups
    panels = [Panel(title=cut.title, coloring=Labels(name="patch", labels=patch, levels=levels))]
    layers: list[Layer] = []
    if beside is not None:
        other = beside.partition.patch_of_point.numpy()
        panels.append(Panel(title=beside.title, coloring=Labels(name="patch", labels=other)))
    else:
        if picked is not None:
            layers.append(_ball(shapes, int(patch[picked])))
        layers += _patch_balls(shapes) if tree is None or walk is None else _tree_balls(tree, walk)
        if len(shapes.size) * num_supernodes <= MAX_DRAWN:
            layers.append(_supernodes(points, cut, num_supernodes))
    if body is not None:
        layers.append(Surface(name=BODY, vertices=body.vertices, triangles=body.triangles))
    return Scene(
        points=points.numpy(),
        panels=tuple(panels),
        layers=tuple(layers),
        hidden=tuple(layer.name for layer in layers if layer.name == BALLS),
        groups=patch,
        group_text=_texts(shapes, unit),
        marked=() if picked is None else (picked,),
    )


def radius_histogram(
    radii: Float[np.ndarray, " K"],
    *,
    unit: str,
    picked: float | None = None,
    dark: bool = False,
    height: int = 300,
) -> go.Figure:
    """Draw how the radii of patches spread, with that of the picked patch marked."""
    bins = int(np.clip(round(2 * np.sqrt(len(radii))), 6, 48))
    low, high = float(radii.min()), float(radii.max())
    span = (low, high) if high > low else (0.5 * low, 1.5 * low or 1.0)
    counts, edges = np.histogram(radii, bins=bins, range=span)
    figure = go.Figure(
        go.Bar(
            x=(edges[:-1] + edges[1:]) / 2,
            y=counts,
            width=np.diff(edges),
            marker={"color": BAR[dark], "line": {"width": 0}},
            customdata=np.stack([edges[:-1], edges[1:]], axis=-1),
            hovertemplate=f"%{{y}} patches with a radius from %{{customdata[0]:.3g}} to "
            f"%{{customdata[1]:.3g}} {unit}<extra></extra>",
        )
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
    """Draw the dispersion of patches of several partitions: median, and up to the worst patch.

    Args:
        found: Compactness by name of the partition.
        unit: Of the points.
        chosen: Name of the partition on the page, in a color of its own.
        dark: Whether the page is dark.
        height: Height in pixels.
    """
    names = list(found)[::-1]
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
    figure.update_xaxes(type="log", exponentformat="power", nticks=6)
    figure = lay_out(figure, dark=dark, height=height)
    return figure.update_layout(margin={"l": 84, "b": 48})


def _mark(figure: go.Figure, place: float, text: str, *, color: str, dash: str) -> None:
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


def _ball(shapes: PatchShapes, patch: int) -> Spheres:
    return Spheres(
        name=PICKED,
        centers=shapes.center[[patch]],
        radii=shapes.radius[[patch]],
        style="wire",
        labels=np.array([patch]),
    )


def _patch_balls(shapes: PatchShapes) -> list[Layer]:
    """Return the ball of each patch, if they are few enough."""
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
    """Return the balls of every level that has few enough."""
    counts = np.bincount(walk.level)
    drawn = np.flatnonzero(counts[walk.level] <= MAX_DRAWN)
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


def _supernodes(points: Float[Tensor, "N X"], cut: ShownCut, num_supernodes: int) -> Spheres:
    """Return a small sphere at the middle of the points behind each supernode."""
    shapes = cut.shapes
    centers = supernode_centers(points, cut.partition, num_supernodes)
    reach = shapes.radius[:, None]
    extent = (shapes.center + reach).max(axis=0) - (shapes.center - reach).min(axis=0)
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
    """Return what is shown under the mouse."""
    if len(shapes.size) > MAX_DRAWN:
        return ()
    rows = zip(shapes.size.tolist(), shapes.radius.tolist(), strict=True)
    return tuple(
        f"patch {patch} · {size} points · radius {radius:.3g} {unit}"
        for patch, (size, radius) in enumerate(rows)
    )
