"""HTTP/1.1 without TLS over kept connections: how the parts of one installation talk.

httpx's own transport works with any event loop and any protocol; its locks and layers cost more
processor time than the call itself, three times in every checkout. What HTTP is, h11 knows; the
plainest of it stands in `messages`.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterable, Mapping
from time import monotonic
from typing import cast
from urllib.parse import SplitResult

import h11
import httpx

from haat.engines.http.messages import answer_head, request_head

OPEN_MAX = 100
KEPT_MAX = 20  # for each host and port
KEPT_S = 5.0  # shorter than servers keep theirs, so that few close under a request
_HEAD_MAX_BYTES = 64 << 10
_PORT, _TLS_PORT = 80, 443
_BODILESS = frozenset({"GET", "HEAD", "OPTIONS", "DELETE"})
Where = tuple[str, int]
Headers = list[tuple[bytes, bytes]] | list[tuple[str, str]]


class PlainTransport(httpx.AsyncBaseTransport):
    """Fulfils httpx's transport for http://; anything else goes to `otherwise`. With `tls` it does
    so for https:// by that context, and nothing is sent without it."""

    def __init__(
        self, otherwise: httpx.AsyncBaseTransport, tls: ssl.SSLContext | None = None
    ) -> None:
        self._otherwise = otherwise
        self._tls = tls
        self.scheme = "http" if tls is None else "https"
        self._port = _PORT if tls is None else _TLS_PORT
        self._kept: dict[Where, list[_Line]] = {}
        self._room = asyncio.Semaphore(OPEN_MAX)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.scheme != self.scheme:
            if self._tls is not None:
                raise httpx.UnsupportedProtocol("this client speaks https alone")
            return await self._otherwise.handle_async_request(request)
        content = await request.aread()
        where = request.url.host, request.url.port or self._port
        connect_s = request.extensions.get("timeout", {}).get("connect")
        await self._room.acquire()
        line: _Line | None = None
        try:
            line = self._take(where) or await self._open(where, connect_s)
            head = await line.ask(
                request.method, request.url.raw_path, request.headers.raw, content
            )
        except BaseException:
            if line is not None:
                line.close()
            self._room.release()
            raise
        return httpx.Response(
            head.status_code, headers=head.headers.raw_items(), stream=_Body(self, line)
        )

    async def exchange(
        self,
        method: str,
        url: SplitResult,
        headers: Mapping[str, str],
        content: bytes,
        *,
        connect_s: float,
        most_bytes: int,
    ) -> tuple[int, Mapping[str, str], bytes]:
        """One whole call without httpx's objects: status, headers and body of the answer.

        `headers` are sent with those that HTTP needs; names of the answer's are lower case. Raises
        httpx's errors; ReadError for an answer that is longer than `most_bytes`.
        """
        where = url.hostname or "", url.port or self._port
        target = f"{url.path or '/'}?{url.query}" if url.query else url.path or "/"
        sent = [("host", url.netloc), ("accept", "*/*"), *headers.items()]
        if content or method not in _BODILESS:
            sent.append(("content-length", str(len(content))))
        await self._room.acquire()
        line: _Line | None = None
        try:
            line = self._take(where) or await self._open(where, connect_s)
            found = await line.exchange(method, target, sent, content, most_bytes)
        except BaseException:
            if line is not None:
                line.close()
            self._room.release()
            raise
        self.give_back(line)
        return found

    def _take(self, where: Where) -> "_Line | None":
        """A kept line that is still good; the one used last."""
        lines = self._kept.get(where, [])
        while lines:
            line = lines.pop()
            if not line.is_over and monotonic() - line.kept_at < KEPT_S:
                line.is_kept = False
                return line
            line.close()
        return None

    async def _open(self, where: Where, connect_s: float | None) -> "_Line":
        loop = asyncio.get_running_loop()
        limit = asyncio.timeout(connect_s)
        try:
            async with limit:
                _, line = await loop.create_connection(lambda: _Line(where), *where, ssl=self._tls)
        except TimeoutError as error:
            if limit.expired():
                raise httpx.ConnectTimeout(str(error)) from error
            raise httpx.ConnectError(str(error)) from error
        except OSError as error:
            raise httpx.ConnectError(str(error)) from error
        return line

    def give_back(self, line: "_Line") -> None:
        """After an answer: keeps the line where it can be used again."""
        self._room.release()
        lines = self._kept.setdefault(line.where, [])
        for old in [one for one in lines if monotonic() - one.kept_at >= KEPT_S]:
            lines.remove(old)
            old.close()
        if line.can_be_kept() and len(lines) < KEPT_MAX:
            lines.append(line)
        else:
            line.close()

    async def aclose(self) -> None:
        for lines in self._kept.values():
            for line in lines:
                line.close()
        self._kept.clear()
        await self._otherwise.aclose()


