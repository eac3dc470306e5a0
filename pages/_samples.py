"""What a page looks at: a shipped case, a shape of one's own, or a made-up cloud."""

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from mspt.checkpoint import CheckpointInfo
from mspt.data.registry import DATASETS
from mspt.data.sets.car.dataset import CAR
from mspt.data.sets.car.families import family_and_split, flow_index
from mspt.data.sets.car.flow_case import FlowCase
from mspt.data.sets.car.store import list_flows, load_flow
from mspt.data.stress_clouds import STRESS_CLOUDS, stress_cloud
from mspt.geometry.placement import Placement, place_mesh
from mspt.inference.sample import (
    Sample,
    predict_sample,
    sample_of_case,
    sample_of_clouds,
    sample_of_flow,
    sample_of_points,
)
from mspt.inference.sampling import cloud_size, sample_inputs
from pages import _flows, _parts, _shared

CAR_CASES, SHAPES, STRESS = CAR.name, "shape", "stress"
MODEL_SOURCES = (CAR_CASES, *DATASETS, SHAPES)
"""What a model can be asked about."""
FIRST_FAMILY = "notchback"
STRESS_SIZES = (1_000, 2_000, 5_000, 10_000, 20_000, 32_768, 50_000, 100_000)


def keep_choices(sources: tuple[str, ...] = MODEL_SOURCES) -> None:
    """Let what was chosen on another page be chosen on this one, unless its address names a case.

    Streamlit alone forgets what an address said, and takes what another page chose for a default
    that an address names.
    """
    state, address = st.session_state, st.query_params
    if not _parts.is_new_page():
        return
    named = ("source", "checkpoint", *(f"{source}_case" for source in sources))
    chosen = {key: state.pop(key, None) for key in named}
    source = chosen["source"] or CAR_CASES
    if any(key in address for key in named):
        state.update({key: address[key] for key in named if key in address})
    elif source in sources:
        for key in ("source", "checkpoint", f"{source}_case"):
            if chosen[key]:
                state[key] = address[key] = chosen[key]


def pick_source(options: tuple[str, ...] = MODEL_SOURCES, *, default: str = CAR_CASES) -> str:
    """Let a person choose where the cloud comes from."""
    return st.segmented_control(
        "Cloud from",
        options,
        key="source",
        default=default,
        required=True,
        bind="query-params",
        help="car, elasticity and darcy are test cases; shape is one of yours or a sample"
        + ("; stress are clouds that are hard to cut." if STRESS in options else "."),
    )


def pick_checkpoint(source: str) -> CheckpointInfo:
    """Let a person choose a checkpoint that can be asked about a source."""
    return _parts.pick_checkpoint(CAR_CASES if source in (SHAPES, STRESS) else source)


def pick_name(source: str) -> str:
    """Let a person choose one of the cases or shapes of a source or of ``STRESS``."""
    key = f"{source}_case"
    if source == SHAPES:
        mine = ["My shape"] if "my_shape" in st.session_state else []
        return st.selectbox("Shape", [*mine, *_flows.SAMPLES], key=key, bind="query-params")
    if source == STRESS:
        return st.selectbox("Cloud", list(STRESS_CLOUDS), key=key, bind="query-params")
    names = flow_names() if source == CAR_CASES else list(_shared.test_cases(source).names)
    return st.selectbox(
        f"Test case, one of {len(names)}",
        names,
        index=place_of_first(names) if source == CAR_CASES else 0,
        key=key,
        bind="query-params",
        # Shown only: the address keeps the name.
        help="Names of cars and bodies say their family." if source == CAR_CASES else None,
    )


def pick_size() -> int:
    """Let a person choose how many points a made-up cloud has."""
    return st.select_slider(
        "Points N", STRESS_SIZES, value=32_768, key="stress_points", bind="query-params"
    )


def stress_sample(kind: str, num_points: int) -> Sample:
    """Return a made-up cloud that is hard to cut into patches."""
    name = f"stress-{kind}-{num_points}"
    return sample_of_points(name, _stress_cloud(kind, num_points), title=f"Cloud {kind}")


@st.cache_resource(max_entries=8, show_spinner="Making the cloud …")
def _stress_cloud(kind: str, num_points: int):
    return stress_cloud(kind, num_points)


def flow_names() -> list[str]:
    """Return the flow cases that no model has learned from: test, then unseen families."""
    return [*list_flows("test"), *list_flows("unseen")]


def place_of_first(names: Sequence[str]) -> int:
    """Return the place of the body shown before anything is chosen: the first of a known look."""
    families = [flow_family(name) for name in names]
    return families.index(FIRST_FAMILY) if FIRST_FAMILY in families else 0


def flow_family(name: str) -> str:
    """Return what kind of body a flow case has, such as ``van``."""
    return family_and_split(flow_index(name))[0]


def sample(source: str, name: str, header: CheckpointInfo, *, whole: bool = False) -> Sample:
    """Return a cloud to look at.

    Args:
        source: One of ``MODEL_SOURCES``.
        name: From :func:`pick_name`.
        header: Checkpoint, whose size of clouds is taken for bodies.
        whole: Take all points known of a body, several times as many as the model has learned on.
    """
    if source == CAR_CASES:
        return _flow_sample(name, header.path, header.path.stat().st_mtime, whole=whole)
    if source == SHAPES:
        shape = st.session_state["my_shape"] if name == "My shape" else _flows.example_shape(name)
        placement = _flows.guessed(shape.digest, shape.suffix, shape.mesh)
        return _shape_sample(shape.digest, header.path, placement, _shape=shape, whole=whole)
    return sample_of_case(_shared.find_case(source, name))


@st.cache_resource(max_entries=8, show_spinner="Reading the flow …")
def _flow_sample(name: str, path: Path, changed: float, *, whole: bool) -> Sample:  # noqa: ARG001
    size = None if whole else cloud_size(_shared.checkpoint(path))
    return sample_of_flow(name, stored_flow(name), size=size)


@st.cache_resource(max_entries=8, show_spinner=False)
def stored_flow(name: str) -> FlowCase:
    """Return a flow case as stored."""
    return load_flow(name)


@st.cache_resource(max_entries=8, show_spinner="Placing points on and around the shape …")
def _shape_sample(
    digest: str, path: Path, placement: Placement, *, _shape: _flows.Shape, whole: bool
) -> Sample:
    mesh = place_mesh(_shape.mesh, placement).mesh
    inputs = sample_inputs(_shared.checkpoint(path), mesh)
    clouds = inputs.clouds if whole else inputs.clouds[:1]
    key = f"shape-{digest}{'-whole' if whole else ''}"
    return sample_of_clouds(key, clouds, title=_shape.name, body=mesh)


def predicted(header: CheckpointInfo, looked_at: Sample):
    """Return a model's fields at the points of a sample."""
    changed = header.path.stat().st_mtime
    return _predicted(header.path, changed, looked_at.key, _parts.device(), _sample=looked_at)


@st.cache_data(max_entries=32, show_spinner="The model predicts …")
def _predicted(
    path: Path,
    changed: float,  # noqa: ARG001
    key: str,  # noqa: ARG001
    device: str,
    *,
    _sample: Sample,
):
    checkpoint = _shared.checkpoint(path)
    with _shared.one_at_a_time():
        return predict_sample(checkpoint, _sample, device=device)
