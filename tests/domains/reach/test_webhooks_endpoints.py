"""Endpoints: who may keep them, what is refused, how many there may be, and their secrets."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio

from haat.domains.reach.webhooks.api import (
    EndpointDisabled,
    EndpointExists,
    EndpointOff,
    EndpointsFull,
    SecretChanging,
    Webhooks,
)
from haat.domains.reach.webhooks.catalogue import KINDS
from haat.domains.reach.webhooks.routes import router
from haat.engines.http.outward import UrlRefused
from haat.engines.sql import Database
from haat.kernel.context import GUEST, Context
from haat.kernel.errors import Forbidden, Invalid, NotFound, Problem, Unauthenticated
from tests.conftest import DatabaseOf
from tests.domains.people.doubles import Rest, guest, outbox, person
from tests.domains.reach.hooking import ALL_RIGHTS, Hooks
from tests.domains.reach.receiver import Receiver, receiving

URL = "http://127.0.0.1:9999/hooks"


@pytest_asyncio.fixture(loop_scope="session")
async def db(database_of: DatabaseOf) -> Database:
    found = await database_of("webhooks")
    for table in ("attempts", "deliveries", "endpoints", "outbox"):
        await found.execute(f"DELETE FROM webhooks.{table}")
    return found


@pytest.fixture
def hooks(db: Database) -> Hooks:
    return Hooks(db)


@pytest_asyncio.fixture(loop_scope="session")
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as found:
        yield found


def every_call(
    hooks: Hooks, vendor: UUID | None, endpoint: UUID, delivery: UUID
) -> list[Callable[[Context], Awaitable[Any]]]:
    """Everything one can do with an owner's endpoints."""
    service = hooks.service
    at: dict[str, Any] = {"vendor_id": vendor}
    return [
        lambda ctx: service.endpoints(ctx, **at),
        lambda ctx: service.endpoint(ctx, id=endpoint, **at),
        lambda ctx: service.add(ctx, id=uuid4(), url=f"{URL}/new", events=["order.paid"], **at),
        lambda ctx: service.change(ctx, id=endpoint, description="mine", **at),
        lambda ctx: service.change(ctx, id=endpoint, url=f"{URL}/x", **at),
        lambda ctx: service.change_secret(ctx, id=endpoint, **at),
        lambda ctx: service.send_test(ctx, id=uuid4(), endpoint_id=endpoint, **at),
        lambda ctx: service.deliveries(ctx, endpoint_id=endpoint, **at),
        lambda ctx: service.delivery(ctx, id=delivery, **at),
        lambda ctx: service.replay(ctx, id=delivery, **at),
        lambda ctx: service.replay_failed(ctx, endpoint_id=endpoint, since=hooks.at.now(), **at),
        lambda ctx: service.remove(ctx, id=endpoint, **at),
    ]


async def refused(
    calls: list[Callable[[Context], Awaitable[Any]]], ctx: Context, kind: type[Problem]
) -> None:
    for number, call in enumerate(calls):
        with pytest.raises(kind) as raised:
            await call(ctx)
        assert raised.value.status == kind.status, number


async def test_who_may_keep_them(hooks: Hooks) -> None:
    endpoint, _ = await hooks.add(URL)
    await hooks.hear(hooks.shipped())
    page = await hooks.service.deliveries(
        hooks.own, endpoint_id=endpoint.id, vendor_id=hooks.vendor
    )
    calls = every_call(hooks, hooks.vendor, endpoint.id, page.items[0].id)
    await refused(calls, guest(hooks.at), Unauthenticated)
    await refused(calls, person(hooks.at), Forbidden)
    lesser = person(hooks.at, vendor=hooks.vendor, scopes=["vendor:orders", "vendor:team"])
    await refused(calls, lesser, Forbidden)
    await refused(calls, hooks.staff, Forbidden)
    other = person(hooks.at, vendor=uuid4(), scopes=ALL_RIGHTS)
    await refused(calls, other, NotFound)
    # Another vendor's row, asked for as if it were one's own.
    own = every_call(hooks, other.vendor_id, endpoint.id, page.items[0].id)
    await refused(own[1:2] + own[3:], other, NotFound)
    # And as if it were the market's.
    markets = every_call(hooks, None, endpoint.id, page.items[0].id)
    await refused(markets, hooks.own, Forbidden)
    await refused(markets[1:2] + markets[3:], hooks.staff, NotFound)
    assert await hooks.look(endpoint) == endpoint
    for call in calls:
        await call(hooks.own)


