"""Models in training: started in the background, their snapshots kept, saved as checkpoints."""

from collections.abc import Generator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from time import sleep

import numpy as np
import streamlit as st

from mspt.checkpoint import CheckpointInfo, save_checkpoint
from mspt.cli.train import run_facts
from mspt.config import Preset
from mspt.data.case import CaseStack
from mspt.data.registry import get_dataset
from mspt.errors import MSPTError
from mspt.evaluation.accuracy import repeat_command
from mspt.figures.charts.series import RaceCurve
from mspt.inference.sample import Sample, sample_of_case
from mspt.training.live import LiveModel, Snapshot, live_preset, race
from mspt.training.loop import Training, prepare
from mspt.training.state import Progress
from pages._shared import jobs
from pages._shared.cache import PRETRAINED

JOB, HERE = "race_job", "race_here"
VALIDATION_CASES = 16
"""Enough to tell models apart, and predicted in a fraction of a second."""

MOST_CASES = 200
SHOWN = 0
"""Which validation case is in view."""


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """What the visitor has chosen.

    Attributes:
        dataset: Name of the data set.
        models: The contestants by name.
        epochs: Passes over the training cases.
        num_cases: Training cases.
        seed: Of weights and order.
    """

    dataset: str
    models: Mapping[str, LiveModel]
    epochs: int
    num_cases: int
    seed: int

    def presets(self) -> dict[str, Preset]:
        """Return the runs by the name of their model.

        Raises:
            MSPTError: If a model of these settings cannot be built.
        """
        try:
            return {
                name: live_preset(self.dataset, model, epochs=self.epochs, seed=self.seed)
                for name, model in self.models.items()
            }
        except ValueError as error:
            raise MSPTError(str(error)) from error


@dataclass(frozen=True, kw_only=True, eq=False)
class Race:
    """A race of this visitor.

    Attributes:
        chosen: What was chosen when it began.
        sample: The case in view, with its truth.
        trainings: The models, which change while they are trained.
        snapshots: Snapshots of each model so far.
        paused: Set while it rests.
    """

    chosen: Chosen
    sample: Sample
    trainings: Mapping[str, Training]
    snapshots: Mapping[str, list[Snapshot]]
    paused: Event = field(default_factory=Event)

    def curves(self, *, by_seconds: bool) -> list[RaceCurve]:
        """Return what is drawn: errors against steps, or against the seconds of own steps."""
        return [
            RaceCurve(
                name=name,
                places=[one.seconds if by_seconds else float(one.step) for one in snapshots],
                errors=[one.error for one in snapshots],
                losses=[float(np.mean(one.losses)) if one.losses else np.nan for one in snapshots],
            )
            for name, snapshots in self.snapshots.items()
            if snapshots
        ]


def num_at_hand(dataset: str) -> int:
    """Return how many training cases are at hand."""
    found = get_dataset(dataset)
    return found.source.at_hand(found, None).get("train", 0)


def begin(chosen: Chosen) -> Race:
    """Return a race that has not begun.

    Raises:
        MSPTError: If cases are missing, or a model cannot be built.
    """
    dataset, presets = get_dataset(chosen.dataset), chosen.presets()
    if not presets:
        raise MSPTError("models must be chosen, got none; pick one or two")
    settings = next(iter(presets.values())).train
    cases = dataset.cases("train", limit=chosen.num_cases, train=settings)
    validation = dataset.cases("validation", limit=VALIDATION_CASES, train=settings)
    if not isinstance(validation, CaseStack):
        raise MSPTError(f"dataset must have cases of one size, got {chosen.dataset}")
    return Race(
        chosen=chosen,
        sample=sample_of_case(validation.case(SHOWN)),
        trainings={
            name: prepare(preset, cases=cases, validation=validation)
            for name, preset in presets.items()
        },
        snapshots={name: [] for name in presets},
    )


def start(chosen: Chosen) -> None:
    """Start a race in the background."""
    new = begin(chosen)
    st.session_state[HERE] = new
    names = " and ".join(new.trainings)
    jobs.start(JOB, steps(new), title=f"Training {names}", keep={HERE: new})


def race_here() -> Race | None:
    """Return the race of this visitor."""
    return st.session_state.get(HERE)


def steps(running: Race) -> Generator[jobs.Step, None, None]:
    """Run a race, yielding a step with each snapshot."""
    with closing(race(running.trainings, shown=SHOWN)) as snapshots:
        for snapshot in snapshots:
            running.snapshots[snapshot.name].append(snapshot)
            share = min(
                one[-1].step / one[-1].num_steps if one else 0.0
                for one in running.snapshots.values()
            )
            steps_done = f"step {snapshot.step:,} of {snapshot.num_steps:,}"
            words = f"{snapshot.name}: {steps_done}, error {snapshot.error:.1%}"
            yield jobs.Step(share, words, len(running.snapshots[snapshot.name]))
            while running.paused.is_set():
                yield jobs.Step(share, "Paused")
                sleep(0.2)


# --- saving --------------------------------------------------------------------------------------


def checkpoint_file(running: Race, name: str) -> bytes:
    """Return a model of a race as the bytes of a checkpoint."""
    with TemporaryDirectory(prefix="mspt-live-") as folder:
        path = Path(folder) / "model.safetensors"
        _save(running, name, path)
        return path.read_bytes()


def keep(running: Race, name: str) -> str:
    """Save a model among the checkpoints that all pages offer, and return its name.

    Raises:
        MSPTError: If the folder cannot be written.
    """
    stem = f"live-{running.chosen.dataset}-{running.trainings[name].preset.model.architecture}"
    taken = {path.stem for path in PRETRAINED.glob("live-*.safetensors")}
    free = next(one for number in range(1, 1000) if (one := f"{stem}-{number}") not in taken)
    _save(running, name, PRETRAINED / f"{free}.safetensors")
    return free


def _save(running: Race, name: str, path: Path) -> None:
    training, snapshots = running.trainings[name], running.snapshots[name]
    last = snapshots[-1]
    progress = Progress(step=last.step, minutes=last.seconds / 60)
    facts = run_facts(training, progress, complete=last.step == last.num_steps)
    save_checkpoint(
        path,
        model=training.average,
        config=training.preset.model,
        normalizer=training.normalizer,
        info=facts | {"preset": running.chosen.dataset, "cases": running.chosen.num_cases},
    )


def commands(chosen: Chosen) -> list[str]:
    """Return the commands that train the same models, one for each."""
    lines = []
    for name, preset in chosen.presets().items():
        info = {
            "dataset": chosen.dataset,
            "preset": chosen.dataset,
            "train": preset.train.to_dict(),
            "cases": chosen.num_cases,
        }
        path = Path(f"{name}.safetensors")
        command = repeat_command(CheckpointInfo(path=path, config=preset.model, info=info))
        lines.append(f"{command} --out runs/live-{preset.model.architecture}")
    return lines
