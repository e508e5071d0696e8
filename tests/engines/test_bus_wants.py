"""What nobody hears is not written, unless a broker tells the world."""

from typing import Any

import pytest

from haat.engines.bus import Route, open_bus
from haat.engines.sql import Database
from haat.kernel.context import Context
from tests.engines.bus_shop import Returned, Sold, create_shop, open_shop

SOLD = Route("shop.sold", "till.sold")
STEP = "WITH one AS (SELECT 1 AS id) /*emit:one*/ SELECT id FROM one"


async def test_only_what_somebody_hears_is_written(database_url: str) -> None:
    create_shop(database_url)
    async with open_shop(database_url) as shop:
        called: list[int] = []
        wanted = shop.bus.wants([SOLD])
        database = Database(shop.pool, "shop", emitted=lambda: called.append(1), wanted=wanted)
        ctx, sold, returned = Context(), Sold(hat="cap", number=1), Returned(hat="cap", number=1)
        assert [row["id"] for row in await database.step(ctx, STEP, emit=[returned])] == [1]
        async with database.begin(ctx) as tx:
            tx.emit(returned)
        assert (called, await shop.count("shop.outbox")) == ([], 0)  # no relay has to look
        await database.step(ctx, STEP, emit=[returned, sold, returned])
        async with database.begin(ctx) as tx:
            tx.emit(returned, sold)
        types = await shop.pool.fetch("SELECT type FROM shop.outbox")
        assert [row["type"] for row in types] == ["shop.sold"] * 2
        assert called == [1, 1]


@pytest.mark.parametrize(
    ("address", "routes", "wanted"),
    [
        ("postgresql://here", [SOLD], False),
        ("postgresql://here", [SOLD, Route("*", "audit.keep")], True),
        ("nats://here", [SOLD], True),
        ("nats://here?outside=no", [SOLD], False),
        ("amqp://here", [SOLD], True),
        ("amqp://here?outside=no", [SOLD], False),
    ],
)
def test_what_a_bus_wants(address: str, routes: list[Route], wanted: bool) -> None:
    no_pool: Any = None
    wants = open_bus(address, no_pool).wants(routes)
    assert wants(Sold(hat="cap", number=1))
    assert wants(Returned(hat="cap", number=1)) is wanted


def test_a_filter_that_nothing_fits_hears_nothing() -> None:
    no_pool: Any = None
    caps, twos = (("hat", ("cap", "bowler")),), (("number", (2,)), ("hat", ("boater",)))
    routes = [Route("shop.sold", "till.sold", caps), Route("shop.sold", "books.sold", twos)]
    wants = open_bus("postgresql://here", no_pool).wants(routes)
    asked = [("cap", 1), ("bowler", 3), ("boater", 2), ("boater", 1), ("fez", 2)]
    heard = [wants(Sold(hat=hat, number=number)) for hat, number in asked]
    assert heard == [True, True, True, False, False]
    assert not wants(Returned(hat="cap", number=2))
