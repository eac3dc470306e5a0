"""Forces of the flow on a body and their coefficients.

All in the wind-tunnel frame: drag along +x, side force along +y, lift along +z.

Shapes: F faces of the body.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64
from numpy import ndarray

BOTH_HALVES = np.array([2.0, 0.0, 2.0])
"""Factor from the force on the half of a body at y >= 0 to that on the whole: the other half
mirrors it, so that drag and lift double and side forces cancel."""


@dataclass(frozen=True, eq=False)
class Force:
    """The force of the flow on a body, in the unit of the pressure times that of the area.

    Attributes:
        pressure: Part that acts at right angles to the wall.
        friction: Part that acts along the wall.
    """

    pressure: Float64[ndarray, " 3"]
    friction: Float64[ndarray, " 3"]

    @property
    def total(self) -> Float64[ndarray, " 3"]:
        """Both parts together."""
        return self.pressure + self.friction


@dataclass(frozen=True, kw_only=True)
class Coefficients:
    """Force coefficients of a body: forces over dynamic pressure and reference area.

    Attributes:
        C_D: Drag, along +x.
        C_L: Lift, along +z.
        C_S: Side force, along +y.
        C_D_pressure: Drag by pressure.
        C_D_friction: Drag by friction.
        C_L_pressure: Lift by pressure.
        C_L_friction: Lift by friction.
        reference_area: Area that they refer to, of the whole body.
    """

    C_D: float
    C_L: float
    C_S: float
    C_D_pressure: float
    C_D_friction: float
    C_L_pressure: float
    C_L_friction: float
    reference_area: float


def surface_force(
    area_vectors: Float[ndarray, "F 3"],
    pressure: Float[ndarray, " F"],
    *,
    shear: Float[ndarray, "F 3"],
) -> Force:
    """Integrate pressure and shear over the faces of a body, in float64.

    A half body gives the force on that half; multiply it by ``BOTH_HALVES``.

    Args:
        area_vectors: Normals that point out of the body, with the length of the areas.
        pressure: Any pressure above that of the free stream, or C_p. Pressure pushes inward: its
            force is the sum of ``-pressure * area_vector``.
        shear: Traction of the flow on the wall, as it pulls at the body, in the unit of pressure.

    Examples:
        >>> front = np.array([[-2.0, 0.0, 0.0]])
        >>> surface_force(front, np.array([1.0]), shear=np.zeros((1, 3))).total.tolist()
        [2.0, 0.0, 0.0]
    """
    vectors = area_vectors.astype(np.float64)
    areas = np.linalg.norm(vectors, axis=1)
    return Force(
        pressure=-(pressure.astype(np.float64) @ vectors),
        friction=areas @ shear.astype(np.float64),
    )


def coefficients(
    force: Force, *, reference_area: float, dynamic_pressure: float = 1.0
) -> Coefficients:
    """Divide a force by dynamic pressure and reference area.

    Args:
        force: On the whole body.
        reference_area: Of the whole body; for cars its frontal area.
        dynamic_pressure: q_inf, in the unit of the force's pressure; 1 if that was C_p.

    Raises:
        ValueError: If an argument is not positive and finite.

    Examples:
        >>> drag = Force(np.array([6.0, 0.0, 0.0]), np.array([2.0, 0.0, 0.0]))
        >>> coefficients(drag, reference_area=2.0, dynamic_pressure=10.0).C_D
        0.4
    """
    _require_positive("reference_area", reference_area)
    _require_positive("dynamic_pressure", dynamic_pressure)
    scale = dynamic_pressure * reference_area
    total, pressure, friction = (
        (part / scale).tolist() for part in (force.total, force.pressure, force.friction)
    )
    return Coefficients(
        C_D=total[0],
        C_L=total[2],
        C_S=total[1],
        C_D_pressure=pressure[0],
        C_D_friction=friction[0],
        C_L_pressure=pressure[2],
        C_L_friction=friction[2],
        reference_area=float(reference_area),
    )


def closure_error(area_vectors: Float[ndarray, "F 3"]) -> float:
    """Return how far a surface is from closed: ``|sum dA| / sum |dA|``, 0 for a closed one.

    Where it is not small, a constant added to the pressure changes the force. A half body is open
    by its section at y = 0, which changes side forces only.

    Raises:
        ValueError: If the faces have no area.

    Examples:
        >>> closure_error(np.array([[1.0, 0.0, 0.0], [-1.0, 0.0, 0.0]]))
        0.0
    """
    vectors = area_vectors.astype(np.float64)
    area = np.linalg.norm(vectors, axis=1).sum()
    if not area > 0:
        raise ValueError(
            f"area_vectors must have some area, got {area:g} over {len(vectors)} faces"
        )
    return float(np.linalg.norm(vectors.sum(axis=0)) / area)


def drag_counts(drag: float) -> float:
    """Return a drag coefficient C_D, or a difference of two, in counts of 0.0001.

    Examples:
        >>> drag_counts(0.25)
        2500.0
    """
    return 1e4 * drag


def _require_positive(name: str, value: float) -> None:
    if not (np.isfinite(value) and value > 0):
        raise ValueError(f"{name} must be positive, got {value:g}")
