"""The data set ``car``: flows around cars and other bodies over moving ground."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mspt.config import ModelConfig, Preset, TrainConfig
from mspt.data.capabilities import FlowBodies
from mspt.data.clouds import CloudStack
from mspt.data.dataset import CaseDone, Dataset, PointsStored, Request
from mspt.data.sets.car.bodies import drawn_body
from mspt.data.sets.car.clouds import LAYOUT, stack_flows
from mspt.data.sets.car.families import NAME, NUM_CASES, family_and_split, flow_index
from mspt.data.sets.car.flow_case import FlowCase
from mspt.data.sets.car.generate import generate_flows, ship_flows
from mspt.data.sets.car.store import (
    MESHES,
    SPLITS,
    label_errors,
    left_out,
    list_flows,
    load_flow,
    load_flows,
    load_repeats,
    require_flows,
)
from mspt.errors import DataError
from mspt.geometry.mesh import SurfaceMesh
from mspt.geometry.outline import describe_outline

# Surface and flow together, in few large patches as for elasticity.
_MODEL = ModelConfig(
    space_dim=3,
    in_features=5,
    out_channels=7,
    width=96,
    num_heads=4,
    num_blocks=6,
    num_patches=8,
    num_supernodes=8,
    unified_position=4,
)
_K64 = replace(_MODEL, num_patches=64, num_supernodes=1)
# A branched model has two sets of weights, each of two thirds of the width; on a GPU a step of it
# takes 1.6 times as long, hence fewer epochs in the same minutes.
_BRANCHED = replace(_K64, architecture="branched", width=64)
_TRANSOLVER = replace(_K64, architecture="transolver", num_patches=None, num_slices=64)
_TRAIN = TrainConfig(epochs=68, surface_points=4096, volume_points=2560)


class FlowFiles:
    """One file a case, in a named folder, else in that of generated data or in what ships."""

    def names(self, dataset: Dataset, split: str, root: Path | None) -> tuple[str, ...]:  # noqa: ARG002
        """Return the names of a split's cases that are there."""
        return list_flows(split, root=root)

    def load(self, dataset: Dataset, name: str, root: Path | None) -> FlowCase:  # noqa: ARG002
        """Return one case by its name, such as ``car-0012``.

        Raises:
            DataError: If there is no such case.
        """
        return load_flow(name, root=root)

    def cases(
        self,
        dataset: Dataset,
        split: str,
        root: Path | None,
        limit: int | None,
        train: TrainConfig,
    ) -> CloudStack:
        """Return the cases of a split, of which clouds of the training's size are drawn.

        Raises:
            DataError: If there are none.
        """
        return stack_flows(
            dataset.name,
            load_flows(split, root=root)[:limit],
            num_surface=train.surface_points,
            num_volume=train.volume_points,
        )

    def prepare(
        self,
        dataset: Dataset,  # noqa: ARG002 - one signature for all sources
        split: str,
        root: Path | None,
        limit: int | None,
    ) -> Iterator[PointsStored]:
        """Refuse a named folder that lacks cases; there is nothing to do, as reading is fast.

        Raises:
            DataError: With the cases that are missing.
        """
        if root is not None:
            require_flows(split, root=root, limit=limit)
        yield from ()

    def generate(self, dataset: Dataset, request: Request) -> Iterator[CaseDone]:
        """Solve cases with OpenFOAM, resuming an earlier run.

        Raises:
            DataError: If the request is out of range.
            SolverError: If OpenFOAM is not installed.
        """
        if request.per_split is not None:
            raise DataError(
                f"--per-split must be absent for {dataset.name}, got {request.per_split}; "
                "use --cases"
            )
        rest = max(1, dataset.num_cases - request.first)  # where nothing is left, the call refuses
        return generate_flows(
            num_cases=rest if request.num_cases is None else request.num_cases,
            first=request.first,
            seed=request.seed,
            out=request.out,
            jobs=request.jobs,
            mesh=request.mesh,
        )

    def ship(
        self,
        dataset: Dataset,
        root: Path,
        out: Path,
        limits: Mapping[str, int],
    ) -> Mapping[str, int]:
        """Copy generated flows to what ships, with fewer points of the flow.

        Raises:
            DataError: If only some cases are to be copied, or there are no cases.
        """
        for split, number in limits.items():
            raise DataError(
                f"--{split} must be absent for {dataset.name}, got {number}; all cases are copied"
            )
        if not (root / dataset.name).is_dir():
            raise DataError(f"--data must be a folder with generated cases, got '{root}'")
        return ship_flows(root=root, out=out)

    def at_hand(self, dataset: Dataset, root: Path | None) -> Mapping[str, int]:
        """Return how many cases of each split are there."""
        return {split: len(self.names(dataset, split, root)) for split in dataset.splits}


