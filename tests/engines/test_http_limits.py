"""Requests that are too long, too deep or too slow are refused, and cost little."""

import asyncio
import json
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Message

from haat.engines.http import Limits, limits
from haat.engines.http.limits import HEADERS_MAX, JSON_DEPTH_MAX, TARGET_MAX_BYTES, is_deep


async def _size(request: Request) -> Response:
    return JSONResponse(len(await request.body()))


async def _news(request: Request) -> Response:
    async def told() -> Any:
        yield b"one"
        await asyncio.sleep(0.2)
        yield b"two"

    return StreamingResponse(told())


app = Limits(
    Starlette(
        routes=[
            Route("/news", _news, methods=["GET", "POST"]),
            Route("/{path:path}", _size, methods=["GET", "POST"]),
        ]
    )
)


def client() -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://market")


async def test_addresses_and_headers_have_a_length() -> None:
    async with client() as http:
        assert (await http.get("/a", params={"q": "x" * 8_000})).status_code == 200
        for path in (f"/a?q={'x' * TARGET_MAX_BYTES}", f"/{'x' * TARGET_MAX_BYTES}"):
            answer = await http.get(path)
            assert (answer.status_code, answer.json()["code"]) == (414, "target_too_long")
        many = {f"x-{n}": "1" for n in range(HEADERS_MAX)}
        long = {"x-long": "x" * limits.HEADERS_MAX_BYTES}
        for headers in (many, long):
            answer = await http.get("/a", headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (431, "headers_too_large")
            assert answer.headers["x-request-id"] == answer.json()["requestId"]
        assert (await http.get("/a", headers={"x-long": "x" * 16_000})).status_code == 200


def nested(depth: int) -> bytes:
    return b'{"a":[' * (depth // 2) + b"1" + b"]}" * (depth // 2)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (nested(JSON_DEPTH_MAX), 200),
        (nested(JSON_DEPTH_MAX + 2), 400),
        (b"[" * 100_000, 400),
        (json.dumps([[n] for n in range(5_000)]).encode(), 200),  # wide is not deep
        (json.dumps(["[[[[{{{{" * 500, 'a \\" [[' * 500]).encode(), 200),  # words are words
        (b'{"a": "' + b"[" * 900, 200),  # malformed: for the parser to say
    ],
)
async def test_json_has_a_depth(body: bytes, status: int) -> None:
    async with client() as http:
        answer = await http.post("/a", content=body, headers={"content-type": "application/json"})
        assert answer.status_code == status
        if status == 400:
            assert answer.json()["code"] == "json_too_deep"
        other = await http.post("/a", content=body, headers={"content-type": "text/plain"})
        assert other.json() == len(body)


def test_json_that_comes_in_pieces() -> None:
    whole = nested(JSON_DEPTH_MAX + 2)
    assert is_deep([whole[n : n + 3] for n in range(0, len(whole), 3)])
    words = json.dumps(["[" * 500]).encode()
    assert not is_deep([words[n : n + 7] for n in range(0, len(words), 7)])


class Slow:
    """A client that sends pieces, and then nothing more."""

    def __init__(self, *pieces: bytes, pause_s: float = 0.0) -> None:
        self._pieces = list(pieces)
        self._pause_s = pause_s

    async def receive(self) -> Message:
        await asyncio.sleep(self._pause_s)
        if not self._pieces:
            await asyncio.sleep(3600)
        return {"type": "http.request", "body": self._pieces.pop(0), "more_body": True}


async def answered(slow: Slow, length: bytes = b"900") -> tuple[int, Any]:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [(b"content-length", length)]
    scope = {"type": "http", "method": "POST", "path": "/a", "query_string": b"", "state": {}}
    await app({**scope, "headers": headers}, slow.receive, send)
    return sent[0]["status"], json.loads(sent[1]["body"])


async def test_who_sends_nothing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PART_WAIT_S", 0.05)
    status, document = await answered(Slow(b"a", b"b"))
    assert (status, document["code"]) == (408, "request_too_slow")


async def test_who_sends_far_too_much_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PART_WAIT_S", 0.05)
    status, _ = await answered(Slow(b"a"), str(limits.BODY_MAX_BYTES + 1).encode())
    assert status == 413


async def test_who_dribbles_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "BODY_WAIT_S", 0.2)
    status, _ = await answered(Slow(*[b"a"] * 900, pause_s=0.01))
    assert status == 408


async def test_who_is_answered_slowly_is_no_slow_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that streams looks whether the client is there still: that is no body."""
    monkeypatch.setattr(limits, "PART_WAIT_S", 0.05)
    monkeypatch.setattr(limits, "BODY_WAIT_S", 0.05)
    async with client() as http:
        assert (await http.get("/news")).text == "onetwo"
        assert (await http.post("/news", content=b"x")).text == "onetwo"
