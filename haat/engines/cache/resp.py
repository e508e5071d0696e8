"""One connection to Valkey or Redis, spoken RESP2, with commands of many tasks in flight at once.

The client libraries take about 140 microseconds of processor time for a reading of ten keys, more
than the statement that it saves; this takes a quarter of that (docs/decisions/0013-shapes.md).
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, cast
from urllib.parse import unquote, urlsplit

Argument = str | bytes | int
REPLY_MAX_BYTES = 64 << 20


class Refused(Exception):
    """The server answered with an error."""


class Lost(ConnectionError):
    """The connection is gone; what was asked may or may not have been done."""


class _Partial(Exception):
    """The rest of a reply has not come yet."""


def encoded(command: Sequence[Argument]) -> bytes:
    """A command as RESP: an array of bulk strings."""
    parts = [b"*%d\r\n" % len(command)]
    for argument in command:
        if isinstance(argument, int):
            argument = str(argument)
        raw = argument.encode() if isinstance(argument, str) else argument
        parts.append(b"$%d\r\n%b\r\n" % (len(raw), raw))
    return b"".join(parts)


def decoded(data: bytes | bytearray, at: int = 0) -> tuple[Any, int]:
    """The reply that begins there and where it ends: int, bytes, None, list, or Refused as a value.

    Raises _Partial, and ValueError for what is no RESP.
    """
    end = data.find(b"\r\n", at)
    if end < 0:
        raise _Partial
    kind, line, after = data[at], bytes(data[at + 1 : end]), end + 2
    if kind == 0x24:  # $
        size = int(line)
        if size < 0:
            return None, after
        if len(data) < after + size + 2:
            raise _Partial
        return bytes(data[after : after + size]), after + size + 2
    if kind == 0x2A:  # *
        items = []
        for _ in range(int(line)):
            item, after = decoded(data, after)
            items.append(item)
        return items, after
    if kind == 0x3A:  # :
        return int(line), after
    if kind == 0x2B:  # +
        return line, after
    if kind == 0x2D:  # -
        return Refused(line.decode("utf-8", "replace")), after
    raise ValueError("not RESP")


class Connection(asyncio.Protocol):
    """Replies come in the order of the commands; what was not asked for goes to `pushed`."""

    def __init__(self, pushed: Callable[[Any], None] | None = None) -> None:
        self._pushed = pushed
        self._waiting: deque[asyncio.Future[Any]] = deque()
        self._got = bytearray()
        self._transport: asyncio.Transport
        self.is_over = False
        self.over = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._got += data
        at = 0
        try:
            while at < len(self._got):
                reply, at = decoded(self._got, at)
                self._hand_over(reply)
        except _Partial:
            if len(self._got) - at > REPLY_MAX_BYTES:
                self.close()
        except ValueError:
            self.close()
        del self._got[:at]

    def _hand_over(self, reply: Any) -> None:
        if not self._waiting:
            if self._pushed is not None:
                self._pushed(reply)
            return
        waiting = self._waiting.popleft()
        if not waiting.done():
            waiting.set_result(reply)

    def connection_lost(self, error: Exception | None) -> None:
        self.is_over = True
        while self._waiting:
            waiting = self._waiting.popleft()
            if not waiting.done():
                waiting.set_exception(Lost("the cache's connection ended"))
                waiting.exception()  # looked at: whoever waited may be gone
        self.over.set()

    async def ask(self, *commands: Sequence[Argument]) -> list[Any]:
        """The replies to these, sent together. Raises Lost, and Refused for the first refusal."""
        if self.is_over:
            raise Lost("the cache's connection ended")
        loop = asyncio.get_running_loop()
        waiting = [loop.create_future() for _ in commands]
        self._waiting.extend(waiting)
        self._transport.write(b"".join(encoded(command) for command in commands))
        replies = [await one for one in waiting]
        for reply in replies:
            if isinstance(reply, Refused):
                raise reply
        return replies

    def close(self) -> None:
        self.is_over = True
        self._transport.close()


async def connect(
    url: str, *, pushed: Callable[[Any], None] | None = None, timeout_s: float = 2
) -> Connection:
    """A connection, signed in, on the database that the URL names ('valkey://:secret@host:6379/1').

    Raises OSError, TimeoutError, and Refused for a wrong password.
    """
    parts = urlsplit(url)
    tls = True if parts.scheme in ("valkeys", "rediss") else None
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(timeout_s):
        _, connection = await loop.create_connection(
            lambda: Connection(pushed), parts.hostname or "127.0.0.1", parts.port or 6379, ssl=tls
        )
        hello: list[Sequence[Argument]] = []
        if parts.password:
            name = [unquote(parts.username)] if parts.username else []
            hello.append(["AUTH", *name, unquote(parts.password)])
        if database := parts.path.strip("/"):
            hello.append(["SELECT", database])
        try:
            await connection.ask(*hello)
        except BaseException:
            connection.close()
            raise
    return connection
