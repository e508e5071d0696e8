"""What a call from outside changes is noted in its caller's name (docs/security/audit.md).

The outermost door says who calls what and why; it travels with the context, so that what lower
modules change on the way, in this process or another, is noted as part of the same call.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from haat.engines.rpc.masking import check_support, masked
from haat.kernel.context import ENROL, Context, Held, Trail, held_trail
from haat.kernel.contract import Mark

T = TypeVar("T")
Call = Callable[..., Awaitable[Any]]  # (ctx, **arguments)
REASON_MAX_CHARS = 1000
_REASONS = ("reason", "note", "comment")


def starts_trail(mark: Mark, caller: str | None) -> bool:
    """Whether a call begins a trail: a command from outside that is noted."""
    return caller is None and mark.kind == "command" and mark.trail


def around(where: str, mark: Mark, call: Call, caller: str | None) -> Call:
    """The call as it is in somebody's name, or in a support session: noted, kept to what the
    session may, and masked."""

    async def run(ctx: Context, **arguments: Any) -> Any:
        outside = ctx.support and caller is None
        if outside:
            check_support(ctx, mark)
        noted = ctx.trail is not None or starts_trail(mark, caller)
        found = await (trailed(where, mark, call) if noted else call)(ctx, **arguments)
        return masked(found) if outside else found

    return run


async def by_itself(name: str, ctx: Context, run: Callable[[Context], Awaitable[T]]) -> T:
    """What a timer or a command of the operator's changes, noted under its name: it is in no
    person's."""
    trail = Trail(name, ctx.actor, "system")
    held = Held(replace(ctx, trail=trail), trail)
    token = held_trail.set(held)
    try:
        return await run(held.ctx)
    finally:
        held.open = False
        held_trail.reset(token)


def trailed(where: str, mark: Mark, call: Call) -> Call:
    """The call, with its writes noted; the system's own are not, unless somebody had it act."""

    async def noted(ctx: Context, **arguments: Any) -> Any:
        trail = ctx.trail
        if trail is None:
            if ctx.actor.type == "system":
                return await call(ctx, **arguments)
            acting, why = _acting(ctx, mark), _reason(arguments)
            trail = Trail(where, ctx.actor, acting, ctx.vendor_id, ctx.session_id, why)
            ctx = replace(ctx, trail=trail)
        held = Held(ctx, trail)
        token = held_trail.set(held)
        try:
            return await call(ctx, **arguments)
        finally:
            held.open = False
            held_trail.reset(token)

    return noted


def _acting(ctx: Context, mark: Mark) -> str:
    """As what the actor calls: by what the method asks for, else by what they have."""
    if ctx.support:
        return "support"
    if ctx.actor.type != "person":
        return ctx.actor.type
    if not ctx.scopes.intersection(("person", ENROL)):
        return "key"
    asked = (mark.scope or "").partition(":")[0]
    if asked in ("staff", "vendor"):
        return asked
    if asked == "person":
        return "customer"
    if ctx.vendor_id is not None:
        return "vendor"
    return "staff" if "staff" in ctx.scopes else "customer"


def _reason(arguments: Mapping[str, Any]) -> str:
    """Why, where the command asks for it: its own argument, or a field of one."""
    for holder in (arguments, *(vars(a) for a in arguments.values() if hasattr(a, "__dict__"))):
        for name in _REASONS:
            found = holder.get(name)
            if isinstance(found, str) and found.strip():
                return found.strip()[:REASON_MAX_CHARS]
    return ""
