"""The command ``calibrate``: its fit is that of the tables it writes."""

from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_up_flows import flow_preset, sphere_clouds

from mspt.checkpoint import load_checkpoint, save_checkpoint
from mspt.cli import calibrate as command
from mspt.data.sets.car.dataset import training_facts
from mspt.evaluation.calibration import calibrate, parse_pairs, parse_rows
from mspt.evaluation.observations import OTHER, Observation, Observed
from mspt.inference.calibration import read_calibration, weights_digest
from mspt.inference.known import known_bodies
from mspt.inference.library import library_of
from mspt.models.registry import build_model
from mspt.training.batches import fit_normalizer
from tests.cli.running import fails_with, run_json, run_text

FAMILIES, BODIES = 6, 7


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny untrained model of flows that knows five spheres."""
    path, stack = tmp_path_factory.mktemp("models") / "ball.safetensors", sphere_clouds(5)
    preset = flow_preset()
    save_checkpoint(
        path,
        model=build_model(preset.model, seed=3),
        config=preset.model,
        normalizer=fit_normalizer(stack),
        info={"dataset": "car", **training_facts(stack)},
    )
    return path


def drawn(path: Path) -> tuple[list[Observation], list[Observation]]:
    """Return training bodies, and bodies whose errors grow with what another model disagrees by."""
    rng, outlines = np.random.default_rng(0), library_of(load_checkpoint(path)).outlines
    known = [
        Observation(
            name=f"car-{row:04d}", family="ball", numbers={}, form=rng.normal(size=8),
            outline=outline, latent=rng.normal(size=6),
        )
        for row, outline in enumerate(outlines)
    ]  # fmt: skip
    cases = []
    for place in range(FAMILIES * BODIES + 1):
        signal = float(np.exp(rng.normal(-2, 0.7)))
        miss = 0.5 * signal * float(rng.normal())
        numbers = {
            "clouds": 0.01, "mirror_drag": 0.01, "symmetry": 0.02, "resolution": 0.02,
            "drag other": signal, "pressure other": signal,
            "C_D": 0.4, "C_D_once": 0.41, "C_D_true": 0.4 * (1 + miss), "C_p_error": abs(miss),
        }  # fmt: skip
        first = known[place % len(known)]
        cases.append(
            replace(
                first,
                name=f"case {place}",
                family=OTHER if place == FAMILIES * BODIES else f"family {place // BODIES}",
                numbers=numbers,
                outline=first.outline + 0.01 * rng.normal(size=first.outline.shape),
            )
        )
    return known, cases


@pytest.fixture
def asked(path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Have the command see drawn bodies; return what it asks to be observed."""
    asked: dict[str, Any] = {}

    def observe(_: object, dataset: Any, **options: Any) -> Iterator[Any]:  # noqa: ANN401
        asked.update(options, dataset=dataset.name)
        yield Observed(done=1, total=1)
        yield drawn(path)

    monkeypatch.setattr(command, "observe_cases", observe)
    return asked


def test_what_is_written_is_the_fit_of_the_tables_beside_it(
    path: Path, asked: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, work = tmp_path / "out", tmp_path / "work"
    found = run_json(
        capsys, "calibrate", str(path), "--members", "ball", "--out", str(out), "--work", str(work),
        "--device", "cpu",
    )  # fmt: skip
    checkpoint = load_checkpoint(path)
    digest = weights_digest(checkpoint)
    assert asked["folder"] == work / f"ball-{digest}"
    assert (asked["dataset"], list(asked["members"]), asked["device"]) == ("car", ["ball"], "cpu")

    known, _ = drawn(path)
    again = calibrate(
        parse_rows((out / "ball.csv").read_text()),
        parse_pairs((out / "ball-pairs.csv").read_text()),
        known=known_bodies(np.array([one.form for one in known]),
                           np.array([one.latent for one in known])),
        near=library_of(checkpoint).usual_distance(),
        digest=digest,
        members={"ball": digest},
    )  # fmt: skip
    assert found["training_bodies"] == 5
    assert found["left_out"]["drag"]["bodies"] == FAMILIES * BODIES
    assert found["left_out"] == again.measured["left_out"]
    assert found["pairs"] == pytest.approx(asdict(again.pairs))
    kept = read_calibration(out / "ball.npz")
    assert (kept.digest, kept.members) == (digest, {"ball": digest})
    assert kept.drag == again.drag

    # The body from elsewhere is tried, and never fitted to: its interval is about its own C_D.
    (tried,) = found["bodies"]
    assert tried["name"] == f"case {FAMILIES * BODIES}"
    assert tried["C_D_low"] < tried["C_D"] < tried["C_D_high"]
    middle = (tried["C_D_low"] + tried["C_D_high"]) / 2
    assert tried["C_D_low"] == 0 or middle == pytest.approx(tried["C_D"])
    assert len(parse_rows((out / "ball.csv").read_text())) == FAMILIES * BODIES + 1


def test_the_text_names_the_body_from_elsewhere(
    path: Path, asked: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = run_text(capsys, "calibrate", str(path), "--members", "--out", str(tmp_path))
    assert asked["members"] == {}
    assert f"case {FAMILIES * BODIES}" in text
    assert "none" in next(line for line in text.splitlines() if line.startswith("other models"))


def test_a_model_that_knows_no_bodies_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    line = fails_with(capsys, "calibrate", "pretrained/elasticity.safetensors", "--members")
    assert "must" in line


def test_a_run_that_ends_without_a_result_says_so(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "observe_cases", lambda *_, **__: iter([]))
    line = fails_with(capsys, "calibrate", str(path), "--members")
    assert "calibration ended without a result" in line
