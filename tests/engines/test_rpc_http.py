"""What only a network brings: foreign tokens, lost answers, other versions, dead peers."""

import asyncio
from typing import Any
from uuid import uuid4

import httpx
import pytest
from starlette.applications import Starlette

from haat.engines.http.client import HttpClient, Unreached
from haat.engines.rpc.http import (
    Breaker,
    Peer,
    PeerAway,
    PeerMismatch,
    PeerRefused,
    remote,
    rpc_routes,
)
from haat.engines.rpc.peer import CALLS_MAX
from haat.engines.rpc.proof import HEADER, Asked, Proof
from haat.kernel.errors import Invalid, Problem, Timeout
from tests.engines.hats import TOKEN, Doors, Hats, HatsService, guest


async def test_a_fault_of_the_callee_tells_nothing() -> None:
    with pytest.raises(Problem) as caught:
        await Doors("http").door(None).fail(guest())
    assert (caught.value.code, caught.value.status) == ("internal", 500)
    assert "secret" not in str(caught.value.document())


@pytest.mark.parametrize("kind", ["loopback", "http"])
async def test_what_does_not_fit_the_contract_is_refused(kind: str) -> None:
    hats: Any = Doors(kind).door("x")
    with pytest.raises(Invalid) as caught:
        await hats.hat(guest(), id="no id", price={"minor": 1.5, "currency": "USD"}, tags=[])
    assert {f.path for f in caught.value.fields} == {"id", "price.minor"}


def server(token: str = TOKEN) -> httpx.AsyncClient:
    app = Starlette(routes=list(rpc_routes({"hats": (Hats, HatsService())}, token)))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://hats")


