"""Predict bodies with a known flow as a person's shape is predicted, and note signals and errors.

These are the rows from which an expected error is calibrated. Each body has a file of its own in a
working folder, so that an interrupted run goes on where it stopped.

Letters: F numbers of a form, D numbers of an outline.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from mspt.checkpoint import Checkpoint
from mspt.data.dataset import Dataset
from mspt.data.files import read_arrays, write_arrays
from mspt.data.sets.car.flow_case import FlowCase
from mspt.data.sets.car.store import read_flow
from mspt.geometry.descriptors.body import BodyShape
from mspt.geometry.descriptors.form import describe_form
from mspt.geometry.files.readers import read_mesh
from mspt.geometry.mesh import SurfaceMesh
from mspt.geometry.outline import describe_outline
from mspt.geometry.placement import as_is
from mspt.geometry.preparation import prepare_shape
from mspt.geometry.transfer import transfer_values
from mspt.inference.flow import NORMAL_WEIGHT, NUM_NEIGHBORS, FlowPrediction, predict_flow
from mspt.inference.latent import predict_with_latent
from mspt.inference.repeated import half_cloud
from mspt.inference.sampling import sample_inputs
from mspt.inference.signals import observe

OTHER = "other"
"""Family of bodies that come from elsewhere."""

MOST_KNOWN = 128
"""Training bodies with which a shape is compared, evenly chosen; each takes 1.5 processor s."""

SPLITS = ("validation", "test", "unseen")
"""Splits that training does not use."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Observation:
    """One body: what its prediction shows, and, unless it was trained on, its error.

    Attributes:
        name: Of the case.
        family: Of the body.
        numbers: Signals by name, and ``C_D``, ``C_D_once`` of the pass that is not mirrored,
            ``C_D_true`` and ``C_p_error``; empty for a training body.
        form: See :func:`mspt.geometry.descriptors.form.describe_form`.
        outline: See :func:`mspt.geometry.outline.describe_outline`.
        latent: See :func:`mspt.inference.latent.predict_with_latent`.
    """

    name: str
    family: str
    numbers: Mapping[str, float]
    form: Float64[ndarray, " F"]
    outline: Float64[ndarray, " D"]
    latent: Float64[ndarray, " _"]


@dataclass(frozen=True, kw_only=True)
class Observed:
    """Progress: so many bodies of all are there."""

    done: int
    total: int


def observe_cases(
    checkpoint: Checkpoint,
    dataset: Dataset,
    *,
    members: Mapping[str, Checkpoint],
    folder: Path,
    other_bodies: Path | None = None,
    device: str = "auto",
) -> Iterator[Observed | tuple[list[Observation], list[Observation]]]:
    """Observe training bodies and all bodies with a flow that training did not use.

    The last event holds the training bodies and the others.

    Args:
        checkpoint: A model of flows.
        dataset: That it was trained on.
        members: Other models, by name.
        folder: Where the observations are kept; those that are there already are read.
        other_bodies: A folder with NAME.stl in the wind-tunnel frame and flows NAME.npz.
        device: ``auto``, ``cuda``, ``mps`` or ``cpu``.
    """
    known = list(checkpoint.info["library"]["names"])
    kept = np.unique(np.linspace(0, len(known) - 1, MOST_KNOWN).round().astype(int))
    tasks: list[tuple[Path, Callable[[], Observation]]] = []

    def add(kind: str, name: str, make: Callable[[], Observation]) -> None:
        tasks.append((folder / f"{kind}-{name}.npz", make))

    for split in SPLITS:
        for name in dataset.names(split):
            add(
                "case", name, lambda name=name: _of_case(checkpoint, dataset, name, members, device)
            )
    for path in sorted(other_bodies.glob("*.stl")) if other_bodies else ():
        add("case", path.stem, lambda path=path: _of_other(checkpoint, path, members, device))
    for index in kept:
        add(
            "known",
            known[index],
            lambda name=known[index]: _of_training(checkpoint, dataset, name, device),
        )
    folder.mkdir(parents=True, exist_ok=True)
    found: dict[str, list[Observation]] = {"case": [], "known": []}
    for done, (path, make) in enumerate(tasks, start=1):
        if not path.exists():
            _write(path, make())
        found[path.name.split("-")[0]].append(_read(path))
        yield Observed(done=done, total=len(tasks))
    yield found["known"], found["case"]


