import gc
import os
import socket
import sys
from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

settings.register_profile("local", deadline=None, max_examples=20)
settings.register_profile("ci", deadline=None, max_examples=50, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")

collect_ignore = ["systems"]  # looking for doctests would import what takes parts of Python away
_LOOPBACK = ("127.", "localhost", "::1", "0.0.0.0")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a person who has the time score everything that ships anew."""
    words = "score each stored case of each model anew, not a few of them"
    parser.addoption("--every-case", action="store_true", help=words)


def scope_of(nodeid: str) -> str:
    """Return what one worker gets as a whole: what shares a browser, or the fixtures of a file."""
    return "browser" if nodeid.startswith("tests/browser/") else nodeid.split("::")[0]


class ByFile(LoadScopeScheduling):
    """Give each worker one scope after the other."""

    def _split_scope(self, nodeid: str) -> str:
        return scope_of(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> ByFile:
    """Share the tests out in this way, in the order in which they were collected."""
    config.option.loadscopereorder = False
    return ByFile(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with the scopes that take longest: one that begins last keeps a single worker busy."""
    if hasattr(config, "workerinput"):
        seconds: Counter[str] = Counter()
        for item in items:
            seconds[scope_of(item.nodeid)] += usual_seconds(item)
        items.sort(key=lambda item: -seconds[scope_of(item.nodeid)])


def usual_seconds(item: pytest.Item) -> float:
    """Return about how long a test takes, by its kind."""
    if item.get_closest_marker("slow") or item.get_closest_marker("browser"):
        return 6.0
    opens_page = "open_page" in getattr(item, "fixturenames", ())  # a doctest has none
    return 0.5 if opens_page else 0.1


def pytest_collection_finish() -> None:
    """Spare the garbage collector what lives as long as the tests."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def case_step(pytestconfig: pytest.Config) -> int:
    """Return the distance of the stored cases that are scored anew; one takes 0.1 s a pass."""
    return 1 if pytestconfig.getoption("--every-case") else 100


@pytest.fixture
def flow_step(pytestconfig: pytest.Config) -> int:
    """Return the same for flows, of which one takes two seconds."""
    return 1 if pytestconfig.getoption("--every-case") else 60


@pytest.fixture(autouse=True)
def same_main_module() -> Iterator[None]:
    """Undo what running a page does: spawned processes would run the page again."""
    main = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = main


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail on any connection that would leave the machine."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: object) -> None:
        if isinstance(address, tuple) and not str(address[0]).startswith(_LOOPBACK):
            raise AssertionError(f"a test tried to reach {address[0]}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)
