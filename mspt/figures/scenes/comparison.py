"""Truth, prediction and error of one field as linked panels of the viewer.

Letters: N points, X space axes, C output channels, M points of a field, K patches.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from numpy import ndarray
from torch import Tensor

from mspt.data.case import Quantity
from mspt.evaluation.comparison import Compared
from mspt.figures.scenes.parts import ball_around, body_layers, close_view, patch_outline
from mspt.figures.theme import shared_limits
from mspt.figures.viewer.scene import Curve, Field, Panel, Player, Scene, box_around
from mspt.inference.frames import points_at, time_of
from mspt.inference.sample import Sample

ErrorMode = Literal["signed", "size", "log"]
ERROR_MODES: tuple[ErrorMode, ...] = ("signed", "size", "log")
MARKED_PATCH = "marked patch"
_DECADES = 3.0
"""Powers of ten on the logarithmic scale of errors."""

_SMALLEST_ERROR = 1e-30
"""Lower bound of errors on the logarithmic scale, which cannot show zero."""

_AROUND = 1.6
"""Half side of the box that the camera shows around a marked patch, in radii of the patch."""


def compared_scene(
    sample: Sample,
    compared: Mapping[str, Compared],
    *,
    mode: ErrorMode,
    patch: Int[ndarray, " N"] | None = None,
    shares: pd.DataFrame | None = None,
    marked_patch: int | None = None,
    marked_row: int | None = None,
) -> Scene:
    """Return truth, prediction and error of one field as linked panels.

    With two predictions, the panels are both predictions and both errors. Truth and predictions
    share their color limits, and so do errors.

    Args:
        sample: The cloud.
        compared: The same field of one or two predictions, by the name of the model.
        mode: Signed errors, their magnitudes, or the logarithms of these.
        patch: Patch of each point of the sample, for the exploded view.
        shares: Table of :func:`~mspt.evaluation.comparison.worst_patches`, shown on hovering.
        marked_patch: Patch to outline.
        marked_row: Point to mark by a ring, as an index into the field.
    """
    several = list(compared.values())
    rows = several[0].rows
    points = sample.points.numpy()[rows]
    groups = None if patch is None else patch[rows]
    triangles = sample.triangles if several[0].view.where == "all" else None
    marks = ()
    if groups is not None and marked_patch is not None and (groups == marked_patch).any():
        marks = (patch_outline(MARKED_PATCH, points, triangles, groups, patch=marked_patch),)
    # Points on the body itself fill the view better than its box, whose corners are empty.
    in_flow = bool((rows >= sample.num_surface).any())
    return Scene(
        points=points,
        panels=tuple(field_panels(compared, mode)),
        triangles=triangles,
        layers=(*body_layers(sample.body), *marks),
        groups=groups,
        group_text=_group_text(patch, shares),
        marked=() if marked_row is None else (marked_row,),
        focus=(box_around(sample.body) if in_flow else None) if sample.body else close_view(sample),
    )


def played_scene(
    still: Scene,
    sample: Sample,
    *,
    over_time: Mapping[str, Sequence[Compared]],
    predictions: Mapping[str, Float[Tensor, "N C"]],
    frame: int,
    mode: ErrorMode,
) -> Scene:
    """Return a scene of one time as one of all times, between which the viewer moves by itself.

    Color limits hold for all times. Where the fields say where points are, truth and errors are
    drawn at the places of the truth, and each prediction at its own.

    Args:
        still: Scene of the case at the time that is shown at first, from :func:`compared_scene`.
        sample: The case at all times.
        over_time: The same field of one or two predictions at each time, by the name of the model.
        predictions: Predicted fields of all times, by the name of the model.
        frame: Index of the time that is shown at first.
        mode: As in :func:`compared_scene`.

    Raises:
        ValueError: If the sample is steady.
    """
    time = time_of(sample)
    if time is None:
        raise ValueError(f"sample must be one in time, got the steady {sample.key}")
    each = [
        field_panels({name: several[index] for name, several in over_time.items()}, mode)
        for index in range(len(time.outputs))
    ]
    places = _places(sample, predictions) if time.positions else [None] * len(still.panels)
    curves = [
        Curve(name=name, values=np.array([100 * one.relative_l2 for one in several]))
        for name, several in over_time.items()
    ]
    return replace(
        still,
        # One cloud for all times, so that the camera and what browsers keep stay the same.
        points=sample.points.numpy(),
        panels=tuple(
            _played(panels, frame, places=at) for *panels, at in zip(*each, places, strict=True)
        ),
        player=Player(
            times=time.outputs,
            unit=time.unit,
            start=frame,
            curves=tuple(curves),
            title="relative L2 error at this time",
            curve_unit="%",
        ),
    )


def _played(
    panels: Sequence[Panel], frame: int, *, places: Float[ndarray, "times N X"] | None
) -> Panel:
    """Return the same panel at all times as one, whose color limits enclose those of each time."""
    fields = [one.coloring for one in panels if isinstance(one.coloring, Field)]
    frames = np.stack([one.values for one in fields])
    high = max(one.limits[1] for one in fields)
    low = high - _DECADES if fields[0].log else min(one.limits[0] for one in fields)
    coloring = replace(fields[frame], frames=frames, limits=(low, high))
    return replace(panels[frame], coloring=coloring, places=places)


def _places(
    sample: Sample, predictions: Mapping[str, Float[Tensor, "N C"]]
) -> list[Float[ndarray, "times N X"]]:
    """Return the places of the points in each panel of :func:`field_panels`, at all times."""
    if sample.truth is None:
        raise ValueError(f"sample must have a truth to be shown in time, got none for {sample.key}")
    true, *predicted = (_path(sample, fields) for fields in (sample.truth, *predictions.values()))
    return [true, *predicted, true] if len(predicted) == 1 else [*predicted, true, true]


def _path(sample: Sample, fields: Float[Tensor, "N C"]) -> Float[ndarray, "times N X"]:
    time = time_of(sample)
    count = 0 if time is None else len(time.outputs)
    return np.stack([points_at(sample, fields, index).numpy() for index in range(count)])


def near_patch(scene: Scene, patch: int) -> Scene:
    """Return a scene whose camera flies to a patch; the same scene if it contains none of it."""
    ball = None if scene.groups is None else ball_around(scene.points[scene.groups == patch])
    if ball is None:
        return scene
    center, radius = ball
    box = np.zeros((2, 3))
    box[:, : len(center)] = center
    box += _AROUND * radius * np.array([[-1.0], [1.0]])
    return replace(scene, focus=box, closeup=True)


def error_limits(errors: Sequence[Float[ndarray, " M"]], mode: ErrorMode) -> tuple[float, float]:
    """Return color limits for all errors: symmetric, from zero, or three powers of ten.

    Examples:
        >>> error_limits([np.linspace(-0.031, 0.002, 1000)], "signed")
        (-0.031, 0.031)
        >>> error_limits([np.linspace(-0.031, 0.002, 1000)], "size")
        (0.0, 0.031)
        >>> error_limits([np.array([0.0, 0.1, 1.0])], "log")
        (-3.0, 0.0)
    """
    if mode == "log":
        top = max((float(np.abs(part).max()) for part in errors if len(part)), default=0.0)
        high = float(np.ceil(np.log10(top))) if top > 0 else 0.0
        return high - _DECADES, high
    low, high = shared_limits(*errors, centered=True)
    return (low, high) if mode == "signed" else (0.0, high)


def error_values(error: Float[ndarray, " M"], mode: ErrorMode) -> Float[ndarray, " M"]:
    """Return errors as the mode shows them: signed, as magnitudes or as decimal logarithms.

    Examples:
        >>> error_values(np.array([-0.01, 10.0]), "log").tolist()
        [-2.0, 1.0]
    """
    if mode == "signed":
        return error
    size = np.abs(error)
    return size if mode == "size" else np.log10(np.maximum(size, _SMALLEST_ERROR))


def quantity_of(compared: Compared) -> Quantity:
    """Return the quantity of the values of a comparison: a scalar, a component or a length."""
    name = compared.view.symbol
    if compared.view.is_vector:
        name = f"|{name}|" if compared.part == "size" else f"{name}, {compared.part}"
    return Quantity(name=name, symbol=name, unit=compared.view.unit, description=compared.view.name)


def field_panels(compared: Mapping[str, Compared], mode: ErrorMode) -> list[Panel]:
    """Return truth, prediction and error of one model, or prediction and error of each of two."""
    several, names = list(compared.values()), list(compared)
    first = several[0]
    quantity = quantity_of(first)
    limits = shared_limits(first.truth, *(one.prediction for one in several))
    if not first.signed and mode == "signed":
        mode = "size"  # errors of vectors are lengths of differences, which have no sign
    errors = [error_values(one.error, mode) for one in several]
    shared = error_limits([one.error for one in several], mode)
    unit = first.view.unit

    def field(values: Float[ndarray, " M"]) -> Field:
        return Field(name=quantity.name, unit=unit, values=values, limits=limits)

    def miss(values: Float[ndarray, " M"]) -> Field:
        size = "magnitude of error of"
        words = {"signed": "error of", "size": size, "log": size}
        return Field(
            name=f"{words[mode]} {quantity.name}",
            unit=unit,
            values=values,
            limits=shared,
            palette="error" if mode == "signed" else "magnitude",
            log=mode == "log",
        )

    if len(several) == 1:
        title = "Error (prediction − truth)" if mode == "signed" else "Magnitude of the error"
        return [
            Panel(title="Truth (solver)", coloring=field(first.truth)),
            Panel(title="Prediction (model)", coloring=field(first.prediction)),
            Panel(title=title, coloring=miss(errors[0])),
        ]
    return [
        *(
            Panel(title=f"Prediction {letter}: {name}", coloring=field(one.prediction))
            for letter, name, one in zip("AB", names, several, strict=True)
        ),
        *(
            Panel(title=f"Error {letter}: {name}", coloring=miss(values))
            for letter, name, values in zip("AB", names, errors, strict=True)
        ),
    ]


def _group_text(patch: Int[ndarray, " N"] | None, shares: pd.DataFrame | None) -> tuple[str, ...]:
    """Return the text of each patch on hovering: its points and its share of the error."""
    if patch is None or shares is None:
        return ()
    text = [f"patch {index}" for index in range(int(patch.max()) + 1)]
    columns = (shares[name].tolist() for name in ("patch", "points", "share"))
    for index, points, share in zip(*columns, strict=True):
        text[index] += f", {points} points, {share:.1%} of the squared error"
    return tuple(text)
