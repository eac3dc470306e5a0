"""The door by which ``from mspt.published import PublishedMSPT`` finds the authors' variant."""

from mspt.models.published.model import PublishedMSPT, load_published

__all__ = ["PublishedMSPT", "load_published"]
