"""Binary packets and quantized numbers, from which scenes are encoded.

A packet is a little-endian u32 with the length of a JSON header, the header, and buffers. Header
and buffers are padded to eight bytes, so that a browser can create typed arrays without copying.
"""

import json
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Num, UInt8, UInt16

STEPS = 65534
"""Largest step of a quantized value."""

EMPTY = 65535
"""Code of a missing value."""

_WIDEST = 64
"""Ranges of data above this many times that of the color bar are clipped.

The color bar then still has about a thousand of the 65,534 steps.
"""


@dataclass(frozen=True, kw_only=True)
class Writer:
    """Collects buffers and returns references to them.

    Attributes:
        buffers: Contents of the buffers.
        kinds: Their types: u1, u2, u4 or f4.
    """

    buffers: list[bytes] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)

    def add(self, array: Num[np.ndarray, "..."], kind: str) -> int:
        """Store an array as u1, u2, u4 or f4 and return the index of its buffer."""
        self.buffers.append(np.ascontiguousarray(array, dtype=f"<{kind}").tobytes())
        self.kinds.append(kind)
        return len(self.buffers) - 1


def pack(header: dict[str, object], buffers: tuple[bytes, ...]) -> bytes:
    """Return a packet with a header and buffers; see the module's description of the format."""
    header = {**header, "sizes": [len(buffer) for buffer in buffers]}
    # JSON has no NaN: browsers would reject the header.
    text = json.dumps(header, separators=(",", ":"), allow_nan=False).encode()
    parts = [len(text).to_bytes(4, "little"), text]
    parts.append(bytes(_padded(4 + len(text)) - 4 - len(text)))
    for buffer in buffers:
        parts += [buffer, bytes(_padded(len(buffer)) - len(buffer))]
    return b"".join(parts)


def _padded(size: int) -> int:
    """Return a size rounded up to a multiple of eight."""
    return -(-size // 8) * 8


def decode_packet(packet: bytes) -> tuple[dict[str, object], list[bytes]]:
    """Return header and buffers of a packet: the inverse of :func:`pack`, as in the browser.

    Examples:
        >>> header, buffers = decode_packet(pack({"kind": "plain"}, (b"abc",)))
        >>> header["kind"], buffers
        ('plain', [b'abc'])
    """
    length = int.from_bytes(packet[:4], "little")
    header = json.loads(packet[4 : 4 + length])
    buffers, start = [], _padded(4 + length)
    for size in header["sizes"]:
        buffers.append(packet[start : start + size])
        start = _padded(start + size)
    return header, buffers


def quantize_values(
    values: Float[np.ndarray, "..."], low: float, high: float
) -> UInt16[np.ndarray, "..."]:
    """Return values as 16-bit steps from ``low`` to ``high``; NaN becomes ``EMPTY``.

    Args:
        values: Values; those beyond the ends are clipped.
        low: Value of step 0.
        high: Value of the last step, ``STEPS``.

    Examples:
        >>> quantize_values(np.array([0.0, 1.0, 5.0, np.nan]), 0.0, 1.0).tolist()
        [0, 65534, 65534, 65535]
    """
    span = (high - low) or 1.0
    share = np.clip((np.asarray(values, float) - low) / span, 0, 1)
    empty = np.isnan(share)
    return np.where(empty, EMPTY, np.rint(np.where(empty, 0, share) * STEPS)).astype(np.uint16)


def value_range(
    values: Float[np.ndarray, " N"], limits: tuple[float, float]
) -> tuple[float, float]:
    """Return the range of values to quantize: that of the data, limited by the color bar.

    Outliers far beyond the color bar would leave too few steps for it.
    """
    finite = values[np.isfinite(values)]
    if not finite.size:
        return limits
    low, high = float(finite.min()), float(finite.max())
    span = (limits[1] - limits[0]) or (high - low) or 1.0
    least, most = limits[0] - _WIDEST * span / 2, limits[1] + _WIDEST * span / 2
    return min(max(low, least), most), min(max(high, least), most)


def quantize_from_zero(values: Float[np.ndarray, " S"]) -> UInt8[np.ndarray, " S"]:
    """Return values as 8-bit steps from zero, or from the smallest value if it is negative."""
    finite = values[np.isfinite(values)]
    low, high = (min(0.0, finite.min()), finite.max()) if finite.size else (0.0, 1.0)
    return quantize_bytes(values, float(low), float(high))


def quantize_bytes(
    values: Float[np.ndarray, " S"], low: float, high: float
) -> UInt8[np.ndarray, " S"]:
    """Return values as 8-bit steps from ``low`` to ``high``; NaN becomes ``low``.

    Args:
        values: Values; those beyond the ends are clipped.
        low: Value of step 0.
        high: Value of step 255.

    Examples:
        >>> quantize_bytes(np.array([0.0, 1.0, np.nan]), 0.0, 1.0).tolist()
        [0, 255, 0]
    """
    share = np.clip((np.nan_to_num(values, nan=low) - low) / ((high - low) or 1.0), 0, 1)
    return np.rint(share * 255).astype(np.uint8)
