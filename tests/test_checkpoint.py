import json
import struct
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from helpers import made_up_cases, tiny_config
from safetensors.torch import load_file, save_file

from mspt.checkpoint import (
    FORMAT,
    Checkpoint,
    list_checkpoints,
    load_checkpoint,
    read_info,
    save_checkpoint,
)
from mspt.config import ModelConfig
from mspt.errors import CheckpointError
from mspt.inference.predict import predict_case
from mspt.models.normalizer import Normalizer
from mspt.models.registry import MODELS, build_model

ARCHITECTURES = sorted(MODELS)


def save(path: Path, architecture: str = "mspt") -> Path:
    partition = {"partition": "sequence"} if architecture == "published" else {}
    config = tiny_config(architecture=architecture, **partition)
    cases = made_up_cases(3)
    save_checkpoint(
        path,
        model=build_model(config, seed=3),
        config=config,
        normalizer=Normalizer.fit(cases.points, cases.features, cases.fields),
        info={"dataset": "elasticity", "seed": 3, "curve": [[0.5, 0.25]]},
    )
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return save(tmp_path / "model.safetensors")


def rewrite(path: Path, *, drop: str = "", add: str = "", **metadata: str) -> None:
    tensors = load_file(path)
    header = {"format": FORMAT, "info": json.dumps(_header(path)), **metadata}
    tensors = {name: value for name, value in tensors.items() if name != drop}
    if add:
        tensors[add] = torch.zeros(2)
    save_file(tensors, path, header)


def _header(path: Path) -> dict[str, object]:
    info = read_info(path)
    return {"config": info.config.to_dict(), "info": info.info}


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_loading_returns_what_was_saved(tmp_path: Path, architecture: str) -> None:
    path = save(tmp_path / "model.safetensors", architecture)
    first, second = load_checkpoint(path), load_checkpoint(path)
    assert first.config.architecture == architecture
    assert first.info == {"dataset": "elasticity", "seed": 3, "curve": [[0.5, 0.25]]}
    assert not first.model.training
    original = build_model(first.config, seed=3).state_dict()
    torch.testing.assert_close(first.model.state_dict(), original)
    if architecture == "branched":  # needs to know which points lie on the surface
        return
    case = made_up_cases(1).case(0)
    predictions = [predict_case(c, case.points, case.features).fields for c in (first, second)]
    assert torch.equal(*predictions)
    assert predictions[0].mean() > 100  # decoded with the normalizer of the file


def test_no_partial_file_stays_behind(path: Path) -> None:
    assert [file.name for file in path.parent.iterdir()] == ["model.safetensors"]


def test_listing_reads_no_weights(path: Path) -> None:
    (path.parent / "notes.txt").write_text("no checkpoint")
    (path.parent / "broken.safetensors").write_bytes(b"\0" * 100)
    size = struct.unpack("<Q", path.read_bytes()[:8])[0]
    blank = path.read_bytes()[: 8 + size] + b"\0" * (path.stat().st_size - 8 - size)
    path.write_bytes(blank)
    (found,) = list_checkpoints(path.parent)
    assert found.path == path
    assert found.config == tiny_config()
    assert found.info["seed"] == 3


def test_rejects_a_missing_tensor(path: Path) -> None:
    rewrite(path, drop="head.0.weight")
    with pytest.raises(CheckpointError, match=r"got missing \['head.0.weight'\], unknown \[\]"):
        load_checkpoint(path)


def test_rejects_an_extra_tensor(path: Path) -> None:
    rewrite(path, add="stowaway")
    with pytest.raises(CheckpointError, match=r"got missing \[\], unknown \['stowaway'\]"):
        load_checkpoint(path)


def test_rejects_a_tensor_of_another_shape(path: Path) -> None:
    rewrite(path, drop="head.0.weight", add="head.0.weight")
    with pytest.raises(CheckpointError, match=r"misshapen \['head.0.weight'\]"):
        load_checkpoint(path)


