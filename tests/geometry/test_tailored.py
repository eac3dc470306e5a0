"""Cars by a few sizes: their meshes have these sizes, and profiles are those of the meshes."""

from dataclasses import replace
from functools import cache, partial
from typing import Any

import numpy as np
import pytest

from mspt.errors import GeometryError
from mspt.geometry.bodies import cars
from mspt.geometry.bodies.cars import car_mesh, draw_car
from mspt.geometry.bodies.tailored import (
    EXTENT,
    RANGES,
    STATIONS,
    CarDesign,
    built_sizes,
    car_of,
    design_mesh,
    profile,
    slope_of,
)
from mspt.geometry.checks import inspect_mesh
from mspt.geometry.implicit import SPACING, Grid, remeshed
from mspt.geometry.mesh import SurfaceMesh

PLAIN = CarDesign(wheels=False)


@cache
def coarse(**changes: Any) -> SurfaceMesh:  # noqa: ANN401 - any size
    """A car on an eighth of the nodes, with vertices on its flat parts, too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cars, "Grid", partial(Grid, spacing=2 * SPACING))
        return remeshed(design_mesh(replace(PLAIN, **changes)), 0.04)


def top_at(mesh: SurfaceMesh, x: float, *, reach: float = 0.06) -> float:
    """Height of the highest vertex near a place along the car and near its middle, in m."""
    near = (abs(mesh.vertices[:, 0] - x) < reach) & (abs(mesh.vertices[:, 1]) < 0.5)
    return float(mesh.vertices[near, 2].max())


@pytest.mark.parametrize(
    "changes",
    [
        {"length": 3.8, "height": 1.3, "clearance": 0.12, "slope": 20.0},
        {"length": 5.2, "height": 1.8, "clearance": 0.3, "slope": 55.0},
    ],
)
def test_mesh_has_the_sizes_that_were_asked_for(changes: dict[str, float]) -> None:
    mesh = coarse(**changes)
    low, high = mesh.bounds
    assert high[0] - low[0] == pytest.approx(changes["length"], abs=1e-6)
    assert high[2] == pytest.approx(changes["height"], abs=0.02)
    assert low[2] == pytest.approx(changes["clearance"], abs=0.02)
    assert high[1] - low[1] == pytest.approx(1.8, abs=0.04)
    assert inspect_mesh(mesh).watertight


def test_rear_window_has_the_slope_and_a_spoiler_stands_on_its_edge() -> None:
    mesh, length = coarse(slope=20.0), PLAIN.length
    roof = car_of(replace(PLAIN, slope=20.0)).roof_stop
    # Two places on the window, away from its rounded ends.
    first, second = (length * place / EXTENT - 0.05 for place in (roof + 0.04, 0.9))
    drop = top_at(mesh, first, reach=0.02) - top_at(mesh, second, reach=0.02)
    assert np.degrees(np.arctan2(drop, second - first)) == pytest.approx(20.0, abs=1.5)
    high = coarse(slope=20.0, spoiler=0.1)
    assert high.bounds[1, 2] == pytest.approx(mesh.bounds[1, 2], abs=0.005)
    rise = top_at(high, 0.955 * length) - top_at(mesh, 0.955 * length)
    assert 0.05 < rise < 0.11
    assert top_at(high, first) == pytest.approx(top_at(mesh, first), abs=0.01)


def test_every_corner_of_the_ranges_is_a_car() -> None:
    for index in range(2 ** len(RANGES)):
        sizes: dict[str, Any] = {
            name: ends[index >> bit & 1] for bit, (name, ends) in enumerate(RANGES.items())
        }
        car = car_of(CarDesign(**sizes))
        assert car.roof_start < car.roof_stop < 0.965
        assert 0 < car.clearance < car.nose < car.hood < car.height
        assert slope_of(car) == pytest.approx(sizes["slope"], abs=1e-9)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"slope": 70.0}, "slope must be in 12 to 60, got 70"),
        ({"length": float("nan")}, "length must be in 3.8 to 5.2, got nan"),
    ],
)
def test_sizes_out_of_range_are_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(GeometryError, match=words):
        CarDesign(**changes)


@pytest.mark.parametrize("kind", ["notchback", "van"])
def test_profile_of_parameters_is_that_of_the_mesh(kind: cars.CarKind) -> None:
    """Rounding and smoothing leave the mesh a little within its outlines."""
    car = replace(draw_car(kind, np.random.default_rng(3)), wheel=0.0, mirrors=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cars, "Grid", partial(Grid, spacing=2 * SPACING))
        mesh = remeshed(car_mesh(car), 0.02)
    under, over, half = np.split(profile(car), 3)
    x, y, z = mesh.vertices.T
    for index in range(1, STATIONS - 1):
        near = abs(x - (index + 0.5) / STATIONS) < 0.02
        assert over[index] == pytest.approx(z[near].max(), abs=0.03)
        assert under[index] == pytest.approx(z[near].min(), abs=0.03)
    assert half[5] == pytest.approx(y.max(), abs=0.02)
    low, high = mesh.bounds / mesh.extent[0]
    sizes = built_sizes(car)
    assert sizes["height"] == pytest.approx(high[2], abs=0.008)
    assert sizes["width"] == pytest.approx(high[1] - low[1], abs=0.012)
    assert sizes["clearance"] == pytest.approx(low[2], abs=0.008)
