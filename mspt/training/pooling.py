"""Why learned pooling gains or loses: what its weights became, and how noisy their gradients are.

The gradient of the loss is measured for one case at a time. Where the mean over cases is small
beside the scatter between cases, a step that follows a few cases moves weights at random. The ratio
of both is the gradient noise scale (McCandlish et al., 2018): the number of cases over which the
gradient would have to be averaged for its mean to be as large as its scatter.

Letters: Q supernodes per patch, P positions in a patch.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mspt.checkpoint import Checkpoint
from mspt.config import PATCHED, Pooling, require_choice
from mspt.data.case import CaseStack
from mspt.errors import MSPTError
from mspt.models.pooling import PatchPooling
from mspt.models.registry import build_model
from mspt.training.batches import Source, source_of

FROM_MEAN: tuple[Pooling, ...] = (
    "linear_from_mean",
    "attention_from_mean",
    "mean_std",
    "mean_max",
)
"""Poolings whose parameters are zero at the start, where they equal the mean."""


@dataclass(frozen=True, kw_only=True)
class GradientNoise:
    """The gradients of one parameter over single cases.

    Attributes:
        signal: Squared length of the mean over cases, without what the scatter adds to it; below 0
            where the mean does not differ from zero.
        noise: Mean squared distance of a case's gradient from the mean.
        cases: Cases measured.
    """

    signal: float
    noise: float
    cases: int

    @property
    def scale(self) -> float | None:
        """Cases over which the mean is as large as the scatter; None where no mean is found."""
        return self.noise / self.signal if self.signal > 0 else None


@dataclass(frozen=True, kw_only=True)
class PoolingStudy:
    """The pooling of each block of a model, beside the projection of the same block.

    Attributes:
        pooling: The pooling whose parameters were measured.
        learned: Whether these were trained; else they are those of the mean, at the start.
        gradients: For each block that of the pooling's parameter.
        projections: For each block that of the projection to queries, keys and values.
        departures: For each block the relative distance of the weights from those of the mean; None
            for a pooling whose weights depend on the features.
    """

    pooling: Pooling
    learned: bool
    gradients: tuple[GradientNoise, ...]
    projections: tuple[GradientNoise, ...]
    departures: tuple[float, ...] | None


@dataclass(frozen=True)
class CaseMeasured:
    """The gradient of one case is known.

    Attributes:
        done: Cases done.
        total: Cases in all.
    """

    done: int
    total: int


def gradient_noise(gradients: Float[Tensor, "B W"]) -> GradientNoise:
    """Return mean and scatter of gradients, one row for each case.

    The squared length of a mean of B rows is on average larger than that of the true mean, by the
    scatter over B. This is taken off, so that ``signal`` has no bias.

    Raises:
        ValueError: If there are fewer than two rows.

    Examples:
        >>> gradient_noise(torch.tensor([[1.0, 3.0], [1.0, 5.0]]))
        GradientNoise(signal=16.0, noise=2.0, cases=2)
    """
    if (count := len(gradients)) < 2:
        raise ValueError(f"gradients must be those of at least two cases, got {count}")
    mean = gradients.double().mean(0)
    noise = float((gradients - mean).square().sum() / (count - 1))
    return GradientNoise(signal=float(mean @ mean) - noise / count, noise=noise, cases=count)


def with_pooling(checkpoint: Checkpoint, pooling: Pooling) -> Checkpoint:
    """Return a checkpoint of mean pooling with another one that equals the mean at its start.

    Raises:
        MSPTError: If the checkpoint has another pooling than the mean.
        ValueError: If the other pooling does not start as the mean.
    """
    require_choice("pooling", pooling, FROM_MEAN)
    config = checkpoint.config
    if config.architecture not in PATCHED or config.pooling != "mean":
        found = config.pooling if config.architecture in PATCHED else config.architecture
        raise MSPTError(f"checkpoint must be of a model with mean pooling, got {found!r}")
    changed = replace(config, pooling=pooling)
    model = build_model(changed)
    model.load_state_dict(checkpoint.model.state_dict(), strict=False)
    return replace(checkpoint, model=model.eval(), config=changed)


def study_pooling(
    checkpoint: Checkpoint, cases: CaseStack, *, pooling: Pooling = "linear_from_mean"
) -> Iterator[CaseMeasured | PoolingStudy]:
    """Measure the gradients of the pooling's parameters, case by case; the study comes last.

    Args:
        checkpoint: A model with learned pooling, or with the mean.
        cases: Training cases, at least two.
        pooling: What to put in the place of the mean; unused for learned pooling.

    Raises:
        MSPTError: If the model is not MSPT, or its pooling has no parameters.
    """
    learned = checkpoint.config.pooling != "mean"
    studied = checkpoint if learned else with_pooling(checkpoint, pooling)
    model = studied.model
    pools = [module for module in model.modules() if isinstance(module, PatchPooling)]
    parameters = [next(iter(pool.parameters()), None) for pool in pools]
    projections = [
        parameter
        for name, parameter in model.named_parameters()
        if name.endswith("attention.to_qkv.weight")
    ]
    watched = [one for one in parameters if one is not None]
    if not watched or len(projections) != len(watched):
        raise MSPTError(
            f"checkpoint must be of a model with learned or mean pooling, "
            f"got {studied.config.architecture!r} with {studied.config.pooling!r}"
        )
    source = source_of(cases, normalizer=studied.normalizer, config=studied.config, seed=0)
    rows: list[list[Tensor]] = []
    for index in range(len(cases)):
        rows.append(_gradients(studied, source, index, [*watched, *projections]))
        yield CaseMeasured(done=index + 1, total=len(cases))
    found = [gradient_noise(torch.stack(column)) for column in zip(*rows, strict=True)]
    yield PoolingStudy(
        pooling=studied.config.pooling,
        learned=learned,
        gradients=tuple(found[: len(watched)]),
        projections=tuple(found[len(watched) :]),
        departures=_departures(pools),
    )


def _gradients(
    checkpoint: Checkpoint, source: Source, index: int, parameters: list[nn.Parameter]
) -> list[Float[Tensor, " W"]]:
    batch = source.batch([index], epoch=0)
    output = checkpoint.model(batch.points, batch.features, partitions=batch.partitions)
    loss = batch.errors(checkpoint.normalizer.decode(output)).mean()
    return [one.flatten() for one in torch.autograd.grad(loss, parameters)]


@torch.no_grad()
def _departures(pools: list[PatchPooling]) -> tuple[float, ...] | None:
    found = [position_weights(pool) for pool in pools]
    if any(weights is None for weights in found):
        return None
    return tuple(
        float((weights - mean).norm() / mean.norm())
        for pool, weights in zip(pools, found, strict=True)
        if weights is not None
        for mean in [_mean_weights(pool, weights.shape[1])]
    )


def position_weights(pool: PatchPooling, size: int = 96) -> Float[Tensor, "Q P"] | None:
    """Return the weight of each position in a patch of ``size`` points, which sum to about 1.

    None for a pooling whose weights depend on the features.
    """
    if pool.pooling not in ("mean", "linear", "linear_from_mean"):
        return None
    return pool(torch.eye(size)[None])[0].detach()


def _mean_weights(pool: PatchPooling, size: int) -> Float[Tensor, "Q P"]:
    mean = PatchPooling(size, num_supernodes=pool.num_supernodes, pooling="mean")
    return mean(torch.eye(size)[None])[0]
