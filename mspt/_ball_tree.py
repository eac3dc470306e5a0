"""Order of points in a balanced ball tree, and the balls of its nodes."""

import numpy as np


def order_points(coordinates: np.ndarray, num_patches: int) -> np.ndarray:
    """Return the points in leaf order."""
    order = np.arange(len(coordinates), dtype=np.int64)
    pending = [(0, len(order), num_patches)]
    while pending:
        start, stop, patches = pending.pop()
        if stop - start < 2:
            continue
        points = coordinates[order[start:stop]].astype(np.float64)
        axis = int(np.ptp(points, axis=0).argmax())
        keys = [order[start:stop], *points.T[::-1], points[:, axis]]
        order[start:stop] = order[start:stop][np.lexsort(keys)]
        parts = patches if patches > 1 else stop - start
        left = parts // 2
        size, larger = divmod(stop - start, parts)
        middle = start + left * size + min(larger, left)
        pending.append((start, middle, left if patches > 1 else 1))
        pending.append((middle, stop, parts - left if patches > 1 else 1))
    return order


def bound_nodes(
    coordinates: np.ndarray, order: np.ndarray, start: np.ndarray, stop: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the center and the radius of every node."""
    points = coordinates.astype(np.float64)[order]
    center = np.empty((len(start), points.shape[1]), dtype=coordinates.dtype)
    radius = np.empty(len(start), dtype=coordinates.dtype)
    for node, (first, last) in enumerate(zip(start, stop, strict=True)):
        own = points[first:last]
        center[node] = own[0] + (own - own[0]).mean(0)
        far = np.sqrt(((own - center[node]) ** 2).sum(1).max())
        radius[node] = np.nextafter(far.astype(radius.dtype), np.inf) if far else 0.0
    return center, radius
