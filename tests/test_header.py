"""What a checkpoint's header may hold: whatever is in a file, it is refused in one line."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import pytest
import torch
from fuzzing import unclear
from helpers import made_up_cases, tiny_config
from hypothesis import given
from hypothesis import strategies as draw
from safetensors.torch import load_file, save_file

from mspt.checkpoint import (
    FORMAT,
    list_checkpoints,
    load_checkpoint,
    save_checkpoint,
    scan_checkpoints,
)
from mspt.config import ModelConfig
from mspt.errors import CheckpointError
from mspt.header import RULES, parse_header
from mspt.models.normalizer import Normalizer
from mspt.models.registry import build_model

JSON = draw.recursive(
    draw.none() | draw.booleans() | draw.integers() | draw.floats() | draw.text(max_size=5),
    lambda inner: draw.lists(inner, max_size=3) | draw.dictionaries(draw.text(max_size=5), inner),
    max_leaves=5,
)
CONFIG = tiny_config().to_dict()


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path, cases = tmp_path_factory.mktemp("good") / "good.safetensors", made_up_cases(3)
    save_checkpoint(
        path,
        model=build_model(tiny_config(), seed=3),
        config=tiny_config(),
        normalizer=Normalizer.fit(cases.points, cases.features, cases.fields),
        info={"dataset": "darcy"},
    )
    return path


def write(path: Path, good: Path, header: object) -> Path:
    """Write the good file's weights under another header."""
    text = header if isinstance(header, str) else json.dumps(header)
    save_file(load_file(good), path, {"format": FORMAT, "info": text})
    return path


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("{", "header must be JSON, got what is none"),
        ("[" * 100_000, "header must not be nested as deep as it is"),
        ([], "header must be an object, got []"),
        ({}, "config must be an object, got None"),
        ({"config": []}, "config must be an object, got []"),
        ({"config": CONFIG, "info": [1]}, "info must be an object, got [1]"),
        ({"config": CONFIG | {"width": float("nan")}}, "width must be a whole number, got nan"),
        ({"config": CONFIG, "info": {"seed": float("nan")}}, "info.seed must be a whole number"),
        ({"config": CONFIG, "info": {"metrics": [1]}}, "info.metrics must be an object of numbers"),
        ({"config": CONFIG, "info": {"metrics": {"worst": "<b>"}}}, "info.metrics must be an obj"),
        ({"config": CONFIG, "info": {"metrics": {"other_meshes": {"a": 1}}}}, "info.metrics must"),
        ({"config": CONFIG, "info": {"curve": [[0.5]]}}, "info.curve must be a list of pairs"),
        ({"config": CONFIG, "info": {"scores": [{"relative_l2": 1}]}}, "info.scores must be"),
        ({"config": CONFIG, "info": {"dataset": ["x"] * 10**5}}, "info.dataset must be a text"),
        ({"config": CONFIG, "info": {"train": {"surface_points": 1e30}}}, "info.train must be"),
    ],
)
def test_odd_header_is_refused_in_one_short_line(
    tmp_path: Path, good: Path, header: object, message: str
) -> None:
    path = write(tmp_path / "odd.safetensors", good, header)
    with pytest.raises(CheckpointError, match=re.escape(message)) as caught:
        load_checkpoint(path)
    assert len(str(caught.value)) < 240
    assert "\n" not in str(caught.value)


def line_of(act: Callable[[], object]) -> str:
    """Return the words of the refusal; empty if there is none. Other errors are not caught."""
    try:
        act()
    except ValueError as error:
        return str(error)
    return ""


@given(name=draw.sampled_from(sorted(RULES)), value=JSON)
def test_any_entry_is_taken_or_refused_in_one_line(name: str, value: object) -> None:
    text = json.dumps({"config": CONFIG, "info": {name: value}})
    assert "\n" not in line_of(lambda: parse_header(text))


@pytest.mark.parametrize(
    "config",
    [
        CONFIG | {"architecture": 10**400},
        CONFIG | {"width": -(10**400)},
        CONFIG | {"\0" * 5: 1},
        CONFIG | {"a" * 5000: 1},
    ],
)
def test_names_and_numbers_of_any_length_are_refused_in_a_clear_sentence(
    config: dict[str, object], good: Path, tmp_path: Path
) -> None:
    path = tmp_path / "odd.safetensors"
    write(path, good, {"config": config, "info": {}})
    with pytest.raises(CheckpointError) as refusal:
        load_checkpoint(path)
    assert not unclear(str(refusal.value))


@given(name=draw.sampled_from(sorted(CONFIG)), value=JSON)
def test_any_setting_is_taken_or_refused_in_one_line(name: str, value: object) -> None:
    assert "\n" not in line_of(lambda: ModelConfig.from_dict(CONFIG | {name: value}))


@pytest.mark.parametrize(
    "changes",
    [
        {"width": 65_536},
        {"num_blocks": 1024},
        {"in_features": 65_536},
        {"mlp_ratio": 1024},
        {"width": 65_536, "num_heads": 1, "unified_position": 1024, "mlp_ratio": 1024},
    ],
    ids=str,
)
def test_sizes_that_the_file_does_not_have_are_refused_before_they_cost_anything(
    tmp_path: Path, good: Path, changes: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The largest of these models would take petabytes."""
    path = write(tmp_path / "huge.safetensors", good, {"config": CONFIG | changes})
    monkeypatch.setattr("mspt.checkpoint.load_file", lambda _: pytest.fail("weights are read"))
    start = perf_counter()
    with pytest.raises(CheckpointError, match="must hold exactly the tensors of its config"):
        load_checkpoint(path)
    assert perf_counter() - start < 5
    (kept,), (refused,) = scan_checkpoints(
        write(good.parent / "x.safetensors", good, {"config": CONFIG | changes}).parent
    )
    assert kept.path == good
    assert refused.path.name == "x.safetensors"


def test_odd_files_are_named_with_the_reason_and_the_others_are_listed(
    tmp_path: Path, good: Path
) -> None:
    (tmp_path / "a.safetensors").write_bytes(good.read_bytes())
    (tmp_path / "b.safetensors").write_bytes(good.read_bytes()[:-10])
    write(tmp_path / "c.safetensors", good, {"config": []})
    (tmp_path / "d.safetensors").mkdir()
    found, refused = scan_checkpoints(tmp_path)
    assert [one.path.stem for one in found] == ["a"]
    assert [one.path.stem for one in list_checkpoints(tmp_path)] == ["a"]
    assert [one.path.stem for one in refused] == ["b", "c", "d"]
    assert all(one.path.name in one.reason for one in refused)


def test_what_reading_would_refuse_is_not_written(tmp_path: Path, good: Path) -> None:
    loaded = load_checkpoint(good)
    with pytest.raises(CheckpointError, match=r"info\.seed must be a whole number"):
        save_checkpoint(
            tmp_path / "new.safetensors",
            model=loaded.model,
            config=loaded.config,
            normalizer=loaded.normalizer,
            info={"seed": "three"},
        )
    assert not list(tmp_path.iterdir())


def test_weights_of_another_kind_of_number_are_no_surprise(tmp_path: Path, good: Path) -> None:
    tensors = {key: value.to(torch.float64) for key, value in load_file(good).items()}
    header = {"format": FORMAT, "info": json.dumps({"config": CONFIG})}
    save_file(tensors, tmp_path / "double.safetensors", header)
    assert all(
        value.dtype == torch.float32
        for value in load_checkpoint(tmp_path / "double.safetensors").model.state_dict().values()
    )
