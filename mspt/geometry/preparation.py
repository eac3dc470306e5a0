"""From a shape as it is in its file to the body that the air flows around.

A file may hold half a body, parts inside it, the walls of a wind tunnel, gaps, or numbers with too
few digits. Everything that uses a person's shape prepares it here, so that all see the same body.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from mspt.errors import GeometryError
from mspt.geometry.checks import MeshReport, inspect_mesh
from mspt.geometry.flow_domain import FlowDomain, find_domain
from mspt.geometry.half_models import HalfModel, completed, find_half
from mspt.geometry.mesh import SurfaceMesh
from mspt.geometry.outer import OuterSurface, outer_surface
from mspt.geometry.panels import THICKNESS, thickened
from mspt.geometry.placement import PlacementGuess, guess_placement
from mspt.geometry.repair import body_size, repair_mesh

FINE_STEP = 1e-4
"""Step between neighboring coordinates, in body sizes, above which a file has too few digits: half
a millimeter on a car."""

FAR = 20.0
"""Distance from the origin, in body sizes, from which on digits may be missing."""

CLEAR = 0.01
"""Share of the surface on which inside and outside may be unclear without a warning."""

OVERLAP_SHARE = 1e-3
"""Share of the surface from which on overlapping parts are mentioned."""

Half = Literal["auto", "complete", "whole"]
Domain = Literal["auto", "body", "whole"]


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How to read a file that can be read in two ways.

    Attributes:
        half: ``complete`` adds the mirror image of a half model, ``whole`` takes the shape as it
            is, ``auto`` completes what can hardly be anything but a half.
        domain: ``body`` takes the inner boundary of a flow, ``whole`` everything, ``auto`` the
            inner boundary if both boundaries face the air between them.
    """

    half: Half = "auto"
    domain: Domain = "auto"

    def __post_init__(self) -> None:
        """Reject other words, such as those of an edited run record."""
        for name, known in (("half", get_args(Half)), ("domain", get_args(Domain))):
            if (value := getattr(self, name)) not in known:
                raise GeometryError(
                    f"{name} must be one of {', '.join(known)}, got {value!r}; choose one of them"
                )


@dataclass(frozen=True, kw_only=True, eq=False)
class PreparedShape:
    """The body that air flows around, and how it follows from the file.

    Attributes:
        given: The surface as read from its file.
        report: Defects of the given surface.
        reading: How the file was read.
        body: The outer surface of the whole body, in the file's coordinates.
        repairs: One line for each repair.
        num_panels: Panels without thickness that were given one.
        domain: The boundaries of a flow, if the file seems to hold one.
        half: The plane of a half model, if the file seems to hold one.
        is_completed: Whether the mirror image was added.
        whole: The surface from which hidden parts were left out, in the file's coordinates.
        outer: What was left out because no air reaches it.
        step: Distance between neighboring coordinates that the file can express, in its unit, if
            that is too coarse; else 0.
        guess: Likely unit and axes.
    """

    given: SurfaceMesh
    report: MeshReport
    reading: Reading
    body: SurfaceMesh
    repairs: tuple[str, ...]
    num_panels: int
    domain: FlowDomain | None
    half: HalfModel | None
    is_completed: bool
    whole: SurfaceMesh
    outer: OuterSurface
    step: float
    guess: PlacementGuess

    @property
    def domain_is_body(self) -> bool:
        """Whether the inner boundary of a flow was taken as the body."""
        return self.domain is not None and _takes_inner(self.domain, self.reading)

    @property
    def is_certain(self) -> bool:
        """Whether the file can be read in one way only."""
        return not (self._may_be_flow or self._may_be_half)

    @property
    def _may_be_flow(self) -> bool:
        unsure = self.domain is not None and not self.domain_is_body
        return unsure and self.reading.domain == "auto"

    @property
    def _may_be_half(self) -> bool:
        unsure = self.half is not None and not self.is_completed
        return unsure and self.reading.half == "auto"

    def changes(self, unit: str) -> tuple[str, ...]:
        """Return one line for each difference between the body and the file.

        Args:
            unit: Unit of the file's lengths, for the text.
        """
        lines = []
        if self.domain is not None and self.domain_is_body:
            inner, outer = self.domain.body.extent, self.domain.extent
            lines.append(
                f"took the inner boundary of a flow, {_sides(inner, unit)}, as the body and left "
                f"out the outer one, {_sides(outer, unit)}"
            )
        lines += self.repairs
        if self.half is not None and self.is_completed:
            lines.append(f"added the mirror image of a half model at {self.half.describe()} {unit}")
        if self.num_panels:
            number = "1 panel" if self.num_panels == 1 else f"{self.num_panels:,} panels"
            thickness = THICKNESS * float(self.body.extent.max())
            lines.append(f"gave {number} without thickness one of {thickness:.2g} {unit}")
        hidden, overlap = self.outer.hidden_parts, self.outer.overlap_area
        if hidden:
            parts = "1 part" if hidden == 1 else f"{hidden:,} parts"
            area = self.outer.hidden_area
            lines.append(f"left out {parts} that no air reaches, {area:.4g} {unit}\u00b2")
        if overlap > OVERLAP_SHARE * float(self.body.areas.sum()):
            lines.append(f"left out {overlap:.4g} {unit}\u00b2 where parts overlap or touch")
        return tuple(lines)

    def warnings(self, unit: str) -> tuple[str, ...]:
        """Return one line for each reason to doubt the body, the most serious first.

        Args:
            unit: Unit of the file's lengths, for the text.
        """
        lines = []
        if self.domain is not None and self.domain_is_body:
            lines.append(
                "the file holds the flow and not the body alone: its inner boundary is taken as "
                "the body; export the surface of the body alone to be sure"
            )
        elif self.domain is not None and self._may_be_flow:
            inner, outer = self.domain.body.extent, self.domain.extent
            lines.append(
                f"the file holds a body of {_sides(inner, unit)} in a box of "
                f"{_sides(outer, unit)}: if the box is a wind tunnel, choose the inner body"
            )
        if self.half is not None and self._may_be_half:
            lines.append(
                f"the shape may be one half of a body, cut at {self.half.describe()} {unit}: if it "
                "is, choose to complete it"
            )
        if self.step:
            share = self.step / float(self.body.extent.max())
            lines.append(
                f"coordinates far from the origin have too few digits: they are multiples of "
                f"{self.step:.3g} {unit}, {share:.2%} of the length; move the shape to the origin "
                "and export it again"
            )
        if self.outer.doubt > CLEAR:
            lines.append(
                f"inside and outside are unclear on {self.outer.doubt:.1%} of the surface: close "
                "its holes, or export the outer surface alone"
            )
        return tuple(lines)


