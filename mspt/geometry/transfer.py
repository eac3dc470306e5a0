"""Transfer of values between points of a surface.

Shapes: N source points, M target points, V values at each point.
"""

import numpy as np
import scipy  # its parts are loaded when first used
from jaxtyping import Float
from numpy import ndarray

MIN_DISTANCE = 1e-9
"""Lower bound of distances, so that a target that coincides with a source has finite weights."""


def transfer_values(
    values: Float[ndarray, "N V"],
    source: tuple[Float[ndarray, "N 3"], Float[ndarray, "N 3"]],
    target: tuple[Float[ndarray, "M 3"], Float[ndarray, "M 3"]],
    *,
    normal_weight: float,
    count: int,
) -> Float[ndarray, "M V"]:
    """Interpolate values to other points of a surface from nearby points with a similar normal.

    The interpolation is Shepard's: a mean of the nearest values, weighted by the inverse squared
    distance. Distances include the difference of the normals, so that a point uses values of its
    own side of an edge or of a thin plate.

    Args:
        values: Values at the source points.
        source: Source points and their unit normals.
        target: Target points and their unit normals.
        normal_weight: Distance that a difference of one between two unit normals counts for, in
            the unit of the points.
        count: Number of nearest source points to use.

    Examples:
        >>> up = np.array([[0.0, 0, 1], [0.0, 0, 1]])
        >>> ends = np.array([[0.0, 0, 0], [1.0, 0, 0]])
        >>> middle = (np.array([[0.5, 0, 0]]), up[:1])
        >>> known = np.array([[2.0], [4.0]])
        >>> transfer_values(known, (ends, up), middle, normal_weight=1.0, count=2)
        array([[3.]])
    """
    known, wanted = (np.concatenate([at, normal_weight * way], 1) for at, way in (source, target))
    distance, nearest = scipy.spatial.KDTree(known).query(
        wanted, k=min(count, len(known)), workers=-1
    )
    weights = 1 / np.maximum(np.asarray(distance).reshape(len(wanted), -1), MIN_DISTANCE) ** 2
    weights /= weights.sum(axis=1, keepdims=True)
    return np.einsum("mk,mkv->mv", weights, values[np.asarray(nearest).reshape(len(wanted), -1)])
