"""Routes that want a key, and routes that go away."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import httpx
import pytest
from fastapi import APIRouter, FastAPI

from haat.engines.http import Limits
from haat.engines.http.promises import KEYED, Keyed, Retiring, retiring, wants_key

AT, GONE = datetime(2027, 1, 1, tzinfo=UTC), datetime(2027, 7, 1, 12, tzinfo=UTC)
router = APIRouter()


@router.post("/vendors/{id}/payouts", openapi_extra=KEYED)
async def pay_out(id: str) -> str:
    return id


@router.post("/orders")
async def order() -> str:
    return "ordered"


@router.get("/old/{id}", deprecated=True, openapi_extra=retiring(at=AT, gone=GONE, instead="/new"))
async def old(id: str) -> str:
    return id


@router.get("/new")
async def new() -> str:
    return "new"


@pytest.fixture
def app() -> FastAPI:
    made = FastAPI()
    made.include_router(router, prefix="/api/v1")
    made.include_router(router, prefix="/v1")
    return made


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    keyed = Keyed(app, wants_key([router], ("/api/v1", "/v1")))
    transport = httpx.ASGITransport(Limits(Retiring(keyed, [router], "/api/v1").app))
    async with httpx.AsyncClient(transport=transport, base_url="http://market") as http:
        yield http


@pytest.mark.parametrize("prefix", ["/api/v1", "/v1"])
async def test_money_moves_under_a_key_only(client: httpx.AsyncClient, prefix: str) -> None:
    bare = await client.post(f"{prefix}/vendors/1/payouts")
    assert bare.status_code == 400
    document = bare.json()
    assert document["code"] == "idempotency_key_required"
    assert document["errors"][0]["path"] == "Idempotency-Key"
    assert document["requestId"]
    key = {"Idempotency-Key": "k"}
    assert (await client.post(f"{prefix}/vendors/1/payouts", headers=key)).json() == "1"
    assert (await client.post(f"{prefix}/orders")).status_code == 200
    assert (await client.get(f"{prefix}/vendors/1/payouts")).status_code == 405


async def test_the_document_says_so(app: FastAPI) -> None:
    paths = app.openapi()["paths"]
    wanted = paths["/api/v1/vendors/{id}/payouts"]["post"]
    named = {one["name"]: one for one in wanted["parameters"]}
    assert named["Idempotency-Key"]["required"]
    assert named["id"]["in"] == "path"
    assert "400" in wanted["responses"]
    gone = paths["/api/v1/old/{id}"]["get"]
    assert gone["deprecated"]
    assert gone["x-retires"]["instead"] == "/new"


async def test_a_route_that_goes_away(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/v1/old/7")
    assert answer.json() == "7"
    assert answer.headers["deprecation"] == f"@{int(AT.timestamp())}"
    assert answer.headers["sunset"] == "Thu, 01 Jul 2027 12:00:00 GMT"
    assert answer.headers["link"] == '</api/v1/new>; rel="successor-version"'
    stays = await client.get("/api/v1/new")
    assert not {"deprecation", "sunset", "link"} & set(stays.headers)


def test_nothing_that_stays_pays_for_it(app: FastAPI) -> None:
    assert Retiring(app, [APIRouter()], "/api/v1").app is app
    with pytest.raises(AssertionError, match="after"):
        retiring(at=GONE, gone=AT)
