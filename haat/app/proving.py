"""`haat prove`: every stored sum is re-derived from its details, and the books from the orders.

Each module proves its own sums (`proof.py`); what concerns several is held against each other in
`crosschecks.py`. docs/flows/money.md names every invariant.
"""

import asyncio

from haat.app.crosschecks import CHECKS
from haat.app.runtime import Runtime

FINDINGS_MAX = 20
SURE_S = 2.0  # money on its way from one module to the next has arrived by then


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


async def _once(runtime: Runtime) -> list[str]:
    found: list[str] = []
    for module in runtime.modules:
        if module.prove is not None:
            database = runtime.databases[module.name]
            found += [f"{module.name}: {line}" for line in await module.prove(database)]
    if not found:
        for check in CHECKS:
            found += await check(runtime)
    return found
