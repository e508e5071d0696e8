"""A broker that goes away for a while, dies, or starts again: nothing is lost, sellers go on."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from haat.engines.bus import Limits
from haat.engines.bus.carrier import Away, Line
from haat.engines.bus.embedded_nats import EmbeddedNats, EmbeddedNatsError
from haat.engines.bus.nats import NatsCarrier
from haat.engines.bus.nats_link import NatsLink
from haat.engines.bus.shares import Shares
from haat.engines.sql.embedded import EmbeddedPostgres
from haat.engines.sql.migrate import Migrated, migrate
from tests.engines import brokers
from tests.engines.bus_shop import QUICK, WRITES, Hearer, Shop, create_shop, open_shop, until
from tests.engines.test_bus_conformance import relay_only, sent

FACTS = [(f"hat{number % 7}", number) for number in range(60)]


def heard_all(hearer: Hearer, number: int) -> Callable[[], bool]:
    return lambda: len(hearer.heard) >= number


def in_order(hearer: Hearer) -> bool:
    """Every fact once, and those of a hat in their order."""
    return all(numbers == sorted(set(numbers)) for numbers in hearer.by_key().values())


@asynccontextmanager
async def cut_and_mended(server: str) -> AsyncIterator[tuple[brokers.Wire, str]]:
    """A wire to a broker and the address at its near end; it is clean and cut afterwards."""
    wire = brokers.Wire(server)
    await wire.mend()
    url = brokers.own_name(wire.url)
    try:
        yield wire, url
    finally:
        await wire.cut()
        await wire.mend()
        await brokers.clean(url, {"till.sold"})
        await wire.cut()


@pytest.mark.parametrize("kind", ["nats", "rabbitmq"])
async def test_nobody_waits_for_a_broker_that_is_away(
    request: pytest.FixtureRequest, database_url: str, kind: str
) -> None:
    """The wire is cut under load, in the middle of sending and of hearing, and mended later."""
    server = request.getfixturevalue("nats_url") if kind == "nats" else brokers.rabbitmq_url()
    create_shop(database_url)
    hearer = Hearer()
    async with (
        cut_and_mended(server) as (wire, url),
        open_shop(database_url, QUICK, url) as shop,
    ):
        await shop.start(("till.sold", hearer, WRITES))
        await shop.sell(*FACTS)
        await until(heard_all(hearer, 1))
        await wire.cut()
        began = time.perf_counter()
        for round in range(1, 6):
            await shop.sell(*((hat, number + 100 * round) for hat, number in FACTS))
        assert time.perf_counter() - began < 10  # none of it waited for the broker
        await until(lambda: _waits_in_the_outbox(shop))
        assert not await shop.bus.idle()
        await wire.mend()
        await until(heard_all(hearer, 360), 90)
        await shop.bus.drain()
        assert in_order(hearer)
        assert [await shop.count(f"shop.{t}") for t in ("heard", "outbox")] == [360, 0]


async def test_a_bus_starts_while_its_broker_is_away(database_url: str, nats_url: str) -> None:
    create_shop(database_url)
    hearer = Hearer()
    async with (
        cut_and_mended(nats_url) as (wire, url),
        open_shop(database_url, QUICK, url) as shop,
    ):
        await wire.cut()
        await shop.start(("till.sold", hearer, WRITES))
        await shop.sell(*FACTS)
        assert await shop.bus.backlog() == []  # what cannot be asked is not known
        await wire.mend()
        await until(heard_all(hearer, 60))


async def test_a_process_cut_off_from_its_lease_stops_handling(database_url: str) -> None:
    """Whoever cannot renew has lost its lines by its own clock when others may have them."""
    create_shop(database_url)
    async with open_shop(database_url) as shop, open_shop(database_url) as other:
        first = Shares(shop.pool, ["till.sold"], 4, 1.0)
        assert await first.turn() == {Line("till.sold", number) for number in range(4)}
        second = Shares(other.pool, ["till.sold"], 4, 1.0)
        assert await second.turn() == set()
        assert second.share_missing
        mine = await first.turn()
        assert len(mine) == 2
        await first.give_back([line for line in first.held if line not in mine])
        assert len(await second.turn()) == 2
        await until(lambda: not first.good)

        async def all_are_the_others() -> bool:
            return await second.turn() == {Line("till.sold", number) for number in range(4)}

        await until(all_are_the_others)
        assert await first.turn() == set()


@pytest.fixture
def own_nats(tmp_path: Path) -> Iterator[EmbeddedNats]:
    server = EmbeddedNats(tmp_path / "nats")
    try:
        yield server
    finally:
        server.stop()


async def test_nats_killed_under_load(own_nats: EmbeddedNats, database_url: str) -> None:
    """Kill -9 of the server, three times, while events are sent and heard."""
    create_shop(database_url)
    url, hearer = own_nats.start(), Hearer()
    async with open_shop(database_url, QUICK, url) as shop:
        await shop.start(("till.sold", hearer, WRITES))
        for round in range(3):
            await shop.sell(*((hat, number + 100 * round) for hat, number in FACTS))
            await until(heard_all(hearer, 60 * round + 1))
            own_nats.kill()
            await shop.sell(*((hat, number + 100 * round + 60) for hat, number in FACTS[:30]))
            assert own_nats.start() == url
        await until(heard_all(hearer, 270), 90)
        await shop.bus.drain()
        assert in_order(hearer)
        assert await shop.count("shop.heard") == 270


async def test_a_link_that_broke_as_it_was_opened_is_not_kept(
    nats_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server's last answer and the end of the connection may come in the same moment: what says
    that it broke has been heard then, before it is said to be up."""
    ensure, links = NatsLink._ensure_streams, []

    async def breaks(link: NatsLink) -> None:
        await ensure(link)
        links.append(link)
        if len(links) == 1:
            await link._client.close()

    monkeypatch.setattr(NatsLink, "_ensure_streams", breaks)
    carrier = NatsCarrier(nats_url)
    try:
        with pytest.raises(Away):
            await carrier.waiting()
        assert await carrier.waiting() == {}
        assert len(links) == 2
    finally:
        await carrier.close()


