"""Common parts of VTK scenes: ground, camera, simplified meshes, colors.

Shapes: V vertices, C corners of a polygon, T triangles, U triangles that are shown.
"""

import numpy as np
import plotly.colors
import pyvista as pv
from jaxtyping import Float, Int64
from numpy import ndarray
from scipy.spatial import ConvexHull, KDTree
from vtkmodules.vtkFiltersCore import vtkQuadricClustering

from mspt.data.case import Quantity
from mspt.figures.charts.fields import label
from mspt.figures.theme import (
    ACCENT,
    ARROW,
    BODY,
    EDGE,
    FIELD_SCALE,
    GROUND,
    INK,
    PAGE,
    SHADOW,
    ColorScale,
    error_scale,
)
from mspt.figures.vtk.headless import choose_window
from mspt.geometry.mesh import SurfaceMesh

MAX_TRIANGLES = 100_000
"""Most triangles of a body in a scene, which limits what is sent to the browser."""
GHOST_OPACITY = 0.25
"""Opacity of a body whose inside is shown."""

_VIEW_FROM = np.array([-0.62, -1.25, 0.6])
"""Direction of the camera: from the front, the left side and above."""

_UP = np.array([0.0, 0.0, 1.0])

_MARGIN = 1.08
"""Size of the picture over that of what has to be seen."""


def make_stage(mesh: SurfaceMesh, *, ground: float | None, dark: bool, height: int) -> pv.Plotter:
    """Return a scene with a camera that views a body from the front, its left and above.

    Args:
        mesh: The body, which the caller adds.
        ground: Height of the ground, drawn with the shadow of the body and an arrow along the flow;
            None for an empty background.
        dark: Whether the page is dark.
        height: Height in pixels.
    """
    choose_window()
    # The scene is exported to the browser and never shown by this process.
    plotter = pv.Plotter(off_screen=True)
    plotter.background_color = pv.Color(PAGE[dark])
    seen = mesh.vertices
    if ground is not None:
        arrow = _add_tunnel(plotter, mesh, ground, dark=dark)
        seen = np.concatenate([seen, arrow])
    frame_points(plotter, seen, height=height)
    return plotter


def frame_points(
    plotter: pv.Plotter,
    points: Float[ndarray, "V 3"],
    *,
    toward: Float[ndarray, " 3"] = _VIEW_FROM,
    up: Float[ndarray, " 3"] = _UP,
    height: int,
) -> None:
    """Place the camera such that points fill the window, and make the window as wide as they need.

    On a page, the window has another shape; the page steps back where it is narrower.

    Args:
        plotter: Scene.
        points: What has to be seen.
        toward: Direction from what is seen to the camera.
        up: Direction that points up in the picture.
        height: Height of the window in pixels.
    """
    toward = toward / np.linalg.norm(toward)
    right = np.cross(up, toward) / np.linalg.norm(np.cross(up, toward))
    across = np.cross(toward, right)
    x, y, z = points @ right, points @ across, points @ toward
    tall = np.tan(np.radians(plotter.camera.view_angle / 2)) / _MARGIN
    # From a depth d, a point is within the height if |y - middle| <= (d - z) tall.
    above, below = (z + y / tall).max(), (z - y / tall).max()
    depth, middle = (above + below) / 2, tall * (above - below) / 2
    center = (x.max() + x.min()) / 2
    wide = float((np.abs(x - center) / (depth - z)).max())
    focal = center * right + middle * across + z.mean() * toward
    plotter.camera_position = [focal + (depth - z.mean()) * toward, focal, up]
    plotter.window_size = [max(1, round(height * wide / tall)), height]


def add_plain(plotter: pv.Plotter, body: pv.PolyData, *, edges: bool, dark: bool) -> pv.Actor:
    """Add a surface in matte gray.

    Args:
        plotter: Scene.
        body: Surface.
        edges: Whether to show the edges of the polygons.
        dark: Whether the page is dark.
    """
    return _matte(plotter.add_mesh(body, color=BODY[dark], show_edges=edges, edge_color=EDGE[dark]))


