"""Balanced ball trees over points, their patches, and other partitions to compare with."""

from mspt.partition.ball_tree import BallTree, Partition, build_partition, sequence_partition

__all__ = ["BallTree", "Partition", "build_partition", "sequence_partition"]
