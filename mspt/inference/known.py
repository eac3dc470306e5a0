"""The training bodies of a model in three spaces in which a shape can be compared with them.

Outlines see proportions; forms see edges, wheels, walls and gaps; latents are what the model itself
makes of a body. A distance is stated over the usual one, within which nine of ten training bodies
have their nearest other one.

Letters: M bodies, F numbers of a form, L principal components of latents, D numbers of a latent.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from mspt.geometry.descriptors.form import spreads
from mspt.inference.library import USUAL_SHARE, ShapeLibrary

NUM_COMPONENTS = 12
"""Principal components of latents that are kept; the rest is noise of the sampled points."""

SPACES = ("outline", "form", "latent")


@dataclass(frozen=True, kw_only=True, eq=False)
class KnownBodies:
    """Forms and latents of training bodies; see :func:`known_bodies`.

    Attributes:
        forms: See :func:`mspt.geometry.descriptors.form.describe_form`.
        mean: Mean of the latents.
        basis: What maps a latent without its mean to principal components of deviation one.
        latents: These components of the training bodies.
    """

    forms: Float64[ndarray, "M F"]
    mean: Float64[ndarray, " D"]
    basis: Float64[ndarray, "D L"]
    latents: Float64[ndarray, "M L"]

    def distances(
        self,
        library: ShapeLibrary,
        *,
        outline: Float64[ndarray, " _"],
        form: Float64[ndarray, " F"],
        latent: Float64[ndarray, " D"],
    ) -> Mapping[str, float]:
        """Return the distance from the nearest training body in each space, over the usual one."""
        spread = spreads(self.forms)
        found = {
            "form": _nearest(self.forms / spread, form / spread),
            "latent": _nearest(self.latents, (latent - self.mean) @ self.basis),
        }
        nearest = float(library.distances(outline).min()) / library.usual_distance()
        return {"outline": nearest, **found}

    def arrays(self) -> dict[str, ndarray]:
        """Return what a file holds; single precision is enough for distances."""
        return {name: value.astype(np.float32) for name, value in vars(self).items()}


def known_bodies(forms: Float64[ndarray, "M F"], latents: Float64[ndarray, "M D"]) -> KnownBodies:
    """Return training bodies as shapes are compared with them.

    Args:
        forms: Of all bodies.
        latents: Of all bodies.
    """
    mean = latents.mean(axis=0)
    _, values, rows = np.linalg.svd(latents - mean, full_matrices=False)
    count = min(NUM_COMPONENTS, int((values > 1e-6 * values[0]).sum()))
    basis = rows[:count].T / (values[:count] / np.sqrt(len(latents)))
    # As it is read again from its file, so that distances are the same before and after.
    arrays = KnownBodies(
        forms=forms, mean=mean, basis=basis, latents=(latents - mean) @ basis
    ).arrays()
    return from_arrays(arrays)


def from_arrays(arrays: Mapping[str, Any]) -> KnownBodies:
    """Return bodies from what :meth:`KnownBodies.arrays` returns."""
    names = ("forms", "mean", "basis", "latents")
    return KnownBodies(**{name: np.asarray(arrays[name], dtype=np.float64) for name in names})


def _nearest(known: Float64[ndarray, "M _"], own: Float64[ndarray, " _"]) -> float:
    """Return a root-mean-square distance over the usual one of known bodies."""
    away = np.sqrt(((known - own) ** 2).mean(axis=1)).min()
    square = (known**2).sum(axis=1)
    apart = np.maximum(square[:, None] + square - 2 * known @ known.T, 0.0)
    np.fill_diagonal(apart, np.inf)
    usual = np.quantile(np.sqrt(apart.min(axis=1) / known.shape[1]), USUAL_SHARE)
    return float(away / max(usual, 1e-9))
