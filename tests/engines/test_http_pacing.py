"""Requests over the limit are told so; nobody is refused because the cache is away."""

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from haat.engines.cache import open_cache
from haat.engines.http.pacing import Pacing


async def _yes(request: Request) -> Response:
    return Response("yes")


def client(limit: int, cache: str | None) -> httpx.AsyncClient:
    app = Pacing(Starlette(routes=[Route("/{path:path}", _yes)]), limit)
    if cache is not None:
        app.use(open_cache(cache))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://market")


async def test_each_client_has_a_limit_for_each_part_of_the_api() -> None:
    async with client(2, "memory://") as http:
        answers = [await http.get(f"/api/v1/orders/{n}") for n in range(3)]
        assert [one.status_code for one in answers] == [200, 200, 429]
        assert [one.headers["ratelimit-remaining"] for one in answers] == ["1", "0", "0"]
        assert answers[2].json()["code"] == "limited"
        assert answers[2].headers["retry-after"] == "60"
        signed_in = {"authorization": "Bearer somebody"}
        assert (await http.get("/api/v1/orders/1", headers=signed_in)).status_code == 200
        assert (await http.get("/v1/products")).status_code == 200
        assert (await http.get("/products")).status_code == 200


@pytest.mark.parametrize(
    ("limit", "cache"), [(0, "memory://"), (1, None), (1, "valkey://127.0.0.1:1"), (1, "none://")]
)
async def test_without_a_limit_or_a_cache_everybody_passes(limit: int, cache: str | None) -> None:
    async with client(limit, cache) as http:
        assert {(await http.get("/api/v1/orders")).status_code for _ in range(5)} == {200}