def test_rejects_weights_that_are_not_finite(path: Path) -> None:
    tensors = load_file(path)
    tensors["head.0.weight"][0] = torch.nan
    header = {"format": FORMAT, "info": json.dumps(_header(path))}
    save_file(tensors, path, header)
    message = r"must hold finite weights, got NaN or infinity in head\.0\.weight"
    with pytest.raises(CheckpointError, match=message):
        load_checkpoint(path)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["blocks.0.attention.to_out.bias", "normalizer.fields_mean"])
def test_writes_no_file_that_loading_would_refuse(path: Path, name: str, value: float) -> None:
    before, good = path.read_bytes(), load_checkpoint(path)
    module = good.normalizer if name.startswith("normalizer.") else good.model
    module.state_dict()[name.removeprefix("normalizer.")][0] = value
    with pytest.raises(CheckpointError, match=f"got NaN or infinity in {name};"):
        save_again(path, good, good.config)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_writes_no_weights_of_another_model_than_that_of_the_config(path: Path) -> None:
    good, before = load_checkpoint(path), path.read_bytes()
    with pytest.raises(CheckpointError, match=r"must hold exactly .* misshapen \['blocks\.0\."):
        save_again(path, good, replace(good.config, width=32))
    with pytest.raises(
        CheckpointError, match=r"must hold exactly .* misshapen \['normalizer\.fields_mean'"
    ):
        save_again(
            path,
            replace(good, normalizer=Normalizer(space_dim=2, in_features=2, out_channels=3)),
            good.config,
        )
    assert path.read_bytes() == before


def save_again(path: Path, checkpoint: Checkpoint, config: ModelConfig) -> None:
    save_checkpoint(
        path,
        model=checkpoint.model,
        config=config,
        normalizer=checkpoint.normalizer,
        info=checkpoint.info,
    )


@pytest.mark.parametrize("kept", [0, 4, 200, -10])
def test_rejects_a_truncated_file(path: Path, kept: int) -> None:
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(CheckpointError, match="must be a complete safetensors file"):
        load_checkpoint(path)


@pytest.mark.parametrize("found", ["mspt/0", "pt"])
def test_rejects_another_format(path: Path, found: str) -> None:
    rewrite(path, format=found)
    with pytest.raises(CheckpointError, match=f"must have the format 'mspt/1', got '{found}'"):
        load_checkpoint(path)


@pytest.mark.parametrize("info", ["{", "{}", '{"config": {"depth": 3}}'])
def test_rejects_a_header_that_cannot_be_used(path: Path, info: str) -> None:
    rewrite(path, info=info)
    with pytest.raises(CheckpointError, match="a header that cannot be used"):
        load_checkpoint(path)


def test_never_opens_a_pickle(tmp_path: Path) -> None:
    disguised, honest = tmp_path / "model.safetensors", tmp_path / "model.pt"
    torch.save({"weight": torch.zeros(2)}, honest)
    disguised.write_bytes(honest.read_bytes())
    with pytest.raises(CheckpointError, match="must be a complete safetensors file"):
        load_checkpoint(disguised)
    with pytest.raises(CheckpointError, match=r"must be a \.safetensors file, got model\.pt"):
        load_checkpoint(honest)
    cases = made_up_cases(1)
    with pytest.raises(CheckpointError, match=r"must be a \.safetensors file, got out\.pt"):
        save_checkpoint(
            tmp_path / "out.pt",
            model=build_model(tiny_config()),
            config=tiny_config(),
            normalizer=Normalizer.fit(cases.points, cases.features, cases.fields),
            info={},
        )


def test_rejects_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"must be an existing file, got none\.safetensors"):
        load_checkpoint(tmp_path / "none.safetensors")


def test_same_seed_builds_the_same_model_and_leaves_torch_alone() -> None:
    before = torch.get_rng_state()
    first, again, other = (build_model(tiny_config(), seed=s).state_dict() for s in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(first["head.1.0.weight"], again["head.1.0.weight"])
    assert not torch.equal(first["head.1.0.weight"], other["head.1.0.weight"])
