"""Randomness by name: every random choice takes its own generator, global state is left alone."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch


def derive_seed(seed: int, *purpose: str | int) -> int:
    """Mix a seed with the purpose it is used for, so that two purposes never share numbers.

    Examples:
        >>> derive_seed(0, "epoch", 1) == derive_seed(0, "epoch", 1)
        True
        >>> derive_seed(0, "epoch", 1) == derive_seed(0, "epoch", 2)
        False
    """
    text = repr((seed, *purpose)).encode()
    return int.from_bytes(hashlib.sha256(text).digest()[:7], "big")


def generator(seed: int, *purpose: str | int) -> torch.Generator:
    """Return a CPU generator for one purpose.

    Examples:
        >>> torch.rand(1, generator=generator(0, "a")) == torch.rand(1, generator=generator(0, "a"))
        tensor([True])
    """
    return torch.Generator().manual_seed(derive_seed(seed, *purpose))


@contextmanager
def seeded(seed: int, *purpose: str | int) -> Iterator[None]:
    """Seed torch's global generator for module initialization and restore it afterwards."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(seed, *purpose))
        yield
