"""The process of the test card network: its arguments, its server, and its webhook courier.

    python -m haat.domains.money.payments.providers.testcard --port 4010 --data DIR/testcard.db

It listens on 127.0.0.1 only, prints one line when it is ready, ends with status 0 on SIGTERM or
SIGINT, and with status 1 and one line when it cannot start.
"""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import itertools
import os
import secrets
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit

from granian.constants import HTTPModes, Interfaces
from granian.server.embed import Server
from starlette.types import ASGIApp

from .desk import Desk, Pace
from .network import Fees
from .server import create_app
from .store import Delivery, Store, Unusable
from .wire import retry_delay_s, signature

_HOST: Final = "127.0.0.1"
_AT_ONCE: Final = 100
_LINGER_S: Final = 0.03  # webhooks that fall due, and ends of others, are taken together
_QUERY_SAFE: Final = "/?%:@!$&'()*+,;=~"
_ANSWERS_KEPT_S: Final = 24 * 3600


class CannotStart(Exception):
    """One line for whoever started the process."""


class Caller:
    """HTTP/1.1 over kept connections, as little of it as a webhook needs.

    A general client costs over a millisecond of processor time per call, more than the payment
    the webhook tells about, and the network shares its machine with the market it serves.
    """

    def __init__(self) -> None:
        self._idle: dict[str, list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]] = {}

    async def call(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> int:
        """The status of the answer. Errors: OSError, EOFError, ValueError, TimeoutError."""
        parts = urlsplit(url)
        path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~") + (
            f"?{quote(parts.query, safe=_QUERY_SAFE)}" if parts.query else ""
        )
        lines = [f"{method} {path} HTTP/1.1", f"host: {parts.netloc}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        sent = "\r\n".join([*lines, f"content-length: {len(body)}", "", ""]).encode() + body
        idle = self._idle.setdefault(f"{parts.scheme}://{parts.netloc}", [])
        async with asyncio.timeout(5.0):
            while idle:
                # A kept connection may have been closed by the other side meanwhile.
                with suppress(OSError, EOFError):
                    return await self._exchange(idle.pop(), sent, idle)
            tls = parts.scheme == "https"
            port = parts.port or (443 if tls else 80)
            fresh = await asyncio.open_connection(parts.hostname, port, ssl=tls or None)
            return await self._exchange(fresh, sent, idle)

    async def _exchange(
        self,
        line: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        sent: bytes,
        idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]],
    ) -> int:
        reader, writer = line
        is_kept = False
        try:
            writer.write(sent)
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower().split("\r\n")
            version, status = head[0].split(" ")[:2]
            fields = {
                name: value.strip() for name, _, value in (x.partition(":") for x in head[1:])
            }
            if status == "204" or "content-length" in fields:
                length = int(fields.get("content-length", "0"))
                await reader.readexactly(length)
                is_kept = version == "http/1.1" and fields.get("connection") != "close"
            return int(status)
        except asyncio.LimitOverrunError as error:
            raise ValueError("the head of the answer has no end") from error
        finally:
            if is_kept:
                idle.append(line)
            else:
                writer.close()

    def close(self) -> None:
        """Let go of every kept connection."""
        for lines in self._idle.values():
            for _, writer in lines:
                writer.close()


