"""The module as on macOS, where the limit of the address space cannot be lowered."""

import sys
from importlib.machinery import PathFinder
from importlib.util import module_from_spec

_spec = PathFinder.find_spec("resource", [path for path in sys.path if "lib-dynload" in path])
_real = module_from_spec(_spec)
_spec.loader.exec_module(_real)
globals().update({name: getattr(_real, name) for name in dir(_real) if name[:2] != "__"})


def setrlimit(kind: int, limits: tuple[int, int]) -> None:
    """Refuse the limit of the address space."""
    if kind == _real.RLIMIT_AS:
        raise ValueError("current limit exceeds maximum limit")
    _real.setrlimit(kind, limits)
