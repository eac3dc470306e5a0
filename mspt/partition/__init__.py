"""Balanced ball trees over points, their patches, and other partitions to compare with."""
