"""Runs granian for one target: `python -m haat.app.serving`. Its parent is the supervisor.

The listening sockets, one for each worker, are the parent's where it hands some down: a process
that comes and one that goes hold them together, so no connection is ever refused. How workers
leave: haat.app.draining.
"""

import gc
import multiprocessing
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from granian._granian import SocketHolder
from granian.constants import Interfaces, Loops, SSLProtocols
from granian.http import HTTP1Settings, HTTP2Settings
from granian.log import LogLevels
from granian.server.mp import MPServer

from haat.app.beside import COUNT, Beside, Helping
from haat.app.between import shows_to_peers
from haat.app.processes import BACKLOG, HAND_OVER, LISTEN, shared, tied_to_parent
from haat.app.settings import AppSettings

HEAD_MAX_BYTES = 64 << 10  # of HTTP/2; haat.engines.http.limits allows less
HEAD_WAIT_MS = 15_000  # for a request's headers; its body has limits of its own
END_S = 35  # a request has its deadline within that


_Server: Any = MPServer  # much of it has no types


class Serving(_Server):  # type: ignore[misc]
    """granian's server on a socket that may be another process's as well."""

    def listen_on(self, listening: Sequence[socket.socket]) -> None:
        self._listening = listening
        self._told: signal.Signals = signal.SIGTERM
        self._beside: list[Beside | Helping] = []

    def work_beside(self, count: int, helping: int) -> None:
        """Starts background workers, and those who help them. Before `serve`: nothing but this
        thread may run yet."""
        if helping:
            self._beside.append(Helping(helping, self._listening))
        self._beside.append(Beside(count, self._listening))

    def _init_shared_socket(self) -> None:
        """There is none: see `_spawn_worker`."""
        self._ssp, self._sfd, self._sso = None, None, None

    def _spawn_worker(self, idx: int, *args: Any, **kwargs: Any) -> Any:
        holder: Any = SocketHolder  # its arguments depend on the platform
        about = (self._listening[idx % len(self._listening)].fileno(), False)  # of TCP
        self._shd = holder(*about, BACKLOG) if sys.platform == "linux" else holder(*about)
        return super()._spawn_worker(idx, *args, **kwargs)

    def signal_handler_interrupt(self, *args: object, **kwargs: object) -> None:
        if args and isinstance(args[0], int):
            self._told = signal.Signals(args[0])
        for one in self._beside:
            one.end()
        super().signal_handler_interrupt()

    def startup(self, *args: object, **kwargs: object) -> None:
        super().startup(*args, **kwargs)
        signal.signal(HAND_OVER, self.signal_handler_interrupt)
        for one in self._beside:
            one.watch()

    def _stop_workers(self) -> None:
        """Tells the workers what it was told itself, and cuts off who takes too long."""
        for worker in self.wrks:
            worker.interrupt_by_parent = True
            with suppress(ProcessLookupError):
                os.kill(worker.inner.pid, self._told)
        until = time.monotonic() + self.workers_kill_timeout
        for worker in self.wrks:
            worker.join(max(0.0, until - time.monotonic()))
            if worker.is_alive():
                worker.kill()
                worker.join()
        self.wrks.clear()
        for one in self._beside:
            one.end()
            one.await_end(until)


def main() -> None:
    settings = AppSettings()
    peers = shows_to_peers(settings, os.environ.get("HAAT_TARGET", "all"))
    server = Serving(
        "haat.app.web:create",
        address=_address(settings.host, settings.port),
        port=settings.port,
        interface=Interfaces.ASGI,
        workers=settings.workers,
        loop=Loops.auto,
        backlog=BACKLOG,
        backpressure=2000,  # connections a worker serves at once; waiting ones are kept-alive, too
        ssl_cert=settings.rpc_cert if peers else settings.tls_cert,
        ssl_key=settings.rpc_key if peers else settings.tls_key,
        ssl_ca=settings.rpc_ca if peers else None,
        ssl_client_verify=peers,
        ssl_protocol_min=SSLProtocols.tls13 if peers else SSLProtocols.tls12,
        http1_settings=HTTP1Settings(header_read_timeout=HEAD_WAIT_MS),
        http2_settings=HTTP2Settings(max_headers_size=HEAD_MAX_BYTES),
        log_enabled=True,
        log_level=LogLevels.warning,
        log_access=False,
        respawn_failed_workers=True,
        workers_kill_timeout=int(settings.drain_s) + END_S,
    )
    server.listen_on(_listening(settings))
    loader = _application
    if sys.platform == "linux":
        loader = _forked(_prepare_forks())
        count = int(os.environ.pop(COUNT, 0))
        server.work_beside(count, settings.importing if _imports(count, settings) else 0)
    server.serve(target_loader=loader, wrap_loader=False)


def _imports(background: int, settings: AppSettings) -> bool:
    """Whether imports are begun here: by who works beside this process, or by itself."""
    from haat.app.targets import chosen

    reacts = background > 0 or settings.background == 0
    return reacts and any(m.name == "imports" for m in chosen(os.environ.get("HAAT_TARGET", "all")))


def _application() -> Any:
    """Not left to granian: it looks for a name in the folder it was started from, before others."""
    from haat.app import web

    return web.create()


def _forked(application: Any) -> Callable[[], Any]:
    """Of what was made before the fork: how a worker gets its application."""
    from haat.app import web

    def own() -> Any:
        web.set_up()
        return application

    return own


def _listening(settings: AppSettings) -> list[socket.socket]:
    """Those our parent handed down, or some of our own, which others may share by their port."""
    given = os.environ.pop(LISTEN, "")
    if given:
        return [socket.socket(fileno=int(number)) for number in given.split(",")]
    return shared(settings.host, settings.port, settings.workers)


def _prepare_forks() -> Any:
    """Workers are forked from a process that has imported everything and made the application:
    they start at once, share its memory, and end with it."""
    from haat.app import helping, web, work  # noqa: F401 - others are forked as well

    application = web.prepared()
    gc.collect()
    gc.freeze()  # a collection in a worker would touch, and so copy, all of it
    multiprocessing.set_start_method("fork")
    tie = tied_to_parent()
    if tie is not None:
        os.register_at_fork(after_in_child=tie)
    return application


def _address(host: str, port: int) -> str:
    """The number behind a name such as 'localhost': granian takes numbers only."""
    return str(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][4][0])


if __name__ == "__main__":
    main()
