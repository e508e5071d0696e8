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
from haat.engines.http.cookies import HostCookies
from haat.engines.http.origins import Origins, OwnSockets
from haat.engines.http.pacing import Network, Pacing
from haat.engines.http.problems import answer_known
from haat.engines.http.promises import Keyed, Retiring, wants_key
from haat.engines.http.proxies import Forwarded
from haat.engines.telemetry import AccessLog, metrics_app
from haat.gateways.rest.aliases import Aliases
from haat.gateways.rest.allowing import Allowing
from haat.gateways.rest.branches import include
from haat.gateways.rest.conversion import Conversion
from haat.gateways.rest.describing import Described, declared
from haat.gateways.rest.idempotency import Idempotency
from haat.gateways.rest.keys import ApiKeys
from haat.gateways.rest.own_prices import OwnPriced
from haat.gateways.rest.paces import holder_of
from haat.gateways.rest.shielding import shields
from haat.gateways.rest.storage import AnswerStore
from haat.gateways.rest.straight import Straight, compiled
from haat.gateways.rest.supported import Supported
from haat.kernel.clock import Clock
from haat.kernel.contract import Contract
from haat.kernel.errors import NotFound, Problem

UPLOAD_MAX_BYTES = 11 << 20  # a picture of 10 MiB and its multipart frame
FILE_MAX_BYTES = 520 << 20  # a file of goods or a video, which goes on in parts as it arrives
RPC_MAX_BYTES = 16 << 20  # the same picture on its way between services, as base64
API = "/api/v1"
ALIAS = "/v1"
COOKIES = b"haat_"


@dataclass(frozen=True, slots=True)
class Edge:
    """How the outside is met. `pacing` bounds how often somebody may ask; `proxies` are believed
    whom they speak for; scripts of `origins` may read answers; with `hsts_s` browsers insist on
    https for so long."""

    pacing: Pacing = field(default_factory=Pacing)
    proxies: Sequence[Network] = ()
    origins: Sequence[str] = ()
    hsts_s: int = 0
    secure: bool = False  # reached by https: cookies are this host's alone


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
    edge: Edge | None = None,
) -> ASGIApp:
    """The application. `lifespan` starts the runtime and calls `equip` with its parts."""
    edge = edge or Edge()
    found = list(routers)
    app = _documented_app(found, lifespan)
    add_problem_handlers(app)
    for router in site_routers:
        include(app, router, documented=False)
    app.router.routes.extend(rpc)
    app.add_route("/.well-known/jwks.json", _jwks, include_in_schema=False)
    app.add_route("/metrics", _metrics, include_in_schema=False)
    app.add_api_route("/health/live", _live, tags=["health"])
    app.add_api_route("/health/ready", _ready, tags=["health"], response_model=None)
    straight = Straight(app, compiled(found, (API, ALIAS)))
    owned = OwnPriced(straight, app.state, (API, ALIAS))
    once = Idempotency(Conversion(owned, app.state, (API, ALIAS)), app.state)
    keyed = Keyed(once, wants_key(found, (API, ALIAS)))
    keys = ApiKeys(Retiring(keyed, found, API).app, app.state, (API, ALIAS))
    allowing = Allowing(keys, found, (API, ALIAS))
    inner = Supported(Aliases(allowing, app.state, (API, ALIAS)), app.state)
    larger = dict.fromkeys(("/vendor/", "/admin/", "/welcome", "/account/avatar"), UPLOAD_MAX_BYTES)
    for prefix in (API, ALIAS):
        for part in ("media", "me/avatar", "products/", "vendors/", "admin/reconciliations/files"):
            larger[f"{prefix}/{part}"] = UPLOAD_MAX_BYTES
        larger[f"{prefix}/imports/"] = UPLOAD_MAX_BYTES
        larger[f"{prefix}/media/tus"] = FILE_MAX_BYTES
    for page in ("/vendor/imports", "/vendor/products"):
        larger[page] = FILE_MAX_BYTES
    larger["/rpc/"] = RPC_MAX_BYTES

    async def refusal(scope: Scope, problem: Problem) -> Response:
        """A page for a browser, where there are pages."""
        return await answer_known(Request({**scope, "app": app}), problem)

    counted = edge.pacing.around(inner, holder_of(app.state), refusal)
    if edge.origins:
        counted = Origins(counted, edge.origins, (f"{API}/", f"{ALIAS}/", "/graphql"))
    counted = OwnSockets(counted, edge.origins)
    if edge.secure:
        counted = HostCookies(counted, COOKIES)
    security = shields((f"{API}/", f"{ALIAS}/"), hsts_s=edge.hsts_s)
    outer: ASGIApp = Limits(AccessLog(counted), larger=larger, headers=(), security=security)
    return Forwarded(outer, edge.proxies) if edge.proxies else outer


def describe(routers: Iterable[APIRouter]) -> dict[str, Any]:
    """The OpenAPI document of these routers."""
    return _documented_app(routers, None).openapi()


def _documented_app(
    routers: Iterable[APIRouter],
    lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]] | None,
) -> FastAPI:
    app = Described(
        title="Haat",
        version="1",
        summary="A multi-vendor marketplace.",
        description=(
            "Errors are RFC 9457 problem documents with a stable `code`. Lists are keyset pages "
            "`{items, next}`. Every write takes an `Idempotency-Key`: the same key and body "
            "again answer what the first request answered; where money moves it is required. "
            "`RateLimit` says how many requests are left, `Deprecation` and `Sunset` when a "
            "route goes away."
        ),
        docs_url=None,  # FastAPI's page needs the internet; the web gateway draws /docs itself
        redoc_url=None,
        openapi_url="/openapi.json",
        lifespan=lifespan,
        # Metrics and logs are our own; asked about in every request, these cost a little each.
        telemetry={"metrics": False, "logs": False},
    )
    found = list(routers)
    app.declared = declared(found)
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


async def _jwks(request: Request) -> Response:
    """What others verify our access tokens with. A key stands here a minute before it signs."""
    headers = {"cache-control": "public, max-age=30"}
    return JSONResponse(request.app.state.tokens.public_jwks(), headers=headers)


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
