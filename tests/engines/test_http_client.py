"""The client: deadlines, bounded retries, problems decoded."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from haat.engines.http.client import AnswerLost, HttpClient, Unreached
from haat.kernel.context import Context, open_transaction
from haat.kernel.errors import Conflict, NotFound, Problem, Timeout


class ShoesGone(Conflict, code="test_shoes_gone"):
    """No shoes are left."""


Answering = Callable[[httpx.Request, int], httpx.Response]


def client_of(answer: Answering, **options: Any) -> tuple[HttpClient, list[httpx.Request]]:
    seen: list[httpx.Request] = []

    async def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return answer(request, len(seen))

    return HttpClient(transport=httpx.MockTransport(handle), **options), seen


def lost(request: httpx.Request, count: int) -> httpx.Response:
    raise httpx.ReadError("lost")


def unreached(request: httpx.Request, count: int) -> httpx.Response:
    raise httpx.ConnectError("refused")


def busy_once(request: httpx.Request, count: int) -> httpx.Response:
    return httpx.Response(503 if count == 1 else 200, json={"count": count})


@pytest.mark.parametrize(
    ("answer", "method", "headers", "calls", "error"),
    [
        (lost, "GET", {}, 3, AnswerLost),
        (lost, "POST", {}, 1, AnswerLost),
        (lost, "POST", {"Idempotency-Key": "1"}, 3, AnswerLost),
        (unreached, "POST", {}, 3, Unreached),
        (busy_once, "GET", {}, 2, None),
        (busy_once, "POST", {}, 1, None),
    ],
)
async def test_the_client_tries_again_where_that_is_harmless(
    answer: Answering,
    method: str,
    headers: dict[str, str],
    calls: int,
    error: type[Problem] | None,
) -> None:
    client, seen = client_of(answer)
    ctx = Context(request_id="r-9")
    if error is None:
        found = await client.request(ctx, method, "http://card.invalid/x", headers=headers)
        assert found.json() == {"count": calls}
    else:
        with pytest.raises(error):
            await client.request(ctx, method, "http://card.invalid/x", headers=headers)
    assert len(seen) == calls
    assert seen[0].headers["x-request-id"] == "r-9"


async def test_the_client_decodes_problems() -> None:
    body = json.dumps(ShoesGone("None left.", left=3).document())
    kind = {"content-type": "application/problem+json; charset=utf-8"}
    client, _ = client_of(lambda r, n: httpx.Response(409, content=body, headers=kind))
    answer = await client.request(Context(), "POST", "http://x/", json={"a": 1})
    problem = answer.problem()
    assert isinstance(problem, ShoesGone)
    assert problem.data == {"left": 3}
    assert not answer.ok
    client, _ = client_of(lambda r, n: httpx.Response(404, content=b"nope", headers=kind))
    assert (await client.request(Context(), "GET", "http://x/")).problem() is None
    client, _ = client_of(lambda r, n: httpx.Response(404, content=b'{"code": "not_found"}'))
    answer = await client.request(Context(), "GET", "http://x/")
    assert (answer.status, answer.problem()) == (404, None)
    client, _ = client_of(lambda r, n: httpx.Response(404, content=b"{}", headers=kind))
    assert isinstance((await client.request(Context(), "GET", "http://x/")).problem(), NotFound)


async def test_the_client_keeps_deadlines() -> None:
    async def never(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(30)
        raise AssertionError

    client = HttpClient(transport=httpx.MockTransport(never), timeout_s=0.05)
    with pytest.raises(Timeout):
        await client.request(Context(), "GET", "http://x/")
    client = HttpClient(transport=httpx.MockTransport(never))
    with pytest.raises(Timeout):
        await client.request(Context().within(0.05), "POST", "http://x/")
    with pytest.raises(Timeout):
        await client.request(Context().within(-1), "POST", "http://x/")


async def test_the_client_bounds_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("haat.engines.http.client.ANSWER_MAX_BYTES", 10)
    client, _ = client_of(lambda r, n: httpx.Response(200, content=b"x" * 11))
    with pytest.raises(AnswerLost):
        await client.request(Context(), "POST", "http://x/")


async def test_the_client_does_not_call_inside_a_transaction() -> None:
    client, seen = client_of(busy_once)
    held = open_transaction.set("payments")
    try:
        with pytest.raises(AssertionError):
            await client.request(Context(), "GET", "http://x/")
    finally:
        open_transaction.reset(held)
    assert seen == []
