"""A guided tour of one body: shape, tree, patches, supernodes, one block, field and error.

Only points on the body are drawn; all numbers are for the whole cloud.

Letters: N points, K patches, L points per patch, Q supernodes per patch, S = K Q.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int
from numpy import ndarray

from mspt.evaluation.comparison import compare, views_of
from mspt.figures.coloring import color_levels
from mspt.figures.scenes.comparison import field_panels
from mspt.figures.scenes.parts import BODY_LAYER, ball_around, body_layers
from mspt.figures.scenes.tour_facts import TourFacts, facts_of
from mspt.figures.viewer.scene import Field, Labels, Lines, Panel, Scene, Spheres, Stop
from mspt.inspection.observation import (
    Observed,
    PointAttention,
    attend_from,
    peak_point,
    summaries_by_block,
)
from mspt.partition.levels import tree_levels
from mspt.partition.patches import nearest_points, supernode_centers, touching_patches

BALLS, SUPERNODES, READ, READS, POINT = (
    "balls",
    "supernodes",
    "attended supernodes",
    "links",
    "the point",
)
_LINKS = 12
"""Lines from the selected point, to the supernodes with the largest weights."""

ATTENTION_RANGE = (0.02, 0.995)
"""Quantiles of the attention on the body between whose powers of ten the color bar lies."""

_BALL_LEVELS = (1, 2, 3)
"""Levels of the tree whose balls are sent."""

_SHOWN_LEVEL = 2
"""Level of the tree at the stop that explains it: four balls."""

_NODE_SIZE = 0.03
"""Radius of the supernode with the largest weight, over the length of the body."""

_SMALLEST_NODE = 0.2
"""Smallest radius of a supernode, as a share of the largest, so that all remain visible."""
_PLAIN, _PATCHES, _WEIGHTS, _PREDICTION, _ERROR = range(5)


@dataclass(frozen=True, kw_only=True, eq=False)
class Tour:
    """The scene of the tour, with its stops, and the numbers in its texts."""

    scene: Scene
    facts: TourFacts


def build_tour(observed: Observed) -> Tour:
    """Return the tour of a body for one recorded prediction.

    Args:
        observed: A sample with a body and a truth, and the recorded prediction of a model.

    Raises:
        ValueError: If the sample has no body, or its truth is unknown.
    """
    sample = observed.sample
    if sample.body is None or sample.truth is None:
        raise ValueError(f"sample must have a body and a truth, got {sample.key}")
    point = peak_point(observed)
    shares = [summary.local_share for summary in summaries_by_block(observed, [point])]
    # The block with the most even attention on own patch and supernodes shows both best.
    block = int(np.abs(np.array(shares) - 0.5).argmin())
    seen = attend_from(observed, [point], block=block)
    facts = facts_of(observed, seen)
    shown = sample.num_surface
    length = float(sample.body.extent.max())
    scene = Scene(
        points=sample.points.numpy()[:shown],
        panels=_panels(observed, seen),
        layers=(*body_layers(sample.body), *_tree_balls(observed), *_nodes(observed, seen, length)),
        groups=observed.partition.patch_of_point.numpy()[:shown],
        group_text=tuple(
            f"patch {index}, {size} points"
            for index, size in enumerate(observed.partition.offsets.diff().tolist())
        ),
        tour=_stops(facts),
    )
    return Tour(scene=scene, facts=facts)


def _panels(observed: Observed, seen: PointAttention) -> tuple[Panel, ...]:
    sample, partition = observed.sample, observed.partition
    shown = sample.num_surface
    patch = partition.patch_of_point.numpy()[:shown]
    levels = None if partition.tree is None else tree_levels(partition.tree).groups
    touching = touching_patches(partition, nearest_points(sample.points))
    colors = color_levels(touching, len(partition.offsets) - 1, levels)
    compared = compare(sample, observed.fields, next(iter(views_of(sample).values())))
    return (
        Panel(title="Points on the body, with their normals", coloring=_normals(observed)),
        Panel(
            title="Patches",
            coloring=Labels(name="patch", labels=patch, levels=levels, colors=colors),
        ),
        Panel(title="Attention of one point", coloring=_attention(observed, seen)),
        *field_panels({"model": compared}, "signed")[1:],
    )


def _attention(observed: Observed, seen: PointAttention) -> Field:
    """Return the attention on each point of the body, as multiples of uniform attention.

    Weights on supernodes are distributed over their points. The scale is logarithmic: on a linear
    one, a few points near the selected one would leave one color for the rest of the body.
    """
    total = (seen.local + seen.through_supernodes).numpy().astype(float)
    multiples = (total * len(total))[: observed.sample.num_surface]
    powers = np.log10(np.maximum(multiples, 1e-9))
    low, high = np.quantile(powers, ATTENTION_RANGE)
    return Field(
        name="attention",
        unit="× uniform",
        values=np.maximum(powers, low),
        limits=(float(np.floor(low)), max(float(np.ceil(high)), float(np.floor(low)) + 1)),
        palette="share",
        log=True,
    )


def _normals(observed: Observed) -> Field | None:
    """Return the component of the outward normal along the flow, an input of the model."""
    features = observed.sample.features
    if features is None:
        return None
    along = features[: observed.sample.num_surface, 0].numpy()
    return Field(name="outward normal along the flow", unit="1", values=along, limits=(-1.0, 1.0))


def _tree_balls(observed: Observed) -> tuple[Spheres, ...]:
    """Return balls of the first levels around the points on the body.

    Balls of the tree itself enclose points of the flow too, which are not drawn.
    """
    tree = observed.partition.tree
    if tree is None:
        return ()
    shown = observed.sample.num_surface
    points = observed.sample.points.numpy()[:shown].astype(float)
    patch = observed.partition.patch_of_point.numpy()[:shown]
    groups = tree_levels(tree).groups
    found = [
        (level, group, *ball)
        for level in _BALL_LEVELS
        if level < len(groups)
        for group in np.unique(groups[level][patch])
        if (ball := ball_around(points[groups[level][patch] == group])) is not None
    ]
    if not found:
        return ()
    level, label, center, radius = (np.array(part) for part in zip(*found, strict=True))
    return (
        Spheres(name=BALLS, centers=center, radii=radius, style="wire", labels=label, level=level),
    )


def _nodes(observed: Observed, seen: PointAttention, length: float) -> tuple[Spheres | Lines, ...]:
    """Return supernodes by patch, the same by weight, the point, and links between them."""
    per_patch = observed.recording.num_supernodes
    places, point = observed.sample.points, seen.points[0]
    centers = supernode_centers(places, observed.partition, per_patch)
    size = _NODE_SIZE * length
    weights = seen.on_supernodes.numpy()[0].astype(float)
    radii = size * np.sqrt(weights / (weights.max() or 1.0)).clip(min=_SMALLEST_NODE)
    patches: Int[ndarray, " S"] = np.arange(len(centers)) // per_patch
    most, own = np.argsort(-weights)[:_LINKS], observed.partition.patch_of_point.numpy()[[point]]
    return (
        Spheres(
            name=SUPERNODES,
            centers=centers,
            radii=np.full(len(centers), 0.6 * size),
            labels=patches,
        ),
        Spheres(name=READ, centers=centers, radii=radii, values=100 * weights, follows=patches),
        Spheres(
            name=POINT,
            centers=places.numpy()[[point]].astype(float),
            radii=np.array([0.4 * size]),
            follows=own,
        ),
        Lines(
            name=READS,
            starts=np.repeat(places.numpy()[[point]], len(most), axis=0),
            stops=centers[most],
            values=weights[most] / (weights[most].max() or 1.0),
            follows=np.column_stack([np.repeat(own, len(most)), patches[most]]),
        ),
    )


def _stops(facts: TourFacts) -> tuple[Stop, ...]:
    # Distances above 2.6 leave room for balls and for patches that are moved apart.
    in_flow = facts.num_points - facts.num_surface
    level = min(_SHOWN_LEVEL, facts.num_levels)
    front: tuple[float, float, float] = (-1.0, -1.2, 0.7)
    side: tuple[float, float, float] = (-0.5, -1.5, 0.5)
    nose: tuple[float, float, float] = (-1.4, -0.8, 0.3)
    return (
        Stop(
            title="Shape",
            caption=(
                f"The input of the model is not a mesh but N = {facts.num_points:,} points: "
                f"{facts.num_surface:,} on the body, drawn here, with their normals, and "
                f"{in_flow:,} in the flow, with their distance to the body."
            ),
            panels=(_PLAIN,),
            layers=(BODY_LAYER,),
            direction=front,
        ),
        Stop(
            title="Tree",
            caption=(
                f"A ball tree halves the cloud across its widest axis, {facts.num_levels} times. "
                f"After {level} splits there are {2**level} balls."
            ),
            panels=(_PATCHES,),
            level=level,
            layers=(BODY_LAYER, BALLS),
            direction=side,
            distance=3.4,
        ),
        Stop(
            title="Patches",
            caption=(
                f"Its leaves are K = {facts.num_patches} patches of L = {facts.size} points each: "
                "compact, equally large, and built once for all blocks."
            ),
            panels=(_PATCHES,),
            layers=(),
            explode=0.35,
            direction=side,
            distance=3.2,
        ),
        Stop(
            title="Supernodes",
            caption=(
                f"In every block each patch is pooled into Q = {facts.per_patch} supernodes: "
                f"S = K · Q = {facts.num_supernodes} supernodes represent the cloud for all points."
            ),
            panels=(_PATCHES,),
            layers=(SUPERNODES,),
            direction=front,
            distance=3.8,
        ),
        Stop(
            title="One block",
            caption=(
                f"In block {facts.block} of {facts.num_blocks}, {facts.local_share:.0%} of the "
                "attention of a point at the nose is on its own patch and "
                f"{1 - facts.local_share:.0%} on the {facts.num_supernodes} supernodes, in one "
                f"softmax (mean of {facts.num_heads} heads). At 1 × uniform, a point gets as much "
                "as if all points got the same."
            ),
            panels=(_WEIGHTS,),
            layers=(BODY_LAYER, READ, READS, POINT),
            direction=nose,
            distance=3.0,
        ),
        Stop(
            title="Field and error",
            caption=(
                f"After {facts.num_blocks} blocks the model returns the pressure at every point. "
                f"The relative L2 error of C_p against the solver is {facts.relative_l2:.1%}, "
                "measured here."
            ),
            panels=(_PREDICTION, _ERROR),
            layers=(BODY_LAYER,),
            direction=front,
        ),
    )
