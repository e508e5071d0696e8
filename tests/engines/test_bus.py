"""Events arrive once, in order for each key, soon, and in batches."""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from uuid import uuid4

import pytest

from haat.engines.bus import PostgresBus, Route, Source, Subscription, route_of
from haat.engines.bus.delivery import deliver
from haat.engines.sql import Database, open_pool
from haat.kernel.clock import SystemClock
from haat.kernel.context import Context
from haat.kernel.events import Envelope, Event, Reaction
from tests import postgres
from tests.engines.bus_shop import (
    CALLS,
    QUICK,
    WRITES,
    Hearer,
    Returned,
    Shop,
    Sold,
    call,
    create_shop,
    open_shop,
    until,
)


@pytest.fixture
async def shop(database_url: str) -> AsyncIterator[Shop]:
    create_shop(database_url)
    async with open_shop(database_url) as opened:
        yield opened


@pytest.mark.parametrize("reaction", [CALLS, WRITES])
async def test_an_event_is_heard_with_its_circumstances(shop: Shop, reaction: Reaction) -> None:
    hearer = Hearer()
    await shop.start(("till.sold", hearer, reaction))
    ctx = Context(request_id="r1", correlation_id="c1")
    await shop.sell(("bowler", 1), ctx=ctx)
    await shop.bus.drain()
    [event] = hearer.heard
    assert event == Sold(hat="bowler", number=1, event_id=event.id, occurred_at=event.occurred_at)
    assert event.occurred_at is not None
    assert await shop.ids() == [event.id]
    [heard_in] = hearer.contexts
    assert (heard_in.request_id, heard_in.correlation_id) == ("r1", "c1")
    assert heard_in.actor.type == "system"
    assert [await shop.count(t) for t in ("bus.queue", "bus.lease", "shop.outbox")] == [0, 0, 0]


async def test_nothing_is_heard_of_what_was_rolled_back(shop: Shop) -> None:
    hearer = Hearer()
    await shop.start(("till.sold", hearer, CALLS))

    async def fail() -> None:
        async with shop.database.begin(Context()) as tx:
            tx.emit(Sold(hat="cap", number=1))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    await shop.bus.drain()
    assert hearer.heard == []


async def test_every_subscriber_hears_and_others_do_not(shop: Shop) -> None:
    first, second, other, all_of_it = Hearer(), Hearer(), Hearer(), Hearer()
    await shop.start(
        ("a.sold", first, CALLS),
        ("b.sold", second, WRITES),
        ("c.returned", other, Reaction(Returned, call, writes=False, batch=10)),
        ("audit.all", all_of_it, Reaction(Event, call, writes=False, batch=10)),
    )
    await shop.sell(("cap", 1), ("cap", 2))
    async with shop.database.begin(Context()) as tx:
        tx.emit(Returned(hat="cap", number=3))
    await shop.bus.drain()
    assert [e.number for e in first.heard] == [1, 2]  # type: ignore[attr-defined]
    assert len(second.heard) == 2
    assert [type(e) for e in other.heard] == [Returned]
    types = [e.type for e in all_of_it.heard]  # type: ignore[attr-defined]
    assert types == ["shop.sold"] * 2 + ["shop.returned"]
    assert isinstance(all_of_it.heard[0], Envelope)


async def test_events_of_several_kinds_keep_the_order_of_a_key(shop: Shop) -> None:
    hearer = Hearer()
    returned = Reaction(Returned, call, writes=False, batch=100)
    await shop.start(("till", hearer, CALLS), ("till", hearer, returned))
    facts: list[Event] = []
    for number in range(200):
        kind = random.Random(number).choice([Sold, Returned])
        facts.append(kind(hat=f"hat{number % 7}", number=number))
    async with shop.database.begin(Context()) as tx:
        tx.emit(*facts)
    await shop.bus.drain()
    assert len(hearer.heard) == 200
    assert all(numbers == sorted(numbers) for numbers in hearer.by_key().values())
    assert max(hearer.batches) > 1


@pytest.mark.parametrize("reaction", [CALLS, WRITES])
async def test_one_handler_takes_events_of_several_kinds_together(
    shop: Shop, reaction: Reaction
) -> None:
    hearer = Hearer()
    async with shop.database.begin(Context()) as tx:
        for number in range(0, 6, 2):
            for hat in ("cap", "fez"):
                tx.emit(Sold(hat=hat, number=number), Returned(hat=hat, number=number + 1))
    both = replace(reaction, event=Returned)
    await shop.start(("till.moved", hearer, reaction), ("till.moved", hearer, both))
    await shop.bus.drain()
    assert hearer.batches == [12]
    assert hearer.by_key() == {"cap": [*range(6)], "fez": [*range(6)]}
    assert {type(event) for event in hearer.heard} == {Sold, Returned}


