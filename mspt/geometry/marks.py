"""Where a file's surface has defects and where it was changed, to be drawn on the body.

Shapes: E edges, V vertices, T triangles.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64
from numpy import ndarray
from scipy.spatial import KDTree

from mspt.geometry.checks import face_keys, find_edges
from mspt.geometry.mesh import SurfaceMesh
from mspt.geometry.outer import hidden_surface
from mspt.geometry.panels import THICKNESS
from mspt.geometry.preparation import PreparedShape
from mspt.geometry.repair import CRACK_WIDTHS, body_size


@dataclass(frozen=True, kw_only=True, eq=False)
class Marks:
    """Defects and changes of a surface, in the coordinates of its file.

    Attributes:
        open_edges: Ends of the edges in the file that have only one triangle.
        crowded_edges: Ends of those that have more than two.
        added: What was added: covers of holes, a mirrored half, the sides of thickened panels.
        left_out: What was left out because no air reaches it.
    """

    open_edges: Float64[ndarray, "E 2 3"]
    crowded_edges: Float64[ndarray, "F 2 3"]
    added: SurfaceMesh | None
    left_out: SurfaceMesh | None

    def describe(self) -> tuple[tuple[str, str], ...]:
        """Return what there is to draw: a kind of mark, and words for it."""
        found = {
            "open": _counted(len(self.open_edges), "open edge"),
            "crowded": _counted(len(self.crowded_edges), "edge of more than two triangles"),
            "added": "" if self.added is None else "added surface",
            "left out": "" if self.left_out is None else "left-out surface",
        }
        return tuple((kind, words) for kind, words in found.items() if words)


def find_marks(shape: PreparedShape) -> Marks:
    """Return where a shape has defects and where it was changed.

    Examples:
        >>> from mspt.geometry.mesh import box
        >>> from mspt.geometry.preparation import prepare_shape
        >>> cube = box((0, 0, 0), (1, 1, 1))
        >>> opened = SurfaceMesh(cube.vertices, cube.triangles[2:])
        >>> found = find_marks(prepare_shape(opened))
        >>> len(found.open_edges), round(float(found.added.areas.sum()), 9)
        (4, 1.0)
    """
    edges = find_edges(shape.given.triangles)
    crowded = edges.ends[edges.first[edges.count > 2]]
    # Both sides of a thickened panel are new, though closer to the given one than cracks are wide.
    width = THICKNESS / 4 if shape.num_panels else CRACK_WIDTHS[-1]
    added = is_added(shape.whole, shape.given, reach=width * body_size(shape.whole))
    has_hidden = shape.outer.hidden_parts or shape.outer.overlap_area
    return Marks(
        open_edges=shape.given.vertices[edges.open],
        crowded_edges=shape.given.vertices[crowded],
        added=SurfaceMesh(shape.whole.vertices, shape.whole.triangles[added])
        if added.any()
        else None,
        left_out=hidden_surface(shape.whole) if has_hidden else None,
    )


def is_added(changed: SurfaceMesh, given: SurfaceMesh, *, reach: float) -> Bool[ndarray, " T"]:
    """Return which triangles of a changed surface have no triangle of the given one.

    Args:
        changed: The surface after repair.
        given: The surface before.
        reach: Largest distance of vertices that count as the same.
    """
    tree = KDTree(changed.vertices)
    new, old = (_matched(mesh, tree, reach) for mesh in (changed, given))
    old = old[(old >= 0).all(axis=1)]
    keys = face_keys(np.concatenate([new, old]))
    return ~np.isin(keys[: len(new)], keys[len(new) :])


def _matched(mesh: SurfaceMesh, tree: KDTree, reach: float) -> Int64[ndarray, "T 3"]:
    """Return triangles on the nearest vertices of a tree; -1 for a vertex with none in reach."""
    distance, nearest = tree.query(mesh.vertices)
    place = np.where(distance <= reach, nearest, -1).astype(np.int64)
    return place[mesh.triangles]


def _counted(number: int, noun: str) -> str:
    if number == 0:
        return ""
    first, _, rest = noun.partition("edge")
    return f"{number:,} {first}edge{'' if number == 1 else 's'}{rest}"
