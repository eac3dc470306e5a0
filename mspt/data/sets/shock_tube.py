"""Shock tubes: a gas in two states in, its density, velocity and pressure at x and t out."""

import numpy as np
import torch
from jaxtyping import Float32, Int64
from torch import Tensor

from mspt.config import ModelConfig, Preset, TrainConfig
from mspt.data.capabilities import Regions
from mspt.data.case import Case, Quantity
from mspt.data.dataset import Dataset
from mspt.data.layout import Layout
from mspt.data.stacked import STACKED
from mspt.solvers.riemann import GasState, RiemannSolution, solve_riemann

NUM_POINTS = 1024

HALF_LENGTH, END = 0.5, 0.25
"""Points lie at -1/2 <= x <= 1/2 and 0 < t <= 1/4. Until then nine in ten of the outer waves run at
most 0.6 far."""

DENSITY_RANGE = (0.125, 1.0)
"""Both densities of Sod's tube."""

TEMPERATURE_RANGE = (0.5, 2.0)
"""Pressure over density, which is 1 and 0.8 in Sod's tube: sound speeds from 0.84 to 1.67."""

VELOCITY_RANGE = (-1.0, 1.0)
"""Wide enough for two shocks as well as for two rarefactions, and too narrow for a vacuum."""

LEAST_JUMP = 0.1
"""Contact and shocks of every case change the density by more than this share of the larger one."""

NEAR = 0.02
"""Points at most so far from a jump in x belong to it. The points of a case are, on average, 0.016
apart."""


def make_case(seed: int) -> Case:
    """Draw two states and scattered points, and evaluate the exact solution there."""
    rng = np.random.default_rng(seed)
    left, right = sample_states(rng)
    x = rng.uniform(-HALF_LENGTH, HALF_LENGTH, NUM_POINTS).astype(np.float32)
    t = (END * (1 - rng.random(NUM_POINTS))).astype(np.float32)
    fields = solve_riemann(left, right).at(x.astype(np.float64) / t)
    states = [value for one in (left, right) for value in (one.density, one.velocity, one.pressure)]
    return Case(
        dataset="shock_tube",
        name=f"shock_tube-seed-{seed}",
        points=torch.from_numpy(np.stack([x, t], axis=-1)),
        features=torch.tensor(states).expand(NUM_POINTS, -1).contiguous(),
        fields=torch.from_numpy(fields.astype(np.float32)),
    )


def sample_states(rng: np.random.Generator) -> tuple[GasState, GasState]:
    """Draw the states on both sides, again until every jump is one to be seen.

    Densities and temperatures are drawn from their ranges with a uniform logarithm, velocities
    uniformly. Three in ten draws have a contact or a shock that is too weak.

    Args:
        rng: Where the numbers come from; it advances.
    """
    while True:
        left, right = _sample_state(rng), _sample_state(rng)
        solution = solve_riemann(left, right)
        if len(solution.jumps(least=LEAST_JUMP)) == 1 + solution.pattern.count("S"):
            return left, right


def _sample_state(rng: np.random.Generator) -> GasState:
    density, temperature = (
        np.exp(rng.uniform(*np.log(limits))) for limits in (DENSITY_RANGE, TEMPERATURE_RANGE)
    )
    values = density, rng.uniform(*VELOCITY_RANGE), density * temperature
    # The model reads the states in single precision: the solution is that of what it reads.
    density, velocity, pressure = (float(np.float32(value)) for value in values)
    return GasState(density=density, velocity=velocity, pressure=pressure)


def solution_of(features: Float32[Tensor, "N 6"]) -> RiemannSolution:
    """Return the solution for the states that every point of a case has as features.

    Examples:
        >>> sod = torch.tensor([[1.0, 0.0, 1.0, 0.125, 0.0, 0.1]])
        >>> round(solution_of(sod).pressure, 5)
        0.30313
    """
    states = [
        GasState(density=density, velocity=velocity, pressure=pressure)
        for density, velocity, pressure in features[0].double().reshape(2, 3).tolist()
    ]
    return solve_riemann(*states)


def region_of_points(
    points: Float32[Tensor, "N 2"], features: Float32[Tensor, "N 6"]
) -> Int64[Tensor, " N"]:
    """Return 0 for points near a contact or a shock, and 1 for all others.

    Examples:
        >>> sod = torch.tensor([1.0, 0.0, 1.0, 0.125, 0.0, 0.1])
        >>> points = torch.tensor([[0.18, 0.1], [0.15, 0.1], [0.1, 0.1], [-0.1, 0.1]])
        >>> region_of_points(points, sod.expand(4, 6)).tolist()
        [0, 1, 0, 1]
    """
    x, t = points.unbind(-1)
    near = torch.zeros(len(points), dtype=torch.bool)
    for speed in solution_of(features).jumps():
        near |= (x - speed * t).abs() <= NEAR
    return (~near).long()


def _state_of(side: str, letter: str) -> tuple[Quantity, ...]:
    """Return density, velocity and pressure of one side as features."""
    return tuple(
        Quantity(
            name=f"{quantity.name}_{side}",
            symbol=f"{quantity.symbol}_{letter}",
            unit="1",
            description=f"{quantity.name.capitalize()} on the {side} at the beginning.",
        )
        for quantity in _FIELDS
    )


_FIELDS = (
    Quantity(
        name="density", symbol=r"\rho", unit="1", description="Density over the reference density."
    ),
    Quantity(
        name="velocity",
        symbol="u",
        unit="1",
        description="Velocity over the root of reference pressure over reference density.",
    ),
    Quantity(
        name="pressure", symbol="p", unit="1", description="Pressure over the reference pressure."
    ),
)

# 210,563 parameters; 8 epochs take about five minutes of one processor core, as ablations need many
# short runs.
_MODEL = ModelConfig(
    space_dim=2,
    in_features=6,
    out_channels=3,
    width=64,
    num_heads=4,
    num_blocks=6,
    num_patches=32,
    unified_position=8,
)

SHOCK_TUBE = Dataset(
    name="shock_tube",
    title="Shock tube",
    equation=(
        r"\partial_t (\rho, \rho u, E) + \partial_x (\rho u, \rho u^2 + p, u (E + p)) = 0, \quad"
        r" E = \frac{p}{\gamma - 1} + \frac{\rho u^2}{2}, \quad \gamma = 1.4"
    ),
    geometry=(
        "Ideal gas in two states beside each other, which meet at x = 0 at t = 0: densities from "
        "0.125 to 1, pressure over density from 0.5 to 2, velocities from -1 to 1. 1,024 random "
        "points, -1/2 <= x <= 1/2 and 0 < t <= 1/4. Contact and shocks change the density by more "
        "than a tenth."
    ),
    solver=(
        "Exact solution of the Riemann problem, Newton's method to the last digit, which is then "
        "stored with 16 bits."
    ),
    licence="MIT, generated by this project",
    space_dim=2,
    # All three fields are of order 1 in these units. A norm of the velocity alone would divide by
    # next to nothing where the gas hardly moves.
    layout=Layout(features=(*_state_of("left", "L"), *_state_of("right", "R")), fields=_FIELDS),
    splits={"train": 800, "validation": 100, "test": 200},
    source=STACKED,
    presets={"shock_tube": Preset(dataset="shock_tube", model=_MODEL, train=TrainConfig(epochs=8))},
    seconds_per_case=0.002,
    make_case=make_case,
    regions=Regions(
        names=("jump", "elsewhere"),
        description=f"At most {NEAR} in x from a contact or a shock; all other points.",
        of_points=region_of_points,
    ),
)
