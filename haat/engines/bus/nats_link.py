"""One connection to NATS, that is up until it breaks: sends letters, hands out lines, looks."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import Any
from uuid import uuid4

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DeliverPolicy,
    DiscardPolicy,
    RetentionPolicy,
    StorageType,
    StreamConfig,
)
from nats.js.errors import NotFoundError

from haat.engines.bus.carrier import Away, Letter, Line, Parcel, Waiting, waves
from haat.engines.bus.nats_inflow import NatsInflow

CALL_S = 5.0  # what one request to the server may take
_ACK_WAIT_S = 3600.0  # nothing is left unacknowledged: this is for a bug, not for a crash
_DUPLICATES_S = 120.0
_BATCH = 500  # letters that are sent as one
_TOGETHER = (2, 12)  # the server's version that takes a batch as a whole or not at all
_REPEATED, _NOT_ALLOWED = '"err_code":10201', '"err_code":10174'  # what it says to a batch
_AGES_MAX = 50  # subscribers whose oldest letter is looked at
FAULTS = (NatsError, OSError, TimeoutError, ssl.SSLError)
_LABEL = "Haat-Event"
_ID = "Nats-Msg-Id"  # by which the server drops what it has


@dataclass(frozen=True, slots=True)
class NatsSettings:
    """What the address says: `nats://user:secret@one:4222,two:4222?prefix=haat&replicas=3`.

    `tls://` asks for TLS (`ca`, `cert`, `key`: files); `creds` is a credentials file; `outside=no`
    tells nothing to the world, else `keep_s` is for how long; `partitions` is for good.
    """

    servers: tuple[str, ...]
    prefix: str = "haat"
    partitions: int = 4
    replicas: int = 1
    outside: bool = True
    keep_s: float = 86_400
    creds: str | None = None
    tls: ssl.SSLContext | None = None

    @property
    def queue(self) -> str:
        return f"{self.prefix.upper()}_QUEUE"

    @property
    def events(self) -> str:
        return f"{self.prefix.upper()}_EVENTS"


class _Refused(Exception):
    """The server's own words why it took no letters."""


class _Sent:
    """Letters on their way: done when the server has answered so many times."""

    def __init__(self, answers: int) -> None:
        self.left = answers
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def answered(self, message: Msg) -> None:
        if self.done.done():
            return
        # The server writes {"stream": …} or {"error": {…}, …}; nobody there: a status, no data.
        if not message.data or message.data.startswith(b'{"error"'):
            text = message.data.decode(errors="replace") or "no stream takes this subject"
            self.done.set_exception(_Refused(text))
            return
        self.left -= 1
        if not self.left:
            self.done.set_result(None)


