"""The straight way answers what FastAPI answers, whatever is asked."""

import json
from typing import Annotated, Any, Literal
from uuid import UUID, uuid4

import pytest
from fastapi import APIRouter, FastAPI, Header, Query, Request, Response
from starlette.types import Message

from haat.app.targets import all_modules
from haat.engines.http import Ctx, Door, Tokens, add_problem_handlers
from haat.gateways.rest.straight import Straight, Ways, compiled
from haat.kernel.clock import SystemClock
from haat.kernel.context import Context
from haat.kernel.contract import Contract, query
from haat.kernel.errors import Conflict, Problem
from haat.kernel.model import Body, Model

HAT = uuid4()


class Hats(Contract, name="hats"):
    @query()
    async def size(self, ctx: Context, *, id: UUID) -> int:
        """In centimetres."""
        raise NotImplementedError


class Shop(Hats):
    async def size(self, ctx: Context, *, id: UUID) -> int:
        if id != HAT:
            raise Conflict("No such hat.", code="hat_away", hatId=str(id))
        return 58


class HatBody(Body):
    hat_id: UUID
    colour: Literal["red", "blue"] = "red"


class Hat(Model):
    hat_id: UUID
    colour: str
    size: int
    who: str
    note: str | None = None


HatsDoor = Annotated[Hats, Door(Hats)]
Note = Annotated[str | None, Header(alias="X-Note")]
router = APIRouter()


@router.post("/hats", status_code=201)
async def make(
    body: HatBody, ctx: Ctx, hats: HatsDoor, response: Response, note: Note = None
) -> Hat:
    response.headers["x-made"] = "yes"
    if body.colour == "blue":
        response.status_code = 202
    size = await hats.size(ctx, id=body.hat_id)
    return Hat(hat_id=body.hat_id, colour=body.colour, size=size, who=ctx.actor.type, note=note)


@router.get("/hats/{id}")
async def read(id: UUID, ctx: Ctx, hats: HatsDoor, limit: Annotated[int, Query(ge=1)] = 5) -> Hat:
    size = await hats.size(ctx, id=id)
    return Hat(hat_id=id, colour=str(limit), size=size, who=ctx.actor.type)


@router.delete("/hats/{id}", status_code=204)
async def burn(id: UUID, request: Request) -> None:
    assert request.headers["host"] == "shop"
    if request.headers.get("x-note") == "fault":
        raise Problem("Burnt.", code="burnt")


@router.get("/hats/{id}/picture")
async def picture(id: UUID) -> Response:
    return Response(b"hat", media_type="image/png")


def application() -> FastAPI:
    app = FastAPI()
    app.include_router(router, prefix="/api")
    add_problem_handlers(app)
    app.state.doors = {Hats: Shop()}
    app.state.clock = SystemClock()
    app.state.tokens = Tokens(b"s" * 32, clock=app.state.clock)
    return app


async def answer(
    app: Any, method: str, path: str, body: bytes, headers: dict[str, str]
) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    path, _, asked = path.partition("?")
    given = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": asked.encode(),
        "root_path": "",
        "client": ("127.0.0.1", 1),
        "server": ("shop", 80),
        "headers": [(b"host", b"shop"), *given],
        "state": {"request_id": "r1"},
    }
    # In two parts, as a long body may come.
    parts = [(body[:3], True), (body[3:], False)]

    async def receive() -> Message:
        part, more = parts.pop(0)
        return {"type": "http.request", "body": part, "more_body": more}

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    content = b"".join(message.get("body", b"") for message in sent[1:])
    return sent[0]["status"], sorted(sent[0]["headers"]), content


