"""VTK on machines without a display."""

import os
import sys
from collections.abc import MutableMapping

_VARIABLE = "VTK_DEFAULT_OPENGL_WINDOW"


def choose_window(
    environment: MutableMapping[str, str] = os.environ, *, platform: str = sys.platform
) -> None:
    """Make VTK render in memory on a Linux machine without a display.

    VTK would otherwise try to connect to an X server and end the process without one. It reads the
    variable when it creates its first window; a value that is already set is kept.

    Examples:
        >>> bare = {}
        >>> choose_window(bare, platform="linux")
        >>> bare
        {'VTK_DEFAULT_OPENGL_WINDOW': 'vtkOSOpenGLRenderWindow'}
        >>> choose_window(desk := {"DISPLAY": ":0"}, platform="linux")
        >>> desk
        {'DISPLAY': ':0'}
    """
    if platform == "linux" and not environment.get("DISPLAY"):
        environment.setdefault(_VARIABLE, "vtkOSOpenGLRenderWindow")