@pytest.mark.parametrize("reaction", [CALLS, WRITES])
async def test_order_per_key_under_concurrent_producers_and_consumers(
    shop: Shop, database_url: str, reaction: Reaction
) -> None:
    """Producers count up under a row's lock; three processes relay and consume."""
    await shop.pool.execute("CREATE TABLE shop.hat (hat text PRIMARY KEY, sold int NOT NULL)")
    await shop.pool.execute("INSERT INTO shop.hat SELECT 'hat' || i, 0 FROM generate_series(0,9) i")
    hearer = Hearer()  # one list for all of them shows the order over processes

    async def slowly(events: object) -> None:
        await asyncio.sleep(random.random() / 100)

    hearer.before = slowly
    async with open_shop(database_url) as second, open_shop(database_url) as third:
        for one in (shop, second, third):
            await one.start(("till.sold", hearer, reaction))
        bump = "UPDATE shop.hat SET sold = sold + 1 WHERE hat = $1 RETURNING sold"

        async def produce(which: Shop, seed: int) -> None:
            choose = random.Random(seed)
            for _ in range(40):
                hat = f"hat{choose.randrange(10)}"
                async with which.database.begin(Context()) as tx:
                    tx.emit(Sold(hat=hat, number=await tx.fetchval(bump, hat)))
                    await asyncio.sleep(choose.random() / 500)

        shops = (shop, second, third)
        await asyncio.gather(*(produce(shops[i % 3], i) for i in range(15)))
        await shop.bus.drain()
    by_key = hearer.by_key()
    assert sum(map(len, by_key.values())) == 600
    for numbers in by_key.values():
        assert numbers == list(range(1, len(numbers) + 1))


async def test_what_the_inbox_knows_is_not_heard_again(shop: Shop) -> None:
    hearer = Hearer()
    await shop.start(("till.sold", hearer, WRITES))
    await shop.sell(("cap", 1))
    await shop.bus.drain()
    [event] = hearer.heard
    again = """INSERT INTO shop.outbox (event_id, type, key, envelope)
        VALUES ($1, 'shop.sold', 'cap', $2)"""
    envelope = Envelope.model_validate(
        {
            "eventId": event.id,
            "type": "shop.sold",
            "version": 1,
            "occurredAt": event.occurred_at,
            "actor": {"type": "system"},
            "data": {"hat": "cap", "number": 1},
            "trace": {},
        }
    )
    await shop.pool.execute(again, event.id, envelope.model_dump_json())
    await shop.sell(("cap", 2))
    await shop.bus.drain()
    assert [e.number for e in hearer.heard] == [1, 2]  # type: ignore[attr-defined]
    assert await shop.count("shop.heard") == 2


async def test_an_event_that_is_twice_in_a_batch_keeps_its_first_place(shop: Shop) -> None:
    """A relay that failed in the middle of its batch sends it all again, and then more."""
    hearer = Hearer()
    await shop.sell(("cap", 1), ("cap", 2), ("cap", 3))
    rows = await shop.pool.fetch("SELECT envelope FROM shop.outbox ORDER BY seq")
    one, two, three = (row["envelope"] for row in rows)
    heard_by = Subscription("till.sold", shop.database, hearer, WRITES)
    await deliver(heard_by, [one, two, one, two, three], SystemClock(), 5)
    assert hearer.by_key() == {"cap": [1, 2, 3]}


async def test_an_idle_bus_answers_at_once(shop: Shop) -> None:
    """From commit to handled, within one process, without waiting for a poll."""
    hearer = Hearer()
    patient = replace(QUICK, poll_s=5)
    shop.bus = PostgresBus(shop.pool, limits=patient)
    shop.database = Database(shop.pool, "shop", emitted=shop.bus.emitted)
    await shop.start(("till.sold", hearer, WRITES))
    await asyncio.sleep(0.1)
    took = []
    for number in range(20):
        began = time.perf_counter()
        await shop.sell(("cap", number))
        await until(partial(_has_heard, hearer, number + 1))
        took.append(time.perf_counter() - began)
        await asyncio.sleep(0.25)  # idle again: a crowd may be made to wait for a set
    print(f"commit to handled: median {sorted(took)[10] * 1000:.1f} ms, max {max(took) * 1000:.1f}")
    assert sorted(took)[10] < patient.poll_s / 5


