import numpy as np
import pytest
from made_up_datasets import TOY_TIME
from made_up_frames import block_case, torus_case

from mspt.data.capabilities import frames_of
from mspt.data.case import Case, Quantity
from mspt.data.dataset import Dataset
from mspt.data.export import case_table
from mspt.data.frames import frame_columns, frame_layout, timed_names, timeless
from mspt.data.registry import datasets, get_dataset

IN_TIME = [one for one in (*datasets(), TOY_TIME) if one.time is not None]


@pytest.mark.parametrize("dataset", IN_TIME, ids=lambda one: one.name)
def test_all_frames_of_a_data_set_are_of_the_same_quantities(dataset: Dataset) -> None:
    count = len(dataset.time.outputs)
    size = len(dataset.fields) // count
    first = frame_layout(dataset.layout, dataset.time).fields
    for index, time in enumerate(dataset.time.outputs):
        frame = dataset.fields[index * size : (index + 1) * size]
        assert tuple(timeless(one, time) for one in frame) == first
        columns = frame_columns(dataset.layout, dataset.time, index)
        channels = tuple(name for one in frame for name in one.channels)
        assert dataset.layout.field_channels[columns] == channels


def test_a_quantity_whose_own_name_ends_in_a_number_keeps_it() -> None:
    mixed = Quantity(
        name="mode_2", symbol="m", unit="1", description="Mode.", components=("a_1", "a_2")
    )
    assert timeless(frames_of(mixed, (0.25,), first=7)[0], 0.25) == mixed


def test_there_is_no_frame_before_the_first_or_after_the_last() -> None:
    for index in (-1, 3):
        with pytest.raises(ValueError, match=f"index must lie between 0 and 2, got {index}"):
            frame_columns(TOY_TIME.layout, TOY_TIME.time, index)


@pytest.mark.parametrize("case", [torus_case(), block_case()], ids=lambda one: one.dataset)
def test_table_names_the_time_of_every_column(case: Case) -> None:
    dataset = get_dataset(case.dataset)
    table = case_table(case, case.fields + 1)
    names = timed_names(dataset.layout, dataset.time)
    assert len(set(names.values())) == len(names)
    assert set(names) >= set(dataset.layout.field_channels)
    for column, channel in enumerate(dataset.layout.field_channels):
        truth = case.fields[:, column].numpy()
        np.testing.assert_array_equal(table[f"{names[channel]}_truth"], truth)
    unit = "" if dataset.time.unit == "1" else dataset.time.unit
    for time in (*dataset.time.inputs, *dataset.time.outputs):
        assert any(f"_t{time:.4g}{unit}" in column for column in table)
    assert not [column for column in table if any(f"{name}_" in column for name in names)]
