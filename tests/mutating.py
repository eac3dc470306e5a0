"""Change the library on purpose, a little at a time, and see whether a test notices.

``make mutate`` draws changes of each part of :data:`PARTS` from a seed and prints which of them no
test has noticed. Changes are those of Cosmic Ray: another operator or comparison, another number,
a condition turned round, a loop that does not run.

Tests are collected once. Each change is then made in a child process of its own, in memory: the
code of the function is exchanged, or the constant of the module. Changes of what runs only while a
module is imported (annotations, defaults, decorators, fields of classes) are left out. First it is
noted which tests call which function; a change meets the tests that call the changed one.
"""

import argparse
import ast
import difflib
import gc
import json
import math
import os
import random
import resource
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType, FunctionType
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
SLOWEST = 1.0
"""Seconds of processor time after which a test is left out: each change would wait for it."""
LEAST, TIMES = 5.0, 8.0
"""A change hangs after so many seconds, or after so many times what its tests usually take."""
MEMORY = 6 * 1024**3
"""Address space that a change may take in addition: a size may have become a power."""
NOTICED, SURVIVED = 3, 0
"""Exit statuses of a child."""


@dataclass(frozen=True)
class Part:
    """A part of the library, and the tests that concern it.

    Attributes:
        files: Sources, from the project's folder.
        tests: Files of tests; doctests of the sources are tests as well.
        interpreted: Whether functions that numba compiles are run as Python: compiling them anew
            for each change takes half a minute.
    """

    files: tuple[str, ...]
    tests: tuple[str, ...]
    interpreted: bool = False


TREE_TESTS = (
    "tests/partition/test_ball_tree.py",
    "tests/partition/test_alternatives.py",
    "tests/partition/test_cuts.py",
    "tests/partition/test_patches.py",
    "tests/partition/test_runs.py",
    "tests/partition/test_turned.py",
)
PARTS: dict[str, Part] = {
    "partition": Part(
        ("mspt/partition/ball_tree.py", "mspt/partition/patches.py", "mspt/partition/cuts.py",
         "mspt/partition/turned.py", "mspt/partition/runs.py", "mspt/partition/levels.py",
         "mspt/partition/alternatives.py"),
        TREE_TESTS,
    ),
    "kernels": Part(
        ("mspt/partition/_kernels.py", "mspt/partition/_order.py"), TREE_TESTS[:1], interpreted=True
    ),
    "attention": Part(
        ("mspt/models/attention.py", "mspt/models/pooling.py", "mspt/models/rotary.py",
         "mspt/models/blocks.py"),
        ("tests/models/test_attention.py", "tests/models/test_blocks.py",
         "tests/models/test_options.py"),
    ),
    "forces": Part(
        ("mspt/metrics/forces.py", "mspt/metrics/ranking.py"), ("tests/metrics/test_forces.py",)
    ),
    "metrics": Part(
        ("mspt/metrics/fields.py", "mspt/metrics/regions.py", "mspt/metrics/derivatives.py",
         "mspt/metrics/conditions.py"),
        ("tests/metrics/test_regions.py", "tests/metrics/test_derivatives.py",
         "tests/metrics/test_designs.py", "tests/metrics/test_units.py",
         "tests/inference/test_physical.py"),
    ),
    "placement": Part(
        ("mspt/geometry/placement.py", "mspt/geometry/axes.py", "mspt/geometry/mirror.py"),
        ("tests/geometry/test_placement.py", "tests/geometry/test_axes.py"),
    ),
    "codec": Part(
        ("mspt/figures/viewer/encode.py", "mspt/figures/viewer/packets.py"),
        ("tests/figures/test_viewer.py", "tests/figures/test_played_scenes.py",
         "tests/figures/test_outline.py"),
    ),
}  # fmt: skip


class Change(NamedTuple):
    """A change of a source.

    Attributes:
        file: The source, from the project's folder.
        line: Line of the change.
        operator: Name of Cosmic Ray's operator.
        occurrence: Which of the places where the operator applies.
    """

    file: str
    line: int
    operator: str
    occurrence: int


# ---- changes


