"""Which solved cars of the data set ``car`` are nearest to a car that is given by parameters.

Cars are compared by profiles, which follow from parameters alone: no mesh is built and no file is
read.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import get_args

import numpy as np

from mspt.data.sets.car.families import FIRST_CURVED, NAME, family_and_split, flow_index
from mspt.data.sets.car.store import SPLITS, list_flows
from mspt.geometry.bodies.cars import Car, CarKind, draw_car
from mspt.geometry.bodies.tailored import profile
from mspt.seeding import derive_seed

_KINDS: dict[str, CarKind] = {kind: kind for kind in get_args(CarKind)}


@dataclass(frozen=True, kw_only=True)
class NearCar:
    """A car of the data set whose flow has been solved.

    Attributes:
        name: Of its case.
        split: Of its case: whether models were trained on it.
        car: Its parameters.
        distance: Root-mean-square difference of the profiles, in car lengths.
    """

    name: str
    split: str
    car: Car
    distance: float


def nearest_cars(car: Car, *, lip: float = 0.0, count: int = 5) -> list[NearCar]:
    """Return the solved cars nearest to another one, the nearest first.

    Only cars on wheels are compared with one on wheels, and only cars without with one without:
    wheels change drag more than most other things do.

    Args:
        car: Parameters of the car.
        lip: Height of a lip at its rear edge, in car lengths.
        count: How many are wanted.
    """
    own = profile(car, lip=lip)
    found = [
        NearCar(
            name=name,
            split=family_and_split(flow_index(name))[1],
            car=known,
            distance=float(np.sqrt(((profile(known) - own) ** 2).mean())),
        )
        for name, known in _known()
        if (known.wheel > 0) == (car.wheel > 0)
    ]
    return sorted(found, key=lambda one: one.distance)[:count]


def _known() -> list[tuple[str, Car]]:
    """Return the cars whose flows are at hand, with their parameters."""
    return [
        (name, _parameters(index))
        for split in SPLITS
        for name in list_flows(split)
        if (index := flow_index(name)) < FIRST_CURVED and family_and_split(index)[0] in _KINDS
    ]


@lru_cache(maxsize=FIRST_CURVED)
def _parameters(index: int) -> Car:
    """Return the parameters of a car as :func:`mspt.data.sets.car.families.car_body` draws them."""
    kind = _KINDS[family_and_split(index)[0]]
    return draw_car(kind, np.random.default_rng(derive_seed(0, NAME, index)))
