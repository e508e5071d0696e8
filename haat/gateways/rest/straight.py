"""The straight way to a route: what FastAPI works out for every request, worked out once.

FastAPI finds a route by asking one after the other and solves its dependencies anew each time:
several hundred Python calls before a module hears of a request. Nearly all our routes ask for a
body, a context, doors and a few parameters. Those are compiled when the application is made; any
request that is not plain in every respect (a body that is no JSON, a value that is refused, an
unusual header) goes the ordinary way, which then says what is wrong. So answers are the same.
"""

import inspect
import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, FastAPI, Response, params
from fastapi.datastructures import DefaultPlaceholder
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import ResponseValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel
from pydantic_core import from_json
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send

from haat.engines.http.context import Given, context_from, contract_behind, gives_context
from haat.engines.http.problems import KNOWN, answer_known, answer_routing
from haat.engines.telemetry.access import ROUTE
from haat.kernel.errors import Problem

_JSON = (b"application/json", b"application/json; charset=utf-8")
_CONTENT_JSON = (b"content-type", b"application/json")
_PARAMETER = re.compile(r"\{([a-zA-Z_]\w*)\}")
_EMPTY: Any = object()


class _Unusual(Exception):
    """This request goes the ordinary way."""


@dataclass(slots=True)
class _Way:
    """One compiled route."""

    template: str
    route: APIRoute
    call: Callable[..., Awaitable[Any]]
    names: tuple[str, ...]  # of the path's parameters, in order
    path: dict[str, Any]  # name → its field
    headers: tuple[tuple[str, bytes, Any], ...]  # name, header, field
    defaults: dict[str, Any]  # of query parameters, for requests without a query
    queried: bool
    body: tuple[str, Any] | None
    contexts: tuple[str, ...]
    doors: tuple[tuple[str, Any], ...]
    request: str | None
    response: str | None
    field: Any
    status: int


class Straight:
    """Stands before the FastAPI application and takes the requests it knows a straight way for."""

    def __init__(self, app: FastAPI, ways: "Ways") -> None:
        self._app = app
        self._ways = ways
        self.state = app.state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = None
        if scope["type"] == "http" and not scope.get("root_path"):
            found = self._ways.find(scope["method"], scope["path"])
        if found is None:
            await self._app(scope, receive, send)
            return
        way, values = found
        parts: list[Message] = []
        arguments: dict[str, Any] | Problem
        try:
            arguments = await self._arguments(way, values, scope, receive, parts)
        except _Unusual:
            await self._app(scope, _again(parts, receive), send)
            return
        except Problem as problem:  # of the context: a token that has expired
            arguments = problem
        scope["app"] = self._app
        scope["route"], scope[ROUTE] = way.route, way.template
        scope["endpoint"], scope["path_params"] = way.call, values
        await self._answer(way, arguments, scope, _again(parts, receive), send)

    async def _answer(
        self, way: _Way, arguments: Any, scope: Scope, receive: Receive, send: Send
    ) -> None:
        try:
            if isinstance(arguments, Problem):
                raise arguments
            if way.request is not None:
                arguments[way.request] = Request(scope, receive, send)
            told = None
            if way.response is not None:
                told = arguments[way.response] = Response()
                del told.headers["content-length"]
                told.status_code = None  # type: ignore[assignment]
            found = await way.call(**arguments)
            if isinstance(found, Response):
                await found(scope, receive, send)
                return
            body = _body_of(way, found)
        except KNOWN as error:
            answer = await answer_known(Request(scope, receive, send), error)
            await answer(scope, receive, send)
            return
        except HTTPException as error:
            answer = await answer_routing(Request(scope, receive, send), error)
            await answer(scope, receive, send)
            return
        headers, status = [], way.status
        if status != 204:
            headers.append((b"content-length", str(len(body)).encode()))
        headers.append(_CONTENT_JSON)
        if told is not None:
            headers += told.headers.raw
            status = told.status_code or status
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _arguments(
        self,
        way: _Way,
        values: dict[str, str],
        scope: Scope,
        receive: Receive,
        parts: list[Message],
    ) -> dict[str, Any]:
        if way.queried and scope["query_string"]:
            raise _Unusual
        given: Given = {}
        for name, value in scope["headers"]:
            given.setdefault(name, value)
        state = self._app.state
        arguments = dict(way.defaults)
        for name, header, field in way.headers:
            raw = given.get(header)
            arguments[name] = field.default if raw is None else _read(field, raw.decode("latin-1"))
        for name in way.names:
            arguments[name] = _read(way.path[name], values[name])
        if way.body is not None:
            name, field = way.body
            arguments[name] = _read(field, await _json(given, receive, parts))
        for name, contract in way.doors:
            arguments[name] = state.doors[contract]
        for name in way.contexts:
            arguments[name] = context_from(state, scope, given)
        return arguments


