from pathlib import Path

import pytest
from helpers import made_up_cases, tiny_config, tiny_preset

from mspt.checkpoint import save_checkpoint
from mspt.data.case import CaseStack
from mspt.data.dataset import Dataset
from mspt.data.registry import get_dataset
from mspt.data.stacked import StackedFiles
from mspt.models.normalizer import Normalizer
from mspt.models.registry import build_model


@pytest.fixture
def elasticity_checkpoint(tmp_path: Path) -> Path:
    config = tiny_config(in_features=0)
    path = tmp_path / "tiny.safetensors"
    cases = made_up_cases(3)
    normalizer = Normalizer.fit(cases.points, cases.features[..., :0], cases.fields)
    info = {"dataset": "elasticity"}
    model = build_model(config)
    save_checkpoint(path, model=model, config=config, normalizer=normalizer, info=info)
    return path


@pytest.fixture
def made_up_data(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = {"train": 8, "validation": 3, "test": 4}

    def load(
        self: StackedFiles,  # noqa: ARG001 - the signature of what it replaces
        dataset: Dataset,
        split: str,
        root: Path | None,  # noqa: ARG001
        limit: int | None,
        train: object,  # noqa: ARG001
    ) -> CaseStack:
        return made_up_cases(limit or sizes[split], seed=len(split), dataset=dataset.name)

    monkeypatch.setattr(StackedFiles, "cases", load)
    monkeypatch.setitem(get_dataset("elasticity").presets, "tiny", tiny_preset(epochs=2))