def prepare_shape(mesh: SurfaceMesh, *, reading: Reading | None = None) -> PreparedShape:
    """Return the body that air flows around, from a surface as it is in its file.

    The inner boundary of a flow is taken, the surface repaired, a half model completed, and what no
    air reaches left out; then unit and axes are guessed.

    Args:
        mesh: As read from a file.
        reading: How to read a file that can be read in two ways; ``auto`` for both by default.

    Raises:
        GeometryError: If nothing of the surface is left.

    Examples:
        >>> from mspt.geometry.mesh import box, joined
        >>> body, engine = box((-2, -1, 0.2), (3, 1, 1.5)), box((-1, -0.5, 0.5), (0, 0.5, 1))
        >>> prepare_shape(joined(body, engine)).changes("m")
        ('left out 1 part that no air reaches, 4 m\u00b2',)
    """
    chosen = reading or Reading()
    domain = find_domain(mesh)
    inner = domain is not None and _takes_inner(domain, chosen)
    source = domain.body if domain is not None and inner else mesh
    if source.areas.sum() == 0:
        raise GeometryError(
            "shape must have an area, got triangles without area alone; export the body again"
        )
    if not mesh.suffix:  # readers of files have merged equal vertices
        source = _merged(source)
    # Far from the origin, differences of coordinates would lose digits in the steps below.
    offset = _far_offset(source)
    source = replace(source, vertices=source.vertices - offset)
    repaired = repair_mesh(source)
    half = find_half(repaired.mesh, given=source)
    completes = half is not None and (
        half.is_certain if chosen.half == "auto" else chosen.half == "complete"
    )
    whole = completed(repaired.mesh, half) if half is not None and completes else repaired.mesh
    whole, num_panels = thickened(whole, THICKNESS * body_size(whole))
    outer = outer_surface(whole)
    body = replace(outer.mesh, suffix=mesh.suffix, vertices=outer.mesh.vertices + offset)
    lateral = half.axis if half is not None and completes else None
    return PreparedShape(
        given=mesh,
        report=inspect_mesh(mesh),
        reading=chosen,
        body=body,
        repairs=repaired.repairs,
        num_panels=num_panels,
        domain=domain,
        half=half,
        is_completed=completes,
        whole=replace(whole, vertices=whole.vertices + offset),
        outer=outer,
        step=coarse_step(mesh),
        guess=guess_placement(body, lateral=lateral),
    )


def _merged(mesh: SurfaceMesh) -> SurfaceMesh:
    """Return a surface whose vertices with equal coordinates are one."""
    vertices, place = np.unique(mesh.vertices, axis=0, return_inverse=True)
    if len(vertices) == len(mesh.vertices):
        return mesh
    return replace(mesh, vertices=vertices, triangles=place.reshape(-1)[mesh.triangles])


def coarse_step(mesh: SurfaceMesh) -> float:
    """Return the step between the coordinates of a shape far from the origin, if it is too coarse.

    Single precision has 24 binary digits, and many programs write 6 decimal ones: of a car at a
    geographic position, only a grid of decimeters is left.

    Returns:
        The step in the unit of the file; 0 if it is below one ten-thousandth of the size.

    Examples:
        >>> from mspt.geometry.mesh import box
        >>> coarse_step(box((4e6, 0, 0), (4e6 + 4.3, 1.8, 1.4)))
        0.0
        >>> coarse_step(box((4e6, 0, 0), (4e6 + 4.0, 1.0, 1.0)))
        0.25
    """
    size = float(mesh.extent.max())
    steps = [0.0]
    for values, reach in zip(mesh.vertices.T, np.abs(mesh.bounds).max(axis=0), strict=True):
        if reach < FAR * size:
            continue
        if (values == values.astype(np.float32)).all():
            steps.append(float(np.spacing(np.float32(reach))))
        decimal = 10.0 ** np.floor(np.log10(reach) - 5)  # of the sixth digit
        if (np.abs(values - decimal * np.round(values / decimal)) < 1e-6 * decimal).all():
            steps.append(float(decimal))
    step = max(steps)
    return step if step > FINE_STEP * size else 0.0


def _far_offset(mesh: SurfaceMesh) -> Float64[ndarray, " 3"]:
    """Return by how much to move a shape along the axes on which it is far from the origin."""
    middle = mesh.bounds.mean(axis=0)
    return np.where(np.abs(middle) > FAR * float(mesh.extent.max()), middle, 0.0)


def _takes_inner(domain: FlowDomain, reading: Reading) -> bool:
    return domain.is_certain if reading.domain == "auto" else reading.domain == "body"


def _sides(extent: Iterable[float], unit: str) -> str:
    return " x ".join(f"{side:.3g}" for side in extent) + f" {unit}"
