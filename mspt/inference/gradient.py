"""Where pushing the surface of a body outward raises its drag, by the gradient of the model.

C_D is computed as for any prediction, from clouds of points on and around the body, but as a
function of the vertices of its mesh that PyTorch differentiates. What belongs to the computation
stays as it is when the surface moves: the partition of each cloud, on which triangle and where on
it each point lies, the points in the flow, which triangle is nearest to each of them, geometric
descriptors, and the reference area. With the last one, the gradient is that of the drag force.

It is the gradient of the model, not of the flow. Nothing makes the derivatives of a model as
accurate as its values.

Letters: V vertices, T triangles, S surface points, P points in the flow, N all points of a cloud,
F input features.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import scipy  # its parts are loaded when first used
import torch
from jaxtyping import Float, Float64, Int64
from numpy import ndarray
from torch import Tensor

from mspt.checkpoint import Checkpoint
from mspt.data.clouds import Cloud
from mspt.data.sets.car.clouds import NEAR_WALL
from mspt.geometry.distance import nearest_on
from mspt.geometry.mesh import SurfaceMesh
from mspt.inference.flow import CloudsDone, FlowPrediction, carry_to_cells
from mspt.inference.predict import encode_inputs, pick_device
from mspt.inference.sampling import FlowInputs, sample_inputs
from mspt.models.branched import SplitPartition
from mspt.partition.ball_tree import Partition

BUMP_RADIUS, BUMP_HEIGHT = 0.08, 0.01
"""Radius and height of the bump whose effect is shown, in body lengths: as wide as a wheel is high,
so that the scatter between single points cancels, and 4 cm high on a car of 4 m."""

NUM_BUMPS = 1500
"""Places at which the effect of a bump is computed for a picture."""

NUM_CLOUDS = 4
"""Clouds of a gradient: the bumps of two single clouds have a correlation of one half. Each cloud
takes six times as long as a pass."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Scene:
    """A cloud on and around a body, tied to the triangles of its mesh.

    Attributes:
        triangles: Vertices of each triangle.
        triangle: Triangle that each point lies on, or that is nearest to it.
        weights: Barycentric coordinates of the nearest point of that triangle.
        flow: The points in the flow, which stay where they are.
        others: Features that do not follow the surface: the descriptors.
        areas: Areas of the triangles before the surface moves.
        partition: Of the cloud.
        reference_area: A_ref.
    """

    triangles: Int64[Tensor, "T 3"]
    triangle: Int64[Tensor, " N"]
    weights: Float[Tensor, "N 3"]
    flow: Float[Tensor, "P 3"]
    others: Float[Tensor, "N _F"]
    areas: Float[Tensor, " T"]
    partition: Partition | SplitPartition | None
    reference_area: float

    @property
    def num_surface(self) -> int:
        """Number of surface points, which come first."""
        return len(self.triangle) - len(self.flow)


@dataclass(frozen=True, kw_only=True, eq=False)
class DragGradient:
    """The change of C_D with the surface, at fixed reference area.

    Attributes:
        mesh: The body, in triangles that are short beside a bump.
        vertex_gradient: Derivative of C_D by the position of each vertex.
        C_D: Drag of the clouds that it was computed from.
    """

    mesh: SurfaceMesh
    vertex_gradient: Float64[ndarray, "V 3"]
    C_D: float

    def along_normals(self) -> Float64[ndarray, " V"]:
        """Return the derivative of C_D by the displacement of each vertex along its normal."""
        return np.einsum("vx,vx->v", self.vertex_gradient, vertex_normals(self.mesh))

    def bumps(
        self,
        centers: Float64[ndarray, "S 3"],
        normals: Float64[ndarray, "S 3"],
        *,
        radius: float = BUMP_RADIUS,
        height: float = BUMP_HEIGHT,
    ) -> Float64[ndarray, " S"]:
        """Return the change of C_D by a bump at each of some places, to first order.

        A bump moves vertices outward along their normals by ``height * (1 - (r / radius)^2)`` at
        the distance r from its center, on the side of the surface that the normal points to.

        Args:
            centers: Places on the surface.
            normals: Unit normals there.
            radius: Of the bump, in body lengths.
            height: At its center, in body lengths.
        """
        change = self.along_normals()
        tree = scipy.spatial.KDTree(self.mesh.vertices)
        facing = vertex_normals(self.mesh)
        found = np.zeros(len(centers))
        for row, near in enumerate(tree.query_ball_point(centers, radius)):
            near = np.asarray(near, dtype=np.int64)
            near = near[facing[near] @ normals[row] > 0]
            square = ((self.mesh.vertices[near] - centers[row]) ** 2).sum(axis=1)
            found[row] = height * (1 - square / radius**2) @ change[near]
        return found


