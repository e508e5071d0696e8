"""How a process that answers HTTP leaves without cutting anybody off.

A connection that is kept open is closed by whoever wants to at any moment, and a request that is on
its way just then is lost. So a leaving process first says goodbye: every answer carries
`Connection: close`, readiness turns red, and only when no client can still believe in a connection
of ours does it end. What the signals mean to a worker:

SIGTERM   goodbye for `drain_s`, going on to take connections, then the end
SIGUSR2   the same, but somebody else has our socket: no connection is taken any more
SIGINT    the end, after what is under way
"""

import asyncio
import os
import signal
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from time import monotonic

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from haat.app.processes import HAND_OVER

log = structlog.get_logger()

_CLOSE = (b"connection", b"close")

Ready = Callable[[], Awaitable[str | None]]


class Draining:
    """The outermost ASGI application of a worker. `drain_s` is longer than clients of ours keep an
    idle connection."""

    def __init__(self, app: ASGIApp, drain_s: float) -> None:
        self._app = app
        self._drain_s = drain_s
        self._leaving: asyncio.Task[None] | None = None
        self._told: list[Callable[[], None]] = []
        self._left_open = -drain_s  # when an answer last left its connection open

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                if self._leaving is None:
                    self._left_open = monotonic()
                else:
                    message["headers"] = [*message.get("headers", ()), _CLOSE]
            await send(message)

        await self._app(scope, receive, sending)

    def on_leaving(self, told: Callable[[], None]) -> None:
        """`told` is called when this process begins to leave."""
        self._told.append(told)

    def await_signals(self) -> None:
        """In a worker, once it has started: takes the place of the server's own handler."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._leave, False)
        loop.add_signal_handler(HAND_OVER, self._leave, True)

    def unless_leaving(self, ready: Ready) -> Ready:
        """`ready`, but not while this process leaves."""

        async def check() -> str | None:
            return await ready() if self._leaving is None else "draining"

        return check

    def _leave(self, handed_over: bool) -> None:
        if self._leaving is None:
            if handed_over:
                stop_accepting()
            self._leaving = asyncio.create_task(self._say_goodbye())
            for told in self._told:
                told()

    async def _say_goodbye(self) -> None:
        """Until no connection that was left open can still be in use, then the server's own end."""
        log.info("worker_leaving")
        await asyncio.sleep(max(0.0, self._left_open + self._drain_s - monotonic()))
        os.kill(os.getpid(), signal.SIGINT)


def stop_accepting() -> None:
    """Puts a socket that nobody calls in the place of every TCP socket this process listens on.

    The server has no word for "take no more, but go on". The connections that wait are taken by
    the other processes that hold the same socket.
    """
    for number in _listening():
        nobody = socket.socket()
        nobody.bind(("127.0.0.1", 0))
        nobody.listen(1)
        nobody.setblocking(False)
        os.dup2(nobody.fileno(), number, inheritable=False)
        nobody.close()


def _listening() -> list[int]:
    found = []
    for name in os.listdir("/dev/fd"):
        number = int(name)
        with suppress(OSError):
            probe = socket.socket(fileno=os.dup(number))
            with probe:
                if probe.family in (socket.AF_INET, socket.AF_INET6) and probe.getsockopt(
                    socket.SOL_SOCKET, socket.SO_ACCEPTCONN
                ):
                    found.append(number)
    return found
