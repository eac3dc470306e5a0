"""Lion: steps of one size, in the direction of the sign of a moving average of gradients.

After Chen et al. 2023, "Symbolic Discovery of Optimization Algorithms".
"""

from collections.abc import Callable
from typing import Any

import torch
from torch.optim import Optimizer


class Lion(Optimizer):
    """Lion with decoupled weight decay.

    Args:
        params: Parameters, or groups of them with settings of their own.
        lr: Size of each step, and so of the change of every number; a third to a tenth of AdamW's.
        betas: Weight of the average in the step's direction, and the decay of the average.
        weight_decay: Share of each number that a step at rate 1 takes away.
    """

    def __init__(
        self,
        params: list[dict[str, Any]],
        *,
        lr: float,
        betas: tuple[float, float] = (0.9, 0.99),
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(  # pyright: ignore[reportIncompatibleMethodOverride] - as torch's own optimizers
        self, closure: Callable[[], float] | None = None
    ) -> float | None:
        """Move every parameter that has a gradient; return the loss of a closure."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            rate, (mix, decay) = group["lr"], group["betas"]
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                if not state:
                    state["average"] = torch.zeros_like(parameter)
                direction = torch.lerp(parameter.grad, state["average"], mix).sign_()
                parameter.mul_(1 - rate * group["weight_decay"]).add_(direction, alpha=-rate)
                state["average"].lerp_(parameter.grad, 1 - decay)
        return loss
