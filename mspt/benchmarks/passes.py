"""Time of one forward pass of each checkpoint over a test case of its data set."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from io import StringIO
from pathlib import Path
from statistics import median

import pandas as pd
import psutil
import torch

from mspt.benchmarks.rows import ANOTHER
from mspt.benchmarks.sweep import machine_name
from mspt.checkpoint import Checkpoint, CheckpointInfo, load_checkpoint
from mspt.data.dataset import Dataset
from mspt.data.registry import get_dataset
from mspt.errors import MSPTError
from mspt.inference.predict import Prediction, pick_device, predict_case
from mspt.inference.sample import Sample, load_sample
from mspt.reading import read_text
from mspt.threads import usable_cpus, with_threads


@dataclass(frozen=True, kw_only=True)
class PassRow:
    """Time of one forward pass, measured; encoding, partition and transfer are not in it.

    Attributes:
        checkpoint: Name of the file without its ending.
        parameters: Trainable parameters, which tell an older file of the same name.
        case: The case.
        num_points: Points N.
        seconds: Median of the rounds.
        fastest: The fastest round.
        slowest: The slowest round.
        partition_seconds: Median time of the partition.
        threads: CPU threads.
        device: Device.
        machine: Name of the processor or the GPU.
        load: Load average of the machine before the first round.
        torch_version: Version of PyTorch.
    """

    checkpoint: str
    parameters: int
    case: str
    num_points: int
    seconds: float
    fastest: float
    slowest: float
    partition_seconds: float
    threads: int
    device: str
    machine: str
    load: float
    torch_version: str


@dataclass(frozen=True, kw_only=True)
class RoundDone:
    """Progress of the measurement.

    Attributes:
        done: Passes done.
        total: Passes in all.
        checkpoint: The checkpoint that was run.
    """

    done: int
    total: int
    checkpoint: str


def measure_passes(
    checkpoints: Sequence[CheckpointInfo],
    *,
    rounds: int = 9,
    threads: int | None = None,
    device: str = "cpu",
) -> Iterator[RoundDone | tuple[PassRow, ...]]:
    """Time a forward pass of each checkpoint; the rows are the last event.

    In each round every checkpoint runs once, so that other load on the machine affects all alike. A
    first round that is not timed loads kernels.

    Args:
        checkpoints: Those of generated data sets with test cases at hand are measured, others are
            left out.
        rounds: Timed rounds.
        threads: CPU threads; all of them if None.
        device: ``auto``, ``cuda``, ``mps`` or ``cpu``.
    """
    used, load = threads or usable_cpus(), round(psutil.getloadavg()[0], 2)
    jobs = [
        (loaded, load_sample(name, loaded), one)
        for one in checkpoints
        if (name := _first_case(get_dataset(one.info["dataset"])))
        for loaded in [load_checkpoint(one.path)]
    ]
    times: dict[str, list[Prediction]] = {one.path.stem: [] for _, _, one in jobs}
    total = (rounds + 1) * len(jobs)
    for step in range(rounds + 1):
        for place, (checkpoint, sample, one) in enumerate(jobs, start=1):
            with with_threads(used):
                predicted = _predict(checkpoint, sample, device)
            if step:
                times[one.path.stem].append(predicted)
            done = step * len(jobs) + place
            yield RoundDone(done=done, total=total, checkpoint=one.path.stem)
    target = str(pick_device(device))
    yield tuple(
        _row(sample, one, times[one.path.stem], threads=used, device=target, load=load)
        for _, sample, one in jobs
    )


def _first_case(dataset: Dataset) -> str:
    """Return the first test case; empty where none is at hand."""
    if not (dataset.can_generate and dataset.source.at_hand(dataset, None).get("test")):
        return ""
    return dataset.names("test")[0]


def _predict(checkpoint: Checkpoint, sample: Sample, device: str) -> Prediction:
    if sample.features is None:
        raise ValueError(f"sample must have features, got none for {sample.key}")
    return predict_case(
        checkpoint, sample.points, sample.features, num_surface=sample.num_surface, device=device
    )


def _row(
    sample: Sample,
    one: CheckpointInfo,
    predicted: Sequence[Prediction],
    *,
    threads: int,
    device: str,
    load: float,
) -> PassRow:
    seconds = [found.seconds for found in predicted]
    return PassRow(
        checkpoint=one.path.stem,
        parameters=one.info.get("parameters", 0),
        case=sample.key,
        num_points=len(sample.points),
        seconds=median(seconds),
        fastest=min(seconds),
        slowest=max(seconds),
        partition_seconds=median(found.partition_seconds for found in predicted),
        threads=threads,
        device=device,
        machine=machine_name(device),
        load=load,
        torch_version=torch.__version__,
    )


def passes_table(rows: Sequence[PassRow]) -> pd.DataFrame:
    """Return rows as a table with the fields of :class:`PassRow` as columns."""
    return pd.DataFrame([asdict(row) for row in rows], columns=list(PassRow.__dataclass_fields__))


def read_passes(path: Path) -> dict[str, PassRow]:
    """Return the rows of a CSV file by the name of the checkpoint; none if there is no file.

    Raises:
        MSPTError: If the columns of the file are not those of :class:`PassRow`.
    """
    if not path.exists():
        return {}
    text = read_text(path, rule=f"{path.name} must be a table of measurements", advice=ANOTHER)
    try:
        table = pd.read_csv(StringIO(text), keep_default_na=False)
    except ValueError as error:
        raise MSPTError(
            f"{path.name} must be a table in CSV, got what is none; {ANOTHER}"
        ) from error
    expected = list(PassRow.__dataclass_fields__)
    if list(table.columns) != expected:
        raise MSPTError(
            f"{path.name} must have the columns {', '.join(expected)}, "
            f"got {', '.join(map(str, table.columns))[:200]}; {ANOTHER}"
        )
    kinds = {name: field.type for name, field in PassRow.__dataclass_fields__.items()}
    try:
        rows = [
            PassRow(**{name: kinds[name](value) for name, value in row.items()})
            for row in table.to_dict("records")
        ]
    except (ValueError, OverflowError) as error:
        raise MSPTError(
            f"{path.name} must hold numbers in its columns of numbers, got others; {ANOTHER}"
        ) from error
    return {row.checkpoint: row for row in rows}
