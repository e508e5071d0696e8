"""Runs granian for one target: `python -m haat.app.serving`. Its parent is the supervisor."""

import gc
import multiprocessing
import os
import socket
import sys

from granian.constants import Interfaces, Loops
from granian.log import LogLevels
from granian.server import Server

from haat.app.processes import tied_to_parent
from haat.app.settings import AppSettings


def main() -> None:
    settings = AppSettings()
    server = Server(
        "haat.app.web:create",
        factory=True,
        address=_address(settings.host, settings.port),
        port=settings.port,
        interface=Interfaces.ASGI,
        workers=settings.workers,
        loop=Loops.auto,
        backlog=2048,
        backpressure=2000,  # connections a worker serves at once; waiting ones are kept-alive, too
        log_enabled=True,
        log_level=LogLevels.warning,
        log_access=False,
        respawn_failed_workers=True,
        workers_kill_timeout=5,
    )
    if sys.platform == "linux":
        _prepare_forks()
    server.serve()


def _prepare_forks() -> None:
    """Workers are forked from a process that has imported everything: they start at once, share
    its memory, and end with it."""
    from haat.app import web

    web.parts_loaded(os.environ.get("HAAT_TARGET", "all"))
    gc.collect()
    gc.freeze()  # a collection in a worker would touch, and so copy, all of it
    multiprocessing.set_start_method("fork")
    tie = tied_to_parent()
    if tie is not None:
        os.register_at_fork(after_in_child=tie)


def _address(host: str, port: int) -> str:
    """The number behind a name such as 'localhost': granian takes numbers only."""
    return str(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][4][0])


if __name__ == "__main__":
    main()
