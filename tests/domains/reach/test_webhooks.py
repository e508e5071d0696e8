"""Webhooks on PostgreSQL with a real receiver: what is sent, to whom, how often, and what is left
when something dies on the way."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio

from haat.domains.reach.webhooks.api import EndpointOff, Replayed, TooManyTests
from haat.domains.reach.webhooks.rules import SCHEDULE, message_id
from haat.domains.reach.webhooks.service import sending
from haat.domains.trade.orders.api import OrderCreated, OrderPaid, VendorPart
from haat.engines.sql import Database
from haat.kernel.errors import Unavailable
from haat.kernel.ids import derive
from tests.conftest import DatabaseOf
from tests.domains.people.doubles import outbox
from tests.domains.reach.doubles import heard, order, usd
from tests.domains.reach.hooking import Hooks
from tests.domains.reach.receiver import Receiver, receiving


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


async def test_an_event_becomes_a_signed_message(hooks: Hooks, receiver: Receiver) -> None:
    endpoint, secret = await hooks.add(receiver.url)
    event = hooks.shipped()
    assert await hooks.hear(event) == 1
    assert await hooks.send() == 1
    [one] = receiver.heard
    assert one.is_signed(secret)
    assert one.headers["content-type"] == "application/json"
    assert one.headers["webhook-timestamp"] == str(int(hooks.at.now().timestamp()))
    id = derive(endpoint.id, str(event.id))
    assert one.id == one.said["id"] == message_id(id)
    assert one.said == {
        "id": one.id,
        "type": "order.shipped",
        "version": 1,
        "timestamp": "2026-03-01T12:00:00Z",
        "data": {
            "vendorId": str(hooks.vendor),
            "orderId": str(event.order_id),
            "vendorOrderId": str(event.vendor_order_id),
            "number": "H-1-1",
            "carrier": "Post",
            "trackingNumber": "T1",
        },
    }
    found = await hooks.service.delivery(hooks.own, id=id, vendor_id=hooks.vendor)
    assert (found.delivery.state, found.delivery.status) == ("delivered", 200)
    assert found.body.encode() == one.body
    [attempt] = found.tries
    assert (attempt.number, attempt.status, attempt.answer) == (1, 200, "ok")
    assert (await hooks.look(endpoint)).answered_at == hooks.at.now()


async def test_an_event_that_comes_twice_is_sent_once(hooks: Hooks, receiver: Receiver) -> None:
    await hooks.add(receiver.url)
    event = hooks.shipped()
    both = await asyncio.gather(hooks.hear(event), hooks.hear(event))
    assert sorted(both) == [0, 1]
    assert await hooks.hear(event, event) == 0
    await hooks.send()
    assert await hooks.hear(event) == 0
    await hooks.send()
    assert len(receiver.heard) == 1


async def test_nobody_is_told_what_is_anothers(hooks: Hooks, receiver: Receiver) -> None:
    other, third = uuid4(), uuid4()
    await hooks.add(f"{receiver.url}/ours", ["order.created", "order.shipped"])
    await hooks.add(f"{receiver.url}/theirs", ["order.created", "order.shipped"], vendor=other)
    await hooks.add(f"{receiver.url}/third", ["order.created"], vendor=third)
    await hooks.service.add(
        hooks.staff, id=uuid4(), url=f"{receiver.url}/market", events=["order.created"]
    )
    known = order(uuid4())
    parts, whole = [], []
    for n, vendor in enumerate((hooks.vendor, other), 1):
        part = known.vendor_orders[0].model_copy(
            update={"id": uuid4(), "vendor_id": vendor, "number": f"H-1-{n}"}
        )
        whole.append(part)
        parts.append(
            VendorPart(
                vendor_order_id=part.id,
                vendor_id=vendor,
                number=part.number,
                total=usd(1),
                net=usd(1),
            )
        )
    hooks.orders.known[known.id] = known.model_copy(update={"vendor_orders": whole})
    created = OrderCreated(
        order_id=known.id, number="H-1", person_id=uuid4(), total=usd(2), vendor_orders=parts
    )
    shipped = hooks.shipped(number="S-1")
    assert await hooks.hear(heard(created, hooks.at.now()), shipped) == 4
    await hooks.send()
    ours, theirs = receiver.of("/hooks/ours"), receiver.of("/hooks/theirs")
    assert {one.said["data"]["number"] for one in ours} == {"H-1-1", "S-1"}
    assert [one.said["data"]["number"] for one in theirs] == ["H-1-2"]
    assert theirs[0].said["data"]["lines"][0]["sku"] == "B-1"
    assert receiver.of("/hooks/third") == []
    [market] = receiver.of("/hooks/market")
    assert len(market.said["data"]["vendorOrders"]) == 2
    for one in (*ours, *theirs):
        foreign = other if one in ours else hooks.vendor
        assert str(foreign) not in one.body.decode()
        assert str(created.person_id) not in one.body.decode()


async def test_only_what_an_endpoint_hears(hooks: Hooks, receiver: Receiver) -> None:
    await hooks.add(receiver.url, ["order.paid"])
    assert await hooks.hear(hooks.shipped()) == 0
    paid = OrderPaid(order_id=uuid4(), number="H-9", person_id=None, total=usd(1), vendor_orders=[])
    assert await hooks.hear(heard(paid)) == 0, "none of the vendor's goods"


async def test_it_is_tried_again_as_the_schedule_says(hooks: Hooks, receiver: Receiver) -> None:
    endpoint, secret = await hooks.add(receiver.url)
    receiver.status, receiver.text = 500, "\0broken <b>" + "x" * 2000
    await hooks.hear(hooks.shipped())
    for tries, wait in enumerate(SCHEDULE[1:], 1):
        assert await hooks.send() == 1
        assert await hooks.send() == 0, "not before its time"
        assert await hooks.states(endpoint) == [("waiting", tries)]
        hooks.at.advance(wait - timedelta(seconds=1))
        assert await hooks.send() == 0
        hooks.at.advance(wait / 10 + timedelta(seconds=1))
    assert await hooks.send() == 1
    assert await hooks.states(endpoint) == [("failed", len(SCHEDULE))]
    hooks.pass_(days=3)
    assert await hooks.send() == 0
    assert len({one.id for one in receiver.heard}) == 1
    assert len({one.headers["webhook-timestamp"] for one in receiver.heard}) == len(SCHEDULE)
    assert all(one.is_signed(secret) for one in receiver.heard)
    page = await hooks.service.deliveries(
        hooks.own, endpoint_id=endpoint.id, vendor_id=hooks.vendor, state="failed"
    )
    found = await hooks.service.delivery(hooks.own, id=page.items[0].id, vendor_id=hooks.vendor)
    assert [one.number for one in found.tries] == list(range(1, len(SCHEDULE) + 1))
    assert len(found.tries[0].answer) == 1024
    assert found.tries[0].answer.startswith("�broken <b>")


async def test_once_it_gets_through_it_is_done(hooks: Hooks, receiver: Receiver) -> None:
    endpoint, _ = await hooks.add(receiver.url)
    receiver.answers = lambda _: 204 if len(receiver.heard) == 3 else 503
    await hooks.hear(hooks.shipped())
    for _ in range(5):
        await hooks.send()
        hooks.pass_(minutes=10)
    assert await hooks.states(endpoint) == [("delivered", 3)]
    assert (await hooks.look(endpoint)).failing_since is None


@pytest.mark.parametrize("status", [301, 302, 307, 400, 404, 500])
async def test_what_does_not_count_as_heard(hooks: Hooks, receiver: Receiver, status: int) -> None:
    endpoint, _ = await hooks.add(receiver.url)
    receiver.status = status
    receiver.headers = {"location": f"{receiver.url}/elsewhere"}
    await hooks.hear(hooks.shipped())
    await hooks.send()
    assert await hooks.states(endpoint) == [("waiting", 1)]
    assert receiver.of("/hooks/elsewhere") == []


async def test_retry_after(hooks: Hooks, receiver: Receiver) -> None:
    endpoint, _ = await hooks.add(receiver.url)
    receiver.status, receiver.headers = 429, {"retry-after": "3600"}
    await hooks.hear(hooks.shipped())
    await hooks.send()
    page = await hooks.service.deliveries(
        hooks.own, endpoint_id=endpoint.id, vendor_id=hooks.vendor
    )
    assert page.items[0].due_at == hooks.at.now() + timedelta(hours=1)


async def test_gone_means_gone(hooks: Hooks, receiver: Receiver) -> None:
    endpoint, _ = await hooks.add(receiver.url)
    receiver.status = 410
    await hooks.hear(hooks.shipped())
    await hooks.send()
    assert await hooks.states(endpoint) == [("failed", 1)]
    found = await hooks.look(endpoint)
    assert (found.enabled, found.off) == (False, "gone")
    facts = {"endpointId": str(endpoint.id), "vendorId": str(hooks.vendor), "host": "127.0.0.1"}
    assert await outbox(hooks.db) == [("webhook.endpoint.disabled", {**facts, "why": "gone"})]
    assert await hooks.hear(hooks.shipped()) == 0, "who is off hears nothing"


async def test_who_was_gone_at_another_address(hooks: Hooks, receiver: Receiver) -> None:
    """The answer of the old address does not switch the new one off."""
    endpoint, _ = await hooks.add(receiver.url)
    await hooks.hear(hooks.shipped())
    receiver.status = 410
    receiver.hold.clear()
    sending_ = asyncio.create_task(hooks.send())
    await receiver.until(1)
    at: dict[str, Any] = {"id": endpoint.id, "vendor_id": hooks.vendor}
    await hooks.service.change(hooks.own, url=f"{receiver.url}/new", **at)
    receiver.hold.set()
    await sending_
    assert (await hooks.look(endpoint)).enabled
    assert await outbox(hooks.db) == []


async def test_a_worker_outlives_a_database_that_is_away(
    hooks: Hooks, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "LATER_S", 0.01)
    await hooks.add(receiver.url)
    await hooks.hear(hooks.shipped())
    worker, tries = hooks.worker(), 0
    real = hooks.db.fetch

    async def away(statement: str, *args: Any) -> Any:
        nonlocal tries
        tries += 1
        if tries < 4:
            raise (Unavailable("away") if tries % 2 else ValueError("what nobody thought of"))
        return await real(statement, *args)

    monkeypatch.setattr(hooks.db, "fetch", away)
    working = asyncio.create_task(worker.work())
    await receiver.until(1)
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)


async def test_nothing_but_failures_for_days(hooks: Hooks, receiver: Receiver) -> None:
    endpoint, _ = await hooks.add(receiver.url)
    receiver.status = 500
    for day in range(6):
        assert (await hooks.look(endpoint)).enabled, day
        await hooks.hear(hooks.shipped())
        await hooks.send()
        hooks.pass_(days=1)
    found = await hooks.look(endpoint)
    assert (found.enabled, found.off) == (False, "failing")
    [(type, data)] = await outbox(hooks.db)
    assert (type, data["why"]) == ("webhook.endpoint.disabled", "failing")
    waiting = [state for state, _ in await hooks.states(endpoint)].count("waiting")
    assert await hooks.send() == 0, "it is off"
    receiver.status = 200
    again = await hooks.service.change(
        hooks.own, id=endpoint.id, vendor_id=hooks.vendor, enabled=True
    )
    assert (again.off, again.failing_since) == ("", None)
    assert await hooks.send() == waiting > 0, "what waited goes out"


async def test_one_that_gets_through_now_and_then_stays(hooks: Hooks, receiver: Receiver) -> None:
    endpoint, _ = await hooks.add(receiver.url)
    for day in range(12):
        receiver.status = 200 if day % 4 == 3 else 500
        await hooks.hear(hooks.shipped())
        await hooks.send()
        hooks.pass_(days=1)
    assert (await hooks.look(endpoint)).enabled


async def test_one_that_hangs_holds_nobody_up(db: Database, receiver: Receiver) -> None:
    """Some endpoints hang, one answers; all are served by one worker."""
    hooks = Hooks(db, timeout_s=60)
    async with receiving() as hanging:
        hanging.hold.clear()
        for n in range(6):
            await hooks.add(f"{hanging.url}/{n}")
        await hooks.hear(hooks.shipped())
        working = asyncio.create_task(hooks.service.work())
        try:
            await hanging.until(6)
            await hooks.add(receiver.url)
            for n in range(30):
                await hooks.hear(hooks.shipped(number=f"H-{n}"))
            await receiver.until(30)
            # None of those that hang was given more than its share.
            counts = [len(hanging.of(f"/hooks/{n}")) for n in range(6)]
            assert max(counts) <= sending.AT_ONCE
            assert not working.done()
        finally:
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)
    assert receiver.most_at_once <= sending.AT_ONCE


async def test_those_that_failed_take_no_room_of_others(
    db: Database, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More endpoints hang than there is room for, and had failed before: they have a queue of
    their own."""
    monkeypatch.setattr(sending, "ENDPOINTS_AT_ONCE", {False: 2, True: 1})
    hooks = Hooks(db, timeout_s=0.1)
    async with receiving() as hanging:
        hanging.hold.clear()
        for n in range(4):
            await hooks.add(f"{hanging.url}/{n}")
        await hooks.hear(hooks.shipped())
        await hooks.send()
        assert await value(hooks, "SELECT count(*) FROM webhooks.endpoints WHERE slow") == 4
        hooks.pass_(minutes=1)
        await hooks.add(receiver.url)
        await hooks.hear(*(hooks.shipped(number=f"H-{n}") for n in range(30)))
        patient = Hooks(db, timeout_s=60)
        patient.at.set(hooks.at.now())
        before = len(hanging.heard)
        working = asyncio.create_task(patient.service.work())
        try:
            await hanging.until(before + 1)
            await receiver.until(30)
            assert len({one.path for one in hanging.heard[before:]}) == 1
        finally:
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)


