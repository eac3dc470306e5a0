"""The fields of one time among those of all times, by the names they have at every time.

A case in time has a quantity for each frame, such as ``vorticity_11`` to ``vorticity_20``; people
choose a quantity, ``vorticity``, and a time.

Letters: C output channels.
"""

import re
from dataclasses import replace

from mspt.data.capabilities import TimeFrames
from mspt.data.case import Quantity
from mspt.data.layout import Layout

_NUMBER = re.compile(r"_\d+$")


def timeless(quantity: Quantity, time: float) -> Quantity:
    """Return a quantity without its time: the inverse of :func:`~mspt.data.capabilities.frames_of`.

    Args:
        quantity: One frame of a quantity.
        time: Its time.

    Examples:
        >>> from mspt.data.capabilities import frames_of
        >>> heat = Quantity(name="heat", symbol="u", unit="K", description="Temperature.")
        >>> timeless(frames_of(heat, (0.5,), first=3)[0], 0.5) == heat
        True
    """
    return replace(
        quantity,
        name=_NUMBER.sub("", quantity.name),
        symbol=quantity.symbol.removesuffix(f"({time:g})"),
        description=quantity.description.removesuffix(f" At time {time:g}."),
        components=tuple(_NUMBER.sub("", name) for name in quantity.components),
    )


def frame_layout(layout: Layout, time: TimeFrames) -> Layout:
    """Return what the channels of each single frame are, all scored together.

    Args:
        layout: The channels of all frames.
        time: The frames.
    """
    first = layout.fields[: len(layout.fields) // len(time.outputs)]
    fields = tuple(timeless(field, time.outputs[0]) for field in first)
    return Layout(features=layout.features, fields=fields)


def frame_columns(layout: Layout, time: TimeFrames, index: int) -> slice:
    """Return the output channels of a frame.

    Args:
        layout: The channels of all frames.
        time: The frames.
        index: Of the frame, counted from 0.

    Raises:
        ValueError: If there is no such frame.

    Examples:
        >>> from mspt.data.capabilities import frames_of
        >>> flux = Quantity(name="q", symbol="q", unit="W", description="", components=("x", "y"))
        >>> time = TimeFrames(inputs=(), outputs=(0.1, 0.2), unit="s")
        >>> frame_columns(Layout(fields=frames_of(flux, time.outputs)), time, 1)
        slice(2, 4, None)
    """
    if not 0 <= index < len(time.outputs):
        raise ValueError(f"index must lie between 0 and {len(time.outputs) - 1}, got {index}")
    size = len(layout.field_channels) // len(time.outputs)
    return slice(index * size, (index + 1) * size)


def timed_names(layout: Layout, time: TimeFrames) -> dict[str, str]:
    """Return a name with its time for each channel of a frame, for tables and files.

    Args:
        layout: The channels of all frames.
        time: The frames.

    Examples:
        >>> from mspt.data.capabilities import frames_of
        >>> heat = Quantity(name="heat", symbol="u", unit="K", description="")
        >>> time = TimeFrames(inputs=(0.1,), outputs=(0.2, 0.25), unit="ms")
        >>> features = frames_of(heat, time.inputs)
        >>> fields = frames_of(heat, time.outputs, first=1)
        >>> timed_names(Layout(features=features, fields=fields), time)
        {'heat_0': 'heat_t0.1ms', 'heat_1': 'heat_t0.2ms', 'heat_2': 'heat_t0.25ms'}
    """
    unit = "" if time.unit == "1" else time.unit
    read = layout.features[len(layout.features) - len(time.inputs) :]
    each = len(layout.fields) // len(time.outputs)
    times = [*time.inputs, *(one for one in time.outputs for _ in range(each))]
    return {
        channel: f"{_NUMBER.sub('', channel)}_t{at:.4g}{unit}"
        for quantity, at in zip((*read, *layout.fields), times, strict=True)
        for channel in quantity.channels
    }
