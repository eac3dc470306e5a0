"""MSPT and the baselines it is compared with."""
