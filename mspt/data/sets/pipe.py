"""Steady flow through a curved pipe: its grid of points in, u_x out."""

from dataclasses import replace
from functools import partial

import numpy as np
import torch
from jaxtyping import Float, Float32, Int64
from numpy import ndarray
from torch import Tensor

from mspt.config import ModelConfig, TrainConfig
from mspt.data.canvas import Control, ControlPoints, Handle, Line
from mspt.data.capabilities import Drawing
from mspt.data.case import Case, CaseStack, Inputs, Quantity
from mspt.data.dataset import Dataset
from mspt.data.grids import as_columns, coarser_grid, grid_triangles
from mspt.data.layout import Layout
from mspt.data.sets._presets import with_transolver
from mspt.data.stacked import STACKED
from mspt.data.symmetry import ABOUT_THE_AXIS, IDENTITY
from mspt.solvers.pipe import (
    GRID_SIZE,
    HEIGHT_RANGE,
    LENGTH,
    NUM_KNOTS,
    SLOPE_RANGE,
    CenterLine,
    check_line,
    pipe_points,
    sample_center_line,
    solve_pipe,
)

SHAPE = GRID_SIZE, GRID_SIZE

_MODEL = ModelConfig(
    space_dim=2,
    in_features=1,
    width=64,
    num_heads=2,
    num_blocks=5,
    num_patches=128,
    partition="alternating_trees",
    rotary=2,
    fourier_features=4,
)
_TRAIN = TrainConfig(epochs=14, coarse_epochs=11, augment=True)


def make_case(seed: int) -> Case:
    """Draw a center line and solve for the flow through its pipe."""
    return _case(f"pipe-seed-{seed}", sample_center_line(seed))


def solve_knots(knots: Float[ndarray, "5 2"]) -> Case:
    """Solve for the flow through a drawn pipe.

    Args:
        knots: Height and slope of the center line at x = 0, 2.5, 5, 7.5 and 10.

    Raises:
        SolverError: See :func:`mspt.solvers.pipe.solve_pipe`.
    """
    return _case("drawing", _line(knots))


def inputs_of_knots(knots: Float[ndarray, "5 2"]) -> Inputs:
    """Return the points of a drawn pipe and their heights, without solving for its flow.

    Raises:
        SolverError: If the center line is too steep or not finite.
    """
    check_line(_line(knots))
    return _inputs(_line(knots))


def straight(seed: int) -> Float[ndarray, "5 2"]:  # noqa: ARG001 - the same for every seed
    """Return the knots of a straight pipe."""
    return np.zeros((NUM_KNOTS, 2))


def step_up(seed: int) -> Float[ndarray, "5 2"]:  # noqa: ARG001
    """Return the knots of a pipe that rises by two heights in its middle."""
    return np.array([[-1, 0], [-1, 0], [0, 0.8], [1, 0], [1, 0]], dtype=float)


def wave(seed: int) -> Float[ndarray, "5 2"]:  # noqa: ARG001
    """Return the knots of a pipe with two bends up and two down."""
    return np.array([[0, 1], [1, 0], [0, -1], [-1, 0], [0, 1]], dtype=float)


def random_knots(seed: int) -> Float[ndarray, "5 2"]:
    """Return the knots of a pipe as those of the data set are drawn."""
    line = sample_center_line(seed)
    return np.stack([line.heights, line.slopes], axis=-1)


def _line(knots: ndarray) -> CenterLine:
    return CenterLine(heights=knots[:, 0], slopes=knots[:, 1])


def _inputs(line: CenterLine) -> Inputs:
    points = as_columns(pipe_points(line), 2)
    return Inputs(points=points, features=heights(), triangles=make_triangles())


def _case(name: str, line: CenterLine) -> Case:
    solution, inputs = solve_pipe(line), _inputs(line)
    return Case(
        dataset="pipe",
        name=name,
        points=inputs.points,
        features=inputs.features,
        fields=as_columns(solution.velocity[..., 0]),
        triangles=inputs.triangles,
    )