class Courier:
    """Delivers webhooks and settles what is pending, from the queue in the store."""

    def __init__(self, desk: Desk, caller: Caller) -> None:
        self._desk, self._store, self._caller = desk, desk.store, caller
        self._woken = asyncio.Event()
        self._sending: set[asyncio.Task[None]] = set()
        self._taken: list[int] = []  # delivered, and not written off yet

    def wake(self) -> None:
        """Look at the queue now: something may be due earlier than known."""
        self._woken.set()

    async def run(self) -> None:
        """Until cancelled. What is being sent then is sent again by the next process."""
        try:
            await self._run()
        finally:
            self._write_off()

    async def _run(self) -> None:
        while True:
            self._woken.clear()
            now_s = self._now_s()
            free = _AT_ONCE - len(self._sending)
            self._write_off()
            due_s = self._store.next_due_s()
            if free and due_s is not None and due_s <= now_s:
                with self._store.transaction():
                    self._desk.settle_due()
                    claimed = self._store.claim(now_s, free)
                for delivery in claimed:
                    task = asyncio.create_task(self._deliver(delivery))
                    self._sending.add(task)
                    task.add_done_callback(self._sending.discard)
                continue
            wait_s = None if due_s is None or not free else due_s - now_s
            with suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), wait_s)
                await asyncio.sleep(_LINGER_S)

    def _write_off(self) -> None:
        """What was delivered since the last look, together."""
        taken, self._taken = self._taken, []
        if taken:
            with self._store.transaction():
                self._store.delivered(taken)

    async def _deliver(self, delivery: Delivery) -> None:
        if await self._post(delivery):
            self._taken.append(delivery.id)
        else:
            delay_s = retry_delay_s(delivery.attempts + 1, self._desk.pace.first_retry_s)
            with self._store.transaction():
                if delay_s is None:
                    self._store.give_up(delivery.id)
                else:
                    self._store.put_off(delivery.id, self._now_s() + delay_s)
        # Not in a done callback: the courier must see the new state of the queue.
        self._sending.discard(_current_task())
        self.wake()

    async def _post(self, delivery: Delivery) -> bool:
        sent_s = int(self._now_s())
        headers = {
            "content-type": "application/json",
            "webhook-id": delivery.event_id,
            "webhook-timestamp": str(sent_s),
            "webhook-signature": signature(
                delivery.secret, delivery.event_id, sent_s, delivery.payload
            ),
        }
        try:
            status = await self._caller.call("POST", delivery.url, headers, delivery.payload)
        except (OSError, EOFError, ValueError):
            return False
        return 200 <= status < 300

    def _now_s(self) -> float:
        return self._desk.now().timestamp()


def _current_task() -> asyncio.Task[None]:
    task: asyncio.Task[None] | None = asyncio.current_task()
    assert task is not None
    return task


async def serve(port: int, desk: Desk, secret: str, parent: int | None) -> None:
    """Serve until a signal, or until `parent` (a process id) is not our parent any more."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for sig in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sig, stopping.set)
    with closing(Caller()) as caller:
        courier = Courier(desk, caller)
        app: ASGIApp = create_app(desk, secret, courier.wake, stopping)
        server = Server(
            app,
            address=_HOST,
            port=port,
            interface=Interfaces.ASGINL,
            http=HTTPModes.http1,
            websockets=False,
            log_enabled=False,
        )
        tasks = [
            asyncio.create_task(server.serve()),
            asyncio.create_task(courier.run()),
            asyncio.create_task(stopping.wait()),
            asyncio.create_task(_watch_parent(parent)),
            asyncio.create_task(_announce(caller, port)),
        ]
        # The announcement may end well; any other end, or its failure, is the end of all.
        over = await _first_end(tasks)
        stopping.set()
        server.stop()  # type: ignore[no-untyped-call]
        await asyncio.wait(tasks[:1], timeout=3.0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for task in over:
            if (error := task.exception()) is not None:
                raise error


async def _first_end(tasks: Sequence[asyncio.Task[object]]) -> set[asyncio.Task[object]]:
    announcement = tasks[-1]
    over, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    if over == {announcement} and announcement.exception() is None:
        over, _ = await asyncio.wait(tasks[:-1], return_when=asyncio.FIRST_COMPLETED)
    return over


async def _announce(caller: Caller, port: int) -> None:
    """Print the one line as soon as the server answers, for whoever waits for it."""
    url = f"http://{_HOST}:{port}"
    for _ in range(500):
        with suppress(OSError, EOFError, ValueError):
            if await caller.call("GET", f"{url}/health", {}, b"") == 200:
                print(f"test card network ready on {url}", flush=True)
                return
        await asyncio.sleep(0.02)
    raise CannotStart(f"the server does not answer on {url}")


async def _watch_parent(parent: int | None) -> None:
    """End when the parent has gone: the way for systems without a parent-death signal."""
    for _ in itertools.count():
        if parent is not None and os.getppid() != parent:
            return
        await asyncio.sleep(1.0)


def die_with_parent() -> int:
    """Ask Linux for SIGTERM when the parent dies; the parent's process id.

    The kernel watches the thread that started us: start this process from one that lives on.
    """
    parent = os.getppid()
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None, use_errno=True).prctl(pr_set_pdeathsig, int(signal.SIGTERM), 0, 0, 0)
    return parent


def read_secret(path: Path) -> str:
    """The bearer key in the file; made with a new key, for its owner's eyes only, if missing."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        with suppress(FileExistsError), os.fdopen(os.open(path, flags, 0o600), "w") as new:
            new.write(f"sk_test_{secrets.token_urlsafe(24)}\n")
        secret = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise CannotStart(f"{path}: {error}") from error
    if len(secret) < 16:
        raise CannotStart(f"{path}: the secret key has fewer than 16 characters")
    return secret