def _of_training(checkpoint: Checkpoint, dataset: Dataset, name: str, device: str) -> Observation:
    mesh = _body(dataset).surface(name)
    inputs = sample_inputs(checkpoint, mesh, num_clouds=1)
    _, latent = predict_with_latent(checkpoint, half_cloud(inputs.clouds[0]), device=device)
    return Observation(
        name=name,
        family=_body(dataset).family(name),
        numbers={},
        form=describe_form(BodyShape(mesh), inputs.points, inputs.normals),
        outline=describe_outline(inputs.points),
        latent=latent,
    )


def _of_case(
    checkpoint: Checkpoint,
    dataset: Dataset,
    name: str,
    members: Mapping[str, Checkpoint],
    device: str,
) -> Observation:
    mesh, truth = _body(dataset).surface(name), dataset.load(name)
    family = _body(dataset).family(name)
    return _observed(checkpoint, mesh, truth, (name, family), members, device)


def _of_other(
    checkpoint: Checkpoint, path: Path, members: Mapping[str, Checkpoint], device: str
) -> Observation:
    mesh, truth = (
        as_is(prepare_shape(read_mesh(path)).body).mesh,
        read_flow(path.with_suffix(".npz")),
    )
    return _observed(checkpoint, mesh, truth, (path.stem, OTHER), members, device)


def _observed(
    checkpoint: Checkpoint,
    mesh: SurfaceMesh,
    truth: FlowCase,
    named: tuple[str, str],
    members: Mapping[str, Checkpoint],
    device: str,
) -> Observation:
    inputs = sample_inputs(checkpoint, mesh)
    *_, prediction = predict_flow(checkpoint, mesh, inputs, device=device)
    if not isinstance(prediction, FlowPrediction):
        raise TypeError("prediction ended without a result")
    seen = observe(checkpoint, mesh, inputs, prediction, members=members, device=device)
    drag = prediction.coefficients.C_D
    return Observation(
        name=named[0],
        family=named[1],
        numbers={
            **seen.numbers,
            "C_D": drag,
            "C_D_once": drag + prediction.drag_passes[0] - float(np.mean(prediction.drag_passes)),
            "C_D_true": truth.info["C_D"],
            "C_p_error": pressure_error(prediction, truth),
        },
        form=seen.form,
        outline=seen.outline,
        latent=seen.latent,
    )


def pressure_error(prediction: FlowPrediction, truth: FlowCase) -> float:
    """Return the relative L2 error of C_p on the faces of a solved flow, weighted by area."""
    area = np.linalg.norm(truth.face_areas, axis=1).astype(np.float64)
    normals = truth.face_areas / np.maximum(area, 1e-12)[:, None]
    points, spacing = prediction.surface_points, prediction.surface_area
    found = transfer_values(
        prediction.surface["C_p"][:, None],
        (points, prediction.surface_normals),
        (truth.face_points.astype(np.float64), normals.astype(np.float64)),
        normal_weight=NORMAL_WEIGHT * float(np.sqrt(spacing / len(points))),
        count=NUM_NEIGHBORS,
    )[:, 0]
    true = truth.face_pressure.astype(np.float64)
    return float(np.sqrt((area @ (found - true) ** 2) / (area @ true**2)))


def _body(dataset: Dataset) -> Any:  # noqa: ANN401 - FlowBodies, which only some data sets have
    if dataset.body is None:
        raise ValueError(f"dataset must be one of bodies in a flow, got {dataset.name}")
    return dataset.body


def _write(path: Path, one: Observation) -> None:
    info = {"name": one.name, "family": one.family, "numbers": dict(one.numbers)}
    vectors = {"form": one.form, "outline": one.outline, "latent": one.latent}
    write_arrays(path, {"info": np.array(json.dumps(info)), **vectors})


def _read(path: Path) -> Observation:
    arrays = read_arrays(path)
    info = json.loads(str(arrays["info"]))
    return Observation(
        name=info["name"],
        family=info["family"],
        numbers=info["numbers"],
        form=arrays["form"],
        outline=arrays["outline"],
        latent=arrays["latent"],
    )
