"""Vorticity of a two-dimensional flow on a torus, driven by a steady force.

On the unit square with periodic edges the vorticity w and the velocity u of an incompressible flow
follow

    dw/dt + u . grad w = nu Laplace w + f,    u = (dpsi/dy, -dpsi/dx),    -Laplace psi = w.

Space: Fourier series. Products are computed at the points of a grid, and only the waves below a
third of its points are kept (the 2/3 rule), so that no product of two of them is mistaken for
another wave. Time: the classical Runge-Kutta method of fourth order for what is left when viscosity
is integrated exactly (an integrating factor).

Letters: n points per axis of the solver's grid, m = (n - 1) // 3 + 1 columns of waves kept, s
points per axis that are returned, T frames. Spectra of shape (n, m) hold the coefficients of
exp(2 pi i (row * y + column * x)), rows in the order of a discrete Fourier transform; those of
negative columns are the conjugates. Row i, column j of a grid is at (x, y) = (j / n, i / n).
"""

from collections.abc import Iterator

import numpy as np
import scipy  # its subpackages are imported when first used, which keeps this import short
from jaxtyping import Float
from numpy import ndarray

from mspt.errors import SolverError
from mspt.solvers.navier_stokes_torus import Torus, advance, highest_wave

GRID_SIZE = 64
"""Points per axis of a case, as in the public Navier-Stokes benchmark."""

SOLVER_SIZE = 128
"""Points per axis of the solver's grid, of which every second one is kept."""

STEPS_PER_FRAME = 100
"""Time steps of 0.01 between two frames."""

NUM_FRAMES = 20
"""Frames of a case, at the times 1, 2, ... 20."""

MAX_VORTICITY = 1e4
"""Largest vorticity that is taken for a flow; beyond it the time step was too long."""


def sample_vorticity(seed: int, *, size: int = SOLVER_SIZE) -> Float[ndarray, "n n"]:
    """Draw a vorticity at time 0: a Gaussian field without a mean.

    Its covariance is 7^3 (-Laplace + 49)^-2.5 with periodic edges, as the generator of the public
    data has it (Li et al., 2021, Fourier neural operator). The series ends at wave number 42, the
    highest that the solver's grid keeps.

    Args:
        seed: Seed of the field; the same seed always gives the same field.
        size: Points per axis at which the field is evaluated, at least 128.

    Examples:
        >>> vorticity = sample_vorticity(0)
        >>> vorticity.shape, bool(abs(vorticity.mean()) < 1e-12)
        ((128, 128), True)
        >>> bool(np.allclose(sample_vorticity(0, size=256)[::2, ::2], vorticity))
        True
    """
    highest = highest_wave(SOLVER_SIZE)
    wave = np.arange(-highest, highest + 1)
    deviation = 7**1.5 * (4 * np.pi**2 * (wave[:, None] ** 2 + wave**2) + 49.0) ** -1.25
    deviation[highest, highest] = 0.0
    real, imaginary = np.random.default_rng(seed).standard_normal((2, *deviation.shape))
    spectrum = np.zeros((size, size), dtype=complex)
    spectrum[np.ix_(wave, wave)] = deviation * (real + 1j * imaginary)
    # The real part joins the coefficients of opposite waves, each of which has half the variance.
    return size**2 * scipy.fft.ifft2(spectrum).real


def solve_navier_stokes(
    vorticity: Float[ndarray, "..."],
    *,
    num_frames: int = NUM_FRAMES,
    steps_per_frame: int = STEPS_PER_FRAME,
    frame_time: float = 1.0,
    keep: int = SOLVER_SIZE // GRID_SIZE,
    torus: Torus | None = None,
) -> Float[ndarray, "T s s"]:
    """Return the vorticity at times 1, 2, ... ``num_frames``.

    Args:
        vorticity: At time 0, at the points of the solver's grid.
        num_frames: Frames to return.
        steps_per_frame: Time steps between two frames.
        frame_time: Time between two frames.
        keep: Return every ``keep``-th point of a row or column.
        torus: Viscosity, force and precision; default: those of the data set.

    Raises:
        SolverError: If the vorticity is not a square grid of finite values, or the flow is too fast
            for the time step.

    Examples:
        >>> frames = solve_navier_stokes(np.zeros((128, 128)), num_frames=1)
        >>> print(frames.shape, f"{frames.max():.4f}")  # the force alone, for one unit of time
        (1, 64, 64) 0.1414
    """
    return np.stack(
        list(
            flow_frames(
                vorticity,
                num_frames=num_frames,
                steps_per_frame=steps_per_frame,
                frame_time=frame_time,
                keep=keep,
                torus=torus,
            )
        )
    )


