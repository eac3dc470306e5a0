"""A box in a cloud of points."""

import numpy as np

from mspt.geometry.mesh import box

LOW, HIGH = np.array([0.0, -0.2, 0.05]), np.array([1.0, 0.2, 0.35])
BODY = box(tuple(LOW), tuple(HIGH))


def scattered(count: int = 3000, *, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    points = rng.uniform((-0.6, -0.6, -0.1), (2.2, 0.6, 0.9), (count, 3))
    return points[~is_in_body(points)]


def is_in_body(points: np.ndarray) -> np.ndarray:
    return ((points > LOW) & (points < HIGH)).all(axis=-1)
