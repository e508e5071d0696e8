"""What programs outside the market hear, and what the address of a bus says."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aio_pika
import nats
import pytest

from haat.engines.bus import PostgresBus, is_broker, open_bus
from haat.engines.bus import nats as nats_bus
from haat.engines.bus import rabbitmq as rabbitmq_bus
from haat.kernel.events import alias_id
from tests.engines import brokers
from tests.engines.bus_shop import QUICK, WRITES, Hearer, create_shop, open_shop, until

Told = list[tuple[str, dict[str, Any]]]


@asynccontextmanager
async def nats_ear(url: str) -> AsyncIterator[Told]:
    """Subjects without the prefix, and bodies."""
    address, _, prefix = url.partition("?prefix=")
    told: Told = []
    client = await nats.connect(address)

    async def hear(message: Any) -> None:
        topic = message.subject.removeprefix(f"{prefix}.events.")
        told.append((topic, json.loads(message.data)))

    await client.subscribe(f"{prefix}.events.>", cb=hear)
    await client.flush()
    yield told
    await client.close()


@asynccontextmanager
async def rabbitmq_ear(url: str) -> AsyncIterator[Told]:
    """Routing keys and bodies."""
    address, _, prefix = url.partition("?prefix=")
    told: Told = []
    connection = await aio_pika.connect(address)
    channel = await connection.channel()
    world = await channel.declare_exchange(f"{prefix}.events", "topic", durable=True)
    queue = await channel.declare_queue(exclusive=True)
    await queue.bind(world, "#")

    async def hear(message: Any) -> None:
        told.append((message.routing_key, json.loads(message.body)))

    await queue.consume(hear, no_ack=True)
    yield told
    await connection.close()


@pytest.mark.parametrize(
    ("kind", "ear"), [("nats", nats_ear), ("rabbitmq", rabbitmq_ear)], ids=["nats", "rabbitmq"]
)
async def test_the_world_hears_each_name_once(
    request: pytest.FixtureRequest, database_url: str, kind: str, ear: Callable[[str], Any]
) -> None:
    """Also what nobody in the market hears, and not once for each who does."""
    server = request.getfixturevalue("nats_url") if kind == "nats" else brokers.rabbitmq_url()
    url = brokers.own_name(server)
    create_shop(database_url)
    try:
        async with ear(url) as told, open_shop(database_url, QUICK, url) as shop:
            hearers = [Hearer(), Hearer()]
            await shop.start(("a.sold", hearers[0], WRITES), ("b.sold", hearers[1], WRITES))
            await shop.sell(("cap", 1), ("cap", 2))
            await until(lambda: len({(topic, body["eventId"]) for topic, body in told}) >= 4)
            await shop.bus.drain()
            await asyncio.sleep(0.1)
    finally:
        await brokers.clean(url, {"a.sold", "b.sold"})
    ids = [event.id for event in hearers[0].heard]
    # A send whose acknowledgement is late is sent again, under the same id: at least once.
    different = list({(topic, body["eventId"]): (topic, body) for topic, body in told}.values())
    facts = [body for topic, body in different if topic == "shop.sold"]
    others = [body for topic, body in different if topic == "shop.verkauft"]
    assert len(different) == 4
    assert [one["eventId"] for one in facts] == [str(id) for id in ids]
    assert [one["eventId"] for one in others] == [str(alias_id(id, "shop.verkauft")) for id in ids]
    assert {one["type"] for one in others} == {"shop.verkauft"}
    assert [one["data"] for one in others] == [one["data"] for one in facts]


def test_a_nats_address() -> None:
    found = nats_bus.settings_of(
        "tls://me:secret@one:4222,two:4223?prefix=shop&partitions=8&replicas=3&outside=no&keep_s=60"
    )
    assert found.servers == ("tls://me:secret@one:4222", "tls://me:secret@two:4223")
    assert (found.queue, found.events) == ("SHOP_QUEUE", "SHOP_EVENTS")
    assert (found.partitions, found.replicas, found.outside, found.keep_s) == (8, 3, False, 60)
    assert isinstance(found.tls, ssl.SSLContext)
    assert nats_bus.settings_of("nats://one").tls is None
    with pytest.raises(ValueError, match="needs a host"):
        nats_bus.settings_of("nats://")


def test_a_rabbitmq_address() -> None:
    found = rabbitmq_bus.settings_of(
        "amqps://me:secret@one:5671/shop?partitions=3&cafile=/etc/ca.pem&outside=no&prefix=p"
    )
    assert found.url == "amqps://me:secret@one:5671/shop?cafile=%2Fetc%2Fca.pem"
    assert (found.prefix, found.partitions, found.outside) == ("p", 3, False)


@pytest.mark.parametrize(
    ("url", "broker"),
    [
        ("postgresql://a/b", False),
        ("nats://embedded", True),
        ("tls://a", True),
        ("amqp://a", True),
        ("amqps://a", True),
    ],
)
def test_what_is_a_broker(url: str, broker: bool) -> None:
    assert is_broker(url) is broker


@pytest.mark.parametrize(
    ("url", "said"), [("kafka://a", "HAAT_BUS_URL is"), ("nats://embedded", "haat run")]
)
def test_an_address_that_is_none(url: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        open_bus(url, None)
    assert isinstance(open_bus("postgresql://a/b", None), PostgresBus)
