"""A flow on a grid of the unit torus: force, velocity, rate of change, one step in time.

See :mod:`mspt.solvers.navier_stokes` for equation, scheme and letters.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import scipy  # its subpackages are imported when first used, which keeps this import short
from jaxtyping import Complex, Float
from numpy import ndarray

VISCOSITY = 1e-5
"""Kinematic viscosity, as in the hardest public Navier-Stokes benchmark."""

Force = Callable[[ndarray, ndarray], ndarray]
"""The force f at points x, y, as a curl: what it adds to the vorticity in one unit of time."""


def diagonal_force(x: ndarray, y: ndarray) -> ndarray:
    """Return the force of the public benchmark, which is constant along x + y.

    Examples:
        >>> diagonal_force(np.array([0.125]), np.array([0.0])).round(4).tolist()
        [0.1414]
    """
    phase = 2 * np.pi * (x + y)
    return 0.1 * (np.sin(phase) + np.cos(phase))


def no_force(x: ndarray, y: ndarray) -> ndarray:
    """Return zero everywhere.

    Examples:
        >>> no_force(np.array([0.2, 0.3]), np.array([0.1, 0.4])).tolist()
        [0.0, 0.0]
    """
    return np.zeros(np.broadcast_shapes(np.shape(x), np.shape(y)))


def highest_wave(size: int) -> int:
    """Return the highest wave number k that a grid keeps: 3 k is below its points per axis.

    Examples:
        >>> highest_wave(128), highest_wave(64)
        (42, 21)
    """
    return (size - 1) // 3


@dataclass(frozen=True)
class Torus:
    """The operators of a flow on a grid of the unit torus.

    Attributes:
        size: Points per axis.
        viscosity: Kinematic viscosity nu.
        force: Adds to the vorticity, see :data:`Force`.
        precision: Type of the numbers at the points.
    """

    size: int
    viscosity: float = VISCOSITY
    force: Force = diagonal_force
    precision: type[np.floating] = field(default=np.float32)

    def to_spectrum(self, values: Float[ndarray, "n n"]) -> Complex[ndarray, "n m"]:
        """Return the waves of a field that the grid keeps; its mean is among them."""
        rows = scipy.fft.rfft(values, axis=1, norm="forward")[:, : highest_wave(self.size) + 1]
        return scipy.fft.fft(rows, axis=0, norm="forward") * self._kept

    def to_grid(self, spectrum: Complex[ndarray, "n m"]) -> Float[ndarray, "n n"]:
        """Return the values of a series at the points."""
        rows = scipy.fft.ifft(spectrum, axis=0, norm="forward")
        return scipy.fft.irfft(rows, n=self.size, axis=1, norm="forward")

    def velocity(
        self, vorticity: Complex[ndarray, "n m"]
    ) -> tuple[Float[ndarray, "n n"], Float[ndarray, "n n"]]:
        """Return the velocity (u_x, u_y) at the points of a flow without a mean velocity."""
        along_x, along_y = self._velocity
        return self.to_grid(along_x * vorticity), self.to_grid(along_y * vorticity)

    def rate(self, vorticity: Complex[ndarray, "n m"]) -> Complex[ndarray, "n m"]:
        """Return what transport and force add to the vorticity in one unit of time.

        For a flow without divergence, u . grad w = (d2/dx2 - d2/dy2)(u_x u_y) + d2/dxdy (u_y^2 -
        u_x^2), which needs four transforms.
        """
        u_x, u_y = self.velocity(vorticity)
        shear, stretch = self._transport
        product, difference = u_x * u_y, (u_y - u_x) * (u_y + u_x)
        return (
            self._force - shear * self.to_spectrum(product) - stretch * self.to_spectrum(difference)
        )

    def decay(self, duration: float) -> Float[ndarray, "n m"]:
        """Return the factors by which viscosity alone damps the waves."""
        row, column = self._waves
        factor = np.exp(-self.viscosity * 4 * np.pi**2 * (row**2 + column**2) * duration)
        return factor.astype(self.precision)

    @cached_property
    def _waves(self) -> tuple[ndarray, ndarray]:
        row = scipy.fft.fftfreq(self.size, 1 / self.size)[:, None]
        return row, np.arange(highest_wave(self.size) + 1.0)

    @cached_property
    def _kept(self) -> ndarray:
        row, column = self._waves
        kept = (np.abs(row) <= highest_wave(self.size)) & (column >= 0)
        return kept.astype(self.precision)

    @cached_property
    def _velocity(self) -> tuple[ndarray, ndarray]:
        row, column = self._waves
        squares = row**2 + column**2
        squares[0, 0] = 1.0  # the mean of the stream function drives nothing
        width = np.result_type(self.precision, np.complex64)
        stream = 1j / (2 * np.pi * squares)
        return (row * stream).astype(width), (-column * stream).astype(width)

    @cached_property
    def _transport(self) -> tuple[ndarray, ndarray]:
        row, column = self._waves
        factor = -4 * np.pi**2
        return (
            (factor * (column**2 - row**2)).astype(self.precision),
            (factor * column * row).astype(self.precision),
        )

    @cached_property
    def _force(self) -> ndarray:
        points = np.arange(self.size) / self.size
        values = self.force(points, points[:, None]) + np.zeros((self.size, self.size))
        return self.to_spectrum(values.astype(self.precision))


def advance(
    torus: Torus, vorticity: Complex[ndarray, "n m"], step: float
) -> Complex[ndarray, "n m"]:
    """Return the vorticity one time step later, by a method of fourth order."""
    half = torus.decay(step / 2)
    middle = half * vorticity
    first = torus.rate(vorticity)
    second = torus.rate(middle + step / 2 * (half * first))
    third = torus.rate(middle + step / 2 * second)
    fourth = torus.rate(half * (middle + step * third))
    slope = half * (first * half + 2 * (second + third)) + fourth
    return half * middle + step / 6 * slope
