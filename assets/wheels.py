"""Ask pip where everything that this project needs can be installed without a compiler.

python assets/wheels.py                       print a table
python assets/wheels.py docs/install.md       also write it into a document

For each platform and version of Python, pip chooses a wheel for every requirement of
requirements.txt and for every package that these need, but installs nothing. It reads the metadata
of a wheel alone where the index has them, and otherwise the wheel, a few hundred megabytes in all.
"""

import argparse
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path
from tempfile import TemporaryDirectory

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
BEGIN, END = "<!-- wheels: begin -->", "<!-- wheels: end -->"


@dataclass(frozen=True)
class Platform:
    """One kind of machine.

    Attributes:
        title: Its name in the table.
        tags: Platforms of wheels that it can use, newest first.
        markers: What conditions of requirements ask for.
    """

    title: str
    tags: tuple[str, ...]
    markers: Mapping[str, str]


def _linux(machine: str) -> Platform:
    # glibc 2.28 is that of Debian 10, Ubuntu 20.04 and Red Hat 8.
    tags = tuple(f"manylinux_2_{minor}_{machine}" for minor in range(28, 4, -1))
    named = tuple(f"manylinux{name}_{machine}" for name in ("2014", "2010", "1"))
    markers = {"sys_platform": "linux", "platform_system": "Linux", "platform_machine": machine}
    title = "x86-64" if machine == "x86_64" else "arm64"
    return Platform(f"Linux {title}", (*tags, *named), {**markers, "os_name": "posix"})


PLATFORMS = (
    _linux("x86_64"),
    _linux("aarch64"),
    Platform(
        "macOS 14 arm64",
        ("macosx_14_0_arm64", "macosx_14_0_universal2"),
        {
            "sys_platform": "darwin",
            "platform_system": "Darwin",
            "platform_machine": "arm64",
            "os_name": "posix",
        },
    ),
    Platform(
        "Windows x86-64",
        ("win_amd64",),
        {
            "sys_platform": "win32",
            "platform_system": "Windows",
            "platform_machine": "AMD64",
            "os_name": "nt",
        },
    ),
)
Ask = Callable[[Sequence[str], Platform, str], bool]


def read_requirements(path: Path) -> list[Requirement]:
    """Return what a file of requirements names."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [Requirement(text) for line in lines if (text := line.split("#")[0].strip())]


def needed(
    direct: Sequence[Requirement],
    platform: Platform,
    python: str,
    *,
    requires: Callable[[str], list[str] | None] = requires,
) -> list[Requirement]:
    """Return requirements and what they need in turn on a platform.

    What a package needs is read from the version that is installed here; packages that are not
    installed here, because only other platforms need them, are asked for without what they need.
    """
    environment = {
        **platform.markers,
        "python_version": python,
        "python_full_version": f"{python}.0",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
    }
    found = {canonicalize_name(one.name): Requirement(str(one)) for one in direct}
    waiting = list(found.values())
    while waiting:
        parent = waiting.pop()
        for child in map(Requirement, _requires(parent.name, requires)):
            extras = parent.extras or {""}
            if child.marker and not any(
                child.marker.evaluate({**environment, "extra": extra}) for extra in extras
            ):
                continue
            name = canonicalize_name(child.name)
            known = found.get(name)
            if known is None:
                found[name] = child
                waiting.append(child)
                continue
            known.specifier &= child.specifier
            if child.extras - known.extras:
                known.extras |= child.extras
                waiting.append(known)
    return [found[name] for name in sorted(found)]


def _requires(name: str, requires: Callable[[str], list[str] | None]) -> list[str]:
    try:
        return requires(name) or []
    except PackageNotFoundError:
        return []


def has_wheels(wanted: Sequence[str], platform: Platform, python: str) -> bool:
    """Return whether pip finds a wheel for each of some requirements."""
    tags = [word for tag in platform.tags for word in ("--platform", tag)]
    with TemporaryDirectory() as folder:
        run = subprocess.run(
            [
                *(sys.executable, "-m", "pip", "install", "--dry-run", "--quiet", "--no-deps"),
                *("--ignore-installed", "--only-binary", ":all:", "--target", folder),
                *("--implementation", "cp", "--python-version", python, *tags, *wanted),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
    return run.returncode == 0


def missing(
    wanted: Sequence[Requirement], platform: Platform, python: str, *, ask: Ask
) -> list[str]:
    """Return the requirements without a wheel, which halves of the list are searched for."""
    texts = [f"{one.name}{one.specifier}" for one in wanted]
    if ask(texts, platform, python):
        return []
    if len(texts) == 1:
        return texts
    middle = len(texts) // 2
    return [
        *missing(wanted[:middle], platform, python, ask=ask),
        *missing(wanted[middle:], platform, python, ask=ask),
    ]


def check(direct: Sequence[Requirement], *, ask: Ask) -> Iterator[tuple[str, str, int, list[str]]]:
    """Yield platform, Python, number of packages and those without a wheel."""
    for platform in PLATFORMS:
        for python in PYTHONS:
            wanted = needed(direct, platform, python)
            yield platform.title, python, len(wanted), missing(wanted, platform, python, ask=ask)


def table(rows: Sequence[tuple[str, str, int, list[str]]]) -> str:
    """Return a table in Markdown, one row for each platform and one column for each Python."""
    pythons = list(dict.fromkeys(python for _, python, _, _ in rows))
    lines = [
        f"| | {' | '.join(f'Python {python}' for python in pythons)} |",
        f"| --- |{' --- |' * len(pythons)}",
    ]
    for title in dict.fromkeys(title for title, *_ in rows):
        cells = [
            f"without {', '.join(absent)}" if absent else f"all {count}"
            for platform, _, count, absent in rows
            if platform == title
        ]
        lines.append(f"| {title} | {' | '.join(cells)} |")
    return "\n".join(lines)


def put(text: str, document: str) -> str:
    """Return a document with a text between its two marks.

    Raises:
        ValueError: If the document does not have the marks, one after the other.
    """
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"document must hold {BEGIN} and then {END}, got neither or one")
    return f"{before}{BEGIN}\n\n{text}\n\n{END}{after}"


def main() -> int:
    """Ask, print, and write; return 1 if anything cannot be installed somewhere."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("document", type=Path, nargs="?", help="a .md file with two marks")
    args = parser.parse_args()
    rows = []
    for row in check(read_requirements(ROOT / "requirements.txt"), ask=has_wheels):
        rows.append(row)
        print(row[0], row[1], "without " + ", ".join(row[3]) if row[3] else "complete", flush=True)
    text = table(rows)
    print(text)
    if args.document:
        before = args.document.read_text(encoding="utf-8")
        args.document.write_text(put(text, before), encoding="utf-8")
    return int(any(absent for *_, absent in rows))


if __name__ == "__main__":
    sys.exit(main())
