"""One HTTP worker: the runtime behind the gateways. granian calls `create` in every worker."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from fastapi import FastAPI
from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from haat.app import asyncapi
from haat.app.draining import Draining
from haat.app.first_run import first_runner
from haat.app.loop import settle_memory
from haat.app.processes import say_ready
from haat.app.runtime import Runtime
from haat.app.seeding.accounts import DEMO_PASSWORD, SIGN_INS
from haat.app.settings import AppSettings
from haat.app.targets import all_modules, chosen, opens_site
from haat.engines.http.pacing import Pacing
from haat.engines.rpc.http import rpc_routes
from haat.engines.telemetry import set_up_logs, set_up_tracing, stop_tracing
from haat.gateways.rest import AnswerStore, Parts, describe, equip, joined
from haat.gateways.rest import create as create_rest
from haat.gateways.web import site_routers, web_state
from haat.kernel.errors import Problem


def create() -> ASGIApp:
    """The application for the target named by HAAT_TARGET (default: all)."""
    settings = AppSettings()
    set_up_logs(level=settings.log_level, file=settings.log_file)
    set_up_tracing(settings.otel_endpoint, service="haat-web")
    return application(settings, os.environ.get("HAAT_TARGET", "all"))


def parts_loaded(target: str) -> int:
    """Imports whatever the application for this target is made of; how many parts there are."""
    return len(chosen(target)) + (len(list(site_routers())) if opens_site(target) else 0)


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
            equip(app, await parts_of(runtime))
            yield
            return
        async with Runtime(settings, modules, reacts=settings.background == 0) as started:
            parts = await parts_of(started)
            equip(app, replace(parts, ready=draining.unless_leaving(parts.ready)))
            app.router.routes.extend(_rpc(started))
            pacing.use(started.cache)
            settle_memory()
            draining.await_signals()
            say_ready()
            yield
        stop_tracing()

    inner = create_rest(routers, site_routers=site, lifespan=lifespan)
    pacing = Pacing(inner, settings.rate_limit)
    draining = Draining(pacing if settings.rate_limit else inner, settings.drain_s)
    return draining


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
