"""Read damaged and hostile files with every reader, and check how each of them ends.

``make fuzz`` reads all hostile files and 2,200 with changes, and prints a table. With ``--keep``,
files with a bad end are kept.
"""

import argparse
import json
import math
import os
import re
import sys
import time
import warnings
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory

import fuzz_files
import psutil
from fuzz_files import Made, changed_files
from fuzz_hostile import hostile

from mspt.benchmarks.ablations import read_ablations
from mspt.benchmarks.rows import read_rows
from mspt.checkpoint import load_checkpoint
from mspt.cli.queue import read_jobs
from mspt.data.registry import get_dataset
from mspt.data.sets.car.store import read_flow
from mspt.data.solve import Solved, drawing_inputs, drawing_steps, drawn_dataset, read_drawing
from mspt.errors import GeometryError, MSPTError
from mspt.geometry.files._process import VTK_SUFFIXES, answer
from mspt.geometry.files.readers import read_mesh
from mspt.geometry.placement import Placement
from mspt.geometry.preparation import Reading
from mspt.inference.brought import read_state_dict
from mspt.inference.records import read_run_record
from mspt.models.published.entries import find_weights
from mspt.models.published.model import load_published

SECONDS = 10.0
"""Most processor time for one file, which other work on the machine does not lengthen."""
STALLED = 600.0
"""Seconds after which a process that does nothing is taken to hang."""
MEMORY = 2 * 1024**3
"""Most memory of the process that reads one file."""
QUICK = ("darcy", "elasticity")
"""Data sets whose drawings are solved as well: in a second or two."""
SENTENCE = re.compile(r"^\S.* must .+, (?:got|found) .+; .+$")
RAW = re.compile(
    r"Traceback|\b\w*(?:Error|Exception)\b|NoneType|\bobject (?:is|has|of type)|invalid literal"
    r"|subscriptable|broadcast|codec|ufunc|\bvtk[A-Z]|\b0x[0-9a-f]{4,}|/tmp/|expected (?:str|int)"
    r"|list index|unhashable|not iterable|dtype|<class|\\x|Numpy|operands"
)
"""Words of Python and of libraries, which a person cannot act on."""
LONGEST = 600


@dataclass(frozen=True)
class Ending:
    """How the reading of a file has ended.

    Attributes:
        file: The file.
        outcome: ``read``, ``refused``, ``failed`` (another error than a refusal), ``died`` or
            ``hung``.
        words: The refusal or the error.
        seconds: Processor time that reading took, with the start of another child where one ended.
        memory: Largest resident memory of the process that read it, in bytes.
    """

    file: Made
    outcome: str
    words: str
    seconds: float
    memory: int

    @property
    def complaint(self) -> str:
        """What is wrong with this ending; empty if nothing is."""
        if self.outcome not in ("read", "refused"):
            return f"{self.outcome}: {self.words}"
        if self.seconds > SECONDS:
            return f"took {self.seconds:.1f} s"
        if self.memory > MEMORY:
            return f"took {self.memory / 1024**2:.0f} MB"
        return unclear(self.words) if self.outcome == "refused" else ""


def unclear(refusal: str) -> str:
    """Return why a refusal is no clear sentence; empty if it is one."""
    if not SENTENCE.match(refusal) or "\n" in refusal:
        return f"no rule, value and advice in one line: {refusal[:300]}"
    if raw := RAW.search(refusal):
        return f"words of a library ({raw.group()}): {refusal[:300]}"
    if len(refusal) > LONGEST:
        return f"{len(refusal)} letters: {refusal[:300]}"
    return ""


# ---- readers, as the commands and the pages call them


def _drawing(path: Path) -> None:
    drawing = read_drawing(path)
    dataset = drawn_dataset(drawing)
    drawing_inputs(drawing)
    if dataset.name in QUICK:
        assert any(isinstance(event, Solved) for event in drawing_steps(drawing))


