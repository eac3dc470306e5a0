"""What the server allows browsers to do, and whom it answers."""

import asyncio
import re
import runpy
from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import pytest
import streamlit as st
from made_up_vtk import html, plotter
from streamlit import net_util
from streamlit.runtime.pages_manager import PagesManager

from pages._shared.protection import (
    Access,
    access,
    frame_ancestors,
    page_policy,
    page_scripts,
    security_headers,
)

ROOT = Path(__file__).parents[2]
SCRIPT = re.compile(r"<script(?! type=\"application/json\")(?![^>]*src=)[^>]*>(.*?)</script>", re.S)
OUTSIDE = "https://evil.example"
LAB = Access(
    address="", hosts=("lab.example.org", "*.intern.example"), origins=("https://x.example",)
)
LAPTOP = Access(address="127.0.0.1")


@pytest.fixture(autouse=True)
def in_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def rules(policy: str) -> dict[str, list[str]]:
    parts = (rule.split() for rule in policy.split(";"))
    return {name: sources for name, *sources in parts}


# --- headers -------------------------------------------------------------------------------------


def test_policy_names_no_other_host_and_lets_no_unnamed_script_run() -> None:
    found = rules(page_policy("'self'", scripts=page_scripts()))
    assert found["default-src"] == ["'self'"]
    for name, sources in found.items():
        known = {"'self'", "'none'", "data:", "blob:"}
        known |= {"'unsafe-inline'"} if name == "style-src" else set()
        assert {one for one in sources if not one.startswith("'sha256-")} <= known, name
    assert "data:" not in found["script-src"]
    assert found["object-src"] == ["'none'"]
    assert len(page_scripts()) > 4


def test_each_script_in_a_page_is_named_by_its_hash() -> None:
    """Hashed here as the standard says, from the pages that browsers get."""
    index = (Path(st.__file__).parent / "static" / "index.html").read_text(encoding="utf-8")
    scenes = html(plotter()), html(plotter(shift=0.1), camera="other", label="</script><b>")
    for page in (index, *scenes):
        inline = SCRIPT.findall(page)
        assert inline
        hashes = {b64encode(sha256(text.encode()).digest()).decode() for text in inline}
        assert {f"'sha256-{one}'" for one in hashes} <= set(page_scripts())


def test_server_starts_without_what_the_vtk_views_need(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    every = page_scripts()
    page_scripts.cache_clear()
    monkeypatch.chdir(tmp_path)
    assert page_scripts() == every[:1]
    page_scripts.cache_clear()


@pytest.mark.parametrize(
    ("value", "older"),
    [
        (None, "SAMEORIGIN"),
        ("'none'", "DENY"),
        ("'self' https://huggingface.co https://*.hf.space", None),
    ],
)
def test_frames_around_the_app_are_chosen_by_a_variable(
    value: str | None, older: str | None
) -> None:
    ancestors = frame_ancestors({} if value is None else {"MSPT_FRAME_ANCESTORS": value})
    headers = security_headers(ancestors, scripts=())
    policy = rules(headers["content-security-policy"])
    assert policy["frame-ancestors"] == (value or "'self'").split()
    assert headers.get("x-frame-options") == older
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("value", ["", "*", "a;script-src *", "https://a,b", "javascript:x"])
def test_variable_for_frames_takes_hosts_alone(value: str) -> None:
    with pytest.raises(ValueError, match="MSPT_FRAME_ANCESTORS must hold"):
        frame_ancestors({"MSPT_FRAME_ANCESTORS": value})


# --- who is answered -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("server", "host", "origin", "answered"),
    [
        (LAPTOP, "localhost:8501", None, True),
        (LAPTOP, "127.0.0.1:8501", "http://127.0.0.1:8501", True),
        (LAPTOP, "[::1]:8501", "http://[::1]:8501", True),
        (LAPTOP, "localhost:8501", OUTSIDE, False),
        (LAPTOP, "localhost:8501", "http://localhost:3000", False),
        (LAPTOP, "localhost:8501", "null", False),
        (LAPTOP, "evil.example:8501", "http://evil.example:8501", False),  # DNS rebinding
        (LAPTOP, "evil.example", None, False),
        (LAPTOP, "", None, False),
        (LAPTOP, "a[", "http://a[", False),
        (LAB, "lab.example.org", "https://lab.example.org", True),
        (LAB, "LAB.example.org.", None, True),
        (LAB, "gpu.intern.example", None, True),
        (LAB, "intern.example", None, False),
        (LAB, "evil.example", None, False),
        (LAB, "lab.example.org", "https://x.example", True),
        (LAB, "lab.example.org", OUTSIDE, False),
        (LAB, "localhost:8501", None, True),
        (Access(address="0.0.0.0"), "anything.example", None, True),
        (Access(address="0.0.0.0"), "anything.example", OUTSIDE, False),
    ],
)
def test_server_answers_its_own_names_and_pages(
    server: Access, host: str, origin: str | None, *, answered: bool
) -> None:
    assert (server.refusal("/_stcore/stream", host=host, origin=origin) == "") == answered


