"""Drawings in addresses: what goes in comes out, and what is damaged is refused."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mspt.data.dataset import Dataset
from mspt.data.registry import datasets, get_dataset
from mspt.errors import DataError
from mspt.inference.drawing_links import MOST_CHARACTERS, pack_drawing, rounded, unpack_drawing
from mspt.inference.drawings import drawing_of, preset_drawing

DRAWABLE = [one for one in datasets() if one.drawing is not None]
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
numbers = st.floats(-1e6, 1e6, allow_nan=False)


@pytest.mark.parametrize("dataset", DRAWABLE, ids=lambda one: one.name)
def test_every_example_comes_back_from_a_short_text(dataset: Dataset) -> None:
    for preset in drawing_of(dataset).examples:
        content = preset_drawing(dataset, preset, seed=5)
        text = pack_drawing(dataset, content)
        assert len(text) <= MOST_CHARACTERS
        assert set(text) <= set(LETTERS)
        assert unpack_drawing(dataset, text) == rounded(content)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**7225 - 1))
def test_maps_come_back_exactly(bits: int) -> None:
    cells, darcy = [int(digit) for digit in f"{bits:07225b}"], get_dataset("darcy")
    assert unpack_drawing(darcy, pack_drawing(darcy, cells)) == cells


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(numbers, numbers).map(list), min_size=3, max_size=60))
def test_outlines_come_back_to_six_digits(polygon: list[list[float]]) -> None:
    dataset = get_dataset("elasticity")
    found = unpack_drawing(dataset, pack_drawing(dataset, polygon))
    assert found == [pytest.approx(row, rel=5e-6, abs=1e-300) for row in polygon]
    assert pack_drawing(dataset, found) == pack_drawing(dataset, polygon)


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_a_changed_or_cut_text_is_refused_or_read_as_it_is(data: st.DataObject) -> None:
    """No other error: the checksum or the form tells, and whatever is read can be drawn."""
    dataset = data.draw(st.sampled_from(DRAWABLE))
    text = pack_drawing(dataset, preset_drawing(dataset, "Random", seed=1))
    place = data.draw(st.integers(0, len(text) - 1))
    changed = data.draw(
        st.sampled_from(
            [text[:place], text[:place] + data.draw(st.sampled_from(LETTERS)) + text[place + 1 :]]
        )
    )
    with suppress(DataError):
        found = unpack_drawing(dataset, changed)
        assert found == unpack_drawing(dataset, text)  # another letter for the same bits


WRONG = ["", "j", "x" * 50, "m", "jbm90IHpsaWI", "j" * 7000, "jäöü", "m\0"]


@pytest.mark.parametrize("text", WRONG)
@pytest.mark.parametrize("dataset", DRAWABLE, ids=lambda one: one.name)
def test_what_is_no_drawing_is_refused(dataset: Dataset, text: str) -> None:
    with pytest.raises(DataError, match="link must hold a whole drawing"):
        unpack_drawing(dataset, text)


def test_a_text_that_unpacks_to_much_more_is_refused() -> None:
    dataset = get_dataset("elasticity")
    with pytest.raises(DataError, match="damaged"):
        unpack_drawing(dataset, pack_drawing(dataset, [[0.0, 0.0]] * 50_000))


def test_a_drawing_too_long_for_an_address_is_refused() -> None:
    corners = [[(7919 * i % 1000) / 1009, (104729 * i % 1000) / 1013] for i in range(1500)]
    with pytest.raises(DataError, match="short enough for a link"):
        pack_drawing(get_dataset("elasticity"), corners)


def test_numbers_of_another_data_set_are_refused() -> None:
    elasticity, pipe = get_dataset("elasticity"), get_dataset("pipe")
    text = pack_drawing(elasticity, [[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]])
    with pytest.raises(DataError, match="drawing of pipe"):
        unpack_drawing(pipe, text)
