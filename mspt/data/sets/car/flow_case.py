"""Flow cases: a body, the pressure and shear on it, and the flow around it.

Lengths are in body lengths, speeds in free-stream speeds, forces and pressures in dynamic
pressures q_inf. Of a symmetric body only y >= 0 is stored; the other half is its mirror image.

Shapes: F faces of the body, P points of the flow, I iterations of the solver.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import scipy  # its parts are loaded when first used
from jaxtyping import Float32, Float64
from numpy import ndarray

from mspt.errors import SolverError
from mspt.geometry.bodies.families import Body
from mspt.geometry.descriptors.body import BodyShape
from mspt.geometry.distance import nearest_on
from mspt.geometry.mesh import SurfaceMesh
from mspt.geometry.sampling import sample_volume
from mspt.seeding import derive_seed
from mspt.solvers.openfoam.case import Recipe
from mspt.solvers.openfoam.results import Flow
from mspt.solvers.openfoam.run import solve_flow

VOLUME_POINTS = 12_000
PRESSURE_RANGE = (-4.0, 1.1)
MAX_DRAG, MAX_SPREAD, STAGNATION = 2.0, 0.08, (0.8, 1.3)
SETTLED = 0.02
"""Largest spread of C_D over the last iterations, as a share of C_D, of a flow that has settled."""


@dataclass(frozen=True, kw_only=True)
class FlowCase:
    """What is stored of a computed flow.

    Attributes:
        face_points: Centers of the body's faces.
        face_areas: Area vectors, out of the body.
        face_pressure: Pressure coefficient C_p, clipped to -4 to 1.1.
        face_shear: Friction coefficient C_f, a vector along the wall.
        points: Places in the flow.
        offsets: From the nearest point of the body to them.
        velocity: Velocity.
        pressure: Pressure coefficient.
        info: Family, parameters, coefficients, mesh, convergence, cost; ``symmetric`` says
            whether only y >= 0 is there, as in all cases of the data set.
        shape: Return the body, which files do not hold; None where it is not known.
    """

    face_points: Float32[ndarray, "F 3"]
    face_areas: Float32[ndarray, "F 3"]
    face_pressure: Float32[ndarray, " F"]
    face_shear: Float32[ndarray, "F 3"]
    points: Float32[ndarray, "P 3"]
    offsets: Float32[ndarray, "P 3"]
    velocity: Float32[ndarray, "P 3"]
    pressure: Float32[ndarray, " P"]
    info: dict[str, Any]
    shape: Callable[[], BodyShape] | None = None

    @property
    def is_half(self) -> bool:
        """Whether only y >= 0 is there."""
        return bool(self.info.get("symmetric", True))

    @property
    def body_area(self) -> float:
        """Area of the whole body's surface."""
        kept = float(np.linalg.norm(self.face_areas, axis=1).sum())
        return 2 * kept if self.is_half else kept


def solve_body(body: Body, *, seed: int, recipe: Recipe | None = None) -> FlowCase:
    """Compute the flow around a parametric body.

    Raises:
        SolverError: If OpenFOAM fails, or its solution is not usable as a label.
    """
    flow = next(event for event in solve_flow(body.mesh, recipe) if isinstance(event, Flow))
    case = flow_case(flow, body.mesh, seed=seed)
    case.info.update(body.describe(), wheels=body.wheels)
    check_case(case)
    return case


def flow_case(flow: Flow, mesh: SurfaceMesh, *, seed: int) -> FlowCase:
    """Sample a flow on all faces of the body and at points of the flow.

    Points of the flow are drawn as for any shape that is predicted, not at the mesh's cell centers.
    """
    rng = np.random.default_rng(derive_seed(seed, "flow points"))
    targets = sample_volume(mesh, VOLUME_POINTS, rng)
    if not flow.recipe.symmetric:
        targets[:, 1] *= rng.choice([-1.0, 1.0], len(targets))
    targets = targets[targets[:, 2] > 0]
    near = nearest_on(mesh, targets)
    outside = near.distance > 0
    targets, closest = targets[outside], near.closest[outside]
    values = np.concatenate([flow.cell_velocity, 2 * flow.cell_pressure[:, None]], axis=1)
    values = interpolate(flow.cell_centers, values, targets)
    low, high = PRESSURE_RANGE
    return FlowCase(
        face_points=flow.face_centers.astype(np.float32),
        face_areas=flow.face_areas.astype(np.float32),
        face_pressure=np.clip(2 * flow.face_pressure, low, high).astype(np.float32),
        face_shear=(2 * flow.face_shear).astype(np.float32),
        points=targets.astype(np.float32),
        offsets=(targets - closest).astype(np.float32),
        velocity=values[:, :3].astype(np.float32),
        pressure=np.clip(values[:, 3], low, high).astype(np.float32),
        info=_summary(flow, mesh),
        shape=partial(BodyShape, mesh),
    )