def _published(path: Path) -> None:
    _, weights = find_weights(read_state_dict(path))
    load_published(weights, num_heads=2, num_patches=4)


def _record(path: Path) -> None:
    recorded = read_run_record(path)
    Reading(**recorded["reading"])
    if recorded["placement"] != "as is":
        Placement(**recorded["placement"])


def _cases(path: Path) -> None:
    folder = path.parent / "darcy"
    folder.mkdir(exist_ok=True)
    path.replace(folder / "test.npz")
    index = {"splits": {"test": [1100]}, "failed": {}}
    (folder / "splits.json").write_text(json.dumps(index), encoding="utf-8")
    darcy = get_dataset("darcy")
    darcy.names("test", root=path.parent)
    darcy.cases("test", root=path.parent, limit=1)


def _mesh(path: Path) -> None:
    """Read as the library does; of the formats that VTK does not read, most without its child.

    The child is replaced after every refusal, which takes longer than reading most files.
    """
    if path.suffix in VTK_SUFFIXES or zlib.crc32(path.read_bytes()) % 8 == 0:
        read_mesh(path)
        return
    reply = json.loads(answer({"path": str(path), "suffix": path.suffix})[0])
    if "error" in reply:
        raise GeometryError(reply["error"])


READERS: dict[str, Callable[[Path], object]] = {
    fuzz_files.MESH: _mesh,
    fuzz_files.DRAWING: _drawing,
    fuzz_files.CHECKPOINT: load_checkpoint,
    fuzz_files.PUBLISHED: _published,
    fuzz_files.FLOW: read_flow,
    fuzz_files.RECORD: _record,
    fuzz_files.ABLATIONS: read_ablations,
    fuzz_files.ROWS: read_rows,
    fuzz_files.JOBS: read_jobs,
    fuzz_files.CASES: _cases,
}


def read(made: Made) -> tuple[str, str]:
    """Read a file; return the outcome and the words of a refusal or an error."""
    with TemporaryDirectory(prefix="mspt-fuzz-") as folder, warnings.catch_warnings():
        # A warning is a second line on standard error.
        warnings.simplefilter("error")
        path = Path(folder) / f"file{made.suffix}"
        path.write_bytes(made.data)
        try:
            READERS[made.kind](path)
        except MSPTError as refusal:
            # A folder that a person names may be named to them; this one is of no meaning.
            return "refused", str(refusal).replace(folder, "FOLDER")
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what is looked for
            return "failed", f"{type(error).__name__}: {error}"[:300]
        return "read", ""


# ---- a process of its own reads them one by one, and is replaced when it dies or hangs


def _serve(pipe: Connection) -> None:
    while True:
        pipe.send(read(pipe.recv()))


class Reader:
    """A process that reads files, whose end and whose memory are watched."""

    def __init__(self) -> None:
        self.start()

    def start(self) -> None:
        self.pipe, theirs = get_context("spawn").Pipe()
        self.process = get_context("spawn").Process(target=_serve, args=(theirs,))
        self.process.start()
        theirs.close()
        warm = Made("reference", fuzz_files.JOBS, ".txt", b"datasets\n")
        self.pipe.send(warm)
        self.pipe.recv()

    def end(self) -> None:
        for child in psutil.Process(self.process.pid).children(recursive=True):
            child.kill()
        self.process.kill()
        self.process.join()

    def read(self, made: Made) -> Ending:
        start, seconds, largest = time.monotonic(), 0.0, 0
        busy, before = self._use()
        self.pipe.send(made)
        while True:
            # Looking at processes takes time as well, hence not at once.
            if self.pipe.poll(0.05):
                try:
                    outcome, words = self.pipe.recv()
                except EOFError:
                    self.process.join()
                    outcome, words = "died", f"exit code {self.process.exitcode}"
                    self.start()
                return Ending(made, outcome, words, seconds, largest)
            if seconds > 2 * SECONDS or time.monotonic() - start > STALLED:
                self.end()
                self.start()
                return Ending(made, "hung", f"no end after {seconds:.0f} s", seconds, largest)
            with suppress(psutil.Error):
                now, used = self._use()
                seconds, largest = max(seconds, now - busy), max(largest, used - before)

    def _use(self) -> tuple[float, int]:
        """Return the processor time and the memory of the process and its child so far."""
        whole = psutil.Process(self.process.pid)
        both = (whole, *whole.children(recursive=True))
        times = [one.cpu_times() for one in both]
        return (
            sum(one.user + one.system for one in times),
            sum(one.memory_info().rss for one in both),
        )


