"""The app's server: what the first visitor would wait for is made ready as it starts.

``make app`` runs ``streamlit run serve.py``; ``streamlit run app.py`` shows the same app, only
its first page comes later.
"""

import inspect
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from threading import Thread

import streamlit as st
from streamlit.runtime.pages_manager import PagesManager

PagesManager.uses_pages_directory = False  # app.py names the pages; no menu of files before it runs
NO_SESSION = logging.getLogger("streamlit.runtime.scriptrunner_utils.script_run_context")
NO_SESSION.setLevel(logging.ERROR)  # it would warn that a spinner has no page to turn on


@asynccontextmanager
async def warmed_up(_: st.App) -> AsyncIterator[None]:
    """Import what pages need before the server answers; build the tour while it does."""
    from PIL import Image  # noqa: F401 - the page's icon needs it

    from pages import _tour  # its caches ask for the runtime, which is there only now

    def prepare() -> None:
        inspect.stack()  # Streamlit asks before its first element; once every module is known, soon
        _tour.prepare()

    Thread(target=prepare, daemon=True).start()
    yield


app = st.App("app.py", lifespan=warmed_up)
