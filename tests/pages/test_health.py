"""Whether the server says how it is, and how it writes its log."""

import asyncio
import json
import logging
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from pages._shared import health, logs
from pages._shared.protection import Access
from tests.pages.tiny import ROOT, make_project


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_project(tmp_path_factory.mktemp("project"))


def ask(one: health.Health, times: int = 1) -> list[tuple[int, dict]]:
    async def answers() -> list[tuple[int, dict]]:
        found = await asyncio.gather(*(one.answer(None) for _ in range(times)))
        return [(each.status_code, json.loads(each.body)) for each in found]

    with ThreadPoolExecutor() as pool:  # a browser at hand has taken this thread's event loop
        return pool.submit(asyncio.run, answers()).result()


def test_server_is_well_if_it_predicts(project: Path) -> None:
    [(status, content)] = ask(health.Health(project / "pretrained"))
    assert status == 200
    assert content["status"] == "ok"
    assert content["prediction_ms"] > 0


def test_asking_often_predicts_once(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    monkeypatch.setattr(health, "predict_tiny", lambda folder: calls.append(folder) or 0.25)
    one = health.Health(project)
    assert ask(one, times=20) == [(200, {"status": "ok", "prediction_ms": 250.0})] * 20
    ask(one)
    assert len(calls) == 1
    monkeypatch.setattr(health, "monotonic", lambda clock=health.monotonic: clock() + health.HOLD)
    ask(one)
    assert len(calls) == 2


def test_server_without_a_checkpoint_is_not_well_and_tells_no_path(tmp_path: Path) -> None:
    found = ask(health.Health(tmp_path))
    assert found == [(503, {"status": "failed", "prediction_ms": None})]


def test_prediction_without_an_end_is_answered_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    go_on, calls = threading.Event(), []

    def hang(folder: Path) -> float:
        calls.append(folder)
        go_on.wait(10)
        return 0.1

    monkeypatch.setattr(health, "predict_tiny", hang)
    monkeypatch.setattr(health, "PATIENCE", 0.05)
    timer = threading.Timer(0.5, go_on.set)
    timer.start()
    assert ask(health.Health(Path()), times=3)[0][0] == 503
    assert len(calls) == 1
    timer.join()


@pytest.mark.parametrize(("base", "path"), [("", "/healthz"), ("lab/mspt", "/lab/mspt/healthz")])
def test_health_is_told_to_every_name_and_below_a_base_path(base: str, path: str) -> None:
    access = Access(address="127.0.0.1", hosts=("mspt.example.org",), base=base)
    assert access.refusal(path, host="10.0.0.7:8501", origin=None) == ""
    assert access.refusal("/", host="10.0.0.7:8501", origin=None)
    assert access.refusal(f"{path}/more", host="10.0.0.7:8501", origin=None)


@pytest.mark.parametrize(("base", "status"), [("", 200), ("lab/mspt/", 200), ("lab", 503)])
def test_health_check_of_the_container_says_what_the_server_says(base: str, status: int) -> None:
    asked = []

    class Server(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.handle_request, daemon=True).start()
    variables = {
        "STREAMLIT_SERVER_PORT": str(server.server_port),
        "STREAMLIT_SERVER_BASE_URL_PATH": base,
    }
    command = [sys.executable, "-S", str(ROOT / "assets/health.py")]
    ended = subprocess.run(command, env=variables, check=False, capture_output=True)
    server.server_close()
    assert ended.returncode == (0 if status == 200 else 1)
    assert asked == [f"/{base.strip('/')}/healthz" if base else "/healthz"]


# --- the log -------------------------------------------------------------------------------------


def test_log_is_one_bounded_json_object_a_line() -> None:
    try:
        raise ValueError("x\n" * 20_000)
    except ValueError:
        record = logging.LogRecord(
            "mspt.pages",
            logging.ERROR,
            "file.py",
            1,
            "Failed: %s",
            ("é\n" * 9_000,),
            sys.exc_info(),
        )
    line = logs.JSONLines().format(record)
    assert "\n" not in line
    found = json.loads(line)
    assert found["level"] == "error"
    assert found["logger"] == "mspt.pages"
    assert found["message"].startswith("Failed: é\né")
    assert len(found["message"]) == logs.MOST_MESSAGE
    assert len(found["exception"]) == logs.MOST_TRACE
    assert found["time"].endswith("+00:00")


def test_other_formats_are_refused() -> None:
    with pytest.raises(ValueError, match="MSPT_LOG must be text or json, got 'xml'"):
        logs.log_format({"MSPT_LOG": "xml"})


def test_loggers_of_streamlit_write_json_too() -> None:
    code = (
        "from pages._shared import logs; import logging, warnings\n"
        "logs.write_json()\n"
        "from streamlit.logger import get_logger\n"
        "get_logger('streamlit.new').warning('one')\n"
        "logging.getLogger('mspt.pages').error('two')\n"
        "warnings.warn('three')\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True
    )
    found = [json.loads(line) for line in ended.stderr.splitlines()]
    messages = [one["message"] for one in found]
    assert messages[:2] == ["one", "two"]
    assert "three" in messages[2]
