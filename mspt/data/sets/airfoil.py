"""Transonic flow around airfoils."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache, partial

import numpy as np
import torch
from jaxtyping import Float, Float32
from numpy import ndarray
from torch import Tensor

from mspt.config import ModelConfig, TrainConfig
from mspt.data.canvas import Control, ControlPoints, Handle, Line
from mspt.data.capabilities import Drawing
from mspt.data.case import Case, CaseStack, Inputs, Quantity
from mspt.data.dataset import Dataset
from mspt.data.grids import as_columns, coarser_grid, upright_triangles
from mspt.data.layout import Layout
from mspt.data.sets._presets import with_transolver
from mspt.data.stacked import STACKED
from mspt.data.symmetry import ABOUT_THE_AXIS, IDENTITY
from mspt.errors import SolverError
from mspt.progress import ShareDone, last_event
from mspt.solvers.airfoil_grid import (
    BOX,
    MAX_MOVE,
    NUM_CONTROLS,
    SHAPE,
    airfoil_outline,
    build_grid,
    naca_moves,
    parabolic_grid,
    thinnest,
    undeformed,
)

_MODEL = ModelConfig(
    space_dim=2,
    in_features=3,
    width=64,
    num_heads=2,
    num_blocks=5,
    num_patches=64,
    partition="alternating_trees",
    rotary=2,
    fourier_features=4,
)
_TRAIN = TrainConfig(epochs=20, coarse_epochs=16, augment=True)

MIN_THICKNESS = 0.2
"""Smallest thickness of a drawn airfoil, over that of NACA 0012 at the same place; in the data set
it is at least 0.5."""


def make_case(seed: int) -> Case:
    """Draw an airfoil and solve for the flow around it."""
    return solve_moves(random_moves(seed), name=f"airfoil-seed-{seed}")


def solve_moves(moves: Float[ndarray, "2 4"], *, name: str = "drawing") -> Case:
    """Solve for the flow around NACA 0012 with moved control points; see :func:`moves_steps`.

    Raises:
        SolverError: As there.
    """
    return last_event(one for one in moves_steps(moves, name=name) if isinstance(one, Case))


def moves_steps(
    moves: Float[ndarray, "2 4"], *, name: str = "drawing"
) -> Iterator[ShareDone | Case]:
    """Solve for the flow around an airfoil, yielding the progress and then the case.

    Args:
        moves: Vertical moves of the control points in chords, lower side first, nose to tail.
        name: Of the case.

    Raises:
        SolverError: If the airfoil crosses itself, the grid folds or the flow does not converge.
    """
    # Imported here because numba takes longer to import than the rest of the library.
    from mspt.solvers.airfoil import airfoil_steps

    for event in airfoil_steps(moves):
        if isinstance(event, ShareDone):
            yield event
            continue
        inputs = _inputs(event.move)
        yield Case(
            dataset="airfoil",
            name=name,
            points=inputs.points,
            features=inputs.features,
            fields=as_columns(event.mach),
            triangles=inputs.triangles,
        )


def drawn_steps(moves: Float[ndarray, "2 4"]) -> Iterator[ShareDone | Case]:
    """Do the same for a drawn airfoil, which may be too thin.

    Raises:
        SolverError: If it is, and as in :func:`moves_steps`.
    """
    _check_drawn(moves)
    yield from moves_steps(moves)


def solve_drawn(moves: Float[ndarray, "2 4"]) -> Case:
    """Solve for the flow around a drawn airfoil.

    Raises:
        SolverError: As :func:`drawn_steps`.
    """
    return last_event(event for event in drawn_steps(moves) if isinstance(event, Case))


def inputs_of_moves(moves: Float[ndarray, "2 4"]) -> Inputs:
    """Return points and features of a drawn airfoil, without solving for the flow around it.

    Raises:
        SolverError: If it crosses itself or is too thin, or the grid folds.
    """
    _check_drawn(moves)
    return _inputs(build_grid(moves).move)


def _inputs(move: Float[ndarray, "I J"]) -> Inputs:
    moved = as_columns(move)
    parabolic, points = _undeformed()
    return Inputs(
        points=_moved(points, moved),
        features=torch.cat([parabolic, moved], dim=1),
        triangles=upright_triangles(SHAPE),
    )


def _check_drawn(moves: ndarray) -> None:
    if not np.isfinite(moves).all():
        return  # refused with the grid
    share, x = thinnest(moves)
    if 0 < share < MIN_THICKNESS:
        raise SolverError(
            f"airfoil must be at least {MIN_THICKNESS:.0%} as thick as NACA 0012 everywhere, got "
            f"{share:.0%} at x = {x:.2f}; move the control points apart"
        )


def random_moves(seed: int) -> Float[ndarray, "2 4"]:
    """Return the moves of an airfoil as those of the data set are drawn."""
    from mspt.solvers.airfoil import sample_moves

    return sample_moves(seed)


def naca(seed: int, *, camber: float = 0.0, thickness: float = 0.12) -> Float[ndarray, "2 4"]:  # noqa: ARG001
    """Return the moves that make NACA 0012 another airfoil of four digits, or nearly so."""
    return naca_moves(camber=camber, thickness=thickness)


def _control_points() -> ControlPoints:
    """Return four points below the airfoil and four above, which move up and down."""
    controls, handles = [], []
    for side, height in (("Lower", -BOX), ("Upper", BOX)):
        for x in np.linspace(0, 1, NUM_CONTROLS).tolist():
            handles.append(Handle(at=(x, height), upward=len(controls)))
            controls.append(
                Control(
                    name=f"{side} side at x = {x:.2f} chords",
                    limits=(-2 * MAX_MOVE, 2 * MAX_MOVE),
                    trained=(-MAX_MOVE, MAX_MOVE),
                )
            )
    return ControlPoints(
        controls=tuple(controls),
        handles=tuple(handles),
        lines=_airfoil_lines,
        law="affine",
        view=((-0.1, 1.1), (-0.3, 0.3)),
        height=0.5,
        unit="chords",
    )


def _airfoil_lines(moves: Float[ndarray, "2 4"]) -> tuple[Line, ...]:
    return (Line(points=airfoil_outline(moves, 61)),)


def _moved(points: Tensor, move: Tensor) -> Tensor:
    return torch.cat([points[..., :1].expand_as(move), points[..., 1:] + move], dim=-1)


@cache
def _undeformed() -> tuple[Float32[Tensor, "N 2"], Float32[Tensor, "N 2"]]:
    """Return parabolic coordinates and points of the undeformed grid."""
    parabolic = parabolic_grid().reshape(-1, 2)
    points = np.stack(undeformed(parabolic), axis=-1)
    return as_columns(parabolic, 2), as_columns(points, 2)


def complete(cases: CaseStack) -> CaseStack:
    """Compute points and parabolic coordinates of stored cases, of which files hold the move."""
    parabolic, points = _undeformed()
    move = cases.features[..., 2:]
    shared = parabolic.expand(len(move), -1, -1)
    return replace(cases, points=_moved(points, move), features=torch.cat([shared, move], dim=-1))


AIRFOIL = Dataset(
    name="airfoil",
    title="Transonic airfoil",
    equation=(
        r"\partial_t \rho + \nabla \cdot (\rho v) = 0, \quad"
        r" \partial_t (\rho v) + \nabla \cdot (\rho v \otimes v + p I) = 0, \quad"
        r" \partial_t E + \nabla \cdot ((E + p) v) = 0, \quad \partial_t = 0"
    ),
    geometry=(
        "NACA 0012 deformed by eight control points, whose vertical moves are uniform up to 0.05 "
        "chords. Mach 0.8, no angle of attack. C-grid of 221 x 51 points, outer boundary 20 chords "
        "away; points are numbered along lines away from the airfoil."
    ),
    solver=(
        "Cell-centered finite volumes on the cells of the grid, artificial dissipation by second "
        "and fourth differences, multigrid to a change of 1e-7 a step."
    ),
    licence="MIT, generated by this project",
    space_dim=2,
    layout=Layout(
        features=(
            Quantity(
                name="parabolic",
                symbol=r"\xi, \eta",
                unit="1",
                description="Coordinates of the point in the grid around NACA 0012.",
                components=("xi", "eta"),
                is_stored=False,
            ),
            Quantity(
                name="move",
                symbol=r"\Delta y",
                unit="chord",
                description="Vertical distance from the same point of the grid around NACA 0012.",
            ),
        ),
        fields=(
            Quantity(
                name="mach",
                symbol="M",
                unit="1",
                description="Mach number: speed over the local speed of sound.",
            ),
        ),
    ),
    splits={"train": 1000, "validation": 100, "test": 200},
    source=STACKED,
    presets=with_transolver("airfoil", _MODEL, _TRAIN),
    seconds_per_case=2.2,
    make_case=make_case,
    stores_points=False,
    complete=complete,
    make_triangles=partial(upright_triangles, SHAPE),
    grid_shape=SHAPE,
    coarsen=partial(coarser_grid, SHAPE),
    symmetries=(
        IDENTITY,
        replace(ABOUT_THE_AXIS, feature_signs=(-1, 1, -1)),
    ),
    stored_bits=12,
    # The airfoil with its shocks and its wake near the tail.
    focus=((-0.6, -0.85), (1.7, 0.85)),
    length_unit="chords",
    drawing=Drawing(
        kind="points",
        key="moves",
        shape=(2, NUM_CONTROLS),
        hint=(
            "Drag the eight control points up and down, or choose one and use the arrow keys: they "
            "deform NACA 0012 together with the space around it. The flow comes from the left at "
            "Mach 0.8. Dashed: the range of the moves in the training cases."
        ),
        invitation=(
            "Shape an airfoil",
            "Eight control points and NACA presets; the transonic flow around it follows.",
        ),
        first_example="NACA 2412",
        solve=solve_drawn,
        steps=drawn_steps,
        inputs=inputs_of_moves,
        examples={
            "NACA 0012": naca,
            "NACA 0009": partial(naca, thickness=0.09),
            "NACA 2412": partial(naca, camber=0.02),
            "Random": random_moves,
        },
        points=_control_points(),
    ),
)
