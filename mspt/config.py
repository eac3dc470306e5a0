"""Configuration: frozen dataclasses that refuse what no model could be built or trained with."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from numbers import Integral
from typing import Any, Literal, get_args

Architecture = Literal["mspt", "branched", "published", "transolver", "full_attention"]
Pooling = Literal[
    "mean",
    "max",
    "linear",
    "attention",
    "linear_from_mean",
    "attention_from_mean",
    "mean_std",
    "mean_max",
]
PATCHED: tuple[Architecture, ...] = ("mspt", "branched", "published")
"""Architectures that partition a cloud into patches."""
PATCH_OPTIONS = ("rotary", "keys_per_level", "inputs_at_head")
"""Options of the models whose points attend to their patch and all supernodes."""
LATER = (*PATCH_OPTIONS, "fourier_features", "descriptors")
"""Settings that checkpoints' headers name only where they are set."""
Descriptor = Literal["shelter", "height", "curvature", "thickness", "section"]
DESCRIPTORS: Mapping[Descriptor, tuple[str, ...]] = {
    "shelter": ("free_upstream", "free_downstream"),
    "height": ("ground_height", "below_roof"),
    "curvature": ("curvature_small", "curvature_middle", "curvature_large"),
    "thickness": ("thickness",),
    "section": ("area_ahead", "area_behind"),
}
"""Groups of geometric descriptors of a point of a flow, and the input features of each group; what
they are is said in :mod:`mspt.geometry.descriptors.points`."""
PartitionKind = Literal["ball_tree", "sequence", "random", "alternating_trees"]
WITHOUT_TREE: tuple[PartitionKind, ...] = ("sequence", "random")
_CHOICES = {"architecture": Architecture, "pooling": Pooling, "partition": PartitionKind}
Optimizer = Literal["adamw", "muon", "lion"]
Precision = Literal["float32", "bfloat16"]


MOST: dict[str, int] = {
    "space_dim": 8,
    "in_features": 65_536,
    "out_channels": 65_536,
    "width": 65_536,
    "num_heads": 65_536,
    "num_blocks": 1024,
    "mlp_ratio": 1024,
    "num_supernodes": 65_536,
    "rotary": 65_536,
    "keys_per_level": 65_536,
    "input_frames": 65_536,
    "rollout": 1024,
    "unified_position": 1024,
    "fourier_features": 64,
    "num_slices": 65_536,
}
"""Largest values of a model's sizes: far more than any model of use has, and few enough that its
modules can be listed without their weights in a second."""


def is_whole(value: object) -> bool:
    """Return whether a value is a whole number; ``True`` and ``3.0`` are none.

    Examples:
        >>> is_whole(3), is_whole(3.0), is_whole(True), is_whole(None)
        (True, False, False, False)
    """
    return isinstance(value, Integral) and not isinstance(value, bool)


def require(name: str, value: object, *, minimum: int, maximum: int | None = None) -> None:
    """Raise a ValueError unless ``value`` is a whole number from ``minimum`` to ``maximum``.

    Examples:
        >>> require("width", 0, minimum=1)
        Traceback (most recent call last):
        ValueError: width must be at least 1, got 0
        >>> require("width", float("nan"), minimum=1)
        Traceback (most recent call last):
        ValueError: width must be a whole number, got nan
    """
    if not is_whole(value):
        raise ValueError(f"{name} must be a whole number, got {value!r}")
    whole = int(value)  # pyright: ignore[reportArgumentType]
    if whole < minimum:
        raise ValueError(f"{name} must be at least {minimum}, got {value}")
    if maximum is not None and whole > maximum:
        raise ValueError(f"{name} must be at most {maximum:,}, got {value}")


def require_choice(name: str, value: object, choices: Iterable[str]) -> None:
    """Raise a ValueError unless ``value`` is one of ``choices``."""
    if value not in (known := tuple(choices)):
        raise ValueError(f"{name} must be one of {', '.join(known)}, got {value!r}")


