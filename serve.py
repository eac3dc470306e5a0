"""The app's server: what the first visitor would wait for is made ready as it starts.

``make app`` runs ``streamlit run serve.py``; ``streamlit run app.py`` shows the same app, only
its first page comes later.
"""

import inspect
import logging
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

import streamlit as st
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send
from streamlit.runtime.pages_manager import PagesManager

PagesManager.uses_pages_directory = False  # app.py names the pages; no menu of files before it runs
NO_SESSION = logging.getLogger("streamlit.runtime.scriptrunner_utils.script_run_context")
NO_SESSION.setLevel(logging.ERROR)  # it would warn that a spinner has no page to turn on


@asynccontextmanager
async def warmed_up(_: st.App) -> AsyncIterator[None]:
    """Import what pages need and build the tour before the server answers."""
    from PIL import Image  # noqa: F401 - the page's icon needs it

    from pages import _tour  # its caches ask for the runtime, which is there only now

    _tour.prepare()
    inspect.stack()  # Streamlit asks before its first element; once every module is known, soon
    yield


class ViewerAhead:
    """Tells a browser with each page to fetch the viewer now, not when its first picture comes."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and add a header to an answer that is a page."""

        async def tell(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                from pages import _viewer  # known by now, see above

                headers = MutableHeaders(scope=message)
                if headers.get("content-type", "").startswith("text/html"):
                    headers.append("link", f'<{_viewer.address()}>; rel="modulepreload"')
            await send(message)

        await self.app(scope, receive, tell)


app = st.App("app.py", lifespan=warmed_up, middleware=[Middleware(ViewerAhead)])