async def test_who_recovers_is_quick_again(hooks: Hooks, receiver: Receiver) -> None:
    await hooks.add(receiver.url)
    for status in (500, 200):
        receiver.status = status
        await hooks.hear(hooks.shipped())
        await hooks.send()
        assert await value(hooks, "SELECT slow FROM webhooks.endpoints") is (status == 500)
        hooks.pass_(minutes=1)


async def value(hooks: Hooks, statement: str, *args: Any) -> Any:
    return await hooks.db.fetchval(statement, *args)


async def test_several_workers_send_each_once(hooks: Hooks, receiver: Receiver) -> None:
    for n in range(5):
        await hooks.add(f"{receiver.url}/{n}")
    for n in range(20):
        await hooks.hear(hooks.shipped(number=f"H-{n}"))
    workers = [hooks.worker() for _ in range(4)]
    tried = await asyncio.gather(*(one.send_due(hooks.ctx) for one in workers))
    assert sum(tried) == len(receiver.heard) == 100
    assert len({one.id for one in receiver.heard}) == 100
    assert receiver.most_at_once <= 5 * sending.AT_ONCE


async def test_who_dies_between_send_and_write_sends_again(
    hooks: Hooks, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The receiver has it, and nothing was written: it comes again, under the same id, when the
    dead worker's lease is over, and not before."""
    endpoint, _ = await hooks.add(receiver.url)
    await hooks.hear(hooks.shipped())
    dying = hooks.worker()
    receiver.hold.clear()
    sent = asyncio.create_task(dying.send_due(hooks.ctx))
    await receiver.until(1)
    sent.cancel()  # as a process that is killed writes nothing any more
    with pytest.raises(asyncio.CancelledError):
        await sent
    receiver.hold.set()
    assert await hooks.states(endpoint) == [("waiting", 0)]
    assert await hooks.send() == 0, "the lease is not over"
    hooks.at.advance(sending.LEASE)
    assert await hooks.send() == 1
    first, second = receiver.heard
    assert (first.id, first.body) == (second.id, second.body)
    assert await hooks.states(endpoint) == [("delivered", 1)]


async def test_a_worker_that_lost_its_lease_writes_nothing_over(
    hooks: Hooks, receiver: Receiver
) -> None:
    endpoint, _ = await hooks.add(receiver.url)
    await hooks.hear(hooks.shipped())
    receiver.hold.clear()
    receiver.answers = lambda one: 200 if one is receiver.heard[-1] else 500
    slow = asyncio.create_task(hooks.worker().send_due(hooks.ctx))
    await receiver.until(1)
    hooks.at.advance(sending.LEASE)
    other = asyncio.create_task(hooks.service.send_due(hooks.ctx))
    await receiver.until(2)
    receiver.hold.set()
    await asyncio.gather(slow, other)
    # One try counts, whichever was written first, and one row says so.
    [(state, tries)] = await hooks.states(endpoint)
    assert tries == 1
    rows = await hooks.db.fetch("SELECT status FROM webhooks.attempts")
    assert [row["status"] for row in rows] == [200 if state == "delivered" else 500]


async def test_it_is_sent_again_when_somebody_asks(hooks: Hooks, receiver: Receiver) -> None:
    endpoint, _ = await hooks.add(receiver.url)
    await hooks.hear(hooks.shipped())
    await hooks.send()
    [one] = receiver.heard
    page = await hooks.service.deliveries(
        hooks.own, endpoint_id=endpoint.id, vendor_id=hooks.vendor
    )
    again = await hooks.service.replay(hooks.own, id=page.items[0].id, vendor_id=hooks.vendor)
    assert (again.state, again.attempts) == ("waiting", 1)
    await hooks.send()
    assert [two.id for two in receiver.heard] == [one.id, one.id]
    assert await hooks.states(endpoint) == [("delivered", 2)]
    off: dict[str, Any] = {"id": endpoint.id, "vendor_id": hooks.vendor, "enabled": False}
    await hooks.service.change(hooks.own, **off)
    with pytest.raises(EndpointOff):
        await hooks.service.replay(hooks.own, id=page.items[0].id, vendor_id=hooks.vendor)


async def test_all_that_failed_since(hooks: Hooks, receiver: Receiver) -> None:
    endpoint, _ = await hooks.add(receiver.url)
    receiver.status = 410
    await hooks.hear(hooks.shipped(number="early"))
    await hooks.send()
    hooks.pass_(hours=1)
    since = hooks.at.now()
    whole: dict[str, Any] = {"endpoint_id": endpoint.id, "vendor_id": hooks.vendor, "since": since}
    with pytest.raises(EndpointOff):
        await hooks.service.replay_failed(hooks.own, **whole)
    on: dict[str, Any] = {"id": endpoint.id, "vendor_id": hooks.vendor, "enabled": True}
    await hooks.service.change(hooks.own, **on)
    await hooks.hear(hooks.shipped(number="late"))
    await hooks.send()
    await hooks.service.change(hooks.own, **on)
    receiver.status = 200
    receiver.heard.clear()
    twice = await asyncio.gather(
        *(hooks.service.replay_failed(hooks.own, **whole) for _ in range(2))
    )
    assert sorted(twice, key=lambda one: one.count) == [Replayed(count=0), Replayed(count=1)]
    await hooks.send()
    assert [one.said["data"]["number"] for one in receiver.heard] == ["late"]
    assert await hooks.states(endpoint) == [("failed", 1), ("delivered", 2)]


async def test_a_message_to_try_it(hooks: Hooks, receiver: Receiver) -> None:
    endpoint, secret = await hooks.add(receiver.url)
    asked: dict[str, Any] = {"endpoint_id": endpoint.id, "vendor_id": hooks.vendor}
    id = uuid4()
    first = await hooks.service.send_test(hooks.own, id=id, **asked)
    assert await hooks.service.send_test(hooks.own, id=id, **asked) == first
    await hooks.send()
    [one] = receiver.heard
    assert (one.said["type"], one.is_signed(secret)) == ("webhook.test", True)
    assert one.said["data"]["endpointId"] == str(endpoint.id)
    many = await asyncio.gather(
        *(hooks.service.send_test(hooks.own, id=uuid4(), **asked) for _ in range(35)),
        return_exceptions=True,
    )
    assert sum(isinstance(one, TooManyTests) for one in many) == 6
    hooks.pass_(hours=2)
    await hooks.service.send_test(hooks.own, id=uuid4(), **asked)


async def test_an_address_that_leads_inside_by_then(db: Database, receiver: Receiver) -> None:
    """What was entered looked harmless; its name leads to the metadata of a cloud now."""
    hooks = Hooks(db)
    url = f"http://turning.example:{receiver.port}/hooks"
    endpoint, _ = await hooks.add(url)
    await hooks.hear(hooks.shipped())

    async def resolve(host: str, port: int) -> list[str]:
        return ["169.254.169.254"]

    await hooks.worker(resolve=resolve).send_due(hooks.ctx)
    page = await hooks.service.deliveries(
        hooks.own, endpoint_id=endpoint.id, vendor_id=hooks.vendor
    )
    assert page.items[0].error == "The host has no public address."
    assert receiver.heard == []


async def test_lists_go_on_where_they_ended(hooks: Hooks, receiver: Receiver) -> None:
    endpoint, _ = await hooks.add(receiver.url)
    for n in range(7):
        await hooks.hear(hooks.shipped(number=f"H-{n}"))
        if n % 2:
            hooks.pass_(seconds=1)
    found, cursor = [], None
    for _ in range(9):
        page = await hooks.service.deliveries(
            hooks.own, endpoint_id=endpoint.id, vendor_id=hooks.vendor, limit=2, cursor=cursor
        )
        found += [one.id for one in page.items]
        cursor = page.next
        if cursor is None:
            break
    assert len(found) == len(set(found)) == 7


async def test_what_is_old_is_forgotten(hooks: Hooks, receiver: Receiver) -> None:
    endpoint, _ = await hooks.add(receiver.url)
    await hooks.hear(hooks.shipped(number="old"))
    await hooks.send()
    hooks.pass_(days=29)
    await hooks.hear(hooks.shipped(number="new"))
    await hooks.service.trim(hooks.ctx)
    assert len(await hooks.states(endpoint)) == 2
    hooks.pass_(days=2)
    await hooks.service.trim(hooks.ctx)
    assert await hooks.states(endpoint) == [("waiting", 0)]
    assert await value(hooks, "SELECT count(*) FROM webhooks.attempts") == 0
    await hooks.service.remove(hooks.own, id=endpoint.id, vendor_id=hooks.vendor)
    hooks.pass_(days=31)
    await hooks.service.trim(hooks.ctx)
    assert await value(hooks, "SELECT count(*) FROM webhooks.endpoints") == 0