async def test_a_program_keeps_them_with_an_api_key(hooks: Hooks) -> None:
    """Behind the door a key is a guest with a vendor and its rights."""
    key = Context(
        actor=GUEST,
        vendor_id=hooks.vendor,
        scopes=frozenset({"vendor:webhooks", "vendor:orders"}),
        clock=hooks.at,
    )
    made = await hooks.service.add(
        key, id=uuid4(), vendor_id=hooks.vendor, url=URL, events=["order.paid"]
    )
    assert made.endpoint.vendor_id == hooks.vendor
    without = Context(
        actor=GUEST, vendor_id=hooks.vendor, scopes=frozenset({"vendor:orders"}), clock=hooks.at
    )
    with pytest.raises(Forbidden):
        await hooks.service.endpoints(without, vendor_id=hooks.vendor)


@pytest.mark.parametrize(
    ("events", "code"),
    [
        ([], "missing"),
        (["order.nothing"], "event_unknown"),
        (["payment.failed"], "event_unknown"),  # the market's alone
        (["webhook.test"], "event_unknown"),
        (["payout.processed"], "event_forbidden"),
        (["order.paid", "inventory.low_stock"], "event_forbidden"),
    ],
)
async def test_events_that_cannot_be_chosen(hooks: Hooks, events: list[str], code: str) -> None:
    lesser = person(hooks.at, vendor=hooks.vendor, scopes=["vendor:webhooks", "vendor:orders"])
    with pytest.raises(Invalid) as raised:
        await hooks.service.add(lesser, id=uuid4(), vendor_id=hooks.vendor, url=URL, events=events)
    assert [(one.path, one.code) for one in raised.value.fields] == [("events", code)]


async def test_what_somebody_with_more_rights_chose_may_stay(hooks: Hooks) -> None:
    endpoint, _ = await hooks.add(URL, ["payout.processed"])
    lesser = person(hooks.at, vendor=hooks.vendor, scopes=["vendor:webhooks", "vendor:orders"])
    at: dict[str, Any] = {"id": endpoint.id, "vendor_id": hooks.vendor}
    both = await hooks.service.change(lesser, events=["payout.processed", "order.paid"], **at)
    assert both.events == ["order.paid", "payout.processed"]
    await hooks.service.change(lesser, events=["order.paid"], **at)
    with pytest.raises(Invalid):
        await hooks.service.change(lesser, events=["payout.processed"], **at)


async def test_the_market_hears_everything(hooks: Hooks) -> None:
    types = [one.type for one in KINDS]
    made = await hooks.service.add(hooks.staff, id=uuid4(), url=URL, events=types)
    assert made.endpoint.vendor_id is None
    assert made.endpoint.events == sorted(types)


async def test_addresses_are_looked_at(hooks: Hooks) -> None:
    endpoint, _ = await hooks.add(URL)
    for url in ("http://169.254.169.254/", "http://10.0.0.1/", "ftp://a.example/", "https://u@a/"):
        with pytest.raises(UrlRefused):
            await hooks.add(url)
        with pytest.raises(UrlRefused):
            await hooks.service.change(hooks.own, id=endpoint.id, vendor_id=hooks.vendor, url=url)


async def test_there_are_never_too_many(hooks: Hooks) -> None:
    adds = [hooks.add(f"{URL}/{n}") for n in range(14)]
    found = await asyncio.gather(*adds, return_exceptions=True)
    assert sum(isinstance(one, EndpointsFull) for one in found) == 4
    own = await hooks.service.endpoints(hooks.own, vendor_id=hooks.vendor)
    assert len(own) == 10
    await hooks.add(URL, vendor=uuid4())
    await hooks.service.remove(hooks.own, id=own[0].id, vendor_id=hooks.vendor)
    await hooks.add(f"{URL}/instead")


