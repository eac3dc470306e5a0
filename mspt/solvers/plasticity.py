"""A block of metal that a die presses down: elasto-plastic, large strains, explicit in time.

The block is a thin sheet in plane stress, 50 x 15 mm, clamped at its bottom. A rigid die without
friction comes down on its top at 3 m/s. The metal is elastic and ideally plastic with the yield
condition of von Mises.

Finite elements with one integration point each, in the current configuration; stresses turn with
the material (Jaumann). Central differences in time, with steps that follow the flattest element.

The mass is scaled by 9, so that the steps are three times longer. This is a choice of the problem,
not a small error: the displacement differs by 14% on average from that with the density of steel
(three dies).

Lengths are in mm, times in ms, stresses in MPa; mass is then in g for a thickness in mm.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import scipy  # its subpackages are imported when first used, which keeps this import short
from jaxtyping import Float
from numpy import ndarray

from mspt.errors import SolverError
from mspt.progress import ShareDone, last_event
from mspt.solvers.metal import Block, Metal

SIZE = (50.0, 15.0)
"""Width and height of the block in mm."""

SHAPE = (101, 31)
"""Points along the width and the height, as in the public plasticity benchmark."""

NUM_FRAMES = 20
"""Times at which the block is stored, evenly from the first to the end of the press."""

SPEED = 3.0
"""Speed of the die in mm per ms."""

STROKE = 4.0
"""Way of the die in mm."""

DURATION = STROKE / SPEED
"""Time of the press in ms."""

NUM_KNOTS = 6
"""Knots of a random die."""

KNOT_JITTER = 2.0
"""Largest move of a knot along the die, in mm."""

MAX_RISE = 0.9 * STROKE
"""Largest height of a random die above its lowest possible point, in mm."""

MAX_SLOPE = 2.0
"""Steepest slope of a die between columns; those of random dies are below 1."""

MASS_SCALE = 9.0
"""Factor of the density."""

COURANT = 0.7
"""Steps over the time that sound takes through the smallest length of an element as it is; the
scheme is unstable from 1 on, and earlier where the hourglass modes resist."""

METAL = Metal(young=200_000.0, poisson=0.3, yield_stress=70.0, density=7.85e-3)
"""Young's modulus 200 GPa, Poisson's ratio 0.3, yield stress 70 MPa, density 7850 kg/m^3."""

TABLE_SPACING = 0.025
"""Distance in mm of the points at which the die is tabulated."""

MAX_IMBALANCE = 0.02
"""Largest difference between the work of the die and what became of it, as a share of it."""


@dataclass(frozen=True, kw_only=True)
class Pressing:
    """What became of a block.

    Attributes:
        displacement: Of each point in mm, at each of the stored times.
        von_mises: Stress of each element at the end, in MPa.
        internal: Work of the stresses up to each stored time, in mJ per mm of thickness.
        kinetic: Kinetic energy with the scaled mass at each stored time.
        pushed: Work of the die up to each stored time.
        hourglass: Share of the work that went into the elements' hourglass modes.
    """

    displacement: Float[ndarray, "T I J 2"]
    von_mises: Float[ndarray, "P Q"]
    internal: Float[ndarray, " T"]
    kinetic: Float[ndarray, " T"]
    pushed: Float[ndarray, " T"]
    hourglass: Float[ndarray, " T"]


def frame_times() -> tuple[float, ...]:
    """Return the stored times in ms.

    Examples:
        >>> [round(time, 3) for time in frame_times()[:2]], round(frame_times()[-1], 3)
        ([0.067, 0.133], 1.333)
    """
    return tuple(DURATION * (k + 1) / NUM_FRAMES for k in range(NUM_FRAMES))


def block_points(shape: tuple[int, int] = SHAPE) -> Float[ndarray, "I J 2"]:
    """Return the points of the undeformed block in mm, column by column from the left."""
    sides = (np.linspace(0, side, size) for side, size in zip(SIZE, shape, strict=True))
    return np.stack(np.meshgrid(*sides, indexing="ij"), axis=-1)


def sample_die(seed: int) -> Float[ndarray, " I"]:
    """Draw the profile of a die: its height in mm above the block at the start.

    A monotone cubic (Fritsch and Carlson, 1980) through six knots: two at the ends, four near
    equal distances; the heights are uniform from 0 to 3.6 mm.

    Args:
        seed: Seed of the die; the same seed always gives the same die.

    Examples:
        >>> die = sample_die(0)
        >>> die.shape, bool(((die >= 0) & (die <= 3.6)).all())
        ((101,), True)
    """
    return die_through(*sample_knots(seed))


def sample_knots(seed: int) -> tuple[Float[ndarray, " K"], Float[ndarray, " K"]]:
    """Draw the places and heights of the six knots of :func:`sample_die`, in mm.

    Examples:
        >>> knots, heights = sample_knots(0)
        >>> float(knots[0]), float(knots[-1]), len(heights)
        (0.0, 50.0, 6)
    """
    rng = np.random.default_rng(seed)
    knots = np.linspace(0, SIZE[0], NUM_KNOTS)
    knots[1:-1] += rng.uniform(-KNOT_JITTER, KNOT_JITTER, NUM_KNOTS - 2)
    return knots, rng.uniform(0, MAX_RISE, NUM_KNOTS)


def die_through(knots: Float[ndarray, " K"], heights: Float[ndarray, " K"]) -> Float[ndarray, " I"]:
    """Return the profile of a die through knots, at the 101 columns of the block.

    Args:
        knots: Places along the block in mm, ascending, from 0 to 50.
        heights: Heights above the block at the start in mm.

    Raises:
        SolverError: If the knots are fewer than two, not finite, or do not ascend from 0 to 50.

    Examples:
        >>> print(die_through(np.array([0.0, 50.0]), np.array([1.0, 2.0]))[[0, 50, 100]])
        [1.  1.5 2. ]
    """
    _check_knots(knots, heights)
    curve = scipy.interpolate.PchipInterpolator(knots, heights)
    return curve(np.linspace(0, SIZE[0], SHAPE[0]))


def press_block(
    die: Float[ndarray, " I"],
    *,
    refine: int = 1,
    mass_scale: float = MASS_SCALE,
    courant: float = COURANT,
    hourglass: float = 1.0,
) -> Pressing:
    """Press a block with a die and return what became of it; see :func:`press_steps`.

    Raises:
        SolverError: As there.

    Examples:
        >>> pressing = press_block(np.full(101, 5.0))  # too high to touch
        >>> float(np.abs(pressing.displacement).max())
        0.0
    """
    events = press_steps(
        die, refine=refine, mass_scale=mass_scale, courant=courant, hourglass=hourglass
    )
    return last_event(event for event in events if isinstance(event, Pressing))


def press_steps(
    die: Float[ndarray, " I"],
    *,
    refine: int = 1,
    mass_scale: float = MASS_SCALE,
    courant: float = COURANT,
    hourglass: float = 1.0,
) -> Iterator[ShareDone | Pressing]:
    """Press a block with a die, yielding the progress and then what became of the block.

    Args:
        die: Height of the die in mm above the block at the start, at the 101 columns.
        refine: Elements of the solver's mesh along each side of an element of the points.
        mass_scale: Factor of the density.
        courant: Steps over the time that sound takes through the smallest length of an element.
        hourglass: Factor of the resistance of the hourglass modes.

    Raises:
        SolverError: If the die begins inside the block, is not finite or too steep, an element is
            turned inside out or flattened, or energy does not balance.
    """
    # Imported here because numba takes longer to import than the rest of the library.
    from mspt.solvers.plasticity_kernels import MIN_LENGTH, press_on, shortest_length

    check_die(die)
    rows, columns = (refine * (size - 1) + 1 for size in SHAPE)
    points = block_points((rows, columns))
    metal, table = METAL._replace(density=METAL.density * mass_scale), _die_table(die)
    block, work = _still_block(points, metal), np.zeros(5)
    least = MIN_LENGTH * shortest_length(points)
    frames, energies = [], []
    for done in range(NUM_FRAMES):
        is_sound = press_on(
            block,
            work,
            table,
            TABLE_SPACING,
            SPEED,
            metal,
            courant,
            hourglass,
            DURATION / NUM_FRAMES,
            least,
        )
        frames.append(block.x.copy())
        energies.append(work[:4].copy())
        if not is_sound or done == NUM_FRAMES - 1:
            _check_result(work[:4], done + is_sound)
        yield ShareDone((done + 1) / NUM_FRAMES)
    internal, kinetic, pushed, wasted = np.transpose(energies)
    sx, sy, txy = np.moveaxis(block.stress, -1, 0)
    yield Pressing(
        displacement=(np.stack(frames) - points)[:, ::refine, ::refine],
        von_mises=np.sqrt(sx * sx - sx * sy + sy * sy + 3 * txy * txy),
        internal=internal,
        kinetic=kinetic,
        pushed=pushed,
        hourglass=wasted,
    )


def discretization_error(
    seeds: range = range(3),
    *,
    refine: int = 2,
    mass_scale: float = MASS_SCALE,
    courant: float = COURANT,
    hourglass: float = 1.0,
) -> float:
    """Measure how far the displacement is from that of another run; takes about two minutes.

    With ``refine=1`` and one other argument, the result is the effect of that one choice.

    Args:
        seeds: Seeds of the dies to measure.
        refine: Of the other run, as all that follow; see :func:`press_block`.
        mass_scale: Factor of the density.
        courant: Steps over the time of sound through an element.
        hourglass: Factor of the resistance of the hourglass modes.

    Returns:
        Mean relative L2 distance of the displacement at all times from that of the other run.
    """
    errors = []
    for seed in seeds:
        displacement = press_block(die := sample_die(seed)).displacement
        other = press_block(
            die, refine=refine, mass_scale=mass_scale, courant=courant, hourglass=hourglass
        ).displacement
        errors.append(np.linalg.norm(displacement - other) / np.linalg.norm(other))
    return float(np.mean(errors))


def _still_block(points: Float[ndarray, "I J 2"], metal: Metal) -> Block:
    """Return the block before the die touches it."""
    from mspt.solvers.plasticity_kernels import point_masses

    rows, columns, _ = points.shape
    elements = (rows - 1, columns - 1)
    return Block(
        x=points.copy(),
        v=np.zeros_like(points),
        u=np.zeros_like(points),
        force=np.zeros_like(points),
        mass=point_masses(metal, points),
        stress=np.zeros((*elements, 3)),
        thickness=np.ones(elements),
        glass=np.zeros((*elements, 2)),
    )


def _die_table(die: ndarray) -> ndarray:
    """Return the height of the die above the bottom of the block at the start, finely spaced."""
    columns = np.linspace(0, SIZE[0], len(die))
    curve = scipy.interpolate.PchipInterpolator(columns, die)
    return SIZE[1] + curve(
        np.arange(0, SIZE[0] + TABLE_SPACING / 2, TABLE_SPACING).clip(0, SIZE[0])
    )


def _check_knots(knots: ndarray, heights: ndarray) -> None:
    if not (np.isfinite(knots).all() and np.isfinite(heights).all()):
        raise SolverError(
            "die must have knots of finite numbers, got others at "
            f"{np.count_nonzero(~np.isfinite(knots + heights))} of {len(knots)}; set both numbers "
            "of each"
        )
    ends = len(knots) > 1 and knots[0] == 0 and knots[-1] == SIZE[0]
    if not (ends and (np.diff(knots) > 0).all()):
        raise SolverError(
            f"die must have knots that ascend from x = 0 to {SIZE[0]:g} mm, got "
            f"{np.round(knots, 3).tolist()}; order them and add the ends"
        )


def check_die(die: ndarray) -> None:
    """Refuse the profile of a die that cannot press a block.

    Raises:
        SolverError: If it is not finite, too steep, begins inside the block, or does not have 101
            heights.
    """
    if die.shape != (SHAPE[0],):
        raise SolverError(
            f"die must have a height at each of {SHAPE[0]} columns, got shape {die.shape}; see "
            "die_through"
        )
    if not np.isfinite(die).all():
        raise SolverError(
            "die must have finite heights, got others at "
            f"{np.count_nonzero(~np.isfinite(die))} of {SHAPE[0]} columns; set a number at each"
        )
    if die.min() < 0:
        raise SolverError(
            f"die must begin above the block, got {die.min():.3g} mm; give heights from 0 on"
        )
    steepest = np.abs(np.diff(die)).max() * (SHAPE[0] - 1) / SIZE[0]
    if steepest > MAX_SLOPE:
        raise SolverError(
            f"die must have slopes up to {MAX_SLOPE:g}, got {steepest:.3g}; spread its steps over "
            "more columns"
        )


def _check_result(energies: ndarray, num_done: int) -> None:
    """Refuse a run that blew up or flattened an element, from its last energies."""
    internal, kinetic, pushed, hourglass = energies
    excess = internal + kinetic + hourglass - pushed
    # Written so that not-a-number is refused, too.
    if not abs(excess) <= MAX_IMBALANCE * pushed:
        raise SolverError(
            f"energy must balance within {MAX_IMBALANCE:.0%} of the work of the die, got an excess "
            f"of {excess:.3g} of {pushed:.3g} mJ per mm after {num_done} of {NUM_FRAMES} frames; "
            "draw a smoother or a higher die"
        )
    if num_done < NUM_FRAMES:
        raise SolverError(
            "die must leave all elements the right way round and not flat, got one otherwise after "
            f"{num_done} of {NUM_FRAMES} frames; draw a smoother or a higher die"
        )
