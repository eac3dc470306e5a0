"""A metal as the solver for forging describes it."""

from typing import NamedTuple


class Metal(NamedTuple):
    """An elastic, ideally plastic metal.

    Attributes:
        young: Young's modulus.
        poisson: Poisson's ratio.
        yield_stress: In uniaxial tension.
        density: Mass per volume.
    """

    young: float
    poisson: float
    yield_stress: float
    density: float
