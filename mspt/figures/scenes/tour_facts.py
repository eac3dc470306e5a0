"""The numbers of the guided tour, and the equations with these numbers in them.

Letters: N points, K patches, L points per patch, Q supernodes per patch, S = K Q.
"""

from dataclasses import dataclass

from mspt.evaluation.comparison import primary_error
from mspt.inspection.observe import Observed, PointAttention


@dataclass(frozen=True, kw_only=True)
class TourFacts:
    """The numbers of the cloud and the model that the tour shows.

    Attributes:
        num_points: N.
        num_surface: Of them, on the body.
        num_patches: K.
        sizes: Smallest and largest L.
        num_levels: Splits from the whole cloud to the patches.
        per_patch: Q.
        num_blocks: Blocks of the model.
        num_heads: Heads of each block.
        width: D.
        block: The block that is looked at, counted from 1.
        point: The point that is looked from.
        local_share: Share of its attention that stays in its own patch.
        pairs: Pairs of point and key in one head of one block.
        relative_l2: Of C_p on the body.
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
        """S."""
        return self.num_patches * self.per_patch

    @property
    def size(self) -> str:
        """L as text."""
        low, high = self.sizes
        return f"{low}" if low == high else f"{low} to {high}"

    @property
    def saving(self) -> float:
        """How many times as many pairs full attention has."""
        return self.num_points**2 / self.pairs


def equations(facts: TourFacts) -> tuple[tuple[str, str], ...]:
    """Return what each equation says and the equation, with the numbers of the cloud in it.

    Equations 1 and 7 of the paper, the cost, and the error that all numbers here are about.
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
            f"A point reads {low} neighbors and {s} supernodes in one softmax (equation 7):",
            (
                rf"H'_k = \underbrace{{A^{{\mathrm{{loc}}}}_k}}_{{{low} \times {low}}} "
                r"V^{\mathrm{loc}}_k + "
                rf"\underbrace{{A^{{\mathrm{{glob}}}}_k}}_{{{low} \times {s}}} "
                r"V^{\mathrm{glob}}"
            ),
        ),
        (
            f"The cost: {facts.saving:.3g} times fewer pairs than full attention.",
            (
                rf"\begin{{aligned}} N (L + S) &= {_latex(facts.pairs)} \\ "
                rf"N^2 &= {_latex(n * n)} \end{{aligned}}"
            ),
        ),
        (
            "The error, against the solver:",
            (
                r"\frac{\lVert \hat C_p - C_p \rVert_2}{\lVert C_p \rVert_2} = "
                rf"{100 * facts.relative_l2:.1f}\%"
            ),
        ),
    )


def _latex(count: int) -> str:
    return f"{count:,}".replace(",", r"{,}")


def facts_of(observed: Observed, seen: PointAttention) -> TourFacts:
    """Return the numbers of a body as a model saw it."""
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
