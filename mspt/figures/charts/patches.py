"""Patches of a partition on the domain, and the error of each patch."""

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float, Int

from mspt.data.case import Quantity
from mspt.figures.charts.fields import color_axis, frame_panels, label, outline_traces, suffix
from mspt.figures.charts.raster import Raster, sample_nearest
from mspt.figures.coloring import color_groups, merged_pairs
from mspt.figures.theme import DOT, PATCH_COLORS, lay_out, magnitude_scale, patch_scale


def patch_figure(
    raster: Raster,
    points: Float[np.ndarray, "N 2"],
    patch_of_point: Int[np.ndarray, " N"],
    *,
    dark: bool = False,
    height: int = 340,
) -> go.Figure:
    """Draw the domain colored by patch.

    Patches that share an edge between pixels have different colors if the eight colors suffice.

    Args:
        raster: Interpolation to pixels.
        points: Coordinates.
        patch_of_point: Patch of each point.
        dark: Whether the page is dark.
        height: Height in pixels.
    """
    image = sample_nearest(raster, patch_of_point)
    colors = color_patches(image, int(patch_of_point.max()) + 1)
    figure = go.Figure(
        go.Heatmap(
            x=raster.x,
            y=raster.y,
            z=_lookup(image, colors + 0.5).astype(np.float32),  # the middle of a band of the scale
            zmin=0,
            zmax=len(PATCH_COLORS),
            colorscale=patch_scale(),
            showscale=False,
            customdata=image.astype(np.float32),
            hovertemplate="patch %{customdata:.0f}<extra></extra>",
        )
    )
    if len(raster.outline):
        figure.add_traces([*outline_traces(raster, dark=dark), _dots(points)])
    return frame_panels(lay_out(figure, dark=dark, height=height), raster).update_layout(
        margin={"b": 8}
    )


def patch_error_figure(
    raster: Raster,
    patch_of_point: Int[np.ndarray, " N"],
    truth: Float[np.ndarray, " N"],
    prediction: Float[np.ndarray, " N"],
    *,
    quantity: Quantity,
    dark: bool = False,
) -> go.Figure:
    """Draw the domain colored by the root mean square error of each patch.

    Args:
        raster: Interpolation to pixels.
        patch_of_point: Patch of each point.
        truth: Values of the solver.
        prediction: Values of the model.
        quantity: The quantity of these values.
        dark: Whether the page is dark.
    """
    rms = patch_rms(patch_of_point, prediction - truth)
    image = sample_nearest(raster, patch_of_point)
    filled = go.Heatmap(
        x=raster.x,
        y=raster.y,
        z=_lookup(image, rms).astype(np.float32),
        coloraxis="coloraxis",
        customdata=image.astype(np.float32),
        hovertemplate="patch %{customdata:.0f}<br>root mean square error %{z:.4g}"
        f"{suffix(quantity)}<extra></extra>",
    )
    figure = go.Figure([filled, *outline_traces(raster, dark=dark)]).update_layout(
        coloraxis=color_axis(
            (0.0, float(rms.max()) or 1.0),  # without any error, the limits must still differ
            magnitude_scale(dark=dark),
            place=(0.5, -0.03, 0.6),
            title=f"root mean square error of {label(quantity)}",
            dark=dark,
        )
    )
    return frame_panels(lay_out(figure, dark=dark, height=340), raster)


def patch_rms(
    patch_of_point: Int[np.ndarray, " N"], error: Float[np.ndarray, " N"]
) -> Float[np.ndarray, " K"]:
    """Return the root mean square error of each patch.

    Examples:
        >>> patch_rms(np.array([0, 1, 0]), np.array([3.0, -2.0, 3.0])).tolist()
        [3.0, 2.0]
    """
    total = np.bincount(patch_of_point, weights=error.astype(np.float64) ** 2)
    return np.sqrt(total / np.bincount(patch_of_point))


def color_patches(image: Float[np.ndarray, "H W"], num_patches: int) -> Int[np.ndarray, " K"]:
    """Return a color for each patch that differs from those of its neighbors in the image.

    Examples:
        >>> color_patches(np.array([[0.0, 1.0, 2.0]]), 3).tolist()
        [1, 0, 2]
    """
    sideways = np.stack([image[:, :-1].ravel(), image[:, 1:].ravel()], axis=-1)
    upwards = np.stack([image[:-1].ravel(), image[1:].ravel()], axis=-1)
    pairs = np.concatenate([sideways, upwards])
    pairs = pairs[np.isfinite(pairs).all(axis=1)].astype(np.int64)
    return color_groups(merged_pairs(pairs, np.arange(num_patches)), num_patches)[0]


def _lookup(
    image: Float[np.ndarray, "H W"], values: Float[np.ndarray, " K"]
) -> Float[np.ndarray, "H W"]:
    """Return the image with each label replaced by its value; NaN where there is no label."""
    empty = np.isnan(image)
    return np.where(empty, np.nan, values[np.where(empty, 0, image).astype(np.int64)])


def _dots(points: Float[np.ndarray, "N 2"]) -> go.Scatter:
    """Return the points as small dark dots, visible on every patch color."""
    return go.Scatter(
        x=points[:, 0],
        y=points[:, 1],
        mode="markers",
        marker={"size": 2.5, "color": DOT, "opacity": 0.7},
        hoverinfo="skip",
    )
