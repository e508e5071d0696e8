"""What every bus promises, whatever carries it: PostgreSQL, NATS JetStream, RabbitMQ."""

import asyncio
import os
import random
import signal
import sys
import textwrap
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import pytest

from haat.engines.bus import DeadLetterGone, Route, Source
from haat.kernel.context import Context
from haat.kernel.errors import Unavailable
from haat.kernel.events import Event, Reaction, alias_id
from tests.engines import brokers
from tests.engines.bus_shop import (
    CALLS,
    QUICK,
    WRITES,
    Hearer,
    Shop,
    Sold,
    call,
    create_shop,
    open_shop,
    until,
)

OpenShop = Callable[..., Awaitable[Shop]]
NAMES = {"a.sold", "b.sold", "till.sold", "audit.all", "old.names", "some.sold"}
FACTS = [("top", 1), ("cap", 1), ("top", 2), ("cap", 2), ("top", 3), ("cap", 3)]


@pytest.fixture(params=["postgres", "nats", "rabbitmq"])
async def broker(request: pytest.FixtureRequest) -> AsyncIterator[str]:
    """The address of a broker with nothing in it; '' for PostgreSQL."""
    if request.param == "postgres":
        yield ""
        return
    server = request.getfixturevalue("nats_url") if request.param == "nats" else ""
    url = brokers.own_name(server or brokers.rabbitmq_url())
    try:
        yield url
    finally:
        await brokers.clean(url, NAMES)


@pytest.fixture
async def opened(broker: str, database_url: str) -> AsyncIterator[OpenShop]:
    """Opens shops on that broker, each as a process of its own would have it."""
    create_shop(database_url)
    async with AsyncExitStack() as stack:

        async def opening(limits: Any = QUICK, url: str = broker) -> Shop:
            return await stack.enter_async_context(open_shop(database_url, limits, url))

        yield opening


@pytest.fixture
async def shop(opened: OpenShop) -> Shop:
    return await opened()


class Poison:
    """Refuses one hat's second event until it is cured."""

    def __init__(self, error: type[Exception]) -> None:
        self.error: type[Exception] | None = error
        self.refused = 0

    async def __call__(self, events: Sequence[Any]) -> None:
        if self.error and any((e.hat, e.number) == ("top", 2) for e in events):
            self.refused += 1
            raise self.error("not this one")


@pytest.mark.parametrize("reaction", [CALLS, WRITES], ids=["calls", "writes"])
async def test_heard_once_with_its_circumstances(shop: Shop, reaction: Reaction) -> None:
    hearer = Hearer()
    await shop.start(("till.sold", hearer, reaction))
    await shop.sell(("bowler", 1), ctx=Context(request_id="r1", correlation_id="c1"))
    await shop.bus.drain()
    [event] = hearer.heard
    assert event == Sold(hat="bowler", number=1, event_id=event.id, occurred_at=event.occurred_at)
    assert await shop.ids() == [event.id]
    [heard_in] = hearer.contexts
    assert (heard_in.request_id, heard_in.correlation_id) == ("r1", "c1")
    assert await shop.count("shop.outbox") == 0
    assert await shop.bus.backlog() == []


async def test_a_key_keeps_its_order_over_processes(shop: Shop, opened: OpenShop) -> None:
    """Producers count up under a row's lock; three processes relay and consume, one leaves."""
    await shop.pool.execute("CREATE TABLE shop.hat (hat text PRIMARY KEY, sold int NOT NULL)")
    await shop.pool.execute("INSERT INTO shop.hat SELECT 'hat' || i, 0 FROM generate_series(0,9) i")
    hearer = Hearer()  # one list for all of them shows the order over processes

    async def slowly(events: object) -> None:
        await asyncio.sleep(random.random() / 100)

    hearer.before = slowly
    shops = [shop, await opened(), await opened()]
    for one in shops:
        await one.start(("till.sold", hearer, WRITES))
    bump = "UPDATE shop.hat SET sold = sold + 1 WHERE hat = $1 RETURNING sold"

    async def produce(seed: int) -> None:
        choose = random.Random(seed)
        for _ in range(40):
            hat = f"hat{choose.randrange(10)}"
            async with shops[seed % 3].database.begin(Context()) as tx:
                tx.emit(Sold(hat=hat, number=await tx.fetchval(bump, hat)))
                await asyncio.sleep(choose.random() / 100)

    producing = asyncio.gather(*(produce(i) for i in range(15)))
    await until(lambda: len(hearer.heard) > 100)
    await shops[2].bus.stop()
    await producing
    async with asyncio.timeout(60):
        await shop.bus.drain()
        await until(lambda: len(hearer.heard) >= 600)
    by_key = hearer.by_key()
    assert sum(map(len, by_key.values())) == 600
    for numbers in by_key.values():
        assert numbers == list(range(1, len(numbers) + 1))