def changes_of(file: str) -> dict[tuple[int, int], list[Change]]:
    """Return the changes that can be made at each place of a source."""
    from cosmic_ray.ast import ast_nodes, get_ast
    from cosmic_ray.plugins import get_operator, operator_names

    tree = get_ast((ROOT / file).read_text(encoding="utf-8"))
    nodes = list(ast_nodes(tree))
    places: dict[tuple[int, int], list[Change]] = {}
    for name in operator_names():
        if name.split("/")[1] in ("RemoveDecorator", "VariableReplacer", "VariableInserter"):
            continue  # the first runs while a module is imported; the others need settings
        operator, occurrence = get_operator(name)(), 0
        for node in nodes:
            for start, _ in operator.mutation_positions(node):
                change = Change(file, start[0], name, occurrence)
                places.setdefault(start, []).append(change)
                occurrence += 1
    return places


def changed_source(change: Change) -> str | None:
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator

    source = (ROOT / change.file).read_text(encoding="utf-8")
    return mutate_code(source, get_operator(change.operator)(), change.occurrence)


def drawn_changes(part: Part, seed: int) -> Iterator[Change]:
    """Yield changes in random order, at most one at each place: most places have a dozen."""
    rng = random.Random(seed)
    found = [every for file in part.files for _, every in sorted(changes_of(file).items())]
    rng.shuffle(found)
    for every in found:
        yield rng.choice(every)


class Exchange(NamedTuple):
    """What a change changes: the code of a function, or a constant of a module.

    Attributes:
        name: Qualified name of the function, or name of the constant.
        line: First line of the function.
        code: New code of the function, or of the statement that sets the constant.
    """

    name: str
    line: int
    code: CodeType
    is_function: bool


def exchange_of(file: str, source: str) -> Exchange | None:
    """Return what a changed source changes; None for what runs only during the import."""
    path = str(ROOT / file)
    original = (ROOT / file).read_text(encoding="utf-8")
    try:
        before, after = (compile(text, path, "exec") for text in (original, source))
    except SyntaxError:
        return None
    found = _changed_function(before, after)
    if found is not None:
        if found.co_kwonlyargcount != _kwonly(before, found):
            return None  # a star before arguments became a slash
        return Exchange(found.co_qualname, found.co_firstlineno, found, is_function=True)
    pairs = zip(ast.parse(original).body, ast.parse(source).body, strict=True)
    for old, new in pairs:
        if ast.dump(old) == ast.dump(new):
            continue
        target = new.targets[0] if isinstance(new, ast.Assign) else getattr(new, "target", None)
        if isinstance(target, ast.Name) and isinstance(new, ast.Assign | ast.AnnAssign):
            code = compile(ast.Module([new], []), path, "exec")
            return Exchange(target.id, new.lineno, code, is_function=False)
    return None


def _changed_function(before: CodeType, after: CodeType) -> CodeType | None:
    """Return the outermost function whose code differs."""
    pairs = zip(_inner(before), _inner(after), strict=False)
    for old, new in pairs:
        if old == new:
            continue
        # A class is no function: its body runs once.
        if new.co_flags & 0x02:
            return new
        if (found := _changed_function(old, new)) is not None:
            return found
    return None


def _kwonly(before: CodeType, changed: CodeType) -> int:
    """Return how many arguments of a function were keyword-only."""
    found = [before]
    for code in found:
        found += _inner(code)
    names = (changed.co_qualname, changed.co_firstlineno)
    return next(
        one.co_kwonlyargcount for one in found if (one.co_qualname, one.co_firstlineno) == names
    )


def _inner(code: CodeType) -> list[CodeType]:
    return [one for one in code.co_consts if isinstance(one, CodeType)]


def apply(exchange: Exchange, path: str, functions: Sequence[FunctionType]) -> bool:
    """Exchange a code or a constant; return whether there was one."""
    if exchange.is_function:
        chosen = [
            one
            for one in functions
            if one.__code__.co_filename == path
            and one.__code__.co_qualname == exchange.name
            and one.__code__.co_firstlineno == exchange.line
        ]
        for one in chosen:
            one.__code__ = exchange.code
        return bool(chosen)
    module = next(one for one in sys.modules.values() if getattr(one, "__file__", None) == path)
    old = getattr(module, exchange.name)
    exec(exchange.code, namespace := dict(vars(module)))
    for one in list(sys.modules.values()):
        held = getattr(one, "__dict__", {})
        # Modules that have imported the constant hold it themselves.
        if held.get(exchange.name) is old:
            held[exchange.name] = namespace[exchange.name]
    return True


