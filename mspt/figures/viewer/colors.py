"""Colors of the 3-D viewer: the scales of ``theme`` as lists of stops, for light and dark pages."""

from functools import cache

import numpy as np
from jaxtyping import Float
from plotly.colors import get_colorscale

from mspt.figures.theme import (
    ACCENT,
    ATTENTION,
    FIELD_SCALE,
    INK,
    NEUTRAL,
    PATCH_COLORS,
    error_scale,
    magnitude_scale,
)
from mspt.figures.viewer.scene import Palette

THEMES = {"light": False, "dark": True}
"""Whether each theme of a page is dark."""


@cache
def palette_stops(palette: Palette, *, dark: bool) -> tuple[tuple[float, str], ...]:
    """Return the stops of a palette, from 0 to 1.

    Examples:
        >>> [stop for stop, _ in palette_stops("share", dark=False)]
        [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    """
    if palette == "share":
        colors = ATTENTION[dark]
        return tuple((index / (len(colors) - 1), color) for index, color in enumerate(colors))
    if palette == "field":
        scale = get_colorscale(FIELD_SCALE)
    else:
        scale = error_scale(dark=dark) if palette == "error" else magnitude_scale(dark=dark)
    return tuple((float(stop), str(color)) for stop, color in scale)


def theme_colors(palettes: set[Palette]) -> dict[str, object]:
    """Return all colors that the viewer needs, for both themes.

    Both are sent, so that a change of the theme needs no rerun.
    """
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
    """Return red, green and blue of hexadecimal colors, from 0 to 255.

    Examples:
        >>> to_rgb([PATCH_COLORS[0]]).tolist()
        [[119.0, 170.0, 221.0]]
    """
    return np.array([[int(color[i : i + 2], 16) for i in (1, 3, 5)] for color in colors], float)
