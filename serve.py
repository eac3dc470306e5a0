"""The app's server: it prepares the first page before the first visitor comes.

``make app`` runs ``streamlit run serve.py``; ``streamlit run app.py`` shows the same app, but its
first page takes longer.
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

PagesManager.uses_pages_directory = False  # app.py lists the pages; no menu of files before it
NO_SESSION = logging.getLogger("streamlit.runtime.scriptrunner_utils.script_run_context")
NO_SESSION.setLevel(logging.ERROR)  # a warning: the spinner of the tour's cache has no page


@asynccontextmanager
async def warmed_up(_: st.App) -> AsyncIterator[None]:
    """Import what pages need and build the tour before the server answers."""
    from PIL import Image  # noqa: F401 - the page's icon needs it

    from pages._home import data  # its caches need the runtime, which exists only now

    data.prepare()
    # Streamlit inspects the stack before its first element. The first time takes long, as it reads
    # the source of every module.
    inspect.stack()
    yield


class ViewerAhead:
    """Adds a header to each page, so that the browser fetches the viewer before it is needed."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and add the header to a response that is a page."""

        async def send_with_link(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                from pages._shared import viewer  # imported by now, see above

                headers = MutableHeaders(scope=message)
                if headers.get("content-type", "").startswith("text/html"):
                    headers.append("link", f'<{viewer.address()}>; rel="modulepreload"')
            await send(message)

        await self.app(scope, receive, send_with_link)


app = st.App("app.py", lifespan=warmed_up, middleware=[Middleware(ViewerAhead)])
