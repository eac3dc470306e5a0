"""How cases become arrays of few bytes, and arrays become cases again.

Values are kept as 16-bit codes with an offset and a step for each case and channel, features of
two levels as bits, grid points not at all. Codes are stored as differences along the points, high
bytes apart from low bytes, because these compress better.

Shapes: B cases, N points.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from jaxtyping import Float32, UInt8, UInt16
from numpy import ndarray

from mspt.data.case import Case, CaseStack, Quantity
from mspt.data.registry import Dataset, grid_points

Arrays = Mapping[str, ndarray]


def case_name(name: str, index: int) -> str:
    """Return the name of a case.

    Examples:
        >>> case_name("darcy", 7)
        'darcy-0007'
    """
    return f"{name}-{index:04d}"


def encode(dataset: Dataset, cases: Sequence[Case], indices: Sequence[int]) -> Arrays:
    """Return the arrays that keep some cases."""
    arrays = {"case": np.asarray(indices, dtype=np.int32)}
    if dataset.grid_shape is None:
        for axis, letter in enumerate("xyz"[: dataset.space_dim]):
            values = np.stack([case.points[:, axis].numpy() for case in cases])
            arrays |= _encode_channel(letter, values, levels=())
    for part, quantities in (("features", dataset.features), ("fields", dataset.fields)):
        for channel, quantity in enumerate(quantities):
            values = np.stack([getattr(case, part)[:, channel].numpy() for case in cases])
            arrays |= _encode_channel(quantity.name, values, levels=quantity.levels)
    return arrays


def decode(dataset: Dataset, arrays: Arrays, indices: Sequence[int]) -> CaseStack:
    """Return the cases with these indices, which the arrays must hold."""
    rows = {int(index): row for row, index in enumerate(arrays["case"])}
    kept = np.array([rows[index] for index in indices])
    if dataset.grid_shape is None:
        axes = [_decode_codes(arrays, letter, kept) for letter in "xyz"[: dataset.space_dim]]
        points = torch.from_numpy(np.stack(axes, axis=-1))
    else:
        points = grid_points(dataset.grid_shape).expand(len(kept), -1, -1)
    channels = [
        _decode_codes(arrays, quantity.name, kept)
        if not quantity.levels
        else _decode_bits(arrays, quantity, kept, num_points=points.shape[1])
        for quantity in (*dataset.features, *dataset.fields)
    ]
    values = torch.from_numpy(np.stack(channels, axis=-1))
    split = len(dataset.features)
    features, fields = values[..., :split].contiguous(), values[..., split:].contiguous()
    return CaseStack(
        dataset=dataset.name,
        names=tuple(case_name(dataset.name, index) for index in indices),
        points=points,
        features=features,
        fields=fields,
        triangles=dataset.make_triangles(),
    )


def quantize(
    values: Float32[ndarray, "B N"],
) -> tuple[UInt16[ndarray, "B N"], Float32[ndarray, " B"], Float32[ndarray, " B"]]:
    """Return codes, offsets and steps: ``values`` is about ``offset + step * code``.

    Examples:
        >>> codes, offset, step = quantize(np.array([[2.0, 3.0, 4.0]], dtype=np.float32))
        >>> codes.tolist(), offset.tolist()
        ([[0, 32768, 65535]], [2.0])
    """
    offset = values.min(axis=1)
    step = ((values.max(axis=1) - offset.astype(np.float64)) / 65535).astype(np.float32)
    step = np.where(step > 0, step, np.float32(1))
    codes = (values - offset[:, None].astype(np.float64)) / step[:, None]
    return np.rint(codes).clip(0, 65535).astype(np.uint16), offset, step


def _encode_channel(name: str, values: ndarray, *, levels: tuple[float, ...]) -> dict[str, ndarray]:
    if levels:
        return {f"{name}_bits": np.packbits(values == np.float32(levels[1]), axis=1)}
    codes, offset, step = quantize(values)
    return {f"{name}_codes": split_bytes(codes), f"{name}_offset": offset, f"{name}_step": step}


def _decode_bits(arrays: Arrays, quantity: Quantity, rows: ndarray, *, num_points: int) -> ndarray:
    bits = np.unpackbits(arrays[f"{quantity.name}_bits"][rows], axis=1, count=num_points)
    return np.asarray(quantity.levels, dtype=np.float32)[bits]


def _decode_codes(arrays: Arrays, name: str, rows: ndarray) -> ndarray:
    codes = join_bytes(arrays[f"{name}_codes"][rows]).astype(np.float32)
    return arrays[f"{name}_offset"][rows, None] + arrays[f"{name}_step"][rows, None] * codes


def encode_rows(name: str, values: Float32[ndarray, "N ..."]) -> dict[str, ndarray]:
    """Return the arrays that keep one value or vector for each of N rows."""
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
