"""Pieces of the page for patches: the cloud, its cuts (cached), settings, numbers, table."""

from dataclasses import dataclass, replace
from time import perf_counter

import numpy as np
import pandas as pd
import streamlit as st
from torch import Tensor

from mspt.benchmarks.cost import recommended_patches
from mspt.checkpoint import CheckpointInfo
from mspt.config import PATCHED, ModelConfig
from mspt.data.stress_clouds import stress_cloud
from mspt.figures.scenes.patches import ShownCut
from mspt.inference.sample import Sample
from mspt.partition.alternatives import CUTS, Cut, cut_points
from mspt.partition.ball_tree import Partition
from mspt.partition.patches import (
    Compactness,
    PatchShapes,
    compactness,
    measure_patches,
    nearest_points,
    neighbor_lists,
    patch_table,
    touching_patches,
)
from pages import _samples

SOURCES = (*_samples.MODEL_SOURCES, _samples.STRESS)
CUT_NAMES: dict[str, Cut] = {cut.replace("_", " "): cut for cut in CUTS}
PARTS = ("body", "flow", "both")


@dataclass(frozen=True, kw_only=True, eq=False)
class View:
    """The cloud on the page and what it may be asked.

    Attributes:
        key: Of the cloud and the part of it that is shown.
        source: Where it comes from.
        name: Of the case, shape or made-up cloud.
        part: One of ``PARTS``; ``both`` for clouds without a body.
        sample: All that is known of it.
        rows: Which of its points are shown.
        points: These points.
        header: The checkpoint whose sizes and errors are taken.
    """

    key: str
    source: str
    name: str
    part: str
    sample: Sample
    rows: slice
    points: Tensor
    header: CheckpointInfo

    @property
    def unit(self) -> str:
        """What coordinates are counted in."""
        if self.sample.body is not None:
            return "body lengths"
        return "cube sides" if self.source == _samples.STRESS else "domain sides"

    @property
    def model_cuts(self) -> bool:
        """Whether the checkpoint is asked about this cloud and cuts it into patches."""
        return self.sample.dataset is not None and self.header.config.architecture in PATCHED

    @property
    def default_patches(self) -> int:
        """Patches as the model cuts them, or as many as are cheapest."""
        count = len(self.points)
        if not self.model_cuts:
            return recommended_patches(count)
        return min(self.header.config.patches_for(len(self.sample.points)), count)

    @property
    def default_supernodes(self) -> int:
        """Supernodes of a patch as the model pools them, or one."""
        return self.header.config.num_supernodes if self.model_cuts else 1


@dataclass(frozen=True, kw_only=True, eq=False)
class Cuts:
    """One partition of the cloud on the page.

    Attributes:
        seconds: That cutting took; the patches were measured after that.
    """

    cut: Cut
    partition: Partition
    shapes: PatchShapes
    compact: Compactness
    seconds: float

    @property
    def num_patches(self) -> int:
        """Patches K."""
        return len(self.shapes.size)

    @property
    def name(self) -> str:
        """How it was cut, in words."""
        return self.cut.replace("_", " ")

    def shown(self) -> ShownCut:
        """Return what is drawn of it."""
        return ShownCut(title=self.name, partition=self.partition, shapes=self.shapes)


def pick_view() -> View:
    """Let a person choose a cloud, in one row."""
    columns = st.columns([4.3, 2, 2, 2.2], vertical_alignment="bottom")
    with columns[0]:
        source = _samples.pick_source(SOURCES)
    with columns[1]:
        name = _samples.pick_name(source)
    with columns[2]:
        header = _samples.pick_checkpoint(source)
    with columns[3]:
        if source == _samples.STRESS:
            sample = _samples.stress_sample(name, _samples.pick_size())
        else:
            sample = _samples.sample(source, name, header, whole=True)
        part = _pick_part() if sample.num_surface else "both"
    count = sample.num_surface
    rows = {"body": slice(0, count), "flow": slice(count, None), "both": slice(0, None)}[part]
    return View(
        key=f"{sample.key}-{part}",
        source=source,
        name=name,
        part=part,
        sample=sample,
        rows=rows,
        points=sample.points[rows],
        header=header,
    )


def _pick_part() -> str:
    return st.segmented_control(
        "Points of the",
        PARTS,
        default="body",
        key="part",
        required=True,
        bind="query-params",
        help="Models cut all points together, unless they have a branch each for body and flow.",
    )


def cut_view(view: View, cut: Cut, num_patches: int) -> Cuts:
    """Cut the cloud on the page."""
    return _cut(view.key, cut, num_patches, _points=view.points)


@st.cache_resource(max_entries=64, show_spinner=False)
def _cut(key: str, cut: Cut, num_patches: int, *, _points: Tensor) -> Cuts:  # noqa: ARG001
    _compile()
    start = perf_counter()
    partition = cut_points(_points, num_patches, cut=cut)
    seconds = perf_counter() - start
    shapes = measure_patches(_points, partition)
    return Cuts(
        cut=cut,
        partition=partition,
        shapes=shapes,
        compact=compactness(shapes),
        seconds=seconds,
    )


@st.cache_resource(show_spinner=False)
def _compile() -> None:
    """Cut a small cloud once, so that no shown time includes what the first one costs."""
    cut_points(stress_cloud("sheet", 64, seed=0), 4)


@st.cache_resource(max_entries=8, show_spinner="Finding neighbors …")
def _nearest(key: str, *, _points: Tensor) -> np.ndarray:  # noqa: ARG001
    return nearest_points(_points)


def error_of(view: View) -> tuple[str, np.ndarray] | None:
    """Return the name of a model's first channel and its error at each point, if it is known."""
    sample = view.sample
    if sample.truth is None:
        return None
    error = (_samples.predicted(view.header, sample) - sample.truth)[:, 0].double().numpy()
    defined = sample.where_defined(sample.channels[0].name)
    return sample.channels[0].name, np.where(defined, error, np.nan)[view.rows]


@st.cache_resource(max_entries=16, show_spinner="Measuring every patch …")
def _table(
    key: str,  # noqa: ARG001
    checkpoint: str,  # noqa: ARG001
    cut: Cut,  # noqa: ARG001
    num_patches: int,  # noqa: ARG001
    *,
    _view: View,
    _cuts: Cuts,
) -> tuple[pd.DataFrame, list[list[int]]]:
    nearest, error = _nearest(_view.key, _points=_view.points), error_of(_view)
    columns = patch_table(
        _view.points,
        _cuts.partition,
        nearest=nearest,
        error=None if error is None else error[1],
    )
    pairs = touching_patches(_cuts.partition, nearest)
    return pd.DataFrame(columns), neighbor_lists(pairs, _cuts.num_patches)


def table_of(view: View, cuts: Cuts) -> tuple[pd.DataFrame, list[list[int]]]:
    """Return one row a patch, and the patches that touch each."""
    used = f"{view.header.path.stem}-{view.header.path.stat().st_mtime}"
    return _table(view.key, used, cuts.cut, cuts.num_patches, _view=view, _cuts=cuts)


def config_for(view: View, num_patches: int, num_supernodes: int) -> ModelConfig:
    """Return an MSPT of the checkpoint's width and depth with other patches."""
    return replace(
        view.header.config,
        architecture="mspt",
        num_patches=num_patches,
        patch_size=None,
        num_supernodes=num_supernodes,
        structured_shape=None,
    )


def compare(view: View, num_patches: int) -> dict[str, Cuts]:
    """Cut the cloud in every way."""
    return {name: cut_view(view, cut, num_patches) for name, cut in CUT_NAMES.items()}