def descriptor_channels(groups: Iterable[Descriptor]) -> tuple[str, ...]:
    """Return the names of the input features of groups of descriptors, in order.

    Examples:
        >>> descriptor_channels(["section", "thickness"])
        ('area_ahead', 'area_behind', 'thickness')
    """
    return tuple(name for group in groups for name in DESCRIPTORS[group])


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
        pooling: How a patch becomes supernodes (equations 10 and 11); see
            :class:`mspt.models.pooling.PatchPooling`.
        partition: ``ball_tree``; ``sequence`` for runs of the given order; ``random`` for runs of a
            random one, the same for all clouds of one size; ``alternating_trees`` for a second ball
            tree, over turned axes, in every second block.
        rotary: Frequencies per axis of a rotary embedding of the coordinates of points and
            supernodes in attention; 0 for none. Twice their number times X must fit the width of a
            head.
        keys_per_level: Nodes of the ball tree for each doubling of the patches, whose supernodes a
            point attends to in place of those of all patches: small nodes nearby and large ones far
            away. 0 for all patches.
        carry: Hand supernodes from block to block (equation 12).
        input_frames: The last input features that are frames in time of the predicted quantity.
        rollout: Passes that predict all frames of a case, each ``out_channels`` of them from the
            latest ``input_frames``, those of earlier passes among them; 1 without frames.
        time_conditioned: Whether ``forward`` takes a time per cloud.
        unified_position: Reference points per axis whose distances describe a point; 0 for none.
        fourier_features: Frequencies per axis whose sines and cosines describe a point; 0 for none.
        inputs_at_head: Whether the task head reads the description of a point (coordinates,
            distances, sines and cosines, features) beside its hidden features.
        descriptors: Groups of geometric descriptors that a model of flows reads of each point; they
            are the last of the input features, in this order. See ``DESCRIPTORS``.
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
    rotary: int = 0
    keys_per_level: int = 0
    carry: bool = False
    input_frames: int = 0
    rollout: int = 1
    time_conditioned: bool = False
    unified_position: int = 0
    fourier_features: int = 0
    inputs_at_head: bool = False
    descriptors: tuple[Descriptor, ...] = ()
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
            "rollout",
        ):
            require(name, getattr(self, name), minimum=1, maximum=MOST[name])
        for name in (
            "in_features",
            "input_frames",
            "unified_position",
            "fourier_features",
            "rotary",
            "keys_per_level",
        ):
            require(name, getattr(self, name), minimum=0, maximum=MOST[name])
        for name, choices in _CHOICES.items():
            require_choice(name, getattr(self, name), get_args(choices))
        if self.width % self.num_heads:
            raise ValueError(
                f"width must be a multiple of num_heads, got {self.width} and {self.num_heads}"
            )
        if self.architecture in PATCHED and (self.num_patches is None) == (self.patch_size is None):
            raise ValueError(
                "exactly one of num_patches and patch_size must be given, "
                f"got {self.num_patches} and {self.patch_size}"
            )
        least = int(self.rollout > 1)
        if not least <= self.input_frames <= max(least, self.in_features):
            raise ValueError(
                f"input_frames must be from {least} to in_features for a rollout of "
                f"{self.rollout}, got {self.input_frames} of {self.in_features}"
            )
        for name in ("num_patches", "patch_size"):
            if (value := getattr(self, name)) is not None:
                require(name, value, minimum=1)
        self._check_descriptors()
        self._check_options()

    def _check_descriptors(self) -> None:
        """Reject groups that there are not, and features that cannot hold them."""
        for group in self.descriptors:
            require_choice("descriptors", group, DESCRIPTORS)
        if len(set(self.descriptors)) < len(self.descriptors):
            raise ValueError(f"descriptors must name each group once, got {self.descriptors}")
        if (count := len(descriptor_channels(self.descriptors))) > self.in_features:
            raise ValueError(
                f"in_features must be at least {count} for the descriptors "
                f"{', '.join(self.descriptors)}, got {self.in_features}; use with_descriptors"
            )
        if self.descriptors and self.input_frames:
            raise ValueError(
                f"descriptors must be none for a model of {self.input_frames} frames in time, got "
                f"{', '.join(self.descriptors)}"
            )

    def _check_options(self) -> None:
        """Reject options that do not go together, or not with the architecture."""
        for name in PATCH_OPTIONS:
            if (value := getattr(self, name)) and self.architecture not in ("mspt", "branched"):
                usual = getattr(type(self), name)
                raise ValueError(
                    f"{name} must be {usual} for the architecture {self.architecture}, "
                    f"got {value}; only mspt and branched have this option"
                )
        if self.keys_per_level and (self.carry or self.partition in WITHOUT_TREE):
            raise ValueError(
                f"keys_per_level must be 0 with carry or partition={self.partition!r}, "
                f"got {self.keys_per_level}; use a ball tree, and supernodes of each block alone"
            )
        if self.keys_per_level and self.architecture == "branched":
            raise ValueError(
                f"keys_per_level must be 0 for the architecture branched, got "
                f"{self.keys_per_level}; its points attend to the supernodes of both branches"
            )
        known = {"branched": WITHOUT_TREE, "published": ("random", "alternating_trees")}
        if self.partition in known.get(self.architecture, ()):
            raise ValueError(
                f"partition must not be {self.partition!r} for the architecture "
                f"{self.architecture}; use 'ball_tree'"
            )
        if self.fourier_features and self.architecture == "published":
            raise ValueError(
                "fourier_features must be 0 for the architecture published, "
                f"got {self.fourier_features}; the authors' code has none"
            )
        pairs = self.width // self.num_heads // 2
        if self.rotary * self.space_dim > pairs:
            raise ValueError(
                f"rotary must be at most {pairs // self.space_dim} for heads of "
                f"{self.width // self.num_heads} channels and {self.space_dim} space axes, "
                f"got {self.rotary}; use fewer heads or a larger width"
            )
        if self.carry and self.partition == "alternating_trees":
            raise ValueError(
                "carry must be off with partition='alternating_trees', got True; "
                "the trees have no supernodes in common"
            )

    def with_descriptors(self, names: Iterable[Descriptor]) -> "ModelConfig":
        """Return the config of a model that reads these descriptors in place of its own.

        Examples:
            >>> config = ModelConfig(space_dim=3, in_features=5, patch_size=100)
            >>> config.with_descriptors(["shelter", "thickness"]).in_features
            8
        """
        chosen = tuple(names)
        more = len(descriptor_channels(chosen)) - len(descriptor_channels(self.descriptors))
        return replace(self, descriptors=chosen, in_features=self.in_features + more)

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
        """Return plain values for a checkpoint's header; later options only where they are set.

        Checkpoints of the paper's model stay readable by versions without these options.
        """
        return {key: value for key, value in asdict(self).items() if key not in LATER or value}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "ModelConfig":
        """Rebuild a config, refusing names it does not know."""
        known = {field.name for field in fields(cls)}
        if unknown := sorted(values.keys() - known):
            raise ValueError(f"unknown ModelConfig settings {unknown}; known: {sorted(known)}")
        _check_kinds(values)
        shape = values.get("structured_shape")
        tuples = {
            "structured_shape": tuple(shape) if shape else None,
            "descriptors": tuple(values.get("descriptors", ())),
        }
        return cls(**{**values, **tuples})