async def test_one_address_is_there_once(hooks: Hooks) -> None:
    both = await asyncio.gather(hooks.add(URL), hooks.add(URL), return_exceptions=True)
    assert sum(isinstance(one, EndpointExists) for one in both) == 1
    other, _ = await hooks.add(f"{URL}/other")
    with pytest.raises(EndpointExists):
        await hooks.service.change(hooks.own, id=other.id, vendor_id=hooks.vendor, url=URL)
    await hooks.add(URL, vendor=uuid4())
    [first] = [
        one
        for one in await hooks.service.endpoints(hooks.own, vendor_id=hooks.vendor)
        if one.url == URL
    ]
    await hooks.service.remove(hooks.own, id=first.id, vendor_id=hooks.vendor)
    await hooks.service.remove(hooks.own, id=first.id, vendor_id=hooks.vendor)
    with pytest.raises(NotFound):
        await hooks.service.endpoint(hooks.own, id=first.id, vendor_id=hooks.vendor)
    await hooks.add(URL)


async def test_secrets_are_sealed_and_bound_to_their_row(hooks: Hooks, receiver: Receiver) -> None:
    one, secret = await hooks.add(receiver.url)
    two, _ = await hooks.add(f"{receiver.url}/two")
    rows = await hooks.db.fetch("SELECT row_to_json(e)::text AS all FROM webhooks.endpoints e")
    assert all(secret.removeprefix("whsec_") not in row["all"] for row in rows)
    await hooks.db.execute(
        "UPDATE webhooks.endpoints SET secret ="
        " (SELECT secret FROM webhooks.endpoints WHERE id = $1) WHERE id = $2",
        one.id,
        two.id,
    )
    await hooks.hear(hooks.shipped())
    await hooks.send()
    assert [heard.path for heard in receiver.heard] == ["/hooks"]
    [(state, tries)] = await hooks.states(two)
    assert (state, tries) == ("waiting", 1)


async def test_for_a_day_two_secrets_sign(hooks: Hooks, receiver: Receiver) -> None:
    endpoint, first = await hooks.add(receiver.url)
    at: dict[str, Any] = {"id": endpoint.id, "vendor_id": hooks.vendor}
    made = await hooks.service.change_secret(hooks.own, **at)
    second = made.secret
    assert second != first
    await hooks.hear(hooks.shipped())
    await hooks.send()
    assert receiver.heard[-1].is_signed(second, 0)
    assert receiver.heard[-1].is_signed(first, 1)
    # Whoever changes it once more would end the first at once.
    with pytest.raises(SecretChanging):
        await hooks.service.change_secret(hooks.own, **at)
    hooks.pass_(hours=24)
    assert (await hooks.look(endpoint)).old_secret_until is None
    await hooks.hear(hooks.shipped())
    await hooks.send()
    assert receiver.heard[-1].is_signed(second)
    assert " " not in receiver.heard[-1].headers["webhook-signature"]
    await hooks.service.change_secret(hooks.own, **at)
    last = await hooks.service.change_secret(hooks.own, overlap_s=0, **at)
    await hooks.hear(hooks.shipped())
    await hooks.send()
    assert receiver.heard[-1].is_signed(last.secret)
    assert " " not in receiver.heard[-1].headers["webhook-signature"], "who lost it ends it"


async def test_of_two_changes_of_a_secret_one_is_done(hooks: Hooks) -> None:
    endpoint, _ = await hooks.add(URL)
    both = await asyncio.gather(
        *(
            hooks.service.change_secret(hooks.own, id=endpoint.id, vendor_id=hooks.vendor)
            for _ in range(2)
        ),
        return_exceptions=True,
    )
    assert sum(isinstance(one, SecretChanging) for one in both) == 1


