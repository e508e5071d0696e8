"""Calls to addresses that somebody outside named: guarded against being led inside (SSRF).

A name is looked up once; every address it has is checked, and the connection goes to the very
address that was checked, so that a name which leads elsewhere a moment later (DNS rebinding) gains
nothing. TLS is checked for the name. No redirect is followed, no proxy asked, nothing kept open;
time and size of an answer are bounded.
"""

import asyncio
import re
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import Literal, NamedTuple
from urllib.parse import urlsplit

import h11

from haat.engines.http.addresses import Address, Network, checked, literal, may_be_called
from haat.engines.http.egress import Egress
from haat.kernel.context import open_transaction
from haat.kernel.errors import Invalid

URL_MAX_CHARS = 2000
TRIED_MAX = 3  # of a name's addresses
CONNECT_S = 5.0
BODY_S = 2.0  # of an answer whose status is known already
HEAD_MAX_BYTES = 16 << 10
GOT_MAX_BYTES = 64 << 10
LOOK_UPS = 16
_PORTS = {"https": 443, "http": 80}
_PORT_LEAST, _PORT_MOST = 1024, 65_535  # beside those two: what is below is no web server's
_NAME = re.compile(r"(?=.{1,253}\Z)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?\.)*"
                   r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?\.?")  # fmt: skip
_VISIBLE = re.compile("[!-~]+")

Reason = Literal["address", "connect", "tls", "no_answer", "timeout"]
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


class UrlRefused(Invalid, code="url_refused"):
    """This address cannot be called."""


class CallFailed(Exception):
    """There was no answer; `reason` says why. "address": the host has no address, or one that is
    not on the public internet (which of them is not told: it would map our network)."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason: Reason = reason
        self.detail = detail


class Target(NamedTuple):
    """A URL taken apart, once: what is looked up, asked for and checked by TLS is the same."""

    scheme: str
    host: str  # lower case; without brackets
    port: int
    path: str  # with the query

    @property
    def authority(self) -> str:
        """As the Host header has it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back. Names in `headers` are lower case; `body` is its beginning."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Outward:
    """A guarded client for a process, closed with `aclose`.

    `allowed`: networks that may be called though they are not public; `plain`: http as well.
    `egress`: hosts that alone may be called. `timeout_s` bounds a whole call. `resolve` and `tls`
    are for tests.
    """

    def __init__(
        self,
        *,
        allowed: Sequence[Network] = (),
        plain: bool = False,
        egress: Egress | None = None,
        timeout_s: float = 15,
        body_max: int = 1024,
        resolve: Resolve | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._allowed = tuple(allowed)
        self._plain = plain
        self._egress = egress or Egress()
        self._timeout_s = timeout_s
        self._body_max = body_max
        self._resolve = resolve or self._look_up
        self._tls = tls
        # Threads of its own: a name whose server hangs keeps one for half a minute.
        self._threads: ThreadPoolExecutor | None = None

    def target(self, url: str) -> Target:
        """The URL, if it is one that may be called as far as can be seen; UrlRefused at "url"."""
        if len(url) > URL_MAX_CHARS:
            raise _refused(f"Use at most {URL_MAX_CHARS} characters.")
        if not _VISIBLE.fullmatch(url) or "\\" in url:
            raise _refused("Write it without spaces and in plain letters (xn--… for others).")
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise _refused("This is not an address of the web.") from None
        scheme = parts.scheme.lower()
        if scheme not in _PORTS or (scheme == "http" and not self._plain):
            raise _refused("It begins with https://.")
        if "@" in parts.netloc:
            raise _refused("Leave out user name and password.")
        if parts.fragment or url.endswith("#"):
            raise _refused("Leave out what follows #.")
        host = (parts.hostname or "").lower()
        if port is None:
            port = _PORTS[scheme]
        if port not in _PORTS.values() and not _PORT_LEAST <= port <= _PORT_MOST:
            raise _refused("This port is for something else.")
        if "[" in parts.netloc and ":" not in host:  # an address of a kind that is not invented yet
            raise _refused("This host is no name and no address.")
        self._check_host(host)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return Target(scheme, host, port, path)

    def _check_host(self, host: str) -> None:
        if not self._egress.webhooks and not self._egress.permits(host):
            raise _refused("This market calls hosts of its own list alone, and this is none.")
        try:
            address = literal(host)
        except ValueError:
            raise _refused("This host is no name and no address.") from None
        if address is None:
            if not _NAME.fullmatch(host):
                raise _refused("This host is no name and no address.")
            here = host.rstrip(".")
            if (here == "localhost" or here.endswith(".localhost")) and not self._allowed:
                raise _refused("This host is not on the public internet.")
        elif not may_be_called(address, self._allowed):
            raise _refused("This host is not on the public internet.")

    async def post(self, url: str, *, headers: Mapping[str, str], content: bytes) -> Reply:
        """One POST. Answers of any status return, redirects too. CallFailed; UrlRefused."""
        assert open_transaction.get() is None, "a call to the outside inside a transaction"
        target = self.target(url)
        limit = asyncio.timeout(self._timeout_s)
        try:
            async with limit:
                until = monotonic() + self._timeout_s
                addresses = await self._addresses(target)
                reader, writer = await self._connect(target, addresses)
                try:
                    return await self._exchange(reader, writer, target, headers, content, until)
                finally:
                    writer.transport.abort()
        except TimeoutError:
            if not limit.expired():
                raise
            raise CallFailed("timeout", f"No answer within {self._timeout_s:g} s.") from None

    async def _addresses(self, target: Target) -> list[Address]:
        address = literal(target.host)
        if address is not None:
            return [address]  # checked with the URL
        try:
            found = await self._resolve(target.host, target.port)
            addresses = checked(found, self._allowed)
        except (OSError, UnicodeError, ValueError):
            addresses = []
        if not addresses:
            raise CallFailed("address", "The host has no public address.")
        return addresses[:TRIED_MAX]

    async def _look_up(self, host: str, port: int) -> Sequence[str]:
        if self._threads is None:
            self._threads = ThreadPoolExecutor(LOOK_UPS, thread_name_prefix="look-up")
        ask = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
        found = await asyncio.get_running_loop().run_in_executor(self._threads, ask)
        return [str(one[4][0]) for one in found]

    async def _connect(
        self, target: Target, addresses: Sequence[Address]
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """To the first of these that takes it."""
        secure = target.scheme == "https"
        failure = CallFailed("connect", "Nobody answers at this address.")
        for address in addresses:
            try:
                async with asyncio.timeout(CONNECT_S):
                    reader, writer = await asyncio.open_connection(
                        str(address),
                        target.port,
                        ssl=self._context() if secure else None,
                        server_hostname=target.host.rstrip(".") if secure else None,
                        limit=GOT_MAX_BYTES,
                    )
            except ssl.SSLError as error:
                failure = CallFailed("tls", _why(error))
            except (OSError, TimeoutError):
                continue
            else:
                return reader, writer
        raise failure

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = ssl.create_default_context()
        return self._tls

    async def _exchange(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        target: Target,
        headers: Mapping[str, str],
        content: bytes,
        until: float,
    ) -> Reply:
        http = h11.Connection(h11.CLIENT, max_incomplete_event_size=HEAD_MAX_BYTES)
        sent = {
            "host": target.authority,
            **headers,
            "content-length": str(len(content)),
            "connection": "close",
        }
        asked = h11.Request(method="POST", target=target.path, headers=list(sent.items()))
        told = (http.send(asked) or b"") + (http.send(h11.Data(data=content)) or b"")
        told += http.send(h11.EndOfMessage()) or b""
        try:
            writer.write(told)
            # Who answers before all is read (413) may close: the answer counts.
            with suppress(ConnectionError):
                await writer.drain()
            head = await _head(http, reader)
        except (OSError, h11.RemoteProtocolError, asyncio.IncompleteReadError):
            raise CallFailed("no_answer", "The connection ended without an answer.") from None
        body = bytearray()
        # The status is what counts: whoever goes on talking is not listened to for long.
        with suppress(TimeoutError, OSError, h11.RemoteProtocolError):
            async with asyncio.timeout(max(0.0, min(BODY_S, until - monotonic() - 0.05))):
                await _begin(http, reader, body, self._body_max)
        found = {name.decode(): value.decode("latin-1") for name, value in head.headers}
        return Reply(head.status_code, found, bytes(body[: self._body_max]))

    async def aclose(self) -> None:
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)


async def _head(http: h11.Connection, reader: asyncio.StreamReader) -> h11.Response:
    """The final head; what is said before it (1xx) counts towards its size."""
    got = 0
    while True:
        event = http.next_event()
        if isinstance(event, h11.Response):
            return event
        if event is h11.NEED_DATA:
            data = await reader.read(8 << 10)
            got += len(data)
            if got > GOT_MAX_BYTES:
                raise CallFailed("no_answer", "The head of the answer is too long.")
            http.receive_data(data)
        elif not isinstance(event, h11.InformationalResponse):
            raise CallFailed("no_answer", "The connection ended without an answer.")


async def _begin(
    http: h11.Connection, reader: asyncio.StreamReader, body: bytearray, most: int
) -> None:
    """Adds the beginning of the body, up to `most` bytes or a little more."""
    while len(body) < most:
        event = http.next_event()
        if isinstance(event, h11.Data):
            body += event.data
        elif event is h11.NEED_DATA:
            http.receive_data(await reader.read(8 << 10))
        else:
            return


def _refused(message: str) -> UrlRefused:
    found = UrlRefused.at("url", message, "url_refused")
    assert isinstance(found, UrlRefused)
    return found


def _why(error: ssl.SSLError) -> str:
    """What is wrong with a certificate, in the words of OpenSSL."""
    said = getattr(error, "verify_message", "") or error.reason or "handshake failed"
    return f"TLS: {said}"[:200]
