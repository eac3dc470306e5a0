"""Errors meant for a person: each message says what was wrong, with the value, and what to do."""


class MSPTError(Exception):
    """Something a person can put right: a file, a shape, a setting."""


class CheckpointError(MSPTError):
    """A checkpoint cannot be read, or is not what it says it is."""


class DataError(MSPTError):
    """A data set, a split or a case is missing or malformed."""


class SolverError(MSPTError):
    """A solver cannot solve what it was given."""


class GeometryError(MSPTError):
    """A shape cannot be read or cannot be used."""
