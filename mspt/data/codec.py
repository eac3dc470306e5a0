"""How cases become arrays of few bytes, and arrays become cases again.

Values are stored as codes of 16 bits or fewer with an offset and a step for each case and channel,
features of two levels as bits, points only where the cases of a data set do not share them, and
nothing that follows from the rest. Codes are stored as differences along the points, high bytes
apart from low bytes, because these compress better.

Shapes: B cases, N points.
"""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float32, UInt8, UInt16
from numpy import ndarray
from torch import Tensor

from mspt.data.case import Case, CaseStack, Quantity
from mspt.data.dataset import Dataset
from mspt.data.files import Arrays
from mspt.errors import DataError


def encode(dataset: Dataset, cases: Sequence[Case], indices: Sequence[int]) -> Arrays:
    """Return the arrays that store some cases.

    Raises:
        DataError: If a value is not finite.
    """
    arrays = {"case": np.asarray(indices, dtype=np.int32)}
    if dataset.shared_points is None and dataset.stores_points:
        for axis, letter in enumerate("xyz"[: dataset.space_dim]):
            values = np.stack([case.points[:, axis].numpy() for case in cases])
            arrays |= _encode_channel(letter, values, levels=(), bits=16)
    for part, quantities in (("features", dataset.features), ("fields", dataset.fields)):
        for index, (channel, quantity) in enumerate(_channels(quantities)):
            if not quantity.is_stored:
                continue
            values = np.stack([getattr(case, part)[:, index].numpy() for case in cases])
            arrays |= _encode_channel(
                channel, values, levels=quantity.levels, bits=dataset.stored_bits
            )
    return arrays


def decode(dataset: Dataset, arrays: Arrays, indices: Sequence[int]) -> CaseStack:
    """Return the cases with these indices, which the arrays must hold."""
    rows = {int(index): row for row, index in enumerate(arrays["case"])}
    stored = np.array([rows[index] for index in indices])
    points = _decode_points(dataset, arrays, stored)
    features, fields = (
        _decode_part(arrays, quantities, stored, num_points=points.shape[1])
        for quantities in (dataset.features, dataset.fields)
    )
    stack = CaseStack(
        dataset=dataset.name,
        names=tuple(dataset.case_name(index) for index in indices),
        points=points,
        features=features,
        fields=fields,
        triangles=None if dataset.make_triangles is None else dataset.make_triangles(),
    )
    return stack if dataset.complete is None else dataset.complete(stack)


def _decode_points(dataset: Dataset, arrays: Arrays, rows: ndarray) -> Float32[Tensor, "B N X"]:
    """Return the points; zeros where ``Dataset.complete`` computes them."""
    if dataset.shared_points is not None:
        return dataset.shared_points().expand(len(rows), -1, -1)
    if dataset.stores_points:
        axes = [_decode_codes(arrays, letter, rows) for letter in "xyz"[: dataset.space_dim]]
        return torch.from_numpy(np.stack(axes, axis=-1))
    num_points = next(arrays[key].shape[-1] for key in arrays if key.endswith("_codes"))
    return torch.zeros(len(rows), num_points, dataset.space_dim)


def _channels(quantities: Sequence[Quantity]) -> list[tuple[str, Quantity]]:
    return [(channel, quantity) for quantity in quantities for channel in quantity.channels]


def _decode_part(
    arrays: Arrays, quantities: Sequence[Quantity], rows: ndarray, *, num_points: int
) -> Float32[Tensor, "B N C"]:
    channels = [
        np.zeros((len(rows), num_points), dtype=np.float32)
        if not quantity.is_stored
        else _decode_bits(arrays, channel, quantity.levels, rows, num_points=num_points)
        if quantity.levels
        else _decode_codes(arrays, channel, rows)
        for channel, quantity in _channels(quantities)
    ]
    if not channels:
        return torch.empty(len(rows), num_points, 0)
    return torch.from_numpy(np.stack(channels, axis=-1))


def quantize(
    values: Float32[ndarray, "B N"], *, bits: int = 16
) -> tuple[UInt16[ndarray, "B N"], Float32[ndarray, " B"], Float32[ndarray, " B"]]:
    """Return codes, offsets and steps: ``values`` is about ``offset + step * code``.

    Args:
        values: Values to store.
        bits: Codes run from 0 to ``2**bits - 1``; fewer of them compress better.

    Examples:
        >>> codes, offset, step = quantize(np.array([[2.0, 3.0, 4.0]], dtype=np.float32))
        >>> codes.tolist(), offset.tolist()
        ([[0, 32768, 65535]], [2.0])
    """
    highest = 2**bits - 1
    offset = values.min(axis=1)
    step = ((values.max(axis=1) - offset.astype(np.float64)) / highest).astype(np.float32)
    step = np.where(step > 0, step, np.float32(1))
    codes = (values - offset[:, None].astype(np.float64)) / step[:, None]
    return np.rint(codes).clip(0, highest).astype(np.uint16), offset, step


def _encode_channel(
    name: str, values: ndarray, *, levels: tuple[float, ...], bits: int
) -> dict[str, ndarray]:
    if levels:
        return {f"{name}_bits": np.packbits(values == np.float32(levels[1]), axis=1)}
    if not np.isfinite(values).all():
        raise DataError(
            f"{name} must be finite to be stored, got others at "
            f"{np.count_nonzero(~np.isfinite(values))} points; solve the case again"
        )
    codes, offset, step = quantize(values, bits=bits)
    return {f"{name}_codes": split_bytes(codes), f"{name}_offset": offset, f"{name}_step": step}


def _decode_bits(
    arrays: Arrays, name: str, levels: tuple[float, ...], rows: ndarray, *, num_points: int
) -> ndarray:
    bits = np.unpackbits(arrays[f"{name}_bits"][rows], axis=1, count=num_points)
    return np.asarray(levels, dtype=np.float32)[bits]


def _decode_codes(arrays: Arrays, name: str, rows: ndarray) -> ndarray:
    codes = join_bytes(arrays[f"{name}_codes"][rows]).astype(np.float32)
    return arrays[f"{name}_offset"][rows, None] + arrays[f"{name}_step"][rows, None] * codes


def encode_rows(name: str, values: Float32[ndarray, "N ..."]) -> dict[str, ndarray]:
    """Return the arrays that store one value or vector for each of N rows."""
    channels = values.reshape(len(values), -1).T
    codes, offset, step = quantize(np.ascontiguousarray(channels))
    return {name: split_bytes(codes), f"{name}_offset": offset, f"{name}_step": step}


def decode_rows(arrays: Arrays, name: str) -> Float32[ndarray, "N ..."]:
    """Undo :func:`encode_rows` up to rounding."""
    codes = join_bytes(arrays[name]).astype(np.float32)
    values = arrays[f"{name}_offset"][:, None] + arrays[f"{name}_step"][:, None] * codes
    return values[0] if len(values) == 1 else np.ascontiguousarray(values.T)


def split_bytes(codes: UInt16[ndarray, "B N"]) -> UInt8[ndarray, "B 2 N"]:
    """Return high and low bytes of the differences along the points."""
    steps = np.diff(codes, axis=1, prepend=np.uint16(0))
    return np.stack([steps >> 8, steps & 255], axis=1).astype(np.uint8)


def join_bytes(planes: UInt8[ndarray, "B 2 N"]) -> UInt16[ndarray, "B N"]:
    """Undo :func:`split_bytes`."""
    steps = planes[:, 0].astype(np.uint16) << 8 | planes[:, 1]
    return np.cumsum(steps, axis=1, dtype=np.uint16)
