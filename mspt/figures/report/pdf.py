"""A report as PDF, printed by a Chromium that is at hand."""

import os
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from mspt.writing import write_text

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "msedge")
SECONDS = 90
"""After which a browser is ended."""
_QUIET = (
    "--headless",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-pdf-header-footer",
)


def find_browser() -> str | None:
    """Return the program that can print a PDF; None where there is none."""
    return next((found for name in BROWSERS if (found := shutil.which(name))), None)


def has_browser() -> bool:
    """Return whether a PDF can be printed here."""
    return find_browser() is not None


def pdf_bytes(html: str) -> bytes | None:
    """Return an HTML document as PDF; None where no browser is there, or it fails.

    Args:
        html: A document that needs nothing else; its own policy forbids every request.
    """
    if (browser := find_browser()) is None:
        return None
    with TemporaryDirectory(prefix="mspt-report-") as name:
        folder = Path(name)
        page, out = folder / "report.html", folder / "report.pdf"
        write_text(page, html)
        # Root may not use the browser's sandbox; the document has no script and asks for nothing.
        is_root = hasattr(os, "geteuid") and os.geteuid() == 0
        command = [browser, *_QUIET, *(["--no-sandbox"] if is_root else [])]
        command += [f"--user-data-dir={folder / 'profile'}", f"--print-to-pdf={out}", page.as_uri()]
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=SECONDS)
            return out.read_bytes()
        except (OSError, subprocess.SubprocessError):
            return None
