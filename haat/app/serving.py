"""Runs granian for one target: `python -m haat.app.serving`. Its parent is the supervisor."""

from granian.constants import Interfaces, Loops
from granian.log import LogLevels
from granian.server import Server

from haat.app.settings import AppSettings


def main() -> None:
    settings = AppSettings()
    Server(
        "haat.app.web:create",
        factory=True,
        address=settings.host,
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
        workers_kill_timeout=15,
    ).serve()


if __name__ == "__main__":
    main()
