"""`haat.engines.http`: who asks, what goes wrong, what is too large, and the client."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse

from haat.engines.http import (
    AccessClaims,
    Ctx,
    Door,
    Limits,
    Tokens,
    add_problem_handlers,
)
from haat.engines.rpc import local
from haat.kernel.clock import SettableClock
from haat.kernel.context import Context
from haat.kernel.contract import Contract, query
from haat.kernel.errors import Conflict, Limited, Problem
from haat.kernel.model import Body

SECRET = bytes(range(32))
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
FIVE_MINUTES = timedelta(minutes=5)
JSON = {"content-type": "application/json"}


class Coats(Contract, name="coats"):
    @query(scope="person")
    async def mine(self, ctx: Context, *, count: int) -> dict[str, Any]:
        raise AssertionError


class CoatsService(Coats):
    async def mine(self, ctx: Context, *, count: int) -> dict[str, Any]:
        assert ctx.deadline is not None
        return {
            "person": str(ctx.person_id),
            "vendor": str(ctx.vendor_id),
            "scopes": sorted(ctx.scopes),
            "requestId": ctx.request_id,
            "correlationId": ctx.correlation_id,
            "left": (ctx.deadline - ctx.now()).total_seconds(),
            "ids": [str(ctx.new_id()) for _ in range(count)],
        }


class CoatsGone(Conflict, code="test_coats_gone"):
    """No coats are left."""


class Line(Body):
    unit_price: int
    name: str


class Basket(Body):
    items: list[Line]


def clock() -> SettableClock:
    return SettableClock(NOON)


def coat_app() -> FastAPI:
    app = FastAPI()
    app.state.clock = clock()
    app.state.tokens = Tokens(SECRET, app.state.clock)
    app.state.doors = {Coats: local(Coats, CoatsService(), caller=None)}
    add_problem_handlers(app)

    @app.get("/coats")
    async def coats(
        ctx: Ctx, door: Annotated[Coats, Door(Coats)], count: int = 0
    ) -> dict[str, Any]:
        return await door.mine(ctx, count=count)

    @app.post("/baskets")
    @app.post("/uploads/basket")
    async def basket(body: Basket) -> Basket:
        return body

    @app.post("/raw")
    async def raw(request: Request) -> int:
        return len(await request.body())

    @app.get("/errors/{name}")
    async def fail(name: str) -> None:
        errors: dict[str, Exception] = {
            "gone": CoatsGone("None left.", left=[1]),
            "limited": Limited(retryAfterS=7),
            "data": asyncpg.CharacterNotInRepertoireError("NUL"),
            "zero": asyncpg.DivisionByZeroError("ours"),
            "ours": RuntimeError("a secret"),
        }
        raise errors[name]

    @app.get("/seeded")
    async def seeded(ctx: Ctx) -> list[UUID]:
        return [ctx.new_id(), ctx.new_id()]

    app.add_middleware(Seed)
    app.add_middleware(Limits, max_bytes=1000, larger={"/uploads/": 5000})
    return app


class Seed:
    """What the idempotency middleware does: puts a seed where the request carries a key."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"] == "/seeded":
            scope["state"]["id_seed"] = UUID(int=5)
        await self.app(scope, receive, send)


@pytest.fixture
async def web() -> AsyncIterator[tuple[FastAPI, httpx.AsyncClient]]:
    app = coat_app()
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://haat") as client:
        yield app, client


Web = tuple[FastAPI, httpx.AsyncClient]


def claims(**given: Any) -> AccessClaims:
    held = {"scopes": frozenset({"person"}), **given}
    return AccessClaims(person_id=uuid4(), session_id=uuid4(), **held)


def bearer(app: FastAPI, said: AccessClaims) -> dict[str, str]:
    return {"authorization": "Bearer " + app.state.tokens.issue(said, FIVE_MINUTES)}


async def test_a_signed_in_person(web: Web) -> None:
    app, client = web
    said = claims(scopes=frozenset({"person", "vendor:stock"}), vendor_id=uuid4())
    headers = {**bearer(app, said), "X-Request-Id": "req-1", "X-Correlation-Id": "cor-1"}
    answer = await client.get("/coats", headers=headers)
    assert answer.json() == {
        "person": str(said.person_id),
        "vendor": str(said.vendor_id),
        "scopes": ["person", "vendor:stock"],
        "requestId": "req-1",
        "correlationId": "cor-1",
        "left": 10.0,
        "ids": [],
    }
    assert answer.headers["x-request-id"] == "req-1"
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_a_guest(web: Web) -> None:
    _, client = web
    answer = await client.get("/coats")
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["requestId"] == answer.headers["x-request-id"]
    basic = await client.get("/coats", headers={"authorization": "Basic eDp5"})
    assert basic.json()["code"] == "unauthenticated"


async def test_tokens_that_do_not_count(web: Web) -> None:
    app, client = web
    good = bearer(app, claims())["authorization"]
    assert (await client.get("/coats", headers={"authorization": good})).status_code == 200
    for bad in (
        "Bearer x",
        "Bearer",
        "Bearer a.b.c",
        good + "x",
        good[:-8],
        "bearer " + "x" * 9999,
    ):
        answer = await client.get("/coats", headers={"authorization": bad})
        assert (answer.status_code, answer.json()["code"]) == (401, "token_invalid"), bad
    app.state.clock.advance(FIVE_MINUTES)
    for _ in range(2):
        answer = await client.get("/coats", headers={"authorization": good})
        assert (answer.status_code, answer.json()["code"]) == (401, "token_expired")


