"""What some data sets can do and others cannot.

They can be drawn, show bodies in a flow, run in time, or have regions with errors of their own.

Letters: N points, X space axes, F features.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from jaxtyping import Float32, Int64
from numpy import ndarray
from torch import Tensor

from mspt.data.canvas import ControlPoints, PaintedField
from mspt.data.case import Case, Inputs, Quantity
from mspt.geometry.mesh import SurfaceMesh
from mspt.progress import ShareDone


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """How a case of the data set is drawn by hand and solved.

    Attributes:
        kind: ``outline`` for a closed curve of points (x, y) around the middle of the unit square;
            ``map`` for a grid painted with the two levels of the first feature; ``points`` for a
            few numbers that are changed by moving points; ``field`` for a smooth field on a torus,
            painted with blobs.
        key: Name of the input in a drawing's JSON file.
        shape: Rows and columns of the input; None for any number of rows.
        hint: How to draw, in one or two sentences.
        invitation: What a person can do, in a few words, and one sentence about it.
        first_example: The example to begin with.
        solve: Return the case of a drawn input, with the solver's fields.
        steps: Do the same in steps, reporting how much is done; None for a solve of a moment.
        inputs: Return what a model reads of a drawn input; None where only the solver can tell.
        examples: Inputs to start from, by name, each made from a seed that only random ones use.
        radii: For outlines: smallest and largest distance from the middle that can be solved.
        trained_radii: For outlines: the same of the training cases.
        points: For points: the numbers, and what the canvas shows of them.
        field: For fields: the blobs to paint with.
    """

    kind: Literal["outline", "map", "points", "field"]
    key: str
    shape: tuple[int | None, int]
    hint: str
    invitation: tuple[str, str]
    first_example: str
    solve: Callable[[ndarray], Case]
    examples: Mapping[str, Callable[[int], ndarray]]
    steps: Callable[[ndarray], Iterator[ShareDone | Case]] | None = None
    inputs: Callable[[ndarray], Inputs] | None = None
    radii: tuple[float, float] = (0.0, 0.5)
    trained_radii: tuple[float, float] = (0.0, 0.5)
    points: ControlPoints | None = None
    field: PaintedField | None = None


@dataclass(frozen=True, kw_only=True)
class FlowBodies:
    """What a data set of flows around bodies adds.

    Attributes:
        surface: Return the closed surface of a case's body, for drawing.
        family: Return the kind of body of a case, such as ``van``.
        first_family: The family to show first.
        held_out: Splits that training does not use, as pages list them.
        meshes: Other meshes that test cases can be solved on.
        repeats: Return a case as solved on equally good meshes, by the name of the mesh; what they
            differ by is the noise of the labels.
        left_out: Return the cases without a usable solution, each with the reason.
        label_errors: Return how far labels move on a finer mesh; None where that is not known.
    """

    surface: Callable[[str], SurfaceMesh]
    family: Callable[[str], str]
    first_family: str
    held_out: tuple[str, ...]
    meshes: tuple[str, ...]
    repeats: Callable[[str, Path | None], Mapping[str, Any]]
    left_out: Callable[[Path | None], Mapping[str, str]]
    label_errors: Callable[[Path | None], Mapping[str, Any] | None]


@dataclass(frozen=True, kw_only=True)
class TimeFrames:
    """Frames in time: the last features and the fields of a case are quantities at many times.

    Attributes:
        inputs: Times of the frames that the model reads, one for each of the last features.
        outputs: Times of the frames that it predicts, one for each field; or, where a frame has
            several fields, one for each run of as many fields.
        unit: Unit of the times.
        positions: Name, as given to :func:`frames_of`, of the field that is the position of the
            points at each time; empty where points stay where they are.
    """

    inputs: tuple[float, ...]
    outputs: tuple[float, ...]
    unit: str
    positions: str = ""

    def words(self, index: int) -> str:
        """Return the time of a frame that is predicted, with its unit.

        Examples:
            >>> TimeFrames(inputs=(), outputs=(0.5, 2 / 3), unit="ms").words(1)
            't = 0.6667 ms'
        """
        unit = "" if self.unit == "1" else f" {self.unit}"
        return f"t = {self.outputs[index]:.4g}{unit}"


@dataclass(frozen=True, kw_only=True)
class Regions:
    """Parts of a case whose errors are reported apart, such as the points near a jump.

    Attributes:
        names: One word for each region.
        description: Which points belong to them, in the order of the names.
        of_points: Return the region of each point, 0 for the first, from the points and features of
            a case in physical units.
    """

    names: tuple[str, ...]
    description: str
    of_points: Callable[[Float32[Tensor, "N X"], Float32[Tensor, "N F"]], Int64[Tensor, " N"]]


def frames_of(quantity: Quantity, times: tuple[float, ...], *, first: int = 0) -> tuple:
    """Return one quantity for each frame in time, numbered from ``first``.

    Examples:
        >>> heat = Quantity(name="heat", symbol="u", unit="K", description="Temperature.")
        >>> [one.name for one in frames_of(heat, (0.5, 1.0), first=3)]
        ['heat_3', 'heat_4']
        >>> flux = replace(heat, name="flux", components=("q_x", "q_y"))
        >>> frames_of(flux, (0.5,), first=3)[0].components
        ('q_x_3', 'q_y_3')
    """
    return tuple(
        replace(
            quantity,
            name=f"{quantity.name}_{index}",
            symbol=f"{quantity.symbol}({time:g})",
            description=f"{quantity.description} At time {time:g}.",
            components=tuple(f"{name}_{index}" for name in quantity.components),
        )
        for index, time in enumerate(times, start=first)
    )
