"""What travels between two processes: the context as headers, arguments and results as JSON."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ValidationError

from haat.kernel.clock import Clock
from haat.kernel.context import Actor, Context, Trail
from haat.kernel.contract import Method
from haat.kernel.errors import FieldError, Invalid, Problem
from haat.kernel.ids import DerivedIds, RandomIds, derive

ERRORS_MAX = 50


def encode_context(ctx: Context) -> dict[str, str]:
    """The context as headers. Of ids that repeat, a seed travels, so that they repeat there too."""
    actor = ctx.actor
    headers = {
        "haat-actor": actor.type if actor.id is None else f"{actor.type}:{actor.id}",
        "haat-scopes": " ".join(sorted(ctx.scopes)),
        "haat-caller": ctx.caller or "",
        "x-request-id": ctx.request_id,
        "x-correlation-id": ctx.correlation_id,
    }
    if ctx.vendor_id is not None:
        headers["haat-vendor"] = str(ctx.vendor_id)
    if ctx.deadline is not None:
        left = (ctx.deadline - ctx.now()) / timedelta(milliseconds=1)
        headers["haat-deadline-ms"] = str(max(0, int(left)))
    if ctx.ids is not None and not isinstance(ctx.ids, RandomIds):
        headers["haat-id-seed"] = str(derive(ctx.new_id(), "rpc"))
    if ctx.session_id is not None:
        headers["haat-session"] = str(ctx.session_id)
    if ctx.support:
        headers["haat-support"] = "1"
    if ctx.trail is not None:
        headers["haat-trail"] = _trail_text(ctx.trail)
    return headers


def _trail_text(trail: Trail) -> str:
    actor, vendor, session = trail.actor, trail.vendor_id, trail.session_id
    who = [actor.type, actor.id and str(actor.id), vendor and str(vendor)]
    return json.dumps([trail.command, trail.acting, *who, session and str(session), trail.reason])


def _trail(text: str | None) -> Trail | None:
    if text is None:
        return None
    command, acting, kind, actor, vendor, session, reason = json.loads(text)
    return Trail(
        command=command,
        actor=Actor(kind, UUID(actor) if actor else None),
        acting=acting,
        vendor_id=UUID(vendor) if vendor else None,
        session_id=UUID(session) if session else None,
        reason=reason,
    )


def decode_context(headers: Mapping[str, str], clock: Clock) -> Context:
    """The context again; time is this process's own. Raises Invalid (`context_invalid`)."""
    try:
        kind, _, actor_id = headers.get("haat-actor", "guest").partition(":")
        if kind not in ("person", "guest", "system"):
            raise ValueError(kind)
        vendor, seed = headers.get("haat-vendor"), headers.get("haat-id-seed")
        left, session = headers.get("haat-deadline-ms"), headers.get("haat-session")
        return Context(
            actor=Actor(kind, UUID(actor_id) if actor_id else None),  # type: ignore[arg-type]
            scopes=frozenset(headers.get("haat-scopes", "").split()),
            vendor_id=UUID(vendor) if vendor else None,
            request_id=headers.get("x-request-id", ""),
            correlation_id=headers.get("x-correlation-id", ""),
            deadline=clock.now() + timedelta(milliseconds=int(left)) if left else None,
            caller=headers.get("haat-caller") or None,
            clock=clock,
            ids=DerivedIds(UUID(seed)) if seed else RandomIds(clock),
            session_id=UUID(session) if session else None,
            trail=_trail(headers.get("haat-trail")),
            support="haat-support" in headers,
        )
    except (ValueError, TypeError, OverflowError):
        raise Invalid("The context of this call is not valid.", code="context_invalid") from None


def encode_request(method: Method, arguments: dict[str, Any]) -> bytes:
    """The arguments as JSON. Raises Invalid when they do not fit the contract."""
    try:
        request = method.request.model_validate(arguments)
    except ValidationError as error:
        raise invalid(error) from error
    return request.model_dump_json(by_alias=True).encode()


def decode_request(method: Method, body: bytes) -> dict[str, Any]:
    """The arguments again. Raises Invalid when they do not fit the contract."""
    try:
        request: BaseModel = method.request.model_validate_json(body)
    except ValidationError as error:
        raise invalid(error) from error
    return {name: getattr(request, name) for name in method.request.model_fields}


def encode_response(method: Method, result: Any) -> bytes:
    """The result as JSON."""
    return method.response.dump_json(result, by_alias=True, warnings=False)


def decode_response(method: Method, body: bytes) -> Any:
    """The result again, of the type the contract says."""
    return method.response.validate_json(body)


def encode_problem(problem: Problem) -> bytes:
    return json.dumps(problem.document(), default=str).encode()


def decode_problem(body: bytes) -> Problem | None:
    """The problem again, as its own class; None when this is not a problem document."""
    try:
        document = json.loads(body)
        if isinstance(document, dict) and "code" in document:
            return Problem.from_document(document)
    except (ValueError, TypeError, RecursionError):
        pass
    return None


def invalid(error: ValidationError) -> Invalid:
    """Pydantic's refusal as ours, with the path of every field."""
    fields = [
        FieldError(path=".".join(map(str, e["loc"])), code=e["type"], message=e["msg"])
        for e in error.errors(include_url=False, include_input=False)[:ERRORS_MAX]
    ]
    return Invalid("The call does not fit its contract.", fields=fields)
