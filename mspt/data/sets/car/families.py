"""Which body each case of the data set ``car`` is, and which split it belongs to.

Families come in blocks, in an order of its own for each block, so that the mix is right however few
cases are generated. The first 520 cases come in blocks of twenty with straight outlines and sharp
tails: eleven cars, four Ahmed-type blocks and five generic bodies. The 2,000 cases after them come
in blocks of fifty: forty vehicles as people bring them and ten of the former families, deformed.

Some families are never trained on: they are the second test split, ``unseen``. They are cylinders,
pickups and lorries, each of them also as deformed or curved bodies.
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
CURVED_BLOCK: Sequence[str] = (
    *("city",) * 3, *("hatchback",) * 5, *("saloon",) * 5, *("tourer",) * 3, *("coupe",) * 4,
    *("supercar",) * 4, *("suv",) * 4, *("minibus",) * 3, *("bus",) * 2, *("train",) * 2,
    *("single-seater",) * 2, "crew-cab", *("lorry",) * 2,
    "curved notchback", "curved fastback", "curved estate", "curved van", "curved block",
    "curved ellipsoid", "curved box", "curved cylinder", "curved blob", "curved wing",
)  # fmt: skip
UNSEEN = frozenset({"pickup", "cylinder", "curved pickup", "curved cylinder", "crew-cab", "lorry"})
"""Families that training does not use. A lorry shares its parts with bodies that are learned, the
front of a bus and a block, but none of them has a gap in which the flow turns, or a long body close
behind a short one: it shows what a model makes of a new arrangement of what it knows."""

FIRST_CURVED = 520
"""The first case with a body of the curved families."""

NUM_CASES = FIRST_CURVED + 2000
NUM_TEST, NUM_VALIDATION = 2, 1
"""Of the eighteen cases of a block of twenty that belong to no held-out family."""

NUM_CURVED_TEST, NUM_CURVED_VALIDATION = 5, 2
"""Of the forty-six cases of a block of fifty that belong to no held-out family."""
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

    The first cases of a block that are of no unseen family are test and validation cases.

    Examples:
        >>> sorted(family_and_split(index)[0] for index in range(20)) == sorted(BLOCK)
        True
        >>> [family_and_split(index)[1] for index in range(20)].count("test")
        2
        >>> family_and_split(520), family_and_split(521)
        (('crew-cab', 'unseen'), ('bus', 'test'))
    """
    is_curved = index >= FIRST_CURVED
    size = len(CURVED_BLOCK if is_curved else BLOCK)
    block, place = divmod(index - FIRST_CURVED if is_curved else index, size)
    order = _families(block, is_curved=is_curved)
    num_test = NUM_CURVED_TEST if is_curved else NUM_TEST
    num_validation = NUM_CURVED_VALIDATION if is_curved else NUM_VALIDATION
    family = order[place]
    if family in UNSEEN:
        return family, "unseen"
    rank = sum(other not in UNSEEN for other in order[:place])
    if rank < num_test:
        return family, "test"
    return family, "validation" if rank < num_test + num_validation else "train"


@cache
def _families(block: int, *, is_curved: bool) -> Sequence[str]:
    """Return the families of a block of cases in its own order."""
    order = list(CURVED_BLOCK if is_curved else BLOCK)
    purpose = "curved car families" if is_curved else "car families"
    random.Random(derive_seed(0, purpose, block)).shuffle(order)
    return order


@lru_cache(maxsize=16)
def car_body(index: int, *, seed: int = 0) -> Body:
    """Return the body of a case; building one takes a second, so the last are cached."""
    family, _ = family_and_split(index)
    return draw_body(family, derive_seed(seed, "car", index))
