"""Which bus an address means."""

from urllib.parse import urlsplit

from haat.engines.bus.port import Limits
from haat.engines.bus.postgres import PostgresBus
from haat.engines.sql import Pool
from haat.kernel.clock import Clock

_NATS = ("nats", "tls", "nats+tls")
_RABBITMQ = ("amqp", "amqps")


def is_broker(url: str) -> bool:
    """Whether a broker carries the events, and PostgreSQL only keeps what failed."""
    return urlsplit(url).scheme in (*_NATS, *_RABBITMQ)


def open_bus(
    url: str, pool: Pool, *, clock: Clock | None = None, limits: Limits | None = None
) -> PostgresBus:
    """The bus of an address; nothing is connected before it starts.

    `pool` is the database with the schema `bus`: the address itself where it is PostgreSQL's, else
    one that all processes share which hear the same subscribers. ValueError for an address of
    another kind, and for `nats://embedded`, whose server a supervisor starts first.
    """
    if not is_broker(url):
        if urlsplit(url).scheme not in ("postgresql", "postgres"):
            raise ValueError("HAAT_BUS_URL is postgresql://…, nats://… or amqp://…")
        return PostgresBus(pool, clock=clock, limits=limits)
    from haat.engines.bus.brokered import BrokeredBus  # brokers' libraries only where one is used

    if urlsplit(url).scheme in _RABBITMQ:
        from haat.engines.bus.rabbitmq import RabbitCarrier

        return BrokeredBus(pool, RabbitCarrier(url), clock=clock, limits=limits)
    if urlsplit(url).hostname == "embedded":
        raise ValueError("nats://embedded is started by haat run; use the address it gives out")
    from haat.engines.bus.nats import NatsCarrier

    return BrokeredBus(pool, NatsCarrier(url), clock=clock, limits=limits)
