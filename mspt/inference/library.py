"""Outlines of the training shapes of a checkpoint, which its header holds.

Letters: M shapes, D numbers of an outline.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from mspt.checkpoint import Checkpoint
from mspt.errors import MSPTError

USUAL_SHARE = 0.9
"""Share of known shapes within whose range a number is graded good."""


@dataclass(frozen=True, kw_only=True)
class ShapeLibrary:
    """Outlines of the training shapes of a checkpoint.

    Attributes:
        names: Names of the cases.
        families: Family of each body.
        outlines: See :func:`mspt.geometry.outline.describe_outline`.
    """

    names: tuple[str, ...]
    families: tuple[str, ...]
    outlines: Float64[ndarray, "M D"]

    def distances(self, outline: Float64[ndarray, " D"]) -> Float64[ndarray, " M"]:
        """Return root-mean-square differences of outlines, in body lengths."""
        return np.sqrt(((self.outlines - outline) ** 2).mean(axis=1))

    def usual_distance(self) -> float:
        """Return the distance within which nine of ten shapes have their nearest other shape."""
        apart = np.stack([self.distances(outline) for outline in self.outlines])
        np.fill_diagonal(apart, np.inf)  # a shape is no neighbor of itself
        return float(np.quantile(apart.min(axis=1), USUAL_SHARE))


def library_of(checkpoint: Checkpoint) -> ShapeLibrary:
    """Return the outlines of the training shapes, which are stored in a checkpoint's header.

    Raises:
        MSPTError: If the header has none.
    """
    stored = checkpoint.info.get("library")
    if not stored:
        raise MSPTError(
            "checkpoint must hold the outlines of its training shapes, got one for "
            f"{checkpoint.info.get('dataset', 'an unknown data set')!r}; choose car.safetensors"
        )
    return ShapeLibrary(
        names=tuple(stored["names"]),
        families=tuple(stored["families"]),
        outlines=np.array(stored["outlines"], dtype=np.float64),
    )
