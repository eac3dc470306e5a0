"""What a prediction needs, said on standard error before it starts."""

import argparse
import sys

from mspt.benchmarks.needs import needs_of
from mspt.config import ModelConfig
from mspt.inference.predict import pass_plan, pick_device


def check_budget(args: argparse.Namespace, config: ModelConfig, num_points: int) -> None:
    """Refuse a budget that is too small, or a device that is not there, before any work.

    Args:
        args: With ``memory`` and ``device``.
        config: Of the model.
        num_points: Points of a cloud.

    Raises:
        MSPTError: If the run cannot be.
    """
    pass_plan(config, num_points, device=pick_device(args.device), memory_budget=args.memory)


def say_needs(
    args: argparse.Namespace, config: ModelConfig, num_points: int, *, passes: int
) -> None:
    """Say what a run of more than a few seconds needs, unless progress is off.

    Args:
        args: With ``memory``, ``device`` and ``progress``.
        config: Of the model.
        num_points: Points of each cloud.
        passes: Clouds that are predicted, one after the other.

    Raises:
        MSPTError: If the run cannot be.
    """
    check_budget(args, config, num_points)
    if args.progress == "off":
        return
    needs = needs_of(
        config, num_points, passes=passes, device=args.device, memory_budget=args.memory
    )
    if needs is not None:
        words = needs.words()
        sys.stderr.write(f"{words[0].upper()}{words[1:]}.\n")
