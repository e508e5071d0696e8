"""A small proxy on loopback that stands before any HTTP server and lets things go wrong.

    async with faulty("http://127.0.0.1:8420") as proxy:
        proxy.inject(Fault("lost", path=r"/capture$"))  # the next one is done, but not told
        settings = PaymentsSettings(stripe_url=proxy.url, ...)
        ...
        assert [seen.fault for seen in proxy.seen_at(r"/capture$")] == ["lost", None]

Without a fault it is transparent (HTTP/1.1, bodies with a length or chunked, up to 4 MiB; answers
are given with a length). The other server is asked through `httpx`, once per request unless told.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

import httpx

Kind = Literal[
    "slow",  # waits `seconds`, then forwards and answers
    "lost",  # forwards, then drops the connection instead of answering
    "torn",  # forwards, then drops the connection in the middle of the answer
    "hang",  # forwards, waits `seconds`, then drops the connection
    "unreached",  # drops the connection without forwarding
    "status",  # answers `status` and `body` without forwarding
    "failed",  # forwards, but answers `status` and `body`
    "garbage",  # forwards, but answers 200 with `body` (not JSON unless you give some)
    "twice",  # forwards two times, one after the other, and gives the second answer
]
_FORWARDED = {"slow", "lost", "torn", "hang", "failed", "garbage", "twice"}
_DROPPED = {"lost", "hang", "unreached"}
_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "content-encoding"}
_BODY_MAX = 4 << 20


@dataclass(frozen=True, slots=True)
class Fault:
    """Happens to the next `times` requests whose method and path (with its query) match, after
    `skip` of them were let through. `path` is a regular expression that is searched for."""

    kind: Kind
    path: str = ""
    method: str = ""
    times: int = 1
    skip: int = 0
    seconds: float = 0.0
    status: int = 500
    body: bytes = b"<html>oops"


@dataclass(frozen=True, slots=True)
class Seen:
    """A request that arrived, in order of arrival. `headers` have lower-case names; `answered` is
    the status the other server gave, None when it was not asked."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    fault: Kind | None
    answered: int | None


@dataclass
class _Armed:
    fault: Fault
    skip: int
    left: int


@dataclass
class Proxy:
    """`url` is what the client under test is given instead of the other server's address."""

    upstream: str
    http: httpx.AsyncClient
    port: int = 0
    seen: list[Seen] = field(default_factory=list)
    _armed: list[_Armed] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def inject(self, *faults: Fault) -> None:
        """Adds to those that wait; of several that match, the one injected first happens."""
        self._armed += [_Armed(one, one.skip, one.times) for one in faults]

    def heal(self) -> None:
        """No fault waits any more."""
        self._armed.clear()

    def seen_at(self, path: str, method: str = "") -> list[Seen]:
        """What arrived there."""
        return [one for one in self.seen if _matches(one.method, one.path, method, path)]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, EOFError, asyncio.LimitOverrunError):
            while (request := await _read(reader)) is not None:
                if not await self._one(*request, writer):
                    break
        writer.close()

    async def _one(
        self,
        method: str,
        path: str,
        headers: dict[str, str],
        body: bytes,
        writer: asyncio.StreamWriter,
    ) -> bool:
        """Answers one request. False: the connection is to be dropped."""
        fault = self._next(method, path)
        kind = fault.kind if fault else None
        if fault and kind == "slow":
            await asyncio.sleep(fault.seconds)
        answer = None
        if kind is None or kind in _FORWARDED:
            for _ in range(2 if kind == "twice" else 1):
                answer = await self._forward(method, path, headers, body)
        status = answer.status_code if answer is not None else None
        self.seen.append(Seen(method, path, headers, body, kind, status))
        if fault and kind == "hang":
            await asyncio.sleep(fault.seconds)
        if kind in _DROPPED:
            return False
        if fault and kind in ("status", "failed", "garbage"):
            code = 200 if kind == "garbage" else fault.status
            await _write(writer, code, {"content-type": "text/html"}, fault.body)
            return True
        assert answer is not None
        kept = {k: v for k, v in answer.headers.items() if k.lower() not in _HOP}
        if kind == "torn":
            head = _head(answer.status_code, kept, len(answer.content) + 100)
            writer.write(head + answer.content[: len(answer.content) // 2])
            await writer.drain()
            return False
        await _write(writer, answer.status_code, kept, answer.content)
        return True

    async def _forward(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> httpx.Response:
        given = {k: v for k, v in headers.items() if k not in _HOP and k != "host"}
        given["accept-encoding"] = "identity"
        return await self.http.request(method, self.upstream + path, headers=given, content=body)

    def _next(self, method: str, path: str) -> Fault | None:
        for one in self._armed:
            if not _matches(method, path, one.fault.method, one.fault.path):
                continue
            if one.skip:
                one.skip -= 1
                continue
            one.left -= 1
            if not one.left:
                self._armed.remove(one)
            return one.fault
        return None


@asynccontextmanager
async def faulty(upstream: str) -> AsyncIterator[Proxy]:
    """A proxy before `upstream` (scheme, host and port) until the end of the block."""
    assert urlsplit(upstream).path in ("", "/"), "give the server, not a path of it"
    async with httpx.AsyncClient(timeout=60, trust_env=False) as http:
        proxy = Proxy(upstream.rstrip("/"), http)
        tasks: set[asyncio.Task[None]] = set()

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.create_task(proxy.serve(reader, writer))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

        server = await asyncio.start_server(accept, "127.0.0.1", 0)
        proxy.port = int(server.sockets[0].getsockname()[1])
        try:
            yield proxy
        finally:
            server.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def _matches(method: str, path: str, wanted_method: str, wanted_path: str) -> bool:
    return wanted_method in ("", method) and re.search(wanted_path, path) is not None


async def _read(
    reader: asyncio.StreamReader,
) -> tuple[str, str, dict[str, str], bytes] | None:
    """One request, or None when the client has gone."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    except asyncio.IncompleteReadError:
        return None
    method, path, _ = head[0].split(" ", 2)
    pairs = (line.split(":", 1) for line in head[1:] if ":" in line)
    headers = {name.strip().lower(): value.strip() for name, value in pairs}
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return method, path, headers, await _chunks(reader)
    length = int(headers.get("content-length", "0"))
    assert length <= _BODY_MAX, "larger than this proxy carries"
    return method, path, headers, await reader.readexactly(length)


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while size := int((await reader.readline()).split(b";")[0], 16):
        body += (await reader.readexactly(size + 2))[:-2]
        assert len(body) <= _BODY_MAX, "larger than this proxy carries"
    await reader.readline()
    return body


async def _write(
    writer: asyncio.StreamWriter, status: int, headers: dict[str, str], body: bytes
) -> None:
    writer.write(_head(status, headers, len(body)) + body)
    await writer.drain()


def _head(status: int, headers: dict[str, str], length: int) -> bytes:
    lines = [f"HTTP/1.1 {status} x", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, f"content-length: {length}", "", ""]).encode("latin-1")
