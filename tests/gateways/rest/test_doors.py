"""What stands beside the API: metrics, calls between services, caches, who is from here."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from haat.app.web import application
from haat.domains.people.identity.api import Identity
from haat.domains.trade.orders.api import Orders
from tests.gateways.rest.operations import NOBODYS
from tests.gateways.town import Town
from tests.journeys.box import PASSWORD, Box

HERE, AWAY = ("127.0.0.1", 50_000), ("203.0.113.9", 50_000)


@asynccontextmanager
async def caller(box: Box, peer: tuple[str, int]) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody at this address, before the market's own application."""
    app: Any = application(box.runtime.settings, "all", box.runtime)
    inner: Any = app
    while not hasattr(inner, "router"):
        inner = inner._app
    transport = httpx.ASGITransport(app, client=peer)
    async with (
        inner.router.lifespan_context(inner),
        httpx.AsyncClient(transport=transport, base_url="http://market") as client,
    ):
        yield client


FORWARDED: tuple[dict[str, str], ...] = (
    {"x-forwarded-for": "127.0.0.1"},
    {"x-forwarded-host": "market"},
    {"x-real-ip": "127.0.0.1"},
    {"forwarded": "for=127.0.0.1"},
    {"via": "1.1 proxy"},
)


async def test_metrics_are_for_this_machine(box: Box) -> None:
    async with caller(box, HERE) as client:
        assert "haat_http_seconds" in (await client.get("/metrics")).text
        for headers in FORWARDED:
            assert (await client.get("/metrics", headers=headers)).status_code == 404
    async with caller(box, AWAY) as client:
        assert (await client.get("/metrics")).status_code == 404


@pytest.mark.parametrize("where", ["/api/v1/auth/login", "/sign-in"])
async def test_demo_accounts_are_refused_from_elsewhere(box: Box, where: str) -> None:
    person = await box.person(f"demo-{uuid4().hex[:6]}@example.com")
    ctx = box.runtime.system_context("test")
    await box.runtime.inner[Identity].mark_demo(ctx, person_ids=[UUID(person.person["id"])])
    body = {"email": person.person["email"], "password": PASSWORD}

    async def enter(client: httpx.AsyncClient, headers: dict[str, str]) -> int:
        sent: Any = {"json": body} if where.startswith("/api") else {"data": body}
        return (await client.post(where, headers=headers, **sent)).status_code

    for peer in (HERE, ("::1", 1), ("::ffff:127.0.0.1", 1)):
        async with caller(box, peer) as client:
            assert await enter(client, {}) in (200, 303), peer
            for headers in FORWARDED:
                assert await enter(client, headers) == 403, headers
    for peer in (AWAY, ("::ffff:203.0.113.9", 1), ("10.0.0.7", 1), ("localhost.evil", 1)):
        async with caller(box, peer) as client:
            assert await enter(client, {}) == 403, peer


async def test_only_pictures_may_be_large(box: Box) -> None:
    """Between services a picture travels as base64, and so is larger than where it came in."""
    async with caller(box, HERE) as client:
        for path, size, status in (
            ("/api/v1/auth/login", (1 << 20) + 1, 413),
            ("/api/v1/media", (11 << 20) + 1, 413),
            ("/rpc/media/upload", 14 << 20, 404),  # no other process calls into this one
            ("/rpc/media/upload", (16 << 20) + 1, 413),
        ):
            answer = await client.post(path, content=b"x" * size)
            assert answer.status_code == status, path


async def test_answers_of_the_api_are_kept_nowhere(town: Town) -> None:
    for client, path in (
        (town.customer, "/me/addresses"),
        (town.customer, f"/orders/{town.rows['order']}"),
        (town.box.guest(), f"/checkout/{NOBODYS}"),
        (town.box.guest(), "/nowhere"),
    ):
        answer = await client.get(path)
        assert answer.headers["cache-control"] == "private, no-store", path


async def test_errors_tell_no_secret(town: Town) -> None:
    """What was sent is not sent back: a password in the wrong field would stand in a log."""
    secret = "hunter2-hunter2"
    for path, body in (
        ("/auth/login", {"email": "a@example.com", "password": {"x": secret}}),
        ("/auth/register", {"email": secret * 30, "password": secret, "name": 1}),
        ("/auth/refresh", {"refreshToken": secret * 50}),
    ):
        answer = await town.box.guest().post(path, body)
        assert 400 <= answer.status_code < 500
        assert secret not in answer.text


async def test_strangers_learn_nothing_about_accounts(town: Town) -> None:
    """The same answer for an account that is there and one that is not."""
    found = []
    for email in ("ada@example.com", "nobody@example.com"):
        body = {"email": email, "password": "wrong-wrong-wrong"}
        answer = await town.box.guest().post("/auth/login", body)
        document = answer.json()
        document.pop("requestId")
        found.append((answer.status_code, document))
    assert found[0] == found[1]
    assert found[0][0] == 401


async def test_guessing_is_slowed_down(town: Town) -> None:
    await town.box.person("guessed@example.com")
    body = {"email": "guessed@example.com", "password": "wrong-wrong-wrong"}
    statuses = [(await town.box.guest().post("/auth/login", body)) for _ in range(11)]
    assert [answer.status_code for answer in statuses[-2:]] == [401, 429]
    assert int(statuses[-1].headers["retry-after"]) > 0
    # Nor does another spelling, or the page, give more tries.
    body["email"] = " GUESSED@example.com "
    assert (await town.box.guest().post("/auth/login", body)).status_code == 429
    page = f"{town.box.address}/sign-in"
    assert (await town.box.http.post(page, data=body)).status_code == 429


async def test_a_password_keeps_its_spaces_on_pages_too(town: Town) -> None:
    body = {"email": "spacy@example.com", "password": "  two spaces  "}
    account = {**body, "name": "Spacy"}
    assert (await town.box.guest().post("/auth/register", account)).status_code == 201
    page = f"{town.box.address}/sign-in"
    assert (await town.box.http.post(page, data=body)).status_code == 303
    body["password"] = "two spaces"
    assert (await town.box.http.post(page, data=body)).status_code == 401


async def test_a_guests_link_is_signed(town: Town) -> None:
    ctx = town.box.runtime.system_context("test")
    id = UUID(town.rows["order"])
    token = (await town.box.runtime.inner[Orders].links(ctx, order_ids=[id]))[id]
    assert (await town.box.guest().get(f"/orders/link/{token}")).status_code == 200
    value, until, mac = token.split(".")
    for forged in (
        f"{value}.0.{mac}",
        f"{value}.{until}f.{mac}",
        f"{value}.{until}.",
        f"{value}.{until}.{mac[:-2]}{'BA' if mac.endswith('AA') else 'AA'}",
        town.box.runtime.signer.sign("cart", str(id)),
        town.box.runtime.signer.sign("order", str(id), ctx.now()),
    ):
        answer = await town.box.guest().get(f"/orders/link/{forged}")
        assert answer.status_code in (404, 410, 422), forged
        assert town.rows["number"] not in answer.text