def body_surface(name: str) -> SurfaceMesh:
    """Return the closed surface of a case's body."""
    return drawn_body(flow_index(name))


def body_family(name: str) -> str:
    """Return what kind of body a case has, such as ``van``."""
    return family_and_split(flow_index(name))[0]


def training_facts(cases: CloudStack) -> dict[str, Any]:
    """Return what a header stores of training flows: mean coefficients and the bodies' outlines."""
    bodies = [half.points[: half.num_surface].double().numpy() for half in cases.halves]
    return {
        "mean_C_D": float(np.mean(cases.drag)),
        "mean_C_L": float(np.mean(cases.lift)),
        "library": {
            "names": list(cases.names),
            "families": [body_family(name) for name in cases.names],
            "outlines": [describe_outline(body).round(4).tolist() for body in bodies],
        },
    }


def _split_sizes() -> dict[str, int | None]:
    found = [family_and_split(index)[1] for index in range(NUM_CASES)]
    return {split: found.count(split) for split in SPLITS}


CAR = Dataset(
    name=NAME,
    title="Car aerodynamics",
    equation=(
        r"\nabla \cdot u = 0, \quad u \cdot \nabla u = -\nabla p + \nabla \cdot"
        r" \left[(\nu + \nu_t)(\nabla u + \nabla u^T)\right]"
    ),
    geometry=(
        "Bodies of length 1 over moving ground in a uniform stream, Reynolds number 4 million: "
        "55% cars (half of them on wheels, half sealed), 20% Ahmed-type blocks, 25% generic "
        "bodies. Training uses neither pickups nor cylinders. Fields on all faces of the body and "
        "at points of the flow, on one side of the plane of symmetry. 2,000 more cases can be "
        "generated: curved vehicles from city car to lorry, with details and as shrink-wrapped "
        "shells, and the former bodies deformed; lorries are not trained on either."
    ),
    solver=(
        "OpenFOAM's simpleFoam, k-omega SST with wall functions, half a domain of 70,000 to "
        "100,000 cells, two boundary layers, means over the last 80 of 240 iterations."
    ),
    licence="MIT, generated by this project",
    space_dim=3,
    layout=LAYOUT,
    splits=_split_sizes(),
    source=FlowFiles(),
    presets={
        "car": Preset(dataset=NAME, model=_MODEL, train=_TRAIN),
        "car-k64": Preset(dataset=NAME, model=_K64, train=_TRAIN),
        "car-branched": Preset(dataset=NAME, model=_BRANCHED, train=replace(_TRAIN, epochs=38)),
        "car-transolver": Preset(dataset=NAME, model=_TRANSOLVER, train=_TRAIN),
    },
    seconds_per_case=52.0,
    body=FlowBodies(
        surface=body_surface,
        family=body_family,
        first_family="notchback",
        held_out=("test", "unseen"),
        meshes=tuple(MESHES),
        repeats=load_repeats,
        left_out=left_out,
        label_errors=label_errors,
    ),
    training_facts=training_facts,
)
