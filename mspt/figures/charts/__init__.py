"""Figures in two dimensions."""
