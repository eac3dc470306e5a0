"""The nearest solved cars, found from parameters alone."""

import numpy as np
import pytest

from mspt.data.sets.car.families import car_body, flow_index
from mspt.data.sets.car.known_cars import nearest_cars
from mspt.data.sets.car.store import load_flow
from mspt.geometry.bodies.tailored import CarDesign, car_of, profile


def test_a_car_of_the_data_set_is_nearest_to_itself_with_its_stored_parameters() -> None:
    (first, *_) = nearest_cars(car_of(CarDesign()), count=1)
    again = nearest_cars(first.car, count=2)
    assert (again[0].name, again[0].distance) == (first.name, 0.0)
    assert again[1].distance > 0
    assert first.car == car_body(flow_index(first.name)).parameters
    info = load_flow(first.name).info
    assert info["family"] == first.car.kind
    assert info["height"] == pytest.approx(first.car.height)


@pytest.mark.parametrize("wheels", [True, False])
def test_cars_are_ordered_by_distance_and_alike_in_wheels(wheels: bool) -> None:  # noqa: FBT001
    car = car_of(CarDesign(wheels=wheels, slope=55.0, height=1.6))
    found = nearest_cars(car, count=4)
    assert [one.distance for one in found] == sorted(one.distance for one in found)
    assert {one.car.wheel > 0 for one in found} == {wheels}
    for one in found:
        difference = profile(one.car) - profile(car)
        assert one.distance == pytest.approx(np.linalg.norm(difference) / 6)  # of 36 numbers
