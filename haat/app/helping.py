"""A process that helps while there is much to write: it takes chunks of imports, and ends when none
have come for a while. It hears nothing and answers nobody."""

import asyncio
import os
import signal
from time import monotonic

import structlog

from haat.app.configuration import start_logs
from haat.app.loop import run_async, settle_memory
from haat.app.runtime import Runtime
from haat.app.settings import AppSettings
from haat.app.targets import chosen
from haat.domains.goods.imports.api import Imports
from haat.engines.telemetry import set_up_tracing, stop_tracing
from haat.kernel.errors import Unavailable

log = structlog.get_logger()

IDLE_S = 6.0  # longer than between two calls
LOOK_S = 0.1
AT_ONCE = 2  # chunks: PostgreSQL writes one while the next is decided
POOL = 4  # connections


async def help_out(settings: AppSettings, target: str) -> None:
    """Until there has been nothing to do for IDLE_S, or SIGTERM."""
    modules = chosen(target)
    if not any(module.contract is Imports for module in modules):
        return
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    async with Runtime(settings, modules, reacts=False) as runtime:
        settle_memory()
        await asyncio.gather(*(_work(runtime, stop) for _ in range(AT_ONCE)))


async def _work(runtime: Runtime, stop: asyncio.Event) -> None:
    service, busy_at = runtime.services[Imports], monotonic()
    while not stop.is_set() and monotonic() - busy_at < IDLE_S:
        try:
            if await service.help(runtime.system_context("import")):
                busy_at = monotonic()
                continue
        except Unavailable as problem:
            log.warning("helper_waits", error=problem.code)
        await asyncio.sleep(LOOK_S)


def main() -> None:
    settings = AppSettings()
    settings = settings.model_copy(update={"sql_pool": min(settings.sql_pool, POOL)})
    start_logs(settings)
    set_up_tracing(settings.otel_endpoint, service="haat-load")
    run_async(help_out(settings, os.environ.get("HAAT_TARGET", "all")))
    stop_tracing()