def _control_points() -> ControlPoints:
    """Return a point at each knot for its height, and one beside it for its slope."""
    controls, handles = [], []
    for index, x in enumerate(np.linspace(0, LENGTH, NUM_KNOTS).tolist()):
        height, slope = 2 * index, 2 * index + 1
        controls += [
            Control(name=f"Height at x = {x:g}", limits=(-3.0, 3.0), trained=HEIGHT_RANGE),
            Control(name=f"Slope at x = {x:g}", limits=(-2.0, 2.0), trained=SLOPE_RANGE),
        ]
        aside = -0.7 if index == NUM_KNOTS - 1 else 0.7  # inside the picture at the last knot
        handles += [
            Handle(at=(x, 0.0), upward=height),
            Handle(at=(x + aside, 0.0), upward=slope, reach=aside, carrier=height),
        ]
    return ControlPoints(
        controls=tuple(controls),
        handles=tuple(handles),
        lines=_pipe_lines,
        law="affine",
        view=((-0.3, LENGTH + 0.3), (-3.8, 3.8)),
        height=7.6 / (LENGTH + 0.6),
        unit="pipe heights",
    )


def _pipe_lines(knots: Float[ndarray, "5 2"]) -> tuple[Line, ...]:
    """Return the outline of a pipe and its center line."""
    points = pipe_points(_line(knots), along=61, across=3)
    walls = np.concatenate([points[:, 0], points[::-1, 2]])
    return Line(points=walls), Line(points=points[:, 1], role="guide")


def heights() -> Float32[Tensor, "N 1"]:
    """Return the height of each point of the grid above the center line, the same in all pipes.

    Examples:
        >>> heights()[[0, 64, 128, 129]].ravel().tolist()
        [-0.5, 0.0, 0.5, -0.5]
    """
    return torch.linspace(-0.5, 0.5, GRID_SIZE).repeat(GRID_SIZE)[:, None]


def with_heights(cases: CaseStack) -> CaseStack:
    """Return stored cases with the heights of their points, which follow from the grid."""
    return replace(cases, features=heights().expand(len(cases), -1, -1))


def make_triangles() -> Int64[Tensor, "T 3"]:
    """Return the triangles for drawing that all cases share, counter-clockwise."""
    # The first axis of these grids runs along x, that of ``grid_triangles`` along y.
    return grid_triangles(SHAPE).flip(-1)


PIPE = Dataset(
    name="pipe",
    title="Flow through a curved pipe",
    equation=(r"(u \cdot \nabla) u - \nu \nabla^2 u + \nabla p = 0, \quad \nabla \cdot u = 0"),
    geometry=(
        "Pipe of length 10 and height 1 about a cubic Hermite spline through five knots, heights "
        "from -2 to 2 and slopes from -1 to 1; 129 x 129 grid, columns of points are vertical. "
        "Parabola of largest u_x 1 at the inlet, along the center line; no slip at the walls, free "
        "outlet; viscosity 0.005."
    ),
    solver=(
        "Taylor-Hood elements (Q2-Q1), 128 along and 32 across the pipe, Newton's "
        "method to 1e-10, sparse LU. Mean relative L2 distance of u_x from that on elements half "
        "as long and half as high, five cases: 0.09% (mspt.solvers.pipe.discretization_error)."
    ),
    licence="MIT, generated by this project",
    space_dim=2,
    layout=Layout(
        features=(
            Quantity(
                name="height",
                symbol=r"\eta",
                unit="1",
                description="Height above the center line; the walls are at -1/2 and 1/2.",
                is_stored=False,
            ),
        ),
        fields=(
            Quantity(
                name="u_x",
                symbol="u_x",
                unit="1",
                description="Velocity along x, over the largest one at the inlet.",
            ),
        ),
    ),
    splits={"train": 1000, "validation": 100, "test": 200},
    source=STACKED,
    # Without its pooling a Transolver block has a few parameters less: 193 to 201 thousand in all.
    presets=with_transolver("pipe", _MODEL, _TRAIN),
    seconds_per_case=1.0,
    make_case=make_case,
    complete=with_heights,
    make_triangles=make_triangles,
    coarsen=partial(coarser_grid, SHAPE),
    symmetries=(
        IDENTITY,
        replace(ABOUT_THE_AXIS, feature_signs=(-1,)),
    ),
    length_unit="pipe heights",
    drawing=Drawing(
        kind="points",
        key="center_line",
        shape=(NUM_KNOTS, 2),
        hint=(
            "Drag the large points to bend the center line, the small ones beside them to tilt it, "
            "or choose one and use the arrow keys. The flow enters on the left at Reynolds number "
            "200. Dashed: the ranges in the training cases."
        ),
        invitation=(
            "Bend a pipe",
            "Five points of its center line; the velocity of the flow through it follows.",
        ),
        first_example="Wave",
        solve=solve_knots,
        inputs=inputs_of_knots,
        examples={"Straight": straight, "Step": step_up, "Wave": wave, "Random": random_knots},
        points=_control_points(),
    ),
)
