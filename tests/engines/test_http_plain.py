"""The client's own transport: kept lines, and what ends them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import h11
import httpx
import pytest

from haat.engines.http.client import AnswerLost, HttpClient
from haat.engines.http.plain import PlainTransport
from haat.kernel.context import Context

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
Answer = Callable[[int], bytes | None]  # of the n-th request in all; None: hang up


class Server:
    def __init__(self) -> None:
        self.lines = self.open = self.most = 0
        self.asked: list[bytes] = []
        self.writers: list[asyncio.StreamWriter] = []
        self.heard = asyncio.Event()


@asynccontextmanager
async def serving(answer: Answer, *, hang_up: bool = False) -> AsyncIterator[tuple[Server, str]]:
    server = Server()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.lines += 1
        server.open += 1
        server.most = max(server.most, server.open)
        server.writers.append(writer)
        while True:
            try:
                server.asked.append(await reader.readuntil(b"\r\n\r\n"))
            except EOFError:
                break
            server.heard.set()
            given = answer(len(server.asked))
            if given is not None:
                writer.write(given)
            if given is None or hang_up:
                break
        server.open -= 1
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    try:
        yield server, f"http://127.0.0.1:{port}/a%20b?c=d"
    finally:
        listening.close()


@asynccontextmanager
async def client() -> AsyncIterator[httpx.AsyncClient]:
    transport = PlainTransport(httpx.AsyncHTTPTransport(trust_env=False))
    async with httpx.AsyncClient(transport=transport, trust_env=False) as made:
        yield made


async def test_a_line_is_kept() -> None:
    async with serving(lambda _: OK) as (server, url), client() as http:
        for _ in range(5):
            assert (await http.get(url)).text == "ok"
    assert server.lines == 1
    assert server.asked[0].startswith(b"GET /a%20b?c=d HTTP/1.1\r\n")


async def test_many_at_once() -> None:
    async with serving(lambda _: OK) as (server, url), client() as http:
        answers = await asyncio.gather(*(http.get(url) for _ in range(150)))
    assert {answer.status_code for answer in answers} == {200}
    assert len(server.asked) == 150
    assert server.most <= 100


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\n\r\nok",
    ],
)
async def test_an_answer_that_ends_its_line(answer: bytes) -> None:
    async with serving(lambda _: answer, hang_up=True) as (server, url), client() as http:
        for _ in range(2):
            assert (await http.get(url)).text == "ok"
    assert server.lines == 2


async def test_parts_and_what_comes_before() -> None:
    answer = (
        b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
        b"1\r\no\r\n1\r\nk\r\n0\r\n\r\n"
    )
    async with serving(lambda _: answer) as (server, url), client() as http:
        for _ in range(2):
            assert (await http.post(url, content=b"")).text == "ok"
    assert server.lines == 1


async def test_what_nobody_asked_for_is_no_answer() -> None:
    """A server that says on an idle line that it gives up must not be heard by the next caller."""
    async with serving(lambda _: OK) as (server, url), client() as http:
        await http.get(url)
        server.writers[0].write(b"HTTP/1.1 408 Late\r\ncontent-length: 0\r\n\r\n")
        await asyncio.sleep(0.05)
        assert (await http.get(url)).status_code == 200
    assert server.lines == 2


async def test_more_than_an_answer_ends_the_line() -> None:
    async with serving(lambda _: OK + b"HTTP/1.1 500 X\r\n\r\n") as (server, url), client() as http:
        for _ in range(2):
            assert (await http.get(url)).status_code == 200
    assert server.lines == 2


async def test_a_line_closed_meanwhile_is_not_used() -> None:
    async with serving(lambda _: OK, hang_up=True) as (server, url), client() as http:
        for _ in range(3):
            assert (await http.get(url)).text == "ok"
            await asyncio.sleep(0.05)
    assert server.lines == 3


@pytest.mark.parametrize(
    "answer", [None, b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok", b"?\r\n"]
)
async def test_half_an_answer_is_none(answer: bytes | None) -> None:
    async with serving(lambda _: answer, hang_up=True) as (_, url), client() as http:
        with pytest.raises(httpx.TransportError):
            await http.get(url)


async def test_nobody_there() -> None:
    async with serving(lambda _: OK) as (_, url):
        pass
    async with client() as http:
        with pytest.raises(httpx.ConnectError):
            await http.get(url)


async def test_one_that_was_given_up_leaves_room() -> None:
    async with serving(lambda n: OK if n > 1 else b"") as (server, url), client() as http:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await http.get(url)
        assert (await http.get(url)).text == "ok"
    assert server.lines == 2


@pytest.mark.parametrize("tail", ["", "&q=%23", "&q=ä b", "#top"])
async def test_a_call_without_httpx_is_the_same_call(tail: str) -> None:
    """Whether an address can be sent as it stands or not, the server sees what httpx would send."""
    told = b"HTTP/1.1 201 Made\r\ncontent-length: 2\r\nX-Two: a\r\nx-two: b\r\n\r\nok"
    async with serving(lambda _: told) as (server, url), HttpClient() as http, client() as other:
        for _ in range(2):  # the second over the kept line
            answer = await http.request(Context(), "GET", url + tail)
            assert (answer.status, answer.body) == (201, b"ok")
            assert answer.headers["x-two"] == "a, b"
        await other.get(url + tail)
    assert server.lines == 2

    def told_of(asked: bytes) -> tuple[bytes, list[bytes]]:
        first, *rest = asked.split(b"\r\n")
        return first, [one for one in rest if one.lower().startswith(b"host:")]

    ours, again, theirs = (told_of(asked) for asked in server.asked)
    assert (ours[0], ours[1][0].lower()) == (theirs[0], theirs[1][0].lower())
    assert again == ours


async def test_an_answer_that_is_cut_off_or_too_long_is_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    short = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok"
    async with serving(lambda _: short, hang_up=True) as (_, url), HttpClient(retries=0) as http:
        with pytest.raises(AnswerLost):
            await http.request(Context(), "GET", url)
    monkeypatch.setattr("haat.engines.http.client.ANSWER_MAX_BYTES", 1)
    async with serving(lambda _: OK) as (server, url), HttpClient(retries=0) as http:
        for _ in range(2):
            with pytest.raises(AnswerLost):
                await http.request(Context(), "GET", url)
    assert server.lines == 2  # a line with something left on it is not used again


async def test_a_plain_call_needs_no_h11(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(h11.Connection, "send", None)
    monkeypatch.setattr(h11.Connection, "next_event", None)
    async with serving(lambda _: OK) as (server, url), HttpClient() as http:
        for _ in range(3):
            answer = await http.request(Context(), "POST", url, content=b"")
            assert (answer.status, answer.body) == (200, b"ok")
    assert server.lines == 1


@pytest.mark.parametrize(
    "unusual",
    [
        b"HTTP/1.1 100 Continue\r\n\r\n" + OK,
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: a\r\nx: b\r\ncontent-length: 2\r\n\r\nok",
    ],
)
async def test_an_unusual_answer_between_plain_ones(unusual: bytes) -> None:
    told = {2: unusual}
    async with serving(lambda n: told.get(n, OK)) as (server, url), HttpClient() as http:
        for _ in range(4):
            answer = await http.request(Context(), "GET", url)
            assert (answer.status, answer.body) == (200, b"ok")
    assert server.lines == 1


async def test_an_answer_that_comes_byte_by_byte() -> None:
    async with serving(lambda _: b"") as (server, url), HttpClient() as http:
        asked = asyncio.create_task(http.request(Context(), "GET", url))
        async with asyncio.timeout(30):
            await server.heard.wait()
        for byte in OK:
            server.writers[0].write(bytes([byte]))
            await asyncio.sleep(0.001)
        assert (await asked).body == b"ok"


async def test_a_plain_answer_that_ends_its_line() -> None:
    closing = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok"
    async with serving(lambda _: closing) as (server, url), HttpClient() as http:
        for _ in range(2):
            assert (await http.request(Context(), "GET", url)).body == b"ok"
    assert server.lines == 2