_FLAGS = ("carry", "time_conditioned", "inputs_at_head")


def _check_kinds(values: Mapping[str, Any]) -> None:
    """Raise a ValueError unless values from a file are of the kinds of a config's settings."""
    if "space_dim" not in values:
        raise ValueError("space_dim must be given, got none")
    for name in (*MOST, "num_patches", "patch_size"):
        if values.get(name) is not None or (name in values and name in MOST):
            require(name, values[name], minimum=0)
    for name in _FLAGS:
        if type(value := values.get(name, False)) is not bool:
            raise ValueError(f"{name} must be true or false, got {value!r}")
    for name, choices in _CHOICES.items():
        if name in values:
            require_choice(name, values[name], get_args(choices))
    _check_lists(values)


def _check_lists(values: Mapping[str, Any]) -> None:
    groups = values.get("descriptors", ())
    if not isinstance(groups, list | tuple):
        raise ValueError(  # noqa: TRY004 - the content of a file is wrong, not a call
            f"descriptors must be a list of groups, got {groups!r}"
        )
    shape = values.get("structured_shape") or ()
    if not isinstance(shape, list | tuple) or len(shape) not in (0, 2):
        raise ValueError(f"structured_shape must be two whole numbers, got {shape!r}")
    for value in shape:
        require("structured_shape", value, minimum=1)


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """How a model is trained.

    Attributes:
        epochs: Passes over the training cases.
        batch_size: Cases a step.
        optimizer: ``muon`` for the matrices inside the blocks with AdamW for the rest, or
            ``adamw`` or ``lion`` for all.
        learning_rate: Peak learning rate, reached after the warm-up.
        warmup: Share of all steps with a linearly rising rate; a cosine to zero follows.
        weight_decay: Decoupled weight decay of matrices.
        clip_norm: Largest norm of the gradient of all parameters together.
        ema_decay: Decay of the moving average of the weights, which is evaluated and saved.
        seed: Seed of the initial weights and of the order of the cases.
        precision: ``bfloat16`` runs the forward in mixed precision; it gains on GPUs only.
        coarse_epochs: First passes on a quarter of the points: every second row and column of
            gridded cases, fewer drawn points of flows.
        augment: Whether every epoch turns each case of a 2-D data set by one of the data set's
            symmetries; flows are always mirrored at random.
        surface_points: Points drawn on the surface of a body, all of them where there are fewer;
            0 for data sets without one.
        volume_points: Points drawn in the flow around it.
        derivative_weight: Weight of the relative L2 of the gradients in the loss, beside that of
            the fields; 0 for none.
        start: Checkpoint of the same model that training goes on from, a path; else from weights
            drawn at random.
        compile: Whether to run ``torch.compile`` on the model; for GPUs.
    """

    epochs: int
    batch_size: int = 2
    optimizer: Optimizer = "muon"
    learning_rate: float = 1e-2
    warmup: float = 0.05
    weight_decay: float = 0.01
    clip_norm: float = 1.0
    ema_decay: float = 0.999
    seed: int = 0
    precision: Precision = "float32"
    coarse_epochs: int = 0
    augment: bool = False
    surface_points: int = 0
    volume_points: int = 0
    derivative_weight: float = 0.0
    start: str = ""
    compile: bool = False

    def __post_init__(self) -> None:
        """Reject settings that cannot train."""
        require("epochs", self.epochs, minimum=1)
        require("batch_size", self.batch_size, minimum=1)
        require_choice("optimizer", self.optimizer, get_args(Optimizer))
        require_choice("precision", self.precision, get_args(Precision))
        for name in ("surface_points", "volume_points"):
            require(name, getattr(self, name), minimum=0)
        if not 0 <= self.coarse_epochs <= self.epochs:
            raise ValueError(
                f"coarse_epochs must be between 0 and epochs, got {self.coarse_epochs} "
                f"of {self.epochs}"
            )
        for name in ("learning_rate", "clip_norm"):
            if not (value := getattr(self, name)) > 0:
                raise ValueError(f"{name} must be positive, got {value}")
        if not self.derivative_weight >= 0:
            raise ValueError(f"derivative_weight must be at least 0, got {self.derivative_weight}")
        for name in ("warmup", "ema_decay"):
            if not 0 <= (value := getattr(self, name)) < 1:
                raise ValueError(f"{name} must be in [0, 1), got {value}")

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for a checkpoint's header; what few runs have, only where set."""
        extra = ("augment", "surface_points", "volume_points", "derivative_weight", "start")
        return {key: value for key, value in asdict(self).items() if key not in extra or value}


@dataclass(frozen=True, kw_only=True)
class Preset:
    """One run: a data set, an architecture and how it is trained."""

    dataset: str
    model: ModelConfig
    train: TrainConfig
