"""What fails waits, alone; what a killed process held is taken over; what is hopeless is shown."""

import asyncio
import os
import signal
import sys
import textwrap
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from haat.engines.bus import DeadLetterGone
from haat.kernel.errors import Unavailable
from haat.kernel.events import Reaction
from tests.engines.bus_shop import (
    CALLS,
    QUICK,
    WRITES,
    Hearer,
    Shop,
    create_shop,
    open_shop,
    until,
)


@pytest.fixture
async def shop(database_url: str) -> AsyncIterator[Shop]:
    create_shop(database_url)
    async with open_shop(database_url) as opened:
        yield opened


class Poison:
    """Refuses one hat's first event until it is cured."""

    def __init__(self, hat: str = "top", number: int = 2) -> None:
        self.hat, self.number = hat, number
        self.error: type[Exception] | None = ValueError
        self.refused = 0

    async def __call__(self, events: Sequence[Any]) -> None:
        if self.error and any((e.hat, e.number) == (self.hat, self.number) for e in events):
            self.refused += 1
            raise self.error(f"not this {self.hat}\nDETAIL: quotes a row")


FACTS = [("top", 1), ("cap", 1), ("top", 2), ("cap", 2), ("top", 3), ("cap", 3)]


async def parked(shop: Shop, hearer: Hearer, reaction: Reaction) -> Poison:
    """A shop in which the second top hat is a dead letter."""
    poison = Poison()
    hearer.before = poison
    await shop.start(("till.sold", hearer, reaction))
    await shop.sell(*FACTS)

    async def dead() -> bool:
        return await shop.bus.dead_count() == 1

    await until(dead)
    await shop.bus.drain()
    return poison


@pytest.mark.parametrize("reaction", [CALLS, WRITES])
async def test_poison_parks_its_key_and_no_other(shop: Shop, reaction: Reaction) -> None:
    hearer = Hearer()
    await parked(shop, hearer, reaction)
    assert hearer.by_key() == {"top": [1], "cap": [1, 2, 3]}
    [waiting] = await shop.bus.backlog()
    assert (waiting.subscriber, waiting.waiting, waiting.parked) == ("till.sold", 1, 1)
    [letter] = (await shop.bus.dead_letters()).items
    assert (letter.subscriber, letter.type, letter.key) == ("till.sold", "shop.sold", "top")
    assert letter.attempts == QUICK.tries
    assert letter.error.startswith("ValueError: not this top")
    assert "DETAIL" not in letter.error
    assert letter.envelope["data"] == {"hat": "top", "number": 2}
    await shop.sell(("top", 4), ("cap", 4))
    await shop.bus.drain()
    assert hearer.by_key() == {"top": [1], "cap": [1, 2, 3, 4]}


@pytest.mark.parametrize("reaction", [CALLS, WRITES])
async def test_a_replayed_letter_comes_before_what_waited(shop: Shop, reaction: Reaction) -> None:
    hearer = Hearer()
    poison = await parked(shop, hearer, reaction)
    poison.error = None
    [letter] = (await shop.bus.dead_letters()).items
    await shop.bus.replay(letter.id)
    await shop.bus.drain()
    assert hearer.by_key()["top"] == [1, 2, 3]
    assert await shop.bus.dead_count() == 0
    assert await shop.count("bus.held") == 0
    with pytest.raises(DeadLetterGone):
        await shop.bus.replay(letter.id)


async def test_a_discarded_letter_lets_the_others_go_on(shop: Shop) -> None:
    hearer = Hearer()
    await parked(shop, hearer, WRITES)
    [letter] = (await shop.bus.dead_letters()).items
    await shop.bus.discard(letter.id)
    await shop.bus.drain()
    assert hearer.by_key()["top"] == [1, 3]
    with pytest.raises(DeadLetterGone):
        await shop.bus.discard(letter.id)


async def test_another_subscriber_is_not_concerned(shop: Shop) -> None:
    ill, well = Hearer(before=Poison()), Hearer()
    await shop.start(("a.sold", ill, CALLS), ("b.sold", well, CALLS))
    await shop.sell(*FACTS)
    await until(lambda: len(well.heard) == len(FACTS))
    assert well.by_key()["top"] == [1, 2, 3]


async def test_it_backs_off_and_recovers(shop: Shop) -> None:
    """The second try comes after the first pause, the third after twice that."""
    hearer, times = Hearer(), []

    async def fail_twice(events: Sequence[Any]) -> None:
        times.append(asyncio.get_running_loop().time())
        if len(times) < 3:
            raise ValueError

    hearer.before = fail_twice
    slow = replace(QUICK, backoff_s=0.2, backoff_max_s=2, poll_s=0.02, tries=9)
    async with open_shop(shop.url, slow) as other:
        await other.start(("till.sold", hearer, CALLS))
        await other.sell(("top", 1))
        await until(lambda: hearer.heard)
    assert times[1] - times[0] >= 0.2
    assert times[2] - times[1] >= 0.4
    assert await shop.count("bus.held") == 0