def check_port(port: int) -> None:
    """Refuse a port somebody listens on: the server's own sockets would share it silently."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except (OSError, OverflowError) as error:
            raise CannotStart(f"cannot listen on {_HOST}:{port}: {error}") from error


def read_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line; times are given in the units their names say."""
    parser = argparse.ArgumentParser(prog="testcard", description="The test card network")
    add = parser.add_argument
    add("--port", type=int, required=True, help="where to listen on 127.0.0.1")
    add("--data", type=Path, required=True, help="the SQLite file, made if missing")
    add("--secret-file", type=Path, help="holds the bearer key; DATA.key by default")
    add("--public-url", help="how browsers reach the pages; http://127.0.0.1:PORT by default")
    add("--parent-death", action="store_true", help="end when the parent process ends")
    add("--latency-ms", type=float, default=0.0, help="added to every API answer")
    add("--lost-answer-s", type=float, default=30.0, help="how long a lost answer is waited for")
    add("--webhook-late-s", type=float, default=5.0, help="how late a late webhook is")
    add("--pending-s", type=float, default=3.0, help="how long refunds and payouts are pending")
    add("--first-retry-s", type=float, default=0.5, help="the first back-off of a webhook")
    add("--dispute-s", type=float, default=3.0, help="how soon a card that disputes does so")
    add("--charge-fee-bp", type=int, default=0, help="kept of a charge, in basis points")
    add("--charge-fee-minor", type=int, default=0, help="kept of a charge besides, minor units")
    add("--dispute-fee-minor", type=int, default=1500, help="taken for a dispute, minor units")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the process; its exit status."""
    given = read_arguments(argv)
    os.umask(0o077)
    parent = die_with_parent() if given.parent_death else None
    try:
        check_port(given.port)
        store = Store(given.data)
        secret = read_secret(given.secret_file or given.data.with_name(given.data.name + ".key"))
    except (CannotStart, Unusable) as error:
        print(f"test card network: {error}", file=sys.stderr)
        return 1
    pace = Pace(
        latency_s=given.latency_ms / 1000,
        lost_answer_s=given.lost_answer_s,
        webhook_late_s=given.webhook_late_s,
        pending_s=given.pending_s,
        first_retry_s=given.first_retry_s,
        dispute_s=given.dispute_s,
    )
    fees = Fees(given.charge_fee_bp, given.charge_fee_minor, given.dispute_fee_minor)
    public_url = (given.public_url or f"http://{_HOST}:{given.port}").rstrip("/")
    desk = Desk(store, pace, public_url, lambda: datetime.now(UTC), fees)
    try:
        with store.transaction():
            store.forget(desk.now().timestamp() - _ANSWERS_KEPT_S)
        _run_loop(given.port, desk, secret, parent)
    except CannotStart as error:
        print(f"test card network: {error}", file=sys.stderr)
        return 1
    finally:
        store.close()
    return 0


def _run_loop(port: int, desk: Desk, secret: str, parent: int | None) -> None:
    if sys.platform == "win32":
        asyncio.run(serve(port, desk, secret, parent))
    else:
        import uvloop

        uvloop.run(serve(port, desk, secret, parent))


if __name__ == "__main__":
    sys.exit(main())