# ---- tests, as a plugin of pytest


@dataclass
class Mutating:
    """Runs the collected tests for each change, in children."""

    part: Part
    count: int
    seed: int
    minutes: float
    only: str = ""
    results: list[tuple[Change, str, str]] = field(default_factory=list)

    def pytest_configure(self) -> None:
        """Have hypothesis look for a failure only, and for the same one each time."""
        from hypothesis import Phase, settings  # pytest wants to import it first

        settings.register_profile(
            "mutating", deadline=None, max_examples=20, derandomize=True, database=None,
            phases=(Phase.explicit, Phase.generate),
        )  # fmt: skip
        settings.load_profile("mutating")

    def pytest_sessionstart(self) -> None:
        """Take the compiler away before tests import what it compiles."""
        if self.part.interpreted:
            without_compiler()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run the tests as they are, then for one change after the other."""
        gc.unfreeze()
        functions = [one for one in gc.get_objects() if type(one) is FunctionType]
        paths = {str(ROOT / file): file for file in self.part.files}
        begun = time.monotonic()
        calls, seconds = self._noted(session, set(paths))
        say(f"{len(seconds)} tests take {sum(seconds.values()):.0f} s of processor time")
        for change in drawn_changes(self.part, self.seed):
            if len(self.results) >= self.count or time.monotonic() - begun > 60 * self.minutes:
                break
            source = changed_source(change)
            exchange = None if source is None else exchange_of(change.file, source)
            if source is None or exchange is None or self.only not in str(change):
                continue
            key = f"{change.file}:{exchange.name}:{exchange.line}"
            wanted = [name for name in seconds if not exchange.is_function or key in calls[name]]
            wanted.sort(key=seconds.__getitem__)
            limit = LEAST + TIMES * sum(map(seconds.__getitem__, wanted))

            def tried(
                exchange: Exchange = exchange, change: Change = change, wanted: list = wanted
            ) -> int:
                if not apply(exchange, str(ROOT / change.file), functions):
                    return 9
                return NOTICED if failing(session, wanted) else SURVIVED

            status = in_child(tried, limit) if wanted else SURVIVED
            if status == 9:
                continue
            outcome = {SURVIVED: "survived", NOTICED: "noticed"}.get(status, "ended")
            self.results.append((change, outcome, diff_of(change.file, source)))
            if outcome == "survived":
                say(f"{change.file}:{change.line} {change.operator} survived {len(wanted)} tests")
                say(self.results[-1][2])
        return True

    def _noted(
        self, session: pytest.Session, paths: set[str]
    ) -> tuple[dict[str, set[str]], dict[str, float]]:
        """Return which functions each test calls, and how long it takes.

        Raises:
            SystemExit: If a test fails without any change.
        """
        read, write = os.pipe()

        def noting() -> int:
            found: dict[str, tuple[float, list[str], bool]] = {}
            for item in session.items:
                called: set[str] = set()

                def note(frame: FrameType, event: str, _: object, called: set = called) -> None:
                    code = frame.f_code
                    if event == "call" and code.co_filename in paths:
                        file = os.path.relpath(code.co_filename, ROOT)
                        called.add(f"{file}:{code.co_qualname}:{code.co_firstlineno}")

                threading.setprofile(note)
                sys.setprofile(note)
                start = time.process_time()
                failed = bool(failing(session, [item.nodeid]))
                sys.setprofile(None)
                found[item.nodeid] = (time.process_time() - start, sorted(called), failed)
            with os.fdopen(write, "w") as pipe:
                json.dump(found, pipe)
            return SURVIVED

        status = in_child(noting, 3600, meanwhile=lambda: os.close(write), reader=read)
        found = json.loads(status) if isinstance(status, str) else {}
        if failed := [name for name, one in found.items() if one[2]] or not found:
            raise SystemExit(f"tests must pass as they are, got failures of {failed}")
        quick = {name: one for name, one in found.items() if one[0] < SLOWEST and one[1]}
        return (
            {name: set(one[1]) for name, one in quick.items()},
            {name: one[0] for name, one in quick.items()},
        )


def failing(session: pytest.Session, names: Sequence[str]) -> str:
    """Run tests until one fails; return its name."""
    chosen = {item.nodeid: item for item in session.items}
    items = [chosen[name] for name in names]
    failed: list[str] = []

    class Watch:
        def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
            if report.failed:
                failed.append(report.nodeid)

    watch = Watch()
    session.config.pluginmanager.register(watch)
    try:
        for place, item in enumerate(items):
            following = items[place + 1] if place + 1 < len(items) else None
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if failed:
                break
    finally:
        session.config.pluginmanager.unregister(watch)
    return failed[0] if failed else ""


def in_child(
    work: Callable[[], int],
    seconds: float,
    *,
    meanwhile: Callable[[], None] = lambda: None,
    reader: int = -1,
) -> Any:  # noqa: ANN401 - a status, or what was written
    """Run something in a forked child; return its exit status, or minus the signal that ended it.

    Args:
        work: Returns the exit status.
        seconds: Processor time that the child gets; it also ends after thirty times as long.
        meanwhile: Called in this process after the fork.
        reader: A pipe from which all is read and returned in place of the status.
    """
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        status = NOTICED  # a change that ends all tests is noticed
        try:
            quiet = os.open(os.devnull, os.O_WRONLY)
            os.dup2(quiet, 1)
            os.dup2(quiet, 2)
            os.setsid()
            whole = math.ceil(seconds)
            resource.setrlimit(resource.RLIMIT_CPU, (whole, whole))
            used = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * 4096
            resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
            status = work()
        finally:
            os._exit(status)
    meanwhile()
    timer = threading.Timer(30 * seconds, lambda: os.killpg(child, signal.SIGKILL))
    timer.start()
    text = ""
    if reader >= 0:
        with os.fdopen(reader) as pipe:
            text = pipe.read()
    _, status = os.waitpid(child, 0)
    timer.cancel()
    with suppress(OSError):  # what the tests have started
        os.killpg(child, signal.SIGKILL)
    return text if reader >= 0 else os.waitstatus_to_exitcode(status)


# ---- the command


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def diff_of(file: str, source: str) -> str:
    original = (ROOT / file).read_text(encoding="utf-8")
    lines = difflib.unified_diff(original.splitlines(), source.splitlines(), lineterm="", n=0)
    return "\n".join(line for line in lines if line[:2] not in ("--", "++", "@@"))


def without_compiler() -> None:
    """Have functions that numba compiles run as Python."""
    import numba

    import mspt.compiling

    def unchanged(*given: Any, **_: Any) -> Any:  # noqa: ANN401 - of numba
        return given[0] if given else lambda function: function

    numba.njit = unchanged
    mspt.compiling.compiled = unchanged


def main() -> int:
    """Try changes of one part and print what survives, and the score."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=list(PARTS))
    parser.add_argument("--changes", type=int, default=80, help="how many; default: 80")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=20.0, help="stop after this time")
    parser.add_argument("--only", default="", help="only changes whose name holds this")
    args = parser.parse_args()
    part = PARTS[args.part]
    plugin = Mutating(part, args.changes, args.seed, args.minutes, args.only)
    options = ["-q", "-n0", "-s", "-p", "no:cacheprovider", "-p", "no:randomly"]
    if part.interpreted:
        options += ["-W", "ignore::RuntimeWarning"]  # of whole numbers that wrap around
    pytest.main([*options, *part.tests, *part.files], plugins=[plugin])
    outcomes = Counter(outcome for _, outcome, _ in plugin.results)
    total = sum(outcomes.values())
    score = (total - outcomes["survived"]) / max(total, 1)
    say(
        f"| {args.part} | {total} | {outcomes['noticed']} | {outcomes['ended']} | "
        f"{outcomes['survived']} | {score:.0%} |"
    )
    return int(not total)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.chdir(ROOT)
    sys.exit(main())
