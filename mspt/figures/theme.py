"""Colors of the figures: one scale per kind of quantity, safe for color-blind readers.

Backgrounds are left to whoever shows a figure. ``dark`` says what kind of page that is, for text,
lines and the scales whose zero must meet the background.
"""

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float
from numpy import ndarray

ColorScale = list[list[float | str]]

FIELD_SCALE = "Viridis"

# Blue over white to red (ColorBrewer's RdBu, reversed); blue over black to pink (Crameri's berlin).
_DIVERGING = {
    False: [
        "#2166ac",
        "#4393c3",
        "#92c5de",
        "#d1e5f0",
        "#f7f7f7",
        "#fddbc7",
        "#f4a582",
        "#d6604d",
        "#b2182b",
    ],
    True: [
        "#9eb0ff",
        "#5ba4db",
        "#2d7597",
        "#1a4256",
        "#11191e",
        "#501803",
        "#8a3f2a",
        "#c4756a",
        "#ffacac",
    ],
}
# Two-valued inputs: pale for the low value, strong for the high one, told apart in grey as well.
_TWO_VALUES = {False: ["#dfe8ee", "#3a6a8a"], True: ["#25323d", "#86b9d6"]}
_SEQUENTIAL_ERROR = {
    False: ["#f7fbff", "#fdd49e", "#fc8d59", "#b30000", "#4d0000"],
    True: ["#11191e", "#501803", "#a84b2f", "#f0926b", "#fff0e0"],
}
ACCENT = {False: "#d55e00", True: "#ff9f45"}
BAR = {False: "#8fb3c6", True: "#3d6479"}
PICKED_ROW = ACCENT[True] + "55"
"""Background of a table's row: a third opaque, so that it fits light and dark pages alike."""
INK = {False: "#3d4a55", True: "#b9c4cc"}
# Paul Tol's light qualitative scheme: neighbors differ in hue and in lightness.
PATCH_COLORS = (
    "#77aadd",
    "#ee8866",
    "#eedd88",
    "#ffaabb",
    "#99ddff",
    "#44bb99",
    "#bbcc33",
    "#aaaa00",
)


def error_scale(*, dark: bool) -> ColorScale:
    """Return the diverging scale whose middle, zero error, meets the background.

    Examples:
        >>> error_scale(dark=False)[4]
        [0.5, '#f7f7f7']
    """
    return _spread(_DIVERGING[dark])


def magnitude_scale(*, dark: bool) -> ColorScale:
    """Return the scale for sizes of errors: nothing is the background, much stands out."""
    return _spread(_SEQUENTIAL_ERROR[dark])


def two_value_scale(*, dark: bool) -> ColorScale:
    """Return a scale of two flat colors, one for each half of the range.

    Examples:
        >>> [stop for stop, _ in two_value_scale(dark=True)]
        [0.0, 0.5, 0.5, 1.0]
    """
    low, high = _TWO_VALUES[dark]
    return [[0.0, low], [0.5, low], [0.5, high], [1.0, high]]


def patch_scale() -> ColorScale:
    """Return one flat band per patch color over the range from 0 to the number of colors."""
    count = len(PATCH_COLORS)
    return [
        [(index + step) / count, color]
        for index, color in enumerate(PATCH_COLORS)
        for step in (0, 1)
    ]


def shared_limits(*fields: Float[ndarray, " _"], centered: bool = False) -> tuple[float, float]:
    """Return round limits for colors that all fields share; the outermost percents may exceed them.

    Args:
        fields: All values that the limits must serve: truth and prediction, or their error.
        centered: Whether zero must be in the middle, as for errors.

    Examples:
        >>> shared_limits(np.linspace(-1.87, 0.96, 1000), np.array([0.2]))
        (-1.9, 1.0)
        >>> shared_limits(np.linspace(-0.031, 0.002, 1000), centered=True)
        (-0.031, 0.031)
    """
    values = np.concatenate(fields).astype(np.float64)
    values = values[np.isfinite(values)]
    low, high = np.quantile(values, (0.01, 0.99)) if len(values) else (0.0, 0.0)
    if centered:
        low, high = -max(abs(low), abs(high)), max(abs(low), abs(high))
    if not high > low:
        low, high = low - 0.5, high + 0.5
    # Ends have one digit more than it takes to tell them apart.
    step = 10.0 ** (np.floor(np.log10(high - low)) - 1)
    ends = np.floor(low / step + 1e-6) * step, np.ceil(high / step - 1e-6) * step
    return float(f"{ends[0]:.12g}"), float(f"{ends[1]:.12g}")


def lay_out(figure: go.Figure, *, dark: bool, height: int) -> go.Figure:
    """Give a figure the frame all figures share: no background, tight margins, no legend."""
    return figure.update_layout(
        height=height,
        font={"color": INK[dark]},
        margin={"l": 8, "r": 8, "t": 34, "b": 8},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        showlegend=False,
        hoverlabel={"align": "left"},
        modebar={
            "remove": ["lasso2d", "select2d", "autoScale2d"],
            "bgcolor": "rgba(0,0,0,0)",
            "color": INK[dark],
            "activecolor": ACCENT[dark],
        },
    )


def _spread(colors: list[str]) -> ColorScale:
    """Space colors evenly from 0 to 1."""
    return [[index / (len(colors) - 1), color] for index, color in enumerate(colors)]
