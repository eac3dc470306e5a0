"""Truth, prediction or error of one case as a VTK scene: edges, clip, slice, streamlines, relief.

Letters: N points, C output channels, T triangles, M points and S triangles of a part.
"""

from typing import Literal

import numpy as np
import pyvista as pv
from jaxtyping import Float, Int
from numpy import ndarray
from torch import Tensor

from mspt.data.case import Quantity
from mspt.data.sets.car.clouds import FREE_STREAM
from mspt.evaluation.comparison import Compared, compare, views_of
from mspt.figures.scenes.comparison import quantity_of
from mspt.figures.scenes.parts import close_view
from mspt.figures.theme import shared_limits
from mspt.figures.vtk.flow import flow_plotter, surface_plotter
from mspt.figures.vtk.stage import add_colored, add_plain, frame_points, make_stage, polygons
from mspt.geometry.implicit import remeshed
from mspt.geometry.mesh import SurfaceMesh
from mspt.inference.flow import carry_to_cells
from mspt.inference.sample import Sample

What = Literal["Truth", "Prediction", "Error"]
WHAT: tuple[What, ...] = ("Truth", "Prediction", "Error")
FLOW_LAYERS = ("Edges", "Clip", "Slice", "Streamlines")
SHEET_LAYERS = ("Edges", "Relief")
_EDGES_SHOWN, _EDGES_HIDDEN = (0.03, 1e-3), (0.02, 0.0)
"""Edge lengths of a colored body, and the tolerance of its simplification, over its length.

Its own triangles are few on flat walls, where one value each would be too coarse, and too small to
see on round ones.
"""

_FROM_ABOVE, _NORTH = np.array([0.0, 0.0, 1.0]), np.array([0.0, 1.0, 0.0])
RELIEF_HEIGHT = 0.35
"""Height of a relief over the longest side of the domain."""


def case_plotter(
    sample: Sample,
    predicted: Float[Tensor, "N C"],
    *,
    layer: str,
    what: What,
    cut: float,
    dark: bool,
    height: int,
) -> pv.Plotter:
    """Return a scene of a case.

    Args:
        sample: The case, with all stored points if it has a body.
        predicted: Fields of the model at these points.
        layer: One of ``FLOW_LAYERS`` for a case with a body, else one of ``SHEET_LAYERS``.
        what: Values to show. Streamlines of an error have no meaning; those of the truth are shown
            instead.
        cut: Position of a clip, as a share of the body's length.
        dark: Whether the page is dark.
        height: Height in pixels.

    Raises:
        ValueError: If the truth is unknown, or the sample has neither a body nor triangles.
    """
    compared = compare(sample, predicted, next(iter(views_of(sample).values())))
    if sample.body is not None:
        if layer in ("Slice", "Streamlines"):
            shown = "Truth" if (layer, what) == ("Streamlines", "Error") else what
            return _flow(sample, predicted, layer, shown, dark=dark, height=height)
        edge, off = _EDGES_SHOWN if layer == "Edges" else _EDGES_HIDDEN
        length = float(sample.body.extent.max())
        body = remeshed(sample.body, edge * length, off=off * length)
        values = _on_triangles(sample, body, _pick(compared, what))
        settings = _colors(compared, what) | {"dark": dark, "height": height}
        if layer == "Clip":
            return body_plotter(body, values, cut=cut, **settings)
        return surface_plotter(body, values, edges=True, ground=0.0, **settings)
    if sample.triangles is None:
        raise ValueError(f"sample must have triangles or a body, got neither for {sample.key}")
    points, triangles, values = seen_part(
        sample.points.numpy(), sample.triangles, _pick(compared, what), box=close_view(sample)
    )
    return sheet_plotter(
        points,
        triangles,
        values,
        layer="relief" if layer == "Relief" else "edges",
        dark=dark,
        height=height,
        **_colors(compared, what),
    )


def seen_part(
    points: Float[ndarray, "N 2"],
    triangles: Int[ndarray, "T 3"],
    values: Float[ndarray, " N"],
    *,
    box: Float[ndarray, "2 3"] | None,
) -> tuple[Float[ndarray, "M 2"], Int[ndarray, "S 3"], Float[ndarray, " M"]]:
    """Return the part of a sheet whose triangles have a corner in a box; all of it without one.

    Args:
        points: Coordinates.
        triangles: Triangles of the points.
        values: Values at the points.
        box: Lower and upper corner.

    Examples:
        >>> points = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [9.0, 9.0], [8.0, 9.0]])
        >>> triangles = np.array([[0, 1, 2], [3, 4, 1]])
        >>> box = np.array([[8.5, 8.5, 0.0], [9.5, 9.5, 0.0]])
        >>> part = seen_part(points, triangles, np.arange(5.0), box=box)
        >>> part[1].tolist(), part[2].tolist()
        ([[1, 2, 0]], [1.0, 3.0, 4.0])
    """
    if box is None:
        return points, triangles, values
    inside = np.all((points >= box[0, :2]) & (points <= box[1, :2]), axis=1)
    kept = triangles[inside[triangles].any(axis=1)]
    used, corners = np.unique(kept, return_inverse=True)
    return points[used], corners.reshape(-1, 3), values[used]


