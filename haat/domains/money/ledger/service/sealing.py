"""The chain: each sealed row's hash over the one before it, so that no row can go, come, or change
places unnoticed."""

from haat.domains.money.ledger.hashing import GENESIS, link_hash, time_bytes
from haat.domains.money.ledger.statements import LAST_LINK, SEAL, SEAL_LOCK, TAKE, WAITING
from haat.engines.sql import Database, Tx
from haat.kernel.context import Context

AT_ONCE = 5_000
_BATCHES = 40  # of one run of the timer; the next goes on


async def seal_all(db: Database, ctx: Context, *, batches: int = _BATCHES) -> int:
    """Seals what waits, at most `batches` times AT_ONCE rows; how many rows that were.

    Safe to run by several processes at once: each waits for the other's transaction, and a
    position is given once (its key).
    """
    done = 0
    for _ in range(batches):
        if not await db.fetchval(WAITING):
            break
        async with db.begin(ctx) as tx:
            sealed = await _seal(tx, ctx)
        done += sealed
        if sealed < AT_ONCE:
            break
    return done


async def _seal(tx: Tx, ctx: Context) -> int:
    await tx.execute(SEAL_LOCK)
    # A statement of its own, after the lock: it must see what the last holder committed.
    head = await tx.fetchrow(LAST_LINK)
    position, before = (head["position"], head["hash"]) if head is not None else (0, GENESIS)
    rows = await tx.fetch(TAKE, AT_ONCE)
    if not rows:
        return 0
    at = ctx.now()
    sealed_at = time_bytes(at)
    hashes = []
    for place, row in enumerate(rows, position + 1):
        before = link_hash(before, place, row["outcome"], row["row_id"], row["hash"], sealed_at)
        hashes.append(before)
    await tx.execute(
        SEAL,
        list(range(position + 1, position + 1 + len(rows))),
        [row["outcome"] for row in rows],
        [row["row_id"] for row in rows],
        [row["hash"] for row in rows],
        at,
        hashes,
    )
    return len(rows)