async def test_a_vendor_chosen_by_header(web: Web) -> None:
    app, client = web
    said = claims(vendor_id=uuid4())
    for wanted, status, code in (
        (str(said.vendor_id), 200, None),
        (str(uuid4()), 403, "vendor_not_in_token"),
        ("mine", 422, "id_invalid"),
    ):
        headers = {**bearer(app, said), "x-vendor-id": wanted}
        answer = await client.get("/coats", headers=headers)
        assert (answer.status_code, answer.json().get("code")) == (status, code)


@pytest.mark.parametrize("given", ["", "x" * 65, "a b", "<script>", "a\tb", "é"])
async def test_a_strange_request_id_is_replaced(web: Web, given: str) -> None:
    _, client = web
    answer = await client.get("/coats", headers={b"x-request-id": given.encode()})
    assert answer.headers["x-request-id"] != given
    assert len(answer.headers["x-request-id"]) == 32


async def test_ids_repeat_where_a_seed_is_set(web: Web) -> None:
    _, client = web
    assert (await client.get("/seeded")).json() == (await client.get("/seeded")).json()


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "not_found"),
        ("DELETE", "/coats", 405, "method_not_allowed"),
        ("GET", "/errors/gone", 409, "test_coats_gone"),
        ("GET", "/errors/limited", 429, "limited"),
        ("GET", "/errors/data", 422, "text_invalid"),
        ("GET", "/errors/zero", 500, "internal"),
        ("GET", "/errors/ours", 500, "internal"),
        ("GET", "/coats?count=many", 422, "invalid"),
    ],
)
async def test_problems_are_documents(
    web: Web, method: str, path: str, status: int, code: str
) -> None:
    _, client = web
    answer = await client.request(method, path)
    document = answer.json()
    assert (answer.status_code, document["status"], document["code"]) == (status, status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert document["requestId"] == answer.headers["x-request-id"]
    assert "secret" not in answer.text
    assert ("retry-after" in answer.headers) == (status == 429)
    assert ("allow" in answer.headers) == (status == 405)


async def test_a_problem_keeps_its_data(web: Web) -> None:
    _, client = web
    assert (await client.get("/errors/gone")).json()["left"] == [1]
    assert (await client.get("/errors/limited")).headers["retry-after"] == "7"


@pytest.mark.parametrize(
    ("body", "status", "code", "paths"),
    [
        (b"{nope", 400, "json_malformed", None),
        (b"", 422, "invalid", [""]),
        (b"\xff\xfe", 400, "json_malformed", None),
        (b"[" * 900, 400, "json_too_deep", None),
        (b"[" * 60, 400, "json_malformed", None),
        (b"[]", 422, "invalid", [""]),
        (b'{"items": 5}', 422, "invalid", ["items"]),
        (
            b'{"items": [{"unitPrice": "x", "name": "a", "colour": 1}]}',
            422,
            "invalid",
            ["items.0.colour", "items.0.unitPrice"],
        ),
        (b'{"items": [{"unitPrice": 1, "name": "\\ud800"}]}', 422, "invalid", ["items.0.name"]),
        (b'{"items": []}', 200, None, None),
    ],
)
async def test_bodies(
    web: Web, body: bytes, status: int, code: str | None, paths: list[str] | None
) -> None:
    _, client = web
    answer = await client.post("/baskets", content=body, headers=JSON)
    assert (answer.status_code, answer.json().get("code")) == (status, code)
    if paths is not None:
        assert sorted(e["path"] for e in answer.json()["errors"]) == paths


async def chunks(count: int, size: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield b" " * size


@pytest.mark.parametrize("path", ["/raw", "/baskets"])
async def test_bodies_too_large(web: Web, path: str) -> None:
    _, client = web
    announced = await client.post(path, content=b" " * 1001, headers=JSON)
    streamed = await client.post(path, content=chunks(11, 100), headers=JSON)
    for answer in (announced, streamed):
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
        assert answer.json()["maxBytes"] == 1000
    assert (await client.post("/raw", content=chunks(10, 100))).json() == 1000
    assert (await client.post("/raw", content=b" " * 1000)).json() == 1000


async def test_some_paths_take_more(web: Web) -> None:
    _, client = web
    body = b'{"items": []}' + b" " * 4000
    assert (await client.post("/uploads/basket", content=body, headers=JSON)).status_code == 200
    answer = await client.post("/uploads/basket", content=body + b" " * 4000, headers=JSON)
    assert answer.json()["maxBytes"] == 5000
    answer = await client.post("/raw", content=b"", headers={"content-length": "many"})
    assert answer.status_code == 422


async def test_browsers_may_get_a_page(web: Web) -> None:
    app, client = web

    async def page(request: Request, problem: Problem) -> Response | None:
        if request.url.path.startswith("/errors"):
            return HTMLResponse(f"<h1>{problem.code}</h1>", problem.status)
        return None

    app.state.html_problem = page
    browser = {"accept": "text/html,*/*"}
    for path, code, status in (
        ("/errors/gone", "test_coats_gone", 409),
        ("/errors/ours", "internal", 500),
    ):
        answer = await client.get(path, headers=browser)
        assert (answer.status_code, answer.text) == (status, f"<h1>{code}</h1>")
        assert "x-request-id" in answer.headers
    assert (await client.get("/nothing", headers=browser)).json()["code"] == "not_found"
    assert (await client.get("/errors/gone")).json()["code"] == "test_coats_gone"


async def test_openapi_shows_where_tokens_go(web: Web) -> None:
    _, client = web
    schema = (await client.get("/openapi.json")).json()
    assert schema["components"]["securitySchemes"]["accessToken"]["scheme"] == "bearer"
    assert [p["name"] for p in schema["paths"]["/coats"]["get"]["parameters"]] == ["count"]