async def test_staff_look_at_all_and_switch_off(hooks: Hooks) -> None:
    endpoint, _ = await hooks.add(URL)
    await hooks.add(URL, vendor=uuid4())
    page = await hooks.service.all_endpoints(hooks.staff, limit=1)
    assert page.next is not None
    rest = await hooks.service.all_endpoints(hooks.staff, cursor=page.next)
    assert len({one.id for one in [*page.items, *rest.items]}) == 2
    assert {one.url for one in page.items} == {"http://127.0.0.1:9999/…"}, "the rest is theirs"
    for _ in range(2):
        off = await hooks.service.switch(hooks.staff, id=endpoint.id, enabled=False)
        assert (off.enabled, off.off) == (False, "staff")
    told = [data for type, data in await outbox(hooks.db) if type == EndpointDisabled.event_name]
    assert [one["why"] for one in told] == ["staff"]
    with pytest.raises(EndpointOff):
        await hooks.service.change(hooks.own, id=endpoint.id, vendor_id=hooks.vendor, enabled=True)
    on = await hooks.service.switch(hooks.staff, id=endpoint.id, enabled=True)
    assert (on.enabled, on.off) == (True, "")
    paused = await hooks.service.change(
        hooks.own, id=endpoint.id, vendor_id=hooks.vendor, enabled=False
    )
    assert paused.off == "paused"
    still = await hooks.service.switch(hooks.staff, id=endpoint.id, enabled=True)
    assert still.off == "paused", "the vendor's own switch is the vendor's"


async def test_over_rest(hooks: Hooks) -> None:
    rest = Rest(hooks.at, {Webhooks: hooks.service}, router)
    async with rest.client(hooks.own) as client:
        at = f"/vendors/{hooks.vendor}/webhooks"
        events = (await client.get("/webhook-events")).json()
        assert {"type", "version", "summary", "right", "fields"} == set(events[0])
        body = {"url": URL, "events": ["order.paid"], "description": "ERP"}
        added = await client.post(at, json=body)
        assert added.status_code == 201
        secret, endpoint = added.json()["secret"], added.json()["endpoint"]
        assert secret.startswith("whsec_")
        here = f"{at}/{endpoint['id']}"
        for path in (at, here):
            found = await client.get(path)
            assert found.status_code == 200
            assert "secret" not in json.dumps(found.json()).replace("oldSecretUntil", "")
        changed = await client.patch(here, json={"enabled": False})
        assert (changed.json()["off"], changed.json()["description"]) == ("paused", "ERP")
        off = await client.post(f"{here}/test")
        assert (off.status_code, off.json()["code"]) == (409, "webhook_off")
        await client.patch(here, json={"enabled": True})
        test = await client.post(f"{here}/test")
        assert (test.status_code, test.json()["state"]) == (202, "waiting")
        one = f"{at}/deliveries/{test.json()['id']}"
        detail = (await client.get(one)).json()
        assert json.loads(detail["body"])["type"] == "webhook.test"
        assert (await client.post(f"{one}/replay")).status_code == 202
        listed = (await client.get(f"{here}/deliveries?state=waiting&type=webhook.test")).json()
        assert [row["id"] for row in listed["items"]] == [test.json()["id"]]
        again = await client.post(f"{here}/replay", json={"since": "2026-01-01T00:00:00Z"})
        assert again.json() == {"count": 0, "more": False}
        assert (await client.post(f"{here}/secret", json={})).json()["secret"] != secret
        wrong = await client.post(at, json={**body, "url": "https://10.0.0.1/"})
        assert (wrong.status_code, wrong.json()["errors"][0]["path"]) == (422, "url")
        assert (await client.delete(here)).status_code == 204
        assert (await client.get(here)).status_code == 404
        assert (await client.get("/admin/webhooks")).status_code == 403
    async with rest.client(hooks.staff) as staff:
        body = {"url": URL, "events": ["payment.failed"]}
        assert (await staff.post("/admin/webhooks", json=body)).status_code == 201
        assert len((await staff.get("/admin/webhooks")).json()) == 1
        assert (await staff.get("/admin/vendor-webhooks")).json() == {"items": [], "next": None}