async def test_each_event_has_its_own_tries(shop: Shop) -> None:
    """What failed until its last try and was handled then uses up none of its followers' tries."""
    hearer, left = Hearer(), {1: QUICK.tries - 1, 2: 1, 3: 1}

    async def fail_at_first(events: Sequence[Any]) -> None:
        for event in events:
            if left[event.number]:
                left[event.number] -= 1
                raise ValueError

    hearer.before = fail_at_first
    await shop.start(("till.sold", hearer, CALLS))
    await shop.sell(("top", 1), ("top", 2), ("top", 3))
    await until(lambda: len(hearer.heard) == 3)
    assert hearer.by_key()["top"] == [1, 2, 3]
    assert await shop.bus.dead_count() == 0


async def test_an_outage_makes_no_dead_letters(shop: Shop) -> None:
    poison = Poison()
    poison.error = Unavailable
    hearer = Hearer(before=poison)
    await shop.start(("till.sold", hearer, CALLS))
    await shop.sell(*FACTS)
    await until(lambda: poison.refused > QUICK.tries + 3)
    assert await shop.bus.dead_count() == 0
    poison.error = None
    await until(lambda: len(hearer.heard) == len(FACTS))
    assert hearer.by_key() == {"top": [1, 2, 3], "cap": [1, 2, 3]}


async def test_a_handler_that_hangs_is_ended(shop: Shop) -> None:
    async def hang(events: Sequence[Any]) -> None:
        await asyncio.sleep(3600)

    async with open_shop(shop.url, replace(QUICK, handler_s=0.05)) as other:
        await other.start(("till.sold", Hearer(before=hang), WRITES))
        await other.sell(("top", 1))
        await until(lambda: _dead(other))
    [letter] = (await shop.bus.dead_letters()).items
    assert letter.error.startswith("TimeoutError")


async def test_an_envelope_nobody_can_read_is_a_dead_letter(shop: Shop) -> None:
    await shop.start(("till.sold", Hearer(), WRITES))
    await shop.pool.execute(
        "INSERT INTO shop.outbox (event_id, type, key, envelope)"
        " VALUES (gen_random_uuid(), 'shop.sold', 'top', '{}')"
    )
    await until(lambda: _dead(shop))


async def _dead(shop: Shop) -> bool:
    return await shop.bus.dead_count() == 1


async def test_a_long_batch_keeps_its_lease(shop: Shop) -> None:
    """A second process does not take over what takes longer than a lease."""
    slow, other = Hearer(), Hearer()

    async def long(events: Sequence[Any]) -> None:
        await asyncio.sleep(1.5)

    slow.before = long
    await shop.start(("till.sold", slow, CALLS))
    await shop.sell(("top", 1))
    await until(lambda: slow.batches)
    async with open_shop(shop.url, replace(QUICK, poll_s=0.02)) as second:
        await second.start(("till.sold", other, CALLS))
        await until(lambda: slow.heard)
        await shop.bus.drain()
    assert other.batches == []
    assert slow.batches == [1]


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
    assert await shop.count("bus.queue") == 0
    assert await shop.count("bus.lease") == 0


CHILD = """
import asyncio, sys
from tests.engines.bus_shop import CALLS, Hearer, open_shop

async def main():
    async def hang(events):
        print("holding", flush=True)
        await asyncio.sleep(60)
    async with open_shop(sys.argv[1]) as shop:
        await shop.start(("till.sold", Hearer(before=hang), CALLS))
        await asyncio.sleep(60)

asyncio.run(main())
"""


async def test_a_killed_process_is_taken_over(shop: Shop) -> None:
    await shop.sell(*FACTS)
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        textwrap.dedent(CHILD),
        shop.url,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p) or "."},
    )
    assert child.stdout
    try:
        assert await asyncio.wait_for(child.stdout.readline(), 60) == b"holding\n"
    finally:
        child.send_signal(signal.SIGKILL)
        await child.wait()
    assert await shop.count("bus.lease") > 0
    hearer = Hearer()
    await shop.start(("till.sold", hearer, CALLS))
    await until(lambda: len(hearer.heard) == len(FACTS))
    assert hearer.by_key() == {"top": [1, 2, 3], "cap": [1, 2, 3]}


async def test_a_cut_connection_is_outlived(shop: Shop) -> None:
    hearer = Hearer()
    await shop.start(("till.sold", hearer, WRITES))
    cut = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()"""
    async with open_shop(shop.url) as operator:
        await operator.pool.fetch(cut)
        await operator.sell(("top", 1))
    await until(lambda: hearer.heard, 120)  # a lease that was cut in use has to run out
    await shop.bus.drain()
    assert hearer.by_key() == {"top": [1]}
