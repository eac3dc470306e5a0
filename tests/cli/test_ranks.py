"""Commands on several ranks, as torchrun starts them."""

import argparse
import os
import signal
import subprocess
import sys
from pathlib import Path
from time import monotonic

import pytest

from mspt.cli import _ranks
from mspt.cli._ranks import joined_ranks
from mspt.errors import MSPTError

PROJECT = Path(__file__).parents[2]


def test_one_process_keeps_its_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    given = argparse.Namespace(command="predict", out=Path("one.vtp"))
    with joined_ranks(given) as own:
        assert own is given


def test_command_that_cannot_be_divided_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with (
        pytest.raises(MSPTError, match=r"command must be one of predict, train .* got 'patches'"),
        joined_ranks(argparse.Namespace(command="patches")),
    ):
        pass


def test_other_ranks_write_no_files_and_train_in_the_same_folder() -> None:
    predict = argparse.Namespace(command="predict", out=Path("a"), passport=Path("b"), seed=3)
    assert vars(_ranks._silent(predict)) == {
        "command": "predict",
        "out": None,
        "passport": None,
        "seed": 3,
        "progress": "off",
    }
    train = argparse.Namespace(command="train", out=Path("runs"), progress="log")
    assert _ranks._silent(train).out == Path("runs")


@pytest.mark.skipif(sys.platform != "linux", reason="reads the processes of Linux")
def test_rank_that_dies_ends_all_with_one_line(tmp_path: Path) -> None:
    train = "train elasticity --per-split 2 --epochs 9999 --progress log"
    words = f"-m mspt {train} --out {tmp_path}"
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node=2"]
    with subprocess.Popen(
        [*command, *words.split()],
        cwd=PROJECT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(PROJECT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as launcher:
        assert launcher.stdout is not None
        lines = []
        for line in launcher.stdout:
            lines.append(line)
            if "epoch 1:" in line:
                break
        assert launcher.poll() is None, "".join(lines)
        first, *_ = _children(launcher.pid)
        killed = monotonic()
        os.kill(first, signal.SIGKILL)
        rest = launcher.stdout.read()
        assert launcher.wait(timeout=30) != 0, "".join(lines)
        assert monotonic() - killed < 30
    errors = [line for line in rest.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1, rest
    assert errors[0].startswith("error: ranks must all run to the end, got ")


def _children(parent: int) -> list[int]:
    """Return the processes that a process has started, in order."""
    return [
        int(word) for word in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    ]
