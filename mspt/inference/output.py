"""The surface that a prediction is written on: the body's triangles, divided where they are long.

A file of a design program may hold flat sides as a few large triangles, whose single value would
hide the field. Each part of a triangle keeps the number of the triangle, and the force on it.

Letters: T triangles of the body, S triangles of the output, V values.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from mspt.errors import GeometryError
from mspt.geometry.mesh import SurfaceMesh
from mspt.geometry.placement import PlacedMesh
from mspt.geometry.subdivide import Refined, least_parts, refined
from mspt.inference.flow import FlowPrediction, carry_to_cells, means_over_parts

Refine = Literal["auto", "none"] | float
"""How long triangles are divided: ``auto`` as for the integration of the fields and for pictures,
``none`` not at all, or the longest edge in body lengths."""

MAX_OUTPUT = 5_000_000
"""Most triangles of an output: some 500 MB in a file."""


@dataclass(frozen=True, eq=False)
class OutputSurface:
    """Triangles in the coordinates of the shape's file, with fields.

    Attributes:
        mesh: The triangles.
        cells: By name ``Cp``, ``Cf`` along the file's axes, and ``triangle``, the number of the
            body's triangle that each one is a part of.
    """

    mesh: SurfaceMesh
    cells: Mapping[str, ndarray]


def output_surface(
    body: SurfaceMesh, placed: PlacedMesh, prediction: FlowPrediction, *, refine: Refine = "auto"
) -> OutputSurface:
    """Return a predicted body with its fields.

    Args:
        body: In the coordinates of its file.
        placed: The same in the wind tunnel.
        prediction: Its flow.
        refine: How long triangles are divided.

    Raises:
        GeometryError: If the longest edge is not positive, or leaves too many triangles.
    """
    fine, pressure, shear = _divided(placed.mesh, prediction, refine)
    vertices = placed.to_file(fine.mesh.vertices)
    vertices[: len(body.vertices)] = body.vertices  # to the last digit
    return OutputSurface(
        mesh=replace(body, vertices=vertices, triangles=fine.mesh.triangles),
        cells={"Cp": pressure, "Cf": placed.vectors_to_file(shear), "triangle": fine.parent},
    )


def _divided(
    mesh: SurfaceMesh, prediction: FlowPrediction, refine: Refine
) -> tuple[Refined, Float64[ndarray, " S"], Float64[ndarray, "S 3"]]:
    """Return the body in the wind tunnel in parts, and their C_p and C_f."""
    if refine == "auto":
        fine = Refined(prediction.fine_mesh, prediction.fine_parent)
        return fine, prediction.fine["C_p"], prediction.fine["C_f"]
    if refine == "none":
        whole = Refined(mesh, np.arange(len(mesh.triangles)))
        return whole, prediction.cell_pressure, prediction.cell_shear
    _check_length(mesh, refine)
    fine, surface = refined(mesh, max_edge=refine), prediction.surface
    known = np.concatenate([surface["C_p"][:, None], surface["C_f"]], axis=1)
    points, normals = prediction.surface_points, prediction.surface_normals
    values = carry_to_cells(fine.mesh, points, normals, values=known)
    wanted = np.concatenate([prediction.cell_pressure[:, None], prediction.cell_shear], axis=1)
    # The parts of a triangle have its means, so that their force is that of the prediction.
    values += (wanted - means_over_parts(values, fine, len(wanted)))[fine.parent]
    return fine, values[:, 0], values[:, 1:]


def _check_length(mesh: SurfaceMesh, length: float) -> None:
    if not (math.isfinite(length) and length > 0):
        raise GeometryError(f"refine must be auto, none or a positive length, got {length}")
    if (number := least_parts(mesh, max_edge=length)) > MAX_OUTPUT:
        raise GeometryError(
            f"refine must leave at most {MAX_OUTPUT:,} triangles, got a length of {length:g} that "
            f"makes {number:,.0f} or more; use a larger one, such as 0.025"
        )
