"""Truth, prediction and error of one field as linked panels of the viewer.

Letters: N points, M points of a field, K patches.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from numpy import ndarray

from mspt.data.case import Quantity
from mspt.evaluation.comparison import Compared
from mspt.figures.theme import shared_limits
from mspt.figures.viewer.scene import Field, Panel, Scene, Spheres, Surface, box_around
from mspt.inference.sample import Sample

ErrorMode = Literal["signed", "size", "log"]
ERROR_MODES: tuple[ErrorMode, ...] = ("signed", "size", "log")
BODY, MARKED_PATCH = "Body", "Marked patch"
_DECADES = 3.0
"""Powers of ten that the logarithmic scale of errors spans."""
_AROUND = 1.6
"""Radii of a marked patch that the camera shows on each side of its middle."""
_Ball = tuple[Float[ndarray, " X"], float]


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

    With two predictions the panels are both predictions and both errors. Truth and predictions
    share their limits, and so do errors.

    Args:
        sample: The cloud.
        compared: The same field of one or two predictions, by the name of the model.
        mode: Errors with their sign, their sizes, or powers of ten of these.
        patch: Of each point of the sample, for the explode slider.
        shares: What :func:`~mspt.evaluation.comparison.worst_patches` returns, shown on hover.
        marked_patch: A patch to put a ball around.
        marked_row: A point to put a ring around, by its place in the field.
    """
    several = list(compared.values())
    rows = several[0].rows
    points = sample.points.numpy()[rows]
    groups = None if patch is None else patch[rows]
    marked = None if groups is None else _ball(points[groups == marked_patch])
    ball = () if marked is None or marked_patch is None else (_marked_ball(marked, marked_patch),)
    return Scene(
        points=points,
        panels=tuple(field_panels(compared, mode)),
        triangles=sample.triangles if several[0].view.where == "all" else None,
        layers=(*_bodies(sample), *ball),
        groups=groups,
        group_text=_group_text(patch, shares),
        marked=() if marked_row is None else (marked_row,),
        focus=box_around(sample.body),
    )


def near_patch(scene: Scene, patch: int) -> Scene:
    """Return a scene whose camera flies to a patch; the same scene if none of it is shown."""
    ball = None if scene.groups is None else _ball(scene.points[scene.groups == patch])
    if ball is None:
        return scene
    center, radius = ball
    box = np.zeros((2, 3))
    box[:, : len(center)] = center
    box += _AROUND * radius * np.array([[-1.0], [1.0]])
    return replace(scene, focus=box, closeup=True)


def error_limits(errors: Sequence[Float[ndarray, " M"]], mode: ErrorMode) -> tuple[float, float]:
    """Return limits that all errors share: about zero, from zero, or three powers of ten.

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
    """Return errors as they are shown."""
    if mode == "signed":
        return error
    size = np.abs(error)
    return size if mode == "size" else np.log10(np.maximum(size, 1e-30))


def quantity_of(compared: Compared) -> Quantity:
    """Return what the numbers of a comparison are."""
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
        mode = "size"  # the length of a difference has no sign
    errors = [error_values(one.error, mode) for one in several]
    shared = error_limits([one.error for one in several], mode)
    unit = first.view.unit

    def field(values: Float[ndarray, " M"]) -> Field:
        return Field(name=quantity.name, unit=unit, values=values, limits=limits)

    def miss(values: Float[ndarray, " M"]) -> Field:
        words = {"signed": "error of", "size": "size of error of", "log": "log₁₀ of error of"}
        return Field(
            name=f"{words[mode]} {quantity.name}",
            unit=unit,
            values=values,
            limits=shared,
            palette="error" if mode == "signed" else "magnitude",
        )

    if len(several) == 1:
        title = "Error (prediction − truth)" if mode == "signed" else "Size of the error"
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


def _ball(points: Float[ndarray, "P X"]) -> _Ball | None:
    """Return middle and radius of a ball around points, if there are any."""
    if not len(points):
        return None
    center = points.mean(axis=0)
    return center, float(np.linalg.norm(points - center, axis=1).max())


def _marked_ball(ball: _Ball, patch: int) -> Spheres:
    center, radius = ball
    return Spheres(
        name=MARKED_PATCH,
        centers=center[None],
        radii=np.array([radius]),
        style="wire",
        follows=np.array([patch]),
    )


def _bodies(sample: Sample) -> tuple[Surface, ...]:
    body = sample.body
    if body is None:
        return ()
    return (Surface(name=BODY, vertices=body.vertices, triangles=body.triangles),)


def _group_text(patch: Int[ndarray, " N"] | None, shares: pd.DataFrame | None) -> tuple[str, ...]:
    if patch is None or shares is None:
        return ()
    text = [f"patch {index}" for index in range(int(patch.max()) + 1)]
    columns = (shares[name].tolist() for name in ("patch", "points", "share"))
    for index, points, share in zip(*columns, strict=True):
        text[index] += f", {points} points, {share:.1%} of the squared error"
    return tuple(text)
