"""RabbitMQ as a carrier.

A quorum queue for each line, with a single active consumer: a process that lost its lease holds
the line until it has let go of it, and a dead one's letters go back to the head of the queue. The
topic exchange `haat.events` tells the world, a routing key for each topic.
"""

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import aio_pika
from aio_pika.abc import AbstractIncomingMessage, ExchangeType

from haat.engines.bus.carrier import Away, Letter, Line, Parcel, Patience, Waiting, waves

CALL_S = 10.0  # what one request to the server may take
_FAULTS = (Exception,)  # a connection that is cut ends its calls with a bare Exception
_LABEL = "haat-event"
_OURS = ("prefix", "partitions", "outside")
_QUORUM = {"x-queue-type": "quorum", "x-single-active-consumer": True}


@dataclass(frozen=True, slots=True)
class RabbitSettings:
    """What the address says: `amqp://user:secret@host:5672/vhost?prefix=haat&partitions=2`.

    `amqps://` asks for TLS, with aio-pika's own parameters (`cafile`, `certfile`, `keyfile`);
    `outside=no` tells nothing to the world; `partitions` is for good.
    """

    url: str
    prefix: str = "haat"
    partitions: int = 2
    outside: bool = True

    def queue(self, line: Line) -> str:
        return f"{self.prefix}.q.{line.subscriber}.{line.partition}"


def settings_of(url: str) -> RabbitSettings:
    """Decodes an address (see RabbitSettings)."""
    parts = urlsplit(url)
    given = dict(parse_qsl(parts.query))
    theirs = urlencode({name: value for name, value in given.items() if name not in _OURS})
    return RabbitSettings(
        urlunsplit(parts._replace(query=theirs)),
        prefix=given.get("prefix", "haat"),
        partitions=int(given.get("partitions", 2)),
        outside=given.get("outside", "yes") != "no",
    )


class RabbitCarrier:
    """One connection. It does not mend itself: what was in flight when it broke is sent again by
    those who know, on a new one."""

    def __init__(self, url: str) -> None:
        self.settings = settings_of(url)
        self.partitions = self.settings.partitions
        self.outside = self.settings.outside
        self._subscribers: set[str] = set()
        self._connection: Any = None
        self._channel: Any = None
        self._world: Any = None
        self._connecting = asyncio.Lock()
        self._patience = Patience()
        self._looking = asyncio.Lock()
        self._inflows: set[RabbitInflow] = set()

    async def open(self, subscribers: Iterable[str]) -> None:
        self._subscribers |= set(subscribers)
        await self._connected()

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        for inflow in list(self._inflows):
            inflow.lose()
        if connection is not None and not connection.is_closed:
            try:
                async with asyncio.timeout(2):
                    await connection.close()
            except _FAULTS:
                return

    async def _connected(self) -> Any:
        """The channel that sends, with confirms; Away."""
        if self._is_up():
            return self._channel
        async with self._connecting:
            if not self._is_up():
                self._patience.check()
                await self.close()
                try:
                    async with asyncio.timeout(CALL_S):
                        await self._connect()
                    await self._declare()
                except _FAULTS as error:
                    trouble = f"RabbitMQ does not answer: {type(error).__name__}: {error}"
                    raise self._patience.failed(trouble) from error
        return self._channel

    def _is_up(self) -> bool:
        there = self._connection is not None and not self._connection.is_closed
        return there and self._channel is not None and not self._channel.is_closed

    async def _connect(self) -> None:
        self._connection = await aio_pika.connect(self.settings.url, heartbeat=20)
        self._connection.close_callbacks.add(self._broken)
        self._channel = await self._connection.channel(
            publisher_confirms=True, on_return_raises=True
        )
        self._world = await self._channel.declare_exchange(
            f"{self.settings.prefix}.events", ExchangeType.TOPIC, durable=True
        )

    async def _declare(self) -> None:
        """Every line of every subscriber has a queue before anything is sent to it."""
        for name in sorted(self._subscribers):
            for number in range(self.partitions):
                queue = self.settings.queue(Line(name, number))
                await self._channel.declare_queue(
                    queue, durable=True, arguments=_QUORUM, timeout=CALL_S
                )

    def _broken(self, *_: Any) -> None:
        for inflow in list(self._inflows):
            inflow.lose()

    async def send(self, letters: Sequence[Letter]) -> None:
        channel = await self._connected()
        try:
            for wave in waves(letters):
                async with asyncio.timeout(CALL_S):
                    await asyncio.gather(*(self._publish(channel, one) for one in wave))
        except _FAULTS as error:
            raise _away("RabbitMQ took no letters", error) from error

    async def _publish(self, channel: Any, letter: Letter) -> None:
        message = aio_pika.Message(
            letter.body,
            content_type="application/json",
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
            message_id=str(letter.event_id),
            type=letter.topic,
            headers={_LABEL: letter.label},
        )
        if letter.line is None:
            await self._world.publish(message, letter.topic, mandatory=False)
        else:
            # Where there is no such queue it is returned, which raises.
            queue = self.settings.queue(letter.line)
            await channel.default_exchange.publish(message, queue, mandatory=True)

    async def take(self, line: Line, ahead: int) -> "RabbitInflow":
        await self._connected()
        inflow = RabbitInflow(self._inflows)
        try:
            async with asyncio.timeout(CALL_S):
                await inflow.open(self._connection, self.settings.queue(line), ahead)
        except _FAULTS as error:
            raise _away("RabbitMQ gives no line", error) from error
        return inflow

    async def waiting(self) -> dict[str, Waiting]:
        """Of the subscribers this process knows; what another process has in hand does not count.

        How old letters are RabbitMQ cannot say.
        """
        await self._connected()
        found: dict[str, int] = {}
        try:
            async with self._looking, self._connection.channel() as channel:
                for name in sorted(self._subscribers):
                    for number in range(self.partitions):
                        queue = await channel.declare_queue(
                            self.settings.queue(Line(name, number)), passive=True, timeout=CALL_S
                        )
                        letters = queue.declaration_result.message_count or 0
                        found[name] = found.get(name, 0) + letters
        except _FAULTS as error:
            raise _away("RabbitMQ does not tell", error) from error
        return {name: Waiting(letters, 0.0) for name, letters in found.items() if letters}

    async def forget(self) -> None:
        """Deletes queues and exchange with everything in them: for tests."""
        channel = await self._connected()
        for name in self._subscribers:
            for number in range(self.partitions):
                await channel.queue_delete(self.settings.queue(Line(name, number)))
        await channel.exchange_delete(f"{self.settings.prefix}.events")


