"""What the channels of a cloud are: names, groups that are scored together, mirror image."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class FieldGroup:
    """Channels that are scored together, on the points where they mean something.

    Attributes:
        name: Of the quantity.
        part: Surface points, points of the flow, or both.
        channels: Of the fields.
    """

    name: str
    part: Literal["surface", "volume", "all"]
    channels: tuple[int, ...]

    def rows(self, num_surface: int) -> slice:
        """Return the rows of a cloud that the group is scored on."""
        if self.part == "all":
            return slice(None)
        return slice(num_surface) if self.part == "surface" else slice(num_surface, None)


@dataclass(frozen=True, kw_only=True)
class Mirror:
    """Signs of each channel on the other side of a plane of symmetry."""

    points: tuple[float, ...]
    features: tuple[float, ...]
    fields: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Layout:
    """What the channels of a data set's clouds are.

    Attributes:
        features: Names of what goes in.
        fields: Names of what is to come out.
        groups: Fields that are scored together.
        mirror: How the side that is stored becomes the other one; None where both are stored.
    """

    features: tuple[str, ...]
    fields: tuple[str, ...]
    groups: tuple[FieldGroup, ...]
    mirror: Mirror | None

    @property
    def everything(self) -> FieldGroup:
        """All channels on all points."""
        return FieldGroup("everything", "all", tuple(range(len(self.fields))))
