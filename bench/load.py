"""A closed-loop HTTP/1.1 client that costs little: the load shares its machine with the server."""

import asyncio
import json
import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit


class Broken(Exception):
    """The server did not answer as expected."""


class Line:
    """One kept connection to a server on this machine."""

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        assert parts.hostname in ("127.0.0.1", "localhost"), "loads go to this machine only"
        self._host, self._port = parts.hostname, parts.port or 80
        self._head = f"host: {parts.netloc}\r\n"
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter

    async def open(self) -> "Line":
        self._reader, self._writer = await asyncio.open_connection(self._host, self._port)
        return self

    def close(self) -> None:
        self._writer.close()

    async def ask(
        self, method: str, path: str, body: Any = None, headers: str = ""
    ) -> tuple[int, bytes]:
        """Status and body. `headers` are whole lines, each ending in CR LF."""
        content = b"" if body is None else json.dumps(body).encode()
        kind = "content-type: application/json\r\n" if body is not None else ""
        length = f"content-length: {len(content)}\r\n" if method != "GET" else ""
        head = f"{method} {path} HTTP/1.1\r\n{self._head}{kind}{length}{headers}\r\n"
        self._writer.write(head.encode() + content)
        answer = await self._reader.readuntil(b"\r\n\r\n")
        status = int(answer[9:12])
        return status, await self._body(answer.lower())

    async def _body(self, head: bytes) -> bytes:
        mark = head.find(b"content-length:")
        if mark >= 0:
            size = int(head[mark + 15 : head.find(b"\r", mark)])
            return await self._reader.readexactly(size)
        if b"transfer-encoding: chunked" not in head:
            return b""
        parts = []
        while size := int(await self._reader.readline(), 16):
            parts.append(await self._reader.readexactly(size))
            await self._reader.readexactly(2)
        await self._reader.readexactly(2)
        return b"".join(parts)

    async def json(self, method: str, path: str, body: Any = None, headers: str = "") -> Any:
        """The decoded answer; Broken when the status is not 2xx."""
        status, content = await self.ask(method, path, body, headers)
        if not 200 <= status < 300:
            raise Broken(f"{method} {path}: {status} {content[:300]!r}")
        return json.loads(content) if content else None


@dataclass
class Result:
    """What one load gave: rate in units per second, times in milliseconds."""

    name: str
    done: int
    seconds: float
    times_ms: list[float] = field(repr=False, default_factory=list)
    failures: list[str] = field(default_factory=list)

    @property
    def rate(self) -> float:
        return self.done / self.seconds

    def at(self, share: float) -> float:
        """The time that this share of the units stayed below."""
        if not self.times_ms:
            return 0.0
        ordered = sorted(self.times_ms)
        return ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1)]


Unit = Callable[[Line, int], Awaitable[None]]


async def load(
    name: str, address: str, unit: Unit, *, clients: int, seconds: float, warm_up_s: float = 1.0
) -> Result:
    """`clients` closed loops repeat `unit(line, number)` for `seconds` after a warm-up."""
    times: list[float] = []
    failures: list[str] = []
    number = iter(range(1 << 62))
    begin = perf_counter() + warm_up_s
    end = begin + seconds

    async def loop() -> None:
        line = await Line(address).open()
        while (started := perf_counter()) < end:
            try:
                await unit(line, next(number))
            except (Broken, OSError, EOFError) as error:
                failures.append(str(error))
                if len(failures) > 100:
                    break
                line.close()
                line = await Line(address).open()
                continue
            finished = perf_counter()
            if begin <= started and finished <= end:
                times.append((finished - started) * 1000)
        line.close()

    await asyncio.gather(*(loop() for _ in range(clients)))
    return Result(name, len(times), seconds, times, failures)


def table(rows: Sequence[Sequence[str]]) -> str:
    """Rows as one aligned text table; the first row is the heading."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = [
        "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)
