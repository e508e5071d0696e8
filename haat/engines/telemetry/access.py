"""The access log and the time of requests, as plain ASGI."""

import inspect
from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Any

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from haat.engines.telemetry.logs import bind_request, shows
from haat.engines.telemetry.metrics import Observed, http_seconds

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
UNKNOWN = "unknown"
ROUTE = "haat.route"  # where a gateway that finds routes by itself leaves the template


class AccessLog:
    """Logs method, route template, status and milliseconds of every request, and measures them.

    Stands inside `haat.engines.http.Limits`, which gives the request its id. Paths are logged as
    templates, and never with their query: both may hold what is personal. `log=False` only
    measures; `quiet` says which paths are not logged.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        log: bool = True,
        quiet: Callable[[str], bool] = lambda path: path.startswith(("/health/", "/metrics")),
    ) -> None:
        self._app = app
        self._log = log
        self._quiet = quiet
        self._logger = structlog.get_logger("haat.access")
        self._observed: dict[tuple[str, str, int], Observed] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = perf_counter()
        status = 500

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        request_id = scope.get("state", {}).get("request_id", "")
        bind_request(request_id)
        try:
            await self._app(scope, receive, noting)
        finally:
            self._done(scope, status, perf_counter() - started)

    def _done(self, scope: Scope, status: int, seconds: float) -> None:
        method = scope["method"] if scope["method"] in _METHODS else UNKNOWN
        route = route_of(scope)
        # Templates, statuses and known methods are few, so this stays small.
        key = (method, route, status)
        observed = self._observed.get(key)
        if observed is None:
            observed = self._observed[key] = http_seconds(method, route, str(status))
        observed.observe(seconds)
        if self._log and shows("info") and not self._quiet(scope["path"]):
            ms = round(seconds * 1000, 1)
            self._logger.info("request", method=method, route=route, status=status, ms=ms)


def route_of(scope: Scope) -> str:
    """The template of the route that answered, such as '/api/v1/products/{id}'; 'unknown' for none.

    There are as many as there are routes, whatever clients ask for.
    """
    known: str | None = scope.get(ROUTE)
    if known is not None:
        return known
    mounted = scope.get("root_path", "")
    mounted = mounted.removeprefix(scope["app_root_path"]) if "app_root_path" in scope else ""
    # FastAPI keeps the route of an included router with its prefix beside the one without.
    included = (scope.get("fastapi") or {}).get("effective_route_context")
    template = getattr(included, "path_format", None)
    template = template or getattr(scope.get("route"), "path_format", None)
    if template:
        return f"{mounted}{template}"
    endpoint = scope.get("endpoint")
    if endpoint is None:
        return UNKNOWN
    if mounted or not inspect.isfunction(endpoint):  # an app mounted here, such as for files
        return f"{mounted}/*"
    return _template(scope["path"], scope.get("path_params", {}))


def _template(path: str, values: Mapping[str, Any]) -> str:
    """The template of a plain Starlette route, which leaves only the values it took."""
    segments = path.split("/")
    for name, value in values.items():
        if value not in segments:
            return UNKNOWN
        segments[segments.index(value)] = f"{{{name}}}"
    return "/".join(segments)
