"""Carrying values from some places of a surface to others.

Shapes: N places that values come from, M places they go to, V values.
"""

import numpy as np
import scipy  # its parts are loaded when first used
from jaxtyping import Float
from numpy import ndarray

TINY = 1e-9


def carry_values(
    values: Float[ndarray, "N V"],
    source: tuple[Float[ndarray, "N 3"], Float[ndarray, "N 3"]],
    target: tuple[Float[ndarray, "M 3"], Float[ndarray, "M 3"]],
    *,
    normal_weight: float,
    count: int,
) -> Float[ndarray, "M V"]:
    """Return values at other places of a surface, from the nearest ones with a like normal.

    Args:
        values: At the source.
        source: Places and unit normals there.
        target: Places and unit normals where values are wanted.
        normal_weight: Distance that a normal turned by one radian counts for: a place takes its
            values from its own side of an edge or a thin plate.
        count: Nearest places to take them from, weighted with one over the squared distance.

    Examples:
        >>> up = np.array([[0.0, 0, 1], [0.0, 0, 1]])
        >>> ends = np.array([[0.0, 0, 0], [1.0, 0, 0]])
        >>> middle = (np.array([[0.5, 0, 0]]), up[:1])
        >>> carry_values(np.array([[2.0], [4.0]]), (ends, up), middle, normal_weight=1.0, count=2)
        array([[3.]])
    """
    known, wanted = (np.concatenate([at, normal_weight * way], 1) for at, way in (source, target))
    distance, nearest = scipy.spatial.KDTree(known).query(
        wanted, k=min(count, len(known)), workers=-1
    )
    weights = 1 / np.maximum(np.asarray(distance).reshape(len(wanted), -1), TINY) ** 2
    weights /= weights.sum(axis=1, keepdims=True)
    return np.einsum("mk,mkv->mv", weights, values[np.asarray(nearest).reshape(len(wanted), -1)])
