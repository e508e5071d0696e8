"""`haat prove`: every stored sum is re-derived from its details, and the books from the orders.

Each module proves its own sums (`proof.py`); what concerns several is held against each other in
`crosschecks.py`. docs/flows/money.md names every invariant.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module

from haat.app.crosschecks import CHECKS
from haat.app.runtime import Runtime
from haat.domains.money.ledger.api import Ledger, Seal
from haat.domains.trust.audit.api import Audit, Head
from haat.kernel.errors import Invalid
from haat.kernel.module import Module

FINDINGS_MAX = 20
SURE_S = 2.0  # money on its way from one module to the next has arrived by then
# What a module keeps from its own events: wrong only when none of them is on its way.
FOLLOWING = {"orders.lists": "orders"}
_OUTBOX = "SELECT EXISTS (SELECT 1 FROM {schema}.outbox)"
_HEAD = re.compile(r"([0-9a-f]{64})@([1-9][0-9]{0,17})")


@dataclass(frozen=True, slots=True)
class Proof:
    """What does not add up; how many invariants were checked; the head of the ledger's chain, to be
    noted down (None while nothing was sealed, and when something was found); and what two modules
    tell differently while events between them wait for the market to start again."""

    findings: list[str]
    invariants: int
    head: Seal | None
    open: list[str] = field(default_factory=list)
    audit_head: Head | None = None  # of the audit's chain, when nothing was found


async def prove_all(runtime: Runtime) -> list[str]:
    """What does not add up, at most FINDINGS_MAX lines; empty when everything does.

    Beside a running market some money is always on its way between two modules: only what is
    found twice, some seconds apart, counts.
    """
    found = await _once(runtime)
    if found:
        await asyncio.sleep(SURE_S)
        again = set(await _once(runtime))
        found = [line for line in found if line in again]
    return found[:FINDINGS_MAX]


async def proof_of(
    runtime: Runtime,
    heads: Sequence[str] = (),
    *,
    audit_heads: Sequence[str] = (),
    at_rest: bool = False,
) -> Proof:
    """The whole proof, and that the ledger's chain still goes through `heads` noted down earlier
    ("HASH@POSITION"; Invalid for anything else), the audit's through `audit_heads`.

    At rest nothing moves on: a market that was killed, or copied, between two steps stands there
    until it starts. What only the next step can settle is then `open`, and no finding.
    """
    noted = [_noted(head) for head in heads]
    audited = [_noted(head) for head in audit_heads]
    found = await prove_all(runtime)
    unsettled: list[str] = []
    if found and at_rest and await _under_way(runtime):
        between = tuple(f"{check.__name__}: " for check in CHECKS)
        unsettled = [line for line in found if line.startswith(between)]
        found = [line for line in found if line not in unsettled]
    ctx = runtime.system_context("prove")
    ledger: Ledger = runtime.inner[Ledger]
    audit: Audit = runtime.inner[Audit]
    found += await _gone("ledger.head", noted, partial(ledger.head, ctx))
    found += await _gone("audit.noted_head", audited, partial(audit.head, ctx))
    count = sum(len(names_of(module)) for module in runtime.modules) + len(CHECKS)
    count += bool(noted) + bool(audited)
    if found or unsettled:
        return Proof(found, count, None, unsettled)
    return Proof(found, count, await ledger.head(ctx), unsettled, await audit.head(ctx))


async def _gone(
    name: str, noted: Sequence[tuple[str, int]], head: Callable[..., Awaitable[Seal | Head | None]]
) -> list[str]:
    """Which of these noted heads a chain does not go through any more."""
    found = []
    for wanted, position in noted:
        link = await head(position=position)
        if link is None:
            found.append(f"{name}: the chain ends before the noted position {position}")
        elif link.hash != wanted:
            found.append(f"{name}: at {position} was noted {wanted}, stored is {link.hash}")
    return found


def names_of(module: Module) -> Sequence[str]:
    """The invariants a module proves: INVARIANTS beside its `prove`; one where it names none."""
    if module.prove is None:
        return ()
    return getattr(import_module(module.prove.__module__), "INVARIANTS", (module.name,))


def _noted(head: str) -> tuple[str, int]:
    match = _HEAD.fullmatch(head.strip())
    if match is None:
        raise Invalid.at("head", "A head is written HASH@POSITION, as `haat prove` prints it.")
    return match[1], int(match[2])


async def _once(runtime: Runtime) -> list[str]:
    found: list[str] = []
    for module in runtime.modules:
        if module.prove is not None:
            database = runtime.databases[module.name]
            found += [_named(module.name, line) for line in await module.prove(database)]
    found = [line for line in found if not await _follows(runtime, line)]
    if not found:
        for check in CHECKS:
            found += [f"{check.__name__}: {line}" for line in await check(runtime)]
    return found


async def _follows(runtime: Runtime, line: str) -> bool:
    """Whether this may be because events wait: for a market to start again, for example."""
    module = FOLLOWING.get(line.partition(":")[0])
    if module is None:
        return False
    if await runtime.databases[module].fetchval(_OUTBOX.format(schema=module)):
        return True
    return any(one.subscriber.startswith(f"{module}.") for one in await runtime.bus.backlog())


async def _under_way(runtime: Runtime) -> bool:
    """Whether any event waits to be sent or handled."""
    if await runtime.bus.backlog():
        return True
    for name, database in runtime.databases.items():
        if await database.fetchval(_OUTBOX.format(schema=name)):
            return True
    return False


def _named(module: str, line: str) -> str:
    """A module's finding begins with its name and the invariant's: `ledger.chain: …`."""
    return line if line.startswith((f"{module}.", f"{module}:")) else f"{module}: {line}"
