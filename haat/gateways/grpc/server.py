"""The listening side: TLS, mTLS, keep-alive, health, and an end that lets calls finish."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc

from haat.gateways.grpc.service import LedgerDoor
from haat.gateways.grpc.settings import GrpcSettings

MESSAGE_MAX_BYTES = 4 * 1024 * 1024
GRACE_S = 10.0
CALLS_MAX = 200

_OPTIONS: list[tuple[str, Any]] = [
    ("grpc.max_receive_message_length", MESSAGE_MAX_BYTES),
    ("grpc.so_reuseport", 0),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 10_000),
]


class CannotListen(Exception):
    """The port is taken, or the certificate cannot be read."""


@asynccontextmanager
async def serving(door: LedgerDoor, settings: GrpcSettings) -> AsyncIterator[int]:
    """Answers for as long as it lasts; yields the port. Calls under way may finish."""
    server = grpc.aio.server(options=_OPTIONS, maximum_concurrent_rpcs=CALLS_MAX)
    server.add_generic_rpc_handlers((door.handler(),))
    address = f"{settings.grpc_host}:{settings.grpc_port}"
    try:
        credentials = _credentials(settings)
        if credentials is None:
            port = server.add_insecure_port(address)
        else:
            port = server.add_secure_port(address, credentials)
    except (RuntimeError, OSError) as error:
        raise CannotListen(f"{address}: {error}") from error
    await server.start()
    try:
        yield port
    finally:
        await server.stop(GRACE_S)


def _credentials(settings: GrpcSettings) -> grpc.ServerCredentials | None:
    if settings.grpc_cert is None or settings.grpc_key is None:
        return None
    pair = (settings.grpc_key.read_bytes(), settings.grpc_cert.read_bytes())
    authority = settings.grpc_client_ca
    return grpc.ssl_server_credentials(
        [pair],
        root_certificates=None if authority is None else authority.read_bytes(),
        require_client_auth=authority is not None,
    )
