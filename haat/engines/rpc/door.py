"""The one door: every call between modules, in every deployment, passes here.

It asserts that no transaction is open, checks the scope where a gateway calls, keeps the
deadline, and measures.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from datetime import datetime, timedelta
from time import perf_counter
from typing import Any, TypeVar, cast

from haat.engines.telemetry.metrics import Observed, call_seconds
from haat.engines.telemetry.tracing import Tracing, span
from haat.kernel.context import Context, open_transaction
from haat.kernel.contract import Contract, Mark
from haat.kernel.errors import Forbidden, Problem, Timeout, Unauthenticated

C = TypeVar("C", bound=Contract)
Call = Callable[..., Awaitable[Any]]  # (ctx, **arguments)
INTERNAL = "internal"
# The deadline that a door in this task has set its clock to.
watched: ContextVar[datetime | None] = ContextVar("watched", default=None)


def marks_of(contract: type[Contract]) -> dict[str, Mark]:
    """The marked methods of a contract. Unlike `methods_of` it builds no wire types."""
    found = {name: getattr(f, "__contract__", None) for name, f in vars(contract).items()}
    return {name: mark for name, mark in found.items() if mark is not None}


def proxy(contract: type[C], calls: dict[str, Call], kind: str, note: dict[str, Any]) -> C:
    """An instance of a new subclass of `contract` whose methods are these calls."""
    namespace: dict[str, Any] = {"__slots__": (), "__module__": __name__, **note}
    namespace.update({name: staticmethod(call) for name, call in calls.items()})
    made = type(f"{kind}{contract.__name__}", (contract,), namespace)
    return cast(C, object.__new__(made))


def local(contract: type[C], service: C, *, caller: str | None) -> C:
    """The service itself behind the door. `caller` is the module that calls, None for a gateway."""
    calls = {
        name: guarded(contract.contract_name, name, mark, getattr(service, name), caller)
        for name, mark in marks_of(contract).items()
    }
    return proxy(contract, calls, "Local", {"caller": caller})


def guarded(contract: str, name: str, mark: Mark, call: Call, caller: str | None) -> Call:
    """`call` behind the door.

    Raises Unauthenticated or Forbidden when a gateway's actor lacks the scope, and Timeout when
    the earlier of `ctx.deadline` and the method's own limit passes.
    """
    where = f"{contract}.{name}"
    scope = mark.scope if caller is None else None
    limit_s = mark.timeout_s
    longest = timedelta(seconds=limit_s)
    observed: dict[str, Observed] = {}

    async def traced(ctx: Context, **arguments: Any) -> Any:
        with span(where, caller=caller or "", request_id=ctx.request_id):
            return await call(ctx, **arguments)

    async def door(ctx: Context, **arguments: Any) -> Any:
        held = open_transaction.get()
        assert held is None, f"{where} was called inside a transaction of {held}"
        if scope is not None:
            check_scope(ctx, scope)
        started = perf_counter()
        now = ctx.now()
        deadline = ctx.deadline
        if deadline is None or deadline > now + longest:
            deadline, left_s = now + longest, limit_s
        else:
            left_s = (deadline - now).total_seconds()
        if left_s <= 0:
            raise Timeout
        if ctx.caller != caller or ctx.deadline != deadline:
            ctx = _sent(ctx, caller, deadline)
        outcome = "failed"
        if deadline is watched.get():  # by a door we are behind: it ends us as well
            limit, token = None, None
        else:
            limit, token = asyncio.timeout(left_s), watched.set(deadline)
        try:
            run = call if Tracing.tracer is None else traced
            if limit is None:
                result = await run(ctx, **arguments)
            else:
                async with limit:
                    result = await run(ctx, **arguments)
            outcome = "ok"
            return result
        except Problem as problem:
            outcome = "refused" if problem.status < 500 else "unavailable"
            raise
        except asyncio.CancelledError:
            outcome = "unavailable"
            raise
        except TimeoutError:
            if limit is None or not limit.expired():
                raise
            outcome = "unavailable"
            raise Timeout from None
        finally:
            if token is not None:
                watched.reset(token)
            metric = observed.get(outcome)
            if metric is None:
                metric = observed[outcome] = call_seconds(contract, name, outcome)
            metric.observe(perf_counter() - started)

    return door


def _sent(ctx: Context, caller: str | None, deadline: datetime) -> Context:
    """`replace` with these two, written out: it stands on every call's path."""
    return Context(
        ctx.actor,
        ctx.scopes,
        ctx.vendor_id,
        ctx.request_id,
        ctx.correlation_id,
        deadline,
        caller,
        ctx.clock,
        ctx.ids,
    )


def check_scope(ctx: Context, scope: str) -> None:
    """Raises Unauthenticated or Forbidden unless the actor may call what asks for this scope."""
    if scope == INTERNAL:
        raise Forbidden
    if ctx.actor.type == "guest":
        raise Unauthenticated
    if scope != "person" and not ctx.has(scope):
        raise Forbidden
