"""Problems as GraphQL tells them: `extensions` hold code, status and fields (docs/house.md, 6)."""

from typing import Any

import structlog
from graphql import GraphQLError, GraphQLSyntaxError

from haat.engines.http import problem_of
from haat.gateways.graphql.persisted import NotKnown
from haat.kernel.errors import Problem, Unavailable

log = structlog.get_logger("haat.graphql")
ERRORS_MAX = 20


class TooSlow(Unavailable, code="query_too_slow"):
    """The query took longer than it may; ask for less."""


def told(error: BaseException, request_id: str) -> dict[str, Any]:
    """An entry of `errors`. What is a fault of ours is logged, and told without its reasons."""
    if isinstance(error, GraphQLError):
        cause = error.original_error
        place: dict[str, Any] = {}
        if error.locations:
            place["locations"] = [one.formatted for one in error.locations]
        if error.path is not None:
            place["path"] = error.path
        if cause is None or isinstance(cause, GraphQLError):
            code = "graphql_syntax" if isinstance(error, GraphQLSyntaxError) else "graphql_invalid"
            return {
                "message": error.message,
                **place,
                "extensions": {"code": code, "status": 400, "requestId": request_id},
            }
        return {**_told(cause, request_id), **place}
    return _told(error, request_id)


def _told(error: BaseException, request_id: str) -> dict[str, Any]:
    problem = problem_of(error)
    if problem is None:
        log.error("graphql_failed", exc_info=error, request_id=request_id)
        problem = Problem("Something went wrong here. Try again, or tell us the request id.")
    is_known = not isinstance(problem, NotKnown)
    code = problem.code if is_known else problem.code.upper()  # as clients look for it
    extensions: dict[str, Any] = {
        **problem.data,
        "code": code,
        "status": problem.status,
        "requestId": request_id,
    }
    if problem.fields:
        extensions["fields"] = [one.model_dump(by_alias=True) for one in problem.fields]
    return {"message": problem.detail, "extensions": extensions}
