"""The arithmetic of the authors' published code, reproduced exactly."""

from mspt.models.published.model import PublishedMSPT, load_published

__all__ = ["PublishedMSPT", "load_published"]
