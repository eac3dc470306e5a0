"""Shapes of one's own and sample shapes: read or built once, and prepared once."""

import hashlib
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import streamlit as st

from mspt.geometry.axes import Orientation
from mspt.geometry.bodies.blocks import BlockBody, block_mesh
from mspt.geometry.bodies.families import draw_body
from mspt.geometry.bodies.variants import with_raised_tail
from mspt.geometry.files.names import safe_name, stem_of
from mspt.geometry.files.readers import checked_suffix, read_mesh_bytes
from mspt.geometry.files.writers import write_stl
from mspt.geometry.mesh import SurfaceMesh
from mspt.geometry.placement import Placement, Unit, placement_along
from mspt.geometry.preparation import PreparedShape, Reading, prepare_shape
from pages._shared.store import kept
from pages._shared.worker import computed

SAMPLES = ("Notchback", "Estate on wheels", "Van", "Pickup", "Ahmed body", "Ellipsoid", "Wing")
RAISED_TAIL = "Notchback raised tail"
"""A variant of the notchback with the same triangles, for comparisons."""
MINE = "My shape"
_BODIES = {  # family and seed
    "Notchback": ("notchback", 31),
    "Estate on wheels": ("estate", 2),
    "Van": ("van", 5),
    "Pickup": ("pickup", 4),
    "Ellipsoid": ("ellipsoid", 3),
    "Wing": ("wing", 1),
}
_METERS = 4.5  # length of a usual car
_RISE = 0.03  # of the tail, in body lengths


@dataclass(frozen=True)
class Shape:
    """A shape on a page.

    Attributes:
        name: For titles.
        mesh: Its triangles as in the file.
        file: Content of the file.
        suffix: Ending of the file's name, such as ``.stl``.
        digest: First digits of the file's SHA-256, for caches.
        file_name: Name of its file with safe characters only, for commands and downloads; no path
            on this machine is made of it.
        reading: How to read a file that can be read in two ways.
    """

    name: str
    mesh: SurfaceMesh
    file: bytes
    suffix: str
    digest: str
    file_name: str
    reading: Reading = field(default_factory=Reading)

    @property
    def key(self) -> str:
        """All that the body depends on."""
        return f"{self.digest}-{self.reading.half}-{self.reading.domain}"

    @property
    def stem(self) -> str:
        """Name of its file without the ending, to name other files after it."""
        return stem_of(self.file_name)


@dataclass(frozen=True, kw_only=True)
class PlacementChoice:
    """What a visitor has chosen of a shape's placement; None for what is likely.

    Attributes:
        orientation: Axes of its nose and its top.
        unit: Unit of the file.
        clearance: Height of the lowest point above the ground, in body lengths.
    """

    orientation: Orientation | None = None
    unit: Unit | None = None
    clearance: float | None = None


def choice_of(shape: Shape) -> PlacementChoice:
    """Return what this visitor has chosen of a shape's placement."""
    return st.session_state.setdefault("placements", {}).get(shape.key, PlacementChoice())


def placement_of(shape: Shape) -> Placement:
    """Return the likely placement of a shape, with what this visitor has chosen of it."""
    chosen, found = choice_of(shape), prepared(shape)
    placement = placement_along(
        found.body,
        chosen.orientation or found.guess.best.orientation,
        unit=chosen.unit,
        clearance=chosen.clearance,
    )
    # As many digits as the control and the command show.
    return replace(placement, clearance=round(100 * placement.clearance, 2) / 100)


@st.cache_resource(max_entries=16, show_spinner="Building the sample shape …")
def sample_shape(name: str) -> Shape:
    """Return a sample shape as if it had been uploaded, 4.5 m long."""
    if name == RAISED_TAIL:
        mesh = with_raised_tail(draw_body(*_BODIES["Notchback"]).mesh, _RISE)
    else:
        mesh = block_mesh(BlockBody()) if name == "Ahmed body" else draw_body(*_BODIES[name]).mesh
    return made_shape(name, SurfaceMesh(mesh.vertices * _METERS, mesh.triangles))


def made_shape(name: str, mesh: SurfaceMesh) -> Shape:
    """Return a mesh as if it had been uploaded, as a file that is named after it."""
    with TemporaryDirectory(prefix="mspt-sample-") as folder:
        path = Path(folder) / "sample.stl"
        write_stl(path, mesh)
        file_name = f"{safe_name(name).lower().replace(' ', '-')}.stl"
        return replace(_shape(name, path.read_bytes(), ".stl"), file_name=file_name)


def uploaded_shape(data: bytes, name: str) -> Shape:
    """Return an uploaded shape, read in a process of its own.

    Args:
        data: Content of the file.
        name: Its name, which comes from outside: only its ending decides how the file is read.

    Raises:
        GeometryError: If the file cannot be read.
    """
    safe = safe_name(name)
    suffix, digest = checked_suffix(Path(safe).suffix), hashlib.sha256(data).hexdigest()
    return replace(_uploaded(digest, suffix, _data=data), file_name=safe)


@kept("uploaded shapes", megabytes=200, spinner="Reading the shape …")
def _uploaded(digest: str, suffix: str, *, _data: bytes) -> Shape:  # noqa: ARG001
    return _shape("Uploaded shape", _data, suffix)


def _shape(name: str, data: bytes, suffix: str) -> Shape:
    mesh = read_mesh_bytes(data, suffix=suffix)
    digest = hashlib.sha256(data).hexdigest()[:16]
    return Shape(name, mesh, data, suffix, digest, f"shape{suffix}")


def prepared(shape: Shape) -> PreparedShape:
    """Return the body that air flows around, and its likely placement."""
    return _prepared(shape.key, _shape=shape)


@kept("prepared shapes", megabytes=200, spinner="Checking the shape …")
@computed
def _prepared(key: str, *, _shape: Shape) -> PreparedShape:  # noqa: ARG001
    return prepare_shape(_shape.mesh, reading=_shape.reading)


def named_shape(name: str) -> Shape:
    """Return the shape that this visitor has uploaded, or a sample."""
    return st.session_state["my_shape"] if name == MINE else sample_shape(name)


def names() -> list[str]:
    """Return the shapes to choose from, the visitor's own first."""
    mine = [MINE] if "my_shape" in st.session_state else []
    return [*mine, *SAMPLES]
