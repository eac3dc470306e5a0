"""Attention in the 3-D viewer: where picked points read, what goes global, what masking changes.

Letters: N points, X space axes, T triangles, K patches, S supernodes, P picked points.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray

from mspt.figures.viewer.scene import (
    Field,
    Layer,
    Lines,
    Panel,
    Scene,
    Spheres,
    Surface,
    box_around,
)
from mspt.geometry.mesh import SurfaceMesh

MOST = 12
"""Lines drawn from each picked point, to the supernodes it reads most."""
SUPERNODES, OWN, READS, BODY = "Supernodes", "Own supernodes", "Most read", "Body"


@dataclass(frozen=True, kw_only=True, eq=False)
class Stage:
    """What stays the same on one cloud whatever is picked.

    Attributes:
        points: The cloud.
        triangles: Of the points, to draw a filled surface; None for a cloud.
        body: That points lie around; None without one.
        patch_of_point: Patch of each point.
        nodes: Centers of the supernodes.
    """

    points: Float[ndarray, "N X"]
    triangles: Int[ndarray, "T 3"] | None
    body: SurfaceMesh | None
    patch_of_point: Int[ndarray, " N"]
    nodes: Float[ndarray, "S X"]

    @property
    def patch_of_node(self) -> Int[ndarray, " S"]:
        """Patch of each supernode."""
        per_patch = len(self.nodes) // (int(self.patch_of_point.max()) + 1)
        return np.arange(len(self.nodes)) // per_patch


def weights_scene(
    stage: Stage,
    local: Float[ndarray, " N"],
    through_supernodes: Float[ndarray, " N"],
    nodes: Float[ndarray, "P S"],
    *,
    picked: tuple[int, ...],
) -> Scene:
    """Show the weights on the own patch and those on the supernodes side by side.

    Args:
        stage: The cloud.
        local: Weights on the points of the own patches, summed over picked points.
        through_supernodes: Weights on supernodes, spread back over their points, summed alike.
        nodes: Weights of each picked point on the supernodes.
        picked: The points that the weights are of.
    """
    even, total = len(stage.points), nodes.sum(0)
    panels = (
        _even_panel("Own patch, point by point", local * even),
        _even_panel("All supernodes, spread back over their points", through_supernodes * even),
    )
    return _scene(
        stage,
        panels,
        layers=(*_supernodes(stage, total, picked), _reads(stage, nodes, picked)),
        marked=picked,
        text=[f"patch {patch}: {100 * share:.2g}%" for patch, share in _by_patch(stage, total)],
    )


def share_scene(
    stage: Stage, shares: Float[ndarray, " N"], field: Field, *, picked: tuple
) -> Scene:
    """Show how much of every point's attention goes to supernodes, beside the prediction."""
    share = Field(
        name="to supernodes", unit="%", values=100 * shares, limits=(0.0, 100.0), palette="share"
    )
    panels = (
        Panel(title="Attention that goes global", coloring=share),
        Panel(title="Prediction", coloring=field),
    )
    return _scene(stage, panels, layers=(), marked=picked)


def masking_scene(
    stage: Stage,
    weights: Float[ndarray, " N"],
    change: Field,
    *,
    picked: tuple[int, ...],
    patch: int,
) -> Scene:
    """Show the attention beside what masking a patch changes; the patch is framed.

    Args:
        stage: The cloud.
        weights: All weights, spread back over the cloud, summed over picked points.
        change: Masked prediction minus the whole one.
        picked: The points that the weights are of.
        patch: The masked patch.
    """
    panels = (
        _even_panel("Attention, all of it", weights * len(stage.points)),
        Panel(title="Change when masked", coloring=change),
    )
    own = stage.points[stage.patch_of_point == patch]
    center = own.mean(0)
    ball = Spheres(
        name="Masked patch",
        centers=center[None],
        radii=np.linalg.norm(own - center, axis=1).max(keepdims=True),
        style="wire",
        follows=np.array([patch]),
    )
    return _scene(stage, panels, layers=(ball,), marked=picked)


