"""Attention in the 3-D viewer: weights of selected points, share on supernodes, masked patches.

Weights are shown as multiples of uniform attention: 1 × is the weight of each point if all points
had the same weight.

Letters: N points, X space axes, T triangles, K patches, S supernodes, P picked points.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from mspt.figures.scenes.parts import body_layers, patch_outline
from mspt.figures.viewer.scene import (
    Field,
    Layer,
    Lines,
    Panel,
    Scene,
    Spheres,
    box_around,
)
from mspt.geometry.mesh import SurfaceMesh

MAX_LINKS = 12
"""Lines from each selected point, to the supernodes with the largest weights."""

LARGEST_NODE = 0.028
"""Radius of the supernode with the largest weight, over the extent of the cloud."""

SMALLEST_NODE = 0.12
"""Smallest radius of a supernode, as a share of the largest, so that all remain visible."""

SUPERNODES, OWN, READS = "supernodes", "own supernodes", "largest weights"


@dataclass(frozen=True, kw_only=True, eq=False)
class AttentionCloud:
    """A cloud with its patches and supernodes, which are the same for all selected points.

    Attributes:
        points: The cloud.
        triangles: Triangles of the points, for a filled surface; None for a cloud.
        body: Body inside the cloud; None without one.
        patch_of_point: Patch of each point.
        nodes: Centers of the supernodes.
        close_view: Box that is shown at first of a domain that is much larger; None without one.
    """

    points: Float[ndarray, "N X"]
    triangles: Int[ndarray, "T 3"] | None
    body: SurfaceMesh | None
    patch_of_point: Int[ndarray, " N"]
    nodes: Float[ndarray, "S X"]
    close_view: Float[ndarray, "2 3"] | None = None

    @property
    def patch_of_node(self) -> Int[ndarray, " S"]:
        """Patch of each supernode."""
        # Supernodes come patch by patch, equally many for each.
        per_patch = len(self.nodes) // (int(self.patch_of_point.max()) + 1)
        return np.arange(len(self.nodes)) // per_patch


def weights_scene(
    cloud: AttentionCloud,
    local: Float[ndarray, " N"],
    through_supernodes: Float[ndarray, " N"],
    nodes: Float[ndarray, "P S"],
    *,
    picked: tuple[int, ...],
) -> Scene:
    """Return the weights on the own patch and those on the supernodes side by side.

    Args:
        cloud: The cloud.
        local: Weights on the points of the own patches, summed over the selected points.
        through_supernodes: Weights on supernodes, distributed over their points and summed alike.
        nodes: Weights of each selected point on the supernodes.
        picked: Selected points.
    """
    even, total = len(cloud.points), nodes.sum(0)
    panels = (
        _even_panel("Own patch, point by point", local * even),
        _even_panel("All supernodes, distributed over their points", through_supernodes * even),
    )
    return _scene(
        cloud,
        panels,
        layers=(*_supernodes(cloud, total, picked), _reads(cloud, nodes, picked)),
        marked=picked,
        text=[f"patch {patch}: {100 * share:.2g}%" for patch, share in _by_patch(cloud, total)],
    )


def share_scene(
    cloud: AttentionCloud, shares: Float[ndarray, " N"], field: Field, *, picked: tuple
) -> Scene:
    """Return the share of every point's attention on supernodes beside the prediction.

    Args:
        cloud: The cloud.
        shares: Share of each point, from 0 to 1.
        field: The prediction.
        picked: Selected points.
    """
    share = Field(
        name="on supernodes", unit="%", values=100 * shares, limits=(0.0, 100.0), palette="share"
    )
    panels = (
        Panel(title="Global share of the attention", coloring=share),
        Panel(title="Prediction", coloring=field),
    )
    return _scene(cloud, panels, layers=(), marked=picked)


def masking_scene(
    cloud: AttentionCloud,
    weights: Float[ndarray, " N"],
    change: Field,
    *,
    picked: tuple[int, ...],
    patch: int,
) -> Scene:
    """Return the attention beside the change of the prediction when a patch is masked.

    A line surrounds the points of the patch.

    Args:
        cloud: The cloud.
        weights: All weights, distributed over the cloud and summed over the selected points.
        change: Prediction with the patch masked minus that without masking.
        picked: Selected points.
        patch: The masked patch.
    """
    panels = (
        _even_panel("Attention, local and global", weights * len(cloud.points)),
        Panel(title="Change when masked", coloring=change),
    )
    outline = patch_outline(
        "masked patch", cloud.points, cloud.triangles, cloud.patch_of_point, patch=patch
    )
    return _scene(cloud, panels, layers=(outline,), marked=picked)


def signed_field(name: str, unit: str, values: Float[ndarray, " N"]) -> Field:
    """Return a signed quantity as a field whose colors diverge around zero.

    Args:
        name: Name of the quantity.
        unit: Its unit.
        values: Values at the points.
    """
    top = float(np.nanmax(np.abs(values))) or 1.0
    return Field(
        name=name, unit=unit, values=values, limits=(-top, top), palette="error", faded=True
    )


def plain_field(name: str, unit: str, values: Float[ndarray, " N"]) -> Field:
    """Return a quantity as a field whose color bar shows 99 % of its values.

    Args:
        name: Name of the quantity.
        unit: Its unit.
        values: Values at the points.
    """
    low, high = (float(end) for end in np.nanquantile(values, [0.005, 0.995]))
    return Field(name=name, unit=unit, values=values, limits=(low, high))


def attention_panel(point: int, weights: Float[ndarray, " N"]) -> Panel:
    """Return a panel for another scene of the cloud: all attention of one point.

    Args:
        point: The point, for the title.
        weights: Its attention, local and global, spread over the cloud; they sum to 1.
    """
    return _even_panel(f"attention of point {point}", weights * len(weights))


def _even_panel(title: str, multiples: Float[ndarray, " N"]) -> Panel:
    """Return a panel of weights as multiples of uniform attention.

    The color bar ends at the 98th percentile, because a few large weights would hide the others.
    """
    known = multiples[multiples > 0]
    top = float(np.quantile(known, 0.98)) if len(known) else 1.0
    field = Field(
        name="attention",
        unit="× uniform",
        values=multiples,
        limits=(0.0, top or 1.0),
        palette="share",
        faded=True,
    )
    return Panel(title=title, coloring=field)


def _scene(
    cloud: AttentionCloud,
    panels: tuple[Panel, ...],
    *,
    layers: tuple[Layer, ...],
    marked: tuple[int, ...],
    text: list[str] | None = None,
) -> Scene:
    """Return a scene with the parts that all scenes of this module share."""
    count = int(cloud.patch_of_point.max()) + 1
    return Scene(
        points=cloud.points,
        panels=panels,
        triangles=cloud.triangles,
        layers=(*body_layers(cloud.body), *layers),
        groups=cloud.patch_of_point,
        group_text=tuple(text or (f"patch {patch}" for patch in range(count))),
        marked=marked,
        focus=cloud.close_view if cloud.body is None else box_around(cloud.body),
    )


def _supernodes(
    cloud: AttentionCloud, weights: Float[ndarray, " S"], picked: tuple[int, ...]
) -> tuple[Spheres, ...]:
    """Return supernodes as spheres, and wire balls around those of the selected points' patches.

    The surface of a sphere, not its radius, is proportional to the weight.
    """
    largest = LARGEST_NODE * _extent(cloud)
    radii = largest * np.sqrt(weights / (float(weights.max()) or 1.0)).clip(min=SMALLEST_NODE)
    patch = cloud.patch_of_node
    own = np.isin(patch, cloud.patch_of_point[list(picked)])
    return (
        Spheres(
            name=SUPERNODES,
            centers=cloud.nodes,
            radii=radii,
            values=100 * weights,
            follows=patch,
        ),
        Spheres(
            name=OWN,
            centers=cloud.nodes[own],
            radii=radii[own] + 0.35 * largest,  # larger than the sphere inside
            style="wire",
            follows=patch[own],
        ),
    )


def _reads(cloud: AttentionCloud, nodes: Float[ndarray, "P S"], picked: tuple[int, ...]) -> Lines:
    """Return lines from each selected point to the supernodes with the largest weights."""
    most = np.argsort(-nodes, axis=1)[:, :MAX_LINKS]
    strength = np.take_along_axis(nodes, most, axis=1)
    own = np.repeat(cloud.patch_of_point[list(picked)], most.shape[1])
    return Lines(
        name=READS,
        follows=np.column_stack([own, cloud.patch_of_node[most.ravel()]]),
        starts=np.repeat(cloud.points[list(picked)], most.shape[1], axis=0),
        stops=cloud.nodes[most.ravel()],
        # Opacity relative to the strongest line of a point, which may have no weight at all.
        values=(strength / (strength.max(axis=1, keepdims=True) + 1e-12)).ravel(),
    )


def _by_patch(cloud: AttentionCloud, weights: Float[ndarray, " S"]) -> list[tuple[int, float]]:
    """Return each patch with the sum of the weights on its supernodes."""
    count = int(cloud.patch_of_point.max()) + 1
    return list(enumerate(weights.reshape(count, -1).sum(1).tolist()))


def _extent(cloud: AttentionCloud) -> float:
    """Return the longest side of the body, or of the cloud if there is none."""
    known = cloud.points if cloud.body is None else cloud.body.vertices
    if cloud.close_view is not None:
        known = cloud.close_view
    return float((known.max(0) - known.min(0)).max())
