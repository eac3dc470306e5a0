"""The authors' published variant under the public name ``mspt.published``."""

from mspt.models.published.model import PublishedMSPT, load_published

__all__ = ["PublishedMSPT", "load_published"]
