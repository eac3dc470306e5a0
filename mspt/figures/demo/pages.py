"""Pages of the demo: what each of them says and the scene it shows.

Letters: K patches, Q supernodes per patch.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mspt.checkpoint import Checkpoint
from mspt.data.registry import dataset_of_case
from mspt.errors import MSPTError
from mspt.evaluation.comparison import compare, patches_of, primary_error, views_of, worst_patches
from mspt.figures.scenes.attention import AttentionCloud, weights_scene
from mspt.figures.scenes.comparison import compared_scene, quantity_of
from mspt.figures.scenes.parts import close_view
from mspt.figures.scenes.patches import CloseView, ShownPartition, patch_scene
from mspt.figures.scenes.tour import build_tour
from mspt.figures.viewer.scene import Scene
from mspt.inference.sample import Sample, load_sample, predict_sample
from mspt.inspection.observation import Observed, attend_from, observe, peak_point
from mspt.partition.patches import (
    measure_patches,
    nearest_points,
    supernode_centers,
    touching_patches,
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Page:
    """A page of the demo.

    Attributes:
        key: Name of its file, without the ending.
        link: Its name in the list of pages.
        title: Its title.
        says: What it shows, in sentences.
        scene: The scene.
        facts: Numbers, by what they are.
        command: Command that computes the same.
    """

    key: str
    link: str
    title: str
    says: str
    scene: Scene
    facts: dict[str, str]
    command: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Shown:
    """A case with the model that predicts it.

    Attributes:
        name: Of the case.
        checkpoint: The model.
        file: Of the checkpoint, as commands name it.
    """

    name: str
    checkpoint: Checkpoint
    file: str

    @property
    def sample(self) -> Sample:
        """The cloud, of a flow as many points as the training had."""
        is_flow = dataset_of_case(self.name).body is not None
        return load_sample(self.name, self.checkpoint if is_flow else None)

    @property
    def kind(self) -> str:
        """The data set, and of a flow the kind of body."""
        dataset = dataset_of_case(self.name)
        family = "" if dataset.body is None else f", {dataset.body.family(self.name)}"
        return f"{dataset.title}{family}"


def tour_page(shown: Shown) -> Page:
    """Return the tour of a flow around a body, from a shape to the predicted field."""
    tour = build_tour(observe(shown.checkpoint, shown.sample))
    return Page(
        key="tour",
        link="Tour",
        title="From a shape to the predicted flow, in six stops",
        says="Each stop shows one step of the Multi-Scale Patch Transformer on the same body: the "
        "points, the ball tree, the patches and their supernodes, the attention of one point, the "
        "prediction and its error. Choose a stop below the picture, or press Page Down.",
        scene=tour.scene,
        facts=_facts(shown),
        command=f"python -m mspt attention {shown.name} --checkpoint {shown.file}",
    )


def case_page(shown: Shown) -> Page:
    """Return truth, prediction and error of a case."""
    sample = shown.sample
    fields = predict_sample(shown.checkpoint, sample)
    view = next(iter(views_of(sample).values()))
    found = compare(sample, fields, view)
    patch = patches_of(shown.checkpoint, sample)
    scene = compared_scene(
        sample,
        {"model": found},
        mode="signed",
        patch=patch,
        shares=None if patch is None else worst_patches(patch, found),
        marked_row=int(found.squared.argmax()),
    )
    quantity = quantity_of(found)
    facts = _facts(shown) | {
        f"Error of {quantity.name}, relative L2": f"{primary_error(sample, fields):.2%}",
        "Points": f"{len(sample.points):,}",
    }
    info = getattr(dataset_of_case(shown.name).load(shown.name), "info", {})
    if "C_D" in info:
        facts["C_D by the solver"] = f"{info['C_D']:.4f}"
    return Page(
        key=shown.name,
        link=shown.name,
        title=f"{shown.name}: truth, prediction and error",
        says=f"{shown.kind}: truth, prediction and error of {view.name}. Left what the solver has "
        "computed, in the middle what the model predicts, right the difference. A ring marks the "
        f"largest error. {_about_training(shown.name)}",
        scene=scene,
        facts=facts,
        command=f"python -m mspt solve {shown.name} --checkpoint {shown.file}"
        if dataset_of_case(shown.name).body is None
        else f"python -m mspt evaluate {shown.file}",
    )


def patches_page(shown: Shown) -> Page:
    """Return the patches of a case with balls and supernodes, and the levels of the tree."""
    observed = observe(shown.checkpoint, shown.sample)
    sample, partition = observed.sample, observed.partition
    box = close_view(sample)
    count = observed.recording.num_supernodes
    scene = patch_scene(
        sample.points,
        ShownPartition(
            title="Patches",
            partition=partition,
            shapes=measure_patches(sample.points, partition),
            touching=touching_patches(partition, nearest_points(sample.points)),
        ),
        unit="lengths" if sample.body is not None else "domain sides",
        num_supernodes=count,
        body=sample.body,
        close=None if box is None or sample.triangles is None else CloseView(box, sample.triangles),
    )
    number = len(partition.offsets) - 1
    return Page(
        key=f"patches-{shown.name}",
        link=f"Patches of {shown.name}",
        title=f"{shown.name}: patches and supernodes",
        says="A balanced ball tree halves the cloud until its leaves, the patches, are reached. "
        "Move the slider through its levels, switch balls and supernodes on, and pull the patches "
        "apart. A supernode is the mean of the points of a part of its patch.",
        scene=scene,
        facts=_facts(shown)
        | {"Patches K": f"{number}", "Supernodes Q per patch": f"{count}"}
        | {"Points": f"{len(sample.points):,}"},
        command=f"python -m mspt patches {shown.name} --patches {number} --supernodes {count}",
    )


def attention_pages(shown: Shown, blocks: Sequence[int] = (0, -1)) -> list[Page]:
    """Return what one point attends to, in some blocks.

    Args:
        shown: The case and the model.
        blocks: Their places, from 0 or, if negative, from the last one.
    """
    observed = observe(shown.checkpoint, shown.sample)
    if not observed.recording.num_patches:
        raise MSPTError(f"checkpoint must be of a model with patches, got {shown.file}")
    number = observed.recording.num_blocks
    point = peak_point(observed)
    places = dict.fromkeys(block % number for block in blocks)  # a model may have one block only
    return [_attention_page(shown, observed, point, block) for block in places]


def _attention_page(shown: Shown, observed: Observed, point: int, block: int) -> Page:
    seen = attend_from(observed, [point], block=block)
    sample, partition = observed.sample, observed.partition_of(block)
    cloud = AttentionCloud(
        points=sample.points.numpy(),
        triangles=sample.triangles,
        body=sample.body,
        patch_of_point=partition.patch_of_point.numpy(),
        nodes=supernode_centers(sample.points, partition, observed.recording.num_supernodes),
        close_view=close_view(sample),
    )
    found = seen.summary
    return Page(
        key=f"attention-{shown.name}-block-{block + 1}",
        link=f"Attention, {shown.name}, block {block + 1}",
        title=f"{shown.name}: what one point attends to, block {block + 1}",
        says=f"Point {point}, in a ring, attends to the points of its own patch (left) and to all "
        "supernodes (right), which stand for their points; mean over the heads. Values are "
        "multiples of even attention. Attention weights alone do not explain a prediction.",
        scene=weights_scene(
            cloud,
            np.asarray(seen.local),
            np.asarray(seen.through_supernodes),
            np.asarray(seen.on_supernodes),
            picked=(point,),
        ),
        facts=_facts(shown)
        | {
            "Attention to all supernodes": f"{found.global_share:.1%}",
            "Attention to the own patch": f"{found.local_share:.1%}",
            "Effective number of keys": f"{found.effective_keys:.1f} of {found.num_keys}",
        },
        command=f"python -m mspt attention {shown.name} --checkpoint {shown.file} "
        f"--points {point} --block {block + 1}",
    )


def _about_training(name: str) -> str:
    dataset = dataset_of_case(name)
    splits = dataset.body.held_out if dataset.body is not None else ("test",)
    is_held_out = any(name in dataset.names(split) for split in splits)
    return "Training has not used this case." if is_held_out else "It is no test case."


def _facts(shown: Shown) -> dict[str, str]:
    config = shown.checkpoint.config
    return {
        "Case": f"{shown.name} ({shown.kind})",
        "Model": f"{shown.file}: {config.architecture}, {config.num_blocks} blocks, "
        f"width {config.width}",
    }
