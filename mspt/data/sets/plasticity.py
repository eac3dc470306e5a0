"""A block of metal that a die presses down."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from jaxtyping import Float, Float32
from numpy import ndarray
from torch import Tensor

from mspt.config import ModelConfig, TrainConfig
from mspt.data.canvas import Control, ControlPoints, Handle, Line
from mspt.data.capabilities import Drawing, TimeFrames, frames_of
from mspt.data.case import Case, CaseStack, Inputs, Quantity
from mspt.data.dataset import Dataset
from mspt.data.grids import as_columns, coarser_grid, upright_triangles
from mspt.data.layout import Layout
from mspt.data.sets._presets import with_transolver
from mspt.data.stacked import STACKED
from mspt.data.symmetry import IDENTITY, Symmetry
from mspt.errors import SolverError
from mspt.progress import ShareDone, last_event
from mspt.solvers.plasticity import (
    KNOT_JITTER,
    MAX_RISE,
    NUM_FRAMES,
    NUM_KNOTS,
    SHAPE,
    SIZE,
    STROKE,
    block_points,
    check_die,
    die_through,
    frame_times,
    press_steps,
    sample_die,
    sample_knots,
)

_POSITION = Quantity(
    name="position",
    symbol="x",
    unit="mm",
    description="Position of the point.",
    components=("x", "y"),
    is_stored=False,
)
_DISPLACEMENT = Quantity(
    name="displacement",
    symbol="u",
    unit="mm",
    description="Position of the point minus that at the start.",
    components=("u_x", "u_y"),
)

_MODEL = ModelConfig(
    space_dim=2,
    in_features=1,
    out_channels=4 * NUM_FRAMES,
    width=64,
    num_heads=2,
    num_blocks=5,
    num_patches=32,
    partition="alternating_trees",
    rotary=2,
    fourier_features=4,
)
_TRAIN = TrainConfig(epochs=30, coarse_epochs=22, augment=True)


def make_case(seed: int) -> Case:
    """Draw a die and press a block with it."""
    return solve_die(sample_die(seed), name=f"plasticity-seed-{seed}")


def solve_die(die: Float[ndarray, " I"], *, name: str = "drawing") -> Case:
    """Press a block with a die; see :func:`die_steps`.

    Raises:
        SolverError: As there.
    """
    return last_event(event for event in die_steps(die, name=name) if isinstance(event, Case))


def die_steps(die: Float[ndarray, " I"], *, name: str = "drawing") -> Iterator[ShareDone | Case]:
    """Press a block with a die, yielding the progress and then the case.

    Args:
        die: Height of the die in mm above the block at the start, at the 101 columns.
        name: Of the case.

    Raises:
        SolverError: See :func:`mspt.solvers.plasticity.press_steps`.
    """
    for event in press_steps(die):
        if isinstance(event, ShareDone):
            yield event
            continue
        displacement = as_columns(event.displacement, 2).unflatten(0, (NUM_FRAMES, -1))
        inputs = _inputs(die)
        yield Case(
            dataset="plasticity",
            name=name,
            points=inputs.points,
            features=inputs.features,
            fields=_fields(inputs.points, displacement),
            triangles=inputs.triangles,
        )


def knots_steps(knots: Float[ndarray, "K 2"]) -> Iterator[ShareDone | Case]:
    """Press a block with a drawn die, yielding the progress and then the case.

    Args:
        knots: Place along the block and height above it in mm of each knot of the die.

    Raises:
        SolverError: If the die does not touch the block, and as in :func:`die_steps`.
    """
    yield from die_steps(_drawn_die(knots))


def solve_knots(knots: Float[ndarray, "K 2"]) -> Case:
    """Press a block with a drawn die.

    Raises:
        SolverError: As :func:`knots_steps`.
    """
    return last_event(event for event in knots_steps(knots) if isinstance(event, Case))


def inputs_of_knots(knots: Float[ndarray, "K 2"]) -> Inputs:
    """Return the points of the block under a drawn die, without pressing it.

    Raises:
        SolverError: If the solver would refuse the die before it begins.
    """
    die = _drawn_die(knots)
    check_die(die)
    return _inputs(die)


def _drawn_die(knots: ndarray) -> ndarray:
    die = die_through(knots[:, 0], knots[:, 1])
    if die.min() >= STROKE:
        raise SolverError(
            f"die must touch the block on its way of {STROKE:g} mm, got a lowest point at "
            f"{die.min():.3g} mm; lower it"
        )
    return die


def _inputs(die: ndarray) -> Inputs:
    return Inputs(
        points=make_points(),
        features=as_columns(die).repeat_interleave(SHAPE[1], dim=0),
        triangles=upright_triangles(SHAPE),
    )


def random_knots(seed: int) -> Float[ndarray, "K 2"]:
    """Return the knots of a die as those of the data set are drawn."""
    return np.stack(sample_knots(seed), axis=-1)


def example_knots(seed: int, *, heights: tuple[float, ...]) -> Float[ndarray, "K 2"]:  # noqa: ARG001
    """Return knots at equal distances with given heights in mm, the same for every seed."""
    return np.stack([np.linspace(0, SIZE[0], len(heights)), heights], axis=-1)


def _control_points() -> ControlPoints:
    """Return six points of the die; those between its ends also move along the block."""
    controls, handles = [], []
    for index, place in enumerate(np.linspace(0, SIZE[0], NUM_KNOTS).tolist()):
        inner, number = 0 < index < NUM_KNOTS - 1, index + 1
        # Neighbors stay at least 2 mm apart.
        limits, trained = (
            (place - room, place + room) if inner else (place, place) for room in (4.0, KNOT_JITTER)
        )
        handles.append(Handle(at=(0.0, 0.0), across=len(controls), upward=len(controls) + 1))
        controls += [
            Control(name=f"Place of knot {number}, mm", limits=limits, trained=trained),
            Control(
                name=f"Height of knot {number}, mm", limits=(0.0, 5.0), trained=(0.0, MAX_RISE)
            ),
        ]
    return ControlPoints(
        controls=tuple(controls),
        handles=tuple(handles),
        lines=_die_lines,
        law="monotone",
        view=((-1.0, SIZE[0] + 1.0), (-3.0, 7.0)),
        height=0.6,
        unit="mm",
    )


def _die_lines(knots: Float[ndarray, "K 2"]) -> tuple[Line, ...]:
    """Return the outline of a die and that of the top of the block."""
    width = SIZE[0]
    x = np.linspace(0, width, SHAPE[0])
    die = np.stack([x, die_through(knots[:, 0], knots[:, 1])], axis=-1)
    top = np.array([[width, 7.0], [0, 7.0]])
    block = np.array([[0, 0], [width, 0], [width, -3.0], [0, -3.0]], dtype=float)
    return (
        Line(points=block, role="block", corners=len(block)),
        Line(points=np.concatenate([die, top]), corners=len(top)),
    )


def make_points() -> Float32[Tensor, "N 2"]:
    """Return the points of the block at the start, in mm, which all cases share."""
    return as_columns(block_points(), 2)


def _fields(points: Tensor, displacement: Float32[Tensor, "*B T N 2"]) -> Float32[Tensor, "*B N C"]:
    """Return position and displacement of each point, frame by frame."""
    frames = torch.cat([points + displacement, displacement], dim=-1)
    return frames.movedim(-3, -2).flatten(-2)


def complete(cases: CaseStack) -> CaseStack:
    """Compute the positions of stored cases from their displacements."""
    frames = cases.fields.unflatten(-1, (NUM_FRAMES, 4))[..., 2:].movedim(-2, -3)
    return replace(cases, fields=_fields(make_points(), frames))


PLASTICITY = Dataset(
    name="plasticity",
    title="Metal under a die",
    equation=(
        r"\rho \, \ddot u = \nabla \cdot \sigma, \quad"
        r" \dot \sigma = C : (\dot \varepsilon - \dot \varepsilon^p), \quad"
        r" \sigma_{\mathrm{vM}} \le 70\,\mathrm{MPa}"
    ),
    geometry=(
        "Block of 50 x 15 mm, clamped at the bottom, under a die that comes down by 4 mm in "
        "1.33 ms. The profile of the die is a monotone cubic through six random heights up to "
        "3.6 mm. Grid of 101 x 31 points, column by column; 20 times."
    ),
    solver=(
        "Explicit finite elements, 100 x 30 with one integration point each; plane stress, ideal "
        "plasticity of von Mises, a die without friction. The density is 9 times that of steel, so "
        "that steps can be three times as long. Mean relative L2 distance of the displacement over "
        "three cases: 1.3% from a mesh of 200 x 60 elements, 0.9% from half the resistance of "
        "hourglass modes, 14% from the density of steel "
        "(mspt.solvers.plasticity.discretization_error)."
    ),
    licence="MIT, generated by this project",
    space_dim=2,
    layout=Layout(
        features=(
            Quantity(
                name="die",
                symbol="d",
                unit="mm",
                description="Height of the die above the block at the start, over the point.",
            ),
        ),
        fields=tuple(
            field
            for frame in zip(
                frames_of(_POSITION, frame_times(), first=1),
                frames_of(_DISPLACEMENT, frame_times(), first=1),
                strict=True,
            )
            for field in frame
        ),
    ),
    splits={"train": 900, "validation": 100, "test": 80},
    source=STACKED,
    presets=with_transolver("plasticity", _MODEL, _TRAIN),
    seconds_per_case=4.0,
    make_case=make_case,
    shared_points=make_points,
    complete=complete,
    make_triangles=partial(upright_triangles, SHAPE),
    grid_shape=SHAPE,
    coarsen=partial(coarser_grid, SHAPE),
    symmetries=(
        IDENTITY,
        Symmetry(
            name="mirrored left to right",
            matrix=((-1, 0), (0, 1)),
            middle=(SIZE[0] / 2, 0.0),
            field_signs=(-1, 1, -1, 1) * NUM_FRAMES,
            field_offsets=(SIZE[0], 0.0, 0.0, 0.0) * NUM_FRAMES,
        ),
    ),
    stored_bits=14,
    time=TimeFrames(inputs=(), outputs=frame_times(), unit="ms", positions=_POSITION.name),
    length_unit="mm",
    drawing=Drawing(
        kind="points",
        key="die",
        shape=(None, 2),
        hint=(
            "Drag the six knots of the die, or choose one and use the arrow keys. The die comes "
            "down by 4 mm on a block 15 mm high, of which the canvas shows the top. Dashed: where "
            "the knots are in the training cases."
        ),
        invitation=(
            "Press metal with a die",
            "Six knots of its profile; the deformed block follows at 20 times.",
        ),
        first_example="Ridge",
        solve=solve_knots,
        steps=knots_steps,
        inputs=inputs_of_knots,
        examples={
            "Flat": partial(example_knots, heights=(1.0,) * 6),
            "Ridge": partial(example_knots, heights=(3.5, 3.0, 0.5, 0.5, 3.0, 3.5)),
            "Slope": partial(example_knots, heights=(0.0, 0.7, 1.4, 2.1, 2.8, 3.5)),
            "Random": random_knots,
        },
        points=_control_points(),
    ),
)
