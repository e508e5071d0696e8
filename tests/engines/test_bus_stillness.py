"""While databases are copied, relays wait and the broker is empty."""

from collections.abc import Iterable
from typing import Any, cast

import pytest

from haat.engines.bus import Source
from haat.engines.bus.carrier import Carrier, Waiting
from haat.engines.bus.stillness import stillness
from haat.engines.sql import open_pool

RELAY_MAY = "SELECT pg_try_advisory_xact_lock(hashtextextended($1, 1))"
SCHEMAS = ("orders", "payments")


class Broker:
    """Has something for so many looks; then nothing."""

    def __init__(self, looks: int) -> None:
        self.looks = looks
        self.asked_of: set[str] = set()
        self.is_open = False

    async def open(self, subscribers: Iterable[str]) -> None:
        self.asked_of, self.is_open = set(subscribers), True

    async def close(self) -> None:
        self.is_open = False

    async def waiting(self) -> dict[str, Waiting]:
        self.looks -= 1
        return {"orders.paid": Waiting(1, 0)} if self.looks >= 0 else {}


async def test_relays_wait_and_go_on(postgres_url: str) -> None:
    pool: Any = await open_pool(postgres_url, size=3)
    broker = Broker(looks=3)
    sources = [Source(name, pool) for name in SCHEMAS]
    async with stillness(cast(Carrier, broker), sources, ["orders.paid"]):
        assert broker.looks < 0, "not before the broker is empty"
        assert broker.asked_of == {"orders.paid"}
        assert [await pool.fetchval(RELAY_MAY, name) for name in SCHEMAS] == [False, False]
    assert [await pool.fetchval(RELAY_MAY, name) for name in SCHEMAS] == [True, True]
    assert not broker.is_open
    await pool.close()


async def test_a_broker_that_nobody_empties_holds_nobody_up(postgres_url: str) -> None:
    pool: Any = await open_pool(postgres_url, size=3)
    sources = [Source(name, pool) for name in SCHEMAS]
    with pytest.raises(TimeoutError):
        async with stillness(cast(Carrier, Broker(10**6)), sources, ["x"], timeout_s=0.3):
            raise AssertionError
    assert [await pool.fetchval(RELAY_MAY, name) for name in SCHEMAS] == [True, True]
    await pool.close()
