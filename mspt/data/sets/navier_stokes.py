"""Vorticity on a torus: ten frames in, the next ten out."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from jaxtyping import Float, Float32
from numpy import ndarray
from torch import Tensor

from mspt.config import ModelConfig, Preset, TrainConfig
from mspt.data.canvas import PaintedField, blobs_on_torus
from mspt.data.capabilities import Drawing, TimeFrames, frames_of
from mspt.data.case import Case, Quantity
from mspt.data.dataset import Dataset
from mspt.data.grids import coarser_grid, grid_triangles
from mspt.data.layout import Layout
from mspt.data.sets._presets import with_transolver
from mspt.data.stacked import STACKED
from mspt.data.symmetry import IDENTITY, Symmetry
from mspt.errors import SolverError
from mspt.progress import ShareDone, last_event
from mspt.solvers.navier_stokes import (
    GRID_SIZE,
    NUM_FRAMES,
    SOLVER_SIZE,
    flow_frames,
    sample_vorticity,
)

SHAPE = GRID_SIZE, GRID_SIZE
NUM_INPUTS = NUM_FRAMES // 2
TIMES = tuple(float(time) for time in range(1, NUM_FRAMES + 1))

_MODEL = ModelConfig(
    space_dim=2,
    in_features=NUM_INPUTS,
    input_frames=NUM_INPUTS,
    rollout=NUM_FRAMES - NUM_INPUTS,
    width=64,
    num_heads=2,
    num_blocks=6,
    num_patches=64,
    partition="alternating_trees",
    rotary=2,
    fourier_features=4,
)
# The published variant has two feed-forward networks a block, hence half the blocks.
_PUBLISHED = replace(
    _MODEL,
    architecture="published",
    num_blocks=3,
    partition="sequence",
    rotary=0,
    fourier_features=0,
)
_TRAIN = TrainConfig(epochs=30, coarse_epochs=15, augment=True)

_START = SOLVER_SIZE, SOLVER_SIZE

MAX_MEAN = 1e-6
"""Largest mean of a vorticity, over its largest value, that is taken for rounding."""


def make_case(seed: int) -> Case:
    """Draw a vorticity and compute the flow it starts."""
    events = vorticity_steps(sample_vorticity(seed), name=f"navier_stokes-seed-{seed}")
    return last_event(event for event in events if isinstance(event, Case))


def solve_vorticity(vorticity: Float[ndarray, "n n"]) -> Case:
    """Compute the flow that a painted vorticity starts.

    Raises:
        SolverError: As :func:`painted_steps`.
    """
    return last_event(event for event in painted_steps(vorticity) if isinstance(event, Case))


def painted_steps(vorticity: Float[ndarray, "n n"]) -> Iterator[ShareDone | Case]:
    """Compute the flow that a painted vorticity starts, yielding the progress and then the case.

    Raises:
        SolverError: If the vorticity has a mean, and as in
            :func:`mspt.solvers.navier_stokes.solve_navier_stokes`.
    """
    if abs(vorticity.mean()) > MAX_MEAN * np.abs(vorticity).max():
        raise SolverError(
            f"vorticity must have no mean on a torus, got {vorticity.mean():.3g}; subtract it from "
            "all values"
        )
    yield from vorticity_steps(vorticity)


def vorticity_steps(
    vorticity: Float[ndarray, "n n"], *, name: str = "drawing"
) -> Iterator[ShareDone | Case]:
    """Compute the flow that a vorticity starts, yielding the progress and then the case."""
    frames = []
    for frame in flow_frames(vorticity):
        frames.append(frame.astype(np.float32).ravel())
        yield ShareDone(len(frames) / NUM_FRAMES)
    values = torch.from_numpy(np.stack(frames, axis=-1))
    yield Case(
        dataset="navier_stokes",
        name=name,
        points=torus_points(),
        features=values[:, :NUM_INPUTS],
        fields=values[:, NUM_INPUTS:],
        triangles=grid_triangles(SHAPE),
    )


def vortex_pair(seed: int) -> Float[ndarray, "n n"]:  # noqa: ARG001 - the same for every seed
    """Return two vortices that turn against each other, which carries them along."""
    blobs = np.array([[0.4, 0.5, 0.07, 1.0], [0.6, 0.5, 0.07, -1.0]])
    return blobs_on_torus(blobs, _START)


def shear_layers(seed: int) -> Float[ndarray, "n n"]:  # noqa: ARG001
    """Return two layers of opposite vorticity, waved so that they roll up."""
    y, x = np.indices(_START) / SOLVER_SIZE
    shifted = y - 0.03 * np.sin(2 * np.pi * x)
    lower, upper = (np.exp(-((shifted - middle) ** 2) / (2 * 0.05**2)) for middle in (0.3, 0.7))
    layers = 0.8 * (lower - upper)
    return layers - layers.mean()


def torus_points() -> Float32[Tensor, "N 2"]:
    """Return the points (x, y) row by row; the right and upper edges are the left and lower ones.

    Examples:
        >>> torus_points()[[0, 1, 64, -1]].tolist()
        [[0.0, 0.0], [0.015625, 0.0], [0.0, 0.015625], [0.984375, 0.984375]]
    """
    y, x = torch.meshgrid(*(torch.arange(size) / size for size in SHAPE), indexing="ij")
    return torch.stack([x, y], dim=-1).reshape(-1, 2)


def torus_symmetries() -> tuple[Symmetry, ...]:
    """Return seven maps that keep the force, which depends on x + y alone; with the identity eight.

    The force is that of its mirror image on the rising diagonal, but the vorticity of a mirrored
    flow has the other sign, and so must the force: half a period further along x it has.
    """
    turned = Symmetry(
        name="turned by a half turn",
        matrix=((-1, 0), (0, -1)),
        middle=(0.0, 0.0),
        shift=(0.125, 0.125),
        period=1.0,
    )
    mirrored = replace(
        turned,
        name="mirrored with the other sign",
        matrix=((0, 1), (1, 0)),
        shift=(0.5, 0.0),
        feature_signs=(-1,) * NUM_INPUTS,
        field_signs=(-1,) * (NUM_FRAMES - NUM_INPUTS),
    )
    both = replace(
        mirrored,
        name="turned by a half turn and mirrored with the other sign",
        matrix=((0, -1), (-1, 0)),
        shift=(0.625, 0.125),
    )
    far = "moved by half a period along both axes"
    moved = replace(turned, name=far, matrix=IDENTITY.matrix, shift=(0.5, 0.5))
    further = (
        replace(
            one,
            name=f"{one.name}, {far}",
            shift=((one.shift[0] + 0.5) % 1, (one.shift[1] + 0.5) % 1),
        )
        for one in (turned, mirrored, both)
    )
    return turned, mirrored, both, moved, *further


_VORTICITY = Quantity(name="vorticity", symbol="w", unit="1", description="Curl of the velocity.")

NAVIER_STOKES = Dataset(
    name="navier_stokes",
    title="Forced flow on a torus",
    equation=(
        r"\partial_t w + u \cdot \nabla w = \nu \nabla^2 w + f, \quad"
        r" f = 0.1 {(\sin 2\pi(x + y) + \cos 2\pi(x + y))}"
    ),
    geometry=(
        "Unit square with periodic edges, 64 x 64 grid, viscosity 1e-5. The vorticity at time 0 is "
        "a Gaussian field with covariance 7^3 (-Laplace + 49)^-2.5; frames at times 1 to 20."
    ),
    solver=(
        "Fourier series on 128 x 128 points, read at every second one; products by the 2/3 rule; "
        "Runge-Kutta of fourth order with steps of 0.01, viscosity integrated exactly; single "
        "precision. Mean relative L2 distance over five cases from 256 x 256 points: 0.2% at time "
        "10, 1.3% over the times 11 to 20, 2.6% at time 20, as such flows drift apart; from steps "
        "half as long 0.05% and from double precision 0.02% at time 20 "
        "(mspt.solvers.navier_stokes.discretization_error)."
    ),
    licence="MIT, generated by this project",
    space_dim=2,
    layout=Layout(
        features=frames_of(_VORTICITY, TIMES[:NUM_INPUTS], first=1),
        fields=frames_of(_VORTICITY, TIMES[NUM_INPUTS:], first=NUM_INPUTS + 1),
    ),
    splits={"train": 1000, "validation": 100, "test": 200},
    source=STACKED,
    # Without its pooling a Transolver block has a few parameters less: 203 to 212 thousand in all.
    presets={
        **with_transolver("navier_stokes", _MODEL, _TRAIN),
        "navier_stokes-published": Preset(dataset="navier_stokes", model=_PUBLISHED, train=_TRAIN),
    },
    seconds_per_case=2.3,
    make_case=make_case,
    shared_points=torus_points,
    make_triangles=partial(grid_triangles, SHAPE),
    grid_shape=SHAPE,
    coarsen=partial(coarser_grid, SHAPE),
    symmetries=(IDENTITY, *torus_symmetries()),
    # A vorticity of many scales compresses little: 12 bits take 0.6 of the bytes of 16, and the
    # error of storing is 0.04 %.
    stored_bits=12,
    time=TimeFrames(inputs=TIMES[:NUM_INPUTS], outputs=TIMES[NUM_INPUTS:], unit="1"),
    drawing=Drawing(
        kind="field",
        key="vorticity",
        shape=_START,
        hint=(
            "Click to add a blob of vorticity, drag one to move it; or move the cursor with the "
            "arrow keys and add one with Space. What leaves an edge comes back at the opposite "
            "one, and the mean is subtracted. The solver computes the times 1 to 20; the model "
            "reads 1 to 10 and predicts the rest."
        ),
        invitation=(
            "Stir a flow",
            "Paint its vorticity at time 0; the flow follows up to time 20.",
        ),
        first_example="Vortex pair",
        solve=solve_vorticity,
        steps=painted_steps,
        examples={
            "Vortex pair": vortex_pair,
            "Shear layers": shear_layers,
            "Random": sample_vorticity,
        },
        field=PaintedField(
            shape=_START,
            strengths=(0.25, 0.5, 1.0),
            widths=(0.04, 0.08, 0.16),
            trained=(0.25, 0.9),
        ),
    ),
)
