"""Training runs that several data sets share."""

from dataclasses import replace

from mspt.config import ModelConfig, Preset, TrainConfig

NUM_SLICES = 64
"""Slices of Transolver in these runs."""


def with_transolver(dataset: str, model: ModelConfig, train: TrainConfig) -> dict[str, Preset]:
    """Return the training runs of MSPT and of a Transolver of its width and depth.

    Args:
        dataset: Name of the data set, and of its default run.
        model: MSPT.
        train: How both are trained.

    Examples:
        >>> model = ModelConfig(space_dim=2, width=64, num_heads=4, num_patches=64)
        >>> presets = with_transolver("pipe", model, TrainConfig(epochs=20))
        >>> list(presets), presets["pipe-transolver"].model.num_slices
        (['pipe', 'pipe-transolver'], 64)
    """
    transolver = replace(
        model,
        architecture="transolver",
        num_slices=NUM_SLICES,
        # What belongs to patches; the embedding stays as it is.
        num_patches=None,
        partition="ball_tree",
        rotary=0,
    )
    return {
        dataset: Preset(dataset=dataset, model=model, train=train),
        f"{dataset}-transolver": Preset(dataset=dataset, model=transolver, train=train),
    }
