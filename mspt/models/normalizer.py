"""Means and scales of the training cases: physical units outside a model, about -1 to 1 inside.

Letters: B cases, N points, X space axes, F input features, C output channels.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class Normalizer(nn.Module):
    """Encode the inputs of a model and decode its output.

    Coordinates are mapped from their bounding box to -1..1 on the longest axis, so that a cloud
    keeps its shape. Features and fields have mean 0 and deviation 1 over all training points.
    """

    points_mean: Tensor
    points_scale: Tensor
    features_mean: Tensor
    features_scale: Tensor
    fields_mean: Tensor
    fields_scale: Tensor

    def __init__(self, *, space_dim: int, in_features: int, out_channels: int) -> None:
        super().__init__()
        for name, size in (
            ("points", space_dim),
            ("features", in_features),
            ("fields", out_channels),
        ):
            self.register_buffer(f"{name}_mean", torch.zeros(size))
            self.register_buffer(f"{name}_scale", torch.ones(size))

    @classmethod
    def fit(
        cls,
        points: Float[Tensor, "B N X"],
        features: Float[Tensor, "B N F"],
        fields: Float[Tensor, "B N C"],
    ) -> "Normalizer":
        """Measure means and scales on training cases; a constant channel has scale 1.

        Args:
            points: Coordinates, in the data set's unit.
            features: Further inputs, in their units.
            fields: Targets, in their units.
        """
        normalizer = cls(
            space_dim=points.shape[-1],
            in_features=features.shape[-1],
            out_channels=fields.shape[-1],
        )
        low, high = points.amin((0, 1)), points.amax((0, 1))
        normalizer.points_mean.copy_((low + high) / 2)
        normalizer.points_scale.copy_(_nonzero(((high - low) / 2).amax()))
        for name, values in (("features", features), ("fields", fields)):
            # In float32 the sum over millions of points loses digits of the mean.
            wide = values.double().flatten(0, 1)
            mean = wide.mean(0)
            getattr(normalizer, f"{name}_mean").copy_(mean)
            deviation = (wide - mean).square().mean(0).sqrt()
            getattr(normalizer, f"{name}_scale").copy_(_nonzero(deviation))
        return normalizer

    def encode(
        self, points: Float[Tensor, "*B N X"], features: Float[Tensor, "*B N F"]
    ) -> tuple[Float[Tensor, "*B N X"], Float[Tensor, "*B N F"]]:
        """Return coordinates and features, from physical units to a model's inputs."""
        return (
            (points - self.points_mean) / self.points_scale,
            (features - self.features_mean) / self.features_scale,
        )

    def decode(self, output: Float[Tensor, "*B N C"]) -> Float[Tensor, "*B N C"]:
        """Return a model's output in physical units; several passes may lie side by side."""
        passes = output.shape[-1] // len(self.fields_scale)
        return output * self.fields_scale.repeat(passes) + self.fields_mean.repeat(passes)


def _nonzero(scale: Tensor) -> Tensor:
    return torch.where(scale > 0, scale, torch.ones_like(scale))