async def test_processes_share_the_work(opened: OpenShop) -> None:
    quick = replace(QUICK, lease_s=0.5)
    shops, hearers = [await opened(quick) for _ in range(2)], [Hearer(), Hearer()]

    async def slowly(events: object) -> None:
        await asyncio.sleep(0.01)

    for one, hearer in zip(shops, hearers, strict=True):
        hearer.before = slowly
        await one.start(("till.sold", hearer, CALLS))

    async def both_work() -> bool:
        await shops[0].sell(*((f"hat{i}", i) for i in range(40)))
        await asyncio.sleep(0.1)
        return all(hearer.heard for hearer in hearers)

    await until(both_work, 60)
    await shops[0].bus.drain()
    await shops[1].bus.drain()


@pytest.mark.parametrize("reaction", [CALLS, WRITES], ids=["calls", "writes"])
async def test_a_dead_letter_parks_its_key_and_can_be_replayed(
    shop: Shop, reaction: Reaction
) -> None:
    poison = Poison(ValueError)
    hearer = Hearer(before=poison)
    await shop.start(("till.sold", hearer, reaction))
    await shop.sell(*FACTS)
    await until(lambda: _dead(shop))
    await shop.bus.drain()
    assert hearer.by_key() == {"top": [1], "cap": [1, 2, 3]}
    [waiting] = await shop.bus.backlog()
    assert (waiting.subscriber, waiting.waiting, waiting.parked) == ("till.sold", 1, 1)
    [letter] = (await shop.bus.dead_letters()).items
    assert (letter.type, letter.key, letter.source) == ("shop.sold", "top", "shop")
    assert letter.attempts == QUICK.tries
    await shop.sell(("top", 4), ("cap", 4))
    await shop.bus.drain()
    assert hearer.by_key() == {"top": [1], "cap": [1, 2, 3, 4]}
    poison.error = None
    await shop.bus.replay(letter.id)
    await until(lambda: len(hearer.heard) == 8)
    await shop.sell(("top", 5))
    await shop.bus.drain()
    assert hearer.by_key()["top"] == [1, 2, 3, 4, 5]
    with pytest.raises(DeadLetterGone):
        await shop.bus.replay(letter.id)
    assert [await shop.count(t) for t in ("bus.queue", "bus.held", "bus.dead")] == [0, 0, 0]


async def test_a_discarded_letter_lets_the_others_go_on(shop: Shop) -> None:
    hearer = Hearer(before=Poison(ValueError))
    await shop.start(("till.sold", hearer, WRITES))
    await shop.sell(*FACTS)
    await until(lambda: _dead(shop))
    await shop.bus.discard((await shop.bus.dead_letters()).items[0].id)
    await shop.sell(("top", 4))
    await until(lambda: len(hearer.heard) == 6)
    assert hearer.by_key()["top"] == [1, 3, 4]


async def test_it_backs_off_while_others_go_on(opened: OpenShop) -> None:
    """The second try comes after the first pause, the third after twice that."""
    times: list[float] = []

    async def fail_twice(events: Sequence[Any]) -> None:
        if any(e.hat == "top" for e in events) and len(times) < 3:
            if len(events) == 1:  # a batch is tried again one by one first
                times.append(asyncio.get_running_loop().time())
            if len(times) < 3:
                raise ValueError

    shop = await opened(replace(QUICK, backoff_s=0.3, backoff_max_s=2, poll_s=0.02, tries=9))
    hearer = Hearer(before=fail_twice)
    await shop.start(("till.sold", hearer, CALLS))
    await shop.sell(("top", 1), ("cap", 1), ("top", 2))
    await until(lambda: len(hearer.heard) == 3)
    assert [e.key for e in hearer.heard] == ["cap", "top", "top"]
    assert times[1] - times[0] >= 0.3
    assert times[2] - times[1] >= 0.6
    await shop.bus.drain()
    assert await shop.count("bus.held") == 0


async def test_an_outage_makes_no_dead_letters(shop: Shop) -> None:
    poison = Poison(Unavailable)
    hearer = Hearer(before=poison)
    await shop.start(("till.sold", hearer, CALLS))
    await shop.sell(*FACTS)
    await until(lambda: poison.refused > QUICK.tries + 3)
    assert await shop.bus.dead_count() == 0
    poison.error = None
    await until(lambda: len(hearer.heard) == len(FACTS))
    assert hearer.by_key() == {"top": [1, 2, 3], "cap": [1, 2, 3]}


async def test_an_envelope_nobody_can_read_is_a_dead_letter(shop: Shop) -> None:
    await shop.start(("till.sold", Hearer(), WRITES))
    await shop.pool.execute(
        "INSERT INTO shop.outbox (event_id, type, key, envelope)"
        " VALUES (gen_random_uuid(), 'shop.sold', 'top', '{}')"
    )
    shop.bus.emitted()
    await until(lambda: _dead(shop))


