"""The module as on a system that knows all limits and refuses each of them."""

RLIM_INFINITY = -1
RLIMIT_CPU, RLIMIT_FSIZE, RLIMIT_CORE, RLIMIT_AS = 0, 1, 4, 9


def getrlimit(kind: int) -> tuple[int, int]:  # noqa: ARG001
    """Return that there is no limit."""
    return RLIM_INFINITY, RLIM_INFINITY


def setrlimit(kind: int, limits: tuple[int, int]) -> None:  # noqa: ARG001
    """Refuse every limit."""
    raise OSError("operation not permitted")
