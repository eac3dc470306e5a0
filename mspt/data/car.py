"""The data set ``car``: which body each case is, and which split it belongs to.

Families come in blocks of twenty, eleven of them cars, four of them blocks and five generic
bodies, in an order of their own for each block: however few cases are made, their mix is right.
Two families are never learned from: pickups and cylinders make the second test, ``unseen``.
"""

import random
from collections.abc import Sequence

from mspt.geometry.shapes import Body, draw_body
from mspt.seeding import derive_seed

BLOCK: Sequence[str] = (
    *("notchback",) * 3, *("fastback",) * 3, *("estate",) * 2, *("van",) * 2, "pickup",
    *("block",) * 4,
    "ellipsoid", "box", "cylinder", "blob", "wing",
)  # fmt: skip
UNSEEN = frozenset({"pickup", "cylinder"})
NUM_CASES = 400
NUM_TEST, NUM_VALIDATION = 2, 1


def family_and_split(index: int) -> tuple[str, str]:
    """Return the family and the split of a case.

    Of the eighteen cases of a block that are no unseen family, two are test and one validation.

    Examples:
        >>> sorted(family_and_split(index)[0] for index in range(20)) == sorted(BLOCK)
        True
        >>> [family_and_split(index)[1] for index in range(20)].count("test")
        2
    """
    block, place = divmod(index, len(BLOCK))
    order = list(BLOCK)
    random.Random(derive_seed(0, "car families", block)).shuffle(order)  # noqa: S311
    family = order[place]
    if family in UNSEEN:
        return family, "unseen"
    rank = sum(other not in UNSEEN for other in order[:place])
    if rank < NUM_TEST:
        return family, "test"
    return family, "validation" if rank < NUM_TEST + NUM_VALIDATION else "train"


def car_body(index: int, *, seed: int = 0) -> Body:
    """Return the body of a case."""
    family, _ = family_and_split(index)
    return draw_body(family, derive_seed(seed, "car", index))
