"""What the header of a checkpoint may hold: checked before anything is built or shown from it.

A header comes with a file from anywhere. Whoever reads :func:`parse_header` may rely on the kinds
that are named here; entries that are not named are passed on as they are.
"""

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from mspt.config import ModelConfig
from mspt.reading import shortened

MAX_LENGTH = 32_000_000
"""Characters of a header; those of models that ship have less than a million."""
MOST_POINTS = 100_000_000
"""Points of a cloud that a header may speak of."""
MOST_WORDS = 420
"""Characters of what is said of a config, which may hold a name or a number of any length."""

Rule = tuple[str, Callable[[Any], bool]]
"""What an entry must be, in words, and whether a value is."""


def is_number(value: object) -> bool:
    """Return whether a value is a number; NaN is one, ``True`` is none.

    Examples:
        >>> is_number(1), is_number(float("nan")), is_number(True), is_number("1")
        (True, True, False, False)
    """
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_count(value: object, *, most: int = 2**63) -> bool:
    """Return whether a value is a whole number from 0 to ``most``.

    Examples:
        >>> is_count(3), is_count(-1), is_count(3.0), is_count(True)
        (True, False, False, False)
    """
    return is_number(value) and isinstance(value, int) and 0 <= value <= most


def _is_object_of(value: object, is_fitting: Callable[[Any], bool]) -> bool:
    return isinstance(value, dict) and all(map(is_fitting, value.values()))


def _is_list_of(value: object, is_fitting: Callable[[Any], bool]) -> bool:
    return isinstance(value, list) and all(map(is_fitting, value))


def _is_finite(value: object) -> bool:
    return isinstance(value, int | float) and is_number(value) and math.isfinite(value)


def _is_number_or_none(value: object) -> bool:
    return value is None or is_number(value)


def _is_score(value: object) -> bool:
    """Return whether a value is the score of a case: its name, and numbers or nothing."""
    if not isinstance(value, dict) or not isinstance(value.get("name"), str):
        return False
    numbers = {key: one for key, one in value.items() if key not in ("name", "family")}
    return isinstance(value.get("family", ""), str) and all(
        map(_is_number_or_none, numbers.values())
    )


def _are_scores(value: object) -> bool:
    return _is_list_of(value, _is_score)


def _are_metrics(value: object) -> bool:
    """Return whether a value is metrics: numbers or nothing by name, at most two levels deep."""
    if not isinstance(value, dict):
        return False
    for name, one in value.items():
        if name == "other_meshes":
            fits = _is_object_of(one, _are_metrics)
        elif name in ("mean_only_all", "against_mean", "by_region"):
            fits = _are_metrics(one)
        elif name == "order":
            fits = _is_list_of(one, lambda row: _is_list_of(row, _is_number_or_none))
        elif name == "cases":
            fits = is_count(one)
        else:
            fits = _is_number_or_none(one)
        if not fits:
            return False
    return True


def _is_library(value: object) -> bool:
    """Return whether a value is a library of outlines: as many names, families and outlines."""
    if not isinstance(value, dict):
        return False
    names, families, outlines = (value.get(key) for key in ("names", "families", "outlines"))
    if not (isinstance(names, list) and isinstance(families, list) and isinstance(outlines, list)):
        return False
    return (
        len(names) == len(families) == len(outlines) > 0
        and all(map(_is_text, (*names, *families)))
        and all(_is_list_of(one, _is_finite) and len(one) == len(outlines[0]) for one in outlines)
    )


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _are_values(value: object) -> bool:
    return _is_object_of(value, lambda one: _is_list_of(one, is_number))


def _is_training(value: object) -> bool:
    """Return whether a value is the settings of a training: texts, numbers, yes or no, by name."""
    if not isinstance(value, dict):
        return False
    counts = ("epochs", "batch_size", "seed", "coarse_epochs", "surface_points", "volume_points")
    return all(
        is_count(one, most=MOST_POINTS)
        if name in counts
        else isinstance(one, str | bool) or is_number(one)
        for name, one in value.items()
    )


def _is_curve(value: object) -> bool:
    return _is_list_of(value, lambda pair: _is_list_of(pair, is_number) and len(pair) == 2)


_TEXT: Rule = ("a text", _is_text)
_COUNT: Rule = ("a whole number from 0 on", is_count)
_NUMBER: Rule = ("a number", is_number)
_METRICS: Rule = ("an object of numbers", _are_metrics)
_SCORES: Rule = ("a list of objects, each with a name and numbers", _are_scores)
RULES: Mapping[str, Rule] = {
    **dict.fromkeys(("dataset", "hardware", "data_hash", "split", "commit", "preset"), _TEXT),
    **dict.fromkeys(("parameters", "train_cases", "steps", "epochs", "seed", "threads"), _COUNT),
    **dict.fromkeys(("minutes", "mean_C_D", "mean_C_L"), _NUMBER),
    **dict.fromkeys(("metrics", "metrics_unseen"), _METRICS),
    **dict.fromkeys(("scores", "scores_against_mean"), _SCORES),
    "train": ("an object of settings", _is_training),
    "curve": ("a list of pairs of numbers", _is_curve),
    "trust": ("an object of lists of numbers", _are_values),
    "library": ("an object of as many names, families and outlines", _is_library),
}
"""By the name of an entry of ``info``."""
_MAY_BE_ABSENT = (_TEXT, _COUNT, _NUMBER)
"""Rules of entries that may be null."""


def check_info(info: Mapping[str, Any]) -> None:
    """Raise a ValueError unless all entries of a checkpoint's info are of their kind.

    Examples:
        >>> check_info({"dataset": "darcy", "seed": 3, "note": ["anything"]})
        >>> check_info({"seed": float("nan")})
        Traceback (most recent call last):
        ValueError: info.seed must be a whole number from 0 on, got nan
    """
    for name, (words, is_fitting) in RULES.items():
        if name not in info or (info[name] is None and RULES[name] in _MAY_BE_ABSENT):
            continue
        if not is_fitting(info[name]):
            raise ValueError(f"info.{name} must be {words}, got {shortened(info[name])}")


def parse_header(text: str) -> tuple[ModelConfig, dict[str, Any]]:
    """Return the config and the info that a checkpoint's header holds.

    Raises:
        ValueError: If it is no JSON, if an entry is not of its kind, or if no model could be built
            from the config.
    """
    if len(text) > MAX_LENGTH:
        raise ValueError(f"header must have at most {MAX_LENGTH:,} characters, got {len(text):,}")
    try:
        header = json.loads(text)
    except RecursionError:
        raise ValueError("header must not be nested as deep as it is") from None
    except ValueError as error:
        raise ValueError("header must be JSON, got what is none") from error
    parts = _object("header", header)
    info = _object("info", parts.get("info", {}))
    check_info(info)
    settings = _object("config", parts.get("config"))
    try:
        return ModelConfig.from_dict(settings), info
    except ValueError as error:
        raise ValueError(_readable(str(error))) from error


def _readable(text: str) -> str:
    r"""Return what is wrong with a config without characters that cannot be shown, in a few lines.

    Examples:
        >>> _readable(f"settings {['a' + chr(0)]}"), len(_readable("1" * 5000))
        ("settings ['a?']", 423)
    """
    text = re.sub(r"\\(?:x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8}|[nrt])", "?", text)
    return text if len(text) <= MOST_WORDS else f"{text[:MOST_WORDS]}..."


def _object(name: str, value: object) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    raise ValueError(f"{name} must be an object, got {shortened(value)}")