async def test_another_process_is_woken_by_notify(shop: Shop, database_url: str) -> None:
    """A web process emits, one process relays, a third one listens."""
    hearer = Hearer()
    patient = replace(QUICK, poll_s=5)
    async with open_shop(database_url, patient) as relay, open_shop(database_url, patient) as ear:
        route = [Route("shop.sold", "till.sold")]
        await relay.bus.start([Source("shop", relay.pool)], [], routes=route)
        await ear.start(("till.sold", hearer, WRITES), source=False)
        await asyncio.sleep(0.1)
        took = []
        for number in range(10):
            began = time.perf_counter()
            await shop.sell(("cap", number))
            await until(partial(_has_heard, hearer, number + 1))
            took.append(time.perf_counter() - began)
            await asyncio.sleep(0.03)
        print(f"over NOTIFY: median {sorted(took)[5] * 1000:.1f} ms")
        assert sorted(took)[5] < patient.poll_s / 5


async def test_it_keeps_up_with_a_crowd(shop: Shop) -> None:
    hearers = [Hearer() for _ in range(3)]
    await shop.start(*((f"ear{i}.sold", one, WRITES) for i, one in enumerate(hearers)))
    began = time.perf_counter()
    for start in range(0, 3000, 100):
        await shop.sell(*((f"hat{n % 500}", n) for n in range(start, start + 100)))
    await shop.bus.drain()
    rate = 3000 / (time.perf_counter() - began)
    print(f"{rate:.0f} events/s to three subscribers each")
    assert all(len(one.heard) == 3000 for one in hearers)
    assert rate > 30  # a crowd is no wall: bin/bench tells how fast it is


async def test_a_source_in_another_database(
    shop: Shop, postgres_url: str, template_url: str
) -> None:
    """The module's schema stands elsewhere: its outbox and inbox there, the queue here."""
    hearer = Hearer()
    with postgres.database(postgres_url, postgres.name_of(template_url)) as elsewhere:
        create_shop(elsewhere)
        pool = await open_pool(elsewhere, size=4)
        far = Database(pool, "shop", emitted=shop.bus.emitted)
        reactions = [Subscription("till.sold", far, hearer, WRITES)]
        await shop.bus.start([Source("shop", pool)], reactions)
        for number in range(30):
            async with far.begin(Context()) as tx:
                tx.emit(Sold(hat="cap", number=number))
        await shop.bus.drain()
        assert hearer.by_key() == {"cap": list(range(30))}
        assert await pool.fetchval("SELECT count(*) FROM shop.inbox") == 30
        assert await pool.fetchval("SELECT count(*) FROM shop.outbox") == 0
        await shop.bus.stop()
        await pool.close()


async def test_what_nobody_hears_is_dropped_and_what_another_process_hears_waits(
    shop: Shop, database_url: str
) -> None:
    await shop.bus.start(
        [Source("shop", shop.pool)], [], routes=[route_of("till.returned", RETURNED)]
    )
    await shop.sell(("cap", 1))
    async with shop.database.begin(Context()) as tx:
        tx.emit(Returned(hat="cap", number=2))
    await until(lambda: _is_empty(shop))
    [waiting] = await shop.bus.backlog()
    assert (waiting.subscriber, waiting.waiting, waiting.parked) == ("till.returned", 1, 0)
    assert not await shop.bus.idle()
    hearer = Hearer()
    async with open_shop(database_url) as later:
        await later.start(("till.returned", hearer, RETURNED), source=False)
        await until(lambda: hearer.heard)
    assert await shop.bus.idle()


RETURNED = Reaction(Returned, call, writes=False, batch=10)


def _has_heard(hearer: Hearer, count: int) -> bool:
    return len(hearer.heard) == count


async def _is_empty(shop: Shop) -> bool:
    return await shop.count("shop.outbox") == 0


async def test_old_inbox_rows_are_trimmed(shop: Shop) -> None:
    await shop.start(("till.sold", Hearer(), WRITES))
    old = "INSERT INTO shop.inbox SELECT 'till.sold', gen_random_uuid(), now() - $1::interval"
    await shop.pool.execute(old, timedelta(days=31))
    await shop.pool.execute(old, timedelta(days=29))
    assert await shop.bus.trim() == 1
    assert await shop.count("shop.inbox") == 1


async def test_ids_repeat_when_a_batch_comes_again(shop: Shop) -> None:
    """A reaction that calls and then fails sends the same ids the second time."""
    hearer, seen = Hearer(), []

    async def fail_once(events: object) -> None:
        seen.append(hearer.contexts[-1].new_id())
        if len(seen) == 1:
            raise ConnectionError

    hearer.before = fail_once
    await shop.start(("till.sold", hearer, CALLS))
    await shop.sell((f"hat {uuid4()}", 1))
    await until(lambda: len(hearer.heard) == 1)
    assert seen[0] == seen[1]
