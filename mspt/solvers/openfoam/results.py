"""Reader of OpenFOAM's results: mesh, fields and forces from its binary files.

Shapes: F faces of the body, C cells, I iterations, W iterations of the average.
"""

import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from mspt.errors import SolverError
from mspt.metrics.forces import BOTH_HALVES
from mspt.reading import DAMAGED
from mspt.solvers.openfoam.case import Recipe

STEP = re.compile(r"^Time = \d+", re.MULTILINE)
RESIDUAL = re.compile(r"Solving for (p|U)[xyz]?, Initial residual = ([-+.\deE]+)")
"""Where the log of simpleFoam begins an iteration, and names a residual."""

INCOMPLETE = "OpenFOAM's output must contain {what}, found none; solve the case again"

STEADY_WINDOW = 10
"""Last iterations whose forces represent a flow that became steady before averaging began."""


@dataclass(frozen=True, kw_only=True)
class Flow:
    """A computed flow, for a free stream of speed 1 and density 1.

    Attributes:
        face_centers: Centers of the faces of the body; only those at y >= 0 if symmetric.
        face_areas: Their area vectors, which point out of the body.
        face_pressure: Kinematic pressure on the faces.
        face_shear: Wall shear stress on the faces, as the flow acts on the body.
        cell_centers: Centers of all cells.
        cell_velocity: Velocity in the cells.
        cell_pressure: Kinematic pressure in the cells.
        force_history: Pressure and friction force on the whole body at each iteration.
        residual_history: Initial residuals of the pressure and of the velocity, the largest of its
            components, at each iteration; empty if there is no log.
        iterations: Number of iterations that were computed.
        averaged: Whether the fields are means over the last iterations; False if the flow became
            steady before averaging began.
        wall_distance_units: Mean y+ over the body.
        cpu_seconds: Processor time of all programs.
        recipe: Settings of the computation.
    """

    face_centers: Float64[ndarray, "F 3"]
    face_areas: Float64[ndarray, "F 3"]
    face_pressure: Float64[ndarray, " F"]
    face_shear: Float64[ndarray, "F 3"]
    cell_centers: Float64[ndarray, "C 3"]
    cell_velocity: Float64[ndarray, "C 3"]
    cell_pressure: Float64[ndarray, " C"]
    force_history: Float64[ndarray, "I 2 3"]
    residual_history: Float64[ndarray, "R 2"]
    iterations: int
    averaged: bool
    wall_distance_units: float
    cpu_seconds: float
    recipe: Recipe

    @property
    def window(self) -> Float64[ndarray, "W 2 3"]:
        """Forces of the iterations over which the fields are averaged."""
        if not self.averaged:
            return self.force_history[-STEADY_WINDOW:]
        return self.force_history[self.first_averaged - 1 :]

    @property
    def first_averaged(self) -> int:
        """First iteration of the window."""
        if self.averaged:
            return self.recipe.average_from
        return max(len(self.force_history) - STEADY_WINDOW, 0) + 1


def read_results(folder: Path, recipe: Recipe, *, cpu_seconds: float) -> Flow:
    """Read the flow of a finished case.

    Args:
        folder: Folder of the case.
        recipe: Settings of the computation.
        cpu_seconds: Processor time that it took, which is stored with the result.

    Raises:
        SolverError: If a file is missing, truncated or damaged, or a value is not finite.
    """
    try:
        return _read_results(folder, recipe, cpu_seconds)
    except DAMAGED as error:
        raise SolverError(
            "OpenFOAM's output must be whole, found a file that is damaged; solve the case again"
        ) from error


