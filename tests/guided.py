"""Look for files that a reader of this project fails on, guided by the lines that they reach.

``make fuzz-guided`` gives each reader some minutes. Atheris, which is libFuzzer for Python, changes
files again and again and keeps those that reach code no file has reached before. It begins with the
good and the hostile files of ``make fuzz``, makes the same changes and its own, and goes on from
what earlier runs have kept in ``build/fuzz``. What an end must be is said in :mod:`fuzzing`; a file
with a bad one is kept in ``build/fuzz/found``.
"""

import argparse
import hashlib
import json
import os
import random
import re
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[1]
KEPT = ROOT / "build" / "fuzz"
FOUND = KEPT / "found"
GUIDING = (
    "mspt.geometry.files", "mspt.reading", "mspt.header", "mspt.checkpoint", "mspt.config",
    "mspt.data.solve", "mspt.data.codec", "mspt.data.files", "mspt.data.sets.car.store",
    "mspt.inference.records", "mspt.inference.drawings", "mspt.benchmarks.rows",
    "mspt.benchmarks.ablations", "mspt.benchmarks._tables", "mspt.cli.queue", "mspt.cli.published",
    "mspt.models.published", "mspt.solvers.openfoam.results",
)  # fmt: skip
"""Modules whose lines guide: those that numba compiles cannot be instrumented."""
SECONDS, MEMORY = 10, 3000
"""Most seconds for one file, and most MB of the process, of which the libraries take 600."""
LONGEST = 64 * 1024
"""Bytes of the longest files: changes of short ones reach more."""
FOAM = "openfoam"
READERS = (
    "mesh.stl", "mesh.obj", "mesh.ply", "mesh.glb", "mesh.gltf", "drawing.json", "drawing.npy",
    "checkpoint.safetensors", "published.pt", "published.safetensors", "flow.npz", "cases.npz",
    "record.json", "ablations.csv", "rows.csv", "jobs.txt", FOAM,
)  # fmt: skip
"""A kind of file and its suffix."""


# ---- one reader, in a process of its own


def _mesh(path: Path) -> None:
    """Parse as the child process does: instrumented code must run in this one."""
    from mspt.errors import GeometryError
    from mspt.geometry.files._process import answer

    reply = json.loads(answer({"path": str(path), "suffix": path.suffix})[0])
    if "error" in reply:
        raise GeometryError(reply["error"])


def _foam(folder: Path, files: tuple[Path, ...], path: Path) -> None:
    """Read a finished case of which one file, named by the first byte, is replaced."""
    from made_up_openfoam import RECIPE

    from mspt.solvers.openfoam.results import read_results

    data = path.read_bytes()
    chosen = folder / files[data[0] % len(files)] if data else folder / files[0]
    before = chosen.read_bytes()
    chosen.write_bytes(data[1:])
    try:
        read_results(folder, RECIPE, cpu_seconds=1.0)
    finally:
        chosen.write_bytes(before)


def _reader(name: str, folder: Path) -> tuple[str, list[bytes]]:
    """Prepare a reader; return its kind for :func:`fuzzing.read`, and the files to begin with."""
    import fuzz_files
    import fuzzing
    from fuzz_hostile import hostile
    from made_up_openfoam import write_results

    fuzzing.QUICK = ()  # solving takes seconds
    fuzzing.READERS[fuzz_files.MESH] = _mesh
    if name == FOAM:
        write_results(folder)
        files = tuple(sorted(one.relative_to(folder) for one in folder.rglob("*") if one.is_file()))
        fuzzing.READERS[FOAM] = partial(_foam, folder, files)
        return FOAM, [
            bytes([place]) + (folder / one).read_bytes() for place, one in enumerate(files)
        ]
    kind, suffix = name.split(".")
    return kind, [
        one.data
        for one in (*fuzz_files.good_files(), *hostile())
        if (one.kind, one.suffix) == (kind, f".{suffix}") and len(one.data) <= LONGEST
    ]


