from pathlib import Path

import pytest
from helpers import made_up_cases, tiny_config, tiny_preset

from mspt.checkpoint import build_model, save_checkpoint
from mspt.evaluation import score as scoring
from mspt.models.normalizer import Normalizer
from mspt.training.presets import PRESETS


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

    def load(name: str, split: str, *, root: Path | None = None, limit: int | None = None):  # noqa: ANN202, ARG001
        return made_up_cases(limit or sizes[split], seed=len(split), dataset=name)

    monkeypatch.setattr(scoring, "load_split", load)
    monkeypatch.setitem(PRESETS, "tiny", tiny_preset(epochs=2))