def _read_results(folder: Path, recipe: Recipe, cpu_seconds: float) -> Flow:
    times = [entry for entry in folder.iterdir() if entry.name.isdigit() and entry.name != "0"]
    if not times:
        raise SolverError(INCOMPLETE.format(what="a result"))
    last = max(times, key=lambda entry: int(entry.name))
    averaged = (last / "UMean").exists() and int(last.name) > recipe.average_from
    suffix = "Mean" if averaged else ""
    centers, areas = _body_faces(folder / "constant/polyMesh")
    count = len(centers)
    # The field of the last iteration stores no pressure on the body, because its boundary condition
    # is a zero gradient: the pressure of a face is that of its cell.
    cell_pressure, face_pressure = _field(
        last / f"p{suffix}", width=1, faces=count if averaged else 0
    )
    if not averaged:
        face_pressure = cell_pressure[_cells_at_body(folder / "constant/polyMesh")]
    cell_velocity, _ = _field(last / f"U{suffix}", width=3, faces=0)
    _, shear = _field(last / f"wallShearStress{suffix}", width=3, faces=count, cells=False)
    cell_centers, _ = _field(last / "C", width=3, faces=0)
    _, wall_units = _field(last / "yPlus", width=1, faces=count, cells=False)
    flow = Flow(
        face_centers=centers,
        # Normals of a boundary point out of the fluid and into the body.
        face_areas=-areas,
        face_pressure=face_pressure[:, 0],
        face_shear=-shear,  # OpenFOAM stores the stress that the wall exerts on the fluid
        cell_centers=cell_centers,
        cell_velocity=cell_velocity,
        cell_pressure=cell_pressure[:, 0],
        force_history=_forces(folder) * (BOTH_HALVES if recipe.symmetric else 1),
        residual_history=residuals(folder / "simpleFoam.log"),
        iterations=int(last.name),
        averaged=averaged,
        wall_distance_units=float(wall_units.mean()),
        cpu_seconds=cpu_seconds,
        recipe=recipe,
    )
    for name in ("face_pressure", "face_shear", "cell_velocity", "cell_pressure"):
        if not np.isfinite(getattr(flow, name)).all():
            raise SolverError(
                f"{name} must be finite, got NaN or infinity; the solve diverged, "
                "check the shape or choose another mesh"
            )
    return flow


def _body_patch(mesh: Path) -> tuple[int, int]:
    """Return the number of faces of the patch ``body`` and the index of the first one."""
    text = _read(mesh / "boundary").decode("latin-1")
    # The boundary file is text; the other files of the mesh are binary.
    found = re.search(r"\bbody\s*\{[^}]*?nFaces\s+(\d+);[^}]*?startFace\s+(\d+);", text)
    if found is None:
        raise SolverError(INCOMPLETE.format(what="the patch of the body"))
    return int(found[1]), int(found[2])


def _cells_at_body(mesh: Path) -> ndarray:
    """Return the cells to which the faces of the patch ``body`` belong."""
    count, start = _body_patch(mesh)
    owners, _ = _binary_list(_read(mesh / "owner"), np.int32, 0)
    return owners[start : start + count]


def _body_faces(mesh: Path) -> tuple[ndarray, ndarray]:
    """Return centers and area vectors of the faces of the patch ``body``."""
    count, start = _body_patch(mesh)
    points, _ = _binary_list(_read(mesh / "points"), np.float64, 0, 3)
    raw = _read(mesh / "faces")  # a list of offsets, then the vertices of all faces
    offsets, position = _binary_list(raw, np.int32, 0)
    labels, _ = _binary_list(raw, np.int32, position)
    offsets = offsets[start : start + count + 1]
    sizes = np.diff(offsets)
    centers, areas = np.zeros((count, 3)), np.zeros((count, 3))
    for size in np.unique(sizes):
        rows = np.flatnonzero(sizes == size)
        corners = points[labels[offsets[rows][:, None] + np.arange(size)]]
        centers[rows], areas[rows] = polygon_faces(corners)
    return centers, areas


def polygon_faces(corners: Float64[ndarray, "P V 3"]) -> tuple[ndarray, ndarray]:
    """Return centroids and area vectors of polygons, which need not be planar.

    Each polygon is divided into triangles around the mean of its corners, as in OpenFOAM.

    Examples:
        >>> square = np.array([[(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0)]], dtype=float)
        >>> [part.tolist() for part in polygon_faces(square)]
        [[[0.5, 0.5, 0.0]], [[0.0, 0.0, 1.0]]]
    """
    middle = corners.mean(axis=1, keepdims=True)
    after = np.roll(corners, -1, axis=1)
    parts = np.cross(corners - middle, after - middle) / 2
    sizes = np.linalg.norm(parts, axis=2)
    thirds = (corners + after + middle) / 3
    total = np.where(sizes.sum(axis=1) > 0, sizes.sum(axis=1), 1.0)
    return (sizes[..., None] * thirds).sum(axis=1) / total[:, None], parts.sum(axis=1)


