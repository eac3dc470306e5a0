"""The clouds that pages show: a shipped case, a shape of one's own, or a stress cloud."""

import streamlit as st

from mspt.data.registry import dataset_of_case, get_dataset
from mspt.data.sets.car.flow_case import FlowCase
from mspt.data.stress_clouds import stress_cloud
from mspt.geometry.placement import place_mesh
from mspt.inference.sample import (
    Sample,
    fitted,
    sample_of_brought,
    sample_of_case,
    sample_of_clouds,
    sample_of_flow,
    sample_of_points,
)
from mspt.inference.sampling import cloud_size, sample_inputs
from pages._shared import own, shapes
from pages._shared.cache import CheckpointKey, ListedCheckpoint, find_case, load, test_cases
from pages._shared.datasets import SHAPES, has_flow
from pages._shared.store import kept


def case_names(source: str) -> list[str]:
    """Return the cases of a data set that no training has used: test, and held-out families."""
    body = get_dataset(source).body
    if body is not None:
        return [name for split in body.held_out for name in get_dataset(source).names(split)]
    return list(test_cases(source).names)


def case_names_to_pick(source: str) -> list[str]:
    """Return the same cases, the one in front that a page shows first; before it the visitor's."""
    names = case_names(source)
    if (body := get_dataset(source).body) is not None:
        first = (name for name in names if body.family(name) == body.first_family)
        names.insert(0, names.pop(names.index(next(first, names[0]))))
    return [*own.case_names(source), *names]


def flow_family(name: str) -> str:
    """Return the kind of body of a flow case, such as ``van``."""
    body = dataset_of_case(name).body
    return "" if body is None else body.family(name)


def sample(
    source: str, name: str, checkpoint: ListedCheckpoint, *, all_points: bool = False
) -> Sample:
    """Return a cloud.

    Args:
        source: A data set or ``SHAPES``.
        name: Of the case or the shape.
        checkpoint: Around bodies, gives the numbers of points that it was trained on.
        all_points: Take all points known of a body, several times as many as in training.
    """
    if (mine := own.find(name)) is not None:
        return sample_of_brought(mine)
    if has_flow(source):
        return _flow_sample(name, checkpoint.key, all_points=all_points)
    if source == SHAPES:
        shape = shapes.named_shape(name)
        return _shape_sample(shape.key, checkpoint.key, _shape=shape, all_points=all_points)
    return sample_of_case(find_case(source, name))


@st.cache_resource(max_entries=8, show_spinner="Reading the flow …")
def _flow_sample(name: str, key: CheckpointKey, *, all_points: bool) -> Sample:
    checkpoint = load(key)
    size = None if all_points else cloud_size(checkpoint)
    return fitted(sample_of_flow(name, stored_flow(name), size=size), checkpoint.config)


@st.cache_resource(max_entries=8, show_spinner=False)
def stored_flow(name: str) -> FlowCase:
    """Return a flow case as stored."""
    return dataset_of_case(name).load(name)


@kept("points of shapes", megabytes=100, spinner="Placing points on and around the shape …")
def _shape_sample(
    shape_key: str, key: CheckpointKey, *, _shape: shapes.Shape, all_points: bool
) -> Sample:
    prepared = shapes.prepared(_shape)
    mesh = place_mesh(prepared.body, prepared.guess.best).mesh
    inputs = sample_inputs(load(key), mesh)
    clouds = inputs.clouds if all_points else inputs.clouds[:1]
    name = f"shape-{shape_key}{'-whole' if all_points else ''}"
    return sample_of_clouds(name, clouds, title=_shape.name, body=mesh)


def stress_sample(kind: str, num_points: int) -> Sample:
    """Return a cloud that is hard to partition, and that no model can predict."""
    name = f"stress-{kind}-{num_points}"
    return sample_of_points(name, _stress_cloud(kind, num_points), title=f"Cloud {kind}")


@kept("stress clouds", megabytes=100, spinner="Making the cloud …")
def _stress_cloud(kind: str, num_points: int):
    return stress_cloud(kind, num_points)
