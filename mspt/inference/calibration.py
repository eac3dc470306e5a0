"""The expected error of a prediction, as calibrated on bodies whose flow was solved.

The calibration of a checkpoint is a file of its own, found by the digest of the weights, so that
weights that were trained anew never get the interval of others. ``python -m mspt calibrate`` makes
it, see :mod:`mspt.evaluation.calibration`.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from mspt.checkpoint import Checkpoint, load_checkpoint
from mspt.data.files import read_arrays, write_arrays
from mspt.errors import MSPTError
from mspt.geometry.descriptors.form import Unusual, unusual_parts
from mspt.geometry.mesh import SurfaceMesh
from mspt.inference.flow import carry_to_cells
from mspt.inference.known import SPACES, KnownBodies, from_arrays
from mspt.inference.library import ShapeLibrary
from mspt.inference.signals import SMALL_DRAG, Signals
from mspt.reading import DAMAGED

CALIBRATIONS = Path(__file__).parents[2] / "assets" / "calibration"
"""Folder of the calibrations that ship with the project."""
PRETRAINED = Path(__file__).parents[2] / "pretrained"
"""Folder of the checkpoints that ship with the project."""
LIMITED = (*SPACES, "pressure")
"""Signals with a limit: their largest value on the bodies of a calibration. An interval beyond it
would be an extrapolation. The last one is the disagreement with other models about C_p."""
FLOOR = 0.003
"""Added to every signal before its logarithm: changes below are rounding and single points."""


@dataclass(frozen=True, kw_only=True)
class ErrorModel:
    """The half width of an interval as a product of powers of signals.

    Attributes:
        signals: Names of the signals.
        powers: Power of each, none negative: nothing that speaks against a prediction narrows it.
        offset: Logarithm of the half width where all signals are 1.
        largest: Largest value of each signal on the bodies of the calibration.
    """

    signals: tuple[str, ...]
    powers: tuple[float, ...]
    offset: float
    largest: tuple[float, ...]

    def half_width(self, values: Mapping[str, float]) -> float:
        """Return the half width for a prediction, relative for C_D.

        Args:
            values: All signals by name.

        Examples:
            >>> model = ErrorModel(signals=("a",), powers=(0.5,), offset=0.0, largest=(1.0,))
            >>> round(model.half_width({"a": 0.25 - FLOOR}), 3)
            0.5
        """
        logs = [np.log(FLOOR + values[name]) for name in self.signals]
        return float(np.exp(self.offset + np.dot(self.powers, logs)))


@dataclass(frozen=True, kw_only=True)
class PairModel:
    """How well differences of C_D between two shapes are known.

    Attributes:
        factor: Half width of a difference over that of two independent errors, the root of the sum
            of the squares of both half widths, for shapes of one kind.
        near_factor: The same for shapes within ``near`` of each other.
        near: Distance of outlines, in body lengths, up to which shapes count as similar.
    """

    factor: float
    near_factor: float
    near: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Calibration:
    """All that turns signals into an expected error.

    Attributes:
        digest: Of the weights that it holds for.
        members: Digests of the other models whose disagreement is a signal, by name.
        coverage: Share of bodies of a new kind whose C_D is to lie within the interval.
        drag: Half width of C_D over C_D.
        pressure: Relative L2 error of C_p that is not exceeded with the same share.
        typical: Median over the calibration of the error of C_p over that of ``pressure``.
        pairs: Differences between shapes.
        measured: What was found on bodies that took no part, for people to read.
        known: The training bodies.
    """

    digest: str
    members: Mapping[str, str]
    coverage: float
    drag: ErrorModel
    pressure: ErrorModel
    typical: float
    pairs: PairModel
    measured: Mapping[str, Any]
    known: KnownBodies


@dataclass(frozen=True, kw_only=True, eq=False)
class ExpectedError:
    """What is expected of the error of one prediction.

    Attributes:
        C_D: Predicted.
        C_D_low: Lower end of its interval, not below zero.
        C_D_high: Upper end.
        C_p_error: Expected relative L2 error of C_p on the surface: as many are larger as smaller.
        C_p_error_high: Exceeded by one minus ``coverage`` of all.
        coverage: Share of shapes like those of the calibration whose C_D lies in the interval.
        is_outside: Whether the shape lies outside what the model knows: one of the signals with a
            limit is larger than on any body of the calibration.
        distances: Distance from the nearest training body in each space, over the usual one.
        limits: Largest value on the bodies of the calibration of each signal in :data:`LIMITED`.
        unusual: What stands out of its form, the most extreme first.
        signals: All signals, by name.
        local: Expected error of C_p at points of the surface.
        points: These points.
        normals: Outward unit normals there.
    """

    C_D: float
    C_D_low: float
    C_D_high: float
    C_p_error: float
    C_p_error_high: float
    coverage: float
    is_outside: bool
    distances: Mapping[str, float]
    limits: Mapping[str, float]
    unusual: tuple[Unusual, ...]
    signals: Mapping[str, float]
    local: Float64[ndarray, " S"]
    points: Float64[ndarray, "S 3"]
    normals: Float64[ndarray, "S 3"]

    @property
    def half_width(self) -> float:
        """Half of the interval, where zero does not cut it."""
        return self.C_D_high - self.C_D

    def on_cells(self, mesh: SurfaceMesh) -> Float64[ndarray, " T"]:
        """Return the expected error of C_p on each triangle of the body, in the tunnel frame."""
        return carry_to_cells(mesh, self.points, self.normals, values=self.local[:, None])[:, 0]

    def to_dict(self) -> dict[str, Any]:
        """Return values that JSON can hold; of the field on the surface its largest value."""
        kept = ("C_D_low", "C_D_high", "C_p_error", "C_p_error_high", "coverage", "is_outside")
        return {
            **{name: getattr(self, name) for name in kept},
            "distances": dict(self.distances),
            "limits": dict(self.limits),
            "unusual": [asdict(one) for one in self.unusual],
            "signals": dict(self.signals),
            "C_p_error_local_max": float(self.local.max()),
        }


def expected_error(
    calibration: Calibration,
    signals: Signals,
    *,
    library: ShapeLibrary,
    C_D: float,
    pressure_norm: float,
) -> ExpectedError:
    """Return the expected error of a prediction.

    Args:
        calibration: Of the checkpoint.
        signals: What the prediction shows.
        library: Outlines of the training bodies.
        C_D: The predicted drag.
        pressure_norm: Root mean square of the predicted C_p over the surface.
    """
    distances = calibration.known.distances(
        library, outline=signals.outline, form=signals.form, latent=signals.latent
    )
    values = combined(signals.numbers, distances)
    limits = calibration.measured["limits"]
    farther = widening(values, limits)
    half = farther * calibration.drag.half_width(values) * max(abs(C_D), SMALL_DRAG)
    high = farther * calibration.pressure.half_width(values)
    size = np.sqrt((signals.local**2).mean())
    expected = calibration.typical * high
    return ExpectedError(
        C_D=C_D,
        C_D_low=max(0.0, C_D - half),
        C_D_high=C_D + half,
        C_p_error=expected,
        C_p_error_high=high,
        coverage=calibration.coverage,
        is_outside=farther > 1,
        distances=distances,
        limits=limits,
        unusual=tuple(unusual_parts(signals.form, calibration.known.forms)),
        signals=values,
        local=signals.local * (expected * pressure_norm / max(size, 1e-12)),
        points=signals.points,
        normals=signals.normals,
    )


def widening(values: Mapping[str, float], limits: Mapping[str, float]) -> float:
    """Return how far a shape lies beyond the limits, 1 within them.

    Intervals are as many times as wide. This is a rule and no result of the calibration, which
    knows nothing of such shapes.

    Args:
        values: Signals by name.
        limits: Largest value of some of them on the bodies of the calibration.

    Examples:
        >>> widening({"form": 3.0, "pressure": 0.2}, {"form": 2.0, "pressure": 0.4})
        1.5
        >>> widening({"form": 1.0, "pressure": 0.2}, {"form": 2.0, "pressure": 0.4})
        1.0
    """
    return max(1.0, *(values[name] / limit for name, limit in limits.items()))


def combined(numbers: Mapping[str, float], distances: Mapping[str, float]) -> dict[str, float]:
    """Return all signals by name: also the largest and the mean over other models.

    Examples:
        >>> found = combined({"drag a": 0.25, "drag b": 0.75, "pressure a": 0.5}, {"form": 2.0})
        >>> found["drag"], found["pressure"], found["form"]
        (0.5, 0.5, 2.0)
    """
    merged = {**numbers, **distances}
    for kind in ("drag", "pressure"):
        each = [value for name, value in numbers.items() if name.startswith(f"{kind} ")]
        merged[kind] = float(np.mean(each)) if each else 0.0
    return merged


# --- files ----------------------------------------------------------------------------------------


def weights_digest(checkpoint: Checkpoint) -> str:
    """Return 16 hexadecimal digits that stand for all weights and the normalizer."""
    digest = hashlib.sha256()
    for part in (checkpoint.model, checkpoint.normalizer):
        for name, value in part.state_dict().items():
            digest.update(name.encode())
            digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def write_calibration(path: Path, calibration: Calibration) -> None:
    """Write a calibration; its file is a ``.npz`` archive with JSON in it.

    Raises:
        OutputError: If it cannot be written.
    """
    plain = {name: value for name, value in vars(calibration).items() if name != "known"}
    for name in ("drag", "pressure", "pairs"):
        plain[name] = asdict(plain[name])
    write_arrays(path, {"info": np.array(json.dumps(plain)), **calibration.known.arrays()})


def read_calibration(path: Path) -> Calibration:
    """Read a calibration.

    Raises:
        DataError: If the file is damaged.
        MSPTError: If it is no calibration.
    """
    try:
        arrays = read_arrays(path)
        info = json.loads(str(arrays["info"]))
        for name in ("drag", "pressure"):
            kept = info[name]
            info[name] = ErrorModel(
                signals=tuple(kept["signals"]),
                powers=tuple(kept["powers"]),
                offset=kept["offset"],
                largest=tuple(kept["largest"]),
            )
        info["pairs"] = PairModel(**info["pairs"])
        return Calibration(**info, known=from_arrays(arrays))
    except DAMAGED as error:
        raise MSPTError(
            f"{path.name} must be a calibration, got another file; make it again with "
            "`python -m mspt calibrate CHECKPOINT`"
        ) from error


@dataclass(frozen=True, eq=False)
class Calibrated:
    """A calibration with the other models that it needs."""

    calibration: Calibration
    members: Mapping[str, Checkpoint]


def calibrated(
    checkpoint: Checkpoint, *, folder: Path = CALIBRATIONS, models: Path = PRETRAINED
) -> Calibrated | None:
    """Return the calibration of a checkpoint and its other models; None if there is none.

    There is none either if one of the other models is not there with the weights of the
    calibration.

    Args:
        checkpoint: The model.
        folder: Where calibrations are.
        models: Where the other models are.
    """
    digest = weights_digest(checkpoint)
    for path in sorted(folder.glob("*.npz")):
        found = _read(path, path.stat().st_mtime)
        if found.digest == digest:
            members = _members(found, models)
            return None if members is None else Calibrated(found, members)
    return None


@lru_cache(maxsize=8)
def _read(path: Path, _changed: float) -> Calibration:
    return read_calibration(path)


def _members(calibration: Calibration, models: Path) -> Mapping[str, Checkpoint] | None:
    found = {}
    for name, digest in calibration.members.items():
        path = models / f"{name}.safetensors"
        if not path.is_file():
            return None
        found[name], own = _model(path, path.stat().st_mtime)
        if own != digest:
            return None
    return found


@lru_cache(maxsize=8)
def _model(path: Path, _changed: float) -> tuple[Checkpoint, str]:
    found = load_checkpoint(path)
    return found, weights_digest(found)