def _field(
    path: Path, *, width: int, faces: int, cells: bool = True
) -> tuple[Float64[ndarray, "C W"], Float64[ndarray, "F W"]]:
    """Return a field in the cells and on the faces of the body.

    Args:
        path: File of the field.
        width: Components of the field.
        faces: Number of faces of the body; 0 to leave their values out.
        cells: Whether to read the values in the cells.
    """
    raw, stop = _read(path), 0
    inside, at_body = np.zeros((0, width)), np.zeros((0, width))
    if cells:
        inside, stop = _binary_list(raw, np.float64, 0, width)
    if faces:
        entry = _patch(raw, max(raw.find(b"boundaryField", stop), 0))
        uniform = re.compile(rb"value\s+uniform\s+\(?([^);]*)\)?;").search(raw, entry)
        listed = raw.find(b"nonuniform", entry)
        if listed >= 0 and (uniform is None or listed < uniform.start()):
            at_body, _ = _binary_list(raw, np.float64, listed, width)
        elif uniform is not None:
            value = np.array(uniform[1].split(), dtype=np.float64)
            at_body = np.tile(value, (faces, 1))
        if len(at_body) != faces:
            raise SolverError(INCOMPLETE.format(what=f"{path.name} on the body"))
    return inside, at_body


def _patch(raw: bytes, start: int) -> int:
    """Return the position after the opening brace of the patch ``body``."""
    found = re.compile(rb"\n\s*body\s*\n\s*\{").search(raw, start)
    if found is None:
        raise SolverError(INCOMPLETE.format(what="values on the body"))
    return found.end()


def _read(path: Path) -> bytes:
    if not path.exists():
        raise SolverError(INCOMPLETE.format(what=path.name))
    return path.read_bytes()


def _binary_list(raw: bytes, kind: type, start: int, width: int = 1) -> tuple[ndarray, int]:
    """Return the next list of values after a position, and the position of its end.

    A list is its length, an opening parenthesis and raw values.
    """
    found = re.compile(rb"\n\s*(\d+)\s*\n?\(").search(raw, start)
    if found is None:
        raise SolverError(INCOMPLETE.format(what="a list of values"))
    count = int(found[1]) * width
    stop = found.end() + count * np.dtype(kind).itemsize
    if stop > len(raw):
        raise SolverError(INCOMPLETE.format(what="all values of a list"))
    values = np.frombuffer(raw, dtype=kind, count=count, offset=found.end())
    return (values.reshape(-1, width) if width > 1 or kind is np.float64 else values), stop


def _forces(folder: Path) -> Float64[ndarray, "I 2 3"]:
    """Return pressure and friction force at each iteration.

    A line of the file is the iteration and the total, pressure and viscous force.
    """
    files = sorted((folder / "postProcessing/forces").glob("*/force.dat"))
    if not files:
        raise SolverError(INCOMPLETE.format(what="forces"))
    text = files[-1].read_text(encoding="ascii").replace("(", " ").replace(")", " ")
    rows = [line.split() for line in text.splitlines() if line and not line.startswith("#")]
    # Iteration, then three components each of total, pressure and viscous force.
    if not rows or {len(row) for row in rows} != {10}:
        raise SolverError(INCOMPLETE.format(what="the forces of each iteration"))
    values = np.array(rows, dtype=np.float64)
    return values[:, 4:10].reshape(-1, 2, 3)


def residuals(log: Path) -> Float64[ndarray, "R 2"]:
    """Return the residuals of pressure and velocity at each iteration, from the log of simpleFoam.

    They are initial residuals: those before the linear equations of an iteration are solved. The
    velocity has the largest of its components, as in OpenFOAM's own criterion.
    """
    if not log.exists():
        return np.zeros((0, 2))
    rows = []
    for part in STEP.split(log.read_text(encoding="utf-8", errors="replace"))[1:]:
        found: dict[str, list[float]] = defaultdict(list)
        for name, value in RESIDUAL.findall(part):
            found[name].append(float(value))
        if found["p"] and found["U"]:
            rows.append((found["p"][0], max(found["U"])))
    return np.array(rows, dtype=np.float64).reshape(-1, 2)