Shape = tuple[str | None, ...]  # a path's segments; None for a parameter


class Ways:
    """Every compiled route, by method and path."""

    def __init__(self) -> None:
        self._fixed: dict[tuple[str, str], _Way] = {}
        self._open: dict[tuple[str, int], list[tuple[Shape, _Way]]] = {}

    def __len__(self) -> int:
        return len(self._fixed) + sum(map(len, self._open.values()))

    def add(self, routers: Sequence[APIRouter], prefix: str) -> None:
        """Compiles the routes of these routers, which stand under `prefix` in this order: of two
        that could answer, FastAPI takes the first, so one behind such another is left to it."""
        every: dict[tuple[str, int], list[Shape]] = {}  # before it
        ordinary: dict[tuple[str, int], list[Shape]] = {}  # those of them without a straight way
        for router in routers:
            for route in router.routes:
                path = getattr(route, "path", None)
                if path is None or ":path}" in path or not isinstance(route, APIRoute):
                    return  # it may answer anything: nothing behind it is certain
                shape, way = _shape(f"{prefix}{path}"), _compiled(route, f"{prefix}{path}")
                for method in route.methods or ():
                    kind = method, len(shape)
                    # Open ones are looked through in order, but only after the fixed ones.
                    before = (ordinary if None in shape else every).get(kind, ())
                    if way is None or any(_meet(one, shape) for one in before):
                        ordinary.setdefault(kind, []).append(shape)
                    else:
                        self._keep(method, shape, way)
                    every.setdefault(kind, []).append(shape)

    def _keep(self, method: str, shape: Shape, way: _Way) -> None:
        if None in shape:
            self._open.setdefault((method, len(shape)), []).append((shape, way))
        else:
            self._fixed[method, way.template] = way

    def find(self, method: str, path: str) -> tuple[_Way, dict[str, str]] | None:
        way = self._fixed.get((method, path))
        if way is not None:
            return way, {}
        segments = path.split("/")[1:]
        for shape, found in self._open.get((method, len(segments)), ()):
            values = []
            for wanted, segment in zip(shape, segments, strict=True):
                if wanted is None:
                    if not segment:
                        break
                    values.append(segment)
                elif wanted != segment:
                    break
            else:
                return found, dict(zip(found.names, values, strict=True))
        return None


def compiled(routers: Sequence[APIRouter], prefixes: Iterable[str]) -> Ways:
    """The straight ways of these routers, included under each prefix in turn."""
    ways = Ways()
    for prefix in prefixes:
        ways.add(routers, prefix)
    return ways


def _shape(path: str) -> Shape:
    """Its segments; None for one that is not fixed."""
    return tuple(None if "{" in segment else segment for segment in path.split("/")[1:])


def _meet(one: Shape, other: Shape) -> bool:
    """Whether some path has both shapes, which are of one length."""
    return all(a is None or b is None or a == b for a, b in zip(one, other, strict=True))