def vertex_normals(mesh: SurfaceMesh) -> Float64[ndarray, "V 3"]:
    """Return unit normals of vertices: the mean over the triangles, weighted by area.

    Examples:
        >>> from mspt.geometry.mesh import box
        >>> vertex_normals(box((0, 0, 0), (1, 1, 1)))[0].round(3).tolist()
        [-0.577, -0.577, -0.577]
    """
    sums = np.zeros_like(mesh.vertices)
    for corner in mesh.triangles.T:
        np.add.at(sums, corner, mesh.area_vectors)
    return sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-300)


def scene_of(
    checkpoint: Checkpoint, mesh: SurfaceMesh, cloud: Cloud, *, reference_area: float
) -> Scene:
    """Tie a cloud to the triangles of a body, and build its partition."""
    points = cloud.points.double().numpy()
    near = nearest_on(mesh, points)
    inputs = encode_inputs(checkpoint, cloud.points, cloud.features, num_surface=cloud.num_surface)
    return Scene(
        triangles=torch.from_numpy(mesh.triangles),
        triangle=torch.from_numpy(near.triangle),
        weights=torch.from_numpy(barycentric(mesh.corners[near.triangle], near.closest)),
        flow=torch.from_numpy(points[cloud.num_surface :]),
        others=cloud.features[:, 5:],
        areas=torch.from_numpy(mesh.areas),
        partition=inputs.partition,
        reference_area=reference_area,
    )


def barycentric(
    corners: Float64[ndarray, "N 3 3"], points: Float64[ndarray, "N 3"]
) -> Float64[ndarray, "N 3"]:
    """Return barycentric coordinates of points in triangles.

    Examples:
        >>> corners = np.array([[[0.0, 0, 0], [2, 0, 0], [0, 2, 0]]])
        >>> barycentric(corners, np.array([[0.5, 1.0, 0.0]])).round(9).tolist()
        [[0.25, 0.25, 0.5]]
    """
    sides = corners[:, 1:] - corners[:, :1]
    matrix = np.einsum("nax,nbx->nab", sides, sides)
    # Triangles without an area have no unique coordinates; any that give the point will do.
    matrix = matrix + 1e-15 * np.eye(2) * np.trace(matrix, axis1=1, axis2=2)[:, None, None]
    right = np.einsum("nax,nx->na", sides, points - corners[:, 0])
    rest = np.linalg.solve(matrix + 1e-300 * np.eye(2), right[..., None])[..., 0]
    return np.concatenate([1 - rest.sum(axis=1, keepdims=True), rest], axis=1)


def drag_of(
    checkpoint: Checkpoint, scene: Scene, vertices: Float[Tensor, "V 3"], *, mirrored: bool = False
) -> Float[Tensor, ""]:
    """Return C_D as a differentiable function of the vertices of a body.

    Args:
        checkpoint: The model, on the device of the vertices.
        scene: The points, as they are tied to the triangles.
        vertices: Positions of the vertices.
        mirrored: Whether to predict the mirrored flow; its drag is the same for the true flow.
    """
    points, features, vectors = _inputs(scene, vertices)
    if mirrored:
        points, features = points * _flip(3, points), features * _flip(features.shape[1], features)
    kind = next(checkpoint.model.parameters())
    encoded = checkpoint.normalizer.to(kind.device).encode(points, features)
    output = checkpoint.model(
        *(one.to(kind.dtype)[None] for one in encoded),
        partitions=None if scene.partition is None else [scene.partition],
    )[0]
    fields = checkpoint.normalizer.decode(output)[: scene.num_surface].to(vectors.dtype)
    # Drag has no part across the plane of symmetry: a mirrored flow has the same sum.
    push = -fields[:, 0] * vectors[:, 0] + fields[:, 1] * vectors.norm(dim=1)
    return push.sum() / scene.reference_area


