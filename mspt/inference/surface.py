"""Predicted and solved surface fields on the triangles of a mesh, for figures and tables.

Letters: T triangles, F faces of the solver's mesh.
"""

import numpy as np
import pandas as pd
from jaxtyping import Float
from numpy import ndarray

from mspt.data.sets.car.flow_case import PRESSURE_RANGE, FlowCase
from mspt.geometry.mesh import SurfaceMesh
from mspt.geometry.placement import METERS, Placement
from mspt.inference.flow import carry_to_cells
from mspt.inference.output import Refine
from mspt.inference.physical import physical_cells
from mspt.inference.shapes import ShapeResult
from mspt.metrics.conditions import OperatingConditions
from mspt.solvers.openfoam.results import Flow


def solved_pressure(mesh: SurfaceMesh, case: FlowCase, flow: Flow) -> Float[ndarray, " T"]:
    """Return the solver's C_p on the triangles of a mesh in the wind-tunnel frame.

    Args:
        mesh: The body.
        case: The solved case; says whether only one half of the domain was solved.
        flow: The solver's fields on its own faces.
    """
    centers, vectors = flow.face_centers, flow.face_areas
    values = 2 * flow.face_pressure  # p / (rho_inf U_inf^2) to p / (rho_inf U_inf^2 / 2)
    if case.is_half:
        mirror = np.array([1.0, -1.0, 1.0])  # the plane of symmetry is y = 0
        centers, vectors = (np.concatenate([part, part * mirror]) for part in (centers, vectors))
        values = np.concatenate([values, values])
    # Degenerate faces of the solver's mesh have no area and no direction.
    normals = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    clipped = np.clip(values, *PRESSURE_RANGE)  # as in the data that the model is trained on
    return carry_to_cells(mesh, centers, normals, values=clipped[:, None])[:, 0]


def solved_cells(result: ShapeResult, case: FlowCase) -> dict[str, ndarray]:
    """Return the solver's fields on the fine triangles of a predicted body, beside the model's.

    Args:
        result: The prediction, whose ``output()`` has these triangles.
        case: The solver's result.

    Returns:
        ``Cp_solver``, ``Cf_solver`` along the file's axes, ``Cp_model``, ``Cf_model`` and
        ``Cp_error``, model less solver.
    """
    mesh, fine = result.prediction.fine_mesh, result.prediction.fine
    values = np.concatenate([case.face_pressure[:, None], case.face_shear], axis=1).astype(float)
    centers, vectors = case.face_points.astype(float), case.face_areas.astype(float)
    if case.is_half:
        mirror = np.array([1.0, -1.0, 1.0])
        centers, vectors = (np.concatenate([part, part * mirror]) for part in (centers, vectors))
        values = np.concatenate([values, values * np.array([1.0, *mirror])])
    normals = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    found = carry_to_cells(mesh, centers, normals, values=values)
    return {
        "Cp_solver": found[:, 0],
        "Cf_solver": result.placed.vectors_to_file(found[:, 1:]),
        "Cp_model": fine["C_p"],
        "Cf_model": result.placed.vectors_to_file(fine["C_f"]),
        "Cp_error": fine["C_p"] - found[:, 0],
    }


def placed_size(mesh: SurfaceMesh, placement: Placement) -> tuple[float, float, float]:
    """Return length, width and height in meters of a shape under a placement."""
    forward, up = ("xyz".index(axis[1]) for axis in (placement.forward, placement.up))
    lateral = 3 - forward - up  # the axes are 0, 1 and 2; a placement has two different ones
    extent = mesh.extent * METERS[placement.unit]
    return float(extent[forward]), float(extent[lateral]), float(extent[up])


def cell_table(
    result: ShapeResult,
    *,
    refine: Refine = "auto",
    conditions: OperatingConditions | None = None,
) -> pd.DataFrame:
    """Return one row for each triangle of the written body: center, area, normal, C_p and C_f.

    Centers and areas are in the unit of the file, vectors along its axes; ``triangle`` is the
    number of the body's triangle that a row is a part of. The sum of ``(-Cp n + Cf) area`` over
    the rows, along the flow, is C_D times the frontal area.

    Args:
        result: The prediction.
        refine: How long triangles are divided; see :meth:`ShapeResult.output`.
        conditions: Speed, air and size for the columns ``area_m2``, ``pressure_Pa`` and
            ``wall_shear_x_Pa`` to z, whose sum is the drag in N.
    """
    found = result.output(refine)
    mesh, fields = found.mesh, found.cells
    columns = dict(zip("xyz", mesh.centers.T, strict=True))
    columns |= {"area": mesh.areas}
    columns |= {f"n_{axis}": part for axis, part in zip("xyz", mesh.normals.T, strict=True)}
    columns |= {"Cp": fields["Cp"]}
    columns |= {f"Cf_{axis}": part for axis, part in zip("xyz", fields["Cf"].T, strict=True)}
    if conditions is not None:
        added = physical_cells(fields, conditions)
        shear = added["wall_shear_Pa"].T
        columns |= {"area_m2": mesh.areas * (result.placed.scale * conditions.length) ** 2}
        columns |= {"pressure_Pa": added["pressure_Pa"]}
        columns |= {f"wall_shear_{axis}_Pa": part for axis, part in zip("xyz", shear, strict=True)}
    return pd.DataFrame(columns | {"triangle": fields["triangle"]})
