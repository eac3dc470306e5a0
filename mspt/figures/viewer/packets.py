"""Packets of bytes and numbers in few bits: the alphabet of ``viewer_bytes``.

A packet is a little-endian u32 with the length of a JSON header, the header, and buffers, each
padded to eight bytes, so that a browser can read them in place.
"""

import json
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Num, UInt8, UInt16

STEPS = 65534  # values are 0 to STEPS
EMPTY = 65535  # no value
_WIDEST = 64  # data may span this many times the color bar before they are clipped


@dataclass(frozen=True, kw_only=True)
class Writer:
    """Collects buffers and hands out references to them."""

    buffers: list[bytes] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)

    def add(self, array: Num[np.ndarray, "..."], kind: str) -> int:
        """Keep an array as u1, u2, u4 or f4 and return its place."""
        self.buffers.append(np.ascontiguousarray(array, dtype=f"<{kind}").tobytes())
        self.kinds.append(kind)
        return len(self.buffers) - 1


def pack(header: dict[str, object], buffers: tuple[bytes, ...]) -> bytes:
    """Return a packet."""
    header = {**header, "sizes": [len(buffer) for buffer in buffers]}
    text = json.dumps(header, separators=(",", ":"), allow_nan=False).encode()
    parts = [len(text).to_bytes(4, "little"), text]
    parts.append(bytes(_padded(4 + len(text)) - 4 - len(text)))
    for buffer in buffers:
        parts += [buffer, bytes(_padded(len(buffer)) - len(buffer))]
    return b"".join(parts)


def _padded(size: int) -> int:
    return -(-size // 8) * 8


def decode(packet: bytes) -> tuple[dict[str, object], list[bytes]]:
    """Return header and buffers of a packet, as the browser reads them."""
    length = int.from_bytes(packet[:4], "little")
    header = json.loads(packet[4 : 4 + length])
    buffers, start = [], _padded(4 + length)
    for size in header["sizes"]:
        buffers.append(packet[start : start + size])
        start = _padded(start + size)
    return header, buffers


def quantize(
    values: Float[np.ndarray, "..."], low: float, high: float
) -> UInt16[np.ndarray, "..."]:
    """Return values as steps from ``low`` to ``high``; what is no number becomes EMPTY.

    Examples:
        >>> quantize(np.array([0.0, 1.0, 5.0, np.nan]), 0.0, 1.0).tolist()
        [0, 65534, 65534, 65535]
    """
    span = (high - low) or 1.0
    share = np.clip((np.asarray(values, float) - low) / span, 0, 1)
    empty = np.isnan(share)
    return np.where(empty, EMPTY, np.rint(np.where(empty, 0, share) * STEPS)).astype(np.uint16)


def value_range(
    values: Float[np.ndarray, " N"], limits: tuple[float, float]
) -> tuple[float, float]:
    """Return the range to quantize: of the data, unless outliers would cost the color bar steps."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return limits
    low, high = float(finite.min()), float(finite.max())
    span = (limits[1] - limits[0]) or (high - low) or 1.0
    least, most = limits[0] - _WIDEST * span / 2, limits[1] + _WIDEST * span / 2
    return min(max(low, least), most), min(max(high, least), most)


def spread(values: Float[np.ndarray, " S"]) -> UInt8[np.ndarray, " S"]:
    """Return values as steps from the least of them, or from zero if none is less."""
    finite = values[np.isfinite(values)]
    low, high = (min(0.0, finite.min()), finite.max()) if finite.size else (0.0, 1.0)
    return eight(values, float(low), float(high))


def eight(values: Float[np.ndarray, " S"], low: float, high: float) -> UInt8[np.ndarray, " S"]:
    """Return values as steps of 1/255 from ``low`` to ``high``; what is no number becomes low.

    Examples:
        >>> eight(np.array([0.0, 1.0, np.nan]), 0.0, 1.0).tolist()
        [0, 255, 0]
    """
    share = np.clip((np.nan_to_num(values, nan=low) - low) / ((high - low) or 1.0), 0, 1)
    return np.rint(share * 255).astype(np.uint8)
