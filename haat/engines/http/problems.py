"""Problems on the way out: RFC 9457 documents for everything that goes wrong in a request."""

import inspect
import json
import re
from collections.abc import Mapping
from typing import Any

import asyncpg
import structlog
from fastapi import FastAPI, params
from fastapi.exceptions import RequestValidationError
from pydantic.alias_generators import to_camel
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from haat.kernel.errors import FieldError, Invalid, Problem

MEDIA_TYPE = "application/problem+json"
ERRORS_MAX = 50
# What a request may raise and a client is told of.
KNOWN = (Problem, RequestValidationError, asyncpg.DataError, UnicodeEncodeError)
_FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")
_JSON = re.compile(r"application/(json|[\w.!#$&^-]+\+json)")
_PLACES = frozenset({"body", "query", "path", "header", "cookie"})
_CODES = {
    400: "bad_request",
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    413: "too_large",
    415: "media_type_unsupported",
}


class MalformedJson(Invalid, code="json_malformed"):
    """The body is not JSON."""

    status = 400


class MediaTypeUnsupported(Problem, code="media_type_unsupported"):
    """Send application/json."""

    status = 415


class MethodNotAllowed(Problem, code="method_not_allowed"):
    """This address does not know that method."""

    status = 405


def problem_of(error: BaseException) -> Problem | None:
    """The problem an exception means for the client; None when it is a fault of ours."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, RequestValidationError):
        return _invalid(error.errors())
    if isinstance(error, asyncpg.exceptions.DivisionByZeroError):
        return None
    if isinstance(error, asyncpg.DataError | UnicodeEncodeError):
        # NUL in a text, half a surrogate pair, a number beyond its column.
        return Invalid("A value cannot be stored as it was sent.", code="text_invalid")
    return None


def _invalid(errors: Any) -> Problem:
    found = list(errors)[:ERRORS_MAX]
    if any(e.get("type") == "json_invalid" for e in found):
        return MalformedJson()
    return Invalid("The request is not valid.", fields=[field_error(e) for e in found])


def field_error(error: Mapping[str, Any]) -> FieldError:
    """One of pydantic's errors as ours: {path: 'items.0.quantity', code, message}."""
    place = list(error.get("loc", ()))
    where = place.pop(0) if place and place[0] in _PLACES else "body"
    path = ".".join(str(part) for part in place)
    if where == "path":
        path = to_camel(path)  # what a path's parameter is called is no business of a client's
    return FieldError(path=path, code=str(error.get("type", "invalid")), message=error["msg"])


def document_bytes(document: Mapping[str, Any]) -> bytes:
    """A problem document as JSON; whatever JSON does not know becomes text."""
    return json.dumps(document, default=str, separators=(",", ":")).encode()


def problem_response(
    problem: Problem, *, request_id: str = "", headers: Mapping[str, str] | None = None
) -> Response:
    """The problem document with the headers its status asks for."""
    return _response(problem.document(), request_id, headers)


def _response(
    document: dict[str, Any], request_id: str, headers: Mapping[str, str] | None = None
) -> Response:
    status = int(document["status"])
    given = dict(headers or {})
    if status == 401:
        given.setdefault("WWW-Authenticate", "Bearer")
    if status in (429, 503):
        wait = document.get("retryAfterS", document.get("retry_after_s", 1))
        given.setdefault("Retry-After", str(wait))
    if request_id:
        document = {**document, "requestId": request_id}
    return Response(document_bytes(document), status, given, MEDIA_TYPE)


def add_problem_handlers(app: FastAPI) -> None:
    """Answer every exception of this app with a problem document.

    Set `app.state.html_problem`, `(request, problem) -> Response | None` (or asynchronous), to
    answer browsers with a page; None leaves the document.
    """
    for kind in KNOWN:
        app.add_exception_handler(kind, answer_known)
    app.add_exception_handler(HTTPException, answer_routing)
    # Middleware is outside of these handlers: `Limits` answers what is left with `unexpected`.


async def answer_known(request: Request, error: Exception) -> Response:
    """The answer for an exception that means a problem; raised again when it means none."""
    problem = _other_type(request, error) or problem_of(error)
    if problem is None:
        raise error
    if not isinstance(error, Problem | RequestValidationError):
        structlog.get_logger("haat.http").warning("text_invalid", error=type(error).__name__)
    return await _answer(request, problem)


def _other_type(request: Request, error: Exception) -> Problem | None:
    """415 where a body was refused because it is of another type than the route reads. It is asked
    afterwards, so that what is sent well costs nothing."""
    if not isinstance(error, RequestValidationError):
        return None
    if not any(one["loc"][:1] == ("body",) for one in error.errors()):
        return None
    headers = request.headers
    if headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers:
        return None  # there is none: what is missing is told by its name
    field = getattr(request.scope.get("route"), "body_field", None)
    said = headers.get("content-type", "").partition(";")[0].strip().lower()
    if isinstance(getattr(field, "field_info", None), params.Form):
        is_read = said in _FORMS
        return None if is_read else MediaTypeUnsupported(f"Send {_FORMS[0]}.")
    return None if _JSON.fullmatch(said) else MediaTypeUnsupported()


async def answer_routing(request: Request, error: Exception) -> Response:
    """What routing and parsing raise: no such address, method, or a body that is not JSON."""
    assert isinstance(error, HTTPException)
    if error.status_code == 400 and "parsing the body" in str(error.detail):
        return await _answer(request, MalformedJson())
    if error.status_code == 404:
        detail = "There is nothing at this address."
    elif error.status_code == 405:
        detail = MethodNotAllowed().detail
    else:
        detail = str(error.detail)
    code = _CODES.get(error.status_code, f"http_{error.status_code}")
    problem = Problem(detail, code=code)
    document = {**problem.document(), "status": error.status_code}
    page = await _page(request, Problem.from_document(document))
    return page or _response(document, _request_id(request), error.headers)


async def _answer(request: Request, problem: Problem) -> Response:
    page = await _page(request, problem)
    return page or problem_response(problem, request_id=_request_id(request))


async def _page(request: Request, problem: Problem) -> Response | None:
    """The web gateway's page for a browser, where there is one."""
    app = request.scope.get("app")
    hook = getattr(app.state, "html_problem", None) if isinstance(app, FastAPI) else None
    if hook is None or "text/html" not in request.headers.get("accept", ""):
        return None
    found = hook(request, problem)
    if inspect.isawaitable(found):
        found = await found
    assert found is None or isinstance(found, Response)
    return found


async def unexpected(request: Request, error: Exception) -> Response:
    """A fault of ours: logged with its traceback, told with nothing but the request id.

    What is raised outside of the application, such as that the database does not answer, may be a
    problem like any other.
    """
    known = problem_of(error)
    if known is not None:
        return await _answer(request, known)
    request_id = _request_id(request)
    structlog.get_logger("haat.http").error(
        "request_failed",
        exc_info=error,
        method=request.method,
        path=request.url.path,
        request_id=request_id,
    )
    problem = Problem("Something went wrong here. Try again, or tell us the request id.")
    page = await _page(request, problem)
    return page or problem_response(problem, request_id=request_id)


def _request_id(request: Request) -> str:
    return str((request.scope.get("state") or {}).get("request_id", ""))
