"""What the server lets browsers do with its pages, and whom it answers: see ``SECURITY.md``."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import streamlit as st

from mspt.figures.vtk.scripts import script_hash, script_hashes

FRAMES, METRICS = "MSPT_FRAME_ANCESTORS", "MSPT_METRICS"
"""Environment variables: who may show the app in a frame, and whether metrics are open."""
_SELF, _NOBODY = "'self'", "'none'"
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_SOURCE = re.compile(r"'self'|'none'|(https?://)?(\*\.)?[\w-]+(\.[\w-]+)*(:\d+)?")
_INLINE = re.compile(r"<script>(.*?)</script>", re.DOTALL)
_METRICS_PATH = "/_stcore/metrics"
_HEALTH_PATHS = ("/_stcore/health", "/healthz")
_SCENE_SCRIPT = Path("assets/vtk/scene.js")
_FEATURES = "camera microphone geolocation usb serial payment display-capture midi"


# --- headers -------------------------------------------------------------------------------------


def frame_ancestors(variables: Mapping[str, str]) -> str:
    """Return who may show the app in a frame: sources with spaces between.

    Raises:
        ValueError: If the environment variable holds anything else.

    Examples:
        >>> frame_ancestors({})
        "'self'"
        >>> frame_ancestors({"MSPT_FRAME_ANCESTORS": "'self' https://huggingface.co"})
        "'self' https://huggingface.co"
    """
    words = variables.get(FRAMES, _SELF).split()
    if not words or not all(map(_SOURCE.fullmatch, words)):
        raise ValueError(
            f"{FRAMES} must hold 'self', 'none' or hosts such as https://example.org with spaces "
            f"between, got {variables[FRAMES]!r}"
        )
    return " ".join(words)


def page_policy(ancestors: str, *, scripts: Iterable[str]) -> str:
    """Return the content security policy of every answer.

    Args:
        ancestors: Who may show the app in a frame.
        scripts: Sources of the scripts that are part of a page.
    """
    rules = {
        "default-src": "'self'",
        # Streamlit runs the scripts of components from blobs.
        "script-src": " ".join(("'self'", "blob:", *scripts)),
        # Streamlit and Plotly write styles into the page.
        "style-src": "'self' 'unsafe-inline'",
        "img-src": "'self' data: blob:",
        "media-src": "'self' data: blob:",
        "font-src": "'self' data:",
        "worker-src": "'self' blob:",
        "object-src": "'none'",
        "base-uri": "'self'",
        "form-action": "'self'",
        "frame-ancestors": ancestors,
    }
    return "; ".join(f"{name} {sources}" for name, sources in rules.items())


def security_headers(ancestors: str, *, scripts: Iterable[str]) -> dict[str, str]:
    """Return the headers of every answer, by name; arguments as of :func:`page_policy`."""
    headers = {
        "content-security-policy": page_policy(ancestors, scripts=scripts),
        "x-content-type-options": "nosniff",
        "referrer-policy": "same-origin",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": ", ".join(f"{name}=()" for name in _FEATURES.split()),
    }
    # This older header knows no list of hosts; browsers of today prefer frame-ancestors.
    if ancestors in (_SELF, _NOBODY):
        headers["x-frame-options"] = "SAMEORIGIN" if ancestors == _SELF else "DENY"
    return headers


@cache
def page_scripts() -> tuple[str, ...]:
    """Return the sources of the scripts in Streamlit's page and in those of the VTK views."""
    index = Path(st.__file__).parent / "static" / "index.html"
    inline = tuple(map(script_hash, _INLINE.findall(index.read_text(encoding="utf-8"))))
    try:
        return (*inline, *script_hashes(_SCENE_SCRIPT.read_text(encoding="utf-8")))
    except (OSError, RuntimeError):  # no VTK view without the script, or without trame-vtk
        return inline


# --- who is answered -----------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Access:
    """Whom the server answers.

    Attributes:
        address: Where it listens; empty for everywhere.
        hosts: Names that it answers to, with ``*.`` for names below; empty for every name, unless
            it listens on the machine itself alone.
        origins: Pages of these origins may connect besides those of the server itself.
        base: Path before that of every page.
        has_metrics: Whether metrics are open.
    """

    address: str
    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    base: str = ""
    has_metrics: bool = False

    def refusal(self, path: str, *, host: str, origin: str | None) -> str:
        """Return why a request is not answered; empty for one that is.

        Args:
            path: Of the request.
            host: The name that the server was called by.
            origin: Of the page whose script asks, for a websocket; None without one.
        """
        base = f"/{self.base.strip('/')}".rstrip("/")
        if path == f"{base}{_METRICS_PATH}" and not self.has_metrics:
            return f"metrics are closed; {METRICS}=open opens them"
        if path in [f"{base}{one}" for one in _HEALTH_PATHS]:
            return ""
        if not self._is_own_name(host):
            return (
                "the server answers to other names only; "
                "name this one in STREAMLIT_SERVER_ALLOWED_HOSTS"
            )
        if origin is None or urlsplit(origin).netloc == host or origin in self.origins:
            return ""
        return "pages of other servers may not connect; see STREAMLIT_SERVER_CORS_ALLOWED_ORIGINS"

    def _is_own_name(self, host: str) -> bool:
        """Return whether the server answers to a name.

        A page elsewhere can have its own name lead to the address of this machine (DNS rebinding).
        Where the server listens on this machine alone, its names are known.
        """
        name = _host_name(host)
        if name in _LOOPBACK or (not self.hosts and self.address not in _LOOPBACK):
            return True
        return any(
            known == "*" or name == known or (known.startswith("*.") and name.endswith(known[1:]))
            for known in self.hosts
        )


def below_base(path: str) -> str:
    """Return a path of this server as a proxy that keeps the base path asks for it."""
    base = (st.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{base}{path}" if base else path


def _host_name(host: str) -> str:
    """Return the name in a Host header.

    Examples:
        >>> _host_name("Lab.example.org:8501"), _host_name("[::1]:8501"), _host_name("a[")
        ('lab.example.org', '::1', '')
    """
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def access(variables: Mapping[str, str]) -> Access:
    """Return whom the server answers, by Streamlit's options and environment variables."""
    return Access(
        address=st.get_option("server.address") or "",
        hosts=tuple(one.strip().lower() for one in st.get_option("server.allowedHosts")),
        origins=tuple(one.strip() for one in st.get_option("server.corsAllowedOrigins")),
        base=st.get_option("server.baseUrlPath") or "",
        has_metrics=variables.get(METRICS) == "open",
    )