def _inputs(scene: Scene, vertices: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return points, features, and area vectors of the surface points, which share the area."""
    count = scene.num_surface
    corners = vertices[scene.triangles]
    vectors = torch.linalg.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]) / 2
    own = scene.triangle[:count]
    nearest = torch.einsum("nk,nkx->nx", scene.weights, corners[scene.triangle])
    normals = vectors[own] / vectors[own].norm(dim=1, keepdim=True)
    offset = scene.flow - nearest[count:]
    distance = offset.norm(dim=1, keepdim=True)
    direction = torch.cat([normals, offset / distance.clamp_min(1e-9)])
    on_surface = torch.zeros_like(direction[:, :1])
    on_surface[:count] = 1
    closeness = torch.cat([on_surface[:count] * 0, torch.log1p(distance / NEAR_WALL)])
    features = torch.cat([direction, closeness, on_surface, scene.others], dim=1)
    # A triangle that grows has as many points, each of which stands for more of the surface.
    share = scene.areas.sum() / count / scene.areas[own].clamp_min(1e-300)
    points = torch.cat([nearest[:count], scene.flow])
    return points, features, vectors[own] * share[:, None]


def _flip(count: int, like: Tensor) -> Tensor:
    """Return the signs of coordinates or features of the mirror image: the second one changes."""
    signs = torch.ones(count, dtype=like.dtype, device=like.device)
    signs[1] = -1
    return signs


def drag_gradient(
    checkpoint: Checkpoint,
    mesh: SurfaceMesh,
    inputs: FlowInputs,
    *,
    device: str = "auto",
) -> Iterator[CloudsDone | DragGradient]:
    """Compute the gradient of C_D, yielding after each cloud and the result at the end.

    It is the mean over all clouds, each as it is and mirrored, like a prediction.

    Args:
        checkpoint: A model of flows.
        mesh: The body in triangles that are short beside the features of interest, such as the
            ``fine_mesh`` of a prediction.
        inputs: Points on and around the body; more clouds scatter less.
        device: ``auto``, ``cuda``, ``mps`` or ``cpu``.

    Raises:
        MSPTError: If the device does not exist here.
    """
    target = pick_device(device)
    checkpoint.model.to(target)
    kind = torch.float32 if target.type == "mps" else torch.float64  # mps has no float64
    vertices = torch.from_numpy(mesh.vertices).to(target, kind).requires_grad_()
    total, drag = torch.zeros_like(vertices), 0.0
    clouds = inputs.clouds
    for done, cloud in enumerate(clouds, start=1):
        scene = _moved(
            scene_of(checkpoint, mesh, cloud, reference_area=inputs.frontal_area), target, kind
        )
        for mirrored in (False, True):
            with torch.enable_grad():
                value = drag_of(checkpoint, scene, vertices, mirrored=mirrored)
                (found,) = torch.autograd.grad(value, vertices)
            total += found / (2 * len(clouds))
            drag += value.item() / (2 * len(clouds))
        yield CloudsDone(done=done, total=len(clouds))
    yield DragGradient(mesh=mesh, vertex_gradient=total.double().cpu().numpy(), C_D=drag)


def _moved(scene: Scene, device: torch.device, kind: torch.dtype) -> Scene:
    """Return a scene on a device."""
    return Scene(
        triangles=scene.triangles.to(device),
        triangle=scene.triangle.to(device),
        weights=scene.weights.to(device, kind),
        flow=scene.flow.to(device, kind),
        others=scene.others.to(device, kind),
        areas=scene.areas.to(device, kind),
        partition=scene.partition,
        reference_area=scene.reference_area,
    )


def drag_changes(
    checkpoint: Checkpoint,
    body: SurfaceMesh,
    prediction: FlowPrediction,
    *,
    seed: int = 0,
    device: str = "auto",
) -> Float64[ndarray, " _"]:
    """Return the change of C_D by a bump at each triangle of a prediction's ``fine_mesh``.

    Bumps are computed at places spread over the surface, and interpolated between them.

    Args:
        checkpoint: The model of the prediction.
        body: The body in the wind-tunnel frame.
        prediction: Of that body.
        seed: Of the points that the gradient is computed from.
        device: ``auto``, ``cuda``, ``mps`` or ``cpu``.

    Raises:
        MSPTError: If the device does not exist here.
    """
    inputs = sample_inputs(checkpoint, body, num_clouds=NUM_CLOUDS, seed=seed)
    events = drag_gradient(checkpoint, prediction.fine_mesh, inputs, device=device)
    found = next(event for event in events if isinstance(event, DragGradient))
    rows = np.unique(np.linspace(0, len(inputs.points) - 1, NUM_BUMPS).round().astype(int))
    places = inputs.points[rows], inputs.normals[rows]
    values = found.bumps(*places)
    return carry_to_cells(prediction.fine_mesh, *places, values=values[:, None])[:, 0]
