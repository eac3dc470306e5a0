"""Models that a person brings: checkpoints of this project, and the authors' weights.

Files come from anywhere: weights are read as tensors only, and a model is taken only where it fits
its data set and can be run here.
"""

import pickle
import re
import struct
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from zipfile import ZipFile, is_zipfile

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from mspt.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from mspt.config import ModelConfig, Pooling, descriptor_channels
from mspt.cost.formulas import forward_flops, peak_bytes
from mspt.data.brought.cases import public_sets_like
from mspt.data.case import CaseStack
from mspt.data.dataset import Dataset
from mspt.data.sets.standard import SCALED_BY_AUTHORS
from mspt.errors import CheckpointError
from mspt.inference.predict import predict_case
from mspt.models.normalizer import Normalizer
from mspt.models.published.entries import find_weights
from mspt.models.published.model import load_published
from mspt.reading import DAMAGED

PARTS = ("points", "features", "fields")
"""What a normalizer scales."""
MOST_FLOPS, MOST_MEMORY = 5e12, 8 * 1024**3
"""Of a pass over one case: a minute and what a usual machine has."""
FIT_CASES = 200
"""Training cases that means and scales are measured on."""


@dataclass(frozen=True, kw_only=True)
class PublishedSettings:
    """What the authors' weights do not say of their training.

    Attributes:
        num_heads: Attention heads H.
        num_patches: Patches K.
        num_supernodes: Supernodes Q per patch.
        pooling: How a patch becomes supernodes.
        grid: Rows and columns of a structured model's grid; None for scattered points.
        unified_position: Whether distances to reference points replaced the coordinates.
        scaled: Which of ``PARTS`` were normalized in training.
    """

    num_heads: int = 8
    num_patches: int = 32
    num_supernodes: int = 1
    pooling: Pooling = "mean"
    grid: tuple[int, int] | None = None
    unified_position: bool = False
    scaled: tuple[str, ...] = ()


def usual_settings(dataset: Dataset) -> PublishedSettings:
    """Return the settings of the authors' script for a data set, or for one with its channels.

    Examples:
        >>> from mspt.data.registry import get_dataset
        >>> usual_settings(get_dataset("darcy")).num_patches
        600
    """
    for one in public_sets_like(dataset):
        config = one.presets[one.name].model
        return PublishedSettings(
            num_heads=config.num_heads,
            num_patches=config.num_patches or 32,
            grid=one.grid_shape,
            unified_position=config.unified_position > 0,
            scaled=SCALED_BY_AUTHORS.get(one.name, ()),
        )
    return PublishedSettings()


def convert_published(
    path: Path,
    out: Path,
    *,
    dataset: Dataset,
    settings: PublishedSettings,
    root: Path | None = None,
) -> None:
    """Write the authors' weights as a checkpoint that predicts cases of a data set.

    Means and scales are measured on training cases at hand, as the authors' file holds none.

    Args:
        path: Their file.
        out: The checkpoint to write.
        dataset: What the weights were trained for.
        settings: What the file does not say.
        root: Folder of the training cases; default: ``data``, then what ships.

    Raises:
        CheckpointError: If the file holds no such weights, or they do not fit the data set.
        DataError: If no training cases are at hand.
    """
    entry, weights = find_weights(read_state_dict(path))
    model = load_published(
        weights,
        num_heads=settings.num_heads,
        num_patches=settings.num_patches,
        num_supernodes=settings.num_supernodes,
        pooling=settings.pooling,
        structured_shape=settings.grid,
        unified_pos=settings.unified_position,
    )
    config = _rolled_out(model.config, dataset)
    check_fits(config, dataset, path.name)
    info = {
        "dataset": dataset.name,
        "source": path.name,
        **({"entry": entry} if entry else {}),
        "parameters": sum(one.numel() for one in model.parameters()),
        "metrics": {},
    }
    normalizer = _normalizer(config, dataset, settings.scaled, root=root)
    save_checkpoint(out, model=model, config=config, normalizer=normalizer, info=info)


def _rolled_out(config: ModelConfig, dataset: Dataset) -> ModelConfig:
    """Return the config of a model that predicts one frame after the other, if the set has many."""
    presets = dataset.presets.values()
    passes = next((one.model.rollout for one in presets if one.model.rollout > 1), 1)
    if passes == 1 or config.out_channels * passes != len(dataset.layout.field_channels):
        return config
    return replace(config, rollout=passes, input_frames=config.in_features)


def _normalizer(
    config: ModelConfig, dataset: Dataset, scaled: tuple[str, ...], *, root: Path | None
) -> Normalizer:
    """Return means and scales of the parts that were normalized in training, 0 and 1 of others."""
    plain = Normalizer(
        space_dim=config.space_dim,
        in_features=config.in_features,
        out_channels=config.out_channels,
    )
    if not scaled:
        return plain
    at_hand = dataset.source.at_hand(dataset, root).get("train", 0)
    cases = dataset.cases("train", root=root, limit=min(FIT_CASES, max(1, at_hand)))
    if not isinstance(cases, CaseStack):
        raise CheckpointError(
            f"data set must have cases of one size to convert weights for, got {dataset.name}"
        )
    fields = cases.fields if config.rollout == 1 else cases.fields.flatten(2).mean(2, keepdim=True)
    fitted = Normalizer.fit(cases.points, cases.features, fields)
    for part in scaled:
        for kind in ("mean", "scale"):
            getattr(plain, f"{part}_{kind}").copy_(getattr(fitted, f"{part}_{kind}"))
    return plain


