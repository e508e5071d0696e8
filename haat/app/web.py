"""One HTTP worker: the runtime behind the gateways. granian calls `create` in every worker."""

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from fastapi import FastAPI
from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from haat.app import asyncapi
from haat.app.configuration import start_logs
from haat.app.draining import Draining
from haat.app.ended import watched
from haat.app.first_run import first_runner
from haat.app.loop import settle_memory
from haat.app.processes import say_ready
from haat.app.runtime import Runtime
from haat.app.seeding.accounts import DEMO_PASSWORD, SIGN_INS
from haat.app.settings import AppSettings
from haat.app.targets import all_modules, chosen, opens_site
from haat.engines.http.origins import origins
from haat.engines.http.pacing import Pacing, networks
from haat.engines.rpc.http import rpc_routes
from haat.engines.telemetry import set_up_tracing, stop_tracing
from haat.gateways import graphql
from haat.gateways.rest import AnswerStore, Edge, Parts, describe, equip, joined
from haat.gateways.rest import create as create_rest
from haat.gateways.rest.paces import kind_of, paces
from haat.gateways.web import site_routers, web_state
from haat.kernel.errors import Problem


def create() -> ASGIApp:
    """The application for the target named by HAAT_TARGET (default: all)."""
    set_up()
    return prepared()


def prepared() -> ASGIApp:
    """The application before it starts. Made once and then forked, its routes and models are in
    memory once; nothing of it is a connection, a thread or a task yet."""
    return application(AppSettings(), os.environ.get("HAAT_TARGET", "all"))


def set_up() -> None:
    """What each process has for itself: its log and its traces."""
    settings = AppSettings()
    start_logs(settings)
    set_up_tracing(settings.otel_endpoint, service="haat-web")


def application(settings: AppSettings, target: str, runtime: Runtime | None = None) -> ASGIApp:
    """The application over a runtime of its own, or over one that is started already."""
    modules = chosen(target)
    site = [*site_routers(), asyncapi.router()] if opens_site(target) else []
    shown = all_modules() if opens_site(target) else modules
    routers = [module.router for module in shown if module.router is not None]
    if opens_site(target):  # only here every module can be asked
        routers.append(joined)
    site += [module.site_router for module in shown if module.site_router is not None]

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if runtime is not None:
            pacing.use(runtime.cache, seconds_of(runtime))
            async with _gate(runtime, target, pacing) as gate, watched(runtime):
                parts = await parts_of(runtime)
                equip(app, replace(parts, state={**parts.state, "graphql": gate}))
                yield
            return
        async with (
            Runtime(
                settings, modules, reacts=settings.background == 0, site=opens_site(target)
            ) as started,
            _gate(started, target, pacing) as gate,
            watched(started),
        ):
            parts = await parts_of(started)
            ready = draining.unless_leaving(parts.ready)
            equip(app, replace(parts, ready=ready, state={**parts.state, "graphql": gate}))
            app.router.routes.extend(_rpc(started))
            pacing.use(started.cache, seconds_of(started))
            settle_memory()
            if gate is not None:
                draining.on_leaving(gate.leave)
            draining.await_signals()
            say_ready()
            yield
        stop_tracing()

    graph = graphql.routes() if opens_site(target) else []
    edge = edge_of(settings)
    pacing = edge.pacing
    inner = create_rest(routers, site_routers=site, rpc=graph, lifespan=lifespan, edge=edge)
    draining = Draining(inner, settings.drain_s)
    return draining


def edge_of(settings: AppSettings) -> Edge:
    """How this installation meets the outside."""
    return Edge(
        pacing=Pacing(
            paces(settings.rate_limits), kind_of, exempt=networks(settings.rate_limits_exempt)
        ),
        proxies=networks(settings.trusted_proxies),
        origins=origins(settings.allowed_origins),
        secure=settings.is_secure,
        # A name for this machine alone is shared by whatever else is tried on it.
        hsts_s=settings.hsts_s if settings.is_secure and not settings.is_here else 0,
    )


def seconds_of(runtime: Runtime) -> Callable[[], float]:
    """Seconds since the epoch, by the runtime's clock."""
    return lambda: runtime.clock.now().timestamp()


@asynccontextmanager
async def _gate(
    runtime: Runtime, target: str, pacing: Pacing
) -> AsyncIterator[graphql.Gate | None]:
    """What the process has of GraphQL: nothing where it does not open the site."""
    if not opens_site(target):
        yield None
        return
    gate = graphql.Gate(
        graphql.GraphqlSettings(),
        runtime.doors,
        runtime.cache,
        runtime.clock,
        site=runtime.settings.site,
        admits=pacing.admits,
    )
    try:
        yield gate
    finally:
        await gate.aclose()


def documented(settings: AppSettings) -> dict[str, Any]:
    """The OpenAPI document of the whole market, without starting it."""
    routers = [module.router for module in chosen("all") if module.router is not None]
    return describe([*routers, joined])


async def parts_of(runtime: Runtime) -> Parts:
    """What the gateways need of a started runtime."""
    pools = {id(one.pool): one for one in runtime.databases.values()}

    async def ready() -> str | None:
        try:
            for database in pools.values():
                await database.fetchval("SELECT 1")
        except Problem as problem:
            return problem.detail
        return None

    return Parts(
        doors=runtime.doors,
        tokens=runtime.tokens,
        signer=runtime.signer,
        clock=runtime.clock,
        answers=AnswerStore(runtime.databases["rest"]),
        ready=ready,
        state={
            **web_state(runtime.settings.site),
            "first_run": first_runner(runtime.inner),
            "demo": runtime.settings.demo,
            "metrics_public": runtime.settings.metrics_public,
            "demo_accounts": SIGN_INS,
            "demo_password": DEMO_PASSWORD,
        },
    )


def _rpc(runtime: Runtime) -> list[BaseRoute]:
    """Contract calls from other processes of the installation."""
    services = {
        module.name: (module.contract, runtime.services[module.contract])
        for module in runtime.modules
    }
    return list(rpc_routes(services, token=runtime.rpc_token, clock=runtime.clock))
