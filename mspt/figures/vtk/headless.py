"""VTK on machines without a screen."""

import os
import sys
from collections.abc import MutableMapping

_VARIABLE = "VTK_DEFAULT_OPENGL_WINDOW"


def choose_window(
    environment: MutableMapping[str, str] = os.environ, *, platform: str = sys.platform
) -> None:
    """Let VTK make windows in memory on a Linux machine that has no screen.

    VTK would ask for an X server first and end the whole process when there is none. It reads the
    choice when it makes its first window; one that is already made stands.

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
