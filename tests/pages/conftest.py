from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import streamlit as st
import torch
from streamlit.testing.v1 import AppTest

from mspt.checkpoint import build_model, save_checkpoint
from mspt.config import ModelConfig
from mspt.data.store import load_split
from mspt.normalize import Normalizer

ROOT = Path(__file__).parents[2]
TINY = {"space_dim": 2, "width": 16, "num_heads": 2, "num_blocks": 1, "num_slices": 4}
MODELS = {
    "elasticity": ModelConfig(**TINY, num_patches=9),
    "elasticity-sequence": ModelConfig(**TINY, num_patches=9, partition="sequence"),
    "elasticity-transolver": ModelConfig(**TINY, architecture="transolver"),
    "darcy": ModelConfig(**TINY, in_features=1, num_patches=20),
}


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's folder with tiny untrained checkpoints in place of the shipped ones."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "assets").symlink_to(ROOT / "assets")
    (folder / "pretrained").mkdir()
    for seed, (name, config) in enumerate(MODELS.items()):
        dataset = name.split("-")[0]
        fields = load_split(dataset, "test", limit=5).fields
        normalizer = Normalizer(space_dim=2, in_features=config.in_features, out_channels=1)
        normalizer.fields_mean.fill_(fields.mean())
        normalizer.fields_scale.fill_(fields.std())
        torch.manual_seed(seed)
        model = build_model(config, seed=seed)
        with torch.no_grad():
            for parameter in model.parameters():  # heads start at zero: move them
                parameter.add_(0.1 * torch.randn_like(parameter))
        info = {
            "dataset": dataset,
            "metrics": {"relative_l2": 0.4321, "cases": 200},
            "parameters": 1234,
            "curve": [[0.9, 0.8], [0.7, 0.75]],
        }
        save_checkpoint(
            folder / "pretrained" / f"{name}.safetensors",
            model=model,
            config=config,
            normalizer=normalizer,
            info=info,
        )
    return folder


@pytest.fixture
def open_page(project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., AppTest]]:
    """Open a page in a state given as its address would."""
    monkeypatch.chdir(project)

    def open_it(page: str, **query: str) -> AppTest:
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=180)
        app.query_params.update(query)
        app.switch_page(f"pages/{page}.py")
        return app.run()

    yield open_it
    st.cache_data.clear()
