"""Drawings as a short text for an address, and back.

A text holds a letter for the form and the drawing, compressed, in the letters of addresses. Numbers
keep six significant digits. What comes back is checked as a file from anywhere would be.
"""

import binascii
import json
import math
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import numpy as np

from mspt.data.dataset import Dataset
from mspt.data.solve import LARGEST
from mspt.errors import DataError
from mspt.inference.drawings import CanvasContent, drawing_of, grid_shape

MOST_CHARACTERS = 6000
"""Of a text: browsers and servers take addresses of at least 8,000."""
MOST_BYTES = 100_000
"""Of a drawing once it is unpacked: a short text may claim to hold more."""
MOST_CORNERS, MOST_BLOBS, MOST_SEED = 2000, 500, 99_999
_BITS, _NUMBERS = "m", "j"
"""The letters of the forms: a map of two levels, or numbers."""


def pack_drawing(dataset: Dataset, content: CanvasContent) -> str:
    """Return a drawing as a text for an address.

    Args:
        dataset: The data set that is drawn.
        content: What is on its canvas.

    Raises:
        DataError: If it is too long for an address.
        ValueError: If the data set cannot be drawn.

    Examples:
        >>> from mspt.data.registry import get_dataset
        >>> darcy = get_dataset("darcy")
        >>> text = pack_drawing(darcy, [0, 1] * 3612 + [0])
        >>> len(text) < 40, unpack_drawing(darcy, text)[:3]  # zlib's versions pack differently
        (True, [0, 1, 0])
    """
    if drawing_of(dataset).kind == "map":
        form, plain = _BITS, np.packbits(np.array(content, dtype=bool)).tobytes()
    else:
        form = _NUMBERS
        plain = json.dumps(rounded(content), separators=(",", ":")).encode()
    text = form + urlsafe_b64encode(zlib.compress(plain, 9)).decode().rstrip("=")
    if len(text) > MOST_CHARACTERS:
        raise DataError(
            f"drawing must be short enough for a link of {MOST_CHARACTERS:,} characters, got "
            f"{len(text):,}; download it as a file instead"
        )
    return text


def unpack_drawing(dataset: Dataset, text: str) -> CanvasContent:
    """Return the drawing in the text of an address.

    Args:
        dataset: The data set that is drawn.
        text: From anywhere.

    Raises:
        DataError: If it is cut off, damaged, or no drawing of this data set; one line says so.
        ValueError: If the data set cannot be drawn.
    """
    kind = drawing_of(dataset).kind
    if len(text) > MOST_CHARACTERS or text[:1] != (_BITS if kind == "map" else _NUMBERS):
        raise _damaged(dataset)
    try:
        packed = urlsafe_b64decode((text[1:] + "=" * (-len(text[1:]) % 4)).encode("ascii"))
        unpacker = zlib.decompressobj()
        plain = unpacker.decompress(packed, MOST_BYTES)
        if not unpacker.eof or unpacker.unused_data:
            raise _damaged(dataset)
        if kind == "map":
            return _cells(dataset, plain)
        content = json.loads(plain)
    except (binascii.Error, zlib.error, ValueError, RecursionError) as error:
        raise _damaged(dataset) from error
    if not _FITS[kind](dataset, content):
        raise _damaged(dataset)
    return content


def rounded(content: Any) -> Any:  # noqa: ANN401 - whatever a canvas holds
    """Return what is on a canvas with six significant digits of each number.

    Examples:
        >>> rounded([[0.123456789, 1.0]])
        [[0.123457, 1.0]]
    """
    if isinstance(content, float):
        return float(f"{content:.6g}")
    if isinstance(content, list):
        return [rounded(one) for one in content]
    if isinstance(content, dict):
        return {key: rounded(value) for key, value in content.items()}
    return content


def _damaged(dataset: Dataset) -> DataError:
    return DataError(
        f"link must hold a whole drawing of {dataset.name}, got one that is cut off or damaged; "
        "copy it again, or ask for the drawing's file"
    )


def _cells(dataset: Dataset, plain: bytes) -> list[int]:
    rows, columns = grid_shape(dataset)
    count = rows * columns
    bits = np.unpackbits(np.frombuffer(plain, dtype=np.uint8))
    if len(plain) != -(-count // 8) or bits[count:].any():
        raise _damaged(dataset)
    return bits[:count].astype(int).tolist()


def _is_number(value: object) -> bool:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and math.isfinite(value)
        and abs(value) <= LARGEST
    )


def _are_rows(content: object, *, columns: int, least: int, most: int) -> bool:
    return (
        isinstance(content, list)
        and least <= len(content) <= most
        and all(isinstance(row, list) and len(row) == columns for row in content)
        and all(_is_number(one) for row in content for one in row)
    )


def _is_outline(_: Dataset, content: object) -> bool:
    return _are_rows(content, columns=2, least=3, most=MOST_CORNERS)


def _is_table(dataset: Dataset, content: object) -> bool:
    rows, columns = drawing_of(dataset).shape
    return _are_rows(content, columns=columns, least=rows or 1, most=rows or MOST_CORNERS)


def _is_painted(dataset: Dataset, content: object) -> bool:
    if not isinstance(content, dict) or set(content) != {"preset", "seed", "blobs"}:
        return False
    seed = content["seed"]
    return (
        content["preset"] in tuple(drawing_of(dataset).examples)
        and isinstance(seed, int)
        and not isinstance(seed, bool)
        and 0 <= seed <= MOST_SEED
        and _are_rows(content["blobs"], columns=4, least=0, most=MOST_BLOBS)
    )


_FITS = {"outline": _is_outline, "points": _is_table, "field": _is_painted}
