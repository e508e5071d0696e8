"""NATS JetStream as a carrier.

One stream `HAAT_QUEUE` holds every letter until it was handled: a subject and a durable pull
consumer for each line. One stream `HAAT_EVENTS` tells the world, a subject for each topic.
Whoever takes a line makes its consumer anew, behind what was acknowledged: the one who held it
before can neither fetch nor acknowledge any more, and what it had in hand comes first.

Letters are acknowledged up to a point and purged a while later, not one by one: a server that
syncs every write would sync every deletion. For the same reason they are sent in atomic batches
where the server knows them (2.12), one sync each, and else in waves.
"""

import asyncio
import random
import ssl
from collections.abc import Iterable, Sequence
from urllib.parse import parse_qs, urlsplit, urlunsplit

from nats.js.errors import NotFoundError

from haat.engines.bus.carrier import Away, Letter, Line, Patience, Waiting
from haat.engines.bus.nats_inflow import NatsInflow
from haat.engines.bus.nats_link import CALL_S, FAULTS, NatsLink, NatsSettings


def settings_of(url: str) -> NatsSettings:
    """Decodes an address (see NatsSettings); ValueError when it is none."""
    parts = urlsplit(url)
    given = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    user, _, hosts = parts.netloc.rpartition("@")
    scheme = "tls" if parts.scheme in ("tls", "nats+tls") else "nats"
    login = f"{user}@" if user else ""
    servers = tuple(
        urlunsplit((scheme, login + host, "", "", "")) for host in hosts.split(",") if host
    )
    if not servers:
        raise ValueError("a NATS address needs a host: nats://127.0.0.1:4222")
    tls = None
    if scheme == "tls":
        tls = ssl.create_default_context(cafile=given.get("ca"))
        if "cert" in given:
            tls.load_cert_chain(given["cert"], given.get("key"))
    return NatsSettings(
        servers,
        prefix=given.get("prefix", "haat"),
        partitions=int(given.get("partitions", 4)),
        replicas=int(given.get("replicas", 1)),
        outside=given.get("outside", "yes") != "no",
        keep_s=float(given.get("keep_s", 86_400)),
        creds=given.get("creds"),
        tls=tls,
    )


class NatsCarrier:
    """One connection. It does not mend itself: what was in flight when it broke is sent again by
    those who know, on a new one."""

    def __init__(self, url: str) -> None:
        self.settings = settings_of(url)
        self.partitions = self.settings.partitions
        self.outside = self.settings.outside
        self._link: NatsLink | None = None
        self._connecting = asyncio.Lock()
        self._patience = Patience()

    async def open(self, subscribers: Iterable[str]) -> None:
        await self._connected()

    async def close(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            await link.close()

    async def _connected(self) -> NatsLink:
        if self._link is not None and self._link.up:
            return self._link
        async with self._connecting:
            if self._link is None or not self._link.up:
                self._patience.check()
                await self.close()
                try:
                    self._link = await _connect(self.settings)
                except Away as error:
                    raise self._patience.failed(str(error)) from error
        return self._link

    async def send(self, letters: Sequence[Letter]) -> None:
        await (await self._connected()).send(letters)

    async def take(self, line: Line, ahead: int) -> NatsInflow:
        link = await self._connected()
        return await link.take(line, ahead)

    async def waiting(self) -> dict[str, Waiting]:
        return await (await self._connected()).waiting()

    async def forget(self) -> None:
        """Deletes the streams with everything in them: for tests."""
        link = await self._connected()
        for name in (self.settings.queue, self.settings.events):
            try:
                await link.js.delete_stream(name)
            except NotFoundError:
                continue


async def _connect(settings: NatsSettings) -> NatsLink:
    """A link to the first of the servers that answers, with streams; Away."""
    trouble: Exception | None = None
    for server in random.sample(settings.servers, len(settings.servers)):
        link = NatsLink(settings)
        try:
            async with asyncio.timeout(CALL_S):
                await link.open(server)
        except FAULTS as error:
            trouble = error
            await link.close()
        else:
            return link
    raise Away(f"NATS does not answer: {type(trouble).__name__}: {trouble}")
