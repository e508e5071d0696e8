"""A moment in which nothing is under way at a broker, so that databases can be copied alone.

A broker's messages are no part of a copy of the databases: one that had left its outbox, but was
not handled yet, would be lost to it.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from haat.engines.bus.carrier import Carrier
from haat.engines.bus.port import Source

# The lock that a relay needs for each batch (relay.py), held by a session instead.
_HOLD = "SELECT pg_advisory_lock(hashtextextended($1, 1))"
_LET_GO = "SELECT pg_advisory_unlock(hashtextextended($1, 1))"
_LOOK_S = 0.05


@asynccontextmanager
async def stillness(
    carrier: Carrier,
    sources: Sequence[Source],
    subscribers: Iterable[str],
    *,
    timeout_s: float = 60,
) -> AsyncIterator[None]:
    """While inside, relays wait and everything that was handed to the broker for `subscribers` has
    been handled, or was set aside in PostgreSQL. What modules announce meanwhile stays in their
    outboxes, so be quick. TimeoutError when the queues do not get empty; Away without a broker.

    RabbitMQ does not tell what a process has in hand: there, stop all processes first."""
    async with AsyncExitStack() as stack:
        async with asyncio.timeout(timeout_s):
            connections = {
                pool: await stack.enter_async_context(pool.acquire())
                for pool in {source.pool for source in sources}
            }
            for source in sources:
                connection = connections[source.pool]
                await connection.execute(_HOLD, source.schema)
                stack.push_async_callback(connection.execute, _LET_GO, source.schema)
            await carrier.open(subscribers)
            stack.push_async_callback(carrier.close)
            await _emptied(carrier)
        yield


async def _emptied(carrier: Carrier) -> None:
    while True:
        if not await carrier.waiting():
            return
        await asyncio.sleep(_LOOK_S)
