"""Brokers for the tests: a NATS of our own, the RabbitMQ that is there, and a wire to cut."""

import asyncio
import os
import socket
from contextlib import suppress
from typing import Any, NoReturn
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import pytest

from haat.engines.bus.nats import NatsCarrier
from haat.engines.bus.rabbitmq import RabbitCarrier

RABBITMQ = "amqp://guest:guest@127.0.0.1:5672/"


def rabbitmq_url() -> str:
    """HAAT_TEST_AMQP_URL, or the one on the standard port; skips when it does not answer."""
    url = os.environ.get("HAAT_TEST_AMQP_URL") or RABBITMQ
    parts = urlsplit(url)
    if not answers(parts.hostname or "", parts.port or 5672):
        away("no RabbitMQ answers (HAAT_TEST_AMQP_URL)")
    return url


def answers(host: str, port: int) -> bool:
    """Whether somebody listens there."""
    try:
        with socket.create_connection((host, port), timeout=2):
            return True
    except OSError:
        return False


def away(reason: str) -> NoReturn:
    """Skips; but never where the tests are the proof."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def own_name(url: str) -> str:
    """The address with a prefix that no other test has."""
    return f"{url}?prefix=t{uuid4().hex[:12]}"


async def clean(url: str, subscribers: set[str]) -> None:
    """Deletes what a test left at the broker."""
    carrier: Any = RabbitCarrier(url) if url.startswith("amqp") else NatsCarrier(url)
    await carrier.open(subscribers)
    await carrier.forget()
    await carrier.close()


class Wire:
    """A TCP connection to a server that can be cut, and mended later, at one address."""

    def __init__(self, url: str) -> None:
        self._target = urlsplit(url)
        self._server: asyncio.Server | None = None
        self._pipes: set[asyncio.StreamWriter] = set()
        self._port = 0

    @property
    def url(self) -> str:
        login = self._target.netloc.rpartition("@")[0]
        at = f"{login}@127.0.0.1:{self._port}"
        return urlunsplit(self._target._replace(netloc=at))

    async def mend(self) -> None:
        self._server = await asyncio.start_server(self._joined, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """As a broker that died: nobody listens, and what was open is reset."""
        if self._server is not None:
            self._server.close()
        for writer in list(self._pipes):
            writer.transport.abort()
        self._pipes.clear()

    async def _joined(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, away = await asyncio.open_connection(self._target.hostname, self._target.port)
        self._pipes |= {writer, away}
        await asyncio.gather(_pump(reader, away), _pump(there, writer))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError, asyncio.IncompleteReadError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()
