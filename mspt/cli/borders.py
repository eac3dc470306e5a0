"""The command ``borders``: does the error of a model jump where two patches touch?"""

import argparse
from pathlib import Path
from typing import Any

from jaxtyping import Float
from torch import Tensor

from mspt.checkpoint import load_checkpoint
from mspt.cli._arguments import positive
from mspt.cli._output import counted, facts
from mspt.cli.evaluate import follow_scores, prepare_cases, trained_on
from mspt.evaluation.borders import BorderEvaluation, evaluate_borders
from mspt.evaluation.cases import CaseScored


def add_borders(parser: argparse.ArgumentParser) -> None:
    """Declare the settings of ``borders``."""
    parser.add_argument("checkpoint", type=Path, help="a .safetensors file")
    parser.add_argument("--split", default="validation", help="train, validation or test")
    parser.add_argument(
        "--data", type=Path, help="folder of the data; default: data/, then what ships"
    )
    parser.add_argument("--device", default="auto", help="auto, cuda, mps or cpu")
    parser.add_argument(
        "--per-split", type=positive, metavar="N", help="measure the first N cases of the split"
    )


def run_borders(args: argparse.Namespace) -> dict[str, Any]:
    """Compare differences between neighbors across borders of patches and inside patches."""
    checkpoint = load_checkpoint(args.checkpoint)
    dataset = trained_on(checkpoint, args.checkpoint.name)
    dataset.check_split(args.split)
    prepare_cases(dataset, args.split, root=args.data, limit=args.per_split, mode=args.progress)
    cases = dataset.cases(args.split, root=args.data, limit=args.per_split)
    events = evaluate_borders(checkpoint, cases, device=args.device)
    found: CaseScored | BorderEvaluation = follow_scores(events, mode=args.progress)
    ratios = found.ratios()
    (mean, mean_turned), errors = ratios.mean(dim=0).tolist(), standard_errors(ratios)
    return {
        "checkpoint": str(args.checkpoint),
        "dataset": dataset.name,
        "split": args.split,
        "cases": len(found),
        "uses_turned": found.uses_turned,
        "ratio": mean,
        "ratio_standard_error": errors[0],
        "ratio_turned": mean_turned,
        "ratio_turned_standard_error": errors[1],
    }


def show_borders(result: dict[str, Any]) -> str:
    """Return how much larger the error is across borders than inside patches."""
    kind = "second tree of the model" if result["uses_turned"] else "tree the model does not use"
    return facts(
        {
            "checkpoint": result["checkpoint"],
            "cases": f"{counted(result['cases'], 'case')} of the {result['split']} split of "
            f"{result['dataset']}",
            "quantity": "error of differences between neighbors: across borders over "
            "inside patches",
            "without seams": "both ratios are 1",
            "borders of the tree": _ratio(result, "ratio"),
            "borders over turned axes": f"{_ratio(result, 'ratio_turned')} ({kind})",
        }
    )


def standard_errors(samples: Float[Tensor, "B C"]) -> list[float] | list[None]:
    """Return the standard error of the mean of each column; none of a single row.

    Examples:
        >>> import torch
        >>> standard_errors(torch.tensor([[1.0], [3.0]]))
        [1.0]
    """
    if len(samples) < 2:
        return [None] * samples.shape[1]
    return (samples.std(dim=0) / len(samples) ** 0.5).tolist()


def _ratio(result: dict[str, Any], name: str) -> str:
    spread = result[f"{name}_standard_error"]
    return f"{result[name]:.3f}" + ("" if spread is None else f" ± {spread:.3f} (standard error)")