def signed_field(name: str, unit: str, values: Float[ndarray, " N"]) -> Field:
    """Return a change as a field whose colors diverge around zero."""
    top = float(np.nanmax(np.abs(values))) or 1.0
    return Field(
        name=name, unit=unit, values=values, limits=(-top, top), palette="error", faded=True
    )


def plain_field(name: str, unit: str, values: Float[ndarray, " N"]) -> Field:
    """Return a quantity as a field within nearly all of its values."""
    low, high = (float(end) for end in np.nanquantile(values, [0.005, 0.995]))
    return Field(name=name, unit=unit, values=values, limits=(low, high))


def _even_panel(title: str, multiples: Float[ndarray, " N"]) -> Panel:
    """Return weights as multiples of even attention, the few largest ones beyond the scale."""
    known = multiples[multiples > 0]
    top = float(np.quantile(known, 0.98)) if len(known) else 1.0
    field = Field(
        name="attention",
        unit="× even",
        values=multiples,
        limits=(0.0, top or 1.0),
        palette="share",
        faded=True,
    )
    return Panel(title=title, coloring=field)


def _scene(
    stage: Stage,
    panels: tuple[Panel, ...],
    *,
    layers: tuple[Layer, ...],
    marked: tuple[int, ...],
    text: list[str] | None = None,
) -> Scene:
    body = () if stage.body is None else (_surface(stage.body),)
    count = int(stage.patch_of_point.max()) + 1
    return Scene(
        points=stage.points,
        panels=panels,
        triangles=stage.triangles,
        layers=(*body, *layers),
        groups=stage.patch_of_point,
        group_text=tuple(text or (f"patch {patch}" for patch in range(count))),
        marked=marked,
        focus=box_around(stage.body),
    )


def _surface(body: SurfaceMesh) -> Surface:
    return Surface(name=BODY, vertices=body.vertices, triangles=body.triangles)


def _supernodes(
    stage: Stage, weights: Float[ndarray, " S"], picked: tuple[int, ...]
) -> tuple[Spheres, ...]:
    """Return supernodes as balls as large as they are read, and rings about the own ones."""
    largest = 0.028 * _extent(stage)
    radii = largest * np.sqrt(weights / (float(weights.max()) or 1.0)).clip(min=0.12)
    patch = stage.patch_of_node
    own = np.isin(patch, stage.patch_of_point[list(picked)])
    return (
        Spheres(
            name=SUPERNODES,
            centers=stage.nodes,
            radii=radii,
            values=100 * weights,
            follows=patch,
        ),
        Spheres(
            name=OWN,
            centers=stage.nodes[own],
            radii=radii[own] + 0.35 * largest,
            style="wire",
            follows=patch[own],
        ),
    )


def _reads(stage: Stage, nodes: Float[ndarray, "P S"], picked: tuple[int, ...]) -> Lines:
    """Return lines from each picked point to the supernodes it reads most."""
    most = np.argsort(-nodes, axis=1)[:, :MOST]
    strength = np.take_along_axis(nodes, most, axis=1)
    own = np.repeat(stage.patch_of_point[list(picked)], most.shape[1])
    return Lines(
        name=READS,
        follows=np.column_stack([own, stage.patch_of_node[most.ravel()]]),
        starts=np.repeat(stage.points[list(picked)], most.shape[1], axis=0),
        stops=stage.nodes[most.ravel()],
        values=(strength / (strength.max(axis=1, keepdims=True) + 1e-12)).ravel(),
    )


def _by_patch(stage: Stage, weights: Float[ndarray, " S"]) -> list[tuple[int, float]]:
    count = int(stage.patch_of_point.max()) + 1
    return list(enumerate(weights.reshape(count, -1).sum(1).tolist()))


def _extent(stage: Stage) -> float:
    known = stage.points if stage.body is None else stage.body.vertices
    return float((known.max(0) - known.min(0)).max())
