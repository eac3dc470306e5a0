"""Aerodynamic forces on a body and their coefficients.

All vectors are in the wind-tunnel frame: drag along +x, side force along +y, lift along +z.

Shapes: F faces of the body.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64
from numpy import ndarray

BOTH_HALVES = np.array([2.0, 0.0, 2.0])
"""Force of a symmetric body over that of its half: side forces of the halves cancel."""


@dataclass(frozen=True, eq=False)
class Force:
    """The force of the flow on a body, in the unit of the pressure times that of the area.

    Attributes:
        pressure: Part normal to the wall.
        friction: Part tangential to the wall.
    """

    pressure: Float64[ndarray, " 3"]
    friction: Float64[ndarray, " 3"]

    @property
    def total(self) -> Float64[ndarray, " 3"]:
        """Sum of both parts."""
        return self.pressure + self.friction


@dataclass(frozen=True, kw_only=True)
class Coefficients:
    """Force coefficients of a body: force / (q_inf A_ref).

    Attributes:
        C_D: Drag, along +x.
        C_L: Lift, along +z.
        C_S: Side force, along +y.
        C_D_pressure: Pressure part of the drag.
        C_D_friction: Friction part of the drag.
        C_L_pressure: Pressure part of the lift.
        C_L_friction: Friction part of the lift.
        reference_area: A_ref, of the whole body.
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
    """Integrate pressure and wall shear stress over the faces of a body.

    The sums are in float64, because float32 would lose small faces beside large ones. The faces of
    a half body give the force on that half, see :data:`BOTH_HALVES`.

    Args:
        area_vectors: Normals that point out of the body, scaled to the areas of the faces.
        pressure: Pressure above that of the free stream, or C_p. It acts inward: the force is the
            sum of ``-pressure * area_vector``.
        shear: Wall shear stress, as the flow acts on the body, in the unit of the pressure.

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
    """Return force coefficients: force / (q_inf A_ref).

    Args:
        force: Force on the whole body.
        reference_area: A_ref of the whole body; for cars the frontal area.
        dynamic_pressure: q_inf in the unit of the pressure behind ``force``; 1 if that was C_p.

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
    """Return the closure error ``|sum dA| / sum |dA|`` of a surface: 0 for a closed one.

    If it is not small, a constant added to the pressure changes the force. A half body is open at
    its section y = 0, which affects side forces only.

    Raises:
        ValueError: If the total area is not positive.

    Examples:
        >>> closure_error(np.array([[1.0, 0.0, 0.0], [-1.0, 0.0, 0.0]]))
        0.0
    """
    vectors = area_vectors.astype(np.float64)
    area = np.linalg.norm(vectors, axis=1).sum()
    if not area > 0:
        raise ValueError(
            f"area_vectors must have a positive total area, got {area:g} "
            f"over {len(vectors)} faces; leave degenerate faces out"
        )
    return float(np.linalg.norm(vectors.sum(axis=0)) / area)


def drag_counts(drag: float) -> float:
    """Return a drag coefficient, or a difference of two, in drag counts of 0.0001.

    Examples:
        >>> drag_counts(0.25)
        2500.0
    """
    return 1e4 * drag


def _require_positive(name: str, value: float) -> None:
    if not (np.isfinite(value) and value > 0):
        raise ValueError(f"{name} must be positive, got {value:g}; check its unit and sign")