def _changed(data: bytes, most: int, seed: int) -> bytes:
    """Change a file as ``make fuzz`` does, or as libFuzzer does."""
    import atheris
    from fuzz_files import CHANGES

    rng = random.Random(seed)
    if data and rng.random() < 0.5:
        return rng.choice(CHANGES)(rng, data)[:most]
    return atheris.Mutate(data, most)


def guide(name: str, seconds: int, seed: int) -> None:
    """Read files until the time is over; libFuzzer then ends the process."""
    import atheris

    with atheris.instrument_imports(include=list(GUIDING)):
        import fuzzing
    from fuzz_files import Made

    corpus = KEPT / name
    corpus.mkdir(parents=True, exist_ok=True)
    FOUND.mkdir(exist_ok=True)
    with TemporaryDirectory() as folder:
        kind, files = _reader(name, Path(folder))
        suffix = f".{name.partition('.')[2]}"
        for data in files:
            (corpus / hashlib.sha1(data, usedforsecurity=False).hexdigest()).write_bytes(data)

        def look(data: bytes) -> None:
            outcome, words = fuzzing.read(Made(name, kind, suffix, data))
            wrong = words if outcome == "failed" else fuzzing.unclear(words) if words else ""
            if wrong:
                _keep(name, suffix, data, wrong)

        atheris.Setup(
            [
                sys.argv[0], str(corpus), f"-max_total_time={seconds}", f"-timeout={SECONDS}",
                f"-rss_limit_mb={MEMORY}", f"-seed={seed}", f"-max_len={LONGEST}",
                f"-artifact_prefix={FOUND}/{name}-", "-print_final_stats=1",
            ],
            look,
            custom_mutator=_changed,
        )  # fmt: skip
        atheris.Fuzz()


def _keep(name: str, suffix: str, data: bytes, wrong: str) -> None:
    """Keep the shortest file of each complaint, numbers and names in it left out."""
    sort = hashlib.sha1(re.sub(r"'[^']*'|\d+", "", wrong).encode(), usedforsecurity=False)
    path = FOUND / f"{name.split('.')[0]}-{sort.hexdigest()[:8]}{suffix}"
    if not path.exists() or len(data) < path.stat().st_size:
        path.write_bytes(data)
        sys.stderr.write(f"{path.name}: {wrong}\n")


# ---- all readers


def run(name: str, seconds: int, seed: int) -> tuple[str, int]:
    """Give a reader some seconds; return a row of the table and the number of bad ends."""
    before = set(FOUND.glob("*")) if FOUND.is_dir() else set()
    start = time.monotonic()
    child = subprocess.run(
        [sys.executable, "-m", "guided", "--one", name, "--seconds", str(seconds),
         "--seed", str(seed)],
        check=False, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        errors="replace",
    )  # fmt: skip
    text = child.stderr
    (KEPT / f"{name}.log").write_text(text, encoding="utf-8")
    reached = [int(one) for one in re.findall(r"cov: (\d+)", text)]
    runs = re.search(r"number_of_executed_units: (\d+)", text)
    if not reached or not runs:
        return f"| {name} | did not run: {text[-300:]} |", 1
    found = set(FOUND.glob("*")) - before
    for path in sorted(found):
        sys.stdout.write(f"{path.name}\n")
    words = [name, f"{int(runs[1]):,}", f"{reached[0]:,}", f"{reached[-1]:,}", str(len(found)),
             f"{time.monotonic() - start:.0f} s"]  # fmt: skip
    return f"| {' | '.join(words)} |", len(found)


def main() -> int:
    """Give each reader its minutes and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="for each reader; default: 60")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--readers", nargs="*", default=[], choices=READERS)
    parser.add_argument("--one", default="", choices=READERS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    KEPT.mkdir(parents=True, exist_ok=True)
    if args.one:
        guide(args.one, args.seconds, args.seed)
        return 0
    sys.stdout.write("| reader | files | places at first | places at last | bad ends | time |\n")
    bad = 0
    for name in args.readers or READERS:
        row, found = run(name, args.seconds, args.seed)
        bad += found
        sys.stdout.write(f"{row}\n")
        sys.stdout.flush()
    return int(bad > 0)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.exit(main())
