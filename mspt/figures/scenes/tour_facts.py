"""The numbers of the guided tour, and the equations with these numbers inserted.

Letters: N points, K patches, L points per patch, Q supernodes per patch, S = K Q.
"""

from dataclasses import dataclass

from mspt.evaluation.comparison import primary_error
from mspt.inspection.observation import Observed, PointAttention


@dataclass(frozen=True, kw_only=True)
class TourFacts:
    """Numbers of the cloud and the model in the tour.

    Attributes:
        num_points: Points N.
        num_surface: Number of points on the body.
        num_patches: Patches K.
        sizes: Smallest and largest number of points per patch L.
        num_levels: Splits from the whole cloud to the patches.
        per_patch: Supernodes Q per patch.
        num_blocks: Blocks of the model.
        num_heads: Heads H of each block.
        width: Model width D.
        block: Number of the block that is shown, from 1.
        point: Point whose attention is shown.
        local_share: Share of its attention on its own patch.
        pairs: Pairs of point and key in one head of one block.
        relative_l2: Relative L2 error of C_p on the body.
    """

    num_points: int
    num_surface: int
    num_patches: int
    sizes: tuple[int, int]
    num_levels: int
    per_patch: int
    num_blocks: int
    num_heads: int
    width: int
    block: int
    point: int
    local_share: float
    pairs: int
    relative_l2: float

    @property
    def num_supernodes(self) -> int:
        """Supernodes S of the cloud."""
        return self.num_patches * self.per_patch

    @property
    def size(self) -> str:
        """Points per patch L as text: a number, or a range if patches differ."""
        low, high = self.sizes
        return f"{low}" if low == high else f"{low} to {high}"

    @property
    def saving(self) -> float:
        """Number of pairs in full attention over that of PMSA."""
        return self.num_points**2 / self.pairs


def equations(facts: TourFacts) -> tuple[tuple[str, str], ...]:
    """Return equations with the numbers of the tour, each with a sentence that explains it.

    They are equations 1 and 7 of the paper, the cost of attention, and the relative L2 error.
    """
    n, k, s, low = facts.num_points, facts.num_patches, facts.num_supernodes, facts.sizes[0]
    return (
        (
            f"Each of the {k} patches is pooled into Q = {facts.per_patch} (equation 1):",
            (
                rf"S_k = \mathrm{{Pool}}(H_k):\; \mathbb{{R}}^{{{low} \times {facts.width}}}"
                rf" \to \mathbb{{R}}^{{{facts.per_patch} \times {facts.width}}}"
            ),
        ),
        (
            f"A point attends to {low} points and {s} supernodes in one softmax (equation 7):",
            (
                rf"H'_k = \underbrace{{A^{{\mathrm{{loc}}}}_k}}_{{{low} \times {low}}} "
                r"V^{\mathrm{loc}}_k + "
                rf"\underbrace{{A^{{\mathrm{{glob}}}}_k}}_{{{low} \times {s}}} "
                r"V^{\mathrm{glob}}"
            ),
        ),
        (
            f"The cost: full attention has {facts.saving:.3g} times as many pairs.",
            (
                rf"\begin{{aligned}} N (L + S) &= {_latex(facts.pairs)} \\ "
                rf"N^2 &= {_latex(n * n)} \end{{aligned}}"
            ),
        ),
        (
            "The relative L2 error against the solver:",
            (
                r"\frac{\lVert \hat C_p - C_p \rVert_2}{\lVert C_p \rVert_2} = "
                rf"{100 * facts.relative_l2:.1f}\%"
            ),
        ),
    )


def _latex(count: int) -> str:
    """Return a number with thousands separators for LaTeX, without the space after a comma."""
    return f"{count:,}".replace(",", r"{,}")


def facts_of(observed: Observed, seen: PointAttention) -> TourFacts:
    """Return the numbers of the tour for one recorded prediction and the attention of a point."""
    partition, config = observed.partition, observed.checkpoint.config
    sizes, count = partition.offsets.diff(), len(observed.fields)
    supernodes = len(sizes) * config.num_supernodes
    return TourFacts(
        num_points=count,
        num_surface=observed.sample.num_surface,
        num_patches=len(sizes),
        sizes=(int(sizes.min()), int(sizes.max())),
        num_levels=0 if partition.tree is None else int(partition.tree.level.max()),
        per_patch=config.num_supernodes,
        num_blocks=config.num_blocks,
        num_heads=config.num_heads,
        width=config.width,
        block=seen.block + 1,
        point=seen.points[0],
        local_share=seen.summary.local_share,
        pairs=int((sizes * (sizes + supernodes)).sum()),
        relative_l2=primary_error(observed.sample, observed.fields),
    )
