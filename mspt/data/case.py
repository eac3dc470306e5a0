"""Cases: one geometry with its features and fields, and stacks of cases that share their shapes.

Shapes: B cases, N points, X space axes, F features, C fields, T triangles.
"""

import hashlib
from dataclasses import dataclass

from jaxtyping import Float32, Int64
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """A feature that the model reads, or a field that it predicts.

    Attributes:
        name: One word, as in files and on the command line.
        symbol: LaTeX, without dollar signs.
        unit: SI unit, ``1`` where there is none.
        description: One sentence.
        levels: The only values it takes, in ascending order; empty if any value may occur.
        components: Names of the channels of a vector; empty for a scalar.
        is_stored: Whether files hold it; else ``Dataset.complete`` computes it from the rest.
    """

    name: str
    symbol: str
    unit: str
    description: str
    levels: tuple[float, ...] = ()
    components: tuple[str, ...] = ()
    is_stored: bool = True

    @property
    def channels(self) -> tuple[str, ...]:
        """Names of the channels that hold it."""
        return self.components or (self.name,)


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """What a model reads of a case; ``triangles`` are for drawing only."""

    points: Float32[Tensor, "N X"]
    features: Float32[Tensor, "N F"]
    triangles: Int64[Tensor, "T 3"] | None = None


@dataclass(frozen=True, kw_only=True)
class Case:
    """One case. ``triangles`` are for drawing only."""

    dataset: str
    name: str
    points: Float32[Tensor, "N X"]
    features: Float32[Tensor, "N F"]
    fields: Float32[Tensor, "N C"]
    triangles: Int64[Tensor, "T 3"] | None = None


@dataclass(frozen=True, kw_only=True)
class CaseStack:
    """Cases of one data set on top of each other; points may be one cloud expanded over B."""

    dataset: str
    names: tuple[str, ...]
    points: Float32[Tensor, "B N X"]
    features: Float32[Tensor, "B N F"]
    fields: Float32[Tensor, "B N C"]
    triangles: Int64[Tensor, "T 3"] | None = None

    def __len__(self) -> int:
        """Return the number of cases."""
        return len(self.names)

    def fingerprint(self) -> str:
        """Return 16 hexadecimal digits that identify these cases, for a checkpoint's header."""
        digest = hashlib.sha256(repr(self.names).encode())
        for values in (self.points, self.features, self.fields):
            digest.update(values.contiguous().numpy().tobytes())
        return digest.hexdigest()[:16]

    def case(self, index: int) -> Case:
        """Return one case of the stack."""
        return Case(
            dataset=self.dataset,
            name=self.names[index],
            points=self.points[index],
            features=self.features[index],
            fields=self.fields[index],
            triangles=self.triangles,
        )
