"""The proxy that lets things go wrong does what it says, before a server that counts."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest

from tests.domains.money.faults import Fault, Kind, Proxy, faulty


@dataclass
class Counter:
    """Answers how often it was asked, in JSON."""

    asked: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.split("content-length: ")[1].split("\r\n")[0])
        body = await reader.readexactly(length)
        self.asked += 1
        text = f'{{"asked": {self.asked}, "body": "{body.decode()}"}}'
        answer = f"HTTP/1.1 201 Created\r\ncontent-length: {len(text)}\r\nconnection: close\r\n\r\n"
        writer.write((answer + text).encode())
        await writer.drain()
        writer.close()


@pytest.fixture
async def counted() -> AsyncIterator[tuple[Counter, Proxy]]:
    counter = Counter()
    server = await asyncio.start_server(counter.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, faulty(f"http://127.0.0.1:{port}") as proxy:
        yield counter, proxy


async def ask(proxy: Proxy, path: str = "/a?b=c") -> httpx.Response:
    async with httpx.AsyncClient(timeout=30, trust_env=False) as http:
        return await http.post(proxy.url + path, content=b"hello", headers={"x-mark": "1"})


async def test_without_a_fault_it_is_transparent(counted: tuple[Counter, Proxy]) -> None:
    _, proxy = counted
    answer = await ask(proxy)
    assert (answer.status_code, answer.json()) == (201, {"asked": 1, "body": "hello"})
    [seen] = proxy.seen
    assert (seen.method, seen.path, seen.body, seen.answered) == ("POST", "/a?b=c", b"hello", 201)
    assert seen.headers["x-mark"] == "1"


@pytest.mark.parametrize(
    ("kind", "asked"), [("lost", 1), ("hang", 1), ("torn", 1), ("unreached", 0)]
)
async def test_answers_that_do_not_arrive(
    counted: tuple[Counter, Proxy], kind: Kind, asked: int
) -> None:
    counter, proxy = counted
    proxy.inject(Fault(kind, path="^/a", method="POST", seconds=0.05))
    with pytest.raises(httpx.RemoteProtocolError):
        await ask(proxy)
    assert counter.asked == asked
    assert (await ask(proxy)).json()["asked"] == asked + 1
    assert [one.fault for one in proxy.seen_at("^/a")] == [kind, None]


@pytest.mark.parametrize(
    ("kind", "status", "asked"),
    [("status", 503, 0), ("failed", 503, 1), ("garbage", 200, 1), ("twice", 201, 2)],
)
async def test_answers_that_are_others(
    counted: tuple[Counter, Proxy], kind: Kind, status: int, asked: int
) -> None:
    counter, proxy = counted
    proxy.inject(Fault(kind, status=503, skip=1))
    assert (await ask(proxy)).json()["asked"] == 1
    answer = await ask(proxy)
    assert (answer.status_code, counter.asked) == (status, asked + 1)
    proxy.inject(Fault(kind, path="/never"), Fault("status", times=2))
    proxy.heal()
    assert (await ask(proxy)).status_code == 201


async def test_slow_answers_arrive(counted: tuple[Counter, Proxy]) -> None:
    _, proxy = counted
    proxy.inject(Fault("slow", seconds=0.2))
    async with httpx.AsyncClient(timeout=0.1, trust_env=False) as http:
        with pytest.raises(httpx.ReadTimeout):
            await http.post(proxy.url, content=b"x")
    await ask(proxy)