def test_metrics_are_closed_until_a_variable_opens_them() -> None:
    path = "/_stcore/metrics"
    assert access({}).refusal(path, host="localhost", origin=None)
    assert not access({"MSPT_METRICS": "open"}).refusal(path, host="localhost", origin=None)
    below = Access(address="", base="lab/mspt")
    assert below.refusal("/lab/mspt/_stcore/metrics", host="localhost", origin=None)


def test_health_is_told_to_whoever_asks() -> None:
    assert not LAPTOP.refusal("/_stcore/health", host="10.0.0.7:8501", origin=None)


# --- the server ----------------------------------------------------------------------------------


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    for target, name in ((PagesManager, "uses_pages_directory"), (net_util, "get_external_ip")):
        monkeypatch.setattr(target, name, getattr(target, name))  # serve.py changes it for good
    return runpy.run_path(str(ROOT / "serve.py"))


def ask(guard: Callable[..., object], kind: str, path: str, **headers: str) -> list[dict]:
    """Return what a guard answers to a request."""
    sent = []

    async def send(message: dict) -> None:
        sent.append(message)

    async def receive() -> dict:
        return {"type": f"{kind}.connect" if kind == "websocket" else "http.request"}

    scope = {
        "type": kind,
        "path": path,
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    with ThreadPoolExecutor() as pool:  # a browser at hand has taken this thread's event loop
        pool.submit(asyncio.run, guard(scope, receive, send)).result()
    return sent


async def within(scope: dict, _: object, send: Callable[..., object]) -> None:
    """An app that answers everything."""
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
    else:
        await send({"type": "websocket.accept"})


def test_every_answer_has_the_headers_and_refusals_reach_no_page(serve: dict) -> None:
    guard = serve["Guard"](within)
    for path, status in (("/", 200), ("/media/x.png", 200), ("/_stcore/metrics", 403)):
        start = ask(guard, "http", path, host="localhost:8501")[0]
        assert start["status"] == status
        headers = {name.decode(): value.decode() for name, value in start["headers"]}
        assert rules(headers["content-security-policy"])["frame-ancestors"] == ["'self'"]
        assert headers["x-frame-options"] == "SAMEORIGIN"
        assert headers["x-content-type-options"] == "nosniff"
    own, foreign = (
        ask(guard, "websocket", "/_stcore/stream", host="localhost:8501", origin=origin)
        for origin in ("http://localhost:8501", OUTSIDE)
    )
    assert [one["type"] for one in own] == ["websocket.accept"]
    assert [one["type"] for one in foreign] == ["websocket.close"]


def test_nobody_outside_is_asked_for_the_address_of_the_server(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    from streamlit.web.server.server_util import is_url_from_allowed_origins

    asked = []
    monkeypatch.setattr(net_util, "_make_blocking_http_get", lambda url, **_: asked.append(url))
    assert not is_url_from_allowed_origins(OUTSIDE)
    assert asked, "Streamlit by itself asks"
    asked.clear()
    request.getfixturevalue("serve")
    assert not is_url_from_allowed_origins(OUTSIDE)
    assert not asked
