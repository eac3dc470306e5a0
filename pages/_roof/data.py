"""The car of the sliders and the nearest solved cars: meshes, predictions, stored flows; cached."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import streamlit as st

from mspt.data.registry import get_dataset
from mspt.data.sets.car.known_cars import NearCar, nearest_cars
from mspt.errors import MSPTError
from mspt.figures.scenes.designs import ColoredBody
from mspt.geometry.axes import Orientation
from mspt.geometry.bodies.tailored import CarDesign, car_of, design_mesh
from mspt.geometry.implicit import remeshed
from mspt.geometry.mesh import SurfaceMesh
from mspt.geometry.placement import placement_along
from mspt.inference.quick import QuickDrag, quick_drag
from mspt.inference.shapes import ShapeResult
from mspt.inference.side_by_side import truth_on
from pages._shared import datasets, predicted, samples, shapes
from pages._shared.cache import CheckpointKey, ListedCheckpoint, load, one_at_a_time
from pages._shared.predicted import ResultKey
from pages._shared.shapes import PlacementChoice, Shape

NAME = "Pulled car"
EDGE, OFF = 0.03, 5e-4
"""Edges of the triangles that are drawn, and how far their points may move, in car lengths."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Chosen:
    """What the sliders say.

    Attributes:
        design: Sizes of the car.
        checkpoint: The model.
        device: Where it runs.
    """

    design: CarDesign
    checkpoint: ListedCheckpoint
    device: str

    @property
    def shape(self) -> Shape:
        """The car as if it had been uploaded."""
        return _shape(self.design)

    @property
    def key(self) -> ResultKey:
        """All that its full prediction depends on, as on the page for shapes."""
        shape = self.shape
        placed = st.session_state.setdefault("placements", {})
        placed[shape.key] = _placed(shape.mesh)
        return predicted.result_key(shape, shapes.placement_of(shape), self.checkpoint, self.device)

    @property
    def quick(self) -> QuickDrag:
        """Its drag from one cloud of points."""
        return _quick(self.design, self.checkpoint.key, self.device)

    @property
    def result(self) -> ShapeResult | None:
        """Its full prediction, if that has been made."""
        return predicted.predictions().get(self.key)


@st.cache_resource(max_entries=24, show_spinner=False)
def _mesh(design: CarDesign) -> SurfaceMesh:
    return design_mesh(design)


def in_tunnel(design: CarDesign) -> SurfaceMesh:
    """Return the car in the wind-tunnel frame: length 1, nose at x = 0."""
    mesh = _mesh(design)
    return SurfaceMesh(mesh.vertices / design.length, mesh.triangles)


@st.cache_resource(max_entries=8, show_spinner="Writing the car as a file …")
def _shape(design: CarDesign) -> Shape:
    return shapes.made_shape(NAME, _mesh(design))


def _placed(mesh: SurfaceMesh) -> PlacementChoice:
    """Return how the car stands in the tunnel, which its form need not be asked for."""
    ahead = Orientation("-x", "+z")
    clearance = max(0.0, float(mesh.bounds[0, 2] / mesh.extent[0]))
    placement = placement_along(mesh, ahead, unit="m", clearance=clearance)
    return PlacementChoice(orientation=ahead, unit="m", clearance=placement.clearance)


@st.cache_resource(max_entries=64, show_spinner=False)
def _quick(design: CarDesign, key: CheckpointKey, device: str) -> QuickDrag:
    with one_at_a_time():
        return quick_drag(load(key), in_tunnel(design), device=device)


def predict(chosen: Chosen) -> Iterator[tuple[float, str]]:
    """Predict the car as the page for shapes does, yielding share and words."""
    yield from predicted.predict(chosen.shape, chosen.key)


# --- solved cars ---------------------------------------------------------------------------------


def nearest(design: CarDesign) -> list[NearCar]:
    """Return the solved cars nearest to the car of the sliders."""
    return _nearest(design)


@st.cache_data(max_entries=64, show_spinner=False)
def _nearest(design: CarDesign) -> list[NearCar]:
    return nearest_cars(car_of(design), lip=design.lip)


def solved(name: str) -> dict[str, Any]:
    """Return what is stored of a solved flow, such as its C_D."""
    return samples.stored_flow(name).info


@st.cache_resource(max_entries=48, show_spinner=False)
def solved_body(name: str) -> ColoredBody:
    """Return the body of a solved flow with the solver's C_p, in triangles to be drawn."""
    flow, body = samples.stored_flow(name), get_dataset(datasets.flow_source()).body
    if body is None:
        raise MSPTError(f"case must be a flow around a body, got {name}; choose another one")
    mesh = remeshed(body.surface(name), EDGE, off=OFF)
    title = f"{name}, solver: C_D {flow.info['C_D']:.3f}"
    return ColoredBody(title=title, mesh=mesh, values=truth_on(mesh, flow))


def own_body(chosen: Chosen) -> ColoredBody:
    """Return the car of the sliders with the model's C_p, in triangles to be drawn."""
    return _own_body(chosen.design, chosen.checkpoint.key, chosen.device, _quick=chosen.quick)


@st.cache_resource(max_entries=8, show_spinner=False)
def _own_body(
    design: CarDesign,
    key: CheckpointKey,  # noqa: ARG001
    device: str,  # noqa: ARG001
    *,
    _quick: QuickDrag,
) -> ColoredBody:
    mesh = remeshed(in_tunnel(design), EDGE, off=OFF)
    return ColoredBody(title="Your car, model", mesh=mesh, values=_quick.on_cells(mesh))