def interpolate(
    centers: Float64[ndarray, "M 3"],
    values: Float64[ndarray, "M C"],
    points: Float64[ndarray, "P 3"],
) -> Float64[ndarray, "P C"]:
    """Return values at points from those in cells: the nearest one's, carried along a gradient.

    The gradient fits the nine next cells, weighted by their squared distances; the result stays
    within the values of all ten.

    Examples:
        >>> centers = np.random.default_rng(0).random((100, 3))
        >>> point = np.array([[0.5, 0.25, 0.5]])
        >>> interpolate(centers, centers @ np.array([[1.0], [2.0], [4.0]]), point).round(6).tolist()
        [[3.0]]
    """
    cell = np.asarray(scipy.spatial.KDTree(centers).query(points, k=10)[1])
    base, others = centers[cell[:, 0]], centers[cell[:, 1:]]
    step = others - base[:, None]
    weighted = step / np.maximum((step**2).sum(axis=2, keepdims=True), 1e-18)
    matrix = np.einsum("pmx,pmy->pxy", weighted, step) + 1e-9 * np.eye(3)
    rise = values[cell[:, 1:]] - values[cell[:, :1]]
    gradient = np.linalg.solve(matrix, np.einsum("pmx,pmc->pxc", weighted, rise))
    result = values[cell[:, 0]] + np.einsum("px,pxc->pc", points - base, gradient)
    return np.clip(result, values[cell].min(axis=1), values[cell].max(axis=1))


def _summary(flow: Flow, mesh: SurfaceMesh) -> dict[str, Any]:
    from mspt.geometry.area import frontal_area  # compiles: readers of stored flows need it not

    area = frontal_area(mesh)
    pressure, friction = 2 * flow.window.mean(axis=0) / area
    drag, _, lift = (2 * flow.window.sum(axis=1) / area).T
    return {
        "frontal_area": area,
        "C_D": float(drag.mean()),
        "C_D_pressure": float(pressure[0]),
        "C_D_friction": float(friction[0]),
        "C_D_spread": float(drag.std()),
        "C_L": float(pressure[2] + friction[2]),
        "C_L_spread": float(lift.std()),
        "settled": bool(drag.std() < SETTLED * abs(drag.mean())),
        "cells": len(flow.cell_centers),
        "faces": len(flow.face_centers),
        "iterations": flow.iterations,
        "averaged": flow.averaged,
        "wall_units": flow.wall_distance_units,
        "pressure_max": float(2 * flow.face_pressure.max()),
        "cell": flow.recipe.cell,
        "symmetric": flow.recipe.symmetric,
        "cpu_seconds": flow.cpu_seconds,
    }


def drag_history(flow: Flow, *, frontal_area: float) -> Float64[ndarray, " I"]:
    """Return C_D at each iteration.

    Args:
        flow: A computed flow.
        frontal_area: Of the whole body, in body lengths squared.
    """
    return 2 * flow.force_history.sum(axis=1)[:, 0] / frontal_area


def unsettled_words(info: Mapping[str, Any]) -> str:
    """Return in words that a solver's run has not settled, and its spread; empty if it has.

    Args:
        info: That of a :class:`FlowCase`.

    Examples:
        >>> unsettled_words({"settled": False, "C_D": 0.4, "C_D_spread": 0.0123})
        'not settled: C_D varies by ±0.012 (3.1%) over the last iterations, more than 2%'
        >>> unsettled_words({"settled": True, "C_D": 0.4, "C_D_spread": 0.001})
        ''
    """
    if info.get("settled", True):
        return ""
    spread = info["C_D_spread"]
    return (
        f"not settled: C_D varies by ±{spread:.2g} ({spread / abs(info['C_D']):.1%}) over the last "
        f"iterations, more than {SETTLED:.0%}"
    )


def check_case(case: FlowCase) -> None:
    """Refuse a flow that is not usable as a label: diverged, unsettled, or without stagnation.

    Raises:
        SolverError: With the value that is out of range.
    """
    info = case.info
    if not abs(info["C_D"]) < MAX_DRAG:
        raise SolverError(f"C_D must be within {MAX_DRAG}, got {info['C_D']:.3g}")
    spread = info["C_D_spread"] / abs(info["C_D"])
    if spread > MAX_SPREAD:
        raise SolverError(f"C_D must settle within {MAX_SPREAD:.0%}, got {spread:.1%}")
    low, high = STAGNATION
    if not low <= info["pressure_max"] <= high:
        raise SolverError(f"largest C_p must be {low} to {high}, got {info['pressure_max']:.3g}")
