"""Random generators by purpose: every random choice has its own; global state is not changed."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch


def derive_seed(seed: int, *purpose: str | int) -> int:
    """Return a seed for one purpose, so that two purposes do not draw the same numbers.

    Args:
        seed: Seed that the user chose.
        purpose: Words and numbers that name the purpose, such as ``"epoch", 3``.

    Returns:
        A number below 2**56, the same on every machine and in every version of Python.

    Examples:
        >>> derive_seed(0, "epoch", 1) == derive_seed(0, "epoch", 1)
        True
        >>> derive_seed(0, "epoch", 1) == derive_seed(0, "epoch", 2)
        False
    """
    # Not ``hash``: its value for strings differs from one process to the next.
    text = repr((seed, *purpose)).encode()
    # Seven bytes fit the signed 64-bit seeds of torch.
    return int.from_bytes(hashlib.sha256(text).digest()[:7], "big")


def generator(seed: int, *purpose: str | int) -> torch.Generator:
    """Return a CPU generator for one purpose; see :func:`derive_seed`.

    Examples:
        >>> torch.rand(1, generator=generator(0, "a")) == torch.rand(1, generator=generator(0, "a"))
        tensor([True])
    """
    return torch.Generator().manual_seed(derive_seed(seed, *purpose))


@contextmanager
def seeded(seed: int, *purpose: str | int) -> Iterator[None]:
    """Seed torch's global generator inside a ``with`` block and restore it afterwards.

    For the initialization of modules, which accepts no generator.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(seed, *purpose))
        yield
