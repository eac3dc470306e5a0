"""Several predicted shapes beside each other: differences of their drag and of their fields.

All bodies are in the wind-tunnel frame, with length 1 and the same free stream.

Letters: T triangles.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from mspt.data.sets.car.flow_case import FlowCase
from mspt.errors import GeometryError
from mspt.geometry.mesh import SurfaceMesh
from mspt.inference.calibration import PairModel
from mspt.inference.designs import compare_designs
from mspt.inference.flow import FlowPrediction, carry_to_cells
from mspt.inference.physical import physical_forces
from mspt.inference.shapes import ShapeResult
from mspt.metrics.conditions import OperatingConditions
from mspt.metrics.forces import drag_counts

FEWEST, MOST = 2, 6
"""Numbers of shapes that are compared at a time."""

Surface = Literal["C_p", "C_f"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Design:
    """A shape to compare.

    Attributes:
        name: For people.
        result: Its prediction.
        truth: The solver's result for it; None where there is none.
    """

    name: str
    result: ShapeResult
    truth: FlowCase | None = None


def drag_uncertainty(result: ShapeResult, metrics: Mapping[str, Any]) -> float:
    """Return half the width of the interval of a predicted C_D.

    Without a calibration it is the mean relative error of the model's C_D over its test bodies,
    times C_D, and at least the spread over the clouds of points.

    Args:
        result: A prediction.
        metrics: Test metrics of the checkpoint's header.
    """
    if result.trust.expected is not None:
        return result.trust.expected.half_width
    usual = float(metrics.get("C_D_relative") or 0.0)
    return max(usual * abs(result.prediction.coefficients.C_D), result.prediction.drag_spread)


def difference_uncertainty(
    first: ShapeResult,
    other: ShapeResult,
    metrics: Mapping[str, Any],
    *,
    pairs: PairModel | None = None,
) -> float:
    """Return half the width of the interval of the difference of two predicted C_D.

    Without a calibration it is that of two independent errors, which is rather too large for
    similar shapes, as their errors cancel in part.

    Args:
        first: A prediction.
        other: Another one.
        metrics: Test metrics of the checkpoint's header.
        pairs: How well differences are known, from the calibration of the checkpoint.
    """
    if pairs is None or None in (first.trust.expected, other.trust.expected):
        return math.hypot(drag_uncertainty(first, metrics), drag_uncertainty(other, metrics))
    (difference,) = compare_designs({"first": first, "other": other}, pairs)
    return difference.half_width


def design_rows(
    designs: Sequence[Design],
    *,
    metrics: Mapping[str, Any],
    pairs: PairModel | None = None,
    conditions: OperatingConditions | None = None,
) -> list[dict[str, Any]]:
    """Return one row for each shape: coefficients, and the difference of C_D to the first shape.

    Args:
        designs: Two to six shapes.
        metrics: Test metrics of the checkpoint's header.
        pairs: How well differences are known, from the calibration of the checkpoint.
        conditions: Speed and air for forces in N; each body has the length of its file.

    Raises:
        GeometryError: If there are fewer than two shapes or more than six.
    """
    check_number(len(designs))
    first = designs[0]
    rows = []
    for design in designs:
        found, own = design.result.prediction.coefficients, drag_uncertainty(design.result, metrics)
        row: dict[str, Any] = {
            "name": design.name,
            "C_D": found.C_D,
            "C_D_uncertainty": own,
            "C_L": found.C_L,
            "frontal_area": found.reference_area,
            "trust": design.result.trust.verdict,
        }
        if design is not first:
            difference = found.C_D - first.result.prediction.coefficients.C_D
            uncertainty = difference_uncertainty(first.result, design.result, metrics, pairs=pairs)
            row |= {
                "C_D_difference": difference,
                "C_D_difference_counts": drag_counts(difference),
                "C_D_difference_uncertainty": uncertainty,
                "is_clear": abs(difference) > uncertainty,
            }
        if design.truth is not None:
            row |= {"C_D_solver": design.truth.info["C_D"], "C_L_solver": design.truth.info["C_L"]}
        if conditions is not None:
            row |= _forces(design, conditions, uncertainty=own)
        rows.append(row)
    if conditions is not None:
        for row in rows[1:]:
            row["drag_N_difference"] = row["drag_N"] - rows[0]["drag_N"]
    return rows


def check_number(count: int) -> None:
    """Refuse too few or too many shapes.

    Raises:
        GeometryError: With their number.

    Examples:
        >>> check_number(1)
        Traceback (most recent call last):
        mspt.errors.GeometryError: shapes must be 2 to 6 to be compared, got 1; choose others
    """
    if not FEWEST <= count <= MOST:
        raise GeometryError(
            f"shapes must be {FEWEST} to {MOST} to be compared, got {count}; choose others"
        )


def _forces(
    design: Design, conditions: OperatingConditions, *, uncertainty: float
) -> dict[str, float]:
    placement = design.result.placement
    if placement is not None:
        conditions = replace(conditions, length=placement.length_m)
    found = physical_forces(
        design.result.prediction.coefficients, conditions, drag_spread=uncertainty
    )
    names = {
        "drag_N": "drag",
        "drag_N_uncertainty": "drag_spread",
        "lift_N": "lift",
        "power_kW": "power",
        "frontal_area_m2": "frontal_area",
    }
    return {name: found[entry][0] for name, entry in names.items()}


def nearest_difference(
    first: FlowPrediction, other: FlowPrediction, *, field: Surface = "C_p"
) -> Float64[ndarray, " T"]:
    """Return by how much a field on a body differs from that on the first body, point by point.

    Each triangle of the other body is compared with the nearest points of the first one that face
    the same way; of the friction, the magnitudes are compared.

    Args:
        first: Prediction of the first body.
        other: Prediction of the other one, whose ``fine_mesh`` has the triangles.
        field: ``C_p`` or ``C_f``.
    """
    mesh, known = first.fine_mesh, magnitude(first.fine[field])
    carried = carry_to_cells(other.fine_mesh, mesh.centers, mesh.normals, values=known[:, None])
    return magnitude(other.fine[field]) - carried[:, 0]


def magnitude(values: Float64[ndarray, " T *C"]) -> Float64[ndarray, " T"]:
    """Return a scalar as it is, and the lengths of vectors.

    Examples:
        >>> magnitude(np.array([[3.0, 4.0, 0.0]])).tolist(), magnitude(np.array([-1.0])).tolist()
        ([5.0], [-1.0])
    """
    return values if values.ndim == 1 else np.linalg.norm(values, axis=1)


def truth_on(
    mesh: SurfaceMesh, case: FlowCase, *, field: Surface = "C_p"
) -> Float64[ndarray, " T"]:
    """Return the solver's field on the triangles of a body, from its own faces.

    Args:
        mesh: The body in the wind-tunnel frame.
        case: The solver's result; of a half, the other half is its mirror image.
        field: ``C_p``, or ``C_f`` for the magnitude of the friction.
    """
    values = case.face_pressure if field == "C_p" else np.linalg.norm(case.face_shear, axis=1)
    centers, vectors = case.face_points.astype(float), case.face_areas.astype(float)
    values = values.astype(float)
    if case.is_half:
        mirror = np.array([1.0, -1.0, 1.0])
        centers, vectors = (np.concatenate([part, part * mirror]) for part in (centers, vectors))
        values = np.concatenate([values, values])
    normals = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return carry_to_cells(mesh, centers, normals, values=values[:, None])[:, 0]


def in_order(mesh: SurfaceMesh) -> SurfaceMesh:
    """Return a mesh whose vertices are in the order in which its triangles use them first.

    Readers of files number vertices by their places, so that two files with the same triangles get
    different numbers.

    Examples:
        >>> mesh = SurfaceMesh(np.eye(3), np.array([[2, 0, 1]]))
        >>> in_order(mesh).triangles.tolist(), in_order(mesh).vertices[0].tolist()
        ([[0, 1, 2]], [0.0, 0.0, 1.0])
    """
    used, first, numbers = np.unique(mesh.triangles, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty(len(used), dtype=np.int64)
    rank[order] = np.arange(len(used))
    triangles = rank[numbers].reshape(mesh.triangles.shape)
    return replace(mesh, vertices=mesh.vertices[used[order]], triangles=triangles)


def have_same_triangles(first: SurfaceMesh, other: SurfaceMesh) -> bool:
    """Return whether two meshes differ in the places of their vertices alone.

    Examples:
        >>> from mspt.geometry.mesh import box
        >>> small, large = box((0, 0, 0), (1, 1, 1)), box((0, 0, 0), (2, 1, 1))
        >>> have_same_triangles(small, large), have_same_triangles(small, small.flipped())
        (True, False)
    """
    return first.triangles.shape == other.triangles.shape and np.array_equal(
        in_order(first).triangles, in_order(other).triangles
    )


def morphed(first: SurfaceMesh, other: SurfaceMesh, share: float) -> SurfaceMesh:
    """Return a mesh between two with the same triangles.

    Args:
        first: At a share of 0.
        other: At a share of 1.
        share: How far to go from the first to the other, 0 to 1.

    Raises:
        GeometryError: If their triangles differ, or the share is out of range.

    Examples:
        >>> from mspt.geometry.mesh import box
        >>> morphed(box((0, 0, 0), (1, 1, 1)), box((0, 0, 0), (3, 1, 1)), 0.5).extent.tolist()
        [2.0, 1.0, 1.0]
    """
    if not have_same_triangles(first, other):
        raise GeometryError(
            f"meshes must have the same triangles to be morphed, got {len(first.triangles):,} and "
            f"{len(other.triangles):,} that differ; deform one mesh to make the other"
        )
    if not 0 <= share <= 1:
        raise GeometryError(f"share must be 0 to 1, got {share}")
    start, stop = in_order(first), in_order(other)
    return SurfaceMesh((1 - share) * start.vertices + share * stop.vertices, start.triangles)