def add_ghost(
    plotter: pv.Plotter, outer: pv.PolyData, inner: pv.PolyData, *, dark: bool
) -> pv.Actor:
    """Add a surface that can be seen through, and in the accent color what lies inside it.

    Args:
        plotter: Scene.
        outer: Surface that can be seen through.
        inner: What is left out of it.
        dark: Whether the page is dark.
    """
    _matte(plotter.add_mesh(outer, color=BODY[dark], opacity=GHOST_OPACITY))
    return _matte(plotter.add_mesh(inner, color=ACCENT[dark]))


def add_colored(  # noqa: PLR0913 - a picture has many independent settings
    plotter: pv.Plotter,
    surface: pv.PolyData,
    quantity: Quantity,
    *,
    limits: tuple[float, float],
    diverging: bool,
    edges: bool,
    dark: bool,
    title: str = "",
) -> pv.Actor:
    """Add a surface colored by its values of a quantity, with a color bar.

    Errors use the light scale on dark pages too: with the dark one, a body without errors would be
    as dark as the page.

    Args:
        plotter: Scene.
        surface: Surface with the values under the name of the quantity.
        quantity: The quantity of the values.
        limits: Values of the first and the last color.
        diverging: Whether the values are errors.
        edges: Whether to show the edges of the polygons.
        dark: Whether the page is dark.
        title: Of the color bar; by default the quantity, and that it is its error.
    """
    title = title or (f"error of {label(quantity)}" if diverging else label(quantity))
    scale = error_scale(dark=False) if diverging else FIELD_SCALE
    actor = plotter.add_mesh(
        surface,
        scalars=quantity.name,
        cmap=color_table(scale, limits),
        clim=limits,
        show_edges=edges,
        edge_color=EDGE[False],
        scalar_bar_args={"title": title, "color": INK[dark]},
    )
    return _matte(actor)


def color_table(scale: str | ColorScale, limits: tuple[float, float]) -> pv.LookupTable:
    """Return a lookup table of 256 colors for values between limits; values beyond get the ends."""
    stops = plotly.colors.get_colorscale(scale) if isinstance(scale, str) else scale
    place = np.array([float(stop) for stop, _ in stops])
    color = np.array([pv.Color(str(color)).int_rgb for _, color in stops])
    at = np.linspace(0, 1, 256)
    channels = [np.interp(at, place, color[:, channel]) for channel in range(3)]
    table = np.round([*channels, np.full(256, 255)]).T.astype(np.uint8)
    return pv.LookupTable(values=np.ascontiguousarray(table), scalar_range=limits)


def polygons(points: Float[ndarray, "V 3"], corners: Int64[ndarray, "T C"]) -> pv.PolyData:
    """Return polygons with equally many corners, in float32 as browsers draw them."""
    return pv.PolyData.from_regular_faces(points.astype(np.float32), corners)


def thin_mesh(
    mesh: SurfaceMesh, values: Float[ndarray, " T"] | None, *, most: int = MAX_TRIANGLES
) -> tuple[SurfaceMesh, Float[ndarray, " U"] | None]:
    """Return a mesh with at most ``most`` triangles, and the nearest value for each of them.

    Vertices in the same cell of a grid are merged. This is for display only: the result need not be
    watertight.

    Args:
        mesh: Surface.
        values: One value for each triangle; None for none.
        most: Most triangles of the result.
    """
    if len(mesh.triangles) <= most:
        return mesh, values
    full = polygons(mesh.vertices, mesh.triangles)
    # A square cell of the surface has about two triangles. Where that is not enough, cells grow.
    side = np.sqrt(2 * mesh.areas.sum() / most)
    while (thin := _merge_vertices(full, side)).n_cells > most:
        side *= 1.1
    shown = SurfaceMesh(thin.points.astype(np.float64), thin.regular_faces.astype(np.int64))
    if values is None:
        return shown, None
    return shown, values[np.asarray(KDTree(mesh.centers).query(shown.centers)[1])]


