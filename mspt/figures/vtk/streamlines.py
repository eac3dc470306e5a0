"""Streamlines around a body.

Shapes: S seeds, V points of lines, L points of one line.
"""

from dataclasses import dataclass
from typing import cast

import numpy as np
import pyvista as pv
from jaxtyping import Float64, Int64
from numpy import ndarray

from mspt.figures.vtk.resample import FlowGrid
from mspt.geometry.mesh import SurfaceMesh

_STANDSTILL = 0.02
"""Speed at which a streamline ends, in free-stream speeds."""

_RUNGE_KUTTA_4 = 4
"""Number of PyVista's integrator of fourth order."""


def rake(mesh: SurfaceMesh, *, before: float = 0.3) -> Float64[ndarray, "S 3"]:
    """Return seeds in front of a body: a rectangle almost as wide as it and slightly taller.

    Args:
        mesh: The body in the wind-tunnel frame.
        before: Distance from its nose, in body lengths.
    """
    (x0, y0, _), (_, y1, z1) = mesh.bounds
    length = mesh.extent[0]
    y = 0.9 * np.linspace(y0, y1, 8)
    # Seeds on the ground itself would follow the ground, because it moves with the flow.
    z = np.linspace(0.015 * length, z1 + 0.03 * length, 8)
    return np.array([(x0 - before * length, side, up) for side in y for up in z])


@dataclass(frozen=True, kw_only=True, eq=False)
class Paths:
    """Streamlines one after the other, each along the flow.

    Attributes:
        points: Points of all lines.
        offsets: Line ``c`` is ``points[offsets[c]:offsets[c + 1]]``.
        speed: Speed at the points, in free-stream speeds.
        times: Time from the first point of a line, in lengths over the free-stream speed.
    """

    points: Float64[ndarray, "V 3"]
    offsets: Int64[ndarray, " lines_plus_1"]
    speed: Float64[ndarray, " V"]
    times: Float64[ndarray, " V"]


def paths(grid: FlowGrid, seeds: Float64[ndarray, "S 3"], *, both: bool = False) -> Paths:
    """Return streamlines from seeds, and with ``both`` also those that lead to them.

    Args:
        grid: Velocity on a grid.
        seeds: Points of the streamlines.
        both: Whether lines also go upstream from the seeds.
    """
    lines: list[ndarray] = []
    speeds: list[ndarray] = []
    for upstream in (False, True)[: 1 + both]:
        found = streamlines(grid, seeds, name="speed", upstream=upstream)
        points, speed = np.asarray(found.points, dtype=float), found.point_data["speed"]
        start = 0
        while start < len(found.lines):
            stop = start + 1 + found.lines[start]
            own = found.lines[start + 1 : stop]
            own = own[::-1] if upstream else own
            lines.append(points[own])
            speeds.append(np.asarray(speed[own], dtype=float))
            start = stop
    if not lines:
        return Paths(
            points=np.empty((0, 3)),
            offsets=np.zeros(1, dtype=np.int64),
            speed=np.empty(0),
            times=np.empty(0),
        )
    return Paths(
        points=np.concatenate(lines),
        offsets=np.cumsum([0, *map(len, lines)]),
        speed=np.concatenate(speeds),
        times=np.concatenate([_times(*pair) for pair in zip(lines, speeds, strict=True)]),
    )


def _times(points: Float64[ndarray, "L 3"], speed: Float64[ndarray, " L"]) -> ndarray:
    """Return the time at each point of one line, by the mean speed between neighbors."""
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    between = np.maximum((speed[1:] + speed[:-1]) / 2, _STANDSTILL)
    return np.concatenate([[0.0], np.cumsum(steps / between)])


def streamlines(
    grid: FlowGrid, seeds: Float64[ndarray, "S 3"], *, name: str, upstream: bool = False
) -> pv.PolyData:
    """Return streamlines from seeds to the boundary of a grid or to where the flow stagnates.

    Args:
        grid: Velocity on a grid.
        seeds: First points of the streamlines.
        name: Name of the speed at the points of the lines.
        upstream: Whether to go against the flow.
    """
    axes = (grid.x, grid.y, grid.z)
    image = pv.ImageData(
        dimensions=tuple(len(axis) for axis in axes),
        spacing=tuple(float(axis[1] - axis[0]) for axis in axes),
        origin=tuple(float(axis[0]) for axis in axes),
    )
    image.point_data["velocity"] = grid.velocity.reshape(-1, 3)
    found = image.streamlines_from_source(
        pv.PolyData(seeds),
        vectors="velocity",
        integrator_type=_RUNGE_KUTTA_4,
        integration_direction="backward" if upstream else "forward",
        initial_step_length=0.7,
        # Lines that circle in a wake must end.
        max_length=4 * float(np.ptp(grid.x)),
        max_steps=1000,
        terminal_speed=_STANDSTILL,
        compute_vorticity=False,
    )
    lines = cast("pv.PolyData", found)
    speed = np.linalg.norm(lines.point_data["velocity"], axis=1)
    lines.clear_data()
    lines.point_data[name] = speed.astype(np.float32)
    return lines


def tubes(lines: pv.PolyData, *, radius: float) -> pv.PolyData:
    """Return lines as tubes, because browsers draw lines only one pixel wide."""
    return cast("pv.PolyData", lines.tube(radius=radius, n_sides=5, capping=True))