def _joined(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """One value a name; h11 has made the names lower case."""
    found: dict[str, str] = {}
    for raw, value in headers:
        name, text = raw.decode("latin-1"), value.decode("latin-1")
        found[name] = f"{found[name]}, {text}" if name in found else text
    return found


class _Line(asyncio.Protocol):
    """One connection, used for one request at a time."""

    def __init__(self, where: Where) -> None:
        self.where = where
        self.is_kept = False
        self.is_over = False
        self.kept_at = 0.0
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=_HEAD_MAX_BYTES)
        self._got = bytearray()
        self._is_read = False  # a plain answer, to its end, without h11
        self._error: Exception | None = None
        self._waiting: asyncio.Future[None] | None = None
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self.is_kept:  # nobody asked: this must not become the answer to what is asked next
            self.close()
            return
        self._got += data
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_over = True
        self._error = exc
        self._wake()

    def eof_received(self) -> None:
        self.is_over = True
        self._wake()

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    async def exchange(
        self,
        method: str,
        target: str,
        headers: list[tuple[str, str]],
        content: bytes,
        most_bytes: int,
    ) -> tuple[int, Mapping[str, str], bytes]:
        """A whole request and its whole answer. h11 is asked only where one of them is unusual."""
        plain = request_head(method, target, headers)
        if plain is None:
            head = await self.ask(method, target.encode(), headers, content)
        else:
            self._transport.write(plain + content)
            found = await self._plain_answer(most_bytes)
            if found is not None:
                return found
            self._told(method, target.encode(), headers, content)
            head = await self._head()
        body = bytearray()
        while isinstance(event := await self.event(), h11.Data):
            body += event.data
            if len(body) > most_bytes:
                raise httpx.ReadError("The answer is too large.")
        return head.status_code, _joined(head.headers), bytes(body)

    async def _plain_answer(self, most_bytes: int) -> tuple[int, Mapping[str, str], bytes] | None:
        """None when it is not plain, or does not come whole; nothing of it is taken then."""
        got = self._got
        while b"\r\n\r\n" not in got:
            if self.is_over or len(got) > _HEAD_MAX_BYTES:
                return None
            await self._more()
        head = answer_head(got)
        if head is None:
            return None
        if head.length > most_bytes:
            raise httpx.ReadError("The answer is too large.")
        end = head.size + head.length
        while len(got) < end:
            if self.is_over:
                return None
            await self._more()
        body = bytes(got[head.size : end])
        del got[:end]
        self._is_read = not head.closes
        return head.status, head.headers, body

    async def _more(self) -> None:
        """Until something has come, or nothing will."""
        self._waiting = asyncio.get_running_loop().create_future()
        await self._waiting

    async def ask(
        self, method: str, target: bytes, headers: Headers, content: bytes
    ) -> h11.Response:
        """Sends it and returns the head of the answer."""
        self._transport.write(self._told(method, target, headers, content))
        return await self._head()

    def _told(self, method: str, target: bytes, headers: Headers, content: bytes) -> bytes:
        """Tells h11 what is asked; the request as it is sent."""
        try:
            asked = h11.Request(method=method, target=target, headers=headers)
            sent = self._http.send(asked) or b""
            if content:
                sent += self._http.send(h11.Data(data=content)) or b""
            sent += self._http.send(h11.EndOfMessage()) or b""
        except h11.LocalProtocolError as error:
            raise httpx.LocalProtocolError(str(error)) from error
        return sent

    async def _head(self) -> h11.Response:
        while True:
            event = await self.event()
            if isinstance(event, h11.Response):
                return event
            if not isinstance(event, h11.InformationalResponse):
                raise httpx.RemoteProtocolError("There was no answer.")

    async def event(self) -> object:
        """What comes next of the answer."""
        try:
            while (event := self._http.next_event()) is h11.NEED_DATA:
                if not self._got and not self.is_over:
                    await self._more()
                if not self._got and self._error is not None:
                    raise httpx.ReadError(str(self._error)) from self._error
                self._http.receive_data(bytes(self._got))
                self._got.clear()
        except h11.RemoteProtocolError as error:
            raise httpx.RemoteProtocolError(str(error)) from error
        return event

    def can_be_kept(self) -> bool:
        """Whether the answer was read to its end and both sides go on; ready for the next then."""
        if self.is_over or self._got:
            return False
        if not self._is_read:
            done = self._http.our_state is h11.DONE and self._http.their_state is h11.DONE
            if not done or self._http.trailing_data[0]:
                return False
            self._http.start_next_cycle()
        self._is_read = False
        self.is_kept, self.kept_at = True, monotonic()
        return True

    def close(self) -> None:
        self.is_over = True
        self._transport.abort()


class _Body(httpx.AsyncByteStream):
    """The body of an answer, as it comes."""

    def __init__(self, transport: PlainTransport, line: _Line) -> None:
        self._transport = transport
        self._line: _Line | None = line

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while self._line is not None:
            event = await self._line.event()
            if not isinstance(event, h11.Data):
                return
            yield bytes(event.data)

    async def aclose(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            self._transport.give_back(line)
