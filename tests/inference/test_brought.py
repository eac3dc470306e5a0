"""Models that people bring: taken where they fit a data set, refused in a line elsewhere."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from mspt.checkpoint import load_checkpoint, save_checkpoint
from mspt.config import ModelConfig
from mspt.data.registry import get_dataset
from mspt.data.store import load_split
from mspt.errors import CheckpointError
from mspt.inference.brought import (
    PublishedSettings,
    convert_published,
    load_brought,
    usual_settings,
)
from mspt.inference.predict import predict_case
from mspt.models.normalizer import Normalizer
from mspt.models.registry import build_model
from mspt.published import PublishedMSPT, load_published

ELASTICITY, DARCY = get_dataset("elasticity"), get_dataset("darcy")
SMALL = ModelConfig(
    architecture="published", partition="sequence", space_dim=2, width=16, num_patches=32
)


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    torch.save({"model": PublishedMSPT(SMALL).state_dict()}, tmp_path / "theirs.pt")
    return tmp_path / "theirs.pt"


def test_the_authors_weights_predict_in_physical_units(theirs: Path, tmp_path: Path) -> None:
    out, settings = tmp_path / "out.safetensors", usual_settings(ELASTICITY)
    convert_published(theirs, out, dataset=ELASTICITY, settings=settings)
    found = load_brought(out, ELASTICITY)
    case = load_split("elasticity", "test", limit=1).case(0)
    predicted = predict_case(found, case.points, case.features).fields
    model = load_published(torch.load(theirs, weights_only=True)["model"], num_patches=32)
    with torch.inference_mode():
        raw = model(case.points[None], case.features[None], partitions=None)[0]
    stress = load_split("elasticity", "train", limit=200).fields.double()
    expected = raw * stress.std(correction=0) + stress.mean()
    torch.testing.assert_close(predicted, expected.float(), rtol=1e-4, atol=1e-2)


def test_the_settings_of_the_authors_scripts_are_those_of_the_document() -> None:
    table = Path("docs/use-your-checkpoint.md").read_text(encoding="utf-8")
    darcy, elasticity = usual_settings(DARCY), usual_settings(ELASTICITY)
    assert f"| Darcy | {darcy.num_patches} | `--grid 85 85 --unified-position` |" in table
    assert (darcy.grid, darcy.unified_position) == ((85, 85), True)
    assert f"| Elasticity, Plasticity | {elasticity.num_patches} |" in table
    assert (elasticity.grid, elasticity.scaled) == (None, ("fields",))


def test_weights_of_another_data_set_are_refused(theirs: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="must have 1 features for darcy, got 0"):
        convert_published(
            theirs, tmp_path / "out.safetensors", dataset=DARCY, settings=PublishedSettings()
        )


def save(path: Path, config: ModelConfig) -> Path:
    normalizer = Normalizer(
        space_dim=config.space_dim,
        in_features=config.in_features,
        out_channels=config.out_channels,
    )
    info = {"dataset": "elasticity", "metrics": {}}
    save_checkpoint(
        path, model=build_model(config), config=config, normalizer=normalizer, info=info
    )
    return path


def test_a_model_that_does_not_fit_or_cannot_be_run_is_refused(tmp_path: Path) -> None:
    config = replace(SMALL, architecture="mspt", partition="ball_tree")
    other = save(tmp_path / "other.safetensors", replace(config, out_channels=3))
    with pytest.raises(CheckpointError, match="must have 1 fields for elasticity, got 3"):
        load_brought(other, ELASTICITY)
    huge = save(
        tmp_path / "huge.safetensors", replace(config, num_patches=900, num_supernodes=65_536)
    )
    with pytest.raises(CheckpointError, match="that can be run here"):
        load_brought(huge, ELASTICITY)
    path = save(tmp_path / "fine.safetensors", config)
    assert load_brought(path, ELASTICITY).config == load_checkpoint(path).config
