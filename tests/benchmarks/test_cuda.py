"""The measurements for CUDA devices, made here on a processor with tiny clouds."""

import math

import pytest
import torch

from mspt.benchmarks import cuda as module
from mspt.benchmarks.cuda import MODELS, OPTIONS, cuda_config, measure_cuda
from mspt.cli.main import main


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REPEATS", 1)
    monkeypatch.setattr(torch, "compile", lambda model: model)  # it takes half a minute


def test_each_model_is_measured_in_each_precision_with_its_error() -> None:
    rows = list(measure_cuda(sizes=(300,), device="cpu"))
    assert len(rows) == 2 * (len(OPTIONS) + 2 * (len(MODELS) - 1))
    for row in rows:
        assert not row.stopped
        assert row.seconds > 0
        if row.option == "bfloat16":
            assert 1e-4 < row.error < 0.05  # eight bits
        elif row.option == "compiled":
            assert row.error < 1e-5
        else:
            assert math.isnan(row.error)


def test_nothing_is_started_when_no_time_is_left() -> None:
    rows = list(measure_cuda(sizes=(300, 600), device="cpu", most_seconds=0.0))
    assert {row.stopped for row in rows} == {"no time was left"}
    assert all(math.isnan(row.seconds) for row in rows)


def test_what_fails_says_why_and_is_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []

    def out_of_memory(_: object, num_points: int, *__: object) -> tuple[float, float, float]:
        tried.append(num_points)
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB\nmore")

    monkeypatch.setattr(module, "_measured", out_of_memory)
    rows = list(measure_cuda(sizes=(300, 600), device="cpu"))
    assert set(tried) == {300}
    assert {row.stopped for row in rows} == {"CUDA out of memory. Tried to allocate 20 GiB"}


def test_sizes_are_those_of_the_comparison_on_cpus() -> None:
    assert cuda_config("mspt", 1_000_000).num_patches == 1000
    assert cuda_config("transolver", 1_000_000).num_slices == 128


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_machine_without_the_device_is_refused_in_one_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["benchmark", "cuda"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: device must be cuda, got a machine with")
