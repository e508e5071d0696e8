"""`bin/run` seen from outside: how it starts, what it refuses, what it outlives, how it ends."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psutil
import psycopg
import pytest

from tests.app.market import RunningMarket, answers, ended, gone, surroundings, words_of
from tests.journeys.box import Box, free_port
from tests.journeys.scene import Shop, open_shop, pay, quote

RECOVERS_WITHIN_S = 60.0
SETTLES_WITHIN_S = 90.0  # a worker that was killed is forked anew and takes over what it held
PG15 = os.environ.get("HAAT_TEST_PG15_URL", "postgresql://postgres@127.0.0.1:5432/postgres")


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningMarket]:
    folder = tmp_path_factory.mktemp("run")
    with ended(RunningMarket(folder / "data")) as one:
        one.start()
        one.until(one.opened, 120, "it says that it is open")
        yield one


class Outside(Box):
    """The worker of the running market does the work: waits for what it did."""

    async def settle(self) -> None:
        bus = self.runtime.bus
        until = time.monotonic() + SETTLES_WITHIN_S
        while True:
            await asyncio.sleep(0.05)
            left = await bus.backlog()
            if not left:
                return
            assert time.monotonic() < until, f"events are not handled: {left}"


@asynccontextmanager
async def boxed(market: RunningMarket) -> AsyncIterator[Box]:
    async with market.runtime() as runtime, httpx.AsyncClient(timeout=120) as http:
        yield Outside(runtime, market.address, market.cards, http)


async def buy_one(box: Box, shop: Shop) -> None:
    """A purchase, from quote to captured money."""
    guest = box.guest()
    quoted = await quote(guest, {shop.offer: 1})
    answer = await pay(guest, quoted["id"], await box.token("4242424242424242"))
    assert answer.status_code == 201, answer.text
    await box.settle()


def refused(folder: Path, **more: str) -> str:
    """The one line of a start that must fail, quickly."""
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "haat.app.cli", "serve"],
        env=surroundings(folder, int(more.pop("port", 0)) or free_port(), more),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert time.monotonic() - began < 60
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("haat: ")
    return lines[0]


def test_it_says_little(market: RunningMarket) -> None:
    assert all(line.startswith("haat: ") for line in market.lines), market.lines
    assert len(market.lines) <= 8
    assert (market.folder / "log" / "worker.log").stat().st_size > 0


def test_a_second_start_on_the_folder_is_refused(market: RunningMarket) -> None:
    assert "a market runs in" in refused(market.folder)
    assert answers(market.address + "/health/ready")


def test_a_taken_port_is_refused(market: RunningMarket, tmp_path: Path) -> None:
    assert f"port {market.port}" in refused(tmp_path / "d", port=str(market.port))
    assert answers(market.address + "/health/ready")


def test_a_name_as_host_that_is_none_of_ours_is_refused(tmp_path: Path) -> None:
    assert "no address of this machine" in refused(tmp_path / "d", HAAT_HOST="192.0.2.1")


def test_a_file_as_data_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "is a file" in refused(tmp_path / "file")
    assert "cannot be written" in refused(Path("/proc/nowhere"))


def test_a_setting_that_is_not_usable_is_named(tmp_path: Path) -> None:
    assert "HAAT_WORKERS is not usable" in refused(tmp_path / "d", HAAT_WORKERS="many")


def test_a_cluster_of_another_version_is_refused(tmp_path: Path) -> None:
    cluster = tmp_path / "d" / "postgres"
    cluster.mkdir(parents=True)
    (cluster / "PG_VERSION").write_text("13\n")
    assert "was made by PostgreSQL 13" in refused(tmp_path / "d")


def test_a_database_that_does_not_answer_is_refused(tmp_path: Path) -> None:
    url = f"postgresql://haat:secret@127.0.0.1:{free_port()}/haat"
    line = refused(tmp_path / "d", HAAT_SQL_URL=url)
    assert "does not answer" in line
    assert "secret@" not in line


def test_an_old_postgresql_is_refused(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_speak_as_version_14, args=(server,), daemon=True).start()
        url = f"postgresql://haat@127.0.0.1:{server.getsockname()[1]}/haat?sslmode=disable"
        line = refused(tmp_path / "d", HAAT_SQL_URL=url)
    assert "15 or newer" in line
    assert "14" in line


def _speak_as_version_14(server: socket.socket) -> None:
    """As much of the protocol as a greeting needs."""
    peer, _ = server.accept()
    with peer:
        peer.recv(4096)
        named = b"".join(
            b"S" + (4 + len(pair)).to_bytes(4, "big") + pair
            for pair in (b"server_version\x0014.9\x00", b"client_encoding\x00UTF8\x00")
        )
        key = b"K\x00\x00\x00\x0c" + bytes(8)
        peer.sendall(b"R\x00\x00\x00\x08" + bytes(4) + named + key + b"Z\x00\x00\x00\x05I")
        peer.recv(4096)


def test_commands_beside_a_running_market(market: RunningMarket) -> None:
    proved = market.command("prove")
    assert (proved.returncode, proved.stdout.splitlines()[:1]) == (0, ["everything adds up"]), (
        proved.stderr
    )
    migrated = market.command("migrate")
    assert (migrated.returncode, migrated.stdout) == (0, "up to date\n"), migrated.stderr
    with psycopg.connect(market.sql()) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


KILLED: dict[str, tuple[str, ...]] = {
    "web parent": ("haat.app.serving",),
    "card network": ("testcard",),
    "postgresql": ("bin/postgres", "-D"),
}
# Forked, as web workers are, from the web parent; it goes by its name.
WORKER = "haat-work"


@pytest.mark.parametrize("which", [*KILLED, "web worker", "background worker"])
async def test_what_is_killed_comes_back(market: RunningMarket, which: str) -> None:
    web = market.find("haat.app.serving", parent=market.process.pid)
    if which == "web worker":
        victim = market.find("python", "haat.app.serving", parent=web.pid, but=WORKER)
    elif which == "background worker":
        victim = market.find(WORKER, parent=web.pid)
    else:
        victim = market.find(*KILLED[which], parent=market.process.pid)
    words = words_of(victim)[:5]
    below = victim.children(recursive=True)
    victim.kill()
    market.until(lambda: gone([victim, *below]), 30, "what hung on it ends")

    def back() -> bool:
        others = [p for p in market.family() if p.pid != victim.pid]
        fresh = [p for p in others if words_of(p)[:5] == words]
        return bool(fresh) and answers(market.cards + "/health") and market.is_ready()

    market.until(back, RECOVERS_WITHIN_S, f"{which} is back")
    async with boxed(market) as box:
        shop = await open_shop(box, f"House of {which}", price=700, stock=5)
        await buy_one(box, shop)


def test_every_process_is_replaced_without_a_refused_request(market: RunningMarket) -> None:
    def workers() -> set[int]:
        web = market.find("haat.app.serving", parent=market.process.pid)
        return {web.pid, market.find(WORKER, parent=web.pid).pid}

    before, refused, asked, over = workers(), 0, 0, threading.Event()

    def ask() -> None:
        nonlocal refused, asked
        while not over.is_set():
            refused += not answers(market.address + "/health/live")
            asked += 1

    asking = [threading.Thread(target=ask) for _ in range(4)]
    for thread in asking:
        thread.start()
    try:
        done = market.command("restart")
    finally:
        over.set()
        for thread in asking:
            thread.join()
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("every process is a new one")
    assert workers().isdisjoint(before)
    assert asked > 50
    assert refused == 0


def test_it_still_adds_up(market: RunningMarket) -> None:
    proved = market.command("prove")
    assert proved.stdout.startswith("everything adds up\n"), proved.stdout + proved.stderr


def test_kill_9_of_the_run_leaves_nothing_behind_and_the_next_one_works(
    market: RunningMarket,
) -> None:
    family = market.kill()
    assert len(family) > 5
    market.until(lambda: gone(family), 20, "all processes end")
    assert market.start() < 30  # 8 s on a machine that has nothing else to do
    assert market.command("prove").stdout.startswith("everything adds up\n")


def test_a_command_while_the_market_is_starting(market: RunningMarket) -> None:
    assert market.stop() == 0
    starting = threading.Thread(target=market.start)
    starting.start()
    time.sleep(0.2)
    proved = market.command("prove")
    starting.join()
    assert proved.stdout.startswith("everything adds up\n"), proved.stderr
    market.until(market.opened, 120, "it is open")
    assert answers(market.address + "/health/ready")


def test_ctrl_c_ends_it_in_order(market: RunningMarket) -> None:
    market.until(market.opened, 120, "it is open")
    family = market.family()
    began = time.monotonic()
    assert market.stop(signal.SIGINT) == 0
    assert time.monotonic() - began < 30
    assert gone(family)
    assert all(line.startswith("haat: ") for line in market.lines), market.lines
    assert market.lines[-1] == "haat: stopped"
    with socket.create_server(("127.0.0.1", market.port)):
        pass  # the port is free


def test_commands_with_no_market_running(market: RunningMarket) -> None:
    proved = market.command("prove")
    assert proved.stdout.startswith("everything adds up\n"), proved.stderr
    assert market.command("migrate").stdout == "up to date\n"
    shown = market.command("config", "--show", "sql.url")
    assert (shown.returncode, shown.stdout) == (1, "")
    assert "no market runs" in shown.stderr
    assert market.command("config", "--show", "port").stdout.strip() == str(market.port)


def test_closed_streams_do_no_harm(market: RunningMarket) -> None:
    folder, port = market.folder, free_port()
    line = f'exec "{sys.executable}" -m haat.app.cli serve <&- >&- 2>&-'
    process = subprocess.Popen(["bash", "-c", line], env=surroundings(folder, port, {}))
    try:
        until = time.monotonic() + 180
        while not answers(f"http://127.0.0.1:{port}/health/ready"):
            assert time.monotonic() < until
            assert process.poll() is None
            time.sleep(0.1)
        assert (folder / "run.lock").read_text() == ""
    finally:
        process.terminate()
    assert process.wait(20) == 0


def test_on_a_postgresql_of_the_operator(tmp_path: Path) -> None:
    name = f"haat_run_{os.getpid()}"
    try:
        admin = psycopg.connect(PG15, autocommit=True, connect_timeout=3)
    except psycopg.OperationalError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"no PostgreSQL at HAAT_TEST_PG15_URL: {error}")
    with admin:
        admin.execute(f"CREATE DATABASE {name}".encode())
        url = urlsplit(PG15)._replace(path=f"/{name}").geturl()
        try:
            with ended(RunningMarket(tmp_path / "d", HAAT_SQL_URL=url)) as market:
                market.start()
                assert not (tmp_path / "d" / "postgres").exists()
                assert market.command("prove").stdout.startswith("everything adds up\n")
                market.until(market.opened, 120, "it is open")
                assert market.stop() == 0
        finally:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def _python_for(become: list[str], given: dict[str, str]) -> str:
    """An interpreter that this user may start, twice over: ours may stand in root's home."""
    again = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import haat, psycopg'])"
    for python in (sys.executable, f"/usr/bin/python3.{sys.version_info.minor}"):
        tried = subprocess.run(
            [*become, python, "-c", f"{again}.check_returncode()"],
            env=given,
            cwd="/",
            check=False,
            capture_output=True,
        )
        if tried.returncode == 0:
            return python
    pytest.skip("no interpreter that a normal user may start can be found here")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
@pytest.mark.skipif(shutil.which("setpriv") is None, reason="setpriv is not installed")
def test_as_a_normal_user(tmp_path: Path) -> None:
    for folder in (tmp_path, *tmp_path.parents[:-1]):
        folder.chmod(folder.stat().st_mode | 0o055)
    home = tmp_path / "home"
    home.mkdir()
    os.chown(home, 65534, 65534)
    become = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
    port = free_port()
    given: dict[str, Any] = surroundings(home / "data", port, {"HOME": str(home)})
    libraries = Path(psycopg.__file__).parent.parent
    given["PYTHONPATH"] += os.pathsep + str(libraries)
    command = [*become, _python_for(become, given), "-m", "haat.app.cli", "serve"]
    process = subprocess.Popen(command, env=given, cwd="/")
    try:
        until = time.monotonic() + 180
        while not answers(f"http://127.0.0.1:{port}/health/ready"):
            assert time.monotonic() < until
            assert process.poll() is None
            time.sleep(0.1)
        mine = psutil.Process(process.pid)
        assert {one.uids().real for one in (mine, *mine.children(recursive=True))} == {65534}
    finally:
        process.terminate()
    assert process.wait(20) == 0
