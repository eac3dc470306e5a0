"""Training runs on the published files of the six standard sets: the paper's and Transolver's.

MSPT's settings are those of its authors' scripts, Transolver's those of its own. As there, weights
are not averaged, and what the scripts call OneCycle is a warm-up over 30 % of the steps (linear,
there a cosine) before a cosine. What differs: patches are those of the paper's ball tree, in the
scripts runs of the file's order; biases and norms do not decay; Lion's cosine ends at 0 instead of
1e-6; numbers are float32; the gradients of Darcy flow count in one norm, in the scripts in one for
each axis, with zeros at the border; Transolver reads coordinates as features on bent grids too.
"""

from dataclasses import replace

from mspt.config import ModelConfig, Preset, TrainConfig

NO_CLIP = 1e9
"""A norm of the gradient that no step reaches."""
MSPT = ModelConfig(space_dim=2, width=128, num_heads=8, num_blocks=8, mlp_ratio=2, num_patches=32)
ADAMW = TrainConfig(
    epochs=500,
    batch_size=8,
    optimizer="adamw",
    learning_rate=1e-3,
    warmup=0.3,
    weight_decay=1e-5,
    clip_norm=NO_CLIP,
    ema_decay=0.0,
)
CLIPPED = replace(ADAMW, clip_norm=0.1)
LION = replace(
    ADAMW, batch_size=1, optimizer="lion", learning_rate=5e-5, warmup=0.0, weight_decay=5e-2
)


def standard_presets(
    dataset: str,
    model: ModelConfig,
    train: TrainConfig,
    *,
    transolver: ModelConfig,
    transolver_train: TrainConfig,
) -> dict[str, Preset]:
    """Return the runs of MSPT and of Transolver.

    Args:
        dataset: Name of the data set, and of its default run.
        model: MSPT.
        train: How it is trained.
        transolver: The sizes of Transolver; the architecture is set here.
        transolver_train: How that is trained.
    """
    sliced = replace(transolver, architecture="transolver", num_patches=None)
    return {
        dataset: Preset(dataset=dataset, model=model, train=train),
        f"{dataset}-transolver": Preset(dataset=dataset, model=sliced, train=transolver_train),
    }
