"""What the channels of a data set are: quantities by name, groups scored together, mirror image.

This is the one place that turns names into channel numbers.

Letters: B batch, N points, F features, C output channels, G groups of fields.
"""

from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from mspt.data.case import Quantity
from mspt.errors import DataError
from mspt.metrics.fields import relative_l2

Part = Literal["all", "surface", "volume"]


@dataclass(frozen=True)
class FieldGroup:
    """A quantity that is scored, on the points where it is defined.

    Attributes:
        name: Of the score, as in checkpoints' headers.
        part: Points on the body, points of the flow, or both.
        quantity: Name of the quantity; None for all channels together.
        title: The words for it on screen; default: the name.
    """

    name: str
    part: Part
    quantity: str | None
    title: str = ""

    def rows(self, num_surface: int) -> slice:
        """Return the rows of a cloud that the group is scored on; surface points come first."""
        if self.part == "all":
            return slice(None)
        return slice(num_surface) if self.part == "surface" else slice(num_surface, None)


@dataclass(frozen=True, kw_only=True)
class Mirror:
    """Sign of each channel on the other side of a plane of symmetry."""

    points: tuple[float, ...]
    features: tuple[float, ...]
    fields: tuple[float, ...]


EVERYTHING = FieldGroup("fields", "all", None)
"""All channels on all points: what is scored unless a data set says otherwise."""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """What the channels of a data set's cases are.

    Attributes:
        features: What the model reads at each point besides the coordinates.
        fields: What the model predicts at each point.
        groups: What is scored, and counts alike in the training loss; the first one is the primary
            score.
        mirror: How the stored side of a body becomes the other one; None where both are stored.
    """

    features: tuple[Quantity, ...] = ()
    fields: tuple[Quantity, ...]
    groups: tuple[FieldGroup, ...] = (EVERYTHING,)
    mirror: Mirror | None = None

    def __post_init__(self) -> None:
        """Reject groups of quantities that are not there."""
        for group in self.groups:
            self.columns(group.quantity)

    @cached_property
    def feature_channels(self) -> tuple[str, ...]:
        """Names of the feature channels, in order."""
        return tuple(name for quantity in self.features for name in quantity.channels)

    @cached_property
    def field_channels(self) -> tuple[str, ...]:
        """Names of the output channels, in order.

        Examples:
            >>> speed = Quantity(name="u", symbol="u", unit="m/s", description="",
            ...     components=("u_x", "u_y"))
            >>> Layout(fields=(speed,)).field_channels
            ('u_x', 'u_y')
        """
        return tuple(name for quantity in self.fields for name in quantity.channels)

    def columns(self, name: str | None) -> slice:
        """Return the output channels of a quantity or of one component; of all for None.

        Raises:
            DataError: If there is no such field.
        """
        return slice(None) if name is None else _column(self.fields, name)

    @property
    def has_surface(self) -> bool:
        """Whether cases are clouds with points on a body first and points of the flow after."""
        return any(group.part == "surface" for group in self.groups)

    def quantity_of(self, channel: str) -> Quantity:
        """Return the quantity that an output channel belongs to."""
        return next(one for one in self.fields if channel in one.channels)

    def part_of(self, channel: str) -> Part:
        """Return where an output channel is defined: where some group of it is scored."""
        name = self.quantity_of(channel).name
        parts: list[Part] = [group.part for group in self.groups if group.quantity in (None, name)]
        return parts[0] if len(set(parts)) == 1 else "all"

    def errors(
        self,
        predicted: Float[Tensor, "B N C"],
        truth: Float[Tensor, "B N C"],
        *,
        num_surface: int = 0,
    ) -> Float[Tensor, "G B"]:
        """Return the relative L2 error of each group and case, in the order of ``groups``.

        Args:
            predicted: Predicted fields in physical units.
            truth: Fields of the solver.
            num_surface: Points on the body, which come first; 0 without one.
        """
        return torch.stack(
            [
                relative_l2(
                    *(
                        values[:, group.rows(num_surface), self.columns(group.quantity)]
                        for values in (predicted, truth)
                    )
                )
                for group in self.groups
            ]
        )

    def named(self, values: Any) -> "NamedChannels":  # noqa: ANN401 - a tensor or an array
        """Return output channels by name: ``layout.named(values)["velocity"]``."""
        return NamedChannels(values, self.fields)

    def named_features(self, values: Any) -> "NamedChannels":  # noqa: ANN401
        """Return feature channels by name: ``layout.named_features(values)["direction"]``."""
        return NamedChannels(values, self.features)


@dataclass(frozen=True, eq=False)
class NamedChannels:
    """Values at points, whose quantities are read by their names.

    Attributes:
        values: A tensor or an array of shape (..., C).
        quantities: What its channels are, in order.
    """

    values: Any
    quantities: tuple[Quantity, ...] = field(repr=False)

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 - of the kind of the values
        """Return a quantity: (..., 3) for a vector, (...) for a scalar or one component.

        Raises:
            DataError: If there is no such field.

        Examples:
            >>> import numpy as np
            >>> speed = Quantity(name="u", symbol="u", unit="m/s", description="",
            ...     components=("u_x", "u_y"))
            >>> fields = Layout(fields=(speed,)).named(np.array([[3.0, 4.0]]))
            >>> fields["u"].tolist(), fields["u_y"].tolist()
            ([[3.0, 4.0]], [4.0])
        """
        columns = _column(self.quantities, name)
        is_vector = any(one.name == name and one.components for one in self.quantities)
        return self.values[..., columns] if is_vector else self.values[..., columns.start]


@cache
def _columns(quantities: tuple[Quantity, ...]) -> dict[str, slice]:
    """Return the channels of each quantity, and of each component."""
    found, start = {}, 0
    for quantity in quantities:
        names = quantity.channels
        found |= {name: slice(start + k, start + k + 1) for k, name in enumerate(names)}
        found[quantity.name] = slice(start, start + len(names))
        start += len(names)
    return found


def _column(quantities: tuple[Quantity, ...], name: str) -> slice:
    columns = _columns(quantities)
    if name not in columns:
        raise DataError(f"field must be one of {', '.join(columns)}, got {name!r}")
    return columns[name]
