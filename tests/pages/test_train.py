"""The page on training: a race in the background, its curves and fields, models to keep."""

import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from mspt.benchmarks.settings import parse_settings, with_settings
from mspt.checkpoint import load_checkpoint
from mspt.cli.main import build_parser
from mspt.cli.train import with_overrides
from mspt.training.presets import get_preset
from pages._shared.numbers import percent
from pages._train import data
from tests.pages.reading import charts, finish, metrics

Open = Callable[..., AppTest]


def trained(open_page: Open, **query: str) -> AppTest:
    chosen = {"train_cases": "25", "train_epochs": "5", "train_d": "16", "train_blocks": "1"}
    app = open_page("train", **(chosen | query))
    assert not app.exception
    app.button(key="train_start").click().run()
    return finish(app)


def test_two_models_race_and_can_be_kept(
    open_page: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = trained(open_page)
    assert not app.exception
    race = app.session_state[data.HERE]
    last = {name: snapshots[-1] for name, snapshots in race.snapshots.items()}
    assert set(last) == {"MSPT", "Transolver"}
    assert all(snapshot.step == snapshot.num_steps for snapshot in last.values())
    for name, snapshot in last.items():
        assert metrics(app)[name] == percent(snapshot.error)
    curves, fields = charts(app)
    drawn = next(one for one in curves["data"] if one["name"] == "MSPT, validation")
    assert list(drawn["x"]) == [snapshot.step for snapshot in race.snapshots["MSPT"]]
    assert list(drawn["y"]) == [snapshot.error for snapshot in race.snapshots["MSPT"]]
    titles = [one["text"] for one in fields["layout"]["annotations"]]
    assert titles[0] == "Truth (solver)"
    assert len(titles) == 3

    path = tmp_path / "kept.safetensors"
    path.write_bytes(data.checkpoint_file(race, "MSPT"))
    kept = load_checkpoint(path)
    assert kept.config.width == 16
    assert kept.info["steps"] == last["MSPT"].step
    monkeypatch.setattr(data, "PRETRAINED", tmp_path)
    assert data.keep(race, "Transolver") == "live-elasticity-transolver-1"
    assert data.keep(race, "Transolver") == "live-elasticity-transolver-2"
    assert (
        load_checkpoint(tmp_path / "live-elasticity-transolver-2.safetensors").info["cases"] == 25
    )


def test_commands_train_the_models_of_the_page(open_page: Open) -> None:
    app = open_page("train", train_k="8", train_q="2", train_d="48", train_pooling="max")
    lines = app.code[0].value.splitlines()
    assert len(lines) == 2
    for line, architecture in zip(lines, ("mspt", "transolver"), strict=True):
        words = shlex.split(line.removeprefix("python -m "))[1:]
        args = build_parser().parse_args(words)
        preset = with_settings(
            with_overrides(get_preset(args.preset), args), parse_settings(args.set)
        )
        assert preset.model.architecture == architecture
        assert (preset.model.width, preset.model.num_heads) == (48, 3)
        assert (preset.train.epochs, preset.train.coarse_epochs, args.cases) == (20, 0, 100)
        assert not preset.train.augment


def test_a_race_rests_and_goes_on(open_page: Open) -> None:
    app = open_page("train", train_cases="25", train_epochs="80", train_d="16", train_blocks="1")
    app.button(key="train_start").click().run()
    race = app.session_state[data.HERE]
    race.paused.set()
    job = app.session_state[data.JOB]
    while job.words != "Paused":
        assert not job.ended.wait(0.05)
    snapshots = sum(map(len, race.snapshots.values()))
    assert not job.ended.wait(0.6)
    assert sum(map(len, race.snapshots.values())) == snapshots
    race.paused.clear()
    while sum(map(len, race.snapshots.values())) == snapshots:
        assert not job.ended.wait(0.05)
    job.cancel(patience=10)
    assert job.ended.is_set()
    app.run()
    assert not app.exception


def test_no_model_is_no_race(open_page: Open) -> None:
    app = open_page("train")
    app.button_group(key="train_models").set_value([]).run()
    assert app.button(key="train_start").disabled
    assert not app.exception
