"""The project's folder with tiny untrained checkpoints in place of the shipped ones."""

from dataclasses import asdict
from pathlib import Path

import torch
from made_up_flows import flow_preset, sphere_clouds

from mspt.checkpoint import build_model, save_checkpoint
from mspt.config import ModelConfig
from mspt.data.files import SHIPPED
from mspt.data.sets.car.dataset import training_facts
from mspt.data.sets.car.store import list_flows
from mspt.data.store import load_split
from mspt.evaluation.flows import FlowScore
from mspt.models.normalizer import Normalizer
from mspt.training.batches import fit_normalizer

ROOT = Path(__file__).parents[2]
TINY = {"space_dim": 2, "width": 16, "num_heads": 2, "num_blocks": 1, "num_slices": 4}
MODELS = {
    "elasticity": ModelConfig(**TINY, num_patches=9),
    "elasticity-sequence": ModelConfig(**TINY, num_patches=9, partition="sequence"),
    "elasticity-transolver": ModelConfig(**TINY, architecture="transolver"),
    "darcy": ModelConfig(**TINY, in_features=1, num_patches=20),
}
STORED = "elasticity-sequence"
"""Has made-up errors of all test cases in its header; pages compute those of other 2-D models."""
FLOWS = [name for split in ("test", "unseen") for name in list_flows(split, root=ROOT / SHIPPED)]
"""Those that ship; cases of a data folder beside them are not there for the pages."""
NUM_SURFACE, NUM_VOLUME = 2400, 1200
"""Points of a body and of its flow that pages show and that the model takes at once."""
NOT_STORED = FLOWS[:2]
"""Flows whose scores pages have to compute; those of the others are made up."""


NOISE = {"surface_pressure": 0.0765, "surface_pressure_by_area": 0.0654, "velocity": 0.0543}
NOISE |= {"C_D_relative": 0.0432}
"""Made-up differences between the labels of two meshes."""


def make_project(folder: Path) -> Path:
    """Fill a folder with what the app reads from where it is started."""
    for name in ("assets", "static", ".streamlit"):
        (folder / name).symlink_to(ROOT / name)
    (folder / "pretrained").mkdir()
    for seed, (name, config) in enumerate(MODELS.items()):
        dataset = name.split("-")[0]
        fields = load_split(dataset, "test", limit=5).fields
        normalizer = Normalizer(space_dim=2, in_features=config.in_features, out_channels=1)
        normalizer.fields_mean.fill_(fields.mean())
        normalizer.fields_scale.fill_(fields.std())
        model = build_model(config, seed=seed)
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for parameter in model.parameters():  # heads start at zero: move them
                parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
        info = {
            "dataset": dataset,
            "metrics": {"relative_l2": 0.4321, "cases": 200},
            "parameters": 1234,
            "curve": [[0.9, 0.8], [0.7, 0.75]],
        }
        if name == STORED:
            names = load_split(dataset, "test").names
            info["metrics"] |= {"symmetric": 0.3456}
            info["scores"] = [
                {"name": case, "relative_l2": 0.1 + 0.001 * row} for row, case in enumerate(names)
            ]
        path = folder / "pretrained" / f"{name}.safetensors"
        save_checkpoint(path, model=model, config=config, normalizer=normalizer, info=info)
    save_tiny_flow(folder / "pretrained" / "car.safetensors")
    return folder


def save_tiny_flow(path: Path) -> None:
    """Save an untrained model of flows that knows five spheres."""
    stack = sphere_clouds(5)
    preset = flow_preset(surface_points=NUM_SURFACE, volume_points=NUM_VOLUME)
    info = {
        "dataset": "car",
        "train": preset.train.to_dict(),
        "metrics": {
            "relative_l2": 0.4321,
            "mean_only": 0.6,
            "cases": 40,
            "C_D_relative": 0.1234,
            "other_meshes": {"larger": NOISE, "smaller": NOISE},
        },
        "trust": {"symmetry": [0.1, 0.2], "resolution": [0.1, 0.2]},
        "parameters": 1234,
        "scores": made_up_scores(),
        **training_facts(stack),
    }
    save_checkpoint(
        path,
        model=build_model(preset.model, seed=3),
        config=preset.model,
        normalizer=fit_normalizer(stack),
        info=info,
    )


def made_up_scores() -> list[dict]:
    """Return stored scores of all flows of the test splits but the few that pages compute."""
    rest = [name for name in FLOWS if name not in NOT_STORED]
    numbers = list(FlowScore.__annotations__)[2:]
    return [
        asdict(
            FlowScore(
                name=name, family="notchback", **dict.fromkeys(numbers, round(0.1 + 0.01 * row, 2))
            )
        )
        for row, name in enumerate(rest)
    ]
