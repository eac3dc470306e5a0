"""How a pass without gradients divides a cloud: how many rows at once, and where they are computed.

Patches exchange information through supernodes alone, so that a pass may take any number of whole
patches at a time. The features of all points may stay in the memory of the host while the pieces
are computed on a device with less memory.
"""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Streaming:
    """Pieces of a pass without gradients.

    Attributes:
        rows: Rows that are processed at once: as many whole patches as fit, and at least one.
        device: Where they are computed, if the features of all points lie elsewhere; they are then
            copied there and back. None where features and weights lie on one device.
    """

    rows: int
    device: torch.device | None = None

    def fetch(self, x: Tensor) -> Tensor:
        """Return some rows where they are computed: themselves, or a copy.

        Examples:
            >>> rows = torch.zeros(2)
            >>> Streaming(rows=1).fetch(rows) is rows
            True
            >>> Streaming(rows=1, device=torch.device("cpu")).fetch(rows) is rows
            False
        """
        return x if self.device is None else x.to(self.device, copy=True)

    def store(self, x: Tensor, *, to: Tensor) -> None:
        """Write rows that were fetched and changed back to their place."""
        if self.device is not None:
            to.copy_(x)
