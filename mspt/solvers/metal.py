"""A metal, and a block of it, as the solver for forging describes them."""

from typing import NamedTuple

from numpy import ndarray


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


class Block(NamedTuple):
    """A block between two stored times.

    Attributes:
        x: Positions (I, J, 2); points with j = 0 are clamped.
        v: Velocities.
        u: Displacements in the last step.
        force: Forces of the stresses on the points.
        mass: Mass (I, J) of the points.
        stress: Stresses (I-1, J-1, 3) of the elements.
        thickness: Thickness of the elements over that at the start.
        glass: Hourglass forces (I-1, J-1, 2).
    """

    x: ndarray
    v: ndarray
    u: ndarray
    force: ndarray
    mass: ndarray
    stress: ndarray
    thickness: ndarray
    glass: ndarray
