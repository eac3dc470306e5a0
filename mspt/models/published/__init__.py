"""The authors' released arithmetic, kept exactly."""

from mspt.models.published.model import PublishedMSPT, load_published

__all__ = ["PublishedMSPT", "load_published"]
