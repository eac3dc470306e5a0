"""What a prediction shows of its own error, without any truth.

Letters: S surface points of the first cloud, N surface points of all clouds, F numbers of a form,
D numbers of an outline.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float64
from numpy import ndarray

from mspt.checkpoint import Checkpoint
from mspt.data.descriptors import described
from mspt.geometry.descriptors.body import BodyShape
from mspt.geometry.descriptors.form import describe_form
from mspt.geometry.mesh import SurfaceMesh
from mspt.geometry.outline import describe_outline
from mspt.inference.flow import FlowPrediction, predict_cloud
from mspt.inference.latent import predict_with_latent
from mspt.inference.repeated import compared_passes, half_cloud
from mspt.inference.sampling import FlowInputs
from mspt.metrics.forces import coefficients, surface_force

SMALL_DRAG = 0.05
"""C_D below which changes of C_D are stated over this value: the drag of a slender body."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Signals:
    """What was seen of one prediction.

    Attributes:
        numbers: By name; each is zero for a prediction that nothing speaks against, and without a
            unit. ``clouds``: spread of C_D over the clouds, which have other points and other
            partitions. ``mirror_drag``: change of C_D when mirrored. ``symmetry`` and
            ``resolution``: see :func:`mspt.inference.repeated.model_checks`. ``drag NAME`` and
            ``pressure NAME``: difference of C_D, and relative L2 difference of C_p, between this
            model and the one of that name.
        local: Root mean square over mirrored pass and other models of the difference of C_p at
            each surface point of the first cloud.
        points: These points.
        normals: Outward unit normals there.
        form: See :func:`mspt.geometry.descriptors.form.describe_form`.
        outline: See :func:`mspt.geometry.outline.describe_outline`.
        latent: See :func:`mspt.inference.latent.predict_with_latent`, of every second point of the
            first cloud.
    """

    numbers: Mapping[str, float]
    local: Float64[ndarray, " S"]
    points: Float64[ndarray, "S 3"]
    normals: Float64[ndarray, "S 3"]
    form: Float64[ndarray, " F"]
    outline: Float64[ndarray, " D"]
    latent: Float64[ndarray, " _"]

    @property
    def checks(self) -> Mapping[str, float]:
        """The numbers that the trust report has, too."""
        return {name: self.numbers[name] for name in ("symmetry", "resolution")}


def observe(
    checkpoint: Checkpoint,
    mesh: SurfaceMesh,
    inputs: FlowInputs,
    prediction: FlowPrediction,
    *,
    members: Mapping[str, Checkpoint],
    device: str = "auto",
) -> Signals:
    """Return what a prediction shows of its own error.

    Every second point of the first cloud is predicted again, and the first cloud once by each of
    the other models.

    Args:
        checkpoint: The model.
        mesh: The body in the wind-tunnel frame.
        inputs: The points of the prediction.
        prediction: Of the model.
        members: Other models of the same data, by name.
        device: ``auto``, ``cuda``, ``mps`` or ``cpu``.
    """
    cloud, own = inputs.clouds[0], slice(None, None, len(inputs.clouds))
    count = cloud.num_surface
    passes = prediction.pressure_passes[:, own]
    fields, latent = predict_with_latent(checkpoint, half_cloud(cloud), device=device)
    once, again = (torch.from_numpy(one) for one in passes[[0, -1]])
    checks = compared_passes(once, again, fields[: (count + 1) // 2, 0].double())
    drag = prediction.coefficients.C_D
    scale = max(abs(drag), SMALL_DRAG)
    pressure, shear = (prediction.surface[name][own] for name in ("C_p", "C_f"))
    here = _drag(inputs, prediction, pressure, shear)
    numbers = {
        "clouds": prediction.drag_spread / scale,
        "mirror_drag": abs(prediction.drag_passes[-1] - prediction.drag_passes[0]) / scale,
        **checks,
    }
    squares = [((passes[-1] - passes[0]) / 2) ** 2]
    for name, member in members.items():
        given = described(cloud, member.config.descriptors)
        other = cloud.layout.named(predict_cloud(member, given, device=device)[:count].double())
        values, friction = other["C_p"].numpy(), other["C_f"].numpy()
        numbers[f"drag {name}"] = abs(_drag(inputs, prediction, values, friction) - here) / scale
        numbers[f"pressure {name}"] = float(
            np.linalg.norm(values - pressure) / np.linalg.norm(pressure)
        )
        squares.append((values - pressure) ** 2)
    return Signals(
        numbers=numbers,
        local=np.sqrt(np.mean(squares, axis=0)),
        points=inputs.points[own],
        normals=inputs.normals[own],
        form=describe_form(BodyShape(mesh), inputs.points, inputs.normals),
        outline=describe_outline(inputs.points),
        latent=latent,
    )


def _drag(
    inputs: FlowInputs, prediction: FlowPrediction, pressure: ndarray, shear: ndarray
) -> float:
    """Return C_D of fields at the surface points of the first cloud, which share the area."""
    normals = inputs.normals[:: len(inputs.clouds)]
    areas = normals * (prediction.surface_area / len(normals))
    force = surface_force(areas, pressure, shear=shear)
    return coefficients(force, reference_area=inputs.frontal_area).C_D