def _matte(actor: pv.Actor) -> pv.Actor:
    """Make an actor matte, so that its colors remain close to those of the scale."""
    actor.prop.ambient, actor.prop.diffuse, actor.prop.specular = 0.4, 0.65, 0.0
    return actor


def _merge_vertices(full: pv.PolyData, side: float) -> pv.PolyData:
    """Return a surface with one vertex in each cell of a grid that it passes through."""
    sizes = np.ptp(np.reshape(full.bounds, (3, 2)), axis=1)
    clustering = vtkQuadricClustering()
    clustering.SetInputData(full)
    clustering.AutoAdjustNumberOfDivisionsOff()
    clustering.SetNumberOfDivisions(*(max(2, int(size / side)) for size in sizes))
    clustering.Update()
    return pv.PolyData(clustering.GetOutput())


def _add_tunnel(
    plotter: pv.Plotter, mesh: SurfaceMesh, ground: float, *, dark: bool
) -> Float[ndarray, "2 3"]:
    """Add the ground, which fades into the page, the body's shadow and an arrow along the flow.

    Returns both ends of the arrow.

    Ground and shadow are slightly below the body, so that coplanar surfaces do not flicker.
    """
    center, length = mesh.bounds.mean(axis=0)[:2], mesh.extent[0]
    angle = np.linspace(0, 2 * np.pi, 72, endpoint=False)
    # An ellipse longer than wide, as the flow and most bodies are.
    rim = length * np.stack([1.35 * np.cos(angle), 0.75 * np.sin(angle)], axis=1)
    page, floor, shadow = (_rgb(colors[dark]) for colors in (PAGE, GROUND, SHADOW))
    height = ground - 0.004 * length
    _add_faded(plotter, center, rim, height=height, rings=((0.0, floor), (0.5, floor), (1.0, page)))
    hull = ConvexHull(mesh.vertices[:, :2])
    rim = hull.points[hull.vertices] - center
    height = ground - 0.002 * length
    _add_faded(
        plotter, center, rim, height=height, rings=((0.0, shadow), (0.85, shadow), (1.12, floor))
    )
    start = np.array([mesh.bounds[0, 0] - 0.12 * length, 0, mesh.bounds[1, 2] + 0.1 * length])
    arrow = pv.Arrow(
        start=start,
        direction=(1, 0, 0),
        scale=0.24 * length,
        shaft_radius=0.018,
        tip_radius=0.05,
        tip_length=0.24,
    )
    plotter.add_mesh(arrow, color=ARROW[dark], lighting=False)
    return np.stack([start, start + np.array([0.24 * length, 0.0, 0.0])])


def _add_faded(
    plotter: pv.Plotter,
    center: Float[ndarray, " 2"],
    rim: Float[ndarray, "V 2"],
    *,
    height: float,
    rings: tuple[tuple[float, ndarray], ...],
) -> None:
    """Add a flat shape with a color gradient.

    Args:
        plotter: Scene.
        center: Center of the shape.
        rim: Points of its rim, relative to the center.
        height: Height of the shape.
        rings: Positions between the center (0) and the rim (1), and the color of each.
    """
    count, flat = len(rim), [center + share * rim for share, _ in rings]
    points = np.insert(np.concatenate(flat), 2, height, axis=1)
    inner = np.arange(count * (len(rings) - 1)).reshape(-1, count)
    squares = np.stack(
        [inner, np.roll(inner, -1, axis=1), np.roll(inner, -1, axis=1) + count, inner + count], -1
    )
    shape = polygons(points, squares.reshape(-1, 4))
    shape.point_data["color"] = np.repeat([color for _, color in rings], count, axis=0)
    plotter.add_mesh(shape, scalars="color", rgb=True, lighting=False)


def _rgb(color: str) -> ndarray:
    return np.array(pv.Color(color).int_rgb, dtype=np.uint8)
