"""Settings of a model and its training as words NAME=VALUE, as rows of ablations hold them."""

import json
from collections.abc import Mapping
from dataclasses import replace
from types import NoneType, UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from mspt.config import ModelConfig, Preset, TrainConfig
from mspt.errors import MSPTError

TRAIN = "train."
"""How the names of settings of the training begin."""


def parse_settings(given: list[str]) -> dict[str, Any]:
    """Return settings by name; values are JSON, and anything else is a word.

    Raises:
        MSPTError: If one is not of the form NAME=VALUE.

    Examples:
        >>> parse_settings(["num_patches=32", "pooling=max", "train.learning_rate=3e-3"])
        {'num_patches': 32, 'pooling': 'max', 'train.learning_rate': 0.003}
    """
    settings = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not equals:
            raise MSPTError(f"--set must be of the form NAME=VALUE, got {one!r}")
        try:
            settings[name] = json.loads(value)
        except ValueError:
            settings[name] = value
    return settings


def with_settings(preset: Preset, settings: Mapping[str, Any]) -> Preset:
    """Return a preset with other settings; names of training settings begin with ``train.``.

    Other descriptors come with as many input features.

    Raises:
        MSPTError: If there is no setting of a name, or its value is of another kind.
        ValueError: If no model can be built, or none trained, with these values.
    """
    train = {k.removeprefix(TRAIN): v for k, v in settings.items() if k.startswith(TRAIN)}
    model = {k: v for k, v in settings.items() if not k.startswith(TRAIN)}
    train = _checked(train, TrainConfig, prefix=TRAIN)
    model = _checked(model, ModelConfig, prefix="")
    usual = preset.model
    if "descriptors" in model and "in_features" not in model:
        usual = usual.with_descriptors(model["descriptors"])
    return replace(
        preset,
        model=ModelConfig.from_dict(usual.to_dict() | model),
        train=replace(preset.train, **train),
    )


def _checked(settings: Mapping[str, Any], config: type, *, prefix: str) -> dict[str, Any]:
    """Return settings as their config has them, or refuse names and kinds it does not have."""
    kinds, checked = get_type_hints(config), {}
    for name, value in settings.items():
        if name not in kinds:
            known = ", ".join(prefix + one for one in kinds)
            raise MSPTError(f"--set must name one of {known}, got {prefix + name!r}")
        if not _fits(value, kinds[name]):
            raise MSPTError(f"--set {prefix}{name} must be {_words(kinds[name])}, got {value!r}")
        checked[name] = _as_kind(value, kinds[name])
    return checked


def _as_kind(value: Any, kind: Any) -> Any:  # noqa: ANN401 - a setting, and a type
    if kind is float:
        return float(value)
    return tuple(_names(value)) if _is_list_of_names(kind) else value


def _is_list_of_names(kind: Any) -> bool:  # noqa: ANN401 - a type or a special form
    return get_origin(kind) is tuple and get_args(kind)[1:] == (...,)


def _names(value: object) -> list[Any]:
    """Return the names in a setting: a list, or words with commas between them."""
    if isinstance(value, str):
        return [name for name in value.split(",") if name]
    return value if isinstance(value, list) else [value]


def _fits(value: object, kind: Any) -> bool:  # noqa: ANN401 - a type or a special form
    """Return whether a value read from JSON can be a setting of this type."""
    if isinstance(kind, UnionType):
        return any(_fits(value, one) for one in get_args(kind))
    if get_origin(kind) is Literal:
        return value in get_args(kind)
    if _is_list_of_names(kind):
        return all(_fits(name, get_args(kind)[0]) for name in _names(value))
    if get_origin(kind) is tuple:
        return isinstance(value, list) and [type(one) for one in value] == list(get_args(kind))
    if isinstance(value, bool):  # for Python a bool is an int, too
        return kind is bool
    return isinstance(value, (int, float) if kind is float else kind)


def _words(kind: Any) -> str:  # noqa: ANN401 - a type or a special form
    if isinstance(kind, UnionType):
        return " or ".join(_words(one) for one in get_args(kind))
    if get_origin(kind) is Literal:
        return f"one of {', '.join(get_args(kind))}"
    if _is_list_of_names(kind):
        return f"some of {', '.join(get_args(get_args(kind)[0]))}, with commas between them"
    if get_origin(kind) is tuple:
        return f"a list of {len(get_args(kind))} whole numbers"
    names = {int: "a whole number", float: "a number", bool: "true or false", NoneType: "null"}
    return names.get(kind, "a word")
