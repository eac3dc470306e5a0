"""Which body each case of the data set ``car`` is, and which split it belongs to.

Families come in blocks of twenty: eleven cars, four Ahmed-type blocks and five generic bodies, in
an order of its own for each block, so that the mix is right however few cases are generated.
Training uses neither pickups nor cylinders: they are the second test split, ``unseen``.
"""

import random
from collections.abc import Sequence
from functools import cache, lru_cache

from mspt.errors import DataError
from mspt.geometry.bodies.families import Body, draw_body
from mspt.seeding import derive_seed

BLOCK: Sequence[str] = (
    *("notchback",) * 3, *("fastback",) * 3, *("estate",) * 2, *("van",) * 2, "pickup",
    *("block",) * 4,
    "ellipsoid", "box", "cylinder", "blob", "wing",
)  # fmt: skip
UNSEEN = frozenset({"pickup", "cylinder"})
NUM_CASES = 520
NUM_TEST, NUM_VALIDATION = 2, 1
"""Of the eighteen cases of a block that belong to no held-out family."""
NAME = "car"


def flow_name(index: int) -> str:
    """Return the name of a case.

    Examples:
        >>> flow_name(7)
        'car-0007'
    """
    return f"{NAME}-{index:04d}"


def flow_index(name: str) -> int:
    """Return the index of a case from its name.

    Raises:
        DataError: If there is no such case.

    Examples:
        >>> flow_index("car-0007")
        7
    """
    digits = name.removeprefix(f"{NAME}-")
    if digits == name or not digits.isdecimal() or int(digits) >= NUM_CASES:
        raise DataError(
            f"case must be one of {flow_name(0)} to {flow_name(NUM_CASES - 1)}, got {name!r}"
        )
    return int(digits)


@cache
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
    order = _families(block)
    family = order[place]
    if family in UNSEEN:
        return family, "unseen"
    rank = sum(other not in UNSEEN for other in order[:place])
    if rank < NUM_TEST:
        return family, "test"
    return family, "validation" if rank < NUM_TEST + NUM_VALIDATION else "train"


@cache
def _families(block: int) -> Sequence[str]:
    """Return the families of a block of cases in its own order."""
    order = list(BLOCK)
    random.Random(derive_seed(0, "car families", block)).shuffle(order)
    return order


@lru_cache(maxsize=16)
def car_body(index: int, *, seed: int = 0) -> Body:
    """Return the body of a case; building one takes most of a second, so the last are cached."""
    family, _ = family_and_split(index)
    return draw_body(family, derive_seed(seed, "car", index))
