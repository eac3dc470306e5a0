"""All colors of the figures: one scale per kind of quantity, suitable for color-blind readers.

Figures have no background of their own. ``dark`` says whether the page behind them is dark; it
selects the colors of text and lines and of scales whose zero must have the color of the page.
"""

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float
from numpy import ndarray

ColorScale = list[list[float | str]]

FIELD_SCALE = "Viridis"
"""Scale of quantities: perceptually uniform, readable without color."""

# Blue over white to red (ColorBrewer's RdBu, reversed); on dark pages blue over gray to
# orange, both lighter than the gray, which stands out from the page: zero must be seen as well.
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
        "#b5daff",
        "#83bcf2",
        "#5f9bd0",
        "#5a7e9f",
        "#5e6870",
        "#94745f",
        "#c88450",
        "#f0a25e",
        "#ffcf9f",
    ],
}
# Inputs with two values: pale for the low one, strong for the high one, different also in gray.
_TWO_VALUES = {False: ["#dfe8ee", "#3a6a8a"], True: ["#25323d", "#86b9d6"]}
_SEQUENTIAL_ERROR = {
    False: ["#f7fbff", "#fdd49e", "#fc8d59", "#b30000", "#4d0000"],
    True: ["#5e6870", "#94745f", "#c88450", "#f0a25e", "#fff0e0"],
}
# For light and for dark pages.
ACCENT = {False: "#d55e00", True: "#ff9f45"}
"""What the user has chosen."""

BAR = {False: "#8fb3c6", True: "#3d6479"}
"""Bars and points that are not chosen."""

INK = {False: "#3d4a55", True: "#b9c4cc"}
"""Text and lines."""

GRID = {False: "#e6ebef", True: "#26303a"}
"""Grid lines."""

SOFT_GRID = "rgba(128,138,148,0.25)"
"""Grid lines of small charts, on light and dark pages."""

DOT = "#1c2833"
"""Points over patches, dark enough for every color of a patch."""

DEFECT = {False: "#b0147a", True: "#ff7fd0"}
"""Defects of a mesh."""

# Okabe and Ito's colors, which color-blind readers can distinguish; symbols differ as well.
BLUE = {False: "#0072b2", True: "#56b4e9"}
GREEN = {False: "#009e73", True: "#00b386"}

FAMILY_COLORS = {
    "cars": BLUE,
    "blocks": GREEN,
    "generic bodies": {False: "#cc79a7", True: "#cc79a7"},
}
"""Colors of families of bodies."""

MODEL_COLORS = {
    "mspt": BLUE,
    "published": {False: "#cc79a7", True: "#e29bc4"},
    "transolver": ACCENT,
    "full_attention": GREEN,
}
"""Colors of architectures."""

SERIES = (
    BLUE,
    ACCENT,
    GREEN,
    {False: "#cc79a7", True: "#e29bc4"},
    {False: "#b58900", True: "#f0e442"},
    {False: "#56b4e9", True: "#7f8fff"},
)
"""Colors of curves without a color of their own, in the order of the curves."""

ATTENTION = {
    False: ["#e9edf0", "#cfd8de", "#f3c583", "#e6862f", "#b8420f", "#6a1206"],
    True: ["#28333d", "#3d4a55", "#7d5a2c", "#c9772a", "#f5a94a", "#ffe9b8"],
}
"""Scale of attention: small weights fade into the page, large ones differ in hue and lightness."""

NEUTRAL = {
    False: {"empty": "#b4bcc3", "body": "#cdd4da"},
    True: {"empty": "#59646e", "body": "#4a5661"},
}
"""Points without a value and bodies, in the 3-D viewer."""

# Scenes of VTK are not transparent: the page's own color, and what stands on it.
PAGE = {False: "#ffffff", True: "#10161c"}
GROUND = {False: "#f2f5f7", True: "#1a222b"}
SHADOW = {False: "#dfe5ea", True: "#131a21"}
BODY = {False: "#b9c4cc", True: "#8c99a3"}
EDGE = {False: "#3d4a55", True: "#46525d"}
ARROW = {False: "#17698a", True: "#5bb8d4"}

# Paul Tol's light qualitative scheme: colors that follow each other differ in hue and lightness.
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
ALIKE = (6, 7)
"""Numbers of the two patch colors that are most alike."""


LEGEND_ABOVE = {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0}
"""A horizontal legend above a chart, for ``update_layout(legend=...)``."""


def error_scale(*, dark: bool) -> ColorScale:
    """Return the diverging scale for signed errors: near white in the middle, gray on dark pages.

    Examples:
        >>> error_scale(dark=False)[4]
        [0.5, '#f7f7f7']
    """
    return _spread(_DIVERGING[dark])


def magnitude_scale(*, dark: bool) -> ColorScale:
    """Return the scale for magnitudes of errors, which starts near white, on dark pages gray."""
    return _spread(_SEQUENTIAL_ERROR[dark])


def two_value_scale(*, dark: bool) -> ColorScale:
    """Return a scale of two uniform colors, one for each half of the range.

    Examples:
        >>> [stop for stop, _ in two_value_scale(dark=True)]
        [0.0, 0.5, 0.5, 1.0]
    """
    low, high = _TWO_VALUES[dark]
    return [[0.0, low], [0.5, low], [0.5, high], [1.0, high]]


def patch_scale() -> ColorScale:
    """Return a scale with one uniform band for each patch color, from 0 to their number."""
    count = len(PATCH_COLORS)
    return [
        [(index + step) / count, color]
        for index, color in enumerate(PATCH_COLORS)
        for step in (0, 1)
    ]


def shared_limits(*fields: Float[ndarray, " _"], centered: bool = False) -> tuple[float, float]:
    """Return rounded color limits for several fields.

    They enclose the values between the first and the last percentile, because a few extreme values
    would leave one color for the rest.

    Args:
        fields: All values that share the limits: truth and prediction, or errors.
        centered: Whether the limits are symmetric about zero, as for signed errors.

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
    # Rounded outwards to a tenth of the power of ten below the range. The tolerance keeps limits
    # that are round already, in spite of rounding errors.
    step = 10.0 ** (np.floor(np.log10(high - low)) - 1)
    ends = np.floor(low / step + 1e-6) * step, np.ceil(high / step - 1e-6) * step
    return float(f"{ends[0]:.12g}"), float(f"{ends[1]:.12g}")


def lay_out(figure: go.Figure, *, dark: bool, height: int) -> go.Figure:
    """Apply the common layout: no background, narrow margins, no legend.

    Args:
        figure: Figure to change and return.
        dark: Whether the page is dark.
        height: Height in pixels.
    """
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
    """Return a scale of evenly spaced colors."""
    return [[index / (len(colors) - 1), color] for index, color in enumerate(colors)]
