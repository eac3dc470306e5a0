"""Potential flow around spheres: flow cases whose fields are known exactly."""

from typing import Any

import numpy as np
from numpy import ndarray

from mspt.config import ModelConfig
from mspt.data.clouds import CloudStack
from mspt.data.sets.car.clouds import stack_flows
from mspt.data.sets.car.flow_case import FlowCase
from mspt.geometry.mesh import SurfaceMesh
from mspt.solvers.openfoam.case import Recipe
from mspt.solvers.openfoam.results import Flow
from mspt.training.presets import Preset, TrainConfig

NUM_FACES, NUM_POINTS = 900, 700
CENTER = np.array([0.5, 0.0, 0.6])


def sphere_velocity(points: ndarray, radius: float) -> ndarray:
    """Return the velocity of a uniform stream along x around a sphere."""
    offset = points - CENTER
    distance = np.linalg.norm(offset, axis=1, keepdims=True)
    dipole = radius**3 / (2 * distance**3)
    stream = np.array([1.0, 0.0, 0.0])
    return stream * (1 + dipole) - 3 * dipole * offset[:, :1] * offset / distance**2


def sphere_flow(radius: float, *, seed: int = 0, wheel: float = 0.0) -> FlowCase:
    """Return the flow around a sphere as a stored case: y >= 0 only."""
    rng = np.random.default_rng(seed)
    # A spiral of Fibonacci spreads equal areas over the sphere.
    index = np.arange(2 * NUM_FACES) + 0.5
    height, turn = 1 - index / NUM_FACES, np.pi * (1 + 5**0.5) * index
    ring = np.sqrt(1 - height**2)
    normals = np.stack([ring * np.cos(turn), ring * np.sin(turn), height], axis=1)
    normals = normals[normals[:, 1] > 0]
    area = 4 * np.pi * radius**2 / (2 * len(normals))
    away = radius * (1 + rng.exponential(0.7, NUM_POINTS))
    direction = rng.normal(size=(NUM_POINTS, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    direction[:, 1] = np.abs(direction[:, 1])
    points = CENTER + away[:, None] * direction
    velocity = sphere_velocity(points, radius)
    faces = CENTER + radius * normals
    at_wall = sphere_velocity(faces, radius)
    info = {
        "family": "ellipsoid",
        "wheel": wheel,
        "frontal_area": np.pi * radius**2,
        "C_D": 0.01 * radius,
        "C_L": 0.0,
        "C_D_spread": 0.0,
        "pressure_max": 1.0,
    }
    return FlowCase(
        face_points=faces.astype(np.float32),
        face_areas=(area * normals).astype(np.float32),
        face_pressure=(1 - (at_wall**2).sum(axis=1)).astype(np.float32),
        face_shear=(0.01 * at_wall).astype(np.float32),
        points=points.astype(np.float32),
        offsets=((away - radius)[:, None] * direction).astype(np.float32),
        velocity=velocity.astype(np.float32),
        pressure=(1 - (velocity**2).sum(axis=1)).astype(np.float32),
        info=info,
    )


def sphere_solution(mesh: SurfaceMesh, recipe: Recipe) -> Flow:
    """Return what a solver would: here the potential flow around the sphere nearest to a mesh."""
    radius = float(mesh.extent[2]) / 2
    rng = np.random.default_rng(0)
    centers = rng.uniform((-1, 0, 0), (3, 1, 1.2), (4000, 3))
    offset = centers - CENTER
    away = np.linalg.norm(offset, axis=1, keepdims=True)
    centers = CENTER + offset / away * np.maximum(away, 1.05 * radius)
    velocity = sphere_velocity(centers, radius)
    half = mesh.centers[:, 1] > 0
    normals = mesh.normals[half]
    at_wall = sphere_velocity(CENTER + radius * normals, radius)
    return Flow(
        face_centers=mesh.centers[half],
        face_areas=mesh.area_vectors[half],
        face_pressure=(1 - (at_wall**2).sum(axis=1)) / 2,
        face_shear=0.005 * at_wall,
        cell_centers=centers,
        cell_velocity=velocity,
        cell_pressure=(1 - (velocity**2).sum(axis=1)) / 2,
        force_history=np.tile(np.array([[[0.02, 0, 0.01], [0.002, 0, 0]]]), (240, 1, 1)),
        residual_history=np.geomspace((1.0, 0.1), (1e-4, 1e-5), 240),
        iterations=240,
        averaged=True,
        wall_distance_units=200.0,
        cpu_seconds=50.0,
        recipe=recipe,
    )


def sphere_flows(count: int, *, first: int = 0) -> list[tuple[str, FlowCase]]:
    """Return spheres of many sizes under names of the data set."""
    radii = 0.3 + 0.2 * ((np.arange(first, first + count) * 0.618) % 1)
    return [
        (f"car-{first + index:04d}", sphere_flow(float(radius), seed=first + index))
        for index, radius in enumerate(radii)
    ]


def sphere_clouds(count: int, *, first: int = 0) -> CloudStack:
    """Return spheres as clouds of 120 points on them and 100 around them."""
    return stack_flows("car", sphere_flows(count, first=first), num_surface=120, num_volume=100)


def flow_preset(*, model: dict[str, Any] | None = None, **train: Any) -> Preset:  # noqa: ANN401
    """Return a tiny preset for flows."""
    settings = {
        "space_dim": 3,
        "in_features": 5,
        "out_channels": 7,
        "width": 16,
        "num_heads": 2,
        "num_blocks": 2,
        "num_patches": 6,
        **(model or {}),
    }
    schedule = {"epochs": 3, "batch_size": 4, "surface_points": 120, "volume_points": 100, **train}
    return Preset(dataset="car", model=ModelConfig(**settings), train=TrainConfig(**schedule))
