"""Ask the server of this machine whether it is well: exit status 0 if it is, 1 if not.

The health check of the container runs it. It reads the same environment variables as the server.
"""

import os
import sys
import urllib.request

PATIENCE = 8.0
"""Seconds to wait for an answer: less than the container's health check has."""


def address() -> str:
    """Return where the server says how it is."""
    port = os.environ.get("STREAMLIT_SERVER_PORT", "8501")
    base = os.environ.get("STREAMLIT_SERVER_BASE_URL_PATH", "").strip("/")
    return f"http://127.0.0.1:{port}/{base}/healthz" if base else f"http://127.0.0.1:{port}/healthz"


def is_well() -> bool:
    """Return whether the server has answered that it is well."""
    try:
        with urllib.request.urlopen(address(), timeout=PATIENCE) as answer:
            return answer.status == 200
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(0 if is_well() else 1)
