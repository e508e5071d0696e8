"""The background process: relay, reactions and timers of a target."""

import asyncio
import os
import signal

import structlog

from haat.app.configuration import start_logs
from haat.app.loop import run_async, settle_memory
from haat.app.processes import say_ready
from haat.app.runtime import Runtime
from haat.app.settings import AppSettings
from haat.app.targets import chosen, opens_site
from haat.engines.telemetry import set_up_tracing, stop_tracing

log = structlog.get_logger()


async def work(settings: AppSettings, target: str) -> None:
    """Runs until SIGTERM or SIGINT, then lets what is under way end and gives its leases back."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    async with Runtime(settings, chosen(target), reacts=True, site=opens_site(target)):
        settle_memory()
        log.info("worker_ready", target=target)
        say_ready()
        await stop.wait()
        log.info("worker_stopping")


def main() -> None:
    settings = AppSettings()
    start_logs(settings)
    set_up_tracing(settings.otel_endpoint, service="haat-work")
    run_async(work(settings, os.environ.get("HAAT_TARGET", "all")))
    stop_tracing()


if __name__ == "__main__":
    main()