def check_fits(config: ModelConfig, dataset: Dataset, name: str) -> None:
    """Refuse a model that does not read and predict the channels of a data set.

    Args:
        config: Of the model.
        dataset: The data set.
        name: Of the model's file, for the message.

    Raises:
        CheckpointError: With what differs.
    """
    layout = dataset.layout
    expected = (dataset.space_dim, len(layout.feature_channels), len(layout.field_channels))
    found = (
        config.space_dim,
        config.in_features - len(descriptor_channels(config.descriptors)),
        config.out_channels * config.rollout,
    )
    words = ("coordinates", "features", "fields")
    for word, want, got in zip(words, expected, found, strict=True):
        if want != got:
            raise CheckpointError(
                f"checkpoint must have {want} {word} for {dataset.name}, got {got} in {name}; "
                "choose the data set it was trained on"
            )


def load_brought(path: Path, dataset: Dataset) -> Checkpoint:
    """Load a checkpoint from anywhere, if it fits a data set and can be run here.

    Args:
        path: The file.
        dataset: Whose cases it is to predict.

    Raises:
        CheckpointError: If it is damaged, does not fit, is too large, or fails on a case.
    """
    checkpoint = load_checkpoint(path)
    config, name = checkpoint.config, path.name
    check_fits(config, dataset, name)
    if dataset.layout.has_surface:
        return checkpoint  # clouds around bodies are drawn as its header says
    case = dataset.cases("test", limit=1)
    if not isinstance(case, CaseStack):  # pragma: no cover - only clouds with a surface
        return checkpoint
    count = case.points.shape[1]
    too_much = f"checkpoint must be of a model that can be run here, got {name}, of which a pass "
    try:
        flops = config.rollout * forward_flops(config, count)
        memory = peak_bytes(config, count, work="forward")
    except (ValueError, OverflowError, ZeroDivisionError):
        flops = memory = 0.0  # an architecture without a formula
    if flops > MOST_FLOPS or memory > MOST_MEMORY:
        raise CheckpointError(
            f"{too_much}takes {flops / 1e12:,.1f} TFLOP and {memory / 1024**3:,.1f} GB; bring a "
            "smaller one"
        )
    try:
        found = predict_case(checkpoint, case.points[0], case.features[0], device="cpu").fields
    except (RuntimeError, ValueError, IndexError, TypeError) as error:
        raise CheckpointError(
            f"{too_much}fails on a case of {dataset.name}; choose the data set and the settings it "
            "was trained with"
        ) from error
    if not torch.isfinite(found).all():
        raise CheckpointError(f"{too_much}gives NaN or infinity; check its settings")
    return checkpoint


def read_state_dict(path: Path) -> Mapping[Any, Any]:
    """Read a table of tensors; a pickle is read as plain values only, no code in it is run.

    Raises:
        CheckpointError: If the file is absent or holds anything but tensors and plain values.
    """
    if not path.is_file():
        raise CheckpointError(f"state_dict must be a file, got nothing at '{path}'; check its path")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        _check_archive(path)
        with warnings.catch_warnings():  # of odd files that it refuses all the same
            warnings.simplefilter("ignore")
            state = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        unknown = re.search(r"GLOBAL (\S+)", str(error))
        raise CheckpointError(
            f"state_dict must be a file of tensors and plain values, got {path.name} with "
            f"{f'an object of {unknown[1]}' if unknown else 'other things'}; "
            "save model.state_dict() alone"
        ) from error
    except (*DAMAGED, SafetensorError, RecursionError, AssertionError, struct.error) as error:
        raise CheckpointError(
            f"state_dict must be a file of tensors, got {path.name}, which is "
            f"{'empty' if path.stat().st_size == 0 else 'damaged or of another kind'}; "
            "save model.state_dict() with torch.save again"
        ) from error
    if not isinstance(state, Mapping):
        raise CheckpointError(
            f"state_dict must be a table of tensors by name, got {type(state).__name__}; "
            "save model.state_dict() with torch.save"
        )
    return state


def _check_archive(path: Path) -> None:
    """Refuse an archive whose members are far larger than itself: torch.save packs nothing."""
    if not is_zipfile(path):  # the format of old versions of torch
        return
    with ZipFile(path) as archive:
        size = sum(entry.file_size for entry in archive.infolist())
    if size > path.stat().st_size:
        raise CheckpointError(
            f"state_dict must be a file as torch.save writes it, got {path.name}, which claims to "
            f"hold {size:,} bytes; save model.state_dict() with torch.save again"
        )
