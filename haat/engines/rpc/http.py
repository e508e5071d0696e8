"""Calls between services over HTTP: the caller's end and the callee's end.

`POST /rpc/{contract}/{method}`, arguments as a JSON object, the context in headers, the result as
JSON or a problem document. Both ends hold the same token; nothing outside the installation does.
"""

import hmac
from collections.abc import Mapping, Sequence
from functools import lru_cache
from time import monotonic
from typing import Any, TypeVar

import structlog
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from haat.engines.http.client import Answer, AnswerLost, HttpClient, Unreached
from haat.engines.http.problems import problem_of
from haat.engines.rpc import wire
from haat.engines.rpc.door import Call, guarded, marks_of, proxy
from haat.engines.telemetry.tracing import span
from haat.kernel.clock import Clock, SystemClock
from haat.kernel.context import Context
from haat.kernel.contract import Contract, Method, methods_of
from haat.kernel.errors import Problem, Timeout, Unavailable

C = TypeVar("C", bound=Contract)
JSON = "application/json"
PROBLEM = "application/problem+json"
FAILURES_TO_OPEN = 5
OPEN_S = 1.0
_GATEWAY_BUSY = frozenset({502, 504})  # a 503 is the callee's own word and is handed on


class PeerAway(Unavailable, code="peer_away"):
    """A service this depends on does not answer; try again."""


class PeerMismatch(Unavailable, code="peer_mismatch"):
    """A service this depends on does not speak the same contract."""


class PeerRefused(Unavailable, code="peer_refused"):
    """A service this depends on does not know this installation's token."""


class Breaker:
    """Refuses calls to a peer that failed several times in a row; lets one through each second."""

    def __init__(self, failures_to_open: int = FAILURES_TO_OPEN, open_s: float = OPEN_S) -> None:
        self._most = failures_to_open
        self._open_s = open_s
        self._failures = 0
        self._closed_until = 0.0  # while open: when the next trial may go

    def enter(self) -> None:
        """Raises PeerAway while the peer is taken for dead."""
        if self._failures < self._most:
            return
        now = monotonic()
        if now < self._closed_until:
            raise PeerAway
        self._closed_until = now + self._open_s  # this one is the trial; the others wait for it

    def answered(self) -> None:
        self._failures = 0

    def failed(self) -> None:
        self._failures += 1
        if self._failures >= self._most:
            self._closed_until = monotonic() + self._open_s


def remote(
    contract: type[C], base_url: str, http: HttpClient, *, token: str, caller: str | None
) -> C:
    """A proxy of a contract that another service fulfils at `base_url` ("http://inventory:8080").

    Queries, and commands that carry an `id`, are tried again when the connection fails.
    """
    kind: Any = contract  # mypy does not take a class for hashable
    methods = methods_of(kind)
    breaker = Breaker()
    calls = {}
    for name, mark in marks_of(contract).items():
        url = f"{base_url.rstrip('/')}/rpc/{contract.contract_name}/{name}"
        call = _calling(methods[name], url, http, token, breaker)
        calls[name] = guarded(contract.contract_name, name, mark, call, caller)
    return proxy(contract, calls, "Remote", {"caller": caller})


def _calling(method: Method, url: str, http: HttpClient, token: str, breaker: Breaker) -> Call:
    idempotent = method.mark.kind == "query" or "id" in method.request.model_fields

    async def calling(ctx: Context, **arguments: Any) -> Any:
        body = wire.encode_request(method, arguments)
        headers = {**wire.encode_context(ctx), "authorization": f"Bearer {token}"}
        headers["content-type"] = JSON
        assert ctx.deadline is not None, "the door sets one"
        # A little less than the door leaves, so that it is this end that sees the time run out.
        left_s = (ctx.deadline - ctx.now()).total_seconds() * 0.98
        breaker.enter()
        try:
            answer = await http.request(
                ctx,
                "POST",
                url,
                content=body,
                headers=headers,
                idempotent=idempotent,
                timeout_s=left_s,
                busy=_GATEWAY_BUSY,
            )
        except (Unreached, AnswerLost, Timeout):
            breaker.failed()
            raise
        return _result(method, answer, breaker)

    return calling


def _result(method: Method, answer: Answer, breaker: Breaker) -> Any:
    kind = answer.headers.get("content-type", "").partition(";")[0].strip()
    if kind == PROBLEM and (problem := wire.decode_problem(answer.body)) is not None:
        breaker.answered()
        raise problem
    if not answer.ok or kind != JSON:
        breaker.failed()
        raise PeerAway
    breaker.answered()
    try:
        return wire.decode_response(method, answer.body)
    except ValidationError as error:
        raise PeerMismatch from error


def rpc_routes(
    services: Mapping[str, tuple[type[Contract], Contract]],
    token: str,
    *,
    clock: Clock | None = None,
) -> Sequence[Route]:
    """The routes that let other services of this installation call these, by contract name."""
    assert token, "an empty token would let anyone in"
    time = clock or SystemClock()
    expected = f"Bearer {token}".encode()
    methods: dict[tuple[str, str], Method] = {}
    for name, (contract, _) in services.items():
        kind: Any = contract
        methods.update({(name, method): found for method, found in methods_of(kind).items()})

    @lru_cache(maxsize=4096)
    def door(contract: str, name: str, caller: str | None) -> Call:
        call = getattr(services[contract][1], name)
        return guarded(contract, name, methods[contract, name].mark, call, caller)

    async def endpoint(request: Request) -> Response:
        given = request.headers.get("authorization", "").encode("latin-1")
        if not hmac.compare_digest(given, expected):
            return _problem(PeerRefused(), 401)
        contract, name = request.path_params["contract"], request.path_params["method"]
        method = methods.get((contract, name))
        if method is None:
            return _problem(PeerMismatch(f"There is no {contract}.{name} here."), 404)
        with span(f"rpc {contract}.{name}", parent=request.headers):
            try:
                ctx = wire.decode_context(request.headers, time)
                arguments = wire.decode_request(method, await request.body())
                result = await door(contract, name, ctx.caller)(ctx, **arguments)
                return Response(wire.encode_response(method, result), media_type=JSON)
            except Exception as error:  # noqa: BLE001  (the edge: whatever it is, it is answered)
                return _failed(error, f"{contract}.{name}", request.headers.get("x-request-id"))

    return [Route("/rpc/{contract}/{method}", endpoint, methods=["POST"])]


def _failed(error: Exception, where: str, request_id: str | None) -> Response:
    problem = problem_of(error)
    if problem is None:
        log = structlog.get_logger("haat.rpc")
        log.error("call_failed", exc_info=error, call=where, request_id=request_id)
        problem = Problem("Something went wrong in a service behind this one.")
    return _problem(problem, problem.status)


def _problem(problem: Problem, status: int) -> Response:
    return Response(wire.encode_problem(problem), status, media_type=PROBLEM)
