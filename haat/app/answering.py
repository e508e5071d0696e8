"""The gRPC door as a process of its own: `python -m haat.app.answering`."""

import asyncio
import signal

import structlog

from haat.app.configuration import start_logs
from haat.app.loop import run_async, settle_memory
from haat.app.processes import say_ready
from haat.app.runtime import Runtime
from haat.app.settings import AppSettings
from haat.app.targets import chosen
from haat.domains.money.ledger.api import Ledger
from haat.engines.telemetry import set_up_tracing, stop_tracing
from haat.gateways.grpc.server import CannotListen, serving
from haat.gateways.grpc.service import LedgerDoor
from haat.gateways.grpc.settings import GrpcSettings

log = structlog.get_logger()


async def answer(settings: AppSettings, grpc: GrpcSettings) -> None:
    """Answers until SIGTERM or SIGINT, then lets calls under way end.

    The ledger is in this process: a post costs no second hop.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    async with Runtime(settings, chosen("ledger")) as runtime:
        token = grpc.grpc_token.get_secret_value()
        door = LedgerDoor(runtime.doors[Ledger], runtime.tokens, runtime.clock, token)
        async with serving(door, grpc) as port:
            settle_memory()
            log.info("grpc_ready", port=port)
            say_ready()
            await stop.wait()


def main() -> None:
    settings, grpc = AppSettings(), GrpcSettings()
    start_logs(settings)
    set_up_tracing(settings.otel_endpoint, service="haat-grpc")
    try:
        run_async(answer(settings, grpc))
    except CannotListen as error:
        log.error("grpc_cannot_listen", why=str(error))
        raise SystemExit(1) from error
    stop_tracing()


if __name__ == "__main__":
    main()
