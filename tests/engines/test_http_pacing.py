"""Requests over a limit are told so, whoever sends them and through however many processes."""

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Scope

from haat.engines.cache import Cache, open_cache
from haat.engines.http import pacing
from haat.engines.http.origins import Origins, origins
from haat.engines.http.pacing import Pace, Pacing, networks
from haat.engines.http.proxies import Forwarded

NOW = 1_800_000_000.0


async def _yes(request: Request) -> Response:
    client = request.client
    return Response(f"{client.host if client else ''} {request.url.scheme}")


def kind_of(scope: Scope) -> str | None:
    return str(scope["path"]).split("/")[1] or None


def who(scope: Scope) -> str | None:
    found = dict(scope["headers"]).get(b"authorization")
    return None if found is None else str(found.decode())


class Desk:
    """A process behind an address; several share a cache."""

    def __init__(self, cache: Cache | None, *paces: Pace, exempt: str = "") -> None:
        self.now = NOW
        self.pacing = Pacing(paces, kind_of, exempt=networks(exempt))
        app = Starlette(routes=[Route("/{path:path}", _yes, methods=["GET", "POST"])])
        self.app = self.pacing.around(app, who)
        if cache is not None:
            self.pacing.use(cache, lambda: self.now)

    async def get(self, path: str, address: str = "192.0.2.1", **headers: str) -> httpx.Response:
        transport = httpx.ASGITransport(self.app, client=(address, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://market") as http:
            return await http.get(path, headers=headers)

    async def statuses(self, count: int, path: str, *more: Any, **headers: str) -> list[int]:
        return [(await self.get(path, *more, **headers)).status_code for _ in range(count)]


async def test_an_account_has_a_limit_for_each_kind() -> None:
    desk = Desk(open_cache("memory://"), Pace("orders", 2, 20), Pace("search", 1, 20))
    answers = [await desk.get("/orders", authorization="ann") for _ in range(3)]
    assert [one.status_code for one in answers] == [200, 200, 429]
    policy = '"orders";q=2;w=60, "orders-address";q=20;w=60'
    assert {one.headers["ratelimit-policy"] for one in answers} == {policy}
    said = [one.headers["ratelimit"].rpartition(";t=") for one in answers]
    assert [one[0] for one in said] == ['"orders";r=1', '"orders";r=0', '"orders";r=0']
    ends_s = int(said[2][2])
    assert 0 < ends_s <= 60
    assert answers[2].headers["retry-after"] == str(ends_s)
    document = answers[2].json()
    assert (document["code"], document["violatedPolicies"]) == ("limited", ["orders"])
    assert document["retryAfterS"] == ends_s
    # Other kinds, other accounts and what is no kind go on.
    assert await desk.statuses(1, "/search", authorization="ann") == [200]
    assert await desk.statuses(1, "/orders", authorization="bob") == [200]
    assert "ratelimit" not in (await desk.get("/")).headers
    desk.now += ends_s
    assert await desk.statuses(3, "/orders", authorization="ann") == [200, 200, 429]


async def test_an_address_has_one_whoever_it_says_it_is() -> None:
    desk = Desk(open_cache("memory://"), Pace("orders", 2, 5))
    made = [await desk.get("/orders", authorization=f"made-up-{n}") for n in range(6)]
    assert [one.status_code for one in made] == [200] * 5 + [429]
    assert made[5].headers["ratelimit"].startswith('"orders-address";r=0')
    assert await desk.statuses(1, "/orders") == [429]
    assert await desk.statuses(1, "/orders", "192.0.2.2") == [200]


async def test_addresses_of_one_customer_are_one() -> None:
    desk = Desk(open_cache("memory://"), Pace("orders", 0, 2))
    places = ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", "2001:db8:1:2::3", "2001:db8:1:3::1")
    found = [(await desk.get("/orders", one)).status_code for one in places]
    assert found == [200, 200, 429, 200]
    assert await desk.statuses(2, "/orders", "::ffff:192.0.2.7") == [200, 200]
    assert await desk.statuses(1, "/orders", "192.0.2.7") == [429]


async def test_who_is_exempt_is_so_directly() -> None:
    desk = Desk(open_cache("memory://"), Pace("orders", 1, 1), exempt="127.0.0.0/8, ::1")
    assert await desk.statuses(3, "/orders", "127.0.0.1") == [200] * 3
    assert await desk.statuses(3, "/orders", "::1") == [200] * 3
    passed_on = {"x-forwarded-for": "127.0.0.1"}
    assert await desk.statuses(2, "/orders", "127.0.0.1", **passed_on) == [200, 429]


@pytest.mark.parametrize("exact", [True, False])
async def test_several_processes_count_together(
    exact: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pacing, "SHARED_EVERY_S", 0.001)
    cache = open_cache("memory://")
    desks = [Desk(cache, Pace("orders", 40, 400, exact=exact)) for _ in range(3)]
    passed = 0
    for turn in range(150):
        answer = await desks[turn % 3].get("/orders", authorization="ann")
        passed += answer.status_code == 200
        await asyncio.sleep(0.002)  # others are told meanwhile
    # Not a hundred and twenty: at most what each may count before it tells the others is over.
    assert passed == 40 if exact else 40 <= passed <= 40 + 3 * 4


async def test_requests_at_once_are_each_counted_once() -> None:
    desk = Desk(open_cache("memory://"), Pace("orders", 10, 100, exact=True))
    found = await asyncio.gather(*(desk.get("/orders", authorization="ann") for _ in range(30)))
    assert sum(one.status_code == 200 for one in found) == 10


@pytest.mark.parametrize("cache", ["valkey://127.0.0.1:1", "none://"])
async def test_without_a_cache_each_process_counts_for_itself(cache: str) -> None:
    desk = Desk(open_cache(cache), Pace("orders", 2, 9), Pace("auth", 0, 2, exact=True))
    assert await desk.statuses(3, "/orders", authorization="ann") == [200, 200, 429]
    assert await desk.statuses(3, "/auth") == [200, 200, 429]


async def test_what_is_not_counted() -> None:
    assert await Desk(None, Pace("orders", 1, 1)).statuses(3, "/orders") == [200] * 3
    desk = Desk(open_cache("memory://"), Pace("orders", 0, 0))
    assert await desk.statuses(3, "/orders") == [200] * 3
    off = Desk(open_cache("memory://"))
    assert off.app is not off.pacing  # not even on the way


async def test_flooded_with_addresses_it_keeps_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pacing, "KEYS_MAX", 50)
    desk = Desk(open_cache("memory://"), Pace("orders", 0, 5))
    for number in range(200):
        await desk.get("/orders", f"198.51.{number // 100}.{number % 100}")
    assert len(desk.pacing._counts) <= 50


async def test_what_connections_that_stay_ask_is_counted() -> None:
    desk = Desk(open_cache("memory://"), Pace("graphql", 0, 3))
    socket: Scope = {"type": "websocket", "path": "/graphql", "headers": []}
    here = {**socket, "client": ("192.0.2.1", 1)}
    assert [await desk.pacing.admits(here) for _ in range(4)] == [True, True, True, False]
    assert await desk.statuses(1, "/graphql") == [429]
    assert await desk.pacing.admits({**socket, "client": ("192.0.2.9", 1)})


@pytest.mark.parametrize(
    ("peer", "headers", "seen"),
    [
        ("10.0.0.1", {"x-forwarded-for": "203.0.113.7"}, "203.0.113.7 http"),
        ("10.0.0.1", {"x-forwarded-for": "6.6.6.6, 203.0.113.7, 10.0.0.2"}, "203.0.113.7 http"),
        ("10.0.0.1", {"x-forwarded-for": "203.0.113.7:4711"}, "203.0.113.7 http"),
        ("10.0.0.1", {"x-forwarded-for": "[2001:db8::1]:4711"}, "2001:db8::1 http"),
        ("10.0.0.1", {"x-forwarded-for": "6.6.6.6, nonsense, 10.0.0.2"}, "10.0.0.2 http"),
        ("10.0.0.1", {"x-forwarded-for": ", ".join(["6.6.6.6"] * 900)}, "6.6.6.6 http"),
        ("10.0.0.1", {"x-forwarded-for": "", "x-forwarded-proto": "https"}, "10.0.0.1 https"),
        ("10.0.0.1", {"x-forwarded-proto": "http, HTTPS"}, "10.0.0.1 https"),
        ("10.0.0.1", {"x-forwarded-proto": "gopher"}, "10.0.0.1 http"),
        # A stranger may say what it likes.
        ("203.0.113.9", {"x-forwarded-for": "127.0.0.1"}, "203.0.113.9 http"),
        ("203.0.113.9", {"x-forwarded-proto": "https"}, "203.0.113.9 http"),
    ],
)
async def test_who_is_behind_a_proxy(peer: str, headers: Mapping[str, str], seen: str) -> None:
    app = Forwarded(Starlette(routes=[Route("/", _yes)]), networks("10.0.0.0/8"))
    transport = httpx.ASGITransport(app, client=(peer, 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://market") as http:
        assert (await http.get("/", headers=headers)).text == seen


SHOP = "https://shop.example"


async def test_scripts_of_other_sites() -> None:
    inner = Starlette(routes=[Route("/{path:path}", _yes, methods=["GET", "OPTIONS"])])
    app = Origins(inner, origins(f"{SHOP}, http://localhost:3000"), ("/api/v1/",))
    transport = httpx.ASGITransport(app)
    asks = {"origin": SHOP, "access-control-request-method": "PUT"}
    async with httpx.AsyncClient(transport=transport, base_url="http://market") as http:
        first = await http.options("/api/v1/cart", headers=asks)
        assert (first.status_code, first.content) == (204, b"")
        assert first.headers["access-control-allow-origin"] == SHOP
        assert "PUT" in first.headers["access-control-allow-methods"]
        assert "idempotency-key" in first.headers["access-control-allow-headers"]
        then = await http.get("/api/v1/cart", headers={"origin": SHOP})
        assert then.headers["access-control-allow-origin"] == SHOP
        assert then.headers["vary"] == "origin"
        assert "ratelimit" in then.headers["access-control-expose-headers"]
        for answer in (first, then):  # a session's cookies are for our own pages
            assert "access-control-allow-credentials" not in answer.headers
        for strange in ("https://evil.example", "null", f"{SHOP}.evil.example"):
            refused = await http.options("/api/v1/cart", headers={**asks, "origin": strange})
            assert not [name for name in refused.headers if name.startswith("access-control")]
            read = await http.get("/api/v1/cart", headers={"origin": strange})
            assert "access-control-allow-origin" not in read.headers
            assert read.headers["vary"] == "origin"
        page = await http.get("/cart", headers={"origin": SHOP})
        assert "access-control-allow-origin" not in page.headers
        # Without that header it is a question to the route itself.
        own = await http.options("/api/v1/media/tus", headers={"origin": SHOP})
        assert own.status_code == 200


async def test_scripts_of_any_site() -> None:
    app = Origins(Starlette(routes=[Route("/{path:path}", _yes)]), origins("*"), ("/api/",))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://market") as http:
        answer = await http.get("/api/v1/cart", headers={"origin": "https://any.example"})
        assert answer.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize("text", ["shop.example", "https://shop.example/", "https://a@b", "null"])
def test_what_is_no_origin(text: str) -> None:
    with pytest.raises(ValueError, match="number 1 is no origin"):
        origins(text)


def test_what_is_no_network() -> None:
    with pytest.raises(ValueError, match="number 2 is no address"):
        networks("10.0.0.0/8, ten")
    assert [str(one) for one in networks("10.1.2.3/8, ::1")] == ["10.0.0.0/8", "::1/128"]