JSON = {"content-type": "application/json"}
GOOD = json.dumps({"hatId": str(HAT)}).encode()
ASKED: list[tuple[str, str, bytes, dict[str, str]]] = [
    ("POST", "/api/hats", GOOD, JSON),
    ("POST", "/api/hats", GOOD, {**JSON, "x-note": "tall"}),
    ("POST", "/api/hats", json.dumps({"hatId": str(HAT), "colour": "blue"}).encode(), JSON),
    ("POST", "/api/hats", json.dumps({"hatId": str(UUID(int=1))}).encode(), JSON),
    ("POST", "/api/hats", json.dumps({"hatId": "hat", "colour": "green"}).encode(), JSON),
    ("POST", "/api/hats", json.dumps({"hatId": str(HAT), "brim": 1}).encode(), JSON),
    ("POST", "/api/hats", b"{", JSON),
    ("POST", "/api/hats", b"", JSON),
    ("POST", "/api/hats", b"null", JSON),
    ("POST", "/api/hats", GOOD, {}),
    ("POST", "/api/hats", GOOD, {"content-type": "text/plain"}),
    ("POST", "/api/hats", GOOD, {"content-type": "application/merge-patch+json"}),
    ("POST", "/api/hats", GOOD, {**JSON, "authorization": "Bearer nonsense"}),
    ("GET", f"/api/hats/{HAT}", b"", {}),
    ("GET", f"/api/hats/{HAT}?limit=7", b"", {}),
    ("GET", f"/api/hats/{HAT}?limit=0", b"", {}),
    ("GET", "/api/hats/hat", b"", {}),
    ("GET", "/api/hats/", b"", {}),
    ("GET", f"/api/hats/{HAT}/picture", b"", {}),
    ("DELETE", f"/api/hats/{HAT}", b"", {}),
    ("DELETE", f"/api/hats/{HAT}", b"", {"x-note": "fault"}),
    ("PUT", f"/api/hats/{HAT}", b"", {}),
    ("GET", "/api/caps", b"", {}),
]


@pytest.mark.parametrize(
    ("method", "path", "body", "headers"), ASKED, ids=[str(n) for n in range(len(ASKED))]
)
async def test_both_ways_answer_the_same(
    method: str, path: str, body: bytes, headers: dict[str, str]
) -> None:
    app = application()
    straight = Straight(app, compiled([router], ("/api",)))
    quick = await answer(straight, method, path, body, headers)
    assert quick == await answer(app, method, path, body, headers)


def test_what_stands_before_is_not_passed_over() -> None:
    one, two = APIRouter(), APIRouter()

    async def hat(id: str = "") -> Hat:
        raise NotImplementedError

    async def form(id: str, form: str) -> Response:
        raise NotImplementedError

    one.get("/hats/{id}/{form}", response_class=Response)(form)
    two.get("/hats/{id}/size")(hat)
    two.get("/hats/all")(hat)
    two.get("/hats/{id}")(hat)
    two.get("/hats/none")(hat)
    ways = compiled([one, two], ("/api",))
    assert _template(ways, "/api/hats/x/size") is None  # the one before it takes that
    assert _template(ways, "/api/hats/all") == "/api/hats/all"
    assert _template(ways, "/api/hats/x") == "/api/hats/{id}"
    assert _template(ways, "/api/hats/none") == "/api/hats/{id}"


def _template(ways: Ways, path: str) -> str | None:
    found = ways.find("GET", path)
    return None if found is None else found[0].template


def test_the_way_of_a_purchase_is_straight() -> None:
    routers = [module.router for module in all_modules() if module.router is not None]
    ways = compiled(routers, ("/api/v1",))
    for method, path in (
        ("POST", "/api/v1/cart/items"),
        ("POST", "/api/v1/checkout/summary"),
        ("POST", "/api/v1/orders"),
        ("GET", "/api/v1/orders/link/token"),
        ("POST", "/api/v1/payments/webhook/test"),
        ("GET", "/api/v1/products"),
        ("GET", "/api/v1/products/some-hat"),
        ("GET", "/api/v1/search"),
    ):
        assert ways.find(method, path) is not None, path
    assert len(ways) > 150