def flow_frames(
    vorticity: Float[ndarray, "..."],
    *,
    num_frames: int = NUM_FRAMES,
    steps_per_frame: int = STEPS_PER_FRAME,
    frame_time: float = 1.0,
    keep: int = SOLVER_SIZE // GRID_SIZE,
    torus: Torus | None = None,
) -> Iterator[Float[ndarray, "s s"]]:
    """Yield the frames of :func:`solve_navier_stokes` one after the other.

    Raises:
        SolverError: As there.
    """
    _check_vorticity(vorticity)
    torus = torus or Torus(size=len(vorticity))
    spectrum = torus.to_spectrum(vorticity.astype(torus.precision))
    step = frame_time / steps_per_frame
    for index in range(num_frames):
        # Where a flow is too fast for the step, values overflow before the frame is checked.
        with np.errstate(over="ignore", invalid="ignore"):
            for _ in range(steps_per_frame):
                spectrum = advance(torus, spectrum, step)
        frame = torus.to_grid(spectrum)[::keep, ::keep]
        _check_speed(frame, time=(index + 1) * frame_time)
        yield frame


def discretization_error(
    seeds: range = range(5), *, num_frames: int = NUM_FRAMES
) -> dict[str, Float[ndarray, " T"]]:
    """Measure the errors of the frames of the data set; takes about two minutes.

    Args:
        seeds: Seeds of the starts to measure.
        num_frames: Frames to compute.

    Returns:
        Mean relative L2 distance of each frame from the flow of the same start with twice the
        points per axis (``space``), steps half as long (``time``) and double precision
        (``precision``). Flows drift apart exponentially, and so do these errors.
    """
    errors: dict[str, list[ndarray]] = {"space": [], "time": [], "precision": []}
    for seed in seeds:
        start, fine = sample_vorticity(seed), sample_vorticity(seed, size=2 * SOLVER_SIZE)
        own = solve_navier_stokes(start, num_frames=num_frames)
        others = {
            "space": solve_navier_stokes(
                fine, num_frames=num_frames, keep=2 * SOLVER_SIZE // GRID_SIZE
            ),
            "time": solve_navier_stokes(
                start, num_frames=num_frames, steps_per_frame=2 * STEPS_PER_FRAME
            ),
            "precision": solve_navier_stokes(
                start, num_frames=num_frames, torus=Torus(size=SOLVER_SIZE, precision=np.float64)
            ),
        }
        for name, frames in others.items():
            distance = np.linalg.norm(own - frames, axis=(1, 2))
            errors[name].append(distance / np.linalg.norm(frames, axis=(1, 2)))
    return {name: np.mean(found, axis=0) for name, found in errors.items()}


def _check_vorticity(vorticity: ndarray) -> None:
    shape = vorticity.shape
    if len(shape) != 2 or shape[0] != shape[1] or shape[0] < 4:
        raise SolverError(
            f"vorticity must be a square grid with at least 4 points per axis, got shape {shape}; "
            "pass one value for each point"
        )
    if not np.isfinite(vorticity).all():
        raise SolverError(
            "vorticity must be finite, got values that are not at "
            f"{np.count_nonzero(~np.isfinite(vorticity))} points; set a finite value at each"
        )


def _check_speed(vorticity: ndarray, *, time: float) -> None:
    largest = np.abs(vorticity).max()
    if not largest < MAX_VORTICITY:
        raise SolverError(
            f"flow must be slow enough for the time step, got a vorticity of {largest:.3g} at time "
            f"{time:g}; start from a weaker vorticity or take a shorter step"
        )
