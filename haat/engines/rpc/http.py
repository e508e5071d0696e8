"""Calls between services over HTTP: the caller's end and the callee's end.

`POST /rpc/{contract}/{method}`, arguments as a JSON object, the context in headers, the result as
JSON or a problem document. Each end proves to the other that it holds the installation's token.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
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
from haat.engines.rpc.peer import Breaker, Peer, PeerAway
from haat.engines.rpc.proof import HEADER, Asked, Proof
from haat.engines.telemetry.tracing import span
from haat.kernel.clock import Clock, SystemClock
from haat.kernel.context import Context
from haat.kernel.contract import Contract, Method, methods_of
from haat.kernel.errors import Problem, Timeout, Unavailable

__all__ = ["Breaker", "Peer", "PeerAway", "PeerMismatch", "PeerRefused", "remote", "rpc_routes"]

C = TypeVar("C", bound=Contract)
JSON = "application/json"
PROBLEM = "application/problem+json"
_GATEWAY_BUSY = frozenset({502, 504})  # a 503 is the callee's own word and is handed on


class PeerMismatch(Unavailable, code="peer_mismatch"):
    """A service this depends on does not speak the same contract."""


class PeerRefused(Unavailable, code="peer_refused"):
    """A service this depends on is not of this installation: its token is another."""


def remote(
    contract: type[C], peer: Peer | str, http: HttpClient, *, token: str, caller: str | None
) -> C:
    """A proxy of a contract that another process fulfils.

    Queries, and commands that carry an `id` or are marked `repeatable`, are tried again when the
    connection fails; whatever was never sent is, too.
    """
    kind: Any = contract  # mypy does not take a class for hashable
    methods = methods_of(kind)
    there = Peer(peer) if isinstance(peer, str) else peer
    proof = Proof(token)
    calls = {}
    for name, mark in marks_of(contract).items():
        call = _calling(methods[name], there, http, proof)
        calls[name] = guarded(contract.contract_name, name, mark, call, caller)
    return proxy(contract, calls, "Remote", {"caller": caller})


def _calling(method: Method, peer: Peer, http: HttpClient, proof: Proof) -> Call:
    path = f"/rpc/{method.contract}/{method.name}"
    url = peer.url + path
    repeatable = method.mark.repeatable or "id" in method.request.model_fields

    async def calling(ctx: Context, **arguments: Any) -> Any:
        body = wire.encode_request(method, arguments)
        async with peer.room:
            headers = wire.encode_context(ctx)
            headers[HEADER] = proof.ask(path, headers, body)
            headers["content-type"] = JSON
            assert ctx.deadline is not None, "the door sets one"
            # A little less than the door leaves, so that this end sees the time run out.
            left_s = (ctx.deadline - ctx.now()).total_seconds() * 0.98
            peer.breaker.enter()
            try:
                answer = await http.request(
                    ctx,
                    "POST",
                    url,
                    content=body,
                    headers=headers,
                    idempotent=repeatable,
                    timeout_s=left_s,
                    busy=_GATEWAY_BUSY,
                )
            except (Unreached, AnswerLost, Timeout):
                peer.breaker.failed()
                raise
        return _result(method, answer, peer.breaker, proof, headers[HEADER])

    return calling


def _result(method: Method, answer: Answer, breaker: Breaker, proof: Proof, asked: str) -> Any:
    kind = answer.headers.get("content-type", "").partition(";")[0].strip()
    problem = wire.decode_problem(answer.body) if kind == PROBLEM else None
    if problem is None and (not answer.ok or kind != JSON):
        breaker.failed()
        raise PeerAway
    breaker.answered()
    given = answer.headers.get(HEADER, "")
    if not proof.believes(asked, given, answer.status, answer.body):
        raise PeerRefused
    if problem is not None:
        raise problem
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
    """The routes that let other processes of this installation call these, by contract name."""
    proof = Proof(token)
    time = clock or SystemClock()
    methods: dict[tuple[str, str], Method] = {}
    for name, (contract, _) in services.items():
        kind: Any = contract
        methods.update({(name, method): found for method, found in methods_of(kind).items()})

    @lru_cache(maxsize=4096)
    def door(contract: str, name: str, caller: str | None) -> Call:
        call = getattr(services[contract][1], name)
        return guarded(contract, name, methods[contract, name].mark, call, caller)

    async def endpoint(request: Request) -> Response:
        body, headers = await request.body(), request.headers
        asked = proof.verified(headers.get(HEADER, ""), request.url.path, headers, body)
        if asked is None:
            return Response(wire.encode_problem(PeerRefused()), 401, media_type=PROBLEM)
        contract, name = request.path_params["contract"], request.path_params["method"]
        method = methods.get((contract, name))
        if method is None:
            return _problem(asked, PeerMismatch(f"There is no {contract}.{name} here."), 404)
        with span(f"rpc {contract}.{name}", parent=headers):
            try:
                ctx = wire.decode_context(headers, time)
                arguments = wire.decode_request(method, body)
                result = await door(contract, name, ctx.caller)(ctx, **arguments)
                return _answered(asked, wire.encode_response(method, result), 200, JSON)
            except Exception as error:  # noqa: BLE001  (the edge: whatever it is, it is answered)
                return _failed(asked, error, f"{contract}.{name}", headers.get("x-request-id"))

    return [Route("/rpc/{contract}/{method}", endpoint, methods=["POST"])]


def _failed(asked: Asked, error: Exception, where: str, request_id: str | None) -> Response:
    problem = problem_of(error)
    if problem is None:
        log = structlog.get_logger("haat.rpc")
        log.error("call_failed", exc_info=error, call=where, request_id=request_id)
        problem = Problem("Something went wrong in a service behind this one.")
    return _problem(asked, problem, problem.status)


def _problem(asked: Asked, problem: Problem, status: int) -> Response:
    return _answered(asked, wire.encode_problem(problem), status, PROBLEM)


def _answered(asked: Asked, body: bytes, status: int, media_type: str) -> Response:
    headers = {HEADER: asked.answer(status, body)}
    return Response(body, status, headers, media_type)
