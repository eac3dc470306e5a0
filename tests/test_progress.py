import io

import pytest

from mspt.progress import ProgressBar


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def run(out: io.StringIO, mode: str, *, steps: int = 50) -> str:
    with ProgressBar(unit="step", title="Training", mode=mode, file=out) as bar:
        for step in range(1, steps + 1):
            bar.reach(step, steps, words=f"loss {step}")
        bar.note("epoch 1 is done")
    return out.getvalue()


@pytest.mark.parametrize(
    ("stream", "mode"), [(io.StringIO, "auto"), (io.StringIO, "off"), (Terminal, "off")]
)
def test_nothing_is_written_outside_a_terminal(stream: type[io.StringIO], mode: str) -> None:
    assert run(stream(), mode) == ""


def test_terminal_gets_a_bar_that_ends_full() -> None:
    out = run(Terminal(), "auto")
    assert "\rTraining" in out
    assert "50/50" in out
    assert "epoch 1 is done\n" in out


def test_log_gets_few_lines_without_carriage_returns() -> None:
    out = run(io.StringIO(), "log")
    lines = out.splitlines()
    assert "\r" not in out
    assert len(lines) == 3
    assert "1/50" in lines[0]
    assert "50/50" in lines[1]
    assert "loss 50" in lines[1]
    assert lines[2] == "epoch 1 is done"


def test_log_gets_a_line_whenever_the_time_has_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mspt.progress.LOG_SECONDS", 0.0)
    out = run(io.StringIO(), "log", steps=5)
    assert all(f"{step}/5" in out for step in range(1, 6))


def test_rate_leaves_out_what_an_earlier_run_did(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mspt.progress.LOG_SECONDS", 0.0)
    seconds = iter([0.0, 1.0, 2.0])
    monkeypatch.setattr("mspt.progress.monotonic", lambda: next(seconds))
    out = io.StringIO()
    with ProgressBar(unit="case", mode="log", file=out) as bar:
        bar.reach(901, 1000)
        bar.reach(902, 1000)
    assert [line.rsplit(", ", 1)[1].strip() for line in out.getvalue().splitlines()] == [
        "1.00case/s]",
        "1.00case/s]",
    ]


@pytest.mark.parametrize(("stream", "mode"), [(Terminal, "auto"), (io.StringIO, "log")])
def test_a_share_has_no_rate_that_contradicts_its_title(
    stream: type[io.StringIO], mode: str
) -> None:
    out = stream()
    with ProgressBar(unit="%", mode=mode, file=out) as bar:
        bar.reach(35, 100, title="Step 2 of 2: solving, about 40 s left")
    assert "Step 2 of 2: solving, about 40 s left: 35%" in out.getvalue()
    assert "%/s" not in out.getvalue()
    assert "35/100" not in out.getvalue()