async def test_what_is_sent_again_is_heard_once(shop: Shop) -> None:
    """A relay that died after it had sent a batch sends it again."""
    hearer = Hearer()
    copy = "CREATE TABLE shop.copy AS SELECT event_id, type, key, envelope FROM shop.outbox"
    again = "INSERT INTO shop.outbox (event_id, type, key, envelope) SELECT * FROM shop.copy"
    await shop.sell(*FACTS)
    await shop.pool.execute(copy)
    await shop.pool.execute(again)
    await shop.start(("till.sold", hearer, WRITES))
    await shop.bus.drain()
    await shop.pool.execute(again)
    await shop.sell(("top", 4))
    await until(lambda: len(hearer.heard) == 7)
    await shop.bus.drain()
    assert hearer.by_key() == {"top": [1, 2, 3, 4], "cap": [1, 2, 3]}
    assert await shop.count("shop.heard") == 7


async def test_filters_and_aliases(shop: Shop) -> None:
    everything, old, some = Hearer(), Hearer(), Hearer()
    await shop.start(
        ("audit.all", everything, Reaction(Event, call, writes=False, batch=10)),
        ("old.names", old, replace(CALLS, alias="shop.verkauft")),
        ("some.sold", some, replace(CALLS, where=(("hat", ("cap", "top")), ("number", (2,))))),
    )
    await shop.sell(*FACTS, ("bowler", 2))
    await shop.bus.drain()
    names = [(e.type, e.data["hat"]) for e in everything.heard]  # type: ignore[attr-defined]
    assert sorted(names) == sorted(("shop.sold", hat) for hat, _ in [*FACTS, ("bowler", 2)])
    ids = {e.event_id for e in everything.heard if e.event_id}
    assert {e.id for e in old.heard} == {alias_id(id, "shop.verkauft") for id in ids}
    assert old.by_key() == {"top": [1, 2, 3], "cap": [1, 2, 3], "bowler": [2]}
    assert some.by_key() == {"top": [2], "cap": [2]}
    seen = await shop.pool.fetchval(
        "SELECT count(*) FROM shop.inbox WHERE subscriber = $1", "some.sold"
    )
    assert seen == 2


async def test_what_another_process_hears_waits_for_it(shop: Shop, opened: OpenShop) -> None:
    await relay_only(shop)
    await shop.sell(*FACTS)
    await until(lambda: sent(shop))
    [waiting] = await shop.bus.backlog()
    assert (waiting.subscriber, waiting.waiting, waiting.parked) == ("till.sold", 6, 0)
    assert not await shop.bus.idle()
    hearer, later = Hearer(), await opened()
    await later.start(("till.sold", hearer, WRITES), source=False)
    await later.bus.drain()
    assert hearer.by_key() == {"top": [1, 2, 3], "cap": [1, 2, 3]}


CHILD = """
import asyncio, sys
from dataclasses import replace
from tests.engines.bus_shop import WRITES, Hearer, open_shop

async def main():
    async def hang(events):
        print("holding", flush=True)
        await asyncio.sleep(60)
    async with open_shop(sys.argv[1], broker=sys.argv[2]) as shop:
        await shop.start(("till.sold", Hearer(before=hang), WRITES))
        await asyncio.sleep(60)

asyncio.run(main())
"""


async def test_a_killed_consumer_is_taken_over(shop: Shop, opened: OpenShop) -> None:
    """Kill -9 in the middle of a batch: whoever comes next handles it all, in order, once."""
    await shop.sell(*FACTS)
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        textwrap.dedent(CHILD),
        shop.url,
        shop.broker,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p) or "."},
    )
    assert child.stdout
    try:
        assert await asyncio.wait_for(child.stdout.readline(), 60) == b"holding\n"
        await shop.sell(("top", 4))
    finally:
        child.send_signal(signal.SIGKILL)
        await child.wait()
    assert await shop.count("bus.lease") > 0
    assert await shop.count("shop.heard") == 0
    hearer = Hearer()
    await shop.start(("till.sold", hearer, WRITES))
    await until(lambda: len(hearer.heard) >= 7, 60)
    await shop.bus.drain()
    assert hearer.by_key() == {"top": [1, 2, 3, 4], "cap": [1, 2, 3]}
    assert await shop.count("shop.heard") == 7
    assert await shop.count("shop.inbox") == 7


async def test_stop_lets_the_batch_end(shop: Shop) -> None:
    hearer = Hearer()

    async def briefly(events: Sequence[Any]) -> None:
        await asyncio.sleep(0.2)

    hearer.before = briefly
    await shop.start(("till.sold", hearer, WRITES))
    await shop.sell(("top", 1))
    await until(lambda: hearer.batches)
    await shop.bus.stop()
    assert len(hearer.heard) == 1
    assert [await shop.count(t) for t in ("bus.queue", "bus.lease", "bus.member")] == [0, 0, 0]


async def relay_only(shop: Shop) -> None:
    await shop.bus.start([Source("shop", shop.pool)], [], routes=[Route("shop.sold", "till.sold")])


async def sent(shop: Shop) -> bool:
    return await shop.count("shop.outbox") == 0


async def _dead(shop: Shop) -> bool:
    return await shop.bus.dead_count() == 1