def made_files(count: int, seed: int, *, kinds: tuple[str, ...] = ()) -> Iterator[Made]:
    """Yield the files that are made on purpose, then so many good ones with changes.

    Args:
        count: How many with changes, evenly from all kinds of files.
        seed: The same seed gives the same files.
        kinds: Only files of these kinds; all if empty.
    """
    yield from (one for one in hostile() if not kinds or one.kind in kinds)
    yield from changed_files(count, seed, kinds=kinds)


def run(count: int, seed: int, *, kinds: tuple[str, ...] = ()) -> Iterator[Ending]:
    """Read so many files in a process of its own; yield how each of them ends."""
    reader = Reader()
    try:
        for made in made_files(count, seed, kinds=kinds):
            yield reader.read(made)
    finally:
        reader.end()


def table(endings: list[Ending]) -> str:
    """Return the numbers of a run, one line for each kind of file."""
    sorts = list(dict.fromkeys((one.file.kind, one.file.suffix) for one in endings))
    lines = [
        "| files | number | read | refused | other ends | slowest | most memory |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for sort in sorted(sorts):
        chosen = [one for one in endings if (one.file.kind, one.file.suffix) == sort]
        count = Counter(one.outcome for one in chosen)
        others = len(chosen) - count["read"] - count["refused"]
        slowest, most = max(one.seconds for one in chosen), max(one.memory for one in chosen)
        lines.append(
            f"| {sort[0]} `{sort[1]}` | {len(chosen)} | {count['read']} | {count['refused']} | "
            f"{others} | {slowest:.1f} s | {most / 1024**2:.0f} MB |"
        )
    return "\n".join(lines)


def main() -> int:
    """Read the files and print what is wrong, then the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=2200, help="files with changes")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kinds", nargs="*", default=[], choices=list(READERS))
    parser.add_argument("--minutes", type=float, default=math.inf, help="stop after this time")
    parser.add_argument("--keep", type=Path, help="folder for the files with a bad end")
    args = parser.parse_args()
    endings, start = [], time.monotonic()
    memory = psutil.Process().memory_info().rss
    for number, ending in enumerate(run(args.files, args.seed, kinds=tuple(args.kinds))):
        endings.append(Ending(_without_data(ending.file), *_rest(ending)))
        if ending.complaint:
            sys.stdout.write(f"{number} {ending.file.name}: {ending.complaint}\n")
            if args.keep:
                args.keep.mkdir(parents=True, exist_ok=True)
                (args.keep / f"{number}{ending.file.suffix}").write_bytes(ending.file.data)
        sys.stdout.flush()
        if time.monotonic() - start > 60 * args.minutes:
            break
    bad = sum(bool(one.complaint) for one in endings)
    sys.stdout.write(
        f"{table(endings)}\n{len(endings)} files in {time.monotonic() - start:.0f} s, "
    )
    grown = (psutil.Process().memory_info().rss - memory) / 1024**2
    sys.stdout.write(f"{bad} with a bad end; this process grew by {grown:.0f} MB\n")
    return int(bad > 0)


def _without_data(made: Made) -> Made:
    return Made(made.name, made.kind, made.suffix, b"")


def _rest(ending: Ending) -> tuple[str, str, float, int]:
    return ending.outcome, ending.words, ending.seconds, ending.memory


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.exit(main())