def _pick(compared: Compared, what: What) -> Float[ndarray, " N"]:
    values = {"Truth": compared.truth, "Prediction": compared.prediction, "Error": compared.error}
    return values[what]


def _colors(compared: Compared, what: What) -> dict:
    """Return quantity, limits and kind of the color scale; truth and prediction share limits."""
    error = what == "Error"
    fields = (compared.error,) if error else (compared.truth, compared.prediction)
    limits = shared_limits(*fields, centered=error)
    return {"quantity": quantity_of(compared), "limits": limits, "diverging": error}


def _on_triangles(
    sample: Sample, body: SurfaceMesh, values: Float[ndarray, " S"]
) -> Float[ndarray, " T"]:
    """Return values of surface points interpolated to the triangles of a body, for display."""
    count = sample.num_surface
    if sample.features is None or sample.layout is None:
        raise ValueError(f"sample must have features, got none for {sample.key}")
    points = sample.points[:count].double().numpy()
    normals = sample.layout.named_features(sample.features[:count].double().numpy())["direction"]
    return carry_to_cells(body, points, normals, values=values[:, None])[:, 0]


def _flow(
    sample: Sample,
    predicted: Float[Tensor, "N C"],
    layer: str,
    what: What,
    *,
    dark: bool,
    height: int,
) -> pv.Plotter:
    """Return the plane of symmetry or streamlines; errors are shown for the pressure."""
    if sample.body is None or sample.truth is None or sample.layout is None:
        raise ValueError(f"sample must have a body and a truth, got {sample.key}")
    views = views_of(sample)
    pressure = compare(sample, predicted, views["C_p in the flow"])
    flow = slice(sample.num_surface, None)
    fields = sample.truth if what == "Truth" else predicted
    return flow_plotter(
        sample.body,
        sample.points[flow].double().numpy(),
        sample.layout.named(fields[flow])["velocity_change"].double().numpy()
        + np.array(FREE_STREAM),
        _pick(pressure, what),
        layer="slice" if layer == "Slice" else "streamlines",
        by="C_p" if what == "Error" else "speed",
        diverging=what == "Error",
        dark=dark,
        height=height,
    )


def body_plotter(  # noqa: PLR0913 - a picture has many independent settings
    mesh: SurfaceMesh,
    values: Float[ndarray, " T"],
    *,
    quantity: Quantity,
    limits: tuple[float, float],
    diverging: bool,
    cut: float,
    dark: bool,
    height: int,
) -> pv.Plotter:
    """Return a body that is cut across its length, colored by a value of each triangle.

    Args:
        mesh: The body in the wind-tunnel frame.
        values: One value for each triangle.
        quantity: The quantity of these values.
        limits: Values of the first and the last color.
        diverging: Whether the values are errors.
        cut: Position of the cut as a share of the length; the part before it is transparent.
        dark: Whether the page is dark.
        height: Height in pixels.
    """
    body = polygons(mesh.vertices, mesh.triangles)
    body.cell_data[quantity.name] = values.astype(np.float32)
    place = (mesh.bounds[0, 0] + cut * mesh.extent[0], 0.0, 0.0)
    behind = body.clip(normal="x", origin=place, invert=False)
    before = body.clip(normal="x", origin=place, invert=True)
    plotter = make_stage(mesh, ground=0.0, dark=dark, height=height)
    if before.n_cells:
        # The part that is cut away remains visible as a faint outline.
        add_plain(plotter, before, edges=False, dark=dark).prop.opacity = 0.15
    if behind.n_cells:
        add_colored(
            plotter, behind, quantity, limits=limits, diverging=diverging, edges=False, dark=dark
        )
    return plotter


def sheet_plotter(  # noqa: PLR0913 - a picture has many independent settings
    points: Float[ndarray, "N 2"],
    triangles: Int[ndarray, "T 3"],
    values: Float[ndarray, " N"],
    *,
    quantity: Quantity,
    limits: tuple[float, float],
    diverging: bool,
    layer: Literal["edges", "relief"],
    dark: bool,
    height: int,
) -> pv.Plotter:
    """Return a two-dimensional field as a sheet: flat with edges, or as a relief of its values.

    Args:
        points: Coordinates.
        triangles: Triangles of the points.
        values: Values at the points.
        quantity: The quantity of these values.
        limits: Values of the first and the last color, and of the ends of the relief.
        diverging: Whether the values are errors.
        layer: ``edges`` or ``relief``.
        dark: Whether the page is dark.
        height: Height in pixels.
    """
    side = float(np.ptp(points, axis=0).max())
    lift = np.zeros(len(points))
    if layer == "relief":
        share = (np.clip(values, *limits) - limits[0]) / (limits[1] - limits[0])
        lift = RELIEF_HEIGHT * side * share
    vertices = np.column_stack([points, lift])
    sheet = polygons(vertices, triangles)
    sheet.point_data[quantity.name] = values.astype(np.float32)
    mesh = SurfaceMesh(vertices, triangles)
    plotter = make_stage(mesh, ground=None, dark=dark, height=height)
    add_colored(
        plotter,
        sheet,
        quantity,
        limits=limits,
        diverging=diverging,
        edges=layer == "edges",
        dark=dark,
    )
    if layer == "edges":
        frame_points(plotter, vertices, toward=_FROM_ABOVE, up=_NORTH, height=height)
    return plotter
