"""Flow cases of ``car`` as clouds: what the channels are, and how they are computed.

Lengths are in body lengths, speeds in free-stream speeds, in the wind-tunnel frame.

Shapes: S surface points, V points of the flow, N all points.
"""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float32
from numpy import ndarray
from torch import Tensor

from mspt.data.case import Quantity
from mspt.data.clouds import Cloud, CloudStack
from mspt.data.layout import FieldGroup, Layout, Mirror
from mspt.data.sets.car.flow_case import FlowCase

NEAR_WALL = 0.01
"""Distance in body lengths below which the feature ``closeness`` grows linearly, above which like
a logarithm: boundary layers are that thin, and far points need no resolution."""
FREE_STREAM = (1.0, 0.0, 0.0)


LAYOUT = Layout(
    features=(
        Quantity(
            name="direction",
            symbol="n",
            unit="1",
            description="Unit vector away from the nearest point of the wall.",
            components=("direction_x", "direction_y", "direction_z"),
        ),
        Quantity(
            name="closeness",
            symbol="c",
            unit="1",
            description="Logarithm of one plus the distance from the wall over 0.01 lengths.",
        ),
        Quantity(
            name="on_surface",
            symbol="s",
            unit="1",
            description="1 for points of the body, 0 for points of the flow.",
        ),
    ),
    fields=(
        Quantity(
            name="C_p",
            symbol="C_p",
            unit="1",
            description="Pressure above the free stream's, over the dynamic pressure.",
        ),
        Quantity(
            name="C_f",
            symbol="C_f",
            unit="1",
            description="Wall shear stress over the dynamic pressure, a vector along the wall.",
            components=("C_fx", "C_fy", "C_fz"),
        ),
        Quantity(
            name="velocity_change",
            symbol="u − U_inf",
            unit="U_inf",
            description="Change that the body makes to the velocity, in free-stream speeds.",
            components=("u_x", "u_y", "u_z"),
        ),
    ),
    groups=(
        FieldGroup("surface_pressure", "surface", "C_p", "C_p on the body"),
        FieldGroup("wall_shear", "surface", "C_f", "C_f on the body"),
        FieldGroup("velocity_change", "volume", "velocity_change", "Velocity change"),
        FieldGroup("volume_pressure", "volume", "C_p", "C_p in the flow"),
    ),
    # Under y -> -y the y components of vectors change their sign and nothing else does.
    mirror=Mirror(
        points=(1.0, -1.0, 1.0),
        features=(1.0, -1.0, 1.0, 1.0, 1.0),
        fields=(1.0, 1.0, -1.0, 1.0, 1.0, -1.0, 1.0),
    ),
)


def cloud_features(
    normals: Float32[ndarray, "S 3"], offsets: Float32[ndarray, "V 3"]
) -> Float32[Tensor, "N 5"]:
    """Return the features of surface points and of points of the flow.

    Args:
        normals: Unit normals at the surface points.
        offsets: From the nearest point of the body to each point of the flow.
    """
    distance = np.linalg.norm(offsets, axis=1, keepdims=True)
    direction = np.concatenate([normals, offsets / np.maximum(distance, 1e-9)])
    closeness = np.log1p(np.concatenate([np.zeros((len(normals), 1)), distance]) / NEAR_WALL)
    flag = np.zeros((len(direction), 1))
    flag[: len(normals)] = 1
    return torch.from_numpy(np.concatenate([direction, closeness, flag], axis=1)).float()


def cloud_of(case: FlowCase) -> Cloud:
    """Return the stored half of a flow as a cloud."""
    areas = np.linalg.norm(case.face_areas, axis=1, keepdims=True)
    faces, others = len(case.face_points), len(case.points)
    on_surface = [case.face_pressure[:, None], case.face_shear, np.zeros((faces, 3))]
    change = case.velocity - np.array(FREE_STREAM)
    in_flow = [case.pressure[:, None], np.zeros((others, 3)), change]
    fields = np.concatenate([np.concatenate(on_surface, 1), np.concatenate(in_flow, 1)])
    return Cloud(
        points=torch.from_numpy(np.concatenate([case.face_points, case.points])),
        features=cloud_features(
            (case.face_areas / np.maximum(areas, 1e-12)).astype(np.float32), case.offsets
        ),
        fields=torch.from_numpy(fields).float(),
        num_surface=faces,
        layout=LAYOUT,
        shape=case.shape,
    )


def stack_flows(
    dataset: str, cases: Sequence[tuple[str, FlowCase]], *, num_surface: int, num_volume: int
) -> CloudStack:
    """Return flow cases as clouds of one size."""
    flows = [case for _, case in cases]
    return CloudStack(
        dataset=dataset,
        names=tuple(name for name, _ in cases),
        halves=tuple(cloud_of(case) for case in flows),
        areas=tuple(np.linalg.norm(case.face_areas, axis=1) for case in flows),
        drag=tuple(case.info["C_D"] for case in flows),
        lift=tuple(case.info["C_L"] for case in flows),
        num_surface=num_surface,
        num_volume=num_volume,
        layout=LAYOUT,
    )
