import numpy as np

from mspt.geometry.transfer import transfer_values

UP, DOWN = np.array([0.0, 0.0, 1.0]), np.array([0.0, 0.0, -1.0])


def thin_plate(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Points on both sides of a plate of no thickness."""
    flat = np.random.default_rng(0).random((count, 3)) * (1, 1, 0)
    return np.tile(flat, (2, 1)), np.repeat([UP, DOWN], count, axis=0)


def test_a_place_takes_values_from_its_own_side_of_a_thin_plate() -> None:
    points, normals = thin_plate(300)
    values = np.repeat([[1.0], [-1.0]], 300, axis=0)
    target = points[:50] + 0.003 * np.array([1.0, 0.0, 0.0]), normals[:50]
    carried = transfer_values(values, (points, normals), target, normal_weight=1.0, count=4)
    np.testing.assert_allclose(carried, 1.0)


def test_a_place_that_is_known_keeps_its_value() -> None:
    points, normals = thin_plate(40)
    values = np.random.default_rng(1).normal(size=(80, 3))
    same = transfer_values(values, (points, normals), (points, normals), normal_weight=0.1, count=6)
    np.testing.assert_allclose(same, values, atol=1e-9)


def test_values_are_weighted_with_distances_in_space_and_between_normals() -> None:
    """One place is 3 away with the same normal, the other 1 away with a normal at right angles.

    The latter lies sqrt(1 + 2 w^2) away, as such normals differ by sqrt 2: also 3 for w = 2.
    """
    source = np.array([[3.0, 0, 0], [0.0, 1, 0]]), np.array([UP, [1.0, 0, 0]])
    target = np.zeros((1, 3)), UP[None]
    for weight, expected in ((0.0, 1 / 10), (2.0, 1 / 2), (6.0, 73 / 82)):
        (carried,) = transfer_values(
            np.array([[1.0], [0.0]]), source, target, normal_weight=weight, count=2
        )
        np.testing.assert_allclose(carried, expected)


def test_fewer_places_than_asked_for_will_do() -> None:
    points, normals = np.zeros((1, 3)), UP[None]
    carried = transfer_values(
        np.array([[7.0]]), (points, normals), (points + 1, normals), normal_weight=1.0, count=6
    )
    assert carried.tolist() == [[7.0]]
