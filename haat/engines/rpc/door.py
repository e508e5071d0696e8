"""The one door: every call between modules, in every deployment, passes here.

It asserts that no transaction is open, checks the scope where a gateway calls, keeps the
deadline, and measures.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import replace
from datetime import datetime, timedelta
from time import perf_counter
from typing import Any, TypeVar, cast

import structlog

from haat.engines.rpc.trailing import around, starts_trail
from haat.engines.telemetry.metrics import Observed, call_seconds
from haat.engines.telemetry.tracing import Tracing, span
from haat.kernel.context import ENROL, GUEST, PROVED, Context, open_transaction
from haat.kernel.contract import Contract, Mark, parts_of
from haat.kernel.errors import (
    Forbidden,
    OtherVendors,
    Problem,
    ProofNeeded,
    SecondStepFirst,
    Timeout,
    Unauthenticated,
)

log = structlog.get_logger()

C = TypeVar("C", bound=Contract)
Call = Callable[..., Awaitable[Any]]  # (ctx, **arguments)
INTERNAL = "internal"
# The deadline that a door in this task has set its clock to.
watched: ContextVar[datetime | None] = ContextVar("watched", default=None)


def marks_of(contract: type[Contract]) -> dict[str, Mark]:
    """The marked methods of a contract. Unlike `methods_of` it builds no wire types."""
    found = {name: getattr(f, "__contract__", None) for name, f in parts_of(contract).items()}
    silent = not contract.contract_trail
    return {
        name: replace(mark, trail=False) if silent else mark
        for name, mark in found.items()
        if mark is not None
    }


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


class _Limit:
    """`asyncio.timeout` with nothing but what a door needs, in a third of its time."""

    __slots__ = ("_before", "_ended_it", "_expired", "_handle", "_task")

    def __init__(self, left_s: float) -> None:
        loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        assert task is not None, "a door is passed in a task"
        self._task = task
        self._before = task.cancelling()
        self._expired = self._ended_it = False
        self._handle: asyncio.TimerHandle | None = loop.call_later(left_s, self._expire)

    def _expire(self) -> None:
        self._expired = True
        self._task.cancel()

    def end(self) -> bool:
        """The call has ended; whether it was this limit that ended it, and nobody else as well."""
        handle, self._handle = self._handle, None
        if handle is not None:
            handle.cancel()
            if self._expired:
                self._ended_it = self._task.uncancel() <= self._before
        return self._ended_it


def guarded(contract: str, name: str, mark: Mark, call: Call, caller: str | None) -> Call:
    """`call` behind the door.

    Raises Unauthenticated or Forbidden when a gateway's actor lacks the scope, ProofNeeded when it
    is asked for and lacking, and Timeout when the earlier of `ctx.deadline` and the method's own
    limit passes.
    """
    where = f"{contract}.{name}"
    scope = mark.scope if caller is None else None
    proof = mark.proof and caller is None
    noted = starts_trail(mark, caller)
    limit_s, longest = mark.timeout_s, timedelta(seconds=mark.timeout_s)
    observed: dict[str, Observed] = {}
    traced = _traced(where, call, caller)

    async def door(ctx: Context, **arguments: Any) -> Any:
        held = open_transaction.get()
        assert held is None, f"{where} was called inside a transaction of {held}"
        if scope is not None:
            check_scope(ctx, scope, enrolling=mark.enrolling)
        elif caller is None and ctx.actor.type == "person" and "person" not in ctx.scopes:
            # An API key acts in its vendor's matters: what is open to all it does as a guest would,
            # never in the name, or with the cart, of who made it.
            ctx = replace(ctx, actor=GUEST)
        if proof and not ctx.has(PROVED):
            raise ProofNeeded
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
            limit, token = _Limit(left_s), watched.set(deadline)
        try:
            run = call if Tracing.tracer is None else traced
            if noted or ctx.support or ctx.trail is not None:
                run = around(where, mark, run, caller)
            result = await run(ctx, **arguments)
            outcome = "ok"
            return result
        except Problem as problem:
            outcome = "refused" if problem.status < 500 else "unavailable"
            if isinstance(problem, OtherVendors):
                _log_other_vendors(where, ctx)
            raise
        except asyncio.CancelledError:
            outcome = "unavailable"
            if limit is not None and limit.end():
                raise Timeout from None
            raise
        finally:
            if limit is not None and token is not None:
                limit.end()
                watched.reset(token)
            metric = observed.get(outcome)
            if metric is None:
                metric = observed[outcome] = call_seconds(contract, name, outcome)
            metric.observe(perf_counter() - started)

    return door


def _traced(where: str, call: Call, caller: str | None) -> Call:
    async def traced(ctx: Context, **arguments: Any) -> Any:
        with span(where, caller=caller or "", request_id=ctx.request_id):
            return await call(ctx, **arguments)

    return traced


def _log_other_vendors(where: str, ctx: Context) -> None:
    """Somebody named another vendor's row: a mistake of a client, or a try."""
    log.warning(
        "other_vendors_row",
        call=where,
        actor=str(ctx.actor.id),
        acts_for=str(ctx.vendor_id),
        request_id=ctx.request_id,
    )


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
        ctx.session_id,
        ctx.trail,
        ctx.support,
    )


def check_scope(ctx: Context, scope: str, *, enrolling: bool = False) -> None:
    """Raises Unauthenticated or Forbidden unless the actor may call what asks for this scope;
    SecondStepFirst where they might, with a second step, and this is not `enrolling`."""
    if scope == INTERNAL:
        raise Forbidden
    if ctx.actor.type == "guest":
        raise Unauthenticated
    if not ctx.has(scope):
        if ENROL not in ctx.scopes:
            raise Forbidden
        if not enrolling:
            raise SecondStepFirst
