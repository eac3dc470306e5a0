"""A browser tab without a browser: it speaks Streamlit's websocket protocol and draws nothing.

It keeps the elements of the page, the state of its controls, the address and the cache of messages
as Streamlit's own front end does, and fetches the files that the page refers to.
"""

import asyncio
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlencode
from uuid import uuid4

from google.protobuf.message import Message
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.Common_pb2 import FileURLs
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.Navigation_pb2 import Navigation
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

PATIENCE = 90.0
"""Seconds that a visitor waits for a page before they give up, which counts as an error."""
_KEPT_RUNS = 2
"""Runs for which the front end keeps a message that the server then refers to by its hash."""
_MEDIA = re.compile(rb"/media/[0-9a-f]{20,}\.\w+")
_ASSET = re.compile(r'(?:src|href)="(\./static/[^"]+)"')
_FAILED = "This part of the page has failed"


class VisitError(Exception):
    """What a visitor would complain about."""


@dataclass(frozen=True)
class Element:
    """What is at one place of a page.

    Attributes:
        kind: Its type in Streamlit's protocol, such as ``selectbox``.
        proto: The message.
        fragment: The fragment it is part of; empty outside fragments.
        run: The run that it was sent in.
    """

    kind: str
    proto: Message
    fragment: str
    run: str