@pytest.mark.parametrize(
    ("path", "body", "headers", "status", "code"),
    [
        ("hats/hat", b"{", {}, 422, "invalid"),
        ("hats/hat", b"[]", {}, 422, "invalid"),
        ("hats/hat", b"\xff", {}, 422, "invalid"),
        ("hats/stock", b'{"count": "many"}', {"haat-caller": "x"}, 422, "invalid"),
        ("hats/stock", b'{"count": 1}', {}, 401, "unauthenticated"),
        ("hats/seen", b"{}", {"haat-actor": "person:me"}, 422, "context_invalid"),
        ("hats/seen", b"{}", {"haat-actor": "king"}, 422, "context_invalid"),
        ("hats/seen", b"{}", {"haat-deadline-ms": "9" * 30}, 422, "context_invalid"),
        ("hats/seen", b"{}", {"haat-deadline-ms": "0"}, 503, "deadline_exceeded"),
        ("hats/__init__", b"{}", {}, 404, "peer_mismatch"),
        ("coats/seen", b"{}", {}, 404, "peer_mismatch"),
        ("hats/seen", b"{}", {HEADER: "no"}, 401, "peer_refused"),
        ("hats/seen", b"{}", {HEADER: ""}, 401, "peer_refused"),
        ("hats/seen", b"{}", {HEADER: "00.\N{SNOWMAN}"}, 401, "peer_refused"),
    ],
)
async def test_the_callee_refuses_what_is_wrong(
    path: str, body: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    given = {HEADER: Proof(TOKEN).ask(f"/rpc/{path}", headers, body), **headers}
    sent = [(name.encode(), value.encode()) for name, value in given.items()]
    async with server() as client:
        answer = await client.post(f"/rpc/{path}", content=body, headers=sent)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_a_foreign_token_is_not_the_users_fault() -> None:
    doors = Doors("http")
    hats = remote(Hats, "http://hats", doors.http, token="other", caller=None)
    with pytest.raises(PeerRefused) as caught:
        await hats.seen(guest())
    assert caught.value.status == 503


@pytest.mark.parametrize(
    "changed",
    [{"body": b'{"count": 3}'}, {"path": "/rpc/hats/seen"}, {"haat-actor": "system"}],
    ids=["body", "path", "actor"],
)
async def test_what_was_proved_cannot_be_changed(changed: dict[str, Any]) -> None:
    """Whoever listens and has the header of a call can call nothing else with it."""
    headers = {"haat-actor": "guest", "haat-caller": "x"}
    path, body = "/rpc/hats/stock", b'{"count": 1}'
    proof = Proof(TOKEN).ask(path, headers, body)
    async with server() as client:
        sent = {**headers, HEADER: proof, "haat-actor": changed.get("haat-actor", "guest")}
        other = (changed.get("path", path), changed.get("body", body))
        assert (await client.post(other[0], content=other[1], headers=sent)).status_code == 401
        sent = {**headers, HEADER: proof}
        answer = await client.post(path, content=body, headers=sent)
    assert answer.status_code == 200


async def test_an_answer_that_proves_nothing_is_not_believed() -> None:
    """Something else stands at the peer's address and says yes to everything."""
    http = HttpClient(transport=Flaky(0, 200, token="of somebody else"))
    with pytest.raises(PeerRefused):
        await remote(Hats, "http://h", http, token=TOKEN, caller="x").stock(guest(), count=1)


async def test_a_token_is_changed_without_a_pause() -> None:
    for there, here in ((f"new,{TOKEN}", TOKEN), (f"new,{TOKEN}", "new"), ("new", f"new,{TOKEN}")):
        app = Starlette(routes=list(rpc_routes({"hats": (Hats, HatsService())}, there)))
        http = HttpClient(transport=httpx.ASGITransport(app))
        hats = remote(Hats, "http://hats", http, token=here, caller="x")
        assert await hats.stock(guest(), count=2) == 3
        await http.aclose()


class Flaky(httpx.AsyncBaseTransport):
    """Fails the first calls, then answers."""

    def __init__(
        self, failures: int, error: Exception | int, body: bytes = b"1", token: str = TOKEN
    ) -> None:
        self._proof = Proof(token)
        self.calls = 0
        self.failures = failures
        self.error = error
        self.body = body
        self.deadlines: list[str] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.calls += 1
        if self.calls > self.failures:
            number = request.headers[HEADER].partition(".")[0]
            proof = Asked(self._proof.key, number).answer(200, self.body)
            headers = {"content-type": "application/json", HEADER: proof}
            return httpx.Response(200, content=self.body, headers=headers)
        if isinstance(self.error, int):
            return httpx.Response(self.error)
        raise self.error


async def test_queries_and_commands_with_an_id_are_tried_again() -> None:
    transport = Flaky(2, httpx.ReadError("lost"), b"null")
    hats = remote(Hats, "http://hats", HttpClient(transport=transport), token=TOKEN, caller="x")
    await hats.wear(guest(), id=uuid4())
    assert transport.calls == 3


async def test_other_commands_are_sent_once() -> None:
    transport = Flaky(1, httpx.ReadError("lost"))
    hats = remote(Hats, "http://hats", HttpClient(transport=transport), token=TOKEN, caller="x")
    with pytest.raises(Problem) as caught:
        await hats.stock(guest(), count=1)
    assert (caught.value.code, transport.calls) == ("upstream_answer_lost", 1)


async def test_the_breaker_opens_and_closes_again() -> None:
    transport = Flaky(5, httpx.ConnectError("refused"))
    http = HttpClient(transport=transport, retries=0)
    hats = remote(Hats, "http://hats", http, token=TOKEN, caller="x")
    for _ in range(5):
        with pytest.raises(Unreached):
            await hats.stock(guest(), count=1)
    with pytest.raises(PeerAway) as caught:
        await hats.stock(guest(), count=1)
    assert caught.value.document()["retryAfterS"] == 1
    assert transport.calls == 5
    await asyncio.sleep(1.05)
    assert await hats.stock(guest(), count=1) == 1
    assert await hats.stock(guest(), count=1) == 1


async def test_contracts_at_one_address_share_what_is_known_of_it() -> None:
    transport = Flaky(99, httpx.ConnectError("refused"))
    http, peer = HttpClient(transport=transport, retries=0), Peer("http://hats/")
    first, second = (remote(Hats, peer, http, token=TOKEN, caller=name) for name in "xy")
    for _ in range(5):
        with pytest.raises(Unreached):
            await first.stock(guest(), count=1)
    with pytest.raises(PeerAway):
        await second.stock(guest(), count=1)


async def test_a_slow_peer_takes_only_its_share_of_calls() -> None:
    """Those beyond it wait, and their deadline runs."""
    waiting, most = asyncio.Event(), 0

    class Slow(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            nonlocal most
            most += 1
            await waiting.wait()
            raise httpx.ConnectError("too late")

    http = HttpClient(transport=Slow(), retries=0)
    hats = remote(Hats, "http://hats", http, token=TOKEN, caller="x")
    ctx = guest().within(0.3)
    calls = [asyncio.create_task(hats.stock(ctx, count=1)) for _ in range(CALLS_MAX + 5)]
    found = await asyncio.gather(*calls, return_exceptions=True)
    assert all(isinstance(one, Timeout | PeerAway) for one in found)
    assert most == CALLS_MAX


def test_an_open_breaker_lets_one_through_at_a_time() -> None:
    breaker = Breaker(failures_to_open=1, open_s=0)
    breaker.failed()
    breaker.enter()  # the trial: the time is over at once here
    slow = Breaker(failures_to_open=1, open_s=60)
    slow.failed()
    with pytest.raises(PeerAway):
        slow.enter()
    slow.answered()
    slow.enter()


@pytest.mark.parametrize("body", [b"{", b'"many"', b"null"])
async def test_another_version_of_the_contract_is_told_apart(body: bytes) -> None:
    http = HttpClient(transport=Flaky(0, 200, body))
    with pytest.raises(PeerMismatch):
        await remote(Hats, "http://h", http, token=TOKEN, caller="x").stock(guest(), count=1)


async def test_an_answer_of_something_else_is_no_answer() -> None:
    http = HttpClient(transport=Flaky(9, 502))
    with pytest.raises(PeerAway):
        await remote(Hats, "http://h", http, token=TOKEN, caller="x").stock(guest(), count=1)
