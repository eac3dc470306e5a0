"""Data sets: what they are, how their cases are generated, stored and read."""
