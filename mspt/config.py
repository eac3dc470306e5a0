"""Configuration: frozen dataclasses that refuse what no model could be built from."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

Architecture = Literal["mspt", "branched", "published", "transolver", "full_attention"]
Pooling = Literal["mean", "max", "linear", "attention"]
PATCHED: tuple[Architecture, ...] = ("mspt", "branched", "published")
"""Architectures that cut a cloud into patches."""
PartitionKind = Literal["ball_tree", "sequence"]


def require(name: str, value: int, *, minimum: int) -> None:
    """Raise a ValueError unless ``value`` is at least ``minimum``.

    Examples:
        >>> require("width", 0, minimum=1)
        Traceback (most recent call last):
        ValueError: width must be at least 1, got 0
    """
    if value < minimum:
        raise ValueError(f"{name} must be at least {minimum}, got {value}")


def require_choice(name: str, value: str, choices: Iterable[str]) -> None:
    """Raise a ValueError unless ``value`` is one of ``choices``."""
    if value not in (known := tuple(choices)):
        raise ValueError(f"{name} must be one of {', '.join(known)}, got {value!r}")


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """Architecture of one model; every architecture takes the same keywords.

    Attributes:
        space_dim: Space axes X of the points.
        in_features: Input features F per point, besides the coordinates.
        out_channels: Output channels C per point.
        architecture: Which model; see the modules ``model``, ``branched``, ``published`` and
            ``baselines``.
        width: Model width D; a multiple of ``num_heads``.
        num_heads: Attention heads H.
        num_blocks: Blocks.
        mlp_ratio: Hidden width of the feed-forward network over D.
        num_patches: Patches K; exactly one of this and ``patch_size`` is given for MSPT.
        patch_size: Points per patch L; K then follows the size of each cloud.
        num_supernodes: Supernodes Q per patch.
        pooling: How a patch becomes supernodes (equations 10 and 11).
        partition: ``ball_tree``, or ``sequence`` for runs of the given order.
        carry: Hand supernodes from block to block (equation 12).
        time_conditioned: Whether ``forward`` takes a time per cloud.
        unified_position: Reference points per axis whose distances describe a point; 0 for none.
        num_slices: Slices of Transolver; ignored by the other architectures.
        structured_shape: Grid (rows, columns) for the structured variants of baselines.
    """

    space_dim: int
    in_features: int = 0
    out_channels: int = 1
    architecture: Architecture = "mspt"
    width: int = 128
    num_heads: int = 8
    num_blocks: int = 8
    mlp_ratio: int = 2
    num_patches: int | None = None
    patch_size: int | None = None
    num_supernodes: int = 1
    pooling: Pooling = "mean"
    partition: PartitionKind = "ball_tree"
    carry: bool = False
    time_conditioned: bool = False
    unified_position: int = 0
    num_slices: int = 64
    structured_shape: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        """Reject settings that no model could be built from."""
        for name in (
            "space_dim",
            "out_channels",
            "width",
            "num_heads",
            "num_blocks",
            "mlp_ratio",
            "num_supernodes",
            "num_slices",
        ):
            require(name, getattr(self, name), minimum=1)
        for name in ("in_features", "unified_position"):
            require(name, getattr(self, name), minimum=0)
        require_choice("architecture", self.architecture, get_args(Architecture))
        require_choice("pooling", self.pooling, get_args(Pooling))
        require_choice("partition", self.partition, get_args(PartitionKind))
        if self.width % self.num_heads:
            raise ValueError(
                f"width must be a multiple of num_heads, got {self.width} and {self.num_heads}"
            )
        if self.architecture in PATCHED and (self.num_patches is None) == (self.patch_size is None):
            raise ValueError(
                "exactly one of num_patches and patch_size must be given, "
                f"got {self.num_patches} and {self.patch_size}"
            )
        for name in ("num_patches", "patch_size"):
            if (value := getattr(self, name)) is not None:
                require(name, value, minimum=1)

    def patches_for(self, num_points: int) -> int:
        """Return K for a cloud of ``num_points`` points.

        Examples:
            >>> ModelConfig(space_dim=2, patch_size=100).patches_for(250)
            3
            >>> ModelConfig(space_dim=2, num_patches=4).patches_for(250)
            4
        """
        if self.num_patches is not None:
            return self.num_patches
        return -(-num_points // (self.patch_size or num_points))

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for a checkpoint's header."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "ModelConfig":
        """Rebuild a config, refusing names it does not know."""
        known = {field.name for field in fields(cls)}
        if unknown := sorted(values.keys() - known):
            raise ValueError(f"unknown ModelConfig settings {unknown}; known: {sorted(known)}")
        shape = values.get("structured_shape")
        return cls(**{**values, "structured_shape": tuple(shape) if shape else None})
