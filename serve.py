"""The app's server: it prepares the first page before the first visitor comes, and lets no one in.

``make app`` runs ``streamlit run serve.py``. ``streamlit run app.py`` shows the same app, but its
first page takes longer, and its answers lack the headers that ``SECURITY.md`` describes.
"""

import asyncio
import gc
import inspect
import logging
import os
import pkgutil
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any

import streamlit as st
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send
from streamlit import net_util
from streamlit.runtime.pages_manager import PagesManager

from pages._shared import health, logs, protection, store

if logs.log_format(os.environ) == "json":
    logs.write_json()
store.limit_fragments()
PagesManager.uses_pages_directory = False  # app.py lists the pages; no menu of files before it
# Streamlit asks a server outside for the address of this one when a page of another origin
# connects. Nothing is asked outside; who may connect is for protection.Access to say.
net_util.get_external_ip = lambda: None
NO_SESSION = logging.getLogger("streamlit.runtime.scriptrunner_utils.script_run_context")
NO_SESSION.setLevel(logging.ERROR)  # a warning: the spinner of the tour's cache has no page


# Imported within functions of the pages and the library, so that commands start sooner.
LATE = (
    "PIL.Image",
    "PIL.PngImagePlugin",
    "igl.embree",
    "mspt.data.descriptors",
    "mspt.figures.vtk.case",
    "mspt.figures.vtk.stage",
    "mspt.geometry.area",
    "mspt.geometry.descriptors.curvature",
    "mspt.geometry.descriptors.points",
    "mspt.partition._order",
    "mspt.solvers.airfoil",
    "mspt.solvers.plasticity_kernels",
    "pandas.io.formats.style",
    "plotly.express",
    "psutil",
    "pyvista.plotting",
    "scipy.stats",
    "sklearn.neighbors",
    "trame_vtk.modules.vtk.serializers",
    "trimesh.exchange.load",
    "vtkmodules.vtkIOXML",
)
TIDY_EVERY = 20.0
"""Seconds between two rounds of garbage collection."""


def import_all() -> None:
    """Import what any page needs.

    A page that imports it with its first visitor takes seconds longer, and two visitors whose
    scripts import packages of circular imports at the same time may meet a module that is half
    done.
    """
    import pages

    helpers = pkgutil.walk_packages(pages.__path__, "pages.")
    names = [one.name for one in helpers if "._" in one.name]  # what has no underscore is a page
    for name in (*names, *LATE):
        import_module(name)


@asynccontextmanager
async def warmed_up(_: st.App) -> AsyncIterator[None]:
    """Import what pages need and build the tour before the server answers."""
    import_all()
    from pages._home import data  # its caches need the runtime, which exists only now

    data.prepare()
    # Streamlit inspects the stack before its first element. The first time takes long, as it reads
    # the source of every module.
    inspect.stack()
    # All that is there now lives as long as the server. Garbage collection would go through its
    # million objects each time, while every script waits.
    gc.collect()
    gc.freeze()
    tidying = asyncio.create_task(tidy())
    yield
    tidying.cancel()


async def tidy() -> None:
    """Free what visitors have left behind, and return it to the system.

    Streamlit would collect garbage after each run of a script (``runner.postScriptGC``): with 25
    visitors that took half of the time in which Python could run at all.
    """
    while True:
        await asyncio.sleep(TIDY_EVERY)
        gc.collect()
        await asyncio.to_thread(store.return_memory)


class Guard:
    """Refuses whom the server does not answer, and adds the security headers to each answer."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.access = protection.access(os.environ)
        self.headers = protection.security_headers(
            protection.frame_ancestors(os.environ), scripts=protection.page_scripts()
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on unless it is to be refused."""

        async def send_with_headers(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self.headers.items():
                    headers[name] = value
            await send(message)

        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
        elif reason := self._refusal(scope):
            await _refuse(reason, scope, receive, send_with_headers)
        else:
            await self.app(scope, receive, send_with_headers)

    def _refusal(self, scope: Scope) -> str:
        """Return why a request is refused; empty for one that is not."""
        headers = Headers(scope=scope)
        origin = headers.get("origin") if scope["type"] == "websocket" else None
        return self.access.refusal(scope["path"], host=headers.get("host", ""), origin=origin)


async def _refuse(reason: str, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":  # closed before it is open: the browser sees a 403
        await receive()
        await send({"type": "websocket.close", "code": 1008, "reason": reason})
    else:
        await PlainTextResponse(reason, status_code=403)(scope, receive, send)


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


def show_failure(failure: Exception) -> bool:
    """Show one line in place of an exception with the server's paths in it."""
    from pages._shared import frame  # imported by now

    return frame.show_failure(failure)


app = st.App(
    "app.py",
    lifespan=warmed_up,
    routes=[Route(protection.below_base(health.PATH), health.Health().answer)],
    middleware=[Middleware(Guard), Middleware(ViewerAhead)],
    on_script_error=show_failure,
)
