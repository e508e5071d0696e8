"""The ASGI application: routers, middleware, health, metrics and documentation."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import JSONResponse
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Scope

from haat.engines.http import Limits, Signer, Tokens, add_problem_handlers, from_this_machine
from haat.engines.telemetry import AccessLog, metrics_app
from haat.gateways.rest.branches import include
from haat.gateways.rest.idempotency import Idempotency
from haat.gateways.rest.storage import AnswerStore
from haat.gateways.rest.straight import Straight, compiled
from haat.kernel.clock import Clock
from haat.kernel.contract import Contract
from haat.kernel.errors import NotFound

UPLOAD_MAX_BYTES = 11 << 20  # a picture of 10 MiB and its multipart frame
FILE_MAX_BYTES = 520 << 20  # a file of goods: it goes to disk as it arrives, and on in parts
RPC_MAX_BYTES = 16 << 20  # the same picture on its way between services, as base64
API = "/api/v1"
ALIAS = "/v1"
_NO_STORE = ((b"cache-control", b"private, no-store"),)


@dataclass(frozen=True, slots=True)
class Parts:
    """What the composition root gives the gateway. `ready` says why the process is not, or None."""

    doors: Mapping[type[Contract], Any]
    tokens: Tokens
    signer: Signer
    clock: Clock
    answers: AnswerStore
    ready: Callable[[], Awaitable[str | None]]
    state: Mapping[str, Any] = field(default_factory=dict)


def create(
    routers: Iterable[APIRouter],
    *,
    site_routers: Sequence[APIRouter] = (),
    rpc: Sequence[BaseRoute] = (),
    lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]] | None = None,
) -> ASGIApp:
    """The application. `lifespan` starts the runtime and calls `equip` with its parts."""
    found = list(routers)
    app = _documented_app(found, lifespan)
    add_problem_handlers(app)
    for router in site_routers:
        include(app, router, documented=False)
    app.router.routes.extend(rpc)
    app.add_route("/metrics", _metrics, include_in_schema=False)
    app.add_api_route("/health/live", _live, tags=["health"])
    app.add_api_route("/health/ready", _ready, tags=["health"], response_model=None)
    inner = Idempotency(Straight(app, compiled(found, (API, ALIAS))), app.state)
    larger = dict.fromkeys(("/vendor/", "/admin/", "/welcome"), UPLOAD_MAX_BYTES)
    for prefix in (API, ALIAS):
        for part in ("media", "products/", "vendors/", "admin/reconciliations/files"):
            larger[f"{prefix}/{part}"] = UPLOAD_MAX_BYTES
        larger[f"{prefix}/imports/"] = UPLOAD_MAX_BYTES
    larger["/vendor/imports"] = FILE_MAX_BYTES
    larger["/rpc/"] = RPC_MAX_BYTES
    return Limits(AccessLog(inner), larger=larger, security=_unkept)


def _unkept(scope: Scope) -> Iterable[tuple[bytes, bytes]]:
    """An answer of the API that does not say otherwise is for who asked, and kept nowhere."""
    return _NO_STORE if scope["path"].startswith((f"{API}/", f"{ALIAS}/")) else ()


def describe(routers: Iterable[APIRouter]) -> dict[str, Any]:
    """The OpenAPI document of these routers."""
    return _documented_app(routers, None).openapi()


def _documented_app(
    routers: Iterable[APIRouter],
    lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]] | None,
) -> FastAPI:
    app = FastAPI(
        title="Haat",
        version="1",
        summary="A multi-vendor marketplace.",
        description=(
            "Errors are RFC 9457 problem documents with a stable `code`. Lists are keyset pages "
            "`{items, next}`. Every write takes an `Idempotency-Key`: the same key and body "
            "again answer what the first request answered."
        ),
        docs_url=None,  # FastAPI's page needs the internet; the web gateway draws /docs itself
        redoc_url=None,
        openapi_url="/openapi.json",
        lifespan=lifespan,
        # Metrics and logs are our own; asked about in every request, these cost a little each.
        telemetry={"metrics": False, "logs": False},
    )
    found = list(routers)
    for router in found:
        include(app, router, API)
    for router in found:
        include(app, router, ALIAS, documented=False)
    return app


def equip(app: FastAPI, parts: Parts) -> None:
    """Hands a started process's parts to the application."""
    app.state.doors = parts.doors
    app.state.tokens = parts.tokens
    app.state.signer = parts.signer
    app.state.clock = parts.clock
    app.state.answers = parts.answers
    app.state.ready = parts.ready
    for name, value in parts.state.items():
        setattr(app.state, name, value)


async def _metrics(request: Request) -> Response:
    """For this machine only, unless the operator says otherwise: they tell what is sold here."""
    if not (getattr(request.app.state, "metrics_public", False) or from_this_machine(request)):
        raise NotFound
    return await metrics_app(request)


async def _live() -> dict[str, str]:
    """The process runs."""
    return {"status": "live"}


async def _ready(request: Request) -> Response:
    """The process can serve: its database answers."""
    check = getattr(request.app.state, "ready", None)
    why = "starting" if check is None else await check()
    if why is None:
        return JSONResponse({"status": "ready"})
    return JSONResponse({"status": "not ready", "reason": why}, status_code=503)
