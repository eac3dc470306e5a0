import io

import pytest

from mspt.progress import ProgressBar


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("stream", "least", "most"), [(io.StringIO, 1, 3), (Terminal, 50, 120)])
def test_log_gets_few_lines_and_a_terminal_all(
    stream: type[io.StringIO], least: int, most: int
) -> None:
    out = stream()
    with ProgressBar(total=50, unit="step", file=out) as bar:
        for step in range(50):
            bar.n = step + 1
            bar.set_postfix_str(f"loss {step}")
    drawn = out.getvalue().count("step/s") + out.getvalue().count("?step")
    assert least <= drawn <= most
    assert "50/50" in out.getvalue()


def test_time_for_another_line_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mspt.progress.LOG_SECONDS", 0.0)
    out = io.StringIO()
    with ProgressBar(total=5, file=out) as bar:
        for step in range(5):
            bar.n = step
            bar.refresh()
    assert all(f"{step}/5" in out.getvalue() for step in range(5))


def test_bar_reaches_where_the_work_is() -> None:
    out = Terminal()
    with ProgressBar(unit="case", file=out, mininterval=0) as bar:
        for done in range(1, 5):
            bar.reach(done, 4)
    assert "4/4" in out.getvalue()
    assert bar.n == bar.total == 4