def _compiled(route: APIRoute, template: str) -> _Way | None:
    """None for a route that asks for anything out of the ordinary."""
    dependant = route.dependant
    plain = (
        route.response_model_include is None
        and route.response_model_exclude is None
        and not route.response_model_exclude_unset
        and not route.response_model_exclude_defaults
        and not route.response_model_exclude_none
        and route.response_model_by_alias
        and isinstance(route.response_class, DefaultPlaceholder)
        and not route.dependencies
        and not dependant.cookie_params
        and not dependant.background_tasks_param_name
        and not dependant.security_scopes_param_name
        and not dependant.http_connection_param_name
    )
    status = route.status_code or 200
    field = route.response_field
    if not plain or dependant.call is None or (field is None and status != 204):
        return None
    doors, contexts = _given_by_us(dependant)
    headers = _headers(dependant)
    body = _whole_body(route)
    if doors is None or headers is None or body is _EMPTY:
        return None
    if any(one.field_info.is_required() for one in dependant.query_params):
        return None
    if not inspect.iscoroutinefunction(dependant.call):
        return None
    path = {one.name: one for one in dependant.path_params}
    open_ones = [part for part in template.split("/") if "{" in part]
    names = tuple(match[1] for part in open_ones if (match := _PARAMETER.fullmatch(part)))
    if (
        len(names) < len(open_ones)
        or set(names) != set(path)
        or any(one.alias != one.name for one in path.values())
    ):
        return None
    return _Way(
        template=template,
        route=route,
        call=dependant.call,
        names=names,
        path=path,
        headers=headers,
        defaults={one.name: one.get_default() for one in dependant.query_params},
        queried=bool(dependant.query_params),
        body=body,
        contexts=contexts,
        doors=doors,
        request=dependant.request_param_name,
        response=dependant.response_param_name,
        field=field,
        status=status,
    )


def _given_by_us(dependant: Dependant) -> tuple[Any, Any]:
    """Which arguments are doors and which the context; (None, None) when something else is
    depended on."""
    doors, contexts = [], []
    for one in dependant.dependencies:
        contract = contract_behind(one.call)
        if one.name is None:
            return None, None
        if contract is not None:
            doors.append((one.name, contract))
        elif gives_context(one.call):
            contexts.append(one.name)
        else:
            return None, None
    return tuple(doors), tuple(contexts)


def _headers(dependant: Dependant) -> Any:
    found = []
    for one in dependant.header_params:
        info = one.field_info
        if not isinstance(info, params.Header) or info.is_required():
            return None
        if not isinstance(info.alias, str) or one.validation_alias not in (None, info.alias):
            return None
        found.append((one.name, info.alias.lower().encode(), one))
    return tuple(found)


def _whole_body(route: APIRoute) -> Any:
    """The one argument that is the whole JSON body; None for no body, _EMPTY for another kind."""
    fields = route.dependant.body_params
    if not fields:
        return None
    if len(fields) > 1 or route.body_field is None:
        return _EMPTY
    field = fields[0]
    info = field.field_info
    kind = info.annotation
    if type(info) is not params.Body or info.embed or not info.is_required():
        return _EMPTY
    if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
        return _EMPTY
    return field.name, field


def _read(field: Any, value: Any) -> Any:
    found, errors = field.validate(value, {}, loc=("straight",))
    if errors:
        raise _Unusual
    return found


async def _json(given: Given, receive: Receive, parts: list[Message]) -> Any:
    if given.get(b"content-type") not in _JSON:
        raise _Unusual
    while True:
        message = await receive()
        parts.append(message)
        if message["type"] != "http.request":
            raise _Unusual
        if not message.get("more_body", False):
            break
    whole = parts[0].get("body", b"") if len(parts) == 1 else b"".join(p["body"] for p in parts)
    try:
        return from_json(whole)
    except ValueError:
        raise _Unusual from None


def _body_of(way: _Way, found: Any) -> bytes:
    if way.field is None:
        return b""
    value, errors = way.field.validate(found, {}, loc=("response",))
    if errors:
        raise ResponseValidationError(errors=errors, body=found)
    written: bytes = way.field.serialize_json(value)
    return written


def _again(parts: list[Message], receive: Receive) -> Receive:
    """A `receive` that gives what was read already once more."""
    if not parts:
        return receive
    given = iter(parts)

    async def again() -> Message:
        message: Message | None = next(given, None)
        return message if message is not None else await receive()

    return again