@dataclass(eq=False)
class Tab:
    """One session. ``open`` comes first, ``close`` last."""

    address: str
    elements: dict[tuple[int, ...], Element] = field(default_factory=dict)
    pages: dict[str, str] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    received: int = 0
    _values: dict[str, WidgetState] = field(default_factory=dict)
    _messages: dict[str, tuple[ForwardMsg, int]] = field(default_factory=dict)
    _wanted: set[str] = field(default_factory=set)
    _fetched: set[str] = field(default_factory=set)
    _answers: dict[str, asyncio.Future] = field(default_factory=dict)
    _timers: dict[str, asyncio.Task] = field(default_factory=dict)
    _query: str = ""
    _page: str = ""
    _session: str = ""
    _cookie: str = ""
    _current: str = ""
    _awaits: str | None = None
    _idle: asyncio.Event = field(default_factory=asyncio.Event)
    _socket: ClientConnection | None = None
    _reader: asyncio.Task | None = None

    # --- what a visitor does ---------------------------------------------------------------------

    async def open(self, path: str = "") -> None:
        """Load the front end, connect, and wait until the first page has been shown."""
        self._query = path.partition("?")[2]
        shell = (await self._fetch(f"{self.address}/{path}")).decode()
        for part in ("host-config", "health"):  # the second brings the token for uploads
            await self._fetch(f"{self.address}/_stcore/{part}")
        for asset in _ASSET.findall(shell):
            await self._fetch(f"{self.address}/{asset[2:]}")
        self._socket = await connect(
            f"{self.address.replace('http', 'ws', 1)}/_stcore/stream",
            subprotocols=["streamlit"],
            additional_headers={"Origin": self.address, "Cookie": self._cookie},
            max_size=None,
        )
        self._reader = asyncio.create_task(self._read())
        await self._run(page_name=path.partition("?")[0])

    async def turn_to(self, page: str, query: str = "") -> None:
        """Open another page from the menu or a link."""
        self._page, self._query = self.pages[page], query
        self._values.clear()
        await self._run()

    async def set(self, element: Element, state: WidgetState, shown: str) -> None:
        """Give a control another value, or press a button, and wait for what follows.

        Args:
            element: The control.
            state: Its new value.
            shown: The value in the address, if the control has one there.
        """
        if name := getattr(element.proto, "query_param_key", ""):
            address = parse_qs(self._query)
            self._query = urlencode({**address, name: [shown]}, doseq=True)
        is_button = state.WhichOneof("value") == "trigger_value"
        self._values[state.id] = state
        await self._run(fragment=element.fragment)
        if is_button:
            self._values.pop(state.id, None)

    async def upload(self, element: Element, name: str, data: bytes) -> None:
        """Give a file to an uploader, and wait for what follows."""
        back = BackMsg()
        back.file_urls_request.request_id = key = uuid4().hex
        back.file_urls_request.file_names.append(name)
        back.file_urls_request.session_id = self._session
        answer = self._answers[key] = asyncio.get_running_loop().create_future()
        await self._send(back)
        try:
            urls = await asyncio.wait_for(answer, PATIENCE)
        except TimeoutError:
            raise VisitError(f"no place for a file within {PATIENCE:.0f} s") from None
        await self._put(urls.upload_url, name, data)
        state = WidgetState(id=element.proto.id)
        info = state.file_uploader_state_value.uploaded_file_info.add()
        info.name, info.size, info.file_id = name, len(data), urls.file_id
        info.file_urls.CopyFrom(urls)
        await self.set(element, state, "")

    async def close(self) -> None:
        """Close the tab."""
        for timer in self._timers.values():
            timer.cancel()
        if self._reader is not None:
            self._reader.cancel()
        if self._socket is not None:
            await self._socket.close()

    # --- what is on the page ---------------------------------------------------------------------

    def controls(self, *kinds: str) -> Iterator[Element]:
        """Yield the controls of some kinds that can be used."""
        for one in self.elements.values():
            if one.kind in kinds and not getattr(one.proto, "disabled", False):
                yield one

    def value(self, element: Element) -> WidgetState | None:
        """Return what this visitor has set a control to."""
        return self._values.get(element.proto.id)

    # --- the protocol ----------------------------------------------------------------------------

    async def _run(self, *, fragment: str = "", page_name: str = "") -> None:
        """Ask for a run and wait until it has ended and its files are here."""
        self._idle.clear()
        self._awaits = fragment
        await self._rerun(fragment=fragment, page_name=page_name)
        try:
            await asyncio.wait_for(self._idle.wait(), PATIENCE)
        except TimeoutError:
            raise VisitError(f"no answer within {PATIENCE:.0f} s") from None
        await self._fetch_files()
        if self.errors:
            raise VisitError("; ".join(self.errors))

    async def _rerun(self, *, fragment: str, page_name: str = "", is_auto: bool = False) -> None:
        state = ClientState(
            query_string=self._query,
            page_script_hash=self._page,
            page_name=page_name,
            fragment_id=fragment,
            is_auto_rerun=is_auto,
            cached_message_hashes=list(self._messages),
        )
        state.context_info.url = f"{self.address}/{page_name}"
        state.context_info.color_scheme = "light"
        state.context_info.timezone, state.context_info.locale = "UTC", "en-US"
        state.widget_states.widgets.extend(self._values.values())
        await self._send(BackMsg(rerun_script=state))

    async def _send(self, message: BackMsg) -> None:
        try:
            await self._socket.send(message.SerializeToString())
        except ConnectionClosed as error:
            raise VisitError("the server has closed the connection") from error

    async def _read(self) -> None:
        try:
            async for data in self._socket:
                self.received += len(data)
                message = ForwardMsg()
                message.ParseFromString(data)
                await self._take(message, data)
            self._complain("the server has closed the connection")
        except ConnectionClosed as error:
            self._complain(f"the connection was lost: {error}")

    def _complain(self, words: str) -> None:
        self.errors.append(words)
        self._idle.set()

    async def _take(self, message: ForwardMsg, data: bytes) -> None:
        kind = message.WhichOneof("type")
        if kind == "delta" or kind == "ref_hash":
            self._take_delta(message, data)
        elif kind == "new_session":
            self._begin(message)
        elif kind == "script_finished":
            self._end(message)
        elif kind == "navigation":
            self._list_pages(message.navigation)
        elif kind == "page_info_changed":
            self._query = message.page_info_changed.query_string
        else:
            self._take_rare(message)

    def _take_rare(self, message: ForwardMsg) -> None:
        kind = message.WhichOneof("type")
        if kind == "page_not_found":
            self._complain(f"there is no page {message.page_not_found.page_name!r}")
        elif kind == "auto_rerun":
            self._repeat(message.auto_rerun.fragment_id, message.auto_rerun.interval)
        elif kind == "stop_auto_rerun":
            self._stop(message.stop_auto_rerun.fragment_id)
        elif kind == "session_event" and message.session_event.HasField(
            "script_compilation_exception"
        ):
            self._complain("a script did not compile")
        elif kind == "file_urls_response":
            answer = message.file_urls_response
            if waiting := self._answers.pop(answer.response_id, None):
                waiting.set_result(answer.file_urls[0] if answer.file_urls else FileURLs())

    def _list_pages(self, navigation: Navigation) -> None:
        self.pages = {one.url_pathname: one.page_script_hash for one in navigation.app_pages}
        self.pages[""] = next(
            one.page_script_hash for one in navigation.app_pages if one.is_default
        )
        self._page = navigation.page_script_hash

    def _begin(self, message: ForwardMsg) -> None:
        self._session = message.new_session.initialize.session_id or self._session
        self._current = message.metadata.run.script_run_id
        if not message.metadata.run.fragment_ids:
            for name in list(self._timers):
                self._stop(name)

    def _end(self, message: ForwardMsg) -> None:
        status, run = message.script_finished, message.metadata.run
        if status == ForwardMsg.FINISHED_WITH_COMPILE_ERROR:
            self._complain("a script did not compile")
        if status == ForwardMsg.FINISHED_EARLY_FOR_RERUN:
            return
        inside = set(run.fragment_ids)
        self.elements = {
            place: one
            for place, one in self.elements.items()
            if one.run == run.script_run_id or (inside and one.fragment not in inside)
        }
        self._messages = {
            key: (one, age + 1)
            for key, (one, age) in self._messages.items()
            if age < _KEPT_RUNS or inside
        }
        self._values = {
            key: state
            for key, state in self._values.items()
            if state.WhichOneof("value") != "trigger_value"
        }
        # A full run shows fragments, too. A run that a timer has asked for is not awaited.
        if self._awaits is not None and (not inside or self._awaits in inside):
            self._awaits = None
            self._idle.set()

    def _take_delta(self, message: ForwardMsg, data: bytes) -> None:
        metadata = message.metadata
        if message.WhichOneof("type") == "ref_hash":
            if message.ref_hash not in self._messages:
                self._complain("the server referred to a message that is not known")
                return
            message = self._messages[message.ref_hash][0]
            self._messages[message.hash] = (message, 0)
            data = message.SerializeToString()
        elif metadata.cacheable:
            self._messages[message.hash] = (message, 0)
        if b"/media/" in data:
            self._wanted.update(one.decode() for one in _MEDIA.findall(data))
        place = tuple(metadata.delta_path)
        if message.delta.WhichOneof("type") != "new_element":
            self.elements.pop(place, None)
            return
        element = message.delta.new_element
        kind = element.WhichOneof("type")
        proto = getattr(element, kind)
        if getattr(proto, "set_value", False):
            self._values.pop(proto.id, None)
        if kind == "exception" or (kind == "alert" and _FAILED in proto.body):
            self.errors.append(proto.message if kind == "exception" else proto.body)
        self.elements[place] = Element(kind, proto, message.delta.fragment_id, self._current)

    def _repeat(self, fragment: str, interval: float) -> None:
        self._stop(fragment)

        async def ask() -> None:
            while True:
                await asyncio.sleep(interval)
                with suppress(VisitError):
                    await self._rerun(fragment=fragment, is_auto=True)

        self._timers[fragment] = asyncio.create_task(ask())

    def _stop(self, fragment: str) -> None:
        if timer := self._timers.pop(fragment, None):
            timer.cancel()

    # --- files -----------------------------------------------------------------------------------

    async def _fetch_files(self) -> None:
        """Fetch what the page refers to and this tab has not fetched yet."""
        wanted, self._wanted = self._wanted - self._fetched, set()
        self._fetched |= wanted
        for one in wanted:
            await self._fetch(self.address + one)

    async def _fetch(self, url: str) -> bytes:
        request = urllib.request.Request(url, headers={"Cookie": self._cookie})
        return await self._request(request)

    async def _put(self, path: str, name: str, data: bytes) -> None:
        edge = uuid4().hex
        head = (
            f'--{edge}\r\nContent-Disposition: form-data; name="{name}"; filename="{name}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        )
        request = urllib.request.Request(
            f"{self.address}{path}",
            data=head.encode() + data + f"\r\n--{edge}--\r\n".encode(),
            method="PUT",
            headers={
                "Cookie": self._cookie,
                "X-Xsrftoken": self._cookie.partition("=")[2],
                "Content-Type": f"multipart/form-data; boundary={edge}",
            },
        )
        await self._request(request)

    async def _request(self, request: urllib.request.Request) -> bytes:
        def ask() -> tuple[bytes, str]:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return answer.read(), answer.headers.get("Set-Cookie", "")

        try:
            data, cookie = await asyncio.to_thread(ask)
        except (urllib.error.URLError, OSError) as error:
            raise VisitError(f"{request.full_url}: {error}") from error
        self.received += len(data)
        if cookie:
            self._cookie = cookie.partition(";")[0]
        return data
