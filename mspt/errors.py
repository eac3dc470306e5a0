"""Errors that users can act on: each message states the rule, the value and what to do."""


class MSPTError(Exception):
    """Base of all errors that a user can correct: a file, a shape or a setting."""


class CheckpointError(MSPTError):
    """A checkpoint cannot be read, or its contents do not match its header."""


class OutputError(MSPTError):
    """A result cannot be written: a full disk, a folder without the right to write."""


class DataError(MSPTError):
    """A data set, a split or a case is missing or malformed."""


class TrainingError(MSPTError):
    """A run has failed: its loss, its gradients or its weights are no longer finite."""


class SolverError(MSPTError):
    """A solver cannot solve the given problem."""


class GeometryError(MSPTError):
    """A mesh file cannot be read, or its surface cannot be used."""
