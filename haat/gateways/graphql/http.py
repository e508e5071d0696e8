"""`/graphql` over HTTP: POST, GET for queries, batches, and news as server-sent events."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

from fastapi.exceptions import RequestValidationError
from graphql import OperationType
from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse

from haat.engines.endings import end
from haat.engines.http import MalformedJson, MediaTypeUnsupported, MethodNotAllowed, context_of
from haat.gateways.graphql.engine import KNOWN, Answer, Ask, Broken, Plan
from haat.gateways.graphql.gate import Gate
from haat.gateways.graphql.inquiry import Inquiry
from haat.gateways.graphql.limits import QueryRefused
from haat.gateways.graphql.persisted import NotKnown
from haat.gateways.graphql.watch import Leaving
from haat.kernel.errors import Invalid

JSON, GRAPHQL, EVENTS = "application/json", "application/graphql-response+json", "text/event-stream"
HEADERS = {"cache-control": "private, no-store", "vary": "accept"}
EXPLORER = "/docs/graphql"
STILL_THERE_S = 15.0
_ONE = TypeAdapter(Ask)


class NotByGet(MethodNotAllowed, code="method_not_allowed"):
    """Queries only are answered over GET; send this by POST."""


async def answer(request: Request) -> Response:
    """Every method of /graphql."""
    gate: Gate = request.app.state.graphql
    if request.method == "GET":
        if _is_browser(request):
            return RedirectResponse(EXPLORER, 303)
        asked: Ask | list[Ask] = _from_address(request)
    else:
        asked = _checked(await _body(request), gate)
    inquiry = gate.inquiry(context_of(request))
    if isinstance(asked, list):
        return await _batch(gate, inquiry, asked, request)
    try:
        plan = await gate.engine.plan(asked)
        _check_way(plan, request)
    except KNOWN as error:
        if isinstance(error, MethodNotAllowed):
            raise
        return _refused(gate, error, inquiry, request)
    if EVENTS in request.headers.get("accept", "") and not _is_kept(plan, request):
        return _events(gate, plan, inquiry)
    if plan.kind is OperationType.SUBSCRIPTION:
        elsewhere = QueryRefused(
            "News come over a WebSocket (graphql-transport-ws), or as text/event-stream and"
            " without an Idempotency-Key.",
            code="subscription_over_http",
        )
        return _refused(gate, elsewhere, inquiry, request)
    return _json(await gate.engine.run(plan, inquiry), request)


def _is_kept(plan: Plan, request: Request) -> bool:
    """An answer with an Idempotency-Key is kept whole, which news never is."""
    return plan.kind is OperationType.SUBSCRIPTION and "idempotency-key" in request.headers


def _is_browser(request: Request) -> bool:
    asks = "query" in request.query_params or "extensions" in request.query_params
    return not asks and "text/html" in request.headers.get("accept", "")


def _from_address(request: Request) -> Ask:
    given: dict[str, Any] = {
        name: request.query_params[name]
        for name in ("query", "operationName")
        if name in request.query_params
    }
    for name in ("variables", "extensions"):
        if request.query_params.get(name):
            given[name] = _read(request.query_params[name])
    return _ask(given)


async def _body(request: Request) -> Any:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != JSON:
        raise MediaTypeUnsupported
    return _read(await request.body())


def _read(text: bytes | str) -> Any:
    try:
        return from_json(text)
    except ValueError:
        raise MalformedJson from None


def _checked(found: Any, gate: Gate) -> Ask | list[Ask]:
    if not isinstance(found, list):
        return _ask(found)
    most = gate.settings.graphql_max_batch
    if not 1 <= len(found) <= most:
        message = f"A batch has 1 to {most} operations."
        raise QueryRefused(message, code="batch_too_large", maximum=most)
    return [_ask(one) for one in found]


def _ask(found: Any) -> Ask:
    try:
        return _ONE.validate_python(found)
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from None


def _check_way(plan: Plan, request: Request) -> None:
    if request.method == "GET" and plan.kind is OperationType.MUTATION:
        raise NotByGet


async def _batch(gate: Gate, inquiry: Inquiry, asked: list[Ask], request: Request) -> Response:
    """One after the other, with what was looked up in common; together they may cost as much as
    one query alone."""
    left = gate.settings.graphql_max_cost
    answers = []
    for ask in asked:
        try:
            plan = await gate.engine.plan(ask)
            if plan.kind is OperationType.SUBSCRIPTION:
                raise QueryRefused("There is no news in a batch.", code="subscription_over_http")
            left -= plan.measure.cost
            if left < 0:
                raise QueryRefused("The batch costs too much.", code="query_too_costly")
            answers.append(await gate.engine.run(plan, inquiry))
        except KNOWN as error:
            answers.append(gate.engine.refusal(error, inquiry.ctx.request_id))
    return Response(_text(answers), 200, HEADERS, JSON)


def _refused(gate: Gate, error: Exception, inquiry: Inquiry, request: Request) -> Response:
    """An answer of GraphQL's to a request nothing was done for. As the media type wants it: plain
    JSON says 200 to whatever could be read."""
    found = gate.engine.refusal(error, inquiry.ctx.request_id)
    if EVENTS in request.headers.get("accept", ""):
        return StreamingResponse(_once(found), headers=HEADERS, media_type=EVENTS)
    status = 200
    if GRAPHQL in request.headers.get("accept", "") and not isinstance(error, NotKnown):
        status = 400 if isinstance(error, Broken | Invalid) else getattr(error, "status", 400)
    return _json(found, request, status)


def _json(found: Answer, request: Request, status: int = 200) -> Response:
    kind = GRAPHQL if GRAPHQL in request.headers.get("accept", "") else JSON
    return Response(_text(found), status, HEADERS, kind)


def _text(found: Any) -> bytes:
    return json.dumps(found, separators=(",", ":"), ensure_ascii=False, default=str).encode()


# -- server-sent events: the protocol of graphql-sse with a connection for each operation -------


def _events(gate: Gate, plan: Plan, inquiry: Inquiry) -> Response:
    if plan.kind is not OperationType.SUBSCRIPTION:
        return StreamingResponse(_whole(gate, plan, inquiry), headers=HEADERS, media_type=EVENTS)
    gate.need_room()
    headers = {**HEADERS, "x-accel-buffering": "no"}
    return StreamingResponse(_stream(gate, plan, inquiry), headers=headers, media_type=EVENTS)


async def _once(found: Answer) -> AsyncIterator[bytes]:
    yield b"event: next\ndata: " + _text(found) + b"\n\n"
    yield b"event: complete\ndata:\n\n"


async def _whole(gate: Gate, plan: Plan, inquiry: Inquiry) -> AsyncIterator[bytes]:
    async for part in _once(await gate.engine.run(plan, inquiry)):
        yield part


async def _stream(gate: Gate, plan: Plan, inquiry: Inquiry) -> AsyncIterator[bytes]:
    """News, and a comment now and then, by which those in between see that it goes on. It ends
    without `complete` when this process leaves: clients connect again, to another one."""
    news = gate.engine.news(plan, inquiry)
    waiting: asyncio.Task[Answer | None] | None = None
    with gate.listening():
        try:
            yield b":\n\n"
            while True:
                waiting = waiting or asyncio.create_task(_next(news))
                done, _ = await asyncio.wait([waiting], timeout=STILL_THERE_S)
                if not done:
                    yield b":\n\n"
                    continue
                found, waiting = waiting.result(), None
                if found is None:
                    yield b"event: complete\ndata:\n\n"
                    return
                yield b"event: next\ndata: " + _text(found) + b"\n\n"
        except Leaving:
            return
        finally:
            if waiting is not None:
                await end([waiting])
            await news.aclose()


async def _next(news: AsyncGenerator[Answer, None]) -> Answer | None:
    return await anext(news, None)
