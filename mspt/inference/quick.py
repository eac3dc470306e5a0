"""Drag of a body in about a second: one cloud of points in one pass.

A full prediction is the mean of eight passes over four clouds, and has an expected error; see
:func:`mspt.inference.shapes.predict_shape`.

Letters: N points of the surface, T triangles.
"""

from dataclasses import dataclass
from time import perf_counter

from jaxtyping import Float64
from numpy import ndarray

from mspt.checkpoint import Checkpoint
from mspt.geometry.mesh import SurfaceMesh
from mspt.inference.flow import carry_to_cells, cloud_force, predict_cloud
from mspt.inference.sampling import sample_inputs
from mspt.metrics.forces import Coefficients, coefficients


@dataclass(frozen=True, kw_only=True, eq=False)
class QuickDrag:
    """A prediction from one cloud, without an expected error.

    Attributes:
        coefficients: Of drag and lift.
        points: Points on the surface.
        normals: Outward unit normals there.
        pressure: C_p there.
        seconds: Wall time, placing the points included.
    """

    coefficients: Coefficients
    points: Float64[ndarray, "N 3"]
    normals: Float64[ndarray, "N 3"]
    pressure: Float64[ndarray, " N"]
    seconds: float

    def on_cells(self, mesh: SurfaceMesh) -> Float64[ndarray, " T"]:
        """Return C_p on the triangles of the same body."""
        values = self.pressure[:, None]
        return carry_to_cells(mesh, self.points, self.normals, values=values)[:, 0]


def quick_drag(
    checkpoint: Checkpoint, mesh: SurfaceMesh, *, device: str = "auto", seed: int = 0
) -> QuickDrag:
    """Predict the drag of a body from one cloud of points.

    Args:
        checkpoint: A model of flows.
        mesh: The body in the wind-tunnel frame.
        device: ``auto``, ``cuda``, ``mps`` or ``cpu``.
        seed: Of the sampled points.

    Raises:
        GeometryError: If no point of the flow lies outside the body.
        MSPTError: If the checkpoint is not one for flows, or the device does not exist here.
    """
    start = perf_counter()
    inputs = sample_inputs(checkpoint, mesh, num_clouds=1, seed=seed)
    (cloud,) = inputs.clouds
    fields = predict_cloud(checkpoint, cloud, device=device)
    force = cloud_force(cloud, fields, float(mesh.areas.sum()))
    surface = cloud.layout.named(fields[: cloud.num_surface].double().numpy())
    return QuickDrag(
        coefficients=coefficients(force, reference_area=inputs.frontal_area),
        points=inputs.points,
        normals=inputs.normals,
        pressure=surface["C_p"],
        seconds=perf_counter() - start,
    )
