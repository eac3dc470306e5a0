"""Colors of the 3-D viewer: the scales of ``theme`` as plain stops, for light and dark pages."""

from functools import cache

import numpy as np
from jaxtyping import Float
from plotly.colors import get_colorscale

from mspt.figures.theme import (
    ACCENT,
    FIELD_SCALE,
    INK,
    PATCH_COLORS,
    error_scale,
    magnitude_scale,
)
from mspt.figures.viewer.scene import Palette

THEMES = {"light": False, "dark": True}
# Little attention meets the background, much stands out in hue and in lightness.
_SHARE = {
    False: ["#e9edf0", "#cfd8de", "#f3c583", "#e6862f", "#b8420f", "#6a1206"],
    True: ["#28333d", "#3d4a55", "#7d5a2c", "#c9772a", "#f5a94a", "#ffe9b8"],
}
NEUTRAL = {
    False: {"empty": "#b4bcc3", "body": "#cdd4da"},
    True: {"empty": "#59646e", "body": "#4a5661"},
}


@cache
def palette_stops(palette: Palette, *, dark: bool) -> tuple[tuple[float, str], ...]:
    """Return the stops of a palette, from 0 to 1.

    Examples:
        >>> palette_stops("share", dark=False)[0]
        (0.0, '#e9edf0')
    """
    if palette == "share":
        colors = _SHARE[dark]
        return tuple((index / (len(colors) - 1), color) for index, color in enumerate(colors))
    if palette == "field":
        scale = get_colorscale(FIELD_SCALE)
    else:
        scale = error_scale(dark=dark) if palette == "error" else magnitude_scale(dark=dark)
    return tuple((float(stop), str(color)) for stop, color in scale)


def theme_colors(palettes: set[Palette]) -> dict[str, object]:
    """Return all colors the viewer needs, for light and dark pages."""
    return {
        theme: {
            "palettes": {name: palette_stops(name, dark=dark) for name in sorted(palettes)},
            "patches": list(PATCH_COLORS),
            "accent": ACCENT[dark],
            "ink": INK[dark],
            **NEUTRAL[dark],
        }
        for theme, dark in THEMES.items()
    }


def to_rgb(colors: list[str]) -> Float[np.ndarray, "C 3"]:
    """Return hexadecimal colors as numbers from 0 to 255.

    Examples:
        >>> to_rgb(["#ff8000"]).tolist()
        [[255.0, 128.0, 0.0]]
    """
    return np.array([[int(color[i : i + 2], 16) for i in (1, 3, 5)] for color in colors], float)