async def test_nats_keeps_what_waits_over_a_restart(
    own_nats: EmbeddedNats, database_url: str
) -> None:
    def again() -> None:
        own_nats.kill()
        own_nats.start()

    await _kept_over(database_url, own_nats.start(), again)


async def test_postgres_keeps_what_waits_over_a_restart(tmp_path: Path) -> None:
    """A server of its own: kill -9 of the postmaster, and a new one on the folder."""
    tmp_path.chmod(0o755)
    for parent in list(tmp_path.parents)[:2]:
        parent.chmod(0o755)
    server = EmbeddedPostgres(tmp_path / "sql")
    try:
        url = server.start().url
        migrate(url, [Migrated("bus", "haat.engines.bus", None)])

        def again() -> None:
            os.kill(server.start().pid, signal.SIGKILL)
            server.stop()
            assert server.start().url == url

        await _kept_over(url, "", again)
    finally:
        server.stop()


@pytest.mark.slow
async def test_rabbitmq_keeps_what_waits_over_a_restart(tmp_path: Path, database_url: str) -> None:
    """A node of its own, ended and started again; the system's broker is left alone.

    Not by kill -9: RabbitMQ 3.10 loses the directory entry of a quorum queue declared just before.
    """
    program = os.environ.get("HAAT_TEST_RABBITMQ_SERVER", "/usr/lib/rabbitmq/bin/rabbitmq-server")
    if not Path(program).exists():
        brokers.away("no rabbitmq-server (HAAT_TEST_RABBITMQ_SERVER)")
    with _rabbitmq(program, tmp_path) as node:
        await _kept_over(database_url, node.url, node.again)


async def _kept_over(database_url: str, broker: str, again: Callable[[], object]) -> None:
    """What was sent before the broker died, and what was emitted after, is heard in order."""
    create_shop(database_url)
    patient: Limits = replace(QUICK, lease_s=2)
    async with open_shop(database_url, patient, broker) as shop:
        await relay_only(shop)
        await shop.sell(*FACTS)
        await until(lambda: sent(shop))
        again()
        hearer = Hearer()
        await until(lambda: _sells(shop))
        async with open_shop(database_url, patient, broker) as later:
            await later.start(("till.sold", hearer, WRITES), source=False)
            await until(heard_all(hearer, 61), 90)
            await later.bus.drain()
            assert in_order(hearer)
            assert await shop.count("shop.heard") == 61


async def _sells(shop: Shop) -> bool:
    try:
        await shop.sell(("hat0", 1000))
    except Exception:  # noqa: BLE001 - a connection that died with the server
        return False
    return True


async def _waits_in_the_outbox(shop: Shop) -> bool:
    return await shop.count("shop.outbox") >= 300


class _Node:
    """A RabbitMQ of our own, with an epmd of its own."""

    def __init__(self, program: str, folder: Path) -> None:
        port, dist, epmd = (_free_port() for _ in range(3))
        self.url = f"amqp://guest:guest@127.0.0.1:{port}/"
        self._program = program
        self._port = port
        self._folder = folder
        (folder / "rabbitmq.conf").write_text(f"listeners.tcp.1 = 127.0.0.1:{port}\n")
        self._environment = {
            **os.environ,
            "HOME": str(folder),
            "ERL_EPMD_PORT": str(epmd),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"haat{port}@localhost",
            "RABBITMQ_DIST_PORT": str(dist),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "none"),
            "RABBITMQ_CONF_ENV_FILE": str(folder / "none"),
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
            "RABBITMQ_PID_FILE": str(folder / "pid"),
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            [self._program],
            env=self._environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        until = time.monotonic() + 150
        while not brokers.answers("127.0.0.1", self._port):
            assert time.monotonic() < until, "RabbitMQ did not start"
            time.sleep(0.1)

    def stop(self, how: signal.Signals) -> None:
        if self._process is not None:
            os.killpg(self._process.pid, how)
            self._process.wait(30)

    def again(self) -> None:
        self.stop(signal.SIGTERM)
        self.start()

    def end(self) -> None:
        self.stop(signal.SIGKILL)
        epmd = shutil.which("epmd")
        if epmd:
            subprocess.run([epmd, "-kill"], env=self._environment, capture_output=True, check=False)


@contextmanager
def _rabbitmq(program: str, folder: Path) -> Iterator[_Node]:
    node = _Node(program, folder)
    try:
        node.start()
        yield node
    finally:
        node.end()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_an_embedded_nats_remembers_its_address(tmp_path: Path) -> None:
    server = EmbeddedNats(tmp_path / "nats")
    url = server.start()
    server.stop()
    assert (tmp_path / "nats" / "nats.conf").stat().st_mode & 0o077 == 0
    port = int(url.rpartition(":")[2])
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", port))
        taken.listen(1)
        assert server.start() != url
    server.stop()


def test_an_embedded_nats_that_cannot_start_says_so(tmp_path: Path) -> None:
    server = EmbeddedNats(tmp_path / "nats")
    server.command()
    (tmp_path / "nats" / "jetstream").write_text("in the way")
    with pytest.raises(EmbeddedNatsError, match="ended at once"):
        server.start()
    server.stop()