class RabbitInflow:
    """A line that is held: a channel of its own, which closes to give everything back in order."""

    def __init__(self, others: "set[RabbitInflow]") -> None:
        self._others = others
        self._channel: Any = None
        self._buffer: deque[Parcel] = deque()
        self._open: deque[Parcel] = deque()  # given out, in their order
        self._handled: set[int] = set()  # those of them that are done, by delivery tag
        self._lost = False
        self._wake = asyncio.Event()

    async def open(self, connection: Any, name: str, ahead: int) -> None:
        self._channel = await connection.channel(publisher_confirms=False)
        self._channel.close_callbacks.add(self._broken)
        await self._channel.set_qos(prefetch_count=ahead)
        queue = await self._channel.declare_queue(name, durable=True, arguments=_QUORUM)
        self._others.add(self)
        await queue.consume(self._arrived)

    @property
    def in_hand(self) -> int:
        return len(self._buffer) + len(self._open)

    async def _arrived(self, message: AbstractIncomingMessage) -> None:
        label = str((message.headers or {}).get(_LABEL, ""))
        self._buffer.append(Parcel(message.body, message.message_id or "", label, message))
        self._wake.set()

    async def fetch(self, most: int, wait_s: float) -> list[Parcel]:
        if not self._buffer and not self._lost:
            try:
                async with asyncio.timeout(wait_s):
                    await self._wake.wait()
            except TimeoutError:
                return []
        self._wake.clear()
        if self._lost:
            raise Away("RabbitMQ took the line away")
        parcels = [self._buffer.popleft() for _ in range(min(most, len(self._buffer)))]
        self._open.extend(parcels)
        return parcels

    def interrupt(self) -> None:
        self._wake.set()

    async def done(self, parcels: Sequence[Parcel]) -> None:
        """Acknowledges up to the first that is not done yet."""
        self._handled |= {parcel.ticket.delivery_tag for parcel in parcels}
        last = None
        while self._open and self._open[0].ticket.delivery_tag in self._handled:
            last = self._open.popleft().ticket
            self._handled.discard(last.delivery_tag)
        try:
            if last is not None:
                await last.ack(multiple=True)
        except _FAULTS as error:
            raise _away("RabbitMQ took no acknowledgement", error) from error

    async def close(self) -> None:
        self.lose()
        self._others.discard(self)
        if self._channel is not None and not self._channel.is_closed:
            try:
                async with asyncio.timeout(CALL_S):
                    await self._channel.close()
            except _FAULTS as error:
                raise _away("RabbitMQ let go of no line", error) from error

    def _broken(self, *_: Any) -> None:
        self.lose()

    def lose(self) -> None:
        self._lost = True
        self._buffer.clear()
        self._wake.set()


def _away(what: str, error: BaseException) -> Away:
    return Away(f"{what}: {type(error).__name__}: {error}")