class NatsLink:
    """A connection that is up until it breaks."""

    def __init__(self, settings: NatsSettings) -> None:
        self._settings = settings
        self._client: Any = Client()
        self._replies = ""
        self._pulls = ""
        self._sent: dict[str, _Sent] = {}
        self._numbers = count()
        self._inflows: dict[str, NatsInflow] = {}
        self._together = False  # whether the server takes a batch as a whole
        self.js: Any = None
        self._opened = False

    @property
    def up(self) -> bool:
        """Asked of the client itself: it may have broken in the moment it was opened."""
        return self._opened and bool(self._client.is_connected)

    async def open(self, server: str) -> None:
        await self._client.connect(
            servers=[server],
            name="haat",
            allow_reconnect=False,
            max_reconnect_attempts=1,
            reconnect_time_wait=0,
            connect_timeout=3,
            ping_interval=10,
            max_outstanding_pings=2,
            error_cb=_unheard,
            closed_cb=self._broken,
            disconnected_cb=self._broken,
            tls=self._settings.tls,
            user_credentials=self._settings.creds,
            skip_subject_validation=True,  # ours are made of names in the code
        )
        self.js = self._client.jetstream(timeout=CALL_S)
        self._replies, self._pulls = self._client.new_inbox(), self._client.new_inbox()
        await self._client.subscribe(f"{self._replies}.*", cb=self._on_reply)
        await self._client.subscribe(f"{self._pulls}.>", cb=self._on_letter)
        await self._ensure_streams()
        self._opened = True

    async def close(self) -> None:
        await self._broken()
        if not self._client.is_closed:
            try:
                async with asyncio.timeout(1):
                    await self._client.close()
            except FAULTS:
                return

    async def _broken(self) -> None:
        self._opened = False
        for sent in self._sent.values():
            if not sent.done.done():
                sent.done.set_exception(Away("the connection to NATS broke"))
        for inflow in self._inflows.values():
            inflow.lose()

    async def _ensure_streams(self) -> None:
        settings = self._settings
        queue = StreamConfig(
            name=settings.queue,
            subjects=[f"{settings.prefix}.q.>"],
            retention=RetentionPolicy.LIMITS,
            storage=StorageType.FILE,
            num_replicas=settings.replicas,
            duplicate_window=_DUPLICATES_S,
        )
        events = StreamConfig(
            name=settings.events,
            subjects=[f"{settings.prefix}.events.>"],
            retention=RetentionPolicy.LIMITS,
            storage=StorageType.FILE,
            discard=DiscardPolicy.OLD,
            max_age=settings.keep_s,
            num_replicas=settings.replicas,
            duplicate_window=_DUPLICATES_S,
        )
        version = self._client.connected_server_version
        self._together = (version.major, version.minor) >= _TOGETHER
        for config in (queue, events) if settings.outside else (queue,):
            try:
                await self.js.stream_info(config.name)  # as whoever runs it has set it up
            except NotFoundError:
                await self._add_stream(config)

    async def _add_stream(self, config: StreamConfig) -> None:
        """Written out here: the client's own call does not know of atomic batches."""
        wanted = {**config.as_dict(), "allow_atomic": True} if self._together else config.as_dict()
        call = f"$JS.API.STREAM.CREATE.{config.name}"
        answer = await self._client.request(call, json.dumps(wanted).encode(), timeout=CALL_S)
        if trouble := json.loads(answer.data).get("error"):
            raise NatsError(f"no stream {config.name}: {trouble}")

    # -- sending -------------------------------------------------------------------------------

    async def send(self, letters: Sequence[Letter]) -> None:
        streams = (
            [letter for letter in letters if letter.line is not None],
            [letter for letter in letters if letter.line is None],
        )
        try:
            await asyncio.gather(*(self._send(some) for some in streams))
        except (*FAULTS, _Refused) as error:
            raise Away(f"NATS took no letters: {type(error).__name__}: {error}") from error

    async def _send(self, letters: Sequence[Letter]) -> None:
        """To one stream."""
        for start in range(0, len(letters), _BATCH):
            some = letters[start : start + _BATCH]
            if self._together and await self._send_together(some):
                continue
            for wave in waves(some):
                reply = [True] * len(wave)
                await self._await_answers([self._headers(one) for one in wave], wave, reply)

    async def _send_together(self, letters: Sequence[Letter]) -> bool:
        """As one batch; False when it has to be done another way, for it has sent none of it."""
        batch = uuid4().hex[:16]
        headers = [
            {**self._headers(one), "Nats-Batch-Id": batch, "Nats-Batch-Sequence": str(number)}
            for number, one in enumerate(letters, 1)
        ]
        headers[-1]["Nats-Batch-Commit"] = "1"
        try:
            last = [number == len(letters) for number in range(1, len(letters) + 1)]
            await self._await_answers(headers, letters, last)
        except _Refused as error:
            self._together = _NOT_ALLOWED not in str(error)
            if self._together and _REPEATED not in str(error):
                raise
            return False
        return True

    async def _await_answers(
        self, headers: Sequence[dict[str, str]], letters: Sequence[Letter], asked: Sequence[bool]
    ) -> None:
        """Publishes these and waits for the answers to those that ask for one."""
        token = str(next(self._numbers))
        sent = self._sent[token] = _Sent(sum(asked))
        reply = f"{self._replies}.{token}"
        try:
            async with asyncio.timeout(CALL_S):
                for head, letter, asks in zip(headers, letters, asked, strict=True):
                    subject = self._subject_of(letter)
                    back = reply if asks else ""
                    await self._client.publish(subject, letter.body, reply=back, headers=head)
                await sent.done
        finally:
            del self._sent[token]
            if sent.done.done() and not sent.done.cancelled():
                sent.done.exception()  # seen, whoever of the two was first to fail

    def _headers(self, letter: Letter) -> dict[str, str]:
        if letter.line is None:
            return {_ID: str(letter.event_id)}
        return {_ID: f"{letter.event_id}/{letter.line.subscriber}", _LABEL: letter.label}

    def _subject_of(self, letter: Letter) -> str:
        if letter.line is None:
            return f"{self._settings.prefix}.events.{letter.topic}"
        return self._subject(letter.line)

    async def _on_reply(self, message: Msg) -> None:
        sent = self._sent.get(message.subject.rpartition(".")[2])
        if sent is not None:
            sent.answered(message)

    # -- taking --------------------------------------------------------------------------------

    def _subject(self, line: Line) -> str:
        return f"{self._settings.prefix}.q.{line.partition}.{line.subscriber}"

    async def take(self, line: Line, ahead: int) -> NatsInflow:
        stream, subject = self._settings.queue, self._subject(line)
        name = f"{line.subscriber.replace('.', '-')}-{line.partition}"
        try:
            done = await self._renew(stream, subject, name, ahead)
        except FAULTS as error:
            raise Away(f"NATS gives no line: {type(error).__name__}: {error}") from error
        call = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{name}"
        inflow = NatsInflow(self, subject, call, f"{self._pulls}.{subject}", ahead)
        self._inflows[subject] = inflow
        if done:
            await self.purge(subject, done)
        return inflow

    async def _renew(self, stream: str, subject: str, name: str, ahead: int) -> int:
        """Makes a line's consumer anew; the letter up to which all are acknowledged."""
        done = 0
        with suppress(NotFoundError):
            done = (await self.js.consumer_info(stream, name)).ack_floor.stream_seq
            await self.js.delete_consumer(stream, name)
        config = ConsumerConfig(
            name=name,
            durable_name=name,
            filter_subject=subject,
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=done + 1,
            ack_policy=AckPolicy.ALL,
            ack_wait=_ACK_WAIT_S,
            max_ack_pending=4 * ahead,
            max_waiting=16,
        )
        await self.js.add_consumer(stream, config)
        return int(done)

    async def purge(self, subject: str, done: int) -> None:
        """Deletes a line's letters up to that one; Away."""
        try:
            await self.js.purge_stream(self._settings.queue, seq=done + 1, subject=subject)
        except FAULTS as error:
            raise Away(f"NATS keeps letters: {type(error).__name__}: {error}") from error

    def left(self, inflow: NatsInflow) -> None:
        if self._inflows.get(inflow.subject) is inflow:
            del self._inflows[inflow.subject]

    async def publish(self, subject: str, body: bytes, reply: str = "") -> None:
        """A request or an acknowledgement; Away."""
        try:
            await self._client.publish(subject, body, reply=reply)
        except FAULTS as error:
            raise Away(f"the connection to NATS broke: {type(error).__name__}") from error

    async def flush(self) -> None:
        try:
            await self._client.flush(timeout=2)
        except FAULTS as error:
            raise Away(f"NATS is silent: {type(error).__name__}") from error

    async def _on_letter(self, message: Msg) -> None:
        if message.subject.startswith(self._pulls):  # not a letter: how a pull ended
            inflow = self._inflows.get(message.subject[len(self._pulls) + 1 :])
            if inflow is not None:
                inflow.ended((message.headers or {}).get("Description", ""))
            return
        inflow = self._inflows.get(message.subject)
        if inflow is not None:
            headers = message.headers or {}
            event_id = headers.get(_ID, "").partition("/")[0]
            label = headers.get(_LABEL, "")
            inflow.arrived(Parcel(message.data, event_id, label, message.reply))

    # -- looking -------------------------------------------------------------------------------

    async def waiting(self) -> dict[str, Waiting]:
        """What lies in a line, but for what its consumer has acknowledged already."""
        prefix = f"{self._settings.prefix}.q."
        found: dict[str, int] = {}
        firsts: dict[str, int] = {}
        try:
            info = await self.js.stream_info(self._settings.queue, subjects_filter=f"{prefix}>")
            if not info.state.messages:
                return {}
            known = {one.config.filter_subject: one async for one in self._consumers()}
            for subject, letters in (info.state.subjects or {}).items():
                name, first = subject[len(prefix) :].partition(".")[2], 1
                if (consumer := known.get(subject)) is not None:
                    letters = consumer.num_pending + consumer.num_ack_pending
                    first = consumer.ack_floor.stream_seq + 1
                if letters:
                    found[name] = found.get(name, 0) + letters
                    firsts[subject] = first
            ages = [await self._age_s(*one) for one in list(firsts.items())[:_AGES_MAX]]
        except FAULTS as error:
            raise Away(f"NATS does not tell: {type(error).__name__}: {error}") from error
        oldest: dict[str, float] = {}
        for subject, age_s in zip(firsts, ages, strict=False):
            name = subject[len(prefix) :].partition(".")[2]
            oldest[name] = max(age_s, oldest.get(name, 0.0))
        return {name: Waiting(number, oldest.get(name, 0.0)) for name, number in found.items()}

    async def _consumers(self) -> AsyncIterator[Any]:
        found = 0
        while page := await self.js.consumers_info(self._settings.queue, offset=found):
            for consumer in page:
                yield consumer
            found += len(page)

    async def _age_s(self, subject: str, first: int) -> float:
        """How old the oldest letter of a line is, from that one on."""
        try:
            letter = await self.js.get_msg(
                self._settings.queue, seq=first, subject=subject, next=True
            )
        except NotFoundError:  # handled meanwhile
            return 0.0
        return float((datetime.now(UTC) - letter.time).total_seconds())


async def _unheard(_: Exception) -> None:
    """The client tells every trouble twice; those who asked hear of it by an exception."""
